#include "store/db.h"

#include <stdio.h>
#include <string.h>

/* The columns in the order in which they are bound; |id| is SQLite's. */
static const char insert_connection[] =
    "INSERT INTO connections ("
    "capture_id, first_capture_id, first_packet, last_packet, stream_id, sort_time, "
    "outcome, client, client_address, client_port, server, server_address, server_port, "
    "scheme, http, tls_version, sni, host, path, subprotocol, extensions, user_agent, origin, "
    "server_software, app, handshake_status, midstream, "
    "started, established, ended, last_seen, duration_ms, "
    "close_code, code_source, reason, ending, closed_by, "
    "client_saw_code, client_saw_reason, client_saw_clean, "
    "server_saw_code, server_saw_reason, server_saw_clean, "
    "tcp_end, tcp_end_by, tcp_end_capture_id, tcp_end_packet, "
    "cause, confidence, software, app_code_scope, app_code_name, app_code_meaning, "
    "frames_client, frames_server, messages_client, messages_server, bytes_client, bytes_server, "
    "pings_client, pings_server, pongs_client, pongs_server, "
    "missing_bytes_client, missing_bytes_server, retransmitted_client, retransmitted_server, "
    "last_rtt_ms, idle_ms_any, idle_ms_client, idle_ms_server, idle_ms_data, violations_more, key, "
    "last_message_client, last_message_server"
    ") VALUES ("
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static int64_t capture_of(const struct wsc_store *s, uint64_t ref)
{
    size_t i = WSC_REF_CAPTURE(ref);
    return s->capture_ids[i < s->captures ? i : 0];
}

static void bind_capture(const struct wsc_store *s, struct wsc_bind *b, uint64_t ref)
{
    if (ref == 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, capture_of(s, ref));
}

static void bind_packet(struct wsc_bind *b, uint64_t ref)
{
    if (ref == 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, (int64_t)WSC_REF_NUMBER(ref));
}

static void bind_endpoint(struct wsc_bind *b, const struct wsc_endpoint *e)
{
    char text[WSC_ENDPOINT_TEXT_MAX];
    if (wsc_endpoint_text(e, text) == 0) {
        wsc_bind_null(b);
        wsc_bind_null(b);
        wsc_bind_null(b);
        return;
    }
    wsc_bind_copy(b, text);
    char *colon = strrchr(text, ':');
    *colon = '\0';
    wsc_bind_copy(b, text);
    wsc_bind_int(b, e->port);
}

static void bind_who(const struct wsc_store *s, struct wsc_bind *b, const struct wsc_closure *r)
{
    wsc_bind_int(b, capture_of(s, r->last_packet != 0 ? r->last_packet : r->first_packet));
    wsc_bind_int(b, capture_of(s, r->first_packet));
    wsc_bind_int(b, (int64_t)WSC_REF_NUMBER(r->first_packet));
    bind_packet(b, r->last_packet);
    wsc_bind_int(b, r->stream_id);
    wsc_bind_time(b, r->ended_ns != 0 ? r->ended_ns : r->last_ns != 0 ? r->last_ns : 1);
    wsc_bind_word(b, wsc_outcome_name(r->outcome));
    bind_endpoint(b, &r->client);
    bind_endpoint(b, &r->server);
    wsc_bind_text(b, r->scheme);
    wsc_bind_text(b, r->http);
    wsc_bind_text(b, r->tls_version);
    const struct wsc_span theirs[] = {r->sni,        r->host,       r->path,   r->subprotocol,
                                      r->extensions, r->user_agent, r->origin, r->server_software};
    for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
        wsc_bind_any(b, theirs[i]);
    wsc_bind_text(b, r->app);
    wsc_bind_known(b, r->handshake_status);
    wsc_bind_int(b, r->midstream);
    wsc_bind_time(b, r->started_ns);
    wsc_bind_time(b, r->established_ns);
    wsc_bind_time(b, r->ended_ns);
    wsc_bind_time(b, r->last_ns);
    wsc_bind_ms(b, r->duration_ns);
}

