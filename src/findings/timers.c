#include "findings/run.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

/* Clocks that may recur before an end: four silences, and the age. */
#define CLOCKS (WSC_IDLE_DATA + 2)
#define AGE    (WSC_IDLE_DATA + 1)

/* Equal times of what began together and was ended together say nothing: a timer must have fired at
 * least three times, further apart than its own spread explains. */
#define EVENTS_LEAST 3u
#define EVENT_SPREAD 4 /* times the spread of the cluster */
#define EVENT_NS     INT64_C(10000000)

/* A server that says 1000 after a shorter silence or life had answered and was done. */
#define DONE_NS INT64_C(5000000000)

/* A limit in front of many servers is one finding if none of them has more than half of it. */
#define MANY_SERVERS 4u

#define WEIGHT_IDLE     2.0
#define WEIGHT_LIFETIME 1.5

/* A cluster of one clock in one group. */
struct timer {
    unsigned clock;
    struct wsc_cluster cluster;
    int64_t spread_ns; /* of the middle half */
    uint32_t *members; /* facts, ascending */
    size_t len, servers;
    bool lost; /* another clock explains its members better */
};

struct timers {
    struct timer list[CLOCKS * WSC_CLUSTER_MAX];
    size_t len;
};

/* ---- groups: one server, one way to end ---- */

/* Whoever ended it did not say so as a user or a clean application does. What a server closes with
 * 1000 or 1001 may well be its own idle limit. */
static bool may_be_timer(const struct wsc_fact *x)
{
    return wsc_fact_ended(x) && x->ending != WSC_ENDING_VANISHED && x->code > 0 && !x->mass &&
           !x->timed && !wsc_fact_client_left(x);
}

static int by_way(const struct wsc_fact *a, const struct wsc_fact *b)
{
    if (a->closed_by != b->closed_by)
        return wsc_compare(a->closed_by, b->closed_by);
    if (a->code != b->code)
        return wsc_compare(a->code, b->code);
    return wsc_fact_unannounced(a) && wsc_fact_unannounced(b) ? wsc_compare(a->ending, b->ending)
                                                              : 0;
}

static int by_server_and_way(const struct wsc_fact *a, const struct wsc_fact *b)
{
    int c = wsc_compare_closers(a, b);
    if (c != 0)
        return c;
    return a->server != b->server ? wsc_compare(a->server, b->server) : by_way(a, b);
}

static int64_t clock_of(const struct wsc_fact *x, unsigned clock)
{
    if (clock == AGE)
        return x->midstream ? WSC_UNKNOWN : x->age_ns;
    return x->idle_ns[clock];
}

/* ---- clusters of one group ---- */

static int ascending(const void *a, const void *b)
{
    return wsc_compare(*(const uint32_t *)a, *(const uint32_t *)b);
}

static bool often_enough(const struct wsc_run *r, const struct timer *t)
{
    int64_t apart = EVENT_SPREAD * (t->cluster.high_ns - t->cluster.low_ns) + EVENT_NS;
    size_t events = 1;
    uint64_t last = r->facts.rows[t->members[0]].at_ns;
    for (size_t i = 1; i < t->len; i++) {
        uint64_t at = r->facts.rows[t->members[i]].at_ns;
        if (at - last <= (uint64_t)apart)
            continue;
        events++;
        last = at;
    }
    return events >= EVENTS_LEAST;
}

static enum wsc_err add_timer(const struct wsc_run *r, struct timers *all, unsigned clock,
                              const struct wsc_cluster *c)
{
    const struct wsc_cluster_value *v = r->values + c->first;
    struct timer t = {.clock = clock,
                      .cluster = *c,
                      .spread_ns = v[c->len * 3 / 4].ns - v[c->len / 4].ns,
                      .members = wsc_alloc(c->len * sizeof(*t.members)),
                      .len = c->len};
    if (t.members == NULL)
        return WSC_ERR_NOMEM;
    for (size_t i = 0; i < c->len; i++)
        t.members[i] = v[i].index;
    qsort(t.members, t.len, sizeof(*t.members), ascending);
    if (often_enough(r, &t))
        all->list[all->len++] = t;
    else
        wsc_free(t.members);
    return WSC_OK;
}

