#include "ws/ws_probe.h"

#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one direction of a connection ---- */

struct side {
    struct wsc_ws_probe probe;
    uint64_t offset;
    unsigned most; /* the highest evidence seen */
};

static struct side side(void)
{
    struct side s = {.offset = 1000};
    wsc_ws_probe_init(&s.probe);
    return s;
}

/* From a block of exactly that size, so that a sanitizer sees an over-read. */
static unsigned feed(struct side *s, const uint8_t *p, size_t n)
{
    uint8_t *exact = malloc(n + (n == 0));
    memcpy(exact, p, n);
    unsigned bits =
        wsc_ws_probe_feed(&s->probe, (struct wsc_span){.ptr = exact, .len = n}, s->offset);
    free(exact);
    cr_assert_eq(bits, s->probe.bits);
    if (bits > s->most)
        s->most = bits;
    s->offset += n;
    return bits;
}

static unsigned feed_hex(struct side *s, const char *hex)
{
    uint8_t raw[256];
    return feed(s, raw, wsc_test_hex(hex, raw, sizeof(raw)));
}

static size_t put_frame(uint8_t *out, uint8_t first, const char *key, const void *payload,
                        size_t len)
{
    const uint8_t *p = payload;
    size_t n = 0;
    out[n++] = first;
    out[n++] = (uint8_t)((key != NULL ? 0x80 : 0) | (len < 126 ? len : 126));
    if (len >= 126) {
        out[n++] = (uint8_t)(len >> 8);
        out[n++] = (uint8_t)len;
    }
    if (key != NULL) {
        memcpy(out + n, key, 4);
        n += 4;
    }
    for (size_t i = 0; i < len; i++)
        out[n++] = (uint8_t)(p[i] ^ (key != NULL ? (uint8_t)key[i & 3] : 0));
    return n;
}

/* A frame in a segment of its own. */
static unsigned feed_frame(struct side *s, uint8_t first, const char *key, const void *payload,
                           size_t len)
{
    uint8_t out[4096];
    return feed(s, out, put_frame(out, first, key, payload, len));
}

static unsigned feed_text(struct side *s, uint8_t first, const char *key, const char *text)
{
    return feed_frame(s, first, key, text, strlen(text));
}

#define KEY_A "\x37\xfa\x21\x3d"
#define KEY_B "\x9c\x05\xe3\x71"
#define KEY_C "\x4e\xd8\x16\xb2"

static uint64_t random_next(uint64_t *state) /* xorshift64*, fixed seeds: the same on every run */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void random_fill(uint64_t *state, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t r = random_next(state);
        memcpy(out + i, &r, n - i < 8 ? n - i : 8);
    }
}

/* ---- WebSockets that must be recognised ---- */

Test(ws_probe, chat_in_whole_segments)
{
    struct side client = side(), server = side();
    feed_text(&server, 0x81, NULL, "Welcome to the lobby");
    feed_text(&client, 0x81, KEY_A, "Hello there");
    feed_text(&server, 0x81, NULL, "guest-7 says: Hello there");
    cr_expect_lt(server.probe.bits, WSC_WS_PROBE_PICKUP, "not by text in the clear alone");
    feed_text(&client, 0x81, KEY_B, "anybody here?");
    feed_text(&server, 0x81, NULL, "guest-7 says: anybody here?");
    cr_expect_geq(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP);
    cr_expect_eq(wsc_ws_probe_sender(&client.probe), WSC_SIDE_CLIENT);
    cr_expect_eq(wsc_ws_probe_sender(&server.probe), WSC_SIDE_SERVER);
    cr_expect_eq(client.probe.start, 1000);
    cr_expect_eq(client.probe.next, client.offset);
}

Test(ws_probe, close_with_reason_and_its_answer)
{
    struct side client = side(), server = side();
    feed_text(&client, 0x88, KEY_A, "\x03\xf1no more than 2 bytes, thank you");
    cr_expect_lt(client.probe.bits, WSC_WS_PROBE_PICKUP);
    cr_expect_geq(client.probe.bits, WSC_WS_PROBE_RESYNC);
    feed_hex(&server, "88 02 03e8");
    cr_expect_geq(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP);
}

