/* What a pass over an import asks, and what it writes (wsclose/store.h). */
#include "store/row.h"

#include <stdio.h>

/* ?1 is the import. */
#define OF_IMPORT "capture_id IN (SELECT id FROM captures WHERE import_id = ?1)"

static enum wsc_err prepare(struct wsc_store *s, const char *sql, sqlite3_stmt **stmt,
                            struct wsc_error *err)
{
    enum wsc_err e = wsc_db_prepare(s, sql, stmt, err);
    if (e != WSC_OK)
        return e;
    struct wsc_bind b = {.stmt = *stmt};
    wsc_bind_int(&b, s->import_id);
    return wsc_db_check(s, b.rc, "asking", err);
}

static void take_verdict(struct wsc_row *r, enum wsc_ending *ending, enum wsc_side *by,
                         enum wsc_cause *cause, enum wsc_confidence *confidence)
{
    *ending = (enum wsc_ending)wsc_row_word(r, wsc_ending_parse);
    *by = (enum wsc_side)wsc_row_word(r, wsc_side_parse);
    *cause = (enum wsc_cause)wsc_row_word(r, wsc_cause_parse);
    *confidence = (enum wsc_confidence)wsc_row_word(r, wsc_confidence_parse);
}

static void take_end(struct wsc_row *r, struct wsc_store_end *out)
{
    out->id = wsc_row_int(r);
    out->established_ns = wsc_row_time(r);
    out->ended_ns = wsc_row_time(r);
    out->age_ns = wsc_row_ms(r);
    if (out->established_ns == 0)
        out->age_ns = WSC_UNKNOWN;
    for (size_t i = 0; i < 4; i++)
        out->idle_ns[i] = wsc_row_ms(r);
    out->code = (int)wsc_row_known(r);
    take_verdict(r, &out->ending, &out->closed_by, &out->cause, &out->confidence);
    out->server = wsc_row_bytes(r);
    out->client_address = wsc_row_bytes(r);
    out->server_software = wsc_row_bytes(r);
}

