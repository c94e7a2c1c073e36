#include "findings/cluster.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>

#define SECOND 1e9
#define MOST   5000u

/* splitmix64: the same noise on every machine. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Above 0, at most 1. */
static double chance(uint64_t *state)
{
    return ((double)(next(state) >> 11) + 1) / 9007199254740992.0;
}

static double bell(uint64_t *state)
{
    return sqrt(-2 * log(chance(state))) * cos(2 * 3.14159265358979 * chance(state));
}

static double uniform(uint64_t *state)
{
    return 600 * chance(state);
}

static double exponential(uint64_t *state)
{
    return -30 * log(chance(state));
}

/* Pareto from 1 s on, exponent 0.8: no mean. */
static double heavy(uint64_t *state)
{
    return fmod(pow(chance(state), -1.25), 1e6);
}

static double log_uniform(uint64_t *state)
{
    return 0.001 * pow(1e7, chance(state));
}

/* People who leave about a minute after: a hump of 10 %. */
static double hump(uint64_t *state)
{
    return fabs(60 + 6 * bell(state));
}

/* What is left of a heartbeat of 30 s when the end comes at any time: a sharp edge. */
static double edge(uint64_t *state)
{
    return chance(state) < 0.95 ? 30 * chance(state) : 300 * chance(state);
}

static double ramp(uint64_t *state)
{
    return 100 * sqrt(chance(state));
}

static struct wsc_cluster_value values[MOST];

static size_t add(size_t n, double seconds)
{
    values[n] = (struct wsc_cluster_value){.ns = llround(seconds * SECOND), .index = (uint32_t)n};
    return n + 1;
}

Test(cluster, noise_gives_none)
{
    static const struct {
        const char *name;
        double (*draw)(uint64_t *);
    } kinds[] = {{"uniform", uniform},  {"exponential", exponential},
                 {"heavy tail", heavy}, {"log-uniform", log_uniform},
                 {"hump", hump},        {"edge", edge},
                 {"ramp", ramp}};
    static const size_t sizes[] = {3, 4, 6, 10, 30, 100, 400, MOST};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
        for (size_t z = 0; z < sizeof(sizes) / sizeof(sizes[0]); z++) {
            size_t found = 0, runs = sizes[z] < 1000 ? 500 : 20;
            for (uint64_t seed = 1; seed <= runs; seed++) {
                uint64_t state = seed * 1000003 + z;
                struct wsc_cluster out[WSC_CLUSTER_MAX];
                for (size_t n = 0; n < sizes[z];)
                    n = add(n, kinds[k].draw(&state));
                found += wsc_cluster_find(values, sizes[z], 0.01, out, WSC_CLUSTER_MAX) > 0;
            }
            /* The rate asked for is 1 of 100; four standard deviations above it. */
            cr_expect(found <= runs / 100 + 4 * (size_t)ceil(sqrt((double)runs / 100)),
                      "%s, %zu values: %zu of %zu runs", kinds[k].name, sizes[z], found, runs);
        }
}

/* Clusters planted at |at| +- |spread| / 2, |count| each, in |noise| values of a kind. */
static const struct planted {
    const char *name;
    double (*draw)(uint64_t *);
    size_t noise;
    struct {
        double at, spread;
        size_t count;
    } in[3];
    size_t found; /* the first so many of |in| */
} plans[] = {
    {"three, nothing else", uniform, 0, {{60, 0.05, 3}}, 1},
    {"all equal", uniform, 0, {{45, 0, 5}}, 1},
    {"three equal in little noise", uniform, 20, {{60, 0.01, 3}}, 1},
    {"the width of the tolerance", uniform, 100, {{60, 0.55, 12}}, 1},
    {"a few of many", uniform, 4000, {{45, 0.05, 12}}, 1},
    {"many in many", exponential, 4000, {{45, 0.3, 300}}, 1},
    {"in the steep part", exponential, 4000, {{5, 0.02, 40}}, 1},
    {"in a heavy tail", heavy, 2000, {{900, 0.5, 6}}, 1},
    {"long limits", uniform, 500, {{7200, 20, 10}}, 1},
    {"two near ones", uniform, 300, {{60, 0.1, 30}, {61, 0.1, 30}}, 2},
    {"a weak one beside a strong one", uniform, 300, {{60, 0.1, 400}, {62, 0.05, 8}}, 2},
    {"three far apart", log_uniform, 1000, {{30, 0.1, 20}, {60, 0.1, 20}, {350, 0.5, 20}}, 3},
    {"two are no cluster", uniform, 0, {{60, 0, 2}}, 0},
    {"zeros", uniform, 0, {{0, 0, 500}}, 0},
    {"no timer", uniform, 10, {{9.2e9, 0, 500}}, 0}, /* in 292 years: near the end of int64_t */
    {"below a second", uniform, 10, {{0.9, 0.01, 500}}, 0},
    {"too wide", uniform, 100, {{60, 30, 30}}, 0},
    {"no more than the noise", uniform, 4000, {{45, 0.5, 3}}, 0},
};

