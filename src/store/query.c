#include "store/row.h"

#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char select_records[] =
    "SELECT "
    "c.id, p.name, c.first_packet, c.last_packet, c.stream_id, c.outcome, c.client, c.server, "
    "c.scheme, c.http, c.tls_version, c.sni, c.host, c.path, c.subprotocol, c.extensions, "
    "c.user_agent, c.origin, c.server_software, c.app, c.handshake_status, c.midstream, "
    "c.started, c.established, c.ended, c.last_seen, c.duration_ms, "
    "c.close_code, c.code_source, c.reason, c.ending, c.closed_by, "
    "c.client_saw_code, c.client_saw_reason, c.client_saw_clean, "
    "c.server_saw_code, c.server_saw_reason, c.server_saw_clean, "
    "c.tcp_end, c.tcp_end_by, c.tcp_end_packet, "
    "c.cause, c.confidence, c.software, c.app_code_scope, c.app_code_name, c.app_code_meaning, "
    "c.frames_client, c.frames_server, c.messages_client, c.messages_server, "
    "c.bytes_client, c.bytes_server, c.pings_client, c.pings_server, c.pongs_client, "
    "c.pongs_server, "
    "c.missing_bytes_client, c.missing_bytes_server, "
    "c.retransmitted_client, c.retransmitted_server, "
    "c.last_rtt_ms, c.idle_ms_any, c.idle_ms_client, c.idle_ms_server, c.idle_ms_data, "
    "c.violations_more, c.key, c.last_message_client, c.last_message_server, "
    "fc.sender, fc.code, fc.reason, fc.valid, fc.at, fc.packet, "
    "fs.sender, fs.code, fs.reason, fs.valid, fs.at, fs.packet "
    "FROM connections c JOIN captures p ON p.id = c.capture_id "
    "LEFT JOIN close_frames fc ON fc.connection_id = c.id AND fc.sender = 'client' "
    "LEFT JOIN close_frames fs ON fs.connection_id = c.id AND fs.sender = 'server'";

static void take_who(struct wsc_row *r, struct wsc_closure *c)
{
    c->id = wsc_row_int(r);
    c->capture = wsc_row_bytes(r);
    c->first_packet = (uint64_t)wsc_row_int(r);
    c->last_packet = (uint64_t)wsc_row_int(r);
    c->stream_id = (uint32_t)wsc_row_int(r);
    c->outcome = (enum wsc_outcome)wsc_row_word(r, wsc_outcome_parse);
    wsc_row_endpoint(r, &c->client);
    wsc_row_endpoint(r, &c->server);
    struct wsc_span *const texts[] = {
        &c->scheme,     &c->http,   &c->tls_version,     &c->sni,
        &c->host,       &c->path,   &c->subprotocol,     &c->extensions,
        &c->user_agent, &c->origin, &c->server_software, &c->app};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = wsc_row_bytes(r);
    c->handshake_status = (int)wsc_row_known(r);
    c->midstream = wsc_row_int(r) != 0;
    c->started_ns = wsc_row_time(r);
    c->established_ns = wsc_row_time(r);
    c->ended_ns = wsc_row_time(r);
    c->last_ns = wsc_row_time(r);
    c->duration_ns = wsc_row_ms(r);
}

static void take_saw(struct wsc_row *r, struct wsc_saw *saw)
{
    saw->code = (int)wsc_row_known(r);
    saw->reason = wsc_row_bytes(r);
    saw->clean = (int)wsc_row_known(r);
}

static void take_how(struct wsc_row *r, struct wsc_closure *c)
{
    c->close_code = (int)wsc_row_known(r);
    c->code_source = (enum wsc_code_source)wsc_row_word(r, wsc_code_source_parse);
    c->reason = wsc_row_bytes(r);
    c->ending = (enum wsc_ending)wsc_row_word(r, wsc_ending_parse);
    c->closed_by = (enum wsc_side)wsc_row_word(r, wsc_side_parse);
    take_saw(r, &c->saw[WSC_DIR_C2S]);
    take_saw(r, &c->saw[WSC_DIR_S2C]);
    c->tcp_end = (enum wsc_tcp_end)wsc_row_word(r, wsc_tcp_end_parse);
    c->tcp_end_by = (enum wsc_side)wsc_row_word(r, wsc_side_parse);
    c->tcp_end_packet = (uint64_t)wsc_row_int(r);
    c->cause = wsc_row_bytes(r);
    c->confidence = (enum wsc_confidence)wsc_row_word(r, wsc_confidence_parse);
    c->software = wsc_row_bytes(r);
    c->app_code_scope = wsc_row_bytes(r);
    c->app_code_name = wsc_row_bytes(r);
    c->app_code_meaning = wsc_row_bytes(r);
}

