#include "decode/layers.h"

#include <string.h>

enum {
    PROTO_HOP_BY_HOP = 0,
    PROTO_IPIP = 4,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_GRE = 47,
    PROTO_AH = 51,
    PROTO_DESTINATION = 60,
    PROTO_MOBILITY = 135
};

enum { PORT_GENEVE = 6081, PORT_GTP_U = 2152, PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472 };

/* Cuts |r| to the |len| bytes the IP header claims; what lies behind is padding. What is missing of
 * them was not captured. */
static void claim(struct wsc_decode *d, struct wsc_reader *r, uint64_t len)
{
    size_t left = wsc_rd_left(r);
    if (len <= left) {
        r->end = r->p + len;
        d->tail = 0;
    } else {
        d->tail = (uint32_t)(len - left);
        d->view->quirks |= WSC_QUIRK_TRUNCATED;
    }
}

static enum wsc_decode_result give_fragment(struct wsc_decode *d, struct wsc_reader r,
                                            uint8_t proto, uint32_t id, uint32_t offset, bool more)
{
    const struct wsc_packet_view *v = d->view;
    size_t left = wsc_rd_left(&r);
    *d->frag = (struct wsc_fragment){.family = v->family,
                                     .ip_proto = proto,
                                     .ttl = v->ttl,
                                     .id = id,
                                     .tunnel_id = v->tunnel_id,
                                     .offset = offset,
                                     .more = more,
                                     .data = {.ptr = r.p, .len = left},
                                     .wire_len = (uint32_t)left + d->tail};
    memcpy(d->frag->src, v->src, sizeof(v->src));
    memcpy(d->frag->dst, v->dst, sizeof(v->dst));
    return WSC_DECODE_FRAGMENT;
}

/* RFC 791 3.1. */
static enum wsc_decode_result decode_ipv4(struct wsc_decode *d, struct wsc_reader r)
{
    struct wsc_packet_view *v = d->view;
    const uint8_t *h = wsc_rd_bytes(&r, 20);
    if (h == NULL)
        return WSC_DECODE_BAD;
    size_t hlen = (h[0] & 0xfu) * 4u;
    uint32_t total = wsc_be16(h + 2);
    if (hlen < 20)
        return WSC_DECODE_BAD;
    wsc_rd_skip(&r, hlen - 20);
    if (r.short_read)
        return WSC_DECODE_BAD;
    v->family = 4;
    v->ip_proto = h[9];
    v->ttl = h[8];
    v->ip_id = wsc_be16(h + 4);
    memset(v->src + 4, 0, 12);
    memset(v->dst + 4, 0, 12);
    memcpy(v->src, h + 12, 4);
    memcpy(v->dst, h + 16, 4);
    if (total == 0)
        v->quirks |=
            WSC_QUIRK_ZERO_IP_LEN; /* segmentation off-load: the packet's own length counts */
    else if (total < hlen)
        return WSC_DECODE_BAD;
    else
        claim(d, &r, total - hlen);
    v->l3 = (struct wsc_span){.ptr = h, .len = (size_t)(r.end - h)};
    uint16_t frag = wsc_be16(h + 6);
    if (frag & 0x3fff)
        return give_fragment(d, r, h[9], v->ip_id, (frag & 0x1fffu) * 8u, (frag & 0x2000) != 0);
    return wsc_decode_transport(d, r, h[9]);
}

