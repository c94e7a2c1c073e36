/* HTTP/2 (RFC 9113) with WebSockets in its streams (RFC 8441). A stream's END_STREAM is to its
 * WebSocket what a FIN is to TCP's, and RST_STREAM what an RST is. */
#include "engine/conv_trace.h"

#include "base/alloc.h"

#include <string.h>

#define STREAMS_MAX 4096u /* WebSockets open at once on one connection */
/* Ended ones that wait until that is acknowledged; beyond it the oldest is handed over as it is. */
#define OVER_MAX 1024u

/* ---- the table of streams ---- */

static size_t place_of(const struct wsc_conv_inner *in, uint32_t id)
{
    size_t low = 0, high = in->streams_len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (in->streams[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct wsc_conv_stream *find(const struct wsc_conv_inner *in, uint32_t id)
{
    size_t i = place_of(in, id);
    return i < in->streams_len && in->streams[i]->id == id ? in->streams[i] : NULL;
}

static bool reserve(struct wsc_conv_inner *in)
{
    if (in->streams_len < in->streams_cap)
        return true;
    size_t cap = in->streams_cap != 0 ? in->streams_cap * 2 : 8;
    struct wsc_conv_stream **grown =
        wsc_realloc(in->streams, cap * sizeof(struct wsc_conv_stream *));
    if (grown == NULL)
        return false;
    in->streams = grown;
    in->streams_cap = cap;
    return true;
}

static struct wsc_conv_stream *add(struct wsc_engine *e, uint32_t id)
{
    struct wsc_conv_inner *in = e->conv->inner;
    struct wsc_conv_stream *s = reserve(in) ? wsc_pool_get(&e->stream_pool) : NULL;
    if (s == NULL)
        return NULL;
    *s = (struct wsc_conv_stream){.id = id, .started_ns = e->at->ts_ns};
    size_t i = place_of(in, id);
    memmove(in->streams + i + 1, in->streams + i,
            (in->streams_len - i) * sizeof(struct wsc_conv_stream *));
    in->streams[i] = s;
    in->streams_len++;
    return s;
}

/* Its WebSocket becomes the conversation's, until leave(). */
static void enter(struct wsc_engine *e, struct wsc_conv_stream *s)
{
    struct wsc_conv *c = e->conv;
    c->inner->now = s;
    c->ws = s->ws;
    struct wsc_conv_pre *pre = c->pre;
    c->pre = s->pre;
    s->pre = pre; /* the connection's own, kept here meanwhile */
    uint64_t started = c->started_ns;
    c->started_ns = s->started_ns;
    s->started_ns = started;
    for (int w = 0; w < 2; w++) {
        c->mode[w] = s->mode[w];
        e->prev_new_ns[w] = s->packet_ref == e->packet_ref ? s->prev_ns[w] : s->new_ns[w];
    }
    e->prev_data_ns = s->ws != NULL ? s->ws->last_data_ns : 0;
}

static void leave(struct wsc_engine *e)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_stream *s = c->inner->now;
    s->ws = c->ws;
    c->ws = NULL;
    struct wsc_conv_pre *pre = c->pre;
    c->pre = s->pre;
    s->pre = pre;
    uint64_t started = c->started_ns;
    c->started_ns = s->started_ns;
    s->started_ns = started;
    for (int w = 0; w < 2; w++) {
        s->mode[w] = c->mode[w];
        c->mode[w] = WSC_CONV_H2;
    }
    c->inner->now = NULL;
}

/* True if |way| lacks bytes and what they may have held was not told yet. */
static bool gap_untold(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_conv_inner *in = c->inner;
    return in->gap_pending[way] ||
           (in->tls != NULL && wsc_tls_gap_open(in->tls, wsc_conv_dir(c, way)));
}

/* Hands its record over, unless it was none of ours, and frees it; the table is the caller's. */
static void finish_stream(struct wsc_engine *e, struct wsc_conv_stream *s, enum wsc_ev_stop stop)
{
    enter(e, s);
    struct wsc_conv *c = e->conv;
    for (int d = 0; c->ws != NULL && d < 2; d++)
        if (gap_untold(c, wsc_conv_way(c, (enum wsc_dir)d)) && s->end[d].ref == 0)
            wsc_conv_ws_lost(e, (enum wsc_dir)d);
    if (c->ws != NULL) {
        wsc_conv_record(e, c, stop);
        wsc_conv_ws_clear(e, c);
    }
    wsc_conv_pre_drop(e, c);
    leave(e);
    wsc_pool_put(&e->stream_pool, s);
}

static void drop(struct wsc_engine *e, struct wsc_conv_stream *s, enum wsc_ev_stop stop)
{
    struct wsc_conv_inner *in = e->conv->inner;
    wsc_h2_drop(in->h2, s->id);
    size_t i = place_of(in, s->id);
    in->streams_len--;
    memmove(in->streams + i, in->streams + i + 1,
            (in->streams_len - i) * sizeof(struct wsc_conv_stream *));
    finish_stream(e, s, stop);
}

/* ---- where bytes lie ---- */

/* DATA lies in the span that was fed. Within TLS the record's place stands already. */
static void map(struct wsc_engine *e, struct wsc_span data)
{
    const struct wsc_conv_inner *in = e->conv->inner;
    if (in->tls != NULL)
        return;
    e->wire.start = in->h2_off + (uint64_t)(data.ptr - in->h2_base);
    e->wire.end = e->wire.start + data.len;
    e->wire.mapped = true;
}

static void unmap(struct wsc_engine *e)
{
    if (e->conv->inner->tls == NULL)
        e->wire.mapped = false;
}

/* What has no bytes of its own stands where the bytes it needed end. */
static void map_here(struct wsc_engine *e)
{
    const struct wsc_conv_inner *in = e->conv->inner;
    const uint8_t *here = wsc_h2_here(in->h2);
    if (in->tls != NULL)
        return;
    uint64_t end = here != NULL ? in->h2_off + (uint64_t)(here - in->h2_base) : in->h2_end;
    e->wire = (struct wsc_conv_wire){.start = in->h2_off, .end = end, .mapped = true};
}

/* ---- heads ---- */

/* True if the answer to a request that begins now may pass unseen, or has: a request may be told
 * long after what came of it. */
static bool answer_unseen(const struct wsc_engine *e)
{
    const struct wsc_conv_inner *in = e->conv->inner;
    return wsc_h2_lost(in->h2, WSC_DIR_S2C) ||
           (in->h2_lost[WSC_DIR_S2C] &&
            (e->at->ack_off == WSC_TCP_NO_ACK || e->at->ack_off < in->h2_lost_off[WSC_DIR_S2C]));
}

static void begin(struct wsc_engine *e, struct wsc_conv_stream *s, const struct wsc_h1_head *head)
{
    struct wsc_conv *c = e->conv;
    enter(e, s);
    struct wsc_conv_ws *ws = wsc_conv_ws_new(e, c);
    if (ws != NULL) {
        ws->handshake = WSC_EV_PENDING;
        wsc_conv_note_request(e, ws, head);
        wsc_ws_decoder_init(&ws->dec[WSC_DIR_C2S], WSC_DIR_C2S, WSC_WS_EXT_UNKNOWN, 0);
        wsc_ws_decoder_init(&ws->dec[WSC_DIR_S2C], WSC_DIR_S2C, WSC_WS_EXT_UNKNOWN, 0);
        c->mode[0] = c->mode[1] = WSC_CONV_WS;
        if (answer_unseen(e))
            wsc_conv_ws_lost(e, WSC_DIR_S2C);
    }
    leave(e);
}

static bool on_request(void *ctx, uint32_t stream, const struct wsc_h1_head *head, bool websocket)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_inner *in = e->conv->inner;
    if (head != NULL && !websocket)
        return false;
    /* An id used again is a peer's mistake (RFC 9113 5.1.1). */
    struct wsc_conv_stream *s = find(in, stream) == NULL ? add(e, stream) : NULL;
    if (s == NULL)
        return false;
    if (head != NULL && e->trace != NULL)
        wsc_trace_head(e, wsc_conv_way(e->conv, WSC_DIR_C2S), stream, head);
    /* Without names its DATA tells whether it is one. */
    if (head != NULL)
        begin(e, s, head);
    return true;
}

static void answer(struct wsc_engine *e, struct wsc_conv_ws *ws, const struct wsc_h1_head *head)
{
    if (head == NULL) { /* the status cannot be known: only what follows can tell */
        ws->handshake = WSC_EV_NO_HANDSHAKE;
        return;
    }
    if (head->status < 200)
        return;
    if (head->status >= 300) {
        wsc_conv_note_rejection(e, ws, head);
        return;
    }
    enum wsc_ws_extensions ext = wsc_conv_note_acceptance(e, ws, head);
    ws->handshake = WSC_EV_ACCEPTED;
    /* Nothing of the stream came before its answer: what was missed until now was of others. */
    enum wsc_way server = wsc_conv_way(e->conv, WSC_DIR_S2C);
    if ((ws->hidden & 1u << WSC_DIR_S2C) && wsc_conv_next_off(e->conv, server) == 0)
        wsc_conv_ws_resync(e, server, 0);
    for (int d = 0; d < 2; d++)
        wsc_ws_decoder_extensions(&ws->dec[d], ext);
    wsc_conv_app(e, ws);
}

static void on_response(void *ctx, uint32_t stream, const struct wsc_h1_head *head)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_stream *s = find(e->conv->inner, stream);
    if (s == NULL)
        return;
    if (head != NULL && e->trace != NULL)
        wsc_trace_head(e, wsc_conv_way(e->conv, WSC_DIR_S2C), stream, head);
    enter(e, s);
    struct wsc_conv_ws *ws = e->conv->ws;
    if (ws != NULL && ws->handshake == WSC_EV_PENDING)
        answer(e, ws, head);
    leave(e);
}

