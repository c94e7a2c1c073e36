#include "findings/run.h"

#include "findings/burst.h"
#include "findings/chance.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_FAILED    2.0
#define WEIGHT_KEEPALIVE 2.0
#define WEIGHT_LOSS      2.0
#define WEIGHT_CUT       2.0
#define WEIGHT_TOO_BIG   2.0
#define WEIGHT_VIOLATION 1.5
#define WEIGHT_EMPTY     1.0

/* Handshakes that fail are everyday life below this share of a server's, and where so many may be
 * chance if this is the usual rate. */
#define FAILED_SHARE 0.1
#define FAILED_USUAL 0.05
/* More bursts than this of one kind at one server are one finding. */
#define BURSTS_APART 3u
/* What a cause names is worth a line from this share of a server's ends on. */
#define CAUSE_SHARE 0.01
/* Who vanishes, or closes without a code, is compared with the others: this many times as often, at
 * WSC_FALSE_ALARMS over all groups. Without others to compare with, this share. */
#define MORE_THAN_OTHERS 3.0
#define ALONE_SHARE      0.5
#define ALONE_LEAST      10u

/* ---- handshakes ---- */

static bool failed(const struct wsc_fact *x)
{
    return x->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
}

static int by_failure(const struct wsc_fact *a, const struct wsc_fact *b)
{
    if (a->server != b->server)
        return wsc_compare(a->server, b->server);
    return a->ending != b->ending ? wsc_compare(a->ending, b->ending)
                                  : wsc_compare(a->status, b->status);
}

static const char *failure_word(const struct wsc_fact *x, char out[WSC_WORD_MAX])
{
    if (x->ending == WSC_ENDING_REJECTED && x->status > 0)
        (void)snprintf(out, WSC_WORD_MAX, "answered with HTTP %d", x->status);
    else
        (void)snprintf(out, WSC_WORD_MAX, "failed (%s)",
                       wsc_ending_name((enum wsc_ending)x->ending));
    return out;
}

