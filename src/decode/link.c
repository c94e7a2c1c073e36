#include "decode/layers.h"

/* LINKTYPE_ values of the tcpdump.org registry. */
enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW_BSD = 12, /* DLT_RAW where a writer stored it unmapped */
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_HDLC = 50,
    LINK_PPP_ETHER = 51,
    LINK_RAW = 101,
    LINK_C_HDLC = 104,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_NFLOG = 239,
    LINK_LINUX_SLL2 = 276
};

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_BRIDGED = 0x6558, /* transparent Ethernet bridging */
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_PPP = 0x880b,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE_SESSION = 0x8864,
    TYPE_QINQ = 0x88a8,
    TYPE_QINQ_OLD = 0x9100
};

/* Below it the type field is a length: 802.3 with LLC (IEEE 802.3 3.2.6). */
#define FIRST_ETHERTYPE 0x0600u

static enum wsc_decode_result decode_mpls(struct wsc_decode *d, struct wsc_reader r)
{
    for (unsigned i = 0; i < WSC_DECODE_MAX_DEPTH; i++) {
        uint32_t label = wsc_rd_be32(&r);
        if (r.short_read)
            return WSC_DECODE_BAD;
        if (!(label & 0x100))
            continue;
        /* Bottom of the stack: nothing says what follows; IP is told by its version, else a
         * pseudowire with or without its control word (RFC 4385, RFC 4448). */
        if (wsc_rd_left(&r) < 4)
            return WSC_DECODE_BAD;
        uint8_t nibble = r.p[0] >> 4;
        if (nibble == 4 || nibble == 6)
            return wsc_decode_ip(d, r);
        if (nibble == 0)
            wsc_rd_skip(&r, 4);
        return wsc_decode_ethernet(d, r);
    }
    return WSC_DECODE_BAD;
}

static enum wsc_decode_result decode_llc(struct wsc_decode *d, struct wsc_reader r)
{
    /* SNAP: AA AA 03, organisation 00 00 00, EtherType. */
    const uint8_t *h = wsc_rd_bytes(&r, 6);
    uint16_t type = wsc_rd_be16(&r);
    if (r.short_read || h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03)
        return WSC_DECODE_NOT_IP;
    return wsc_decode_ethertype(d, r, type);
}

enum wsc_decode_result wsc_decode_ppp(struct wsc_decode *d, struct wsc_reader r)
{
    /* RFC 1662: address and control may be there or not; the protocol may be one byte if it is odd.
     */
    if (wsc_rd_left(&r) >= 2 && r.p[0] == 0xff && r.p[1] == 0x03)
        wsc_rd_skip(&r, 2);
    uint16_t proto = wsc_rd_u8(&r);
    if (!(proto & 1))
        proto = (uint16_t)(proto << 8 | wsc_rd_u8(&r));
    if (r.short_read)
        return WSC_DECODE_BAD;
    if (proto == 0x0021 || proto == 0x0057)
        return wsc_decode_ip(d, r);
    return proto == 0x0281 ? decode_mpls(d, r) : WSC_DECODE_NOT_IP;
}

static enum wsc_decode_result decode_pppoe(struct wsc_decode *d, struct wsc_reader r)
{
    wsc_rd_skip(&r, 6); /* version and type, code, session, length */
    return r.short_read ? WSC_DECODE_BAD : wsc_decode_ppp(d, r);
}

enum wsc_decode_result wsc_decode_ethertype(struct wsc_decode *d, struct wsc_reader r,
                                            uint16_t type)
{
    for (unsigned tags = 0; tags <= WSC_DECODE_MAX_DEPTH; tags++) {
        switch (type) {
        case TYPE_IPV4:
        case TYPE_IPV6:
            return wsc_decode_ip(d, r);
        case TYPE_VLAN:
        case TYPE_QINQ:
        case TYPE_QINQ_OLD:
            wsc_rd_skip(&r, 2);
            type = wsc_rd_be16(&r);
            if (r.short_read)
                return WSC_DECODE_BAD;
            continue;
        case TYPE_MPLS:
        case TYPE_MPLS_MULTICAST:
            return decode_mpls(d, r);
        case TYPE_PPPOE_SESSION:
            return decode_pppoe(d, r);
        case TYPE_PPP:
            return wsc_decode_ppp(d, r);
        case TYPE_BRIDGED:
            return wsc_decode_ethernet(d, r);
        default:
            return type < FIRST_ETHERTYPE ? decode_llc(d, r) : WSC_DECODE_NOT_IP;
        }
    }
    return WSC_DECODE_BAD;
}

