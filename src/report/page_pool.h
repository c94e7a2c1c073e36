/* Texts that many rows share, each once, as elements of a JSON array. */
#ifndef WSC_REPORT_PAGE_POOL_H
#define WSC_REPORT_PAGE_POOL_H

#include <wsclose/types.h>

#include "base/buf.h"
#include "base/hash.h"

struct wsc_page_pool {
    struct wsc_hash_key secret;
    struct wsc_buf bytes; /* elements, separated by commas */
    size_t *offsets;      /* of each, and where the last ends */
    uint32_t *slots;      /* number + 1 by hash; 0: free */
    size_t len, cap, slots_len;
    bool failed; /* no memory, or the ceiling */
};

void wsc_page_pool_init(struct wsc_page_pool *p, size_t max_bytes);
void wsc_page_pool_clear(struct wsc_page_pool *p);

/* The number of |json|, which is one element; the same for the same bytes. -1, and failed, if there
 * is no room. */
int64_t wsc_page_pool_add(struct wsc_page_pool *p, struct wsc_span json);

#endif
