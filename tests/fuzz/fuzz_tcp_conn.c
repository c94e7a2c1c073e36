/* Aimed at wsc_tcp_conn_feed(), _finish() and the reordering below them, against a model that knows
 * the stream and which of its bytes were seen.
 *
 * Byte 0: bit 0 low ceilings, bit 1 time passes, bit 2 numbers that are nowhere near, bit 3 the
 * numbers wrap around soon. Then 8 bytes a segment: flags (bit 0 way, bit 1 SYN, bit 2 FIN, bit 3
 * RST, bit 4 ACK, bit 5 far away if byte 0 allows, bit 6 a late one), offset (2), length (2), how
 * many of its last bytes were not captured, acknowledgement (2).
 *
 * Every byte handed on is the stream's, in order, once; what is called missing was not seen before
 * (unless a ceiling was met); what is held keeps to the ceilings; and without a clock it does not
 * matter whether a segment comes whole or in two pieces. */
#include "flow/tcp_conn.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UP = 1, SYN = 2, FIN = 4, RST = 8, ACK = 16, FAR = 32, LATE = 64 };
enum { TIGHT = 1, CLOCK = 2, WILD = 4, WRAP = 8 };

#define STREAM   4096u /* offsets of the model */
#define LONGEST  1024u /* bytes of a segment */
#define SEGMENTS 300u

/* What was seen first of each byte: whole, or cut off. What comes first stays. */
enum seen { UNSEEN, CAPTURED, CUT };

struct side {
    uint32_t isn;
    uint64_t next;    /* offset that must be told next */
    uint64_t missing; /* told so far */
    uint8_t seen[STREAM + LONGEST + 1];
    uint8_t told[STREAM + 2 * LONGEST]; /* of a byte: 1 data, 2 gap */
};

struct model {
    struct wsc_tcp_conn conn;
    struct wsc_tcp_shared shared;
    struct side side[2];
    uint64_t now, ref;
    uint8_t choice;
    bool restarted;
    bool early; /* a segment began before the origin of a direction that was picked up late */
};

