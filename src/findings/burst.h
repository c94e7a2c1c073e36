/* Bursts: many events within seconds where they are rare. */
#ifndef WSC_FINDINGS_BURST_H
#define WSC_FINDINGS_BURST_H

#include <stddef.h>
#include <stdint.h>

struct wsc_burst {
    size_t first, len; /* of the times */
    double expected;   /* how many the rest of the time lets expect in that window */
};

#define WSC_BURST_LEAST 5u
#define WSC_BURST_MAX   16u

/* Finds bursts in |times| (ascending), which happened within a stretch of |span_ns|. A window of
 * 5 s, 1 s or 0.2 s is a burst if it holds more than three times its share of the stretch would
 * explain, at a rate of false alarms of |alarm| over all windows (Chernoff's bound of a binomial);
 * it goes on as long as it stays a tenth as dense, and bursts 5 s apart are one, up to 60 s. Writes
 * at most WSC_BURST_MAX, the least likely first. */
size_t wsc_burst_find(const uint64_t *times, size_t n, uint64_t span_ns, double alarm,
                      struct wsc_burst out[WSC_BURST_MAX]);

#endif
