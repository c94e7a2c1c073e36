#include "http/h2_streams.h"

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <string.h>

static unsigned roll(uint64_t *state, unsigned sides)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % sides;
}

/* Against an array with a place for each id. */
Test(h2_streams, a_table_is_a_table)
{
    enum { IDS = 600, MOST = 100 };
    struct wsc_h2_streams t;
    uint64_t model[IDS] = {0}, chance = 1;
    size_t count = 0;
    wsc_h2_streams_init(&t, MOST);
    for (unsigned i = 1; i < 200000; i++) {
        /* Ebb and flow, so that it is full at times and empty at others. */
        uint32_t id = 1 + roll(&chance, IDS - 1);
        bool flow = i / 5000 % 2 == 0;
        struct wsc_h2_stream *s = wsc_h2_streams_find(&t, id);
        cr_assert_eq(s != NULL, model[id] != 0);
        cr_assert(s == NULL || (s->id == id && s->off[0] == model[id]));
        if (s == NULL && roll(&chance, 10) < (flow ? 8u : 1u)) {
            s = wsc_h2_streams_add(&t, id);
            cr_assert_eq(s != NULL, count < MOST);
            if (s != NULL) {
                cr_assert_eq(s->off[0], 0);
                s->off[0] = model[id] = i;
                count++;
            }
        } else if (s != NULL && roll(&chance, 10) < (flow ? 1u : 9u)) {
            wsc_h2_streams_remove(&t, id);
            model[id] = 0;
            count--;
        }
        cr_assert_eq(t.used, count);
    }
    wsc_h2_streams_clear(&t);
    cr_expect_null(wsc_h2_streams_find(&t, 1));
    wsc_h2_streams_remove(&t, 1);
}

/* What may happen to ids: H id, its request came; D id, something else of it did; L, a gap. */
static const struct {
    const char *name;
    struct {
        char what;
        uint32_t id;
    } steps[12];
    uint32_t undecided[8], decided[8]; /* afterwards; 0 ends */
} rows[] = {
    {"in order, without gaps", {{'H', 1}, {'H', 3}, {'H', 9}}, {0}, {1, 2, 3, 4, 5, 7, 9, 11}},
    {"a gap: all above may be in use", {{'H', 5}, {'L', 0}}, {7, 9, 2147483647}, {1, 3, 5, 6, 8}},
    {"and the first request after it ends that",
     {{'H', 5}, {'L', 0}, {'H', 13}},
     {7, 9, 11},
     {5, 13, 15, 17}},
    {"nothing between", {{'H', 5}, {'L', 0}, {'H', 7}}, {0}, {1, 3, 5, 7, 9}},
    {"data decides its own stream alone", {{'H', 5}, {'L', 0}, {'D', 11}}, {7, 9, 13, 15}, {5, 11}},
    {"a range is split, eaten from its ends, eaten up",
     {{'L', 0}, {'H', 21}, {'D', 9}, {'D', 1}, {'D', 19}, {'D', 15}, {'D', 13}, {'D', 17}},
     {3, 5, 7, 11},
     {1, 9, 13, 15, 17, 19, 21, 23}},
    {"an answer that comes before its request", {{'H', 1}, {'D', 7}}, {3, 5}, {1, 7, 9}},
    {"two gaps", {{'L', 0}, {'H', 3}, {'L', 0}, {'H', 9}}, {1, 5, 7}, {3, 9, 11}},
    {"the highest of all",
     {{'L', 0}, {'H', 2147483647}},
     {1, 2147483645},
     {2147483646, 2147483647}},
};

Test(h2_streams, ids)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h2_ids ids = {0};
        for (size_t k = 0; k < 12 && rows[i].steps[k].what != '\0'; k++) {
            if (rows[i].steps[k].what == 'L')
                wsc_h2_ids_lost(&ids);
            else
                wsc_h2_ids_decide(&ids, rows[i].steps[k].id, rows[i].steps[k].what == 'H');
        }
        for (size_t k = 0; k < 8 && rows[i].undecided[k] != 0; k++)
            cr_expect(wsc_h2_ids_undecided(&ids, rows[i].undecided[k]), "%s: %u", rows[i].name,
                      rows[i].undecided[k]);
        for (size_t k = 0; k < 8 && rows[i].decided[k] != 0; k++)
            cr_expect_not(wsc_h2_ids_undecided(&ids, rows[i].decided[k]), "%s: %u", rows[i].name,
                          rows[i].decided[k]);
    }
}

/* The ceiling: the lowest ranges are given up, and what was decided stays so. */
Test(h2_streams, ids_beyond_what_is_kept)
{
    struct wsc_h2_ids ids = {0};
    for (uint32_t id = 5; id < 1000; id += 4) {
        wsc_h2_ids_lost(&ids);
        wsc_h2_ids_decide(&ids, id, true);
    }
    cr_expect_eq(ids.count, WSC_H2_RANGES);
    for (uint32_t id = 1; id < 1000; id += 4) {
        cr_expect_not(wsc_h2_ids_undecided(&ids, id), "%u", id);
        bool kept = id + 2 >= 995 - 4 * (WSC_H2_RANGES - 1) && id + 2 <= 995;
        cr_expect_eq(wsc_h2_ids_undecided(&ids, id + 2), kept, "%u", id + 2);
    }
    cr_expect_not(wsc_h2_ids_undecided(&ids, 3));
    wsc_h2_ids_lost(&ids);
    wsc_h2_ids_decide(&ids, 2001, true);
    wsc_h2_ids_decide(&ids, 1501, false); /* splits the last while there is no room */
    cr_expect_eq(ids.count, WSC_H2_RANGES);
    cr_expect_not(wsc_h2_ids_undecided(&ids, 1501));
    cr_expect(wsc_h2_ids_undecided(&ids, 1499));
    cr_expect(wsc_h2_ids_undecided(&ids, 1503));
}
