#include <wsclose/wsclose.h>

#include "analysis.h"
#include "commands.h"
#include "out.h"
#include "progress.h"
#include "records.h"
#include "summary.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    const char *const *files;
    size_t files_len;
    bool streaming; /* standard input: records are shown as they happen */
    bool again;     /* the second reading, with secrets that came late in the first */
    bool out_open;
    struct wsc_capture *capture;
    struct analysis analysis;
    struct wsc_store *store;   /* NULL: neither stored nor shown */
    struct wsc_writer *writer; /* to which the store belongs while packets are read; NULL: none */
    struct out out;
    struct records records;
    struct summary summary;
    uint64_t shown;
    bool damaged, failed, out_failed, cut_short;
};

static struct wsc_capture *volatile signalled_capture;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
    if (signalled_capture != NULL)
        wsc_capture_stop(signalled_capture);
    (void)signal(sig, SIG_DFL); /* the second one kills */
}

static void catch_signals(struct run *r)
{
    struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART: a read that waits must end */
    signalled_capture = r->capture;
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
}

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
    else if (r->streaming)
        (void)fflush(r->out.stream);
    return r->out.closed || r->out_failed;
}

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    struct wsc_error err;
    int64_t id = 0;
    summary_count(&r->summary, rec);
    if (r->store == NULL || r->failed)
        return;
    enum wsc_err e = r->writer != NULL ? wsc_writer_put(r->writer, rec, &err)
                                       : wsc_store_put(r->store, rec, &id, &err);
    if (e != WSC_OK) {
        (void)fail(r, &err);
        wsc_capture_stop(r->capture);
        return;
    }
    struct wsc_filter f = r->opt.common.filter.filter;
    if (!r->streaming || r->opt.format == WSC_FORMAT_NONE || (f.limit > 0 && r->shown >= f.limit))
        return;
    f.id = id;
    if (wsc_store_query(r->store, &f, show, r, &err) != WSC_OK)
        (void)fail(r, &err);
}

/* ---- the run, step by step ---- */

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

static bool begin_import(struct run *r)
{
    struct wsc_error err;
    char options[ANALYSIS_TEXT];
    analysis_text(&r->analysis, &r->opt.common, "", options);
    enum wsc_err e = wsc_store_begin(r->store, r->files, r->files_len, options, &err);
    if (e == WSC_OK && !r->streaming)
        e = wsc_writer_start(r->store, &r->writer, &err);
    return e == WSC_OK || fail(r, &err);
}

/* The store is ours again; all that was read is in it, unless something failed. */
static void end_writer(struct run *r)
{
    struct wsc_error err;
    if (wsc_writer_end(r->writer, !r->failed, &err) != WSC_OK && !r->failed)
        (void)fail(r, &err);
    r->writer = NULL;
}

static bool open_store(struct run *r)
{
    struct wsc_error err;
    enum wsc_store_mode mode = keeps(r) ? WSC_STORE_WRITE : WSC_STORE_PRIVATE;
    if (wsc_store_open(r->opt.db, mode, &r->store, &err) != WSC_OK)
        return fail(r, &err);
    wsc_store_set_pass(r->store, wsc_across_pass, r->analysis.limits);
    return begin_import(r);
}

/* What comes before them in the capture is read without them, however many threads there are. */
static void take_secrets(void *ctx, size_t capture, struct wsc_span text)
{
    struct run *r = ctx;
    wsc_workers_settle(r->analysis.workers);
    keys_take(r->analysis.keys.log, capture, text);
}

static bool open_captures(struct run *r)
{
    struct wsc_error err;
    struct wsc_capture_options co = {.filter = r->opt.common.bpf,
                                     .fingerprint = keeps(r),
                                     .on_secrets = r->again ? NULL : take_secrets,
                                     .secrets_ctx = r};
    if (wsc_capture_open(r->files, r->files_len, &co, &r->capture, &err) != WSC_OK)
        return fail(r, &err);
    catch_signals(r);
    return true;
}

/* Records of standard input are shown as they happen, and a ceiling that was asked for is one for
 * all connections together. */
static void choose_workers(struct run *r)
{
    struct analysis_options *o = &r->opt.common;
    if (r->streaming || o->max_connections != 0 || o->max_memory != 0 || o->workers == 0)
        o->workers = 1;
}

