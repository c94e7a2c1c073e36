/* A free-list pool of equal blocks, carved from slabs. Blocks are not zeroed. Slabs are freed with
 * the pool only: what a pool once held is its high-water mark. */
#ifndef WSC_BASE_POOL_H
#define WSC_BASE_POOL_H

#include <stddef.h>

struct wsc_pool_slab;

struct wsc_pool {
    size_t block, per_slab;
    void *free_list;
    struct wsc_pool_slab *slabs;
    size_t used;  /* blocks handed out */
    size_t bytes; /* held from the system, slabs and their headers */
};

/* |block| is rounded up to a multiple of 8, to which blocks are aligned. */
void wsc_pool_init(struct wsc_pool *p, size_t block, size_t per_slab);
void *wsc_pool_get(struct wsc_pool *p); /* NULL if memory is refused */
void wsc_pool_put(struct wsc_pool *p, void *block);
void wsc_pool_clear(struct wsc_pool *p); /* frees all, blocks handed out included */

#endif
