/* A progress line on standard error, when that is a terminal. */
#ifndef WSC_CLI_PROGRESS_H
#define WSC_CLI_PROGRESS_H

#include <wsclose/analyzer.h>
#include <wsclose/capture.h>

struct progress {
    bool on, drawn;
    uint64_t steps;
    uint64_t begun_ns, drawn_ns; /* of the monotonic clock */
};

void progress_begin(struct progress *p, bool wanted);
void progress_step(struct progress *p, const struct wsc_capture *c,
                   const struct wsc_analyzer *an); /* once a packet */
void progress_clear(struct progress *p);

#endif