static void bind_saw(struct wsc_bind *b, const struct wsc_saw *saw)
{
    wsc_bind_known(b, saw->code);
    wsc_bind_any(b, saw->code >= 0 ? saw->reason : (struct wsc_span){0});
    wsc_bind_known(b, saw->clean);
}

static void bind_how(const struct wsc_store *s, struct wsc_bind *b, const struct wsc_closure *r)
{
    wsc_bind_known(b, r->close_code);
    wsc_bind_word(b, wsc_code_source_name(r->code_source));
    wsc_bind_any(b, r->reason);
    wsc_bind_word(b, wsc_ending_name(r->ending));
    wsc_bind_word(b, wsc_side_name(r->closed_by));
    bind_saw(b, &r->saw[WSC_DIR_C2S]);
    bind_saw(b, &r->saw[WSC_DIR_S2C]);
    wsc_bind_word(b, wsc_tcp_end_name(r->tcp_end));
    wsc_bind_word(b, wsc_side_name(r->tcp_end_by));
    bind_capture(s, b, r->tcp_end_packet);
    bind_packet(b, r->tcp_end_packet);
    wsc_bind_text(b, r->cause);
    wsc_bind_word(b, wsc_confidence_name(r->confidence));
    wsc_bind_text(b, r->software);
    wsc_bind_text(b, r->app_code_scope);
    wsc_bind_text(b, r->app_code_name);
    wsc_bind_text(b, r->app_code_meaning);
}

static void bind_how_much(struct wsc_bind *b, const struct wsc_closure *r)
{
    const uint64_t *const pairs[] = {r->frames, r->messages,      r->bytes,        r->pings,
                                     r->pongs,  r->missing_bytes, r->retransmitted};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        wsc_bind_int(b, (int64_t)pairs[i][0]);
        wsc_bind_int(b, (int64_t)pairs[i][1]);
    }
    wsc_bind_ms(b, r->last_rtt_ns);
    wsc_bind_ms(b, r->idle_any_ns);
    wsc_bind_ms(b, r->idle_client_ns);
    wsc_bind_ms(b, r->idle_server_ns);
    wsc_bind_ms(b, r->idle_data_ns);
    wsc_bind_int(b, (int64_t)r->violations_more);
    wsc_bind_text(b, r->key);
    wsc_bind_known(b, r->last_message[0]);
    wsc_bind_known(b, r->last_message[1]);
}

