#include "ws/ws_decoder.h"

#include "base/bytes.h"

#include <string.h>

enum flag {
    FROM_CLIENT = 1 << 0,
    MESSAGE_OPEN = 1 << 1,   /* a fragmented message has begun */
    MESSAGE_UNSURE = 1 << 2, /* after a resync: whether one has begun is not known */
    MISSING = 1 << 3,        /* bytes of this payload were not captured */
    CLOSED = 1 << 4,         /* this side sent a Close */
    AFTER_CLOSE = 1 << 5,    /* frames after it were reported */
    EXT_DEFLATE = 1 << 6,
    EXT_UNKNOWN = 1 << 7,
    PEEK = 1 << 8 /* the leading bytes of messages are wanted */
};

#define FIN_BIT     0x80u
#define RSV_MASK    0x70u
#define RSV1        0x4u
#define OPCODE_MASK 0x0fu
#define MASK_BIT    0x80u
#define LENGTH_MASK 0x7fu
#define CONTROL_BIT 0x8u

void wsc_ws_decoder_init(struct wsc_ws_decoder *d, enum wsc_dir sender,
                         enum wsc_ws_extensions extensions, uint64_t offset)
{
    *d = (struct wsc_ws_decoder){.offset = offset, .state = WSC_WS_HEADER};
    if (sender == WSC_DIR_C2S)
        d->flags |= FROM_CLIENT;
    wsc_ws_decoder_extensions(d, extensions);
}

void wsc_ws_decoder_extensions(struct wsc_ws_decoder *d, enum wsc_ws_extensions extensions)
{
    d->flags &= (uint16_t) ~(EXT_DEFLATE | EXT_UNKNOWN);
    if (extensions == WSC_WS_EXT_DEFLATE)
        d->flags |= EXT_DEFLATE;
    if (extensions == WSC_WS_EXT_UNKNOWN)
        d->flags |= EXT_UNKNOWN;
}

void wsc_ws_decoder_peek(struct wsc_ws_decoder *d, bool wanted)
{
    if (wanted)
        d->flags |= PEEK;
    else
        d->flags &= (uint16_t)~PEEK;
}

/* Length of a header by its second byte (RFC 6455 5.2). */
static size_t header_len(uint8_t second)
{
    uint8_t len = second & LENGTH_MASK;
    return 2u + (len == 126 ? 2u : len == 127 ? 8u : 0u) + ((second & MASK_BIT) ? 4u : 0u);
}

/* |h| is a whole header that starts at |start|; |*mask| receives the place of the masking key, if
 * there is one. */
static struct wsc_ws_frame parse_header(const uint8_t *h, uint64_t start, const uint8_t **mask)
{
    uint8_t len = h[1] & LENGTH_MASK;
    struct wsc_ws_frame f = {.start = start,
                             .fin = (h[0] & FIN_BIT) != 0,
                             .rsv = (uint8_t)((h[0] & RSV_MASK) >> 4),
                             .opcode = h[0] & OPCODE_MASK,
                             .masked = (h[1] & MASK_BIT) != 0,
                             .payload_len = len};
    const uint8_t *after = h + 2;
    if (len == 126) {
        f.payload_len = wsc_be16(after);
        after += 2;
    } else if (len == 127) {
        f.payload_len = wsc_be64(after);
        after += 8;
        /* By its own word everything that follows is this frame's payload. */
        if (f.payload_len > INT64_MAX)
            f.payload_len = INT64_MAX;
    }
    *mask = f.masked ? after : NULL;
    return f;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & CONTROL_BIT) != 0;
}

static bool is_reserved(uint8_t opcode)
{
    return (opcode >= 0x3 && opcode <= 0x7) || opcode >= 0xb;
}

/* ---- rules ---- */

static bool rsv_legal(const struct wsc_ws_decoder *d, const struct wsc_ws_frame *f)
{
    if (f->rsv == 0)
        return true;
    if (is_control(f->opcode))
        return false;
    if (d->flags & EXT_UNKNOWN)
        return true;
    /* RFC 7692 6: RSV1 on the first frame of a message only. */
    return (d->flags & EXT_DEFLATE) && f->rsv == RSV1 && f->opcode != WSC_WS_CONTINUATION;
}

static bool length_minimal(uint8_t len7, uint64_t len)
{
    return !(len7 == 126 && len < 126) && !(len7 == 127 && len <= 0xffff);
}

