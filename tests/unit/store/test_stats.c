#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

#define MS INT64_C(1000000)

/* 101 records, one every 36 s from T0 = 03:04:05 on: 3600 s from the first to the last.
 *   packets 1-100: code 1000, durations 100 ms down to 1 ms, so that the ranks are not the order of
 * arrival; every tenth of them 1006 instead, inferred but one; 101: a failed handshake without a
 * duration.
 */
static struct wsc_store *filled(void)
{
    static const char *const prints[] = {"a"};
    static struct wsc_closure r[101];
    for (size_t i = 0; i < 101; i++) {
        r[i] = record_plain(T0 + i * 36 * SECOND, i + 1);
        r[i].close_code = i % 10 == 9 ? 1006 : 1000;
        r[i].code_source = i % 10 == 9 ? WSC_CODE_SOURCE_INFERRED : WSC_CODE_SOURCE_WIRE;
        r[i].duration_ns = (int64_t)(100 - i) * MS;
        r[i].idle_any_ns = i < 7 ? (int64_t)(i + 1) * 7 * MS : WSC_UNKNOWN;
        cr_assert(wsc_endpoint_parse(i % 2 == 0 ? "10.0.0.1:1" : "10.0.0.2:2", &r[i].client));
        r[i].host = i % 2 == 0 ? text("a") : (struct wsc_span){0};
    }
    r[19].code_source = WSC_CODE_SOURCE_WIRE; /* 1006 in a Close frame: a mistake, but not a cut */
    r[100].outcome = WSC_OUTCOME_HANDSHAKE_FAILED;
    r[100].close_code = WSC_UNKNOWN;
    r[100].code_source = WSC_CODE_SOURCE_NONE;
    r[100].duration_ns = WSC_UNKNOWN;
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    (void)import(s, prints, 1, "", r, 101);
    return s;
}

struct table {
    struct wsc_stats_row rows[16];
    char keys[16][2][40];
    size_t n;
};

static int add(void *ctx, const struct wsc_stats_row *row)
{
    struct table *t = ctx;
    cr_assert_lt(t->n, 16);
    t->rows[t->n] = *row;
    for (int i = 0; i < 2; i++)
        (void)snprintf(t->keys[t->n][i], 40, "%.*s",
                       row->keys[i].ptr != NULL ? (int)row->keys[i].len : 4,
                       row->keys[i].ptr != NULL ? (const char *)row->keys[i].ptr : "null");
    t->n++;
    return 0;
}

static void ask(struct wsc_store *s, const struct wsc_filter *f, enum wsc_stats_key one,
                enum wsc_stats_key two, size_t n, struct table *t)
{
    struct wsc_filter all;
    struct wsc_error err = {0};
    const enum wsc_stats_key keys[] = {one, two};
    wsc_filter_init(&all);
    *t = (struct table){0};
    cr_assert_eq(wsc_store_stats(s, f != NULL ? f : &all, keys, n, add, t, &err), WSC_OK, "%s",
                 err.message);
}

Test(store_stats, totals)
{
    struct wsc_store *s = filled();
    struct table t;
    ask(s, NULL, WSC_BY_CODE, WSC_BY_CODE, 0, &t);
    cr_assert_eq(t.n, 1);
    const struct wsc_stats_row *r = &t.rows[0];
    cr_expect_null(r->keys[0].ptr);
    cr_expect_eq(r->count, 101);
    cr_expect_eq(r->abnormal, 10); /* nine 1006 and the failed handshake */
    cr_expect_float_eq(r->share, 1.0, 1e-12);
    cr_expect_float_eq(r->per_hour, 101.0, 1e-9); /* the span is one hour exactly */
    cr_expect_eq(r->first_ns, T0);
    cr_expect_eq(r->last_ns, T0 + 3600 * SECOND);
    /* Of the 100 values 1..100 ms the p-th percentile by nearest rank is p ms. */
    cr_expect_eq(r->duration_ns[0], 50 * MS);
    cr_expect_eq(r->duration_ns[1], 90 * MS);
    cr_expect_eq(r->duration_ns[2], 99 * MS);
    /* Of 7, 14, .. 49 ms: ranks ceil(3.5) = 4, ceil(6.3) = 7, ceil(6.93) = 7. */
    cr_expect_eq(r->idle_ns[0], 28 * MS);
    cr_expect_eq(r->idle_ns[1], 49 * MS);
    cr_expect_eq(r->idle_ns[2], 49 * MS);
    wsc_store_close(s);
}

