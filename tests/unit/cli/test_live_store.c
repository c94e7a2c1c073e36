/* The records of a live capture that wait while another process writes. */
#include "cli/live_store.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>
#include <sqlite3.h>

struct shown {
    size_t stored, unknown;
};

static void show(void *ctx, const struct wsc_closure *rec, int64_t id)
{
    struct shown *s = ctx;
    (void)rec;
    s->stored += id != WSC_UNKNOWN;
    s->unknown += id == WSC_UNKNOWN;
}

/* Each is shown; those that found room are stored when the other is done, the rest is counted. */
Test(live_store, so_many_wait_and_no_more)
{
    enum { MORE = 5 };
    static const char *const names[] = {"live:eth0"};
    const struct wsc_store_capture caps[1] = {{.packets = 1}};
    struct wsc_tmp_db t;
    struct wsc_error err = {0};
    struct wsc_limits *limits;
    struct shown shown = {0};
    sqlite3 *other;
    wsc_tmp_db_init(&t);
    cr_assert_eq(wsc_limits_new(&limits), WSC_OK);
    struct live_store ls = {.db = t.path,
                            .keep = true,
                            .names = names,
                            .names_len = 1,
                            .options = "",
                            .limits = limits,
                            .show = show,
                            .ctx = &shown};
    cr_assert_eq(live_store_open(&ls, &err), WSC_OK, "%s", err.message);
    cr_assert_eq(sqlite3_open(t.path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < LIVE_STORE_WAITING_MAX + MORE; i++) {
        struct wsc_closure r = record_plain(T0 + i, i + 1);
        live_store_put(&ls, &r);
    }
    cr_expect_eq(ls.waiting, LIVE_STORE_WAITING_MAX);
    cr_expect_eq(ls.lost, MORE);
    cr_assert_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(other);
    cr_expect(!live_store_finish(&ls, caps), "some were not stored");
    cr_expect_eq(ls.waiting, 0);
    cr_expect_eq(shown.stored + shown.unknown, LIVE_STORE_WAITING_MAX + MORE);
    cr_expect_geq(shown.unknown, MORE);
    live_store_close(&ls);
    char n[32];
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, "SELECT count(*) FROM connections", n, sizeof(n)),
                     "20000");
    wsc_limits_free(limits);
    wsc_tmp_db_clear(&t);
}
