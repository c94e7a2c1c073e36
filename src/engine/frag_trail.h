/* Which packets the fragments of a datagram came in: the defragmenter keeps their bytes, this keeps
 * where they were. Remembers the last 65,536 fragments; older ones are forgotten. */
#ifndef WSC_ENGINE_FRAG_TRAIL_H
#define WSC_ENGINE_FRAG_TRAIL_H

#include "decode/packet.h"

struct wsc_frag_trail;

struct wsc_frag_trail *wsc_frag_trail_new(void);    /* NULL: no memory */
void wsc_frag_trail_free(struct wsc_frag_trail *t); /* NULL is legal */

/* |frag| came in packet number |at| at |ts_ns|. */
void wsc_frag_trail_add(struct wsc_frag_trail *t, const struct wsc_fragment *frag, uint64_t ts_ns,
                        uint64_t at);

/* The datagram of |frag| is whole: takes out the packets its fragments came in, newest first, at
 * most |cap|. Returns how many. */
size_t wsc_frag_trail_take(struct wsc_frag_trail *t, const struct wsc_fragment *frag,
                           uint64_t ts_ns, uint64_t *at, size_t cap);

#endif
