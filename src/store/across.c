/* What a pass over an import asks of the legs of its connections (wsclose/store.h). */
#include "store/row.h"

/* ?1 is the import. */
#define OF_IMPORT "capture_id IN (SELECT id FROM captures WHERE import_id = ?1)"

static void take_verdict(struct wsc_row *r, enum wsc_ending *ending, enum wsc_side *by,
                         enum wsc_cause *cause, enum wsc_confidence *confidence)
{
    *ending = (enum wsc_ending)wsc_row_word(r, wsc_ending_parse);
    *by = (enum wsc_side)wsc_row_word(r, wsc_side_parse);
    *cause = (enum wsc_cause)wsc_row_word(r, wsc_cause_parse);
    *confidence = (enum wsc_confidence)wsc_row_word(r, wsc_confidence_parse);
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

/* The keys that 2 to ?2 connections have, one of them of import ?1. From the import's keys, each
 * looked up: a key that many have costs no more. */
#define SHARED_WITH_OTHERS                                                                         \
    "mine AS (SELECT DISTINCT key FROM connections WHERE key IS NOT NULL AND " OF_IMPORT "),"      \
    " shared AS MATERIALIZED (SELECT key AS k FROM mine WHERE (SELECT count(*) FROM"               \
    "  (SELECT 1 FROM connections o WHERE o.key = mine.key LIMIT ?2 + 1)) BETWEEN 2 AND ?2)"
/* The same where all connections are of import ?1: one walk along the index. */
#define SHARED_ALONE                                                                               \
    "shared AS MATERIALIZED (SELECT key AS k FROM connections WHERE key IS NOT NULL"               \
    "  GROUP BY key HAVING count(*) BETWEEN 2 AND ?2)"
#define LEGS                                                                                       \
    " SELECT id, c." OF_IMPORT                                                                     \
    ", capture_id, started, established, ended, last_seen, duration_ms, outcome,"                  \
    " ending, closed_by, cause, confidence, key, client, server, server_software"                  \
    " FROM shared CROSS JOIN connections c ON c.key = k ORDER BY key, started, id"

static enum wsc_err prepare_legs(struct wsc_store *s, sqlite3_stmt **stmt, struct wsc_error *err)
{
    bool alone = s->ends.kept && s->ends.alone;
    enum wsc_err e = wsc_db_prepare(
        s, alone ? "WITH " SHARED_ALONE LEGS : "WITH " SHARED_WITH_OTHERS LEGS, stmt, err);
    if (e != WSC_OK)
        return e;
    struct wsc_bind b = {.stmt = *stmt};
    wsc_bind_int(&b, s->import_id);
    wsc_bind_int(&b, WSC_STORE_KEY_SHARERS);
    return wsc_db_check(s, b.rc, "asking", err);
}

enum wsc_err wsc_store_legs(struct wsc_store *s, wsc_store_leg_fn fn, void *ctx,
                            struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    if (s->ends.kept && s->ends.alone && !s->ends.key_twice)
        return WSC_OK;
    enum wsc_err e = wsc_amends_write(s, err);
    if (e == WSC_OK)
        e = prepare_legs(s, &stmt, err);
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
