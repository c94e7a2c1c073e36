/* Entries by the time of their last use. Using one costs one store (last_ns); its place in the
 * queue is put right only when it comes to the head. */
#ifndef WSC_FLOW_AGE_QUEUE_H
#define WSC_FLOW_AGE_QUEUE_H

#include "base/list.h"

#include <stdint.h>

struct wsc_age_node {
    struct wsc_list link;
    uint64_t last_ns;   /* the owner keeps it current */
    uint64_t queued_ns; /* last_ns when the entry took its place */
};

static inline void wsc_age_push(struct wsc_list *queue, struct wsc_age_node *n)
{
    n->queued_ns = n->last_ns;
    wsc_list_append(queue, &n->link);
}

/* The entry not used for longest, or NULL. Amortised constant time. */
static inline struct wsc_age_node *wsc_age_oldest(struct wsc_list *queue)
{
    while (!wsc_list_empty(queue)) {
        struct wsc_age_node *n = WSC_LIST_OF(queue->next, struct wsc_age_node, link);
        if (n->last_ns <= n->queued_ns)
            return n;
        wsc_list_remove(&n->link);
        wsc_age_push(queue, n);
    }
    return NULL;
}

#endif
