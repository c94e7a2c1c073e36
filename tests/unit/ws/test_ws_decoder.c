#include "ws/ws_decoder.h"

#include "support/event_log.h"
#include "support/hex.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- vectors ---- */

struct row {
    const char *name;
    enum wsc_dir sender;
    enum wsc_ws_extensions ext;
    const char *hex;
    const char *events;
};

#define CLIENT  WSC_DIR_C2S, WSC_WS_EXT_NONE
#define SERVER  WSC_DIR_S2C, WSC_WS_EXT_NONE
#define DEFLATE WSC_DIR_S2C, WSC_WS_EXT_DEFLATE
#define UNKNOWN WSC_DIR_S2C, WSC_WS_EXT_UNKNOWN

static const struct row rows[] = {
    /* RFC 6455 5.7 */
    {"5.7: unmasked text", SERVER, "81 05 48656c6c6f", "start 0\nframe 0 fin text len=5\nend 0\n"},
    {"5.7: masked text", CLIENT, "81 85 37fa213d 7f9f4d5158",
     "start 0\nframe 0 fin text masked len=5\nend 0\n"},
    {"5.7: fragmented unmasked text", SERVER, "01 03 48656c  80 02 6c6f",
     "start 0\nframe 0 text len=3\nend 0\nstart 5\nframe 5 fin continuation len=2\nend 5\n"},
    {"5.7: unmasked ping", SERVER, "89 05 48656c6c6f",
     "start 0\nframe 0 fin ping len=5\ncontrol 0 ping 48656c6c6f\n"},
    {"5.7: masked pong", CLIENT, "8a 85 37fa213d 7f9f4d5158",
     "start 0\nframe 0 fin pong masked len=5\ncontrol 0 pong 48656c6c6f\n"},

    /* control frames between fragments (5.4), empty payloads */
    {"ping inside a message", SERVER, "02 01 aa  89 00  80 01 bb",
     "start 0\nframe 0 binary len=1\nend 0\nstart 3\nframe 3 fin ping len=0\ncontrol 3 ping -\n"
     "start 5\nframe 5 fin continuation len=1\nend 5\n"},
    {"empty masked frames", CLIENT, "81 80 01020304  88 80 01020304",
     "start 0\nframe 0 fin text masked len=0\nend 0\n"
     "start 6\nframe 6 fin close masked len=0\ncontrol 6 close -\n"},
    {"masked close, mask over seven bytes", CLIENT, "88 87 01020304 02ea 645d6467 78",
     "start 0\nframe 0 fin close masked len=7\ncontrol 0 close 03e8675965657b\n"},

    /* who masks (5.1) */
    {"unmasked client close is read as is", CLIENT, "88 02 03e8",
     "start 0\nframe 0 fin close len=2\nviolation unmasked-client-frame\ncontrol 0 close 03e8\n"},
    {"masked server close is unmasked", SERVER, "88 82 ff00ff00 fce8",
     "start 0\nframe 0 fin close masked len=2\nviolation masked-server-frame\n"
     "control 0 close 03e8\n"},

    /* reserved (5.2) */
    {"reserved data opcode", SERVER, "83 01 00",
     "start 0\nframe 0 fin opcode=3 len=1\nviolation reserved-opcode\nend 0\n"},
    {"reserved control opcode", SERVER, "8b 01 00",
     "start 0\nframe 0 fin opcode=11 len=1\nviolation reserved-opcode\nend 0\n"},
    {"last reserved opcodes", SERVER, "87 00 8f 00",
     "start 0\nframe 0 fin opcode=7 len=0\nviolation reserved-opcode\nend 0\n"
     "start 2\nframe 2 fin opcode=15 len=0\nviolation reserved-opcode\nend 2\n"},
    {"RSV1 without an extension", SERVER, "c1 01 00",
     "start 0\nframe 0 fin rsv=4 text len=1\nviolation reserved-bits\nend 0\n"},
    {"RSV1 with deflate", DEFLATE, "c1 01 00  c2 01 00",
     "start 0\nframe 0 fin rsv=4 text len=1\nend 0\n"
     "start 3\nframe 3 fin rsv=4 binary len=1\nend 3\n"},
    {"RSV1 with deflate on a continuation", DEFLATE, "41 01 00  c0 01 00",
     "start 0\nframe 0 rsv=4 text len=1\nend 0\n"
     "start 3\nframe 3 fin rsv=4 continuation len=1\nviolation reserved-bits\nend 3\n"},
    {"RSV1 with deflate on a control frame", DEFLATE, "c9 00",
     "start 0\nframe 0 fin rsv=4 ping len=0\nviolation reserved-bits\ncontrol 0 ping -\n"},
    {"RSV2 with deflate", DEFLATE, "a1 00",
     "start 0\nframe 0 fin rsv=2 text len=0\nviolation reserved-bits\nend 0\n"},
    {"RSV1 and RSV3 with deflate", DEFLATE, "d1 00",
     "start 0\nframe 0 fin rsv=5 text len=0\nviolation reserved-bits\nend 0\n"},
    {"all bits with an unknown extension", UNKNOWN, "f1 00 f8 00",
     "start 0\nframe 0 fin rsv=7 text len=0\nend 0\n"
     "start 2\nframe 2 fin rsv=7 close len=0\nviolation reserved-bits\ncontrol 2 close -\n"},

    /* control frames (5.5) */
    {"fragmented control", SERVER, "08 02 03e8",
     "start 0\nframe 0 close len=2\nviolation fragmented-control\ncontrol 0 close 03e8\n"},

    /* message order (5.4) */
    {"continuation of nothing", SERVER, "80 00",
     "start 0\nframe 0 fin continuation len=0\nviolation unexpected-continuation\nend 0\n"},
    {"text inside a message", SERVER, "02 00 81 00",
     "start 0\nframe 0 binary len=0\nend 0\n"
     "start 2\nframe 2 fin text len=0\nviolation unexpected-continuation\nend 2\n"},
    {"a message after a message", SERVER, "01 00 00 00 80 00 81 00",
     "start 0\nframe 0 text len=0\nend 0\nstart 2\nframe 2 continuation len=0\nend 2\n"
     "start 4\nframe 4 fin continuation len=0\nend 4\nstart 6\nframe 6 fin text len=0\nend 6\n"},

    /* lengths (5.2) */
    {"16-bit length of 3", SERVER, "8a 7e 0003 010203",
     "start 0\nframe 0 fin pong len=3\nviolation length-not-minimal\ncontrol 0 pong 010203\n"},
    {"64-bit length of 2", SERVER, "82 7f 0000000000000002 aabb",
     "start 0\nframe 0 fin binary len=2\nviolation length-not-minimal\nend 0\n"},
    {"64-bit length of 65535, cut", SERVER, "82 7f 000000000000ffff aabb",
     "start 0\nframe 0 fin binary len=65535\nviolation length-not-minimal\n"},
    {"64-bit length of 65536, cut", SERVER, "82 7f 0000000000010000 aabb",
     "start 0\nframe 0 fin binary len=65536\n"},
    {"longest legal length", SERVER, "82 7f 7fffffffffffffff aabb",
     "start 0\nframe 0 fin binary len=9223372036854775807\n"},
    {"high bit: the rest is its payload", SERVER, "82 7f 8000000000000000 8802 03e8",
     "start 0\nframe 0 fin binary len=9223372036854775807\nviolation length-high-bit\n"},
    {"all bits of the length", CLIENT, "82 ff ffffffffffffffff 01020304 aabb",
     "start 0\nframe 0 fin binary masked len=9223372036854775807\nviolation length-high-bit\n"},

    /* after the Close (5.5.1) */
    {"frames after Close are reported once", SERVER, "88 00  81 00  88 00",
     "start 0\nframe 0 fin close len=0\ncontrol 0 close -\n"
     "start 2\nframe 2 fin text len=0\nviolation frame-after-close\nend 2\n"
     "start 4\nframe 4 fin close len=0\ncontrol 4 close -\n"},

    /* several at once, in a fixed order */
    {"everything wrong", CLIENT, "7b 7e 0000",
     "start 0\nframe 0 rsv=7 opcode=11 len=0\nviolation unmasked-client-frame\n"
     "violation reserved-opcode\nviolation reserved-bits\nviolation fragmented-control\n"
     "violation length-not-minimal\nend 0\n"},

    /* unfinished */
    {"nothing", SERVER, "", ""},
    {"one byte", SERVER, "81", "start 0\n"},
    {"header without its mask", CLIENT, "81 85 37fa21", "start 0\n"},
    {"close without its end", CLIENT, "88 82 00000000 03",
     "start 0\nframe 0 fin close masked len=2\n"},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- runners ---- */

/* Feeds |n| bytes from a block that ends with them, so that a sanitizer sees an over-read. */
static void feed_exact(struct wsc_ws_decoder *d, struct wsc_event_log *log, const uint8_t *p,
                       size_t n)
{
    uint8_t *exact = malloc(n + (n == 0));
    memcpy(exact, p, n);
    wsc_ws_decoder_feed(d, (struct wsc_span){.ptr = exact, .len = n}, &wsc_event_log_ws, log);
    free(exact);
}

/* Feeds in pieces: the first of |first| bytes, then |step| each. */
static void run(struct wsc_event_log *log, enum wsc_dir sender, enum wsc_ws_extensions ext,
                const uint8_t *p, size_t n, size_t first, size_t step)
{
    struct wsc_ws_decoder d;
    wsc_event_log_init(log);
    wsc_ws_decoder_init(&d, sender, ext, 0);
    for (size_t at = 0, take = first; at < n; at += take, take = step) {
        if (take > n - at)
            take = n - at;
        feed_exact(&d, log, p + at, take);
        cr_assert_eq(d.offset, at + take, "offset %" PRIu64 " after %zu bytes", d.offset,
                     at + take);
    }
    wsc_ws_decoder_clear(&d, &wsc_event_log_ws, log);
    cr_assert_eq(log->lent, 0, "scratch kept");
}

static void expect_run(const struct row *r, const uint8_t *p, size_t n, size_t first, size_t step)
{
    struct wsc_event_log log;
    run(&log, r->sender, r->ext, p, n, first, step);
    cr_expect_str_eq(log.text, r->events, "%s, pieces of %zu then %zu:\n%s-- instead of --\n%s",
                     r->name, first, step, log.text, r->events);
    wsc_event_log_clear(&log);
}

Test(ws_decoder, vectors_whole_bytewise_and_split_everywhere)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        uint8_t raw[256];
        size_t n = wsc_test_hex(rows[i].hex, raw, sizeof(raw));
        expect_run(&rows[i], raw, n, n, n + 1);
        expect_run(&rows[i], raw, n, 1, 1);
        expect_run(&rows[i], raw, n, 2, 3);
        for (size_t split = 1; split < n; split++)
            expect_run(&rows[i], raw, n, split, n);
    }
}

