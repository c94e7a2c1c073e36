/* A progress line on standard error, when that is a terminal. */
#ifndef WSC_CLI_PROGRESS_H
#define WSC_CLI_PROGRESS_H

#include <wsclose/capture.h>
#include <wsclose/workers.h>

struct progress {
    bool on, drawn;
    uint64_t steps;
    uint64_t begun_ns, drawn_ns; /* of the monotonic clock */
};

void progress_begin(struct progress *p, bool wanted);
void progress_step(struct progress *p, const struct wsc_capture *c,
                   struct wsc_workers *w); /* once a packet */
void progress_clear(struct progress *p);

#endif
