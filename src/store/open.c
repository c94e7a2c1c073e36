#include "store/db.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long another process may hold the database before we give up. */
#define BUSY_MS      10000
#define WAL_RETRY_MS 10

/* The smallest page SQLite makes, and so the smallest file. */
#define PAGE_MIN 512

/* Of a database that is made now: a record is half a KB, and each page costs as much again to
 * write, whatever its size. Of any: room for the pages that an import comes back to. */
#define PAGES "PRAGMA page_size = 16384; PRAGMA cache_size = -4096"

/* A path as a URI, each byte at worst "%xx". */
#define URI_MAX (3 * PATH_MAX + 32)

static enum wsc_err open_handle(struct wsc_store *s, const char *name, int flags,
                                struct wsc_error *err)
{
    /* NOMUTEX: a handle belongs to one thread at a time. */
    int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return wsc_db_check(s, rc, "cannot be opened", err);
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    /* The file may have been made by an enemy: its schema may call no function with side effects,
     * and a page is checked before it is believed. */
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* We ask none: one in the place of a table may never end. */
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    rc = wsc_where_register(s->db);
    if (rc != SQLITE_OK)
        return wsc_db_check(s, rc, "cannot be opened", err);
    return wsc_db_exec(s,
                       "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON; "
                       /* ours hold by what we put, an enemy's may take for ever */
                       "PRAGMA ignore_check_constraints = ON",
                       err);
}

