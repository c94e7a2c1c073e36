#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const aa[] = {"aa"};

/* A good database with |n| records at t->path. */
static void make_good(const struct wsc_tmp_db *t, size_t n)
{
    struct wsc_store *s = open_store(t->path, WSC_STORE_WRITE);
    struct wsc_closure *r = calloc(n + 1, sizeof(*r));
    cr_assert_not_null(r);
    for (size_t i = 0; i < n; i++)
        r[i] = record_plain(T0 + i, i + 1);
    cr_assert_eq(import(s, aa, 1, "", r, n), WSC_IMPORT_STORED);
    wsc_store_close(s);
    free(r);
}

static void zero_bytes(const struct wsc_tmp_db *t)
{
    wsc_tmp_db_write(t->path, "", 0);
}

static void not_a_database(const struct wsc_tmp_db *t)
{
    char text_file[5000];
    memset(text_file, 'x', sizeof(text_file));
    wsc_tmp_db_write(t->path, text_file, sizeof(text_file));
}

static void one_byte(const struct wsc_tmp_db *t)
{
    wsc_tmp_db_write(t->path, "x", 1);
}

static void foreign_id(const struct wsc_tmp_db *t)
{
    wsc_tmp_db_sql(t->path, "PRAGMA application_id = 7; PRAGMA user_version = 1");
}

static void foreign_tables(const struct wsc_tmp_db *t)
{
    wsc_tmp_db_sql(t->path, "CREATE TABLE connections (id INTEGER PRIMARY KEY)");
}

static void foreign_wal(const struct wsc_tmp_db *t)
{
    wsc_tmp_db_sql(t->path,
                   "PRAGMA journal_mode = WAL; CREATE TABLE mine (x); INSERT INTO mine VALUES (1)");
}

static void newer(const struct wsc_tmp_db *t)
{
    make_good(t, 1);
    wsc_tmp_db_sql(t->path, "PRAGMA user_version = 999");
}

static void directory(const struct wsc_tmp_db *t)
{
    cr_assert_eq(mkdir(t->path, 0700), 0);
}

static void fifo(const struct wsc_tmp_db *t)
{
    cr_assert_eq(mkfifo(t->path, 0600), 0);
}

static void only_magic(const struct wsc_tmp_db *t)
{
    char page[4096] = "SQLite format 3";
    wsc_tmp_db_write(t->path, page, sizeof(page));
}

static void nothing(const struct wsc_tmp_db *t)
{
    (void)t;
}

static const struct {
    const char *name;
    void (*make)(const struct wsc_tmp_db *t);
    enum wsc_err read, write;
    const char *says; /* in the message of the mode that fails */
} files[] = {
    {"no file", nothing, WSC_ERR_NOT_FOUND, WSC_OK, "no such database"},
    {"zero bytes", zero_bytes, WSC_ERR_FORMAT, WSC_OK, "is empty"},
    {"text", not_a_database, WSC_ERR_FORMAT, WSC_ERR_FORMAT, "not a SQLite database"},
    {"one byte", one_byte, WSC_ERR_FORMAT, WSC_ERR_FORMAT, "not a SQLite database"},
    {"another application_id", foreign_id, WSC_ERR_FOREIGN_DB, WSC_ERR_FOREIGN_DB,
     "belongs to another program"},
    {"tables without one", foreign_tables, WSC_ERR_FOREIGN_DB, WSC_ERR_FOREIGN_DB,
     "belongs to another program"},
    {"another's WAL database", foreign_wal, WSC_ERR_FOREIGN_DB, WSC_ERR_FOREIGN_DB,
     "belongs to another program"},
    {"newer", newer, WSC_ERR_NEWER_DB, WSC_ERR_NEWER_DB, "newer wsclose (schema 999"},
    {"directory", directory, WSC_ERR_IO, WSC_ERR_IO, "is a directory"},
    {"fifo", fifo, WSC_ERR_IO, WSC_ERR_IO, "is a device or pipe"},
    {"magic and zeros", only_magic, WSC_ERR_FORMAT, WSC_ERR_FORMAT, ""},
};

static size_t snapshot(const struct wsc_tmp_db *t, unsigned char **data)
{
    struct stat st;
    *data = NULL;
    return stat(t->path, &st) == 0 && S_ISREG(st.st_mode) ? wsc_tmp_db_read(t->path, data) : 0;
}

