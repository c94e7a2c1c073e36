#include <wsclose/story.h>

#include "engine/analyzer_inside.h"
#include "engine/conv_trace.h"

#include "base/alloc.h"

#include <string.h>

/* A text that an event points to. */
struct note {
    struct note *next;
    uint8_t bytes[];
};

/* What a direction was before the packet at hand. */
struct before {
    uint64_t rst_ref;
    uint32_t end_seq, retransmitted;
    uint8_t flags;
    bool begun; /* bytes of it were seen */
};

/* A frame that has begun. */
struct open_frame {
    uint64_t ns; /* of its first byte; 0: none has begun */
    bool whole_head;
    uint8_t broken; /* rules, as told since its header */
    struct wsc_story_event head;
};

struct wsc_story {
    struct wsc_story_options opt;
    struct wsc_analyzer *an;
    struct wsc_trace trace;
    struct wsc_flow_key key; /* its tunnel is not looked at */
    enum wsc_way client;
    struct wsc_closure *record;
    struct wsc_story_event *events;
    size_t len, cap;
    uint64_t left_out;
    struct note *notes;
    size_t notes_bytes;
    uint64_t first_ref; /* the conversation's that it is about */
    bool over;          /* what comes is the next connection's, on the same ports */
    /* The packet at hand, and those before it. Indexes are enum wsc_way. */
    uint64_t now_ns;
    uint64_t told_ref[2]; /* the packet of which something was told */
    struct before before[2];
    uint32_t stale;
    struct open_frame open[2];
    bool hello[2], closed_window[2];
};

static enum wsc_dir dir_of(const struct wsc_story *st, enum wsc_way way)
{
    return way == st->client ? WSC_DIR_C2S : WSC_DIR_S2C;
}

static bool is_ours(const struct wsc_story *st, const struct wsc_conv *c)
{
    const struct wsc_flow_key *k = &c->node.key;
    return !st->over && memcmp(k->addr, st->key.addr, sizeof(k->addr)) == 0 &&
           memcmp(k->port, st->key.port, sizeof(k->port)) == 0 &&
           wsc_flow_family(k) == wsc_flow_family(&st->key);
}

/* ---- keeping ---- */

/* Makes room for one more; false: there is none, and it is counted. */
static bool make_room(struct wsc_story *st)
{
    if (st->len < st->cap)
        return true;
    if (st->cap < st->opt.max_events) {
        size_t cap = st->cap != 0 ? st->cap * 2 : 256;
        cap = cap < st->opt.max_events ? cap : st->opt.max_events;
        struct wsc_story_event *grown = wsc_realloc(st->events, cap * sizeof(*grown));
        if (grown != NULL) {
            st->events = grown;
            st->cap = cap;
            return true;
        }
    }
    if (st->len <= WSC_STORY_FIRST) {
        st->left_out++;
        return false;
    }
    /* Not one by one: that would move all of them each time. */
    size_t drop = (st->len - WSC_STORY_FIRST + 3) / 4;
    st->left_out += drop;
    st->len -= drop;
    memmove(st->events + WSC_STORY_FIRST, st->events + WSC_STORY_FIRST + drop,
            (st->len - WSC_STORY_FIRST) * sizeof(*st->events));
    return true;
}

static void keep_text(struct wsc_story *st, struct wsc_span *text)
{
    struct wsc_span s = *text;
    *text = (struct wsc_span){0};
    struct note *n;
    size_t bytes = sizeof(*n) + s.len;
    if (s.ptr == NULL || bytes > WSC_STORY_TEXT_MAX - st->notes_bytes)
        return;
    n = wsc_alloc(bytes + 1);
    if (n == NULL)
        return;
    if (s.len > 0)
        memcpy(n->bytes, s.ptr, s.len);
    n->next = st->notes;
    st->notes = n;
    st->notes_bytes += bytes;
    *text = (struct wsc_span){.ptr = n->bytes, .len = s.len};
}

/* The rules that a frame broke are told when its header is read: they stand behind it. */
static size_t place_of(struct wsc_story *st, enum wsc_way way, const struct wsc_story_event *ev)
{
    size_t at = st->len, n = st->open[way].broken;
    if (ev->kind != WSC_STORY_FRAME)
        return at;
    for (; n > 0 && at > 0 && st->events[at - 1].kind == WSC_STORY_VIOLATION &&
           st->events[at - 1].dir == ev->dir && st->events[at - 1].packet == ev->packet;
         n--)
        at--;
    return at;
}

