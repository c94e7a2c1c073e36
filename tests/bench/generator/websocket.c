#include "websocket.h"

#include <openssl/evp.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 60000u
#define HEADER_MAX  14u

enum way {
    CLOSE,      /* a Close each */
    UNANSWERED, /* a Close, then FIN */
    FIN,
    RESET,
    REJECT,
};

struct end {
    uint32_t share; /* of 100 */
    enum way way;
    enum tcp_side by;
    uint32_t code; /* 0: an empty Close */
    const char *reason, *outcome, *close_code, *ending;
};

/* The last three are the words of the record (the JSON's outcome, close_code and ending). */
static const struct end ends[WEBSOCKET_ENDS] = {
    {50, CLOSE, TCP_CLIENT, 1000, "", "closed", "1000", "close_handshake"},
    {10, CLOSE, TCP_SERVER, 1001, "restarting", "closed", "1001", "close_handshake"},
    {10, CLOSE, TCP_CLIENT, 1001, "", "closed", "1001", "close_handshake"},
    {4, CLOSE, TCP_SERVER, 1011, "internal error", "closed", "1011", "close_handshake"},
    {4, CLOSE, TCP_SERVER, 4001, "session expired", "closed", "4001", "close_handshake"},
    {6, CLOSE, TCP_CLIENT, 0, "", "closed", "1005", "close_handshake"},
    {3, UNANSWERED, TCP_CLIENT, 1000, "bye", "closed", "1000", "close_unanswered"},
    {8, FIN, TCP_SERVER, 0, "", "closed", "1006", "fin"},
    {3, RESET, TCP_SERVER, 0, "", "closed", "1006", "reset"},
    {2, REJECT, TCP_SERVER, 0, "", "handshake_failed", "null", "rejected"},
};

static uint32_t end_of(uint32_t number)
{
    uint32_t at = number * 37 % 100, i = 0;
    while (at >= ends[i].share)
        at -= ends[i++].share;
    return i;
}

void websocket_init(struct websocket *c, uint32_t number)
{
    struct wire_endpoint client = {.ip = 0x0a000001u + number / 40000,
                                   .port = (uint16_t)(20000 + number % 40000)};
    struct wire_endpoint server = {.ip = 0xc0a80001u + number % 8, .port = 8080};
    *c = (struct websocket){.number = number};
    tcp_init(&c->tcp, client, server, number);
}

/* Remembers what the capture does not show of |c|. */
static void note(struct websocket *c, bool seen)
{
    c->hidden = c->hidden || !seen;
}

static void send_text(struct websocket *c, struct wire *w, struct websocket_plan *plan,
                      enum tcp_side from, const char *text, int len)
{
    bool seen = tcp_send(w, &c->tcp, from, (const uint8_t *)text, (uint32_t)len, plan->damage);
    note(c, seen);
    c->no_request = c->no_request || (from == TCP_CLIENT && !seen);
}

/* Sec-WebSocket-Accept of |key| (RFC 6455 4.2.2). */
static void accept_of(const char *key, char out[32])
{
    char text[128];
    unsigned char digest[EVP_MAX_MD_SIZE];
    int n = snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (EVP_Digest(text, (size_t)n, digest, NULL, EVP_sha1(), NULL) != 1)
        abort();
    EVP_EncodeBlock((unsigned char *)out, digest, 20);
}

static void request(struct websocket *c, struct wire *w, struct websocket_plan *plan,
                    const char *key)
{
    char text[1024];
    int n = snprintf(text, sizeof(text),
                     "GET /feed/%u HTTP/1.1\r\nHost: ws%u.bench.example\r\n"
                     "Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
                     "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:%u.0) Gecko/20100101 "
                     "Firefox/%u.0\r\n"
                     "Upgrade: websocket\r\nOrigin: https://bench.example\r\n"
                     "Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate\r\n"
                     "Accept-Language: en-GB,en;q=0.5\r\nSec-WebSocket-Key: %s\r\n\r\n",
                     c->number % 20, c->number % 8, 110 + c->number % 6, 110 + c->number % 6, key);
    send_text(c, w, plan, TCP_CLIENT, text, n);
}