/* ---- bytes ---- */

static void note_bytes(struct wsc_engine *e, struct wsc_conv_stream *s, enum wsc_way way,
                       uint64_t next)
{
    if (s->packet_ref != e->packet_ref) {
        s->prev_ns[0] = s->new_ns[0];
        s->prev_ns[1] = s->new_ns[1];
        s->packet_ref = e->packet_ref;
    }
    s->new_ns[way] = e->at->ts_ns;
    s->next_off[way] = next;
}

static void on_data(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, struct wsc_span data)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv *c = e->conv;
    struct wsc_conv_stream *s = find(c->inner, stream);
    if (s == NULL)
        return;
    enum wsc_way way = wsc_conv_way(c, d);
    note_bytes(e, s, way, off + data.len);
    map(e, data);
    enter(e, s);
    bool ours = c->ws == NULL || c->ws->handshake != WSC_EV_REJECTED;
    if (ours)
        wsc_conv_data(e, way, off, data);
    bool wanted = c->ws != NULL || s->over || c->mode[0] != WSC_CONV_SKIP;
    wsc_conv_watch_idle(e, c);
    leave(e);
    unmap(e);
    if (!wanted)
        drop(e, s, WSC_EV_STOP_OVER);
}

static void on_gap(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, uint64_t len)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv *c = e->conv;
    struct wsc_conv_stream *s = find(c->inner, stream);
    if (s == NULL)
        return;
    enum wsc_way way = wsc_conv_way(c, d);
    note_bytes(e, s, way, off + len);
    s->missing[d] += len;
    map_here(e);
    enter(e, s);
    wsc_conv_gap(e, way, off, len);
    leave(e);
    unmap(e);
}

