/* Puts IP fragments together again (RFC 791 3.2, RFC 8200 4.5, RFC 5722: overlapping IPv6 fragments
 * drop the datagram; for IPv4 the bytes that came first win).
 *
 * Holds at most |max_bytes| of fragments and 4,096 datagrams; at a ceiling the oldest datagram is
 * dropped and counted. A datagram not whole 30 s (packet time) after its first fragment is dropped
 * (RFC 791 suggests 15 s, Linux uses 30). */
#ifndef WSC_FLOW_IP_DEFRAG_H
#define WSC_FLOW_IP_DEFRAG_H

#include "decode/packet.h"

struct wsc_ip_defrag;

struct wsc_ip_defrag *wsc_ip_defrag_new(size_t max_bytes); /* NULL: no memory */
void wsc_ip_defrag_free(struct wsc_ip_defrag *d);          /* NULL is legal */

/* Takes a fragment seen at |ts_ns|. Returns true when it completes a datagram: |first| is then the
 * description of the first fragment (its data span is not valid) and |payload| the whole, both
 * valid until the next call. */
bool wsc_ip_defrag_push(struct wsc_ip_defrag *d, const struct wsc_fragment *frag, uint64_t ts_ns,
                        struct wsc_fragment *first, struct wsc_span *payload);

/* Datagrams given up so far (ceiling, time, overlap), and bytes held now. */
uint64_t wsc_ip_defrag_dropped(const struct wsc_ip_defrag *d);
size_t wsc_ip_defrag_held(const struct wsc_ip_defrag *d);

#endif
