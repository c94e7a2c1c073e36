/* WebSockets over HTTP/2 of which a part passed before it was known what is spoken. */
#include <wsclose/analyzer.h>

#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>
#include <string.h>

struct talk {
    struct wsc_analyzer *an;
    struct wsc_packet pkt;
    uint32_t seq[2]; /* of the client, of the server */
    size_t records;
    enum wsc_outcome outcome; /* of the last */
    enum wsc_ending ending;
};

static void note(void *ctx, const struct wsc_closure *rec)
{
    struct talk *t = ctx;
    t->records++;
    t->outcome = rec->outcome;
    t->ending = rec->ending;
}

/* One segment, acknowledging all of the other side. */
static void say(struct talk *t, enum wsc_dir from, uint8_t flags, const char *bytes, size_t len)
{
    static struct wsc_test_packet p;
    const bool client = from == WSC_DIR_C2S;
    const struct wsc_test_ip ip = {.src = client ? "10.0.0.1" : "10.0.0.2",
                                   .dst = client ? "10.0.0.2" : "10.0.0.1"};
    const struct wsc_test_tcp tcp = {.sport = client ? 1000 : 80,
                                     .dport = client ? 80 : 1000,
                                     .seq = t->seq[from],
                                     .ack = t->seq[!from],
                                     .flags = flags,
                                     .window = 65535};
    wsc_test_packet_init(&p);
    struct wsc_span all = wsc_test_tcp_packet(
        &p, &ip, &tcp, (struct wsc_span){.ptr = (const uint8_t *)bytes, .len = len});
    t->pkt.data = all.ptr;
    t->pkt.len = t->pkt.caplen = (uint32_t)all.len;
    cr_assert_eq(wsc_analyzer_feed(t->an, &t->pkt), WSC_OK);
    t->pkt.ts_ns += 1000000;
    t->pkt.ref++;
    t->seq[from] += (uint32_t)len + ((flags & (WSC_TCP_SYN | WSC_TCP_FIN)) ? 1u : 0u);
}

#define CLIENT(bytes) say(&t, WSC_DIR_C2S, WSC_TCP_ACK, bytes, sizeof(bytes) - 1)
#define SERVER(bytes) say(&t, WSC_DIR_S2C, WSC_TCP_ACK, bytes, sizeof(bytes) - 1)

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
/* HEADERS with literals (RFC 7541 6.2.2) that ask for a WebSocket; its answer, `:status` 200 (RFC
 * 7541 appendix A, entry 8). */
#define ASK                                                                                        \
    "\0\0\114\1\4\0\0\0\3"                                                                         \
    "\0\7:method\7CONNECT\0\11:protocol\11websocket\0\7:scheme\4http\0\5:path\2/x"                 \
    "\0\12:authority\1h"
#define YES "\0\0\1\1\4\0\0\0\3\210"

Test(h2_unseen, an_upgrade_whose_request_was_not_captured)
{
    /* What the server answered passed while the client's preface was behind the hole. */
    struct talk t = {.pkt = {.link = 1, .ts_ns = 1, .ref = WSC_REF(0, 1)}, .seq = {0, 5000}};
    struct wsc_analyzer_options opt;
    wsc_analyzer_options_default(&opt);
    opt.label = false;
    cr_assert_eq(wsc_analyzer_new(&opt, note, &t, &t.an), WSC_OK);
    say(&t, WSC_DIR_C2S, WSC_TCP_SYN, "", 0);
    t.seq[WSC_DIR_C2S] += 141; /* the request */
    SERVER("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
           "\0\0\0\4\0\0\0\0\0");
    CLIENT(PREFACE);
    CLIENT(ASK);
    SERVER(YES);
    say(&t, WSC_DIR_C2S, WSC_TCP_ACK | WSC_TCP_FIN, "", 0);
    say(&t, WSC_DIR_S2C, WSC_TCP_ACK | WSC_TCP_FIN, "", 0);
    wsc_analyzer_flush(t.an);
    cr_assert_eq(t.records, 1);
    cr_expect_eq(t.outcome, WSC_OUTCOME_UNKNOWN, "%s", wsc_outcome_name(t.outcome));
    cr_expect_eq(t.ending, WSC_ENDING_GAP, "%s", wsc_ending_name(t.ending));
    wsc_analyzer_free(t.an);
}