static bool open_all(struct run *r)
{
    struct wsc_error err;
    r->opt.common.no_evidence = !tells_why(r);
    choose_workers(r);
    if (analysis_open(&r->analysis, &r->opt.common, false, r->opt.quiet, on_record, r, &err) !=
            WSC_OK ||
        analysis_start(&r->analysis, &err) != WSC_OK)
        return fail(r, &err);
    if (!open_captures(r))
        return false;
    return (!keeps(r) && r->opt.format == WSC_FORMAT_NONE) || open_store(r);
}

/* Packets taken from the capture at a time. */
#define BATCH 32u

/* A record was lost: nothing after it would be the truth. */
static void take(struct run *r, enum wsc_err e)
{
    struct wsc_error err;
    if (e == WSC_OK || r->failed)
        return;
    (void)wsc_error_set(&err, e, "out of memory: a record was lost");
    (void)fail(r, &err);
}

#define BATCHES_A_TAKE 32u

static void read_all(struct run *r)
{
    unsigned batches = 0;
    struct progress progress;
    progress_begin(&progress, !r->opt.quiet && !r->streaming);
    struct wsc_packet pkts[BATCH];
    size_t n;
    struct wsc_error err = {.message = "out of memory"};
    enum wsc_err e;
    while ((e = wsc_capture_next_batch(r->capture, pkts, BATCH, &n, &err)) != WSC_END &&
           !r->failed) {
        if (e == WSC_DAMAGED) {
            progress_clear(&progress);
            if (!r->again)
                out_say("%s", err.message);
            r->damaged = true;
        } else if (e != WSC_OK) {
            progress_clear(&progress);
            (void)fail(r, &err);
        } else {
            r->summary.lost_packets += wsc_workers_feed_batch(r->analysis.workers, pkts, n);
        }
        if (++batches % BATCHES_A_TAKE == 0)
            take(r, wsc_workers_take(r->analysis.workers));
        progress_step(&progress, r->capture, r->analysis.workers);
    }
    progress_clear(&progress);
    take(r, wsc_workers_flush(r->analysis.workers));
    r->summary.lost_packets += wsc_workers_starved(r->analysis.workers);
}

static bool is_piped(const struct run *r)
{
    struct wsc_capture_info info;
    for (size_t i = 0; i < wsc_capture_count(r->capture); i++) {
        wsc_capture_info(r->capture, i, &info);
        if (info.size == 0)
            return true;
    }
    return false;
}

/* Some programs write secrets into a capture behind the packets that they are for. */
static void read_again(struct run *r)
{
    struct wsc_error err;
    struct wsc_keylog_stats s;
    wsc_keylog_get_stats(r->analysis.keys.log, &s);
    if (s.late == 0 || r->failed || interrupted)
        return;
    if (r->streaming || is_piped(r)) {
        out_say("%" PRIu64 " TLS secrets stand behind the packets they are for: analyse a file "
                "instead of a pipe to have them used",
                s.late);
        return;
    }
    r->again = true;
    r->summary = (struct summary){.stored = false};
    signalled_capture = NULL;
    wsc_capture_close(r->capture);
    r->capture = NULL;
    (void)wsc_writer_end(r->writer, false, NULL); /* all of it is read again */
    r->writer = NULL;
    if (r->store != NULL)
        wsc_store_rollback(r->store);
    if (analysis_renew(&r->analysis, &r->opt.common, false, on_record, r, &err) != WSC_OK ||
        analysis_start(&r->analysis, &err) != WSC_OK)
        (void)fail(r, &err);
    else if (open_captures(r) && !interrupted && (r->store == NULL || begin_import(r)))
        read_all(r);
}

/* What is known of each capture now that it was read. */
static struct wsc_store_capture *describe(struct run *r, char (*prints)[WSC_FINGERPRINT_LEN + 1])
{
    struct wsc_store_capture *caps = calloc(r->files_len, sizeof(*caps));
    for (size_t i = 0; caps != NULL && i < r->files_len; i++) {
        struct wsc_capture_info info;
        wsc_capture_info(r->capture, i, &info);
        wsc_capture_fingerprint(r->capture, i, prints[i]);
        caps[i] = (struct wsc_store_capture){.fingerprint = prints[i],
                                             .packets = info.packets,
                                             .bytes = info.bytes,
                                             .first_ns = info.first_ns,
                                             .last_ns = info.last_ns,
                                             .damaged = info.damaged};
    }
    return caps;
}

