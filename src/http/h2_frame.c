#include "http/h2_frame.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "http/h2_resync.h"

#include <string.h>

/* Headers after a resync that must look right; framing is lost again at the first that does not. */
#define UNPROVEN 8u

struct wsc_h2_frame wsc_h2_frame_parse(const uint8_t h[WSC_H2_HEADER_LEN])
{
    return (struct wsc_h2_frame){
        .len = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2],
        .type = h[3],
        .flags = h[4],
        .stream = wsc_be32(h + 5) & UINT32_C(0x7fffffff),
        .reserved = (h[5] & 0x80) != 0,
    };
}

/* RFC 9113 6, RFC 7838 4, RFC 8336 2, RFC 9218 7.1. */
bool wsc_h2_frame_plausible(const struct wsc_h2_frame *f, enum wsc_dir sender, uint32_t max_len)
{
    enum { NONE = 1, SOME = 2 }; /* stream 0, any other */
    static const struct {
        bool known, exact; /* exact: |least| is the length */
        uint8_t least, flags, streams;
    } kinds[] = {
        [WSC_H2_DATA] = {true, false, 0, WSC_H2_END_STREAM | WSC_H2_PADDED, SOME},
        [WSC_H2_HEADERS] = {true, false, 1,
                            WSC_H2_END_STREAM | WSC_H2_END_HEADERS | WSC_H2_PADDED | WSC_H2_PRIO,
                            SOME},
        [WSC_H2_PRIORITY] = {true, true, 5, 0, SOME},
        [WSC_H2_RST_STREAM] = {true, true, 4, 0, SOME},
        [WSC_H2_SETTINGS] = {true, false, 0, WSC_H2_ACK, NONE},
        [WSC_H2_PUSH_PROMISE] = {true, false, 5, WSC_H2_END_HEADERS | WSC_H2_PADDED, SOME},
        [WSC_H2_PING] = {true, true, 8, WSC_H2_ACK, NONE},
        [WSC_H2_GOAWAY] = {true, false, 8, 0, NONE},
        [WSC_H2_WINDOW_UPDATE] = {true, true, 4, 0, NONE | SOME},
        [WSC_H2_CONTINUATION] = {true, false, 1, WSC_H2_END_HEADERS, SOME},
        [WSC_H2_ALTSVC] = {true, false, 2, 0, NONE | SOME},
        [WSC_H2_ORIGIN] = {true, false, 2, 0, NONE},
        [WSC_H2_PRIORITY_UPDATE] = {true, false, 4, 0, NONE},
    };
    if (f->type >= sizeof(kinds) / sizeof(kinds[0]) || !kinds[f->type].known)
        return false;
    unsigned least = kinds[f->type].least;
    if (f->type == WSC_H2_DATA || f->type == WSC_H2_HEADERS || f->type == WSC_H2_PUSH_PROMISE)
        least += (f->flags & WSC_H2_PADDED ? 1u : 0u);
    if (f->type == WSC_H2_HEADERS && (f->flags & WSC_H2_PRIO))
        least += 5;
    if (f->len < least || f->len > (kinds[f->type].exact ? least : max_len))
        return false;
    if (f->type == WSC_H2_SETTINGS && (f->len % 6 != 0 || (f->len != 0 && (f->flags & WSC_H2_ACK))))
        return false;
    if (f->type == WSC_H2_PUSH_PROMISE && sender != WSC_DIR_S2C)
        return false;
    return !f->reserved && !(f->flags & ~(unsigned)kinds[f->type].flags) &&
           (kinds[f->type].streams & (f->stream == 0 ? NONE : SOME));
}

void wsc_h2_framer_init(struct wsc_h2_framer *f, enum wsc_dir sender, bool begins)
{
    *f = (struct wsc_h2_framer){
        .sender = (uint8_t)sender, .max_len = WSC_H2_FRAME_MAX, .missed = !begins};
    f->state = !begins                 ? WSC_H2_LOOKING
               : sender == WSC_DIR_C2S ? WSC_H2_AT_PREFACE
                                       : WSC_H2_AT_SETTINGS;
}

void wsc_h2_framer_clear(struct wsc_h2_framer *f)
{
    wsc_free(f->resync);
    f->resync = NULL;
}

size_t wsc_h2_framer_held(const struct wsc_h2_framer *f)
{
    return f->resync != NULL ? sizeof(*f->resync) : 0;
}

static void lose(struct wsc_h2_framer *f, const struct wsc_h2_frame_ops *ops, void *ctx)
{
    f->state = WSC_H2_LOOKING;
    f->have = 0;
    f->missed = true;
    ops->on_lost(ctx);
}

static size_t take_preface(struct wsc_h2_framer *f, const uint8_t *p, size_t n)
{
    size_t take = WSC_H2_PREFACE_LEN - f->have;
    if (take > n)
        take = n;
    if (memcmp(p, &WSC_H2_PREFACE[f->have], take) != 0) {
        f->state = WSC_H2_REFUSED;
        return 0;
    }
    f->have = (uint8_t)(f->have + take);
    if (f->have == WSC_H2_PREFACE_LEN) {
        f->state = WSC_H2_AT_HEADER;
        f->have = 0;
    }
    return take;
}

static void end_frame(struct wsc_h2_framer *f, const struct wsc_h2_frame_ops *ops, void *ctx)
{
    f->state = WSC_H2_AT_HEADER;
    ops->on_frame_end(ctx, &f->frame);
}

