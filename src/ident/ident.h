/* Protocol hints for flows, by nDPI. A hint labels; it never decides what is a WebSocket.
 *
 * nDPI sees at most 2 payload packets of a flow, and a bounded memory of verdicts by server
 * endpoint spares it most flows. Its flow struct exists only until it has decided.
 *
 * A label depends on the flow's own packets and on what that memory held, never on chance: what is
 * learned in one epoch of packets is known from the second epoch after it on, to several that learn
 * together as it would be to one that sees all flows. */
#ifndef WSC_IDENT_H
#define WSC_IDENT_H

#include "decode/packet.h"

struct wsc_ident;
struct wsc_ident_flow; /* nDPI's state of one undecided flow */
struct wsc_ident_crew; /* several that learn together, each in a thread of its own */

#define WSC_IDENT_PACKETS 2u    /* payload packets fed, at most */
#define WSC_IDENT_LABELS  1024u /* distinct labels; beyond it "Other" */

/* The epoch of a packet, by its number in order. */
static inline uint64_t wsc_ident_epoch_of(uint64_t seq)
{
    return seq >> 12;
}

struct wsc_ident *wsc_ident_new(void); /* NULL: nDPI could not be set up */
void wsc_ident_free(struct wsc_ident *id);

struct wsc_ident_at {
    uint64_t seq; /* of the packet, among those of all flows */
    bool from_client;
    bool last; /* decide now */
};

/* Feeds a payload packet of an undecided flow. |*flow| is NULL at first and belongs to the caller
 * until decided. Returns a label (>= 1) once decided, with |*flow| freed; 0 while undecided. */
unsigned wsc_ident_feed(struct wsc_ident *id, struct wsc_ident_flow **flow,
                        const struct wsc_packet_view *view, const struct wsc_ident_at *at);
void wsc_ident_drop(struct wsc_ident *id, struct wsc_ident_flow **flow);

/* The packets have come to |epoch|. Of a crew every one is to be told of every epoch, flows or not:
 * this waits until all others have come to the epoch before it. */
void wsc_ident_learn(struct wsc_ident *id, uint64_t epoch);

/* "TLS.Discord", "HTTP", "Unknown"; lives as long as |id|. 0 gives NULL. */
const char *wsc_ident_name(const struct wsc_ident *id, unsigned label);

#define WSC_IDENT_CREW_MAX 64u
struct wsc_ident_crew *wsc_ident_crew_new(size_t members); /* NULL: no memory */
void wsc_ident_crew_free(struct wsc_ident_crew *crew);     /* NULL is legal */
/* Before the first packet. The crew outlives |id|. */
void wsc_ident_join(struct wsc_ident *id, struct wsc_ident_crew *crew, size_t member);
/* From now on nobody waits for anybody. NULL is legal. */
void wsc_ident_crew_stop(struct wsc_ident_crew *crew);

#endif
