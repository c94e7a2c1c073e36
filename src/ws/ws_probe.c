#include "ws/ws_probe.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "ws/ws_close.h"

/* How many bits each finding is worth: log2 of the share of random bytes that would pass, rounded
 * down.
 *
 *   first byte: FIN and opcode 1, 2, 8, 9, 10, RSV1 on data, opening fragments: 9 of 256 at the
 * start of a run, 13 of 256 later   4 mask bit as the run has it (not counted for the first frame)
 * 1 16-bit length of at least 126 (almost free) / 64-bit length below 2^32 of at least 65,536 0 /
 * 24 the frame ends exactly where the segment ends: 1 of the 2^k lengths it could have had 5, 8 a
 * masking key that is not all zero 0 Close: a legal code (2,012 of 65,536) 5 text or a Close reason
 * that is UTF-8 without control characters (for ASCII alone 95 of 256 a byte): 1 a byte, at most 6;
 *   at most 20 where it was masked, for it was unmasked with a key that stands in the frame, and no
 * protocol in the clear stays readable after that
 *
 * A frame as its predecessor (same header, same body length) adds nothing: a repeated pattern is no
 * evidence. An empty Ping, Pong or message is worth 1. */

#define FIRST_BYTE_BITS  4u
#define CODE_BITS        5u
#define TEXT_BITS        6u
#define MASKED_TEXT_BITS 20u
#define BITS_MAX         1000u

void wsc_ws_probe_init(struct wsc_ws_probe *p)
{
    *p = (struct wsc_ws_probe){0};
}

struct header {
    uint8_t opcode, first;
    bool fin, masked;
    const uint8_t *mask;
    size_t len; /* of the header */
    uint64_t payload;
    unsigned bits;
};

static bool first_byte_legal(uint8_t b, bool at_start)
{
    uint8_t opcode = b & 0x0f, rsv = (uint8_t)((b >> 4) & 7);
    bool fin = (b & 0x80) != 0;
    if (opcode >= 0x8)
        return fin && rsv == 0 && opcode <= 0xa;
    if (opcode > 0x2 || (rsv != 0 && rsv != 4))
        return false;
    if (opcode == 0)
        return !at_start && rsv == 0;
    return true;
}

/* Reads a header from |d|. Returns false if it is illegal; |*whole| false if |d| ends before it
 * does. */
static bool read_header(struct wsc_span d, bool at_start, struct header *h, bool *whole)
{
    *whole = false;
    if (d.len < 1)
        return true;
    if (!first_byte_legal(d.ptr[0], at_start))
        return false;
    if (d.len < 2)
        return true;
    uint8_t len7 = d.ptr[1] & 0x7f;
    *h = (struct header){.opcode = d.ptr[0] & 0x0f,
                         .first = d.ptr[0],
                         .fin = (d.ptr[0] & 0x80) != 0,
                         .masked = (d.ptr[1] & 0x80) != 0,
                         .bits = FIRST_BYTE_BITS,
                         .payload = len7};
    size_t ext = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
    h->len = 2 + ext + (h->masked ? 4 : 0);
    if (h->opcode >= 0x8 && len7 > 125)
        return false;
    if (d.len < h->len)
        return true;
    if (ext == 2)
        h->payload = wsc_be16(d.ptr + 2);
    if (ext == 8) {
        h->payload = wsc_be64(d.ptr + 2);
        if (h->payload <= 0xffff || h->payload > UINT32_MAX)
            return false;
        h->bits += 24;
    }
    if (ext == 2 && h->payload < 126)
        return false;
    if (h->masked) {
        h->mask = d.ptr + h->len - 4;
        if (wsc_be32(h->mask) == 0)
            return false;
    }
    *whole = true;
    return true;
}

static size_t unmask_some(const struct header *h, const uint8_t *p, size_t n, uint8_t out[125])
{
    if (n > 125)
        n = 125;
    for (size_t i = 0; i < n; i++)
        out[i] = h->masked ? p[i] ^ h->mask[i & 3] : p[i];
    return n;
}

static unsigned smaller(unsigned a, size_t b)
{
    return b < a ? (unsigned)b : a;
}

/* Bits for |n| bytes that should be text; |*legal| false if they are not UTF-8. |cut|: more of it
 * follows. */
