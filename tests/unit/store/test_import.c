#include "base/alloc.h"
#include "store/db.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct wsc_filter everything(void)
{
    struct wsc_filter f;
    wsc_filter_init(&f);
    return f;
}

static struct wsc_filter of_last_import(void)
{
    struct wsc_filter f = everything();
    f.last_import = true;
    return f;
}

/* A run of imports into one database. |captures| are fingerprints; a record is put for each letter
 * of |records|: packet 1, 2,
 * ... of the capture that the digit names, or, for "01", one that begins in capture 0 and ends
 * in 1. */
struct step {
    const char *captures; /* one letter each */
    const char *options;
    const char *records; /* first and last capture of each, "00 01 11" */
    enum wsc_import_result want;
    size_t all, last; /* records in the database and of the last import afterwards */
};

static const struct {
    const char *name;
    struct step steps[4];
} runs[] = {
    {"one capture", {{"a", "", "00 00", WSC_IMPORT_STORED, 2, 2}}},
    {"the same twice",
     {{"a", "", "00 00", WSC_IMPORT_STORED, 2, 2}, {"a", "", "00 00", WSC_IMPORT_KNOWN, 2, 2}}},
    {"other options",
     {{"a", "", "00 00", WSC_IMPORT_STORED, 2, 2},
      {"a", "port 80", "00", WSC_IMPORT_REPLACED, 1, 1}}},
    {"another capture",
     {{"a", "", "00 00", WSC_IMPORT_STORED, 2, 2}, {"b", "", "00", WSC_IMPORT_STORED, 3, 1}}},
    {"a set grows",
     {{"a", "", "00 00", WSC_IMPORT_STORED, 2, 2},
      {"ab", "", "00 01 11", WSC_IMPORT_REPLACED, 3, 3}}},
    {"a subset",
     {{"ab", "", "00 01 11", WSC_IMPORT_STORED, 3, 3},
      {"a", "", "00 00", WSC_IMPORT_KNOWN, 3, 1}, /* it ends in b */
      {"b", "", "00", WSC_IMPORT_KNOWN, 3, 2}}},
    {"another order",
     {{"ab", "", "00 01 11", WSC_IMPORT_STORED, 3, 3},
      {"ba", "", "00 10", WSC_IMPORT_KNOWN, 3, 3}}},
    {"half of a set, other options",
     {{"ab", "", "00 01 11", WSC_IMPORT_STORED, 3, 3},
      {"a", "x", "00", WSC_IMPORT_REPLACED, 2, 1}}},
    {"one in common",
     {{"ab", "", "00 01 11", WSC_IMPORT_STORED, 3, 3},
      {"bc", "", "00 01", WSC_IMPORT_REPLACED, 3, 2}}},
    {"two sets in one",
     {{"a", "", "00", WSC_IMPORT_STORED, 1, 1},
      {"b", "", "00", WSC_IMPORT_STORED, 2, 1},
      {"ab", "", "00 11 01", WSC_IMPORT_REPLACED, 3, 3},
      {"ab", "", "00 11 01", WSC_IMPORT_KNOWN, 3, 3}}},
    {"known in two imports is not known in one",
     {{"a", "", "00", WSC_IMPORT_STORED, 1, 1},
      {"b", "", "00", WSC_IMPORT_STORED, 2, 1},
      {"ba", "", "00 01", WSC_IMPORT_REPLACED, 2, 2}}},
    {"a copy in the same import",
     {{"aa", "", "00 11 01", WSC_IMPORT_STORED, 3, 3},
      {"aa", "", "00 11 01", WSC_IMPORT_KNOWN, 3, 3},
      {"a", "", "00", WSC_IMPORT_REPLACED, 1, 1}, /* read once it is another stream */
      {"a", "", "00", WSC_IMPORT_KNOWN, 1, 1}}},
    {"nothing known of the content",
     {{"-", "", "00", WSC_IMPORT_STORED, 1, 1}, {"-", "", "00", WSC_IMPORT_STORED, 2, 1}}},
    {"partly unknown",
     {{"a-", "", "00 11", WSC_IMPORT_STORED, 2, 2},
      {"a-", "", "00 11", WSC_IMPORT_REPLACED, 3, 2}}},
    {"no records", {{"a", "", "", WSC_IMPORT_STORED, 0, 0}, {"a", "", "", WSC_IMPORT_KNOWN, 0, 0}}},
};

