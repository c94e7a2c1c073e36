#include "store/db.h"

/* Fewer rows are put faster than an index is made; asked for once in so many. */
#define LEAST 4096u

void wsc_late_index_reset(struct wsc_store *s)
{
    s->index_late = false;
    s->puts = 0;
}

/* As the schema has it, to the letter. */
#define BY_KEY "CREATE INDEX connections_by_key ON connections (key) WHERE key IS NOT NULL"

/* Within the transaction of the import: others see the index until the new one is there, and it
 * stays if the import does not come about. One that somebody else made stays, too. */
static enum wsc_err drop(struct wsc_store *s, struct wsc_error *err)
{
    int64_t ours = 0;
    enum wsc_err e = wsc_db_int(
        s, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql = '" BY_KEY "'", &ours,
        err);
    if (e == WSC_OK && ours == 1)
        e = wsc_db_exec(s, "DROP INDEX connections_by_key", err);
    s->index_late = e == WSC_OK && ours == 1;
    return e;
}

enum wsc_err wsc_late_index_step(struct wsc_store *s, size_t n, struct wsc_error *err)
{
    uint64_t before = s->puts;
    s->puts += n;
    /* What is flushed now and then is never put at once. */
    if (s->flushed || s->index_late || before / LEAST == s->puts / LEAST)
        return WSC_OK;
    int64_t last = 0;
    enum wsc_err e = wsc_db_int(s, "SELECT max(id) FROM connections", &last, err);
    return e == WSC_OK && (uint64_t)last <= 2 * s->puts ? drop(s, err) : e;
}

enum wsc_err wsc_late_index_build(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = s->index_late ? wsc_db_exec(s, BY_KEY, err) : WSC_OK;
    if (e == WSC_OK)
        wsc_late_index_reset(s);
    return e;
}
