/* HTTP/2 frames of one direction (RFC 9113 section 4): bytes in, frames out. Pure: knows neither
 * streams nor header compression. Payload is handed on as it lies in the span that was fed. */
#ifndef WSC_HTTP_H2_FRAME_H
#define WSC_HTTP_H2_FRAME_H

#include <wsclose/types.h>

enum wsc_h2_type {
    WSC_H2_DATA = 0x0,
    WSC_H2_HEADERS = 0x1,
    WSC_H2_PRIORITY = 0x2,
    WSC_H2_RST_STREAM = 0x3,
    WSC_H2_SETTINGS = 0x4,
    WSC_H2_PUSH_PROMISE = 0x5,
    WSC_H2_PING = 0x6,
    WSC_H2_GOAWAY = 0x7,
    WSC_H2_WINDOW_UPDATE = 0x8,
    WSC_H2_CONTINUATION = 0x9,
    WSC_H2_ALTSVC = 0xa,           /* RFC 7838 */
    WSC_H2_ORIGIN = 0xc,           /* RFC 8336 */
    WSC_H2_PRIORITY_UPDATE = 0x10, /* RFC 9218 */
};

#define WSC_H2_END_STREAM  0x01u /* DATA, HEADERS */
#define WSC_H2_ACK         0x01u /* SETTINGS, PING */
#define WSC_H2_END_HEADERS 0x04u /* HEADERS, PUSH_PROMISE, CONTINUATION */
#define WSC_H2_PADDED      0x08u /* DATA, HEADERS, PUSH_PROMISE */
#define WSC_H2_PRIO        0x20u /* HEADERS */

#define WSC_H2_PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" /* RFC 9113 3.4 */
#define WSC_H2_PREFACE_LEN   24u
#define WSC_H2_HEADER_LEN    9u
#define WSC_H2_FRAME_CEILING 0xffffffu /* of what may be announced */
#define WSC_H2_FRAME_MAX     16384u /* SETTINGS_MAX_FRAME_SIZE where nothing else was announced */

struct wsc_h2_frame {
    uint32_t len; /* of the payload */
    uint32_t stream;
    uint8_t type, flags;
    bool reserved; /* the reserved bit before the stream id: to be ignored, never set in practice */
};

struct wsc_h2_frame wsc_h2_frame_parse(const uint8_t header[WSC_H2_HEADER_LEN]);

/* Whether a sender that keeps to the RFCs would send this header: a type that is known, with the
 * flags, length and kind of stream that its type allows. */
bool wsc_h2_frame_plausible(const struct wsc_h2_frame *f, enum wsc_dir sender, uint32_t max_len);

/* What is known of a stream by its id, to judge a header that may be none. */
enum wsc_h2_stream_is { WSC_H2_IMPOSSIBLE, WSC_H2_POSSIBLE, WSC_H2_LIVE };

struct wsc_h2_frame_ops {
    void (*on_frame)(void *ctx, const struct wsc_h2_frame *f);
    /* A piece of its payload, at |at|; |n| bytes at |at| that were not captured. */
    void (*on_payload)(void *ctx, const struct wsc_h2_frame *f, uint32_t at, struct wsc_span piece);
    void (*on_missing)(void *ctx, const struct wsc_h2_frame *f, uint32_t at, uint32_t n);
    void (*on_frame_end)(void *ctx, const struct wsc_h2_frame *f);
    /* The frame under way, if any, has no end; the next one is looked for. */
    void (*on_lost)(void *ctx);
    enum wsc_h2_stream_is (*stream_is)(void *ctx, uint32_t stream);
    size_t (*live)(void *ctx); /* how many streams are */
};

enum wsc_h2_framer_state {
    WSC_H2_AT_PREFACE,
    WSC_H2_AT_SETTINGS, /* the first header must be that of SETTINGS */
    WSC_H2_AT_HEADER,
    WSC_H2_IN_PAYLOAD,
    WSC_H2_LOOKING, /* lost, or never found: a frame is looked for */
    WSC_H2_REFUSED  /* not HTTP/2 */
};

struct wsc_h2_resync;

struct wsc_h2_framer {
    struct wsc_h2_frame frame;
    uint32_t at;      /* payload bytes of it that have passed */
    uint32_t max_len; /* of a payload; larger is no HTTP/2 */
    uint8_t state;    /* enum wsc_h2_framer_state */
    uint8_t sender;   /* enum wsc_dir */
    uint8_t have;     /* bytes of |header|, or of the preface */
    uint8_t unproven; /* headers that must still be plausible, after frames were found again */
    bool missed;      /* SETTINGS that allow larger frames may not have been captured */
    uint8_t header[WSC_H2_HEADER_LEN];
    const uint8_t *here;          /* behind the last byte taken, in the span being fed */
    struct wsc_h2_resync *resync; /* while LOOKING; NULL: no memory, or not needed yet */
};

/* |begins|: the next byte is the first of its direction. */
void wsc_h2_framer_init(struct wsc_h2_framer *f, enum wsc_dir sender, bool begins);
void wsc_h2_framer_clear(struct wsc_h2_framer *f);

/* Takes the next bytes. False: not HTTP/2; sticky. */
bool wsc_h2_framer_feed(struct wsc_h2_framer *f, struct wsc_span data,
                        const struct wsc_h2_frame_ops *ops, void *ctx);

/* The next |n| bytes were not captured. */
void wsc_h2_framer_gap(struct wsc_h2_framer *f, uint64_t n, const struct wsc_h2_frame_ops *ops,
                       void *ctx);

size_t wsc_h2_framer_held(const struct wsc_h2_framer *f); /* bytes held from the system */

#endif
