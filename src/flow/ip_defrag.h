/* Puts IP fragments together again (RFC 791 3.2, RFC 8200 4.5). Where fragments overlap, IPv4 takes
 * the bytes that came first; IPv6 drops the datagram and what still comes of it (RFC 5722), unless
 * the fragment is an exact copy. A fragment cut by the snap length dooms its datagram the same way.
 *
 * Holds at most |max_bytes| of fragments and 4,096 datagrams; at a ceiling the oldest datagram is
 * dropped and counted. A datagram not whole 30 s (packet time) after its first fragment is dropped
 * too (RFC 791 suggests 15 s, Linux uses 30). The work per fragment grows with its captured bytes
 * and the logarithm of what its datagram holds. */
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

/* Datagrams and lone impossible fragments given up so far (ceiling, time, overlap, cut), and bytes
 * of |max_bytes| in use now. */
uint64_t wsc_ip_defrag_dropped(const struct wsc_ip_defrag *d);
size_t wsc_ip_defrag_held(const struct wsc_ip_defrag *d);

#endif
