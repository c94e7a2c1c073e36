/* Many that end on one server at one instant. */
#include "findings/across.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

#define WINDOW_NS UINT64_C(2000000000)
#define LEAST     5u
/* A share of those open just before: a server that serves thousands ends five at any moment. */
#define SHARE 0.5

static int by_server_and_time(const void *va, const void *vb)
{
    const struct wsc_across_end *const *pa = va, *const *pb = vb;
    const struct wsc_across_end *x = *pa, *y = *pb;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return x->ended_ns < y->ended_ns ? -1 : x->ended_ns > y->ended_ns;
}

static enum wsc_cause cause_of(const struct wsc_across_end *x)
{
    if (x->ending == WSC_ENDING_FIN || x->ending == WSC_ENDING_RESET)
        return WSC_CAUSE_MASS_DISCONNECT;
    return x->code == 1001   ? WSC_CAUSE_SERVER_SHUTDOWN
           : x->code == 1012 ? WSC_CAUSE_SERVICE_RESTART
                             : WSC_CAUSE_NONE;
}

static enum wsc_err amend_all(struct wsc_across *a, struct wsc_across_end **burst, size_t n,
                              uint64_t open)
{
    struct wsc_across_text t = {.len = 0};
    struct wsc_span server = wsc_names_get(&a->names, burst[0]->server);
    wsc_across_say(&t,
                   "%.*s ended %zu connections within %.1f s, of %llu that were open: a restart, a "
                   "deploy or a crash ends many at once",
                   (int)server.len, server.ptr, n,
                   ceil((double)(burst[n - 1]->ended_ns - burst[0]->ended_ns) / 1e8) / 10,
                   (unsigned long long)open);
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = wsc_across_amend(a, burst[i], cause_of(burst[i]), WSC_CONFIDENCE_LIKELY, &t);
    return e;
}

/* Open just before |ns|: one that came later is no part of what happened then. */
static bool was_open(const struct wsc_across_end *x, uint64_t ns)
{
    return x->age_ns == WSC_UNKNOWN || x->ended_ns - (uint64_t)x->age_ns < ns;
}

/* Moves those of the window [from, to) that were open at its beginning to the front; returns how
 * many. */
static size_t gather(struct wsc_across_end **window, size_t n)
{
    uint64_t begin = window[0]->ended_ns;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        struct wsc_across_end *x = window[i];
        if (!was_open(x, begin))
            continue;
        window[i] = window[len];
        window[len++] = x;
    }
    return len;
}

/* Where the next window is tried: an eighth of it further, so that each end is looked at in few. */
static size_t next_step(struct wsc_across_end *const *all, size_t n, size_t from)
{
    uint64_t next = all[from]->ended_ns + WINDOW_NS / 8;
    do
        from++;
    while (from < n && all[from]->ended_ns < next);
    return from;
}

/* |all|: ends of one server, in time. */
static enum wsc_err look(struct wsc_across *a, struct wsc_across_end **all, size_t n)
{
    enum wsc_err e = WSC_OK;
    for (size_t from = 0, to = 0; e == WSC_OK && from + LEAST <= n;) {
        while (to < n && all[to]->ended_ns - all[from]->ended_ns <= WINDOW_NS)
            to++;
        uint64_t open = 0, begin = all[from]->ended_ns;
        size_t len = 0;
        for (size_t i = from; to - from >= LEAST && i < to; i++)
            len += was_open(all[i], begin);
        if (len < LEAST) {
            from = next_step(all, n, from);
            continue;
        }
        e = wsc_store_open_at(a->store, wsc_names_get(&a->names, all[from]->server), begin, &open,
                              a->err);
        if (e == WSC_OK && (double)len >= SHARE * (double)open)
            e = amend_all(a, all + from, gather(all + from, to - from), open > len ? open : len);
        from = to;
    }
    return e;
}

enum wsc_err wsc_across_masses(struct wsc_across *a)
{
    if (a->len < LEAST)
        return WSC_OK;
    struct wsc_across_end **all = wsc_alloc(a->len * sizeof(struct wsc_across_end *));
    if (all == NULL)
        return wsc_error_set(a->err, WSC_ERR_NOMEM, "out of memory");
    size_t n = 0;
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; i < a->len; i++)
        if (a->ends[i].server != 0 && a->ends[i].closed_by == WSC_SIDE_SERVER && !a->ends[i].timed)
            all[n++] = &a->ends[i];
    if (n > 0)
        qsort(all, n, sizeof(*all), by_server_and_time);
    for (size_t from = 0; e == WSC_OK && from < n;) {
        size_t to = from + 1;
        while (to < n && all[to]->server == all[from]->server)
            to++;
        e = look(a, all + from, to - from);
        from = to;
    }
    wsc_free((void *)all);
    return e;
}
