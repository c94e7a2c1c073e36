#include "onion.h"

#include "support/hex.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>

#include <string.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum { ETHERNET = 1, RAW = 101, IP_AND_TCP = 40 };

static const struct wsc_test_ip IP = {.src = "10.0.0.1", .dst = "10.0.0.2"};

static const struct {
    const char *name, *options;
    uint8_t flags;
    int8_t scale;
    uint16_t quirks;
    uint8_t cut; /* bytes of the options that were not captured */
} options[] = {
    {"none", "", WSC_TCP_SYN, -1, 0, 0},
    {"scale 7", "01030307", WSC_TCP_SYN, 7, 0, 0},
    {"scale 0", "030300", WSC_TCP_SYN | WSC_TCP_ACK, 0, 0, 0},
    {"scale 14", "03030e", WSC_TCP_SYN, 14, 0, 0},
    {"scale 15 counts as 14", "03030f", WSC_TCP_SYN, 14, 0, 0},
    {"scale 255 counts as 14", "0303ff", WSC_TCP_SYN, 14, 0, 0},
    {"Linux", "020405b4 0402 080a 0000000100000000 01 030307", WSC_TCP_SYN, 7, 0, 0},
    {"no SYN", "030307", WSC_TCP_ACK, -1, 0, 0},
    {"nothing counts after the end", "00 030307", WSC_TCP_SYN, -1, 0, 0},
    {"scale of another length", "03040707", WSC_TCP_SYN, -1, 0, 0},
    {"length 0", "0200 030307", WSC_TCP_SYN, -1, WSC_QUIRK_BAD_OPTIONS, 0},
    {"length 1", "0201 030307", WSC_TCP_SYN, -1, WSC_QUIRK_BAD_OPTIONS, 0},
    {"longer than the header", "030307 01 01 01 0205", WSC_TCP_SYN, 7, WSC_QUIRK_BAD_OPTIONS, 0},
    {"kind without length", "030307 01 01 01 01 08", WSC_TCP_SYN, 7, WSC_QUIRK_BAD_OPTIONS, 0},
    {"cut behind the scale", "030307 01 0204 05b4", WSC_TCP_SYN, 7, WSC_QUIRK_TRUNCATED, 2},
    {"cut in the scale", "01 030307", WSC_TCP_SYN, -1, WSC_QUIRK_TRUNCATED, 1},
    {"cut behind a kind", "01 030307", WSC_TCP_SYN, -1, WSC_QUIRK_TRUNCATED, 2},
    {"cut, and damaged", "0201 030307 0101", WSC_TCP_SYN, -1,
     WSC_QUIRK_TRUNCATED | WSC_QUIRK_BAD_OPTIONS, 2},
};

Test(tcp, reads_the_window_scale)
{
    static struct wsc_test_packet p;
    for (size_t i = 0; i < N(options); i++) {
        const char *name = options[i].name;
        uint8_t raw[40];
        size_t n = wsc_test_hex(options[i].options, raw, sizeof(raw));
        struct wsc_test_tcp tcp = {.flags = options[i].flags, .options = {.ptr = raw, .len = n}};
        struct wsc_span all = wsc_test_tcp_packet(&p, &IP, &tcp, (struct wsc_span){.len = 0});
        struct wsc_span bytes = {.ptr = all.ptr, .len = all.len - options[i].cut};
        struct wsc_packet_view v;
        struct wsc_fragment f;
        bool ok;
        enum wsc_decode_result r = onion_decode(bytes, (uint32_t)all.len, ETHERNET, &v, &f, &ok);
        cr_expect_eq(r, WSC_DECODE_TCP, "%s: result %d", name, r);
        cr_expect_eq(v.window_scale, options[i].scale, "%s: scale %d", name, v.window_scale);
        cr_expect_eq(v.quirks, options[i].quirks, "%s: quirks %x", name, v.quirks);
        cr_expect(ok && v.payload_len == 0 && v.payload_wire_len == 0, "%s: payload", name);
    }
}

