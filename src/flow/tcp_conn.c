#include "flow/tcp_conn.h"

#include "base/alloc.h"
#include "flow/tcp_rst.h"

#include <string.h>

/* How long a hole that cannot be filled any more is kept, for packets that a capture shows in the
 * wrong order. */
#define HOLE_GRACE_NS      UINT64_C(1000000000)
#define HOLE_GRACE_PACKETS 32u

/* A hole of which that much is missing may hide the end of one connection and the start of the
 * next. */
#define DOUBTFUL_GAP (INT32_C(1) << 18)

/* Segments in a row outside of it before the connection is taken for another one, whose SYN was not
 * captured. */
#define FOREIGN_MAX 8u

struct feed {
    struct wsc_tcp_conn *c;
    struct wsc_tcp_shared *sh;
    const struct wsc_tcp_ops *ops;
    void *ctx;
    enum wsc_way way;
    const struct wsc_packet_view *v;
    struct wsc_tcp_at at;
};

void wsc_tcp_shared_init(struct wsc_tcp_shared *sh, size_t max_held, size_t max_held_per_dir,
                         size_t block)
{
    size_t least = sizeof(struct wsc_tcp_more);
    *sh = (struct wsc_tcp_shared){.max_held = max_held,
                                  .max_held_per_dir = max_held_per_dir,
                                  .seed = (uint32_t)wsc_hash_key_random().k[0]};
    wsc_pool_init(&sh->more_pool, block > least ? block : least, 256);
    wsc_pool_init(&sh->resets_pool, sizeof(struct wsc_tcp_resets), 32);
}

void wsc_tcp_shared_clear(struct wsc_tcp_shared *sh)
{
    wsc_pool_clear(&sh->more_pool);
    wsc_pool_clear(&sh->resets_pool);
}

static void start(struct wsc_tcp_dir *d, uint32_t seq0)
{
    d->seq0 = d->end_seq = seq0;
    d->flags |= WSC_TCP_STARTED;
}

static struct wsc_tcp_more *more_of(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh)
{
    if (c->more == NULL) {
        c->more = wsc_pool_get(&sh->more_pool);
        if (c->more != NULL)
            *c->more = (struct wsc_tcp_more){0};
    }
    return c->more;
}

static struct wsc_tcp_resets *resets_of(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh)
{
    struct wsc_tcp_more *more = more_of(c, sh);
    if (more != NULL && more->resets == NULL) {
        more->resets = wsc_pool_get(&sh->resets_pool);
        if (more->resets != NULL)
            *more->resets = (struct wsc_tcp_resets){0};
    }
    return more != NULL ? more->resets : NULL;
}

static uint64_t end_off(const struct wsc_tcp_dir *d)
{
    return wsc_tcp_off(d, d->end_seq);
}

static uint64_t acked_off(const struct wsc_tcp_dir *d)
{
    return wsc_tcp_off(d, d->acked_seq);
}

static void set_end(struct wsc_tcp_dir *d, uint64_t off)
{
    d->end_seq = d->seq0 + (uint32_t)off;
}

static struct wsc_reorder *held_of(const struct wsc_tcp_conn *c, enum wsc_way way)
{
    return c->more != NULL ? c->more->held[way] : NULL;
}

/* ---- handing on ---- */

/* Moves on in the stream. An acknowledgement that falls too far behind could be mistaken for one
 * ahead. */
static void step(struct wsc_tcp_dir *d, uint64_t n)
{
    d->next_off += n;
    if (d->next_off > end_off(d))
        set_end(d, d->next_off);
    if ((d->flags & WSC_TCP_ACKED) && acked_off(d) + WSC_TCP_MAX_WINDOW < d->next_off)
        d->flags &= (uint8_t)~WSC_TCP_ACKED;
}