static void say_status(struct wsc_draft *d, const struct wsc_fact *x)
{
    static const struct {
        int first, last;
        const char *text;
    } known[] = {
        {300, 399, "a redirect: no browser follows it for a WebSocket"},
        {401, 401, "the server wants credentials"},
        {403, 403, "the server refuses: often the Origin, a token or a firewall rule"},
        {404, 404, "the server knows no WebSocket at that path"},
        {426, 426, "the server wants another protocol or WebSocket version"},
        {429, 429, "the server limits the rate: clients should wait longer"},
        {502, 502, "a proxy could not reach the backend"},
        {503, 503, "the server, or a proxy without a backend, is not available"},
        {504, 504, "a proxy waited too long for the backend"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (x->status >= known[i].first && x->status <= known[i].last)
            wsc_draft_say(d, "%d: %s", x->status, known[i].text);
    wsc_draft_say(d, "a browser page sees only 1006");
}

/* |burst| NULL: all of the group. */
static enum wsc_err write_failures(struct wsc_run *r, size_t from, const struct wsc_burst *burst,
                                   size_t bursts)
{
    const struct wsc_fact *x = wsc_run_fact(r, from);
    char word[WSC_WORD_MAX], server[WSC_WORD_MAX], span[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_HANDSHAKE_FAILURES);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, x->server);
    d->filter.outcome = WSC_OUTCOME_HANDSHAKE_FAILED;
    d->filter.ending = x->ending;
    if (x->status > 0)
        d->filter.status = (struct wsc_code_range){.first = x->status, .last = x->status};
    if (burst != NULL)
        wsc_draft_ends(d, wsc_run_fact(r, from + burst->first)->at_ns,
                       wsc_run_fact(r, from + burst->first + burst->len - 1)->at_ns);
    unsigned long long n = wsc_draft_measure(r, d);
    (void)failure_word(x, word);
    (void)wsc_word_server(r, x->server, server);
    if (burst != NULL)
        wsc_draft_title(d, "%llu handshakes within %s %s: %s", n,
                        wsc_word_time((int64_t)(d->f.last_ns - d->f.first_ns), span), word, server);
    else
        wsc_draft_title(d, "%llu handshakes %s: %s", n, word, server);
    if (burst != NULL)
        wsc_draft_say(d, "usually %.2g in that time", burst->expected);
    else if (bursts > 0)
        wsc_draft_say(d, "mostly in %zu%s bursts of seconds", bursts,
                      bursts == WSC_BURST_MAX ? " or more" : "");
    say_status(d, x);
    return wsc_draft_keep(r, d, WEIGHT_FAILED, r->servers[x->server].attempts,
                          "attempts at this server");
}

static enum wsc_err look_at_failures(struct wsc_run *r, size_t from, size_t end, double alarm,
                                     uint64_t *times)
{
    struct wsc_burst found[WSC_BURST_MAX];
    const struct wsc_fact *x = wsc_run_fact(r, from);
    enum wsc_err e = WSC_OK;
    double len = (double)(end - from), all = r->servers[x->server].attempts;
    if (len >= WSC_LEAST && len >= FAILED_SHARE * all &&
        wsc_log_tail(len, all - len, FAILED_USUAL) <= log(alarm))
        return write_failures(r, from, NULL, 0);
    for (size_t i = from; i < end; i++)
        times[i - from] = wsc_run_fact(r, i)->at_ns;
    size_t n = wsc_burst_find(times, end - from, r->last_ns - r->first_ns, alarm, found);
    if (n > BURSTS_APART)
        return write_failures(r, from, NULL, n);
    for (size_t i = 0; i < n && e == WSC_OK; i++)
        e = write_failures(r, from, &found[i], 1);
    return e;
}

enum wsc_err wsc_find_handshake_failures(struct wsc_run *r)
{
    size_t n = wsc_run_pick(r, failed, by_failure), groups = 0;
    for (size_t i = 0; i < n; i = wsc_run_group_end(r, by_failure, i, n))
        groups++;
    uint64_t *times = wsc_alloc((n > 0 ? n : 1) * sizeof(*times));
    enum wsc_err e = times != NULL ? WSC_OK : WSC_ERR_NOMEM;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        end = wsc_run_group_end(r, by_failure, i, n);
        e = look_at_failures(r, i, end, WSC_FALSE_ALARMS / (double)groups, times);
    }
    wsc_free(times);
    return e;
}

/* ---- what the cause of each record says ---- */

static bool has_cause(const struct wsc_fact *x)
{
    return x->cause != 0 && wsc_fact_ended(x) && !x->mass;
}

static int by_cause(const struct wsc_fact *a, const struct wsc_fact *b)
{
    if (a->server != b->server)
        return wsc_compare(a->server, b->server);
    return a->cause != b->cause ? wsc_compare(a->cause, b->cause)
                                : wsc_compare(a->closed_by, b->closed_by);
}

static const struct told {
    const char *cause;
    enum wsc_finding_kind kind;
    double weight;
    const char *title, *evidence;
} told[] = {
    {"keepalive_timeout", WSC_FINDING_KEEPALIVE_TIMEOUT, WEIGHT_KEEPALIVE,
     "connections ended after Pings without a Pong",
     "the evidence of each record says whether TCP acknowledged the Ping: then the peer's process "
     "was stuck, else the network"},
    {"proxy_cut", WSC_FINDING_PROXY_CUT, WEIGHT_CUT,
     "connections were ended by the hop between their two legs",
     "the same Sec-WebSocket-Key stands on both legs, and neither end began"},
    {"message_too_big", WSC_FINDING_MESSAGE_TOO_BIG, WEIGHT_TOO_BIG,
     "connections ended with 1009, a message over the receiver's limit",
     "the evidence of each record gives the size and the limit it suggests"},
};

static const struct told *told_by(const struct wsc_run *r, uint32_t cause)
{
    struct wsc_span s = wsc_names_get(&r->facts.names, cause);
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (s.len == strlen(told[i].cause) && memcmp(s.ptr, told[i].cause, s.len) == 0)
            return &told[i];
    return NULL;
}

