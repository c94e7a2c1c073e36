#include <wsclose/page.h>

#include "report/page_run.h"

#include "base/alloc.h"
#include "report/page_frame.h"

#include <errno.h>
#include <stdarg.h>

#define PART_MAX (64u << 20) /* bytes of one part of a page */

/* ---- what is not in it ---- */

static bool note(struct wsc_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool note(struct wsc_page *p, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    char *copy = n >= 0 && p->notes_len < WSC_PAGE_NOTES ? wsc_alloc(strlen(text) + 1) : NULL;
    if (copy == NULL)
        return false;
    p->notes[p->notes_len++] = memcpy(copy, text, strlen(text) + 1);
    return true;
}

/* Which rows stand in the table, of each class and of how many. */
static void say_rows(struct wsc_page *p, uint64_t rows)
{
    const uint64_t *k = p->counts.classes;
    if (rows >= p->counts.records)
        (void)snprintf(p->why, sizeof(p->why), "all of them");
    else if (rows <= k[WSC_PAGE_BAD])
        (void)snprintf(p->why, sizeof(p->why),
                       "%s of the %s that did not end well, evenly over the time",
                       WSC_PT_COUNT(rows), WSC_PT_COUNT(k[WSC_PAGE_BAD]));
    else
        (void)snprintf(p->why, sizeof(p->why),
                       "all %s that did not end well, and of the other %s"
                       " as many as there is room for, evenly over the time",
                       WSC_PT_COUNT(k[WSC_PAGE_BAD]),
                       WSC_PT_COUNT(p->counts.records - k[WSC_PAGE_BAD]));
}

static bool make_notes(struct wsc_page *p, uint64_t rows)
{
    const struct wsc_page_counts *c = &p->counts;
    const struct wsc_findings_summary *f = &p->findings.sum;
    bool ok = true;
    say_rows(p, rows);
    if (rows < c->records)
        ok = note(p,
                  "The table of connections holds %s of %s"
                  ": %s. Everything else on this page counts all of them.",
                  WSC_PT_COUNT(rows), WSC_PT_COUNT(c->records), p->why);
    if (ok && f->cut)
        ok = note(p, "Findings were sought in the earliest %s connections alone.",
                  WSC_PT_COUNT(f->records));
    if (ok && f->left_out > 0)
        ok = note(p, "%s milder findings are not shown.", WSC_PT_COUNT(f->left_out));
    if (ok && (c->names.refused || c->places.refused))
        ok = note(p, "There are more servers, hosts and paths than fit: what came late counts as "
                     "others.");
    return ok;
}

/* ---- writing ---- */

static void put_title(const struct wsc_page *p, struct wsc_pt *t)
{
    wsc_pt_printf(t, "wsclose: %s connection%s", WSC_PT_COUNT(p->counts.records),
                  p->counts.records == 1 ? "" : "s");
}

typedef void (*put_fn)(const struct wsc_page *p, struct wsc_pt *t);
static const struct {
    const char *name;
    put_fn put; /* NULL: the rows, which are written as they are packed */
} parts[] = {{"TITLE", put_title},
             {"ANSWER", wsc_page_put_answer},
             {"FINDINGS", wsc_page_put_findings},
             {"COUNTS", wsc_page_put_counts},
             {"TABLES", wsc_page_put_tables},
             {"ABOUT", wsc_page_put_about},
             {"SUMMARY", wsc_page_put_summary},
             {"ROWS", NULL}};

static enum wsc_err put_part(const struct wsc_page *p, struct wsc_span name, struct wsc_store *s,
                             FILE *out, struct wsc_error *err)
{
    struct wsc_pt t;
    size_t i = 0;
    while (i < sizeof(parts) / sizeof(parts[0]) &&
           (strlen(parts[i].name) != name.len || memcmp(parts[i].name, name.ptr, name.len) != 0))
        i++;
    if (i == sizeof(parts) / sizeof(parts[0]))
        return WSC_OK;
    if (parts[i].put == NULL)
        return wsc_page_put_rows(p, s, out, err);
    wsc_pt_init(&t, PART_MAX);
    parts[i].put(p, &t);
    bool ok = !t.failed;
    if (ok && t.buf.len > 0)
        fwrite(t.buf.data, 1, t.buf.len, out);
    wsc_pt_clear(&t);
    return ok ? WSC_OK : wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
}

static enum wsc_err put_all(const struct wsc_page *p, struct wsc_store *s, FILE *out,
                            struct wsc_error *err)
{
    struct wsc_span frame = wsc_page_frame(), piece;
    enum wsc_err e = WSC_OK;
    bool mark;
    for (size_t at = 0; e == WSC_OK && wsc_page_frame_next(frame, &at, &piece, &mark);) {
        if (mark)
            e = put_part(p, piece, s, out, err);
        else
            fwrite(piece.ptr, 1, piece.len, out);
        if (e == WSC_OK && ferror(out))
            e = wsc_error_set(err, WSC_ERR_IO, "cannot write the page: %s", strerror(errno));
    }
    if (e == WSC_OK && fflush(out) != 0)
        e = wsc_error_set(err, WSC_ERR_IO, "cannot write the page: %s", strerror(errno));
    return e;
}

/* ---- the whole ---- */

static enum wsc_err make(struct wsc_page *p, struct wsc_store *s, const struct wsc_filter *f,
                         struct wsc_error *err)
{
    size_t rows = p->opt->rows != 0 ? p->opt->rows : WSC_PAGE_ROWS;
    enum wsc_err e = wsc_page_find(s, f, p->opt, &p->findings, err);
    if (e == WSC_OK)
        e = wsc_page_count(s, f, &p->counts, err);
    if (e == WSC_OK)
        e = wsc_page_bin(s, f, &p->counts, p->limits, rows, &p->bins, err);
    if (e == WSC_OK)
        e = wsc_page_measure(s, &p->findings, &p->counts, err);
    if (e == WSC_OK && (!wsc_page_answer(p) || !make_notes(p, rows)))
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    return e;
}

static void clear(struct wsc_page *p)
{
    wsc_page_counts_clear(&p->counts);
    wsc_page_bins_free(p->bins);
    wsc_page_findings_clear(&p->findings);
    for (size_t i = 0; i < p->answer_len; i++)
        wsc_free(p->answer[i]);
    for (size_t i = 0; i < p->notes_len; i++)
        wsc_free(p->notes[i]);
    wsc_free(p);
}

static enum wsc_err run(struct wsc_page *p, struct wsc_store *s, const struct wsc_filter *f,
                        FILE *out, struct wsc_page_summary *sum, struct wsc_error *err)
{
    enum wsc_err e = wsc_store_freeze(s, err);
    if (e == WSC_OK)
        e = make(p, s, f, err);
    if (e == WSC_OK)
        e = put_all(p, s, out, err);
    wsc_store_thaw(s);
    if (e == WSC_OK)
        *sum = (struct wsc_page_summary){.records = p->counts.records, .rows = p->bins->rows_len};
    return e;
}

enum wsc_err wsc_page_write(struct wsc_store *s, const struct wsc_filter *f,
                            const struct wsc_page_options *opt, FILE *out,
                            struct wsc_page_summary *sum, struct wsc_error *err)
{
    struct wsc_limits *own = NULL;
    struct wsc_filter all = *f;
    all.limit = 0;
    if (opt->rows > WSC_PAGE_ROWS_MAX)
        return wsc_error_set(err, WSC_ERR_INVALID, "a page holds at most %u rows",
                             WSC_PAGE_ROWS_MAX);
    struct wsc_page *p = wsc_calloc(1, sizeof(*p));
    if (p == NULL || (opt->limits == NULL && wsc_limits_new(&own) != WSC_OK)) {
        wsc_free(p);
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    p->opt = opt;
    p->limits = opt->limits != NULL ? opt->limits : own;
    p->filtered = opt->filter != NULL && opt->filter[0] != '\0';
    enum wsc_err e = run(p, s, &all, out, sum, err);
    clear(p);
    wsc_limits_free(own);
    return e;
}

bool wsc_page_is(struct wsc_span head)
{
    struct wsc_span frame = wsc_page_frame();
    return head.len >= WSC_PAGE_HEAD && memcmp(head.ptr, frame.ptr, WSC_PAGE_HEAD) == 0;
}
