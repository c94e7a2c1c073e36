/* The axes of a page's pictures: time in even steps, and lengths of time on a logarithmic scale. */
#ifndef WSC_REPORT_PAGE_AXIS_H
#define WSC_REPORT_PAGE_AXIS_H

#include <stdint.h>

#define WSC_PAGE_BINS 240u

/* |n| bins of |step_ns| from |from_ns| on, which is a whole number of steps since 1970. */
struct wsc_page_axis {
    uint64_t from_ns, step_ns;
    unsigned n;
};

/* The shortest of the usual steps (1, 2, 5 times a power of ten up to a second, then of seconds,
 * minutes, hours and days) with which at most WSC_PAGE_BINS bins hold both times. */
void wsc_page_axis_fit(struct wsc_page_axis *a, uint64_t first_ns, uint64_t last_ns);

/* The bin of a time; what is outside is in the first or the last. */
unsigned wsc_page_axis_bin(const struct wsc_page_axis *a, uint64_t ns);

#define WSC_PAGE_EDGES 128u

/* Bin i is from edge i (inclusive) to edge i + 1; what is below the first edge is in bin 0, what
 * is above the last in the last. */
struct wsc_page_edges {
    int64_t at_ns[WSC_PAGE_EDGES];
    unsigned n; /* edges: one more than bins */
};

/* |per_decade| bins for each power of ten, from |from_ns| on, |n| edges, in whole microseconds. */
void wsc_page_edges_log(struct wsc_page_edges *e, int64_t from_ns, unsigned per_decade, unsigned n);

unsigned wsc_page_edges_bin(const struct wsc_page_edges *e, int64_t ns);

#endif