/* Twelve bytes in all: enough to find the framing of a known WebSocket again, not to claim one. */
Test(ws_probe, bare_close_and_its_answer)
{
    struct side client = side(), server = side();
    feed_hex(&server, "88 02 03e9");
    feed_frame(&client, 0x88, KEY_A, "\x03\xe9", 2);
    cr_expect_geq(client.probe.bits, WSC_WS_PROBE_RESYNC);
    cr_expect_geq(server.probe.bits, WSC_WS_PROBE_RESYNC);
    cr_expect_lt(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP);
}

Test(ws_probe, small_binary_frames)
{
    struct side client = side(), server = side();
    uint64_t seed = 7;
    for (size_t i = 0; i < 8; i++) {
        uint8_t payload[40];
        char key[4];
        random_fill(&seed, payload, sizeof(payload));
        random_fill(&seed, (uint8_t *)key, 4);
        feed_frame(&client, 0x82, key, payload, 8 + i * 3);
        feed_frame(&server, 0x82, NULL, payload, 6 + i * 2);
    }
    cr_expect_geq(client.probe.bits, WSC_WS_PROBE_RESYNC);
    cr_expect_geq(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP);
}

/* RFC 7692 7.2.3.1: "Hello", compressed, in one frame and in two. */
Test(ws_probe, compressed_frames)
{
    struct side client = side(), server = side();
    static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
    feed_hex(&server, "c1 07 f248cdc9c90700");
    feed_frame(&client, 0xc1, KEY_A, hello, 7);
    cr_expect_lt(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP, "two are too few");
    feed_hex(&server, "41 03 f248cd 80 04 c9c90700");
    feed_hex(&server, "c1 05 f200110000");
    feed_frame(&client, 0xc1, KEY_B, "\x4a\x4c\x4a\x06\x00", 5);
    feed_frame(&client, 0xc1, KEY_C, "\xaa\x56\x2a\x2d\x2d\xce\x00", 6);
    feed_frame(&client, 0xc1, KEY_A, "\xf2\x48\xcd\xc9\xc9\x57\x28\xcf\x2f\xca\x49\x01\x00", 13);
    cr_expect_geq(client.probe.bits + server.probe.bits, WSC_WS_PROBE_PICKUP);
}

/* Frames of 20,000 bytes over segments of 1,460: the chain must hold at each next header. */
static unsigned feed_large(struct side *s, const char *key, size_t frames, size_t lost)
{
    size_t len = 20000, n = 0;
    uint8_t *stream = malloc(frames * (len + 8)), *payload = malloc(len);
    uint64_t seed = 11;
    for (size_t i = 0; i < frames; i++) {
        random_fill(&seed, payload, len);
        n += put_frame(stream + n, 0x82, key, payload, len - i);
    }
    unsigned bits = 0;
    for (size_t at = 0, k = 0; at < n; at += 1460, k++) {
        size_t take = n - at < 1460 ? n - at : 1460;
        if (k == lost)
            s->offset += take;
        else
            bits = feed(s, stream + at, take);
    }
    free(stream);
    free(payload);
    return bits;
}

Test(ws_probe, large_frames)
{
    struct side client = side(), server = side();
    unsigned up = feed_large(&client, KEY_A, 5, SIZE_MAX),
             down = feed_large(&server, NULL, 5, SIZE_MAX);
    cr_expect_eq(client.probe.next, client.offset);
    cr_expect_eq(server.probe.next, server.offset);
    cr_expect_eq(client.probe.start, 1000);
    /* First bytes, mask bits and one end: the first 5 + 3 * 4, at most. */
    cr_expect_geq(up, 20);
    cr_expect_geq(down, 10);
}

Test(ws_probe, hole_inside_a_payload)
{
    struct side s = side();
    feed_large(&s, KEY_A, 2, 4);
    cr_expect_eq(s.probe.start, 1000, "the run goes on over the hole");
    cr_expect_eq(s.probe.next, s.offset);
}

