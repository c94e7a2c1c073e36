/* A page where memory ends: an error, or it is known that it did. */
#include "base/alloc.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <wsclose/page.h>

#include <criterion/criterion.h>

#include <stdlib.h>

struct fault {
    uint64_t at, seen;
};

static bool may(void *ctx)
{
    struct fault *f = ctx;
    return ++f->seen != f->at;
}

static enum wsc_err write_page(struct wsc_store *s, struct fault *fault)
{
    static const struct wsc_page_options opt = {
        .version = "1", .database = "t.db", .filter = "", .command = "wsclose events"};
    struct wsc_page_summary sum;
    struct wsc_error err;
    struct wsc_filter f;
    FILE *out = fopen("/dev/null", "w");
    cr_assert_not_null(out);
    wsc_filter_init(&f);
    wsc_alloc_set_hook(may, fault);
    enum wsc_err e = wsc_page_write(s, &f, &opt, out, &sum, &err);
    wsc_alloc_set_hook(NULL, NULL);
    (void)fclose(out);
    return e;
}

static void fill(struct wsc_store *s)
{
    struct wsc_closure recs[40];
    for (size_t i = 0; i < 40; i++) {
        recs[i] = i % 4 == 0 ? record_plain(T0 + i * SECOND, i + 1) : record_full();
        recs[i].ended_ns = T0 + i * SECOND;
        recs[i].idle_any_ns = 45000000000;
        if (i % 2 != 0) { /* a silence that recurs */
            recs[i].ending = WSC_ENDING_FIN;
            recs[i].close_code = 1006;
            recs[i].code_source = WSC_CODE_SOURCE_INFERRED;
            recs[i].closed_by = WSC_SIDE_SERVER;
        }
    }
    (void)import(s,
                 (const char *const[]){"00000000000000000000000000000001",
                                       "00000000000000000000000000000002"},
                 2, "", recs, 40);
}

Test(page_memory, each_allocation_fails)
{
    struct wsc_tmp_db t;
    struct fault none = {.at = 0};
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    fill(s);
    cr_assert_eq(write_page(s, &none), WSC_OK);
    cr_expect_eq(wsc_refusals(), 0);
    cr_assert_gt(none.seen, 50);
    for (uint64_t at = 1; at <= none.seen; at++) {
        struct fault f = {.at = at};
        uint64_t before = wsc_refusals();
        enum wsc_err e = write_page(s, &f);
        cr_expect(e == WSC_OK || e == WSC_ERR_NOMEM || e == WSC_ERR_DB, "%llu: %s",
                  (unsigned long long)at, wsc_err_name(e));
        cr_expect(wsc_refusals() > before || f.seen < at, "%llu", (unsigned long long)at);
    }
    struct fault again = {.at = 0};
    cr_expect_eq(write_page(s, &again), WSC_OK); /* nothing of it stays behind */
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

/* Numbers as wsclose never gives them. */
Test(page_memory, numbers_far_apart)
{
    struct wsc_tmp_db t;
    struct fault none = {.at = 0};
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    fill(s);
    wsc_tmp_db_sql(t.path, "UPDATE connections SET id = 9223372036854775807 WHERE id = 2;"
                           "UPDATE connections SET id = -9223372036854775808 WHERE id = 1");
    cr_expect_eq(write_page(s, &none), WSC_OK);
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

Test(page_memory, rows_have_a_ceiling)
{
    struct wsc_page_options opt = {.version = "1", .command = "", .rows = WSC_PAGE_ROWS_MAX + 1};
    struct wsc_page_summary sum;
    struct wsc_error err;
    struct wsc_filter f;
    wsc_filter_init(&f);
    struct wsc_store *s = open_store(NULL, WSC_STORE_PRIVATE);
    cr_expect_eq(wsc_page_write(s, &f, &opt, stdout, &sum, &err), WSC_ERR_INVALID);
    wsc_store_close(s);
}