/* The last messages before: those that were too big, or the last of their pieces. */
static void say_sizes(const struct wsc_run *r, struct wsc_draft *d, size_t from, size_t end)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = from; i < end; i++) {
        uint64_t n = wsc_run_fact(r, i)->too_big;
        low = n > 0 && n < low ? n : low;
        high = n > high ? n : high;
    }
    if (high > 0)
        wsc_draft_say(d, "the last messages before had %llu to %llu bytes", (unsigned long long)low,
                      (unsigned long long)high);
}

static enum wsc_err write_cause(struct wsc_run *r, const struct told *t, size_t from, size_t group)
{
    const struct wsc_fact *x = wsc_run_fact(r, from);
    char server[WSC_WORD_MAX], end[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, t->kind);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, x->server);
    d->filter.cause = t->cause;
    d->filter.closed_by = x->closed_by;
    unsigned long long n = wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu %s: %s", n, t->title, wsc_word_server(r, x->server, server));
    wsc_draft_say(d, "e.g. by %s", wsc_word_end(x, end));
    say_sizes(r, d, from, group);
    wsc_draft_say(d, "%s", t->evidence);
    return wsc_draft_keep(r, d, t->weight, r->servers[x->server].ended,
                          "that ended at this server");
}

enum wsc_err wsc_find_causes(struct wsc_run *r)
{
    size_t n = wsc_run_pick(r, has_cause, by_cause);
    enum wsc_err e = WSC_OK;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        const struct wsc_fact *x = wsc_run_fact(r, i);
        const struct told *t = told_by(r, x->cause);
        size_t news = 0;
        end = wsc_run_group_end(r, by_cause, i, n);
        for (size_t k = i; k < end; k++)
            news += !wsc_run_fact(r, k)->timed;
        /* Of two legs the one towards the users is told about. */
        if (t != NULL && t->kind == WSC_FINDING_PROXY_CUT && x->closed_by == WSC_SIDE_CLIENT &&
            x->leg != 0)
            continue;
        /* A timer that was found says more than that its connections were cut. */
        if (t != NULL && end - i >= WSC_LEAST && 5 * news >= end - i &&
            (double)(end - i) >= CAUSE_SHARE * r->servers[x->server].ended)
            e = write_cause(r, t, i, end);
    }
    return e;
}

/* ---- one peer against the others ---- */

struct part {
    uint64_t hits, all;
};

/* Whether |one| of |whole| has far more hits than the others, at |alarm|. */
static bool stands_out(struct part one, struct part whole, double alarm)
{
    double others = (double)(whole.all - one.all);
    if (one.hits < WSC_LEAST)
        return false;
    if (others < (double)one.all / 4) /* too few to compare with */
        return one.hits >= ALONE_LEAST && (double)one.hits >= ALONE_SHARE * (double)one.all;
    double usual = ((double)(whole.hits - one.hits) + 1) / (others + 1);
    return wsc_log_tail((double)one.hits, (double)(one.all - one.hits),
                        fmin(MORE_THAN_OTHERS * usual, 1)) <= log(alarm);
}

static bool ended(const struct wsc_fact *x)
{
    return wsc_fact_ended(x);
}

static int by_network(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return wsc_compare(a->network, b->network);
}

static bool vanished(const struct wsc_fact *x)
{
    return x->ending == WSC_ENDING_VANISHED;
}

static enum wsc_err write_loss(struct wsc_run *r, uint32_t network, struct part one,
                               struct part whole)
{
    char client[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_NETWORK_LOSS);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_client(r, d, network, true);
    d->filter.ending = WSC_ENDING_VANISHED;
    unsigned long long n = wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu connections vanished without FIN, RST or Close: clients in %s", n,
                    wsc_word_client(r, network, true, client));
    wsc_draft_say(d, "%.1f %% of those that ended there; of all others %.1f %%",
                  100.0 * (double)one.hits / (double)one.all,
                  whole.all > one.all
                      ? 100.0 * (double)(whole.hits - one.hits) / (double)(whole.all - one.all)
                      : 0.0);
    return wsc_draft_keep(r, d, WEIGHT_LOSS, one.all, "that ended there");
}