/* Frames of any stream may have been among what was not captured. */
static void on_lost(void *ctx, enum wsc_dir d)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv *c = e->conv;
    c->inner->h2_lost[d] = true;
    map_here(e);
    c->inner->h2_lost_off[d] = e->wire.end;
    for (size_t i = 0; i < c->inner->streams_len; i++) {
        enter(e, c->inner->streams[i]);
        if (c->ws != NULL)
            wsc_conv_ws_lost(e, d);
        leave(e);
    }
    unmap(e);
}

/* ---- ends ---- */

static void end_stream(struct wsc_engine *e, struct wsc_conv_stream *s, bool over)
{
    struct wsc_conv_inner *in = e->conv->inner;
    enter(e, s);
    wsc_conv_watch_idle(e, e->conv);
    leave(e);
    if (!over || s->over)
        return;
    s->over = true;
    *in->over_last = s;
    in->over_last = &s->next_over;
    in->over_len++;
}

static struct wsc_ev_end end_here(const struct wsc_engine *e)
{
    return (struct wsc_ev_end){.ts_ns = e->at->ts_ns,
                               .ref = e->at->ref,
                               .off = e->wire.end,
                               .ack_off = e->at->ack_off,
                               .stream = true};
}

static void on_end(void *ctx, uint32_t stream, enum wsc_dir d)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_stream *s = find(e->conv->inner, stream);
    if (s == NULL || s->end[d].ref != 0)
        return;
    if (e->trace != NULL)
        wsc_trace_stream_end(e, d, stream);
    map_here(e);
    s->end[d] = end_here(e);
    end_stream(e, s, s->end[WSC_DIR_C2S].ref != 0 && s->end[WSC_DIR_S2C].ref != 0);
    unmap(e);
}

