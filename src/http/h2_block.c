#include "http/h2_block.h"

#include <string.h>

#define FIELD_OVERHEAD 32u /* RFC 9113 6.5.2 */

static bool is(struct wsc_span s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

static void keep(struct wsc_h2_block *b, unsigned item, struct wsc_span value)
{
    if (!wsc_head_text_begin(&b->text, item) || !wsc_head_text_add(&b->text, value.ptr, value.len))
        b->cut = true;
}

static uint16_t status_of(struct wsc_span v)
{
    unsigned status = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] < '0' || v.ptr[i] > '9')
            return 0;
        status = status * 10 + (v.ptr[i] - (unsigned)'0');
        if (status > 999)
            return 0;
    }
    return (uint16_t)(v.len == 3 ? status : 0);
}

/* RFC 9113 8.3, RFC 8441 4. Of a field that is repeated against the rules the first counts. */
static void take_pseudo(struct wsc_h2_block *b, struct wsc_span name, struct wsc_span value)
{
    if (is(name, ":method") && !b->method) {
        b->method = true;
        b->connect = is(value, "CONNECT");
        b->get = is(value, "GET");
        b->head_method = is(value, "HEAD");
    } else if (is(name, ":protocol")) {
        b->protocol = b->protocol || is(value, "websocket");
    } else if (is(name, ":path")) {
        keep(b, WSC_HEAD_TARGET, value);
    } else if (is(name, ":authority") && !b->authority) {
        b->authority = true;
        keep(b, WSC_H1_HOST, value);
    } else if (is(name, ":status") && b->status == 0) {
        b->status = status_of(value);
    }
}

static void on_field(void *ctx, struct wsc_span name, struct wsc_span value)
{
    struct wsc_h2_block *b = ctx;
    b->size += name.len + value.len + FIELD_OVERHEAD;
    if (b->size > b->max_head)
        b->cut = true;
    if (name.len == 0)
        b->unnamed = true;
    if (b->cut || name.len == 0 || b->push)
        return;
    if (name.ptr[0] == ':') {
        take_pseudo(b, name, value);
        return;
    }
    unsigned item = wsc_head_item((const char *)name.ptr, name.len);
    if (item != WSC_HEAD_NONE && !(item == WSC_H1_HOST && b->authority))
        keep(b, item, value);
}

static const struct wsc_h2_hpack_ops hpack_ops = {.on_field = on_field};

void wsc_h2_block_init(struct wsc_h2_block *b, size_t max_head, bool lost)
{
    *b = (struct wsc_h2_block){.max_head = max_head};
    b->hpack.lost = lost;
    wsc_head_text_init(&b->text, max_head);
}

void wsc_h2_block_free(struct wsc_h2_block *b)
{
    wsc_h2_hpack_clear(&b->hpack);
    wsc_head_text_clear(&b->text);
}

size_t wsc_h2_block_held(const struct wsc_h2_block *b)
{
    return b->hpack.held + b->text.text.cap;
}

void wsc_h2_block_begin(struct wsc_h2_block *b, uint32_t stream, bool push, bool end_stream)
{
    b->stream = stream;
    b->push = push;
    b->end_stream = end_stream;
    b->size = 0;
    b->status = 0;
    b->unnamed = b->method = b->connect = b->get = b->head_method = b->protocol = b->authority =
        false;
    wsc_h2_hpack_begin(&b->hpack);
    b->cut = b->hpack.broken;
}

void wsc_h2_block_feed(struct wsc_h2_block *b, struct wsc_span data)
{
    if (!wsc_h2_hpack_feed(&b->hpack, data, false, &hpack_ops, b))
        b->cut = true;
}

void wsc_h2_block_lose(struct wsc_h2_block *b)
{
    wsc_h2_hpack_lose(&b->hpack);
    b->cut = true;
}

void wsc_h2_block_end(struct wsc_h2_block *b)
{
    static const uint8_t nothing[1];
    const struct wsc_span end = {.ptr = nothing, .len = 0};
    if (!wsc_h2_hpack_feed(&b->hpack, end, true, &hpack_ops, b))
        b->cut = true;
}

void wsc_h2_block_clear(struct wsc_h2_block *b)
{
    wsc_head_text_clear(&b->text);
}

bool wsc_h2_block_partial(const struct wsc_h2_block *b)
{
    return b->cut || b->unnamed;
}

enum wsc_h2_asks wsc_h2_block_asks(const struct wsc_h2_block *b)
{
    if (b->method && !b->connect)
        return WSC_H2_ASKS_OTHER;
    if (b->protocol)
        return WSC_H2_ASKS_WEBSOCKET; /* `:protocol` goes with CONNECT alone */
    if (wsc_h2_block_partial(b))
        return WSC_H2_ASKS_UNKNOWN;
    return b->method ? WSC_H2_ASKS_OTHER : WSC_H2_ASKS_NOTHING;
}

void wsc_h2_block_head(const struct wsc_h2_block *b, bool request, struct wsc_h1_head *head,
                       struct wsc_buf *joined)
{
    *head = (struct wsc_h1_head){
        .is_request = request,
        .get = b->get,
        .connect = b->connect || b->protocol,
        .head_method = b->head_method,
        .status = request ? 0 : b->status,
        .partial = wsc_h2_block_partial(b),
        .version = 20,
    };
    if (!wsc_head_text_join(&b->text, joined, head))
        head->partial = true;
}
