#include "store/db.h"

#include <wsclose/codes.h>

#include <stdio.h>

#include "schema.inc"

int wsc_migrate_version(void)
{
    return (int)(sizeof(migrations) / sizeof(migrations[0]));
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

static enum wsc_err step(struct wsc_store *s, int to, struct wsc_error *err)
{
    char version[48];
    (void)snprintf(version, sizeof(version), "PRAGMA user_version = %d", to);
    enum wsc_err e = wsc_db_exec(s, migrations[to - 1], err);
    if (e == WSC_OK)
        e = fill_codes(s, err);
    if (e == WSC_OK)
        e = wsc_db_exec(s, version, err);
    return e;
}

enum wsc_err wsc_migrate(struct wsc_store *s, struct wsc_error *err)
{
    if (wsc_db_int(s, "PRAGMA user_version", 0) >= wsc_migrate_version())
        return WSC_OK;
    enum wsc_err e = wsc_db_exec(s, "BEGIN IMMEDIATE", err);
    if (e != WSC_OK)
        return e;
    /* Asked again: another process may have done it while we waited. */
    for (int from = (int)wsc_db_int(s, "PRAGMA user_version", 0);
         e == WSC_OK && from < wsc_migrate_version(); from++)
        e = step(s, from + 1, err);
    if (e == WSC_OK)
        return wsc_db_exec(s, "COMMIT", err);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}