static void on_reset(void *ctx, uint32_t stream, enum wsc_dir d, uint32_t error)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_stream *s = find(e->conv->inner, stream);
    if (s == NULL || s->rst[d].ref != 0)
        return;
    if (e->trace != NULL)
        wsc_trace_stream_reset(e, d, stream, error);
    map_here(e);
    s->rst[d] = end_here(e);
    s->rst_error[d] = error;
    end_stream(e, s, true);
    unmap(e);
}

static void on_goaway(void *ctx, enum wsc_dir d, uint32_t last_stream, uint32_t error,
                      struct wsc_span debug)
{
    struct wsc_engine *e = ctx;
    struct wsc_sign_goaway *g = &e->conv->inner->goaway[d];
    if (e->trace != NULL)
        wsc_trace_goaway(e, d, error);
    if (g->ref != 0 && g->error != 0) /* that one ended all (RFC 9113 5.4.1) */
        return;
    map_here(e);
    *g = (struct wsc_sign_goaway){.ns = e->at->ts_ns,
                                  .ref = e->at->ref,
                                  .off = e->wire.end,
                                  .last_stream = last_stream,
                                  .error = error,
                                  .error_name = wsc_h2_error_name(error)};
    g->debug_len = (uint8_t)(debug.len < sizeof(g->debug) ? debug.len : sizeof(g->debug));
    if (g->debug_len > 0)
        memcpy(g->debug, debug.ptr, g->debug_len);
    unmap(e);
}

static void on_connect_protocol(void *ctx, enum wsc_dir d)
{
    struct wsc_engine *e = ctx;
    if (d == WSC_DIR_S2C)
        e->conv->inner->connect_protocol = true;
}

static const struct wsc_h2_ops h2_ops = {.on_request = on_request,
                                         .on_response = on_response,
                                         .on_data = on_data,
                                         .on_gap = on_gap,
                                         .on_end = on_end,
                                         .on_reset = on_reset,
                                         .on_goaway = on_goaway,
                                         .on_lost = on_lost,
                                         .on_connect_protocol = on_connect_protocol};

/* ---- the connection ---- */

bool wsc_conv_h2_begin(struct wsc_engine *e, bool upgraded)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_inner *in = wsc_conv_inner_need(e, c);
    if (in == NULL || in->h2 != NULL)
        return false;
    enum wsc_way other = wsc_way_back(e->way);
    struct wsc_h2_options opt = {
        .max_head = e->opt.max_head_bytes, .max_streams = STREAMS_MAX, .upgraded = upgraded};
    opt.begins[wsc_conv_dir(c, e->way)] = true;
    opt.begins[wsc_conv_dir(c, other)] = upgraded || wsc_conv_next_off(c, other) == 0;
    in->h2 = wsc_h2_new(&opt, &h2_ops, e);
    if (in->h2 == NULL)
        return false;
    c->mode[0] = c->mode[1] = WSC_CONV_H2;
    return true;
}

static void count_held(struct wsc_engine *e, struct wsc_conv_inner *in)
{
    size_t now = wsc_h2_held(in->h2) + in->streams_cap * sizeof(struct wsc_conv_stream *);
    e->h2_bytes += now - in->h2_bytes;
    in->h2_bytes = now;
}

