/* TLS record framing (RFC 8446 5.1, RFC 5246 6.2.1):
 *
 *     type (1)  version (2)  length (2)  body (length)
 *
 * and finding the next header where the chain of them is broken. */
#ifndef WSC_TLS_RECORD_H
#define WSC_TLS_RECORD_H

#include "tls/protect.h"

enum wsc_tls_type {
    WSC_TLS_CHANGE_CIPHER_SPEC = 20,
    WSC_TLS_ALERT = 21,
    WSC_TLS_HANDSHAKE_MESSAGE = 22,
    WSC_TLS_APPLICATION_DATA = 23,
    WSC_TLS_HEARTBEAT = 24
};

/* A header that could be one. A body is never empty: what is protected is longer than its tag, and
 * an empty message in the clear is forbidden or at least useless. */
bool wsc_tls_head_plausible(const uint8_t head[WSC_TLS_HEAD]);

/* Cuts records out of a direction's bytes. */
struct wsc_tls_framer {
    uint8_t head[WSC_TLS_HEAD];
    uint8_t have;      /* bytes of |head| */
    bool searching;    /* the next header need not begin here */
    bool damaged;      /* bytes of the present body are missing */
    uint16_t version;  /* of the last good header */
    uint16_t body_len; /* of the present record, 0: in a header */
    uint16_t left;     /* of its body still to come */
};

enum wsc_tls_headed {
    WSC_TLS_HEAD_MORE,  /* all bytes taken, no header yet */
    WSC_TLS_HEAD_FOUND, /* |body_len| and |left| are set */
    WSC_TLS_HEAD_BROKEN /* no header stands here; searching */
};
/* Takes bytes from the front of |data| up to the end of a header. Only while |body_len| is 0. */
enum wsc_tls_headed wsc_tls_framer_head(struct wsc_tls_framer *f, struct wsc_span *data);

static inline uint8_t wsc_tls_framer_type(const struct wsc_tls_framer *f)
{
    return f->head[0];
}

/* |n| bytes of the body have been taken, or are missing. True: that was its last. */
bool wsc_tls_framer_body(struct wsc_tls_framer *f, size_t n);

/* The record is over: the next header follows. */
void wsc_tls_framer_next(struct wsc_tls_framer *f);

/* The chain is broken: any of the next bytes may begin a header. */
void wsc_tls_framer_search(struct wsc_tls_framer *f);

#endif
