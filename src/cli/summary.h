/* What an analysis says on standard error when it is done. */
#ifndef WSC_CLI_SUMMARY_H
#define WSC_CLI_SUMMARY_H

#include "analysis.h"

#define SUMMARY_CODES 8u

struct summary_code {
    int code;
    uint64_t count;
};

struct summary {
    uint64_t outcomes[4];                     /* by enum wsc_outcome */
    struct summary_code codes[SUMMARY_CODES]; /* the first kinds met */
    size_t codes_len;
    uint64_t other_codes;
    uint64_t unread;       /* records of TLS that could not be read: what they were is not known */
    uint64_t lost_packets; /* for want of memory */
    bool stored;
    enum wsc_import_result import;
};

/* What was read: files or interfaces. */
struct summary_traffic {
    uint64_t packets, first_ns, last_ns;
};

void summary_count(struct summary *s, const struct wsc_closure *rec);
/* |db| NULL: nothing was to be stored. */
void summary_print(const struct summary *s, const struct summary_traffic *t,
                   const struct analysis *an, const char *db);
void summary_add_captures(struct summary_traffic *t, const struct wsc_capture *c);

#endif
