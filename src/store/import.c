#include "store/db.h"

#include "base/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static struct wsc_span text_span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static enum wsc_err add_import(struct wsc_store *s, const char *options, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(
        s,
        "INSERT INTO imports (options, stored) VALUES (?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
        &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_any(&b, text_span(options != NULL ? options : ""));
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
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
        wsc_bind_any(&b, text_span(names[i]));
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
        s->capture_ids[i] = sqlite3_last_insert_rowid(s->db);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

/* Rows of an import refer to rows that were put just before: they are not looked up again.
 * Deletions cascade, which is why it is for puts alone. */
void wsc_import_check_refs(struct wsc_store *s, bool check)
{
    if (s->trusted == !check)
        return;
    s->trusted = !check;
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, check ? 1 : 0, NULL);
}

/* Rows are numbered on from the last one; behind the greatest number there is SQLite takes any. */
#define ROWS_LAST (INT64_MAX >> 1)

static enum wsc_err check_room(struct wsc_store *s, struct wsc_error *err)
{
    int64_t last = 0;
    enum wsc_err e = wsc_db_int(s, "SELECT max(id) FROM connections", &last, err);
    if (e == WSC_OK && last > ROWS_LAST)
        return wsc_error_set(err, WSC_ERR_DB,
                             "%s: connection %" PRId64 " leaves no numbers for others", s->name,
                             last);
    return e;
}

static enum wsc_err begin_ends(struct wsc_store *s, struct wsc_error *err)
{
    int64_t others = 0;
    wsc_amends_clear(&s->amends);
    wsc_ends_clear(&s->ends);
    if (s->pass == NULL)
        return WSC_OK;
    enum wsc_err e = wsc_db_int(s, "SELECT EXISTS (SELECT 1 FROM connections)", &others, err);
    if (e == WSC_OK)
        wsc_ends_begin(&s->ends, others == 0);
    return e;
}

