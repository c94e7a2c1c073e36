#include "ws/ws_probe.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "ws/ws_close.h"
#include "ws/ws_decoder.h"

/* How many bits each finding is worth. Two kinds of bytes must not be taken for frames:
 *
 * Random ones (encrypted, compressed). Here a finding is worth at most log2 of the share of random
 * input that would pass. As a single first byte is 8 bits, and there are 4 for whole data messages:
 *
 *   whole data message, without or with RSV1          81 82 c1 c2      4 of 256         4
 *   Ping, Pong, Close                                 89 8a, 88        1 of 256         5, 6
 *   last fragment, while a message is open            80               1 of 256         4
 *   mask bit as the run has it                                         1 of 2           1
 *   the frame ends where its segment does: 1 of 128 lengths of 7 bits                   7
 *     with a 16-bit or 64-bit length: 1 of 2^23 and less                               12
 *   Close code 1000-1003, 1007-1014 / 3000-4999       12 / 2,000 of 65,536              10 / 5
 *   text and reasons: printable, 1.4 bits a byte                                        1 a byte
 *   RSV1: starts with a deflate block that is not the last and of a legal type, 3 of 8  1
 *
 * Structured ones: a protocol of type, length and value whose type byte happens to be one of ours
 * passes every header test for ever. So what such a protocol has once, it is paid for once: a
 * finding that comes again is worth less each time (the tables below), a first byte seen before 1,
 * an unmasked frame seen before nothing. Unmasked binary messages with 7-bit lengths thus never
 * exceed 4+7 +1+3 +1+2 +1+1 = 20, and masked frames with one first byte and one length 11+17 = 28.
 * Unmasked frames without FIN, which is what small numbers look like, are worth nothing. A masking
 * key of zeros makes a frame worth nothing.
 *
 * Text that was masked is worth most, up to 20: it becomes readable with a key that stands in the
 * frame, and nothing that is readable in the clear does so by accident. A key of few distinct bytes
 * does not count for this, for it maps text to text. Readable text in the clear is worth at most 6:
 * many protocols carry it.
 *
 * A run is also strict about what RFC 6455 demands: messages do not interleave, so that zero bytes
 * cannot pass for empty continuation frames (5.4); lengths are minimal (5.2); nothing follows a
 * Close (5.5.1). */

#define BITS_MAX          1000u
#define CODE_KNOWN_BITS   10u
#define CODE_APP_BITS     5u
#define MASKED_TEXT_FIRST 20u
#define MASKED_TEXT_MORE  12u
#define EMPTY_BITS        2u
#define LOOKED_AT         125u       /* bytes of a payload that are examined */
#define PAYLOAD_MAX       (1u << 30) /* a longer frame is taken for chance */

static const uint8_t clear_short_ends[] = {7, 3, 2, 1, 0};
static const uint8_t masked_short_ends[] = {7, 6, 5, 4, 3};
static const uint8_t masked_repeats[] = {3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0};
static const uint8_t long_ends[] = {12, 8, 6, 4, 3};
static const uint8_t clear_texts[] = {6, 3, 2};
static const uint8_t deflate_blocks[] = {1, 1, 1, 1, 1, 1, 1, 1, 0};

enum flag {
    SENDER_KNOWN = 1 << 0,
    MASKED = 1 << 1,
    MESSAGE_KNOWN = 1 << 2, /* whether a fragmented message is open */
    MESSAGE_OPEN = 1 << 3,
    IN_PAYLOAD = 1 << 4, /* |next| is where it ends; |header| is its frame's */
    CLOSED = 1 << 5
};

