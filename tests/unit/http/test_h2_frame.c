#include "http/h2_frame.h"

#include "http/h2_resync.h"
#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- headers that a sender would send ---- */

static const struct {
    const char *hex;
    bool client, server; /* plausible from */
} headers[] = {
    {"000000 00 00 00000001", true, true},
    {"004000 00 01 00000001", true, true},
    {"004001 00 00 00000001", false, false}, /* larger than was allowed */
    {"000000 00 08 00000001", false, false}, /* padded, and no room to say how much */
    {"000001 00 09 00000001", true, true},
    {"000001 00 02 00000001", false, false}, /* a flag that DATA has not */
    {"000001 00 00 00000000", false, false},
    {"000001 00 00 80000001", false, false}, /* the reserved bit */
    {"000001 01 25 00000001", false, false}, /* no room for a priority and a block */
    {"000006 01 25 00000001", true, true},
    {"000006 01 2d 00000001", false, false},
    {"000007 01 2d 00000001", true, true},
    {"000007 01 2f 00000001", false, false},
    {"000000 01 04 00000001", false, false},
    {"000005 02 00 00000003", true, true},
    {"000004 02 00 00000003", false, false},
    {"000005 02 00 00000000", false, false},
    {"000004 03 00 00000003", true, true},
    {"000004 03 01 00000003", false, false},
    {"000005 03 00 00000003", false, false},
    {"000004 03 00 00000000", false, false},
    {"000000 04 00 00000000", true, true},
    {"000000 04 01 00000000", true, true},
    {"000006 04 01 00000000", false, false},
    {"00000c 04 00 00000000", true, true},
    {"00000b 04 00 00000000", false, false},
    {"000006 04 00 00000001", false, false},
    {"000005 05 04 00000001", false, true},
    {"000004 05 04 00000001", false, false},
    {"000005 05 0c 00000001", false, false},
    {"000008 06 00 00000000", true, true},
    {"000008 06 01 00000000", true, true},
    {"000007 06 00 00000000", false, false},
    {"000008 06 00 00000001", false, false},
    {"000008 07 00 00000000", true, true},
    {"000100 07 00 00000000", true, true},
    {"000007 07 00 00000000", false, false},
    {"000004 08 00 00000000", true, true},
    {"000004 08 00 00000001", true, true},
    {"000004 08 01 00000001", false, false},
    {"000001 09 04 00000001", true, true},
    {"000001 09 01 00000001", false, false},
    {"000002 0a 00 00000000", true, true},
    {"000002 0b 00 00000000", false, false},
    {"000002 0c 00 00000000", true, true},
    {"000004 10 00 00000000", true, true},
    {"000004 11 00 00000000", false, false},
    {"000004 ff 00 00000000", false, false},
};

Test(h2_frame, plausible)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        uint8_t h[WSC_H2_HEADER_LEN];
        cr_assert_eq(wsc_test_hex(headers[i].hex, h, sizeof(h)), sizeof(h));
        struct wsc_h2_frame f = wsc_h2_frame_parse(h);
        cr_expect_eq(wsc_h2_frame_plausible(&f, WSC_DIR_C2S, 16384), headers[i].client,
                     "client: %s", headers[i].hex);
        cr_expect_eq(wsc_h2_frame_plausible(&f, WSC_DIR_S2C, 16384), headers[i].server,
                     "server: %s", headers[i].hex);
    }
}

Test(h2_frame, parsed)
{
    static const uint8_t h[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x86, 0x07, 0x08, 0x09};
    struct wsc_h2_frame f = wsc_h2_frame_parse(h);
    cr_expect_eq(f.len, 0x010203);
    cr_expect_eq(f.type, 4);
    cr_expect_eq(f.flags, 5);
    cr_expect_eq(f.stream, 0x06070809);
    cr_expect(f.reserved);
}

/* ---- frames among other bytes ---- */

#define NOISE   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* 32 bytes */
#define ZEROS   "0000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS31 "00000000000000000000000000000000000000000000000000000000000000"
#define DATA3   "000004 00 00 00000003 f1f2f3f4 " /* of a stream in use */
#define DATA5   "000004 00 00 00000005 f1f2f3f4 " /* of one that may be */
#define UPDATE  "000004 08 00 00000000 00000001 "
#define UPDATE3 "000004 08 00 00000003 00000001 "
#define PING    "000008 06 00 00000000 0000000000000001 "

