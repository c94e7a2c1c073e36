/* Packets into a classic pcap file: Ethernet, IPv4, TCP or UDP, with checksums. One clock and one
 * source of chance for the whole capture, so that the arguments alone decide every byte. A write
 * that fails ends the process. */
#ifndef GENERATOR_WIRE_H
#define GENERATOR_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define WIRE_MSS 1448u /* payload of a full TCP segment: the timestamp option takes 12 bytes */

enum wire_flag {
    WIRE_FIN = 0x01,
    WIRE_SYN = 0x02,
    WIRE_RST = 0x04,
    WIRE_PSH = 0x08,
    WIRE_ACK = 0x10,
};

struct wire_endpoint {
    uint32_t ip;
    uint16_t port;
};

struct wire_segment {
    struct wire_endpoint from, to;
    uint32_t seq, ack;
    uint16_t ip_id;
    uint8_t ttl, flags; /* flags: enum wire_flag */
    const uint8_t *payload;
    uint32_t len; /* 0..WIRE_MSS */
};

struct wire {
    FILE *out;
    uint64_t now_us;         /* since the epoch */
    uint64_t packets, bytes; /* written so far; bytes of frames, as a capture counts them */
    uint64_t chance;
};

/* Writes the file header. |out| is the caller's. */
void wire_begin(struct wire *w, FILE *out);

void wire_tcp(struct wire *w, const struct wire_segment *s);
void wire_udp(struct wire *w, struct wire_endpoint from, struct wire_endpoint to,
              const uint8_t *payload, uint32_t len);

/* 0..below-1 */
uint32_t wire_random(struct wire *w, uint32_t below);

static inline void wire_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
    wire_put16(p, v >> 16);
    wire_put16(p + 2, v & 0xffff);
}

#endif