static enum wsc_import_result run_step(struct wsc_store *s, const struct step *step)
{
    static const char *const letters[] = {"a", "b", "c", ""};
    const char *prints[4];
    struct wsc_closure records[8];
    size_t n = 0, count = 0;
    for (const char *p = step->captures; *p != '\0'; p++)
        prints[n++] = letters[*p == '-' ? 3 : *p - 'a'];
    for (const char *p = step->records; *p != '\0'; p += p[2] == ' ' ? 3 : 2) {
        records[count] = record_plain(T0 + count, 0);
        records[count].first_packet = WSC_REF(p[0] - '0', count + 1);
        records[count].last_packet = WSC_REF(p[1] - '0', count + 2);
        count++;
    }
    return import(s, prints, n, step->options, records, count);
}

/* Rows that say a packet is in a capture which is not, or is in another import. */
static const char dangling[] =
    "SELECT count(*) FROM (SELECT c.capture_id AS own, c.first_capture_id AS other FROM "
    "connections c"
    " UNION ALL SELECT c.capture_id, c.tcp_end_capture_id FROM connections c"
    " UNION ALL SELECT c.capture_id, f.capture_id FROM connections c JOIN close_frames f ON "
    "connection_id = id"
    " UNION ALL SELECT c.capture_id, v.capture_id FROM connections c JOIN violations v ON "
    "connection_id = id)"
    " WHERE other IS NOT NULL AND NOT EXISTS (SELECT 1 FROM captures p JOIN captures q USING "
    "(import_id)"
    "  WHERE p.id = own AND q.id = other)";

Test(store_import, known_by_content)
{
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct wsc_tmp_db t;
        wsc_tmp_db_init(&t);
        for (size_t k = 0; k < 4 && runs[i].steps[k].captures != NULL; k++) {
            const struct step *step = &runs[i].steps[k];
            struct wsc_filter all = everything(), last = of_last_import();
            struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
            enum wsc_import_result got = run_step(s, step);
            cr_expect_eq(got, step->want, "%s, step %zu: %d", runs[i].name, k, (int)got);
            cr_expect_eq(count_records(s, &all), step->all, "%s, step %zu: %zu in all",
                         runs[i].name, k, count_records(s, &all));
            cr_expect_eq(count_records(s, &last), step->last, "%s, step %zu: %zu of the last",
                         runs[i].name, k, count_records(s, &last));
            wsc_store_close(s);
        }
        char out[32];
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, "SELECT count(*) FROM pragma_foreign_key_check",
                                        out, sizeof(out)),
                         "0");
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, dangling, out, sizeof(out)), "0", "%s",
                         runs[i].name);
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, "PRAGMA integrity_check", out, sizeof(out)), "ok");
        cr_expect_str_eq(
            wsc_tmp_db_ask(
                t.path,
                "SELECT count(*) FROM imports WHERE id NOT IN (SELECT import_id FROM captures)",
                out, sizeof(out)),
            "0", "%s", runs[i].name);
        wsc_tmp_db_clear(&t);
    }
}

/* The name of a known capture stays the one it was first read under. */
Test(store_import, first_name_stays)
{
    struct wsc_tmp_db t;
    char out[64];
    static const char *const first[] = {"mon.pcap"}, *const second[] = {"copy.pcap"};
    const struct wsc_store_capture cap = {.fingerprint = "aa"};
    enum wsc_import_result result;
    struct wsc_error err;
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    cr_assert_eq(wsc_store_begin(s, first, 1, "", &err), WSC_OK);
    cr_assert_eq(wsc_store_commit(s, &cap, 1, &result, &err), WSC_OK);
    cr_assert_eq(wsc_store_begin(s, second, 1, NULL, &err), WSC_OK); /* NULL options are none */
    cr_assert_eq(wsc_store_commit(s, &cap, 1, &result, &err), WSC_OK);
    cr_expect_eq(result, WSC_IMPORT_KNOWN);
    wsc_store_close(s);
    cr_expect_str_eq(
        wsc_tmp_db_ask(t.path, "SELECT group_concat(name) FROM captures", out, sizeof(out)),
        "mon.pcap");
    wsc_tmp_db_clear(&t);
}

