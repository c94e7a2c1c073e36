/* Which packets of a stream belong to given TCP connections. Feed the stream, then ask.
 *
 * A connection is what the analyzer takes for one: from its first packet, with the SYN before it if
 * only the answer was taken for the first, to the last straggler before the next connection on the
 * same ports. All fragments of its packets belong to it, and so do the packets of a tunnel that
 * carry it. */
#ifndef WSCLOSE_EXTRACT_H
#define WSCLOSE_EXTRACT_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_picker;

struct wsc_pick {
    struct wsc_endpoint client, server;
    uint64_t first_ref; /* of its first packet, as in wsc_packet.ref; 0: that packet is gone, and
                           the first one between these ends from |from_ns| on takes its place */
    uint64_t from_ns;
};
#define WSC_PICKS_MAX 8u

/* At most this many packets are picked; beyond it wsc_picker_feed() is WSC_ERR_LIMIT. */
#define WSC_PICKED_MAX ((size_t)64 << 20)

/* Returns WSC_OK, WSC_ERR_INVALID (n is not 1..WSC_PICKS_MAX, an end is not known) or
 * WSC_ERR_NOMEM. The caller frees it. */
enum wsc_err wsc_picker_new(const struct wsc_pick *picks, size_t n,
                            struct wsc_picker **out) WSC_MUST_USE;

/* Takes the next packet. Returns WSC_OK, WSC_ERR_LIMIT or WSC_ERR_NOMEM. */
enum wsc_err wsc_picker_feed(struct wsc_picker *p, const struct wsc_packet *pkt) WSC_MUST_USE;

/* True when connection |i| of those asked for was found; its other end need not have been. */
bool wsc_picker_found(const struct wsc_picker *p, size_t i);

struct wsc_picked {
    uint64_t at;  /* the packet was the at-th fed, from 0 */
    uint64_t ref; /* its own; 0: not known, it carried a part of what a later one completed */
    size_t pick;  /* which connection it belongs to */
};
/* The packets, in the order they were fed, each once. Valid until the next call with |p|. */
size_t wsc_picker_result(struct wsc_picker *p, const struct wsc_picked **out);

/* The client randoms of the TLS hellos that were seen in the connections, by which a key log has
 * their secrets: fills at most |cap|, returns how many. */
size_t wsc_picker_client_randoms(const struct wsc_picker *p, uint8_t (*out)[32], size_t cap);
#define WSC_PICK_RANDOMS_MAX 4u /* of one connection; what comes later is not kept */

void wsc_picker_free(struct wsc_picker *p); /* NULL is legal */

#endif
