#include "decode/layers.h"

#include <string.h>

/* IPv6 extension headers (RFC 8200 4.1), besides AH. */
enum {
    PROTO_HOP_BY_HOP = 0,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_DESTINATION = 60,
    PROTO_MOBILITY = 135
};

/* Extension headers of one packet, at most. RFC 8200 names six; nothing real has more than ten. */
#define EXTENSIONS_MAX 16u

/* Cuts |in| to the |len| bytes the IP header claims; what lies behind is padding. What is missing
 * of them was not captured. */
static struct wsc_span claim(struct wsc_decode *d, struct wsc_span in, uint64_t len)
{
    uint64_t missing = len > in.len ? len - in.len : 0;
    d->tail = missing > UINT32_MAX ? UINT32_MAX : (uint32_t)missing;
    return (struct wsc_span){.ptr = in.ptr, .len = len < in.len ? (size_t)len : in.len};
}

static uint16_t cut_quirk(const struct wsc_decode *d)
{
    return d->tail > 0 ? WSC_QUIRK_TRUNCATED : 0;
}

static enum wsc_decode_result give_fragment(struct wsc_decode *d, struct wsc_span in, uint32_t id,
                                            uint32_t offset, bool more)
{
    const struct wsc_packet_view *v = d->view;
    *d->frag = (struct wsc_fragment){.family = v->family,
                                     .ip_proto = v->ip_proto,
                                     .ttl = v->ttl,
                                     .id = id,
                                     .tunnel_id = v->tunnel_id,
                                     .offset = offset,
                                     .more = more,
                                     .data = in,
                                     .wire_len = (uint32_t)in.len + d->tail};
    memcpy(d->frag->src, v->src, sizeof(v->src));
    memcpy(d->frag->dst, v->dst, sizeof(v->dst));
    return WSC_DECODE_FRAGMENT;
}

/* Steps over an authentication header (RFC 4302 2): next header, length in 4 bytes less 2. */
static bool skip_ah(struct wsc_reader *r, uint8_t *next)
{
    const uint8_t *h = wsc_rd_bytes(r, 12);
    size_t len = h != NULL ? (h[1] + 2u) * 4u : 0;
    if (len < 12)
        return false;
    wsc_rd_skip(r, len - 12);
    *next = h[0];
    return !r->short_read;
}

static enum wsc_decode_result decode_transport(struct wsc_decode *d, struct wsc_span in)
{
    switch (d->view->ip_proto) {
    case WSC_PROTO_TCP:
        return wsc_decode_tcp(d, in);
    case WSC_PROTO_UDP:
        return wsc_decode_udp(d, in);
    case WSC_PROTO_IPIP:
    case WSC_PROTO_IPV6:
        return wsc_decode_ip(d, in);
    case WSC_PROTO_GRE:
        return wsc_decode_gre(d, in);
    default:
        return WSC_DECODE_OTHER_IP;
    }
}

static enum wsc_decode_result decode_ipv4_payload(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_packet_view *v = d->view;
    if (v->ip_proto != WSC_PROTO_AH)
        return decode_transport(d, in);
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    return skip_ah(&r, &v->ip_proto) ? decode_transport(d, wsc_rd_rest(&r)) : WSC_DECODE_BAD;
}

/* RFC 791 3.1. */
static enum wsc_decode_result decode_ipv4(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_packet_view *v = d->view;
    const uint8_t *h = in.ptr;
    if (in.len < 20)
        return WSC_DECODE_BAD;
    size_t hlen = (h[0] & 0xfu) * 4u;
    uint32_t total = wsc_be16(h + 2);
    if (hlen < 20 || hlen > in.len || (total != 0 && total < hlen))
        return WSC_DECODE_BAD;
    uint16_t quirks = 0;
    if (total == 0)
        quirks = WSC_QUIRK_ZERO_IP_LEN; /* segmentation off-load: the packet's own length counts */
    else
        in = claim(d, in, total);
    v->quirks = quirks | cut_quirk(d);
    v->l3 = in;
    v->family = 4;
    v->ip_proto = h[9];
    v->ttl = h[8];
    v->ip_id = wsc_be16(h + 4);
    memset(v->src, 0, sizeof(v->src));
    memset(v->dst, 0, sizeof(v->dst));
    memcpy(v->src, h + 12, 4);
    memcpy(v->dst, h + 16, 4);
    struct wsc_span body = {.ptr = h + hlen, .len = in.len - hlen};
    uint16_t frag = wsc_be16(h + 6);
    if (frag & 0x3fff)
        return give_fragment(d, body, v->ip_id, (frag & 0x1fffu) * 8u, (frag & 0x2000) != 0);
    return decode_ipv4_payload(d, body);
}

/* Jumbo payload (RFC 2675 2) among hop-by-hop options; 0 if there is none. */
static uint32_t jumbo_len(struct wsc_span options)
{
    struct wsc_reader r = wsc_reader_of(options.ptr, options.len);
    while (wsc_rd_left(&r) > 0) {
        uint8_t type = wsc_rd_u8(&r);
        if (type == 0)
            continue;
        uint8_t n = wsc_rd_u8(&r);
        if (type == 0xc2 && n == 4)
            return wsc_rd_be32(&r);
        wsc_rd_skip(&r, n);
    }
    return 0;
}