static enum wsc_h2_stream_is stream_is(void *ctx, uint32_t stream)
{
    (void)ctx;
    return stream == 3         ? WSC_H2_LIVE
           : stream % 2 == 0   ? WSC_H2_IMPOSSIBLE
           : stream < 0x100000 ? WSC_H2_POSSIBLE
                               : WSC_H2_IMPOSSIBLE;
}

static const struct {
    const char *name;
    const char *spans[5];
    const char *found; /* "SPAN OFFSET", where its payload begins; NULL: nothing is */
} rows[] = {
    {"a frame that is a span", {DATA5}, "0 9"},
    {"of a stream that cannot be", {"000004 00 00 00000004 f1f2f3f4"}, NULL},
    {"a frame that begins a span, of a stream in use", {DATA3 NOISE}, NULL},
    {"and goes on", {"000044 00 00 00000003" NOISE}, "0 9"},
    {"a frame that ends a span", {NOISE DATA3}, "0 41"},
    {"among zeros it does not suffice", {ZEROS DATA3}, NULL},
    {"two would", {ZEROS DATA3 DATA3}, "0 41"},
    {"nor does one that says little, before two", {ZEROS DATA5 DATA3 DATA3}, "0 54"},
    {"zeros", {ZEROS, ZEROS, ZEROS}, NULL},
    {"noise", {NOISE, NOISE, NOISE}, NULL},
    {"a chain over spans: the header that settles it is the one", {ZEROS DATA5, PING, PING}, "1 9"},
    {"a chain in the middle of noise",
     {NOISE DATA3 UPDATE PING "000044 00 00 00000003" NOISE},
     "0 41"},
    {"bytes that look like an empty frame before it",
     {NOISE "00 000000 01 00000003" DATA3 UPDATE PING},
     "0 50"},
    {"its next header is none", {NOISE "000004 00 00 00000003 f1f2f3f4" NOISE}, NULL},
    {"a header over two spans", {ZEROS "000004 08", "00 00000000 00000002" PING DATA3}, "1 18"},
    {"a payload over spans", {"000040 00 00 00000003 00", ZEROS, ZEROS31 UPDATE3 "0000"}, "2 40"},
    {"a hole that ends with a payload",
     {ZEROS DATA3 "000020 00 00 00000003 0102", "-30", UPDATE3 "0000"},
     "2 9"},
    {"a hole within it",
     {ZEROS DATA3 "000020 00 00 00000003 0102", "-20", "00000000000000000000" UPDATE3 "0000"},
     "2 19"},
    {"a hole that ends behind it", {ZEROS "000020 00 00 00000003 0102", "-31", "00" DATA3}, NULL},
};

Test(h2_frame, found_among_other_bytes)
{
    const struct wsc_h2_resync_rule rule = {
        .sender = WSC_DIR_S2C, .max_len = 16384, .stream_is = stream_is, .live = 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h2_resync r = {0};
        char got[32] = "nothing";
        bool found = false;
        for (unsigned k = 0; k < 5 && rows[i].spans[k] != NULL && !found; k++) {
            uint8_t bytes[512];
            struct wsc_h2_frame f;
            size_t at;
            if (rows[i].spans[k][0] == '-') {
                wsc_h2_resync_gap(&r, strtoul(rows[i].spans[k] + 1, NULL, 10));
                continue;
            }
            struct wsc_span s = {.ptr = bytes,
                                 .len = wsc_test_hex(rows[i].spans[k], bytes, sizeof(bytes))};
            found = wsc_h2_resync_feed(&r, s, &rule, &f, &at);
            if (found)
                snprintf(got, sizeof(got), "%u %zu", k, at);
        }
        cr_expect_str_eq(got, rows[i].found != NULL ? rows[i].found : "nothing", "%s: %s",
                         rows[i].name, got);
    }
}

/* An id says less where many are in use: what sufficed with one stream does not with a million. */
Test(h2_frame, among_many_streams)
{
    uint8_t bytes[128];
    struct wsc_span s = {.ptr = bytes,
                         .len = wsc_test_hex(ZEROS DATA3 DATA3, bytes, sizeof(bytes))};
    for (unsigned bits = 0; bits <= 20; bits += 20) {
        const struct wsc_h2_resync_rule rule = {.sender = WSC_DIR_S2C,
                                                .max_len = 16384,
                                                .stream_is = stream_is,
                                                .live = (size_t)1 << bits};
        struct wsc_h2_resync r = {0};
        struct wsc_h2_frame f;
        size_t at;
        cr_expect_eq(wsc_h2_resync_feed(&r, s, &rule, &f, &at), bits == 0, "2^%u", bits);
    }
}
