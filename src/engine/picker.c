#include <wsclose/extract.h>

#include "engine/frag_trail.h"
#include "flow/ip_defrag.h"
#include "flow/tcp_conn.h"
#include "tls/client_random.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define FRAGMENT_BYTES   ((size_t)16 << 20)
#define REORDER_BYTES    ((size_t)64 << 20)
#define REORDER_PER_SIDE ((size_t)4 << 20)

/* The most packets one TCP segment can have come in: 65,535 bytes in fragments of 8, in a tunnel in
 * fragments again. What goes beyond is an attack on the receiver, and is cut. */
#define CARRIERS_MAX 16384u

/* A SYN that may begin the next connection is repeated a few times. */
#define SYNS_MAX 16u

enum phase { WAITING, RUNNING, OVER };

/* SYNs of one number that were seen in a row. */
struct syns {
    uint32_t seq, tunnel_id;
    size_t len;
    uint64_t at[SYNS_MAX];
};

struct one {
    struct wsc_pick pick;
    struct wsc_flow_key key; /* without the tunnel until the first packet tells it */
    enum phase phase;
    struct wsc_tcp_conn tcp;
    struct syns syns; /* before the first packet; later those that may begin the next connection */
    uint8_t randoms[WSC_PICK_RANDOMS_MAX][32];
    size_t randoms_len;
};

struct wsc_picker {
    struct one ones[WSC_PICKS_MAX];
    size_t len;
    uint64_t fed, ref; /* how many there were before the packet at hand, and which it is */
    struct wsc_tcp_shared shared;
    struct wsc_ip_defrag *defrag;
    struct wsc_frag_trail *trail;
    uint64_t *carriers; /* the packets that the segment at hand came in */
    size_t carriers_len;
    struct wsc_picked *picked;
    size_t picked_len, picked_cap;
};

static bool key_of_pick(const struct wsc_pick *pick, struct wsc_flow_key *key)
{
    struct wsc_packet_view v = {
        .family = pick->client.family, .sport = pick->client.port, .dport = pick->server.port};
    if (pick->client.family == 0 || pick->client.family != pick->server.family)
        return false;
    size_t n = pick->client.family == 4 ? 4 : 16;
    memcpy(v.src, pick->client.addr, n);
    memcpy(v.dst, pick->server.addr, n);
    (void)wsc_flow_key_of(&v, key);
    return true;
}

enum wsc_err wsc_picker_new(const struct wsc_pick *picks, size_t n, struct wsc_picker **out)
{
    *out = NULL;
    if (n == 0 || n > WSC_PICKS_MAX)
        return WSC_ERR_INVALID;
    struct wsc_picker *p = wsc_calloc(1, sizeof(*p));
    if (p == NULL)
        return WSC_ERR_NOMEM;
    p->len = n;
    wsc_tcp_shared_init(&p->shared, REORDER_BYTES, REORDER_PER_SIDE, 0);
    p->defrag = wsc_ip_defrag_new(FRAGMENT_BYTES);
    p->trail = wsc_frag_trail_new();
    p->carriers = wsc_calloc(CARRIERS_MAX, sizeof(*p->carriers));
    enum wsc_err e =
        p->defrag != NULL && p->trail != NULL && p->carriers != NULL ? WSC_OK : WSC_ERR_NOMEM;
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        p->ones[i].pick = picks[i];
        if (!key_of_pick(&picks[i], &p->ones[i].key))
            e = WSC_ERR_INVALID;
    }
    if (e != WSC_OK)
        wsc_picker_free(p);
    else
        *out = p;
    return e;
}

void wsc_picker_free(struct wsc_picker *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->len; i++)
        wsc_tcp_conn_clear(&p->ones[i].tcp, &p->shared);
    wsc_tcp_shared_clear(&p->shared);
    wsc_ip_defrag_free(p->defrag);
    wsc_frag_trail_free(p->trail);
    wsc_free(p->carriers);
    wsc_free(p->picked);
    wsc_free(p);
}

/* ---- what was picked ---- */

