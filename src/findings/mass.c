#include "findings/run.h"

#include "findings/burst.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

#define WEIGHT 3.0

/* Less than this share of what was open then is no mass, however quick. */
#define SHARE_LEAST 0.2

/* Ends that a server, the network or nobody in particular brought about. What clients do by
 * themselves counts only if they did it without a word: the hop in front of the capture. */
static bool may_be_mass(const struct wsc_fact *x)
{
    return wsc_fact_ended(x) && (x->closed_by != WSC_SIDE_CLIENT || wsc_fact_unannounced(x));
}

/* What lives longer than a window of bursts was open when the window began: where connections come
 * and go in seconds all the time, the others say nothing. */
#define LONG_NS INT64_C(5000000000)

static bool may_be_mass_of_old(const struct wsc_fact *x)
{
    return may_be_mass(x) && x->age_ns >= LONG_NS;
}

static int by_server_and_closer(const struct wsc_fact *a, const struct wsc_fact *b)
{
    int c = wsc_compare_closers(a, b);
    if (c != 0)
        return c;
    return a->server != b->server ? wsc_compare(a->server, b->server)
                                  : wsc_compare(a->closed_by, b->closed_by);
}

/* How many of |server| were open when the first of the burst ended. */
static uint64_t open_at(struct wsc_run *r, uint32_t server, uint64_t ns)
{
    size_t n;
    const uint32_t *rows = wsc_run_server(r, server, &n);
    uint64_t open = 0;
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        open += x->started_ns <= ns && x->at_ns >= ns &&
                (x->outcome == WSC_OUTCOME_CLOSED || x->outcome == WSC_OUTCOME_OPEN);
    }
    r->work += n;
    return open;
}

/* The ways they ended, most frequent first, at most three of them. */
struct ways {
    struct {
        const struct wsc_fact *x;
        size_t n;
    } list[8];
    size_t len;
};

static void add_way(struct ways *w, const struct wsc_fact *x)
{
    size_t i = 0;
    while (i < w->len && (w->list[i].x->code != x->code || w->list[i].x->ending != x->ending))
        i++;
    if (i == sizeof(w->list) / sizeof(w->list[0]))
        return;
    if (i == w->len)
        w->list[w->len++].x = x;
    w->list[i].n++;
}

static void say_ways(struct wsc_draft *d, struct ways *w)
{
    char text[3 * (WSC_WORD_MAX + 16)] = "", end[WSC_WORD_MAX];
    size_t n = 0;
    for (size_t k = 0; k < 3 && k < w->len; k++) {
        size_t most = k;
        for (size_t i = k + 1; i < w->len; i++)
            most = w->list[i].n > w->list[most].n ? i : most;
        const struct wsc_fact *x = w->list[most].x;
        size_t count = w->list[most].n;
        w->list[most] = w->list[k];
        w->list[k].x = x;
        w->list[k].n = count;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%zu by %s", k > 0 ? ", " : "", count,
                              wsc_word_end(x, end));
        if (k == 0 && x->code == 1012)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " (Service Restart)");
        else if (k == 0 && x->code == 1001)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " (Going Away)");
    }
    wsc_draft_say(d, "%s", text);
    if (w->list[0].x->ending == WSC_ENDING_VANISHED)
        wsc_draft_say(d, "so many at once fit a host or a network that was cut off");
    else if (w->list[0].x->code != 1012)
        wsc_draft_say(d,
                      "so many at once fit a restart or deploy there, or a hop before it that lost "
                      "its connections");
}

/* Distinct clients of the members; r->order holds them. |seen| has a byte for each name. */
static size_t clients_of(const struct wsc_run *r, size_t from, size_t len, uint8_t *seen)
{
    size_t n = 0;
    for (size_t i = from; i < from + len; i++) {
        uint32_t client = wsc_run_fact(r, i)->client;
        n += seen[client] == 0;
        seen[client] = 1;
    }
    for (size_t i = from; i < from + len; i++)
        seen[wsc_run_fact(r, i)->client] = 0;
    return n;
}

/* When the server took a connection again, and what it refused before. */
static void say_return(struct wsc_run *r, struct wsc_draft *d, const struct wsc_mass *m)
{
    uint64_t first = UINT64_MAX;
    size_t failed = 0, n;
    char after[WSC_WORD_MAX];
    const uint32_t *rows = wsc_run_server(r, m->server, &n);
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        if (x->started_ns > m->to_ns && x->started_ns < first &&
            (x->outcome == WSC_OUTCOME_CLOSED || x->outcome == WSC_OUTCOME_OPEN))
            first = x->started_ns;
    }
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        failed += x->started_ns > m->from_ns && x->started_ns < first &&
                  x->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
    }
    r->work += 2 * n;
    if (first == UINT64_MAX && failed > 0)
        wsc_draft_say(d, "no new connection to it after that: %zu attempts failed", failed);
    else if (first == UINT64_MAX)
        wsc_draft_say(d, "nobody came back to it after that");
    else if (failed > 0)
        wsc_draft_say(d, "the next connection to it came %s later; %zu attempts failed in between",
                      wsc_word_time((int64_t)(first - m->to_ns), after), failed);
    else
        wsc_draft_say(d, "the next connection to it came %s later",
                      wsc_word_time((int64_t)(first - m->to_ns), after));
}

