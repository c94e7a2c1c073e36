/* The text that Prometheus reads (exposition format 0.0.4). */
#ifndef WSC_METRICS_EXPOSITION_H
#define WSC_METRICS_EXPOSITION_H

#include "base/buf.h"
#include "metrics/counts.h"

#define WSC_METRICS_NAME_MAX 64u /* bytes of an interface's name, with the NUL */

/* A copy of all that is shown. */
struct wsc_snapshot {
    struct wsc_counts counts;
    struct wsc_metrics_now now;
    char names[WSC_METRICS_INTERFACES][WSC_METRICS_NAME_MAX]; /* what |now| points to */
    const char *version;
    uint64_t resident_bytes; /* of the process; 0: not known */
};

/* Appends all of it. Returns false if |out|'s ceiling or the memory does not allow it. */
bool wsc_exposition_write(struct wsc_buf *out, const struct wsc_snapshot *s);

#endif
