#include "onion.h"

#include "support/hex.h"

#include <criterion/criterion.h>

#include <string.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum { ETHERNET = 1, RAW = 101 };

#define V4(total, frag, proto) "45 00 " total " 1234 " frag " 39 " proto " 0000 0a010203 0a040506 "
#define V6(len, next)                                                                              \
    "60000000 " len " " next " 39 20010db800000000000000000000000a "                               \
    "20010db800000000000000000000000b "
/* 21 bytes: a header and one byte of payload */
#define TCP_A "9c40 1f90 00000001 00000002 5010 fedc 0000 0000 61 "

struct row {
    const char *name, *hex;
    enum wsc_decode_result result;
    uint8_t proto;
    uint16_t quirks;
    uint32_t payload, wire; /* of TCP */
};

/* clang-format off */
static const struct row headers[] = {
    {"plain", V4("0029", "4000", "06") TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"options", "46 00 002d 1234 0000 39 06 0000 0a010203 0a040506 01010101" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"header of 16 bytes", "44 00 0029 1234 0000 39 06 0000 0a010203 0a040506" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"header longer than the packet", "4f 00 0029 1234 0000 39 06 0000 0a010203 0a040506" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"shorter than its header", V4("0013", "0000", "06") TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"nothing but its header", V4("0014", "0000", "06") TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"half a TCP header", V4("0027", "0000", "06") TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"no payload, padded", V4("0028", "0000", "06") TCP_A, WSC_DECODE_TCP, 6, 0, 0, 0},
    {"100 bytes missing", V4("008d", "0000", "06") TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_TRUNCATED, 1, 101},
    {"length 0", V4("0000", "0000", "06") TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_ZERO_IP_LEN, 1, 1},
    {"reserved and don't-fragment bits", V4("0029", "c000", "06") TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"IPv6", V6("0015", "06") TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"IPv6, padded", V6("0014", "06") TCP_A, WSC_DECODE_TCP, 6, 0, 0, 0},
    {"IPv6, 1 byte missing", V6("0016", "06") TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_TRUNCATED, 1, 2},
    {"IPv6, length 0", V6("0000", "06") TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_ZERO_IP_LEN, 1, 1},
    {"IPv6, ESP", V6("0015", "32") TCP_A, WSC_DECODE_OTHER_IP, 50, 0, 0, 0},
    {"IPv6, nothing follows", V6("0000", "3b"), WSC_DECODE_OTHER_IP, 59, WSC_QUIRK_ZERO_IP_LEN, 0, 0},
    {"IPv6, ICMP", V6("0004", "3a") "80000000", WSC_DECODE_OTHER_IP, 58, 0, 0, 0},
    {"hop-by-hop", V6("001d", "00") "06 00 010400000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"routing", V6("002d", "2b") "06 02 0400 00000000 20010db8000000000000000000000001" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"destination", V6("001d", "3c") "06 00 010400000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"mobility", V6("001d", "87") "06 00 010400000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"authentication", V6("002d", "33") "06 04 0000 00000001 00000002 000000000000000000000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"authentication, too short", V6("0021", "33") "06 00 0000 00000001 00000002" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"atomic fragment", V6("001d", "2c") "06 00 0000 00000009" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"all of them", V6("005d", "00") "3c 00 010400000000 2b 00 010400000000 2c 00 0400 00000000 33 00 0000 00000009"
        "3c 04 0000 00000001 00000002 000000000000000000000000 87 00 010400000000 06 00 010400000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"extension longer than the packet", V6("001d", "3c") "06 03 010400000000" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"extension behind the end", V6("0007", "3c") "06 00 010400000000" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"15 extensions", V6("008d", "3c") "3c000000000000003c000000000000003c000000000000003c00000000000000"
        "3c000000000000003c000000000000003c000000000000003c000000000000003c000000000000003c00000000000000"
        "3c000000000000003c000000000000003c000000000000003c000000000000000600000000000000" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"16 extensions", V6("0095", "3c") "3c000000000000003c000000000000003c000000000000003c000000000000003c00000000000000"
        "3c000000000000003c000000000000003c000000000000003c000000000000003c000000000000003c00000000000000"
        "3c000000000000003c000000000000003c000000000000003c000000000000000600000000000000" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"jumbo, padded", V6("0000", "00") "06 00 c2040000001d" TCP_A "0000", WSC_DECODE_TCP, 6, WSC_QUIRK_ZERO_IP_LEN, 1, 1},
    {"jumbo, cut", V6("0000", "00") "06 00 c20400011170" TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_ZERO_IP_LEN | WSC_QUIRK_TRUNCATED, 1, 69972},
    {"jumbo behind padding", V6("0000", "00") "06 01 00 0104 00000000 00 c204 0000001e 00" TCP_A, WSC_DECODE_BAD, 0, 0, 0, 0},
    {"jumbo option where the length is known", V6("001d", "00") "06 00 c20400011170" TCP_A, WSC_DECODE_TCP, 6, 0, 1, 1},
    {"jumbo less than its own header", V6("0000", "00") "06 00 c20400000004" TCP_A, WSC_DECODE_TCP, 6, WSC_QUIRK_ZERO_IP_LEN, 1, 1},
};
/* clang-format on */