static void push(struct wsc_story *st, enum wsc_way way, struct wsc_story_event ev)
{
    if (!make_room(st))
        return;
    ev.dir = (uint8_t)dir_of(st, way);
    keep_text(st, &ev.text);
    if (ev.ts_ns == 0) /* when the end of it all is known: the last packet stands for it */
        ev.ts_ns = ev.since_ns = st->now_ns;
    size_t at = place_of(st, way, &ev);
    if (ev.kind == WSC_STORY_VIOLATION && st->open[way].broken < UINT8_MAX)
        st->open[way].broken++;
    memmove(st->events + at + 1, st->events + at, (st->len - at) * sizeof(*st->events));
    st->events[at] = ev;
    st->len++;
}

/* ---- what the engine tells ---- */

static void on_event(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                     const struct wsc_story_event *told)
{
    struct wsc_story *st = ctx;
    struct wsc_story_event ev = *told;
    /* Stragglers are told, the next connection is not: the engine knows it also by what it asks. */
    st->over |= ev.kind == WSC_STORY_REQUEST && c->first_ref != st->first_ref && is_ours(st, c);
    if (!is_ours(st, c))
        return;
    st->told_ref[way] = ev.packet;
    if (stream != WSC_TRACE_ALL && stream != st->opt.stream_id)
        return;
    if (ev.kind == WSC_STORY_FRAME) {
        struct open_frame *o = &st->open[way];
        if (o->ns != 0 && (o->ns < ev.ts_ns || ev.ts_ns == 0))
            ev.since_ns = o->ns;
    }
    if (ev.kind == WSC_STORY_HELLO) {
        if (st->hello[way])
            return;
        st->hello[way] = true;
    }
    for (size_t i = st->len; ev.ts_ns == 0 && ev.packet != 0 && i-- > 0;)
        if (st->events[i].packet == ev.packet)
            ev.ts_ns = ev.since_ns = st->events[i].ts_ns;
    push(st, way, ev);
    if (ev.kind == WSC_STORY_FRAME)
        st->open[way] = (struct open_frame){0};
}

static void on_frame_start(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                           const struct wsc_tcp_at *at)
{
    struct wsc_story *st = ctx;
    if (is_ours(st, c) && stream == st->opt.stream_id)
        st->open[way] = (struct open_frame){.ns = at->ts_ns};
}

static void on_frame_head(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                          const struct wsc_story_event *ev)
{
    struct wsc_story *st = ctx;
    if (!is_ours(st, c) || stream != st->opt.stream_id)
        return;
    st->open[way].whole_head = true;
    st->open[way].broken = 0;
    st->open[way].head = *ev;
}

static void on_frames_over(void *ctx, const struct wsc_conv *c, uint32_t stream)
{
    struct wsc_story *st = ctx;
    if (!is_ours(st, c) || stream != st->opt.stream_id)
        return;
    for (int w = 0; w < 2; w++) {
        struct open_frame *o = &st->open[w];
        if (o->ns != 0 && o->whole_head) {
            o->head.unfinished = true;
            o->head.since_ns = o->ns;
            push(st, (enum wsc_way)w, o->head);
        }
        *o = (struct open_frame){0};
    }
}

/* ---- packets ---- */

static void before_packet(void *ctx, const struct wsc_conv *c)
{
    struct wsc_story *st = ctx;
    if (!is_ours(st, c))
        return;
    if (st->first_ref == 0)
        st->first_ref = c->first_ref;
    const struct wsc_tcp_resets *resets = wsc_tcp_resets(&c->tcp);
    for (int w = 0; w < 2; w++) {
        const struct wsc_tcp_dir *d = &c->tcp.dir[w];
        st->before[w] = (struct before){.rst_ref = resets->rst[w].at.ref,
                                        .end_seq = d->end_seq,
                                        .retransmitted = d->retransmitted,
                                        .flags = d->flags,
                                        .begun = d->end_seq != d->seq0 || d->next_off > 0};
        st->told_ref[w] = 0;
    }
    st->stale = resets->stale_count;
}

static void push_tcp(struct wsc_story *st, enum wsc_way way, const struct wsc_packet_view *v,
                     struct wsc_story_event ev)
{
    ev.ts_ns = ev.since_ns = v->ts_ns;
    ev.packet = v->ref;
    ev.code = WSC_UNKNOWN;
    push(st, way, ev);
}

static bool is_probe(const struct before *b, const struct wsc_packet_view *v)
{
    return (v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_FIN | WSC_TCP_RST)) == 0 && b->begun &&
           v->payload_wire_len <= 1 && v->seq + 1 == b->end_seq;
}

