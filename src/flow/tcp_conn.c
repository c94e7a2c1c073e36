#include "flow/tcp_conn.h"

#include "base/alloc.h"

#include <string.h>

/* How long a hole that cannot be filled any more is kept, for packets that a capture shows in the
 * wrong order. */
#define HOLE_GRACE_NS      UINT64_C(1000000000)
#define HOLE_GRACE_PACKETS 32u

/* The largest receive window there can be is 2^30 (RFC 7323 2.3). */
#define MAX_WINDOW (INT32_C(1) << 30)

/* Segments in a row outside of it before the connection is taken for another one, whose SYN was not
 * captured. */
#define FOREIGN_MAX 8u

/* A receiver that accepted an RST sends nothing more; what it sent before is not under way for
 * longer than this. */
#define RST_HEEDED_NS UINT64_C(5000000000)

struct feed {
    struct wsc_tcp_conn *c;
    struct wsc_tcp_shared *sh;
    const struct wsc_tcp_ops *ops;
    void *ctx;
    enum wsc_way way;
    const struct wsc_packet_view *v;
    struct wsc_tcp_at at;
};

void wsc_tcp_shared_init(struct wsc_tcp_shared *sh, size_t max_held, size_t max_held_per_dir)
{
    *sh = (struct wsc_tcp_shared){.max_held = max_held, .max_held_per_dir = max_held_per_dir};
    wsc_pool_init(&sh->ends_pool, sizeof(struct wsc_tcp_ends), 64);
}

void wsc_tcp_shared_clear(struct wsc_tcp_shared *sh)
{
    wsc_pool_clear(&sh->ends_pool);
}

/* Distance of |seq| from the next byte expected; the 32-bit wrap is solved here and nowhere else.
 */
static int32_t distance(const struct wsc_tcp_dir *d, uint32_t seq)
{
    return (int32_t)(seq - (d->seq0 + (uint32_t)d->next_off));
}

/* Sets |*off| to the offset of |seq|. False if it lies before the origin or nowhere near. */
static bool offset_of(const struct wsc_tcp_dir *d, uint32_t seq, uint64_t *off)
{
    int32_t dist = distance(d, seq);
    if (dist > MAX_WINDOW || (dist < 0 && (uint64_t)(-(int64_t)dist) > d->next_off))
        return false;
    *off = d->next_off + (uint64_t)(int64_t)dist;
    return true;
}

static void start(struct wsc_tcp_dir *d, uint32_t seq0)
{
    d->seq0 = seq0;
    d->flags |= WSC_TCP_STARTED;
}

static struct wsc_tcp_ends *ends_of(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh)
{
    if (c->ends == NULL) {
        c->ends = wsc_pool_get(&sh->ends_pool);
        if (c->ends != NULL)
            *c->ends = (struct wsc_tcp_ends){0};
    }
    return c->ends;
}

/* ---- handing on ---- */

static void deliver(struct feed *f, enum wsc_way way, struct wsc_span data, uint64_t uncaptured,
                    const struct wsc_tcp_at *at)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    if (data.len > 0) {
        uint64_t off = d->next_off;
        d->next_off += data.len;
        f->ops->on_data(f->ctx, way, off, data, at);
    }
    if (uncaptured > 0) {
        uint64_t off = d->next_off;
        d->next_off += uncaptured;
        d->missing += uncaptured;
        f->ops->on_gap(f->ctx, way, off, uncaptured, at);
    }
}

static void release_held(struct wsc_tcp_dir *d)
{
    wsc_reorder_clear(d->held);
    wsc_free(d->held);
    d->held = NULL;
    d->flags &= (uint8_t)~WSC_TCP_HOLE_OVERDUE;
}

/* Hands on the held chunks whose turn has come. |filler|: the packet that filled the hole, NULL if
 * it was given up. */
