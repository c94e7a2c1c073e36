#include "reading.h"

#include "out.h"
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wsc_capture *volatile signalled_capture;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
    if (signalled_capture != NULL)
        wsc_capture_stop(signalled_capture);
    (void)signal(sig, SIG_DFL); /* the second one kills */
}

static void catch_signals(struct reading *r)
{
    struct sigaction sa = {.sa_handler = on_signal}; /* no SA_RESTART: a read that waits must end */
    signalled_capture = r->capture;
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
}

static bool fail(struct reading *r, const struct wsc_error *err)
{
    out_say("%s", err->message);
    r->failed = true;
    return false;
}

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct reading *r = ctx;
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
    } else if (r->stored != NULL && r->writer == NULL && !r->stored(r->ctx, id)) {
        r->failed = true;
    }
}

/* ---- step by step ---- */

static bool keeps(const struct reading *r)
{
    return r->db != NULL;
}

static bool begin_import(struct reading *r)
{
    struct wsc_error err;
    char options[ANALYSIS_TEXT];
    analysis_text(&r->analysis, r->opt, "", options);
    enum wsc_err e = wsc_store_begin(r->store, r->files, r->files_len, options, &err);
    if (e == WSC_OK && !r->streaming)
        e = wsc_writer_start(r->store, &r->writer, &err);
    return e == WSC_OK || fail(r, &err);
}

/* The store is ours again; all that was read is in it, unless something failed. */
static void end_writer(struct reading *r)
{
    struct wsc_error err;
    if (wsc_writer_end(r->writer, !r->failed, &err) != WSC_OK && !r->failed)
        (void)fail(r, &err);
    r->writer = NULL;
}

static bool open_store(struct reading *r)
{
    struct wsc_error err;
    enum wsc_store_mode mode = keeps(r) ? WSC_STORE_WRITE : WSC_STORE_PRIVATE;
    if (wsc_store_open(r->db, mode, &r->store, &err) != WSC_OK)
        return fail(r, &err);
    wsc_store_set_pass(r->store, wsc_across_pass, r->analysis.limits);
    return begin_import(r);
}

/* What comes before them in the capture is read without them, however many threads there are. */
static void take_secrets(void *ctx, size_t capture, struct wsc_span text)
{
    struct reading *r = ctx;
    wsc_workers_settle(r->analysis.workers);
    keys_take(r->analysis.keys.log, capture, text);
}

static bool open_captures(struct reading *r)
{
    struct wsc_error err;
    struct wsc_capture_options co = {.filter = r->opt->bpf,
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
static void choose_workers(struct reading *r)
{
    struct analysis_options *o = r->opt;
    if (r->streaming || o->max_connections != 0 || o->max_memory != 0 || o->workers == 0)
        o->workers = 1;
}

bool reading_open(struct reading *r)
{
    struct wsc_error err;
    for (size_t i = 0; i < r->files_len; i++)
        r->streaming |= strcmp(r->files[i], "-") == 0;
    choose_workers(r);
    if (analysis_open(&r->analysis, r->opt, false, r->quiet, on_record, r, &err) != WSC_OK ||
        analysis_start(&r->analysis, &err) != WSC_OK)
        return fail(r, &err);
    return open_captures(r) && (r->no_store || open_store(r));
}

/* Packets taken from the capture at a time. */
#define BATCH 32u

/* A record was lost: nothing after it would be the truth. */
static void take(struct reading *r, enum wsc_err e)
{
    struct wsc_error err;
    if (e == WSC_OK || r->failed)
        return;
    (void)wsc_error_set(&err, e, "out of memory: a record was lost");
    (void)fail(r, &err);
}

#define BATCHES_A_TAKE 32u

static void read_all(struct reading *r)
{
    unsigned batches = 0;
    struct progress progress;
    progress_begin(&progress, !r->quiet && !r->streaming);
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

static bool is_piped(const struct reading *r)
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
static void read_again(struct reading *r)
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
    if (analysis_renew(&r->analysis, r->opt, false, on_record, r, &err) != WSC_OK ||
        analysis_start(&r->analysis, &err) != WSC_OK)
        (void)fail(r, &err);
    else if (open_captures(r) && !interrupted && (r->store == NULL || begin_import(r)))
        read_all(r);
}

/* What is known of each capture now that it was read. */
static struct wsc_store_capture *describe(struct reading *r,
                                          char (*prints)[WSC_FINGERPRINT_LEN + 1])
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

static void commit(struct reading *r)
{
    struct wsc_error err;
    enum wsc_import_result result = WSC_IMPORT_STORED;
    char options[ANALYSIS_TEXT];
    analysis_text(&r->analysis, r->opt, "", options);
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

/* A verdict found without all that was seen may be wrong, and stored it would stand for the whole.
 */
static void check_memory(struct reading *r)
{
    struct wsc_error err;
    if (wsc_refusals() == 0 || r->failed)
        return;
    (void)wsc_error_set(&err, WSC_ERR_NOMEM, "out of memory: what was found may be wrong; %s",
                        keeps(r) ? "nothing was stored" : "the rest is not shown");
    (void)fail(r, &err);
}

void reading_run(struct reading *r)
{
    read_all(r);
    read_again(r);
    r->cut_short = interrupted != 0; /* a signal that comes later finds all of it read */
    check_memory(r);
    end_writer(r);
    r->summary.stored = keeps(r) && !r->cut_short && !r->failed;
    if (r->store != NULL && !r->cut_short && !r->failed)
        commit(r); /* also of a database that vanishes: connections speak of each other only then */
}

void reading_say(const struct reading *r)
{
    struct summary_traffic traffic = {0};
    if (r->capture != NULL)
        summary_add_captures(&traffic, r->capture);
    if (!r->quiet && !r->failed)
        summary_print(&r->summary, &traffic, &r->analysis, r->db);
}

void reading_close(struct reading *r)
{
    signalled_capture = NULL;
    end_writer(r);
    wsc_store_close(r->store);
    analysis_close(&r->analysis);
    wsc_capture_close(r->capture);
}