static void deliver(struct feed *f, enum wsc_way way, struct wsc_span data, uint64_t uncaptured,
                    const struct wsc_tcp_at *at)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    if (data.len > 0) {
        uint64_t off = d->next_off;
        step(d, data.len);
        f->ops->on_data(f->ctx, way, off, data, at);
    }
    if (uncaptured > 0) {
        uint64_t off = d->next_off;
        struct wsc_tcp_more *more = more_of(f->c, f->sh);
        step(d, uncaptured);
        if (more != NULL)
            more->missing[way] += uncaptured;
        f->ops->on_gap(f->ctx, way, off, uncaptured, at);
    }
}

static void release_held(struct wsc_tcp_conn *c, enum wsc_way way)
{
    wsc_reorder_clear(c->more->held[way]);
    wsc_free(c->more->held[way]);
    c->more->held[way] = NULL;
    c->dir[way].flags &= (uint8_t)~WSC_TCP_HOLE_OVERDUE;
}

/* Hands on the held chunks whose turn has come. |filler|: the packet that filled the hole, NULL if
 * it was given up. */
static void drain(struct feed *f, enum wsc_way way, const struct wsc_tcp_at *filler)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    struct wsc_reorder *held = held_of(f->c, way);
    struct wsc_chunk *c;
    while (held != NULL && (c = wsc_reorder_first(held)) != NULL && c->off <= d->next_off) {
        size_t before = held->bytes;
        c = wsc_reorder_pop(held);
        f->sh->held_bytes -= before - held->bytes;
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
    if (held != NULL && held->root == NULL)
        release_held(f->c, way);
}

/* The first hole will not be filled: it becomes a gap. */
static void give_up_hole(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    const struct wsc_chunk *first = wsc_reorder_first(held_of(f->c, way));
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
    return (d->flags & WSC_TCP_ACKED) && acked_off(d) > d->next_off;
}

static void check_hole(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    for (struct wsc_reorder *held; (held = held_of(f->c, way)) != NULL;) {
        if (!hole_overdue(f->c, way))
            return;
        if (!(d->flags & WSC_TCP_HOLE_OVERDUE)) {
            d->flags |= WSC_TCP_HOLE_OVERDUE;
            held->overdue_ns = f->v->ts_ns;
            held->overdue_packets = 0;
        }
        held->overdue_packets++;
        if (held->overdue_packets < HOLE_GRACE_PACKETS ||
            f->v->ts_ns < held->overdue_ns + HOLE_GRACE_NS)
            return;
        give_up_hole(f, way);
    }
}

/* ---- SYN ---- */

/* Returns true if the packet starts another connection. */
static bool take_syn(struct feed *f)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_dir *back = &f->c->dir[wsc_way_back(f->way)];
    uint32_t first_byte = f->v->seq + 1;
    if ((f->v->tcp_flags & WSC_TCP_ACK) && (back->flags & WSC_TCP_SYN_PENDING) &&
        f->v->ack == f->c->more->pending_isn[wsc_way_back(f->way)] + 1)
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
    if (wsc_tcp_conn_ending(f->c) || end_off(d) == 0)
        return true;
    if (!(f->v->tcp_flags & WSC_TCP_ACK) && more_of(f->c, f->sh) != NULL) {
        d->flags |= WSC_TCP_SYN_PENDING;
        f->c->more->pending_isn[f->way] = f->v->seq;
    }
    return false;
}

/* ---- ACK ---- */

/* What this side had received when it sent its bytes up to next_off: of a packet beyond a hole that
 * cannot be said. */
static void note_sent_ack(struct feed *f, const struct wsc_tcp_dir *acked)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    if (!(d->flags & WSC_TCP_STARTED) || wsc_tcp_distance(d, f->v->seq) > 0)
        return;
    if (!(d->flags & WSC_TCP_SENT_ACK) ||
        wsc_tcp_off(acked, f->v->ack) > wsc_tcp_off(acked, d->sent_ack))
        d->sent_ack = f->v->ack;
    d->flags |= WSC_TCP_SENT_ACK;
}

