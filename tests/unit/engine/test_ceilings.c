/* What an attacker who sends SYNs, half heads, half records or segments behind holes may cost, and
 * who is forgotten for his sake. */
#include <wsclose/analyzer.h>

#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char bye[] = "\x88\x02\x03\xe8", bye_back[] = "\x88\x82\0\0\0\0\x03\xe8";

#define SPAN(s) ((struct wsc_span){.ptr = (const uint8_t *)(s), .len = sizeof(s) - 1})
#define NOTHING ((struct wsc_span){.ptr = (const uint8_t *)"", .len = 0})

struct bench {
    struct wsc_analyzer *an;
    struct wsc_packet pkt;
    size_t closed, evicted, others; /* records */
    uint32_t order[256];            /* the clients of the first that were evicted */
    size_t most;                    /* bytes held at any time */
    size_t refused;                 /* segments there was no room for */
};

struct conn {
    uint32_t client, seq[2]; /* the address is 10.x.x.x */
    uint16_t port;
};

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct bench *b = ctx;
    bool evicted = rec->cause.len == 7 && memcmp(rec->cause.ptr, "evicted", 7) == 0;
    if (rec->outcome == WSC_OUTCOME_CLOSED && rec->close_code == 1000)
        b->closed++;
    else if (rec->outcome == WSC_OUTCOME_UNKNOWN && evicted) {
        const uint8_t *a = rec->client.addr;
        if (b->evicted < sizeof(b->order) / sizeof(b->order[0]))
            b->order[b->evicted] = (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
        b->evicted++;
    } else
        b->others++;
}

static void open_bench(struct bench *b, struct wsc_analyzer_options *opt)
{
    *b = (struct bench){.pkt = {.link = 1, .ts_ns = 1000000000, .ref = WSC_REF(0, 1)}};
    opt->label = false;
    cr_assert_eq(wsc_analyzer_new(opt, on_record, b, &b->an), WSC_OK);
}

static void send(struct bench *b, struct conn *c, int by, uint8_t flags, struct wsc_span payload)
{
    static struct wsc_test_packet p;
    char client[16];
    (void)snprintf(client, sizeof(client), "10.%u.%u.%u", c->client >> 16 & 255,
                   c->client >> 8 & 255, c->client & 255);
    const struct wsc_test_ip ip = {.src = by == 0 ? client : "192.0.2.1",
                                   .dst = by == 0 ? "192.0.2.1" : client};
    const struct wsc_test_tcp tcp = {.sport = by == 0 ? c->port : 80,
                                     .dport = by == 0 ? 80 : c->port,
                                     .seq = c->seq[by],
                                     .ack = c->seq[1 - by],
                                     .flags = flags,
                                     .window = 65535};
    wsc_test_packet_init(&p);
    struct wsc_span all = wsc_test_tcp_packet(&p, &ip, &tcp, payload);
    b->pkt.data = all.ptr;
    b->pkt.len = b->pkt.caplen = (uint32_t)all.len;
    enum wsc_err e = wsc_analyzer_feed(b->an, &b->pkt);
    b->refused += e == WSC_ERR_NOMEM;
    b->pkt.ts_ns += 50000000;
    b->pkt.ref++;
    c->seq[by] += (uint32_t)payload.len + ((flags & (WSC_TCP_SYN | WSC_TCP_FIN)) != 0 ? 1u : 0u);
}

static void watch(struct bench *b)
{
    struct wsc_analyzer_stats s;
    wsc_analyzer_get_stats(b->an, &s);
    b->most = s.memory_bytes > b->most ? s.memory_bytes : b->most;
}

static struct conn open_conn(struct bench *b, uint32_t client, bool upgrade)
{
    struct conn c = {.client = client, .port = 40000, .seq = {100, 200}};
    send(b, &c, 0, WSC_TCP_SYN, NOTHING);
    send(b, &c, 1, WSC_TCP_SYN | WSC_TCP_ACK, NOTHING);
    send(b, &c, 0, WSC_TCP_ACK, NOTHING);
    if (upgrade) {
        send(b, &c, 0, WSC_TCP_ACK, SPAN(request));
        send(b, &c, 1, WSC_TCP_ACK, SPAN(answer));
    }
    return c;
}

