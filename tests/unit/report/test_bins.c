#include "report/bins.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)
#define H  (3600 * S)

/* 2026-01-02T00:00:00Z */
#define DAY UINT64_C(1767312000000000000)

/* The width is the first of the ladder that 240 of, at multiples of it, reach from the first time
 * to the last. */
Test(bins, the_width_fits_the_time)
{
    static const struct {
        const char *name;
        uint64_t first, last, step, from;
        size_t len;
    } rows[] = {
        {"one time", DAY + 7, DAY + 7, MS, DAY, 1},
        {"240 ms, the most", DAY, DAY + 239 * MS, MS, DAY, 240},
        {"one more", DAY, DAY + 240 * MS, 5 * MS, DAY, 49},
        {"a minute", DAY + 250 * MS, DAY + 60 * S, 500 * MS, DAY, 121},
        {"two minutes", DAY, DAY + 120 * S, S, DAY, 121},
        {"an hour", DAY, DAY + H, 30 * S, DAY, 121},
        {"half an hour past", DAY + 1799 * S, DAY + H, 10 * S, DAY + 1790 * S, 182},
        {"a day", DAY, DAY + 24 * H - 1, 900 * S, DAY, 96},
        {"a month", DAY, DAY + 31 * 24 * H, 6 * H, DAY, 125},
        {"all there is", 0, UINT64_MAX, 24576 * H, 0, 209},
        {"the last there is", UINT64_MAX, UINT64_MAX, MS, UINT64_MAX / MS * MS, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int backward = 0; backward < 2; backward++) {
            struct wsc_time_bins b = {0};
            wsc_time_bins_take(&b, backward ? rows[i].last : rows[i].first);
            wsc_time_bins_take(&b, backward ? rows[i].first : rows[i].last);
            cr_expect_eq(wsc_time_bins_step(&b), rows[i].step, "%s: step %" PRIu64, rows[i].name,
                         wsc_time_bins_step(&b));
            cr_expect_eq(wsc_time_bins_from(&b), rows[i].from, "%s: from %" PRIu64, rows[i].name,
                         wsc_time_bins_from(&b));
            cr_expect_eq(b.len, rows[i].len, "%s: %zu bins", rows[i].name, b.len);
        }
    }
}

/* Whatever the order and however often the bins moved: each time is counted in the bin it lies in.
 */
Test(bins, a_row_counts_each_time_where_it_lies)
{
    static const uint64_t spreads[] = {100 * MS, 10 * S, H, 48 * H, 100000 * H};
    for (unsigned seed = 0; seed < 20; seed++) {
        enum { N = 200 };
        uint64_t times[N];
        uint32_t want[WSC_TIME_BINS] = {0};
        struct wsc_time_bins b = {0};
        struct wsc_time_row r = {0};
        srand(seed);
        for (size_t i = 0; i < N; i++) {
            times[i] = DAY + ((uint64_t)rand() << 16 | (uint64_t)rand()) % spreads[i / 40];
            wsc_time_bins_take(&b, times[i]);
            if (i % 3 != 0) /* a row that is not touched each time */
                wsc_time_row_add(&b, &r, times[i], (uint32_t)i);
        }
        wsc_time_row_settle(&b, &r);
        for (size_t i = 0; i < N; i++)
            if (i % 3 != 0)
                want[(times[i] - wsc_time_bins_from(&b)) / wsc_time_bins_step(&b)] += (uint32_t)i;
        cr_expect_arr_eq(r.counts, want, sizeof(want), "seed %u", seed);
    }
}

Test(bins, a_count_stays_at_the_highest)
{
    struct wsc_time_bins b = {0};
    struct wsc_time_row r = {0};
    wsc_time_bins_take(&b, DAY);
    wsc_time_row_add(&b, &r, DAY, UINT32_MAX);
    wsc_time_row_add(&b, &r, DAY, 1);
    wsc_time_bins_take(&b, DAY + 239 * MS);
    wsc_time_row_add(&b, &r, DAY + MS, 5);
    wsc_time_bins_take(&b, DAY + S); /* folds */
    wsc_time_row_settle(&b, &r);
    cr_expect_eq(r.counts[0], UINT32_MAX);
}

Test(bins, lengths_by_decades)
{
    static const struct {
        const char *name;
        int64_t ns;
        size_t bin;
    } rows[] = {
        {"none", 0, 0},
        {"below the first edge", 891299, 0},
        {"the first edge", 891300, 1},
        {"1 ms", 1000000, 1},
        {"below the second", 1121999, 1},
        {"the second", 1122000, 2},
        {"10 ms, a decade on", 10000000, 11},
        {"1 s", (int64_t)S, 31},
        {"60 s", 60 * (int64_t)S, 49}, /* 5.6234 ms is edge 9, four decades on 49 */
        {"below the last", 8912999999999999, 100},
        {"the last", 8913000000000000, 101},
        {"all there is", INT64_MAX, 101},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(wsc_log_bin(rows[i].ns), rows[i].bin, "%s: %zu", rows[i].name,
                     wsc_log_bin(rows[i].ns));
    for (size_t i = 1; i < WSC_LOG_BINS; i++) {
        cr_expect_eq(wsc_log_bin(wsc_log_edge(i)), i, "edge %zu", i);
        cr_expect_eq(wsc_log_bin(wsc_log_edge(i) - 1), i - 1, "before edge %zu", i);
    }
}

Test(bins, timers_are_within_a_bin)
{
    static const int64_t seconds[] = {1, 10, 15, 20, 30, 45, 60, 75, 90, 100, 120, 300};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        int64_t ns = seconds[i] * (int64_t)S;
        cr_expect_eq(wsc_log_bin(ns - ns / 200), wsc_log_bin(ns), "%" PRId64 " s", seconds[i]);
        cr_expect_eq(wsc_log_bin(ns + ns / 200), wsc_log_bin(ns), "%" PRId64 " s", seconds[i]);
    }
}
