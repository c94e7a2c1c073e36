/* Many that end on one server at one instant. */
#include "findings/across.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

#define WINDOW_NS UINT64_C(2000000000)
#define LEAST     5u
/* A share of those open just before: a server that serves thousands ends five at any moment. */
#define SHARE 0.5
/* Connections whose time is known, at most; of more no mass is told. 32 bytes each. */
#define SPANS_MAX ((size_t)4 << 20)

/* ---- how many were open ---- */

struct moment {
    uint64_t ns;
    uint32_t server;
};

/* When the connections of all servers started, and when they were over; each by server and time. */
struct spans {
    struct wsc_names *names;
    struct moment *starts, *ends;
    size_t len, cap;
    bool no_mem, too_many;
};

static int by_moment(const void *va, const void *vb)
{
    const struct moment *x = va, *y = vb;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static bool grow(struct spans *s)
{
    size_t cap = s->cap != 0 ? 2 * s->cap : 1024;
    struct moment *starts = wsc_realloc(s->starts, cap * sizeof(*starts));
    if (starts != NULL)
        s->starts = starts;
    struct moment *ends = starts != NULL ? wsc_realloc(s->ends, cap * sizeof(*ends)) : NULL;
    if (ends == NULL)
        return false;
    s->ends = ends;
    s->cap = cap;
    return true;
}

static int on_span(void *ctx, struct wsc_span server, uint64_t started_ns, uint64_t last_ns)
{
    struct spans *s = ctx;
    s->too_many = s->len == SPANS_MAX;
    s->no_mem = !s->too_many && s->len == s->cap && !grow(s);
    if (s->too_many || s->no_mem)
        return 1;
    uint32_t name = wsc_names_add(s->names, server);
    s->starts[s->len] = (struct moment){.ns = started_ns, .server = name};
    s->ends[s->len++] = (struct moment){.ns = last_ns, .server = name};
    return 0;
}

static enum wsc_err load_spans(struct wsc_across *a, struct spans *s)
{
    s->names = &a->names;
    enum wsc_err e = wsc_store_spans(a->store, on_span, s, a->err);
    if (e == WSC_OK && s->no_mem)
        e = wsc_error_set(a->err, WSC_ERR_NOMEM, "out of memory");
    if (e == WSC_OK && s->len > 0) {
        qsort(s->starts, s->len, sizeof(*s->starts), by_moment);
        qsort(s->ends, s->len, sizeof(*s->ends), by_moment);
    }
    return e;
}

/* Moments of that server before |ns|, and all of servers before it. */
static size_t before(const struct moment *m, size_t n, struct moment at)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (by_moment(&m[mid], &at) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Connections to |server| that were open just before |ns|. */
static uint64_t open_at(const struct spans *s, uint32_t server, uint64_t ns)
{
    struct moment at = {.ns = ns, .server = server};
    size_t started = before(s->starts, s->len, at), over = before(s->ends, s->len, at);
    return started > over ? started - over : 0;
}

/* ---- masses ---- */

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
static enum wsc_err look(struct wsc_across *a, const struct spans *spans,
                         struct wsc_across_end **all, size_t n)
{
    enum wsc_err e = WSC_OK;
    for (size_t from = 0, to = 0; e == WSC_OK && from + LEAST <= n;) {
        while (to < n && all[to]->ended_ns - all[from]->ended_ns <= WINDOW_NS)
            to++;
        uint64_t begin = all[from]->ended_ns;
        size_t len = 0;
        for (size_t i = from; to - from >= LEAST && i < to; i++)
            len += was_open(all[i], begin);
        if (len < LEAST) {
            from = next_step(all, n, from);
            continue;
        }
        uint64_t open = open_at(spans, all[from]->server, begin);
        if ((double)len >= SHARE * (double)open)
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
    struct spans spans = {.len = 0};
    enum wsc_err e = load_spans(a, &spans);
    for (size_t i = 0; e == WSC_OK && !spans.too_many && i < a->len; i++)
        if (a->ends[i].server != 0 && a->ends[i].closed_by == WSC_SIDE_SERVER && !a->ends[i].timed)
            all[n++] = &a->ends[i];
    if (n > 0)
        qsort(all, n, sizeof(*all), by_server_and_time);
    for (size_t from = 0; e == WSC_OK && from < n;) {
        size_t to = from + 1;
        while (to < n && all[to]->server == all[from]->server)
            to++;
        e = look(a, &spans, all + from, to - from);
        from = to;
    }
    wsc_free(spans.starts);
    wsc_free(spans.ends);
    wsc_free((void *)all);
    return e;
}
