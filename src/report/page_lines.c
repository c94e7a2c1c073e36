/* The limits that the picture of silence shows as lines. */
#include "report/page_run.h"

#include <stdio.h>

#define ON_LEAST    10u
#define ON_SHARE    20u /* one in so many of what closed */
#define OVER_AROUND 3u  /* times as dense as around it */

static bool drawn(const struct wsc_page_line *out, size_t n, int64_t ns)
{
    for (size_t i = 0; i < n; i++) {
        int64_t off = out[i].ns > ns ? out[i].ns - ns : ns - out[i].ns;
        if (off <= wsc_limit_slack(out[i].ns))
            return true;
    }
    return false;
}

static void put_products(char *out, size_t cap, const struct wsc_limit *const *rows, size_t n,
                         size_t all)
{
    size_t len = strlen(out);
    for (size_t i = 0; i < n && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i > 0 ? ", " : "", rows[i]->product);
    if (all > n && len < cap)
        (void)snprintf(out + len, cap - len, " and %zu more", all - n);
}

static bool stands_out(const struct wsc_page *p, const struct wsc_page_near *n)
{
    /* around: four times as wide on either side as what is on it */
    return n->on >= ON_LEAST && n->on * ON_SHARE >= p->counts.outcomes[WSC_OUTCOME_CLOSED] &&
           4 * n->on >= OVER_AROUND * n->around;
}

size_t wsc_page_lines(const struct wsc_page *p, struct wsc_page_line out[WSC_PAGE_LIMITS])
{
    size_t n = 0;
    for (size_t i = 0; i < p->findings.len && n < WSC_PAGE_LIMITS; i++) {
        const struct wsc_page_found *f = &p->findings.list[i];
        int64_t ns = wsc_page_limit_of(f);
        if (f->f.kind != WSC_FINDING_IDLE_TIMEOUT || drawn(out, n, ns))
            continue;
        (void)snprintf(out[n].text, sizeof(out[n].text), "%g s%s", (double)ns / 1e9,
                       f->f.candidates_len > 0 ? ": " : ": recurs");
        put_products(out[n].text, sizeof(out[n].text), f->f.candidates,
                     f->f.candidates_len < 2 ? f->f.candidates_len : 2,
                     f->f.candidates_len + f->f.candidates_more);
        out[n++].ns = ns;
    }
    for (size_t i = 0; i < p->bins->near_len && n < WSC_PAGE_LIMITS; i++) {
        const struct wsc_page_near *near = &p->bins->near[i];
        const struct wsc_limit *rows[2];
        if (!stands_out(p, near) || drawn(out, n, near->ms_ns))
            continue;
        (void)snprintf(out[n].text, sizeof(out[n].text), "%g s: ", (double)near->ms_ns / 1e9);
        size_t all = wsc_limits_match(p->limits, WSC_LIMIT_IDLE, near->ms_ns, rows, 2);
        put_products(out[n].text, sizeof(out[n].text), rows, all < 2 ? all : 2, all);
        out[n++].ns = near->ms_ns;
    }
    return n;
}
