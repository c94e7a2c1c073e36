/* From packets to the TCP segments they carry: time, decoding, fragments, and what is counted of
 * them. */
#ifndef WSC_ENGINE_INTAKE_H
#define WSC_ENGINE_INTAKE_H

#include "decode/packet.h"
#include "flow/ip_defrag.h"

#include <wsclose/analyzer.h>

/* Two clocks that packets move. What is forgotten with age goes by |aged_ns|, which a packet moves
 * by a second at most: captures are merged, cut and made by hand, and a leap in their times must
 * not end what goes on after it. */
struct wsc_clock {
    uint64_t now_ns; /* latest packet time */
    uint64_t aged_ns;
    uint64_t last_ts_ns;
    uint64_t seq; /* packets and ticks so far: all that may move a clock or change anything */
};
void wsc_clock_advance(struct wsc_clock *c, uint64_t ts_ns);
/* Time goes on without a packet: never back. */
void wsc_clock_tick(struct wsc_clock *c, uint64_t now_ns);

struct wsc_intake {
    struct wsc_clock clock;
    struct wsc_ip_defrag *defrag;
    bool passing;                    /* what came last was put together of fragments */
    struct wsc_analyzer_stats stats; /* of these, what a packet says by itself */
};

/* False: no memory. */
bool wsc_intake_init(struct wsc_intake *in, size_t max_fragment_bytes);
void wsc_intake_clear(struct wsc_intake *in); /* a zeroed one is legal */

/* Takes a packet. True: |v| is a TCP segment, valid as long as the packet, but if it lies in a
 * datagram that was put together (|passing|) only until the next call. */
bool wsc_intake_take(struct wsc_intake *in, const struct wsc_packet *pkt,
                     struct wsc_packet_view *v);

#endif
