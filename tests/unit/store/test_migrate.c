#include "store/db.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

static const char next[] =
    "ALTER TABLE imports ADD COLUMN note TEXT; UPDATE imports SET note = 'old'";

static int64_t ask(struct wsc_store *s, const char *sql)
{
    int64_t v = 0;
    struct wsc_error err = {0};
    cr_assert_eq(wsc_db_int(s, sql, &v, &err), WSC_OK, "%s", err.message);
    return v;
}

/* A database of today meets a wsclose that knows one script more. */
Test(store_migrate, next_script)
{
    static const char *const aa[] = {"aa"};
    struct wsc_tmp_db t;
    struct wsc_error err = {0};
    struct wsc_closure r = record_plain(T0, 1);
    size_t n;
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    (void)import(s, aa, 1, "", &r, 1);
    const char *const *ours = wsc_migrations(&n);
    cr_assert_eq(n, 4);
    const char *const scripts[] = {ours[0], ours[1], ours[2], ours[3], next};
    cr_assert_eq(wsc_db_exec(s, "DELETE FROM close_codes", &err), WSC_OK);
    cr_expect_eq(wsc_migrate(s, scripts, 5, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(ask(s, "PRAGMA user_version"), 5);
    cr_expect_eq(ask(s, "SELECT count(*) FROM imports WHERE note = 'old'"), 1);
    cr_expect_eq(
        ask(s, "SELECT count(*) FROM close_codes WHERE first = 1006 AND name = 'Abnormal Closure'"),
        1, "the registry is written anew");
    cr_expect_eq(wsc_migrate(s, scripts, 5, &err), WSC_OK, "again: nothing to do: %s", err.message);
    wsc_store_close(s);
    /* And this wsclose leaves that database alone. */
    cr_expect_eq(wsc_store_open(t.path, WSC_STORE_WRITE, &s, &err), WSC_ERR_NEWER_DB);
    wsc_tmp_db_clear(&t);
}

/* A script that fails half-way leaves the version before it whole. */
Test(store_migrate, failing_script)
{
    struct wsc_error err = {0};
    size_t n;
    const char *const *ours = wsc_migrations(&n);
    const char *const scripts[] = {
        ours[0], ours[1], ours[2],
        ours[3], next,    "CREATE TABLE extra (x INTEGER) STRICT; CREATE TABLE imports (x)"};
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    cr_expect_eq(wsc_migrate(s, scripts, 6, &err), WSC_ERR_DB);
    cr_expect(strstr(err.message, "imports already exists") != NULL, "%s", err.message);
    cr_expect_eq(ask(s, "PRAGMA user_version"), 4);
    cr_expect_eq(ask(s, "SELECT count(*) FROM sqlite_master WHERE name = 'extra'"), 0);
    cr_expect_eq(ask(s, "SELECT count(*) FROM pragma_table_info('imports') WHERE name = 'note'"),
                 0);
    wsc_store_close(s);
}

/* From nothing, through all of them. */
Test(store_migrate, from_nothing)
{
    struct wsc_error err = {0};
    struct wsc_store s = {.name = "test"};
    size_t n;
    const char *const *ours = wsc_migrations(&n);
    const char *const scripts[] = {ours[0], ours[1], ours[2], ours[3], next};
    cr_assert_eq(sqlite3_open(":memory:", &s.db), SQLITE_OK);
    cr_expect_eq(wsc_migrate(&s, scripts, 5, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(ask(&s, "PRAGMA user_version"), 5);
    cr_expect_eq(ask(&s, "PRAGMA application_id"), WSC_APPLICATION_ID);
    (void)sqlite3_close(s.db);
}

/* Records of version 1 are all there afterwards, with nothing made up in the new columns. */
Test(store_migrate, from_version_1)
{
    static const char rows[] =
        "INSERT INTO imports VALUES (1, '', '2026-01-01T00:00:00Z');"
        "INSERT INTO captures (id, import_id, name) VALUES (1, 1, 'old.pcap');"
        "INSERT INTO connections (id, capture_id, first_capture_id, first_packet, stream_id,"
        " sort_time, outcome, midstream, ending, tcp_end, cause, frames_client, frames_server,"
        " messages_client, messages_server, bytes_client, bytes_server, pings_client, pings_server,"
        " pongs_client, pongs_server, missing_bytes_client, missing_bytes_server,"
        " retransmitted_client, retransmitted_server) VALUES (7, 1, 1, 1, 0,"
        " '2026-01-01T00:00:00.000000000Z', 'closed', 0, 'fin', 'fin', 'normal',"
        " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
        "INSERT INTO evidence VALUES (7, 0, 'a sentence')";
    struct wsc_error err = {0};
    struct wsc_store s = {.name = "test"};
    size_t n;
    const char *const *ours = wsc_migrations(&n);
    cr_assert_eq(sqlite3_open(":memory:", &s.db), SQLITE_OK);
    cr_assert_eq(wsc_migrate(&s, ours, 1, &err), WSC_OK, "%s", err.message);
    cr_assert_eq(wsc_db_exec(&s, rows, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(wsc_migrate(&s, ours, n, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(ask(&s, "SELECT count(*) FROM connections WHERE id = 7 AND cause = 'normal'"
                         " AND key IS NULL AND alone_cause IS NULL AND alone_confidence IS NULL"),
                 1);
    cr_expect_eq(ask(&s, "SELECT count(*) FROM evidence WHERE sentence = 'a sentence'"
                         " AND other_id IS NULL"),
                 1);
    (void)sqlite3_close(s.db);
}
