#include "findings/burst.h"

#include <criterion/criterion.h>

#include <stdlib.h>

#define SECOND UINT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define MOST   4000u

static uint64_t times[MOST];
static uint64_t state;

static double chance(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* |noise| over an hour, and bursts of |count| within |within| seconds from |at| on. */
static const struct plan {
    const char *name;
    size_t noise;
    struct {
        double at, within;
        size_t count;
    } in[3];
    size_t found;
} plans[] = {
    {"nothing", 0, {{0, 0, 0}}, 0},
    {"a hundred", 100, {{0, 0, 0}}, 0},
    {"one a second", 3600, {{0, 0, 0}}, 0},
    {"four are none", 0, {{100, 1, 4}}, 0},
    {"ten", 0, {{100, 1, 10}}, 1},
    {"ten of a thousand", 1000, {{100, 1, 12}}, 1},
    {"three hundred in one a second", 3000, {{1000, 3, 300}}, 1},
    {"slow", 100, {{1000, 40, 200}}, 1},
    {"two", 100, {{1000, 2, 50}, {2000, 2, 50}}, 2},
    {"two close ones are one", 100, {{1000, 1, 50}, {1004, 1, 50}}, 1},
    {"three pieces are one", 100, {{1000, 1, 50}, {1008, 1, 50}, {1004, 1, 9}}, 1},
    {"all at one instant", 0, {{1000, 0, 50}}, 1},
    {"no more than usual", 3600, {{1000, 5, 5}}, 0},
};

static size_t plant(const struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->noise; i++)
        times[n++] = (uint64_t)(chance() * (double)HOUR);
    for (size_t b = 0; b < 3; b++)
        for (size_t i = 0; i < p->in[b].count; i++)
            times[n++] = (uint64_t)((p->in[b].at + p->in[b].within * chance()) * 1e9);
    qsort(times, n, sizeof(*times), by_value);
    return n;
}

Test(burst, plans)
{
    for (size_t p = 0; p < sizeof(plans) / sizeof(plans[0]); p++)
        for (uint64_t seed = 1; seed <= 30; seed++) {
            struct wsc_burst out[WSC_BURST_MAX];
            state = seed * 104729;
            size_t n = plant(&plans[p]);
            size_t len = wsc_burst_find(times, n, HOUR, 0.01, out), members = 0, planted = 0;
            cr_expect_eq(len, plans[p].found, "%s, seed %zu: %zu", plans[p].name, (size_t)seed,
                         len);
            for (size_t i = 0; i < len; i++)
                members += out[i].len;
            for (size_t b = 0; b < 3 && plans[p].found > 0; b++)
                planted += plans[p].in[b].count;
            cr_expect(10 * members >= 9 * planted && members <= planted + 60, "%s, seed %zu: %zu",
                      plans[p].name, (size_t)seed, members);
        }
}
