#include "traces.h"

#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK_ETHERNET 1u
#define START_NS      UINT64_C(1700000000000000000)

void trace_clear(struct trace *t)
{
    for (size_t i = 0; i < t->len; i++)
        free((void *)(uintptr_t)t->packets[i].data);
    free(t->packets);
    *t = (struct trace){0};
}

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

void trace_add(struct trace *t, const struct wsc_packet *pkt)
{
    if (t->len == t->cap) {
        t->cap = t->cap != 0 ? 2 * t->cap : 64;
        t->packets = must(realloc(t->packets, t->cap * sizeof(t->packets[0])));
    }
    struct wsc_packet *p = &t->packets[t->len++];
    *p = *pkt;
    uint8_t *bytes = must(malloc(pkt->caplen));
    memcpy(bytes, pkt->data, pkt->caplen);
    p->data = bytes;
    p->ref = WSC_REF(0, t->len);
}

void trace_add_file(struct trace *t, const char *path)
{
    struct wsc_capture *c;
    struct wsc_packet pkt;
    struct wsc_error err;
    if (wsc_capture_open(&path, 1, &(struct wsc_capture_options){0}, &c, &err) != WSC_OK)
        abort();
    while (wsc_capture_next(c, &pkt, &err) == WSC_OK)
        trace_add(t, &pkt);
    wsc_capture_close(c);
}

/* ---- sessions ---- */

struct session {
    uint16_t port;
    uint32_t seq[2];
};

static void add_bytes(struct trace *t, struct wsc_span bytes)
{
    uint64_t ts = t->len > 0 ? t->packets[t->len - 1].ts_ns + 100000 : START_NS;
    trace_add(t, &(struct wsc_packet){.data = bytes.ptr,
                                      .caplen = (uint32_t)bytes.len,
                                      .len = (uint32_t)bytes.len,
                                      .link = LINK_ETHERNET,
                                      .ts_ns = ts});
}

static void say(struct trace *t, struct session *s, enum wsc_dir d, uint8_t flags, const void *data,
                size_t len)
{
    static struct wsc_test_packet p;
    bool up = d == WSC_DIR_C2S;
    const struct wsc_test_ip ip = {.src = up ? "10.0.0.1" : "10.0.0.2",
                                   .dst = up ? "10.0.0.2" : "10.0.0.1",
                                   .id = (uint16_t)t->len};
    const struct wsc_test_tcp tcp = {.sport = up ? s->port : 80,
                                     .dport = up ? 80 : s->port,
                                     .seq = s->seq[d],
                                     .ack = (flags & WSC_TCP_ACK) ? s->seq[!d] : 0,
                                     .flags = flags,
                                     .window = 60000};
    add_bytes(t, wsc_test_tcp_packet(&p, &ip, &tcp, (struct wsc_span){.ptr = data, .len = len}));
    s->seq[d] += (uint32_t)len + ((flags & (WSC_TCP_SYN | WSC_TCP_FIN)) ? 1 : 0);
}

static void say_text(struct trace *t, struct session *s, enum wsc_dir d, const char *text)
{
    say(t, s, d, WSC_TCP_ACK | WSC_TCP_PSH, text, strlen(text));
}

/* One message: the bytes of its payload do not matter, masked or not. */
static void say_message(struct trace *t, struct session *s, enum wsc_dir d, size_t payload)
{
    uint8_t frame[8 + 1400] = {0x82, d == WSC_DIR_C2S ? 0xfe : 126, (uint8_t)(payload >> 8),
                               (uint8_t)payload};
    say(t, s, d, WSC_TCP_ACK | WSC_TCP_PSH, frame, payload + (d == WSC_DIR_C2S ? 8 : 4));
}

