/* A client that opens and resets stream after stream (RFC 9113 10.5, "rapid reset"), seen from its
 * side only: no acknowledgement ever tells that a stream is over. */
#include <wsclose/analyzer.h>

#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>
#include <string.h>

#define STREAMS  20000u
#define PER_PACK 12u

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

/* HEADERS with literals (RFC 7541 6.2.2) that ask for a WebSocket, and RST_STREAM with CANCEL. */
static const char head[] = "\0\7:method\7CONNECT\0\11:protocol\11websocket"
                           "\0\7:scheme\4http\0\5:path\2/x\0\12:authority\1h";
#define HEAD_LEN (sizeof(head) - 1)
#define PAIR_LEN (9u + HEAD_LEN + 13u)

static void put_pair(uint8_t *out, uint32_t id)
{
    uint8_t stream[4] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    memcpy(out, "\0\0\0\1\4", 5);
    out[2] = (uint8_t)HEAD_LEN;
    memcpy(out + 5, stream, 4);
    memcpy(out + 9, head, HEAD_LEN);
    out += 9 + HEAD_LEN;
    memcpy(out, "\0\0\4\3\0", 5);
    memcpy(out + 5, stream, 4);
    memcpy(out + 9, "\0\0\0\10", 4);
}

static void count(void *ctx, const struct wsc_closure *rec)
{
    size_t *records = ctx;
    *records += rec->ending == WSC_ENDING_STREAM_RESET || rec->outcome != WSC_OUTCOME_OPEN;
}

static void send_bytes(struct wsc_analyzer *an, struct wsc_packet *pkt, uint32_t *seq,
                       uint8_t flags, struct wsc_span payload)
{
    static struct wsc_test_packet p;
    const struct wsc_test_ip ip = {.src = "10.0.0.1", .dst = "10.0.0.2"};
    const struct wsc_test_tcp tcp = {
        .sport = 1000, .dport = 80, .seq = *seq, .ack = 1, .flags = flags, .window = 65535};
    wsc_test_packet_init(&p);
    struct wsc_span all = wsc_test_tcp_packet(&p, &ip, &tcp, payload);
    pkt->data = all.ptr;
    pkt->len = pkt->caplen = (uint32_t)all.len;
    cr_assert_eq(wsc_analyzer_feed(an, pkt), WSC_OK);
    pkt->ts_ns += 1000000;
    pkt->ref++;
    *seq += (uint32_t)payload.len + ((flags & WSC_TCP_SYN) ? 1u : 0u);
}

/* An analyzer that has seen the SYN and the preface. */
static struct wsc_analyzer *begin(size_t *records, struct wsc_packet *pkt, uint32_t *seq)
{
    struct wsc_analyzer_options opt;
    wsc_analyzer_options_default(&opt);
    opt.label = false;
    struct wsc_analyzer *an = NULL;
    cr_assert_eq(wsc_analyzer_new(&opt, count, records, &an), WSC_OK);
    *pkt = (struct wsc_packet){.link = 1, .ts_ns = 1, .ref = WSC_REF(0, 1)};
    send_bytes(an, pkt, seq, WSC_TCP_SYN, (struct wsc_span){.ptr = (const uint8_t *)"", .len = 0});
    send_bytes(an, pkt, seq, WSC_TCP_ACK,
               (struct wsc_span){.ptr = (const uint8_t *)preface, .len = sizeof(preface) - 1});
    return an;
}

Test(h2_flood, streams_beyond_the_ceiling_are_counted)
{
    enum { CEILING = 4096, MORE = 904 };
    size_t records = 0;
    uint32_t seq = 0;
    struct wsc_packet pkt;
    struct wsc_analyzer *an = begin(&records, &pkt, &seq);
    for (uint32_t i = 0; i < CEILING + MORE; i++) {
        uint8_t bytes[PAIR_LEN];
        put_pair(bytes, 2 * i + 1);
        send_bytes(an, &pkt, &seq, WSC_TCP_ACK,
                   (struct wsc_span){.ptr = bytes, .len = 9 + HEAD_LEN});
    }
    wsc_analyzer_flush(an);
    struct wsc_analyzer_stats stats;
    wsc_analyzer_get_stats(an, &stats);
    cr_expect_eq(stats.streams_refused, MORE, "%lu", (unsigned long)stats.streams_refused);
    wsc_analyzer_free(an);
}

Test(h2_flood, what_waits_is_bounded)
{
    size_t records = 0;
    uint32_t seq = 0;
    struct wsc_packet pkt;
    struct wsc_analyzer *an = begin(&records, &pkt, &seq);
    struct wsc_analyzer_stats stats;
    for (uint32_t i = 0; i < STREAMS; i += PER_PACK) {
        uint8_t bytes[PER_PACK * PAIR_LEN];
        for (uint32_t k = 0; k < PER_PACK; k++)
            put_pair(bytes + k * PAIR_LEN, 2 * (i + k) + 1);
        send_bytes(an, &pkt, &seq, WSC_TCP_ACK,
                   (struct wsc_span){.ptr = bytes, .len = sizeof(bytes)});
        wsc_analyzer_get_stats(an, &stats);
        cr_assert_leq(stats.memory_bytes, 4u << 20, "after %u streams: %lu bytes", i + PER_PACK,
                      (unsigned long)stats.memory_bytes);
    }
    cr_assert_gt(records, STREAMS / 2, "ended streams are handed over meanwhile: %zu", records);
    wsc_analyzer_flush(an);
    cr_assert_geq(records, STREAMS);
    wsc_analyzer_free(an);
}
