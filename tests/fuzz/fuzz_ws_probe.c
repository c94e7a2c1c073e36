/* Aimed at wsc_ws_probe_feed(). The input is a list of segments: 1 byte with its length (bit 7: a
 * hole of 1 + the next byte before it), then its bytes. What it believes to be frames, the decoder
 * must read as frames: no violation but those of the mask. */
#include "ws/ws_probe.h"

#include "support/event_log.h"
#include "ws/ws_decoder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* The decoder that follows the run. */
struct follower {
    struct wsc_ws_decoder dec;
    uint64_t start;
    bool going;
};

static void on_violation(void *ctx, enum wsc_rule rule)
{
    (void)ctx;
    /* A run may begin inside a message, and a Close is followed by nothing. */
    must(rule == WSC_RULE_UNMASKED_CLIENT_FRAME || rule == WSC_RULE_UNEXPECTED_CONTINUATION);
}

static void on_lost(void *ctx, uint64_t at)
{
    (void)ctx;
    (void)at;
    abort();
}

static const struct wsc_ws_ops ops = {.on_violation = on_violation, .on_lost = on_lost};

/* Feeds the decoder what the probe took for frames, so that both stand at the same frame. */
static void follow(struct follower *f, const struct wsc_ws_probe *p, struct wsc_span s,
                   uint64_t off)
{
    if (p->bits == 0) {
        f->going = false;
        return;
    }
    if (!f->going || f->start != p->start) {
        must(p->start == off); /* a run starts with a segment */
        bool masked = wsc_ws_probe_sender(p) != WSC_SIDE_SERVER;
        wsc_ws_decoder_init(&f->dec, masked ? WSC_DIR_C2S : WSC_DIR_S2C, WSC_WS_EXT_UNKNOWN, off);
        f->going = true;
        f->start = off;
    }
    if (off > f->dec.offset)
        must(wsc_ws_decoder_gap(&f->dec, off - f->dec.offset, &ops, NULL));
    wsc_ws_decoder_feed(&f->dec, s, &ops, NULL);
    uint64_t here = f->dec.offset;
    must(f->dec.state != WSC_WS_PAYLOAD || p->next == here + f->dec.left);
    must(f->dec.state != WSC_WS_HEADER || p->next == here - f->dec.have);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsc_ws_probe p;
    struct follower f = {.going = false};
    uint64_t off = 100;
    wsc_ws_probe_init(&p);
    for (size_t at = 0; at < size;) {
        size_t n = data[at] & 0x7f;
        bool hole = (data[at++] & 0x80) != 0;
        if (hole && at < size)
            off += 1u + data[at++];
        n = n < size - at ? n : size - at;
        uint8_t *exact = malloc(n + (n == 0));
        memcpy(exact, data + at, n);
        struct wsc_span s = {.ptr = exact, .len = n};
        unsigned before = p.bits, bits = wsc_ws_probe_feed(&p, s, off);
        must(bits == p.bits && p.have < sizeof(p.header) && (n > 0 || bits == before));
        must((bits > 0) || wsc_ws_probe_sender(&p) == WSC_SIDE_NONE);
        if (n > 0)
            follow(&f, &p, s, off);
        free(exact);
        at += n;
        off += n;
    }
    return 0;
}
