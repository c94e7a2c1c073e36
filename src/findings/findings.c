#include "findings/run.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 2000000u
#define NAMES_MAX   (64u << 20)
#define WORDS_MAX   16384u

const char *wsc_finding_kind_name(enum wsc_finding_kind kind)
{
    static const char *const names[] = {
        [WSC_FINDING_IDLE_TIMEOUT] = "idle_timeout",
        [WSC_FINDING_LIFETIME_LIMIT] = "lifetime_limit",
        [WSC_FINDING_MASS_DISCONNECT] = "mass_disconnect",
        [WSC_FINDING_RECONNECT_STORM] = "reconnect_storm",
        [WSC_FINDING_HANDSHAKE_FAILURES] = "handshake_failures",
        [WSC_FINDING_KEEPALIVE_TIMEOUT] = "keepalive_timeout",
        [WSC_FINDING_NETWORK_LOSS] = "network_loss",
        [WSC_FINDING_PROXY_CUT] = "proxy_cut",
        [WSC_FINDING_MESSAGE_TOO_BIG] = "message_too_big",
        [WSC_FINDING_VIOLATIONS] = "violations",
        [WSC_FINDING_EMPTY_CLOSE] = "empty_close",
    };
    return (unsigned)kind < WSC_FINDING_KINDS ? names[kind] : "invalid";
}

/* In this order: what a rule explains, a later one leaves alone. */
static const wsc_find_fn rules[] = {
    wsc_find_mass_disconnect, wsc_find_timers,     wsc_find_reconnect_storm,
    wsc_find_retry_loop,      wsc_find_causes,     wsc_find_handshake_failures,
    wsc_find_network_loss,    wsc_find_violations, wsc_find_empty_close,
};

/* ---- groups ---- */

struct sorting {
    const struct wsc_fact *rows;
    wsc_fact_cmp cmp;
};

static int by_group(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int c = s->cmp(&s->rows[x], &s->rows[y]);
    return c != 0 ? c : wsc_compare(x, y); /* facts are in order of time */
}

size_t wsc_run_pick(struct wsc_run *r, wsc_fact_fn want, wsc_fact_cmp cmp)
{
    struct sorting s = {.rows = r->facts.rows, .cmp = cmp};
    size_t n = 0;
    for (uint32_t i = 0; i < r->facts.len; i++)
        if (r->facts.rows[i].server != 0 && !r->facts.rows[i].copy && want(&r->facts.rows[i]))
            r->order[n++] = i;
    if (n > 0)
        qsort_r(r->order, n, sizeof(*r->order), by_group, &s);
    return n;
}

size_t wsc_run_group_end(const struct wsc_run *r, wsc_fact_cmp cmp, size_t from, size_t n)
{
    size_t end = from + 1;
    while (end < n && cmp(wsc_run_fact(r, from), wsc_run_fact(r, end)) == 0)
        end++;
    return end;
}

/* ---- the run ---- */

static void count(struct wsc_run *r, struct wsc_findings_summary *sum)
{
    for (size_t i = 0; i < r->facts.len; i++) {
        const struct wsc_fact *x = &r->facts.rows[i];
        uint64_t from = x->started_ns != 0 ? x->started_ns : x->at_ns;
        r->servers[x->server].attempts++;
        r->servers[x->server].ended += wsc_fact_ended(x);
        sum->ended += wsc_fact_ended(x);
        sum->failed += x->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
        if (from != 0 && (r->first_ns == 0 || from < r->first_ns))
            r->first_ns = from;
        if (x->at_ns > r->last_ns)
            r->last_ns = x->at_ns;
    }
    if (r->facts.last_ns > r->last_ns)
        r->last_ns = r->facts.last_ns;
    r->ended = sum->ended;
    sum->records = r->facts.len;
    sum->cut = r->facts.cut;
    sum->names_full = r->facts.names.refused;
    sum->first_ns = r->first_ns;
    sum->last_ns = r->last_ns;
}

/* Counting sort: |attempts| are known. */
static void group_by_server(struct wsc_run *r)
{
    size_t at = 0;
    for (size_t i = 0; i <= r->facts.names.len; i++) {
        r->servers[i].first = at;
        at += r->servers[i].attempts;
        r->servers[i].attempts = 0;
    }
    for (uint32_t i = 0; i < r->facts.len; i++) {
        struct wsc_server_count *s = &r->servers[r->facts.rows[i].server];
        r->by_server[s->first + s->attempts++] = i;
    }
}

