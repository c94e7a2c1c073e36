/* A decoder saved and loaded goes on as if nothing had happened. */
#include "ws/ws_decoder.h"

#include "support/event_log.h"

#include <criterion/criterion.h>

#include <string.h>

static const uint8_t stream[] = {
    0x01, 0x83, 1, 2,   3, 4, 'a', 'b', 'c', /* text begins, masked */
    0x89, 0x80, 1, 2,   3, 4,                /* ping between */
    0x80, 0xfe, 0, 126, 5, 6, 7,   8,        /* continuation of 126 bytes */
    0,    0,    0, 0,   0, 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,    0, 0,   0, 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,    0, 0,   0, 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,    0, 0,   0, 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,    0, 0,   0, 0, 0,   0,   0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* ... its last
                                                                                     */
    0x80, 0x80, 1, 2,   3, 4, /* a continuation of nothing */
    0x88, 0x80, 1, 2,   3, 4, /* close */
    0x81, 0x80, 1, 2,   3, 4, /* text after it */
};

static void feed(struct wsc_ws_decoder *d, struct wsc_event_log *log, size_t from, size_t to)
{
    wsc_ws_decoder_feed(d, (struct wsc_span){.ptr = stream + from, .len = to - from},
                        &wsc_event_log_ws, log);
}

Test(ws_decoder_state, saved_and_loaded_at_every_point)
{
    for (size_t at = 0; at <= sizeof(stream); at++) {
        struct wsc_event_log whole, cut;
        struct wsc_ws_decoder a, b;
        uint8_t state[WSC_WS_DECODER_STATE];
        wsc_event_log_init(&whole);
        wsc_event_log_init(&cut);
        wsc_ws_decoder_init(&a, WSC_DIR_C2S, WSC_WS_EXT_NONE, 0);
        feed(&a, &whole, 0, sizeof(stream));
        wsc_ws_decoder_init(&b, WSC_DIR_C2S, WSC_WS_EXT_NONE, 0);
        feed(&b, &cut, 0, at);
        wsc_ws_decoder_save(&b, state);
        wsc_ws_decoder_clear(&b, &wsc_event_log_ws, &cut);
        memset(&b, 0xaa, sizeof(b));
        cr_assert(wsc_ws_decoder_load(&b, state, at), "cut at %zu", at);
        feed(&b, &cut, at, sizeof(stream));
        cr_expect_str_eq(cut.text, whole.text, "cut at %zu", at);
        wsc_event_log_clear(&whole);
        wsc_event_log_clear(&cut);
    }
}

Test(ws_decoder_state, where_no_decoder_can_stand)
{
    static const struct {
        const char *name;
        uint8_t state[WSC_WS_DECODER_STATE];
        bool fits;
    } rows[] = {
        {"at a boundary", {WSC_WS_HEADER}, true},
        {"framing lost", {WSC_WS_LOST}, true},
        {"no such state", {7}, false},
        {"flags of another version", {WSC_WS_HEADER, 0, 0xff, 0xff}, false},
        {"lost, with a header", {WSC_WS_LOST, 2, 0, 0, 0x81, 5}, false},
        {"more header than there is", {WSC_WS_HEADER, 15}, false},
        {"a whole header, not read", {WSC_WS_HEADER, 2, 0, 0, 0x81, 5}, false},
        {"half a header", {WSC_WS_HEADER, 3, 0, 0, 0x81, 126, 1}, true},
        {"a payload of nothing", {WSC_WS_PAYLOAD, 2, 0, 0, 0x81, 5}, false},
        {"five to come", {WSC_WS_PAYLOAD, 2, 0, 0, 0x81, 5, [25] = 5}, true},
        {"more to come than there is", {WSC_WS_PAYLOAD, 2, 0, 0, 0x81, 5, [25] = 6}, false},
        {"half a header, and a payload", {WSC_WS_PAYLOAD, 1, 0, 0, 0x81, 5, [25] = 5}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_ws_decoder d = {.offset = 77};
        bool ok = wsc_ws_decoder_load(&d, rows[i].state, 5);
        cr_expect_eq(ok, rows[i].fits, "%s", rows[i].name);
        cr_expect_eq(d.offset, ok ? 5 : 77, "%s", rows[i].name);
    }
}

/* A database may have been made by an enemy: whatever is accepted must be safe to go on with. */
Test(ws_decoder_state, any_bytes)
{
    uint32_t x = 1;
    size_t accepted = 0;
    for (int round = 0; round < 200000; round++) {
        uint8_t state[WSC_WS_DECODER_STATE];
        struct wsc_event_log log;
        struct wsc_ws_decoder d;
        for (size_t i = 0; i < sizeof(state); i++) {
            x = x * 1103515245u + 12345u;
            state[i] = (uint8_t)(x >> 16 & (i < 4              ? 3u
                                            : i < 6            ? 0xffu
                                            : i > 18 && i < 25 ? 0u
                                                               : 0x7fu));
        }
        if (!wsc_ws_decoder_load(&d, state, UINT64_C(1) << 32))
            continue;
        accepted++;
        wsc_event_log_init(&log);
        feed(&d, &log, 0, sizeof(stream));
        wsc_ws_decoder_clear(&d, &wsc_event_log_ws, &log);
        cr_expect_eq(log.lent, 0u);
        wsc_event_log_clear(&log);
    }
    cr_expect_gt(accepted, 1000, "%zu", accepted);
}
