#include "http/h1.h"

#include "base/alloc.h"
#include "http/head_text.h"

#include <http_parser.h>

#include <string.h>

struct wsc_h1 {
    http_parser parser;
    const struct wsc_h1_ops *ops;
    void *ctx;
    struct wsc_head_text text;
    size_t max_head, head_bytes;
    uint64_t offset;    /* of the next byte */
    uint64_t chunk_end; /* of the bytes being parsed: where a head that ends now ends */
    char name[WSC_HEAD_NAME_MAX];
    uint8_t name_len; /* over WSC_HEAD_NAME_MAX: too long to be one of ours */
    uint8_t item;     /* being written, or WSC_HEAD_NONE */
    uint8_t line;     /* where in a line end the scan stands */
    bool in_head, value_begun, stop, failed;
};

static struct wsc_h1 *self(http_parser *p)
{
    return p->data;
}

/* ---- collecting a head ---- */

static bool begin_piece(struct wsc_h1 *h, unsigned item)
{
    h->item = (uint8_t)item;
    return wsc_head_text_begin(&h->text, item);
}

static int add_bytes(struct wsc_h1 *h, const char *at, size_t n)
{
    return wsc_head_text_add(&h->text, at, n) ? 0 : 1;
}

static int add_to(struct wsc_h1 *h, unsigned item, const char *at, size_t n)
{
    if (h->item != item && !begin_piece(h, item))
        return 1;
    return add_bytes(h, at, n);
}

static int on_message_begin(http_parser *p)
{
    struct wsc_h1 *h = self(p);
    wsc_head_text_restart(&h->text);
    h->item = WSC_HEAD_NONE;
    h->name_len = 0;
    h->value_begun = false;
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
    return add_to(self(p), WSC_HEAD_TARGET, at, n);
}

static int on_status(http_parser *p, const char *at, size_t n)
{
    return add_to(self(p), WSC_HEAD_PHRASE, at, n);
}

static int on_header_field(http_parser *p, const char *at, size_t n)
{
    struct wsc_h1 *h = self(p);
    if (h->value_begun || h->item == WSC_HEAD_TARGET || h->item == WSC_HEAD_PHRASE) {
        h->name_len = 0;
        h->value_begun = false;
    }
    h->item = WSC_HEAD_NONE;
    if (h->name_len + n > WSC_HEAD_NAME_MAX) {
        h->name_len = WSC_HEAD_NAME_MAX + 1;
        return 0;
    }
    memcpy(h->name + h->name_len, at, n);
    h->name_len = (uint8_t)(h->name_len + n);
    return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t n)
{
    struct wsc_h1 *h = self(p);
    if (!h->value_begun) {
        h->value_begun = true;
        unsigned field =
            h->name_len <= WSC_HEAD_NAME_MAX ? wsc_head_item(h->name, h->name_len) : WSC_HEAD_NONE;
        if (field != WSC_HEAD_NONE && !begin_piece(h, field))
            return 1;
    }
    return h->item != WSC_HEAD_NONE ? add_bytes(h, at, n) : 0;
}

/* ---- a complete head ---- */

static enum wsc_h1_next hand_over(struct wsc_h1 *h, bool *ok)
{
    struct wsc_buf joined;
    struct wsc_h1_head head = {
        .is_request = h->parser.type == HTTP_REQUEST,
        .get = h->parser.type == HTTP_REQUEST && h->parser.method == HTTP_GET,
        .head_method = h->parser.type == HTTP_REQUEST && h->parser.method == HTTP_HEAD,
        .connect = h->parser.type == HTTP_REQUEST && h->parser.method == HTTP_CONNECT,
        .status = h->parser.type == HTTP_RESPONSE ? (int)h->parser.status_code : 0,
        .version = (unsigned)(h->parser.http_major * 10 + h->parser.http_minor),
    };
    *ok = wsc_head_text_join(&h->text, &joined, &head);
    enum wsc_h1_next next = *ok ? h->ops->on_head(h->ctx, &head, h->chunk_end) : WSC_H1_GO_ON;
    wsc_buf_clear(&joined);
    return next;
}

static int on_headers_complete(http_parser *p)
{
    struct wsc_h1 *h = self(p);
    bool ok;
    enum wsc_h1_next next = hand_over(h, &ok);
    wsc_head_text_clear(&h->text);
    if (!ok)
        return -1;
    h->in_head = false;
    p->upgrade = 0; /* who decides is on_head, not the parser */
    switch (next) {
    case WSC_H1_GO_ON:
        return 0;
    case WSC_H1_NO_BODY:
        return 1;
    case WSC_H1_STOP:
        break;
    }
    h->stop = true;
    return 2; /* sets upgrade: the parser ends at the head's last byte */
}

