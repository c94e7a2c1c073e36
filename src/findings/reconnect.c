#include "findings/run.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_STORM 2.5
#define WEIGHT_LOOP  2.0

/* Clients that wait as RFC 6455 7.2.3 asks come back spread over longer than this. */
#define BACK_NS   UINT64_C(10000000000)
#define BEFORE_NS UINT64_C(60000000000)
#define SECOND_NS UINT64_C(1000000000)

#define STORM_LEAST  10u
#define STORM_SHARE  0.5 /* of those thrown out, back within BACK_NS */
#define STORM_GROWTH 5.0 /* times the usual rate of handshakes */

#define LOOP_LEAST 10u
#define LOOP_SHARE 0.5 /* of a client's attempts, each within a second of a bad end */

/* ---- after a mass disconnect ---- */

struct rush {
    uint64_t attempts, failed; /* begun in the window by clients that were thrown out */
    uint64_t before, others;   /* begun by anybody in the minute before; at all other times */
    uint64_t peak;             /* most in one second */
    uint64_t half_ns;          /* from the first end until half of them had begun */
    uint64_t from_ns, to_ns;
};

/* Scratch: starts of attempts, and a byte for each name. */
struct scratch {
    uint64_t *starts;
    uint8_t *thrown_out;
};

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void take_start(const struct wsc_fact *x, const struct scratch *s, struct rush *out)
{
    if (x->started_ns == 0)
        return;
    if (x->started_ns < out->from_ns || x->started_ns > out->to_ns) {
        out->others++;
        out->before += x->started_ns < out->from_ns && out->from_ns - x->started_ns <= BEFORE_NS;
    } else if (s->thrown_out[x->client] != 0) {
        out->failed += x->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
        s->starts[out->attempts++] = x->started_ns;
    }
}

static void measure(struct wsc_run *r, const struct wsc_mass *m, const struct scratch *s,
                    struct rush *out)
{
    size_t n;
    const uint32_t *rows = wsc_run_server(r, m->server, &n);
    *out = (struct rush){.from_ns = m->from_ns, .to_ns = m->to_ns + BACK_NS};
    memset(s->thrown_out, 0, r->facts.names.len + 1);
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        if (x->mass && x->at_ns >= m->from_ns && x->at_ns <= m->to_ns)
            s->thrown_out[x->client] = 1;
    }
    s->thrown_out[0] = 0; /* an address that is not known */
    for (size_t i = 0; i < n; i++)
        take_start(&r->facts.rows[rows[i]], s, out);
    r->work += 2 * n;
    if (out->attempts == 0)
        return;
    qsort(s->starts, out->attempts, sizeof(*s->starts), by_value);
    out->half_ns = s->starts[out->attempts / 2] - m->from_ns;
    for (size_t i = 0, from = 0; i < out->attempts; i++) {
        while (s->starts[i] - s->starts[from] >= SECOND_NS)
            from++;
        out->peak = i - from + 1 > out->peak ? i - from + 1 : out->peak;
    }
}

/* Handshakes a second: the minute before, or all the time but the window, if that is more. */
static double usual_rate(const struct wsc_run *r, const struct rush *s)
{
    double rest = (double)(r->last_ns - r->first_ns) - (double)(s->to_ns - s->from_ns);
    double all = rest > 0 ? (double)s->others / rest * 1e9 : 0;
    return fmax(all, (double)s->before / (double)BEFORE_NS * 1e9);
}

static enum wsc_err write_storm(struct wsc_run *r, const struct wsc_mass *m, const struct rush *s,
                                double usual)
{
    char server[WSC_WORD_MAX], half[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_RECONNECT_STORM);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, m->server);
    d->filter.started_since_ns = s->from_ns / 1000000 * 1000000;
    d->filter.started_until_ns = (s->to_ns / 1000000 + 1) * 1000000;
    (void)wsc_draft_measure(r, d);
    wsc_draft_title(d, "%llu handshakes within %.0f s of a mass disconnect: %s",
                    (unsigned long long)d->f.count, (double)BACK_NS / 1e9,
                    wsc_word_server(r, m->server, server));
    wsc_draft_say(d,
                  "%u connections had ended; %llu handshakes are of clients that had been cut off, "
                  "half of them within %s",
                  m->count, (unsigned long long)s->attempts,
                  wsc_word_time((int64_t)s->half_ns, half));
    wsc_draft_say(d, "up to %llu in one second; usually %.2g", (unsigned long long)s->peak, usual);
    if (s->failed > 0)
        wsc_draft_say(d, "%llu of them failed", (unsigned long long)s->failed);
    wsc_draft_say(d, "clients that wait a random time before they come back would spread this");
    return wsc_draft_keep(r, d, WEIGHT_STORM, r->servers[m->server].attempts,
                          "attempts at this server");
}