static bool sequence_legal(const struct wsc_ws_decoder *d, const struct wsc_ws_frame *f)
{
    if (is_control(f->opcode) || (d->flags & MESSAGE_UNSURE))
        return true;
    bool open = (d->flags & MESSAGE_OPEN) != 0;
    return open == (f->opcode == WSC_WS_CONTINUATION);
}

static void report(const struct wsc_ws_ops *ops, void *ctx, bool broken, enum wsc_rule rule)
{
    if (broken && ops->on_violation != NULL)
        ops->on_violation(ctx, rule);
}

static void check_rules(struct wsc_ws_decoder *d, const struct wsc_ws_frame *f, uint8_t len7,
                        const struct wsc_ws_ops *ops, void *ctx)
{
    bool client = (d->flags & FROM_CLIENT) != 0, control = is_control(f->opcode),
         reserved = is_reserved(f->opcode);
    report(ops, ctx, client && !f->masked, WSC_RULE_UNMASKED_CLIENT_FRAME);
    report(ops, ctx, !client && f->masked, WSC_RULE_MASKED_SERVER_FRAME);
    report(ops, ctx, reserved, WSC_RULE_RESERVED_OPCODE);
    report(ops, ctx, !rsv_legal(d, f), WSC_RULE_RESERVED_BITS);
    report(ops, ctx, control && !f->fin, WSC_RULE_FRAGMENTED_CONTROL);
    report(ops, ctx, control && f->payload_len > WSC_WS_CONTROL_MAX, WSC_RULE_CONTROL_TOO_LONG);
    report(ops, ctx, !reserved && !sequence_legal(d, f), WSC_RULE_UNEXPECTED_CONTINUATION);
    report(ops, ctx, !length_minimal(len7, f->payload_len), WSC_RULE_LENGTH_NOT_MINIMAL);
    if ((d->flags & CLOSED) && !(d->flags & AFTER_CLOSE)) {
        d->flags |= AFTER_CLOSE;
        report(ops, ctx, true, WSC_RULE_FRAME_AFTER_CLOSE);
    }
}

/* ---- frames ---- */

static void lose(struct wsc_ws_decoder *d, uint64_t at, const struct wsc_ws_ops *ops, void *ctx)
{
    d->state = WSC_WS_LOST;
    d->have = 0;
    wsc_ws_decoder_clear(d, ops, ctx);
    if (ops->on_lost != NULL)
        ops->on_lost(ctx, at);
}

static struct wsc_ws_frame current_frame(const struct wsc_ws_decoder *d, const uint8_t **mask)
{
    struct wsc_ws_frame f = parse_header(d->header, 0, mask);
    f.start = d->offset - (f.payload_len - d->left) - header_len(d->header[1]);
    return f;
}

static void note_message(struct wsc_ws_decoder *d, const struct wsc_ws_frame *f)
{
    if (is_control(f->opcode) || is_reserved(f->opcode))
        return;
    if (f->fin)
        d->flags &= (uint16_t) ~(MESSAGE_OPEN | MESSAGE_UNSURE);
    else
        d->flags |= MESSAGE_OPEN;
}

/* The first frame of a message whose leading bytes are wanted and can be read. */
static bool peeked(const struct wsc_ws_decoder *d, const struct wsc_ws_frame *f)
{
    return (d->flags & PEEK) && (f->opcode == WSC_WS_TEXT || f->opcode == WSC_WS_BINARY) &&
           f->rsv == 0;
}

static bool keeps_payload(const struct wsc_ws_decoder *d, const struct wsc_ws_frame *f)
{
    return f->opcode == WSC_WS_CLOSE || f->opcode == WSC_WS_PING || f->opcode == WSC_WS_PONG ||
           peeked(d, f);
}

/* The payload is complete. |payload|: kept bytes of it, unmasked. */
static void end_frame(struct wsc_ws_decoder *d, const struct wsc_ws_frame *f,
                      struct wsc_span payload, const struct wsc_ws_ops *ops, void *ctx)
{
    bool missing = (d->flags & MISSING) != 0;
    d->state = WSC_WS_HEADER;
    d->have = 0;
    d->flags &= (uint16_t)~MISSING;
    if (f->opcode == WSC_WS_CLOSE)
        d->flags |= CLOSED;
    note_message(d, f);
    if (is_control(f->opcode) && !is_reserved(f->opcode)) {
        if (ops->on_control != NULL)
            ops->on_control(ctx, f, payload, missing);
    } else {
        if (peeked(d, f) && ops->on_peek != NULL)
            ops->on_peek(ctx, f, payload);
        if (ops->on_frame_end != NULL)
            ops->on_frame_end(ctx, f, missing);
    }
    wsc_ws_decoder_clear(d, ops, ctx);
}