static void drain(struct feed *f, enum wsc_way way, const struct wsc_tcp_at *filler)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    struct wsc_chunk *c;
    while (d->held != NULL && (c = wsc_reorder_first(d->held)) != NULL && c->off <= d->next_off) {
        size_t before = d->held->bytes;
        c = wsc_reorder_pop(d->held);
        f->sh->held_bytes -= before - d->held->bytes;
        uint64_t old = d->next_off - c->off;
        if (old < c->wire_len) {
            size_t skip = old < c->len ? (size_t)old : c->len;
            struct wsc_tcp_at at = c->at;
            if (filler != NULL) {
                at.ts_ns = filler->ts_ns;
                at.ref = filler->ref;
            }
            struct wsc_span rest = {.ptr = c->data + skip, .len = c->len - skip};
            deliver(f, way, rest, c->wire_len - old - rest.len, &at);
        }
        wsc_chunk_free(c);
        d->flags &= (uint8_t)~WSC_TCP_HOLE_OVERDUE;
    }
    if (d->held != NULL && d->held->root == NULL)
        release_held(d);
}

/* The first hole will not be filled: it becomes a gap. */
static void give_up_hole(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    const struct wsc_chunk *first = wsc_reorder_first(d->held);
    struct wsc_tcp_at at = first->at;
    deliver(f, way, (struct wsc_span){0}, first->off - d->next_off, &at);
    drain(f, way, NULL);
}

/* A hole is overdue when its bytes reached the receiver, or when the receiver's packets are not in
 * the capture. */
static bool hole_overdue(const struct wsc_tcp_conn *c, enum wsc_way way)
{
    const struct wsc_tcp_dir *d = &c->dir[way];
    if (!(c->dir[wsc_way_back(way)].flags & WSC_TCP_SEEN))
        return true;
    return (d->flags & WSC_TCP_ACKED) && d->acked_off > d->next_off;
}

static void check_hole(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    while (d->held != NULL) {
        if (!hole_overdue(f->c, way))
            return;
        if (!(d->flags & WSC_TCP_HOLE_OVERDUE)) {
            d->flags |= WSC_TCP_HOLE_OVERDUE;
            d->held->overdue_ns = f->v->ts_ns;
            d->held->overdue_packets = 0;
        }
        d->held->overdue_packets++;
        if (d->held->overdue_packets < HOLE_GRACE_PACKETS ||
            f->v->ts_ns < d->held->overdue_ns + HOLE_GRACE_NS)
            return;
        give_up_hole(f, way);
    }
}

/* ---- SYN ---- */

static bool ended(const struct wsc_tcp_conn *c)
{
    return c->ends != NULL;
}

/* Returns true if the packet starts another connection. */
static bool take_syn(struct feed *f)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_dir *back = &f->c->dir[wsc_way_back(f->way)];
    uint32_t first_byte = f->v->seq + 1;
    if ((f->v->tcp_flags & WSC_TCP_ACK) && (back->flags & WSC_TCP_SYN_PENDING) &&
        f->v->ack == back->pending_isn + 1)
        return true;
    if (!(d->flags & WSC_TCP_STARTED)) {
        start(d, first_byte);
        d->flags |= WSC_TCP_SYN_SEEN;
        return false;
    }
    if (d->seq0 == first_byte) {
        d->flags |= WSC_TCP_SYN_SEEN; /* its origin was known from an acknowledgement, or it is sent
                                         again */
        return false;
    }
    if (ended(f->c) || d->end_off == 0)
        return true;
    if (!(f->v->tcp_flags & WSC_TCP_ACK)) {
        d->flags |= WSC_TCP_SYN_PENDING;
        d->pending_isn = f->v->seq;
    }
    return false;
}

/* ---- ACK ---- */

static void take_ack(struct feed *f)
{
    enum wsc_way other = wsc_way_back(f->way);
    struct wsc_tcp_dir *d = &f->c->dir[other];
    if (!(d->flags & WSC_TCP_STARTED))
        start(d, f->v->ack);
    uint64_t off = 0;
    if (!offset_of(d, f->v->ack, &off))
        return;
    f->at.ack_off = off;
    if (!(d->flags & WSC_TCP_ACKED) || off > d->acked_off) {
        d->flags |= WSC_TCP_ACKED;
        d->acked_off = off;
        if (off >= d->end_off)
            d->acked_ns = d->new_ns;
    }
}

/* ---- RST ---- */

/* RFC 9293 3.10.7.4, RFC 5961 3.2: exactly the next byte the receiver expects. What that is can be
 * seen only within a range: at least what it acknowledged, at most what was sent (the FIN counts).
 */
