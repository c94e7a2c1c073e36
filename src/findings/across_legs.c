/* The legs of a proxied connection: nginx and others pass Sec-WebSocket-Key on unchanged. */
#include "findings/across.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More connections with one key are a client that always sends the same, not legs. */
#define LEGS_MAX 4u
/* Clocks of two capture points may differ by this much; then ages must agree. */
#define CLOCKS_NS UINT64_C(600000000000)
#define AGES_NS   INT64_C(2000000000)
/* What ends one leg ends the other soon after. */
#define SOON_NS UINT64_C(10000000000)

struct leg {
    struct wsc_store_leg l; /* its spans point into |text| */
    char text[4][96];
};

struct legs {
    struct wsc_across *a;
    struct leg group[LEGS_MAX];
    size_t len;
    bool too_many;
    enum wsc_err e;
};

static void keep_span(struct wsc_span *s, char *to, size_t room)
{
    if (s->ptr == NULL)
        return;
    if (s->len > room)
        s->len = room;
    memcpy(to, s->ptr, s->len);
    s->ptr = (const uint8_t *)to;
}

static bool same(struct wsc_span a, struct wsc_span b)
{
    return a.len == b.len && a.ptr != NULL && b.ptr != NULL && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* "10.0.0.1:80" without the port. */
static struct wsc_span address(struct wsc_span endpoint)
{
    const uint8_t *colon = endpoint.ptr != NULL ? memrchr(endpoint.ptr, ':', endpoint.len) : NULL;
    if (colon != NULL)
        endpoint.len = (size_t)(colon - endpoint.ptr);
    return endpoint;
}

/* The proxy opens the inner leg after the outer one was asked for, and answers it afterwards. */
static bool nested(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner)
{
    if (outer->started_ns == 0 || inner->started_ns == 0 || inner->started_ns < outer->started_ns)
        return false;
    if (outer->established_ns == 0)
        return inner->started_ns <= outer->last_ns;
    return inner->established_ns != 0 && inner->established_ns <= outer->established_ns &&
           inner->started_ns <= outer->established_ns;
}

static int64_t handshake_ns(const struct wsc_store_leg *l)
{
    return l->established_ns > l->started_ns && l->started_ns != 0
               ? (int64_t)(l->established_ns - l->started_ns)
               : WSC_UNKNOWN;
}

/* The host that |outer| ends at is the one that |inner| comes from. */
static bool one_host(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner)
{
    return same(address(outer->server), address(inner->client));
}

/* By two clocks: what is the same on both is how long the handshakes took, one inside the other,
 * and how long the connections lived. */
static bool nested_by_two_clocks(const struct wsc_store_leg *outer,
                                 const struct wsc_store_leg *inner)
{
    uint64_t apart = outer->started_ns > inner->started_ns ? outer->started_ns - inner->started_ns
                                                           : inner->started_ns - outer->started_ns;
    int64_t ages = llabs(outer->age_ns - inner->age_ns);
    if (apart > CLOCKS_NS || ages > AGES_NS)
        return false;
    bool forth = one_host(outer, inner), back = one_host(inner, outer);
    if (forth != back)
        return forth;
    /* A program that always sends the same key has short ones anywhere: of like age they must be.
     */
    if (ages > outer->age_ns / 4)
        return false;
    int64_t whole = handshake_ns(outer), part = handshake_ns(inner);
    return whole != WSC_UNKNOWN && part != WSC_UNKNOWN && part < whole;
}

static bool ended_together(const struct wsc_store_leg *x, const struct wsc_store_leg *y)
{
    uint64_t apart =
        x->ended_ns > y->ended_ns ? x->ended_ns - y->ended_ns : y->ended_ns - x->ended_ns;
    /* Clocks of two captures differ: their ages were compared. */
    return x->ended_ns != 0 && y->ended_ns != 0 && (x->capture != y->capture || apart <= SOON_NS);
}

/* Whether |inner| is the proxy's own connection for |outer|. */
static bool is_behind(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner)
{
    /* One end is the same, port and all: one connection, captured twice or before and after an
     * address was translated. */
    if (same(outer->client, inner->client) || same(outer->server, inner->server))
        return false;
    if (outer->capture != inner->capture)
        return nested_by_two_clocks(outer, inner);
    return nested(outer, inner) && (one_host(outer, inner) || ended_together(outer, inner));
}

/* ---- who ended first ---- */

static bool ended(const struct wsc_store_leg *l)
{
    return l->outcome == WSC_OUTCOME_CLOSED && l->closed_by != WSC_SIDE_NONE;
}

static bool bare(const struct wsc_store_leg *l)
{
    return l->ending == WSC_ENDING_FIN || l->ending == WSC_ENDING_RESET;
}

/* The proxy is the server of the outer leg and the client of the inner one. */
static bool cut_by_proxy(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner)
{
    return ended(outer) && ended(inner) && bare(outer) && bare(inner) &&
           ended_together(outer, inner) && outer->closed_by == WSC_SIDE_SERVER &&
           inner->closed_by == WSC_SIDE_CLIENT;
}

static const char *who_ended(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner)
{
    if (!ended(outer) || !ended(inner) || !ended_together(outer, inner))
        return NULL;
    bool front = outer->closed_by == WSC_SIDE_CLIENT, back = inner->closed_by == WSC_SIDE_SERVER;
    if (front && !back)
        return "the client ended first, and the proxy passed it on";
    if (back && !front)
        return "the backend ended first, and the proxy passed it on";
    if (front && back && outer->capture == inner->capture && outer->ended_ns != inner->ended_ns)
        return outer->ended_ns < inner->ended_ns ? "the client ended first"
                                                 : "the backend ended first";
    return NULL;
}

static const char *end_word(const struct wsc_store_leg *l)
{
    return l->ending == WSC_ENDING_RESET ? "RST" : "FIN";
}

static void describe(const struct wsc_store_leg *outer, const struct wsc_store_leg *inner,
                     const struct wsc_store_leg *other, struct wsc_across_text *t)
{
    wsc_across_say(t,
                   "connection %lld, %.*s to %.*s, is the leg %s the proxy: the same "
                   "Sec-WebSocket-Key",
                   (long long)other->id, (int)other->client.len, other->client.ptr,
                   (int)other->server.len, other->server.ptr,
                   other == inner ? "behind" : "in front of");
    const char *who = who_ended(outer, inner);
    if (cut_by_proxy(outer, inner))
        wsc_across_say(t,
                       "the proxy between, %.*s, ended both legs: the client's by a %s, the "
                       "backend's by a %s",
                       (int)outer->server.len, outer->server.ptr, end_word(outer), end_word(inner));
    else if (who != NULL)
        wsc_across_say(t, "%s", who);
    if (cut_by_proxy(outer, inner) && outer->server_software.ptr != NULL &&
        outer->server_software.len > 0 && other == outer)
        wsc_across_say(t, "the Server header in front of the proxy is \"%.*s\"",
                       (int)outer->server_software.len, outer->server_software.ptr);
}

static bool timed(const struct wsc_store_leg *l)
{
    return (l->cause == WSC_CAUSE_IDLE_TIMEOUT || l->cause == WSC_CAUSE_LIFETIME_LIMIT) &&
           l->confidence >= WSC_CONFIDENCE_LIKELY;
}

static enum wsc_err amend_leg(struct wsc_across *a, const struct wsc_store_leg *outer,
                              const struct wsc_store_leg *inner, const struct wsc_store_leg *me)
{
    struct wsc_across_text t = {.len = 0};
    const struct wsc_store_leg *other = me == outer ? inner : outer;
    describe(outer, inner, other, &t);
    struct wsc_amendment m = {
        .id = me->id, .sentences = t.sentence, .sentences_len = t.len, .other_id = other->id};
    /* Why the proxy did it is more than that it did. */
    if (cut_by_proxy(outer, inner) && !timed(me)) {
        m.cause = timed(other) ? other->cause : WSC_CAUSE_PROXY_CUT;
        m.confidence = timed(other)             ? other->confidence
                       : one_host(outer, inner) ? WSC_CONFIDENCE_CERTAIN
                                                : WSC_CONFIDENCE_LIKELY;
        if (timed(other))
            wsc_across_say(&t, "a limit of time fits that leg: its evidence says which");
        m.sentences_len = t.len;
    }
    return wsc_store_amend(a->store, &m, a->err);
}

/* ---- groups ---- */

static enum wsc_err judge(struct legs *g)
{
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < g->len; i++) {
        size_t behind = 0, which = 0;
        for (size_t k = 0; k < g->len; k++) {
            if (k == i || !is_behind(&g->group[i].l, &g->group[k].l))
                continue;
            behind++;
            which = k;
        }
        const struct wsc_store_leg *outer = &g->group[i].l, *inner = &g->group[which].l;
        if (behind != 1 || !(outer->ours || inner->ours))
            continue;
        e = amend_leg(g->a, outer, inner, outer);
        if (e == WSC_OK)
            e = amend_leg(g->a, outer, inner, inner);
    }
    return e;
}

static int on_leg(void *ctx, const struct wsc_store_leg *leg)
{
    struct legs *g = ctx;
    if (g->len > 0 && !same(g->group[0].l.key, leg->key)) {
        g->e = g->too_many ? WSC_OK : judge(g);
        g->len = 0;
        g->too_many = false;
        if (g->e != WSC_OK)
            return 1;
    }
    if (g->len == LEGS_MAX) {
        g->too_many = true;
        return 0;
    }
    struct leg *to = &g->group[g->len++];
    to->l = *leg;
    keep_span(&to->l.key, to->text[0], sizeof(to->text[0]));
    keep_span(&to->l.client, to->text[1], sizeof(to->text[1]));
    keep_span(&to->l.server, to->text[2], sizeof(to->text[2]));
    keep_span(&to->l.server_software, to->text[3], sizeof(to->text[3]));
    return 0;
}

enum wsc_err wsc_across_legs(struct wsc_across *a)
{
    struct legs g = {.a = a};
    enum wsc_err e = wsc_store_legs(a->store, on_leg, &g, a->err);
    if (e == WSC_OK)
        e = g.e;
    if (e == WSC_OK && g.len > 0 && !g.too_many)
        e = judge(&g);
    return e;
}