static enum wsc_err find_timers(struct wsc_run *r, size_t from, size_t end, double alarm,
                                bool any_server, struct timers *all)
{
    for (unsigned clock = 0; clock < CLOCKS; clock++) {
        struct wsc_cluster found[WSC_CLUSTER_MAX];
        size_t n = 0;
        for (size_t i = from; i < end; i++) {
            const struct wsc_fact *x = wsc_run_fact(r, i);
            int64_t ns = clock_of(x, clock);
            if (ns >= (x->code == 1000 ? DONE_NS : WSC_CLUSTER_MIN_NS) && !x->timed &&
                !(any_server && x->leg != 0 && x->leg <= r->order[i])) /* one leg of two */
                r->values[n++] = (struct wsc_cluster_value){.ns = ns, .index = r->order[i]};
        }
        size_t len = wsc_cluster_find(r->values, n, alarm, found, WSC_CLUSTER_MAX);
        for (size_t i = 0; i < len; i++) {
            enum wsc_err e = add_timer(r, all, clock, &found[i]);
            if (e != WSC_OK)
                return e;
        }
    }
    return WSC_OK;
}

/* ---- which clock it was ---- */

static size_t shared(const struct timer *a, const struct timer *b)
{
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->len && j < b->len;) {
        if (a->members[i] == b->members[j]) {
            n++;
            i++;
            j++;
        } else if (a->members[i] < b->members[j]) {
            i++;
        } else {
            j++;
        }
    }
    return n;
}

static bool known_limit(const struct wsc_run *r, enum wsc_limit_kind kind, int64_t ns)
{
    const struct wsc_limit *one;
    return wsc_limits_match(r->limits, kind, ns, &one, 1) > 0;
}

/* Of a silence and an age that recur together, one is the clock and the other follows from it: the
 * clock's own spread is the smaller. If they are alike, what was silent nearly all its life ran
 * into its silence; else a documented limit decides, else the age, as a busy connection would have
 * to fall silent at the same age each time. */
static bool silence_explains(const struct wsc_run *r, const struct timer *idle,
                             const struct timer *age)
{
    const int64_t alike_ns = 5000000;
    if (2 * (idle->spread_ns + alike_ns) < age->spread_ns)
        return true;
    if (2 * (age->spread_ns + alike_ns) < idle->spread_ns)
        return false;
    if (idle->cluster.median_ns * 10 >= age->cluster.median_ns * 9)
        return true;
    return known_limit(r, WSC_LIMIT_IDLE, idle->cluster.median_ns) &&
           !known_limit(r, WSC_LIMIT_LIFETIME, age->cluster.median_ns);
}

/* Of two timers that share members, |a| of the lower clock: whether |a| explains them. */
static bool explains(const struct wsc_run *r, const struct timer *a, const struct timer *b)
{
    if (2 * a->len >= 3 * b->len)
        return true;
    if (2 * b->len >= 3 * a->len)
        return false;
    return b->clock != AGE || silence_explains(r, a, b);
}

static void settle(const struct wsc_run *r, struct timers *all)
{
    for (size_t i = 0; i < all->len; i++)
        for (size_t j = i + 1; j < all->len; j++) {
            struct timer *a = &all->list[i], *b = &all->list[j];
            size_t fewer = a->len < b->len ? a->len : b->len;
            if (a->clock == b->clock || a->lost || b->lost || 2 * shared(a, b) < fewer)
                continue;
            if (explains(r, a, b))
                b->lost = true;
            else
                a->lost = true;
        }
}

/* ---- what to say ---- */

static void say_range(const struct wsc_run *r, struct wsc_draft *d, const struct timer *t,
                      unsigned clock, const char *what)
{
    int64_t low = INT64_MAX, high = 0;
    char a[WSC_WORD_MAX], b[WSC_WORD_MAX];
    for (size_t i = 0; i < t->len; i++) {
        int64_t ns = clock_of(&r->facts.rows[t->members[i]], clock);
        low = ns != WSC_UNKNOWN && ns < low ? ns : low;
        high = ns > high ? ns : high;
    }
    if (low <= high)
        wsc_draft_say(d, "%s: %s to %s", what, wsc_word_time(low, a), wsc_word_time(high, b));
}

static void say_cluster(struct wsc_draft *d, const struct timer *t)
{
    static const char *const what[] = {[WSC_IDLE_ANY] = "silence before the end",
                                       [WSC_IDLE_CLIENT] = "silence of the client before the end",
                                       [WSC_IDLE_SERVER] = "silence of the server before the end",
                                       [WSC_IDLE_DATA] = "time without data frames before the end",
                                       [AGE] = "age at the end"};
    const struct wsc_cluster *c = &t->cluster;
    char low[WSC_WORD_MAX], high[WSC_WORD_MAX], median[WSC_WORD_MAX];
    char chance[32] = "none";
    if (c->expected >= 0.5)
        (void)snprintf(chance, sizeof(chance), "about %.0f", c->expected);
    wsc_draft_say(d, "%s: %s to %s, median %s; chance would put %s there", what[t->clock],
                  wsc_word_time(c->low_ns, low), wsc_word_time(c->high_ns, high),
                  wsc_word_time(c->median_ns, median), chance);
}

