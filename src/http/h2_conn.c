#include "http/h2_conn.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "http/h2_block.h"
#include "http/h2_frame.h"
#include "http/h2_streams.h"

#include <string.h>

#define RST_LEN     4u
#define SETTING_LEN 6u
#define GOAWAY_LEN  8u

#define SETTINGS_MAX_FRAME_SIZE          0x5u /* RFC 9113 6.5.2 */
#define SETTINGS_ENABLE_CONNECT_PROTOCOL 0x8u /* RFC 8441 3 */

/* How far above the highest id that was seen another one is believed where frames are looked for.
 */
#define IDS_AHEAD (1u << 17)

/* One direction. */
struct lane {
    struct wsc_h2 *h;
    enum wsc_dir d;
    struct wsc_h2_framer framer;
    struct wsc_h2_block block;
    bool in_block;        /* CONTINUATION must follow */
    bool skip;            /* nothing of the frame under way is wanted */
    bool missing;         /* bytes of the frame under way are missing */
    uint8_t pad;          /* its padding */
    uint8_t have;         /* bytes in |small| */
    uint8_t small[8];     /* of RST_STREAM, SETTINGS, GOAWAY */
    struct wsc_buf debug; /* of GOAWAY */
};

struct wsc_h2 {
    struct lane lanes[2]; /* by enum wsc_dir */
    struct wsc_h2_streams streams;
    struct wsc_h2_ids ids;
    const struct wsc_h2_ops *ops;
    void *ctx;
    uint64_t refused;
    const struct lane *feeding; /* the direction whose bytes are being taken, or NULL */
    bool not_h2;
};

/* ---- streams ---- */

/* Asks whether |id| is wanted. */
static bool offer(struct wsc_h2 *h, uint32_t id, const struct wsc_h1_head *head, bool websocket)
{
    struct wsc_h2_stream *s = wsc_h2_streams_add(&h->streams, id);
    if (s == NULL) {
        h->refused += head == NULL || websocket;
        return false;
    }
    if (h->ops->on_request(h->ctx, id, head, websocket))
        return wsc_h2_streams_find(&h->streams, id) != NULL;
    wsc_h2_streams_remove(&h->streams, id);
    return false;
}

/* A wanted stream whose direction |d| has not ended, offering it if its request was not captured.
 */
static struct wsc_h2_stream *wanted(struct wsc_h2 *h, uint32_t id, enum wsc_dir d)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(&h->streams, id);
    if (s == NULL && wsc_h2_ids_undecided(&h->ids, id)) {
        wsc_h2_ids_decide(&h->ids, id, false);
        (void)offer(h, id, NULL, false);
        s = wsc_h2_streams_find(&h->streams, id);
    }
    return s != NULL && !s->ended[d] ? s : NULL;
}

static void end_stream(struct wsc_h2 *h, uint32_t id, enum wsc_dir d)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(&h->streams, id);
    if (s == NULL || s->ended[d])
        return;
    s->ended[d] = true;
    if (s->ended[WSC_DIR_C2S] && s->ended[WSC_DIR_S2C])
        wsc_h2_streams_remove(&h->streams, id);
    h->ops->on_end(h->ctx, id, d);
}

/* The other side may have sent more before it knew: its direction goes on. */
static void reset_stream(struct wsc_h2 *h, uint32_t id, enum wsc_dir d, uint32_t error)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(&h->streams, id);
    if (s == NULL || s->reset[d])
        return;
    s->reset[d] = s->ended[d] = true;
    if (s->ended[!d])
        wsc_h2_streams_remove(&h->streams, id);
    h->ops->on_reset(h->ctx, id, d, error);
}

/* ---- heads ---- */