static enum wsc_err put_close(struct wsc_store *s, int64_t id, enum wsc_dir d,
                              const struct wsc_close_frame *c, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(
        s, WSC_PUT_CLOSE, "INSERT INTO close_frames VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, id);
    wsc_bind_word(&b, wsc_side_name(wsc_side_of(d)));
    wsc_bind_known(&b, c->code);
    wsc_bind_any(&b, c->reason);
    wsc_bind_int(&b, c->valid);
    wsc_bind_time(&b, c->at_ns);
    bind_capture(s, &b, c->packet);
    bind_packet(&b, c->packet);
    return wsc_db_run_bound(s, &b, err);
}

static enum wsc_err put_violation(struct wsc_store *s, int64_t id, size_t n,
                                  const struct wsc_violation *v, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(s, WSC_PUT_VIOLATION,
                                 "INSERT INTO violations VALUES (?, ?, ?, ?, ?, ?)", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, id);
    wsc_bind_int(&b, (int64_t)n);
    wsc_bind_word(&b, wsc_side_name(v->by));
    wsc_bind_word(&b, wsc_rule_name(v->rule));
    bind_capture(s, &b, v->packet);
    bind_packet(&b, v->packet);
    return wsc_db_run_bound(s, &b, err);
}

static enum wsc_err put_evidence(struct wsc_store *s, int64_t id, size_t n,
                                 struct wsc_span sentence, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e =
        wsc_db_kept(s, WSC_PUT_EVIDENCE,
                    "INSERT INTO evidence (connection_id, n, sentence) VALUES (?, ?, ?)", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, id);
    wsc_bind_int(&b, (int64_t)n);
    wsc_bind_any(&b, sentence);
    return wsc_db_run_bound(s, &b, err);
}

static enum wsc_err put_state(struct wsc_store *s, int64_t id, struct wsc_span state,
                              struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(
        s, WSC_PUT_STATE, "INSERT INTO open_states (connection_id, state) VALUES (?, ?)", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, id);
    wsc_bind_blob(&b, state);
    return wsc_db_run_bound(s, &b, err);
}

/* The open record of an earlier run that this one goes on with. */
static enum wsc_err drop_resumed(struct wsc_store *s, int64_t id, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(
        s, WSC_DROP_RESUMED, "DELETE FROM connections WHERE id = ? AND outcome = 'open'", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, id);
    return wsc_db_run_bound(s, &b, err);
}

/* By more than its row: the database may be another one by now, or the import. */
static enum wsc_err drop_replaced(struct wsc_store *s, const struct wsc_closure *rec,
                                  struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(s, WSC_DROP_REPLACED,
                                 "DELETE FROM connections WHERE id = ? AND first_packet = ? "
                                 "AND stream_id = ? AND client_port = ?",
                                 &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, rec->replaced_id);
    wsc_bind_int(&b, (int64_t)WSC_REF_NUMBER(rec->first_packet));
    wsc_bind_int(&b, rec->stream_id);
    wsc_bind_int(&b, rec->client.port);
    return wsc_db_run_bound(s, &b, err);
}

static void keep_end(struct wsc_store *s, int64_t id, const struct wsc_closure *rec)
{
    char text[WSC_ENDPOINT_TEXT_MAX];
    size_t len = wsc_endpoint_text(&rec->server, text);
    wsc_ends_put(&s->ends, id, rec,
                 (struct wsc_span){.ptr = len != 0 ? (const uint8_t *)text : NULL, .len = len});
}

static enum wsc_err put_record(struct wsc_store *s, const struct wsc_closure *rec, int64_t *id,
                               struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept(s, WSC_PUT_CONNECTION, insert_connection, &b, err);
    if (e != WSC_OK)
        return e;
    bind_who(s, &b, rec);
    bind_how(s, &b, rec);
    bind_how_much(&b, rec);
    e = wsc_db_run_bound(s, &b, err);
    *id = sqlite3_last_insert_rowid(s->db);
    for (int d = 0; e == WSC_OK && d < 2; d++)
        if (rec->close[d].seen)
            e = put_close(s, *id, (enum wsc_dir)d, &rec->close[d], err);
    for (size_t i = 0; e == WSC_OK && i < rec->violations_len; i++)
        e = put_violation(s, *id, i, &rec->violations[i], err);
    for (size_t i = 0; e == WSC_OK && i < rec->evidence_len; i++)
        e = put_evidence(s, *id, i, rec->evidence[i], err);
    if (e == WSC_OK && rec->open_state.ptr != NULL)
        e = put_state(s, *id, rec->open_state, err);
    if (e == WSC_OK)
        keep_end(s, *id, rec);
    if (e == WSC_OK && rec->resumed_id > 0)
        e = drop_resumed(s, rec->resumed_id, err);
    if (e == WSC_OK && rec->replaced_id > 0)
        e = drop_replaced(s, rec, err);
    return e;
}

enum wsc_err wsc_store_put(struct wsc_store *s, const struct wsc_closure *rec, int64_t *id,
                           struct wsc_error *err)
{
    enum wsc_err e = wsc_import_resume(s, err);
    if (e != WSC_OK)
        return e; /* nothing was begun, nothing is lost */
    e = put_record(s, rec, id, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

enum wsc_err wsc_store_put_drop(struct wsc_store *s, const struct wsc_store_drop *d,
                                struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_import_resume(s, err);
    if (e != WSC_OK)
        return e;
    e = wsc_db_prepare(s, "INSERT INTO drops VALUES (?, ?, ?, ?, ?)", &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->capture_ids[d->index < s->captures ? d->index : 0]);
        wsc_bind_time(&b, d->first_ns);
        wsc_bind_time(&b, d->last_ns);
        wsc_bind_int(&b, (int64_t)d->kernel);
        wsc_bind_int(&b, (int64_t)d->interface);
        e = wsc_db_run_bound(s, &b, err);
    }
    (void)sqlite3_finalize(stmt);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}