static void take_how_much(struct wsc_row *r, struct wsc_closure *c)
{
    uint64_t *const pairs[] = {c->frames, c->messages,      c->bytes,        c->pings,
                               c->pongs,  c->missing_bytes, c->retransmitted};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        pairs[i][0] = (uint64_t)wsc_row_int(r);
        pairs[i][1] = (uint64_t)wsc_row_int(r);
    }
    c->last_rtt_ns = wsc_row_ms(r);
    c->idle_any_ns = wsc_row_ms(r);
    c->idle_client_ns = wsc_row_ms(r);
    c->idle_server_ns = wsc_row_ms(r);
    c->idle_data_ns = wsc_row_ms(r);
    c->violations_more = (uint64_t)wsc_row_int(r);
    c->key = wsc_row_bytes(r);
    c->last_message[0] = wsc_row_known(r);
    c->last_message[1] = wsc_row_known(r);
}

static void take_close(struct wsc_row *r, struct wsc_close_frame *f)
{
    f->seen = sqlite3_column_type(r->stmt, r->at++) != SQLITE_NULL;
    f->code = (int)wsc_row_known(r);
    f->reason = wsc_row_bytes(r);
    f->valid = wsc_row_int(r) != 0;
    f->at_ns = wsc_row_time(r);
    f->packet = (uint64_t)wsc_row_int(r);
}

/* ---- what hangs on a record ---- */

struct query {
    struct wsc_store *s;
    sqlite3_stmt *records, *violations, *evidence;
    struct wsc_buf sentences; /* of the record at hand */
};

#define SENTENCES_MAX (1u << 20)

static enum wsc_err add_violations(struct query *q, struct wsc_closure *c, struct wsc_error *err)
{
    int rc = sqlite3_bind_int64(q->violations, 1, c->id);
    while (rc != SQLITE_NOMEM && c->violations_len < WSC_VIOLATIONS_MAX &&
           (rc = sqlite3_step(q->violations)) == SQLITE_ROW) {
        struct wsc_row r = {.stmt = q->violations};
        struct wsc_violation *v = &c->violations[c->violations_len++];
        v->by = (enum wsc_side)wsc_row_word(&r, wsc_side_parse);
        v->rule = (enum wsc_rule)wsc_row_word(&r, wsc_rule_parse);
        v->packet = (uint64_t)wsc_row_int(&r);
    }
    enum wsc_err e = wsc_db_check(q->s, rc, "reading", err);
    (void)sqlite3_reset(q->violations);
    return e;
}

static void add_leg(struct wsc_closure *c, int64_t id)
{
    if (id == 0 || c->legs_len == WSC_LEGS_MAX)
        return;
    for (size_t i = 0; i < c->legs_len; i++)
        if (c->legs[i] == id)
            return;
    c->legs[c->legs_len++] = id;
}

static enum wsc_err add_evidence(struct query *q, struct wsc_closure *c, struct wsc_error *err)
{
    size_t start[WSC_EVIDENCE_MAX], len[WSC_EVIDENCE_MAX];
    q->sentences.len = 0;
    c->evidence_len = 0;
    int rc = sqlite3_bind_int64(q->evidence, 1, c->id);
    while (rc != SQLITE_NOMEM && c->evidence_len < WSC_EVIDENCE_MAX &&
           (rc = sqlite3_step(q->evidence)) == SQLITE_ROW) {
        struct wsc_row r = {.stmt = q->evidence};
        struct wsc_span s = wsc_row_bytes(&r);
        start[c->evidence_len] = q->sentences.len;
        len[c->evidence_len] = s.len;
        add_leg(c, wsc_row_int(&r));
        if (s.len > SENTENCES_MAX - q->sentences.len)
            break; /* a file made by somebody else */
        if (!wsc_buf_append(&q->sentences, s.ptr, s.len))
            rc = SQLITE_NOMEM;
        else
            c->evidence_len++;
    }
    enum wsc_err e = wsc_db_check(q->s, rc, "reading", err);
    (void)sqlite3_reset(q->evidence);
    for (size_t i = 0; i < c->evidence_len; i++)
        /* cppcheck-suppress uninitvar ; as many are set as there is evidence */
        c->evidence[i] = (struct wsc_span){.ptr = q->sentences.data + start[i], .len = len[i]};
    return e;
}

static enum wsc_err prepare_children(struct query *q, struct wsc_error *err)
{
    enum wsc_err e = wsc_db_prepare(
        q->s, "SELECT by, rule, packet FROM violations WHERE connection_id = ? ORDER BY n",
        &q->violations, err);
    if (e == WSC_OK)
        e = wsc_db_prepare(
            q->s, "SELECT sentence, other_id FROM evidence WHERE connection_id = ? ORDER BY n",
            &q->evidence, err);
    return e;
}