static enum wsc_err pick_at(struct wsc_picker *p, size_t i, const uint64_t *at, size_t n)
{
    if (n > WSC_PICKED_MAX - p->picked_len)
        return WSC_ERR_LIMIT;
    if (p->picked_len + n > p->picked_cap) {
        size_t cap = p->picked_cap != 0 ? p->picked_cap : 1024;
        while (cap < p->picked_len + n)
            cap *= 2;
        struct wsc_picked *grown = wsc_realloc(p->picked, cap * sizeof(*grown));
        if (grown == NULL)
            return WSC_ERR_NOMEM;
        p->picked = grown;
        p->picked_cap = cap;
    }
    for (size_t k = 0; k < n; k++)
        p->picked[p->picked_len++] =
            (struct wsc_picked){.at = at[k], .ref = at[k] == p->fed ? p->ref : 0, .pick = i};
    return WSC_OK;
}

/* Takes back the SYNs that turned out to begin the next connection: they are among the last. */
static void put_back(struct wsc_picker *p, size_t i)
{
    const struct syns *syns = &p->ones[i].syns;
    for (size_t k = 0; k < syns->len; k++)
        for (size_t m = p->picked_len; m-- > 0;)
            if (p->picked[m].at == syns->at[k] && p->picked[m].pick == i) {
                p->picked[m] = p->picked[--p->picked_len];
                break;
            }
}

static void note_syn(struct syns *syns, const struct wsc_packet_view *v, uint64_t at)
{
    if (syns->len > 0 && (syns->seq != v->seq || syns->tunnel_id != v->tunnel_id))
        syns->len = 0;
    syns->seq = v->seq;
    syns->tunnel_id = v->tunnel_id;
    if (syns->len < SYNS_MAX)
        syns->at[syns->len++] = at;
}

/* ---- one connection ---- */

/* Of all the bytes only a ClientHello is of interest, which nobody begins within a segment. */
static void note_hello(void *ctx, enum wsc_way way, uint64_t off, struct wsc_span data,
                       const struct wsc_tcp_at *at)
{
    (void)way, (void)off, (void)at;
    struct one *o = ctx;
    const uint8_t *random = wsc_tls_client_random(data);
    if (random == NULL || o->randoms_len == WSC_PICK_RANDOMS_MAX)
        return;
    for (size_t i = 0; i < o->randoms_len; i++)
        if (memcmp(o->randoms[i], random, 32) == 0)
            return; /* the second hello after a HelloRetryRequest */
    memcpy(o->randoms[o->randoms_len++], random, 32);
}

static void ignore_gap(void *ctx, enum wsc_way way, uint64_t off, uint64_t len,
                       const struct wsc_tcp_at *at)
{
    (void)ctx, (void)way, (void)off, (void)len, (void)at;
}

static bool plain_syn(const struct wsc_packet_view *v)
{
    return (v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_ACK)) == WSC_TCP_SYN;
}

static bool is_first(const struct one *o, const struct wsc_packet_view *v)
{
    return o->pick.first_ref != 0 ? v->ref == o->pick.first_ref : v->ts_ns >= o->pick.from_ns;
}

/* Where the analyzer takes only the answer for the first packet of a connection, because the SYN
 * might still have been the old one's, the SYN belongs to it all the same. */
static enum wsc_err start(struct wsc_picker *p, size_t i, const struct wsc_packet_view *v)
{
    struct one *o = &p->ones[i];
    struct syns syns = o->syns;
    o->phase = RUNNING;
    o->key.net = wsc_flow_net(v->tunnel_id, v->family);
    o->syns.len = 0;
    bool answered = (v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_ACK)) == (WSC_TCP_SYN | WSC_TCP_ACK) &&
                    v->ack == syns.seq + 1 && v->tunnel_id == syns.tunnel_id;
    return answered ? pick_at(p, i, syns.at, syns.len) : WSC_OK;
}

