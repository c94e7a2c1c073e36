#include "findings/burst.h"

#include "findings/chance.h"

#include <math.h>
#include <stdbool.h>

#define RATIO   3.0
#define LONGEST UINT64_C(60000000000)
#define ROUNDS  (4 * WSC_BURST_MAX) /* some only join */
#define EDGE    10u
#define STEPS   4u /* a window goes on in quarters of itself */

static const uint64_t widths[] = {UINT64_C(5000000000), UINT64_C(1000000000), UINT64_C(200000000)};
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

struct search {
    const uint64_t *t;
    size_t n;
    uint64_t span_ns;
    const struct wsc_burst *found;
    size_t found_len;
};

static bool taken(const struct search *s, size_t first, size_t end)
{
    for (size_t i = 0; i < s->found_len; i++)
        if (first < s->found[i].first + s->found[i].len && s->found[i].first < end)
            return true;
    return false;
}

/* The least likely window that begins at an event, of those below |*log_chance|; len 0 if there is
 * none. */
static struct wsc_burst best_window(const struct search *s, uint64_t *width, double *log_chance)
{
    struct wsc_burst best = {0};
    size_t left = s->n;
    for (size_t i = 0; i < s->found_len; i++)
        left -= s->found[i].len;
    for (size_t w = 0; w < WIDTHS; w++) {
        double q = (double)widths[w] / (double)s->span_ns;
        for (size_t i = 0, end = 0; i < s->n; i++) {
            while (end < s->n && s->t[end] - s->t[i] <= widths[w])
                end++;
            size_t len = end - i;
            if (len < WSC_BURST_LEAST || taken(s, i, end))
                continue;
            double chance = wsc_log_tail((double)len - 1, (double)(left - len), RATIO * q);
            if (chance >= *log_chance)
                continue;
            *log_chance = chance;
            *width = widths[w];
            best = (struct wsc_burst){.first = i, .len = len, .expected = (double)(left - len) * q};
        }
    }
    return best;
}

/* On, step by step to both sides, while a step is a tenth as dense as the window was, and denser
 * than usual. */
static void stretch(const struct search *s, uint64_t width, struct wsc_burst *b)
{
    double least = fmax(fmax((double)b->len / STEPS / 10, 2), RATIO * b->expected / STEPS);
    size_t end = b->first + b->len, first = b->first;
    uint64_t from = s->t[first], to = from + width, step = width / STEPS;
    for (size_t at = end; to - from < LONGEST; to += step, end = at) {
        while (at < s->n && s->t[at] <= to + step && !taken(s, at, at + 1))
            at++;
        if ((double)(at - end) < least)
            break;
    }
    for (size_t at = first; to - from < LONGEST && from > step; from -= step, first = at) {
        while (at > 0 && s->t[at - 1] >= from - step && !taken(s, at - 1, at))
            at--;
        if ((double)(first - at) < least)
            break;
    }
    b->expected *= (double)(to - from) / (double)width;
    b->first = first;
    b->len = end - first;
}

/* One that comes shortly before or after |b|, or lies within it; |len| if there is none. */
static size_t neighbour(const struct search *s, const struct wsc_burst *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct wsc_burst *low = s->found[i].first < b->first ? &s->found[i] : b;
        const struct wsc_burst *high = low == b ? &s->found[i] : b;
        size_t low_end = low->first + low->len, high_end = high->first + high->len;
        if (high->first < low_end)
            return i;
        if (s->t[high->first] - s->t[low_end - 1] <= widths[0] &&
            s->t[high_end - 1] - s->t[low->first] <= LONGEST)
            return i;
    }
    return len;
}

/* Adds a burst, joined with all it comes near to. */
static void keep(const struct search *s, struct wsc_burst b, struct wsc_burst *out, size_t *len)
{
    size_t i;
    while ((i = neighbour(s, &b, *len)) < *len) {
        size_t end = b.first + b.len, other_end = out[i].first + out[i].len;
        b.first = out[i].first < b.first ? out[i].first : b.first;
        b.len = (end > other_end ? end : other_end) - b.first;
        b.expected += out[i].expected;
        out[i] = out[--*len];
    }
    out[(*len)++] = b;
}

/* Drops what only happens to stand at an edge: further away than ten times the usual distance. */
static void trim(const struct search *s, struct wsc_burst *b)
{
    while (b->len > WSC_BURST_LEAST) {
        const uint64_t *t = s->t + b->first;
        uint64_t far = EDGE * ((t[b->len - 1] - t[0]) / (b->len - 1));
        if (t[b->len - 1] - t[b->len - 2] > far)
            b->len--;
        else if (t[1] - t[0] > far)
            b->first++, b->len--;
        else
            break;
    }
}

size_t wsc_burst_find(const uint64_t *times, size_t n, uint64_t span_ns, double alarm,
                      struct wsc_burst out[WSC_BURST_MAX])
{
    struct search s = {.t = times, .n = n, .span_ns = span_ns, .found = out};
    if (n < WSC_BURST_LEAST || span_ns == 0)
        return 0;
    for (unsigned round = 0; round < ROUNDS && s.found_len < WSC_BURST_MAX; round++) {
        /* NOLINTNEXTLINE(bugprone-integer-division): WIDTHS is a whole number of widths */
        double log_chance = log(alarm) - log((double)n * WIDTHS);
        uint64_t width = 0;
        struct wsc_burst b = best_window(&s, &width, &log_chance);
        if (b.len == 0)
            break;
        stretch(&s, width, &b);
        trim(&s, &b);
        keep(&s, b, out, &s.found_len);
    }
    return s.found_len;
}
