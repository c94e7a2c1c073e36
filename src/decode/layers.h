/* Private to decode: how the layers hand a packet on. */
#ifndef WSC_DECODE_LAYERS_H
#define WSC_DECODE_LAYERS_H

#include "base/bytes.h"
#include "decode/packet.h"

/* IP headers and Ethernet headers inside each other, at most; also tags and labels in a row. */
#define WSC_DECODE_MAX_DEPTH 8u

enum { WSC_ETHERTYPE_IPV4 = 0x0800, WSC_ETHERTYPE_MPLS = 0x8847, WSC_ETHERTYPE_IPV6 = 0x86dd };

enum {
    WSC_PROTO_IPIP = 4,
    WSC_PROTO_TCP = 6,
    WSC_PROTO_UDP = 17,
    WSC_PROTO_IPV6 = 41,
    WSC_PROTO_GRE = 47,
    WSC_PROTO_AH = 51
};

struct wsc_decode {
    struct wsc_packet_view *view;
    struct wsc_fragment *frag;
    uint32_t tail;  /* bytes of the packet that were not captured */
    unsigned depth; /* headers entered so far: what bounds the recursion */
};

/* What |r| has not read yet, to hand to the next layer (a span travels in registers). */
static inline struct wsc_span wsc_rd_rest(const struct wsc_reader *r)
{
    return (struct wsc_span){.ptr = r->p, .len = wsc_rd_left(r)};
}

/* Each decodes |in|: the captured bytes from its header to the end of the packet. */
enum wsc_decode_result wsc_decode_ethernet(struct wsc_decode *d, struct wsc_span in);
enum wsc_decode_result wsc_decode_ethertype(struct wsc_decode *d, struct wsc_span in,
                                            uint16_t type);
enum wsc_decode_result wsc_decode_ip(struct wsc_decode *d, struct wsc_span in);
enum wsc_decode_result wsc_decode_tcp(struct wsc_decode *d, struct wsc_span in);

/* |in| is the payload of the IP header in |view|. What is tunnelled but no IP is OTHER_IP, with the
 * tunnel's own addresses; a UDP tunnel is told by its port alone: damage there is OTHER_IP too. */
enum wsc_decode_result wsc_decode_gre(struct wsc_decode *d, struct wsc_span in);
enum wsc_decode_result wsc_decode_udp(struct wsc_decode *d, struct wsc_span in);

#endif
