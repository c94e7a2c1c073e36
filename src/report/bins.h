/* Counts over time and over length of time, for the pictures of a page and of a terminal. However
 * long or however many: the room is the same. Private to report. */
#ifndef WSC_REPORT_BINS_H
#define WSC_REPORT_BINS_H

#include <wsclose/types.h>

/* ---- when: equal bins, the wider the longer the time ---- */

#define WSC_TIME_BINS 240u

/* All zero: no time was seen. A bin begins at a multiple of its width since 1970. */
struct wsc_time_bins {
    uint64_t first; /* bin 0 begins at |first| times the width */
    size_t len;     /* up to the bin of the latest time; 0: no time was seen */
    unsigned level; /* of the width */
};

/* Widths are such as people count in: 1 s, 5 s, 10 s, 30 s, 1 min, ... Each is a multiple of the
 * one before. */
#define WSC_TIME_LEVELS 29u
uint64_t wsc_time_step(unsigned level);                     /* ns */
uint64_t wsc_time_bins_step(const struct wsc_time_bins *b); /* ns */
uint64_t wsc_time_bins_from(const struct wsc_time_bins *b); /* ns: where bin 0 begins */

/* Makes room for |at_ns|, in any order: more bins, or wider ones where they would be more than
 * WSC_TIME_BINS. */
void wsc_time_bins_take(struct wsc_time_bins *b, uint64_t at_ns);

/* Counts in the bins; all zero: nothing was counted. Moves to where the bins have gone when it is
 * next touched. */
struct wsc_time_row {
    struct wsc_time_bins in;
    uint32_t counts[WSC_TIME_BINS]; /* the highest stays what it is */
};

/* Counts |n| at a time that |b| has taken. */
void wsc_time_row_add(const struct wsc_time_bins *b, struct wsc_time_row *r, uint64_t at_ns,
                      uint32_t n);
/* Before |r->counts| are read: the bins are those of |b|. */
void wsc_time_row_settle(const struct wsc_time_bins *b, struct wsc_time_row *r);

/* ---- how long: ten bins a decade ---- */

/* Bin 0 holds all below the first edge, the last all from the last edge on (103 days). Edges lie
 * between the round numbers that people give to timers: 1, 10, 15, 20, 30, 45, 60, 75, 90, 100, 120
 * and 300 s are each within a bin, with those that fired 0.5 % early or late. */
#define WSC_LOG_BINS 102u

size_t wsc_log_bin(int64_t ns);   /* of a length of time from 0 on */
int64_t wsc_log_edge(size_t bin); /* ns: where |bin| begins; 0 for the first */

#endif
