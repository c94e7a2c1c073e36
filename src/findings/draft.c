#include "findings/run.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct wsc_draft *wsc_draft_new(const struct wsc_run *r, enum wsc_finding_kind kind)
{
    struct wsc_draft *d = wsc_calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->f.kind = kind;
    d->filter = *r->base;
    d->filter.limit = 0;
    return d;
}

void wsc_draft_drop(struct wsc_draft *d)
{
    wsc_free(d);
}

/* ---- the filter ---- */

void wsc_draft_server(const struct wsc_run *r, struct wsc_draft *d, uint32_t name)
{
    if (name == 0)
        return;
    d->filter.server = wsc_facts_endpoint(&r->facts, name);
    d->filter.server_bits = 0;
    d->server = name;
    d->filter.server_port = 0;
}

void wsc_draft_client(const struct wsc_run *r, struct wsc_draft *d, uint32_t name, bool network)
{
    if (name == 0)
        return;
    uint16_t port = d->filter.client.family != 0 ? d->filter.client.port : d->filter.client_port;
    d->filter.client = wsc_facts_endpoint(&r->facts, name);
    d->filter.client.port = network ? 0 : port;
    d->filter.client_port = port;
    d->filter.client_bits = network ? wsc_facts_network_bits(&d->filter.client) : 0;
}

void wsc_draft_code(struct wsc_draft *d, int code)
{
    d->filter.codes[0] = (struct wsc_code_range){.first = code, .last = code};
    d->filter.codes_len = 1;
}

const char *wsc_draft_pattern(const struct wsc_run *r, struct wsc_draft *d, uint32_t name)
{
    struct wsc_span s = wsc_names_get(&r->facts.names, name);
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f)
        n++;
    if (n == 0)
        return NULL;
    memcpy(d->pattern, s.ptr, n);
    (void)snprintf(d->pattern + n, 2, "%s", n < s.len || n == WSC_NAME_MAX ? "*" : "");
    return d->pattern;
}

struct wsc_span_filter wsc_draft_stretch(int64_t from_ns, int64_t to_ns)
{
    const int64_t unit = 10000000;
    return (struct wsc_span_filter){.min_ns = from_ns / unit * unit,
                                    .max_ns = (to_ns + unit - 1) / unit * unit};
}

void wsc_draft_ends(struct wsc_draft *d, uint64_t from_ns, uint64_t to_ns)
{
    const uint64_t unit = 1000000;
    d->filter.since_ns = from_ns / unit * unit;
    d->filter.until_ns = (to_ns / unit + 1) * unit;
}

/* Takes up |x|, the |seen|-th that the filter lists, as an example if it is its turn. */
static void take_example(struct wsc_finding *f, const struct wsc_fact *x, uint64_t seen)
{
    if (f->ids_len < WSC_FINDING_IDS && seen * WSC_FINDING_IDS >= f->ids_len * f->count)
        f->ids[f->ids_len++] = x->id; /* spread over the whole */
}

uint64_t wsc_draft_measure(struct wsc_run *r, struct wsc_draft *d)
{
    struct wsc_finding *f = &d->f;
    size_t n;
    const uint32_t *rows = wsc_run_server(r, d->server, &n);
    if (r->work + 2 * n > WSC_WORK_MAX)
        return 0;
    r->work += 2 * n;
    f->count = f->ids_len = 0;
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        if (!wsc_facts_match(&r->facts, x, &d->filter))
            continue;
        f->count++;
        f->first_ns = f->count == 1 || x->at_ns < f->first_ns ? x->at_ns : f->first_ns;
        f->last_ns = x->at_ns > f->last_ns ? x->at_ns : f->last_ns;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < n && seen < f->count; i++) {
        const struct wsc_fact *x = &r->facts.rows[rows[i]];
        if (wsc_facts_match(&r->facts, x, &d->filter))
            take_example(f, x, seen++);
    }
    return f->count;
}

/* ---- text ---- */

static struct wsc_span write(struct wsc_draft *d, const char *format, va_list ap)
{
    char *at = d->text + d->text_len;
    size_t room = sizeof(d->text) - d->text_len;
    int n = vsnprintf(at, room, format, ap);
    if (n < 0 || (size_t)n >= room)
        return (struct wsc_span){0};
    d->text_len += (size_t)n;
    return (struct wsc_span){.ptr = (const uint8_t *)at, .len = (size_t)n};
}