/* ---- lengths ---- */

static size_t put_header(uint8_t *out, uint8_t first, bool masked, uint64_t len)
{
    size_t n = 2;
    out[0] = first;
    out[1] = (uint8_t)(len < 126 ? len : len <= 0xffff ? 126 : 127);
    for (int shift = len < 126 ? -8 : len <= 0xffff ? 8 : 56; shift >= 0; shift -= 8)
        out[n++] = (uint8_t)(len >> shift);
    if (masked) {
        out[1] |= 0x80;
        memcpy(out + n, "\x11\x22\x33\x44", 4);
        n += 4;
    }
    return n;
}

static const uint64_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 65537};

/* A binary frame of each length, then a Ping that is found only if the length was read right. */
static void check_length(enum wsc_dir sender, uint64_t len, size_t step)
{
    bool masked = sender == WSC_DIR_C2S;
    uint8_t *p = calloc(1, 14 + (size_t)len + 14);
    size_t ping = put_header(p, 0x82, masked, len) + (size_t)len;
    size_t n = ping + put_header(p + ping, 0x89, masked, 0);
    char expected[256];
    const char *m = masked ? " masked" : "";
    (void)snprintf(expected, sizeof(expected),
                   "start 0\nframe 0 fin binary%s len=%" PRIu64 "\nend 0\n"
                   "start %zu\nframe %zu fin ping%s len=0\ncontrol %zu ping -\n",
                   m, len, ping, ping, m, ping);
    struct wsc_event_log log;
    run(&log, sender, WSC_WS_EXT_NONE, p, n, step, step);
    cr_expect_str_eq(log.text, expected, "len %" PRIu64 " by %zu:\n%s", len, step, log.text);
    wsc_event_log_clear(&log);
    free(p);
}

