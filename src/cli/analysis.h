/* What every command that analyses packets has in common: options, limits, secrets, analyzers. */
#ifndef WSC_CLI_ANALYSIS_H
#define WSC_CLI_ANALYSIS_H

#include <wsclose/wsclose.h>

#include "filter.h"
#include "keys.h"

/* Such a command's options begin with one of these. */
struct analysis_options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *bpf, *limits;
    struct keys_options keylogs;
    bool keep_query, no_label, why, encrypted;
    bool no_evidence; /* nobody is to read why */
    bool foretell;    /* of a command that can store provisional records */
    size_t max_connections, max_memory;
    size_t workers, queue; /* 0: as usual */
};

/* The target of --workers. */
bool analysis_set_workers(void *target, const char *value, char *why);

extern const struct args_option analysis_table[];

struct analysis {
    struct wsc_limits *limits;
    struct keys keys;
    struct wsc_workers *workers;
};

/* Makes all of it. |live|: open connections are to go on in another run, and key logs grow.
 * |quiet|: only what is wrong is said. Returns WSC_OK, or fills |err|. */
enum wsc_err analysis_open(struct analysis *a, const struct analysis_options *opt, bool live,
                           bool quiet, wsc_record_fn on_record, void *ctx, struct wsc_error *err);
/* Starts the threads. Returns WSC_OK, or fills |err|. */
enum wsc_err analysis_start(struct analysis *a, struct wsc_error *err);
/* Makes the analyzer anew, for another reading with the secrets that are known by now. */
enum wsc_err analysis_renew(struct analysis *a, const struct analysis_options *opt, bool live,
                            wsc_record_fn on_record, void *ctx, struct wsc_error *err);
void analysis_close(struct analysis *a);

/* Everything that changes the records, as the store keeps it, with |how| after the version. Which
 * secrets were of use is known only at the end. */
#define ANALYSIS_TEXT 1024u
void analysis_text(const struct analysis *a, const struct analysis_options *opt, const char *how,
                   char out[ANALYSIS_TEXT]);

#endif
