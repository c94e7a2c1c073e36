/* Packets in many wrappings: a table of layers around one known TCP segment, and the checks that
 * hold for each of them, whole and cut at every byte. */
#ifndef WSC_TEST_ONION_H
#define WSC_TEST_ONION_H

#include "decode/packet.h"

#define ONION_LAYERS 12

enum onion_kind {
    ONION_END,
    ONION_HEX,
    ONION_ETHERNET,
    ONION_IPV4, /* 192.0.2.1 to 192.0.2.2 */
    ONION_IPV6, /* 2001:db8::1 to 2001:db8::2 */
    ONION_UDP,
    ONION_TCP4, /* the segment: 10.1.2.3:40000 to 10.4.5.6:8080, "hello" */
    ONION_TCP6  /* the same from 2001:db8::a to 2001:db8::b */
};

struct onion_layer {
    enum onion_kind kind;
    const char *hex;
    uint16_t arg, arg2;
};

/* clang-format off */
#define HEX(text)         {.kind = ONION_HEX, .hex = (text)}
#define ETH(type)         {.kind = ONION_ETHERNET, .arg = (type)}
#define IP4(proto)        {.kind = ONION_IPV4, .arg = (proto)}
#define IP6(proto)        {.kind = ONION_IPV6, .arg = (proto)}
#define UDP(sport, dport) {.kind = ONION_UDP, .arg = (sport), .arg2 = (dport)}
#define TCP4              {.kind = ONION_TCP4}
#define TCP6              {.kind = ONION_TCP6}
/* clang-format on */

struct onion {
    const char *name;
    uint32_t link;
    struct onion_layer layers[ONION_LAYERS]; /* outermost first */
    uint32_t tunnel_id;
    const char *trailer; /* hex behind the segment, or NULL */
};

/* What is told of a packet that is not the segment. */
struct onion_odd {
    const char *name;
    uint32_t link;
    struct onion_layer layers[ONION_LAYERS];
    enum wsc_decode_result result;
    uint8_t ip_proto; /* of OTHER_IP */
    uint16_t dport;   /* of OTHER_IP with UDP */
};

/* Decodes |len| bytes from a block of exactly that size, so that a sanitizer sees each byte read
 * beyond; spans of |view| are not valid. |*payload_ok|: |view|'s payload lies in the block and
 * begins as "hello". */
enum wsc_decode_result onion_decode(struct wsc_span bytes, uint32_t wire_len, uint32_t link,
                                    struct wsc_packet_view *view, struct wsc_fragment *frag,
                                    bool *payload_ok);

/* Expects the segment in each packet of the table, and no more than it can know when it is cut. */
void onion_check(const struct onion *table, size_t n);
void onion_check_odd(const struct onion_odd *table, size_t n);

#endif
