/* Dense clusters among times: silences or ages that recur although chance would spread them.
 *
 * A timer shows as values that crowd within a narrow window; connections that end for reasons of
 * their own spread. How far values must crowd is judged against their own neighbourhood, so that
 * neither many connections nor a heavy tail make a cluster by themselves.
 *
 * The statistic. A window begins at a value and is up to max(0.5 s, 1 %) wide (but at most 5 %): a
 * proxy's timer wheel is coarser than its clock, and 1 % keeps apart the limits products ship with.
 * Of the values in it, |a| come after the first; |k| is the larger count of the two flanks, each a
 * quarter of the value long (the larger, so that no slope or edge of a density passes for a peak).
 * If the window were no more than twice as dense as the flank, a value would fall into the window
 * with probability q = 2 width / (2 width + flank) at most, and at least a of a + k with at most
 * exp(-(a + k) KL(a / (a + k), q)) (Chernoff; for k = 0 it is exact: q^a). That bound times the
 * number of windows looked at (values times 10 widths, each half of the one before) must not
 * exceed the rate of false alarms asked for. The window must also hold at least twice what the
 * nearest flanks (3 windows long) let expect, so that a broad hump is none.
 *
 * So three values suffice if they agree within 0.07 s at 60 s and nothing is near; more are needed
 * where they agree less or noise is denser. A bell wider than about 1.5 % (one sigma) is none. A
 * cluster goes on beyond the window as long as it stays half as dense. */
#ifndef WSC_FINDINGS_CLUSTER_H
#define WSC_FINDINGS_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

struct wsc_cluster_value {
    int64_t ns;
    uint32_t index; /* the caller's */
};

struct wsc_cluster {
    size_t first, len; /* of the sorted values */
    int64_t low_ns, high_ns, median_ns;
    double expected;   /* how many of |len| the neighbourhood alone lets expect */
    double log_chance; /* natural logarithm of the rate of false alarms at which it is just found */
};

#define WSC_CLUSTER_LEAST  3u                          /* members */
#define WSC_CLUSTER_MIN_NS INT64_C(1000000000)         /* smaller and greater values are not */
#define WSC_CLUSTER_MAX_NS INT64_C(315576000000000000) /* looked at; ten years */
#define WSC_CLUSTER_MAX    16u                         /* found by one call */

/* Sorts |values| in place and writes at most |max| (and at most WSC_CLUSTER_MAX) clusters, the
 * least likely by chance first; they do not overlap. |alarm|: in how many of such calls, at most, a
 * cluster may be found where there is none (0.01, say). Returns the number of clusters. O(n log n);
 * allocates nothing. */
size_t wsc_cluster_find(struct wsc_cluster_value *values, size_t n, double alarm,
                        struct wsc_cluster *out, size_t max);

/* The widest that a window at |ns| may be. */
int64_t wsc_cluster_tolerance(int64_t ns);

#endif
