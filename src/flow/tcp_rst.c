#include "flow/tcp_rst.h"

/* An RST further ahead than this of the bytes seen is not explained by bytes that were not
 * captured. */
#define RST_AHEAD_MAX (UINT64_C(1) << 20)

/* Packets of one sender that a capture shows in the wrong order are not further apart than this. */
#define MISORDER_NS UINT64_C(200000000)

/* A receiver that accepted an RST sends nothing more; what it sent before is not under way for
 * longer than this. */
#define RST_HEEDED_NS UINT64_C(5000000000)

/* RFC 9293 3.10.7.4, RFC 5961 3.2: exactly the next byte the receiver expects. What that is can be
 * seen only within a range: at least what it acknowledged, at most what was sent (the FIN counts).
 */
static bool rst_in_range(const struct wsc_tcp_dir *d, uint64_t off, bool *ahead)
{
    uint64_t high = wsc_tcp_off(d, d->end_seq) + ((d->flags & WSC_TCP_FIN_SEEN) ? 1 : 0);
    uint64_t low = wsc_tcp_off(d, d->end_seq);
    if (d->flags & WSC_TCP_ACKED) {
        low = wsc_tcp_off(d, d->acked_seq);
        if (high < low)
            high = low;
    }
    *ahead = off > high;
    return off >= low && off <= high + RST_AHEAD_MAX;
}

struct wsc_tcp_origin wsc_tcp_origin_of(const struct wsc_tcp_conn *c, enum wsc_way way,
                                        const struct wsc_packet_view *v)
{
    const struct wsc_tcp_dir *d = &c->dir[way];
    return (struct wsc_tcp_origin){.ttl = v->ttl,
                                   .usual_ttl = d->ttl,
                                   .ttl_run = d->ttl_run,
                                   .id_run = c->id_run[way],
                                   .ip_id = v->ip_id,
                                   .last_id = c->ip_id[way]};
}

/* An RST that does not count is kept as evidence. */
static void note_stale(struct wsc_tcp_resets *e, enum wsc_way way, uint64_t ref,
                       const struct wsc_tcp_origin *origin)
{
    if (e->stale_count++ > 0)
        return;
    e->stale_ref = ref;
    e->stale_origin = *origin;
    e->stale_way = (uint8_t)way;
}

/* What the RST |v| acknowledges of the bytes of |d|, the other side; WSC_TCP_NO_ACK: nothing, or so
 * much that nobody has seen that it is hardly true. */
static uint64_t heard_of(const struct wsc_tcp_dir *d, const struct wsc_packet_view *v)
{
    uint64_t off = 0;
    bool says = (v->tcp_flags & WSC_TCP_ACK) && (d->flags & WSC_TCP_STARTED);
    if (!says || !wsc_tcp_offset_of(d, v->ack, &off))
        return WSC_TCP_NO_ACK;
    return off <= wsc_tcp_off(d, d->end_seq) + RST_AHEAD_MAX ? off : WSC_TCP_NO_ACK;
}

/* Sent again so long after an RST, a segment was not under way any more. */
#define REPEAT_NS UINT64_C(1000000000)

static struct wsc_tcp_resets *resets(const struct wsc_tcp_conn *c)
{
    return c->more != NULL ? c->more->resets : NULL;
}

/* Who had heeded an RST answers all that still comes with one of its own: that of |way| was true,
 * though its sender went on, as the sender of a forged one does. */
static void believe(struct wsc_tcp_resets *e, enum wsc_way way)
{
    struct wsc_tcp_rst *d = &e->doubted[way];
    if (d->at.ref == 0)
        return;
    if (e->rst[way].at.ref == 0)
        e->rst[way] = *d;
    if (--e->stale_count == 0)
        e->stale_ref = 0;
    *d = (struct wsc_tcp_rst){0};
}