void wsc_draft_title(struct wsc_draft *d, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    d->f.title = write(d, format, ap);
    va_end(ap);
}

void wsc_draft_say(struct wsc_draft *d, const char *format, ...)
{
    if (d->f.evidence_len == WSC_FINDING_SENTENCES)
        return;
    va_list ap;
    va_start(ap, format);
    struct wsc_span s = write(d, format, ap);
    va_end(ap);
    if (s.ptr != NULL)
        d->f.evidence[d->f.evidence_len++] = s;
}

void wsc_draft_say_legs(const struct wsc_run *r, struct wsc_draft *d, const uint32_t *members,
                        size_t n)
{
    size_t cut = 0, with = 0;
    uint32_t other = 0;
    char server[WSC_WORD_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct wsc_fact *x = &r->facts.rows[members[i]], *leg = wsc_run_leg(r, x);
        if (leg == NULL)
            continue;
        with++;
        cut += wsc_fact_hop_cut(x, leg);
        other = leg->server;
    }
    if (with > 0 && cut > 0)
        wsc_draft_say(d,
                      "of %zu the other leg is on record too (as to %s): %zu were ended on both "
                      "by the hop between them",
                      with, wsc_word_server(r, other, server), cut);
    else if (with > 0)
        wsc_draft_say(d,
                      "of %zu the other leg is on record too (as to %s): the hop between passed "
                      "the end on",
                      with, wsc_word_server(r, other, server));
}

void wsc_draft_candidates(const struct wsc_run *r, struct wsc_draft *d, enum wsc_limit_kind kind,
                          int64_t ns, unsigned ends, int code)
{
    const struct wsc_limit *all[64];
    size_t n = wsc_limits_match(r->limits, kind, ns, all, sizeof(all) / sizeof(all[0]));
    d->f.limit_sought = true;
    for (size_t i = 0; i < n && i < sizeof(all) / sizeof(all[0]); i++) {
        if (!wsc_limit_ends_like(all[i], ends, code))
            continue;
        if (d->f.candidates_len < WSC_FINDING_CANDIDATES)
            d->f.candidates[d->f.candidates_len++] = all[i];
        else
            d->f.candidates_more++;
    }
}

/* Letters a name begins with: "nginx" of "nginx/1.22.1" and of "nginx (proxy)". */
static size_t first_word(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z')))
        n++;
    return n;
}

static bool candidate_already(const struct wsc_draft *d, const struct wsc_limit *l)
{
    for (size_t i = 0; i < d->f.candidates_len; i++)
        if (d->f.candidates[i] == l)
            return true;
    return false;
}

void wsc_draft_say_product(const struct wsc_run *r, struct wsc_draft *d, const struct wsc_fact *x,
                           enum wsc_limit_kind kind, unsigned ends)
{
    struct wsc_span software = wsc_names_get(&r->facts.names, x->software);
    size_t n, len = first_word((const char *)software.ptr, software.len);
    const struct wsc_limit *all = wsc_limits_all(r->limits, &n);
    for (size_t i = 0; len > 0 && i < n; i++) {
        const struct wsc_limit *l = &all[i];
        if (l->kind != kind || l->setting[0] == '\0' || candidate_already(d, l) ||
            (l->ends != 0 && (l->ends & ends) == 0) ||
            first_word(l->product, strlen(l->product)) != len ||
            strncasecmp(l->product, (const char *)software.ptr, len) != 0)
            continue;
        if (l->min_ns > 0)
            wsc_draft_say(d, "the server names itself %.*s: see its %s (%g s unless set)",
                          (int)software.len, (const char *)software.ptr, l->setting,
                          (double)l->min_ns / 1e9);
        else
            wsc_draft_say(d, "the server names itself %.*s: see its %s", (int)software.len,
                          (const char *)software.ptr, l->setting);
        return;
    }
}

/* ---- keeping ---- */

/* The mildest draft makes room, or the new one is not kept. */
static bool make_room(struct wsc_run *r, const struct wsc_draft *d)
{
    size_t mildest = 0;
    for (size_t i = 1; i < r->drafts_len; i++)
        if (r->drafts[i]->f.score < r->drafts[mildest]->f.score)
            mildest = i;
    r->left_out++;
    if (r->drafts_len == 0 || r->drafts[mildest]->f.score >= d->f.score)
        return false;
    wsc_draft_drop(r->drafts[mildest]);
    r->drafts[mildest] = r->drafts[--r->drafts_len];
    return true;
}