const uint32_t *wsc_run_server(const struct wsc_run *r, uint32_t server, size_t *n)
{
    *n = server != 0 ? r->servers[server].attempts : r->facts.len;
    return r->by_server + (server != 0 ? r->servers[server].first : 0);
}

static enum wsc_err search(struct wsc_run *r, struct wsc_findings_summary *sum)
{
    size_t n = r->facts.len > 0 ? r->facts.len : 1;
    r->servers = wsc_calloc(r->facts.names.len + 1, sizeof(*r->servers));
    r->order = wsc_calloc(n, sizeof(*r->order));
    r->by_server = wsc_calloc(n, sizeof(*r->by_server));
    r->values = wsc_calloc(n, sizeof(*r->values));
    if (r->servers == NULL || r->order == NULL || r->by_server == NULL || r->values == NULL)
        return WSC_ERR_NOMEM;
    count(r, sum);
    group_by_server(r);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        enum wsc_err e = rules[i](r);
        if (e != WSC_OK)
            return e;
    }
    return WSC_OK;
}

static int worst_first(const void *a, const void *b)
{
    const struct wsc_finding *x = &(*(struct wsc_draft *const *)a)->f,
                             *y = &(*(struct wsc_draft *const *)b)->f;
    if (x->score < y->score || x->score > y->score)
        return x->score > y->score ? -1 : 1;
    if (x->kind != y->kind)
        return wsc_compare(x->kind, y->kind);
    return x->first_ns != y->first_ns ? (x->first_ns < y->first_ns ? -1 : 1)
                                      : wsc_compare(x->ids[0], y->ids[0]);
}

static void hand_out(struct wsc_run *r, wsc_finding_fn fn, void *ctx,
                     struct wsc_findings_summary *sum)
{
    char words[WORDS_MAX];
    if (r->drafts_len > 0)
        qsort(r->drafts, r->drafts_len, sizeof(struct wsc_draft *), worst_first);
    sum->left_out = r->left_out;
    for (size_t i = 0; i < r->drafts_len; i++) {
        struct wsc_finding *f = &r->drafts[i]->f;
        (void)wsc_filter_words(f->filter, words, sizeof(words));
        f->words = (struct wsc_span){.ptr = (const uint8_t *)words, .len = strlen(words)};
        sum->findings++;
        if (fn(ctx, f) != 0)
            return;
    }
}

static void clear(struct wsc_run *r, struct wsc_limits *own)
{
    for (size_t i = 0; i < r->drafts_len; i++)
        wsc_draft_drop(r->drafts[i]);
    wsc_free(r->drafts);
    wsc_free(r->servers);
    wsc_free(r->order);
    wsc_free(r->by_server);
    wsc_free(r->values);
    wsc_facts_clear(&r->facts);
    wsc_limits_free(own);
}

enum wsc_err wsc_findings_run(struct wsc_store *s, const struct wsc_filter *f,
                              const struct wsc_findings_options *opt, wsc_finding_fn fn, void *ctx,
                              struct wsc_findings_summary *sum, struct wsc_error *err)
{
    static const struct wsc_findings_options usual;
    struct wsc_limits *own = NULL;
    if (opt == NULL)
        opt = &usual;
    struct wsc_run r = {.base = f,
                        .limits = opt->limits,
                        .drafts_max =
                            opt->max_findings != 0 ? opt->max_findings : WSC_FINDINGS_MAX};
    *sum = (struct wsc_findings_summary){0};
    wsc_facts_init(&r.facts, opt->max_records != 0 ? opt->max_records : RECORDS_MAX,
                   opt->max_names != 0 ? opt->max_names : NAMES_MAX);
    enum wsc_err e = wsc_facts_read(&r.facts, s, f, err);
    bool reading = e != WSC_OK;
    if (e == WSC_OK && r.limits == NULL) {
        e = wsc_limits_new(&own);
        r.limits = own;
    }
    if (e == WSC_OK)
        e = search(&r, sum);
    if (e == WSC_OK)
        hand_out(&r, fn, ctx, sum);
    else if (!reading)
        (void)wsc_error_set(err, e, "out of memory with %zu records", r.facts.len);
    clear(&r, own);
    return e;
}
