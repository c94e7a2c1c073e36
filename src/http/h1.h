/* HTTP/1.x messages of one direction until an Upgrade (RFC 9110, RFC 9112).
 *
 * Keeps the few header fields that a verdict or its evidence needs, bounded; bodies are skipped. */
#ifndef WSC_HTTP_H1_H
#define WSC_HTTP_H1_H

#include <wsclose/types.h>

#include "base/pool.h"

/* The header fields kept. Repeated ones are joined with ", " (RFC 9110 5.3). */
enum wsc_h1_field {
    WSC_H1_HOST,
    WSC_H1_CONNECTION,
    WSC_H1_UPGRADE,
    WSC_H1_SEC_WEBSOCKET_KEY,
    WSC_H1_SEC_WEBSOCKET_ACCEPT,
    WSC_H1_SEC_WEBSOCKET_VERSION,
    WSC_H1_SEC_WEBSOCKET_PROTOCOL,
    WSC_H1_SEC_WEBSOCKET_EXTENSIONS,
    WSC_H1_ORIGIN,
    WSC_H1_USER_AGENT,
    WSC_H1_SERVER,
    WSC_H1_VIA,
    WSC_H1_LOCATION,
    WSC_H1_WWW_AUTHENTICATE,
    WSC_H1_CF_RAY,
    WSC_H1_FIELD_COUNT
};

/* The head of one message. Spans are valid during the callback. A field that is absent has a NULL
 * ptr. */
struct wsc_h1_head {
    bool is_request;
    bool get;               /* request method is GET */
    bool connect;           /* ... CONNECT: after a 2xx the bytes are a tunnel's */
    bool head_method;       /* request method is HEAD: its response has no body */
    int status;             /* response */
    bool partial;           /* HTTP/2: some fields could not be read, so that one that is absent
                               here may have been sent; what is here is true */
    unsigned version;       /* 10, 11 or 20 (HTTP/1.0, 1.1, 2) */
    struct wsc_span target; /* request target as sent */
    struct wsc_span phrase; /* response: the reason phrase */
    struct wsc_span fields[WSC_H1_FIELD_COUNT];
};

enum wsc_h1_next {
    WSC_H1_GO_ON,   /* parse the body, then the next message */
    WSC_H1_NO_BODY, /* this response has no body whatever it says (it answers HEAD) */
    WSC_H1_STOP     /* the bytes after this head are another protocol's */
};

struct wsc_h1_ops {
    /* A head is complete; |end| is the stream offset of the first byte after it. */
    enum wsc_h1_next (*on_head)(void *ctx, const struct wsc_h1_head *head, uint64_t end);
};

enum wsc_h1_status {
    WSC_H1_MORE,    /* all bytes taken; more wanted */
    WSC_H1_STOPPED, /* on_head said STOP: bytes from the head's end on were not taken */
    WSC_H1_FAILED   /* not HTTP, or over a ceiling; sticky */
};

struct wsc_h1;

/* What parsers share. */
struct wsc_h1_shared {
    struct wsc_pool pool;
    size_t held, max_held; /* bytes of heads that are not whole yet; beyond it they are FAILED */
};
void wsc_h1_shared_init(struct wsc_h1_shared *sh, size_t max_held);
void wsc_h1_shared_clear(struct wsc_h1_shared *sh); /* no parser is left */

/* A parser for one direction; |sh| outlives it. |max_head|: the ceiling for one head, FAILED beyond
 * it. |offset|: stream offset of the first byte. NULL: no memory. */
struct wsc_h1 *wsc_h1_new(struct wsc_h1_shared *sh, bool requests, size_t max_head, uint64_t offset,
                          const struct wsc_h1_ops *ops, void *ctx);
void wsc_h1_free(struct wsc_h1 *h); /* NULL is legal */

/* Takes bytes; |*taken| receives how many (all but for STOPPED). */
enum wsc_h1_status wsc_h1_feed(struct wsc_h1 *h, struct wsc_span data, size_t *taken);

/* The next |n| bytes were not captured. True if they lie inside a body whose length is known, so
 * that parsing goes on; otherwise FAILED from here on. */
bool wsc_h1_gap(struct wsc_h1 *h, uint64_t n);

/* True if a head has begun, and its end has not come. */
bool wsc_h1_within_head(const struct wsc_h1 *h);

/* True if |data| (at least 8 bytes, or all there is) begins like an HTTP/1 request line (known
 * methods) or status line. */
bool wsc_h1_looks_like_request(struct wsc_span data);
bool wsc_h1_looks_like_response(struct wsc_span data);

#endif