enum wsc_err wsc_draft_keep(struct wsc_run *r, struct wsc_draft *d, double weight, uint64_t of,
                            const char *of_what)
{
    d->f.of = of;
    d->f.of_what = of_what;
    d->f.score = weight * (double)d->f.count;
    d->f.filter = &d->filter;
    if (d->f.count == 0) {
        r->left_out++;
        wsc_draft_drop(d);
        return WSC_OK;
    }
    if (r->drafts_len == r->drafts_max && !make_room(r, d)) {
        wsc_draft_drop(d);
        return WSC_OK;
    }
    if (r->drafts_len == r->drafts_cap) {
        size_t cap = r->drafts_cap != 0 ? 2 * r->drafts_cap : 16;
        struct wsc_draft **drafts = wsc_realloc(r->drafts, cap * sizeof(struct wsc_draft *));
        if (drafts == NULL) {
            wsc_draft_drop(d);
            return WSC_ERR_NOMEM;
        }
        r->drafts = drafts;
        r->drafts_cap = cap;
    }
    r->drafts[r->drafts_len++] = d;
    return WSC_OK;
}

/* ---- words ---- */

const char *wsc_word_time(int64_t ns, char out[WSC_WORD_MAX])
{
    double s = (double)ns / 1e9;
    if (s < 1)
        (void)snprintf(out, WSC_WORD_MAX, "%.0f ms", s * 1e3);
    else if (s < 10)
        (void)snprintf(out, WSC_WORD_MAX, "%.3f s", s);
    else if (s < 100)
        (void)snprintf(out, WSC_WORD_MAX, "%.2f s", s);
    else
        (void)snprintf(out, WSC_WORD_MAX, "%.1f s", s);
    return out;
}

const char *wsc_word_server(const struct wsc_run *r, uint32_t name, char out[WSC_WORD_MAX])
{
    struct wsc_endpoint e = wsc_facts_endpoint(&r->facts, name);
    char text[WSC_ENDPOINT_TEXT_MAX];
    (void)snprintf(out, WSC_WORD_MAX, "%s",
                   wsc_endpoint_text(&e, text) > 0 ? text : "an unknown server");
    return out;
}

const char *wsc_word_client(const struct wsc_run *r, uint32_t name, bool network,
                            char out[WSC_WORD_MAX])
{
    struct wsc_endpoint e = wsc_facts_endpoint(&r->facts, name);
    char text[WSC_ENDPOINT_TEXT_MAX];
    if (wsc_endpoint_text(&e, text) == 0) {
        (void)snprintf(out, WSC_WORD_MAX, "an unknown client");
        return out;
    }
    *strrchr(text, ':') = '\0';
    if (network)
        (void)snprintf(out, WSC_WORD_MAX, "%s/%u", text, wsc_facts_network_bits(&e));
    else
        (void)snprintf(out, WSC_WORD_MAX, "%s", text);
    return out;
}

const char *wsc_word_end(const struct wsc_fact *x, char out[WSC_WORD_MAX])
{
    static const char *const whose[] = {[WSC_SIDE_NONE] = "a",
                                        [WSC_SIDE_CLIENT] = "the client's",
                                        [WSC_SIDE_SERVER] = "the server's",
                                        [WSC_SIDE_BOTH] = "both sides'"};
    if (!wsc_fact_unannounced(x))
        (void)snprintf(out, WSC_WORD_MAX, "%s Close %d", whose[x->closed_by], x->code);
    else if (x->ending == WSC_ENDING_VANISHED)
        (void)snprintf(out, WSC_WORD_MAX, "a peer that vanished");
    else
        (void)snprintf(out, WSC_WORD_MAX, "%s %s without a Close", whose[x->closed_by],
                       x->ending == WSC_ENDING_FIN            ? "FIN"
                       : x->ending == WSC_ENDING_RESET        ? "RST"
                       : x->ending == WSC_ENDING_STREAM_RESET ? "RST_STREAM"
                                                              : "END_STREAM");
    return out;
}