Test(ws_probe, hole_that_may_hide_a_header)
{
    struct side s = side();
    feed_text(&s, 0x81, KEY_A, "Hello there");
    s.offset += 10;
    feed_text(&s, 0x81, KEY_B, "and again");
    cr_expect_eq(s.probe.start, 1000 + 17 + 10, "a run of its own");

    s = side();
    feed_hex(&s, "81 05 4865"); /* over the end of a payload */
    s.offset += 4;
    feed_hex(&s, "ff414141");
    cr_expect_eq(s.probe.bits, 0);

    s = side();
    feed_hex(&s, "81 05 48656c6c6f 82 7e 01"); /* inside a header */
    s.offset += 1;
    cr_expect_eq(feed_hex(&s, "33 33 33"), 0);
}

/* A stream of small frames cut without regard to them, headers included. */
Test(ws_probe, headers_over_two_segments)
{
    uint8_t stream[2048];
    size_t n = 0;
    for (size_t i = 0; i < 20; i++)
        n += put_frame(stream + n, 0x81, i & 1 ? KEY_A : KEY_B, "some text or other, as it comes",
                       i + 3);
    for (size_t step = 1; step < 60; step++) {
        struct side s = side();
        for (size_t at = 0; at < n; at += step)
            feed(&s, stream + at, step < n - at ? step : n - at);
        cr_expect_eq(s.probe.start, 1000, "by %zu", step);
        cr_expect_eq(s.probe.next, s.offset, "by %zu", step);
        cr_expect_geq(s.probe.bits, WSC_WS_PROBE_RESYNC, "by %zu", step);
    }
}

/* Some write a header and its payload one after the other. */
Test(ws_probe, headers_in_segments_of_their_own)
{
    struct side client = side(), server = side();
    uint8_t out[64];
    for (int i = 0; i < 2; i++) {
        size_t n =
            put_frame(out, 0x81, i ? KEY_A : KEY_B, "Hello there, how are you?", 20 + (size_t)i);
        feed(&client, out, 6);
        feed(&client, out + 6, n - 6);
    }
    feed_hex(&server, "88 02");
    feed_hex(&server, "03e8");
    cr_expect_geq(client.probe.bits, WSC_WS_PROBE_RESYNC, "%u", client.probe.bits);
    cr_expect_geq(server.probe.bits, 1 + 6 + 10, "the code counts: %u", server.probe.bits);

    server = side();
    feed_hex(&server, "88 02");
    cr_expect_eq(feed_hex(&server, "03ed"), 0, "1005 cannot stand in a Close");
    for (int i = 0; i < 100; i++) {
        feed_hex(&server, "81 05");
        feed_hex(&server, "68656c6c6f");
    }
    cr_expect_lt(server.most, WSC_WS_PROBE_RESYNC, "always the same: %u", server.most);
}

Test(ws_probe, run_starts_after_other_segments)
{
    struct side s = side();
    cr_expect_eq(feed_hex(&s, "ff 00 ff 00"), 0);
    cr_expect_eq(feed_hex(&s, "00 81 05 48"), 0, "frames start with their segment");
    feed_text(&s, 0x81, KEY_A, "Hello there");
    cr_expect_eq(s.probe.start, 1008);
}

/* ---- what ends a run, or cannot start one ---- */

struct strict_row {
    const char *name, *run, *then; /* |run| may go on, |then| in the next segment may not */
};

