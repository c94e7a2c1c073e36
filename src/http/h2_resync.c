#include "http/h2_resync.h"

#include <string.h>

/* What a chain must say, in bits: 2^-40 is about once in a TiB where bytes come by chance. */
#define ENOUGH 40u
/* Senders flush whole frames, so that spans begin and end with them; of other bytes few do so by
 * chance. A frame that does both suffices, whatever it is. */
#define BEGINS_SPAN 16u
#define ENDS_SPAN   16u
/* A byte that must have a value other than zero, in data where few values are frequent. */
#define EXACT 5u
/* What the first header of a chain must say, unless it begins a span: bytes that look like one, and
 * happen to lead to a true one, would be taken for a frame. */
#define FIRST 12u
/* Headers a chain may have: a walk must end. */
#define STEPS 8u
/* Bytes before and behind a header that tell how frequent zeros are there. */
#define AROUND 32u

static size_t count_zeros(const uint8_t *p, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++)
        zeros += p[i] == 0;
    return zeros;
}

/* What a zero says at |at|, in bits: 1 where they are as frequent as all others, or nothing is
 * known; up to 5 where there are none. */
static uint8_t zero_bits(struct wsc_span d, size_t at)
{
    size_t before = at < AROUND ? at : AROUND;
    size_t behind = at + WSC_H2_HEADER_LEN < d.len ? d.len - at - WSC_H2_HEADER_LEN : 0;
    if (behind > AROUND)
        behind = AROUND;
    size_t zeros = 2 + count_zeros(d.ptr + at - before, before) +
                   (behind > 0 ? count_zeros(d.ptr + at + WSC_H2_HEADER_LEN, behind) : 0);
    uint8_t bits = 1;
    while (bits < 5 && zeros << (bits + 1) <= 4 + before + behind)
        bits++;
    return bits;
}

static unsigned log2_of(size_t n)
{
    unsigned bits = 0;
    while (n >> bits > 1)
        bits++;
    return bits;
}

/* What the header |h|, read as |f|, says: bits for each byte that could not have been another. -1
 * if none would be sent like that. */
static int bits_of(const uint8_t h[WSC_H2_HEADER_LEN], const struct wsc_h2_frame *f, unsigned zero,
                   const struct wsc_h2_resync_rule *rule)
{
    if (!wsc_h2_frame_plausible(f, rule->sender, rule->max_len))
        return -1;
    enum wsc_h2_stream_is is = f->stream != 0 ? rule->stream_is(rule->ctx, f->stream) : WSC_H2_LIVE;
    if (is == WSC_H2_IMPOSSIBLE)
        return -1;
    bool exact = f->type == WSC_H2_PRIORITY || f->type == WSC_H2_RST_STREAM ||
                 f->type == WSC_H2_PING || f->type == WSC_H2_WINDOW_UPDATE;
    /* Almost any small number is a type, and a length; flags have a choice where there are some. */
    unsigned bits = (h[0] == 0 ? zero : 1) + (h[1] == 0 ? zero : 0) + (exact ? EXACT : 0) +
                    (h[3] == 0 ? zero : 1) + (h[4] == 0 ? zero : 1);
    unsigned id = 0;
    for (unsigned i = 5; i < WSC_H2_HEADER_LEN; i++)
        id += h[i] == 0 ? zero : is == WSC_H2_LIVE ? EXACT : 1;
    /* Among many streams an id is soon one of them. */
    unsigned any = is == WSC_H2_LIVE && f->stream != 0 ? log2_of(rule->live) : 0;
    return (int)(bits + (id > any ? id - any : 0));
}

enum walk { BROKEN, GOES_ON, FOUND };

/* True if the header behind |f|, whose payload is at |at| of |d|, lies in |d| and is none. */
static bool next_is_none(struct wsc_span d, size_t at, const struct wsc_h2_frame *f,
                         const struct wsc_h2_resync_rule *rule)
{
    if (d.len - at < WSC_H2_HEADER_LEN || d.len - at - WSC_H2_HEADER_LEN < f->len)
        return false;
    const uint8_t *h = d.ptr + at + f->len;
    struct wsc_h2_frame next = wsc_h2_frame_parse(h);
    return bits_of(h, &next, 0, rule) < 0;
}

/* Follows |c| from |at| to the end of |d|. FOUND: |*frame|, whose payload begins at |*payload|, is
 * its last header. |whole|: it began in |d|, so that its end there tells something. */