Test(ws_decoder, lengths)
{
    static const size_t steps[] = {1, 7, 1460, 1u << 20};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
            check_length(WSC_DIR_C2S, lengths[i], steps[s]);
            check_length(WSC_DIR_S2C, lengths[i], steps[s]);
        }
    }
}

/* ---- control frames longer than allowed: the leading bytes are kept, framing goes on ---- */

static void check_control(uint64_t len, bool no_blocks, size_t step)
{
    uint8_t *p = calloc(1, 14 + (size_t)len + 14), plain[WSC_WS_CONTROL_KEPT];
    size_t at = put_header(p, 0x8a, true, len);
    for (size_t i = 0; i < len; i++) {
        p[at + i] = (uint8_t)(i * 7 ^ p[at - 4 + (i & 3)]);
        if (i < sizeof(plain))
            plain[i] = (uint8_t)(i * 7);
    }
    size_t next = at + (size_t)len, n = next + put_header(p + next, 0x81, true, 0);
    size_t kept = no_blocks ? 0 : len < sizeof(plain) ? (size_t)len : sizeof(plain);

    struct wsc_event_log want, log;
    wsc_event_log_init(&want);
    struct wsc_ws_frame f = {
        .payload_len = len, .opcode = WSC_WS_PONG, .fin = true, .masked = true};
    wsc_event_log_ws.on_start(&want, 0);
    wsc_event_log_ws.on_frame(&want, &f);
    if (len > 125)
        wsc_event_log_ws.on_violation(&want, WSC_RULE_CONTROL_TOO_LONG);
    wsc_event_log_ws.on_control(&want, &f, (struct wsc_span){.ptr = plain, .len = kept}, false);
    f = (struct wsc_ws_frame){.start = next, .opcode = WSC_WS_TEXT, .fin = true, .masked = true};
    wsc_event_log_ws.on_start(&want, next);
    wsc_event_log_ws.on_frame(&want, &f);
    wsc_event_log_ws.on_frame_end(&want, &f, false);

    wsc_event_log_init(&log);
    log.no_blocks = no_blocks;
    struct wsc_ws_decoder d;
    wsc_ws_decoder_init(&d, WSC_DIR_C2S, WSC_WS_EXT_NONE, 0);
    for (size_t i = 0; i < n; i += step)
        feed_exact(&d, &log, p + i, step < n - i ? step : n - i);
    cr_expect_str_eq(log.text, want.text, "len %" PRIu64 " by %zu\n%s", len, step, log.text);
    cr_expect_eq(log.lent, 0);
    wsc_event_log_clear(&want);
    wsc_event_log_clear(&log);
    free(p);
}