enum wsc_decode_result wsc_decode_ethernet(struct wsc_decode *d, struct wsc_reader r)
{
    if (++d->depth > WSC_DECODE_MAX_DEPTH)
        return WSC_DECODE_BAD;
    wsc_rd_skip(&r, 12);
    uint16_t type = wsc_rd_be16(&r);
    return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethertype(d, r, type);
}

/* The address family of BSD loopback is in the writer's byte order, and its IPv6 number differs by
 * system: the IP version says the same. */
static enum wsc_decode_result decode_loopback(struct wsc_decode *d, struct wsc_reader r)
{
    uint32_t family = wsc_rd_be32(&r);
    if (r.short_read)
        return WSC_DECODE_BAD;
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    bool ip = family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
    return ip ? wsc_decode_ip(d, r) : WSC_DECODE_NOT_IP;
}

static enum wsc_decode_result decode_sll(struct wsc_decode *d, struct wsc_reader r)
{
    wsc_rd_skip(&r, 14);
    uint16_t type = wsc_rd_be16(&r);
    return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethertype(d, r, type);
}

static enum wsc_decode_result decode_sll2(struct wsc_decode *d, struct wsc_reader r)
{
    uint16_t type = wsc_rd_be16(&r);
    wsc_rd_skip(&r, 18);
    return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethertype(d, r, type);
}

static enum wsc_decode_result decode_chdlc(struct wsc_decode *d, struct wsc_reader r)
{
    wsc_rd_skip(&r, 2);
    uint16_t type = wsc_rd_be16(&r);
    return r.short_read ? WSC_DECODE_BAD : wsc_decode_ethertype(d, r, type);
}

static enum wsc_decode_result decode_nflog(struct wsc_decode *d, struct wsc_reader r)
{
    enum { NFULA_PAYLOAD = 9 };
    wsc_rd_skip(&r, 4); /* family, version, resource */
    for (unsigned i = 0; i < 64 && wsc_rd_left(&r) >= 4; i++) {
        /* Attributes in host order of the writer; every writer known is little-endian. */
        const uint8_t *h = wsc_rd_bytes(&r, 4);
        size_t len = (size_t)(h[0] | h[1] << 8);
        if (len < 4)
            return WSC_DECODE_BAD;
        if (h[2] == NFULA_PAYLOAD && h[3] == 0)
            return wsc_decode_ip(d, r);
        wsc_rd_skip(&r, ((len + 3u) & ~(size_t)3) - 4);
    }
    return r.short_read ? WSC_DECODE_BAD : WSC_DECODE_NOT_IP;
}

enum wsc_decode_result wsc_decode_link(struct wsc_decode *d, struct wsc_reader r, uint32_t link)
{
    switch (link) {
    case LINK_ETHERNET:
        return wsc_decode_ethernet(d, r);
    case LINK_NULL:
    case LINK_LOOP:
        return decode_loopback(d, r);
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_IPV4:
    case LINK_IPV6:
        return wsc_decode_ip(d, r);
    case LINK_LINUX_SLL:
        return decode_sll(d, r);
    case LINK_LINUX_SLL2:
        return decode_sll2(d, r);
    case LINK_PPP:
    case LINK_PPP_HDLC:
        return wsc_decode_ppp(d, r);
    case LINK_PPP_ETHER:
        return decode_pppoe(d, r);
    case LINK_C_HDLC:
        return decode_chdlc(d, r);
    case LINK_NFLOG:
        return decode_nflog(d, r);
    default:
        return WSC_DECODE_LINK;
    }
}

enum wsc_decode_result wsc_decode_packet(const struct wsc_packet *pkt, struct wsc_packet_view *view,
                                         struct wsc_fragment *frag)
{
    *view = (struct wsc_packet_view){.ts_ns = pkt->ts_ns, .ref = pkt->ref};
    struct wsc_decode d = {
        .view = view, .frag = frag, .tail = pkt->len > pkt->caplen ? pkt->len - pkt->caplen : 0};
    return wsc_decode_link(&d, wsc_reader_of(pkt->data, pkt->caplen), pkt->link);
}
