#include "support/pcap_builder.h"

#include "support/hex.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { PROTO_TCP = 6, ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

static void put_be16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v & 0xffff);
}

static size_t length(const struct wsc_test_packet *p)
{
    return sizeof(p->bytes) - p->at;
}

/* Room for |n| bytes in front, zeroed. */
static uint8_t *grow(struct wsc_test_packet *p, size_t n)
{
    if (n > p->at)
        abort();
    p->at -= n;
    return memset(p->bytes + p->at, 0, n);
}

void wsc_test_packet_init(struct wsc_test_packet *p)
{
    p->at = sizeof(p->bytes);
}

struct wsc_span wsc_test_bytes(const struct wsc_test_packet *p)
{
    return (struct wsc_span){.ptr = p->bytes + p->at, .len = length(p)};
}

void wsc_test_put(struct wsc_test_packet *p, const void *data, size_t n)
{
    uint8_t *to = grow(p, n);
    if (n > 0)
        memcpy(to, data, n);
}

void wsc_test_put_hex(struct wsc_test_packet *p, const char *hex)
{
    uint8_t bytes[1024];
    wsc_test_put(p, bytes, wsc_test_hex(hex, bytes, sizeof(bytes)));
}

void wsc_test_put_tcp(struct wsc_test_packet *p, const struct wsc_test_tcp *tcp)
{
    size_t hlen = 20 + (tcp->options.len + 3) / 4 * 4;
    if (hlen > 60)
        abort();
    uint8_t *h = grow(p, hlen);
    put_be16(h, tcp->sport);
    put_be16(h + 2, tcp->dport);
    put_be32(h + 4, tcp->seq);
    put_be32(h + 8, tcp->ack);
    h[12] = (uint8_t)(hlen / 4 << 4);
    h[13] = tcp->flags;
    put_be16(h + 14, tcp->window);
    if (tcp->options.len > 0)
        memcpy(h + 20, tcp->options.ptr, tcp->options.len);
}

void wsc_test_put_udp(struct wsc_test_packet *p, uint16_t sport, uint16_t dport)
{
    size_t len = length(p) + 8;
    uint8_t *h = grow(p, 8);
    put_be16(h, sport);
    put_be16(h + 2, dport);
    put_be16(h + 4, len);
}

/* RFC 1071. */
static uint32_t sum(uint32_t acc, const uint8_t *p, size_t n)
{
    for (; n >= 2; p += 2, n -= 2)
        acc += (uint32_t)p[0] << 8 | p[1];
    if (n > 0)
        acc += (uint32_t)p[0] << 8;
    while (acc > 0xffff)
        acc = (acc & 0xffff) + (acc >> 16);
    return acc;
}

static void parse(int family, const char *text, uint8_t *out)
{
    if (inet_pton(family, text, out) != 1)
        abort();
}

static void checksum_tcp(uint8_t *tcp, size_t len, const uint8_t *addresses, size_t addresses_len)
{
    uint32_t acc = sum(PROTO_TCP + (uint32_t)len, addresses, addresses_len);
    put_be16(tcp + 16, ~sum(acc, tcp, len) & 0xffff);
}

static void put_ipv4(struct wsc_test_packet *p, const struct wsc_test_ip *ip, uint8_t proto)
{
    size_t body = length(p);
    uint8_t *h = grow(p, 20);
    h[0] = 0x45;
    put_be16(h + 2, body + 20);
    put_be16(h + 4, ip->id);
    put_be16(h + 6, ip->flags_frag);
    h[8] = ip->ttl != 0 ? ip->ttl : 64;
    h[9] = proto;
    parse(AF_INET, ip->src, h + 12);
    parse(AF_INET, ip->dst, h + 16);
    if (!ip->checksums)
        return;
    put_be16(h + 10, ~sum(0, h, 20) & 0xffff);
    if (proto == PROTO_TCP)
        checksum_tcp(h + 20, body, h + 12, 8);
}

static void put_ipv6(struct wsc_test_packet *p, const struct wsc_test_ip *ip, uint8_t proto)
{
    size_t body = length(p);
    uint8_t *h = grow(p, 40);
    h[0] = 0x60;
    put_be16(h + 4, body);
    h[6] = proto;
    h[7] = ip->ttl != 0 ? ip->ttl : 64;
    parse(AF_INET6, ip->src, h + 8);
    parse(AF_INET6, ip->dst, h + 24);
    if (ip->checksums && proto == PROTO_TCP)
        checksum_tcp(h + 40, body, h + 8, 32);
}

static bool is_ipv6(const struct wsc_test_ip *ip)
{
    return strchr(ip->src, ':') != NULL;
}

void wsc_test_put_ip(struct wsc_test_packet *p, const struct wsc_test_ip *ip, uint8_t proto)
{
    if (length(p) > 65535 - 20)
        abort();
    if (is_ipv6(ip))
        put_ipv6(p, ip, proto);
    else
        put_ipv4(p, ip, proto);
}

void wsc_test_put_ethernet(struct wsc_test_packet *p, uint16_t ethertype)
{
    uint8_t *h = grow(p, 14);
    h[5] = 2; /* 00:00:00:00:00:01 to 00:00:00:00:00:02 */
    h[11] = 1;
    put_be16(h + 12, ethertype);
}

struct wsc_span wsc_test_tcp_packet(struct wsc_test_packet *p, const struct wsc_test_ip *ip,
                                    const struct wsc_test_tcp *tcp, struct wsc_span payload)
{
    wsc_test_packet_init(p);
    wsc_test_put(p, payload.ptr, payload.len);
    wsc_test_put_tcp(p, tcp);
    wsc_test_put_ip(p, ip, PROTO_TCP);
    wsc_test_put_ethernet(p, is_ipv6(ip) ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    return wsc_test_bytes(p);
}
