/* Many that end on one server at one instant. */
#include "findings/across.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

#define WINDOW_NS UINT64_C(2000000000)
#define LEAST     5u
/* A share of those open just before: a server that serves thousands ends five at any moment. */
#define SHARE 0.5
/* ---- how many were open ---- */

/* When the connections of one server started, and when they were over; each in order. */
struct spans {
    uint64_t *starts, *ends;
    size_t len;
};

static int by_number(const void *va, const void *vb)
{
    const uint64_t *x = va, *y = vb;
    return *x < *y ? -1 : *x > *y;
}

/* |all|: of one server, in order of time. */
static void load_spans(struct spans *s, struct wsc_store_end *const *all, size_t n)
{
    s->len = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i]->started_ns == 0)
            continue;
        s->starts[s->len] = all[i]->started_ns;
        s->ends[s->len++] = all[i]->at_ns;
    }
    if (s->len > 0)
        qsort(s->starts, s->len, sizeof(*s->starts), by_number);
}

static size_t before(const uint64_t *m, size_t n, uint64_t ns)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m[mid] < ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Connections that were open just before |ns|. */
static uint64_t open_at(const struct spans *s, uint64_t ns)
{
    size_t started = before(s->starts, s->len, ns), over = before(s->ends, s->len, ns);
    return started > over ? started - over : 0;
}

/* ---- masses ---- */

static int by_server_and_time(const void *va, const void *vb)
{
    const struct wsc_store_end *const *pa = va, *const *pb = vb;
    const struct wsc_store_end *x = *pa, *y = *pb;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static enum wsc_cause cause_of(const struct wsc_store_end *x)
{
    if (x->ending == WSC_ENDING_FIN || x->ending == WSC_ENDING_RESET)
        return WSC_CAUSE_MASS_DISCONNECT;
    return x->code == 1001   ? WSC_CAUSE_SERVER_SHUTDOWN
           : x->code == 1012 ? WSC_CAUSE_SERVICE_RESTART
                             : WSC_CAUSE_NONE;
}

static enum wsc_err amend_all(struct wsc_across *a, struct wsc_store_end **burst, size_t n,
                              uint64_t open)
{
    struct wsc_across_text t = {.len = 0};
    struct wsc_span server = wsc_store_name(a->store, burst[0]->server);
    wsc_across_say(&t,
                   "%.*s ended %zu connections within %.1f s, of %llu that were open: a restart, a "
                   "deploy or a crash ends many at once",
                   (int)server.len, server.ptr, n,
                   ceil((double)(burst[n - 1]->at_ns - burst[0]->at_ns) / 1e8) / 10,
                   (unsigned long long)open);
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = wsc_across_amend(a, burst[i], cause_of(burst[i]), WSC_CONFIDENCE_LIKELY, &t);
    return e;
}

/* Open just before |ns|: one that came later is no part of what happened then. */
static bool was_open(const struct wsc_store_end *x, uint64_t ns)
{
    return x->age_ns == WSC_UNKNOWN || x->at_ns - (uint64_t)x->age_ns < ns;
}

/* Moves those of the window [from, to) that were open at its beginning to the front; returns how
 * many. */
static size_t gather(struct wsc_store_end **window, size_t n)
{
    uint64_t begin = window[0]->at_ns;
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        struct wsc_store_end *x = window[i];
        if (!was_open(x, begin))
            continue;
        window[i] = window[len];
        window[len++] = x;
    }
    return len;
}

/* Where the next window is tried: an eighth of it further, so that each end is looked at in few. */
static size_t next_step(struct wsc_store_end *const *all, size_t n, size_t from)
{
    uint64_t next = all[from]->at_ns + WINDOW_NS / 8;
    do
        from++;
    while (from < n && all[from]->at_ns < next);
    return from;
}

/* |all|: ends of one server, in time. */
static enum wsc_err look(struct wsc_across *a, const struct spans *spans,
                         struct wsc_store_end **all, size_t n)
{
    enum wsc_err e = WSC_OK;
    for (size_t from = 0, to = 0; e == WSC_OK && from + LEAST <= n;) {
        while (to < n && all[to]->at_ns - all[from]->at_ns <= WINDOW_NS)
            to++;
        uint64_t begin = all[from]->at_ns;
        size_t len = 0;
        for (size_t i = from; to - from >= LEAST && i < to; i++)
            len += was_open(all[i], begin);
        if (len < LEAST) {
            from = next_step(all, n, from);
            continue;
        }
        uint64_t open = open_at(spans, begin);
        if ((double)len >= SHARE * (double)open)
            e = amend_all(a, all + from, gather(all + from, to - from), open > len ? open : len);
        from = to;
    }
    return e;
}

static size_t group_end(struct wsc_store_end *const *all, size_t from, size_t n)
{
    size_t to = from + 1;
    while (to < n && all[to]->server == all[from]->server)
        to++;
    return to;
}

/* |all|: of one server, in order of time; those it ended itself are moved to the front. */
static enum wsc_err look_at_server(struct wsc_across *a, struct spans *spans,
                                   struct wsc_store_end **all, size_t n)
{
    size_t len = 0;
    load_spans(spans, all, n);
    for (size_t i = 0; i < n; i++)
        if (all[i]->telling && all[i]->closed_by == WSC_SIDE_SERVER && !all[i]->marked)
            all[len++] = all[i];
    return look(a, spans, all, len);
}

static enum wsc_err look_at_all(struct wsc_across *a, struct wsc_store_end **all, size_t n)
{
    size_t most = 0;
    for (size_t from = 0, to; from < n; from = to) {
        to = group_end(all, from, n);
        most = to - from > most ? to - from : most;
    }
    struct spans spans = {.starts = wsc_alloc(most * sizeof(*spans.starts)),
                          .ends = wsc_alloc(most * sizeof(*spans.ends))};
    enum wsc_err e = WSC_OK;
    if (spans.starts == NULL || spans.ends == NULL)
        e = wsc_error_set(a->err, WSC_ERR_NOMEM, "out of memory");
    for (size_t from = 0, to; e == WSC_OK && from < n; from = to) {
        to = group_end(all, from, n);
        e = look_at_server(a, &spans, all + from, to - from);
    }
    wsc_free(spans.starts);
    wsc_free(spans.ends);
    return e;
}

enum wsc_err wsc_across_masses(struct wsc_across *a)
{
    /* Not of so many that some were left out: a share of what was open could not be told. */
    if (a->len < LEAST || a->len == WSC_STORE_ENDS_MAX)
        return WSC_OK;
    struct wsc_store_end **all = wsc_alloc(a->len * sizeof(struct wsc_store_end *));
    if (all == NULL)
        return wsc_error_set(a->err, WSC_ERR_NOMEM, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < a->len; i++)
        if (a->ends[i]->server != 0)
            all[n++] = a->ends[i];
    enum wsc_err e = WSC_OK;
    if (n > 0) {
        qsort(all, n, sizeof(*all), by_server_and_time);
        e = look_at_all(a, all, n);
    }
    wsc_free((void *)all);
    return e;
}
