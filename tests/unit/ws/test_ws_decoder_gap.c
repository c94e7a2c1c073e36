#include "ws/ws_decoder.h"

#include "support/event_log.h"
#include "support/hex.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- a gap at every place of a stream, checked against a model of what must remain ---- */

#define MAX_FRAMES 16

/* A stream whose frames are known beforehand; the model below never asks the decoder. */
struct stream {
    const char *name;
    enum wsc_dir sender;
    uint8_t bytes[512], plain[512]; /* plain: the payload unmasked, at the same places */
    size_t len, frames;
    struct wsc_ws_frame frame[MAX_FRAMES];
    size_t header_len[MAX_FRAMES];
};

static void add_frame(struct stream *s, uint8_t first, bool long_form, const char *payload)
{
    static const uint8_t key[4] = {0xa1, 0x5b, 0x00, 0x7c};
    size_t n = strlen(payload), start = s->len, at = start;
    bool masked = s->sender == WSC_DIR_C2S;
    s->bytes[at++] = first;
    s->bytes[at++] = (uint8_t)((masked ? 0x80 : 0) | (long_form ? 126 : n));
    if (long_form) {
        s->bytes[at++] = (uint8_t)(n >> 8);
        s->bytes[at++] = (uint8_t)n;
    }
    if (masked) {
        memcpy(s->bytes + at, key, 4);
        at += 4;
    }
    s->header_len[s->frames] = at - start;
    for (size_t i = 0; i < n; i++, at++) {
        s->plain[at] = (uint8_t)payload[i];
        s->bytes[at] = (uint8_t)(payload[i] ^ (masked ? key[i & 3] : 0));
    }
    s->frame[s->frames++] = (struct wsc_ws_frame){.start = start,
                                                  .payload_len = n,
                                                  .opcode = first & 0x0f,
                                                  .fin = (first & 0x80) != 0,
                                                  .masked = masked};
    s->len = at;
}

static struct stream make_stream(enum wsc_dir sender)
{
    struct stream s = {.name = sender == WSC_DIR_C2S ? "client" : "server", .sender = sender};
    char long_text[131] = {0};
    memset(long_text, 'x', sizeof(long_text) - 1);
    add_frame(&s, 0x81, false, "hello");
    add_frame(&s, 0x02, false, "ab"); /* a message in three fragments with a Ping between */
    add_frame(&s, 0x00, false, "");
    add_frame(&s, 0x89, false, "ping!");
    add_frame(&s, 0x80, true, long_text);
    add_frame(&s, 0x8a, false, "");
    add_frame(&s, 0x82, false, "z");
    add_frame(&s, 0x88, false, "\x03\xe9going away");
    return s;
}

static void expect_whole(const struct stream *s, size_t i, struct wsc_event_log *want, size_t kept,
                         bool missing)
{
    const struct wsc_ws_frame *f = &s->frame[i];
    wsc_event_log_ws.on_start(want, f->start);
    wsc_event_log_ws.on_frame(want, f);
    struct wsc_span payload = {.ptr = s->plain + f->start + s->header_len[i], .len = kept};
    if (f->opcode & 8)
        wsc_event_log_ws.on_control(want, f, payload, missing);
    else
        wsc_event_log_ws.on_frame_end(want, f, missing);
}

/* What must be said when the bytes [a, b) are not there. Returns whether framing goes on. */
static bool expect_with_gap(const struct stream *s, uint64_t a, uint64_t b,
                            struct wsc_event_log *want)
{
    for (size_t i = 0; i < s->frames; i++) {
        const struct wsc_ws_frame *f = &s->frame[i];
        uint64_t payload = f->start + s->header_len[i], end = payload + f->payload_len;
        bool hit = a >= f->start && a < end;
        if (!hit) {
            expect_whole(s, i, want, (size_t)f->payload_len, false);
        } else if (a < payload) {
            if (a > f->start)
                wsc_event_log_ws.on_start(want, f->start);
            wsc_event_log_ws.on_lost(want, f->start);
            return false;
        } else {
            expect_whole(s, i, want, (size_t)(a - payload), true);
            if (b > end) {
                wsc_event_log_ws.on_lost(want, end);
                return false;
            }
        }
    }
    return true;
}

