#include "findings/cluster.h"

#include "findings/chance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define WIDTHS       10 /* each half of the one before: at 60 s from 0.6 s to 1.2 ms */
#define FLANK_SHARE  4  /* a flank is the value divided by this */
#define NEAR_WINDOWS 3  /* a near flank, in windows */
#define RATIO        2.0
#define ROUNDS       (4 * WSC_CLUSTER_MAX) /* some rounds only join */

struct search {
    const struct wsc_cluster_value *v; /* sorted, none below WSC_CLUSTER_MIN_NS */
    size_t n;
    struct wsc_cluster *found; /* their values and the time they take no longer count */
    size_t found_len;
};

/* Where the parts of a neighbourhood begin in the sorted values; each only grows during a sweep. */
struct sweep {
    size_t far_left, near_left, end, near_right, far_right;
};

struct candidate {
    size_t first, end;
    int64_t width;
    double expected, log_chance;
};

int64_t wsc_cluster_tolerance(int64_t ns)
{
    const int64_t least = INT64_C(500000000);
    if (ns / 100 > least)
        return ns / 100;
    return ns / 20 < least ? ns / 20 : least;
}

static int by_time(const void *a, const void *b)
{
    const struct wsc_cluster_value *x = a, *y = b;
    if (x->ns != y->ns)
        return x->ns < y->ns ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Moves |*at| to the first value from |ns| on. */
static void advance(const struct search *s, size_t *at, int64_t ns)
{
    while (*at < s->n && s->v[*at].ns < ns)
        (*at)++;
}

static bool taken(const struct search *s, size_t first, size_t end)
{
    for (size_t i = 0; i < s->found_len; i++)
        if (first < s->found[i].first + s->found[i].len && s->found[i].first < end)
            return true;
    return false;
}

/* Values from |first| to |end|, and the length of |from|..|to|, without what was already found. */
static double rest(const struct search *s, size_t first, size_t end, int64_t from, int64_t to,
                   double *length)
{
    size_t count = end - first;
    int64_t left = to - from;
    for (size_t i = 0; i < s->found_len; i++) {
        const struct wsc_cluster *c = &s->found[i];
        size_t a = c->first > first ? c->first : first;
        size_t b = c->first + c->len < end ? c->first + c->len : end;
        int64_t low = c->low_ns > from ? c->low_ns : from;
        int64_t high = c->high_ns < to ? c->high_ns : to;
        if (b > a)
            count -= b - a;
        if (high > low)
            left -= high - low;
    }
    *length = left > 1 ? (double)left : 1.0;
    return (double)count;
}

/* Judges the window of |width| that begins at value |i|; |w| stands at its neighbourhood. */
static struct candidate judge(const struct search *s, const struct sweep *w, size_t i,
                              int64_t width)
{
    int64_t from = s->v[i].ns, to = from + width, flank = from / FLANK_SHARE;
    double length[2], near_length[2], inside = (double)(w->end - i);
    double left = rest(s, w->far_left, i, from - flank, from, &length[0]);
    double right = rest(s, w->end, w->far_right, to, to + flank, &length[1]);
    double near_left = rest(s, w->near_left, i, from - NEAR_WINDOWS * width, from, &near_length[0]);
    double near_right =
        rest(s, w->end, w->near_right, to, to + NEAR_WINDOWS * width, &near_length[1]);
    struct candidate c = {.first = i, .end = w->end, .width = width};
    double near = fmax(near_left / near_length[0], near_right / near_length[1]) * (double)width;
    if (inside < RATIO * near)
        return c;
    bool by_left = left / length[0] > right / length[1];
    double k = by_left ? left : right, long_ns = by_left ? length[0] : length[1];
    if (k == 0)
        long_ns = fmin(length[0], length[1]);
    c.expected = k / long_ns * (double)width;
    c.log_chance =
        wsc_log_tail(inside - 1, k, RATIO * (double)width / (RATIO * (double)width + long_ns));
    return c;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
    if (a->log_chance < b->log_chance || a->log_chance > b->log_chance)
        return a->log_chance < b->log_chance;
    return a->end - a->first > b->end - b->first;
}

/* The least likely window of one of the widths. */
static void sweep_width(const struct search *s, int64_t divisor, struct candidate *best)
{
    struct sweep w = {0};
    for (size_t i = 0; i < s->n; i++) {
        int64_t at = s->v[i].ns, width = wsc_cluster_tolerance(at) / divisor;
        int64_t flank = at / FLANK_SHARE;
        advance(s, &w.far_left, at - flank);
        advance(s, &w.near_left, at - NEAR_WINDOWS * width);
        advance(s, &w.end, at + width + 1);
        advance(s, &w.near_right, at + width + NEAR_WINDOWS * width + 1);
        advance(s, &w.far_right, at + width + flank + 1);
        /* Of equal values only the first begins a window: the others' lack what is left of them. */
        if ((i > 0 && s->v[i - 1].ns == at) || w.end - i < WSC_CLUSTER_LEAST || taken(s, i, w.end))
            continue;
        struct candidate c = judge(s, &w, i, width);
        if (better(&c, best))
            *best = c;
    }
}

/* Whether the |step| beyond an end of the cluster, |count| values, is as dense as half of it. */
static bool goes_on(size_t len, int64_t span, size_t count, int64_t step)
{
    return count >= WSC_CLUSTER_LEAST &&
           2 * (double)count * (double)span >= (double)len * (double)step;
}

/* A timer coarser than the tolerance: on as long as it stays dense, up to 5 % to each side. */
static void stretch(const struct search *s, int64_t middle, size_t *first, size_t *end)
{
    int64_t step = wsc_cluster_tolerance(middle) / 4, most = middle / 20;
    int64_t low = middle - 2 * step, high = middle + 2 * step;
    for (size_t at = *end; high < middle + most; high += step, *end = at) {
        while (at < s->n && s->v[at].ns <= high + step && !taken(s, at, at + 1))
            at++;
        if (!goes_on(at - *first, high - low, at - *end, step))
            break;
    }
    for (size_t at = *first; low > middle - most; low -= step, *first = at) {
        while (at > 0 && s->v[at - 1].ns >= low - step && !taken(s, at - 1, at))
            at--;
        if (!goes_on(*end - at, high - low, *first - at, step))
            break;
    }
}

/* Widens a window to all that lies within the tolerance around its median. */
static struct wsc_cluster widen(const struct search *s, const struct candidate *c)
{
    int64_t middle = s->v[c->first + (c->end - c->first) / 2].ns;
    int64_t half = wsc_cluster_tolerance(middle) / 2;
    size_t first = c->first, end = c->end;
    while (first > 0 && s->v[first - 1].ns >= middle - half && !taken(s, first - 1, first))
        first--;
    while (end < s->n && s->v[end].ns <= middle + half && !taken(s, end, end + 1))
        end++;
    stretch(s, middle, &first, &end);
    double whole = (double)(s->v[end - 1].ns - s->v[first].ns);
    return (struct wsc_cluster){
        .first = first,
        .len = end - first,
        .low_ns = s->v[first].ns,
        .high_ns = s->v[end - 1].ns,
        .median_ns = s->v[first + (end - first) / 2].ns,
        .expected = fmin(c->expected * fmax(whole / (double)c->width, 1), (double)(end - first)),
        .log_chance = c->log_chance};
}

/* Adds a cluster, or joins it to one that it touches: the frayed edge of a coarse timer. */
static void keep(struct search *s, struct wsc_cluster c)
{
    for (size_t i = 0; i < s->found_len; i++) {
        struct wsc_cluster *old = &s->found[i];
        int64_t gap = old->first < c.first ? c.low_ns - old->high_ns : old->low_ns - c.high_ns;
        if (gap > wsc_cluster_tolerance(c.median_ns) / 4)
            continue;
        size_t first = old->first < c.first ? old->first : c.first;
        size_t end =
            old->first + old->len > c.first + c.len ? old->first + old->len : c.first + c.len;
        old->first = first;
        old->len = end - first;
        old->low_ns = s->v[old->first].ns;
        old->high_ns = s->v[old->first + old->len - 1].ns;
        old->median_ns = s->v[old->first + old->len / 2].ns;
        old->expected += c.expected;
        return;
    }
    s->found[s->found_len++] = c;
}

size_t wsc_cluster_find(struct wsc_cluster_value *values, size_t n, double alarm,
                        struct wsc_cluster *out, size_t max)
{
    if (n == 0 || max == 0)
        return 0;
    qsort(values, n, sizeof(*values), by_time);
    size_t skip = 0;
    while (skip < n && values[skip].ns < WSC_CLUSTER_MIN_NS)
        skip++;
    while (n > skip && values[n - 1].ns > WSC_CLUSTER_MAX_NS)
        n--;
    struct search s = {.v = values + skip, .n = n - skip, .found = out};
    size_t most = max < WSC_CLUSTER_MAX ? max : WSC_CLUSTER_MAX;
    double windows = log(fmax((double)s.n, 1) * WIDTHS);
    /* Each round takes one window out, so that a strong cluster hides no weak one near it. */
    for (unsigned round = 0; round < ROUNDS && s.found_len < most; round++) {
        struct candidate best = {0};
        for (int64_t i = 0, divisor = 1; i < WIDTHS; i++, divisor *= 2)
            sweep_width(&s, divisor, &best);
        best.log_chance += windows;
        if (best.end == 0 || best.log_chance > log(alarm))
            break;
        keep(&s, widen(&s, &best));
    }
    for (size_t i = 0; i < s.found_len; i++)
        out[i].first += skip;
    return s.found_len;
}