Test(store_stats, by_code)
{
    struct wsc_store *s = filled();
    struct table t;
    ask(s, NULL, WSC_BY_CODE, WSC_BY_CODE, 1, &t);
    cr_assert_eq(t.n, 3);
    cr_expect_str_eq(t.keys[0][0], "1000");
    cr_expect_str_eq(t.keys[1][0], "1006");
    cr_expect_str_eq(t.keys[2][0], "null");
    cr_expect_eq(t.rows[0].count, 90);
    cr_expect_eq(t.rows[0].abnormal, 0);
    cr_expect_float_eq(t.rows[0].share, 90.0 / 101, 1e-12);
    cr_expect_eq(t.rows[1].count, 10);
    cr_expect_eq(t.rows[1].abnormal, 9);
    cr_expect_float_eq(t.rows[1].per_hour, 10.0, 1e-9); /* over the hour of all, not its own span */
    /* 1006 are packets 10, 20, .. 100 with 91, 81, .. 1 ms: ranks 5, 9, 10 are 41, 81, 91. */
    cr_expect_eq(t.rows[1].duration_ns[0], 41 * MS);
    cr_expect_eq(t.rows[1].duration_ns[1], 81 * MS);
    cr_expect_eq(t.rows[1].duration_ns[2], 91 * MS);
    cr_expect_eq(t.rows[1].idle_ns[0], WSC_UNKNOWN);
    cr_expect_eq(t.rows[2].count, 1);
    cr_expect_eq(t.rows[2].abnormal, 1);
    cr_expect_eq(t.rows[2].duration_ns[2], WSC_UNKNOWN);
    cr_expect_eq(t.rows[2].first_ns, t.rows[2].last_ns);
    wsc_store_close(s);
}

/* 03:04:05 to 04:04:05: 94 records before 04:00 (3355 s / 36 s = 93.2), in the order of time, not
 * of number. */
Test(store_stats, by_time)
{
    static const struct {
        enum wsc_stats_key key;
        const char *first;
        size_t rows;
        uint64_t count;
    } rows[] = {
        {WSC_BY_DAY, "2026-01-02", 1, 101},
        {WSC_BY_HOUR, "2026-01-02T03:00Z", 2, 94},
    };
    struct wsc_store *s = filled();
    struct table t;
    for (size_t i = 0; i < 2; i++) {
        ask(s, NULL, rows[i].key, WSC_BY_CODE, 1, &t);
        cr_assert_eq(t.n, rows[i].rows);
        cr_expect_str_eq(t.keys[0][0], rows[i].first);
        cr_expect_eq(t.rows[0].count, rows[i].count);
    }
    cr_expect_str_eq(t.keys[1][0], "2026-01-02T04:00Z");
    cr_expect_eq(t.rows[1].count, 7);
    struct wsc_filter f;
    wsc_filter_init(&f);
    f.limit = 3;
    ask(s, &f, WSC_BY_MINUTE, WSC_BY_CODE, 1, &t);
    cr_assert_eq(t.n, 3, "the limit is of rows");
    cr_expect_str_eq(t.keys[0][0], "2026-01-02T03:04Z"); /* :05, :41 */
    cr_expect_str_eq(t.keys[1][0], "2026-01-02T03:05Z"); /* :17, :53 */
    cr_expect_str_eq(t.keys[2][0], "2026-01-02T03:06Z"); /* :29 */
    cr_expect_eq(t.rows[0].count, 2);
    cr_expect_eq(t.rows[1].count, 2);
    cr_expect_eq(t.rows[2].count, 1);
    cr_expect_float_eq(t.rows[2].share, 1.0 / 101, 1e-12);
    wsc_store_close(s);
}

