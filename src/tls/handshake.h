/* Handshake messages (RFC 8446 4, RFC 5246 7.4): just enough of them to know which keys protect
 * what. */
#ifndef WSC_TLS_HANDSHAKE_H
#define WSC_TLS_HANDSHAKE_H

#include "base/buf.h"

#include <wsclose/types.h>

enum wsc_tls_message {
    WSC_TLS_CLIENT_HELLO = 1,
    WSC_TLS_SERVER_HELLO = 2,
    WSC_TLS_NEW_SESSION_TICKET = 4,
    WSC_TLS_END_OF_EARLY_DATA = 5,
    WSC_TLS_ENCRYPTED_EXTENSIONS = 8,
    WSC_TLS_CERTIFICATE = 11,
    WSC_TLS_FINISHED = 20,
    WSC_TLS_KEY_UPDATE = 24
};

/* Spans point into the message; |ptr| NULL: not there. */
struct wsc_tls_client_hello {
    const uint8_t *random; /* 32 bytes */
    struct wsc_span session_id, ticket, sni;
    struct wsc_span alpn; /* the first protocol offered */
    bool early_data;
};
struct wsc_tls_server_hello {
    const uint8_t *random;
    struct wsc_span session_id, alpn;
    uint16_t suite;
    uint16_t version; /* negotiated */
    bool encrypt_then_mac;
    bool resumed; /* TLS 1.3: a pre-shared key was taken */
    bool retry;   /* it is a HelloRetryRequest (RFC 8446 4.1.4) */
};
struct wsc_tls_encrypted_extensions {
    struct wsc_span alpn;
    bool early_data; /* accepted */
};

/* |body|: the message without its 4 bytes of type and length. False: damaged, |out| is of no use.
 */
bool wsc_tls_read_client_hello(struct wsc_span body, struct wsc_tls_client_hello *out);
bool wsc_tls_read_server_hello(struct wsc_span body, struct wsc_tls_server_hello *out);
bool wsc_tls_read_encrypted_extensions(struct wsc_span body,
                                       struct wsc_tls_encrypted_extensions *out);
/* Of TLS 1.2 (RFC 5077 3.3). */
bool wsc_tls_read_ticket(struct wsc_span body, struct wsc_span *ticket);

/* Cuts messages out of what handshake records hold; they may share records and may span them.
 * Messages whose content is of no interest are counted off, not kept. */
struct wsc_tls_messages {
    struct wsc_buf kept; /* the present message's body while it is in pieces, if of interest */
    uint32_t left;       /* bytes of it still to come */
    uint8_t head[4], have;
    bool lost; /* records are missing: the next may begin inside a message */
};

/* |max|: the longest message that is put together from pieces; longer ones of interest are as good
 * as lost. */
void wsc_tls_messages_init(struct wsc_tls_messages *m, size_t max);
void wsc_tls_messages_clear(struct wsc_tls_messages *m);

/* A record with handshake messages is missing. */
void wsc_tls_messages_lost(struct wsc_tls_messages *m);

/* Takes the content of a record. |on_message| is called at the end of each message; |body.ptr| is
 * NULL if the type is of no interest. */
void wsc_tls_messages_feed(struct wsc_tls_messages *m, struct wsc_span content,
                           void (*on_message)(void *ctx, uint8_t type, struct wsc_span body),
                           void *ctx);

#endif