static const struct strict_row strict[] = {
    {"reserved data opcode", "81 01 41", "83 01 41"},
    {"reserved control opcode", "81 01 41", "8b 01 41"},
    {"RSV2", "81 01 41", "a1 01 41"},
    {"RSV1 on a control frame", "81 01 41", "c9 01 41"},
    {"RSV1 on a continuation", "01 01 41", "c0 01 41"},
    {"control frame in fragments", "81 01 41", "09 01 41"},
    {"control frame of 126 bytes", "81 01 41", "89 7e 007e 00"},
    {"continuation of nothing", "81 01 41", "80 01 41"},
    {"message inside a message", "01 01 41", "81 01 41"},
    {"masked after unmasked", "81 01 41", "81 81 01020304 40"},
    {"unmasked after masked", "81 81 01020304 40", "81 01 41"},
    {"16-bit length of 0", "81 01 41", "82 7e 0000"},
    {"16-bit length of 125", "81 01 41", "82 7e 007d 00"},
    {"64-bit length of 65535", "81 01 41", "82 7f 000000000000ffff 00"},
    {"64-bit length of 2 GiB", "81 01 41", "82 7f 0000000080000000 00"},
    {"empty fragment", "01 01 41", "00 00"},
    {"empty compressed message", "81 01 41", "c1 00"},
    {"text that is not UTF-8", "81 01 41", "81 02 c328"},
    {"text that ends in a character", "81 01 41", "81 01 c3"},
    {"close of one byte", "81 01 41", "88 01 03"},
    {"close with code 1005", "81 01 41", "88 02 03ed"},
    {"close with code 2000", "81 01 41", "88 02 07d0"},
    {"close reason that is not UTF-8", "81 01 41", "88 03 03e8 ff"},
    {"anything after a close", "88 02 03e8", "89 00"},
    {"deflate block of type 3", "81 01 41", "c1 03 060000"},
    {"stored deflate block with a bad length", "81 01 41", "c1 06 00 0100 0100 41"},
    {"text of a large frame turns binary", "81 7e 00ff 414243", "ff00ff00ff00"},
};

Test(ws_probe, strict)
{
    for (size_t i = 0; i < sizeof(strict) / sizeof(strict[0]); i++) {
        struct side s = side();
        feed_hex(&s, strict[i].run);
        cr_expect_gt(s.probe.bits, 0, "%s: the run", strict[i].name);
        cr_expect_eq(s.probe.start, 1000, "%s", strict[i].name);
        feed_hex(&s, strict[i].then);
        cr_expect(s.probe.bits == 0 || s.probe.start != 1000, "%s: goes on", strict[i].name);
    }
}

static const char *const no_start[] = {
    "00 01 41", "80 01 41", "80 00", "00 00 00 00", "08 00", "83 00", "91 00", "ff ff", "c0 00",
};

Test(ws_probe, cannot_start)
{
    for (size_t i = 0; i < sizeof(no_start) / sizeof(no_start[0]); i++) {
        struct side s = side();
        cr_expect_eq(feed_hex(&s, no_start[i]), 0, "%s", no_start[i]);
        cr_expect_eq(wsc_ws_probe_sender(&s.probe), WSC_SIDE_NONE, "%s", no_start[i]);
    }
}

/* ---- evidence that must stay small ---- */

Test(ws_probe, identical_frames)
{
    static const char *const frames[] = {
        "82 00",        "81 00",          "89 00",      "8a 00",          "81 01 32",
        "82 03 000102", "89 04 00000001", "c1 02 0200", "8a 80 01020304", "82 81 01020304 05",
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct side s = side();
        for (int n = 0; n < 1000; n++)
            feed_hex(&s, frames[i]);
        cr_expect_lt(s.most, WSC_WS_PROBE_RESYNC, "%s: %u", frames[i], s.most);
    }
}

/* MQTT's SUBSCRIBE is 82, a length, a packet id, a topic: each passes for a whole binary frame. */
Test(ws_probe, type_length_value_protocol)
{
    struct side s = side();
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t p[64] = {0x82,
                         (uint8_t)(8 + i % 40),
                         (uint8_t)(i >> 8),
                         (uint8_t)i,
                         0,
                         (uint8_t)(3 + i % 40),
                         'a',
                         '/'};
        feed(&s, p, 2 + p[1]);
    }
    cr_expect_lt(s.most, WSC_WS_PROBE_RESYNC, "%u", s.most);
}

/* ZeroMQ: 01 begins a message, 00 ends it or is one of its own. No end of a segment counts. */
Test(ws_probe, protocol_of_small_numbers)
{
    struct side s = side();
    feed_hex(&s, "01 05 746f706963");
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t p[64] = {0x00, (uint8_t)(8 + i % 40), (uint8_t)(i >> 8), (uint8_t)i};
        feed(&s, p, 2 + p[1]);
    }
    cr_expect_lt(s.most, 12, "%u", s.most);
}

