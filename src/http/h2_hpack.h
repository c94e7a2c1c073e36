/* Header blocks of one direction of an HTTP/2 connection (RFC 7541); nghttp2 decodes.
 *
 * The dynamic table is a memory of all earlier blocks. When bytes of one are missing it is not
 * known any more, but what comes after can still be told apart from it: indices count from the
 * newest entry, so an index names either a field that was seen since, or one that was not. The
 * table is filled up with entries without a name, which stand for those; a field that refers to
 * one comes out with an empty name. No field ever comes out wrong. */
#ifndef WSC_HTTP_H2_HPACK_H
#define WSC_HTTP_H2_HPACK_H

#include <wsclose/types.h>

#include <nghttp2/nghttp2.h>

/* Ceiling of a dynamic table, as its encoder counts (RFC 7541 4.1). It does not depend on what
 * SETTINGS_HEADER_TABLE_SIZE was announced: an encoder says itself what it uses (RFC 7541 6.3), and
 * the announcement may be in bytes that were not captured. One that goes beyond loses its table. */
#define WSC_H2_TABLE_MAX 65536u

/* Stays where it is: nghttp2 keeps pointers to |mem|. */
struct wsc_h2_hpack {
    nghttp2_hd_inflater *inflater; /* NULL: none yet, or lost */
    nghttp2_mem mem;
    size_t held;       /* bytes held from the system */
    uint64_t taken;    /* bytes of header blocks */
    uint64_t refilled; /* tables filled up */
    bool lost;         /* what the table held is not known: the next block begins with a new one */
    bool broken;       /* the block under way cannot be read any further */
};

/* A field; both spans hold during the call. |name| empty: not known, |value| perhaps. */
struct wsc_h2_hpack_ops {
    void (*on_field)(void *ctx, struct wsc_span name, struct wsc_span value);
};

void wsc_h2_hpack_clear(struct wsc_h2_hpack *p); /* a struct of zeros is a new one */
void wsc_h2_hpack_begin(struct wsc_h2_hpack *p); /* of a block */
/* Takes bytes of a block, all of them when |last|. False: the rest of the block cannot be known,
 * and the table is lost. */
bool wsc_h2_hpack_feed(struct wsc_h2_hpack *p, struct wsc_span data, bool last,
                       const struct wsc_h2_hpack_ops *ops, void *ctx);
/* Bytes of a block are, or may be, missing. */
void wsc_h2_hpack_lose(struct wsc_h2_hpack *p);

#endif