enum wsc_err wsc_find_reconnect_storm(struct wsc_run *r)
{
    struct scratch scratch = {
        .starts = wsc_alloc((r->facts.len > 0 ? r->facts.len : 1) * sizeof(*scratch.starts)),
        .thrown_out = wsc_alloc(r->facts.names.len + 1)};
    bool ok = scratch.starts != NULL && scratch.thrown_out != NULL;
    enum wsc_err e = ok ? WSC_OK : WSC_ERR_NOMEM;
    for (size_t i = 0; i < r->masses_len && e == WSC_OK; i++) {
        const struct wsc_mass *m = &r->masses[i];
        struct rush s;
        measure(r, m, &scratch, &s);
        double usual = usual_rate(r, &s), window = (double)(s.to_ns - s.from_ns) / 1e9;
        if (s.attempts >= STORM_LEAST && (double)s.attempts >= STORM_SHARE * m->count &&
            (double)s.attempts >= STORM_GROWTH * usual * window)
            e = write_storm(r, m, &s, usual);
    }
    wsc_free(scratch.starts);
    wsc_free(scratch.thrown_out);
    return e;
}

/* ---- one client in a loop ---- */

static bool attempt(const struct wsc_fact *x)
{
    return x->client != 0 && x->server != 0 && x->started_ns != 0 && !x->midstream;
}

static int by_client_and_server(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return a->client != b->client ? wsc_compare(a->client, b->client)
                                  : wsc_compare(a->server, b->server);
}

/* Not by the client's own doing. */
static bool ended_badly(const struct wsc_fact *x)
{
    if (x->outcome == WSC_OUTCOME_HANDSHAKE_FAILED)
        return true;
    return wsc_fact_ended(x) && x->closed_by != WSC_SIDE_CLIENT &&
           (wsc_fact_unannounced(x) || (x->code >= 1011 && x->code <= 1014));
}

/* Attempts begun within a second after a bad end of the same client there. Facts are in the order
 * of ends, and so nearly in that of starts. */
static size_t at_once(const struct wsc_run *r, size_t from, size_t end)
{
    size_t n = 0;
    for (size_t i = from; i + 1 < end; i++) {
        const struct wsc_fact *x = wsc_run_fact(r, i), *next = wsc_run_fact(r, i + 1);
        n += ended_badly(x) && next->user_agent == x->user_agent && next->started_ns >= x->at_ns &&
             next->started_ns - x->at_ns < SECOND_NS;
    }
    return n;
}

static enum wsc_err write_loop(struct wsc_run *r, size_t from, size_t end, size_t n)
{
    const struct wsc_fact *x = wsc_run_fact(r, from);
    char client[WSC_WORD_MAX], server[WSC_WORD_MAX];
    struct wsc_draft *d = wsc_draft_new(r, WSC_FINDING_RECONNECT_STORM);
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_draft_server(r, d, x->server);
    wsc_draft_client(r, d, x->client, false);
    (void)wsc_draft_measure(r, d);
    (void)wsc_word_client(r, x->client, false, client);
    (void)wsc_word_server(r, x->server, server);
    wsc_draft_title(d, "%s tries again at once, %zu times: %s", client, n, server);
    size_t failed = 0;
    for (size_t i = from; i < end; i++)
        failed += wsc_run_fact(r, i)->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
    wsc_draft_say(d,
                  "%zu of its %zu attempts began within a second of the bad end of the one before",
                  n, end - from);
    wsc_draft_say(d, "%zu of them failed in the handshake", failed);
    return wsc_draft_keep(r, d, WEIGHT_LOOP, r->servers[x->server].attempts,
                          "attempts at this server");
}

enum wsc_err wsc_find_retry_loop(struct wsc_run *r)
{
    size_t n = wsc_run_pick(r, attempt, by_client_and_server);
    enum wsc_err e = WSC_OK;
    for (size_t i = 0, end; i < n && e == WSC_OK; i = end) {
        end = wsc_run_group_end(r, by_client_and_server, i, n);
        if (end - i < LOOP_LEAST)
            continue;
        size_t again = at_once(r, i, end);
        if (again >= LOOP_LEAST && (double)again >= LOOP_SHARE * (double)(end - i))
            e = write_loop(r, i, end, again);
    }
    return e;
}