Test(ws_decoder, control_payload_kept)
{
    static const uint64_t lens[] = {1, 2, 124, 125, 126, 254, 255, 256, 257, 65536};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        check_control(lens[i], false, 1u << 20);
        check_control(lens[i], false, 1);
        check_control(lens[i], false, 5);
        check_control(lens[i], true, 3); /* no block to be had: framing goes on without */
    }
}

/* ---- the rest of the contract ---- */

Test(ws_decoder, whole_control_borrows_nothing)
{
    struct wsc_ws_ops ops = wsc_event_log_ws;
    ops.borrow = NULL;
    ops.release = NULL;
    struct wsc_event_log log;
    struct wsc_ws_decoder d;
    wsc_event_log_init(&log);
    wsc_ws_decoder_init(&d, WSC_DIR_C2S, WSC_WS_EXT_NONE, 100);
    const uint8_t ping[] = {0x89, 0x81, 1, 2, 3, 4, 'A' ^ 1};
    wsc_ws_decoder_feed(&d, (struct wsc_span){.ptr = ping, .len = sizeof(ping)}, &ops, &log);
    cr_expect_str_eq(log.text, "start 100\nframe 100 fin ping masked len=1\ncontrol 100 ping 41\n");
    cr_expect_eq(d.offset, 107);
    wsc_event_log_clear(&log);
}

