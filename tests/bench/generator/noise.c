#include "noise.h"

#include "client_hello.h"

#include <string.h>

#define CHUNK_MAX 5792u /* bytes of an answer before the next flow has its turn: 4 segments */

static const uint16_t ports[] = {[NOISE_HTTP] = 80,
                                 [NOISE_TLS] = 443,
                                 [NOISE_OTHER_TCP] = 5432,
                                 [NOISE_DNS] = 53,
                                 [NOISE_QUIC] = 443};

static enum noise_kind draw_kind(struct wire *w)
{
    uint32_t at = wire_random(w, 100);
    if (at < 25)
        return NOISE_HTTP;
    if (at < 70)
        return NOISE_TLS;
    if (at < 78)
        return NOISE_OTHER_TCP;
    return at < 90 ? NOISE_DNS : NOISE_QUIC;
}

void noise_init(struct noise *f, struct wire *w, uint32_t number, bool late)
{
    struct wire_endpoint client = {.ip = 0xac100001u + number / 40000,
                                   .port = (uint16_t)(20000 + number % 40000)};
    *f = (struct noise){.kind = draw_kind(w),
                        .number = number,
                        .step = late ? 2 : 0,
                        .exchanges = 1 + wire_random(w, 6)};
    struct wire_endpoint server = {.ip = 0xcb007100u + wire_random(w, 200), .port = ports[f->kind]};
    tcp_init(&f->tcp, client, server, number);
}

static void send_all(struct noise *f, struct wire *w, enum tcp_side from, const void *p, uint32_t n)
{
    tcp_send(w, &f->tcp, from, p, n, NULL);
}

/* An answer of 200 bytes to 60 KB, most of them short. */
static uint32_t draw_answer(struct wire *w)
{
    return 200 + wire_random(w, 1u << (4 + wire_random(w, 13)));
}

/* What goes on with the answer at hand; |head| bytes at its start are in |chunk| already. */
static void answer(struct noise *f, struct wire *w, uint8_t *chunk, uint32_t head,
                   const uint8_t *body)
{
    uint32_t n = f->left < CHUNK_MAX - head ? f->left : CHUNK_MAX - head;
    memcpy(chunk + head, body, n);
    f->left -= n;
    send_all(f, w, TCP_SERVER, chunk, head + n);
    tcp_ack(w, &f->tcp, TCP_CLIENT);
}

static void http_exchange(struct noise *f, struct wire *w, const struct text *text)
{
    uint8_t chunk[CHUNK_MAX];
    char head[600];
    uint32_t n = 0;
    if (f->left == 0) {
        f->exchanges--;
        f->left = draw_answer(w);
        n = (uint32_t)snprintf(
            head, sizeof(head),
            "GET /static/%u/item-%u.json HTTP/1.1\r\nHost: www%u.shop.example\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) "
            "Gecko/20100101 Firefox/115.0\r\nAccept: */*\r\n"
            "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
            "Cookie: session=%.*s\r\n\r\n",
            f->number, wire_random(w, 100000), f->number % 500, 64,
            "c2Vzc2lvbiBjb29raWVzIGFyZSBsb25nIGFuZCBub2JvZHkgcmVhZHMgdGhlbQ==");
        send_all(f, w, TCP_CLIENT, head, n);
        n = (uint32_t)snprintf(
            (char *)chunk, sizeof(chunk),
            "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Fri, 02 Jan 2026 03:04:05 "
            "GMT\r\nContent-Type: application/json\r\nContent-Length: %u\r\n"
            "Connection: keep-alive\r\nCache-Control: max-age=300\r\n\r\n",
            f->left);
    }
    answer(f, w, chunk, n, text_words(text, w));
}

/* One record of |type| with |n| bytes of cipher text; returns its length. */
static uint32_t tls_record(uint8_t *p, uint8_t type, const uint8_t *bytes, uint32_t n)
{
    p[0] = type;
    wire_put16(p + 1, 0x0303);
    wire_put16(p + 3, n);
    memcpy(p + 5, bytes, n);
    return n + 5;
}

static void tls_handshake(struct noise *f, struct wire *w, const struct text *text)
{
    uint8_t p[4096];
    send_all(f, w, TCP_CLIENT, p, client_hello(p, w, f->number));
    uint32_t n = server_hello(p, w);
    n += tls_record(p + n, 20, (const uint8_t *)"\x01", 1);
    n += tls_record(p + n, 23, text_noise(text, w), 2000 + wire_random(w, 1500));
    send_all(f, w, TCP_SERVER, p, n);
    n = tls_record(p, 20, (const uint8_t *)"\x01", 1);
    n += tls_record(p + n, 23, text_noise(text, w), 53);
    send_all(f, w, TCP_CLIENT, p, n);
}

