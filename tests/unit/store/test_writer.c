/* Records put by a thread of their own. Holds under -fsanitize=thread, too. */
#include "base/alloc.h"
#include "store/db.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static size_t threads(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    cr_assert_not_null(d);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n;
}

/* Of the kinds that records are in: some with Closes, violations, sentences, a key. */
static struct wsc_closure record_of(size_t i)
{
    static const char *const keys[] = {"dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA=="};
    struct wsc_closure c = i % 3 == 0 ? record_full() : record_plain(T0 + i * SECOND, i + 1);
    c.first_packet = WSC_REF(0, i + 1);
    c.last_packet = WSC_REF(0, i + 2);
    c.tcp_end_packet = c.close[0].packet = c.close[1].packet = WSC_REF(0, i + 2);
    if (i % 4 == 0)
        c.violations_len = 0;
    c.evidence_len = i % 3 == 0 ? c.evidence_len : 0;
    c.open_state = (struct wsc_span){0};
    c.resumed_id = c.replaced_id = 0;
    c.key = i % 5 != 4 ? text(keys[i % 2]) : (struct wsc_span){0};
    return c;
}

static struct wsc_store *begun(const char *path)
{
    const char *name = "a.pcap";
    struct wsc_error err = {0};
    struct wsc_store *s = open_store(path, WSC_STORE_WRITE);
    cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK, "%s", err.message);
    return s;
}

static void commit(struct wsc_store *s)
{
    const struct wsc_store_capture cap = {.fingerprint = "aa"};
    struct wsc_error err = {0};
    enum wsc_import_result result;
    cr_assert_eq(wsc_store_commit(s, &cap, 1, &result, &err), WSC_OK, "%s", err.message);
    wsc_store_close(s);
}

/* The text of a record is gone when the call is over. */
static enum wsc_err put_copy(struct wsc_writer *w, size_t i, struct wsc_error *err)
{
    struct wsc_closure c = record_of(i);
    struct wsc_closure *copy = wsc_closure_copy(&c);
    cr_assert_not_null(copy);
    enum wsc_err e = wsc_writer_put(w, copy, err);
    memset(copy, 0xa5, wsc_closure_size(&c));
    wsc_closure_free(copy);
    return e;
}

/* Rows of one database that the other has not, of all tables that records are in and of the schema.
 */
static int64_t rows_only_in(const char *one, const char *other)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM (SELECT * FROM connections EXCEPT SELECT * FROM "
        "o.connections))"
        " + (SELECT count(*) FROM (SELECT * FROM close_frames EXCEPT SELECT * FROM o.close_frames))"
        " + (SELECT count(*) FROM (SELECT * FROM violations EXCEPT SELECT * FROM o.violations))"
        " + (SELECT count(*) FROM (SELECT * FROM evidence EXCEPT SELECT * FROM o.evidence))"
        " + (SELECT count(*) FROM (SELECT name, sql FROM sqlite_master"
        "    EXCEPT SELECT name, sql FROM o.sqlite_master))";
    char attach[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    (void)snprintf(attach, sizeof(attach), "ATTACH '%s' AS o", other);
    cr_assert_eq(sqlite3_open(one, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return n;
}

static void expect_same(const char *a, const char *b, size_t n)
{
    char out[64];
    cr_expect_eq(rows_only_in(a, b), 0, "%zu records", n);
    cr_expect_eq(rows_only_in(b, a), 0, "%zu records", n);
    cr_expect_str_eq(wsc_tmp_db_ask(b, "PRAGMA integrity_check", out, sizeof(out)), "ok");
    cr_expect_str_eq(
        wsc_tmp_db_ask(b, "SELECT count(*) FROM pragma_foreign_key_check", out, sizeof(out)), "0");
}

/* None, one, not enough for a batch, a batch, more than may wait, more than an index waits for. */
static const size_t counts[] = {0, 1, 15, 16, 17, 127, 128, 129, 700, 9000};

Test(store_writer, the_same_rows_as_without_it)
{
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        struct wsc_tmp_db t, u;
        struct wsc_error err = {0};
        struct wsc_writer *w;
        int64_t id = 0;
        size_t before = threads();
        wsc_tmp_db_init(&t);
        wsc_tmp_db_init(&u);
        struct wsc_store *s = begun(t.path);
        for (size_t i = 0; i < counts[k]; i++) {
            struct wsc_closure c = record_of(i);
            cr_assert_eq(wsc_store_put(s, &c, &id, &err), WSC_OK, "%s", err.message);
            cr_assert_eq(id, (int64_t)i + 1);
        }
        commit(s);
        s = begun(u.path);
        cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
        for (size_t i = 0; i < counts[k]; i++)
            cr_assert_eq(put_copy(w, i, &err), WSC_OK, "%s", err.message);
        cr_assert_eq(wsc_writer_end(w, true, &err), WSC_OK, "%s", err.message);
        cr_expect_eq(threads(), before, "no thread is left");
        commit(s);
        expect_same(t.path, u.path, counts[k]);
        wsc_tmp_db_clear(&t);
        wsc_tmp_db_clear(&u);
    }
}

/* SQLite recodes texts when they are bound, not when the statement runs. */
Test(store_writer, rows_differ_in_a_database_of_utf_16_too)
{
    struct wsc_tmp_db t;
    struct wsc_error err = {0};
    int64_t id;
    char out[16];
    wsc_tmp_db_init(&t);
    wsc_tmp_db_sql(t.path, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE x (y); DROP TABLE x");
    struct wsc_store *s = begun(t.path);
    for (size_t i = 0; i < 3; i++) {
        struct wsc_closure c = record_plain(T0 + i * SECOND, i + 1);
        cr_assert_eq(wsc_store_put(s, &c, &id, &err), WSC_OK, "%s", err.message);
    }
    commit(s);
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, "PRAGMA encoding", out, sizeof(out)), "UTF-16le");
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, "SELECT count(DISTINCT sort_time) FROM connections",
                                    out, sizeof(out)),
                     "3");
    wsc_tmp_db_clear(&t);
}

