#include "engine/merge.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* An event is named after its turn; the names that come out are compared. */
static struct wsc_event *event(uint64_t seq, unsigned phase, uint64_t last_ns, uint64_t ref)
{
    char name[64];
    int n = snprintf(name, sizeof(name), "%d.%u.%d.%d ", (int)seq, phase, (int)last_ns, (int)ref);
    struct wsc_event *ev = wsc_event_new(
        WSC_EVENT_TLS_NAME, (struct wsc_span){.ptr = (const uint8_t *)name, .len = (size_t)n});
    cr_assert_not_null(ev);
    ev->turn =
        (struct wsc_turn){.seq = seq, .phase = (uint8_t)phase, .last_ns = last_ns, .ref = ref};
    return ev;
}

static void add(struct wsc_merge *m, size_t lane, struct wsc_event *ev)
{
    wsc_merge_add(m, lane, ev, &ev->next, 1);
}

static void take_all(struct wsc_merge *m, char *out, size_t cap)
{
    struct wsc_event *ev;
    while ((ev = wsc_merge_next(m)) != NULL) {
        size_t at = strlen(out);
        (void)snprintf(out + at, cap - at, "%.*s", (int)ev->name_len, (const char *)ev->name);
        wsc_event_free(ev);
    }
}

enum { FEED = WSC_TURN_FEED, OLD = WSC_TURN_EXPIRE + 1, END = WSC_TURN_FLUSH + 1 };

Test(merge, an_event_waits_until_none_can_come_before_it)
{
    static const struct {
        const char *name;
        uint64_t passed[2]; /* of lanes 1 and 2 */
        bool other;         /* lane 1 has an event of packet 6 */
        const char *want;   /* of lane 0's event of packet 5 */
    } rows[] = {
        {"nobody told", {0, 0}, false, ""},
        {"one behind", {5, 4}, false, ""},
        {"one just before it", {4, 5}, false, ""},
        {"both at it", {5, 5}, false, "5.1.0.0 "},
        {"both beyond", {6, UINT64_MAX}, false, "5.1.0.0 "},
        {"a later one waits in another lane", {0, 5}, true, "5.1.0.0 "},
        {"a later one, but the third is behind", {0, 4}, true, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_merge m;
        char got[256] = "";
        wsc_merge_init(&m, 3);
        add(&m, 0, event(5, FEED, 0, 0));
        if (rows[i].other)
            add(&m, 1, event(6, FEED, 0, 0));
        wsc_merge_pass(&m, 1, rows[i].passed[0]);
        wsc_merge_pass(&m, 2, rows[i].passed[1]);
        take_all(&m, got, sizeof(got));
        cr_expect_str_eq(got, rows[i].want, "%s: %s", rows[i].name, got);
        wsc_merge_clear(&m);
    }
}

Test(merge, what_one_packet_brings_about_is_ordered_by_phase_then_by_last_use)
{
    struct wsc_merge m;
    char got[256] = "";
    wsc_merge_init(&m, 3);
    add(&m, 0, event(7, OLD, 300, 1));
    add(&m, 0, event(8, END, 1, 1));
    add(&m, 1, event(7, OLD, 200, 9));
    add(&m, 1, event(7, OLD, 300, 2));
    add(&m, 2, event(7, FEED, 0, 0));
    add(&m, 2, event(7, FEED, 0, 0)); /* two of one connection: as they came */
    add(&m, 2, event(7, OLD + 1, 100, 3));
    for (size_t lane = 0; lane < 3; lane++)
        wsc_merge_pass(&m, lane, 8);
    take_all(&m, got, sizeof(got));
    cr_expect_str_eq(got, "7.1.0.0 7.1.0.0 7.3.200.9 7.3.300.1 7.3.300.2 7.4.100.3 8.11.1.1 ", "%s",
                     got);
    wsc_merge_clear(&m);
}

Test(merge, a_lane_does_not_go_back)
{
    struct wsc_merge m;
    char got[64] = "";
    wsc_merge_init(&m, 2);
    add(&m, 0, event(5, FEED, 0, 0));
    wsc_merge_pass(&m, 1, 9);
    wsc_merge_pass(&m, 1, 2);
    take_all(&m, got, sizeof(got));
    cr_expect_str_eq(got, "5.1.0.0 ");
    wsc_merge_clear(&m);
}

/* A small generator of its own: the same walk each time. */
static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Workers get on in any order, some far ahead; each seq has an event in one lane. */
static void walk(size_t lanes, uint32_t seed)
{
    enum { LAST = 400 };
    struct wsc_merge m;
    uint64_t at[WSC_WORKERS_MAX] = {0}, next = 1;
    size_t left = lanes, whose[LAST + 1];
    for (size_t s = 1; s <= LAST; s++)
        whose[s] = draw(&seed) % lanes;
    wsc_merge_init(&m, lanes);
    while (left > 0) {
        size_t lane = draw(&seed) % lanes;
        uint64_t to = at[lane] + draw(&seed) % 60;
        if (at[lane] == LAST)
            continue;
        for (; at[lane] < to && at[lane] < LAST;)
            if (whose[++at[lane]] == lane)
                add(&m, lane, event(at[lane], FEED, 0, 0));
        if (draw(&seed) % 4 != 0 || at[lane] == LAST)
            wsc_merge_pass(&m, lane, at[lane]);
        left -= at[lane] == LAST;
        struct wsc_event *ev;
        while ((ev = wsc_merge_next(&m)) != NULL) {
            cr_assert_eq(ev->turn.seq, next, "%zu lanes: %d, not %d", lanes, (int)ev->turn.seq,
                         (int)next);
            next++;
            wsc_event_free(ev);
        }
    }
    cr_expect_eq(next, LAST + 1, "%zu lanes: the last was %d", lanes, (int)next - 1);
    wsc_merge_clear(&m);
}

Test(merge, any_order_of_getting_on_gives_the_same_order_and_loses_nothing)
{
    static const size_t lanes[] = {1, 2, 3, 8, WSC_WORKERS_MAX};
    for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++)
        for (uint32_t seed = 1; seed <= 20; seed++)
            walk(lanes[i], seed);
}
