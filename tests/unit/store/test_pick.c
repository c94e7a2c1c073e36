#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>

#define ONE "00000000000000000000000000000001"
#define TWO "00000000000000000000000000000002"

/* Five records with a violation and a sentence each, that end one after the other. */
static void fill(struct wsc_store *s, const char *one, const char *two)
{
    struct wsc_closure recs[5];
    for (size_t i = 0; i < 5; i++) {
        recs[i] = record_full();
        recs[i].first_packet = WSC_REF(0, i + 1);
        recs[i].ended_ns = T0 + i * SECOND;
        recs[i].key = (struct wsc_span){0};
    }
    (void)import(s, (const char *const[]){one, two}, 2, "", recs, 5);
}

struct seen {
    char packets[64];
    size_t n, evidence, violations, stop_after;
};

static int see(void *ctx, const struct wsc_closure *c)
{
    struct seen *s = ctx;
    size_t at = strlen(s->packets);
    (void)snprintf(s->packets + at, sizeof(s->packets) - at, "%d", (int)c->first_packet);
    s->evidence += c->evidence_len;
    s->violations += c->violations_len;
    return ++s->n == s->stop_after;
}

Test(pick, walks_without_what_hangs_on_a_record)
{
    struct wsc_tmp_db t;
    struct wsc_error err;
    struct wsc_filter f;
    struct seen whole = {.n = 0}, bare = {.n = 0};
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    fill(s, ONE, TWO);
    wsc_filter_init(&f);
    f.since_ns = T0 + SECOND;
    cr_assert_eq(wsc_store_query(s, &f, see, &whole, &err), WSC_OK);
    cr_assert_eq(wsc_store_walk(s, &f, see, &bare, &err), WSC_OK);
    cr_expect_str_eq(whole.packets, "2345");
    cr_expect_str_eq(bare.packets, "2345");
    cr_expect(whole.evidence >= 4 && whole.violations >= 4);
    cr_expect(bare.evidence == 0 && bare.violations == 0);
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

Test(pick, by_id_in_the_order_asked_for)
{
    struct wsc_tmp_db t;
    struct wsc_error err;
    const int64_t ids[] = {4, 2, 99, -1, 2, 5, 1};
    struct seen all = {.n = 0}, two = {.stop_after = 2}, none = {.n = 0};
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    fill(s, ONE, TWO);
    cr_assert_eq(wsc_store_pick(s, ids, 7, see, &all, &err), WSC_OK);
    cr_expect_str_eq(all.packets, "42251"); /* what is not there is passed over */
    cr_expect(all.evidence >= 5 && all.violations >= 5);
    cr_assert_eq(wsc_store_pick(s, ids, 7, see, &two, &err), WSC_OK);
    cr_expect_str_eq(two.packets, "42");
    cr_assert_eq(wsc_store_pick(s, NULL, 0, see, &none, &err), WSC_OK);
    cr_expect_eq(none.n, 0);
    wsc_store_close(s);
    wsc_tmp_db_clear(&t);
}

Test(pick, frozen_sees_one_state)
{
    struct wsc_tmp_db t;
    struct wsc_error err;
    struct wsc_filter f;
    wsc_tmp_db_init(&t);
    wsc_filter_init(&f);
    struct wsc_store *w = open_store(t.path, WSC_STORE_WRITE);
    fill(w, ONE, TWO);
    struct wsc_store *r = open_store(t.path, WSC_STORE_READ);
    cr_assert_eq(wsc_store_freeze(r, &err), WSC_OK);
    fill(w, "00000000000000000000000000000003", "00000000000000000000000000000004");
    cr_expect_eq(count_records(w, &f), 10);
    cr_expect_eq(count_records(r, &f), 5);
    wsc_store_thaw(r);
    cr_expect_eq(count_records(r, &f), 10);
    wsc_store_thaw(r); /* of nothing is legal */
    wsc_store_close(r);
    wsc_store_close(w);
    wsc_tmp_db_clear(&t);
}
