/* Silences and ages that recur among the ends of one server. */
#include "findings/across.h"

#include "base/alloc.h"
#include "findings/cluster.h"

#include <wsclose/limits.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where silences are equal because all fell silent together and all ended together, the end is what
 * is shared: the silences must agree this much better than the ends do. */
#define SPREAD_RATIO 4

struct group {
    struct wsc_across *a;
    struct wsc_store_end **members;
    size_t len;
    struct wsc_cluster_value *values; /* scratch, one a member */
};

static int by_group(const void *va, const void *vb)
{
    const struct wsc_store_end *const *pa = va, *const *pb = vb;
    const struct wsc_store_end *x = *pa, *y = *pb;
    if (x->server != y->server)
        return x->server < y->server ? -1 : 1;
    if (x->closed_by != y->closed_by)
        return x->closed_by < y->closed_by ? -1 : 1;
    if (x->ending != y->ending)
        return x->ending < y->ending ? -1 : 1;
    return x->code < y->code ? -1 : x->code > y->code;
}

/* ---- candidates ---- */

static unsigned ends_of(const struct wsc_store_end *x)
{
    return x->ending == WSC_ENDING_FIN     ? WSC_ENDS_FIN
           : x->ending == WSC_ENDING_RESET ? WSC_ENDS_RST
                                           : WSC_ENDS_CLOSE;
}

/* The default of no product, but a product that says who it is and can be set to any value. */
static const struct wsc_limit *configured(const struct wsc_across *a, const struct wsc_store_end *x,
                                          enum wsc_limit_kind kind)
{
    size_t n;
    const struct wsc_limit *all = wsc_limits_all(a->limits, &n);
    for (size_t i = 0; i < n; i++)
        if (all[i].kind == kind && wsc_limit_ends_like(&all[i], ends_of(x), x->code) &&
            strcmp(all[i].setting, "fixed") != 0 &&
            wsc_limit_named_by(&all[i], wsc_store_name(a->store, x->software)))
            return &all[i];
    return NULL;
}

#define NAMED   5u
#define MATCHES 24u

static void say_candidates(const struct wsc_across *a, const struct wsc_store_end *x,
                           enum wsc_limit_kind kind, int64_t ns, struct wsc_across_text *t)
{
    const struct wsc_limit *rows[MATCHES];
    char list[600] = "";
    size_t used = 0, named = 0;
    if (a->limits == NULL)
        return;
    size_t n = wsc_limits_match(a->limits, kind, ns, rows, MATCHES);
    n = n < MATCHES ? n : MATCHES;
    wsc_limits_named_first(rows, n, wsc_store_name(a->store, x->software));
    for (size_t i = 0; i < n && named < NAMED; i++) {
        if (!wsc_limit_ends_like(rows[i], ends_of(x), x->code))
            continue;
        int w =
            snprintf(list + used, sizeof(list) - used, "%s%s %s%s", named > 0 ? "; " : "",
                     rows[i]->product, rows[i]->setting, rows[i]->verified ? "" : " (unverified)");
        if (w < 0 || (size_t)w >= sizeof(list) - used)
            break;
        used += (size_t)w;
        named++;
    }
    const struct wsc_limit *own = configured(a, x, kind);
    if (named > 0)
        wsc_across_say(t, "matches the default of: %s", list);
    else if (own != NULL && own->max_ns > 0)
        wsc_across_say(
            t, "the default of no product known; matches %s set to it (%s, default %.10g s)",
            own->product, own->setting, (double)own->max_ns / 1e9);
    else if (own != NULL)
        wsc_across_say(t, "the default of no product known; matches %s set to it (%s)",
                       own->product, own->setting);
}

/* ---- clusters ---- */

static int64_t ends_spread(const struct group *g, const struct wsc_cluster *c)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = c->first; i < c->first + c->len; i++) {
        uint64_t at = g->members[g->values[i].index]->at_ns;
        low = at < low ? at : low;
        high = at > high ? at : high;
    }
    return (int64_t)(high - low);
}