/* What remains of a connection that turned out not to speak HTTP/2 after all. */
static void fail(struct wsc_engine *e, enum wsc_way way)
{
    on_lost(e, wsc_conv_dir(e->conv, way));
    e->conv->inner->h2_failed[way] = true;
}

void wsc_conv_h2_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv_inner *in = e->conv->inner;
    if (in->h2_failed[way])
        return;
    in->h2_base = data.ptr;
    in->h2_off = off;
    in->h2_end = off + data.len;
    bool ok = wsc_h2_feed(in->h2, wsc_conv_dir(e->conv, way), data);
    if (!ok)
        fail(e, way);
    count_held(e, in);
}

void wsc_conv_h2_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len)
{
    struct wsc_conv_inner *in = e->conv->inner;
    in->h2_base = NULL;
    in->h2_off = off;
    in->h2_end = off + len;
    wsc_h2_gap(in->h2, wsc_conv_dir(e->conv, way), len);
    count_held(e, in);
}

bool wsc_conv_h2_missed(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_conv_inner *in = c->inner;
    enum wsc_dir d = wsc_conv_dir(c, way);
    return in != NULL && in->now != NULL &&
           (in->h2_lost[d] || (c->tcp.dir[way].new_ns != 0 && wsc_h2_lost(in->h2, d)));
}

/* True if what ended |s| has reached the other side, as far as TCP tells. */
static bool acknowledged(const struct wsc_conv *c, const struct wsc_conv_stream *s)
{
    for (int i = 0; i < 2; i++) {
        enum wsc_way way = wsc_conv_way(c, (enum wsc_dir)i);
        uint64_t off = s->rst[i].ref != 0 ? s->rst[i].off : s->end[i].off;
        if ((s->rst[i].ref != 0 || s->end[i].ref != 0) && !wsc_tcp_conn_acked(&c->tcp, way, off))
            return false;
    }
    return true;
}

/* True if bytes that were sent are still to be told: out of order, waiting for a secret, or, as
 * acknowledgements show, not captured. They may hold an earlier end. */
static bool held_back(const struct wsc_conv *c)
{
    const struct wsc_conv_inner *in = c->inner;
    for (int w = 0; w < 2; w++) {
        const struct wsc_tcp_dir *d = &c->tcp.dir[w];
        if ((c->tcp.more != NULL && c->tcp.more->held[w] != NULL) || in->wait[w].first != NULL ||
            gap_untold(c, (enum wsc_way)w))
            return true;
        uint64_t fin = (d->flags & WSC_TCP_FIN_SEEN) ? 1 : 0;
        if ((d->flags & WSC_TCP_ACKED) && wsc_tcp_off(d, d->acked_seq) > d->next_off + fin)
            return true;
    }
    return false;
}

void wsc_conv_h2_settle(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_inner *in = c->inner;
    while (in->over != NULL &&
           (in->over_len > OVER_MAX || (acknowledged(c, in->over) && !held_back(c)))) {
        struct wsc_conv_stream *s = in->over;
        in->over_len--;
        in->over = s->next_over;
        if (in->over == NULL)
            in->over_last = &in->over;
        drop(e, s, WSC_EV_STOP_OVER);
    }
    bool ending = wsc_tcp_conn_ending(&c->tcp);
    for (size_t i = 0; ending != in->was_ending && i < in->streams_len; i++) {
        enter(e, in->streams[i]);
        wsc_conv_watch_idle(e, c);
        leave(e);
    }
    in->was_ending = ending;
}

void wsc_conv_h2_finish(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop)
{
    struct wsc_conv_inner *in = c->inner;
    for (size_t i = 0; i < in->streams_len; i++)
        finish_stream(e, in->streams[i], in->streams[i]->over ? WSC_EV_STOP_OVER : stop);
    wsc_free(in->streams);
    in->streams = NULL;
    in->streams_len = 0;
    e->streams_refused += wsc_h2_refused(in->h2);
    wsc_h2_free(in->h2);
    in->h2 = NULL;
    e->h2_bytes -= in->h2_bytes;
}
