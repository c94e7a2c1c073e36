#include <wsclose/findings.h>
#include <wsclose/report.h>

#include "command_line.h"
#include "commands.h"
#include "filter.h"
#include "listing.h"

struct options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *db;
    const char *limits;
    enum wsc_format format;
};

static bool set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return takes_check(&takes_format_objects, value, why, ARGS_WHY_MAX) &&
           args_set_format(target, value, why);
}

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"format", 0, "FORMAT", "table (default), ndjson, json, none", set_format,
     offsetof(struct options, format), &takes_format_objects},
    {"limits", 0, "FILE", "timeouts of your own products, in the columns of the built-in table",
     args_set_text, offsetof(struct options, limits), &takes_file},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, filter_table, NULL};

struct question {
    struct listing *listing;
    const char *command;
};

static int on_finding(void *ctx, const struct wsc_finding *f)
{
    const struct question *q = ctx;
    return listing_row(q->listing, wsc_report_finding(q->listing->out.report, f, q->command));
}

static enum wsc_err ask(struct wsc_store *store, struct listing *l, const void *options,
                        struct wsc_error *err)
{
    const struct options *opt = options;
    char command[8192];
    struct question q = {.listing = l, .command = command};
    struct wsc_findings_options how = {.max_findings = opt->filter.filter.limit};
    struct wsc_findings_summary sum;
    struct wsc_limits *limits;
    command_line("wsclose events", opt->db, command, sizeof(command));
    enum wsc_err e = wsc_limits_new(&limits);
    if (e != WSC_OK)
        return wsc_error_set(err, e, "out of memory");
    if (opt->limits != NULL)
        e = wsc_limits_add_file(limits, opt->limits, err);
    how.limits = limits;
    if (e == WSC_OK)
        e = wsc_findings_run(store, &opt->filter.filter, &how, on_finding, &q, &sum, err);
    if (e == WSC_OK && !l->failed)
        l->failed = !out_ok(&l->out, wsc_report_findings_summary(l->out.report, &sum));
    if (e == WSC_OK && opt->format != WSC_FORMAT_TABLE && sum.findings == 0)
        out_say("nothing found in %llu connections", (unsigned long long)sum.records);
    l->rows++; /* the last line is one */
    wsc_limits_free(limits);
    return e;
}

static int run(int argc, char **argv)
{
    struct options opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE};
    wsc_filter_init(&opt.filter.filter);
    int operands;
    int status = args_parse(&command_diagnose, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    return listing_run(opt.db, &(struct out_options){.format = opt.format}, ask, &opt);
}

const struct args_command command_diagnose = {
    .name = "diagnose",
    .summary = "what recurs across stored connections, worst first, each with its evidence",
    .detail =
        "Each finding ends with the line that lists its connections. A product that \"matches\"\n"
        "has that limit by default or by its documentation; it is a candidate, no proof.",
    .tables = tables,
    .run = run};
