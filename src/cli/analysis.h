/* What every command that analyses packets has in common: options, limits, the analyzer. */
#ifndef WSC_CLI_ANALYSIS_H
#define WSC_CLI_ANALYSIS_H

#include <wsclose/wsclose.h>

#include "filter.h"

/* Such a command's options begin with one of these. */
struct analysis_options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *bpf, *limits;
    bool keep_query, no_label, why;
    size_t max_connections, max_memory;
};

extern const struct args_option analysis_table[];

struct analysis {
    struct wsc_limits *limits;
    struct wsc_analyzer *analyzer;
};

/* Makes both. Returns WSC_OK, or fills |err|. */
enum wsc_err analysis_open(struct analysis *a, const struct analysis_options *opt, bool keep_states,
                           wsc_record_fn on_record, void *ctx, struct wsc_error *err);
void analysis_close(struct analysis *a);

/* Everything that changes the records, as the store keeps it: " " and what |how| adds at its end.
 */
#define ANALYSIS_TEXT 1024u
void analysis_text(const struct analysis *a, const struct analysis_options *opt, const char *how,
                   char out[ANALYSIS_TEXT]);

#endif
