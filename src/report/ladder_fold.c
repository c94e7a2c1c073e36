#include "report/ladder.h"

#include "base/alloc.h"
#include "report/story_text.h"

/* Frames of more bytes are worth a row each. */
#define SMALL_FRAME 16384u
/* So many turns at least. */
#define TURNS_LEAST 3u
/* The opening is not longer than this: SYNs sent again, other requests before it. */
#define OPENING_MAX 12u

static bool may_fold(const struct wsc_story_event *ev)
{
    switch ((enum wsc_story_kind)ev->kind) {
    case WSC_STORY_FRAME:
        return ev->opcode != 8 && ev->len <= SMALL_FRAME && !ev->missing && !ev->unfinished &&
               ev->ts_ns < ev->since_ns + WSC_STORY_LONG_NS;
    case WSC_STORY_AGAIN:
    case WSC_STORY_PROBE:
    case WSC_STORY_DATA:
    case WSC_STORY_ENCRYPTED:
        return true;
    default:
        return false;
    }
}

static bool alike(const struct wsc_story_event *a, const struct wsc_story_event *b)
{
    return a->kind == b->kind && a->dir == b->dir && a->opcode == b->opcode && a->fin == b->fin &&
           a->compressed == b->compressed && may_fold(b);
}

static uint64_t between(const struct wsc_story_event *a, const struct wsc_story_event *b)
{
    return b->ts_ns > a->ts_ns ? b->ts_ns - a->ts_ns : 0;
}

/* A silence ends a run, unless it recurs as that of a heartbeat does. What is sent again is sent at
 * ever longer intervals. */
static bool steady(const struct wsc_story_event *ev, uint64_t gap, uint64_t first)
{
    if (ev->kind == WSC_STORY_AGAIN || (gap < WSC_STORY_LONG_NS && first < WSC_STORY_LONG_NS))
        return true;
    uint64_t off = gap > first ? gap - first : first - gap;
    return off <= first / 10 + 50000000;
}

/* How many events from |ev| on are turns of |period|, all of the kind of the first ones. */
static size_t run_of(const struct wsc_story_event *ev, size_t n, unsigned period)
{
    size_t len = period;
    if (n < (size_t)period * TURNS_LEAST || !may_fold(&ev[0]) ||
        (period == 2 && (!may_fold(&ev[1]) || ev[0].dir == ev[1].dir)))
        return 0;
    const uint64_t first = between(&ev[0], &ev[period]);
    while (len < n && alike(&ev[len % period], &ev[len]) &&
           steady(&ev[0], between(&ev[len - period], &ev[len]), first))
        len++;
    len -= len % period;
    return len >= (size_t)period * TURNS_LEAST ? len : 0;
}

size_t wsc_ladder_fold(const struct wsc_story_event *ev, size_t n, struct wsc_ladder_row **rows)
{
    size_t len = 0, cap = 0;
    *rows = NULL;
    for (size_t i = 0; i < n;) {
        if (len == cap) {
            cap = cap != 0 ? cap * 2 : 64;
            struct wsc_ladder_row *grown = wsc_realloc(*rows, cap * sizeof(*grown));
            if (grown == NULL) {
                wsc_free(*rows);
                *rows = NULL;
                return 0;
            }
            *rows = grown;
        }
        unsigned period = 1;
        size_t run = run_of(ev + i, n - i, 1);
        if (run == 0) {
            run = run_of(ev + i, n - i, 2);
            period = run > 0 ? 2 : 1;
        }
        (*rows)[len++] =
            (struct wsc_ladder_row){.first = i, .n = run > 0 ? run : 1, .period = period};
        i += run > 0 ? run : 1;
    }
    return len;
}

/* The answer that opens it, or that refuses. */
static bool opens(const struct wsc_story_event *ev)
{
    return ev->kind == WSC_STORY_ESTABLISHED ||
           (ev->kind == WSC_STORY_ANSWER &&
            (ev->code == 101 || (ev->code >= 200 && ev->code < 300)));
}

size_t wsc_ladder_opening(const struct wsc_story_event *ev, const struct wsc_ladder_row *rows,
                          size_t n)
{
    for (size_t i = 0; i < n && i < OPENING_MAX; i++)
        if (opens(&ev[rows[i].first]))
            return i + 1;
    return 0;
}