static enum wsc_err run(struct wsc_picker *p, size_t i, enum wsc_way way,
                        const struct wsc_packet_view *v)
{
    static const struct wsc_tcp_ops ops = {.on_data = note_hello, .on_gap = ignore_gap};
    struct one *o = &p->ones[i];
    switch (wsc_tcp_conn_feed(&o->tcp, &p->shared, way, v, &ops, o)) {
    case WSC_TCP_RESTART:
        put_back(p, i);
        o->phase = OVER;
        return WSC_OK;
    case WSC_TCP_NOMEM: /* its bytes are of no interest here */
    case WSC_TCP_TAKEN:
        break;
    }
    if (plain_syn(v) && (o->tcp.dir[way].flags & WSC_TCP_SYN_PENDING))
        note_syn(&o->syns, v, p->carriers[0]);
    return pick_at(p, i, p->carriers, p->carriers_len);
}

static enum wsc_err take(struct wsc_picker *p, size_t i, const struct wsc_packet_view *v)
{
    struct one *o = &p->ones[i];
    struct wsc_flow_key key;
    if (o->phase == OVER)
        return WSC_OK;
    enum wsc_way way = wsc_flow_key_of(v, &key);
    if (o->phase == WAITING)
        key.net = wsc_flow_net(0, v->family);
    if (!wsc_flow_key_equal(&key, &o->key))
        return WSC_OK;
    if (o->phase == WAITING) {
        if (!is_first(o, v)) {
            if (plain_syn(v))
                note_syn(&o->syns, v, p->carriers[0]);
            return WSC_OK;
        }
        enum wsc_err e = start(p, i, v);
        if (e != WSC_OK)
            return e;
    }
    return run(p, i, way, v);
}

/* ---- packets ---- */

/* Decodes, and gathers the packets that carried what came of it. */
static bool decode(struct wsc_picker *p, const struct wsc_packet *pkt, struct wsc_packet_view *v)
{
    struct wsc_fragment frag, first;
    struct wsc_span payload;
    p->carriers[0] = p->fed;
    p->carriers_len = 1;
    enum wsc_decode_result r = wsc_decode_packet(pkt, v, &frag);
    for (int depth = 0; r == WSC_DECODE_FRAGMENT && depth < 4; depth++) {
        for (size_t i = 0; i < p->carriers_len; i++)
            wsc_frag_trail_add(p->trail, &frag, pkt->ts_ns, p->carriers[i]);
        struct wsc_fragment name = frag;
        if (!wsc_ip_defrag_push(p->defrag, &frag, pkt->ts_ns, &first, &payload))
            break;
        p->carriers_len =
            wsc_frag_trail_take(p->trail, &name, pkt->ts_ns, p->carriers, CARRIERS_MAX);
        r = wsc_decode_ip_payload(&first, payload, v, &frag);
    }
    return r == WSC_DECODE_TCP;
}

enum wsc_err wsc_picker_feed(struct wsc_picker *p, const struct wsc_packet *pkt)
{
    struct wsc_packet_view v;
    enum wsc_err e = WSC_OK;
    p->ref = pkt->ref;
    if (decode(p, pkt, &v))
        for (size_t i = 0; e == WSC_OK && i < p->len; i++)
            e = take(p, i, &v);
    p->fed++;
    return e;
}

bool wsc_picker_found(const struct wsc_picker *p, size_t i)
{
    return i < p->len && p->ones[i].phase != WAITING;
}

size_t wsc_picker_client_randoms(const struct wsc_picker *p, uint8_t (*out)[32], size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < p->len; i++)
        for (size_t k = 0; k < p->ones[i].randoms_len && n < cap; k++)
            memcpy(out[n++], p->ones[i].randoms[k], 32);
    return n;
}

static int by_at(const void *a, const void *b)
{
    const struct wsc_picked *x = a, *y = b;
    return x->at < y->at ? -1 : x->at > y->at;
}

size_t wsc_picker_result(struct wsc_picker *p, const struct wsc_picked **out)
{
    size_t n = 0;
    if (p->picked_len > 0)
        qsort(p->picked, p->picked_len, sizeof(p->picked[0]), by_at);
    for (size_t i = 0; i < p->picked_len; i++)
        if (n == 0 || p->picked[n - 1].at != p->picked[i].at)
            p->picked[n++] = p->picked[i];
    p->picked_len = n;
    *out = p->picked;
    return n;
}