/* First bytes an endpoint may send, and what they are worth the first time in a run. */
static const struct kind {
    uint8_t first, bits;
} kinds[] = {
    {0x81, 4}, {0x82, 4}, {0xc1, 4}, {0xc2, 4}, {0x88, 6}, {0x89, 5}, {0x8a, 5},
    {0x80, 4}, {0x00, 0}, {0x01, 0}, {0x02, 0}, {0x41, 0}, {0x42, 0},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct frame {
    uint8_t first, opcode;
    bool fin, control, masked, packed; /* packed: RSV1 */
    bool key_zero, key_strong;
    uint8_t key[4];
    uint8_t form; /* 7, 16 or 64 bits of length */
    size_t len;   /* of the header */
    uint64_t payload;
    size_t kind;
};

void wsc_ws_probe_init(struct wsc_ws_probe *p)
{
    *p = (struct wsc_ws_probe){0};
}

static size_t kind_of(uint8_t first)
{
    size_t i = 0;
    while (i < N_KINDS && kinds[i].first != first)
        i++;
    return i;
}

static unsigned smaller(unsigned a, uint64_t b)
{
    return b < a ? (unsigned)b : a;
}

static unsigned log2_of(size_t n)
{
    unsigned bits = 0;
    for (; n > 1; n >>= 1)
        bits++;
    return bits;
}

/* What a finding is worth that was counted |*count| times before. */
static unsigned fading(const uint8_t *table, size_t n, uint8_t *count)
{
    unsigned bits = table[*count < n ? *count : n - 1];
    if (*count < UINT8_MAX)
        ++*count;
    return bits;
}
#define FADING(table, count) fading(table, sizeof(table), count)

/* ---- headers ---- */

static size_t header_len(uint8_t second)
{
    uint8_t len7 = second & 0x7f;
    return 2u + (len7 == 126 ? 2u : len7 == 127 ? 8u : 0u) + ((second & 0x80) ? 4u : 0u);
}

static void read_key(struct frame *f, const uint8_t *key)
{
    unsigned distinct = 0, zeros = 0;
    for (size_t i = 0; i < 4; i++) {
        f->key[i] = key[i];
        zeros += key[i] == 0;
        bool fresh = true;
        for (size_t k = 0; k < i; k++)
            fresh = fresh && key[k] != key[i];
        distinct += fresh;
    }
    f->key_zero = zeros == 4;
    f->key_strong = distinct >= 3 && zeros <= 1;
}

/* |h| is a whole header. */
static struct frame read_header(const uint8_t *h)
{
    uint8_t len7 = h[1] & 0x7f;
    struct frame f = {.first = h[0],
                      .opcode = h[0] & 0x0f,
                      .fin = (h[0] & 0x80) != 0,
                      .control = (h[0] & 0x08) != 0,
                      .masked = (h[1] & 0x80) != 0,
                      .packed = (h[0] & 0x40) != 0,
                      .form = len7 < 126    ? 7
                              : len7 == 126 ? 16
                                            : 64,
                      .len = header_len(h[1]),
                      .kind = kind_of(h[0])};
    f.payload = f.form == 7 ? len7 : f.form == 16 ? wsc_be16(h + 2) : wsc_be64(h + 2);
    if (f.masked)
        read_key(&f, h + f.len - 4);
    return f;
}

/* A message begins when none is open and goes on when one is (RFC 6455 5.4). */
static bool in_sequence(const struct wsc_ws_probe *p, const struct frame *f)
{
    if (f->control || !(p->flags & MESSAGE_KNOWN))
        return true;
    return (f->opcode == WSC_WS_CONTINUATION) == ((p->flags & MESSAGE_OPEN) != 0);
}

static bool length_legal(const struct frame *f)
{
    if (f->control)
        return f->form == 7;
    if (f->form == 16)
        return f->payload >= 126;
    if (f->form == 64)
        return f->payload > 0xffff && f->payload <= PAYLOAD_MAX;
    /* An empty fragment or compressed message is legal too, but zeros are everywhere. */
    return f->payload > 0 || (f->fin && !f->packed);
}

static bool header_legal(const struct wsc_ws_probe *p, const struct frame *f)
{
    if ((p->flags & SENDER_KNOWN) && f->masked != ((p->flags & MASKED) != 0))
        return false;
    return !(p->flags & CLOSED) && in_sequence(p, f) && length_legal(f);
}

/* ---- payloads ---- */

static void unmask(const struct frame *f, const uint8_t *p, size_t n, uint64_t at, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = p[i] ^ f->key[(at + i) & 3]; /* the key of an unmasked frame is zero */
}

/* Control characters are legal in text, but hardly anybody writes them. NUL ends STOMP frames, RS
 * and US separate records. */
static bool readable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool space = p[i] == '\t' || p[i] == '\n' || p[i] == '\r' || p[i] == 0x1e || p[i] == 0x1f;
        bool last_nul = p[i] == 0 && i > 0 && i == n - 1;
        if ((p[i] < 0x20 && !space && !last_nul) || p[i] == 0x7f)
            return false;
    }
    return true;
}