enum wsc_err wsc_store_ends(struct wsc_store *s, wsc_store_end_fn fn, void *ctx,
                            struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = prepare(
        s,
        "SELECT id, established, ended, duration_ms, idle_ms_any, idle_ms_client, "
        "idle_ms_server,"
        " idle_ms_data, close_code, ending, closed_by, cause, confidence, server, client_address,"
        " server_software FROM connections WHERE " OF_IMPORT
        " AND outcome = 'closed' AND ended IS NOT NULL AND (ending IN ('fin', 'reset')"
        " OR close_code IN (1000, 1001, 1005, 1011, 1012, 1013))"
        " ORDER BY sort_time, last_packet, id",
        &stmt, err);
    int rc = SQLITE_DONE;
    while (e == WSC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_store_end end;
        take_end(&(struct wsc_row){.stmt = stmt}, &end);
        if (fn(ctx, &end) != 0)
            break;
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

enum wsc_err wsc_store_spans(struct wsc_store *s, wsc_store_span_fn fn, void *ctx,
                             struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e =
        prepare(s,
                "SELECT server, started, sort_time FROM connections WHERE " OF_IMPORT
                " AND started IS NOT NULL AND outcome IN ('closed', 'open', 'unknown')",
                &stmt, err);
    int rc = SQLITE_DONE;
    while (e == WSC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_row r = {.stmt = stmt};
        struct wsc_span server = wsc_row_bytes(&r);
        uint64_t started_ns = wsc_row_time(&r), last_ns = wsc_row_time(&r);
        if (fn(ctx, server, started_ns, last_ns) != 0)
            break;
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

static void take_leg(struct wsc_row *r, struct wsc_store_leg *out)
{
    out->id = wsc_row_int(r);
    out->ours = wsc_row_int(r) != 0;
    out->capture = wsc_row_int(r);
    out->started_ns = wsc_row_time(r);
    out->established_ns = wsc_row_time(r);
    out->ended_ns = wsc_row_time(r);
    out->last_ns = wsc_row_time(r);
    out->age_ns = wsc_row_ms(r);
    out->outcome = (enum wsc_outcome)wsc_row_word(r, wsc_outcome_parse);
    take_verdict(r, &out->ending, &out->closed_by, &out->cause, &out->confidence);
    out->key = wsc_row_bytes(r);
    out->client = wsc_row_bytes(r);
    out->server = wsc_row_bytes(r);
    out->server_software = wsc_row_bytes(r);
}

enum wsc_err wsc_store_legs(struct wsc_store *s, wsc_store_leg_fn fn, void *ctx,
                            struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e =
        prepare(s,
                /* From the import's keys, each looked up: a key that many have costs no more. */
                "WITH mine AS (SELECT DISTINCT key FROM connections"
                "  WHERE key IS NOT NULL AND " OF_IMPORT "),"
                " shared AS MATERIALIZED (SELECT key AS k FROM mine WHERE (SELECT count(*) FROM"
                "  (SELECT 1 FROM connections o WHERE o.key = mine.key LIMIT ?2 + 1))"
                "  BETWEEN 2 AND ?2)"
                " SELECT id, c." OF_IMPORT
                ", capture_id, started, established, ended, last_seen, duration_ms, outcome,"
                " ending, closed_by, cause, confidence, key, client, server, server_software"
                " FROM shared CROSS JOIN connections c ON c.key = k ORDER BY key, started, id",
                &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt, .at = 1};
        wsc_bind_int(&b, WSC_STORE_KEY_SHARERS);
        e = wsc_db_check(s, b.rc, "asking", err);
    }
    int rc = SQLITE_DONE;
    while (e == WSC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_store_leg leg;
        take_leg(&(struct wsc_row){.stmt = stmt}, &leg);
        if (fn(ctx, &leg) != 0)
            break;
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

/* ---- writing ---- */

static enum wsc_err set_cause(struct wsc_store *s, const struct wsc_amendment *a,
                              struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    /* Amended twice, it keeps what it had alone. */
    enum wsc_err e =
        wsc_db_prepare(s,
                       "UPDATE connections SET"
                       " alone_cause = iif(alone_confidence IS NULL, cause, alone_cause),"
                       " alone_confidence = coalesce(alone_confidence, confidence, 'none'),"
                       " cause = ?1, confidence = ?2 WHERE id = ?3",
                       &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_word(&b, wsc_cause_name(a->cause));
        wsc_bind_word(&b, wsc_confidence_name(a->confidence));
        wsc_bind_int(&b, a->id);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

static const char before_all[] =
    "INSERT INTO evidence (connection_id, n, sentence, other_id) SELECT ?1,"
    " min(0, coalesce((SELECT min(n) FROM evidence WHERE connection_id = ?1), 0)) - 1, ?2, ?3";
static const char after_all[] =
    "INSERT INTO evidence (connection_id, n, sentence, other_id) SELECT ?1,"
    " 1 + coalesce((SELECT max(n) FROM evidence WHERE connection_id = ?1), -1), ?2, ?3";

static enum wsc_err add_sentences(struct wsc_store *s, const struct wsc_amendment *a,
                                  struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e =
        wsc_db_prepare(s, a->cause != WSC_CAUSE_NONE ? before_all : after_all, &stmt, err);
    for (size_t i = 0; e == WSC_OK && i < a->sentences_len; i++) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, a->id);
        /* Each takes the place before all others: last first. */
        bool last_first = a->cause != WSC_CAUSE_NONE;
        wsc_bind_any(&b, a->sentences[last_first ? a->sentences_len - 1 - i : i]);
        if (a->other_id != 0)
            wsc_bind_int(&b, a->other_id);
        else
            wsc_bind_null(&b);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

enum wsc_err wsc_store_amend(struct wsc_store *s, const struct wsc_amendment *a,
                             struct wsc_error *err)
{
    enum wsc_err e = a->cause != WSC_CAUSE_NONE ? set_cause(s, a, err) : WSC_OK;
    return e == WSC_OK ? add_sentences(s, a, err) : e;
}
