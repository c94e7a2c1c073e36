/* Which RST counts: what its receiver would make of it (RFC 9293 3.10.7.4, RFC 5961 3.2), judged
 * from the side. Private to flow. */
#ifndef WSC_FLOW_TCP_RST_H
#define WSC_FLOW_TCP_RST_H

#include "flow/tcp_conn.h"

/* Where |v|, sent by |way|, came from, against what came from there before. */
struct wsc_tcp_origin wsc_tcp_origin_of(const struct wsc_tcp_conn *c, enum wsc_way way,
                                        const struct wsc_packet_view *v);

/* |way| sent a packet that is no RST: after its own RST, that is told of it. */
void wsc_tcp_rst_after(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_tcp_at *at);

/* An RST that |way| sent. |c->more->resets| must be there. */
void wsc_tcp_rst_take(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v,
                      const struct wsc_tcp_at *at);

/* |way| sent another packet: if it goes on as if no RST had come from the other side, that one was
 * not accepted. */
void wsc_tcp_rst_answer(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_tcp_at *at);

/* |way| sent |v|, at stream offset |off|, after its RST. Bytes that come a little late, up to the
 * RST, confirm it; a sender that goes on with bytes before it, or ends elsewhere, did not send it.
 */
void wsc_tcp_rst_weigh(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v,
                       uint64_t off);

/* |way| sent a segment again that the other side has had: an RST of that side it has not, if that
 * was long ago. */
void wsc_tcp_rst_repeat(struct wsc_tcp_conn *c, enum wsc_way way, uint64_t ts_ns);

#endif
