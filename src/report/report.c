#include "report/explain.h"

#include "base/alloc.h"

#include <wsclose/codes.h>

#include <math.h>
#include <string.h>

static const char *const formats[] = {"table", "ndjson", "json", "csv", "none"};

const char *wsc_format_name(enum wsc_format f)
{
    return (unsigned)f < sizeof(formats) / sizeof(formats[0]) ? formats[f] : "invalid";
}

int wsc_format_parse(const char *word)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i], word) == 0)
            return (int)i;
    return -1;
}

static enum wsc_err no_record(struct wsc_report *rep, const struct wsc_closure *rec)
{
    (void)rep;
    (void)rec;
    return WSC_OK;
}

static enum wsc_err no_stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                             const struct wsc_stats_row *row)
{
    (void)rep;
    (void)keys;
    (void)n;
    (void)row;
    return WSC_OK;
}

static enum wsc_err no_code(struct wsc_report *rep, int first, int last)
{
    (void)rep;
    (void)first;
    (void)last;
    return WSC_OK;
}

static enum wsc_err no_end(struct wsc_report *rep)
{
    (void)rep;
    return WSC_OK;
}

static const struct wsc_render_ops render_none = {
    .record = no_record, .stats = no_stats, .code = no_code, .end = no_end};

enum wsc_err wsc_report_new(const struct wsc_report_options *opt, FILE *out,
                            struct wsc_report **rep)
{
    static const struct wsc_render_ops *const renderers[] = {
        [WSC_FORMAT_TABLE] = &wsc_render_table, [WSC_FORMAT_NDJSON] = &wsc_render_json,
        [WSC_FORMAT_JSON] = &wsc_render_json,   [WSC_FORMAT_CSV] = &wsc_render_csv,
        [WSC_FORMAT_NONE] = &render_none,
    };
    *rep = wsc_calloc(1, sizeof(**rep));
    if (*rep == NULL)
        return WSC_ERR_NOMEM;
    (*rep)->ops = renderers[opt->format];
    (*rep)->opt = *opt;
    (*rep)->out = out;
    return WSC_OK;
}

enum wsc_err wsc_render_written(struct wsc_report *rep)
{
    return ferror(rep->out) ? WSC_ERR_IO : WSC_OK;
}

enum wsc_err wsc_report_record(struct wsc_report *rep, const struct wsc_closure *rec)
{
    enum wsc_err e = rep->ops->record(rep, rec);
    rep->rows++;
    return e;
}

enum wsc_err wsc_report_leg(struct wsc_report *rep, const struct wsc_closure *rec)
{
    rep->leg = true;
    enum wsc_err e = wsc_report_record(rep, rec);
    rep->leg = false;
    return e;
}

enum wsc_err wsc_report_stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                              const struct wsc_stats_row *row)
{
    enum wsc_err e = rep->ops->stats(rep, keys, n, row);
    rep->rows++;
    return e;
}

enum wsc_err wsc_report_codes(struct wsc_report *rep)
{
    size_t n;
    const struct wsc_code_info *codes = wsc_codes(&n);
    for (size_t i = 0; i < n; i++) {
        enum wsc_err e = rep->ops->code(rep, codes[i].first, codes[i].last);
        rep->rows++;
        if (e != WSC_OK)
            return e;
    }
    return WSC_OK;
}

enum wsc_err wsc_report_explain(struct wsc_report *rep, const struct wsc_report_code *code)
{
    enum wsc_err e = WSC_ERR_INVALID;
    if (rep->opt.format == WSC_FORMAT_TABLE)
        e = wsc_explain_prose(rep, code);
    else if (rep->opt.format == WSC_FORMAT_JSON || rep->opt.format == WSC_FORMAT_NDJSON)
        e = wsc_explain_json(rep, code);
    rep->rows++;
    return e;
}

enum wsc_err wsc_report_compare(struct wsc_report *rep, const struct wsc_report_code codes[2])
{
    enum wsc_err e = WSC_ERR_INVALID;
    if (rep->opt.format == WSC_FORMAT_TABLE)
        e = wsc_compare_prose(rep, codes);
    else if (rep->opt.format == WSC_FORMAT_JSON || rep->opt.format == WSC_FORMAT_NDJSON)
        e = wsc_compare_json(rep, codes);
    rep->rows++;
    return e;
}

enum wsc_err wsc_report_end(struct wsc_report *rep)
{
    enum wsc_err e = rep->ops->end(rep);
    if (fflush(rep->out) != 0 && e == WSC_OK)
        e = WSC_ERR_IO;
    return e;
}

void wsc_report_free(struct wsc_report *rep)
{
    if (rep == NULL)
        return;
    if (rep->ops->clear != NULL)
        rep->ops->clear(rep);
    wsc_free(rep);
}

static double ms_of(int64_t ns)
{
    return ns < 0 ? (double)NAN : (double)ns / 1e6;
}

void wsc_stats_numbers(const struct wsc_stats_row *row,
                       struct wsc_stats_number out[WSC_STATS_NUMBERS])
{
    const struct wsc_stats_number numbers[WSC_STATS_NUMBERS] = {
        {"count", (double)row->count, true},
        {"share", row->share, false},
        {"per_hour", row->per_hour, false},
        {"abnormal", (double)row->abnormal, true},
        {"abnormal_share",
         row->count > 0 ? (double)row->abnormal / (double)row->count : (double)NAN, false},
        {"duration_ms_p50", ms_of(row->duration_ns[0]), false},
        {"duration_ms_p90", ms_of(row->duration_ns[1]), false},
        {"duration_ms_p99", ms_of(row->duration_ns[2]), false},
        {"idle_ms_p50", ms_of(row->idle_ns[0]), false},
        {"idle_ms_p90", ms_of(row->idle_ns[1]), false},
        {"idle_ms_p99", ms_of(row->idle_ns[2]), false},
    };
    memcpy(out, numbers, sizeof(numbers));
}
