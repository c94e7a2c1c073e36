/* Plain data that every layer shares: spans, directions, endpoints, packets.
 *
 * Time is uint64_t nanoseconds since the epoch (UTC), everywhere. It is the capture's clock. */
#ifndef WSCLOSE_TYPES_H
#define WSCLOSE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes somebody else owns. |ptr| NULL means "not known"; |len| 0 with a |ptr| means "empty".
 * Never NUL-terminated, never valid longer than the call that handed it over. */
struct wsc_span {
    const uint8_t *ptr;
    size_t len;
};

/* Who sends: the client is who sent the Upgrade or CONNECT (SPEC section 2). */
enum wsc_dir { WSC_DIR_C2S = 0, WSC_DIR_S2C = 1 };

/* Who did something, where "nobody" and "both" are answers too. */
enum wsc_side { WSC_SIDE_NONE = 0, WSC_SIDE_CLIENT, WSC_SIDE_SERVER, WSC_SIDE_BOTH };

static inline enum wsc_side wsc_side_of(enum wsc_dir sender)
{
    return sender == WSC_DIR_C2S ? WSC_SIDE_CLIENT : WSC_SIDE_SERVER;
}

/* An address and a port. |family| is 4 (addr[0..3]) or 6 (addr[0..15]); 0 means "not known". */
struct wsc_endpoint {
    uint8_t addr[16];
    uint16_t port;
    uint8_t family;
};

/* Names one packet: the 0-based number of its capture in this run (16 bits) and its 1-based number
 * in that capture (48 bits), as Wireshark's frame.number. 0 means "no packet". Refs of one run
 * compare in the order in which captures were opened, not in time. */
#define WSC_REF(capture, number) ((uint64_t)(capture) << 48 | (uint64_t)(number))
#define WSC_REF_CAPTURE(ref)     ((unsigned)((ref) >> 48))
#define WSC_REF_NUMBER(ref)      ((ref)&UINT64_C(0xffffffffffff))
#define WSC_MAX_CAPTURES         65535u

/* One captured packet. |link| is a LINKTYPE_ value of the tcpdump.org registry (1 Ethernet, 101 raw
 * IP, ...), not a DLT_ value. |caplen| bytes at |data|; |len| is its length on the wire. */
struct wsc_packet {
    const uint8_t *data;
    uint32_t caplen;
    uint32_t len;
    uint32_t link;
    uint32_t interface; /* its number in the capture's present section; 0 where there is but one */
    uint64_t ts_ns;
    uint64_t ref; /* WSC_REF */
};

#endif
