/* Builds packets for tests, from the inside out: begin with the payload, then put one header after
 * the other in front of what is there. Lengths are filled in from what is inside.
 *
 *     struct wsc_test_packet p;
 *     wsc_test_packet_init(&p);
 *     wsc_test_put(&p, "hello", 5);
 *     wsc_test_put_tcp(&p, &tcp);
 *     wsc_test_put_ip(&p, &ip, 6);
 *     wsc_test_put_ethernet(&p, 0x0800);
 *     feed(wsc_test_bytes(&p));
 *
 * or, for plain TCP over Ethernet, all of it by wsc_test_tcp_packet(). What does not fit, or an
 * address that does not parse, aborts. */
#ifndef WSC_TEST_PCAP_BUILDER_H
#define WSC_TEST_PCAP_BUILDER_H

#include <wsclose/types.h>

#define WSC_TEST_PACKET_MAX 131072u

struct wsc_test_packet {
    size_t at; /* the packet is bytes[at ..] */
    uint8_t bytes[WSC_TEST_PACKET_MAX];
};

/* Zero means the usual: ttl 64, no fragment. */
struct wsc_test_ip {
    const char *src, *dst; /* "10.0.0.1" or "2001:db8::1", both of one family */
    uint8_t ttl;
    uint16_t id; /* IPv4 */
    uint16_t
        flags_frag; /* IPv4: flags (0x2000 more, 0x4000 don't) and offset in units of 8 bytes */
    bool checksums; /* else 0 */
};

struct wsc_test_tcp {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint8_t flags; /* WSC_TCP_SYN, ... */
    uint16_t window;
    struct wsc_span options; /* padded with zeros to a multiple of 4; 40 bytes at most */
};

void wsc_test_packet_init(struct wsc_test_packet *p);
struct wsc_span wsc_test_bytes(const struct wsc_test_packet *p);

/* Puts |n| bytes in front. */
void wsc_test_put(struct wsc_test_packet *p, const void *data, size_t n);
/* The same from hex (support/hex.h). */
void wsc_test_put_hex(struct wsc_test_packet *p, const char *hex);
/* All of what is there becomes the payload. The TCP checksum is set by wsc_test_put_ip(). */
void wsc_test_put_tcp(struct wsc_test_packet *p, const struct wsc_test_tcp *tcp);
void wsc_test_put_udp(struct wsc_test_packet *p, uint16_t sport, uint16_t dport);
/* |proto|: of what is there, 6 for TCP. */
void wsc_test_put_ip(struct wsc_test_packet *p, const struct wsc_test_ip *ip, uint8_t proto);
void wsc_test_put_ethernet(struct wsc_test_packet *p, uint16_t ethertype);

/* Ethernet, IP, TCP, |payload|. The span points into |p|. */
struct wsc_span wsc_test_tcp_packet(struct wsc_test_packet *p, const struct wsc_test_ip *ip,
                                    const struct wsc_test_tcp *tcp, struct wsc_span payload);

#endif