void wsc_tcp_rst_take(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v,
                      const struct wsc_tcp_at *at)
{
    const struct wsc_tcp_dir *d = &c->dir[way];
    struct wsc_tcp_resets *e = c->more->resets;
    const struct wsc_tcp_origin origin = wsc_tcp_origin_of(c, way, v);
    uint64_t off = 0;
    bool ahead = false, fits;
    if (!(d->flags & (WSC_TCP_STARTED))) {
        fits = true; /* the only packet of this side, or the refusal of a SYN */
    } else {
        fits = wsc_tcp_offset_of(d, v->seq, &off) && rst_in_range(d, off, &ahead);
        /* A refused SYN is answered with sequence number 0 and an acknowledgement of it (RFC
         * 9293 3.10.7.1). */
        if (!fits && wsc_tcp_off(d, d->end_seq) == 0 && (v->tcp_flags & WSC_TCP_ACK) && v->seq == 0)
            fits = true;
    }
    if (!fits) {
        note_stale(e, way, at->ref, &origin);
        return;
    }
    believe(e, wsc_way_back(way));
    struct wsc_tcp_rst *r = &e->rst[way];
    if (r->at.ref != 0)
        return;
    *r = (struct wsc_tcp_rst){.at = *at, .off = off, .origin = origin, .ahead = ahead};
    r->bare = (v->tcp_flags & WSC_TCP_ACK) == 0;
    r->at.ack_off = heard_of(&c->dir[wsc_way_back(way)], v);
}

static void drop(struct wsc_tcp_resets *e, enum wsc_way way)
{
    struct wsc_tcp_rst *r = &e->rst[way];
    note_stale(e, way, r->at.ref, &r->origin);
    *r = (struct wsc_tcp_rst){0};
}

void wsc_tcp_rst_answer(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_tcp_at *at)
{
    struct wsc_tcp_resets *e = resets(c);
    if (e == NULL)
        return;
    struct wsc_tcp_rst *r = &e->rst[wsc_way_back(way)];
    e->doubted[wsc_way_back(way)].at.ref = 0;
    if (r->at.ref == 0 || at->ack_off == WSC_TCP_NO_ACK)
        return;
    bool goes_on = at->ts_ns > r->at.ts_ns + (r->late ? MISORDER_NS : RST_HEEDED_NS);
    if (goes_on || at->ack_off > r->off + 1)
        drop(e, wsc_way_back(way));
}

void wsc_tcp_rst_after(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_tcp_at *at)
{
    struct wsc_tcp_resets *e = resets(c);
    struct wsc_tcp_rst *r = e != NULL ? &e->rst[way] : NULL;
    if (r == NULL || r->at.ref == 0)
        return;
    if (r->after_count++ == 0)
        r->after_ref = at->ref;
}

void wsc_tcp_rst_repeat(struct wsc_tcp_conn *c, enum wsc_way way, uint64_t ts_ns)
{
    struct wsc_tcp_resets *e = resets(c);
    struct wsc_tcp_rst *r = e != NULL ? &e->rst[wsc_way_back(way)] : NULL;
    if (r != NULL && r->at.ref != 0 && ts_ns > r->at.ts_ns + REPEAT_NS && r->repeats < UINT8_MAX)
        r->repeats++;
}

void wsc_tcp_rst_weigh(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v,
                       uint64_t off)
{
    struct wsc_tcp_resets *e = resets(c);
    struct wsc_tcp_rst *r = e != NULL ? &e->rst[way] : NULL;
    if (r == NULL || r->at.ref == 0 || !r->ahead)
        return;
    bool fin = (v->tcp_flags & WSC_TCP_FIN) != 0;
    uint64_t end = off + v->payload_wire_len;
    bool reaches = end == r->off || (fin && end + 1 == r->off);
    bool late = off < r->off && v->ts_ns > r->at.ts_ns + MISORDER_NS;
    if (reaches) {
        r->ahead = false;
        r->late = late;
    } else if (fin || late) {
        e->doubted[way] = *r;
        if (fin)
            e->doubted[way].at.ref = 0;
        drop(e, way);
    }
}