Test(ip, reads_headers_and_lengths)
{
    for (size_t i = 0; i < N(headers); i++) {
        const struct row *t = &headers[i];
        uint8_t raw[512];
        struct wsc_span bytes = {.ptr = raw, .len = wsc_test_hex(t->hex, raw, sizeof(raw))};
        struct wsc_packet_view v;
        struct wsc_fragment f;
        bool ok;
        enum wsc_decode_result r = onion_decode(bytes, (uint32_t)bytes.len, RAW, &v, &f, &ok);
        cr_expect_eq(r, t->result, "%s: result %d", t->name, r);
        if (r != t->result || r == WSC_DECODE_BAD)
            continue;
        cr_expect_eq(v.ip_proto, t->proto, "%s: protocol %d", t->name, v.ip_proto);
        cr_expect_eq(v.quirks, t->quirks, "%s: quirks %x", t->name, v.quirks);
        if (r != WSC_DECODE_TCP)
            continue;
        cr_expect_eq(v.sport, 40000, "%s: port %u", t->name, v.sport);
        cr_expect_eq(v.payload_len, t->payload, "%s: %u captured", t->name, v.payload_len);
        cr_expect_eq(v.payload_wire_len, t->wire, "%s: %u sent", t->name, v.payload_wire_len);
    }
}

Test(ip, takes_the_length_of_off_loaded_packets_from_the_packet)
{
    uint8_t raw[64];
    size_t n = wsc_test_hex(V4("0000", "0000", "06") TCP_A, raw, sizeof(raw));
    struct wsc_packet_view v;
    struct wsc_fragment f;
    bool ok;
    struct wsc_span bytes = {.ptr = raw, .len = n};
    cr_assert_eq(onion_decode(bytes, 70041, RAW, &v, &f, &ok), WSC_DECODE_TCP);
    cr_expect_eq(v.payload_len, 1);
    cr_expect_eq(v.payload_wire_len, 70001);
    cr_expect_eq(v.quirks, WSC_QUIRK_ZERO_IP_LEN | WSC_QUIRK_TRUNCATED);
}

/* clang-format off */
static const struct {
    const char *name, *hex;
    uint8_t family, proto;
    uint32_t id, offset, data, wire;
    bool more;
} fragments[] = {
    {"first", V4("001c", "2000", "06") "9c401f9000000001", 4, 6, 0x1234, 0, 8, 8, true},
    {"middle", V4("001c", "2001", "06") "9c401f9000000001", 4, 6, 0x1234, 8, 8, 8, true},
    {"last, padded", V4("0015", "0002", "11") "6100", 4, 17, 0x1234, 16, 1, 1, false},
    {"farthest", V4("0018", "1fff", "06") "61626364", 4, 6, 0x1234, 65528, 4, 4, false},
    {"cut", V4("0118", "2000", "06") "61626364", 4, 6, 0x1234, 0, 4, 260, true},
    {"IPv6, first", V6("0010", "2c") "06 00 0001 0000beef 9c401f9000000001", 6, 6, 0xbeef, 0, 8, 8, true},
    {"IPv6, last, reserved bits", V6("0009", "2c") "3c 00 000e 0000beef 61", 6, 60, 0xbeef, 8, 1, 1, false},
    {"IPv6, behind hop-by-hop", V6("0011", "00") "2c 00 010400000000 06 00 0008 0000beef 61", 6, 6, 0xbeef, 8, 1, 1, false},
};
/* clang-format on */