/* 20 bytes of header, 8 more that may be options or payload. */
static const struct {
    const char *name;
    uint8_t offset;
    size_t captured; /* of the 28 */
    enum wsc_decode_result result;
    uint32_t payload, wire;
} offsets[] = {
    {"0", 0, 28, WSC_DECODE_BAD, 0, 0},
    {"4: less than a header", 4, 28, WSC_DECODE_BAD, 0, 0},
    {"5", 5, 28, WSC_DECODE_TCP, 8, 8},
    {"6", 6, 28, WSC_DECODE_TCP, 4, 4},
    {"7: to the end", 7, 28, WSC_DECODE_TCP, 0, 0},
    {"8: beyond the end", 8, 28, WSC_DECODE_BAD, 0, 0},
    {"15", 15, 28, WSC_DECODE_BAD, 0, 0},
    {"6, cut in the payload", 6, 25, WSC_DECODE_TCP, 1, 4},
    {"6, cut in the options", 6, 22, WSC_DECODE_TCP, 0, 4},
    {"7, cut behind the fixed header", 7, 20, WSC_DECODE_TCP, 0, 0},
    {"8, cut: beyond the end all the same", 8, 22, WSC_DECODE_BAD, 0, 0},
    {"5, cut in the fixed header", 5, 19, WSC_DECODE_BAD, 0, 0},
};

Test(tcp, believes_no_offset_beyond_the_packet)
{
    static struct wsc_test_packet p;
    for (size_t i = 0; i < N(offsets); i++) {
        const char *name = offsets[i].name;
        uint8_t segment[28] = {[12] = (uint8_t)(offsets[i].offset << 4), [13] = WSC_TCP_SYN};
        wsc_test_packet_init(&p);
        wsc_test_put(&p, segment, sizeof(segment));
        wsc_test_put_ip(&p, &IP, 6);
        struct wsc_span all = wsc_test_bytes(&p);
        struct wsc_span bytes = {.ptr = all.ptr, .len = 20 + offsets[i].captured};
        struct wsc_packet_view v;
        struct wsc_fragment f;
        bool ok;
        enum wsc_decode_result r = onion_decode(bytes, (uint32_t)all.len, RAW, &v, &f, &ok);
        cr_expect_eq(r, offsets[i].result, "%s: result %d", name, r);
        if (r != WSC_DECODE_TCP || offsets[i].result != r)
            continue;
        cr_expect_eq(v.payload_len, offsets[i].payload, "%s: %u captured", name, v.payload_len);
        cr_expect_eq(v.payload_wire_len, offsets[i].wire, "%s: %u", name, v.payload_wire_len);
    }
}

Test(tcp, gives_all_fields)
{
    static struct wsc_test_packet p;
    const struct wsc_test_tcp tcp = {.sport = 0xffff,
                                     .dport = 1,
                                     .seq = 0xffffffff,
                                     .ack = 0x80000001,
                                     .flags = 0xff,
                                     .window = 0xffff};
    struct wsc_span payload = {.ptr = (const uint8_t *)"hello", .len = 5};
    struct wsc_span bytes = wsc_test_tcp_packet(&p, &IP, &tcp, payload);
    struct wsc_packet_view v;
    struct wsc_fragment f;
    bool ok;
    cr_assert_eq(onion_decode(bytes, (uint32_t)bytes.len, ETHERNET, &v, &f, &ok), WSC_DECODE_TCP);
    cr_expect(ok && v.payload_len == 5);
    cr_expect_eq(v.sport, 0xffff);
    cr_expect_eq(v.dport, 1);
    cr_expect_eq(v.seq, 0xffffffff);
    cr_expect_eq(v.ack, 0x80000001);
    cr_expect_eq(v.tcp_flags, 0xff);
    cr_expect_eq(v.window, 0xffff);
    cr_expect_eq(v.ttl, 64);
    cr_expect_eq(v.l3.len, IP_AND_TCP + 5);
}
