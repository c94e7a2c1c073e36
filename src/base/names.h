/* Strings and addresses that many records share, kept once; numbers instead of text.
 */
#ifndef WSC_BASE_NAMES_H
#define WSC_BASE_NAMES_H

#include <wsclose/types.h>

#include "base/buf.h"
#include "base/hash.h"

#define WSC_NAME_MAX 512u /* longer ones are cut */

struct wsc_names {
    struct wsc_hash_key secret;
    struct wsc_buf bytes; /* each: 2 bytes of length, the bytes, a NUL */
    uint32_t *offsets;    /* of number i + 1 */
    uint32_t *slots;      /* numbers by hash; 0: free */
    size_t len, cap, slots_len;
    bool refused; /* the ceiling, or the memory, was reached */
};

void wsc_names_init(struct wsc_names *t, size_t max_bytes);
void wsc_names_clear(struct wsc_names *t);

/* A number for |s|, the same for the same bytes; 0 for a NULL span, at the ceiling, or without
 * memory. */
uint32_t wsc_names_add(struct wsc_names *t, struct wsc_span s);

/* Its bytes, followed by a NUL; valid until the next wsc_names_add(). A NULL span for 0. */
struct wsc_span wsc_names_get(const struct wsc_names *t, uint32_t number);

#endif
