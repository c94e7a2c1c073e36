#include <wsclose/report.h>
#include <wsclose/store.h>

#include "commands.h"
#include "filter.h"
#include "listing.h"
#include "records.h"

struct options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *db;
    enum wsc_format format;
    bool why;
};

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"format", 0, "FORMAT", "table (default), ndjson, json, csv, none", args_set_format,
     offsetof(struct options, format), &takes_format},
    {"why", 0, NULL, "show the evidence of each record below it", args_set_flag,
     offsetof(struct options, why), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, filter_table, NULL};

struct question {
    struct listing *listing;
    struct records records;
    struct wsc_error *err;
};

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    struct question *q = ctx;
    return listing_row(q->listing, records_show(&q->records, rec, q->err));
}

static enum wsc_err ask(struct wsc_store *store, struct listing *l, const void *options,
                        struct wsc_error *err)
{
    const struct options *opt = options;
    struct question q = {.listing = l,
                         .records = {.store = store,
                                     .filter = &opt->filter.filter,
                                     .out = &l->out,
                                     .group = opt->format == WSC_FORMAT_TABLE},
                         .err = err};
    enum wsc_err e = wsc_store_query(store, &opt->filter.filter, on_record, &q, err);
    records_clear(&q.records);
    return e;
}

static int run(int argc, char **argv)
{
    struct options opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE};
    wsc_filter_init(&opt.filter.filter);
    int operands;
    int status = args_parse(&command_events, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    return listing_run(opt.db, &(struct out_options){.format = opt.format, .why = opt.why}, ask,
                       &opt);
}

const struct args_command command_events = {.name = "events",
                                            .summary =
                                                "list stored records, filtered, in order of time",
                                            .tables = tables,
                                            .run = run};
