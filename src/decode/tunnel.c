#include "decode/layers.h"

enum {
    PORT_GTP_U = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    PORT_MPLS = 6635,
    PORT_VXLAN_LINUX = 8472 /* Linux before the port was assigned, Flannel still */
};

enum { GRE_ERSPAN_III = 0x22eb, GRE_WCCP = 0x883e, GRE_ERSPAN = 0x88be };

/* The header of type III says whether Ethernet or bare IP follows, and whether 8 more bytes do. */
static enum wsc_decode_result decode_erspan_iii(struct wsc_decode *d, struct wsc_reader *r)
{
    enum { FRAME_TYPE_IP = 2 };
    const uint8_t *h = wsc_rd_bytes(r, 12);
    if (h != NULL && (h[11] & 1))
        wsc_rd_skip(r, 8);
    if (r->short_read)
        return WSC_DECODE_BAD;
    bool ip = (h[10] >> 2 & 0x1f) == FRAME_TYPE_IP;
    return ip ? wsc_decode_ip(d, wsc_rd_rest(r)) : wsc_decode_ethernet(d, wsc_rd_rest(r));
}

static enum wsc_decode_result decode_gre_payload(struct wsc_decode *d, struct wsc_reader *r,
                                                 uint16_t type, bool has_seq)
{
    switch (type) {
    case GRE_ERSPAN: /* type I has no header, type II one of 8 bytes (and a sequence number) */
        wsc_rd_skip(r, has_seq ? 8 : 0);
        return r->short_read ? WSC_DECODE_BAD : wsc_decode_ethernet(d, wsc_rd_rest(r));
    case GRE_ERSPAN_III:
        return decode_erspan_iii(d, r);
    case GRE_WCCP: /* version 2 puts 4 bytes before the IPv4 packet, version 1 none */
        if (wsc_rd_left(r) > 0 && r->p[0] >> 4 != 4)
            wsc_rd_skip(r, 4);
        return r->short_read ? WSC_DECODE_BAD : wsc_decode_ip(d, wsc_rd_rest(r));
    default:
        return wsc_decode_ethertype(d, wsc_rd_rest(r), type);
    }
}

/* RFC 2784, RFC 2890; version 1 is PPTP's (RFC 2637). */
enum wsc_decode_result wsc_decode_gre(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    uint16_t flags = wsc_rd_be16(&r), type = wsc_rd_be16(&r);
    unsigned version = flags & 7;
    bool has_seq = (flags & 0x1000) != 0;
    /* Source routing (RFC 1701, flag 0x4000) was abolished by RFC 2784. */
    if (!r.short_read && (version > 1 || (flags & 0x4000)))
        return WSC_DECODE_OTHER_IP;
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
    enum wsc_decode_result inner = decode_gre_payload(d, &r, type, has_seq);
    return inner == WSC_DECODE_NOT_IP ? WSC_DECODE_OTHER_IP : inner;
}

/* RFC 7348 5. */
static enum wsc_decode_result decode_vxlan(struct wsc_decode *d, struct wsc_reader *r)
{
    uint32_t flags = wsc_rd_be32(r), vni = wsc_rd_be32(r);
    if (r->short_read || !(flags & 0x08000000))
        return WSC_DECODE_OTHER_IP;
    d->view->tunnel_id = (vni >> 8) + 1;
    return wsc_decode_ethernet(d, wsc_rd_rest(r));
}

/* RFC 8926 3.4. */
static enum wsc_decode_result decode_geneve(struct wsc_decode *d, struct wsc_reader *r)
{
    uint8_t first = wsc_rd_u8(r);
    wsc_rd_skip(r, 1);
    uint16_t type = wsc_rd_be16(r);
    uint32_t vni = wsc_rd_be32(r);
    wsc_rd_skip(r, (first & 0x3fu) * 4u);
    if (r->short_read || first >> 6 != 0)
        return WSC_DECODE_OTHER_IP;
    d->view->tunnel_id = (vni >> 8) + 1;
    return wsc_decode_ethertype(d, wsc_rd_rest(r), type);
}

