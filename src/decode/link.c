#include "decode/layers.h"

#include <string.h>

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
    TYPE_BRIDGED = 0x6558, /* transparent Ethernet bridging */
    TYPE_VLAN = 0x8100,
    TYPE_PPP = 0x880b,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE_SESSION = 0x8864,
    TYPE_QINQ = 0x88a8,
    TYPE_FABRIC_PATH = 0x8903,
    TYPE_VNTAG = 0x8926,
    TYPE_ETAG = 0x893f,
    TYPE_QINQ_OLD = 0x9100
};

/* Below it the type field is a length: 802.3 with LLC (IEEE 802.3 3.2.6). */
#define FIRST_ETHERTYPE 0x0600u

static enum wsc_decode_result decode_mpls(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
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
            return wsc_decode_ip(d, wsc_rd_rest(&r));
        if (nibble == 0)
            wsc_rd_skip(&r, 4);
        return wsc_decode_ethernet(d, wsc_rd_rest(&r));
    }
    return WSC_DECODE_BAD;
}

/* SNAP (RFC 1042): AA AA 03, organisation 00 00 00 (or 00 00 F8, IEEE 802.1H), EtherType. */
static enum wsc_decode_result decode_llc(struct wsc_decode *d, struct wsc_span in)
{
    if (in.len < 3)
        return WSC_DECODE_BAD;
    if (memcmp(in.ptr, "\xaa\xaa\x03", 3) != 0)
        return WSC_DECODE_NOT_IP;
    if (in.len < 8)
        return WSC_DECODE_BAD;
    uint16_t type = wsc_be16(in.ptr + 6);
    bool ethertype = wsc_be16(in.ptr + 3) == 0 && (in.ptr[5] == 0 || in.ptr[5] == 0xf8);
    /* A length here would be LLC in LLC, without end. */
    if (!ethertype || type < FIRST_ETHERTYPE)
        return WSC_DECODE_NOT_IP;
    return wsc_decode_ethertype(d, (struct wsc_span){.ptr = in.ptr + 8, .len = in.len - 8}, type);
}

static enum wsc_decode_result decode_ppp(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    /* RFC 1661 6.5 and 6.6, RFC 1662: address and control may be there or not; the protocol may be
     * one byte if it is odd. */
    if (wsc_rd_left(&r) >= 2 && r.p[0] == 0xff && r.p[1] == 0x03)
        wsc_rd_skip(&r, 2);
    uint16_t proto = wsc_rd_u8(&r);
    if (!(proto & 1))
        proto = (uint16_t)(proto << 8 | wsc_rd_u8(&r));
    if (r.short_read || proto == 0xff) /* no protocol: the address, cut */
        return WSC_DECODE_BAD;
    switch (proto) {
    case 0x0021:
    case 0x0057:
        return wsc_decode_ip(d, wsc_rd_rest(&r));
    case 0x0281:
        return decode_mpls(d, wsc_rd_rest(&r));
    default:
        return WSC_DECODE_NOT_IP;
    }
}

/* RFC 2516 4: version and type, code, session, length. */
static enum wsc_decode_result decode_pppoe(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    wsc_rd_skip(&r, 6);
    return r.short_read ? WSC_DECODE_BAD : decode_ppp(d, wsc_rd_rest(&r));
}

/* Bytes of a tag between its own type and the type it tells of; 0 if |type| is no tag. */
static size_t tag_len(uint16_t type)
{
    switch (type) {
    case TYPE_VLAN:
    case TYPE_QINQ:
    case TYPE_QINQ_OLD:
        return 2;
    case TYPE_VNTAG:
        return 4;
    case TYPE_ETAG:
        return 6;
    default:
        return 0;
    }
}

static enum wsc_decode_result decode_untagged(struct wsc_decode *d, struct wsc_span in,
                                              uint16_t type)
{
    switch (type) {
    case WSC_ETHERTYPE_IPV4:
    case WSC_ETHERTYPE_IPV6:
        return wsc_decode_ip(d, in);
    case WSC_ETHERTYPE_MPLS:
    case TYPE_MPLS_MULTICAST:
        return decode_mpls(d, in);
    case TYPE_PPPOE_SESSION:
        return decode_pppoe(d, in);
    case TYPE_PPP:
        return decode_ppp(d, in);
    case TYPE_BRIDGED:
        return wsc_decode_ethernet(d, in);
    case TYPE_FABRIC_PATH:
        if (in.len < 2)
            return WSC_DECODE_BAD;
        return wsc_decode_ethernet(d, (struct wsc_span){.ptr = in.ptr + 2, .len = in.len - 2});
    default:
        return type < FIRST_ETHERTYPE ? decode_llc(d, in) : WSC_DECODE_NOT_IP;
    }
}

