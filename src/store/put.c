#include "store/db.h"

#include <stdio.h>
#include <string.h>

/* The columns, in the order of the table: then SQLite need not move them. OR ROLLBACK: what goes
 * wrong ends the import anyway, and to be able to take back one statement of many rows costs more
 * than the rows: a copy of each page it touches. */
static const char insert_connections[] =
    "INSERT OR ROLLBACK INTO connections (id, "
    "capture_id, first_capture_id, first_packet, last_packet, stream_id, sort_time, "
    "outcome, client, server, client_address, server_address, client_port, server_port, "
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
    ") VALUES ";
/* |id| is SQLite's: the greatest there is, and one. */
static const char connection_row[] = "(NULL, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                     "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

int64_t wsc_capture_of(const struct wsc_store *s, uint64_t ref)
{
    size_t i = WSC_REF_CAPTURE(ref);
    return s->capture_ids[i < s->captures ? i : 0];
}

void wsc_bind_capture(const struct wsc_store *s, struct wsc_bind *b, uint64_t ref)
{
    if (ref == 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, wsc_capture_of(s, ref));
}

void wsc_bind_packet(struct wsc_bind *b, uint64_t ref)
{
    if (ref == 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, (int64_t)WSC_REF_NUMBER(ref));
}

/* Both by text, then both without the port, then the ports. */
static void bind_endpoints(struct wsc_bind *b, const struct wsc_endpoint *const ends[2])
{
    char text[2][WSC_ENDPOINT_TEXT_MAX];
    size_t len[2];
    for (size_t i = 0; i < 2; i++) {
        len[i] = wsc_endpoint_text(ends[i], text[i]);
        wsc_bind_copy(b, len[i] != 0 ? text[i] : NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        if (len[i] != 0)
            *strrchr(text[i], ':') = '\0';
        wsc_bind_copy(b, len[i] != 0 ? text[i] : NULL);
    }
    for (size_t i = 0; i < 2; i++)
        wsc_bind_known(b, len[i] != 0 ? ends[i]->port : WSC_UNKNOWN);
}

static void bind_who(const struct wsc_store *s, struct wsc_bind *b, const struct wsc_closure *r)
{
    wsc_bind_int(b, wsc_capture_of(s, r->last_packet != 0 ? r->last_packet : r->first_packet));
    wsc_bind_int(b, wsc_capture_of(s, r->first_packet));
    wsc_bind_int(b, (int64_t)WSC_REF_NUMBER(r->first_packet));
    wsc_bind_packet(b, r->last_packet);
    wsc_bind_int(b, r->stream_id);
    wsc_bind_time(b, r->ended_ns != 0 ? r->ended_ns : r->last_ns != 0 ? r->last_ns : 1);
    wsc_bind_word(b, wsc_outcome_name(r->outcome));
    bind_endpoints(b, (const struct wsc_endpoint *[]){&r->client, &r->server});
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
    wsc_bind_capture(s, b, r->tcp_end_packet);
    wsc_bind_packet(b, r->tcp_end_packet);
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
    size_t len = s->ends.kept ? wsc_endpoint_text(&rec->server, text) : 0;
    wsc_ends_put(&s->ends, id, rec,
                 (struct wsc_span){.ptr = len != 0 ? (const uint8_t *)text : NULL, .len = len});
}

/* |n| is 1 or WSC_ROWS. */
static enum wsc_err put_connections(struct wsc_store *s, const struct wsc_closure *const *recs,
                                    size_t n, int64_t *ids, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept_rows(s, n == 1 ? WSC_PUT_CONNECTION : WSC_PUT_CONNECTIONS,
                                      insert_connections, connection_row, n, &b, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        bind_who(s, &b, recs[i]);
        bind_how(s, &b, recs[i]);
        bind_how_much(&b, recs[i]);
    }
    if (e == WSC_OK)
        e = wsc_db_run_bound(s, &b, err);
    int64_t last = sqlite3_last_insert_rowid(s->db);
    for (size_t i = 0; i < n; i++)
        ids[i] = last - (int64_t)(n - 1 - i);
    return e;
}

/* The earlier row that |rec| takes the place of. */
static enum wsc_err drop_earlier(struct wsc_store *s, const struct wsc_closure *rec,
                                 struct wsc_error *err)
{
    enum wsc_err e = WSC_OK;
    if (rec->resumed_id > 0 || rec->replaced_id > 0)
        wsc_import_check_refs(s, true);
    if (rec->resumed_id > 0)
        e = drop_resumed(s, rec->resumed_id, err);
    if (e == WSC_OK && rec->replaced_id > 0)
        e = drop_replaced(s, rec, err);
    return e;
}

static enum wsc_err put_all(struct wsc_store *s, const struct wsc_closure *const *recs, size_t n,
                            int64_t *ids, struct wsc_error *err)
{
    enum wsc_err e = wsc_late_index_step(s, n, err);
    for (size_t i = 0, rows; e == WSC_OK && i < n; i += rows) {
        rows = n - i >= WSC_ROWS ? WSC_ROWS : 1;
        e = put_connections(s, recs + i, rows, ids + i, err);
    }
    if (e == WSC_OK)
        e = wsc_put_children(s, recs, n, ids, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        keep_end(s, ids[i], recs[i]);
        if (recs[i]->open_state.ptr != NULL)
            e = put_state(s, ids[i], recs[i]->open_state, err);
        if (e == WSC_OK)
            e = drop_earlier(s, recs[i], err);
    }
    return e;
}

enum wsc_err wsc_put_records(struct wsc_store *s, const struct wsc_closure *const *recs, size_t n,
                             int64_t ids[WSC_PUT_MAX], struct wsc_error *err)
{
    enum wsc_err e = wsc_import_resume(s, err);
    if (e != WSC_OK)
        return e; /* nothing was begun, nothing is lost */
    e = put_all(s, recs, n, ids, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

enum wsc_err wsc_store_put(struct wsc_store *s, const struct wsc_closure *rec, int64_t *id,
                           struct wsc_error *err)
{
    int64_t ids[WSC_PUT_MAX];
    enum wsc_err e = wsc_put_records(s, &rec, 1, ids, err);
    *id = e == WSC_OK ? ids[0] : 0;
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