static void take_ack(struct feed *f)
{
    enum wsc_way other = wsc_way_back(f->way);
    struct wsc_tcp_dir *d = &f->c->dir[other];
    if (!(d->flags & WSC_TCP_STARTED))
        start(d, f->v->ack);
    uint64_t off = 0;
    if (!wsc_tcp_offset_of(d, f->v->ack, &off))
        return;
    f->at.ack_off = off;
    note_sent_ack(f, d);
    if (!(d->flags & WSC_TCP_ACKED) || off > acked_off(d)) {
        d->flags |= WSC_TCP_ACKED;
        d->acked_seq = f->v->ack;
        if (off >= end_off(d))
            d->acked_ns = d->new_ns;
    }
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
    const struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_shared *sh = f->sh;
    for (struct wsc_reorder *held; (held = held_of(f->c, f->way)) != NULL;) {
        if (held->bytes + need <= sh->max_held_per_dir && sh->held_bytes + need <= sh->max_held)
            return true;
        sh->given_up_bytes += wsc_reorder_first(held)->off - d->next_off;
        give_up_hole(f, f->way);
    }
    return sh->held_bytes + need <= sh->max_held;
}

static enum wsc_tcp_result hold(struct feed *f, uint64_t off, struct wsc_span data,
                                uint32_t wire_len)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    struct wsc_tcp_more *more = more_of(f->c, f->sh);
    if (more == NULL)
        return WSC_TCP_NOMEM;
    if (more->held[f->way] == NULL)
        more->held[f->way] = wsc_calloc(1, sizeof(struct wsc_reorder));
    struct wsc_reorder *held = more->held[f->way];
    if (held == NULL)
        return WSC_TCP_NOMEM;
    if (held->root == NULL)
        held->seed = f->sh->seed += UINT32_C(0x9e3779b9);
    size_t before = held->bytes;
    uint64_t fresh = 0;
    bool ok = wsc_reorder_insert(held, off, data, wire_len, &f->at, &fresh);
    f->sh->held_bytes += held->bytes - before;
    if (fresh == 0) {
        d->retransmitted++;
        count_repeat(d);
    }
    if (held->root == NULL)
        release_held(f->c, f->way);
    return ok ? WSC_TCP_TAKEN : WSC_TCP_NOMEM;
}

/* Bytes that came first stay: a segment is handed on in the holes between the chunks that are held.
 */
static void take_in_order(struct feed *f, uint64_t off, struct wsc_span data, uint32_t wire_len)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    const uint64_t end = off + wire_len;
    while (d->next_off < end) {
        uint64_t old = d->next_off - off, total = end - d->next_off;
        size_t skip = old < data.len ? (size_t)old : data.len;
        struct wsc_span rest = {.ptr = data.ptr + skip, .len = data.len - skip};
        const struct wsc_reorder *held = held_of(f->c, f->way);
        const struct wsc_chunk *first = held != NULL ? wsc_reorder_first(held) : NULL;
        if (first != NULL && first->off < end)
            total = first->off - d->next_off;
        if (rest.len > total)
            rest.len = (size_t)total;
        deliver(f, f->way, rest, total - rest.len, &f->at);
        drain(f, f->way, &f->at);
    }
}