/* What was silent all its life ran into a silence or an age: the records cannot tell. */
static void say_same(const struct wsc_run *r, struct wsc_draft *d, const struct timer *t)
{
    size_t same = 0;
    for (size_t i = 0; i < t->len; i++) {
        const struct wsc_fact *x = &r->facts.rows[t->members[i]];
        same += x->age_ns > 0 && x->idle_ns[t->clock] * 20 >= x->age_ns * 19;
    }
    if (5 * same >= 4 * t->len)
        wsc_draft_say(d, "%zu were silent nearly all along: a limit on their age looks the same",
                      same);
}

/* Pings that come no more often than the silence lasts cannot break it. */
static void say_pings(const struct wsc_run *r, struct wsc_draft *d, const struct timer *t)
{
    char every[WSC_WORD_MAX], limit[WSC_WORD_MAX];
    double age = 0, pings = 0;
    size_t pinging = 0;
    for (size_t i = 0; i < t->len; i++) {
        const struct wsc_fact *x = &r->facts.rows[t->members[i]];
        double n = (double)x->pings[0] + (double)x->pings[1];
        if (n < 1 || x->age_ns <= 0)
            continue;
        pinging++;
        pings += n;
        age += (double)x->age_ns;
    }
    if (pinging == 0) {
        wsc_draft_say(d, "none of them carried a Ping");
        return;
    }
    int64_t mean = (int64_t)(age / pings);
    (void)wsc_word_time(mean, every);
    (void)wsc_word_time(t->cluster.median_ns, limit);
    if (mean * 20 >= t->cluster.median_ns * 19)
        wsc_draft_say(d, "%zu carried Pings, on average one every %s: not shorter than %s", pinging,
                      every, limit);
    else
        wsc_draft_say(d, "%zu carried Pings, on average one every %s, until they stopped", pinging,
                      every);
}

static void narrow(const struct wsc_run *r, struct wsc_draft *d, const struct timer *t,
                   const struct wsc_fact *x, bool any_server)
{
    struct wsc_span_filter range = wsc_draft_stretch(t->cluster.low_ns, t->cluster.high_ns);
    if (!any_server)
        wsc_draft_server(r, d, x->server);
    d->filter.closed_by = x->closed_by;
    if (wsc_fact_unannounced(x)) {
        d->filter.ending = x->ending;
        d->filter.outcome = WSC_OUTCOME_CLOSED;
    } else {
        wsc_draft_code(d, x->code);
    }
    if (t->clock == AGE) {
        d->filter.age = range;
        return;
    }
    d->filter.idle = range;
    d->filter.idle_clock = (enum wsc_idle_clock)t->clock;
}

static unsigned end_bits(const struct wsc_fact *x)
{
    if (!wsc_fact_unannounced(x))
        return WSC_ENDS_CLOSE;
    return x->ending == WSC_ENDING_FIN ? WSC_ENDS_FIN : WSC_ENDS_RST;
}

static void describe(const struct wsc_run *r, struct wsc_draft *d, const struct timer *t,
                     const struct wsc_fact *x, bool any_server)
{
    char time[WSC_WORD_MAX], end[WSC_WORD_MAX], where[WSC_WORD_MAX];
    bool age = t->clock == AGE;
    if (any_server)
        (void)snprintf(where, sizeof(where), "%zu servers", t->servers);
    else
        (void)wsc_word_server(r, x->server, where);
    (void)wsc_word_time(t->cluster.median_ns, time);
    (void)wsc_word_end(x, end);
    if (age)
        wsc_draft_title(d, "Open for %s, then %s: %s", time, end, where);
    else
        wsc_draft_title(d, "%s of silence%s, then %s: %s", time,
                        t->clock == WSC_IDLE_CLIENT   ? " of the client"
                        : t->clock == WSC_IDLE_SERVER ? " of the server"
                        : t->clock == WSC_IDLE_DATA   ? " but for control frames"
                                                      : "",
                        end, where);
    say_cluster(d, t);
    say_range(r, d, t, age ? WSC_IDLE_ANY : AGE,
              age ? "silence before the end differs" : "age at the end");
    if (!age) {
        say_same(r, d, t);
        say_pings(r, d, t);
    }
    wsc_draft_say_legs(r, d, t->members, t->len);
    enum wsc_limit_kind kind = age ? WSC_LIMIT_LIFETIME : WSC_LIMIT_IDLE;
    wsc_draft_candidates(r, d, kind, t->cluster.median_ns, end_bits(x), x->code);
    if (x->closed_by == WSC_SIDE_SERVER)
        wsc_draft_say_product(r, d, x, kind, end_bits(x));
}