static size_t plant(const struct planted *p, uint64_t *state)
{
    size_t n = 0;
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < p->in[c].count; i++)
            n = add(n, p->in[c].at + p->in[c].spread * (chance(state) - 0.5));
    for (size_t i = 0; i < p->noise; i++)
        n = add(n, p->draw(state));
    return n;
}

/* Which found cluster is the one planted at |at|, with at least 4 of 5 of its members. */
static const struct wsc_cluster *cluster_at(const struct wsc_cluster *out, size_t len, double at,
                                            size_t count)
{
    for (size_t i = 0; i < len; i++)
        if (fabs((double)out[i].median_ns / SECOND - at) <= 0.004 * at &&
            5 * out[i].len >= 4 * count)
            return &out[i];
    return NULL;
}

Test(cluster, planted_ones_are_found)
{
    for (size_t p = 0; p < sizeof(plans) / sizeof(plans[0]); p++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            uint64_t state = seed * 7919;
            struct wsc_cluster out[WSC_CLUSTER_MAX];
            size_t n = plant(&plans[p], &state);
            size_t len = wsc_cluster_find(values, n, 0.01, out, WSC_CLUSTER_MAX);
            cr_expect_eq(len, plans[p].found, "%s, seed %zu: %zu found", plans[p].name,
                         (size_t)seed, len);
            for (size_t c = 0; c < plans[p].found; c++)
                cr_expect(cluster_at(out, len, plans[p].in[c].at, plans[p].in[c].count) != NULL,
                          "%s, seed %zu: the one at %g s", plans[p].name, (size_t)seed,
                          plans[p].in[c].at);
        }
}

Test(cluster, ranges_are_of_the_sorted_values_and_do_not_overlap)
{
    uint64_t state = 1;
    struct wsc_cluster out[WSC_CLUSTER_MAX];
    static const struct planted p = {
        "", log_uniform, 1000, {{30, 0.1, 20}, {60, 0.1, 20}, {61, 0.1, 20}}, 3};
    size_t n = plant(&p, &state);
    size_t len = wsc_cluster_find(values, n, 0.01, out, WSC_CLUSTER_MAX);
    cr_assert_eq(len, 3);
    for (size_t i = 0; i < len; i++) {
        cr_expect_eq(values[out[i].first].ns, out[i].low_ns);
        cr_expect_eq(values[out[i].first + out[i].len - 1].ns, out[i].high_ns);
        for (size_t j = 0; j < i; j++)
            cr_expect(out[i].first + out[i].len <= out[j].first ||
                      out[j].first + out[j].len <= out[i].first);
    }
    for (size_t i = 1; i < n; i++)
        cr_expect(values[i - 1].ns <= values[i].ns);
    cr_expect_eq(wsc_cluster_find(values, n, 0.01, out, 2), 2, "no more than asked for");
    cr_expect_eq(wsc_cluster_find(values, 0, 0.01, out, 2), 0);
}

/* A timer coarser than the tolerance, 2 s at 60 s, is one cluster, not four. */
Test(cluster, a_coarse_timer_is_one)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t state = seed;
        struct wsc_cluster out[WSC_CLUSTER_MAX];
        static const struct planted p = {"", uniform, 100, {{60, 2, 400}}, 1};
        size_t n = plant(&p, &state);
        size_t len = wsc_cluster_find(values, n, 0.01, out, WSC_CLUSTER_MAX);
        cr_expect_eq(len, 1, "seed %zu: %zu", (size_t)seed, len);
    }
}