/* A grouping, what is counted in it, and who writes what stands out. */
struct comparison {
    wsc_fact_fn want, hit;
    wsc_fact_cmp cmp;
    uint32_t (*name)(const struct wsc_fact *x);
    enum wsc_err (*write)(struct wsc_run *r, uint32_t name, struct part one, struct part whole);
};

static enum wsc_err compare_all(struct wsc_run *r, const struct comparison *c)
{
    size_t n = wsc_run_pick(r, c->want, c->cmp), groups = 0;
    struct part whole = {.all = n};
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; i < n; i++)
        whole.hits += c->hit(wsc_run_fact(r, i));
    for (size_t i = 0; i < n; i = wsc_run_group_end(r, c->cmp, i, n))
        groups++;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        end = wsc_run_group_end(r, c->cmp, i, n);
        struct part one = {.all = end - i};
        uint32_t name = c->name(wsc_run_fact(r, i));
        for (size_t k = i; k < end; k++)
            one.hits += c->hit(wsc_run_fact(r, k));
        if (name != 0 && stands_out(one, whole, WSC_FALSE_ALARMS / (double)groups))
            e = c->write(r, name, one, whole);
    }
    return e;
}

static uint32_t network_name(const struct wsc_fact *x)
{
    return x->network;
}

enum wsc_err wsc_find_network_loss(struct wsc_run *r)
{
    static const struct comparison c = {.want = ended,
                                        .hit = vanished,
                                        .cmp = by_network,
                                        .name = network_name,
                                        .write = write_loss};
    return compare_all(r, &c);
}

/* ---- empty Closes ---- */

static bool empty(const struct wsc_fact *x)
{
    return x->code == 1005;
}

static bool closed_by_server(const struct wsc_fact *x)
{
    return wsc_fact_ended(x) && x->closed_by == WSC_SIDE_SERVER;
}

static bool closed_by_client(const struct wsc_fact *x)
{
    return wsc_fact_ended(x) && x->closed_by == WSC_SIDE_CLIENT;
}

static int by_server(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return wsc_compare(a->server, b->server);
}

static int by_agent(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return wsc_compare(a->user_agent, b->user_agent);
}

static uint32_t server_name(const struct wsc_fact *x)
{
    return x->server;
}

static uint32_t agent_name(const struct wsc_fact *x)
{
    return x->user_agent;
}

static void say_empty(struct wsc_draft *d, struct part one, struct part whole)
{
    if (whole.all > one.all)
        wsc_draft_say(d, "%.1f %% of the ends it began; of the others' %.1f %%",
                      100.0 * (double)one.hits / (double)one.all,
                      100.0 * (double)(whole.hits - one.hits) / (double)(whole.all - one.all));
    wsc_draft_say(d,
                  "the application behind it closes without a code: 1005 is what the peer reports");
}

static enum wsc_err write_empty_server(struct wsc_run *r, uint32_t name, struct part one,
                                       struct part whole)
{
    char server[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_EMPTY_CLOSE);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, name);
    wsc_draft_code(d, 1005);
    d->filter.closed_by = WSC_SIDE_SERVER;
    unsigned long long n = wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu empty Closes by the server: %s", n, wsc_word_server(r, name, server));
    say_empty(d, one, whole);
    return wsc_draft_keep(r, d, WEIGHT_EMPTY, one.all, "ends it began");
}

static enum wsc_err write_empty_client(struct wsc_run *r, uint32_t name, struct part one,
                                       struct part whole)
{
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_EMPTY_CLOSE);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    struct wsc_span agent = wsc_names_get(&r->facts.names, name);
    wsc_draft_code(d, 1005);
    d->filter.closed_by = WSC_SIDE_CLIENT;
    d->filter.user_agent = wsc_draft_pattern(r, d, name);
    unsigned long long n = wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu empty Closes by clients of one kind: %.*s", n, (int)agent.len,
                    (const char *)agent.ptr);
    say_empty(d, one, whole);
    return wsc_draft_keep(r, d, WEIGHT_EMPTY, one.all, "ends they began");
}

