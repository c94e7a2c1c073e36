#include "store/db.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long another process may hold the database before we give up. */
#define BUSY_MS 10000

enum wsc_err wsc_db_check(struct wsc_store *s, int rc, const char *doing, struct wsc_error *err)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return WSC_OK;
    case SQLITE_NOMEM:
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", s->name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return wsc_error_set(
            err, WSC_ERR_BUSY,
            "%s: another process is writing to the database; try again when it is done", s->name);
    case SQLITE_NOTADB:
        return wsc_error_set(err, WSC_ERR_FORMAT, "%s: not a SQLite database", s->name);
    case SQLITE_CORRUPT:
        return wsc_error_set(
            err, WSC_ERR_FORMAT,
            "%s: the database is damaged (%s); save what is left with: sqlite3 %s .recover",
            s->name, sqlite3_errmsg(s->db), s->name);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_PERM:
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s: %s", s->name, doing, sqlite3_errmsg(s->db));
    default:
        return wsc_error_set(err, WSC_ERR_DB, "%s: %s: %s", s->name, doing, sqlite3_errmsg(s->db));
    }
}

enum wsc_err wsc_db_exec(struct wsc_store *s, const char *sql, struct wsc_error *err)
{
    return wsc_db_check(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL), "writing", err);
}

enum wsc_err wsc_db_prepare(struct wsc_store *s, const char *sql, sqlite3_stmt **stmt,
                            struct wsc_error *err)
{
    return wsc_db_check(s,
                        sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL),
                        "preparing", err);
}

enum wsc_err wsc_db_run(struct wsc_store *s, sqlite3_stmt *stmt, struct wsc_error *err)
{
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    enum wsc_err e = wsc_db_check(s, rc, "writing", err);
    (void)sqlite3_reset(stmt);
    return e;
}

int64_t wsc_db_int(struct wsc_store *s, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *stmt = NULL;
    int64_t v = otherwise;
    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        v = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return v;
}

/* ---- opening ---- */

static enum wsc_err check_owner(struct wsc_store *s, struct wsc_error *err)
{
    int rc = sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    enum wsc_err e = wsc_db_check(s, rc, "reading", err);
    if (e != WSC_OK)
        return e;
    int64_t id = wsc_db_int(s, "PRAGMA application_id", 0);
    int64_t version = wsc_db_int(s, "PRAGMA user_version", 0);
    int64_t tables = wsc_db_int(s, "SELECT count(*) FROM sqlite_master", 0);
    if (id != WSC_APPLICATION_ID && (id != 0 || tables > 0 || version > 0))
        return wsc_error_set(err, WSC_ERR_FOREIGN_DB,
                             "%s: this database belongs to another program; nothing was changed "
                             "(choose another with --db)",
                             s->name);
    if (version > wsc_migrate_version())
        return wsc_error_set(err, WSC_ERR_NEWER_DB,
                             "%s: written by a newer wsclose (schema %" PRId64
                             ", this one knows %d); nothing was changed",
                             s->name, version, wsc_migrate_version());
    return WSC_OK;
}

static enum wsc_err open_handle(struct wsc_store *s, const char *path, int flags,
                                struct wsc_error *err)
{
    int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (rc != SQLITE_OK)
        return wsc_db_check(s, rc, "cannot be opened", err);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_extended_result_codes(s->db, 1);
    return WSC_OK;
}

/* Looks without touching: a foreign database must not even get a journal of ours beside it. */
static enum wsc_err look_first(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    enum wsc_err e = open_handle(s, path, SQLITE_OPEN_READONLY, err);
    if (e == WSC_OK)
        e = check_owner(s, err);
    (void)sqlite3_close(s->db);
    s->db = NULL;
    return e;
}