static int on_message_complete(http_parser *p)
{
    struct wsc_h1 *h = self(p);
    h->in_head = true;
    h->head_bytes = 0;
    h->line = 0;
    http_parser_pause(p, 1); /* so that the next head is scanned for its end */
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_status = on_status,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

struct wsc_h1 *wsc_h1_new(bool requests, size_t max_head, uint64_t offset,
                          const struct wsc_h1_ops *ops, void *ctx)
{
    struct wsc_h1 *h = wsc_calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    http_parser_init(&h->parser, requests ? HTTP_REQUEST : HTTP_RESPONSE);
    h->parser.data = h;
    h->ops = ops;
    h->ctx = ctx;
    h->max_head = max_head;
    h->offset = offset;
    h->in_head = true;
    h->item = WSC_HEAD_NONE;
    wsc_head_text_init(&h->text, max_head);
    return h;
}

void wsc_h1_free(struct wsc_h1 *h)
{
    if (h == NULL)
        return;
    wsc_head_text_clear(&h->text);
    wsc_free(h);
}

/* Bytes up to and with the next empty line, or all: a head that is complete then ends with the
 * chunk. */
static size_t to_empty_line(struct wsc_h1 *h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n') {
            bool empty = h->line != 0;
            h->line = 1;
            if (empty)
                return i + 1;
        } else if (!(p[i] == '\r' && h->line == 1)) {
            h->line = 0;
        }
    }
    return n;
}

static enum wsc_h1_status fail(struct wsc_h1 *h)
{
    h->failed = true;
    wsc_head_text_clear(&h->text);
    return WSC_H1_FAILED;
}

enum wsc_h1_status wsc_h1_feed(struct wsc_h1 *h, struct wsc_span data, size_t *taken)
{
    *taken = 0;
    if (h->failed)
        return WSC_H1_FAILED;
    while (*taken < data.len) {
        const uint8_t *p = data.ptr + *taken;
        size_t n = data.len - *taken;
        bool head = h->in_head;
        if (head)
            n = to_empty_line(h, p, n);
        h->chunk_end = h->offset + n;
        size_t parsed = http_parser_execute(&h->parser, &settings, (const char *)p, n);
        enum http_errno err = HTTP_PARSER_ERRNO(&h->parser);
        *taken += parsed;
        h->offset += parsed;
        if (h->stop)
            return WSC_H1_STOPPED;
        if (err == HPE_PAUSED)
            http_parser_pause(&h->parser, 0);
        else if (err != HPE_OK || parsed < n)
            return fail(h);
        if (head && h->in_head && (h->head_bytes += parsed) > h->max_head)
            return fail(h);
    }
    return WSC_H1_MORE;
}

bool wsc_h1_gap(struct wsc_h1 *h, uint64_t n)
{
    http_parser *p = &h->parser;
    bool known = !h->failed && !h->in_head && !(p->flags & F_CHUNKED);
    if (known && p->content_length == UINT64_MAX) {
        h->offset += n; /* a body that ends with the connection */
        return true;
    }
    if (!known || n > p->content_length) {
        (void)fail(h);
        return false;
    }
    h->offset += n;
    if (n < p->content_length) {
        p->content_length -= n;
        return true;
    }
    /* The gap ends with the body: let the parser see a last byte. */
    p->content_length = 1;
    size_t parsed = http_parser_execute(p, &settings, "x", 1);
    http_parser_pause(p, 0);
    return parsed == 1;
}

/* ---- sniffing ---- */

static bool begins(struct wsc_span d, const char *word)
{
    size_t n = strlen(word);
    if (n > d.len)
        n = d.len;
    return n > 0 && memcmp(d.ptr, word, n) == 0;
}

bool wsc_h1_looks_like_request(struct wsc_span data)
{
    static const char *const methods[] = {"GET ",    "POST ",   "PUT ",     "HEAD ",     "OPTIONS ",
                                          "DELETE ", "PATCH ",  "CONNECT ", "TRACE ",    "COPY ",
                                          "LOCK ",   "MKCOL ",  "MOVE ",    "PROPFIND ", "PURGE ",
                                          "REPORT ", "SEARCH ", "UNLOCK "};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (begins(data, methods[i]))
            return true;
    return false;
}

bool wsc_h1_looks_like_response(struct wsc_span data)
{
    return begins(data, "HTTP/1.");
}