static unsigned text_bits(const struct header *h, const uint8_t *p, size_t n, bool cut, bool *legal)
{
    struct wsc_utf8 u;
    wsc_utf8_init(&u);
    *legal = wsc_utf8_feed(&u, p, n) && (cut || wsc_utf8_done(&u));
    for (size_t i = 0; i < n; i++)
        if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' && p[i] != 0x1e)
            return 0; /* legal text, but nobody writes it */
    return smaller(h->masked ? MASKED_TEXT_BITS : TEXT_BITS, n);
}

/* Evidence in the body; |*legal| false if it cannot be one. |p|, |n|: what of it is at hand. */
static unsigned body_bits(const struct header *h, const uint8_t *p, size_t n, bool *legal)
{
    uint8_t body[125];
    size_t len = unmask_some(h, p, n, body);
    *legal = true;
    if (h->opcode == 0x8) {
        struct wsc_ws_close c;
        wsc_ws_close_parse((struct wsc_span){.ptr = body, .len = len}, h->payload, &c);
        *legal = !c.bad_length && !c.bad_code && !c.bad_utf8 && (c.empty || len >= 2);
        if (c.empty || !*legal)
            return 0;
        return CODE_BITS + text_bits(h, body + 2, len - 2, len < h->payload, legal);
    }
    bool text = h->opcode == 0x1 && !(h->first & 0x40);
    return text ? text_bits(h, body, len, len < h->payload, legal) : 0;
}

/* A frame that ends where its segment does could have claimed any of the lengths its field holds.
 */
static unsigned end_bits(const struct header *h)
{
    if (h->payload == 0)
        return 0;
    return h->payload < 126 ? 5u : 8u;
}

static void stop_run(struct wsc_ws_probe *p)
{
    wsc_ws_probe_init(p);
}

static void add_bits(struct wsc_ws_probe *p, unsigned bits)
{
    p->bits = (uint16_t)(p->bits + bits > BITS_MAX ? BITS_MAX : p->bits + bits);
}

/* The frame at |d|, which starts at stream offset |off|. Returns false if it ends the run. */
static bool take_frame(struct wsc_ws_probe *p, struct wsc_span d, uint64_t off, size_t *taken)
{
    struct header h;
    bool whole, legal;
    if (!read_header(d, p->bits == 0, &h, &whole))
        return false;
    if (!whole)
        return false; /* a header over two segments: too rare to follow */
    size_t body = d.len - h.len;
    unsigned bits =
        h.bits + body_bits(&h, d.ptr + h.len, body < h.payload ? body : (size_t)h.payload, &legal);
    if (!legal)
        return false;
    if (body == h.payload)
        bits += end_bits(&h);
    if (h.payload == 0)
        bits = 1;
    uint32_t shape = (uint32_t)h.first << 16 | (uint32_t)(h.payload & 0xffff);
    if (p->bits > 0 && shape == p->shape && !h.masked)
        bits = 0;

    p->shape = shape;
    if (p->bits == 0)
        p->start = off;
    add_bits(p, bits);
    if (h.masked)
        p->masked = (uint16_t)(p->masked < UINT16_MAX ? p->masked + 1 : p->masked);
    else
        p->unmasked = (uint16_t)(p->unmasked < UINT16_MAX ? p->unmasked + 1 : p->unmasked);
    p->next = off + h.len + h.payload;
    *taken = body < h.payload ? d.len : h.len + (size_t)h.payload;
    return p->masked == 0 || p->unmasked == 0;
}

static void run_over(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset)
{
    size_t at = p->bits > 0 ? (size_t)(p->next - offset) : 0;
    while (at < segment.len) {
        size_t taken = 0;
        struct wsc_span rest = {.ptr = segment.ptr + at, .len = segment.len - at};
        if (!take_frame(p, rest, offset + at, &taken)) {
            stop_run(p);
            return;
        }
        at += taken;
    }
}

unsigned wsc_ws_probe_feed(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset)
{
    if (segment.len == 0)
        return p->bits;
    if (p->bits > 0 && p->next < offset)
        stop_run(p); /* a header may lie in the hole */
    if (p->bits > 0 && p->next >= offset + segment.len)
        return p->bits; /* inside a payload */
    bool going_on = p->bits > 0;
    run_over(p, segment, offset);
    if (p->bits == 0 && going_on)
        run_over(p, segment, offset); /* another run may start with this segment */
    return p->bits;
}

enum wsc_side wsc_ws_probe_sender(const struct wsc_ws_probe *p)
{
    if (p->masked > 0 && p->unmasked == 0)
        return WSC_SIDE_CLIENT;
    if (p->unmasked > 0 && p->masked == 0)
        return WSC_SIDE_SERVER;
    return WSC_SIDE_NONE;
}