/* Unmasks |n| bytes that stand at |at| in the payload. */
static void unmask(uint8_t *out, const uint8_t *in, size_t n, const uint8_t *mask, size_t at)
{
    for (size_t i = 0; i < n; i++)
        out[i] = mask != NULL ? in[i] ^ mask[(at + i) & 3] : in[i];
}

/* Keeps the leading bytes of a payload that comes in pieces. */
static void keep(struct wsc_ws_decoder *d, const struct wsc_ws_ops *ops, void *ctx,
                 const uint8_t *p, size_t n)
{
    const uint8_t *mask;
    struct wsc_ws_frame f = current_frame(d, &mask);
    uint64_t at = f.payload_len - d->left;
    if (!keeps_payload(d, &f) || at != d->kept || at >= WSC_WS_CONTROL_KEPT)
        return; /* over the ceiling, or bytes before these are missing */
    if (d->scratch == NULL && ops->borrow != NULL)
        d->scratch = ops->borrow(ctx);
    if (d->scratch == NULL)
        return;
    size_t room = WSC_WS_CONTROL_KEPT - d->kept;
    size_t take = n < room ? n : room;
    unmask(d->scratch + d->kept, p, take, mask, d->kept);
    d->kept = (uint8_t)(d->kept + take);
}

static void finish_payload(struct wsc_ws_decoder *d, const struct wsc_ws_ops *ops, void *ctx)
{
    const uint8_t *mask;
    struct wsc_ws_frame f = current_frame(d, &mask);
    end_frame(d, &f, (struct wsc_span){.ptr = d->scratch, .len = d->kept}, ops, ctx);
}

static size_t take_payload(struct wsc_ws_decoder *d, const uint8_t *p, size_t n,
                           const struct wsc_ws_ops *ops, void *ctx)
{
    size_t take = n < d->left ? n : (size_t)d->left;
    if ((d->header[0] & CONTROL_BIT) || (d->flags & PEEK))
        keep(d, ops, ctx, p, take);
    d->offset += take;
    d->left -= take;
    if (d->left == 0)
        finish_payload(d, ops, ctx);
    return take;
}

/* A frame whose payload is kept and all at hand: no scratch is needed. Returns the bytes taken. */
static size_t take_whole(struct wsc_ws_decoder *d, const struct wsc_ws_frame *f,
                         const uint8_t *mask, const uint8_t *p, const struct wsc_ws_ops *ops,
                         void *ctx)
{
    uint8_t body[WSC_WS_CONTROL_KEPT];
    size_t len = (size_t)f->payload_len, kept = len < sizeof(body) ? len : sizeof(body);
    unmask(body, p, kept, mask, 0);
    d->offset += len;
    d->left = 0;
    end_frame(d, f, (struct wsc_span){.ptr = body, .len = kept}, ops, ctx);
    return len;
}

/* |h| is a whole header, already taken; |p|, |n| what follows it. Returns how much of that was
 * taken. */
static size_t begin_frame(struct wsc_ws_decoder *d, const uint8_t *h, const uint8_t *p, size_t n,
                          const struct wsc_ws_ops *ops, void *ctx)
{
    size_t hlen = header_len(h[1]);
    const uint8_t *mask;
    struct wsc_ws_frame f = parse_header(h, d->offset - hlen, &mask);
    bool high_bit = (h[1] & LENGTH_MASK) == 127 && (h[2] & 0x80) != 0;
    if (ops->on_frame != NULL)
        ops->on_frame(ctx, &f);
    report(ops, ctx, high_bit, WSC_RULE_LENGTH_HIGH_BIT);
    check_rules(d, &f, h[1] & LENGTH_MASK, ops, ctx);
    d->left = f.payload_len;
    d->kept = 0;
    if (keeps_payload(d, &f) && f.payload_len <= n)
        return take_whole(d, &f, mask, p, ops, ctx);
    if (f.payload_len == 0) {
        end_frame(d, &f, (struct wsc_span){0}, ops, ctx);
        return 0;
    }
    if (h != d->header)
        memcpy(d->header, h, hlen);
    d->have = (uint8_t)hlen;
    d->state = WSC_WS_PAYLOAD;
    return 0;
}