static void take_request(struct wsc_h2 *h, const struct wsc_h2_block *b,
                         const struct wsc_h1_head *head)
{
    enum wsc_h2_asks asks = wsc_h2_block_asks(b);
    struct wsc_h2_stream *s = wsc_h2_streams_find(&h->streams, b->stream);
    bool fresh = b->stream > h->ids.highest || wsc_h2_ids_undecided(&h->ids, b->stream);
    /* The answer to a stream that ends with its request cannot be a WebSocket's. */
    if (s == NULL && asks == WSC_H2_ASKS_UNKNOWN && b->end_stream)
        asks = WSC_H2_ASKS_NOTHING;
    if (s == NULL && fresh && b->stream % 2 != 0) {
        wsc_h2_ids_decide(&h->ids, b->stream, asks != WSC_H2_ASKS_NOTHING);
        if (asks != WSC_H2_ASKS_NOTHING)
            (void)offer(h, b->stream, asks == WSC_H2_ASKS_UNKNOWN ? NULL : head,
                        asks == WSC_H2_ASKS_WEBSOCKET);
    }
}

static void take_answer(struct wsc_h2 *h, const struct wsc_h2_block *b,
                        const struct wsc_h1_head *head)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(&h->streams, b->stream);
    bool fresh = b->stream % 2 != 0 &&
                 (b->stream > h->ids.highest || wsc_h2_ids_undecided(&h->ids, b->stream));
    if (s == NULL && fresh) {
        wsc_h2_ids_decide(&h->ids, b->stream, false);
        /* Only an answer that may have opened a WebSocket is worth asking for. */
        if (!b->end_stream && (b->status == 0 ? wsc_h2_block_partial(b) : b->status == 200) &&
            offer(h, b->stream, NULL, false))
            s = wsc_h2_streams_find(&h->streams, b->stream);
    }
    if (s == NULL || s->ended[WSC_DIR_S2C])
        return;
    /* Trailers end the stream and have no status (RFC 9113 8.1). */
    bool answer = b->status != 0 || (wsc_h2_block_partial(b) && !(s->answered && b->end_stream));
    if (!answer)
        return;
    s->answered = s->answered || b->status == 0 || b->status >= 200;
    h->ops->on_response(h->ctx, b->stream, b->status != 0 ? head : NULL);
}

/* A header block is over, complete or not. */
static void finish_block(struct lane *l)
{
    struct wsc_h2 *h = l->h;
    struct wsc_h2_block *b = &l->block;
    l->in_block = false;
    wsc_h2_block_end(b);
    if (!b->push) {
        struct wsc_h1_head head;
        struct wsc_buf joined;
        wsc_h2_block_head(b, l->d == WSC_DIR_C2S, &head, &joined);
        if (l->d == WSC_DIR_C2S)
            take_request(h, b, &head);
        else
            take_answer(h, b, &head);
        wsc_buf_clear(&joined);
        if (b->end_stream)
            end_stream(h, b->stream, l->d);
    }
    wsc_h2_block_clear(b);
}

/* ---- frames ---- */

static void take_setting(struct lane *l)
{
    uint16_t id = wsc_be16(l->small);
    uint32_t value = wsc_be32(l->small + 2);
    struct wsc_h2_framer *other = &l->h->lanes[!l->d].framer;
    /* What a side says it takes is what the other may send, at once: to believe it early does no
     * harm. */
    if (id == SETTINGS_MAX_FRAME_SIZE && value > other->max_len && value <= WSC_H2_FRAME_CEILING)
        other->max_len = value;
    if (id == SETTINGS_ENABLE_CONNECT_PROTOCOL && value == 1)
        l->h->ops->on_connect_protocol(l->h->ctx, l->d);
}

/* Bytes of a frame that is a few numbers: collects |want| of them. True when they are complete. */
static bool collect(struct lane *l, struct wsc_span *piece, uint8_t want)
{
    size_t take = (size_t)(want - l->have);
    if (take > piece->len)
        take = piece->len;
    memcpy(l->small + l->have, piece->ptr, take);
    l->have = (uint8_t)(l->have + take);
    piece->ptr += take;
    piece->len -= take;
    return l->have == want;
}

static void take_settings(struct lane *l, uint32_t at, struct wsc_span piece)
{
    /* After a gap: from the next setting on. */
    if (l->missing && l->have == 0 && at % SETTING_LEN != 0) {
        size_t skip = SETTING_LEN - at % SETTING_LEN;
        if (skip > piece.len)
            skip = piece.len;
        piece.ptr += skip;
        piece.len -= skip;
    }
    while (piece.len > 0 && collect(l, &piece, SETTING_LEN)) {
        take_setting(l);
        l->have = 0;
    }
}

