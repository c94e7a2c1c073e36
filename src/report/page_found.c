#include "report/page_run.h"

#include "base/alloc.h"

#include <wsclose/report.h>

#include <string.h>

#define LEADS 5u /* findings that the answer may begin with, at most */

/* ---- copies: a finding is valid during the call that hands it over ---- */

/* Keeps |text| with the finding; NULL: none, or no memory, which is told. */
static char *keep(struct wsc_page_findings *l, struct wsc_page_found *to, char *text)
{
    if (text == NULL)
        l->no_mem = true;
    else
        to->texts[to->texts_len++] = text;
    return text;
}

/* Fit to be shown. */
static struct wsc_span copy_text(struct wsc_page_findings *l, struct wsc_page_found *to,
                                 struct wsc_span s)
{
    size_t cap = 4 * s.len + 8; /* a byte that is no UTF-8 takes four characters */
    if (s.ptr == NULL)
        return s;
    char *text = keep(l, to, wsc_alloc(cap));
    if (text != NULL)
        wsc_report_safe_text(s, text, cap);
    return wsc_pt_span(text);
}

static const char *copy_string(struct wsc_page_findings *l, struct wsc_page_found *to,
                               const char *s)
{
    if (s == NULL)
        return NULL;
    size_t n = strlen(s) + 1;
    char *text = keep(l, to, wsc_alloc(n));
    return text != NULL ? memcpy(text, s, n) : NULL;
}

static void copy(struct wsc_page_findings *l, struct wsc_page_found *to,
                 const struct wsc_finding *f)
{
    *to = (struct wsc_page_found){.f = *f, .filter = *f->filter};
    to->f.filter = NULL;
    to->f.title = copy_text(l, to, f->title);
    to->f.words = copy_text(l, to, f->words);
    for (size_t i = 0; i < f->evidence_len; i++)
        to->f.evidence[i] = copy_text(l, to, f->evidence[i]);
    const char **const strings[] = {&to->filter.host,       &to->filter.path,
                                    &to->filter.cause,      &to->filter.app,
                                    &to->filter.user_agent, &to->filter.server_software,
                                    &to->filter.capture};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        *strings[i] = copy_string(l, to, *strings[i]);
}

static int on_finding(void *ctx, const struct wsc_finding *f)
{
    struct wsc_page_findings *l = ctx;
    if (l->len == l->cap) {
        size_t cap = l->cap != 0 ? 2 * l->cap : 16;
        struct wsc_page_found *list = wsc_realloc(l->list, cap * sizeof(*list));
        if (list == NULL) {
            l->no_mem = true;
            return 1;
        }
        l->list = list;
        l->cap = cap;
    }
    copy(l, &l->list[l->len++], f);
    return l->no_mem;
}

enum wsc_err wsc_page_find(struct wsc_store *s, const struct wsc_filter *f,
                           const struct wsc_page_options *opt, struct wsc_page_findings *out,
                           struct wsc_error *err)
{
    struct wsc_findings_options how = {.limits = opt->limits, .max_findings = opt->max_findings};
    *out = (struct wsc_page_findings){.list = NULL};
    enum wsc_err e = wsc_findings_run(s, f, &how, on_finding, out, &out->sum, err);
    return e == WSC_OK && out->no_mem ? wsc_error_set(err, WSC_ERR_NOMEM, "out of memory") : e;
}

void wsc_page_findings_clear(struct wsc_page_findings *l)
{
    for (size_t i = 0; i < l->len; i++)
        for (size_t k = 0; k < l->list[i].texts_len; k++)
            wsc_free(l->list[i].texts[k]);
    wsc_free(l->list);
    *l = (struct wsc_page_findings){.list = NULL};
}

/* ---- what is abnormal of them ---- */

struct look {
    struct wsc_page_counts *c;
    struct wsc_page_found *found;
    uint64_t seen;
};

static int on_listed(void *ctx, const struct wsc_closure *r)
{
    struct look *l = ctx;
    uint32_t server;
    if (!wsc_page_abnormal(r))
        return 0;
    struct wsc_page_place p = wsc_page_place_get(l->c, wsc_page_place_of(l->c, r, &server));
    l->found->path = l->seen++ == 0 || l->found->path == p.path ? p.path : 0;
    l->found->abnormal++;
    return 0;
}

bool wsc_page_leads(enum wsc_finding_kind kind)
{
    return kind == WSC_FINDING_IDLE_TIMEOUT || kind == WSC_FINDING_LIFETIME_LIMIT ||
           kind == WSC_FINDING_MASS_DISCONNECT || kind == WSC_FINDING_KEEPALIVE_TIMEOUT ||
           kind == WSC_FINDING_NETWORK_LOSS || kind == WSC_FINDING_PROXY_CUT;
}

enum wsc_err wsc_page_measure(struct wsc_store *s, struct wsc_page_findings *l,
                              struct wsc_page_counts *c, struct wsc_error *err)
{
    enum wsc_err e = WSC_OK;
    unsigned asked = 0;
    for (size_t i = 0; i < l->len && asked < LEADS && e == WSC_OK && c->abnormal > 0; i++) {
        struct look look = {.c = c, .found = &l->list[i]};
        if (!wsc_page_leads(l->list[i].f.kind))
            continue;
        asked++;
        e = wsc_store_walk(s, &l->list[i].filter, on_listed, &look, err);
    }
    return e;
}