Test(store_stats, two_keys)
{
    struct wsc_store *s = filled();
    struct table t;
    /* The client's port is not part of the key; 10.0.0.2 has every 1006 (packets 10, 20, ...). */
    static const struct {
        const char *client, *code;
        uint64_t count;
    } want[] = {{"10.0.0.1", "1000", 50},
                {"10.0.0.2", "1000", 40},
                {"10.0.0.2", "1006", 10},
                {"10.0.0.1", "null", 1}};
    ask(s, NULL, WSC_BY_CLIENT, WSC_BY_CODE, 2, &t);
    cr_assert_eq(t.n, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(t.keys[i][0], want[i].client, "%zu: %s", i, t.keys[i][0]);
        cr_expect_str_eq(t.keys[i][1], want[i].code, "%zu: %s", i, t.keys[i][1]);
        cr_expect_eq(t.rows[i].count, want[i].count, "%zu", i);
    }
    wsc_store_close(s);
}

Test(store_stats, filtered)
{
    struct wsc_store *s = filled();
    struct wsc_filter f;
    struct table t;
    wsc_filter_init(&f);
    f.codes[0] = (struct wsc_code_range){1006, 1006};
    f.codes_len = 1;
    ask(s, &f, WSC_BY_OUTCOME, WSC_BY_CODE, 1, &t);
    cr_assert_eq(t.n, 1);
    cr_expect_str_eq(t.keys[0][0], "closed");
    cr_expect_eq(t.rows[0].count, 10);
    cr_expect_float_eq(t.rows[0].share, 1.0, 1e-12);
    cr_expect_float_eq(t.rows[0].per_hour, 10.0 / 0.9,
                       1e-9); /* 90 * 36 s = 0.9 h from first to last */
    f.codes[0] = (struct wsc_code_range){1, 2};
    ask(s, &f, WSC_BY_OUTCOME, WSC_BY_CODE, 0, &t);
    cr_expect_eq(t.n, 0, "no record, no row");
    wsc_filter_init(&f);
    f.since_ns =
        T0 + 95 * 36 * SECOND; /* 5, 4, 3, 2, 1 ms, and one that has none: rank ceil(2.5) = 3 */
    ask(s, &f, WSC_BY_OUTCOME, WSC_BY_CODE, 0, &t);
    cr_assert_eq(t.n, 1);
    cr_expect_eq(t.rows[0].count, 6);
    cr_expect_eq(t.rows[0].duration_ns[0], 3 * MS);
    cr_expect_eq(t.rows[0].duration_ns[2], 5 * MS);
    wsc_filter_init(&f);
    f.id = 1;
    ask(s, &f, WSC_BY_OUTCOME, WSC_BY_CODE, 0, &t);
    cr_assert_eq(t.n, 1);
    cr_expect(isnan(t.rows[0].per_hour), "one instant has no rate");
    wsc_store_close(s);
}

/* Every key can be asked for, and its name leads back to it. */
Test(store_stats, every_key)
{
    struct wsc_store *s = filled();
    struct wsc_filter f;
    struct table t;
    struct wsc_error err = {0};
    wsc_filter_init(&f);
    f.limit = 16;
    for (int k = 0; k < (int)WSC_BY_COUNT; k++) {
        const enum wsc_stats_key key = (enum wsc_stats_key)k;
        cr_expect_eq(wsc_stats_key_parse(wsc_stats_key_name(key)), k);
        ask(s, &f, key, WSC_BY_HOST, 2, &t);
        cr_expect_gt(t.n, 0, "%s", wsc_stats_key_name(key));
    }
    cr_expect_eq(wsc_stats_key_parse("nothing"), -1);
    const enum wsc_stats_key five[5] = {WSC_BY_CODE, WSC_BY_CODE, WSC_BY_CODE, WSC_BY_CODE,
                                        WSC_BY_CODE};
    cr_expect_eq(wsc_store_stats(s, &f, five, 5, add, &t, &err), WSC_ERR_INVALID);
    const enum wsc_stats_key none = WSC_BY_COUNT;
    cr_expect_eq(wsc_store_stats(s, &f, &none, 1, add, &t, &err), WSC_ERR_INVALID);
    t.n = 0;
    cr_expect_eq(wsc_store_stats(s, &f, five, 4, add, &t, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(t.n, 3);
    wsc_store_close(s);
}
