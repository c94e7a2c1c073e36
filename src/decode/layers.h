/* Private to decode: how the layers hand a packet on. */
#ifndef WSC_DECODE_LAYERS_H
#define WSC_DECODE_LAYERS_H

#include "base/bytes.h"
#include "decode/packet.h"

/* IP headers and tunnels inside each other, at most; also VLAN tags and MPLS labels in a row. */
#define WSC_DECODE_MAX_DEPTH 8u

struct wsc_decode {
    struct wsc_packet_view *view;
    struct wsc_fragment *frag;
    uint32_t tail; /* bytes of the packet that were not captured */
    unsigned depth;
};

/* Each decodes from |r| on: the captured bytes from its header to the end of the packet. */
enum wsc_decode_result wsc_decode_link(struct wsc_decode *d, struct wsc_reader r, uint32_t link);
enum wsc_decode_result wsc_decode_ethernet(struct wsc_decode *d, struct wsc_reader r);
enum wsc_decode_result wsc_decode_ethertype(struct wsc_decode *d, struct wsc_reader r,
                                            uint16_t type);
enum wsc_decode_result wsc_decode_ppp(struct wsc_decode *d, struct wsc_reader r);
enum wsc_decode_result wsc_decode_ip(struct wsc_decode *d, struct wsc_reader r);
/* |r| holds the payload of the IP header in |view|. */
enum wsc_decode_result wsc_decode_transport(struct wsc_decode *d, struct wsc_reader r,
                                            uint8_t proto);
enum wsc_decode_result wsc_decode_tcp(struct wsc_decode *d, struct wsc_reader r);

#endif