static bool keep_alive_probe(const struct wsc_tcp_dir *d, uint64_t off, uint32_t wire_len)
{
    /* RFC 9293 3.8.4: one before the next byte, with or without that byte of garbage. */
    return wire_len <= 1 && end_off(d) > 0 && off + 1 == end_off(d);
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
    if (end > end_off(d)) {
        set_end(d, end);
        d->new_ns = f->v->ts_ns;
    }
    if (end <= d->next_off) {
        d->retransmitted++;
        count_repeat(d);
        if (wire_len > 0)
            wsc_tcp_rst_repeat(f->c, f->way, f->v->ts_ns);
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
    struct wsc_tcp_more *e = more_of(f->c, f->sh);
    if (e == NULL)
        return;
    if (off > end_off(d))
        set_end(d, off);
    d->flags |= WSC_TCP_FIN_SEEN;
    e->fin[f->way] = (struct wsc_tcp_fin){
        .at = f->at, .off = off, .origin = wsc_tcp_origin_of(f->c, f->way, f->v)};
}

/* Counts a segment that is nowhere near the window; true when there were too many in a row for
 * chance. */
static bool foreign(struct feed *f)
{
    struct wsc_tcp_more *more = more_of(f->c, f->sh);
    return more != NULL && ++more->foreign[f->way] >= FOREIGN_MAX;
}

static enum wsc_tcp_result take_data(struct feed *f)
{
    struct wsc_tcp_dir *d = &f->c->dir[f->way];
    const struct wsc_packet_view *v = f->v;
    uint32_t seq = v->seq + ((v->tcp_flags & WSC_TCP_SYN) ? 1 : 0);
    if (!(d->flags & WSC_TCP_STARTED))
        start(d, seq);
    bool syn = (v->tcp_flags & WSC_TCP_SYN) != 0;
    if (!syn && (d->flags & WSC_TCP_SYN_PENDING) && seq == f->c->more->pending_isn[f->way] + 1)
        return WSC_TCP_RESTART;
    uint64_t off = 0;
    if (!wsc_tcp_offset_of(d, seq, &off)) {
        bool near = wsc_tcp_distance(d, seq) < 0 && wsc_tcp_distance(d, seq) > -WSC_TCP_MAX_WINDOW;
        return !near && v->payload_wire_len > 0 && foreign(f) ? WSC_TCP_RESTART : WSC_TCP_TAKEN;
    }
    if (f->c->more != NULL)
        f->c->more->foreign[f->way] = 0;
    wsc_tcp_rst_weigh(f->c, f->way, f->v, off);
    enum wsc_tcp_result r = WSC_TCP_TAKEN;
    if (v->payload_wire_len > 0 ||
        (off + 1 == end_off(d) && !(v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_FIN))))
        r = take_segment(f, off);
    if (v->tcp_flags & WSC_TCP_FIN)
        take_fin(f, off + v->payload_wire_len);
    return r;
}

bool wsc_tcp_conn_doubtful(const struct wsc_tcp_conn *c, enum wsc_way way,
                           const struct wsc_packet_view *v)
{
    const struct wsc_tcp_dir *d = &c->dir[way];
    if (!(d->flags & WSC_TCP_STARTED))
        return false;
    int32_t dist = wsc_tcp_distance(d, v->seq);
    return dist > DOUBTFUL_GAP || (dist < 0 && (uint64_t)(-(int64_t)dist) > d->next_off);
}

static void note_origin(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v)
{
    struct wsc_tcp_dir *d = &c->dir[way];
    uint16_t step = (uint16_t)(v->ip_id - c->ip_id[way]);
    bool counts = d->ttl_run > 0 && step >= 1 && step <= 64;
    uint8_t run = c->id_run[way];
    c->id_run[way] = !counts ? 0 : run < UINT8_MAX ? (uint8_t)(run + 1) : run;
    c->ip_id[way] = v->ip_id;
    if (d->ttl != v->ttl || d->ttl_run == 0)
        d->ttl_run = 1;
    else if (d->ttl_run < UINT8_MAX)
        d->ttl_run++;
    d->ttl = v->ttl;
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
    d->flags |= WSC_TCP_SEEN;
    if ((v->tcp_flags & WSC_TCP_ACK) && !(v->tcp_flags & WSC_TCP_RST))
        take_ack(&f);
    c->dir[wsc_way_back(way)].unanswered = 0;
    enum wsc_tcp_result r = WSC_TCP_TAKEN;
    if (v->tcp_flags & WSC_TCP_RST) {
        if (resets_of(c, sh) != NULL)
            wsc_tcp_rst_take(c, way, v, &f.at);
    } else {
        wsc_tcp_rst_answer(c, way, &f.at);
        wsc_tcp_rst_after(c, way, &f.at);
        r = take_data(&f);
        note_origin(c, way, v);
    }
    if (r != WSC_TCP_RESTART && c->more != NULL) {
        check_hole(&f, WSC_WAY_UP);
        check_hole(&f, WSC_WAY_DOWN);
    }
    return r;
}

/* Further than this from what was seen last it may be another connection. */
#define PASS_NEAR (INT32_C(1) << 18)

