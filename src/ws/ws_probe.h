/* Are these bytes WebSocket frames? For connections whose handshake was not captured, and to find
 * the framing again after bytes were lost. One probe for each direction, fed with what each TCP
 * segment carries, in stream order.
 *
 * Evidence is counted in bits: how unlikely it is that bytes of another protocol, or the inside of
 * a payload, would look like this by chance. A frame header adds what it constrains; ending exactly
 * where a segment ends, a Close body with a legal code and a UTF-8 reason, text that is UTF-8, add
 * to it. Anything illegal ends the run of frames. The arithmetic is explained in ws_probe.c. */
#ifndef WSC_WS_PROBE_H
#define WSC_WS_PROBE_H

#include <wsclose/types.h>

/* Plain; private to ws_probe.c but for |start|, |next| and |bits|. */
struct wsc_ws_probe {
    uint64_t start;     /* stream offset at which the run of frames starts */
    uint64_t next;      /* stream offset of the next frame header (also of one not yet whole) */
    uint64_t seen;      /* frames met, hashed: a repeated pattern is no evidence */
    uint16_t bits;      /* evidence so far; 0: no run */
    uint16_t kinds;     /* first bytes met */
    uint8_t header[14]; /* of the frame under way */
    uint8_t have;       /* bytes of |header| while it is not whole, else 0 */
    uint8_t flags;
    uint8_t short_ends, long_ends, contents, repeats; /* how often each finding was counted */
};

/* Thresholds, in bits. Each false positive costs trust: at 50 bits a billion random segments give
 * less than one in 10^6. A bare Close (24 bits) is enough to find the framing again, but two of
 * them, one each way, are not enough to call a connection of which nothing else was captured a
 * WebSocket. */
#define WSC_WS_PROBE_PICKUP 50u /* a connection we know nothing of, both directions together */
#define WSC_WS_PROBE_RESYNC 24u /* one direction of a connection known to be a WebSocket */

void wsc_ws_probe_init(struct wsc_ws_probe *p);

/* One segment's bytes at stream offset |offset|. A run can start at the segment's first byte only,
 * and goes on over several frames and segments; a hole (offset beyond the last byte fed) inside a
 * payload is tolerated, elsewhere it ends the run. Returns the evidence in bits so far. */
unsigned wsc_ws_probe_feed(struct wsc_ws_probe *p, struct wsc_span segment, uint64_t offset);

/* Who sends, by the frames of the run, which are all masked (client) or all unmasked (server); NONE
 * if there is no run or no header of it is whole yet. */
enum wsc_side wsc_ws_probe_sender(const struct wsc_ws_probe *p);

#endif