static void feed(struct wsc_ws_decoder *d, struct wsc_event_log *log, const uint8_t *p, size_t n,
                 size_t step)
{
    for (size_t i = 0; i < n; i += step) {
        struct wsc_span s = {.ptr = p + i, .len = step < n - i ? step : n - i};
        wsc_ws_decoder_feed(d, s, &wsc_event_log_ws, log);
    }
}

static void check_gap(const struct stream *s, size_t a, size_t b, size_t step)
{
    struct wsc_event_log want, log;
    wsc_event_log_init(&want);
    wsc_event_log_init(&log);
    bool goes_on = expect_with_gap(s, a, b, &want);

    struct wsc_ws_decoder d;
    wsc_ws_decoder_init(&d, s->sender, WSC_WS_EXT_NONE, 0);
    feed(&d, &log, s->bytes, a, step);
    cr_assert_eq(d.offset, a, "%s [%zu, %zu): offset %" PRIu64, s->name, a, b, d.offset);
    bool said = wsc_ws_decoder_gap(&d, b - a, &wsc_event_log_ws, &log);
    cr_assert_eq(d.offset, b, "%s [%zu, %zu): offset %" PRIu64, s->name, a, b, d.offset);
    feed(&d, &log, s->bytes + b, s->len - b, step);
    cr_assert_eq(d.offset, s->len);

    cr_expect_eq(said, goes_on, "%s [%zu, %zu): goes on %d", s->name, a, b, said);
    cr_expect_str_eq(log.text, want.text, "%s [%zu, %zu) by %zu:\n%s-- instead of --\n%s", s->name,
                     a, b, step, log.text, want.text);
    wsc_ws_decoder_clear(&d, &wsc_event_log_ws, &log);
    cr_expect_eq(log.lent, 0);
    wsc_event_log_clear(&log);
    wsc_event_log_clear(&want);
}

Test(ws_decoder_gap, everywhere)
{
    const struct stream both[] = {make_stream(WSC_DIR_C2S), make_stream(WSC_DIR_S2C)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t a = 0; a < both[i].len; a++) {
            for (size_t b = a + 1; b <= both[i].len; b += b - a < 12 ? 1 : 13) {
                check_gap(&both[i], a, b, 1);
                check_gap(&both[i], a, b, 1000);
            }
        }
    }
}

/* ---- single cases ---- */

static struct wsc_ws_decoder fed(enum wsc_dir sender, const char *hex, struct wsc_event_log *log)
{
    uint8_t raw[64];
    struct wsc_ws_decoder d;
    wsc_event_log_init(log);
    wsc_ws_decoder_init(&d, sender, WSC_WS_EXT_NONE, 0);
    feed(&d, log, raw, wsc_test_hex(hex, raw, sizeof(raw)), 1000);
    return d;
}

Test(ws_decoder_gap, of_nothing)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d = fed(WSC_DIR_S2C, "81 05 48", &log);
    cr_expect(wsc_ws_decoder_gap(&d, 0, &wsc_event_log_ws, &log));
    cr_expect_eq(d.offset, 3);
    feed(&d, &log, (const uint8_t *)"ello", 4, 4);
    cr_expect_str_eq(log.text, "start 0\nframe 0 fin text len=5\nend 0\n");
    wsc_event_log_clear(&log);
}

/* 8 EiB claimed, of which 8 EiB were not captured: nothing overflows. */
Test(ws_decoder_gap, huge)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d = fed(WSC_DIR_S2C, "82 7f 7fffffffffffffff", &log);
    cr_expect(wsc_ws_decoder_gap(&d, INT64_MAX, &wsc_event_log_ws, &log));
    cr_expect_eq(d.offset, (uint64_t)INT64_MAX + 10);
    cr_expect_str_eq(log.text,
                     "start 0\nframe 0 fin binary len=9223372036854775807\nend 0 missing\n");
    cr_expect_not(wsc_ws_decoder_gap(&d, UINT64_MAX - d.offset, &wsc_event_log_ws, &log));
    cr_expect_eq(d.offset, UINT64_MAX);
    wsc_event_log_clear(&log);
}

