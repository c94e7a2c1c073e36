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
    uint32_t net; /* the tunnel, as tenants of an overlay may use the same addresses, and the family
                   */
};

static inline uint32_t wsc_flow_net(uint32_t tunnel_id, uint8_t family)
{
    return tunnel_id << 1 | (family == 6);
}
static inline uint32_t wsc_flow_tunnel(const struct wsc_flow_key *key)
{
    return key->net >> 1;
}
static inline uint8_t wsc_flow_family(const struct wsc_flow_key *key)
{
    return (key->net & 1) != 0 ? 6 : 4;
}

/* Fills |key| from |view|; returns which end sent the packet. */
enum wsc_way wsc_flow_key_of(const struct wsc_packet_view *view, struct wsc_flow_key *key);

static inline bool wsc_flow_key_equal(const struct wsc_flow_key *a, const struct wsc_flow_key *b)
{
    return __builtin_memcmp(a, b, sizeof(*a)) == 0;
}

#endif