static enum walk walk(struct wsc_h2_chain *c, struct wsc_span d, size_t at, bool whole,
                      const struct wsc_h2_resync_rule *rule, struct wsc_h2_frame *frame,
                      size_t *payload)
{
    for (;;) {
        size_t left = d.len - at;
        size_t skip = c->skip < left ? (size_t)c->skip : left;
        c->skip -= skip;
        at += skip;
        left -= skip;
        size_t take = WSC_H2_HEADER_LEN - c->have;
        if (take > left)
            take = left;
        if (take == 0) {
            bool ends = whole && c->skip == 0 && c->steps > 0;
            if (ends)
                c->bits = (uint8_t)(c->bits + ENDS_SPAN);
            return ends && c->bits >= ENOUGH ? FOUND : GOES_ON;
        }
        memcpy(c->header + c->have, d.ptr + at, take);
        c->have = (uint8_t)(c->have + take);
        at += take;
        if (c->have < WSC_H2_HEADER_LEN)
            return GOES_ON;
        *frame = wsc_h2_frame_parse(c->header);
        *payload = at;
        int bits = bits_of(c->header, frame, c->zero, rule);
        bool weak = bits < 0 || (unsigned)bits < FIRST || frame->len == 0;
        if (bits < 0 || (weak && c->steps == 0 && c->bits < BEGINS_SPAN) || ++c->steps > STEPS)
            return BROKEN;
        c->bits = (uint8_t)(c->bits + bits);
        c->have = 0;
        c->skip = frame->len;
        if (c->bits >= ENOUGH)
            return next_is_none(d, at, frame, rule) ? BROKEN : FOUND;
    }
}

/* Whether the bytes, as far as they go, may begin a header: a look that spares most walks. */
static bool may_begin(const uint8_t *p, size_t n, uint32_t max_len)
{
    return p[0] <= max_len >> 16 && (n < 4 || p[3] <= WSC_H2_PRIORITY_UPDATE) &&
           (n < 6 || p[5] < 0x80);
}

/* Keeps |c| for the next span; when there is no room, in place of the one that has least to show
 * and would take longest to show more. */
static void keep(struct wsc_h2_resync *r, const struct wsc_h2_chain *c)
{
    if (r == NULL)
        return;
    if (r->count < WSC_H2_CHAINS) {
        r->chains[r->count++] = *c;
        return;
    }
    struct wsc_h2_chain *worst = &r->chains[0];
    for (unsigned i = 1; i < WSC_H2_CHAINS; i++) {
        struct wsc_h2_chain *o = &r->chains[i];
        if (o->bits < worst->bits || (o->bits == worst->bits && o->skip > worst->skip))
            worst = o;
    }
    if (worst->bits <= c->bits)
        *worst = *c;
}

/* Goes on with the chains of earlier spans. */
static bool go_on(struct wsc_h2_resync *r, struct wsc_span d, const struct wsc_h2_resync_rule *rule,
                  struct wsc_h2_frame *found, size_t *taken)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < r->count; i++) {
        switch (walk(&r->chains[i], d, 0, false, rule, found, taken)) {
        case FOUND:
            return true;
        case GOES_ON:
            r->chains[kept++] = r->chains[i];
            break;
        case BROKEN:
            break;
        }
    }
    r->count = kept;
    return false;
}

/* Tries the headers that begin at |i|. */
static enum walk try_at(struct wsc_h2_chain *c, struct wsc_span d, size_t i,
                        const struct wsc_h2_resync_rule *rule)
{
    struct wsc_h2_frame f;
    size_t payload;
    if (!may_begin(d.ptr + i, d.len - i, rule->max_len))
        return BROKEN;
    *c = (struct wsc_h2_chain){.zero = 1};
    if (d.len - i >= WSC_H2_HEADER_LEN) {
        f = wsc_h2_frame_parse(d.ptr + i);
        if (!wsc_h2_frame_plausible(&f, rule->sender, rule->max_len))
            return BROKEN;
        c->zero = zero_bits(d, i);
        c->bits = i == 0 ? BEGINS_SPAN : 0;
    }
    return walk(c, d, i, true, rule, &f, &payload);
}

bool wsc_h2_resync_feed(struct wsc_h2_resync *r, struct wsc_span d,
                        const struct wsc_h2_resync_rule *rule, struct wsc_h2_frame *found,
                        size_t *taken)
{
    bool carried = r != NULL && go_on(r, d, rule, found, taken);
    size_t end = !carried ? d.len : *taken > WSC_H2_HEADER_LEN ? *taken - WSC_H2_HEADER_LEN : 0;
    for (size_t i = 0; i < end; i++) {
        struct wsc_h2_chain c;
        switch (try_at(&c, d, i, rule)) {
        case FOUND:
            *found = wsc_h2_frame_parse(d.ptr + i);
            *taken = i + WSC_H2_HEADER_LEN;
            return true;
        case GOES_ON:
            keep(r, &c);
            break;
        case BROKEN:
            break;
        }
    }
    return carried;
}

void wsc_h2_resync_gap(struct wsc_h2_resync *r, uint64_t n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < r->count; i++) {
        struct wsc_h2_chain *c = &r->chains[i];
        if (c->have == 0 && c->skip >= n) {
            c->skip -= n;
            r->chains[kept++] = *c;
        }
    }
    r->count = kept;
}