static void take_goaway(struct lane *l, struct wsc_span piece)
{
    if (l->missing || !collect(l, &piece, GOAWAY_LEN))
        return;
    size_t room = WSC_H2_DEBUG_KEPT - l->debug.len;
    /* Without memory the debug data is cut. */
    (void)!wsc_buf_append(&l->debug, piece.ptr, piece.len < room ? piece.len : room);
}

static void end_goaway(struct lane *l)
{
    struct wsc_span debug = {.ptr = l->debug.len > 0 ? l->debug.data : l->small,
                             .len = l->debug.len};
    if (l->have == GOAWAY_LEN)
        l->h->ops->on_goaway(l->h->ctx, l->d, wsc_be32(l->small) & UINT32_C(0x7fffffff),
                             wsc_be32(l->small + 4), debug);
    wsc_buf_clear(&l->debug);
}

static void take_data(struct lane *l, uint32_t id, struct wsc_span piece)
{
    struct wsc_h2_stream *s = wanted(l->h, id, l->d);
    if (s == NULL) {
        l->skip = true;
        return;
    }
    uint64_t off = s->off[l->d];
    s->off[l->d] += piece.len;
    l->h->ops->on_data(l->h->ctx, id, l->d, off, piece);
}

static void miss_data(struct lane *l, uint32_t id, uint32_t n)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(&l->h->streams, id);
    if (s == NULL || s->ended[l->d])
        return;
    uint64_t off = s->off[l->d];
    s->off[l->d] += n;
    l->h->ops->on_gap(l->h->ctx, id, l->d, off, n);
}

static bool is_padded(const struct wsc_h2_frame *f)
{
    return (f->flags & WSC_H2_PADDED) &&
           (f->type == WSC_H2_DATA || f->type == WSC_H2_HEADERS || f->type == WSC_H2_PUSH_PROMISE);
}

/* The part of [|at|, |at| + |n|) that is neither padding nor what stands before the content
 * (RFC 9113 6.1, 6.2, 6.6): |*at| moves to its start, its length is returned. */
static uint32_t content(const struct lane *l, const struct wsc_h2_frame *f, uint32_t *at,
                        uint32_t n)
{
    uint32_t before = is_padded(f);
    if (f->type == WSC_H2_HEADERS && (f->flags & WSC_H2_PRIO))
        before += 5;
    if (f->type == WSC_H2_PUSH_PROMISE)
        before += 4;
    uint32_t end = f->len > l->pad ? f->len - l->pad : 0;
    uint32_t from = *at > before ? *at : before, to = *at + n < end ? *at + n : end;
    *at = from;
    return to > from ? to - from : 0;
}

static void on_frame(void *ctx, const struct wsc_h2_frame *f)
{
    struct lane *l = ctx;
    l->have = l->pad = 0;
    l->skip = l->missing = false;
    bool goes_on = l->in_block && f->type == WSC_H2_CONTINUATION && f->stream == l->block.stream;
    if (l->in_block && !goes_on) {
        wsc_h2_block_lose(&l->block);
        finish_block(l);
    }
    switch (f->type) {
    case WSC_H2_HEADERS:
    case WSC_H2_PUSH_PROMISE:
        l->in_block = true;
        wsc_h2_block_begin(&l->block, f->stream, f->type == WSC_H2_PUSH_PROMISE,
                           f->type == WSC_H2_HEADERS && (f->flags & WSC_H2_END_STREAM));
        break;
    case WSC_H2_CONTINUATION:
        if (!goes_on)
            wsc_h2_block_lose(&l->block); /* of a block whose begin was not captured */
        l->skip = !goes_on;
        break;
    case WSC_H2_DATA:
        l->skip = wsc_h2_streams_find(&l->h->streams, f->stream) == NULL &&
                  !wsc_h2_ids_undecided(&l->h->ids, f->stream);
        break;
    case WSC_H2_RST_STREAM:
    case WSC_H2_SETTINGS:
    case WSC_H2_GOAWAY:
        break;
    default:
        l->skip = true;
    }
}

