/* WebSocket frames of one direction (RFC 6455 section 5): bytes in, events out.
 *
 * Knows nothing of packets, flows or the other direction. Payload is skipped, never touched, except
 * the leading bytes of control frames, and of messages where asked to, which are unmasked into a
 * scratch block borrowed only while such a frame is incomplete. A peer's mistake is an event, not
 * an error: decoding goes on as long as the frame's length can be believed. */
#ifndef WSC_WS_DECODER_H
#define WSC_WS_DECODER_H

#include <wsclose/closure.h>
#include <wsclose/types.h>

enum wsc_ws_opcode {
    WSC_WS_CONTINUATION = 0x0,
    WSC_WS_TEXT = 0x1,
    WSC_WS_BINARY = 0x2,
    WSC_WS_CLOSE = 0x8,
    WSC_WS_PING = 0x9,
    WSC_WS_PONG = 0xa
};

#define WSC_WS_CONTROL_MAX 125u /* RFC 6455 5.5 */
#define WSC_WS_CONTROL_KEPT                                                                        \
    255u /* of a control frame that is longer all the same: evidence, bounded */

struct wsc_ws_frame {
    uint64_t start; /* stream offset of the header's first byte */
    uint64_t payload_len;
    uint8_t opcode, rsv; /* rsv: 3 bits, RSV1 is 4 */
    bool fin, masked;
};

/* |ctx| is the one given to feed. NULL members are not wanted. */
struct wsc_ws_ops {
    /* The first byte of a frame header has arrived, at stream offset |start|. Comes once a frame,
     * before all else. */
    void (*on_start)(void *ctx, uint64_t start);
    /* A header is complete. */
    void (*on_frame)(void *ctx, const struct wsc_ws_frame *f);
    /* A frame of any kind is complete; |missing|: bytes of its payload were not captured. Not for a
     * control frame that on_control reports. */
    void (*on_frame_end)(void *ctx, const struct wsc_ws_frame *f, bool missing);
    /* A control frame is complete: Close, Ping, Pong, also one with mistakes. |payload| is
     * unmasked, at most WSC_WS_CONTROL_KEPT bytes: the leading ones if the frame is longer or some
     * are missing (|missing|). */
    void (*on_control)(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload,
                       bool missing);
    /* A data message begins with |payload|, if wsc_ws_decoder_peek() asked for it: the leading
     * bytes of its first frame, unmasked, at most WSC_WS_CONTROL_KEPT; comes when that frame is
     * complete. Not for a compressed one (RFC 7692 6: RSV1). */
    void (*on_peek)(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload);
    /* The peer broke |rule| in the frame whose header or payload was read last. At most once a rule
     * and frame. */
    void (*on_violation)(void *ctx, enum wsc_rule rule);
    /* Framing is lost from stream offset |at| on: a gap across a header, of which some bytes may
     * have arrived. */
    void (*on_lost)(void *ctx, uint64_t at);
    /* Lends WSC_WS_CONTROL_KEPT bytes, or NULL: then the payload is not kept. Given back by
     * release. */
    uint8_t *(*borrow)(void *ctx);
    void (*release)(void *ctx, uint8_t *block);
};

enum wsc_ws_state { WSC_WS_HEADER, WSC_WS_PAYLOAD, WSC_WS_LOST };

/* Plain and small: one is embedded for each direction of each open connection. */
struct wsc_ws_decoder {
    uint64_t offset;    /* stream offset of the next byte */
    uint64_t left;      /* payload bytes still to come */
    uint8_t *scratch;   /* borrowed, or NULL */
    uint8_t header[14]; /* RFC 6455 5.2: 2 + 8 + 4 */
    uint8_t have;       /* bytes of |header| */
    uint8_t state;      /* enum wsc_ws_state */
    uint8_t kept;       /* bytes in |scratch| */
    uint16_t flags;     /* private to ws_decoder.c */
    uint32_t mark;      /* the caller's, for the frame being read */
};

/* |sender| says whether frames must be masked; |extensions| whether an extension that uses reserved
 * bits was negotiated (RFC 7692: RSV1 is then legal on the first frame of a data message; an
 * unknown extension allows all on data frames). |offset| is the stream offset of the first byte. */
enum wsc_ws_extensions { WSC_WS_EXT_NONE, WSC_WS_EXT_DEFLATE, WSC_WS_EXT_UNKNOWN };
void wsc_ws_decoder_init(struct wsc_ws_decoder *d, enum wsc_dir sender,
                         enum wsc_ws_extensions extensions, uint64_t offset);

/* The extensions become known only later (the answer to the handshake came after the client's first
 * bytes). */
void wsc_ws_decoder_extensions(struct wsc_ws_decoder *d, enum wsc_ws_extensions extensions);

/* Whether on_peek is wanted, from the next frame on. Off after init. */
void wsc_ws_decoder_peek(struct wsc_ws_decoder *d, bool wanted);

/* Takes the next bytes. In state LOST they are skipped and only |offset| moves. */
void wsc_ws_decoder_feed(struct wsc_ws_decoder *d, struct wsc_span data,
                         const struct wsc_ws_ops *ops, void *ctx);

/* The next |n| bytes were not captured. Inside a payload framing goes on; otherwise the direction
 * is LOST. Returns true if framing goes on, false if the gap may have held whole frames. */
bool wsc_ws_decoder_gap(struct wsc_ws_decoder *d, uint64_t n, const struct wsc_ws_ops *ops,
                        void *ctx);

/* Ends LOST: a frame header starts at the next byte. Whether a fragmented message is open is then
 * not known, and no `unexpected-continuation` is reported until a message ends. */
void wsc_ws_decoder_resync(struct wsc_ws_decoder *d);

/* Where the decoder stands, as bytes to be kept outside; and back again, with the next byte at
 * |offset|. Load returns false, and leaves |d| alone, if no decoder can stand there. What was kept
 * of a payload is lost. */
#define WSC_WS_DECODER_STATE 26u
void wsc_ws_decoder_save(const struct wsc_ws_decoder *d, uint8_t out[WSC_WS_DECODER_STATE]);
bool wsc_ws_decoder_load(struct wsc_ws_decoder *d, const uint8_t in[WSC_WS_DECODER_STATE],
                         uint64_t offset);

/* Gives back what is borrowed. */
void wsc_ws_decoder_clear(struct wsc_ws_decoder *d, const struct wsc_ws_ops *ops, void *ctx);

/* True between frames: no byte of an unfinished frame has been taken. */
bool wsc_ws_decoder_at_boundary(const struct wsc_ws_decoder *d);

#endif