static void close_conn(struct bench *b, struct conn *c)
{
    send(b, c, 1, WSC_TCP_ACK, SPAN(bye));
    send(b, c, 0, WSC_TCP_ACK, SPAN(bye_back));
    send(b, c, 1, WSC_TCP_FIN | WSC_TCP_ACK, NOTHING);
    send(b, c, 0, WSC_TCP_FIN | WSC_TCP_ACK, NOTHING);
}

enum { HONEST = 16, ROOM = 64, FLOOD = 20000 };

static uint64_t forgotten(struct bench *b)
{
    struct wsc_analyzer_stats s;
    wsc_analyzer_get_stats(b->an, &s);
    return s.evicted;
}

/* Connections that are no WebSocket go first, however many come. */
Test(ceilings, a_flood_of_syns_pushes_no_websocket_out)
{
    struct wsc_analyzer_options opt;
    struct bench b;
    struct conn honest[HONEST];
    wsc_analyzer_options_default(&opt);
    opt.max_connections = ROOM;
    open_bench(&b, &opt);
    for (uint32_t i = 0; i < HONEST; i++)
        honest[i] = open_conn(&b, i, true);
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct conn c = {.client = 1000 + i, .port = 1, .seq = {7, 7}};
        send(&b, &c, 0, WSC_TCP_SYN, NOTHING);
        watch(&b);
    }
    cr_expect_eq(forgotten(&b), FLOOD + HONEST - ROOM);
    for (uint32_t i = 0; i < HONEST; i++)
        close_conn(&b, &honest[i]);
    wsc_analyzer_flush(b.an);
    cr_expect_eq(b.closed, HONEST);
    cr_expect_eq(b.evicted + b.others, 0);
    wsc_analyzer_free(b.an);
}

/* Who opens WebSockets only to fill the room pushes out none that speaks more often than as many
 * others as there is room for. */
Test(ceilings, a_flood_of_websockets_pushes_out_none_that_speaks)
{
    enum { FAKES = 2000, SPEAKING = 8, EVERY = ROOM - SPEAKING - 2 };
    static const char word[] = "\x81\x01x";
    struct wsc_analyzer_options opt;
    struct bench b;
    struct conn honest[SPEAKING];
    wsc_analyzer_options_default(&opt);
    opt.max_connections = ROOM;
    open_bench(&b, &opt);
    for (uint32_t i = 0; i < SPEAKING; i++)
        honest[i] = open_conn(&b, i, true);
    for (uint32_t i = 0; i < FAKES; i++) {
        (void)open_conn(&b, 1000 + i, true);
        for (uint32_t k = 0; k < SPEAKING; k++)
            if (i % EVERY == k)
                send(&b, &honest[k], 1, WSC_TCP_ACK, SPAN(word));
    }
    for (uint32_t i = 0; i < SPEAKING; i++)
        close_conn(&b, &honest[i]);
    wsc_analyzer_flush(b.an);
    cr_expect_eq(b.closed, SPEAKING, "%zu of the honest", b.closed);
    cr_expect_eq(b.evicted, FAKES + SPEAKING - ROOM, "%zu forgotten", b.evicted);
    wsc_analyzer_free(b.an);
}