static void describe(const struct group *g, const struct wsc_cluster *c, const char *what,
                     enum wsc_limit_kind kind, struct wsc_across_text *t)
{
    const struct wsc_store_end *x = g->members[g->values[c->first].index];
    struct wsc_span server = wsc_store_name(g->a->store, x->server);
    wsc_across_say(t, "recurs: the %s ended %zu connections of %.*s after %s of %.2f to %.2f s",
                   x->closed_by == WSC_SIDE_CLIENT ? "client" : "server", c->len, (int)server.len,
                   server.ptr, what, (double)c->low_ns / 1e9, (double)c->high_ns / 1e9);
    say_candidates(g->a, x, kind, c->median_ns, t);
}

static enum wsc_err amend_cluster(struct group *g, const struct wsc_cluster *c, const char *what,
                                  enum wsc_limit_kind kind)
{
    if ((c->high_ns - c->low_ns) * SPREAD_RATIO > ends_spread(g, c))
        return WSC_OK;
    struct wsc_across_text t = {.len = 0};
    describe(g, c, what, kind, &t);
    enum wsc_cause cause =
        kind == WSC_LIMIT_IDLE ? WSC_CAUSE_IDLE_TIMEOUT : WSC_CAUSE_LIFETIME_LIMIT;
    enum wsc_err e = WSC_OK;
    for (size_t i = c->first; e == WSC_OK && i < c->first + c->len; i++) {
        struct wsc_store_end *x = g->members[g->values[i].index];
        x->marked = true;
        e = wsc_across_amend(g->a, x, cause, WSC_CONFIDENCE_LIKELY, &t);
    }
    return e;
}

/* |clock| below 4: that silence; 4: the age of connections that were not quiet. */
static size_t gather(struct group *g, size_t clock)
{
    size_t n = 0;
    for (size_t i = 0; i < g->len; i++) {
        const struct wsc_store_end *x = g->members[i];
        int64_t ns = clock < 4 ? x->idle_ns[clock] : x->age_ns;
        bool quiet = clock == 4 && (x->idle_ns[0] == WSC_UNKNOWN || x->idle_ns[0] > ns / 4);
        if (!x->marked && !quiet && ns >= WSC_CLUSTER_MIN_NS)
            g->values[n++] = (struct wsc_cluster_value){.ns = ns, .index = (uint32_t)i};
    }
    return n;
}

static enum wsc_err look(struct group *g)
{
    static const char *const whats[] = {"a silence", "a silence of the client",
                                        "a silence of the server", "a time without data frames",
                                        "a life"};
    enum wsc_err e = WSC_OK;
    for (size_t clock = 0; e == WSC_OK && clock < 5; clock++) {
        struct wsc_cluster found[WSC_CLUSTER_MAX];
        size_t n = gather(g, clock);
        size_t clusters = wsc_cluster_find(g->values, n, WSC_ACROSS_ALARM, found, WSC_CLUSTER_MAX);
        for (size_t i = 0; e == WSC_OK && i < clusters; i++)
            e = amend_cluster(g, &found[i], whats[clock],
                              clock < 4 ? WSC_LIMIT_IDLE : WSC_LIMIT_LIFETIME);
    }
    return e;
}

enum wsc_err wsc_across_timers(struct wsc_across *a)
{
    if (a->len < WSC_CLUSTER_LEAST)
        return WSC_OK;
    struct wsc_store_end **all = wsc_alloc(a->len * sizeof(struct wsc_store_end *));
    struct wsc_cluster_value *values = wsc_alloc(a->len * sizeof(*values));
    enum wsc_err e = WSC_OK;
    size_t n = 0;
    if (all == NULL || values == NULL)
        e = wsc_error_set(a->err, WSC_ERR_NOMEM, "out of memory");
    for (size_t i = 0; e == WSC_OK && i < a->len; i++) {
        struct wsc_store_end *x = a->ends[i];
        if (x->telling && x->server != 0 &&
            (x->closed_by == WSC_SIDE_CLIENT || x->closed_by == WSC_SIDE_SERVER))
            all[n++] = x;
    }
    if (n > 0)
        qsort(all, n, sizeof(*all), by_group);
    for (size_t from = 0; e == WSC_OK && from < n;) {
        size_t to = from + 1;
        while (to < n && by_group(&all[from], &all[to]) == 0)
            to++;
        struct group g = {.a = a, .members = all + from, .len = to - from, .values = values};
        if (g.len >= WSC_CLUSTER_LEAST)
            e = look(&g);
        from = to;
    }
    wsc_free((void *)all);
    wsc_free(values);
    return e;
}