/* Reads a header of (length + 1) * 8 bytes. |*options|: what follows its two fixed bytes. */
static bool read_extension(struct wsc_reader *r, uint8_t *next, struct wsc_span *options)
{
    const uint8_t *h = wsc_rd_bytes(r, 8);
    if (h == NULL)
        return false;
    wsc_rd_skip(r, h[1] * 8u);
    *next = h[0];
    *options = (struct wsc_span){.ptr = h + 2, .len = h[1] * 8u + 6u};
    return !r->short_read;
}

/* Cuts |r|, behind a hop-by-hop header with |options|, to the jumbo payload it tells of. |start|:
 * of the payload. */
static void take_jumbo(struct wsc_decode *d, struct wsc_reader *r, const uint8_t *start,
                       struct wsc_span options)
{
    uint32_t jumbo = jumbo_len(options);
    size_t used = (size_t)(r->p - start);
    if (jumbo < used)
        return;
    struct wsc_span rest = claim(d, wsc_rd_rest(r), jumbo - used);
    *r = wsc_reader_of(rest.ptr, rest.len);
    d->view->quirks = WSC_QUIRK_ZERO_IP_LEN | cut_quirk(d);
}

/* Walks the extension headers (RFC 8200 4.1) up to one that is none. |sized|: the fixed header
 * gave a payload length, so a jumbo option counts for nothing. */
static enum wsc_decode_result decode_extensions(struct wsc_decode *d, struct wsc_span in,
                                                bool sized)
{
    uint8_t *next = &d->view->ip_proto;
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        uint8_t type = *next;
        struct wsc_span body;
        switch (type) {
        case PROTO_HOP_BY_HOP:
        case PROTO_ROUTING:
        case PROTO_DESTINATION:
        case PROTO_MOBILITY:
            if (!read_extension(&r, next, &body))
                return WSC_DECODE_BAD;
            if (type == PROTO_HOP_BY_HOP && !sized)
                take_jumbo(d, &r, in.ptr, body);
            break;
        case WSC_PROTO_AH:
            if (!skip_ah(&r, next))
                return WSC_DECODE_BAD;
            break;
        case PROTO_FRAGMENT: {
            const uint8_t *h = wsc_rd_bytes(&r, 8);
            if (h == NULL)
                return WSC_DECODE_BAD;
            uint16_t frag = wsc_be16(h + 2);
            *next = h[0];
            if (frag & 0xfff9) /* else an atomic fragment (RFC 6946): whole */
                return give_fragment(d, wsc_rd_rest(&r), wsc_be32(h + 4), frag & 0xfff8u,
                                     (frag & 1) != 0);
            break;
        }
        default:
            return decode_transport(d, wsc_rd_rest(&r));
        }
    }
    return WSC_DECODE_BAD;
}

/* RFC 8200 3. */
static enum wsc_decode_result decode_ipv6(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_packet_view *v = d->view;
    const uint8_t *h = in.ptr;
    if (in.len < 40)
        return WSC_DECODE_BAD;
    uint32_t len = wsc_be16(h + 4);
    uint16_t quirks = 0;
    if (len == 0)
        quirks = WSC_QUIRK_ZERO_IP_LEN; /* a jumbogram, or segmentation off-load */
    else
        in = claim(d, in, len + 40u);
    v->quirks = quirks | cut_quirk(d);
    v->l3 = in;
    v->family = 6;
    v->ip_proto = h[6];
    v->ttl = h[7];
    v->ip_id = 0;
    memcpy(v->src, h + 8, 16);
    memcpy(v->dst, h + 24, 16);
    struct wsc_span body = {.ptr = h + 40, .len = in.len - 40};
    return h[6] == WSC_PROTO_TCP ? wsc_decode_tcp(d, body) : decode_extensions(d, body, len != 0);
}

enum wsc_decode_result wsc_decode_ip(struct wsc_decode *d, struct wsc_span in)
{
    if (++d->depth > WSC_DECODE_MAX_DEPTH || in.len == 0)
        return WSC_DECODE_BAD;
    switch (in.ptr[0] >> 4) {
    case 4:
        return decode_ipv4(d, in);
    case 6:
        return decode_ipv6(d, in);
    default:
        return WSC_DECODE_BAD;
    }
}

enum wsc_decode_result wsc_decode_ip_payload(const struct wsc_fragment *frag,
                                             struct wsc_span payload, struct wsc_packet_view *view,
                                             struct wsc_fragment *inner)
{
    view->family = frag->family;
    view->ip_proto = frag->ip_proto;
    view->ttl = frag->ttl;
    view->ip_id = frag->family == 4 ? (uint16_t)frag->id : 0;
    view->quirks = 0;
    view->tunnel_id = frag->tunnel_id;
    view->l3 = (struct wsc_span){.ptr = NULL};
    memcpy(view->src, frag->src, sizeof(view->src));
    memcpy(view->dst, frag->dst, sizeof(view->dst));
    struct wsc_decode d = {.view = view, .frag = inner};
    /* The fragmentable part of an IPv6 packet may begin with extension headers. */
    return frag->family == 6 ? decode_extensions(&d, payload, true)
                             : decode_ipv4_payload(&d, payload);
}
