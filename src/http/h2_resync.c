#include "http/h2_resync.h"

#include <string.h>

/* Points of a chain that suffice. A header gives at most 2. */
#define NEEDED 3u
/* Headers that a chain may have without getting there: empty frames count nothing, and a walk must
 * end. */
#define STEPS 8u

/* What a header is worth, or -1 if none would be sent like that. Zeros are common in all data: an
 * empty frame says nothing. A length that its type demands, or a stream known to be in use, is
 * worth as much again as the rest. */
static int points(const struct wsc_h2_frame *f, const struct wsc_h2_resync_rule *rule)
{
    if (!wsc_h2_frame_plausible(f, rule->sender, rule->max_len))
        return -1;
    enum wsc_h2_stream_is is =
        f->stream != 0 ? rule->stream_is(rule->ctx, f->stream) : WSC_H2_POSSIBLE;
    if (is == WSC_H2_IMPOSSIBLE)
        return -1;
    if (f->len == 0)
        return is == WSC_H2_LIVE ? 1 : 0;
    bool exact = f->type == WSC_H2_PRIORITY || f->type == WSC_H2_RST_STREAM ||
                 f->type == WSC_H2_PING || f->type == WSC_H2_WINDOW_UPDATE;
    return is == WSC_H2_LIVE || exact ? 2 : 1;
}

enum walk { BROKEN, GOES_ON, FOUND };

/* Follows |c| from |at| to the end of |d|. FOUND: |*frame|, whose payload begins at |*payload|, is
 * its last header. |whole|: it began in |d|, so that its end there tells something. */
static enum walk walk(struct wsc_h2_chain *c, struct wsc_span d, size_t at, bool whole,
                      const struct wsc_h2_resync_rule *rule, struct wsc_h2_frame *frame,
                      size_t *payload)
{
    for (;;) {
        size_t left = d.len - at;
        if (c->skip > 0 && c->skip >= left) {
            c->skip -= left;
            return whole && c->skip == 0 && c->points + 1u >= NEEDED ? FOUND : GOES_ON;
        }
        at += (size_t)c->skip;
        left -= (size_t)c->skip;
        c->skip = 0;
        size_t take = WSC_H2_HEADER_LEN - c->have;
        if (take > left)
            take = left;
        memcpy(c->header + c->have, d.ptr + at, take);
        c->have = (uint8_t)(c->have + take);
        at += take;
        if (c->have < WSC_H2_HEADER_LEN)
            return c->have == 0 && whole && c->points + 1u >= NEEDED ? FOUND : GOES_ON;
        *frame = wsc_h2_frame_parse(c->header);
        *payload = at;
        int worth = points(frame, rule);
        if (worth < 0 || ++c->steps > STEPS)
            return BROKEN;
        c->points = (uint8_t)(c->points + worth);
        c->have = 0;
        c->skip = frame->len;
        if (c->points >= NEEDED)
            return FOUND;
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
        if (o->points < worst->points || (o->points == worst->points && o->skip > worst->skip))
            worst = o;
    }
    if (worst->points <= c->points)
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

bool wsc_h2_resync_feed(struct wsc_h2_resync *r, struct wsc_span d,
                        const struct wsc_h2_resync_rule *rule, struct wsc_h2_frame *found,
                        size_t *taken)
{
    if (r != NULL && go_on(r, d, rule, found, taken))
        return true;
    for (size_t i = 0; i < d.len; i++) {
        if (!may_begin(d.ptr + i, d.len - i, rule->max_len))
            continue;
        /* Senders flush whole frames: a header at the start of a span is likelier to be one. */
        struct wsc_h2_chain c = {.points = i == 0 && d.len >= WSC_H2_HEADER_LEN};
        switch (walk(&c, d, i, true, rule, found, taken)) {
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
    return false;
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