static void describe(struct wsc_run *r, struct wsc_draft *d, const struct wsc_mass *m,
                     double expected, size_t clients, struct ways *ways)
{
    char server[WSC_WORD_MAX], span[WSC_WORD_MAX];
    int64_t within = (int64_t)(m->to_ns - m->from_ns);
    (void)wsc_word_time(within > 1000000 ? within : 1000000, span);
    wsc_draft_title(d, "%u connections ended within %s: %s", m->count, span,
                    wsc_word_server(r, m->server, server));
    if (expected < 0.05)
        wsc_draft_say(d, "usually none ends there in that time");
    else
        wsc_draft_say(d, "usually %.2g end there in that time", expected);
    say_ways(d, ways);
    wsc_draft_say(d, clients == 1 ? "all of one client address" : "%zu client addresses", clients);
    say_return(r, d, m);
}

/* A mass was open together: what came and went within the window, one after the other, is none. */
static bool were_together(const struct wsc_run *r, size_t from, size_t len)
{
    size_t open = 0;
    for (size_t i = from; i < from + len; i++)
        open += wsc_run_fact(r, i)->started_ns <= wsc_run_fact(r, from)->at_ns;
    return open >= WSC_BURST_LEAST && 5 * open >= 4 * len;
}

/* |old|: the members are older than LONG_NS. */
static enum wsc_err write_mass(struct wsc_run *r, size_t from, const struct wsc_burst *b, bool old,
                               uint8_t *seen)
{
    const struct wsc_fact *x = wsc_run_fact(r, from + b->first);
    struct wsc_mass m = {.server = x->server,
                         .from_ns = x->at_ns,
                         .to_ns = wsc_run_fact(r, from + b->first + b->len - 1)->at_ns,
                         .count = (uint32_t)b->len};
    uint64_t open = open_at(r, m.server, m.from_ns);
    if ((double)b->len < SHARE_LEAST * (double)open || !were_together(r, from + b->first, b->len))
        return WSC_OK;
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_MASS_DISCONNECT);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, m.server);
    wsc_draft_ends(d, m.from_ns, m.to_ns);
    d->filter.outcome = WSC_OUTCOME_CLOSED;
    d->filter.closed_by = x->closed_by;
    if (x->closed_by == WSC_SIDE_CLIENT)
        wsc_draft_code(d, 1006);
    struct ways ways = {0};
    for (size_t i = 0; i < b->len; i++) {
        struct wsc_fact *member = wsc_run_fact(r, from + b->first + i);
        struct wsc_fact *leg = wsc_run_leg(r, member);
        member->mass = true;
        if (leg != NULL)
            leg->mass = true;
        add_way(&ways, member);
    }
    m.count = (uint32_t)wsc_draft_measure(r, d);
    if (old && m.count > b->len && d->filter.age.min_ns == 0 && d->filter.age.max_ns == 0) {
        d->filter.age.min_ns = LONG_NS;
        m.count = (uint32_t)wsc_draft_measure(r, d);
    }
    describe(r, d, &m, b->expected, clients_of(r, from + b->first, b->len, seen), &ways);
    wsc_draft_say_legs(r, d, r->order + from + b->first, b->len);
    if (r->masses_len < WSC_MASSES_MAX)
        r->masses[r->masses_len++] = m;
    return wsc_draft_keep(r, d, WEIGHT, open, "open to this server at that moment");
}

static enum wsc_err look_at(struct wsc_run *r, size_t from, size_t end, double alarm, bool old,
                            uint64_t *times, uint8_t *seen)
{
    struct wsc_burst found[WSC_BURST_MAX];
    enum wsc_err e = WSC_OK;
    /* Legs whose other side was told about are left out; the rest moves together, in order. */
    size_t len = 0;
    for (size_t i = from; i < end; i++) {
        if (wsc_run_fact(r, i)->mass)
            continue;
        r->order[from + len] = r->order[i];
        times[len] = wsc_run_fact(r, from + len)->at_ns;
        len++;
    }
    size_t n = wsc_burst_find(times, len, r->last_ns - r->first_ns, alarm, found);
    for (size_t i = 0; i < n && e == WSC_OK; i++)
        e = write_mass(r, from, &found[i], old, seen);
    return e;
}

static enum wsc_err look_everywhere(struct wsc_run *r, bool old, uint64_t *times, uint8_t *seen)
{
    size_t n = wsc_run_pick(r, old ? may_be_mass_of_old : may_be_mass, by_server_and_closer);
    size_t groups = 0;
    for (size_t i = 0, end; i < n; i = end) {
        end = wsc_run_group_end(r, by_server_and_closer, i, n);
        groups += end - i >= WSC_BURST_LEAST;
    }
    enum wsc_err e = WSC_OK;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        end = wsc_run_group_end(r, by_server_and_closer, i, n);
        if (end - i >= WSC_BURST_LEAST)
            e = look_at(r, i, end, WSC_FALSE_ALARMS / (double)(2 * groups), old, times, seen);
    }
    return e;
}

enum wsc_err wsc_find_mass_disconnect(struct wsc_run *r)
{
    uint64_t *times = wsc_alloc((r->facts.len > 0 ? r->facts.len : 1) * sizeof(*times));
    uint8_t *seen = wsc_calloc(r->facts.names.len + 1, 1);
    enum wsc_err e = times != NULL && seen != NULL ? WSC_OK : WSC_ERR_NOMEM;
    if (e == WSC_OK)
        e = look_everywhere(r, true, times, seen);
    if (e == WSC_OK)
        e = look_everywhere(r, false, times, seen);
    wsc_free(times);
    wsc_free(seen);
    return e;
}
