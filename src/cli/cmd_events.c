#include <wsclose/report.h>
#include <wsclose/store.h>

#include "commands.h"
#include "filter.h"
#include "out.h"

struct options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *db;
    const char *capture;
    enum wsc_format format;
};

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db)},
    {"format", 0, "FORMAT", "table (default), ndjson, json, csv, none", args_set_format,
     offsetof(struct options, format)},
    {"capture", 0, "NAME", "only of this capture; a * at the end matches any rest", args_set_text,
     offsetof(struct options, filter.filter.capture)},
    {NULL, 0, NULL, NULL, NULL, 0},
};
static const struct args_option *const tables[] = {options_table, filter_table, NULL};

struct listing {
    struct out out;
    uint64_t rows;
    bool failed;
};

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    struct listing *l = ctx;
    l->rows++;
    l->failed = !out_ok(&l->out, wsc_report_record(l->out.report, rec));
    return l->failed;
}

static int run(int argc, char **argv)
{
    struct options opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE};
    wsc_filter_init(&opt.filter.filter);
    int operands;
    int status = args_parse(&command_events, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    struct wsc_store *store;
    struct wsc_error err;
    if (wsc_store_open(opt.db, WSC_STORE_READ, &store, &err) != WSC_OK) {
        out_say("%s", err.message);
        return EXIT_FAILED;
    }
    struct listing l = {0};
    bool ok = out_open(&l.out, opt.format, false);
    if (ok) {
        ok = wsc_store_query(store, &opt.filter.filter, on_record, &l, &err) == WSC_OK;
        if (!ok)
            out_say("%s", err.message);
        ok = out_close(&l.out) && ok && (!l.failed || l.out.closed);
    }
    wsc_store_close(store);
    if (ok && l.rows == 0)
        out_say("no stored record matches");
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_events = {.name = "events",
                                            .summary =
                                                "list stored records, filtered, in order of time",
                                            .tables = tables,
                                            .run = run};
