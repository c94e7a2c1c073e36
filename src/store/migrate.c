#include "store/db.h"

#include <wsclose/codes.h>

#include <stdio.h>

#include "schema.inc"

const char *const *wsc_migrations(size_t *n)
{
    *n = sizeof(migrations) / sizeof(migrations[0]);
    return migrations;
}

static enum wsc_err fill_codes(struct wsc_store *s, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_exec(s, "DELETE FROM close_codes", err);
    if (e == WSC_OK)
        e = wsc_db_prepare(s, "INSERT INTO close_codes VALUES (?, ?, ?, ?, ?, ?)", &stmt, err);
    size_t n;
    const struct wsc_code_info *codes = wsc_codes(&n);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, codes[i].first);
        wsc_bind_int(&b, codes[i].last);
        wsc_bind_word(&b, codes[i].name);
        wsc_bind_int(&b, codes[i].on_wire);
        wsc_bind_word(&b, codes[i].reported);
        wsc_bind_word(&b, codes[i].reference);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

static enum wsc_err step(struct wsc_store *s, const char *script, size_t to, struct wsc_error *err)
{
    char version[48];
    (void)snprintf(version, sizeof(version), "PRAGMA user_version = %zu", to);
    enum wsc_err e = wsc_db_exec(s, script, err);
    return e == WSC_OK ? wsc_db_exec(s, version, err) : e;
}

/* Inside a transaction: the version is asked for again, as another process may have done it while
 * we waited. */
static enum wsc_err steps(struct wsc_store *s, const char *const *scripts, size_t n,
                          struct wsc_error *err)
{
    int64_t from = 0;
    enum wsc_err e = wsc_db_int(s, "PRAGMA user_version", &from, err);
    if (e != WSC_OK || from < 0 || (uint64_t)from >= n)
        return e;
    for (size_t i = (size_t)from; e == WSC_OK && i < n; i++)
        e = step(s, scripts[i], i + 1, err);
    return e == WSC_OK ? fill_codes(s, err) : e;
}

enum wsc_err wsc_migrate(struct wsc_store *s, const char *const *scripts, size_t n,
                         struct wsc_error *err)
{
    int64_t version = 0;
    enum wsc_err e = wsc_db_int(s, "PRAGMA user_version", &version, err);
    if (e != WSC_OK || (version >= 0 && (uint64_t)version >= n))
        return e;
    e = wsc_db_exec(s, "BEGIN IMMEDIATE", err);
    if (e != WSC_OK)
        return e;
    e = steps(s, scripts, n, err);
    if (e == WSC_OK)
        e = wsc_db_exec(s, "COMMIT", err);
    if (e != WSC_OK)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}