Test(ws_decoder_gap, two_in_one_control_frame_keep_the_first_bytes)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d = fed(WSC_DIR_S2C, "89 08 4142", &log);
    uint8_t rest[] = {'E', 'H'};
    cr_expect(wsc_ws_decoder_gap(&d, 2, &wsc_event_log_ws, &log));
    feed(&d, &log, rest, 1, 1);
    cr_expect(wsc_ws_decoder_gap(&d, 2, &wsc_event_log_ws, &log));
    feed(&d, &log, rest + 1, 1, 1);
    cr_expect_str_eq(log.text, "start 0\nframe 0 fin ping len=8\ncontrol 0 ping missing 4142\n");
    cr_expect_eq(log.lent, 0);
    wsc_event_log_clear(&log);
}

/* A second gap while lost says nothing new; bytes only move the offset. */
Test(ws_decoder_gap, while_lost)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d = fed(WSC_DIR_S2C, "81", &log);
    cr_expect_not(wsc_ws_decoder_gap(&d, 1, &wsc_event_log_ws, &log));
    feed(&d, &log, (const uint8_t *)"\x88\x00\x88", 3, 1);
    cr_expect_not(wsc_ws_decoder_gap(&d, 10, &wsc_event_log_ws, &log));
    cr_expect_eq(d.offset, 15);
    cr_expect_str_eq(log.text, "start 0\nlost 0\n");
    cr_expect_not(wsc_ws_decoder_at_boundary(&d));
    wsc_event_log_clear(&log);
}

struct resync_row {
    const char *name, *before, *after, *events;
};

/* |before| ends with a gap of 4 bytes across a header; a frame starts right after it. */
static const struct resync_row resyncs[] = {
    {"whether a message is open is not known", "82 00", "80 00",
     "start 6\nframe 6 fin continuation len=0\nend 6\n"},
    {"nor whether one may begin", "01 00", "81 00", "start 6\nframe 6 fin text len=0\nend 6\n"},
    {"known again once a message has ended", "82 00", "80 00 80 00",
     "start 6\nframe 6 fin continuation len=0\nend 6\n"
     "start 8\nframe 8 fin continuation len=0\nviolation unexpected-continuation\nend 8\n"},
    {"other rules hold", "82 00", "83 80 00000000",
     "start 6\nframe 6 fin opcode=3 masked len=0\nviolation masked-server-frame\n"
     "violation reserved-opcode\nend 6\n"},
    {"a Close before the gap is not forgotten", "88 00", "81 00",
     "start 6\nframe 6 fin text len=0\nviolation frame-after-close\nend 6\n"},
};

Test(ws_decoder_gap, resync)
{
    for (size_t i = 0; i < sizeof(resyncs) / sizeof(resyncs[0]); i++) {
        const struct resync_row *r = &resyncs[i];
        struct wsc_event_log log;
        struct wsc_ws_decoder d = fed(WSC_DIR_S2C, r->before, &log);
        cr_expect_not(wsc_ws_decoder_gap(&d, 4, &wsc_event_log_ws, &log), "%s", r->name);
        wsc_ws_decoder_resync(&d);
        cr_expect(wsc_ws_decoder_at_boundary(&d), "%s", r->name);
        wsc_event_log_clear(&log);
        wsc_event_log_init(&log);
        uint8_t raw[64];
        feed(&d, &log, raw, wsc_test_hex(r->after, raw, sizeof(raw)), 1);
        cr_expect_str_eq(log.text, r->events, "%s:\n%s", r->name, log.text);
        wsc_event_log_clear(&log);
    }
}

/* Lost inside a control frame: what was lent comes back at once. */
Test(ws_decoder_gap, gives_scratch_back)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d = fed(WSC_DIR_S2C, "88 05 03e8", &log);
    cr_expect_eq(log.lent, 1);
    cr_expect_not(wsc_ws_decoder_gap(&d, 100, &wsc_event_log_ws, &log));
    cr_expect_eq(log.lent, 0);
    cr_expect_str_eq(log.text,
                     "start 0\nframe 0 fin close len=5\ncontrol 0 close missing 03e8\nlost 7\n");
    wsc_event_log_clear(&log);
}