static void try_mode(size_t i, enum wsc_store_mode mode, enum wsc_err want)
{
    struct wsc_tmp_db t;
    struct wsc_store *s = NULL;
    struct wsc_error err = {0};
    unsigned char *before, *after;
    wsc_tmp_db_init(&t);
    files[i].make(&t);
    size_t n = snapshot(&t, &before), count = wsc_tmp_db_files(&t);
    enum wsc_err e = wsc_store_open(t.path, mode, &s, &err);
    cr_expect_eq(e, want, "%s: %s %s", files[i].name, wsc_err_name(e), err.message);
    cr_expect_eq(s == NULL, want != WSC_OK, "%s", files[i].name);
    wsc_store_close(s);
    if (want != WSC_OK) {
        cr_expect_eq(err.code, want, "%s", files[i].name);
        cr_expect(strstr(err.message, files[i].says) != NULL, "%s: %s", files[i].name, err.message);
        cr_expect_eq(wsc_tmp_db_files(&t), count, "%s: a file was left beside it", files[i].name);
        size_t m = snapshot(&t, &after);
        cr_expect(n == m && (n == 0 || memcmp(before, after, n) == 0), "%s: the file was changed",
                  files[i].name);
        free(after);
    }
    free(before);
    wsc_tmp_db_clear(&t);
}

Test(store_open, what_may_stand_there)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        try_mode(i, WSC_STORE_READ, files[i].read);
        try_mode(i, WSC_STORE_WRITE, files[i].write);
    }
}

Test(store_open, no_such_directory)
{
    struct wsc_store *s;
    struct wsc_error err = {0};
    cr_expect_eq(wsc_store_open("/nonexistent/dir/x.db", WSC_STORE_WRITE, &s, &err), WSC_ERR_IO);
    cr_expect(strstr(err.message, "No such file or directory") != NULL, "%s", err.message);
    cr_expect_eq(wsc_store_open("/nonexistent/dir/x.db", WSC_STORE_READ, &s, &err),
                 WSC_ERR_NOT_FOUND);
    cr_expect_eq(wsc_store_open("/dev/null/x.db", WSC_STORE_READ, &s, &err), WSC_ERR_IO);
    cr_expect_eq(wsc_store_open("", WSC_STORE_WRITE, &s, &err), WSC_ERR_IO);
    cr_expect_eq(wsc_store_open("", WSC_STORE_READ, &s, NULL), WSC_ERR_IO);
}

/* Names that mean something to SQLite are names of files to us. */
Test(store_open, odd_names)
{
    static const char *const names[] = {":memory:", "file:x?mode=memory", "a%41b#c d", "-x"};
    struct wsc_tmp_db t;
    struct stat st;
    wsc_tmp_db_init(&t);
    cr_assert_eq(chdir(t.dir), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (int again = 0; again < 2; again++)
            wsc_store_close(open_store(names[i], WSC_STORE_WRITE));
        wsc_store_close(open_store(names[i], WSC_STORE_READ));
        cr_expect_eq(stat(names[i], &st), 0, "%s", names[i]);
    }
    cr_expect_eq(wsc_tmp_db_files(&t), 4);
    cr_assert_eq(chdir("/"), 0);
    wsc_tmp_db_clear(&t);
}

static int see(void *ctx, const struct wsc_closure *rec)
{
    *(size_t *)ctx += rec->id > 0;
    return 0;
}

/* Of a database that is made now. */
#define PAGE ((size_t)16384)

/* Damage in every page in turn: a sentence or the records that are left, never a crash. */
Test(store_open, corrupt)
{
    struct wsc_tmp_db t;
    unsigned char *data;
    wsc_tmp_db_init(&t);
    make_good(&t, 200);
    size_t n = wsc_tmp_db_read(t.path, &data), failed = 0;
    for (size_t page = 0; page < n / PAGE; page++) {
        unsigned char *bad = malloc(n);
        cr_assert_not_null(bad);
        memcpy(bad, data, n);
        memset(bad + page * PAGE + (page == 0 ? 100 : 0), 0xa5, 600);
        wsc_tmp_db_write(t.path, bad, n);
        free(bad);
        struct wsc_store *s = NULL;
        struct wsc_error err = {0};
        struct wsc_filter all;
        wsc_filter_init(&all);
        size_t seen = 0;
        enum wsc_err e = wsc_store_open(t.path, WSC_STORE_READ, &s, &err);
        if (e == WSC_OK)
            e = wsc_store_query(s, &all, see, &seen, &err);
        wsc_store_close(s);
        if (e != WSC_OK) {
            failed++;
            cr_expect_eq(e, WSC_ERR_FORMAT, "page %zu: %s %s", page, wsc_err_name(e), err.message);
            cr_expect(strstr(err.message, "damaged") != NULL, "page %zu: %s", page, err.message);
        }
    }
    cr_expect_geq(failed, 2, "only %zu", failed);
    free(data);
    wsc_tmp_db_clear(&t);
}