static void open_it(struct websocket *c, struct wire *w, struct websocket_plan *plan, bool reject)
{
    unsigned char nonce[16] = "nonce of bench";
    char key[32], accept[32], text[512];
    wire_put32(nonce + 12, c->number);
    EVP_EncodeBlock((unsigned char *)key, nonce, sizeof(nonce));
    accept_of(key, accept);
    tcp_open(w, &c->tcp);
    request(c, w, plan, key);
    int n = reject ? snprintf(text, sizeof(text),
                              "HTTP/1.1 403 Forbidden\r\nServer: bench/1.0\r\n"
                              "Content-Length: 0\r\nConnection: close\r\n\r\n")
                   : snprintf(text, sizeof(text),
                              "HTTP/1.1 101 Switching Protocols\r\nServer: bench/1.0\r\n"
                              "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nConnection: upgrade\r\n"
                              "Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                              accept);
    send_text(c, w, plan, TCP_SERVER, text, n);
    tcp_ack(w, &c->tcp, TCP_CLIENT);
}

/* Returns where the payload goes. */
static uint8_t *put_header(uint8_t *p, uint8_t first, bool masked, uint32_t len, const uint8_t *key)
{
    uint8_t mask = masked ? 0x80 : 0;
    p[0] = first;
    if (len < 126) {
        p[1] = (uint8_t)(mask | len);
        p += 2;
    } else {
        p[1] = mask | 126;
        wire_put16(p + 2, len);
        p += 4;
    }
    if (masked) {
        memcpy(p, key, 4);
        p += 4;
    }
    return p;
}

static void send_frame(struct websocket *c, struct wire *w, struct websocket_plan *plan,
                       enum tcp_side from, uint8_t first, const uint8_t *body, uint32_t len)
{
    static uint8_t frame[MESSAGE_MAX + HEADER_MAX];
    uint8_t key[4];
    wire_put32(key, wire_random(w, UINT32_MAX));
    uint8_t *p = put_header(frame, first, from == TCP_CLIENT, len, key);
    for (uint32_t i = 0; i < len; i++)
        p[i] = from == TCP_CLIENT ? body[i] ^ key[i & 3] : body[i];
    note(c, tcp_send(w, &c->tcp, from, frame, (uint32_t)(p - frame) + len, plan->damage));
}

static void send_close(struct websocket *c, struct wire *w, struct websocket_plan *plan,
                       enum tcp_side from, const struct end *e)
{
    uint8_t body[125];
    size_t len = strlen(e->reason);
    wire_put16(body, e->code);
    memcpy(body + 2, e->reason, len);
    send_frame(c, w, plan, from, 0x88, body, e->code == 0 ? 0 : (uint32_t)len + 2);
}

static void end_it(struct websocket *c, struct wire *w, struct websocket_plan *plan,
                   const struct end *e)
{
    switch (e->way) {
    case CLOSE:
        send_close(c, w, plan, e->by, e);
        send_close(c, w, plan, !e->by, e);
        tcp_ack(w, &c->tcp, e->by);
        tcp_fin(w, &c->tcp, TCP_SERVER);
        break;
    case UNANSWERED:
        send_close(c, w, plan, e->by, e);
        tcp_ack(w, &c->tcp, !e->by);
        tcp_fin(w, &c->tcp, e->by);
        break;
    case FIN:
    case REJECT:
        tcp_fin(w, &c->tcp, e->by);
        break;
    case RESET:
        tcp_reset(w, &c->tcp, e->by);
        break;
    }
}

static void message(struct websocket *c, struct wire *w, struct websocket_plan *plan)
{
    enum tcp_side from = c->step % 2 ? TCP_CLIENT : TCP_SERVER;
    uint32_t len = plan->size / 2 + wire_random(w, plan->size + 1);
    send_frame(c, w, plan, from, 0x81, text_words(plan->text, w),
               len < MESSAGE_MAX ? len : MESSAGE_MAX);
    tcp_ack(w, &c->tcp, !from);
}

bool websocket_step(struct websocket *c, struct wire *w, struct websocket_plan *plan)
{
    uint64_t before = w->packets;
    uint32_t end = end_of(c->number);
    const struct end *e = &ends[end];
    bool more = true;
    if (c->step == 0) {
        open_it(c, w, plan, e->way == REJECT);
    } else if (c->step <= plan->messages && e->way != REJECT) {
        message(c, w, plan);
    } else {
        end_it(c, w, plan, e);
        more = false;
        (c->hidden ? plan->truth.may : plan->truth.sure)[end]++;
        plan->truth.no_request += c->no_request;
    }
    c->step++;
    plan->truth.packets += w->packets - before;
    return more;
}

void websocket_print(const struct websocket_truth *truth, FILE *out)
{
    fputc('[', out);
    for (uint32_t i = 0; i < WEBSOCKET_ENDS; i++)
        fprintf(
            out,
            "%s\n  {\"outcome\": \"%s\", \"close_code\": %s, \"ending\": \"%s\", \"closed_by\": "
            "\"%s\", \"sure\": %" PRIu64 ", \"may\": %" PRIu64 "}",
            i == 0 ? "" : ",", ends[i].outcome, ends[i].close_code, ends[i].ending,
            ends[i].by == TCP_CLIENT ? "client" : "server", truth->sure[i], truth->may[i]);
    fputc(']', out);
}