Test(ip, hands_over_fragments)
{
    for (size_t i = 0; i < N(fragments); i++) {
        uint8_t raw[128];
        size_t n = wsc_test_hex(fragments[i].hex, raw, sizeof(raw));
        struct wsc_packet pkt = {
            .data = raw, .caplen = (uint32_t)n, .len = (uint32_t)n, .link = RAW};
        struct wsc_packet_view v;
        struct wsc_fragment f;
        enum wsc_decode_result r = wsc_decode_packet(&pkt, &v, &f);
        const char *name = fragments[i].name;
        cr_expect_eq(r, WSC_DECODE_FRAGMENT, "%s: result %d", name, r);
        if (r != WSC_DECODE_FRAGMENT)
            continue;
        cr_expect_eq(f.family, fragments[i].family, "%s", name);
        cr_expect_eq(f.ip_proto, fragments[i].proto, "%s: protocol %d", name, f.ip_proto);
        cr_expect_eq(f.id, fragments[i].id, "%s: id %x", name, f.id);
        cr_expect_eq(f.offset, fragments[i].offset, "%s: offset %u", name, f.offset);
        cr_expect_eq(f.more, fragments[i].more, "%s", name);
        cr_expect_eq(f.data.len, fragments[i].data, "%s: %zu captured", name, f.data.len);
        cr_expect_eq(f.wire_len, fragments[i].wire, "%s: %u sent", name, f.wire_len);
        cr_expect_eq(f.ttl, 0x39, "%s", name);
        cr_expect_eq(f.family == 4 ? f.src[3] : f.src[15], f.family == 4 ? 3 : 10, "%s", name);
        cr_expect_eq(f.family == 4 ? f.dst[3] : f.dst[15], f.family == 4 ? 6 : 11, "%s", name);
    }
}

/* What a reassembled datagram carried. */
static const struct {
    const char *name, *hex;
    uint8_t family, proto;
    enum wsc_decode_result result;
    uint16_t ip_id;
    uint8_t ip_proto;
} payloads[] = {
    {"TCP", TCP_A, 4, 6, WSC_DECODE_TCP, 0xbeef, 6},
    {"IPv6", TCP_A, 6, 6, WSC_DECODE_TCP, 0, 6},
    {"IPv6, destination options first", "06 00 010400000000" TCP_A, 6, 60, WSC_DECODE_TCP, 0, 6},
    {"IP in IP", V4("0029", "0000", "06") TCP_A, 4, 4, WSC_DECODE_TCP, 0x1234, 6},
    {"a fragment in a tunnel", V4("001c", "2000", "06") TCP_A, 4, 4, WSC_DECODE_FRAGMENT, 0, 0},
    {"UDP", "0035 9c40 0009 0000 61", 4, 17, WSC_DECODE_OTHER_IP, 0xbeef, 17},
    {"half a TCP header", "9c401f9000000001", 4, 6, WSC_DECODE_BAD, 0, 0},
};

Test(ip, decodes_what_a_reassembled_datagram_carried)
{
    for (size_t i = 0; i < N(payloads); i++) {
        uint8_t raw[128];
        struct wsc_span bytes = {.ptr = raw};
        bytes.len = wsc_test_hex(payloads[i].hex, raw, sizeof(raw));
        struct wsc_fragment first = {.family = payloads[i].family,
                                     .ip_proto = payloads[i].proto,
                                     .id = 0xabcbeef,
                                     .ttl = 9,
                                     .src = {1},
                                     .dst = {2},
                                     .tunnel_id = 5};
        struct wsc_packet_view v;
        memset(&v, 0xdd, sizeof(v));
        v.ts_ns = 77;
        v.ref = 99;
        enum wsc_decode_result r = wsc_decode_ip_payload(&first, bytes, &v, &first);
        const char *name = payloads[i].name;
        cr_expect_eq(r, payloads[i].result, "%s: result %d", name, r);
        cr_expect(v.ts_ns == 77 && v.ref == 99, "%s", name);
        if (r != payloads[i].result || (r != WSC_DECODE_TCP && r != WSC_DECODE_OTHER_IP))
            continue;
        cr_expect_eq(v.ip_proto, payloads[i].ip_proto, "%s: protocol %d", name, v.ip_proto);
        cr_expect_eq(v.ip_id, payloads[i].ip_id, "%s: id %x", name, v.ip_id);
        cr_expect_eq(v.tunnel_id, 5, "%s", name);
        cr_expect_eq(v.quirks, 0, "%s: quirks %x", name, v.quirks);
        if (r == WSC_DECODE_TCP)
            cr_expect(v.dport == 8080 && v.payload_len == 1 && v.payload_wire_len == 1, "%s", name);
    }
}