static void on_payload(void *ctx, const struct wsc_h2_frame *f, uint32_t at, struct wsc_span piece)
{
    struct lane *l = ctx;
    if (l->skip)
        return;
    if (at == 0 && is_padded(f))
        l->pad = piece.ptr[0];
    uint32_t from = at, n = content(l, f, &from, (uint32_t)piece.len);
    struct wsc_span inner = {.ptr = piece.ptr + (n > 0 ? from - at : 0), .len = n};
    switch (f->type) {
    case WSC_H2_HEADERS:
    case WSC_H2_PUSH_PROMISE:
    case WSC_H2_CONTINUATION:
        if (n > 0)
            wsc_h2_block_feed(&l->block, inner);
        break;
    case WSC_H2_DATA:
        if (n > 0)
            take_data(l, f->stream, inner);
        break;
    case WSC_H2_RST_STREAM:
        if (!l->missing)
            (void)collect(l, &piece, RST_LEN);
        break;
    case WSC_H2_SETTINGS:
        take_settings(l, at, piece);
        break;
    case WSC_H2_GOAWAY:
        take_goaway(l, piece);
        break;
    }
}

static void on_missing(void *ctx, const struct wsc_h2_frame *f, uint32_t at, uint32_t n)
{
    struct lane *l = ctx;
    if (l->skip)
        return;
    l->missing = true;
    if (at == 0 && is_padded(f) && f->type == WSC_H2_DATA && f->len > 1) {
        /* How much is padding is missing too: nobody can say how much data. */
        l->skip = true;
        l->h->ops->on_lost(l->h->ctx, l->d);
        return;
    }
    uint32_t from = at, inner = content(l, f, &from, n);
    switch (f->type) {
    case WSC_H2_HEADERS:
    case WSC_H2_PUSH_PROMISE:
    case WSC_H2_CONTINUATION:
        if (inner > 0 || at == 0)
            wsc_h2_block_lose(&l->block);
        break;
    case WSC_H2_DATA:
        if (inner > 0)
            miss_data(l, f->stream, inner);
        break;
    case WSC_H2_SETTINGS:
        l->have = 0;
        break;
    default:
        break;
    }
}

static void on_frame_end(void *ctx, const struct wsc_h2_frame *f)
{
    struct lane *l = ctx;
    switch (f->type) {
    case WSC_H2_HEADERS:
    case WSC_H2_PUSH_PROMISE:
    case WSC_H2_CONTINUATION:
        if (l->in_block && (f->flags & WSC_H2_END_HEADERS))
            finish_block(l);
        break;
    case WSC_H2_DATA:
        if (f->flags & WSC_H2_END_STREAM)
            end_stream(l->h, f->stream, l->d);
        break;
    case WSC_H2_RST_STREAM:
        reset_stream(l->h, f->stream, l->d,
                     l->have == RST_LEN ? wsc_be32(l->small) : WSC_H2_ERROR_UNKNOWN);
        break;
    case WSC_H2_GOAWAY:
        end_goaway(l);
        break;
    default:
        break;
    }
}

static void on_lost(void *ctx)
{
    struct lane *l = ctx;
    wsc_h2_block_lose(&l->block);
    if (l->in_block)
        finish_block(l);
    wsc_buf_clear(&l->debug);
    if (l->d == WSC_DIR_C2S)
        wsc_h2_ids_lost(&l->h->ids);
    l->h->ops->on_lost(l->h->ctx, l->d);
}

static enum wsc_h2_stream_is stream_is(void *ctx, uint32_t stream)
{
    const struct lane *l = ctx;
    const struct wsc_h2 *h = l->h;
    if (wsc_h2_streams_find(&h->streams, stream) != NULL)
        return WSC_H2_LIVE;
    if (stream % 2 == 0)
        return WSC_H2_IMPOSSIBLE; /* pushed: nobody does */
    if (h->ids.highest == 0 || stream < h->ids.highest)
        return WSC_H2_POSSIBLE;
    return stream - h->ids.highest < IDS_AHEAD ? WSC_H2_POSSIBLE : WSC_H2_IMPOSSIBLE;
}

static size_t live(void *ctx)
{
    const struct lane *l = ctx;
    return l->h->streams.used;
}