static void tell_window(struct wsc_story *st, enum wsc_way way, const struct wsc_packet_view *v)
{
    bool closed = v->window == 0;
    if ((v->tcp_flags & (WSC_TCP_SYN | WSC_TCP_RST)) != 0)
        return;
    if (closed && !st->closed_window[way])
        push_tcp(st, way, v, (struct wsc_story_event){.kind = WSC_STORY_WINDOW_ZERO});
    else if (!closed && st->closed_window[way])
        push_tcp(st, way, v,
                 (struct wsc_story_event){.kind = WSC_STORY_WINDOW_OPEN, .len = v->window});
    st->closed_window[way] = closed;
}

/* An RST that was believed, and is no longer; nor are those that repeated it. */
static void take_back(struct wsc_story *st, const struct wsc_tcp_resets *resets)
{
    for (int w = 0; w < 2; w++) {
        uint64_t ref = st->before[w].rst_ref;
        if (ref == 0 || resets->rst[w].at.ref == ref)
            continue;
        enum wsc_dir d = dir_of(st, (enum wsc_way)w);
        for (size_t i = st->len; i-- > 0;) {
            struct wsc_story_event *ev = &st->events[i];
            ev->ignored |= ev->kind == WSC_STORY_RST && ev->dir == d;
            if (ev->kind == WSC_STORY_RST && ev->packet == ref)
                break;
        }
    }
}

/* New bytes that no layer has a word for: those of a handshake, or that cannot be read. */
static void tell_bytes(struct wsc_story *st, const struct wsc_conv *c, enum wsc_way way,
                       const struct wsc_packet_view *v)
{
    bool tls = c->inner != NULL && c->inner->tls != NULL;
    bool framed = c->ws != NULL && c->ws->handshake != WSC_EV_ENCRYPTED;
    if (st->told_ref[way] == v->ref || framed || (c->inner != NULL && c->inner->h2 != NULL))
        return;
    push_tcp(st, way, v,
             (struct wsc_story_event){.kind = tls ? WSC_STORY_ENCRYPTED : WSC_STORY_DATA,
                                      .len = v->payload_wire_len});
}

static void after_packet(void *ctx, const struct wsc_conv *c, enum wsc_way way,
                         const struct wsc_packet_view *v, enum wsc_tcp_result r)
{
    struct wsc_story *st = ctx;
    if (r == WSC_TCP_RESTART || !is_ours(st, c))
        return;
    const struct before *b = &st->before[way];
    const struct wsc_tcp_resets *resets = wsc_tcp_resets(&c->tcp);
    unsigned flags = v->tcp_flags;
    st->now_ns = v->ts_ns;
    if (flags & WSC_TCP_SYN)
        push_tcp(st, way, v,
                 (struct wsc_story_event){.kind = flags & WSC_TCP_ACK ? WSC_STORY_SYN_ACK
                                                                      : WSC_STORY_SYN,
                                          .again = (b->flags & WSC_TCP_SYN_SEEN) != 0});
    if (is_probe(b, v))
        push_tcp(st, way, v, (struct wsc_story_event){.kind = WSC_STORY_PROBE});
    else if (c->tcp.dir[way].retransmitted != b->retransmitted)
        push_tcp(st, way, v,
                 (struct wsc_story_event){.kind = WSC_STORY_AGAIN, .len = v->payload_wire_len});
    else if (v->payload_wire_len > 0 && !(flags & WSC_TCP_RST))
        tell_bytes(st, c, way, v);
    if ((flags & WSC_TCP_FIN) && !(flags & WSC_TCP_RST))
        push_tcp(st, way, v,
                 (struct wsc_story_event){.kind = WSC_STORY_FIN,
                                          .again = (b->flags & WSC_TCP_FIN_SEEN) != 0});
    if (flags & WSC_TCP_RST)
        push_tcp(st, way, v,
                 (struct wsc_story_event){.kind = WSC_STORY_RST,
                                          .ignored = resets->rst[way].at.ref != v->ref &&
                                                     resets->stale_count != st->stale});
    take_back(st, resets);
    tell_window(st, way, v);
}

/* ---- the whole ---- */

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct wsc_story *st = ctx;
    if (st->record == NULL && rec->stream_id == st->opt.stream_id)
        st->record = wsc_closure_copy(rec);
}

static bool find_key(struct wsc_story *st)
{
    const struct wsc_endpoint *a = &st->opt.client, *b = &st->opt.server;
    struct wsc_packet_view v = {.family = a->family, .sport = a->port, .dport = b->port};
    if ((a->family != 4 && a->family != 6) || a->family != b->family)
        return false;
    size_t n = a->family == 4 ? 4 : 16;
    memcpy(v.src, a->addr, n);
    memcpy(v.dst, b->addr, n);
    st->client = wsc_flow_key_of(&v, &st->key);
    return true;
}

