#include "flow/flow_key.h"

#include <string.h>

_Static_assert(sizeof(struct wsc_flow_key) == 40,
               "a key is hashed as bytes and must have no padding");

enum wsc_way wsc_flow_key_of(const struct wsc_packet_view *view, struct wsc_flow_key *key)
{
    int order = memcmp(view->src, view->dst, 16);
    enum wsc_way way =
        order < 0 || (order == 0 && view->sport <= view->dport) ? WSC_WAY_UP : WSC_WAY_DOWN;
    memcpy(key->addr[way], view->src, 16);
    memcpy(key->addr[wsc_way_back(way)], view->dst, 16);
    key->port[way] = view->sport;
    key->port[wsc_way_back(way)] = view->dport;
    key->net = wsc_flow_net(view->tunnel_id, view->family);
    return way;
}