/* Records that fill a batch by bytes, and one that no batch holds. */
Test(store_writer, large_records)
{
    static char big[600000];
    static const size_t lens[] = {100, 200000, 100000, 600000, 10, 600000, 260000, 1};
    struct wsc_tmp_db t;
    struct wsc_error err = {0};
    struct wsc_writer *w;
    char out[128];
    memset(big, 'x', sizeof(big));
    wsc_tmp_db_init(&t);
    struct wsc_store *s = begun(t.path);
    cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct wsc_closure c = record_plain(T0, i + 1);
        c.path = bytes(big, lens[i]);
        cr_assert_eq(wsc_writer_put(w, &c, &err), WSC_OK);
    }
    cr_assert_eq(wsc_writer_end(w, true, &err), WSC_OK);
    commit(s);
    cr_expect_str_eq(wsc_tmp_db_ask(t.path,
                                    "SELECT group_concat(length(path), ' ') FROM connections", out,
                                    sizeof(out)),
                     "100 200000 100000 600000 10 600000 260000 1");
    wsc_tmp_db_clear(&t);
}

static size_t records_in(const char *path)
{
    struct wsc_filter all;
    wsc_filter_init(&all);
    struct wsc_store *s = open_store(path, WSC_STORE_READ);
    size_t n = count_records(s, &all);
    wsc_store_close(s);
    return n;
}

/* No room in the database, at once or after some batches: the caller hears of it while it puts, or
 * at the end, and nothing is stored. */
Test(store_writer, disk_full)
{
    static const struct {
        int pages; /* more than there are */
        size_t records;
    } rows[] = {{1, 300}, {1, 5000}, {40, 5000}, {100, 20000}};
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct wsc_tmp_db t;
        struct wsc_error err = {0};
        struct wsc_writer *w;
        char sql[96];
        int64_t pages = 0;
        size_t before = threads(), refused = 0;
        wsc_tmp_db_init(&t);
        struct wsc_store *s = begun(t.path);
        cr_assert_eq(wsc_db_int(s, "PRAGMA page_count", &pages, &err), WSC_OK);
        (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d", (int)pages + rows[k].pages);
        cr_assert_eq(wsc_db_exec(s, sql, &err), WSC_OK);
        cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
        for (size_t i = 0; i < rows[k].records; i++)
            refused += put_copy(w, i, &err) != WSC_OK;
        err = (struct wsc_error){0};
        cr_expect_eq(wsc_writer_end(w, true, &err), WSC_ERR_IO, "row %zu", k);
        cr_expect(strstr(err.message, "full") != NULL, "row %zu: %s", k, err.message);
        cr_expect(rows[k].records < 1000 || refused > 0, "row %zu: it went on", k);
        cr_expect_eq(threads(), before);
        wsc_store_close(s);
        cr_expect_eq(records_in(t.path), 0, "row %zu", k);
        wsc_tmp_db_clear(&t);
    }
}

