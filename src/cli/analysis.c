#include "analysis.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

/* Of a file, packets on their way to one worker: as much as keeps both at work. */
#define FILE_QUEUE_BYTES ((size_t)4 << 20)

bool analysis_set_workers(void *target, const char *value, char *why)
{
    size_t *n = target;
    if (!args_set_size(n, value, why))
        return false;
    if (*n <= WSC_WORKERS_MAX)
        return true;
    (void)snprintf(why, ARGS_WHY_MAX, "expected at most %u workers, not", WSC_WORKERS_MAX);
    return false;
}

const struct args_option analysis_table[] = {
    {"filter", 'f', "BPF", "only packets that pass this filter, as in tcpdump", args_set_text,
     offsetof(struct analysis_options, bpf), NULL},
    {"keylog", 0, "FILE",
     "TLS secrets in NSS key log format; may be given several times (default: $SSLKEYLOGFILE)",
     keys_add_option, offsetof(struct analysis_options, keylogs), &takes_keylogs},
    {"encrypted", 0, NULL, "record each TLS connection that cannot be read, too", args_set_flag,
     offsetof(struct analysis_options, encrypted), NULL},
    {"limits", 0, "FILE", "timeouts of your own products, tab-separated as in the built-in table",
     args_set_text, offsetof(struct analysis_options, limits), &takes_file},
    {"keep-query", 0, NULL, "keep the query of paths; it may hold secrets", args_set_flag,
     offsetof(struct analysis_options, keep_query), NULL},
    {"no-label", 0, NULL, "do not ask nDPI what the flows are", args_set_flag,
     offsetof(struct analysis_options, no_label), NULL},
    {"max-connections", 0, "N", "TCP connections remembered at once (default 4000000)",
     args_set_size, offsetof(struct analysis_options, max_connections), NULL},
    {"max-memory", 0, "BYTES",
     "memory for connections; beyond it the one idle longest is forgotten", args_set_size,
     offsetof(struct analysis_options, max_memory), NULL},
    ARGS_END,
};

enum wsc_err analysis_open(struct analysis *a, const struct analysis_options *opt, bool live,
                           bool quiet, wsc_record_fn on_record, void *ctx, struct wsc_error *err)
{
    enum wsc_err e = wsc_limits_new(&a->limits);
    if (e != WSC_OK)
        return wsc_error_set(err, e, "out of memory");
    if (opt->limits != NULL)
        e = wsc_limits_add_file(a->limits, opt->limits, err);
    if (e == WSC_OK)
        e = keys_open(&a->keys, &opt->keylogs, live, quiet, err);
    return e == WSC_OK ? analysis_renew(a, opt, live, on_record, ctx, err) : e;
}

enum wsc_err analysis_renew(struct analysis *a, const struct analysis_options *opt, bool live,
                            wsc_record_fn on_record, void *ctx, struct wsc_error *err)
{
    struct wsc_workers_options wo;
    wsc_workers_options_default(&wo);
    wo.analyzer.keep_query = opt->keep_query;
    wo.analyzer.label = !opt->no_label;
    wo.analyzer.limits = a->limits;
    wo.analyzer.keep_states = live;
    wo.analyzer.foretell = opt->foretell;
    wo.analyzer.no_evidence = opt->no_evidence;
    wo.analyzer.keylog = a->keys.log;
    wo.analyzer.wait_keys = live && a->keys.given;
    wo.analyzer.encrypted = opt->encrypted;
    if (opt->max_connections != 0)
        wo.analyzer.max_connections = opt->max_connections;
    wo.analyzer.max_memory_bytes = opt->max_memory;
    if (opt->workers != 0)
        wo.workers = opt->workers <= WSC_WORKERS_MAX ? (unsigned)opt->workers : UINT_MAX;
    wo.wait = !live;
    if (!live)
        wo.queue_bytes = FILE_QUEUE_BYTES;
    else if (opt->queue > wo.queue_bytes)
        wo.queue_bytes = opt->queue;
    wsc_workers_free(a->workers);
    enum wsc_err e = wsc_workers_new(&wo, on_record, ctx, &a->workers);
    if (e == WSC_OK)
        return WSC_OK;
    return wsc_error_set(err, e,
                         "the analyzer cannot be made: --max-connections or --workers is out of "
                         "range, or memory is");
}

enum wsc_err analysis_start(struct analysis *a, struct wsc_error *err)
{
    enum wsc_err e = wsc_workers_start(a->workers);
    return e == WSC_OK ? WSC_OK
                       : wsc_error_set(err, e, "the system gives no threads for so many workers");
}

void analysis_close(struct analysis *a)
{
    wsc_workers_free(a->workers);
    keys_close(&a->keys);
    wsc_limits_free(a->limits);
    *a = (struct analysis){.limits = NULL};
}

void analysis_text(const struct analysis *a, const struct analysis_options *opt, const char *how,
                   char out[ANALYSIS_TEXT])
{
    int n = snprintf(out, ANALYSIS_TEXT, "wsclose %s%s filter=%.800s keep-query=%d", wsc_version(),
                     how, opt->bpf != NULL ? opt->bpf : "", opt->keep_query);
    uint64_t digest = wsc_limits_digest(a->limits), secrets = wsc_keylog_used(a->keys.log);
    if (digest != 0)
        n += snprintf(out + n, ANALYSIS_TEXT - (size_t)n, " limits=%016" PRIx64, digest);
    if (opt->encrypted)
        n += snprintf(out + n, ANALYSIS_TEXT - (size_t)n, " encrypted=1");
    if (secrets != 0)
        (void)snprintf(out + n, ANALYSIS_TEXT - (size_t)n, " secrets=%016" PRIx64, secrets);
}
