/* What hangs on connections: Close frames, violations, evidence. */
#include "store/db.h"

struct child {
    int64_t id;
    size_t n;
    const void *what;
};

/* How rows of one table are put. */
struct table {
    enum wsc_kept_stmt one, many;
    const char *head, *row;
    void (*bind)(const struct wsc_store *s, struct wsc_bind *b, const struct child *c);
};

/* Rows that wait until there are enough for one statement. */
struct children {
    const struct table *table;
    struct child waiting[WSC_ROWS];
    size_t len;
};

static enum wsc_err run_rows(struct wsc_store *s, const struct table *t, const struct child *c,
                             size_t n, struct wsc_error *err)
{
    struct wsc_bind b;
    enum wsc_err e = wsc_db_kept_rows(s, n == 1 ? t->one : t->many, t->head, t->row, n, &b, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        t->bind(s, &b, &c[i]);
    return e == WSC_OK ? wsc_db_run_bound(s, &b, err) : e;
}

static enum wsc_err add(struct wsc_store *s, struct children *x, struct child c,
                        struct wsc_error *err)
{
    x->waiting[x->len++] = c;
    if (x->len < WSC_ROWS)
        return WSC_OK;
    x->len = 0;
    return run_rows(s, x->table, x->waiting, WSC_ROWS, err);
}

static enum wsc_err finish(struct wsc_store *s, struct children *x, struct wsc_error *err)
{
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < x->len; i++)
        e = run_rows(s, x->table, &x->waiting[i], 1, err);
    return e;
}

/* ---- the tables ---- */

static void bind_close(const struct wsc_store *s, struct wsc_bind *b, const struct child *x)
{
    const struct wsc_close_frame *c = x->what;
    wsc_bind_int(b, x->id);
    wsc_bind_word(b, wsc_side_name(wsc_side_of((enum wsc_dir)x->n)));
    wsc_bind_known(b, c->code);
    wsc_bind_any(b, c->reason);
    wsc_bind_int(b, c->valid);
    wsc_bind_time(b, c->at_ns);
    wsc_bind_capture(s, b, c->packet);
    wsc_bind_packet(b, c->packet);
}

static void bind_violation(const struct wsc_store *s, struct wsc_bind *b, const struct child *x)
{
    const struct wsc_violation *v = x->what;
    wsc_bind_int(b, x->id);
    wsc_bind_int(b, (int64_t)x->n);
    wsc_bind_word(b, wsc_side_name(v->by));
    wsc_bind_word(b, wsc_rule_name(v->rule));
    wsc_bind_capture(s, b, v->packet);
    wsc_bind_packet(b, v->packet);
}

static void bind_sentence(const struct wsc_store *s, struct wsc_bind *b, const struct child *x)
{
    (void)s;
    wsc_bind_int(b, x->id);
    wsc_bind_int(b, (int64_t)x->n);
    wsc_bind_any(b, *(const struct wsc_span *)x->what);
}

static const struct table closes_table = {WSC_PUT_CLOSE, WSC_PUT_CLOSES,
                                          "INSERT OR ROLLBACK INTO close_frames VALUES ",
                                          "(?, ?, ?, ?, ?, ?, ?, ?)", bind_close};
static const struct table violations_table = {WSC_PUT_VIOLATION, WSC_PUT_VIOLATIONS,
                                              "INSERT OR ROLLBACK INTO violations VALUES ",
                                              "(?, ?, ?, ?, ?, ?)", bind_violation};
static const struct table evidence_table = {
    WSC_PUT_EVIDENCE, WSC_PUT_EVIDENCES,
    "INSERT OR ROLLBACK INTO evidence (connection_id, n, sentence) VALUES ", "(?, ?, ?)",
    bind_sentence};

static enum wsc_err add_closes(struct wsc_store *s, struct children *x,
                               const struct wsc_closure *rec, int64_t id, struct wsc_error *err)
{
    enum wsc_err e = WSC_OK;
    for (size_t d = 0; e == WSC_OK && d < 2; d++)
        if (rec->close[d].seen)
            e = add(s, x, (struct child){.id = id, .n = d, .what = &rec->close[d]}, err);
    return e;
}

enum wsc_err wsc_put_children(struct wsc_store *s, const struct wsc_closure *const *recs, size_t n,
                              const int64_t *ids, struct wsc_error *err)
{
    struct children closes = {.table = &closes_table}, violations = {.table = &violations_table},
                    evidence = {.table = &evidence_table};
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        const struct wsc_closure *rec = recs[i];
        e = add_closes(s, &closes, rec, ids[i], err);
        for (size_t k = 0; e == WSC_OK && k < rec->violations_len; k++)
            e = add(s, &violations, (struct child){ids[i], k, &rec->violations[k]}, err);
        for (size_t k = 0; e == WSC_OK && k < rec->evidence_len; k++)
            e = add(s, &evidence, (struct child){ids[i], k, &rec->evidence[k]}, err);
    }
    if (e == WSC_OK)
        e = finish(s, &closes, err);
    if (e == WSC_OK)
        e = finish(s, &violations, err);
    return e == WSC_OK ? finish(s, &evidence, err) : e;
}