static size_t take_header(struct wsc_ws_decoder *d, const uint8_t *p, size_t n,
                          const struct wsc_ws_ops *ops, void *ctx)
{
    if (d->have == 0) {
        if (ops->on_start != NULL)
            ops->on_start(ctx, d->offset);
        if (n >= 2 && n >= header_len(p[1])) {
            size_t hlen = header_len(p[1]);
            d->offset += hlen;
            return hlen + begin_frame(d, p, p + hlen, n - hlen, ops, ctx);
        }
    }
    size_t taken = 0;
    while (taken < n && (d->have < 2 || d->have < header_len(d->header[1])))
        d->header[d->have++] = p[taken++];
    d->offset += taken;
    if (d->have < 2 || d->have < header_len(d->header[1]))
        return taken;
    return taken + begin_frame(d, d->header, p + taken, n - taken, ops, ctx);
}

void wsc_ws_decoder_feed(struct wsc_ws_decoder *d, struct wsc_span data,
                         const struct wsc_ws_ops *ops, void *ctx)
{
    const uint8_t *p = data.ptr;
    size_t n = data.len;
    while (n > 0) {
        size_t taken = n;
        switch ((enum wsc_ws_state)d->state) {
        case WSC_WS_HEADER:
            taken = take_header(d, p, n, ops, ctx);
            break;
        case WSC_WS_PAYLOAD:
            taken = take_payload(d, p, n, ops, ctx);
            break;
        case WSC_WS_LOST:
            d->offset += n;
            break;
        }
        p += taken;
        n -= taken;
    }
}

bool wsc_ws_decoder_gap(struct wsc_ws_decoder *d, uint64_t n, const struct wsc_ws_ops *ops,
                        void *ctx)
{
    if (n == 0)
        return true;
    if (d->state == WSC_WS_PAYLOAD) {
        uint64_t inside = n < d->left ? n : d->left;
        d->flags |= MISSING;
        d->offset += inside;
        d->left -= inside;
        n -= inside;
        if (d->left == 0)
            finish_payload(d, ops, ctx);
        if (n == 0)
            return true;
    }
    if (d->state == WSC_WS_HEADER)
        lose(d, d->offset - d->have, ops, ctx); /* the frame whose header is torn is lost too */
    d->offset += n;
    return false;
}

void wsc_ws_decoder_resync(struct wsc_ws_decoder *d)
{
    d->state = WSC_WS_HEADER;
    d->have = 0;
    d->flags &= (uint16_t) ~(MESSAGE_OPEN | MISSING);
    d->flags |= MESSAGE_UNSURE;
}

void wsc_ws_decoder_clear(struct wsc_ws_decoder *d, const struct wsc_ws_ops *ops, void *ctx)
{
    if (d->scratch != NULL && ops->release != NULL)
        ops->release(ctx, d->scratch);
    d->scratch = NULL;
    d->kept = 0;
}

bool wsc_ws_decoder_at_boundary(const struct wsc_ws_decoder *d)
{
    return d->state == WSC_WS_HEADER && d->have == 0;
}

/* state, have, flags, header, left */
void wsc_ws_decoder_save(const struct wsc_ws_decoder *d, uint8_t out[WSC_WS_DECODER_STATE])
{
    out[0] = d->state;
    out[1] = d->have;
    out[2] = (uint8_t)(d->flags >> 8);
    out[3] = (uint8_t)d->flags;
    memcpy(out + 4, d->header, sizeof(d->header));
    for (int i = 0; i < 8; i++)
        out[18 + i] = (uint8_t)(d->left >> (56 - 8 * i));
}

static bool standing_possible(const struct wsc_ws_decoder *d)
{
    if (d->flags > 2 * PEEK - 1 || d->have > sizeof(d->header))
        return false;
    switch ((enum wsc_ws_state)d->state) {
    case WSC_WS_HEADER:
        return d->left == 0 && (d->have < 2 || d->have < header_len(d->header[1]));
    case WSC_WS_PAYLOAD: {
        const uint8_t *mask;
        return d->have == header_len(d->header[1]) && d->left > 0 &&
               d->left <= parse_header(d->header, 0, &mask).payload_len;
    }
    case WSC_WS_LOST:
        return d->have == 0;
    }
    return false;
}

bool wsc_ws_decoder_load(struct wsc_ws_decoder *d, const uint8_t in[WSC_WS_DECODER_STATE],
                         uint64_t offset)
{
    struct wsc_ws_decoder x = {.offset = offset,
                               .left = wsc_be64(in + 18),
                               .state = in[0],
                               .have = in[1],
                               .flags = (uint16_t)(in[2] << 8 | in[3])};
    memcpy(x.header, in + 4, sizeof(x.header));
    if (!standing_possible(&x))
        return false;
    *d = x;
    return true;
}