/* |n| bytes of text; |cut|: not to its end. Returns false if they are not UTF-8. */
static bool text_worth(struct wsc_ws_probe *p, const struct frame *f, const uint8_t *text, size_t n,
                       bool cut, unsigned *bits)
{
    struct wsc_utf8 u;
    wsc_utf8_init(&u);
    if (!wsc_utf8_feed(&u, text, n) || (!cut && !wsc_utf8_done(&u)))
        return false;
    if (n == 0 || !readable(text, n))
        return true;
    bool first = p->contents == 0;
    unsigned most = FADING(clear_texts, &p->contents);
    if (f->masked && f->key_strong)
        most = first ? MASKED_TEXT_FIRST : MASKED_TEXT_MORE;
    *bits += smaller(most, n);
    return true;
}

static bool close_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span body,
                        unsigned *bits)
{
    struct wsc_ws_close c;
    wsc_ws_close_parse(body, f->payload, &c);
    if (c.bad_length || c.bad_code)
        return false;
    if (body.len < 2)
        return true;
    *bits += c.code < 3000 ? CODE_KNOWN_BITS : CODE_APP_BITS;
    return text_worth(p, f, body.ptr + 2, body.len - 2, body.len < f->payload, bits);
}

/* RFC 7692 7.2.1, RFC 1951 3.2.3: type 3 is reserved, a stored block repeats its length inverted.
 */
static bool deflate_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span body,
                          unsigned *bits)
{
    if (body.len == 0)
        return true;
    unsigned type = body.ptr[0] >> 1 & 3u;
    if (type == 3)
        return false;
    if (type == 0 && f->payload > 1) {
        if (f->payload < 5)
            return false;
        if (body.len >= 5 && (wsc_be16(body.ptr + 1) ^ wsc_be16(body.ptr + 3)) != 0xffff)
            return false;
    }
    if ((body.ptr[0] & 1) == 0)
        *bits += FADING(deflate_blocks, &p->contents);
    return true;
}

static bool body_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span body,
                       unsigned *bits)
{
    if (f->opcode == WSC_WS_CLOSE)
        return close_worth(p, f, body, bits);
    if (f->packed)
        return deflate_worth(p, f, body, bits);
    if (f->opcode == WSC_WS_TEXT)
        return text_worth(p, f, body.ptr, body.len, body.len < f->payload || !f->fin, bits);
    return true;
}

/* |raw|: what is at hand of the payload's beginning. Returns false if it cannot be one. */
static bool payload_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span raw,
                          unsigned *bits)
{
    uint8_t plain[LOOKED_AT];
    struct wsc_span body = {.ptr = plain, .len = smaller(LOOKED_AT, raw.len)};
    unmask(f, raw.ptr, body.len, 0, plain);
    return body_worth(p, f, body, bits);
}

/* |n| further bytes of a payload, which stand at |at| in it. False if text turns into something
 * else. */
static bool text_goes_on(const struct frame *f, const uint8_t *p, size_t n, uint64_t at)
{
    if (f->opcode != WSC_WS_TEXT || f->packed)
        return true;
    uint8_t text[64];
    size_t len = smaller(sizeof(text), n), from = 0;
    unmask(f, p, len, at, text);
    while (from < 3 && from < len && (text[from] & 0xc0) == 0x80)
        from++; /* the rest of a character */
    struct wsc_utf8 u;
    wsc_utf8_init(&u);
    return wsc_utf8_feed(&u, text + from, len - from);
}