static bool rst_in_range(const struct wsc_tcp_dir *d, uint64_t off, bool *ahead)
{
    uint64_t high = d->end_off + ((d->flags & WSC_TCP_FIN_SEEN) ? 1 : 0);
    uint64_t low = d->end_off;
    if (d->flags & WSC_TCP_ACKED) {
        low = d->acked_off;
        if (high < low)
            high = low;
    }
    *ahead = off > high;
    return off >= low;
}

static void take_rst(struct feed *f)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_ends *e = ends_of(f->c, f->sh);
    if (e == NULL)
        return;
    uint64_t off = 0;
    bool ahead = false, fits;
    if (!(d->flags & (WSC_TCP_STARTED))) {
        fits = true; /* the only packet of this side, or the refusal of a SYN */
    } else {
        fits = offset_of(d, f->v->seq, &off) && rst_in_range(d, off, &ahead);
        /* A refused SYN is answered with sequence number 0 and an acknowledgement of it (RFC
         * 9293 3.10.7.1). */
        if (!fits && d->end_off == 0 && (f->v->tcp_flags & WSC_TCP_ACK) && f->v->seq == 0)
            fits = true;
    }
    if (!fits) {
        e->stale_ref = e->stale_ref != 0 ? e->stale_ref : f->at.ref;
        e->stale_count++;
        return;
    }
    struct wsc_tcp_rst *r = &e->rst[f->way];
    if (r->at.ref == 0)
        *r = (struct wsc_tcp_rst){
            .at = f->at, .off = off, .ip_id = f->v->ip_id, .ttl = f->v->ttl, .ahead = ahead};
}

static void drop_rst(struct wsc_tcp_ends *e, struct wsc_tcp_rst *r)
{
    e->stale_ref = e->stale_ref != 0 ? e->stale_ref : r->at.ref;
    e->stale_count++;
    *r = (struct wsc_tcp_rst){0};
}

/* Its receiver goes on as if nothing had come: the RST was not accepted after all. */
static void take_back_rst(struct feed *f)
{
    struct wsc_tcp_ends *e = f->c->ends;
    if (e == NULL)
        return;
    struct wsc_tcp_rst *r = &e->rst[wsc_way_back(f->way)];
    if (r->at.ref == 0 || f->at.ack_off == WSC_TCP_NO_ACK)
        return;
    bool goes_on = f->v->ts_ns > r->at.ts_ns + RST_HEEDED_NS;
    if (goes_on || f->at.ack_off > r->off + 1)
        drop_rst(e, r);
}

/* An RST beyond every byte seen cannot come from a sender that goes on with bytes before it. */
static void disown_rst(struct feed *f, uint64_t off)
{
    struct wsc_tcp_ends *e = f->c->ends;
    if (e != NULL && e->rst[f->way].at.ref != 0 && e->rst[f->way].ahead && off < e->rst[f->way].off)
        drop_rst(e, &e->rst[f->way]);
}

/* ---- data and FIN ---- */

static void count_repeat(struct wsc_tcp_dir *d)
{
    if (d->unanswered < UINT8_MAX)
        d->unanswered++;
}

/* Makes room for |need| more bytes by giving up holes, oldest first. False if there is none to be
 * made. */
static bool make_room(struct feed *f, size_t need)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_shared *sh = f->sh;
    while (d->held != NULL &&
           (d->held->bytes + need > sh->max_held_per_dir || sh->held_bytes + need > sh->max_held)) {
        sh->given_up_bytes += wsc_reorder_first(d->held)->off - d->next_off;
        give_up_hole(f, f->way);
    }
    return sh->held_bytes + need <= sh->max_held;
}

static enum wsc_tcp_result hold(struct feed *f, uint64_t off, struct wsc_span data,
                                uint32_t wire_len)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    if (d->held == NULL) {
        d->held = wsc_calloc(1, sizeof(*d->held));
        if (d->held == NULL)
            return WSC_TCP_NOMEM;
    }
    size_t before = d->held->bytes;
    uint64_t fresh = 0;
    bool ok = wsc_reorder_insert(d->held, off, data, wire_len, &f->at, &fresh);
    f->sh->held_bytes += d->held->bytes - before;
    if (fresh == 0) {
        d->retransmitted++;
        count_repeat(d);
    }
    if (d->held->root == NULL)
        release_held(d);
    return ok ? WSC_TCP_TAKEN : WSC_TCP_NOMEM;
}