static int see_row(void *ctx, const struct wsc_stats_row *row)
{
    *(size_t *)ctx += row->count > 0;
    return 0;
}

/* Opens, writes and asks, whatever comes of it; the first error. */
static enum wsc_err use(const char *path, enum wsc_store_mode mode)
{
    static const char *const names[] = {"x"};
    static const enum wsc_stats_key keys[] = {WSC_BY_CODE, WSC_BY_HOUR};
    const struct wsc_store_capture cap = {.fingerprint = "bb"};
    struct wsc_closure r = record_full();
    struct wsc_store *s = NULL;
    struct wsc_error err = {0};
    struct wsc_filter all;
    enum wsc_import_result result;
    size_t seen = 0;
    int64_t id;
    wsc_filter_init(&all);
    enum wsc_err e = wsc_store_open(path, mode, &s, &err);
    if (e == WSC_OK && mode == WSC_STORE_WRITE)
        e = wsc_store_begin(s, names, 1, "", &err);
    if (e == WSC_OK && mode == WSC_STORE_WRITE)
        e = wsc_store_put(s, &r, &id, &err);
    if (e == WSC_OK && mode == WSC_STORE_WRITE)
        e = wsc_store_commit(s, &cap, 1, &result, &err);
    if (e == WSC_OK)
        e = wsc_store_query(s, &all, see, &seen, &err);
    if (e == WSC_OK)
        e = wsc_store_stats(s, &all, keys, 2, see_row, &seen, &err);
    wsc_store_close(s);
    cr_expect(e == WSC_OK || err.message[0] != '\0');
    return e;
}

/* A few bytes changed anywhere: it may be noticed or not, but it is survived. */
Test(store_open, random_damage)
{
    struct wsc_tmp_db t;
    unsigned char *data;
    uint32_t x = 1;
    wsc_tmp_db_init(&t);
    make_good(&t, 60);
    size_t n = wsc_tmp_db_read(t.path, &data), noticed = 0;
    for (int i = 0; i < 200; i++) {
        unsigned char *bad = malloc(n);
        cr_assert_not_null(bad);
        memcpy(bad, data, n);
        for (int k = 0; k < 1 + i % 40; k++) {
            x = x * 1664525 +
                1013904223; /* the LCG of Numerical Recipes; its high bits are the random ones */
            bad[(x >> 8) % n] ^= (unsigned char)(x >> 24 | 1);
        }
        wsc_tmp_db_write(t.path, bad, n);
        free(bad);
        noticed += use(t.path, WSC_STORE_READ) != WSC_OK;
        noticed += use(t.path, WSC_STORE_WRITE) != WSC_OK;
    }
    cr_expect_gt(noticed, 0);
    free(data);
    wsc_tmp_db_clear(&t);
}

Test(store_open, cut_short)
{
    struct wsc_tmp_db t;
    unsigned char *data;
    wsc_tmp_db_init(&t);
    make_good(&t, 50);
    size_t n = wsc_tmp_db_read(t.path, &data);
    for (size_t len = 1; len <= n - PAGE; len += 997) {
        wsc_tmp_db_write(t.path, data, len);
        struct wsc_store *s = NULL;
        struct wsc_error err = {0};
        cr_expect_eq(wsc_store_open(t.path, WSC_STORE_READ, &s, &err), WSC_ERR_FORMAT,
                     "%zu of %zu bytes: %s", len, n, err.message);
        wsc_store_close(s);
    }
    free(data);
    wsc_tmp_db_clear(&t);
}

/* What an enemy's schema would compute is refused; what it would check is not looked at. */
Test(store_open, made_by_an_enemy)
{
    static const struct {
        const char *sql;
        enum wsc_err want;
    } rows[] = {
        {"CREATE TRIGGER t AFTER INSERT ON evidence BEGIN SELECT 1; END", WSC_ERR_FOREIGN_DB},
        {"CREATE INDEX i ON connections (length(reason))", WSC_ERR_FOREIGN_DB},
        {"CREATE INDEX i ON connections (host) WHERE path GLOB '*a*b'", WSC_ERR_FOREIGN_DB},
        {"ALTER TABLE connections ADD COLUMN x TEXT AS (hex(reason))", WSC_ERR_FOREIGN_DB},
        {"ALTER TABLE close_frames ADD COLUMN x TEXT DEFAULT (hex(1))", WSC_ERR_FOREIGN_DB},
        {"CREATE TABLE pragma_index_xinfo (cid)", WSC_ERR_DB},
        {"CREATE INDEX i ON connections (host, path)", WSC_OK},
        {"ALTER TABLE connections ADD COLUMN note TEXT DEFAULT 'x'", WSC_OK},
        {"ALTER TABLE connections ADD COLUMN x INT CHECK (cause IS 'never')", WSC_OK},
    };
    static const char *const a[] = {"a"};
    struct wsc_closure r = record_plain(T0, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tmp_db t;
        wsc_tmp_db_init(&t);
        make_good(&t, 0);
        wsc_tmp_db_sql(t.path, rows[i].sql);
        for (int mode = WSC_STORE_READ; mode <= WSC_STORE_WRITE; mode++) {
            struct wsc_store *s;
            struct wsc_error err = {0};
            cr_expect_eq(wsc_store_open(t.path, (enum wsc_store_mode)mode, &s, &err), rows[i].want,
                         "%s: %s", rows[i].sql, err.message);
            if (s != NULL && mode == WSC_STORE_WRITE)
                cr_expect_eq(import(s, a, 1, "", &r, 1), WSC_IMPORT_STORED, "%s", rows[i].sql);
            wsc_store_close(s);
        }
        wsc_tmp_db_clear(&t);
    }
}

