/* A TCP connection as a capture point sees it: what is sent arrives, and is acknowledged. Where the
 * damage says so, the capture point sees segments late, twice or not at all; the peers do not
 * notice.
 */
#ifndef GENERATOR_TCP_H
#define GENERATOR_TCP_H

#include "wire.h"

enum tcp_side {
    TCP_CLIENT,
    TCP_SERVER,
};

struct tcp_peer {
    struct wire_endpoint at;
    uint32_t seq; /* of the next byte it sends */
    uint16_t ip_id;
    uint8_t ttl;
};

struct tcp {
    struct tcp_peer peer[2]; /* by enum tcp_side */
};

/* Of 10,000 segments with payload; what was done is counted. */
struct tcp_damage {
    uint32_t reorder, repeat, miss;
    uint64_t segments, reordered, repeated, missed;
    uint64_t owed; /* reorderings, in 10,000ths: a burst of one segment has nothing to reorder */
};

/* |number| decides the sequence numbers. */
void tcp_init(struct tcp *c, struct wire_endpoint client, struct wire_endpoint server,
              uint32_t number);
void tcp_open(struct wire *w, struct tcp *c); /* the three-way handshake */

/* Sends |n| bytes, at most 64 KB, in full segments. |damage| may be NULL: none. Returns whether the
 * first segment was seen. */
bool tcp_send(struct wire *w, struct tcp *c, enum tcp_side from, const uint8_t *bytes, uint32_t n,
              struct tcp_damage *damage);
void tcp_ack(struct wire *w, struct tcp *c, enum tcp_side from);
void tcp_fin(struct wire *w, struct tcp *c, enum tcp_side first); /* both ways */
void tcp_reset(struct wire *w, struct tcp *c, enum tcp_side from);

#endif
