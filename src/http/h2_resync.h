/* Finds HTTP/2 frames in the middle of bytes: a chain of headers, each where the one before says,
 * that a sender who keeps to RFC 9113 would send.
 *
 * Nothing is kept of the bytes but where the next headers of a few chains must be, so that a chain
 * may go on over several spans. How long it must be depends on how much its headers say: in bytes
 * that are full of zeros a header says little, where it begins a span and its frame ends it, much.
 * Time is linear in the bytes. */
#ifndef WSC_HTTP_H2_RESYNC_H
#define WSC_HTTP_H2_RESYNC_H

#include "http/h2_frame.h"

#define WSC_H2_CHAINS 16u

struct wsc_h2_chain {
    uint64_t skip; /* bytes until its next header */
    uint8_t bits;  /* what its headers have said */
    uint8_t steps; /* how many they are */
    uint8_t zero;  /* bits that a zero says where it began */
    uint8_t have;  /* bytes of |header| */
    uint8_t header[WSC_H2_HEADER_LEN];
};

struct wsc_h2_resync {
    struct wsc_h2_chain chains[WSC_H2_CHAINS];
    unsigned count;
};

struct wsc_h2_resync_rule {
    enum wsc_dir sender;
    uint32_t max_len;
    enum wsc_h2_stream_is (*stream_is)(void *ctx, uint32_t stream);
    void *ctx;
    size_t live; /* streams known to be in use */
};

/* Looks through |data|. True: |*found| is a frame whose payload begins at |*taken|. |r| NULL: only
 * chains within |data| are found. */
bool wsc_h2_resync_feed(struct wsc_h2_resync *r, struct wsc_span data,
                        const struct wsc_h2_resync_rule *rule, struct wsc_h2_frame *found,
                        size_t *taken);

/* The next |n| bytes were not captured: chains whose next header lies beyond stay. */
void wsc_h2_resync_gap(struct wsc_h2_resync *r, uint64_t n);

#endif
