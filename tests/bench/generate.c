/* Writes a capture with exactly known truth: deterministic, by its arguments alone.
 *
 *     generate SHAPE CONNECTIONS MESSAGES SIZE > out.pcap
 *
 * dense       connections one after the other, 64 at a time, MESSAGES messages of SIZE bytes each
 * way, then a clean Close concurrent  all connections open at once, MESSAGES small messages each;
 * none of them closes Prints the truth on standard error: connections closed, connections open. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSS 1448u

struct peer {
    uint32_t seq, ack;
};

struct connection {
    uint32_t number;
    struct peer client, server;
};

static uint64_t now_us = UINT64_C(1767323045000000);

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void write_or_die(const void *p, size_t n)
{
    if (fwrite(p, 1, n, stdout) != n) {
        perror("generate");
        exit(1);
    }
}

/* One TCP segment of |c|; |flags| as in the header. */
static void segment(struct connection *c, int from_client, uint8_t flags, const uint8_t *payload,
                    uint32_t len)
{
    uint8_t head[16 + 14 + 20 + 20] = {0};
    struct peer *from = from_client ? &c->client : &c->server,
                *to = from_client ? &c->server : &c->client;
    uint32_t client_ip = 0x0a000000u + c->number / 50000 + 1, server_ip = 0xc0a80001u;
    uint32_t client_port = 10000 + c->number % 50000, server_port = 8080;
    uint32_t wire = 54 + len;
    uint32_t record[4] = {(uint32_t)(now_us / 1000000), (uint32_t)(now_us % 1000000), wire, wire};
    memcpy(head, record, 16);
    uint8_t *eth = head + 16, *ip = eth + 14, *tcp = ip + 20;
    put16(eth + 12, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 40 + len);
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, from_client ? client_ip : server_ip);
    put32(ip + 16, from_client ? server_ip : client_ip);
    put16(tcp, from_client ? client_port : server_port);
    put16(tcp + 2, from_client ? server_port : client_port);
    put32(tcp + 4, from->seq);
    put32(tcp + 8, (flags & 0x10) ? from->ack : 0);
    tcp[12] = 0x50;
    tcp[13] = flags;
    put16(tcp + 14, 0xffff);
    write_or_die(head, sizeof(head));
    if (len > 0)
        write_or_die(payload, len);
    from->seq += len + ((flags & 0x03) ? 1 : 0);
    to->ack = from->seq;
    now_us += 7;
}

static void send_bytes(struct connection *c, int from_client, const uint8_t *p, uint32_t n)
{
    while (n > 0) {
        uint32_t part = n < MSS ? n : MSS;
        segment(c, from_client, 0x18, p, part);
        p += part;
        n -= part;
    }
    segment(c, !from_client, 0x10, NULL, 0);
}

static uint8_t *frame_buffer;

static void send_frame(struct connection *c, int from_client, uint8_t first, const uint8_t *body,
                       uint32_t len)
{
    uint8_t *p = frame_buffer;
    uint8_t mask = from_client ? 0x80 : 0;
    *p++ = first;
    if (len < 126) {
        *p++ = (uint8_t)(mask | len);
    } else if (len < 65536) {
        *p++ = mask | 126;
        put16(p, len);
        p += 2;
    } else {
        *p++ = mask | 127;
        put32(p, 0);
        put32(p + 4, len);
        p += 8;
    }
    static const uint8_t key[4] = {0x11, 0x22, 0x33, 0x44};
    if (from_client) {
        memcpy(p, key, 4);
        p += 4;
    }
    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)((body != NULL ? body[i] : 'a' + i % 26) ^ (from_client ? key[i & 3] : 0));
    send_bytes(c, from_client, frame_buffer, (uint32_t)(p - frame_buffer) + len);
}

static void open_connection(struct connection *c, uint32_t number)
{
    static const char request[] =
        "GET /bench HTTP/1.1\r\nHost: bench.example\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nUser-Agent: "
        "generator\r\n\r\n";
    static const char response[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: generator\r\n\r\n";
    *c = (struct connection){
        .number = number, .client = {.seq = number * 7919u}, .server = {.seq = number * 104729u}};
    segment(c, 1, 0x02, NULL, 0);
    segment(c, 0, 0x12, NULL, 0);
    segment(c, 1, 0x10, NULL, 0);
    send_bytes(c, 1, (const uint8_t *)request, sizeof(request) - 1);
    send_bytes(c, 0, (const uint8_t *)response, sizeof(response) - 1);
}

static void close_connection(struct connection *c)
{
    static const uint8_t code[2] = {0x03, 0xe8};
    send_frame(c, 1, 0x88, code, 2);
    send_frame(c, 0, 0x88, code, 2);
    segment(c, 0, 0x11, NULL, 0);
    segment(c, 1, 0x11, NULL, 0);
    segment(c, 0, 0x10, NULL, 0);
}

#define AT_A_TIME 64u

static void dense(uint32_t connections, uint32_t messages, uint32_t size)
{
    static struct connection c[AT_A_TIME];
    for (uint32_t done = 0; done < connections; done += AT_A_TIME) {
        uint32_t n = connections - done < AT_A_TIME ? connections - done : AT_A_TIME;
        for (uint32_t i = 0; i < n; i++)
            open_connection(&c[i], done + i);
        for (uint32_t m = 0; m < messages; m++)
            for (uint32_t i = 0; i < n; i++) {
                send_frame(&c[i], 1, 0x82, NULL, size);
                send_frame(&c[i], 0, 0x82, NULL, size);
            }
        for (uint32_t i = 0; i < n; i++)
            close_connection(&c[i]);
    }
    fprintf(stderr, "closed %u open 0\n", connections);
}

static void concurrent(uint32_t connections, uint32_t messages, uint32_t size)
{
    struct connection *c = calloc(connections, sizeof(*c));
    if (c == NULL)
        exit(1);
    for (uint32_t i = 0; i < connections; i++)
        open_connection(&c[i], i);
    for (uint32_t m = 0; m < messages; m++)
        for (uint32_t i = 0; i < connections; i++)
            send_frame(&c[i], m & 1, 0x81, NULL, size);
    free(c);
    fprintf(stderr, "closed 0 open %u\n", connections);
}

int main(int argc, char **argv)
{
    /* Classic pcap, microseconds, Ethernet, in the byte order of this machine. */
    static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
    if (argc != 5 || (strcmp(argv[1], "dense") != 0 && strcmp(argv[1], "concurrent") != 0)) {
        fprintf(stderr, "usage: generate dense|concurrent CONNECTIONS MESSAGES SIZE > out.pcap\n");
        return 2;
    }
    uint32_t n[3];
    for (int i = 0; i < 3; i++)
        n[i] = (uint32_t)strtoul(argv[i + 2], NULL, 10);
    frame_buffer = malloc((size_t)n[2] + 200);
    if (frame_buffer == NULL)
        return 1;
    write_or_die(header, sizeof(header));
    (argv[1][0] == 'd' ? dense : concurrent)(n[0], n[1], n[2]);
    free(frame_buffer);
    return fflush(stdout) != 0;
}
