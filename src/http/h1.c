#include "http/h1.h"

#include "base/alloc.h"
#include "http/h1_head.h"

enum step {
    HEAD,
    BODY,        /* |left| bytes of it to come */
    UNTIL_CLOSE, /* a body that ends with the connection */
    /* RFC 9112 7.1 */
    CHUNK_SIZE,
    CHUNK_EXT,
    CHUNK_SIZE_LF,
    CHUNK_DATA, /* |left| bytes of it to come */
    CHUNK_CR,
    CHUNK_LF,
    TRAILERS,
    FAILED
};

/* What a body needs is in the first cache line. */
struct wsc_h1 {
    uint64_t offset; /* of the next byte */
    uint64_t left;
    enum step step;
    const struct wsc_h1_ops *ops;
    void *ctx;
    struct wsc_h1_shared *sh;
    struct wsc_buf held; /* of a head that did not come whole: its bytes so far */
    size_t extra;        /* bytes of a chunk's first line */
    struct wsc_h1_scan scan;
};

void wsc_h1_shared_init(struct wsc_h1_shared *sh, size_t max_held)
{
    *sh = (struct wsc_h1_shared){.max_held = max_held};
    wsc_pool_init(&sh->pool, sizeof(struct wsc_h1), 64);
}

void wsc_h1_shared_clear(struct wsc_h1_shared *sh)
{
    wsc_pool_clear(&sh->pool);
}

struct wsc_h1 *wsc_h1_new(struct wsc_h1_shared *sh, bool requests, size_t max_head, uint64_t offset,
                          const struct wsc_h1_ops *ops, void *ctx)
{
    struct wsc_h1 *h = wsc_pool_get(&sh->pool);
    if (h == NULL)
        return NULL;
    h->sh = sh;
    h->ops = ops;
    h->ctx = ctx;
    h->offset = offset;
    h->left = 0;
    h->extra = 0;
    h->step = HEAD;
    wsc_buf_init(&h->held, max_head);
    wsc_h1_scan_init(&h->scan, requests);
    return h;
}

static void drop_held(struct wsc_h1 *h)
{
    h->sh->held -= h->held.len;
    wsc_buf_clear(&h->held);
}

static bool hold(struct wsc_h1 *h, struct wsc_span s)
{
    if (s.len > h->sh->max_held - h->sh->held || !wsc_buf_append(&h->held, s.ptr, s.len))
        return false;
    h->sh->held += s.len;
    return true;
}

void wsc_h1_free(struct wsc_h1 *h)
{
    if (h == NULL)
        return;
    drop_held(h);
    wsc_pool_put(&h->sh->pool, h);
}

static enum wsc_h1_status fail(struct wsc_h1 *h)
{
    h->step = FAILED;
    drop_held(h);
    return WSC_H1_FAILED;
}

static void end_message(struct wsc_h1 *h)
{
    h->step = HEAD;
    wsc_h1_scan_init(&h->scan, h->scan.requests);
}

/* ---- heads ---- */

/* What follows a head (RFC 9112 6.3). */
static void begin_body(struct wsc_h1 *h, enum wsc_h1_next next)
{
    const struct wsc_h1_scan *s = &h->scan;
    bool none = next == WSC_H1_NO_BODY ||
                (!s->requests && (s->status < 200 || s->status == 204 || s->status == 304));
    h->left = s->coded ? 0 : s->content_length;
    h->extra = 0;
    if (!none && s->chunked)
        h->step = CHUNK_SIZE;
    else if (!none && s->has_length && h->left > 0)
        h->step = BODY;
    else if (!none && s->requests && s->coded)
        h->step = FAILED; /* where it ends, nobody can say */
    else if (!none && (s->coded || !s->has_length) && !s->requests)
        h->step = UNTIL_CLOSE;
    else
        end_message(h);
}

static enum wsc_h1_status take_head(struct wsc_h1 *h, const uint8_t *at)
{
    if (h->step == TRAILERS) {
        drop_held(h);
        end_message(h);
        return WSC_H1_MORE;
    }
    struct wsc_h1_head head;
    uint8_t *joined;
    if (!wsc_h1_scan_take(&h->scan, at, &head, &joined))
        return fail(h);
    enum wsc_h1_next next = h->ops->on_head(h->ctx, &head, h->offset);
    wsc_free(joined);
    drop_held(h);
    if (next == WSC_H1_STOP)
        return WSC_H1_STOPPED;
    begin_body(h, next);
    return h->step != FAILED ? WSC_H1_MORE : WSC_H1_FAILED;
}