static void tls_exchange(struct noise *f, struct wire *w, const struct text *text)
{
    uint8_t chunk[CHUNK_MAX];
    if (f->left == 0) {
        f->exchanges--;
        f->left = draw_answer(w);
        send_all(f, w, TCP_CLIENT, chunk,
                 tls_record(chunk, 23, text_noise(text, w), 100 + wire_random(w, 600)));
    }
    uint32_t n = f->left < CHUNK_MAX - 5 ? f->left : CHUNK_MAX - 5;
    chunk[0] = 23;
    wire_put16(chunk + 1, 0x0303);
    wire_put16(chunk + 3, n);
    answer(f, w, chunk, 5, text_noise(text, w));
}

static void other_exchange(struct noise *f, struct wire *w, const struct text *text)
{
    uint8_t chunk[CHUNK_MAX];
    if (f->left == 0) {
        f->exchanges--;
        f->left = 1 + wire_random(w, 2000);
        send_all(f, w, TCP_CLIENT, text_noise(text, w), 10 + wire_random(w, 300));
    }
    answer(f, w, chunk, 0, text_noise(text, w));
}

static bool tcp_flow(struct noise *f, struct wire *w, const struct text *text)
{
    if (f->step == 0) {
        tcp_open(w, &f->tcp);
        return true;
    }
    if (f->step == 1 && f->kind == NOISE_TLS) {
        tls_handshake(f, w, text);
        return true;
    }
    if (f->left == 0 && f->exchanges == 0) {
        tcp_fin(w, &f->tcp, f->number % 2 ? TCP_CLIENT : TCP_SERVER);
        return false;
    }
    if (f->kind == NOISE_HTTP)
        http_exchange(f, w, text);
    else if (f->kind == NOISE_TLS)
        tls_exchange(f, w, text);
    else
        other_exchange(f, w, text);
    return true;
}

static void datagram(struct noise *f, struct wire *w, enum tcp_side from, const uint8_t *p,
                     uint32_t n)
{
    wire_udp(w, f->tcp.peer[from].at, f->tcp.peer[!from].at, p, n);
}

/* A question for an A record, and its answer. */
static bool dns_flow(struct noise *f, struct wire *w)
{
    uint8_t p[64] = {0};
    uint8_t answer[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 1};
    wire_put16(p, wire_random(w, 65536));
    p[2] = 1;
    p[5] = 1;
    char name[24];
    snprintf(name, sizeof(name), "%05u.cdn", f->number % 100000);
    uint32_t n = 12;
    p[n++] = 5;
    memcpy(p + n, name, 5);
    n += 5;
    memcpy(p + n,
           "\x03"
           "cdn\x07"
           "example\0\0\x01\0\x01",
           17);
    n += 17;
    datagram(f, w, TCP_CLIENT, p, n);
    p[2] = 0x81;
    p[3] = 0x80;
    p[7] = 1;
    memcpy(p + n, answer, sizeof(answer));
    datagram(f, w, TCP_SERVER, p, n + (uint32_t)sizeof(answer));
    return false;
}

static bool quic_flow(struct noise *f, struct wire *w, const struct text *text)
{
    uint8_t p[1252];
    memcpy(p, text_noise(text, w), sizeof(p));
    if (f->step == 0) { /* an Initial each way (RFC 9000 17.2.2) */
        memcpy(p, "\xc3\0\0\0\x01\x08", 6);
        datagram(f, w, TCP_CLIENT, p, sizeof(p));
        datagram(f, w, TCP_SERVER, p, sizeof(p));
        return true;
    }
    p[0] = 0x40 | (p[0] & 0x3f);
    datagram(f, w, TCP_CLIENT, p, 40 + wire_random(w, 300));
    for (uint32_t n = 1 + wire_random(w, 6); n > 0; n--)
        datagram(f, w, TCP_SERVER, p, sizeof(p));
    return f->step < 2 + f->exchanges;
}

bool noise_step(struct noise *f, struct wire *w, const struct text *text)
{
    bool more;
    if (f->kind == NOISE_DNS)
        more = dns_flow(f, w);
    else if (f->kind == NOISE_QUIC)
        more = quic_flow(f, w, text);
    else
        more = tcp_flow(f, w, text);
    f->step++;
    return more;
}