/* Also where most were silent for long, and some spoke again in between. */
Test(ceilings, the_websocket_longest_silent_goes_first)
{
    static const char word[] = "\x81\x01x";
    struct wsc_analyzer_options opt;
    struct bench b;
    struct conn conns[ROOM];
    wsc_analyzer_options_default(&opt);
    opt.max_connections = ROOM;
    open_bench(&b, &opt);
    for (uint32_t i = 0; i < ROOM; i++)
        conns[i] = open_conn(&b, i, true);
    for (unsigned s = 0; s < 400; s++) {
        b.pkt.ts_ns += UINT64_C(1000000000);
        wsc_analyzer_tick(b.an, b.pkt.ts_ns);
    }
    for (uint32_t i = ROOM / 2; i-- > 0;) {
        send(&b, &conns[i], 1, WSC_TCP_ACK, SPAN(word));
        b.pkt.ts_ns += UINT64_C(200000000);
    }
    for (uint32_t i = 0; i < ROOM; i++)
        (void)open_conn(&b, 1000 + i, true);
    cr_assert_eq(b.evicted, ROOM);
    for (uint32_t i = 0; i < ROOM; i++) {
        uint32_t should = i < ROOM / 2 ? ROOM / 2 + i : ROOM - 1 - i;
        cr_expect_eq(b.order[i], should, "%u: %u, not %u", i, b.order[i], should);
    }
    wsc_analyzer_free(b.an);
}

/* What one connection after the other may leave behind, with a ceiling for all. */
struct flood {
    const char *name;
    struct wsc_span piece;
    uint32_t skip;    /* bytes not sent before it */
    unsigned pieces;  /* of each connection */
    size_t ceiling;   /* max_memory_bytes; 0: none */
    size_t reorder;   /* max_reorder_bytes; 0: as it is */
    size_t most;      /* what may be held, in all */
    bool out_of_room; /* segments were not kept, which is told */
};

static uint8_t filler[60000];

Test(ceilings, what_never_ends_is_bounded)
{
    enum { CONNECTIONS = 3000, MIB = 1 << 20 };
    static const char head[] = "GET / HTTP/1.1\r\nX: ";
    static uint8_t half_head[60000], half_record[16000];
    memset(filler, 'x', sizeof(filler));
    memset(half_head, 'x', sizeof(half_head));
    memcpy(half_head, head, sizeof(head) - 1);
    memcpy(half_record, "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11);
    const struct flood floods[] = {
        {"half heads", {half_head, sizeof(half_head)}, 0, 1, 0, 0, 64 * MIB + 16 * MIB, false},
        {"half records", {half_record, sizeof(half_record)}, 0, 1, 0, 0, 64 * MIB, false},
        {"behind a hole", {filler, sizeof(filler)}, 10, 1, 0, 4 * MIB, 20 * MIB, true},
        {"behind many holes", {filler, 100}, 10, 40, 0, 4 * MIB, 20 * MIB, false},
        {"half heads, a ceiling", {half_head, sizeof(half_head)}, 0, 1, 4 * MIB, 0, 5 * MIB, false},
    };
    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        const struct flood *f = &floods[i];
        struct wsc_analyzer_options opt;
        struct bench b;
        wsc_analyzer_options_default(&opt);
        opt.max_memory_bytes = f->ceiling;
        if (f->reorder != 0)
            opt.max_reorder_bytes = f->reorder;
        open_bench(&b, &opt);
        struct conn honest = open_conn(&b, 1, true);
        for (uint32_t k = 0; k < CONNECTIONS; k++) {
            struct conn c = open_conn(&b, 1000 + k, false);
            for (unsigned n = 0; n < f->pieces; n++) {
                c.seq[0] += f->skip;
                send(&b, &c, 0, WSC_TCP_ACK, f->piece);
            }
            watch(&b);
        }
        close_conn(&b, &honest);
        struct wsc_analyzer_stats s;
        wsc_analyzer_get_stats(b.an, &s);
        cr_expect_leq(b.most, f->most, "%s: %zu bytes held", f->name, b.most);
        cr_expect_eq(b.refused + s.reorder_dropped > 0, f->out_of_room, "%s", f->name);
        wsc_analyzer_flush(b.an);
        cr_expect_eq(b.closed, 1, "%s: the honest one", f->name);
        wsc_analyzer_free(b.an);
    }
}