struct segment {
    uint8_t flags, cut;
    uint16_t off, ack;
    uint32_t len;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t byte_at(int way, uint32_t pos)
{
    return (uint8_t)(pos * 2654435761u >> 24 ^ (way ? 0x55u : 0u));
}

/* Where in the stream stands what the connection calls |off|: it may have been picked up late. */
static uint32_t position(const struct model *m, enum wsc_way way, uint64_t off)
{
    return m->conn.dir[way].seq0 + (uint32_t)off - (m->side[way].isn + 1);
}

static bool exact(const struct model *m)
{
    return !(m->choice & WILD) && !m->restarted;
}

static void mark(struct model *m, enum wsc_way way, uint64_t off, uint64_t len, uint8_t what)
{
    struct side *s = &m->side[way];
    for (uint64_t i = 0; exact(m) && i < len; i++) {
        uint32_t pos = position(m, way, off + i);
        if (pos < sizeof(s->told))
            s->told[pos] = what;
        if (what == 2 && pos < sizeof(s->seen))
            must(s->seen[pos] != CAPTURED || (m->choice & TIGHT));
    }
}

static void on_data(void *ctx, enum wsc_way way, uint64_t off, struct wsc_span data,
                    const struct wsc_tcp_at *at)
{
    struct model *m = ctx;
    must(off == m->side[way].next && data.len > 0 && at->ref > 0 && at->ref <= m->ref);
    for (size_t i = 0; exact(m) && i < data.len; i++)
        must(data.ptr[i] == byte_at(way, position(m, way, off + i)));
    m->side[way].next += data.len;
    mark(m, way, off, data.len, 1);
}

static void on_gap(void *ctx, enum wsc_way way, uint64_t off, uint64_t len,
                   const struct wsc_tcp_at *at)
{
    struct model *m = ctx;
    must(off == m->side[way].next && len > 0 && at->ref <= m->ref);
    m->side[way].next += len;
    m->side[way].missing += len;
    mark(m, way, off, len, 2);
}

static const struct wsc_tcp_ops ops = {.on_data = on_data, .on_gap = on_gap};

/* The ceiling is asked for before a segment is held: it may be cut into as many chunks as there
 * are holes for it. */
static size_t ceiling(size_t max)
{
    return max + (LONGEST / 2 + 1) * sizeof(struct wsc_chunk);
}

static void check(const struct model *m)
{
    size_t held = 0;
    for (int w = 0; w < 2; w++) {
        const struct wsc_reorder *r = m->conn.more != NULL ? m->conn.more->held[w] : NULL;
        must(m->conn.dir[w].next_off == m->side[w].next);
        must(wsc_tcp_conn_missing(&m->conn, (enum wsc_way)w) == m->side[w].missing);
        if (r == NULL)
            continue;
        must(r->root != NULL && wsc_reorder_first(r)->off > m->side[w].next);
        must(r->bytes <= ceiling(m->shared.max_held_per_dir));
        held += r->bytes;
    }
    must(held == m->shared.held_bytes && held <= ceiling(m->shared.max_held));
    (void)wsc_tcp_conn_ending(&m->conn);
    (void)wsc_tcp_conn_over(&m->conn);
    must(!wsc_tcp_conn_done(&m->conn) || wsc_tcp_conn_over(&m->conn) ||
         wsc_tcp_resets(&m->conn)->rst[0].ahead);
}

static void end(struct model *m)
{
    wsc_tcp_conn_finish(&m->conn, &m->shared, &ops, m);
    must(m->shared.held_bytes == 0);
    check(m);
    for (int w = 0; w < 2; w++)
        for (uint32_t p = 0; exact(m) && !(m->choice & TIGHT) && p < STREAM; p++)
            must(m->side[w].seen[p] != CAPTURED || m->side[w].told[p] == 1);
    wsc_tcp_conn_clear(&m->conn, &m->shared);
}

/* Another connection on the same ports: nothing of the model holds any more but the order. */
static void restart(struct model *m)
{
    m->restarted = true;
    end(m);
    for (int w = 0; w < 2; w++)
        m->side[w].next = m->side[w].missing = 0;
}

/* What comes after it was called missing is not handed on. A segment that begins before what was
 * seen first of a direction is not looked at. */
static void note(struct model *m, enum wsc_way way, const struct wsc_packet_view *v)
{
    struct side *s = &m->side[way];
    uint32_t seq = v->seq + ((v->tcp_flags & WSC_TCP_SYN) ? 1 : 0), first = seq - (s->isn + 1);
    m->early |= (int32_t)(seq - m->conn.dir[way].seq0) < 0;
    if ((int32_t)(seq - m->conn.dir[way].seq0) < 0)
        return;
    for (uint32_t i = 0; i < v->payload_wire_len; i++)
        if (first + i < sizeof(s->seen) && s->seen[first + i] == UNSEEN && s->told[first + i] == 0)
            s->seen[first + i] = i < v->payload_len ? CAPTURED : CUT;
}

/* One segment, |skip| bytes of it left out at the front and |rest| at its end. */
static void feed(struct model *m, const struct segment *g, uint32_t skip, uint32_t rest)
{
    enum wsc_way way = g->flags & UP ? WSC_WAY_UP : WSC_WAY_DOWN;
    const struct side *s = &m->side[way];
    uint32_t len = g->len - skip - rest, have = g->len - (g->cut < g->len ? g->cut : g->len);
    have = have > skip ? have - skip : 0;
    struct wsc_packet_view v = {.ts_ns = m->now,
                                .ref = m->ref,
                                .window_scale = -1,
                                .payload_len = have < len ? have : len,
                                .payload_wire_len = len};
    uint32_t far = (m->choice & WILD) && (g->flags & FAR) ? UINT32_C(1) << 26 : 0;
    v.seq = s->isn + 1 + g->off + skip + far;
    if ((g->flags & SYN) && skip == 0) {
        v.tcp_flags |= WSC_TCP_SYN;
        v.seq = s->isn + far;
    }
    if (rest == 0)
        v.tcp_flags |=
            (uint8_t)((g->flags & FIN ? WSC_TCP_FIN : 0) | (g->flags & RST ? WSC_TCP_RST : 0));
    if (g->flags & ACK) {
        v.tcp_flags |= WSC_TCP_ACK;
        v.ack = m->side[wsc_way_back(way)].isn + 1 + g->ack;
    }
    uint8_t *copy = malloc(v.payload_len + (v.payload_len == 0));
    for (uint32_t i = 0; i < v.payload_len; i++)
        copy[i] = byte_at(way, v.seq + ((v.tcp_flags & WSC_TCP_SYN) ? 1 : 0) + i - (s->isn + 1));
    v.payload = copy;
    (void)wsc_tcp_conn_doubtful(&m->conn, way, &v);
    bool known = (m->conn.dir[way].flags & WSC_TCP_STARTED) != 0;
    if (known && !(v.tcp_flags & WSC_TCP_RST))
        note(m, way, &v);
    enum wsc_tcp_result r = wsc_tcp_conn_feed(&m->conn, &m->shared, way, &v, &ops, m);
    if (r == WSC_TCP_RESTART) {
        restart(m);
        r = wsc_tcp_conn_feed(&m->conn, &m->shared, way, &v, &ops, m);
        must(r != WSC_TCP_RESTART);
    }
    must(r == WSC_TCP_TAKEN || (m->choice & TIGHT));
    if (!known && !(v.tcp_flags & WSC_TCP_RST))
        note(m, way, &v);
    free(copy);
    check(m);
}

static struct segment segment_of(struct wsc_reader *r)
{
    struct segment g = {.flags = wsc_rd_u8(r)};
    g.off = wsc_rd_be16(r) % STREAM;
    g.len = wsc_rd_be16(r) % (LONGEST + 1);
    g.cut = wsc_rd_u8(r);
    g.ack = wsc_rd_be16(r) % (STREAM + 2);
    if (g.cut < 0x80)
        g.cut = 0; /* mostly whole */
    if (g.flags & RST)
        g.len = 0;
    if ((g.flags & SYN))
        g.off = 0;
    return g;
}

static struct model *run(const uint8_t *data, size_t size, bool split)
{
    struct model *m = calloc(1, sizeof(*m));
    must(m != NULL);
    m->choice = data[0];
    m->now = 1000000000;
    m->side[0].isn = m->choice & WRAP ? UINT32_MAX - 700 : 1000;
    m->side[1].isn = 77000;
    wsc_tcp_shared_init(&m->shared, m->choice & TIGHT ? 6000 : (size_t)64 << 20,
                        m->choice & TIGHT ? 4096 : (size_t)32 << 20, 0);
    struct wsc_reader r = wsc_reader_of(data + 1, size - 1);
    for (unsigned n = 0; wsc_rd_left(&r) >= 8 && n < SEGMENTS; n++) {
        struct segment g = segment_of(&r);
        m->ref++;
        if (m->choice & CLOCK)
            m->now += g.flags & LATE ? 1500000000 : 1000000;
        /* A piece of one byte may look like a probe. */
        uint32_t cut = split && g.len > 3 ? 2 + g.off % (g.len - 3) : g.len;
        feed(m, &g, 0, g.len - cut);
        if (cut < g.len)
            feed(m, &g, cut, 0);
    }
    end(m);
    wsc_tcp_shared_clear(&m->shared);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct model *whole = run(data, size, false), *split = run(data, size, true);
    bool same = !(data[0] & (TIGHT | CLOCK | WILD)) && !whole->restarted && !split->restarted;
    if (same && !whole->early && !split->early)
        for (int w = 0; w < 2; w++)
            must(memcmp(whole->side[w].told, split->side[w].told, sizeof(whole->side[w].told)) ==
                 0);
    free(whole);
    free(split);
    return 0;
}