/* 3GPP TS 29.281 5.1: version 1, a T-PDU. The two directions have tunnel ids of their own, so they
 * name no tenant. */
static enum wsc_decode_result decode_gtp_u(struct wsc_decode *d, struct wsc_reader *r)
{
    uint8_t flags = wsc_rd_u8(r), type = wsc_rd_u8(r), next = 0;
    wsc_rd_skip(r, 6);
    if (flags & 0x07) {
        wsc_rd_skip(r, 3);
        next = wsc_rd_u8(r);
    }
    for (unsigned i = 0; (flags & 0x04) && next != 0 && i < WSC_DECODE_MAX_DEPTH; i++) {
        uint8_t words = wsc_rd_u8(r);
        if (words == 0)
            return WSC_DECODE_OTHER_IP;
        wsc_rd_skip(r, words * 4u - 2u);
        next = wsc_rd_u8(r);
    }
    if (r->short_read || flags >> 4 != 3 || type != 0xff)
        return WSC_DECODE_OTHER_IP;
    return wsc_decode_ip(d, wsc_rd_rest(r));
}

/* RFC 4380 5.1.1: perhaps an authentication, perhaps an origin indication, then an IPv6 packet that
 * fills the datagram; without that last test, other traffic of the port would pass. */
static enum wsc_decode_result decode_teredo(struct wsc_decode *d, struct wsc_reader *r)
{
    if (wsc_rd_left(r) >= 4 && wsc_be16(r->p) == 0x0001)
        wsc_rd_skip(r, 13u + r->p[2] + r->p[3]);
    if (wsc_rd_left(r) >= 2 && wsc_be16(r->p) == 0x0000)
        wsc_rd_skip(r, 8);
    struct wsc_span in = wsc_rd_rest(r);
    bool fills = in.len >= 40 && in.ptr[0] >> 4 == 6 &&
                 wsc_be16(in.ptr + 4) + 40u == in.len + (uint64_t)d->tail;
    return fills ? wsc_decode_ip(d, in) : WSC_DECODE_OTHER_IP;
}

static enum wsc_decode_result decode_udp_tunnel(struct wsc_decode *d, struct wsc_reader *r,
                                                uint16_t port)
{
    switch (port) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return decode_vxlan(d, r);
    case PORT_GENEVE:
        return decode_geneve(d, r);
    case PORT_GTP_U:
        return decode_gtp_u(d, r);
    case PORT_TEREDO:
        return decode_teredo(d, r);
    default:
        return wsc_decode_ethertype(d, wsc_rd_rest(r), WSC_ETHERTYPE_MPLS); /* RFC 7510 */
    }
}

static bool tunnel_port(uint16_t port)
{
    return port == PORT_VXLAN || port == PORT_GENEVE || port == PORT_GTP_U || port == PORT_TEREDO ||
           port == PORT_VXLAN_LINUX || port == PORT_MPLS;
}

enum wsc_decode_result wsc_decode_udp(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_packet_view *v = d->view;
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    v->sport = wsc_rd_be16(&r);
    v->dport = wsc_rd_be16(&r);
    wsc_rd_skip(&r, 4);
    uint16_t port = v->dport;
    /* These answer from their own port; the others are one-way, from a port that is a hash. */
    if (!tunnel_port(port) && (v->sport == PORT_GTP_U || v->sport == PORT_TEREDO))
        port = v->sport;
    if (r.short_read || !tunnel_port(port))
        return WSC_DECODE_OTHER_IP;
    const struct wsc_packet_view outer = *v;
    enum wsc_decode_result inner = decode_udp_tunnel(d, &r, port);
    if (inner == WSC_DECODE_TCP || inner == WSC_DECODE_FRAGMENT)
        return inner;
    *v = outer;
    return WSC_DECODE_OTHER_IP;
}