enum wsc_err wsc_find_empty_close(struct wsc_run *r)
{
    static const struct comparison of_servers = {.want = closed_by_server,
                                                 .hit = empty,
                                                 .cmp = by_server,
                                                 .name = server_name,
                                                 .write = write_empty_server};
    static const struct comparison of_clients = {.want = closed_by_client,
                                                 .hit = empty,
                                                 .cmp = by_agent,
                                                 .name = agent_name,
                                                 .write = write_empty_client};
    enum wsc_err e = compare_all(r, &of_servers);
    return e == WSC_OK ? compare_all(r, &of_clients) : e;
}

/* ---- violations ---- */

static bool broke_as_client(const struct wsc_fact *x)
{
    return x->rules[WSC_DIR_C2S] != 0;
}

static bool broke_as_server(const struct wsc_fact *x)
{
    return x->rules[WSC_DIR_S2C] != 0;
}

static int by_software(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return wsc_compare(a->software, b->software);
}

static enum wsc_err write_violation(struct wsc_run *r, uint32_t name, enum wsc_side by,
                                    enum wsc_rule rule)
{
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_VIOLATIONS);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    struct wsc_span software = wsc_names_get(&r->facts.names, name);
    const char *pattern = wsc_draft_pattern(r, d, name);
    d->filter.rule = (int)rule;
    d->filter.rule_by = (int)by;
    if (by == WSC_SIDE_CLIENT)
        d->filter.user_agent = pattern != NULL ? pattern : d->filter.user_agent;
    else
        d->filter.server_software = pattern != NULL ? pattern : d->filter.server_software;
    unsigned long long n = wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu connections with %s by the %s: %.*s", n, wsc_rule_name(rule),
                    wsc_side_name(by), software.len > 0 ? (int)software.len : 23,
                    software.len > 0 ? (const char *)software.ptr : "software without a name");
    wsc_draft_say(d, "each record names the packet");
    uint64_t of = 0;
    for (size_t i = 0; i < r->facts.len; i++)
        of += (by == WSC_SIDE_CLIENT ? r->facts.rows[i].user_agent : r->facts.rows[i].software) ==
              name;
    return wsc_draft_keep(r, d, WEIGHT_VIOLATION, of, "of this software");
}

static enum wsc_err look_at_rules(struct wsc_run *r, size_t from, size_t end, enum wsc_dir by)
{
    const struct wsc_fact *x = wsc_run_fact(r, from);
    enum wsc_err e = WSC_OK;
    for (int rule = 0; rule < WSC_RULE_COUNT && e == WSC_OK; rule++) {
        size_t n = 0;
        for (size_t i = from; i < end; i++)
            n += (wsc_run_fact(r, i)->rules[by] & 1u << rule) != 0;
        if (n >= WSC_LEAST)
            e = write_violation(r, by == WSC_DIR_C2S ? x->user_agent : x->software, wsc_side_of(by),
                                (enum wsc_rule)rule);
    }
    return e;
}

enum wsc_err wsc_find_violations(struct wsc_run *r)
{
    static const struct {
        wsc_fact_fn want;
        wsc_fact_cmp cmp;
        enum wsc_dir by;
    } sides[] = {{broke_as_client, by_agent, WSC_DIR_C2S},
                 {broke_as_server, by_software, WSC_DIR_S2C}};
    enum wsc_err e = WSC_OK;
    for (size_t s = 0; s < 2; s++) {
        size_t n = wsc_run_pick(r, sides[s].want, sides[s].cmp);
        for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
            end = wsc_run_group_end(r, sides[s].cmp, i, n);
            if (end - i >= WSC_LEAST)
                e = look_at_rules(r, i, end, sides[s].by);
        }
    }
    return e;
}
