/* One packet in, one struct out: what IP and TCP say, wherever they stand in the packet.
 *
 * Stateless. All spans point into the packet that was decoded. */
#ifndef WSC_DECODE_PACKET_H
#define WSC_DECODE_PACKET_H

#include <wsclose/types.h>

enum wsc_decode_result {
    WSC_DECODE_TCP,      /* all of |view| is set */
    WSC_DECODE_FRAGMENT, /* an IP fragment: |frag| is set; reassemble, then wsc_decode_ip_payload()
                          */
    WSC_DECODE_OTHER_IP, /* IP, but not TCP: |view| holds family, addresses, |ip_proto| and,
                          * for UDP that was not cut, the ports */
    WSC_DECODE_NOT_IP,   /* ARP, LLDP, ...: well-formed, not ours */
    WSC_DECODE_BAD,      /* cut or damaged before the end of TCP's 20 fixed bytes, a length that
                          * contradicts another, or nested too deep */
    WSC_DECODE_LINK      /* a link type we do not read */
};

enum {
    WSC_TCP_FIN = 0x01,
    WSC_TCP_SYN = 0x02,
    WSC_TCP_RST = 0x04,
    WSC_TCP_PSH = 0x08,
    WSC_TCP_ACK = 0x10,
    WSC_TCP_URG = 0x20
};

/* Oddities of the innermost IP packet; none stops decoding. */
enum wsc_quirk {
    WSC_QUIRK_ZERO_IP_LEN = 1 << 0, /* length 0 in the IP header: a jumbogram, or segmentation
                                     * off-load, where the packet's own length counts */
    WSC_QUIRK_TRUNCATED = 1 << 1,   /* captured bytes end before the IP packet did */
    WSC_QUIRK_BAD_OPTIONS = 1 << 2  /* TCP options do not parse; the rest is used */
};

/* Network identifiers of tunnels have 24 bits. */
#define WSC_TUNNEL_MAX (UINT32_C(1) << 24)

/* Set as far as the result says; |ts_ns| and |ref| always, the rest is indeterminate. */
struct wsc_packet_view {
    uint64_t ts_ns;
    uint64_t ref;
    uint8_t family; /* 4 or 6, of the innermost IP header */
    uint8_t ip_proto;
    uint8_t ttl; /* or hop limit */
    uint8_t tcp_flags;
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint16_t window;           /* as in the header, not scaled */
    uint16_t ip_id;            /* IPv4; 0 for IPv6 */
    uint16_t quirks;           /* enum wsc_quirk */
    int8_t window_scale;       /* from a SYN's option, -1 if none */
    uint8_t src[16], dst[16];  /* IPv4 in the first 4 bytes, the rest 0 */
    uint32_t tunnel_id;        /* innermost VXLAN or Geneve network identifier plus 1, 0 if none; at
                                * most WSC_TUNNEL_MAX */
    const uint8_t *payload;    /* never NULL for TCP, even if empty */
    uint32_t payload_len;      /* bytes of payload captured */
    uint32_t payload_wire_len; /* bytes of payload the packet had; >= payload_len */
    struct wsc_span l3;        /* innermost IP header to the end of the captured packet, for nDPI */
};

/* An IP fragment (RFC 791, RFC 8200 4.5). */
struct wsc_fragment {
    uint8_t family, ip_proto, ttl;
    uint8_t src[16], dst[16];
    uint32_t id;
    uint32_t tunnel_id;
    uint32_t offset; /* bytes */
    bool more;
    struct wsc_span data; /* the fragment's payload, as captured */
    uint32_t wire_len;    /* >= data.len: cut by the snap length if larger */
};

/* Decodes |pkt| from its link layer inwards, through tags (VLAN, VN-Tag, E-Tag), MPLS, PPPoE and
 * tunnels (GRE with ERSPAN and PPTP, IP in IP, and by UDP port: VXLAN, Geneve, GTP-U, Teredo,
 * MPLS), at most 8 IP and Ethernet headers inside each other. Checksums are not verified: off-load
 * makes them wrong in captures. Fills |view| and, for FRAGMENT, |frag|. */
enum wsc_decode_result wsc_decode_packet(const struct wsc_packet *pkt, struct wsc_packet_view *view,
                                         struct wsc_fragment *frag);

/* Decodes what a reassembled datagram carried: |frag| of the first fragment, |payload| the whole of
 * it. |view| comes with ts_ns and ref of the packet that completed it. A tunnel inside is followed,
 * and may carry a fragment again (|inner|); without one |l3| is left empty. */
enum wsc_decode_result wsc_decode_ip_payload(const struct wsc_fragment *frag,
                                             struct wsc_span payload, struct wsc_packet_view *view,
                                             struct wsc_fragment *inner);

#endif