bool wsc_tcp_conn_pass(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v)
{
    struct wsc_tcp_dir *d = &c->dir[way];
    if (c->more != NULL || (v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_FIN | WSC_TCP_RST)) != 0 ||
        !(d->flags & WSC_TCP_STARTED))
        return false;
    int32_t from = wsc_tcp_distance(d, v->seq);
    int64_t to = (int64_t)from + v->payload_wire_len;
    if (from < -PASS_NEAR || to > PASS_NEAR)
        return false;
    d->flags |= WSC_TCP_SEEN;
    if (to > 0)
        step(d, (uint64_t)to);
    return true;
}

/* ---- the end ---- */

static void finish_dir(struct feed *f, enum wsc_way way)
{
    struct wsc_tcp_dir *d = &f->c->dir[way];
    while (held_of(f->c, way) != NULL)
        give_up_hole(f, way);
    uint64_t end = end_off(d);
    if (d->flags & WSC_TCP_ACKED) {
        /* One more than the bytes seen may be a FIN that was not captured. */
        uint64_t acked = acked_off(d) > 0 ? acked_off(d) - 1 : 0;
        if (acked > end)
            end = acked;
    }
    /* So may one more than an RST has heard of. */
    const struct wsc_tcp_rst *answer = &wsc_tcp_resets(f->c)->rst[wsc_way_back(way)];
    if (answer->at.ref != 0 && answer->at.ack_off != WSC_TCP_NO_ACK && answer->at.ack_off > end + 1)
        end = answer->at.ack_off - 1;
    const struct wsc_tcp_rst *r = &wsc_tcp_resets(f->c)->rst[way];
    if (r->at.ref != 0 && r->off > end && !(r->off == end + 1))
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
        if (held_of(c, (enum wsc_way)w) == NULL)
            continue;
        sh->held_bytes -= c->more->held[w]->bytes;
        release_held(c, (enum wsc_way)w);
    }
    if (c->more != NULL)
        wsc_pool_put(&sh->resets_pool, c->more->resets);
    wsc_pool_put(&sh->more_pool, c->more);
    *c = (struct wsc_tcp_conn){0};
}

bool wsc_tcp_conn_acked(const struct wsc_tcp_conn *c, enum wsc_way way, uint64_t off)
{
    return (c->dir[way].flags & WSC_TCP_ACKED) && acked_off(&c->dir[way]) >= off;
}

bool wsc_tcp_conn_ending(const struct wsc_tcp_conn *c)
{
    const struct wsc_tcp_more *e = c->more;
    const struct wsc_tcp_rst *rst = wsc_tcp_resets(c)->rst;
    return e != NULL && (e->fin[0].at.ref | e->fin[1].at.ref | rst[0].at.ref | rst[1].at.ref) != 0;
}

uint64_t wsc_tcp_conn_missing(const struct wsc_tcp_conn *c, enum wsc_way way)
{
    return c->more != NULL ? c->more->missing[way] : 0;
}

bool wsc_tcp_conn_over(const struct wsc_tcp_conn *c)
{
    const struct wsc_tcp_more *e = c->more;
    const struct wsc_tcp_rst *rst = wsc_tcp_resets(c)->rst;
    if (e == NULL)
        return false;
    for (int w = 0; w < 2; w++)
        if (rst[w].at.ref != 0 && !rst[w].ahead)
            return true;
    return e->fin[0].at.ref != 0 && e->fin[1].at.ref != 0 && c->dir[0].next_off >= e->fin[0].off &&
           c->dir[1].next_off >= e->fin[1].off;
}

bool wsc_tcp_conn_done(const struct wsc_tcp_conn *c)
{
    const struct wsc_tcp_more *e = c->more;
    if (e == NULL)
        return false;
    for (int w = 0; w < 2; w++) {
        const struct wsc_tcp_dir *d = &c->dir[w];
        if (e->fin[w].at.ref == 0 || d->next_off != e->fin[w].off || e->held[w] != NULL ||
            !(d->flags & WSC_TCP_ACKED) || acked_off(d) != e->fin[w].off + 1)
            return false;
    }
    return true;
}