static const struct wsc_h2_frame_ops frame_ops = {
    .on_frame = on_frame,
    .on_payload = on_payload,
    .on_missing = on_missing,
    .on_frame_end = on_frame_end,
    .on_lost = on_lost,
    .stream_is = stream_is,
    .live = live,
};

/* ---- the connection ---- */

struct wsc_h2 *wsc_h2_new(const struct wsc_h2_options *opt, const struct wsc_h2_ops *ops, void *ctx)
{
    struct wsc_h2 *h = wsc_calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    h->ops = ops;
    h->ctx = ctx;
    wsc_h2_streams_init(&h->streams, opt->max_streams);
    h->ids.open = !opt->begins[WSC_DIR_C2S];
    h->ids.highest = opt->upgraded ? 1 : 0;
    for (unsigned d = 0; d < 2; d++) {
        struct lane *l = &h->lanes[d];
        l->h = h;
        l->d = (enum wsc_dir)d;
        wsc_h2_framer_init(&l->framer, l->d, opt->begins[d]);
        wsc_h2_block_init(&l->block, opt->max_head, !opt->begins[d]);
        wsc_buf_init(&l->debug, WSC_H2_DEBUG_KEPT);
    }
    return h;
}

void wsc_h2_free(struct wsc_h2 *h)
{
    if (h == NULL)
        return;
    for (unsigned d = 0; d < 2; d++) {
        wsc_h2_framer_clear(&h->lanes[d].framer);
        wsc_h2_block_free(&h->lanes[d].block);
        wsc_buf_clear(&h->lanes[d].debug);
    }
    wsc_h2_streams_clear(&h->streams);
    wsc_free(h);
}

bool wsc_h2_feed(struct wsc_h2 *h, enum wsc_dir d, struct wsc_span data)
{
    struct lane *l = &h->lanes[d];
    if (h->not_h2)
        return false;
    h->feeding = l;
    h->not_h2 = !wsc_h2_framer_feed(&l->framer, data, &frame_ops, l);
    h->feeding = NULL;
    return !h->not_h2;
}

const uint8_t *wsc_h2_here(const struct wsc_h2 *h)
{
    return h->feeding != NULL ? h->feeding->framer.here : NULL;
}

void wsc_h2_gap(struct wsc_h2 *h, enum wsc_dir d, uint64_t n)
{
    if (!h->not_h2)
        wsc_h2_framer_gap(&h->lanes[d].framer, n, &frame_ops, &h->lanes[d]);
}

bool wsc_h2_lost(const struct wsc_h2 *h, enum wsc_dir d)
{
    return h->lanes[d].framer.state == WSC_H2_LOOKING;
}

void wsc_h2_drop(struct wsc_h2 *h, uint32_t stream)
{
    wsc_h2_streams_remove(&h->streams, stream);
}

size_t wsc_h2_held(const struct wsc_h2 *h)
{
    size_t held = sizeof(*h) + h->streams.cap * sizeof(*h->streams.slots);
    for (unsigned d = 0; d < 2; d++)
        held += wsc_h2_framer_held(&h->lanes[d].framer) + wsc_h2_block_held(&h->lanes[d].block) +
                h->lanes[d].debug.cap;
    return held;
}

uint64_t wsc_h2_refused(const struct wsc_h2 *h)
{
    return h->refused;
}

/* ---- names and looks ---- */

bool wsc_h2_looks_like_preface(struct wsc_span data)
{
    size_t n = data.len < WSC_H2_PREFACE_LEN ? data.len : WSC_H2_PREFACE_LEN;
    return n > 0 && memcmp(data.ptr, WSC_H2_PREFACE, n) == 0;
}

bool wsc_h2_looks_like_settings(struct wsc_span data)
{
    if (data.len < WSC_H2_HEADER_LEN)
        return false;
    struct wsc_h2_frame f = wsc_h2_frame_parse(data.ptr);
    return f.type == WSC_H2_SETTINGS && !(f.flags & WSC_H2_ACK) &&
           wsc_h2_frame_plausible(&f, WSC_DIR_S2C, WSC_H2_FRAME_MAX);
}

const char *wsc_h2_error_name(uint32_t error)
{
    static const char *const names[] = {
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    };
    return error < sizeof(names) / sizeof(names[0]) ? names[error] : NULL;
}