/* A head that is whole in |data| is read where it lies, one that is not from a copy. */
static enum wsc_h1_status feed_head(struct wsc_h1 *h, struct wsc_span data, size_t *taken)
{
    size_t before = h->held.len, room = h->held.max - before;
    struct wsc_span all = {.ptr = data.ptr, .len = data.len < room ? data.len : room};
    if (before > 0 && !hold(h, all))
        return fail(h);
    if (before > 0)
        all = (struct wsc_span){.ptr = h->held.data, .len = h->held.len};
    enum wsc_h1_scanned r = wsc_h1_scan(&h->scan, all.ptr, all.len);
    if (r == WSC_H1_SCAN_BAD || (r == WSC_H1_SCAN_MORE && all.len == h->held.max))
        return fail(h);
    *taken = (r == WSC_H1_SCAN_MORE ? all.len : h->scan.at) - before;
    h->offset += *taken;
    if (r == WSC_H1_SCAN_DONE)
        return take_head(h, all.ptr);
    return before > 0 || hold(h, all) ? WSC_H1_MORE : fail(h);
}

/* ---- bodies ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* |h->left| is the size so far. */
static enum step chunk_size(struct wsc_h1 *h, uint8_t c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        h->left = h->left << 4 | (unsigned)digit;
        return h->left >> 60 == 0 ? CHUNK_SIZE : FAILED;
    }
    if (h->extra == 1)
        return FAILED; /* no digit at all */
    return c == '\r' ? CHUNK_SIZE_LF : c == ';' || c == ' ' || c == '\t' ? CHUNK_EXT : FAILED;
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* One byte of what frames chunks; returns what comes next. */
static enum step chunk_byte(struct wsc_h1 *h, uint8_t c)
{
    switch (h->step) {
    case CHUNK_SIZE:
        return chunk_size(h, c);
    case CHUNK_EXT:
        return c == '\r' ? CHUNK_SIZE_LF : is_control(c) ? FAILED : CHUNK_EXT;
    case CHUNK_SIZE_LF:
        return c != '\n' ? FAILED : h->left > 0 ? CHUNK_DATA : TRAILERS;
    case CHUNK_CR:
        return c == '\r' ? CHUNK_LF : FAILED;
    case CHUNK_LF:
        return c == '\n' ? CHUNK_SIZE : FAILED;
    default:
        return FAILED;
    }
}

static enum wsc_h1_status feed_chunked(struct wsc_h1 *h, uint8_t c)
{
    if (++h->extra > h->held.max)
        return fail(h);
    enum step now = h->step;
    h->step = chunk_byte(h, c);
    h->offset++;
    if (h->step == CHUNK_SIZE && now == CHUNK_LF)
        h->extra = 0;
    else if (h->step == FAILED)
        return fail(h);
    else if (h->step == TRAILERS)
        wsc_h1_scan_init_trailers(&h->scan, h->scan.requests);
    return WSC_H1_MORE;
}

/* Bytes of a body that nobody looks at; |n| is no more than there are. */
static void skip_body(struct wsc_h1 *h, uint64_t n)
{
    h->offset += n;
    if (h->step == UNTIL_CLOSE)
        return;
    h->left -= n;
    if (h->left == 0 && h->step == CHUNK_DATA)
        h->step = CHUNK_CR;
    else if (h->left == 0)
        end_message(h);
}

enum wsc_h1_status wsc_h1_feed(struct wsc_h1 *h, struct wsc_span data, size_t *taken)
{
    enum wsc_h1_status status = h->step != FAILED ? WSC_H1_MORE : WSC_H1_FAILED;
    for (*taken = 0; *taken < data.len && status == WSC_H1_MORE;) {
        struct wsc_span rest = {.ptr = data.ptr + *taken, .len = data.len - *taken};
        size_t n = rest.len;
        if (h->step == HEAD || h->step == TRAILERS) {
            status = feed_head(h, rest, &n);
        } else if (h->step == BODY || h->step == CHUNK_DATA || h->step == UNTIL_CLOSE) {
            n = h->step != UNTIL_CLOSE && n > h->left ? (size_t)h->left : n;
            skip_body(h, n);
        } else {
            n = 1;
            status = feed_chunked(h, *rest.ptr);
        }
        *taken += status == WSC_H1_FAILED ? 0 : n;
    }
    return status;
}

bool wsc_h1_gap(struct wsc_h1 *h, uint64_t n)
{
    if (h->step != UNTIL_CLOSE && (h->step != BODY || n > h->left)) {
        (void)fail(h);
        return false;
    }
    skip_body(h, n);
    return true;
}

bool wsc_h1_within_head(const struct wsc_h1 *h)
{
    return h->step == HEAD && h->held.len > 0;
}