enum wsc_decode_result wsc_decode_ethertype(struct wsc_decode *d, struct wsc_span in, uint16_t type)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    size_t tag;
    for (unsigned tags = 0; (tag = tag_len(type)) > 0; tags++) {
        wsc_rd_skip(&r, tag);
        type = wsc_rd_be16(&r);
        if (r.short_read || tags == WSC_DECODE_MAX_DEPTH)
            return WSC_DECODE_BAD;
    }
    return decode_untagged(d, wsc_rd_rest(&r), type);
}

enum wsc_decode_result wsc_decode_ethernet(struct wsc_decode *d, struct wsc_span in)
{
    if (++d->depth > WSC_DECODE_MAX_DEPTH || in.len < 14)
        return WSC_DECODE_BAD;
    uint16_t type = wsc_be16(in.ptr + 12);
    struct wsc_span rest = {.ptr = in.ptr + 14, .len = in.len - 14};
    return type == WSC_ETHERTYPE_IPV4 ? wsc_decode_ip(d, rest)
                                      : wsc_decode_ethertype(d, rest, type);
}

/* The address family is in the writer's byte order (LINKTYPE_LOOP: network order), and its IPv6
 * number differs by system; which IP it is the packet itself says. */
static enum wsc_decode_result decode_loopback(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    uint32_t family = wsc_rd_be32(&r);
    if (r.short_read)
        return WSC_DECODE_BAD;
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:  /* AF_INET, everywhere */
    case 10: /* AF_INET6: Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS */
    case 23:
    case 24:
    case 28:
    case 30:
        return wsc_decode_ip(d, wsc_rd_rest(&r));
    default:
        return WSC_DECODE_NOT_IP;
    }
}

/* A header of |len| bytes with an EtherType at |type_at|. */
static enum wsc_decode_result decode_typed(struct wsc_decode *d, struct wsc_span in, size_t len,
                                           size_t type_at)
{
    if (in.len < len)
        return WSC_DECODE_BAD;
    struct wsc_span rest = {.ptr = in.ptr + len, .len = in.len - len};
    return wsc_decode_ethertype(d, rest, wsc_be16(in.ptr + type_at));
}

/* Four bytes, then attributes: length with header, type, value, padding to 4; length and type in
 * the byte order of this machine (libpcap swaps them where the file's differs). */
static enum wsc_decode_result decode_nflog(struct wsc_decode *d, struct wsc_span in)
{
    enum { NFULA_PAYLOAD = 9 };
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    wsc_rd_skip(&r, 4);
    for (unsigned i = 0; i < 64 && wsc_rd_left(&r) >= 4; i++) {
        uint16_t len, type;
        const uint8_t *h = wsc_rd_bytes(&r, 4);
        memcpy(&len, h, 2);
        memcpy(&type, h + 2, 2);
        if (len < 4)
            return WSC_DECODE_BAD;
        if (type == NFULA_PAYLOAD)
            return wsc_decode_ip(d, wsc_rd_rest(&r));
        wsc_rd_skip(&r, ((len + 3u) & ~3u) - 4u);
    }
    return r.short_read || wsc_rd_left(&r) > 0 || d->tail > 0 ? WSC_DECODE_BAD : WSC_DECODE_NOT_IP;
}

static enum wsc_decode_result decode_link(struct wsc_decode *d, struct wsc_span in, uint32_t link)
{
    switch (link) {
    case LINK_ETHERNET:
        return wsc_decode_ethernet(d, in);
    case LINK_NULL:
    case LINK_LOOP:
        return decode_loopback(d, in);
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_IPV4:
    case LINK_IPV6:
        return wsc_decode_ip(d, in);
    case LINK_LINUX_SLL:
        return decode_typed(d, in, 16, 14);
    case LINK_LINUX_SLL2:
        return decode_typed(d, in, 20, 0);
    case LINK_C_HDLC:
        return decode_typed(d, in, 4, 2);
    case LINK_PPP:
    case LINK_PPP_HDLC:
        return decode_ppp(d, in);
    case LINK_PPP_ETHER:
        return decode_pppoe(d, in);
    case LINK_NFLOG:
        return decode_nflog(d, in);
    default:
        return WSC_DECODE_LINK;
    }
}

enum wsc_decode_result wsc_decode_packet(const struct wsc_packet *pkt, struct wsc_packet_view *view,
                                         struct wsc_fragment *frag)
{
    /* The rest of |view| is written by the layer that knows it: clearing all of it costs more than
     * decoding. */
    view->ts_ns = pkt->ts_ns;
    view->ref = pkt->ref;
    view->tunnel_id = 0;
    struct wsc_decode d = {
        .view = view, .frag = frag, .tail = pkt->len > pkt->caplen ? pkt->len - pkt->caplen : 0};
    return decode_link(&d, (struct wsc_span){.ptr = pkt->data, .len = pkt->caplen}, pkt->link);
}
