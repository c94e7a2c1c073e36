/* Entries by the tick of their last use, to be taken out a fixed number of ticks later. When an
 * entry falls due depends on its own use alone, never on its neighbours: whoever holds only some of
 * the entries takes those out at the same tick. Using an entry costs one store; its place is put
 * right only when its tick comes up.
 *
 * A tick is 2^WSC_TICK_SHIFT ns (134 ms) of a clock that never goes back. */
#ifndef WSC_FLOW_AGE_WHEEL_H
#define WSC_FLOW_AGE_WHEEL_H

#include "base/list.h"

#include <stdint.h>

#define WSC_TICK_SHIFT 27u

/* The clock may go on by so many ticks between two calls of wsc_age_wheel_due(). */
#define WSC_TICKS_A_STEP 16u

struct wsc_age_node {
    struct wsc_list link;
    uint64_t last_ns; /* of the last use */
};

static inline void wsc_age_use(struct wsc_age_node *n, uint64_t now_ns)
{
    n->last_ns = now_ns;
}

static inline uint64_t wsc_tick_of(uint64_t clock_ns)
{
    return clock_ns >> WSC_TICK_SHIFT;
}

struct wsc_age_wheel {
    struct wsc_list *buckets; /* by tick of the use that the entry took its place with */
    size_t mask;
    uint64_t life;  /* ticks */
    uint64_t first; /* no bucket before this tick holds anything */
};

/* An entry falls due at the first tick at which |after_ns| have passed since its last use, whenever
 * in its tick that was. False: no memory. */
bool wsc_age_wheel_init(struct wsc_age_wheel *w, uint64_t after_ns);
void wsc_age_wheel_clear(struct wsc_age_wheel *w); /* a zeroed one is legal */

/* For an entry just used (wsc_age_use()), in no list. It is taken out by wsc_list_remove(). */
void wsc_age_wheel_push(struct wsc_age_wheel *w, struct wsc_age_node *n);

/* Moves what is due at |tick| to the end of |due|, in no particular order. Once a tick. */
void wsc_age_wheel_due(struct wsc_age_wheel *w, uint64_t tick, struct wsc_list *due);

/* An entry of the oldest tick of use, or NULL. Amortised constant time. */
struct wsc_age_node *wsc_age_wheel_oldest(struct wsc_age_wheel *w, uint64_t tick);

/* Moves all there is to the end of |all|. */
void wsc_age_wheel_all(struct wsc_age_wheel *w, struct wsc_list *all);

size_t wsc_age_wheel_bytes(const struct wsc_age_wheel *w);

#endif
