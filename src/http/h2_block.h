/* The header block under way in one direction of an HTTP/2 connection: HEADERS or PUSH_PROMISE with
 * what CONTINUATION adds (RFC 9113 4.3, 8.3). Keeps what struct wsc_h1_head has room for. */
#ifndef WSC_HTTP_H2_BLOCK_H
#define WSC_HTTP_H2_BLOCK_H

#include "http/h2_hpack.h"
#include "http/head_text.h"

struct wsc_h2_block {
    struct wsc_h2_hpack hpack; /* stays for the next block */
    struct wsc_head_text text;
    size_t max_head, size; /* of the list, as RFC 9113 6.5.2 counts it */
    uint32_t stream;
    uint16_t status; /* 0: none seen */
    bool push, end_stream;
    bool cut;     /* bytes missing, or over the ceiling: there may have been more fields */
    bool unnamed; /* a field came whose name is not known */
    bool method, connect, get, head_method, protocol, authority;
};

/* |lost|: blocks were sent before. */
void wsc_h2_block_init(struct wsc_h2_block *b, size_t max_head, bool lost);
void wsc_h2_block_free(struct wsc_h2_block *b);
size_t wsc_h2_block_held(const struct wsc_h2_block *b);

void wsc_h2_block_begin(struct wsc_h2_block *b, uint32_t stream, bool push, bool end_stream);
void wsc_h2_block_feed(struct wsc_h2_block *b, struct wsc_span data);
/* Bytes of this block, or of others, were not captured. */
void wsc_h2_block_lose(struct wsc_h2_block *b);
void wsc_h2_block_end(struct wsc_h2_block *b);
void wsc_h2_block_clear(struct wsc_h2_block *b); /* frees what was kept of this block */

/* Valid between end and clear: */
bool wsc_h2_block_partial(const struct wsc_h2_block *b); /* fields may be missing */

enum wsc_h2_asks {
    WSC_H2_ASKS_NOTHING, /* no request: trailers, or malformed */
    WSC_H2_ASKS_OTHER,
    WSC_H2_ASKS_WEBSOCKET, /* extended CONNECT (RFC 8441 4) */
    WSC_H2_ASKS_UNKNOWN    /* the fields that say so may be among those that are missing */
};
enum wsc_h2_asks wsc_h2_block_asks(const struct wsc_h2_block *b);

/* Fills |head|, which points into |joined|; the caller clears that. */
void wsc_h2_block_head(const struct wsc_h2_block *b, bool request, struct wsc_h1_head *head,
                       struct wsc_buf *joined);

#endif
