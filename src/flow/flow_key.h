/* The canonical name of a TCP connection: both directions give the same key. */
#ifndef WSC_FLOW_KEY_H
#define WSC_FLOW_KEY_H

#include "base/hash.h"
#include "decode/packet.h"

/* Which end of a key sent a packet. Not client and server: that is known later. */
enum wsc_way { WSC_WAY_UP = 0, WSC_WAY_DOWN = 1 };

static inline enum wsc_way wsc_way_back(enum wsc_way w)
{
    return w == WSC_WAY_UP ? WSC_WAY_DOWN : WSC_WAY_UP;
}

/* No padding: compared and hashed as bytes. End 0 is the lesser by (address, port). */
struct wsc_flow_key {
    uint8_t addr[2][16];
    uint16_t port[2];
    uint32_t tunnel_id; /* tenants of an overlay may use the same addresses */
    uint32_t family;
};

/* Fills |key| from |view|; returns which end sent the packet. */
enum wsc_way wsc_flow_key_of(const struct wsc_packet_view *view, struct wsc_flow_key *key);

static inline bool wsc_flow_key_equal(const struct wsc_flow_key *a, const struct wsc_flow_key *b)
{
    return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

#endif
