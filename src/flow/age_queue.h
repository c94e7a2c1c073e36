/* Entries by the time of their last use. Using one costs one store; its place in the
 * queue is put right only when it comes to the head. */
#ifndef WSC_FLOW_AGE_QUEUE_H
#define WSC_FLOW_AGE_QUEUE_H

#include "base/list.h"

#include <stdint.h>

struct wsc_age_node {
    struct wsc_list link;
    uint64_t last_ns : 63; /* of the last use */
    uint64_t used : 1;     /* since the entry took its place */
};

static inline void wsc_age_use(struct wsc_age_node *n, uint64_t now_ns)
{
    n->last_ns = now_ns & (UINT64_MAX >> 1);
    n->used = 1;
}

static inline void wsc_age_push(struct wsc_list *queue, struct wsc_age_node *n)
{
    n->used = 0;
    wsc_list_append(queue, &n->link);
}

/* The entry not used for longest, or NULL. Amortised constant time. */
static inline struct wsc_age_node *wsc_age_oldest(struct wsc_list *queue)
{
    while (!wsc_list_empty(queue)) {
        struct wsc_age_node *n = WSC_LIST_OF(queue->next, struct wsc_age_node, link);
        if (!n->used)
            return n;
        wsc_list_remove(&n->link);
        wsc_age_push(queue, n);
    }
    return NULL;
}

#endif