Test(ws_decoder, no_callbacks_at_all)
{
    static const struct wsc_ws_ops none;
    const uint8_t p[] = {0x88, 0x02, 0x03, 0xe8, 0x83, 0x7e, 0, 1, 9, 0x89, 0x04, 1, 2};
    struct wsc_ws_decoder d;
    wsc_ws_decoder_init(&d, WSC_DIR_S2C, WSC_WS_EXT_NONE, 0);
    for (size_t i = 0; i < sizeof(p); i++)
        wsc_ws_decoder_feed(&d, (struct wsc_span){.ptr = p + i, .len = 1}, &none, NULL);
    cr_expect_not(wsc_ws_decoder_gap(&d, 5, &none, NULL));
    wsc_ws_decoder_clear(&d, &none, NULL);
    cr_expect_eq(d.offset, sizeof(p) + 5);
}

Test(ws_decoder, extensions_known_later)
{
    const uint8_t p[] = {0xc1, 0x00};
    struct wsc_event_log log;
    struct wsc_ws_decoder d;
    wsc_event_log_init(&log);
    wsc_ws_decoder_init(&d, WSC_DIR_S2C, WSC_WS_EXT_UNKNOWN, 0);
    wsc_ws_decoder_extensions(&d, WSC_WS_EXT_DEFLATE);
    feed_exact(&d, &log, p, 2);
    wsc_ws_decoder_extensions(&d, WSC_WS_EXT_NONE);
    feed_exact(&d, &log, p, 2);
    cr_expect_str_eq(log.text, "start 0\nframe 0 fin rsv=4 text len=0\nend 0\n"
                               "start 2\nframe 2 fin rsv=4 text len=0\nviolation reserved-bits\n"
                               "end 2\n");
    wsc_event_log_clear(&log);
}

Test(ws_decoder, at_boundary_only_between_frames)
{
    const uint8_t p[] = {0x82, 0x02, 1, 2, 0x89, 0x00};
    static const bool at_boundary[] = {false, false, false, true, false, true};
    struct wsc_event_log log;
    struct wsc_ws_decoder d;
    wsc_event_log_init(&log);
    wsc_ws_decoder_init(&d, WSC_DIR_S2C, WSC_WS_EXT_NONE, 0);
    cr_expect(wsc_ws_decoder_at_boundary(&d));
    for (size_t i = 0; i < sizeof(p); i++) {
        feed_exact(&d, &log, p + i, 1);
        cr_expect_eq(wsc_ws_decoder_at_boundary(&d), at_boundary[i], "after byte %zu", i);
    }
    wsc_event_log_clear(&log);
}

/* Input that ends where the mapped memory does: an over-read crashes even without a sanitizer. */
Test(ws_decoder, guard_page)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(map, MAP_FAILED);
    cr_assert_eq(mprotect(map + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < N_ROWS; i++) {
        uint8_t raw[256];
        size_t n = wsc_test_hex(rows[i].hex, raw, sizeof(raw));
        for (size_t cut = 0; cut <= n; cut++) {
            struct wsc_event_log log;
            struct wsc_ws_decoder d;
            wsc_event_log_init(&log);
            wsc_ws_decoder_init(&d, rows[i].sender, rows[i].ext, 0);
            memcpy(map + page - cut, raw, cut);
            struct wsc_span s = {.ptr = map + page - cut, .len = cut};
            wsc_ws_decoder_feed(&d, s, &wsc_event_log_ws, &log);
            cr_expect_eq(d.offset, cut);
            wsc_ws_decoder_clear(&d, &wsc_event_log_ws, &log);
            cr_expect_eq(log.lent, 0);
            wsc_event_log_clear(&log);
        }
    }
    munmap(map, 2 * page);
}
