/* Protocol hints for flows, by nDPI. A hint labels; it never decides what is a WebSocket.
 *
 * nDPI sees at most 2 payload packets of a flow, and a bounded cache of verdicts by server endpoint
 * spares it most flows. Its flow struct exists only until it has decided. */
#ifndef WSC_IDENT_H
#define WSC_IDENT_H

#include "decode/packet.h"

struct wsc_ident;
struct wsc_ident_flow; /* nDPI's state of one undecided flow */

#define WSC_IDENT_PACKETS 2u    /* payload packets fed, at most */
#define WSC_IDENT_LABELS  1024u /* distinct labels; beyond it "Other" */

struct wsc_ident *wsc_ident_new(void); /* NULL: nDPI could not be set up */
void wsc_ident_free(struct wsc_ident *id);

/* Feeds a payload packet of an undecided flow. |*flow| is NULL at first and belongs to the caller
 * until decided. |server_*| is the flow's server end. Returns a label (>= 1) once decided, with
 * |*flow| freed; 0 while undecided. |last|: decide now. */
unsigned wsc_ident_feed(struct wsc_ident *id, struct wsc_ident_flow **flow,
                        const struct wsc_packet_view *view, bool from_client, bool last);
void wsc_ident_drop(struct wsc_ident *id, struct wsc_ident_flow **flow);

/* "TLS.Discord", "HTTP", "Unknown"; lives as long as |id|. 0 gives NULL. */
const char *wsc_ident_name(const struct wsc_ident *id, unsigned label);

#endif