static void take_in_order(struct feed *f, uint64_t off, struct wsc_span data, uint32_t wire_len)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    uint64_t old = d->next_off - off;
    size_t skip = old < data.len ? (size_t)old : data.len;
    struct wsc_span rest = {.ptr = data.ptr + skip, .len = data.len - skip};
    uint64_t total = wire_len - old;
    if (d->held != NULL) {
        /* Bytes that came first stay: only up to the first chunk held. */
        const struct wsc_chunk *first = wsc_reorder_first(d->held);
        if (first != NULL && first->off < d->next_off + total) {
            total = first->off > d->next_off ? first->off - d->next_off : 0;
            if (rest.len > total)
                rest.len = (size_t)total;
        }
    }
    deliver(f, f->way, rest, total - rest.len, &f->at);
    if (d->held != NULL)
        drain(f, f->way, &f->at);
}

static bool keep_alive_probe(const struct wsc_tcp_dir *d, uint64_t off, uint32_t wire_len)
{
    /* RFC 9293 3.8.4: one before the next byte, with or without that byte of garbage. */
    return wire_len <= 1 && d->end_off > 0 && off + 1 == d->end_off;
}

static enum wsc_tcp_result take_segment(struct feed *f, uint64_t off)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_span data = {.ptr = f->v->payload, .len = f->v->payload_len};
    uint32_t wire_len = f->v->payload_wire_len;
    uint64_t end = off + wire_len;
    if (keep_alive_probe(d, off, wire_len)) {
        count_repeat(d);
        return WSC_TCP_TAKEN;
    }
    if (end > d->end_off) {
        d->end_off = end;
        d->new_ns = f->v->ts_ns;
    }
    if (end <= d->next_off) {
        d->retransmitted++;
        count_repeat(d);
        return WSC_TCP_TAKEN;
    }
    if (off > d->next_off) {
        bool room = make_room(f, sizeof(struct wsc_chunk) + data.len);
        if (off > d->next_off)
            return room ? hold(f, off, data, wire_len) : WSC_TCP_NOMEM;
        if (end <= d->next_off)
            return WSC_TCP_TAKEN;
    }
    take_in_order(f, off, data, wire_len);
    return WSC_TCP_TAKEN;
}

static void take_fin(struct feed *f, uint64_t off)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    if (d->flags & WSC_TCP_FIN_SEEN) {
        count_repeat(d);
        return;
    }
    struct wsc_tcp_ends *e = ends_of(f->c, f->sh);
    if (e == NULL)
        return;
    if (off > d->end_off)
        d->end_off = off;
    d->flags |= WSC_TCP_FIN_SEEN;
    e->fin[f->way] = (struct wsc_tcp_fin){.at = f->at, .off = off};
}

static enum wsc_tcp_result take_data(struct feed *f)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    const struct wsc_packet_view *v = f->v;
    uint32_t seq = v->seq + ((v->tcp_flags & WSC_TCP_SYN) ? 1 : 0);
    if (!(d->flags & WSC_TCP_STARTED))
        start(d, seq);
    if ((d->flags & WSC_TCP_SYN_PENDING) && seq == d->pending_isn + 1)
        return WSC_TCP_RESTART;
    uint64_t off = 0;
    if (!offset_of(d, seq, &off)) {
        bool near = distance(d, seq) < 0 && distance(d, seq) > -MAX_WINDOW;
        if (!near && v->payload_wire_len > 0 && ++d->foreign >= FOREIGN_MAX)
            return WSC_TCP_RESTART;
        return WSC_TCP_TAKEN;
    }
    d->foreign = 0;
    disown_rst(f, off);
    enum wsc_tcp_result r = WSC_TCP_TAKEN;
    if (v->payload_wire_len > 0 ||
        (off + 1 == d->end_off && !(v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_FIN))))
        r = take_segment(f, off);
    if (v->tcp_flags & WSC_TCP_FIN)
        take_fin(f, off + v->payload_wire_len);
    return r;
}