/* One byte a segment: every frame ends with one, so that this is no evidence. */
Test(ws_probe, tiny_segments)
{
    struct side s = side();
    uint8_t out[512];
    size_t n = 0;
    for (uint8_t i = 0; i < 20; i++)
        n += put_frame(out + n, 0x82, KEY_A, "0123456789abcdefghijklmno", i + 1);
    for (size_t i = 0; i < n; i++)
        feed(&s, out + i, 1);
    cr_expect_eq(s.probe.start, 1000);
    cr_expect_geq(s.probe.bits, WSC_WS_PROBE_RESYNC, "%u", s.probe.bits);
    cr_expect_leq(s.probe.bits, 1 + 4 + 19 * (3 + 1), "more than first bytes and mask bits: %u",
                  s.probe.bits);
}

/* A header of two constant bytes, then something that varies: 82 94 and 24 bytes. */
Test(ws_probe, fixed_size_protocol)
{
    struct side s = side();
    uint64_t seed = 3;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t p[26];
        random_fill(&seed, p, sizeof(p));
        p[0] = 0x82;
        p[1] = 0x94;
        feed(&s, p, sizeof(p));
    }
    cr_expect_lt(s.most, 30, "%u", s.most);
}

Test(ws_probe, zero_key_gives_nothing)
{
    struct side s = side();
    for (int i = 0; i < 50; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "message number %d", i);
        feed_text(&s, 0x81, "\0\0\0\0", text);
    }
    cr_expect_eq(s.probe.bits, 1);
    cr_expect_eq(s.probe.start, 1000, "it is legal all the same");
}

/* Masking with few distinct bytes maps text to text: it is no better than text in the clear. */
Test(ws_probe, weak_key)
{
    struct side weak = side(), strong = side();
    feed_text(&weak, 0x81, "\x01\x01\x02\x02", "quite a long line of text");
    feed_text(&strong, 0x81, KEY_A, "quite a long line of text");
    cr_expect_lt(weak.probe.bits + 10, strong.probe.bits);
}

/* ---- other protocols: what their segments look like, '|' between segments ---- */

struct protocol_row {
    const char *name, *segments;
};