enum wsc_err wsc_story_new(const struct wsc_story_options *opt, struct wsc_story **out)
{
    struct wsc_analyzer_options how;
    *out = NULL;
    struct wsc_story *st = wsc_calloc(1, sizeof(*st));
    if (st == NULL)
        return WSC_ERR_NOMEM;
    st->opt = *opt;
    if (st->opt.max_events == 0)
        st->opt.max_events = WSC_STORY_EVENTS;
    wsc_analyzer_options_default(&how);
    how.max_connections = 1024; /* a tunnel's packets may carry others, too */
    how.keylog = opt->keylog;
    how.encrypted = true;
    how.label = false;
    enum wsc_err e = find_key(st) ? WSC_OK : WSC_ERR_INVALID;
    if (e == WSC_OK)
        e = wsc_analyzer_new(&how, on_record, st, &st->an);
    if (e != WSC_OK) {
        wsc_story_free(st);
        return e;
    }
    st->trace = (struct wsc_trace){.ctx = st,
                                   .before = before_packet,
                                   .after = after_packet,
                                   .event = on_event,
                                   .frame_start = on_frame_start,
                                   .frame_head = on_frame_head,
                                   .frames_over = on_frames_over};
    st->an->engine.trace = &st->trace;
    *out = st;
    return WSC_OK;
}

enum wsc_err wsc_story_feed(struct wsc_story *st, const struct wsc_packet *pkt)
{
    return wsc_analyzer_feed(st->an, pkt);
}

/* What has no packet comes last: it was told at the end. */
static bool in_order(const struct wsc_story_event *a, const struct wsc_story_event *b)
{
    return a->ts_ns != b->ts_ns ? a->ts_ns < b->ts_ns : a->packet - 1 <= b->packet - 1;
}

/* Merges the sorted halves of |n| events; |spare| has room for the first. */
static void merge(struct wsc_story_event *ev, size_t half, size_t n, struct wsc_story_event *spare)
{
    size_t i = 0, k = half, to = 0;
    if (half >= n || in_order(&ev[half - 1], &ev[half]))
        return;
    memcpy(spare, ev, half * sizeof(*ev));
    while (i < half)
        ev[to++] = k < n && !in_order(&spare[i], &ev[k]) ? ev[k++] : spare[i++];
}

/* What came out of order, waited for more, or was given up is told late. Of equals the first told
 * stays first. */
static void sort(struct wsc_story *st)
{
    bool sorted = true;
    for (size_t i = 1; i < st->len; i++)
        sorted &= in_order(&st->events[i - 1], &st->events[i]);
    if (sorted)
        return;
    struct wsc_story_event *spare = wsc_alloc(st->len * sizeof(*spare));
    if (spare == NULL)
        return; /* in the order in which it was told, then */
    for (size_t width = 1; width < st->len; width *= 2)
        for (size_t at = 0; at + width < st->len; at += 2 * width) {
            size_t n = st->len - at < 2 * width ? st->len - at : 2 * width;
            merge(st->events + at, width, n, spare);
        }
    wsc_free(spare);
}

static bool is_bytes(const struct wsc_story_event *ev)
{
    return ev->kind == WSC_STORY_DATA || ev->kind == WSC_STORY_ENCRYPTED;
}

/* Bytes that turned out to be a frame, or a part of one, are told as that. */
static void drop_framed(struct wsc_story *st)
{
    uint64_t since[2] = {UINT64_MAX, UINT64_MAX};
    size_t to = st->len;
    for (size_t i = st->len; i-- > 0;) {
        const struct wsc_story_event *ev = &st->events[i];
        if (ev->kind == WSC_STORY_FRAME && ev->since_ns < since[ev->dir])
            since[ev->dir] = ev->since_ns;
        if (!is_bytes(ev) || ev->ts_ns < since[ev->dir])
            st->events[--to] = *ev;
    }
    st->len -= to;
    memmove(st->events, st->events + to, st->len * sizeof(*st->events));
}

void wsc_story_end(struct wsc_story *st)
{
    wsc_analyzer_flush(st->an);
    sort(st);
    if (st->len > 0)
        drop_framed(st);
}

size_t wsc_story_events(const struct wsc_story *st, const struct wsc_story_event **out)
{
    *out = st->events;
    return st->len;
}

uint64_t wsc_story_left_out(const struct wsc_story *st)
{
    return st->left_out;
}

const struct wsc_closure *wsc_story_record(const struct wsc_story *st)
{
    return st->record;
}

void wsc_story_free(struct wsc_story *st)
{
    if (st == NULL)
        return;
    wsc_analyzer_free(st->an);
    for (struct note *n = st->notes, *next; n != NULL; n = next) {
        next = n->next;
        wsc_free(n);
    }
    wsc_free(st->events);
    wsc_closure_free(st->record);
    wsc_free(st);
}