/* Reading writes nothing and leaves nothing. */
Test(store_open, read_leaves_no_trace)
{
    struct wsc_tmp_db t;
    struct wsc_filter all;
    unsigned char *before, *after;
    static const char *const names[] = {"x"};
    struct wsc_error err = {0};
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    make_good(&t, 3);
    size_t n = wsc_tmp_db_read(t.path, &before);
    struct wsc_store *s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 3);
    cr_expect_eq(wsc_store_begin(s, names, 1, "", &err), WSC_ERR_IO, "%s", err.message);
    wsc_store_close(s);
    cr_expect_eq(wsc_tmp_db_files(&t), 1);
    size_t m = wsc_tmp_db_read(t.path, &after);
    cr_expect(n == m && memcmp(before, after, n) == 0);
    free(before);
    free(after);
    wsc_tmp_db_clear(&t);
}

/* A schema older than ours: who reads gets it brought up to date in a copy, who writes in place. */
Test(store_open, older)
{
    struct wsc_tmp_db t;
    struct wsc_filter all;
    unsigned char *before, *after;
    char out[16];
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    wsc_tmp_db_sql(t.path, "PRAGMA application_id = 1465074481; PRAGMA journal_mode = WAL");
    size_t n = wsc_tmp_db_read(t.path, &before);
    struct wsc_store *s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 0);
    wsc_store_close(s);
    size_t m = wsc_tmp_db_read(t.path, &after);
    cr_expect(n == m && memcmp(before, after, n) == 0);
    cr_expect_eq(wsc_tmp_db_files(&t), 1);
    wsc_store_close(open_store(t.path, WSC_STORE_WRITE));
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, "PRAGMA user_version", out, sizeof(out)), "4");
    free(before);
    free(after);
    wsc_tmp_db_clear(&t);
}

/* As somebody who may read the file, but neither write it nor its directory. */
Test(store_open, read_only)
{
    struct wsc_tmp_db t;
    struct wsc_filter all;
    struct wsc_store *s = NULL;
    struct wsc_error err = {0};
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    make_good(&t, 3);
    cr_assert_eq(chmod(t.path, 0444), 0);
    cr_assert_eq(chmod(t.dir, 0555), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 3);
    wsc_store_close(s);
    cr_expect_eq(wsc_store_open(t.path, WSC_STORE_WRITE, &s, &err), WSC_ERR_IO);
    cr_expect(strstr(err.message, "no permission to write") != NULL, "%s", err.message);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(t.path, 0000), 0);
    cr_assert_eq(chmod(t.dir, 0755), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    cr_expect_eq(wsc_store_open(t.path, WSC_STORE_READ, &s, &err), WSC_ERR_IO);
    cr_expect(strstr(err.message, "Permission denied") != NULL, "%s", err.message);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    wsc_tmp_db_clear(&t);
}

/* Readers and a writer at the same time, also when the writer has not merged its WAL yet. */
Test(store_open, read_beside_a_writer)
{
    struct wsc_tmp_db t;
    struct wsc_filter all;
    struct wsc_closure r = record_plain(T0, 1);
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    struct wsc_store *w = open_store(t.path, WSC_STORE_WRITE);
    cr_assert_eq(import(w, aa, 1, "", &r, 1), WSC_IMPORT_STORED);
    struct wsc_store *s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 1);
    wsc_store_close(w);
    cr_expect_eq(count_records(s, &all), 1);
    wsc_store_close(s);
    cr_expect_eq(wsc_tmp_db_files(&t), 1);
    wsc_tmp_db_clear(&t);
}
