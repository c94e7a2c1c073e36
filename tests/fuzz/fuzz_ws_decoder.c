/* Aimed at wsc_ws_decoder_feed(), _gap() and _resync().
 * Byte 0: bit 0 sender, bits 1-2 extensions, bit 3 no scratch to be had, bit 4 a gap, bit 5 resync
 * after it, bit 6 peek. Byte 1: seed of the pieces. Bytes 2-3: where the gap starts. Bytes 4-5: its
 * length. The rest is the stream. */
#include "ws/ws_decoder.h"

#include "support/event_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES 6u

/* Watches that events come in order and that every byte is accounted for. */
struct watch {
    struct wsc_event_log log;
    const struct wsc_ws_decoder *dec;
    uint64_t expected;                /* where the next frame must start */
    uint64_t header_len, payload_len; /* of the frame under way */
    uint64_t start;
    bool started, framed, lost;
    unsigned rules; /* seen for this frame */
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

static void on_start(void *ctx, uint64_t start)
{
    struct watch *w = ctx;
    must(!w->started && !w->lost && start == w->expected);
    w->started = true;
    w->framed = false;
    w->rules = 0;
    w->start = start;
    wsc_event_log_ws.on_start(&w->log, start);
}

static void on_frame(void *ctx, const struct wsc_ws_frame *f)
{
    struct watch *w = ctx;
    must(w->started && !w->framed && f->start == w->start);
    must(f->payload_len <= INT64_MAX && f->opcode < 16 && f->rsv < 8);
    uint64_t header = w->dec->offset - f->start;
    must(header - (f->masked ? 4 : 0) == 2 || header - (f->masked ? 4 : 0) == 4 ||
         header - (f->masked ? 4 : 0) == 10);
    w->header_len = header;
    w->framed = true;
    w->payload_len = f->payload_len;
    wsc_event_log_ws.on_frame(&w->log, f);
}

/* Header and payload, missing bytes included, reach exactly to where the decoder stands. */
static void end(struct watch *w, const struct wsc_ws_frame *f)
{
    must(w->started && w->framed && f->start == w->start && f->payload_len == w->payload_len);
    must(w->dec->offset == f->start + w->header_len + f->payload_len);
    w->expected = w->dec->offset;
    w->started = false;
}

static void on_frame_end(void *ctx, const struct wsc_ws_frame *f, bool missing)
{
    struct watch *w = ctx;
    end(w, f);
    wsc_event_log_ws.on_frame_end(&w->log, f, missing);
}

static void on_control(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload,
                       bool missing)
{
    struct watch *w = ctx;
    end(w, f);
    must(f->opcode >= WSC_WS_CLOSE && f->opcode <= WSC_WS_PONG);
    must(payload.len <= WSC_WS_CONTROL_KEPT && payload.len <= f->payload_len);
    must(missing || w->log.no_blocks || payload.len == f->payload_len ||
         payload.len == WSC_WS_CONTROL_KEPT);
    wsc_event_log_ws.on_control(&w->log, f, payload, missing);
}

static void on_peek(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload)
{
    struct watch *w = ctx;
    must(w->started && w->framed && f->start == w->start && f->rsv == 0);
    must(f->opcode == WSC_WS_TEXT || f->opcode == WSC_WS_BINARY);
    must(payload.len <= WSC_WS_CONTROL_KEPT && payload.len <= f->payload_len);
    wsc_event_log_ws.on_peek(&w->log, f, payload);
}

static void on_violation(void *ctx, enum wsc_rule rule)
{
    struct watch *w = ctx;
    must(w->framed && !(w->rules & 1u << rule));
    w->rules |= 1u << rule;
    wsc_event_log_ws.on_violation(&w->log, rule);
}

static void on_lost(void *ctx, uint64_t at)
{
    struct watch *w = ctx;
    must(!w->lost && at == w->expected);
    w->lost = true;
    w->started = false;
    wsc_event_log_ws.on_lost(&w->log, at);
}

static uint8_t *borrow(void *ctx)
{
    struct watch *w = ctx;
    must(w->log.lent == 0);
    return wsc_event_log_ws.borrow(&w->log);
}

static void release(void *ctx, uint8_t *block)
{
    struct watch *w = ctx;
    wsc_event_log_ws.release(&w->log, block);
}

static const struct wsc_ws_ops ops = {.on_start = on_start,
                                      .on_frame = on_frame,
                                      .on_frame_end = on_frame_end,
                                      .on_control = on_control,
                                      .on_peek = on_peek,
                                      .on_violation = on_violation,
                                      .on_lost = on_lost,
                                      .borrow = borrow,
                                      .release = release};

/* |pieces| 0: all at once. */
static void feed(struct wsc_ws_decoder *d, struct watch *w, const uint8_t *p, size_t n,
                 unsigned pieces)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at;
        if (pieces != 0) {
            pieces = pieces * 1103515245u + 12345u;
            size_t most = 1 + (pieces >> 16 & 31u);
            take = most < take ? most : take;
        }
        uint8_t *exact = malloc(take);
        memcpy(exact, p + at, take);
        uint64_t before = d->offset;
        wsc_ws_decoder_feed(d, (struct wsc_span){.ptr = exact, .len = take}, &ops, w);
        must(d->offset == before + take);
        must(d->state == WSC_WS_PAYLOAD || d->scratch == NULL);
        free(exact);
        at += take;
    }
}

static void run(const uint8_t *data, size_t size, unsigned pieces, struct watch *w)
{
    const uint8_t *p = data + CHOICES;
    size_t n = size - CHOICES, at = n;
    struct wsc_ws_decoder d;
    *w = (struct watch){.dec = &d, .expected = 7};
    wsc_event_log_init(&w->log);
    w->log.no_blocks = (data[0] & 8) != 0;
    wsc_ws_decoder_init(&d, data[0] & 1 ? WSC_DIR_S2C : WSC_DIR_C2S,
                        (enum wsc_ws_extensions)((data[0] >> 1 & 3u) % 3u), 7);
    wsc_ws_decoder_peek(&d, (data[0] & 64) != 0);
    if (data[0] & 16)
        at = (size_t)(data[2] << 8 | data[3]) % (n + 1);
    feed(&d, w, p, at, pieces);
    uint64_t gap = (uint64_t)(data[4] << 8 | data[5]);
    if (data[0] & 16) {
        bool goes_on = wsc_ws_decoder_gap(&d, gap, &ops, w);
        must(d.offset == 7 + at + gap);
        must(goes_on == (gap == 0 || !w->lost));
        if (w->lost && (data[0] & 32)) {
            wsc_ws_decoder_resync(&d);
            w->lost = false;
            w->expected = d.offset;
        }
    }
    feed(&d, w, p + at, n - at, pieces);
    must(wsc_ws_decoder_at_boundary(&d) == (!w->started && !w->lost));
    wsc_ws_decoder_clear(&d, &ops, w);
    must(w->log.lent == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICES)
        return 0;
    struct watch whole, split;
    run(data, size, 0, &whole);
    run(data, size, 1u + data[1], &split);
    /* Without scratch a frame keeps its payload only when it comes whole. */
    must((data[0] & 8) || strcmp(whole.log.text, split.log.text) == 0);
    wsc_event_log_clear(&whole.log);
    wsc_event_log_clear(&split.log);
    return 0;
}