/* ---- frames ---- */

static uint64_t hash_add(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Whether something with this hash was met before (or, rarely, something else with the same bit).
 */
static bool met(struct wsc_ws_probe *p, uint64_t hash)
{
    uint64_t bit = UINT64_C(1) << ((hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 58);
    bool before = (p->seen & bit) != 0;
    p->seen |= bit;
    return before;
}

/* The frame ends where a segment does, |part| bytes of which are its own; |split|: it began in
 * another one, so that it had several ends to meet, one in |part| bytes. */
static unsigned end_worth(struct wsc_ws_probe *p, const struct frame *f, bool split, size_t part)
{
    if (f->key_zero || (!f->masked && !f->fin))
        return 0;
    unsigned bits;
    if (f->form != 7)
        bits = FADING(long_ends, &p->long_ends);
    else if (f->masked)
        bits = FADING(masked_short_ends, &p->short_ends);
    else
        bits = FADING(clear_short_ends, &p->short_ends);
    return split ? smaller(bits, log2_of(part)) : bits;
}

static unsigned first_worth(struct wsc_ws_probe *p, const struct frame *f)
{
    bool again = (p->kinds & 1u << f->kind) != 0;
    p->kinds |= (uint16_t)(1u << f->kind);
    if (f->opcode == WSC_WS_CONTINUATION && !(p->flags & MESSAGE_KNOWN))
        return 0;
    if (!again)
        return kinds[f->kind].bits;
    if (f->masked)
        return kinds[f->kind].bits != 0 ? 3 : 0;
    return kinds[f->kind].bits != 0 && p->short_ends < sizeof(clear_short_ends) - 1 ? 1 : 0;
}

/* What the header and the part of the payload at hand are worth; |ends|: the segment ends with it,
 * |split|: the header began in another one. Returns false if it cannot be a frame. */
static bool frame_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span raw,
                        bool ends, bool split, unsigned *bits)
{
    uint64_t shape = hash_add(f->first, (const uint8_t *)&f->payload, sizeof(f->payload));
    bool repeated =
        met(p, hash_add(hash_add(shape, f->key, 4), raw.ptr, smaller(LOOKED_AT, raw.len)));
    bool alike = f->masked && met(p, shape);

    *bits = 0;
    if (!payload_worth(p, f, raw, bits))
        return false;
    if (alike) {
        *bits += FADING(masked_repeats, &p->repeats);
    } else if (f->payload == 0 && !f->masked) {
        *bits += smaller(EMPTY_BITS, first_worth(p, f));
    } else {
        *bits += first_worth(p, f) + (f->masked && (p->flags & SENDER_KNOWN) ? 1u : 0u);
        if (ends)
            *bits += end_worth(p, f, split, f->len + raw.len);
    }
    if (repeated || f->key_zero)
        *bits = 0;
    return true;
}

static void add_bits(struct wsc_ws_probe *p, unsigned bits)
{
    p->bits = (uint16_t)smaller(BITS_MAX, p->bits + bits);
}

static void note_frame(struct wsc_ws_probe *p, const struct frame *f)
{
    p->flags |= (uint8_t)(SENDER_KNOWN | (f->masked ? MASKED : 0));
    if (f->opcode == WSC_WS_CLOSE)
        p->flags |= CLOSED;
    if (f->control)
        return;
    p->flags |= MESSAGE_KNOWN;
    if (f->fin)
        p->flags &= (uint8_t)~MESSAGE_OPEN;
    else
        p->flags |= MESSAGE_OPEN;
}

/* Collects a header from the beginning of |d|. Returns the bytes taken. */
static size_t take_header(struct wsc_ws_probe *p, struct wsc_span d)
{
    size_t taken = 0;
    while (taken < d.len && (p->have < 2 || p->have < header_len(p->header[1])))
        p->header[p->have++] = d.ptr[taken++];
    return taken;
}

/* The frame that starts, or whose header goes on, at |d|. Returns the bytes taken; 0 if it is none.
 */
static size_t take_frame(struct wsc_ws_probe *p, struct wsc_span d)
{
    bool split = p->have > 0;
    size_t taken = take_header(p, d);
    if (kind_of(p->header[0]) == N_KINDS)
        return 0;
    if (p->have < 2 || p->have < header_len(p->header[1]))
        return taken;
    struct frame f = read_header(p->header);
    if (!header_legal(p, &f))
        return 0;
    size_t left = d.len - taken;
    struct wsc_span raw = {.ptr = d.ptr + taken,
                           .len = f.payload < left ? (size_t)f.payload : left};
    unsigned bits;
    if (!frame_worth(p, &f, raw, f.payload == left, split, &bits))
        return 0;
    add_bits(p, bits);
    note_frame(p, &f);
    p->have = 0;
    p->next += f.len + f.payload;
    if (f.payload > left)
        p->flags |= IN_PAYLOAD;
    return taken + raw.len;
}

/* |part| of the payload under way, |left| bytes before its end. Returns false if it cannot be that.
 */
static bool part_worth(struct wsc_ws_probe *p, const struct frame *f, struct wsc_span part,
                       uint64_t left)
{
    if (left != f->payload)
        return text_goes_on(f, part.ptr, part.len, f->payload - left);
    unsigned bits = 0; /* the header had a segment of its own, or its end */
    if (!payload_worth(p, f, part, &bits))
        return false;
    bool repeated = met(p, hash_add(f->first, part.ptr, smaller(LOOKED_AT, part.len)));
    add_bits(p, repeated || f->key_zero ? 0 : bits);
    return true;
}

/* The part of |segment| that belongs to the payload under way; |*taken| receives its length.
 * Returns false if it cannot. */
static bool take_payload(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset,
                         size_t *taken)
{
    struct frame f = read_header(p->header);
    uint64_t left = p->next - offset;
    *taken = left < segment.len ? (size_t)left : segment.len;
    if (!part_worth(p, &f, (struct wsc_span){.ptr = segment.ptr, .len = *taken}, left))
        return false;
    if (left <= segment.len)
        p->flags &= (uint8_t)~IN_PAYLOAD;
    if (left == segment.len)
        add_bits(p, end_worth(p, &f, true, segment.len));
    return true;
}

/* Follows the run through |segment|. Returns false if it ends there. */
static bool run_over(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset)
{
    size_t at = 0;
    if (p->flags & IN_PAYLOAD) {
        if (offset > p->next)
            return false; /* a header may lie in the hole */
        if (!take_payload(p, segment, offset, &at))
            return false;
    } else if (offset != p->next + p->have) {
        return false;
    }
    while (at < segment.len) {
        size_t taken =
            take_frame(p, (struct wsc_span){.ptr = segment.ptr + at, .len = segment.len - at});
        if (taken == 0)
            return false;
        at += taken;
    }
    return true;
}

static bool start_run(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset)
{
    wsc_ws_probe_init(p);
    if (segment.ptr[0] == 0x80 || kind_of(segment.ptr[0]) == N_KINDS || segment.ptr[0] == 0)
        return false; /* nor with the rest of a message */
    p->start = p->next = offset;
    p->bits = 1;
    return run_over(p, segment, offset);
}

unsigned wsc_ws_probe_feed(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset)
{
    if (segment.len == 0)
        return p->bits;
    if (p->bits > 0 && run_over(p, segment, offset))
        return p->bits;
    if (!start_run(p, segment, offset)) /* where one run ends another may start */
        wsc_ws_probe_init(p);
    return p->bits;
}

enum wsc_side wsc_ws_probe_sender(const struct wsc_ws_probe *p)
{
    if (!(p->flags & SENDER_KNOWN))
        return WSC_SIDE_NONE;
    return p->flags & MASKED ? WSC_SIDE_CLIENT : WSC_SIDE_SERVER;
}
