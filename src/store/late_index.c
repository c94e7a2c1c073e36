#include "store/db.h"

#include "base/alloc.h"

#include <string.h>

/* Fewer rows are put faster than an index is made; asked for once in so many. */
#define LEAST 4096u

void wsc_late_index_reset(struct wsc_store *s)
{
    wsc_free(s->late_index);
    s->late_index = NULL;
    s->puts = 0;
}

/* The statement that made the index, as the schema has it; NULL: there is none. */
static enum wsc_err read_sql(struct wsc_store *s, char **sql, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(
        s, "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = 'connections_by_key'",
        &stmt, err);
    int rc = e == WSC_OK ? sqlite3_step(stmt) : SQLITE_DONE;
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    *sql = size != 0 ? wsc_alloc(size) : NULL;
    if (*sql != NULL)
        memcpy(*sql, text, size);
    else if (size != 0)
        rc = SQLITE_NOMEM;
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

/* Within the transaction of the import: others see the index until the new one is there, and it
 * stays if the import does not come about. */
static enum wsc_err drop(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = read_sql(s, &s->late_index, err);
    return e == WSC_OK && s->late_index != NULL
               ? wsc_db_exec(s, "DROP INDEX connections_by_key", err)
               : e;
}

enum wsc_err wsc_late_index_step(struct wsc_store *s, size_t n, struct wsc_error *err)
{
    uint64_t before = s->puts;
    s->puts += n;
    /* What is flushed now and then is never put at once. */
    if (s->flushed || s->late_index != NULL || before / LEAST == s->puts / LEAST)
        return WSC_OK;
    int64_t last = 0;
    enum wsc_err e = wsc_db_int(s, "SELECT max(id) FROM connections", &last, err);
    return e == WSC_OK && (uint64_t)last <= 2 * s->puts ? drop(s, err) : e;
}

enum wsc_err wsc_late_index_build(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = s->late_index != NULL ? wsc_db_exec(s, s->late_index, err) : WSC_OK;
    if (e == WSC_OK)
        wsc_late_index_reset(s);
    return e;
}