static enum wsc_err write_timer(struct wsc_run *r, const struct timer *t, bool any_server)
{
    const struct wsc_fact *x = &r->facts.rows[t->members[0]];
    bool age = t->clock == AGE;
    struct wsc_draft *d =
        wsc_draft_new(r, age ? WSC_FINDING_LIFETIME_LIMIT : WSC_FINDING_IDLE_TIMEOUT);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    narrow(r, d, t, x, any_server);
    (void)wsc_draft_measure(r, d);
    describe(r, d, t, x, any_server);
    for (size_t i = 0; i < t->len; i++) {
        struct wsc_fact *member = &r->facts.rows[t->members[i]], *leg = wsc_run_leg(r, member);
        member->timed = true;
        if (leg != NULL)
            leg->timed = true;
    }
    return wsc_draft_keep(r, d, age ? WEIGHT_LIFETIME : WEIGHT_IDLE,
                          any_server ? r->ended : r->servers[x->server].ended,
                          any_server ? "that ended" : "that ended at this server");
}

/* ---- the rule ---- */

/* Which servers to look at together. */
enum scope { ONE_SERVER, SEVERAL, MANY };

static int by_member_server(const void *a, const void *b, void *ctx)
{
    const struct wsc_fact *rows = ctx;
    return wsc_compare(rows[*(const uint32_t *)a].server, rows[*(const uint32_t *)b].server);
}

/* Whether the members' servers fit |scope|. Leaves the members sorted by server. */
static bool in_scope(const struct wsc_run *r, struct timer *t, enum scope scope)
{
    size_t servers = 0, most = 0;
    if (scope == ONE_SERVER)
        return true;
    qsort_r(t->members, t->len, sizeof(*t->members), by_member_server, r->facts.rows);
    for (size_t i = 0, end; i < t->len; i = end) {
        uint32_t server = r->facts.rows[t->members[i]].server;
        for (end = i; end < t->len && r->facts.rows[t->members[end]].server == server;)
            end++;
        servers++;
        most = end - i > most ? end - i : most;
    }
    t->servers = servers;
    return scope == SEVERAL ? servers > 1 : servers >= MANY_SERVERS && 2 * most <= t->len;
}

static enum wsc_err look_at(struct wsc_run *r, size_t from, size_t end, double alarm,
                            enum scope scope, struct timers *all)
{
    all->len = 0;
    enum wsc_err e = find_timers(r, from, end, alarm, scope != ONE_SERVER, all);
    if (e == WSC_OK)
        settle(r, all);
    for (size_t i = 0; i < all->len && e == WSC_OK; i++)
        if (!all->list[i].lost && in_scope(r, &all->list[i], scope))
            e = write_timer(r, &all->list[i], scope != ONE_SERVER);
    for (size_t i = 0; i < all->len; i++)
        wsc_free(all->list[i].members);
    return e;
}

static enum wsc_err look_everywhere(struct wsc_run *r, enum scope scope, struct timers *all)
{
    wsc_fact_cmp cmp = scope == ONE_SERVER ? by_server_and_way : by_way;
    size_t n = wsc_run_pick(r, may_be_timer, cmp), groups = 0;
    for (size_t i = 0, end; i < n; i = end) {
        end = wsc_run_group_end(r, cmp, i, n);
        groups += end - i >= WSC_LEAST;
    }
    double alarm = WSC_FALSE_ALARMS / (double)(groups > 0 ? groups * CLOCKS : 1);
    enum wsc_err e = WSC_OK;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        end = wsc_run_group_end(r, cmp, i, n);
        if (end - i >= WSC_LEAST)
            e = look_at(r, i, end, alarm, scope, all);
    }
    return e;
}

/* First what many servers show alike: a limit in front of them. Then server by server, then what is
 * left of all together, where each shows it too rarely. */
enum wsc_err wsc_find_timers(struct wsc_run *r)
{
    static const enum scope scopes[] = {MANY, ONE_SERVER, SEVERAL};
    struct timers *all = wsc_calloc(1, sizeof(*all));
    enum wsc_err e = all != NULL ? WSC_OK : WSC_ERR_NOMEM;
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]) && e == WSC_OK; i++)
        e = look_everywhere(r, scopes[i], all);
    wsc_free(all);
    return e;
}