enum wsc_tcp_result wsc_tcp_conn_feed(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh,
                                      enum wsc_way way, const struct wsc_packet_view *v,
                                      const struct wsc_tcp_ops *ops, void *ctx)
{
    struct feed f = {.c = c,
                     .sh = sh,
                     .ops = ops,
                     .ctx = ctx,
                     .way = way,
                     .v = v,
                     .at = {.ts_ns = v->ts_ns, .ref = v->ref, .ack_off = WSC_TCP_NO_ACK}};
    struct wsc_tcp_dir *d = &c->dir[way];
    if ((v->tcp_flags & WSC_TCP_SYN) && take_syn(&f))
        return WSC_TCP_RESTART;
    if (!(d->flags & WSC_TCP_SEEN)) {
        d->flags |= WSC_TCP_SEEN;
        d->ttl = v->ttl;
    }
    if ((v->tcp_flags & WSC_TCP_ACK) && !(v->tcp_flags & WSC_TCP_RST))
        take_ack(&f);
    c->dir[wsc_way_back(way)].unanswered = 0;
    enum wsc_tcp_result r = WSC_TCP_TAKEN;
    if (v->tcp_flags & WSC_TCP_RST) {
        take_rst(&f);
    } else {
        take_back_rst(&f);
        r = take_data(&f);
    }
    if (r != WSC_TCP_RESTART) {
        if (c->dir[WSC_WAY_UP].held != NULL)
            check_hole(&f, WSC_WAY_UP);
        if (c->dir[WSC_WAY_DOWN].held != NULL)
            check_hole(&f, WSC_WAY_DOWN);
    }
    return r;
}

/* ---- the end ---- */

static void finish_dir(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    while (d->held != NULL)
        give_up_hole(f, way);
    uint64_t end = d->end_off;
    if (d->flags & WSC_TCP_ACKED) {
        /* One more than the bytes seen may be a FIN that was not captured. */
        uint64_t acked = d->acked_off > 0 ? d->acked_off - 1 : 0;
        if (acked > end)
            end = acked;
    }
    const struct wsc_tcp_rst *r = f->c->ends != NULL ? &f->c->ends->rst[way] : NULL;
    if (r != NULL && r->at.ref != 0 && r->off > end && !(r->off == end + 1))
        end = r->off;
    if (end > d->next_off)
        deliver(f, way, (struct wsc_span){0}, end - d->next_off, &f->at);
}

void wsc_tcp_conn_finish(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh,
                         const struct wsc_tcp_ops *ops, void *ctx)
{
    struct feed f = {.c = c, .sh = sh, .ops = ops, .ctx = ctx, .at = {.ack_off = WSC_TCP_NO_ACK}};
    finish_dir(&f, WSC_WAY_UP);
    finish_dir(&f, WSC_WAY_DOWN);
}

void wsc_tcp_conn_clear(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh)
{
    for (int w = 0; w < 2; w++) {
        if (c->dir[w].held == NULL)
            continue;
        sh->held_bytes -= c->dir[w].held->bytes;
        wsc_reorder_clear(c->dir[w].held);
        wsc_free(c->dir[w].held);
    }
    wsc_pool_put(&sh->ends_pool, c->ends);
    *c = (struct wsc_tcp_conn){0};
}

bool wsc_tcp_conn_acked(const struct wsc_tcp_conn *c, enum wsc_way way, uint64_t off)
{
    return (c->dir[way].flags & WSC_TCP_ACKED) && c->dir[way].acked_off >= off;
}

bool wsc_tcp_conn_over(const struct wsc_tcp_conn *c)
{
    const struct wsc_tcp_ends *e = c->ends;
    if (e == NULL)
        return false;
    for (int w = 0; w < 2; w++)
        if (e->rst[w].at.ref != 0 && !e->rst[w].ahead)
            return true;
    return e->fin[0].at.ref != 0 && e->fin[1].at.ref != 0 && c->dir[0].next_off >= e->fin[0].off &&
           c->dir[1].next_off >= e->fin[1].off;
}

bool wsc_tcp_conn_done(const struct wsc_tcp_conn *c)
{
    const struct wsc_tcp_ends *e = c->ends;
    if (e == NULL)
        return false;
    for (int w = 0; w < 2; w++) {
        const struct wsc_tcp_dir *d = &c->dir[w];
        if (e->fin[w].at.ref == 0 || d->next_off != e->fin[w].off || d->held != NULL ||
            !(d->flags & WSC_TCP_ACKED) || d->acked_off != e->fin[w].off + 1)
            return false;
    }
    return true;
}
