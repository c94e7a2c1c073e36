#include <wsclose/wsclose.h>

#include "commands.h"
#include "out.h"
#include "reading.h"
#include "records.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct analysis_options common; /* first: the common tables' offsets count from here */
    const char *db;
    enum wsc_format format;
    bool quiet;
};

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "store in this database (default " DEFAULT_DB "); none stores nothing",
     args_set_text, offsetof(struct options, db), &takes_database_or_none},
    {"format", 0, "FORMAT", "table (default), ndjson, json, csv; none only stores", args_set_format,
     offsetof(struct options, format), &takes_format},
    {"why", 0, NULL, "show the evidence of each record below it", args_set_flag,
     offsetof(struct options, common.why), NULL},
    {"workers", 0, "N",
     "threads that analyse, beside the one that reads; 1, the default: one for all",
     analysis_set_workers, offsetof(struct options, common.workers), NULL},
    {"quiet", 'q', NULL, "no summary and no progress on standard error", args_set_flag,
     offsetof(struct options, quiet), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, analysis_table, filter_table,
                                                   NULL};

/* One run. */
struct run {
    struct options opt;
    struct reading reading;
    bool out_open;
    struct out out;
    struct records records;
    uint64_t shown;
    bool failed, out_failed;
};

static bool fail(struct run *r, const struct wsc_error *err)
{
    out_say("%s", err->message);
    r->failed = true;
    return false;
}

/* ---- records ---- */

static int show(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    struct wsc_error err;
    r->shown++;
    if (r->out.closed || r->out_failed)
        return 1;
    if (!out_ok(&r->out, records_show(&r->records, rec, &err)))
        r->out_failed = !r->out.closed;
    else if (r->reading.streaming)
        (void)fflush(r->out.stream);
    return r->out.closed || r->out_failed;
}

/* Of standard input each is shown at once. */
static bool on_stored(void *ctx, int64_t id)
{
    struct run *r = ctx;
    struct wsc_error err;
    struct wsc_filter f = r->opt.common.filter.filter;
    if (r->opt.format == WSC_FORMAT_NONE || (f.limit > 0 && r->shown >= f.limit))
        return true;
    f.id = id;
    return wsc_store_query(r->reading.store, &f, show, r, &err) == WSC_OK || fail(r, &err);
}

static void list(struct run *r)
{
    struct wsc_error err;
    struct wsc_filter f = r->opt.common.filter.filter;
    f.last_import = true;
    r->records = (struct records){.store = r->reading.store,
                                  .filter = &f,
                                  .out = &r->out,
                                  .group = r->opt.format == WSC_FORMAT_TABLE};
    if (wsc_store_query(r->reading.store, &f, show, r, &err) != WSC_OK)
        (void)fail(r, &err);
    records_clear(&r->records);
}

/* ---- the run ---- */

static bool keeps(const struct run *r)
{
    return strcmp(r->opt.db, "none") != 0;
}

/* True if somebody is to read the sentences behind a cause. */
static bool tells_why(const struct run *r)
{
    bool listed = r->opt.format == WSC_FORMAT_TABLE && r->opt.common.why;
    return keeps(r) || listed || r->opt.format == WSC_FORMAT_NDJSON ||
           r->opt.format == WSC_FORMAT_JSON;
}

/* A run that was interrupted shows what it saw; a part of a capture is not stored as if it were the
 * whole. */
static void finish(struct run *r)
{
    if (r->reading.store != NULL && !r->reading.streaming && !r->reading.failed && !r->failed &&
        r->opt.format != WSC_FORMAT_NONE)
        list(r);
    if (r->out_open && !out_close(&r->out))
        r->out_failed = true;
    reading_say(&r->reading);
    if (r->reading.cut_short)
        out_say("interrupted: what was read until then is shown%s",
                keeps(r) ? ", nothing was stored" : "");
}

static int status_of(const struct run *r)
{
    if (r->failed || r->reading.failed || r->out_failed || r->reading.cut_short)
        return EXIT_FAILED;
    return r->reading.damaged ? EXIT_DAMAGED : EXIT_DONE;
}

static void prepare(struct run *r, const char *const *files, size_t n)
{
    r->opt.common.no_evidence = !tells_why(r);
    r->reading = (struct reading){.opt = &r->opt.common,
                                  .files = files,
                                  .files_len = n,
                                  .db = keeps(r) ? r->opt.db : NULL,
                                  .no_store = !keeps(r) && r->opt.format == WSC_FORMAT_NONE,
                                  .quiet = r->opt.quiet,
                                  .stored = on_stored,
                                  .ctx = r};
}

static int run(int argc, char **argv)
{
    struct run r = {.opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE}};
    wsc_filter_init(&r.opt.common.filter.filter);
    int operands;
    int status = args_parse(&command_analyze, argc, argv, &r.opt, &operands);
    if (status >= 0)
        return status;
    if (operands == 0) {
        out_say("analyze needs a capture file, or - for standard input");
        return EXIT_USAGE;
    }
    wsc_guard_no_dump();
    prepare(&r, (const char *const *)argv, (size_t)operands);
    if (reading_open(&r.reading)) {
        r.records.out = &r.out; /* standard input: each by itself */
        r.out_open = out_open(&r.out, &(struct out_options){.format = r.opt.format,
                                                            .live = r.reading.streaming,
                                                            .why = r.opt.common.why});
        r.failed = !r.out_open;
        if (!r.failed) {
            reading_run(&r.reading);
            finish(&r);
        }
    }
    reading_close(&r.reading);
    return status_of(&r);
}

const struct args_command command_analyze = {
    .name = "analyze",
    .operands = "FILE...",
    .takes = &takes_captures,
    .summary = "read captures, say how every WebSocket in them ended, and store it",
    .detail = "FILE is a pcap or pcapng file, also compressed with gzip, zstd, xz, bzip2 or lz4, "
              "or - for standard\n"
              "input. Several files of one capture point are one stream, in time order. The filter "
              "options choose what\n"
              "is shown; everything is stored.",
    .tables = tables,
    .run = run,
};
