#include "tcp.h"

#include <stdlib.h>

#define BURST_MAX (65536u / WIRE_MSS + 1)

struct piece {
    const uint8_t *bytes;
    uint32_t seq, len;
};

void tcp_init(struct tcp *c, struct wire_endpoint client, struct wire_endpoint server,
              uint32_t number)
{
    c->peer[TCP_CLIENT] = (struct tcp_peer){
        .at = client, .seq = number * 2654435761u, .ip_id = (uint16_t)(number * 7919u), .ttl = 64};
    c->peer[TCP_SERVER] = (struct tcp_peer){.at = server,
                                            .seq = number * 2246822519u + 1,
                                            .ip_id = (uint16_t)(number * 104729u),
                                            .ttl = 57};
}

static void segment(struct wire *w, struct tcp *c, enum tcp_side side, uint8_t flags,
                    const struct piece *p)
{
    struct tcp_peer *from = &c->peer[side], *to = &c->peer[!side];
    wire_tcp(w, &(struct wire_segment){.from = from->at,
                                       .to = to->at,
                                       .seq = p->seq,
                                       .ack = to->seq,
                                       .ip_id = from->ip_id++,
                                       .ttl = from->ttl,
                                       .flags = flags,
                                       .payload = p->bytes,
                                       .len = p->len});
}

/* Without payload; a SYN or a FIN takes a sequence number. */
static void bare(struct wire *w, struct tcp *c, enum tcp_side side, uint8_t flags)
{
    static const uint8_t nothing[1];
    segment(w, c, side, flags, &(struct piece){.bytes = nothing, .seq = c->peer[side].seq});
    c->peer[side].seq += (flags & (WIRE_SYN | WIRE_FIN)) != 0;
}

void tcp_open(struct wire *w, struct tcp *c)
{
    bare(w, c, TCP_CLIENT, WIRE_SYN);
    bare(w, c, TCP_SERVER, WIRE_SYN | WIRE_ACK);
    bare(w, c, TCP_CLIENT, WIRE_ACK);
}

/* Takes each piece that is not to be seen out of the burst. Returns whether the first remains. */
static bool miss(struct wire *w, struct piece *p, uint32_t *n, struct tcp_damage *d)
{
    bool first_seen = true;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *n; i++) {
        d->segments++;
        if (wire_random(w, 10000) < d->miss) {
            d->missed++;
            first_seen = first_seen && i != 0;
        } else {
            p[kept++] = p[i];
        }
    }
    *n = kept;
    return first_seen;
}

/* Lets pieces come later, behind one to all of those that follow them in the burst. */
static void reorder(struct wire *w, struct piece *p, uint32_t n, struct tcp_damage *d)
{
    for (d->owed += (uint64_t)n * d->reorder; d->owed >= 10000 && n >= 2; d->owed -= 10000) {
        uint32_t i = wire_random(w, n - 1), behind = 1 + wire_random(w, n - 1 - i);
        struct piece late = p[i];
        for (uint32_t k = 0; k < behind; k++)
            p[i + k] = p[i + k + 1];
        p[i + behind] = late;
        d->reordered++;
    }
}

bool tcp_send(struct wire *w, struct tcp *c, enum tcp_side from, const uint8_t *bytes, uint32_t n,
              struct tcp_damage *damage)
{
    struct piece p[BURST_MAX];
    uint32_t count = 0;
    bool first_seen = true;
    if (n > 65536)
        abort();
    for (uint32_t at = 0; at < n; at += p[count++].len)
        p[count] = (struct piece){.bytes = bytes + at,
                                  .seq = c->peer[from].seq + at,
                                  .len = n - at < WIRE_MSS ? n - at : WIRE_MSS};
    if (damage != NULL) {
        first_seen = miss(w, p, &count, damage);
        reorder(w, p, count, damage);
    }
    for (uint32_t i = 0; i < count; i++)
        segment(w, c, from, WIRE_PSH | WIRE_ACK, &p[i]);
    for (uint32_t i = 0; damage != NULL && i < count; i++)
        if (wire_random(w, 10000) < damage->repeat) {
            segment(w, c, from, WIRE_PSH | WIRE_ACK, &p[i]);
            damage->repeated++;
        }
    c->peer[from].seq += n;
    return first_seen;
}

void tcp_ack(struct wire *w, struct tcp *c, enum tcp_side from)
{
    bare(w, c, from, WIRE_ACK);
}

void tcp_fin(struct wire *w, struct tcp *c, enum tcp_side first)
{
    bare(w, c, first, WIRE_FIN | WIRE_ACK);
    bare(w, c, !first, WIRE_FIN | WIRE_ACK);
    bare(w, c, first, WIRE_ACK);
}

void tcp_reset(struct wire *w, struct tcp *c, enum tcp_side from)
{
    bare(w, c, from, WIRE_RST | WIRE_ACK);
}
