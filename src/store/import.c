#include "store/db.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum wsc_err add_import(struct wsc_store *s, const char *options, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(
        s,
        "INSERT INTO imports (options, stored) VALUES (?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
        &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_copy(&b, options);
        e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    s->import_id = sqlite3_last_insert_rowid(s->db);
    return e;
}

static enum wsc_err add_captures(struct wsc_store *s, const char *const *names, size_t n,
                                 struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e =
        wsc_db_prepare(s, "INSERT INTO captures (import_id, name) VALUES (?, ?)", &stmt, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->import_id);
        wsc_bind_text(&b,
                      (struct wsc_span){.ptr = (const uint8_t *)names[i], .len = strlen(names[i])});
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
        s->capture_ids[i] = sqlite3_last_insert_rowid(s->db);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

enum wsc_err wsc_store_begin(struct wsc_store *s, const char *const *names, size_t n,
                             const char *options, struct wsc_error *err)
{
    if (s->importing || n == 0)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: an import is under way, or has no captures",
                             s->name);
    int64_t *ids = wsc_calloc(n, sizeof(*ids));
    if (ids == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    wsc_free(s->capture_ids);
    wsc_free(s->known_captures);
    s->known_captures = NULL;
    s->capture_ids = ids;
    s->captures = n;
    enum wsc_err e = wsc_db_exec(s, "BEGIN IMMEDIATE", err);
    if (e != WSC_OK)
        return e;
    s->importing = true;
    e = add_import(s, options, err);
    if (e == WSC_OK)
        e = add_captures(s, names, n, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

void wsc_store_rollback(struct wsc_store *s)
{
    if (!s->importing)
        return;
    s->importing = false;
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- what is known already ---- */

/* The earlier import, with the same options, that holds all of |caps|; 0 if there is none. |list|
 * receives its rows as JSON. */
static enum wsc_err find_known(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                               int64_t *import, struct wsc_buf *list, struct wsc_error *err)
{
    static const char sql[] =
        "SELECT p.import_id, p.id FROM captures p JOIN imports i ON i.id = p.import_id"
        " WHERE p.fingerprint = ?1 AND p.import_id <> ?2"
        " AND i.options = (SELECT options FROM imports WHERE id = ?2) LIMIT 1";
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s, sql, &stmt, err);
    *import = 0;
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_word(&b, caps[i].fingerprint);
        wsc_bind_int(&b, s->import_id);
        bool found = sqlite3_step(stmt) == SQLITE_ROW;
        int64_t in = found ? sqlite3_column_int64(stmt, 0) : 0,
                row = found ? sqlite3_column_int64(stmt, 1) : 0;
        (void)sqlite3_reset(stmt);
        if (in == 0 || (i > 0 && in != *import)) {
            *import = 0;
            break;
        }
        *import = in;
        char item[32];
        int len = snprintf(item, sizeof(item), "%s%" PRId64, i == 0 ? "[" : ",", row);
        if (!wsc_buf_append(list, item, (size_t)len))
            e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    (void)sqlite3_finalize(stmt);
    if (e == WSC_OK && *import != 0 && !wsc_buf_append(list, "]", 2))
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    return e;
}

/* Takes the records of these captures out of earlier imports. */
static enum wsc_err remove_earlier(struct wsc_store *s, const char *fingerprint, bool *any,
                                   struct wsc_error *err)
{
    static const char *const steps[] = {
        "DELETE FROM connections WHERE import_id <> ?2 AND (capture_id IN (SELECT id FROM captures "
        "WHERE fingerprint = ?1 AND import_id <> ?2)"
        " OR first_capture_id IN (SELECT id FROM captures WHERE fingerprint = ?1 AND import_id <> "
        "?2))",
        "DELETE FROM captures WHERE fingerprint = ?1 AND import_id <> ?2",
        "DELETE FROM imports WHERE ?1 <> '' AND id <> ?2 AND NOT EXISTS (SELECT 1 FROM captures "
        "WHERE import_id = imports.id)",
    };
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        sqlite3_stmt *stmt = NULL;
        e = wsc_db_prepare(s, steps[i], &stmt, err);
        if (e == WSC_OK) {
            struct wsc_bind b = {.stmt = stmt};
            wsc_bind_word(&b, fingerprint);
            wsc_bind_int(&b, s->import_id);
            e = wsc_db_run(s, stmt, err);
        }
        if (i == 1 && sqlite3_changes(s->db) > 0)
            *any = true;
        (void)sqlite3_finalize(stmt);
    }
    return e;
}

static enum wsc_err fill_capture(struct wsc_store *s, size_t i, const struct wsc_store_capture *c,
                                 struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s,
                                    "UPDATE captures SET fingerprint = ?, packets = ?, bytes = ?, "
                                    "first = ?, last = ?, damaged = ? WHERE id = ?",
                                    &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_word(&b, c->fingerprint);
        wsc_bind_int(&b, (int64_t)c->packets);
        wsc_bind_int(&b, (int64_t)c->bytes);
        wsc_bind_time(&b, c->first_ns);
        wsc_bind_time(&b, c->last_ns);
        wsc_bind_int(&b, c->damaged);
        wsc_bind_int(&b, s->capture_ids[i]);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

static enum wsc_err store_new(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                              enum wsc_import_result *result, struct wsc_error *err)
{
    bool replaced = false;
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = remove_earlier(s, caps[i].fingerprint, &replaced, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = fill_capture(s, i, &caps[i], err);
    if (e == WSC_OK)
        e = wsc_db_exec(s, "COMMIT", err);
    if (e != WSC_OK) {
        wsc_store_rollback(s);
        return e;
    }
    s->importing = false;
    *result = replaced ? WSC_IMPORT_REPLACED : WSC_IMPORT_STORED;
    return WSC_OK;
}

/* A fingerprint and a comma for each of the most captures one run can have. */
#define LIST_MAX (WSC_MAX_CAPTURES * 24u)

enum wsc_err wsc_store_commit(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                              enum wsc_import_result *result, struct wsc_error *err)
{
    if (!s->importing || n != s->captures)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: no import of %zu captures is under way",
                             s->name, n);
    struct wsc_buf list;
    wsc_buf_init(&list, LIST_MAX);
    int64_t known = 0;
    enum wsc_err e = find_known(s, caps, n, &known, &list, err);
    if (e == WSC_OK && known != 0) {
        wsc_store_rollback(s);
        s->import_id = known;
        s->known_captures = (char *)list.data; /* ends with a NUL; ours from here on */
        *result = WSC_IMPORT_KNOWN;
        return WSC_OK;
    }
    wsc_buf_clear(&list);
    if (e != WSC_OK) {
        wsc_store_rollback(s);
        return e;
    }
    return store_new(s, caps, n, result, err);
}
