/* Open records of earlier live captures, to go on with. */
#include "store/row.h"

struct one {
    wsc_query_fn fn;
    void *ctx;
    struct wsc_span state;
    int answer;
};

static int with_state(void *ctx, const struct wsc_closure *rec)
{
    struct one *o = ctx;
    struct wsc_closure c = *rec;
    c.open_state = o->state;
    o->answer = o->fn(o->ctx, &c);
    return 1;
}

enum wsc_err wsc_store_opens(struct wsc_store *s, const char *name, uint64_t since_ns,
                             wsc_query_fn fn, void *ctx, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(
        s,
        "SELECT o.connection_id, o.state FROM open_states o"
        " JOIN connections c ON c.id = o.connection_id JOIN captures p ON p.id = c.capture_id"
        " WHERE p.name = ?1 AND c.last_seen >= ?2 AND c.outcome = 'open' ORDER BY c.id",
        &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_copy(&b, name);
        wsc_bind_time(&b, since_ns);
        e = wsc_db_check(s, b.rc, "asking", err);
    }
    int rc = SQLITE_DONE;
    struct one o = {.fn = fn, .ctx = ctx};
    while (e == WSC_OK && o.answer == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_row r = {.stmt = stmt};
        struct wsc_filter f;
        wsc_filter_init(&f);
        f.id = wsc_row_int(&r);
        o.state = wsc_row_bytes(&r);
        e = wsc_store_query(s, &f, with_state, &o, err);
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}