static void close_handle(struct wsc_store *s)
{
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

/* Opens without locks and without a -wal or -shm beside the file: what stands in the file itself.
 */
static enum wsc_err open_immutable(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    char uri[URI_MAX];
    size_t n = (size_t)snprintf(uri, sizeof(uri), "file:");
    for (const char *p = path; *p != '\0' && n + 16 < sizeof(uri); p++) {
        bool plain = strchr("%?#", *p) == NULL;
        n += (size_t)snprintf(uri + n, 4, plain ? "%c" : "%%%02x", (unsigned char)*p);
    }
    (void)snprintf(uri + n, sizeof(uri) - n, "?immutable=1");
    return open_handle(s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
}

/* ---- looking before touching ---- */

static bool has_sidecar(const char *path, const char *suffix)
{
    char name[PATH_MAX + 16];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &st) == 0 && st.st_size > 0;
}

static enum wsc_err check_version(struct wsc_store *s, int64_t *version, struct wsc_error *err)
{
    size_t newest;
    (void)wsc_migrations(&newest);
    enum wsc_err e = wsc_db_int(s, "PRAGMA user_version", version, err);
    if (e == WSC_OK && *version > (int64_t)newest)
        return wsc_error_set(err, WSC_ERR_NEWER_DB,
                             "%s: written by a newer wsclose (schema %" PRId64
                             ", this one knows %zu); nothing was changed",
                             s->name, *version, newest);
    return e;
}

static bool is_ours(const char *sql)
{
    size_t n;
    const char *const *scripts = wsc_migrations(&n);
    bool ours = false;
    for (size_t i = 0; sql != NULL && !ours && i < n; i++)
        ours = strstr(scripts[i], sql) != NULL;
    return ours;
}

/* What computes while we read or write: triggers, indexes on expressions or of a part, columns that
 * are computed or begin with an expression. */
static const char computing[] =
    "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
    " UNION ALL SELECT m.sql FROM sqlite_master m"
    " WHERE type = 'index' AND (EXISTS (SELECT 1 FROM pragma_index_xinfo(m.name) WHERE cid = -2)"
    "  OR EXISTS (SELECT 1 FROM pragma_index_list(m.tbl_name) WHERE name = m.name AND partial))"
    " UNION ALL SELECT m.sql FROM sqlite_master m"
    " WHERE type = 'table' AND rootpage > 0"
    "  AND EXISTS (SELECT 1 FROM pragma_table_xinfo(m.name)"
    "   WHERE hidden > 1 OR instr(dflt_value, '('))";

/* Whoever handed us the database may have put them there, to change what is stored or to take our
 * time. */
static enum wsc_err check_schema(struct wsc_store *s, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s, computing, &stmt, err);
    int rc = SQLITE_DONE;
    bool ours = true;
    while (e == WSC_OK && ours && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        ours = is_ours((const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    if (e == WSC_OK && ours)
        return wsc_db_check(s, rc, "reading", err);
    return e != WSC_OK ? e
                       : wsc_error_set(err, WSC_ERR_FOREIGN_DB,
                                       "%s: has triggers, indexes or columns that compute and that "
                                       "wsclose did not make; nothing was changed",
                                       s->name);
}

/* Ours from the first commit on, as the tables are made before the journal becomes a WAL: what has
 * no application_id in the file itself is another program's, unless there is nothing in it. |path|
 * is NULL when the journals beside the file have been read, else there must be none. */
static enum wsc_err judge_owner(struct wsc_store *s, const char *path, bool *blank,
                                struct wsc_error *err)
{
    int64_t id = 0, version = 0, tables = 0;
    enum wsc_err e = wsc_db_int(s, "PRAGMA application_id", &id, err);
    if (e == WSC_OK && id == WSC_APPLICATION_ID) {
        e = check_version(s, &version, err);
        return e == WSC_OK ? check_schema(s, err) : e;
    }
    if (e == WSC_OK)
        e = wsc_db_int(s, "PRAGMA user_version", &version, err);
    if (e == WSC_OK)
        e = wsc_db_int(s, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (e != WSC_OK)
        return e;
    bool pending = path != NULL && (has_sidecar(path, "-wal") || has_sidecar(path, "-journal"));
    if (id != 0 || version != 0 || tables != 0 || pending)
        return wsc_error_set(err, WSC_ERR_FOREIGN_DB,
                             "%s: this database belongs to another program; nothing was changed "
                             "(choose another with --db)",
                             s->name);
    *blank = true;
    return WSC_OK;
}

/* In one transaction: another process may be making the database right now. */
static enum wsc_err check_owner(struct wsc_store *s, const char *path, bool *blank,
                                struct wsc_error *err)
{
    enum wsc_err e = wsc_db_exec(s, "BEGIN", err);
    if (e != WSC_OK)
        return e;
    e = judge_owner(s, path, blank, err);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return e;
}

/* Read without locks the file may be half new: another process checkpoints at this moment, or was
 * killed as it did, or the disk was full, and the WAL makes it whole. Whose it is stands in the
 * header all the same (SQLite file format, 1.3.14), and what is wrong with it is found again with
 * locks. */
static bool has_our_header(const char *path)
{
    uint8_t head[72];
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return false;
    bool ours = fread(head, sizeof(head), 1, f) == 1 && memcmp(head, "SQLite format 3", 16) == 0 &&
                wsc_be32(head + 68) == WSC_APPLICATION_ID;
    (void)fclose(f);
    return ours;
}

/* |*blank| is true if there is no file, or nothing in it. */
static enum wsc_err look_first(struct wsc_store *s, const char *path, bool *exists, bool *blank,
                               struct wsc_error *err)
{
    struct stat st;
    *exists = stat(path, &st) == 0;
    *blank = !*exists;
    if (!*exists)
        return errno == ENOENT ? WSC_OK
                               : wsc_error_set(err, WSC_ERR_IO, "%s: %s", s->name, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return wsc_error_set(err, WSC_ERR_IO, "%s: is %s, not a database file", s->name,
                             S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    *blank = st.st_size == 0;
    if (*blank)
        return WSC_OK;
    if (st.st_size < PAGE_MIN) /* SQLite takes a file of one byte for an empty one */
        return wsc_db_check(s, SQLITE_NOTADB, "reading", err);
    enum wsc_err e = open_immutable(s, path, err);
    if (e == WSC_OK)
        e = check_owner(s, path, blank, err);
    close_handle(s);
    return e == WSC_ERR_FORMAT && has_our_header(path) ? WSC_OK : e;
}

/* ---- the three modes ---- */

static enum wsc_err migrate(struct wsc_store *s, struct wsc_error *err)
{
    size_t n;
    const char *const *scripts = wsc_migrations(&n);
    return wsc_migrate(s, scripts, n, err);
}

/* The change to a WAL needs the file for itself, and SQLite gives up at once instead of waiting: so
 * we wait here while others who opened the new database with us look at it. */
static enum wsc_err set_wal(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = WSC_ERR_BUSY;
    (void)sqlite3_busy_timeout(s->db, 0);
    for (int waited = 0; e == WSC_ERR_BUSY && waited < BUSY_MS; waited += WAL_RETRY_MS) {
        if (waited != 0)
            (void)sqlite3_sleep(WAL_RETRY_MS);
        e = wsc_db_exec(s, "PRAGMA journal_mode = WAL", err);
    }
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    return e;
}

/* A WAL is merged when it has grown so far, whatever the pages. */
#define WAL_BYTES ((int64_t)4 << 20)

static enum wsc_err set_merging(struct wsc_store *s, struct wsc_error *err)
{
    int64_t page = 0;
    enum wsc_err e = wsc_db_int(s, "PRAGMA page_size", &page, err);
    if (e == WSC_OK && page > 0)
        (void)sqlite3_wal_autocheckpoint(s->db, (int)(WAL_BYTES / page));
    return e;
}

/* Another program may have chosen it, while there was nothing in the database. */
static enum wsc_err note_encoding(struct wsc_store *s, struct wsc_error *err)
{
    int64_t other = 0;
    enum wsc_err e = wsc_db_int(s, "SELECT encoding <> 'UTF-8' FROM pragma_encoding", &other, err);
    s->utf16 = other != 0;
    return e;
}

/* SQLite tries again to open for reading alone what it may not make, and then tells of that. */
static enum wsc_err check_place(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    char dir[PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%s", path);
    *(strrchr(dir, '/') + 1) = '\0'; /* open_path() made sure that there is one */
    if (access(dir, W_OK | X_OK) == 0)
        return WSC_OK;
    return wsc_error_set(err, WSC_ERR_IO, "%s: cannot be made: %s", s->name, strerror(errno));
}

static enum wsc_err open_writable(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    bool exists, blank;
    enum wsc_err e = look_first(s, path, &exists, &blank, err);
    if (e == WSC_OK && !exists)
        e = check_place(s, path, err);
    if (e == WSC_OK)
        e = open_handle(s, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (e == WSC_OK && sqlite3_db_readonly(s->db, "main") == 1)
        return wsc_error_set(err, WSC_ERR_IO, "%s: no permission to write", s->name);
    if (e == WSC_OK)
        e = check_owner(s, NULL, &blank, err);
    if (e == WSC_OK)
        e = wsc_db_exec(s, PAGES, err);
    if (e == WSC_OK)
        e = migrate(s, err);
    if (e == WSC_OK)
        e = set_wal(s, err);
    if (e == WSC_OK)
        e = set_merging(s, err);
    if (e == WSC_OK)
        e = note_encoding(s, err);
    /* NORMAL: with a WAL, a crash of the machine may lose the last import, which can be read again,
     * but never half of one; and a commit costs no fsync. */
    return e == WSC_OK ? wsc_db_exec(s, "PRAGMA synchronous = NORMAL", err) : e;
}

/* A copy in a temporary database, where an old schema can be brought up to date without writing. */
static enum wsc_err open_copy(struct wsc_store *s, struct wsc_error *err)
{
    sqlite3 *from = s->db;
    enum wsc_err e = open_handle(s, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (e == WSC_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(s->db, "main", from, "main");
        if (backup != NULL)
            (void)sqlite3_backup_step(backup, -1);
        e = wsc_db_check(s, backup != NULL ? sqlite3_backup_finish(backup) : sqlite3_errcode(s->db),
                         "copying", err);
    }
    (void)sqlite3_close(from);
    return e == WSC_OK ? migrate(s, err) : e;
}

/* Read and write to SQLite, so that the last to leave merges and removes the WAL; query_only to us.
 */
static enum wsc_err open_shared(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    int64_t tables;
    enum wsc_err e = open_handle(s, path, SQLITE_OPEN_READWRITE, err);
    if (e == WSC_OK)
        e = wsc_db_int(s, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (e != WSC_ERR_IO || has_sidecar(path, "-wal"))
        return e;
    /* A directory we may not write to has no room for a WAL, and so nobody who writes one. */
    close_handle(s);
    return open_immutable(s, path, err);
}

static enum wsc_err open_readable(struct wsc_store *s, const char *path, struct wsc_error *err)
{
    bool exists, blank;
    int64_t version = 0;
    size_t newest;
    (void)wsc_migrations(&newest);
    enum wsc_err e = look_first(s, path, &exists, &blank, err);
    if (e == WSC_OK && !exists)
        return wsc_error_set(err, WSC_ERR_NOT_FOUND,
                             "%s: no such database; `wsclose analyze FILE...` makes one", s->name);
    if (e == WSC_OK && blank)
        return wsc_error_set(err, WSC_ERR_FORMAT,
                             "%s: is empty, not a database; `wsclose analyze FILE...` makes one",
                             s->name);
    if (e == WSC_OK)
        e = open_shared(s, path, err);
    if (e == WSC_OK)
        e = check_version(s, &version, err);
    if (e == WSC_OK && version < (int64_t)newest)
        e = open_copy(s, err);
    return e == WSC_OK ? wsc_db_exec(s, "PRAGMA query_only = ON", err) : e;
}

/* Nobody else sees it and nothing of it is kept: no fsync. The journal stays, in memory, because an
 * import that turns out to be known is rolled back. */
static enum wsc_err open_private(struct wsc_store *s, struct wsc_error *err)
{
    enum wsc_err e = open_handle(s, "", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (e == WSC_OK)
        e = wsc_db_exec(s, PAGES "; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", err);
    return e == WSC_OK ? migrate(s, err) : e;
}

/* "./" keeps SQLite from reading a meaning into ":memory:", "file:..." or nothing at all. */
static enum wsc_err open_path(struct wsc_store *s, const char *path, bool write,
                              struct wsc_error *err)
{
    char file[PATH_MAX];
    int n = snprintf(file, sizeof(file), "%s%s", path[0] == '/' ? "" : "./", path);
    if (path[0] == '\0' || (size_t)n >= sizeof(file))
        return wsc_error_set(err, WSC_ERR_IO, "the name of a database is empty or too long");
    return write ? open_writable(s, file, err) : open_readable(s, file, err);
}

enum wsc_err wsc_store_open(const char *path, enum wsc_store_mode mode, struct wsc_store **out,
                            struct wsc_error *err)
{
    *out = NULL;
    struct wsc_store *s = wsc_calloc(1, sizeof(*s));
    if (s == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    bool private = mode == WSC_STORE_PRIVATE;
    (void)snprintf(s->name, sizeof(s->name), "%s", private ? "temporary database" : path);
    enum wsc_err e =
        private ? open_private(s, err) : open_path(s, path, mode == WSC_STORE_WRITE, err);
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
    /* Closing does it too, but not for who may no longer reach the file by its name. */
    if (s->kept[WSC_PUT_CONNECTION] != NULL || s->kept[WSC_PUT_CONNECTIONS] != NULL)
        (void)sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    for (size_t i = 0; i < WSC_KEPT_STMTS; i++) {
        (void)sqlite3_finalize(s->kept[i]);
        wsc_free(s->bound[i]);
    }
    close_handle(s);
    wsc_ends_clear(&s->ends);
    wsc_amends_clear(&s->amends);
    wsc_free(s->capture_ids);
    wsc_free(s->known_captures);
    wsc_free(s);
}
