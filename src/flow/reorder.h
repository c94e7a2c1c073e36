/* Bytes of one direction that came before their turn: what is held, sorted by stream offset, never
 * overlapping (what came first stays). Balanced, so that segments in any order cost logarithmic
 * time each. */
#ifndef WSC_FLOW_REORDER_H
#define WSC_FLOW_REORDER_H

#include <wsclose/types.h>

/* Where bytes were seen: the packet that carried them. */
struct wsc_tcp_at {
    uint64_t ts_ns;
    uint64_t ref;
    uint64_t ack_off; /* bytes of the other direction that packet acknowledged; UINT64_MAX if it did
                         not say */
};

struct wsc_chunk {
    struct wsc_chunk *left, *right;
    uint64_t off;
    uint32_t len;      /* captured, in |data| */
    uint32_t wire_len; /* the rest of it was not captured */
    uint32_t priority;
    struct wsc_tcp_at at;
    uint8_t data[];
};

struct wsc_reorder {
    struct wsc_chunk *root;
    size_t bytes; /* held from the system */
    uint64_t
        overdue_ns; /* the owner's: when it became clear that the first hole will not be filled */
    uint32_t overdue_packets; /* the owner's: packets since then */
    uint32_t seed; /* of the priorities; the owner's: a secret, or else segments can be sent in an
                      order that makes the tree a list */
};

/* Holds what is new of |data| (|wire_len| bytes at |off|, the leading data.len of them captured).
 * Returns false if memory is refused; what was held before stays. |*fresh| receives the number of
 * bytes that were not held before. */
bool wsc_reorder_insert(struct wsc_reorder *r, uint64_t off, struct wsc_span data,
                        uint32_t wire_len, const struct wsc_tcp_at *at, uint64_t *fresh);

/* The first chunk, or NULL; and its removal, with ownership. */
struct wsc_chunk *wsc_reorder_first(const struct wsc_reorder *r);
struct wsc_chunk *wsc_reorder_pop(struct wsc_reorder *r);
void wsc_chunk_free(struct wsc_chunk *c);

void wsc_reorder_clear(struct wsc_reorder *r);

#endif
