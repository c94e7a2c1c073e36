/* Collects what is kept of one head, HTTP/1 or HTTP/2: header fields may repeat and interleave, and
 * come in pieces. */
#ifndef WSC_HTTP_HEAD_TEXT_H
#define WSC_HTTP_HEAD_TEXT_H

#include "base/buf.h"
#include "http/h1.h"

/* Items are the enum wsc_h1_field and besides: */
enum {
    WSC_HEAD_TARGET = WSC_H1_FIELD_COUNT,
    WSC_HEAD_PHRASE,
    WSC_HEAD_NONE /* not kept */
};

struct wsc_head_text {
    struct wsc_buf text; /* pieces: each its item, its length, its bytes */
    size_t piece_at;     /* of the piece being written */
};

/* True if |name| is |word|, in lower case, in any case; both have |len| bytes, of |word| letters
 * and hyphens. */
bool wsc_head_is(const uint8_t *name, const char *word, size_t len);

/* The item of a header field's name, in any case; WSC_HEAD_NONE if it is not kept. */
unsigned wsc_head_item(const char *name, size_t len);

void wsc_head_text_init(struct wsc_head_text *t, size_t max_head);
void wsc_head_text_clear(struct wsc_head_text *t);   /* frees; usable again */
void wsc_head_text_restart(struct wsc_head_text *t); /* forgets, for the next head */

/* Begins a value of |item|; adds to the one begun last. False: the ceiling or no memory. */
bool wsc_head_text_begin(struct wsc_head_text *t, unsigned item);
bool wsc_head_text_add(struct wsc_head_text *t, const void *at, size_t n);

/* Fills target, phrase and fields of |head|, repeated fields joined with ", ". They point into
 * |joined|, which the caller clears. False: no memory. */
bool wsc_head_text_join(const struct wsc_head_text *t, struct wsc_buf *joined,
                        struct wsc_h1_head *head);

#endif
