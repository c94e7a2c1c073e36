#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_LEN   16u
#define ETHERNET_LEN 14u
#define IP_LEN       20u
#define TCP_LEN      32u /* with the timestamp option */
#define UDP_LEN      8u
#define HEADS_LEN    (RECORD_LEN + ETHERNET_LEN + IP_LEN + TCP_LEN + 8)
#define PACKET_US    7u /* from one packet to the next: some 140,000 a second */

static void write_or_die(struct wire *w, const void *p, size_t n)
{
    if (fwrite(p, 1, n, w->out) != n) {
        perror("generate");
        exit(1);
    }
}

void wire_begin(struct wire *w, FILE *out)
{
    /* Microseconds, Ethernet, in the byte order of this machine. */
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
    *w = (struct wire){
        .out = out, .now_us = UINT64_C(1767323045000000), .chance = UINT64_C(0x9e3779b97f4a7c15)};
    write_or_die(w, header, sizeof(header));
}

/* xorshift64* (Marsaglia, Vigna): any fixed sequence would do. */
uint32_t wire_random(struct wire *w, uint32_t below)
{
    w->chance ^= w->chance >> 12;
    w->chance ^= w->chance << 25;
    w->chance ^= w->chance >> 27;
    uint64_t high = (w->chance * UINT64_C(0x2545f4914f6cdd1d)) >> 32;
    return (uint32_t)(high * below >> 32);
}

/* The sum of 16-bit words in any byte order, as RFC 1071 2(B) allows; folded by checksum(). */
static uint64_t sum(const uint8_t *p, uint32_t n, uint64_t from)
{
    uint32_t word;
    for (; n >= 4; n -= 4, p += 4) {
        memcpy(&word, p, 4);
        from += word;
    }
    uint8_t rest[4] = {0};
    memcpy(rest, p, n);
    memcpy(&word, rest, 4);
    return from + word;
}

static void checksum(uint8_t *at, uint64_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    uint16_t folded = (uint16_t)~total;
    memcpy(at, &folded, 2);
}

struct packet {
    struct wire_endpoint from, to;
    uint8_t protocol, ttl;
    uint16_t ip_id;
    uint32_t header_len; /* of TCP or UDP */
    uint32_t check_at;   /* of the checksum in it */
    const uint8_t *payload;
    uint32_t len;
};

/* |heads| has the TCP or UDP header in place, the rest is written here. */
static void packet(struct wire *w, uint8_t *heads, const struct packet *p)
{
    uint8_t *eth = heads + RECORD_LEN, *ip = eth + ETHERNET_LEN, *transport = ip + IP_LEN;
    uint32_t carried = p->header_len + p->len, wire = ETHERNET_LEN + IP_LEN + carried;
    uint32_t record[4] = {(uint32_t)(w->now_us / 1000000), (uint32_t)(w->now_us % 1000000), wire,
                          wire};
    memcpy(heads, record, sizeof(record));
    memcpy(eth, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", ETHERNET_LEN);
    ip[0] = 0x45;
    wire_put16(ip + 2, IP_LEN + carried);
    wire_put16(ip + 4, p->ip_id);
    ip[6] = 0x40; /* do not fragment */
    ip[8] = p->ttl;
    ip[9] = p->protocol;
    wire_put32(ip + 12, p->from.ip);
    wire_put32(ip + 16, p->to.ip);
    checksum(ip + 10, sum(ip, IP_LEN, 0));
    wire_put16(transport, p->from.port);
    wire_put16(transport + 2, p->to.port);
    uint8_t pseudo[4] = {0, p->protocol, (uint8_t)(carried >> 8), (uint8_t)carried};
    uint64_t total = sum(ip + 12, 8, sum(pseudo, 4, 0));
    checksum(transport + p->check_at,
             sum(p->payload, p->len, sum(transport, p->header_len, total)));
    write_or_die(w, heads, RECORD_LEN + ETHERNET_LEN + IP_LEN + p->header_len);
    write_or_die(w, p->payload, p->len);
    w->now_us += PACKET_US;
    w->packets++;
    w->bytes += wire;
}

void wire_tcp(struct wire *w, const struct wire_segment *s)
{
    uint8_t heads[HEADS_LEN] = {0}, *tcp = heads + RECORD_LEN + ETHERNET_LEN + IP_LEN;
    bool syn = (s->flags & WIRE_SYN) != 0;
    uint32_t header_len = TCP_LEN + (syn ? 8 : 0);
    wire_put32(tcp + 4, s->seq);
    wire_put32(tcp + 8, (s->flags & WIRE_ACK) ? s->ack : 0);
    tcp[12] = (uint8_t)(header_len / 4 << 4);
    tcp[13] = s->flags;
    wire_put16(tcp + 14, 0xffff);
    memcpy(tcp + 20, "\x01\x01\x08\x0a", 4);
    wire_put32(tcp + 24, (uint32_t)(w->now_us / 1000));
    wire_put32(tcp + 28, (s->flags & WIRE_ACK) ? (uint32_t)(w->now_us / 1000) - 1 : 0);
    if (syn) /* MSS 1460, window scale 7 */
        memcpy(tcp + 32, "\x02\x04\x05\xb4\x03\x03\x07\x01", 8);
    packet(w, heads,
           &(struct packet){.from = s->from,
                            .to = s->to,
                            .protocol = 6,
                            .ttl = s->ttl,
                            .ip_id = s->ip_id,
                            .header_len = header_len,
                            .check_at = 16,
                            .payload = s->payload,
                            .len = s->len});
}

void wire_udp(struct wire *w, struct wire_endpoint from, struct wire_endpoint to,
              const uint8_t *payload, uint32_t len)
{
    uint8_t heads[HEADS_LEN] = {0}, *udp = heads + RECORD_LEN + ETHERNET_LEN + IP_LEN;
    wire_put16(udp + 4, UDP_LEN + len);
    packet(w, heads,
           &(struct packet){.from = from,
                            .to = to,
                            .protocol = 17,
                            .ttl = 64,
                            .header_len = UDP_LEN,
                            .check_at = 6,
                            .payload = payload,
                            .len = len});
}
