/* Byte 0: bits 0-1 connections at once, bit 2 records of TLS that cannot be read, bit 3 a key log,
 * which is waited for if bit 4 is set, bit 5 a restart after eight packets, with a byte of each
 * saved state changed if bit 4 is set too, bit 6 a snap length, bit 7 long pauses. seed_analyzer.py
 * makes inputs of captures.
 *
 * The whole analyzer: packets of a few TCP connections whose flags, numbers and payload the input
 * chooses; in between text for the key log, and other calls. Aims at wsc_analyzer_feed() and
 * everything under it. Beyond survival: every record is well-formed, rule 2 of the SPEC holds, and
 * all memory is given back. */
#include <wsclose/analyzer.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "decode/packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADERS     54u
#define PAYLOAD_MAX 1500u

/* Byte 2 of what has a long payload; any other is a packet's flags. */
enum other_call { CALL_KEYS = 0xff, CALL_FLUSH = 0xfe, CALL_TICK = 0xfd, CALL_LOST = 0xfc };

struct run {
    struct wsc_analyzer *an;
    struct wsc_keylog *keys; /* NULL: none */
    struct wsc_packet pkt;
    struct kept *kept;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* What was open when the first run was stopped. */
struct kept {
    struct wsc_closure *rec[4];
    size_t len;
    uint64_t records;
};

static void on_record(void *ctx, const struct wsc_closure *r)
{
    struct kept *k = ctx;
    if (r->open_state.ptr != NULL && k->len < 4)
        k->rec[k->len++] = wsc_closure_copy(r);
    k->records += !r->provisional;
    must((r->cause.ptr == NULL) == (r->confidence == WSC_CONFIDENCE_NONE));
    must(r->cause.ptr == NULL || r->evidence_len > 0);
    for (size_t i = 0; i < r->evidence_len; i++) {
        must(r->evidence[i].len > 0 && wsc_utf8_valid(r->evidence[i].ptr, r->evidence[i].len));
        for (size_t b = 0; b < r->evidence[i].len; b++)
            must(r->evidence[i].ptr[b] >= 0x20);
    }
    must(r->outcome <= WSC_OUTCOME_HANDSHAKE_FAILED && r->ending <= WSC_ENDING_GAP);
    must(r->close_code >= WSC_UNKNOWN && r->close_code <= 65535);
    must((r->close_code == WSC_UNKNOWN) == (r->code_source == WSC_CODE_SOURCE_NONE));
    must(r->outcome == WSC_OUTCOME_CLOSED || r->close_code == WSC_UNKNOWN);
    must(r->code_source != WSC_CODE_SOURCE_WIRE || r->close[0].seen || r->close[1].seen);
    must(r->outcome != WSC_OUTCOME_OPEN || r->ended_ns == 0);
    must(r->violations_len <= WSC_VIOLATIONS_MAX && r->evidence_len <= WSC_EVIDENCE_MAX);
    must(r->first_packet != 0 || r->resumed_id != 0);
}

/* Pieces that random bytes would not find. */
static const char *const words[] = {
    "GET /a?b HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: "
    "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno.",
    "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
    "CONNECT h:80 HTTP/1.1\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "\x81\x85\x11\x22\x33\x44yGXXt",
    "\x88\x82\x11\x22\x33\x44\x12\xca",
    "\x89\x82\x11\x22\x33\x44pi",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\nServer: nginx\r\nCF-Ray: 1-FRA\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "\x88\x1b\x03\xf3keepalive ping timeout\x00\x1b\xff",
};

struct peers {
    uint32_t seq[2];
};

static size_t payload_of(struct wsc_reader *r, uint8_t how, uint8_t n, uint8_t out[PAYLOAD_MAX])
{
    size_t len = n % 64u;
    if (how & 0x80) {
        const char *word = words[n % (sizeof(words) / sizeof(words[0]))];
        len = strlen(word);
        memcpy(out, word, len);
        return len;
    }
    if (how & 0x40)
        len = ((size_t)n << 8 | wsc_rd_u8(r)) % (PAYLOAD_MAX + 1);
    if (len > wsc_rd_left(r))
        len = wsc_rd_left(r);
    memcpy(out, wsc_rd_bytes(r, len), len);
    return len;
}

/* Writes the headers of a packet, before |len| bytes that stand there already. */
static void build(struct peers *all, uint8_t what, uint8_t how, uint8_t flags, size_t len,
                  uint8_t out[HEADERS])
{
    unsigned conn = what & 3, by = (what >> 2) & 1;
    struct peers *p = &all[conn];
    /* Mostly in order; sometimes back, ahead or anywhere. */
    static const int32_t offs[8] = {0, 0, 0, 0, -5, 7, -1, 100000};
    uint32_t seq = p->seq[by] + (uint32_t)offs[how & 7];
    uint32_t ack = p->seq[1 - by] + (uint32_t)offs[(how >> 3) & 7];
    memset(out, 0, HEADERS);
    out[12] = 0x08;
    out[14] = 0x45;
    out[16] = (uint8_t)((40 + len) >> 8);
    out[17] = (uint8_t)(40 + len);
    out[22] = (what & 0x18) == 0x18 ? 243 : 64;
    out[19] = what >> 5;
    out[23] = 6;
    out[26 + 3 + (by ? 4 : 0)] = 1;
    out[30 + 3 - (by ? 4 : 0)] = 2;
    out[34 + (by ? 2 : 0)] = (uint8_t)(100 + conn);
    out[36 - (by ? 2 : 0)] = 0x1f;
    for (int i = 0; i < 4; i++) {
        out[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
        out[42 + i] = (uint8_t)(ack >> (24 - 8 * i));
    }
    out[46] = 0x50;
    out[47] = (flags & 0xc0) ? WSC_TCP_ACK : flags & 0x3f;
    out[48] = 0xff;
    if ((how & 7) < 4)
        p->seq[by] += (uint32_t)len + ((out[47] & (WSC_TCP_SYN | WSC_TCP_FIN)) ? 1u : 0u);
}

static struct wsc_analyzer *make(uint8_t choice, struct kept *kept, struct wsc_keylog *keys,
                                 struct wsc_analyzer_options *opt)
{
    struct wsc_analyzer *an = NULL;
    wsc_analyzer_options_default(opt);
    opt->label = false;
    opt->max_connections = 1 + (choice & 3);
    opt->max_reorder_per_connection = 2048;
    opt->max_reorder_bytes = 4096;
    opt->keep_states = opt->foretell = (choice & 0x20) != 0;
    opt->encrypted = (choice & 4) != 0;
    opt->keylog = keys;
    opt->wait_keys = keys != NULL && (choice & 0x10) != 0;
    return wsc_analyzer_new(opt, on_record, kept, &an) == WSC_OK ? an : NULL;
}

/* Another run goes on with what this one leaves open. */
static void restart(struct run *run, uint8_t choice, struct wsc_analyzer_options *opt,
                    struct wsc_reader *r)
{
    struct kept *kept = run->kept;
    wsc_analyzer_flush(run->an);
    wsc_analyzer_free(run->an);
    kept->records = 0;
    run->an = make(choice & 0xdf, kept, run->keys, opt);
    for (size_t i = 0; run->an != NULL && i < kept->len; i++) {
        struct wsc_closure *c = kept->rec[i];
        uint8_t state[256];
        if (c == NULL)
            continue;
        memcpy(state, c->open_state.ptr, c->open_state.len);
        if (choice & 0x10)
            state[wsc_rd_u8(r) % c->open_state.len] = wsc_rd_u8(r);
        c->open_state.ptr = state;
        c->id = 1 + (int64_t)i;
        (void)!wsc_analyzer_resume(run->an, c);
    }
}

static void check(const struct run *run, const struct wsc_analyzer_options *opt)
{
    struct wsc_analyzer_stats s;
    wsc_analyzer_get_stats(run->an, &s);
    must(s.tcp_open <= opt->max_connections && s.memory_bytes < (8u << 20));
    must(s.websockets == run->kept->records && s.tls_failed + s.tls_flows <= 2 * s.tcp_flows);
}

static void feed(struct run *run, uint8_t choice, const uint8_t *bytes, size_t len)
{
    struct wsc_packet *pkt = &run->pkt;
    pkt->len = (uint32_t)len;
    pkt->caplen = (choice & 0x40) && pkt->len > HEADERS + 20 ? HEADERS + 20 : pkt->len;
    /* An exact-size copy: a read past its end is seen. */
    uint8_t *copy = malloc(pkt->caplen);
    memcpy(copy, bytes, pkt->caplen);
    pkt->data = copy;
    (void)!wsc_analyzer_feed(run->an, pkt);
    free(copy);
    pkt->ts_ns += (choice & 0x80) ? UINT64_C(40000000000) : 1000000;
    pkt->ref++;
}

/* One packet, or another call, from |r|. */
static void step(struct run *run, uint8_t choice, struct wsc_reader *r, struct peers *peers)
{
    uint8_t what = wsc_rd_u8(r), how = wsc_rd_u8(r), flags = wsc_rd_u8(r), n = wsc_rd_u8(r);
    uint8_t bytes[HEADERS + PAYLOAD_MAX];
    size_t len = payload_of(r, how, n, bytes + HEADERS);
    bool other = (how & 0xc0) == 0x40;
    uint64_t later = run->pkt.ts_ns + (uint64_t)what * 1000000000;
    if (other && flags == CALL_KEYS && run->keys != NULL) {
        (void)!wsc_keylog_feed(run->keys, 1, (struct wsc_span){.ptr = bytes + HEADERS, .len = len});
    } else if (other && flags == CALL_FLUSH) {
        wsc_analyzer_flush(run->an);
    } else if (other && flags == CALL_TICK) {
        wsc_analyzer_tick(run->an, later);
        run->pkt.ts_ns = later;
    } else if (other && flags == CALL_LOST) {
        wsc_analyzer_lost(run->an, run->pkt.ts_ns, later);
    } else {
        build(peers, what, how, flags, len, bytes);
        feed(run, choice, bytes, HEADERS + len);
    }
}

static void finish(const struct run *run)
{
    wsc_analyzer_flush(run->an);
    struct wsc_analyzer_stats s;
    wsc_analyzer_get_stats(run->an, &s);
    must(s.tcp_open == 0 && s.websockets_open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsc_reader r = wsc_reader_of(data, size);
    uint8_t choice = wsc_rd_u8(&r);
    struct wsc_analyzer_options opt;
    struct kept kept = {.len = 0};
    struct run run = {.kept = &kept, .pkt = {.link = 1, .ts_ns = 1, .ref = WSC_REF(0, 1)}};
    if (choice & 8)
        (void)!wsc_keylog_new(64, &run.keys);
    run.an = make(choice, &kept, run.keys, &opt);
    struct peers peers[4] = {{{0}}};
    peers[1].seq[0] = UINT32_MAX - 20;
    for (int n = 1; run.an != NULL && wsc_rd_left(&r) > 0; n++) {
        step(&run, choice, &r, peers);
        check(&run, &opt);
        if (n == 8 && (choice & 0x20))
            restart(&run, choice, &opt, &r);
    }
    if (run.an != NULL)
        finish(&run);
    wsc_analyzer_free(run.an);
    wsc_keylog_free(run.keys);
    for (size_t i = 0; i < kept.len; i++)
        wsc_closure_free(kept.rec[i]);
    return 0;
}