/* A connection from capture 0 to 2 with its Close frame, a violation or its RST in 1 goes when 1 is
 * replaced. */
Test(store_import, replaced_in_the_middle)
{
    static const char *const abc[] = {"a", "b", "c"}, *const b[] = {"b"};
    for (int where = 0; where < 4; where++) {
        struct wsc_closure r = record_plain(T0, 1);
        r.last_packet = WSC_REF(2, 9);
        r.close[0] =
            (struct wsc_close_frame){.seen = true, .code = 1000, .packet = WSC_REF(where == 0, 5)};
        r.violations[0] =
            (struct wsc_violation){WSC_SIDE_CLIENT, WSC_RULE_RESERVED_BITS, WSC_REF(where == 1, 5)};
        r.violations_len = 1;
        r.tcp_end_packet = WSC_REF(where == 2, 5);
        struct wsc_filter all = everything();
        struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
        (void)import(s, abc, 3, "", &r, 1);
        cr_expect_eq(import(s, b, 1, "other", NULL, 0), WSC_IMPORT_REPLACED);
        cr_expect_eq(count_records(s, &all), where == 3 ? 1 : 0, "%d", where);
        wsc_store_close(s);
    }
}

Test(store_import, rolled_back)
{
    static const char *const a[] = {"a"}, *const names[] = {"x"};
    struct wsc_closure r = record_plain(T0, 1);
    struct wsc_filter all = everything();
    struct wsc_error err;
    int64_t id;
    static const enum wsc_store_mode modes[] = {WSC_STORE_WRITE, WSC_STORE_PRIVATE};
    for (size_t i = 0; i < 2; i++) {
        struct wsc_tmp_db t;
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, modes[i]);
        (void)import(s, a, 1, "", &r, 1);
        cr_assert_eq(wsc_store_begin(s, names, 1, "", &err), WSC_OK);
        for (int k = 0; k < 1000; k++)
            cr_assert_eq(wsc_store_put(s, &r, &id, &err), WSC_OK);
        cr_expect_eq(count_records(s, &all), 1001); /* seen on this handle while it is under way */
        wsc_store_rollback(s);
        cr_expect_eq(count_records(s, &all), 1);
        struct wsc_filter last = of_last_import();
        cr_expect_eq(count_records(s, &last), 0);
        cr_expect_eq(import(s, a, 1, "", &r, 1), WSC_IMPORT_KNOWN); /* and the handle goes on */
        wsc_store_close(s);
        wsc_tmp_db_clear(&t);
    }
}

/* SQLite ends a transaction by itself where memory or the disk fails it, in a question too: what
 * was put is not told as stored. */
Test(store_import, taken_back_by_sqlite)
{
    static const char *const names[] = {"x"};
    struct wsc_closure r = record_plain(T0, 1);
    struct wsc_filter all = everything();
    struct wsc_error err;
    int64_t id;
    for (int way = 0; way < 4; way++) {
        struct wsc_tmp_db t;
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
        const struct wsc_store_capture caps[1] = {{.fingerprint = "aa"}};
        enum wsc_import_result result;
        cr_assert_eq(wsc_store_begin(s, names, 1, "", &err), WSC_OK);
        if (way > 0)
            cr_assert_eq(wsc_store_flush(s, &err), WSC_OK);
        cr_assert_eq(wsc_store_put(s, &r, &id, &err), WSC_OK);
        cr_assert_eq(sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        enum wsc_err e = way < 2    ? wsc_store_put(s, &r, &id, &err)
                         : way == 2 ? wsc_store_flush(s, &err)
                                    : wsc_store_commit(s, caps, 1, &result, &err);
        cr_expect_eq(e, WSC_ERR_DB, "way %d: %d", way, (int)e);
        cr_expect_eq(count_records(s, &all), 0, "way %d", way);
        wsc_store_close(s);
        wsc_tmp_db_clear(&t);
    }
}

/* Options that are known only at the end count as if they had been from the start. */
Test(store_import, options_said_at_the_end)
{
    static const struct {
        const char *begin, *end; /* NULL: not said again */
        bool flush;
        enum wsc_import_result want;
    } rows[] = {
        {"plain", NULL, false, WSC_IMPORT_STORED},
        {"plain", "plain secrets=1", false, WSC_IMPORT_REPLACED},
        {"plain", "plain secrets=1", false, WSC_IMPORT_KNOWN},
        {"plain secrets=1", NULL, false, WSC_IMPORT_KNOWN},
        {"plain", "plain secrets=2", true, WSC_IMPORT_REPLACED},
        {"plain", NULL, false, WSC_IMPORT_REPLACED},
    };
    static const char *const names[] = {"x"};
    const struct wsc_store_capture caps[1] = {{.fingerprint = "aa"}};
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    struct wsc_error err;
    cr_expect_eq(wsc_store_set_options(s, "none is under way", &err), WSC_ERR_INVALID);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum wsc_import_result got;
        cr_assert_eq(wsc_store_begin(s, names, 1, rows[i].begin, &err), WSC_OK);
        if (rows[i].flush)
            cr_assert_eq(wsc_store_flush(s, &err), WSC_OK);
        if (rows[i].end != NULL)
            cr_assert_eq(wsc_store_set_options(s, rows[i].end, &err), WSC_OK);
        cr_assert_eq(wsc_store_commit(s, caps, 1, &got, &err), WSC_OK);
        cr_expect_eq(got, rows[i].want, "row %zu: %d", i, (int)got);
    }
    wsc_store_close(s);
}