static enum wsc_err open_writable(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    enum wsc_err e = access(path, F_OK) == 0 ? look_first(s, path, err) : WSC_OK;
    if (e == WSC_OK)
        e = open_handle(s, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (e == WSC_OK)
        e = wsc_db_exec(
            s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON",
            err);
    return e == WSC_OK ? wsc_migrate(s, err) : e;
}

static enum wsc_err open_readable(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    if (access(path, F_OK) != 0)
        return wsc_error_set(err, WSC_ERR_NOT_FOUND,
                             "%s: no such database; `wsclose analyze FILE...` makes one", path);
    enum wsc_err e = open_handle(s, path, SQLITE_OPEN_READONLY, err);
    if (e == WSC_OK)
        e = check_owner(s, err);
    if (e == WSC_OK && wsc_db_int(s, "PRAGMA user_version", 0) < wsc_migrate_version()) {
        /* An older schema is brought up to date by whoever may write. */
        (void)sqlite3_close(s->db);
        s->db = NULL;
        return open_writable(s, path, err);
    }
    return e;
}

static enum wsc_err open_private(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = open_handle(s, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (e == WSC_OK)
        e = wsc_db_exec(
            s, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON",
            err);
    return e == WSC_OK ? wsc_migrate(s, err) : e;
}

enum wsc_err wsc_store_open(const char *path, enum wsc_store_mode mode, struct wsc_store **out,
                            struct wsc_error *err)
{
    *out = NULL;
    struct wsc_store *s = wsc_calloc(1, sizeof(*s));
    if (s == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    (void)snprintf(s->name, sizeof(s->name), "%s",
                   mode == WSC_STORE_PRIVATE ? "temporary database" : path);
    enum wsc_err e = mode == WSC_STORE_PRIVATE ? open_private(s, err)
                     : mode == WSC_STORE_WRITE ? open_writable(s, path, err)
                                               : open_readable(s, path, err);
    if (e != WSC_OK) {
        wsc_store_close(s);
        return e;
    }
    *out = s;
    return WSC_OK;
}

void wsc_store_close(struct wsc_store *s)
{
    if (s == NULL)
        return;
    wsc_store_rollback(s);
    (void)sqlite3_finalize(s->put_connection);
    (void)sqlite3_finalize(s->put_close);
    (void)sqlite3_finalize(s->put_violation);
    (void)sqlite3_finalize(s->put_evidence);
    (void)sqlite3_close(s->db);
    wsc_free(s->capture_ids);
    wsc_free(s->known_captures);
    wsc_free(s);
}

/* ---- binding ---- */

static void keep(struct wsc_bind *b, int rc)
{
    if (b->rc == SQLITE_OK)
        b->rc = rc;
}

void wsc_bind_null(struct wsc_bind *b)
{
    keep(b, sqlite3_bind_null(b->stmt, ++b->at));
}

void wsc_bind_int(struct wsc_bind *b, int64_t v)
{
    keep(b, sqlite3_bind_int64(b->stmt, ++b->at, v));
}

void wsc_bind_known(struct wsc_bind *b, int64_t v)
{
    if (v < 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, v);
}

void wsc_bind_ms(struct wsc_bind *b, int64_t ns)
{
    if (ns < 0)
        wsc_bind_null(b);
    else
        keep(b, sqlite3_bind_double(b->stmt, ++b->at, (double)ns / 1e6));
}

void wsc_bind_time(struct wsc_bind *b, uint64_t ns)
{
    if (ns == 0) {
        wsc_bind_null(b);
        return;
    }
    char text[48];
    time_t s = (time_t)(ns / UINT64_C(1000000000));
    struct tm tm;
    if (gmtime_r(&s, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + n, sizeof(text) - n, ".%09" PRIu64 "Z", ns % UINT64_C(1000000000));
    wsc_bind_copy(b, text);
}

void wsc_bind_word(struct wsc_bind *b, const char *static_text)
{
    keep(b, sqlite3_bind_text(b->stmt, ++b->at, static_text, -1, SQLITE_STATIC));
}

void wsc_bind_copy(struct wsc_bind *b, const char *text)
{
    keep(b, sqlite3_bind_text(b->stmt, ++b->at, text, -1, SQLITE_TRANSIENT));
}

/* Bytes that are not UTF-8, and NULs, which end a text for most tools, become U+FFFD. */
static void bind_repaired(struct wsc_bind *b, struct wsc_span s)
{
    char *fixed = wsc_alloc(3 * s.len + 1);
    if (fixed == NULL) {
        ++b->at;
        keep(b, SQLITE_NOMEM);
        return;
    }
    size_t n = 0;
    for (size_t at = 0; at < s.len;) {
        size_t len = 1;
        while (len < 4 && len < s.len - at && (s.ptr[at + len] & 0xc0) == 0x80)
            len++;
        bool good = s.ptr[at] != 0 && wsc_utf8_valid(s.ptr + at, len);
        if (!good)
            len = 1;
        memcpy(fixed + n, good ? (const char *)s.ptr + at : "\xef\xbf\xbd", good ? len : 3);
        n += good ? len : 3;
        at += len;
    }
    keep(b, sqlite3_bind_text64(b->stmt, ++b->at, fixed, n, SQLITE_TRANSIENT, SQLITE_UTF8));
    wsc_free(fixed);
}

void wsc_bind_text(struct wsc_bind *b, struct wsc_span s)
{
    if (s.ptr == NULL)
        wsc_bind_null(b);
    else if (memchr(s.ptr, 0, s.len) != NULL || !wsc_utf8_valid(s.ptr, s.len))
        bind_repaired(b, s);
    else
        keep(b, sqlite3_bind_text64(b->stmt, ++b->at, (const char *)s.ptr, s.len, SQLITE_TRANSIENT,
                                    SQLITE_UTF8));
}

void wsc_bind_blob(struct wsc_bind *b, struct wsc_span s)
{
    if (s.ptr == NULL)
        wsc_bind_null(b);
    else
        keep(b, sqlite3_bind_blob64(b->stmt, ++b->at, s.ptr, s.len, SQLITE_TRANSIENT));
}

uint64_t wsc_db_time(const unsigned char *text)
{
    struct tm tm = {0};
    uint64_t ns = 0;
    if (text == NULL)
        return 0;
    const char *rest = strptime((const char *)text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || *rest != '.' || sscanf(rest + 1, "%9" SCNu64, &ns) != 1)
        return 0;
    return (uint64_t)timegm(&tm) * UINT64_C(1000000000) + ns;
}