static enum wsc_err prepare(struct query *q, const struct wsc_filter *f, struct wsc_error *err)
{
    char where[WSC_WHERE_MAX], sql[sizeof(select_records) + WSC_WHERE_MAX + 128];
    wsc_where_text(q->s, f, where);
    const char *turn = f->newest_first ? " DESC" : "";
    (void)snprintf(sql, sizeof(sql), "%s%s ORDER BY c.sort_time%s, c.last_packet%s, c.id%s LIMIT ?",
                   select_records, where, turn, turn, turn);
    enum wsc_err e = wsc_db_prepare(q->s, sql, &q->records, err);
    if (e != WSC_OK)
        return e;
    struct wsc_bind b = {.stmt = q->records};
    wsc_where_bind(q->s, f, &b);
    wsc_bind_int(&b, f->limit > 0 && f->limit < INT64_MAX ? (int64_t)f->limit : -1);
    return wsc_db_check(q->s, b.rc, "asking", err);
}

/* The record at hand, whole if what hangs on records is asked for. */
static enum wsc_err take(struct query *q, struct wsc_closure *c, struct wsc_error *err)
{
    struct wsc_row r = {.stmt = q->records};
    *c = (struct wsc_closure){0};
    take_who(&r, c);
    take_how(&r, c);
    take_how_much(&r, c);
    take_close(&r, &c->close[WSC_DIR_C2S]);
    take_close(&r, &c->close[WSC_DIR_S2C]);
    if (q->evidence == NULL)
        return WSC_OK;
    enum wsc_err e = add_violations(q, c, err);
    return e == WSC_OK ? add_evidence(q, c, err) : e;
}

static void finish(struct query *q)
{
    (void)sqlite3_finalize(q->records);
    (void)sqlite3_finalize(q->violations);
    (void)sqlite3_finalize(q->evidence);
    wsc_buf_clear(&q->sentences);
}

static enum wsc_err run(struct wsc_store *s, const struct wsc_filter *f, bool whole,
                        wsc_query_fn fn, void *ctx, struct wsc_error *err)
{
    struct query q = {.s = s};
    struct wsc_closure c;
    wsc_buf_init(&q.sentences, SENTENCES_MAX);
    enum wsc_err e = prepare(&q, f, err);
    if (e == WSC_OK && whole)
        e = prepare_children(&q, err);
    int rc = SQLITE_DONE;
    while (e == WSC_OK && (rc = sqlite3_step(q.records)) == SQLITE_ROW) {
        e = take(&q, &c, err);
        if (e == WSC_OK && fn(ctx, &c) != 0)
            break;
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    finish(&q);
    return e;
}

enum wsc_err wsc_store_query(struct wsc_store *s, const struct wsc_filter *f, wsc_query_fn fn,
                             void *ctx, struct wsc_error *err)
{
    return run(s, f, true, fn, ctx, err);
}

enum wsc_err wsc_store_walk(struct wsc_store *s, const struct wsc_filter *f, wsc_query_fn fn,
                            void *ctx, struct wsc_error *err)
{
    return run(s, f, false, fn, ctx, err);
}

enum wsc_err wsc_store_pick(struct wsc_store *s, const int64_t *ids, size_t n, wsc_query_fn fn,
                            void *ctx, struct wsc_error *err)
{
    struct query q = {.s = s};
    struct wsc_closure c;
    char sql[sizeof(select_records) + 32];
    wsc_buf_init(&q.sentences, SENTENCES_MAX);
    (void)snprintf(sql, sizeof(sql), "%s WHERE c.id = ?", select_records);
    enum wsc_err e = wsc_db_prepare(s, sql, &q.records, err);
    if (e == WSC_OK)
        e = prepare_children(&q, err);
    bool stop = false;
    for (size_t i = 0; i < n && e == WSC_OK && !stop; i++) {
        int rc = sqlite3_bind_int64(q.records, 1, ids[i]);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(q.records);
        e = rc == SQLITE_ROW ? take(&q, &c, err) : wsc_db_check(s, rc, "reading", err);
        stop = e == WSC_OK && rc == SQLITE_ROW && fn(ctx, &c) != 0;
        (void)sqlite3_reset(q.records);
    }
    finish(&q);
    return e;
}

enum wsc_err wsc_store_freeze(struct wsc_store *s, struct wsc_error *err)
{
    int64_t imports; /* a transaction sees what there was when it read first */
    enum wsc_err e = wsc_db_exec(s, "BEGIN", err);
    return e == WSC_OK ? wsc_db_int(s, "SELECT count(*) FROM imports", &imports, err) : e;
}

void wsc_store_thaw(struct wsc_store *s)
{
    if (!s->importing && sqlite3_get_autocommit(s->db) == 0)
        (void)sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
}