/* Given up while batches wait: what was not put is dropped, the caller takes back the rest. */
Test(store_writer, given_up)
{
    for (size_t n = 0; n <= 2000; n += 500) {
        struct wsc_tmp_db t;
        struct wsc_error err = {0};
        struct wsc_writer *w;
        size_t before = threads();
        wsc_tmp_db_init(&t);
        struct wsc_store *s = begun(t.path);
        cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(put_copy(w, i, &err), WSC_OK);
        cr_expect_eq(wsc_writer_end(w, false, &err), WSC_OK);
        cr_expect_eq(threads(), before);
        wsc_store_rollback(s);
        /* The store goes on. */
        const char *name = "a.pcap";
        struct wsc_closure c = record_of(0);
        int64_t id;
        cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK);
        cr_expect_eq(wsc_store_put(s, &c, &id, &err), WSC_OK);
        cr_expect_eq(id, 1);
        commit(s);
        cr_expect_eq(records_in(t.path), 1);
        wsc_tmp_db_clear(&t);
    }
}

Test(store_writer, no_import_is_under_way)
{
    struct wsc_error err = {0};
    struct wsc_writer *w;
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
    cr_expect_eq(put_copy(w, 0, &err), WSC_OK, "it is only taken");
    cr_expect_eq(wsc_writer_end(w, true, &err), WSC_ERR_INVALID);
    wsc_store_close(s);
}

static bool refuse(void *ctx)
{
    size_t *left = ctx;
    return (*left)-- > 0;
}

/* What is refused by the memory is said, and the writer goes on. */
Test(store_writer, memory_refused)
{
    struct wsc_error err = {0};
    struct wsc_writer *w;
    size_t left = 0;
    struct wsc_closure c = record_of(0);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    const char *name = "a.pcap";
    cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK);
    wsc_alloc_set_hook(refuse, &left);
    cr_expect_eq(wsc_writer_start(s, &w, &err), WSC_ERR_NOMEM);
    wsc_alloc_set_hook(NULL, NULL);
    cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
    left = 0;
    wsc_alloc_set_hook(refuse, &left);
    cr_expect_eq(wsc_writer_put(w, &c, &err), WSC_ERR_NOMEM);
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_eq(wsc_writer_put(w, &c, &err), WSC_OK);
    cr_expect_eq(wsc_writer_end(w, true, &err), WSC_OK);
    wsc_store_close(s);
}

/* While an import is under way that makes its index last, others read what was there before, with
 * the index. */
Test(store_writer, others_read_meanwhile)
{
    struct wsc_tmp_db t;
    struct wsc_error err = {0};
    struct wsc_writer *w;
    char out[64];
    char before[128], after[128];
    static const char schema[] = "SELECT sql FROM sqlite_master WHERE name = 'connections_by_key'";
    static const char sql[] = "SELECT count(*) || ' ' || (SELECT count(*) FROM sqlite_master"
                              " WHERE name = 'connections_by_key') FROM connections";
    wsc_tmp_db_init(&t);
    struct wsc_store *s = begun(t.path);
    (void)wsc_tmp_db_ask(t.path, schema, before, sizeof(before));
    cr_assert_eq(wsc_writer_start(s, &w, &err), WSC_OK);
    for (size_t i = 0; i < 9000; i++) {
        cr_assert_eq(put_copy(w, i, &err), WSC_OK);
        if (i % 3000 == 2999)
            cr_expect_str_eq(wsc_tmp_db_ask(t.path, sql, out, sizeof(out)), "0 1");
    }
    cr_assert_eq(wsc_writer_end(w, true, &err), WSC_OK);
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, sql, out, sizeof(out)), "0 1");
    cr_expect(s->index_late, "the import was too small for it");
    commit(s);
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, sql, out, sizeof(out)), "9000 1");
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, schema, after, sizeof(after)), before);
    wsc_tmp_db_clear(&t);
}