static void begin_frame(struct wsc_h2_framer *f, const struct wsc_h2_frame_ops *ops, void *ctx)
{
    bool strict = f->unproven > 0;
    uint32_t max_len = f->missed && !strict ? WSC_H2_FRAME_CEILING : f->max_len;
    bool plausible = wsc_h2_frame_plausible(&f->frame, (enum wsc_dir)f->sender, max_len);
    if (!plausible && (strict || f->frame.len > f->max_len)) {
        lose(f, ops, ctx);
        return;
    }
    if (strict)
        f->unproven--;
    f->at = 0;
    f->state = WSC_H2_IN_PAYLOAD;
    ops->on_frame(ctx, &f->frame);
    if (f->frame.len == 0)
        end_frame(f, ops, ctx);
}

static size_t take_header(struct wsc_h2_framer *f, const uint8_t *p, size_t n,
                          const struct wsc_h2_frame_ops *ops, void *ctx)
{
    size_t take = WSC_H2_HEADER_LEN - f->have;
    if (take > n)
        take = n;
    memcpy(f->header + f->have, p, take);
    f->have = (uint8_t)(f->have + take);
    if (f->have < WSC_H2_HEADER_LEN)
        return take;
    f->have = 0;
    f->here = p + take;
    f->frame = wsc_h2_frame_parse(f->header);
    if (f->state == WSC_H2_AT_SETTINGS &&
        !(f->frame.type == WSC_H2_SETTINGS && !(f->frame.flags & WSC_H2_ACK) &&
          wsc_h2_frame_plausible(&f->frame, (enum wsc_dir)f->sender, f->max_len))) {
        f->state = WSC_H2_REFUSED;
        return 0;
    }
    begin_frame(f, ops, ctx);
    return take;
}

static size_t take_payload(struct wsc_h2_framer *f, const uint8_t *p, size_t n,
                           const struct wsc_h2_frame_ops *ops, void *ctx)
{
    size_t take = f->frame.len - f->at;
    if (take > n)
        take = n;
    uint32_t at = f->at;
    f->at += (uint32_t)take;
    f->here = p + take;
    ops->on_payload(ctx, &f->frame, at, (struct wsc_span){.ptr = p, .len = take});
    if (f->at == f->frame.len)
        end_frame(f, ops, ctx);
    return take;
}

static size_t look(struct wsc_h2_framer *f, const uint8_t *p, size_t n,
                   const struct wsc_h2_frame_ops *ops, void *ctx)
{
    const struct wsc_h2_resync_rule rule = {.sender = (enum wsc_dir)f->sender,
                                            .max_len = f->max_len,
                                            .stream_is = ops->stream_is,
                                            .live = ops->live(ctx),
                                            .ctx = ctx};
    size_t taken;
    if (f->resync == NULL)
        f->resync = wsc_calloc(1, sizeof(*f->resync));
    if (!wsc_h2_resync_feed(f->resync, (struct wsc_span){.ptr = p, .len = n}, &rule, &f->frame,
                            &taken))
        return n;
    wsc_h2_framer_clear(f);
    f->unproven = UNPROVEN;
    f->here = p + taken;
    begin_frame(f, ops, ctx);
    return taken;
}

bool wsc_h2_framer_feed(struct wsc_h2_framer *f, struct wsc_span data,
                        const struct wsc_h2_frame_ops *ops, void *ctx)
{
    const uint8_t *p = data.ptr;
    for (size_t n = data.len; n > 0;) {
        size_t took = 0;
        switch ((enum wsc_h2_framer_state)f->state) {
        case WSC_H2_AT_PREFACE:
            took = take_preface(f, p, n);
            break;
        case WSC_H2_AT_SETTINGS:
        case WSC_H2_AT_HEADER:
            took = take_header(f, p, n, ops, ctx);
            break;
        case WSC_H2_IN_PAYLOAD:
            took = take_payload(f, p, n, ops, ctx);
            break;
        case WSC_H2_LOOKING:
            took = look(f, p, n, ops, ctx);
            break;
        case WSC_H2_REFUSED:
            break;
        }
        if (f->state == WSC_H2_REFUSED)
            return false;
        p += took;
        n -= took;
    }
    return f->state != WSC_H2_REFUSED;
}

void wsc_h2_framer_gap(struct wsc_h2_framer *f, uint64_t n, const struct wsc_h2_frame_ops *ops,
                       void *ctx)
{
    if (n > 0 && f->state == WSC_H2_IN_PAYLOAD) {
        uint32_t at = f->at, take = f->frame.len - at;
        if (take > n)
            take = (uint32_t)n;
        f->at += take;
        n -= take;
        ops->on_missing(ctx, &f->frame, at, take);
        if (f->at == f->frame.len)
            end_frame(f, ops, ctx);
    } else if (f->state == WSC_H2_AT_PREFACE && n <= WSC_H2_PREFACE_LEN - f->have) {
        f->have = (uint8_t)(f->have + n);
        n = 0;
        if (f->have == WSC_H2_PREFACE_LEN) {
            f->state = WSC_H2_AT_HEADER;
            f->have = 0;
        }
    }
    if (n == 0 || f->state == WSC_H2_REFUSED)
        return;
    if (f->state != WSC_H2_LOOKING)
        lose(f, ops, ctx);
    else if (f->resync != NULL)
        wsc_h2_resync_gap(f->resync, n);
}