enum wsc_err wsc_store_begin(struct wsc_store *s, const char *const *names, size_t n,
                             const char *options, struct wsc_error *err)
{
    if (s->importing || n == 0)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: an import is under way, or has no captures",
                             s->name);
    if (n > WSC_MAX_CAPTURES)
        return wsc_error_set(err, WSC_ERR_LIMIT, "%zu captures at once, at most %u can be", n,
                             WSC_MAX_CAPTURES);
    int64_t *ids = wsc_calloc(n, sizeof(*ids));
    if (ids == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    enum wsc_err e = wsc_db_exec(s, "BEGIN IMMEDIATE", err);
    if (e != WSC_OK) {
        wsc_free(ids);
        return e;
    }
    wsc_free(s->capture_ids);
    wsc_free(s->known_captures);
    s->known_captures = NULL;
    s->capture_ids = ids;
    s->captures = n;
    s->importing = s->begun = true;
    s->flushed = false;
    wsc_import_check_refs(s, false);
    wsc_late_index_reset(s);
    e = check_room(s, err);
    if (e == WSC_OK)
        e = begin_ends(s, err);
    if (e == WSC_OK)
        e = add_import(s, options, err);
    if (e == WSC_OK)
        e = add_captures(s, names, n, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

void wsc_store_set_patience(struct wsc_store *s, unsigned ms)
{
    (void)sqlite3_busy_timeout(s->db, ms <= INT32_MAX ? (int)ms : INT32_MAX);
}

void wsc_store_set_pass(struct wsc_store *s, wsc_store_pass_fn fn, void *ctx)
{
    s->pass = fn;
    s->pass_ctx = ctx;
}

void wsc_store_rollback(struct wsc_store *s)
{
    if (!s->importing)
        return;
    s->importing = s->begun = false;
    wsc_late_index_reset(s);
    wsc_import_check_refs(s, true);
    wsc_ends_clear(&s->ends);
    wsc_amends_clear(&s->amends);
    if (!s->flushed)
        s->import_id = 0; /* the row is gone, and its number may be given again */
    /* SQLite has rolled back by itself after a full disk or an I/O error. */
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

enum wsc_err wsc_import_resume(struct wsc_store *s, struct wsc_error *err)
{
    if (!s->importing)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: no import is under way", s->name);
    if (sqlite3_get_autocommit(s->db) == 0)
        return WSC_OK;
    if (s->begun)
        return wsc_error_set(err, WSC_ERR_DB, "%s: SQLite took back what was not committed",
                             s->name);
    enum wsc_err e = wsc_db_exec(s, "BEGIN IMMEDIATE", err);
    s->begun = e == WSC_OK;
    return e;
}

static enum wsc_err end(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = wsc_db_exec(s, "COMMIT", err);
    if (e == WSC_OK)
        s->begun = false;
    return e;
}

/* Not to be allowed to look, as after giving up one's rights, is no sign of it. */
static bool has_moved(struct wsc_store *s)
{
    int moved = 0;
    struct stat st;
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    const char *path = sqlite3_db_filename(s->db, "main");
    return moved != 0 && path != NULL && (stat(path, &st) == 0 || errno == ENOENT);
}

enum wsc_err wsc_store_flush(struct wsc_store *s, struct wsc_error *err)
{
    if (!s->importing)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: no import is under way", s->name);
    if (has_moved(s)) {
        wsc_store_rollback(s);
        return wsc_error_set(err, WSC_ERR_IO, "%s: was deleted or moved while it was in use",
                             s->name);
    }
    if (!s->begun)
        return WSC_OK; /* nothing was put since the last flush */
    enum wsc_err e = wsc_import_resume(s, err);
    wsc_import_check_refs(s, true);
    wsc_ends_clear(&s->ends); /* an import that has no end, and others may write in between */
    if (e == WSC_OK)
        e = wsc_late_index_build(s, err);
    if (e == WSC_OK)
        e = end(s, err);
    if (e == WSC_OK)
        s->flushed = true;
    else
        wsc_store_rollback(s);
    return e;
}

enum wsc_err wsc_store_set_options(struct wsc_store *s, const char *options, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_import_resume(s, err);
    if (e == WSC_OK)
        e = wsc_db_prepare(s, "UPDATE imports SET options = ? WHERE id = ?", &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_any(&b, text_span(options));
        wsc_bind_int(&b, s->import_id);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

/* ---- the end of an import ---- */

/* Runs |sql|, whose only parameter ?1 is this import. */
static enum wsc_err run_for_import(struct wsc_store *s, const char *sql, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s, sql, &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->import_id);
        e = wsc_db_check(s, b.rc, "writing", err);
        if (e == WSC_OK)
            e = wsc_db_run(s, stmt, err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

/* An empty fingerprint is none: nothing is known of the content. */
static enum wsc_err fill_captures(struct wsc_store *s, const struct wsc_store_capture *caps,
                                  size_t n, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s,
                                    "UPDATE captures SET fingerprint = nullif(?, ''), packets = ?, "
                                    "bytes = ?, first = ?, last = ?, damaged = ? WHERE id = ?",
                                    &stmt, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        const struct wsc_store_capture *c = &caps[i];
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

/* The earlier import with the same options that holds each of our captures as often as this one
 * does, and its rows of them. A capture without a fingerprint is equal to none, not even to itself.
 */
static const char known_sql[] =
    "WITH mine AS (SELECT fingerprint, count(*) AS times FROM captures WHERE import_id = ?1"
    " GROUP BY fingerprint)"
    " SELECT i.id, (SELECT json_group_array(k.id) FROM captures k"
    "  WHERE k.import_id = i.id AND k.fingerprint IN (SELECT fingerprint FROM mine))"
    " FROM imports i"
    " WHERE i.options = (SELECT options FROM imports WHERE id = ?1)"
    " AND i.id IN (SELECT k.import_id FROM captures k JOIN mine USING (fingerprint)"
    "  WHERE k.import_id <> ?1)"
    " AND NOT EXISTS (SELECT 1 FROM mine WHERE times <>"
    "  (SELECT count(*) FROM captures k"
    "    WHERE k.import_id = i.id AND k.fingerprint = mine.fingerprint))"
    " LIMIT 1";

/* |*import| is 0 if there is none; else |*list| is a JSON array the caller frees. */
static enum wsc_err find_known(struct wsc_store *s, int64_t *import, char **list,
                               struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    *import = 0;
    *list = NULL;
    enum wsc_err e = wsc_db_prepare(s, known_sql, &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->import_id);
        int rc = b.rc == SQLITE_OK ? sqlite3_step(stmt) : b.rc;
        const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 1) : NULL;
        size_t size = text != NULL ? strlen(text) + 1 : 0;
        *list = size != 0 ? wsc_alloc(size) : NULL;
        if (*list != NULL) {
            memcpy(*list, text, size);
            *import = sqlite3_column_int64(stmt, 0);
        } else if (rc == SQLITE_ROW) {
            rc = SQLITE_NOMEM;
        }
        e = wsc_db_check(s, rc, "reading", err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

#define EARLIER                                                                                    \
    "(SELECT id FROM captures WHERE import_id <> ?1"                                               \
    " AND fingerprint IN (SELECT fingerprint FROM captures WHERE import_id = ?1))"

/* Takes the records that rest on these captures, whole or in part, out of earlier imports: first
 * those that rest on one in part and end in another, then each capture with all that ended in it.
 */
static enum wsc_err remove_earlier(struct wsc_store *s, bool *any, struct wsc_error *err)
{
    static const char *const steps[] = {
        "DELETE FROM connections WHERE first_capture_id IN " EARLIER
        " OR tcp_end_capture_id IN " EARLIER
        " OR id IN (SELECT connection_id FROM close_frames WHERE capture_id IN " EARLIER
        "  UNION ALL SELECT connection_id FROM violations WHERE capture_id IN " EARLIER ")",
        "DELETE FROM captures WHERE id IN " EARLIER,
        "DELETE FROM imports WHERE id <> ?1"
        " AND NOT EXISTS (SELECT 1 FROM captures WHERE import_id = imports.id)",
    };
    int64_t earlier = 0;
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s, "SELECT count(*) FROM " EARLIER, &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->import_id);
        int rc = b.rc == SQLITE_OK ? sqlite3_step(stmt) : b.rc;
        if (rc == SQLITE_ROW)
            earlier = sqlite3_column_int64(stmt, 0);
        e = wsc_db_check(s, rc, "reading", err);
    }
    (void)sqlite3_finalize(stmt);
    *any = earlier > 0;
    for (size_t i = 0; e == WSC_OK && *any && i < sizeof(steps) / sizeof(steps[0]); i++)
        e = run_for_import(s, steps[i], err);
    return e;
}

/* Takes this import back, what was flushed of it too. */
static enum wsc_err take_back(struct wsc_store *s, struct wsc_error *err)
{
    if (!s->flushed) {
        wsc_store_rollback(s);
        return WSC_OK;
    }
    enum wsc_err e = run_for_import(s, "DELETE FROM imports WHERE id = ?1", err);
    return e == WSC_OK ? end(s, err) : e;
}

static enum wsc_err finish(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                           enum wsc_import_result *result, struct wsc_error *err)
{
    int64_t known = 0;
    char *list = NULL;
    bool replaced = false;
    wsc_import_check_refs(s, true);
    enum wsc_err e = wsc_import_resume(s, err);
    if (e == WSC_OK)
        e = fill_captures(s, caps, n, err);
    if (e == WSC_OK)
        e = find_known(s, &known, &list, err);
    if (e == WSC_OK && known != 0) {
        e = take_back(s, err);
        s->import_id = known;
        s->known_captures = list;
        *result = WSC_IMPORT_KNOWN;
        return e;
    }
    if (e == WSC_OK)
        e = remove_earlier(s, &replaced, err);
    if (e == WSC_OK)
        e = wsc_late_index_build(s, err);
    *result = replaced ? WSC_IMPORT_REPLACED : WSC_IMPORT_STORED;
    if (e == WSC_OK && s->pass != NULL)
        e = s->pass(s->pass_ctx, s, err);
    if (e == WSC_OK)
        e = wsc_amends_write(s, err);
    wsc_ends_clear(&s->ends);
    wsc_amends_clear(&s->amends);
    return e == WSC_OK ? end(s, err) : e;
}

enum wsc_err wsc_store_commit(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                              enum wsc_import_result *result, struct wsc_error *err)
{
    if (!s->importing || n != s->captures)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: no import of %zu captures is under way",
                             s->name, n);
    enum wsc_err e = finish(s, caps, n, result, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    s->importing = false;
    return e;
}