static const struct protocol_row protocols[] = {
    {"TLS 1.3 records",
     "17 03 03 0013 8141d2030405060708090a0b0c0d0e0f101112 | 17 03 03 0004 81028803"},
    {"TLS alert", "15 03 03 0002 0100"},
    {"SSL 2 hello", "80 2e 01 0002 0015 0000 0010 010080 020080"},
    {"HTTP/1 request", "47455420 2f20 485454502f312e31 0d0a 486f73743a2061 0d0a0d0a"},
    {"HTTP/1 answer", "485454502f312e3120 323030 20 4f4b 0d0a0d0a 81 01 41"},
    {"HTTP/2 frames",
     "000006 04 00 00000000 0003 00000064 | 000008 06 00 00000000 0000000000000000"},
    {"HTTP/2 DATA of 131,330 bytes", "020102 00 00 00000001 4142434445464748"},
    {"SSH banner", "5353482d322e302d4f70656e5353485f392e320d0a"},
    {"SSH key exchange", "0000012c 0814 8d3f2a9977105bc02e6187aa4c02f0d3 00000068"},
    {"MQTT session", "82 09 0001 0004 612f622f 00 | 30 07 0004 612f622f 31 | c0 00"},
    {"MQTT acknowledgements", "90 03 0001 00 | 40 02 0001 | d0 00"},
    {"MQTT unsubscribe", "a2 08 0002 0004 612f622f"},
    {"Redis", "2a310d0a24340d0a50494e470d0a | 2b4f4b0d0a | 3a310d0a"},
    {"MySQL ping", "01000000 0e | 07000001 00 00 00 0200 0000"},
    {"MySQL query of 129 bytes",
     "81000000 03 53454c45435420312066726f6d20612077686572652062203d2031"},
    {"MySQL query of 130 bytes",
     "82000000 03 53454c45435420312066726f6d20612077686572652062203d2031"},
    {"PostgreSQL", "51 0000000d 53454c454354203100 | 42 0000000e 00 00 0000 0000 0001 0001"},
    {"PostgreSQL notification",
     "41 00000010 00001a2b 6368616e6e656c 00 | 43 0000000d 53454c454354203100"},
    {"DNS query", "001d abcd 0100 0001 0000 0000 0000 03777777 076578616d706c65 00 0001 0001"},
    {"DNS answer of 258 bytes",
     "0102 abcd 8180 0001 0004 0000 0000 03777777 076578616d706c65 00 0001"},
    {"DNS answer of 514 bytes",
     "0202 abcd 8180 0001 0004 0000 0000 03777777 076578616d706c65 00 0001"},
    {"RTMP chunk size", "02 000000 000004 01 00000000 00001000"},
    {"RTMP chunks", "c2 0000 af01 | 82 000010 000008 09 1700000000 | c3 af012110"},
    {"gzip", "1f8b0800000000000003 4bcb cf07 00 21 65 73 8c 03 00 00 00"},
    {"MongoDB message of 129 bytes", "81000000 01000000 00000000 dd070000 00000000 00 6c000000"},
    {"MongoDB message of 130 bytes", "82000000 02000000 00000000 dd070000 00000000 00 6d000000"},
    {"AMQP method", "01 0001 00000005 003c0050 00 ce | 08 0000 00000000 ce"},
    {"AMQP content",
     "02 0001 0000000e 003c 0000 0000000000000005 0000 ce | 03 0001 00000005 68656c6c6f ce"},
    {"Kafka", "00000023 0003 0001 00000001 000c 636f6e73756d65722d31 0000 00000001"},
    {"protobuf of 129 bytes", "8101 0a7b 7b226964223a317d 1202 6f6b 1801"},
    {"protobuf of 130 bytes", "8201 0a02 6f6b 1202 6f6b 1801"},
    {"protobuf fields", "0a03 616263 1001 1a02 0801"},
    {"NetBIOS session request", "81000044 20 434b4649 00 20 46484550"},
    {"NetBIOS positive answer", "82000000"},
    {"SMB", "00000090 fe534d42 4000 0000 00000000 0000 1f00"},
    {"memcached answer",
     "81 00 0000 04 00 0000 00000009 00000000 0000000000000001 deadbeef 576f726c64"},
    {"memcached request", "80 00 0005 00 00 0000 00000005 00000000 0000000000000000 48656c6c6f"},
    {"Cassandra 2",
     "82 00 00 08 00000004 00000001 | 82 00 01 02 00000000 | 82 00 02 08 00000004 00000001"},
    {"Cassandra 1", "81 00 01 00 0000000a 00000000 0004 74657374"},
    {"ZeroMQ",
     "01 05 746f706963 00 05 68656c6c6f | 01 05 746f706963 00 05 776f726c64 | 00 03 616263"},
    {"Modbus", "0102 0000 0006 01 03 0000 000a | 0103 0000 0006 01 03 0000 000a"},
    {"Diameter",
     "0100007c 80000118 00000000 00000001 00000002 00000108 4000 0010 | 0100007c 80000118"},
    {"LDAP", "30 0c 02 01 01 60 07 02 01 03 04 00 80 00"},
    {"BER context tags",
     "81 04 0a000001 82 04 0a000002 83 01 00 | 81 04 0a000003 82 04 0a000004 83 01 01"},
    {"X11, big-endian", "42 00 000b 0000 0000 0000 0000"},
    {"TDS batch", "01 01 0082 0000 0100 53004500 4c004500"},
    {"RPC record", "80000028 00000001 00000000 00000002 000186a0"},
    {"STUN channel data", "4001 0008 0102030405060708"},
    {"RTSP interleaved", "24 00 0010 80600001 00000001 12345678 01020304"},
    {"RTP, 258 bytes", "0102 8060 0001 0000 0001 1234 5678 0102"},
    {"PNG", "89504e470d0a1a0a 0000000d 49484452 00000100"},
    {"UTF-16 text", "410042004300 0d00 0a00"},
    {"IMAP", "413030312053454c45435420494e424f580d0a"},
    {"zero bytes", "00000000000000000000"},
    {"81 all over", "81818181818181818181"},
    {"82 all over", "82828282828282828282"},
    {"88 all over", "88888888888888888888"},
    {"89 and 8a", "8900 8a00 8900 8a00"},
    {"01 all over", "01010101010101010101"},
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

/* The segments of |row|, over and over; each alone, or |together| in segments of 1,460 bytes. */
static unsigned feed_protocol(const struct protocol_row *row, bool together)
{
    struct side s = side();
    uint8_t all[1460];
    size_t have = 0;
    for (int round = 0; round < 200; round++) {
        char text[512];
        strcpy(text, row->segments);
        for (char *segment = strtok(text, "|"); segment != NULL; segment = strtok(NULL, "|")) {
            uint8_t raw[256];
            size_t n = wsc_test_hex(segment, raw, sizeof(raw));
            if (!together) {
                feed(&s, raw, n);
            } else if (have + n > sizeof(all)) {
                feed(&s, all, have);
                have = 0;
            } else {
                memcpy(all + have, raw, n);
                have += n;
            }
        }
    }
    return s.most;
}

/* Both directions together stay below the threshold, with something to spare. */
Test(ws_probe, other_protocols)
{
    for (size_t i = 0; i < N_PROTOCOLS; i++) {
        unsigned apart = feed_protocol(&protocols[i], false),
                 together = feed_protocol(&protocols[i], true);
        cr_expect_lt(apart, WSC_WS_PROBE_RESYNC, "%s: %u", protocols[i].name, apart);
        cr_expect_lt(together, WSC_WS_PROBE_RESYNC, "%s, together: %u", protocols[i].name,
                     together);
    }
}

/* ---- random bytes: connections of 32 segments, both directions ---- */

static size_t random_length(uint64_t *seed)
{
    uint64_t r = random_next(seed); /* mostly short: there a frame may end with its segment */
    return 1 + (size_t)((r >> 8) % ((r & 15) == 0 ? 1460 : 40));
}

Test(ws_probe, random_segments)
{
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    unsigned most = 0, resyncs = 0;
    struct side s[2] = {side(), side()};
    for (unsigned i = 0; i < 1000000; i++) {
        uint8_t p[1460];
        size_t n = random_length(&seed);
        random_fill(&seed, p, n);
        if (i % 32 == 0)
            s[0] = s[1] = side();
        struct side *to = &s[i & 1];
        unsigned bits =
            wsc_ws_probe_feed(&to->probe, (struct wsc_span){.ptr = p, .len = n}, to->offset);
        to->offset += n;
        resyncs += bits >= WSC_WS_PROBE_RESYNC;
        unsigned both = (unsigned)s[0].probe.bits + s[1].probe.bits;
        most = both > most ? both : most;
    }
    cr_expect_lt(most, WSC_WS_PROBE_PICKUP, "%u", most);
    cr_expect_leq(resyncs, 1, "%u", resyncs);
}

/* Random bytes behind a first byte that is legal: the rest must carry the proof. */
Test(ws_probe, random_behind_a_legal_first_byte)
{
    static const uint8_t firsts[] = {0x81, 0x82, 0xc1, 0xc2, 0x88, 0x89, 0x8a, 0x01, 0x02};
    uint64_t seed = 99;
    unsigned most = 0;
    struct side s[2] = {side(), side()};
    for (unsigned i = 0; i < 300000; i++) {
        uint8_t p[1460];
        size_t n = random_length(&seed);
        random_fill(&seed, p, n);
        p[0] = firsts[random_next(&seed) % sizeof(firsts)];
        if (i % 32 == 0)
            s[0] = s[1] = side();
        struct side *to = &s[i & 1];
        (void)wsc_ws_probe_feed(&to->probe, (struct wsc_span){.ptr = p, .len = n}, to->offset);
        to->offset += n;
        unsigned both = (unsigned)s[0].probe.bits + s[1].probe.bits;
        most = both > most ? both : most;
    }
    cr_expect_lt(most, WSC_WS_PROBE_PICKUP, "%u", most);
}

Test(ws_probe, stays_small)
{
    cr_expect_leq(sizeof(struct wsc_ws_probe), 48);
}