/* Jumbo payload (RFC 2675) in a hop-by-hop header of |len| bytes of options; 0 if there is none. */
static uint32_t jumbo_len(const uint8_t *p, size_t len)
{
    struct wsc_reader r = wsc_reader_of(p, len);
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

/* Walks the extension headers (RFC 8200 4.1) up to one that is none. */
static enum wsc_decode_result decode_extensions(struct wsc_decode *d, struct wsc_reader r,
                                                uint8_t next, bool sized)
{
    const uint8_t *start = r.p;
    for (unsigned i = 0; i < 2 * WSC_DECODE_MAX_DEPTH; i++) {
        if (next != PROTO_HOP_BY_HOP && next != PROTO_ROUTING && next != PROTO_DESTINATION &&
            next != PROTO_MOBILITY && next != PROTO_AH && next != PROTO_FRAGMENT) {
            d->view->ip_proto = next;
            return wsc_decode_transport(d, r, next);
        }
        const uint8_t *h = wsc_rd_bytes(&r, 8);
        if (h == NULL)
            return WSC_DECODE_BAD;
        if (next == PROTO_FRAGMENT) {
            uint16_t frag = wsc_be16(h + 2);
            next = h[0];
            if (frag & 0xfff9)
                return give_fragment(d, r, next, wsc_be32(h + 4), frag & 0xfff8u, (frag & 1) != 0);
            continue; /* atomic fragment (RFC 6946) */
        }
        size_t len = next == PROTO_AH ? (h[1] + 2u) * 4u : (h[1] + 1u) * 8u;
        if (len < 8)
            return WSC_DECODE_BAD;
        wsc_rd_skip(&r, len - 8);
        if (r.short_read)
            return WSC_DECODE_BAD;
        uint32_t jumbo = next == PROTO_HOP_BY_HOP && !sized ? jumbo_len(h + 2, len - 2) : 0;
        if (jumbo >= (size_t)(r.p - start)) {
            claim(d, &r, jumbo - (size_t)(r.p - start));
            sized = true;
        }
        next = h[0];
    }
    return WSC_DECODE_BAD;
}

/* RFC 8200 3. */
static enum wsc_decode_result decode_ipv6(struct wsc_decode *d, struct wsc_reader r)
{
    struct wsc_packet_view *v = d->view;
    const uint8_t *h = wsc_rd_bytes(&r, 40);
    if (h == NULL)
        return WSC_DECODE_BAD;
    uint32_t len = wsc_be16(h + 4);
    v->family = 6;
    v->ip_proto = h[6];
    v->ttl = h[7];
    v->ip_id = 0;
    memcpy(v->src, h + 8, 16);
    memcpy(v->dst, h + 24, 16);
    if (len == 0)
        v->quirks |= WSC_QUIRK_ZERO_IP_LEN; /* a jumbogram, or segmentation off-load */
    else
        claim(d, &r, len);
    v->l3 = (struct wsc_span){.ptr = h, .len = (size_t)(r.end - h)};
    return decode_extensions(d, r, h[6], len != 0);
}

enum wsc_decode_result wsc_decode_ip(struct wsc_decode *d, struct wsc_reader r)
{
    if (++d->depth > WSC_DECODE_MAX_DEPTH || wsc_rd_left(&r) < 1)
        return WSC_DECODE_BAD;
    switch (r.p[0] >> 4) {
    case 4:
        return decode_ipv4(d, r);
    case 6:
        return decode_ipv6(d, r);
    default:
        return WSC_DECODE_BAD;
    }
}

/* ---- tunnels ---- */

/* RFC 2784, RFC 2890; version 1 is PPTP's (RFC 2637). */
static enum wsc_decode_result decode_gre(struct wsc_decode *d, struct wsc_reader r)
{
    uint16_t flags = wsc_rd_be16(&r), type = wsc_rd_be16(&r);
    unsigned version = flags & 7;
    bool has_seq = (flags & 0x1000) != 0;
    if (version == 0 && (flags & 0x8000))
        wsc_rd_skip(&r, 4);
    if (flags & 0x2000)
        wsc_rd_skip(&r, 4);
    if (has_seq)
        wsc_rd_skip(&r, 4);
    if (version == 1 && (flags & 0x0080))
        wsc_rd_skip(&r, 4);
    if (r.short_read)
        return WSC_DECODE_BAD;
    if (type ==
        0x88be) { /* ERSPAN: type I has no header, type II one of 8 bytes (and a sequence number) */
        wsc_rd_skip(&r, has_seq ? 8 : 0);
        return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethernet(d, r);
    }
    if (type == 0x22eb) { /* ERSPAN type III: 12 bytes, 8 more if the last bit says so */
        const uint8_t *h = wsc_rd_bytes(&r, 12);
        if (h != NULL && (h[11] & 1))
            wsc_rd_skip(&r, 8);
        return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethernet(d, r);
    }
    return wsc_decode_ethertype(d, r, type);
}

/* RFC 7348 5. */
static enum wsc_decode_result decode_vxlan(struct wsc_decode *d, struct wsc_reader r)
{
    uint32_t flags = wsc_rd_be32(&r), vni = wsc_rd_be32(&r);
    if (r.short_read || !(flags & 0x08000000))
        return WSC_DECODE_OTHER_IP;
    d->view->tunnel_id = (vni >> 8) + 1;
    return wsc_decode_ethernet(d, r);
}

/* RFC 8926 3.4. */
static enum wsc_decode_result decode_geneve(struct wsc_decode *d, struct wsc_reader r)
{
    uint8_t first = wsc_rd_u8(&r);
    wsc_rd_skip(&r, 1);
    uint16_t type = wsc_rd_be16(&r);
    uint32_t vni = wsc_rd_be32(&r);
    wsc_rd_skip(&r, (first & 0x3fu) * 4u);
    if (r.short_read || first >> 6 != 0)
        return WSC_DECODE_OTHER_IP;
    d->view->tunnel_id = (vni >> 8) + 1;
    return wsc_decode_ethertype(d, r, type);
}

/* 3GPP TS 29.281 5.1: version 1, a T-PDU. The two directions have tunnel ids of their own, so they
 * name no tenant. */
static enum wsc_decode_result decode_gtp_u(struct wsc_decode *d, struct wsc_reader r)
{
    uint8_t flags = wsc_rd_u8(&r), type = wsc_rd_u8(&r);
    wsc_rd_skip(&r, 6);
    uint8_t next = 0;
    if (flags & 0x07) {
        wsc_rd_skip(&r, 3);
        next = wsc_rd_u8(&r);
    }
    for (unsigned i = 0; (flags & 0x04) && next != 0 && i < WSC_DECODE_MAX_DEPTH; i++) {
        uint8_t words = wsc_rd_u8(&r);
        if (words == 0)
            return WSC_DECODE_OTHER_IP;
        wsc_rd_skip(&r, words * 4u - 2u);
        next = wsc_rd_u8(&r);
    }
    if (r.short_read || flags >> 4 != 3 || type != 0xff)
        return WSC_DECODE_OTHER_IP;
    return wsc_decode_ip(d, r);
}

static enum wsc_decode_result decode_udp(struct wsc_decode *d, struct wsc_reader r)
{
    struct wsc_packet_view *v = d->view;
    v->sport = wsc_rd_be16(&r);
    v->dport = wsc_rd_be16(&r);
    wsc_rd_skip(&r, 4);
    if (r.short_read)
        return WSC_DECODE_OTHER_IP;
    /* What is inside counts only if it is TCP or a fragment; anything else is this UDP packet. */
    const struct wsc_packet_view outer = *v;
    enum wsc_decode_result inner = WSC_DECODE_OTHER_IP;
    if (v->dport == PORT_VXLAN || v->dport == PORT_VXLAN_LINUX)
        inner = decode_vxlan(d, r);
    else if (v->dport == PORT_GENEVE)
        inner = decode_geneve(d, r);
    else if (v->dport == PORT_GTP_U || v->sport == PORT_GTP_U)
        inner = decode_gtp_u(d, r);
    if (inner == WSC_DECODE_TCP || inner == WSC_DECODE_FRAGMENT)
        return inner;
    *v = outer;
    return WSC_DECODE_OTHER_IP;
}

enum wsc_decode_result wsc_decode_transport(struct wsc_decode *d, struct wsc_reader r,
                                            uint8_t proto)
{
    switch (proto) {
    case PROTO_TCP:
        return wsc_decode_tcp(d, r);
    case PROTO_UDP:
        return decode_udp(d, r);
    case PROTO_IPIP:
    case PROTO_IPV6:
        return wsc_decode_ip(d, r);
    case PROTO_GRE:
        return decode_gre(d, r);
    default:
        return WSC_DECODE_OTHER_IP;
    }
}

enum wsc_decode_result wsc_decode_ip_payload(const struct wsc_fragment *frag,
                                             struct wsc_span payload, struct wsc_packet_view *view,
                                             struct wsc_fragment *inner)
{
    *view = (struct wsc_packet_view){.ts_ns = view->ts_ns,
                                     .ref = view->ref,
                                     .family = frag->family,
                                     .ip_proto = frag->ip_proto,
                                     .ttl = frag->ttl,
                                     .tunnel_id = frag->tunnel_id};
    memcpy(view->src, frag->src, sizeof(view->src));
    memcpy(view->dst, frag->dst, sizeof(view->dst));
    struct wsc_decode d = {.view = view, .frag = inner};
    struct wsc_reader r = wsc_reader_of(payload.ptr, payload.len);
    /* The fragmentable part of an IPv6 packet may begin with extension headers. */
    return frag->family == 6 ? decode_extensions(&d, r, frag->ip_proto, true)
                             : wsc_decode_transport(&d, r, frag->ip_proto);
}