/* Behind the greatest row number SQLite takes any, and rows put at once do not follow each other.
 */
Test(store_import, no_row_numbers_left)
{
    static const struct {
        const char *id;
        enum wsc_err want;
    } rows[] = {{"9223372036854775807", WSC_ERR_DB},
                {"4611686018427387904", WSC_ERR_DB},
                {"4611686018427387903", WSC_OK}};
    static const char *const a[] = {"a"}, *const names[] = {"x"};
    struct wsc_closure r = record_plain(T0, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tmp_db t;
        struct wsc_error err = {0};
        char sql[80];
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
        (void)import(s, a, 1, "", &r, 1);
        wsc_store_close(s);
        (void)snprintf(sql, sizeof(sql), "UPDATE connections SET id = %s", rows[i].id);
        wsc_tmp_db_sql(t.path, sql);
        s = open_store(t.path, WSC_STORE_WRITE);
        cr_expect_eq(wsc_store_begin(s, names, 1, "", &err), rows[i].want, "%s: %s", rows[i].id,
                     err.message);
        wsc_store_close(s);
        wsc_tmp_db_clear(&t);
    }
}

Test(store_import, wrong_use)
{
    static const char *const names[] = {"x"};
    const struct wsc_store_capture caps[2] = {{.fingerprint = "aa"}, {.fingerprint = "bb"}};
    struct wsc_closure r = record_plain(T0, 1);
    enum wsc_import_result result;
    struct wsc_error err;
    int64_t id;
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    cr_expect_eq(wsc_store_put(s, &r, &id, &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_flush(s, &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_commit(s, caps, 1, &result, &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_begin(s, names, 0, "", &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_begin(s, names, WSC_MAX_CAPTURES + 1, "", &err), WSC_ERR_LIMIT);
    cr_expect_eq(wsc_store_begin(s, names, 1, "", &err), WSC_OK);
    cr_expect_eq(wsc_store_begin(s, names, 1, "", &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_commit(s, caps, 2, &result, &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_store_commit(s, caps, 1, &result, &err), WSC_OK);
    wsc_store_rollback(s);
    wsc_store_close(s);
    wsc_store_close(NULL);
}

/* ---- memory ---- */

struct budget {
    size_t asked, fail_at;
};

static bool within(void *ctx)
{
    struct budget *b = ctx;
    return b->asked++ != b->fail_at;
}

static int nothing(void *ctx, const struct wsc_closure *rec)
{
    (void)ctx;
    (void)rec;
    return 0;
}

/* Two imports, of which the second is known, and a query; the first thing that goes wrong. */
static enum wsc_err whole_life(void)
{
    static const char *const names[] = {"x"};
    const struct wsc_store_capture cap = {.fingerprint = "aa"};
    struct wsc_closure r = record_full();
    struct wsc_filter last = of_last_import();
    struct wsc_store *s = NULL;
    struct wsc_error err;
    enum wsc_import_result result;
    int64_t id;
    r.app = bytes("\xff", 1);
    enum wsc_err e = wsc_store_open("", WSC_STORE_PRIVATE, &s, &err);
    for (int i = 0; e == WSC_OK && i < 2; i++) {
        e = wsc_store_begin(s, names, 1, "", &err);
        if (e == WSC_OK)
            e = wsc_store_put(s, &r, &id, &err);
        if (e == WSC_OK)
            e = wsc_store_commit(s, &cap, 1, &result, &err);
    }
    if (e == WSC_OK)
        e = wsc_store_query(s, &last, nothing, NULL, &err);
    wsc_store_close(s);
    return e;
}

/* Each allocation of ours refused in turn: out of memory, nothing lost, nothing leaked (ASan
 * looks). */
Test(store_import, memory_refused)
{
    struct budget b = {.fail_at = SIZE_MAX};
    wsc_alloc_set_hook(within, &b);
    cr_assert_eq(whole_life(), WSC_OK);
    size_t total = b.asked;
    cr_assert_geq(total, 6);
    for (size_t i = 0; i < total; i++) {
        b = (struct budget){.fail_at = i};
        cr_expect_eq(whole_life(), WSC_ERR_NOMEM, "allocation %zu", i);
    }
    wsc_alloc_set_hook(NULL, NULL);
}

/* ---- crashes ---- */

/* In a child: begins, puts |n| records, flushing after |flush_at| of them (0: never), and is
 * killed. */
static void import_and_die(const char *path, size_t n, size_t flush_at)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        static const char *const names[] = {"x"};
        struct wsc_closure r = record_plain(T0, 1);
        struct wsc_store *s = NULL;
        struct wsc_error err;
        int64_t id;
        bool ok = wsc_store_open(path, WSC_STORE_WRITE, &s, &err) == WSC_OK &&
                  wsc_store_begin(s, names, 1, "", &err) == WSC_OK;
        for (size_t i = 0; ok && i < n; i++) {
            ok = wsc_store_put(s, &r, &id, &err) == WSC_OK;
            if (ok && i + 1 == flush_at)
                ok = wsc_store_flush(s, &err) == WSC_OK;
        }
        if (ok)
            (void)raise(SIGKILL);
        _exit(1);
    }
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
              "the child failed before it was killed");
}

Test(store_import, killed_in_the_middle)
{
    /* 1000 records stay in SQLite's cache; 30000 have been written to the WAL before the kill. */
    static const struct {
        size_t records, flush_at, want;
    } rows[] = {{1000, 0, 1}, {30000, 0, 1}, {1000, 400, 401}, {1000, 1000, 1001}};
    static const char *const a[] = {"a"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tmp_db t;
        struct wsc_closure r = record_plain(T0, 1);
        struct wsc_filter all = everything();
        char out[32];
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
        (void)import(s, a, 1, "", &r, 1);
        wsc_store_close(s);
        import_and_die(t.path, rows[i].records, rows[i].flush_at);
        s = open_store(t.path, WSC_STORE_READ);
        cr_expect_eq(count_records(s, &all), rows[i].want, "row %zu: %zu", i,
                     count_records(s, &all));
        wsc_store_close(s);
        s = open_store(t.path, WSC_STORE_WRITE);
        cr_expect_eq(import(s, a, 1, "", &r, 1), WSC_IMPORT_KNOWN, "row %zu", i);
        wsc_store_close(s);
        cr_expect_eq(wsc_tmp_db_files(&t), 1, "the WAL is merged and gone");
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, "PRAGMA integrity_check", out, sizeof(out)), "ok");
        cr_expect_str_eq(wsc_tmp_db_ask(t.path,
                                        "SELECT count(*) FROM sqlite_master"
                                        " WHERE name = 'connections_by_key'",
                                        out, sizeof(out)),
                         "1", "an index that is made last is there");
        wsc_tmp_db_clear(&t);
    }
}

/* A database that a killed process was the first to open. */
Test(store_import, killed_in_the_first_import)
{
    struct wsc_tmp_db t;
    struct wsc_filter all = everything();
    wsc_tmp_db_init(&t);
    import_and_die(t.path, 1000, 0);
    struct wsc_store *s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 0);
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

/* A full disk, played by a limit on the size of files. */
Test(store_import, disk_full)
{
    struct wsc_tmp_db t;
    static const char *const a[] = {"a"}, *const names[] = {"x"};
    const struct wsc_store_capture cap = {.fingerprint = "bb"};
    struct wsc_closure r = record_plain(T0, 1);
    struct wsc_filter all = everything();
    struct wsc_error err = {0};
    enum wsc_import_result result;
    int64_t id;
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    (void)import(s, a, 1, "", &r, 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, small;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 256 << 10, .rlim_max = old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert_eq(wsc_store_begin(s, names, 1, "", &err), WSC_OK);
    enum wsc_err e = WSC_OK;
    for (int i = 0; e == WSC_OK && i < 100000; i++)
        e = wsc_store_put(s, &r, &id, &err);
    if (e == WSC_OK)
        e = wsc_store_commit(s, &cap, 1, &result, &err);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    cr_expect_eq(e, WSC_ERR_IO, "%s: %s", wsc_err_name(e), err.message);
    cr_expect_eq(wsc_store_put(s, &r, &id, &err), WSC_ERR_INVALID, "the import has ended");
    cr_expect_eq(count_records(s, &all), 1);
    cr_expect_eq(import(s, names, 1, "", &r, 1), WSC_IMPORT_STORED, "there is room again");
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

/* ---- others at the same time ---- */

Test(store_import, locked_by_another)
{
    struct wsc_tmp_db t;
    static const char *const names[] = {"x"};
    struct wsc_filter all = everything();
    struct wsc_error err = {0};
    wsc_tmp_db_init(&t);
    struct wsc_store *one = open_store(t.path, WSC_STORE_WRITE),
                     *two = open_store(t.path, WSC_STORE_WRITE);
    (void)sqlite3_busy_timeout(two->db, 20);
    cr_assert_eq(wsc_store_begin(one, names, 1, "", &err), WSC_OK);
    cr_expect_eq(wsc_store_begin(two, names, 1, "", &err), WSC_ERR_BUSY);
    cr_expect(strstr(err.message, "another process is writing") != NULL, "%s", err.message);
    cr_expect_eq(count_records(two, &all), 0, "who reads does not wait");
    wsc_store_rollback(one);
    cr_expect_eq(wsc_store_begin(two, names, 1, "", &err), WSC_OK, "%s", err.message);
    wsc_store_close(one);
    wsc_store_close(two);
    wsc_tmp_db_clear(&t);
}

/* In a child: opens, perhaps makes, the database and imports |n| captures of its own, one record
 * each. */
static pid_t import_beside(const char *path, int who, int n)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid != 0)
        return pid;
    for (int i = 0; i < n; i++) {
        static const char *const names[] = {"x"};
        char print[16];
        (void)snprintf(print, sizeof(print), "%d-%d", who, i);
        const struct wsc_store_capture cap = {.fingerprint = print};
        struct wsc_closure r = record_plain(T0, 1);
        struct wsc_store *s = NULL;
        struct wsc_error err = {0};
        enum wsc_import_result result;
        int64_t id;
        bool ok = wsc_store_open(path, WSC_STORE_WRITE, &s, &err) == WSC_OK &&
                  wsc_store_begin(s, names, 1, "", &err) == WSC_OK &&
                  wsc_store_put(s, &r, &id, &err) == WSC_OK &&
                  wsc_store_commit(s, &cap, 1, &result, &err) == WSC_OK &&
                  result == WSC_IMPORT_STORED;
        wsc_store_close(s);
        if (!ok) {
            (void)fprintf(stderr, "%s\n", err.message);
            _exit(1);
        }
    }
    _exit(0);
}

/* Several processes at once, all of which may be the one that makes the database. */
Test(store_import, many_writers)
{
    struct wsc_tmp_db t;
    struct wsc_filter all = everything();
    pid_t pids[6];
    wsc_tmp_db_init(&t);
    for (int i = 0; i < 6; i++)
        pids[i] = import_beside(t.path, i, 5);
    for (int i = 0; i < 6; i++) {
        int status = 0;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "writer %d", i);
    }
    struct wsc_store *s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(count_records(s, &all), 30, "%zu", count_records(s, &all));
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

/* Flushed records are there for others, and nobody is kept waiting between flushes. */
Test(store_import, flush)
{
    struct wsc_tmp_db t;
    static const char *const names[] = {"eth0"}, *const a[] = {"a"};
    const struct wsc_store_capture cap = {.fingerprint = "a"};
    struct wsc_closure r = record_plain(T0, 1);
    struct wsc_filter all = everything(), last = of_last_import();
    struct wsc_error err = {0};
    enum wsc_import_result result;
    int64_t id;
    wsc_tmp_db_init(&t);
    struct wsc_store *live = open_store(t.path, WSC_STORE_WRITE),
                     *other = open_store(t.path, WSC_STORE_WRITE);
    (void)sqlite3_busy_timeout(live->db, 20);
    cr_assert_eq(wsc_store_begin(live, names, 1, "", &err), WSC_OK);
    cr_assert_eq(wsc_store_put(live, &r, &id, &err), WSC_OK);
    cr_expect_eq(count_records(other, &all), 0);
    cr_assert_eq(wsc_store_flush(live, &err), WSC_OK);
    cr_assert_eq(wsc_store_flush(live, &err), WSC_OK, "nothing new");
    cr_expect_eq(count_records(other, &all), 1);
    cr_assert_eq(wsc_store_begin(other, names, 1, "", &err), WSC_OK, "%s", err.message);
    cr_expect_eq(wsc_store_put(live, &r, &id, &err), WSC_ERR_BUSY);
    wsc_store_rollback(other);
    cr_expect_eq(wsc_store_put(live, &r, &id, &err), WSC_OK, "tried again");
    cr_expect_eq(count_records(live, &last), 2);
    cr_expect_eq(wsc_store_commit(live, &cap, 1, &result, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(result, WSC_IMPORT_STORED);
    cr_expect_eq(count_records(other, &all), 2);
    /* Read again with a flush in between: known, and what was flushed is taken back. */
    cr_assert_eq(wsc_store_begin(live, a, 1, "", &err), WSC_OK);
    cr_assert_eq(wsc_store_put(live, &r, &id, &err), WSC_OK);
    cr_assert_eq(wsc_store_flush(live, &err), WSC_OK);
    cr_expect_eq(count_records(other, &all), 3);
    cr_expect_eq(wsc_store_commit(live, &cap, 1, &result, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(result, WSC_IMPORT_KNOWN);
    cr_expect_eq(count_records(other, &all), 2);
    wsc_store_close(live);
    wsc_store_close(other);
    wsc_tmp_db_clear(&t);
}

/* A record takes the place of a provisional one, and of nothing else that has its row. */
Test(import, a_record_takes_the_place_of_a_provisional_one)
{
    static const struct {
        const char *name;
        uint64_t first_packet;
        uint32_t stream_id;
        uint16_t client_port;
        const char *want; /* first packets of what is there afterwards */
    } rows[] = {
        {"it", 7, 0, 1000, "7"},
        {"another packet", 8, 0, 1000, "7 8"},
        {"another stream", 7, 1, 1000, "7 7"},
        {"another client", 7, 0, 1001, "7 7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tmp_db t;
        struct wsc_error err;
        char list[64];
        const char *name = "live:eth0";
        int64_t first, second;
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
        cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK);
        struct wsc_closure rec = record_plain(T0, 9);
        rec.first_packet = 7;
        rec.client = (struct wsc_endpoint){.family = 4, .addr = {10, 0, 0, 1}, .port = 1000};
        rec.provisional = true;
        cr_assert_eq(wsc_store_put(s, &rec, &first, &err), WSC_OK);
        cr_assert_eq(wsc_store_flush(s, &err), WSC_OK);
        rec.first_packet = rows[i].first_packet;
        rec.stream_id = rows[i].stream_id;
        rec.client.port = rows[i].client_port;
        rec.provisional = false;
        rec.replaced_id = first;
        cr_assert_eq(wsc_store_put(s, &rec, &second, &err), WSC_OK);
        cr_assert_eq(wsc_store_flush(s, &err), WSC_OK);
        cr_expect_neq(second, first);
        const struct wsc_filter all = everything();
        cr_expect_str_eq(list_records(s, &all, list, sizeof(list)), rows[i].want, "%s: %s",
                         rows[i].name, list);
        wsc_store_close(s);
        wsc_tmp_db_clear(&t);
    }
}
