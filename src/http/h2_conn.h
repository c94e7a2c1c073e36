/* One HTTP/2 connection seen from the side (RFC 9113, RFC 8441): the bytes of two directions in,
 * the WebSocket streams out. nghttp2 decodes HPACK.
 *
 * Streams that nobody wants cost nothing once their HEADERS are read. Flow control is seen, not
 * enforced. DATA is handed on as it lies in the span that was fed: pointers into it, no copy. */
#ifndef WSC_HTTP_H2_CONN_H
#define WSC_HTTP_H2_CONN_H

#include "http/h1.h"

struct wsc_h2_ops {
    /* A request. |head|: `:path` as the target, `:authority` as the host; NULL where it cannot be
     * known whether it asks for a WebSocket, because its header block or an earlier one was not
     * captured. |websocket|: an extended CONNECT with `:protocol` websocket. True: what belongs to
     * |stream| is wanted from here on.
     * Comes with NULL also when the first DATA or answer of a stream shows that its request was
     * not captured. A stream that was refused or dropped is not offered again. */
    bool (*on_request)(void *ctx, uint32_t stream, const struct wsc_h1_head *head, bool websocket);
    /* An answer, interim ones too, to a stream that is wanted; not trailers. |head| NULL: not even
     * its status can be known. */
    void (*on_response)(void *ctx, uint32_t stream, const struct wsc_h1_head *head);
    /* Payload of DATA of a wanted stream, without padding. |off| counts the stream's bytes of this
     * direction. */
    void (*on_data)(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, struct wsc_span data);
    /* |len| bytes of its payload were not captured (the frame's header was). */
    void (*on_gap)(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, uint64_t len);
    /* END_STREAM, after the frame's data; RST_STREAM, which may follow an END_STREAM of the same
     * side, |error| WSC_H2_ERROR_UNKNOWN where the code was not captured. Of wanted streams. What
     * the other side sent until it knew of the reset still comes. A stream of which both
     * directions are over is no longer wanted. */
    void (*on_end)(void *ctx, uint32_t stream, enum wsc_dir d);
    void (*on_reset)(void *ctx, uint32_t stream, enum wsc_dir d, uint32_t error);
    /* GOAWAY; |debug| may be empty, at most WSC_H2_DEBUG_KEPT bytes. */
    void (*on_goaway)(void *ctx, enum wsc_dir d, uint32_t last_stream, uint32_t error,
                      struct wsc_span debug);
    /* Framing of |d| is lost: frames of any stream may have been missed. It is looked for again.
     * Offsets go on as if nothing had been missed. */
    void (*on_lost)(void *ctx, enum wsc_dir d);
    /* SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 3) was announced. */
    void (*on_connect_protocol)(void *ctx, enum wsc_dir d);
};

#define WSC_H2_DEBUG_KEPT    128u
#define WSC_H2_ERROR_UNKNOWN UINT32_MAX

struct wsc_h2;

struct wsc_h2_options {
    size_t max_head;    /* ceiling for one decoded header list, bytes */
    size_t max_streams; /* wanted at once; beyond it new ones are not wanted, and counted */
    bool upgraded;      /* by `Upgrade: h2c`: stream 1 is the request that asked for it */
    bool begins[2];     /* by enum wsc_dir: the next byte is the first of that direction; else
                           HPACK tables are unknown and a frame is looked for */
};

/* NULL: no memory. */
struct wsc_h2 *wsc_h2_new(const struct wsc_h2_options *opt, const struct wsc_h2_ops *ops,
                          void *ctx);
void wsc_h2_free(struct wsc_h2 *h); /* NULL is legal */

/* Takes the next bytes of a direction. False: this is not HTTP/2; sticky. */
bool wsc_h2_feed(struct wsc_h2 *h, enum wsc_dir d, struct wsc_span data);

/* The next |n| bytes were not captured. */
void wsc_h2_gap(struct wsc_h2 *h, enum wsc_dir d, uint64_t n);

/* True while frames of |d| are looked for: what any stream sends may pass unseen. */
bool wsc_h2_lost(const struct wsc_h2 *h, enum wsc_dir d);

/* Within the ops: behind the last byte that the event needed, in the span that is fed; NULL while a
 * gap is told. */
const uint8_t *wsc_h2_here(const struct wsc_h2 *h);

/* No more of this stream is wanted. May be called from within the ops. */
void wsc_h2_drop(struct wsc_h2 *h, uint32_t stream);

size_t wsc_h2_held(const struct wsc_h2 *h);      /* bytes held from the system */
uint64_t wsc_h2_refused(const struct wsc_h2 *h); /* streams not wanted at the ceiling */

/* True if |data| begins like the client's connection preface (RFC 9113 3.4), as far as it goes. */
bool wsc_h2_looks_like_preface(struct wsc_span data);
/* True if |data| (9 bytes or more) begins like a server's: a SETTINGS frame. */
bool wsc_h2_looks_like_settings(struct wsc_span data);

/* "CANCEL" for 8, ... (RFC 9113 7); NULL if it is none. */
const char *wsc_h2_error_name(uint32_t error);

#endif