static void commit(struct run *r)
{
    struct wsc_error err;
    enum wsc_import_result result = WSC_IMPORT_STORED;
    char options[ANALYSIS_TEXT];
    analysis_text(&r->analysis, &r->opt.common, "", options);
    char(*prints)[WSC_FINGERPRINT_LEN + 1] = calloc(r->files_len, sizeof(*prints));
    struct wsc_store_capture *caps = prints != NULL ? describe(r, prints) : NULL;
    if (caps == NULL)
        (void)wsc_error_set(&err, WSC_ERR_NOMEM, "out of memory; nothing was stored");
    if (caps == NULL || wsc_store_set_options(r->store, options, &err) != WSC_OK ||
        wsc_store_commit(r->store, caps, r->files_len, &result, &err) != WSC_OK)
        (void)fail(r, &err);
    else
        r->summary.import = result;
    free(caps);
    free(prints);
}

static void list(struct run *r)
{
    struct wsc_error err;
    struct wsc_filter f = r->opt.common.filter.filter;
    f.last_import = true;
    r->records = (struct records){.store = r->store,
                                  .filter = &f,
                                  .out = &r->out,
                                  .group = r->opt.format == WSC_FORMAT_TABLE};
    if (wsc_store_query(r->store, &f, show, r, &err) != WSC_OK)
        (void)fail(r, &err);
    records_clear(&r->records);
}

/* A verdict found without all that was seen may be wrong, and stored it would stand for the whole.
 */
static void check_memory(struct run *r)
{
    struct wsc_error err;
    if (wsc_refusals() == 0 || r->failed)
        return;
    (void)wsc_error_set(&err, WSC_ERR_NOMEM, "out of memory: what was found may be wrong; %s",
                        keeps(r) ? "nothing was stored" : "the rest is not shown");
    (void)fail(r, &err);
}

/* A run that was interrupted shows what it saw; a part of a capture is not stored as if it were the
 * whole. */
static void finish(struct run *r)
{
    bool keep = keeps(r);
    r->cut_short = interrupted != 0; /* a signal that comes later finds all of it read */
    check_memory(r);
    end_writer(r);
    r->summary.stored = keep && !r->cut_short && !r->failed;
    if (r->store != NULL && !r->cut_short && !r->failed)
        commit(r); /* also of a database that vanishes: connections speak of each other only then */
    if (r->store != NULL && !r->streaming && !r->failed && r->opt.format != WSC_FORMAT_NONE)
        list(r);
    if (r->out_open && !out_close(&r->out))
        r->out_failed = true;
    struct summary_traffic traffic = {0};
    if (r->capture != NULL)
        summary_add_captures(&traffic, r->capture);
    if (!r->opt.quiet && !r->failed)
        summary_print(&r->summary, &traffic, &r->analysis, keep ? r->opt.db : NULL);
    if (r->cut_short)
        out_say("interrupted: what was read until then is shown%s",
                keep ? ", nothing was stored" : "");
}

static void close_all(struct run *r)
{
    signalled_capture = NULL;
    end_writer(r);
    wsc_store_close(r->store);
    analysis_close(&r->analysis);
    wsc_capture_close(r->capture);
}

static int status_of(const struct run *r)
{
    if (r->failed || r->out_failed || r->cut_short)
        return EXIT_FAILED;
    return r->damaged ? EXIT_DAMAGED : EXIT_DONE;
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
    r.files = (const char *const *)argv;
    r.files_len = (size_t)operands;
    for (size_t i = 0; i < r.files_len; i++)
        r.streaming |= strcmp(r.files[i], "-") == 0;
    if (open_all(&r)) {
        r.records.out = &r.out; /* standard input: each by itself */
        r.out_open = out_open(&r.out, &(struct out_options){.format = r.opt.format,
                                                            .live = r.streaming,
                                                            .why = r.opt.common.why});
        r.failed = !r.out_open;
    }
    if (!r.failed) {
        read_all(&r);
        read_again(&r);
        finish(&r);
    }
    close_all(&r);
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