/* Step |step| of a session's life. */
static void go_on(struct trace *t, struct session *s, unsigned step, size_t payload)
{
    static const uint8_t close_up[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8},
                         close_down[] = {0x88, 0x02, 0x03, 0xe8};
    switch (step) {
    case 0:
        say(t, s, WSC_DIR_C2S, WSC_TCP_SYN, NULL, 0);
        say(t, s, WSC_DIR_S2C, WSC_TCP_SYN | WSC_TCP_ACK, NULL, 0);
        break;
    case 1:
        say_text(
            t, s, WSC_DIR_C2S,
            "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        say_text(t, s, WSC_DIR_S2C,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
        break;
    case 2:
        say_message(t, s, WSC_DIR_C2S, payload);
        say_message(t, s, WSC_DIR_S2C, payload);
        break;
    case 3:
        if (s->port % 5 == 0)
            break;
        say(t, s, WSC_DIR_C2S, WSC_TCP_ACK | WSC_TCP_PSH, close_up, sizeof(close_up));
        say(t, s, WSC_DIR_S2C, WSC_TCP_ACK | WSC_TCP_FIN, close_down, sizeof(close_down));
        say(t, s, WSC_DIR_C2S, WSC_TCP_ACK | WSC_TCP_FIN, NULL, 0);
        say(t, s, WSC_DIR_S2C, WSC_TCP_ACK, NULL, 0);
        break;
    }
}

void trace_add_sessions(struct trace *t, unsigned first, unsigned n, size_t payload)
{
    struct session *all = must(calloc(n, sizeof(*all)));
    for (unsigned i = 0; i < n; i++)
        all[i] = (struct session){.port = (uint16_t)(first + i), .seq = {1000u * i, 7u * i}};
    for (unsigned step = 0; step < 4; step++)
        for (unsigned i = 0; i < n; i++)
            go_on(t, &all[i], step, payload);
    free(all);
}

void trace_add_reset(struct trace *t, unsigned port, bool heeded)
{
    struct session s = {.port = (uint16_t)port, .seq = {1000, 2000}};
    for (unsigned step = 0; step < 3; step++)
        go_on(t, &s, step, 100);
    say(t, &s, WSC_DIR_C2S, WSC_TCP_ACK, NULL, 0);
    say(t, &s, WSC_DIR_S2C, WSC_TCP_RST | WSC_TCP_ACK, NULL, 0);
    if (heeded)
        return;
    say_message(t, &s, WSC_DIR_S2C, 100);
    say_message(t, &s, WSC_DIR_C2S, 100);
    say(t, &s, WSC_DIR_S2C, WSC_TCP_ACK, NULL, 0);
    say(t, &s, WSC_DIR_S2C, WSC_TCP_RST | WSC_TCP_ACK, NULL, 0);
}

/* ---- fragments ---- */

#define ETHERNET 14u
#define PIECE    24u

static void add_piece(struct trace *t, const uint8_t *ip, size_t head, size_t at, size_t len,
                      bool more, uint16_t id)
{
    uint8_t frame[ETHERNET + 60 + PIECE] = {[12] = 0x08};
    memcpy(frame + ETHERNET, ip, head);
    memcpy(frame + ETHERNET + head, ip + head + at, len);
    uint8_t *h = frame + ETHERNET;
    h[2] = (uint8_t)((head + len) >> 8);
    h[3] = (uint8_t)(head + len);
    h[4] = (uint8_t)(id >> 8);
    h[5] = (uint8_t)id;
    h[6] = (uint8_t)((more ? 0x20 : 0) | at / 8 >> 8);
    h[7] = (uint8_t)(at / 8);
    add_bytes(t, (struct wsc_span){.ptr = frame, .len = ETHERNET + head + len});
}

static void add_in_pieces(struct trace *t, const uint8_t *ip, uint16_t id)
{
    size_t head = (size_t)(ip[0] & 15) * 4, len = ((size_t)ip[2] << 8 | ip[3]) - head;
    size_t pieces = (len + PIECE - 1) / PIECE;
    for (size_t i = 0; i < pieces; i++) {
        size_t k = id % 2 != 0 ? pieces - 1 - i : i, at = k * PIECE;
        add_piece(t, ip, head, at, len - at < PIECE ? len - at : PIECE, k + 1 < pieces, id);
    }
}

void trace_add_fragmented(struct trace *t, const struct trace *from, bool vxlan)
{
    static struct wsc_test_packet p;
    for (size_t i = 0; i < from->len; i++) {
        const struct wsc_packet *pkt = &from->packets[i];
        if (!vxlan) {
            add_in_pieces(t, pkt->data + ETHERNET, (uint16_t)i);
            continue;
        }
        wsc_test_packet_init(&p);
        wsc_test_put(&p, pkt->data, pkt->caplen);
        wsc_test_put_hex(&p, "08 00 00 00 00 00 2a 00");
        wsc_test_put_udp(&p, (uint16_t)(40000 + i % 100), 4789);
        wsc_test_put_ip(&p, &(struct wsc_test_ip){.src = "192.0.2.1", .dst = "192.0.2.2"}, 17);
        add_in_pieces(t, wsc_test_bytes(&p).ptr, (uint16_t)i);
    }
}

/* ---- records ---- */

void lines_add(void *ctx, const struct wsc_closure *rec)
{
    struct lines *l = ctx;
    struct wsc_report *rep;
    char *text = NULL;
    size_t len = 0;
    FILE *f = must(open_memstream(&text, &len));
    if (wsc_report_new(&(struct wsc_report_options){.format = WSC_FORMAT_NDJSON}, f, &rep) !=
            WSC_OK ||
        wsc_report_record(rep, rec) != WSC_OK)
        abort();
    wsc_report_free(rep);
    (void)fclose(f);
    if (l->len == l->cap) {
        l->cap = l->cap != 0 ? 2 * l->cap : 64;
        l->line = must(realloc(l->line, l->cap * sizeof(l->line[0])));
    }
    l->line[l->len++] = text;
}

void lines_clear(struct lines *l)
{
    for (size_t i = 0; i < l->len; i++)
        free(l->line[i]);
    free(l->line);
    *l = (struct lines){0};
}
