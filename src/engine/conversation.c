#include "engine/conv_trace.h"

static void new_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    bool stream = c->inner != NULL && c->inner->now != NULL;
    if (!stream && wsc_conv_sniff(e, way, off, data))
        wsc_conv_data(e, way, off, data);
    else if (c->mode[way] == WSC_CONV_NEW)
        wsc_conv_probe_data(e, way, off, data);
}

void wsc_conv_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    switch ((enum wsc_conv_mode)e->conv->mode[way]) {
    case WSC_CONV_NEW:
        new_data(e, way, off, data);
        return;
    case WSC_CONV_HTTP:
        wsc_conv_http_data(e, way, off, data);
        return;
    case WSC_CONV_WS:
        wsc_conv_ws_data(e, way, data);
        return;
    case WSC_CONV_H2:
        wsc_conv_h2_data(e, way, off, data);
        return;
    case WSC_CONV_SKIP:
        return;
    }
}

void wsc_conv_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len)
{
    switch ((enum wsc_conv_mode)e->conv->mode[way]) {
    case WSC_CONV_NEW:
    case WSC_CONV_HTTP:
        wsc_conv_http_gap(e, way, off, len);
        return;
    case WSC_CONV_WS:
        wsc_conv_ws_gap(e, way, off, len);
        return;
    case WSC_CONV_H2:
        wsc_conv_h2_gap(e, way, off, len);
        return;
    case WSC_CONV_SKIP:
        return;
    }
}

void wsc_conv_skip(struct wsc_conv *c)
{
    c->mode[0] = c->mode[1] = WSC_CONV_SKIP;
}

static bool has_tls(const struct wsc_conv *c)
{
    return c->inner != NULL && c->inner->tls != NULL;
}

static void on_data(void *ctx, enum wsc_way way, uint64_t off, struct wsc_span data,
                    const struct wsc_tcp_at *at)
{
    struct wsc_engine *e = ctx;
    const struct wsc_conv *c = e->conv;
    e->way = way;
    e->at = at;
    if (has_tls(c))
        wsc_conv_tls_data(e, way, off, data);
    else if (c->mode[way] != WSC_CONV_NEW || c->ws != NULL || !wsc_tls_looks_like_record(data))
        wsc_conv_data(e, way, off, data);
    else
        wsc_conv_tls_begin(e, way, off, data);
}

static void on_gap(void *ctx, enum wsc_way way, uint64_t off, uint64_t len,
                   const struct wsc_tcp_at *at)
{
    struct wsc_engine *e = ctx;
    e->way = way;
    e->at = at;
    if (e->trace != NULL)
        wsc_trace_gap(e, way, len);
    if (has_tls(e->conv))
        wsc_conv_tls_gap(e, way, off, len);
    else
        wsc_conv_gap(e, way, off, len);
}

static const struct wsc_tcp_ops tcp_ops = {.on_data = on_data, .on_gap = on_gap};

/* nDPI's word on the flow, once; it sees payload packets only and as few as it allows. */
static void label(struct wsc_engine *e, struct wsc_conv *c, enum wsc_way way,
                  const struct wsc_packet_view *v)
{
    if (e->ident == NULL || c->label != 0 || v->payload_len == 0 || !wsc_conv_pre_need(e, c))
        return;
    struct wsc_conv_pre *pre = c->pre;
    bool from_client = c->client_known ? way == (enum wsc_way)c->client : v->sport > v->dport;
    pre->labelled++;
    c->label = wsc_ident_feed(e->ident, &pre->ident, v,
                              &(struct wsc_ident_at){.seq = e->turn.seq,
                                                     .from_client = from_client,
                                                     .last = pre->labelled >= WSC_IDENT_PACKETS}) &
               WSC_CONV_LABEL_MASK;
}

void wsc_conv_pre_drop(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_pre *pre = c->pre;
    if (pre == NULL)
        return;
    wsc_ident_drop(e->ident, &pre->ident);
    wsc_conv_http_close(pre);
    for (int w = 0; w < 2; w++)
        wsc_conv_run_clear(e, &pre->run[w]);
    wsc_pool_put(&e->pre_pool, pre);
    c->pre = NULL;
}

/* What the layers below WebSocket need is given back once both directions are decided. */
static void settle_pre(struct wsc_engine *e, struct wsc_conv *c)
{
    const struct wsc_conv_pre *pre = c->pre;
    if (pre == NULL)
        return;
    for (int w = 0; w < 2; w++) {
        bool settled = c->mode[w] == WSC_CONV_WS && c->ws != NULL &&
                       c->ws->handshake != WSC_EV_PENDING &&
                       c->ws->dec[wsc_conv_dir(c, (enum wsc_way)w)].state != WSC_WS_LOST;
        if (!settled && c->mode[w] != WSC_CONV_SKIP && c->mode[w] != WSC_CONV_H2)
            return;
    }
    if (e->ident != NULL && c->label == 0 && pre->ident != NULL)
        return;
    wsc_conv_pre_drop(e, c);
}

/* TLS that turned out to hold nothing for us need not be read any more. */
static void settle_inner(struct wsc_engine *e, struct wsc_conv *c)
{
    if (c->ws == NULL && c->inner->h2 == NULL && c->mode[0] == WSC_CONV_SKIP &&
        c->mode[1] == WSC_CONV_SKIP)
        wsc_conv_inner_drop(e, c);
}

static void learn_roles(struct wsc_conv *c, enum wsc_way way, const struct wsc_packet_view *v)
{
    if (!(v->tcp_flags & WSC_TCP_SYN))
        return;
    c->syn_seen = true;
    if (!c->client_known) {
        c->client_known = true;
        c->client = ((v->tcp_flags & WSC_TCP_ACK) ? wsc_way_back(way) : way) & 1u;
    }
}

static bool end_in_sight(const struct wsc_conv *c)
{
    const struct wsc_conv_stream *s = c->inner != NULL ? c->inner->now : NULL;
    if (s != NULL && (s->end[0].ref | s->end[1].ref | s->rst[0].ref | s->rst[1].ref) != 0)
        return true;
    if (c->ws->notes != NULL && (c->ws->notes->first[0].ev.seen || c->ws->notes->first[1].ev.seen))
        return true;
    return wsc_tcp_conn_ending(&c->tcp);
}

void wsc_conv_watch_idle(struct wsc_engine *e, struct wsc_conv *c)
{
    if (c->ws == NULL || (c->tcp.more == NULL && c->ws->notes == NULL && c->inner == NULL))
        return;
    if (end_in_sight(c))
        wsc_conv_take_idle(e, c);
    else if (c->ws->notes != NULL)
        c->ws->notes->idle_taken = false;
}

/* New bytes after a silence: a box on the way that had forgotten the connection answers the first
 * of them. */
static void watch_quiet(const struct wsc_engine *e, const struct wsc_conv *c, enum wsc_way way)
{
    uint64_t last = e->prev_new_ns[0] > e->prev_new_ns[1] ? e->prev_new_ns[0] : e->prev_new_ns[1];
    uint64_t now = wsc_conv_new_ns(c, way);
    if (c->ws == NULL || last == 0 || now < last + WSC_QUIET_NS || now < c->started_ns)
        return;
    uint64_t quiet_ms = (now - last) / 1000000, end_ms = (now - c->started_ns) / 1000000;
    c->ws->quiet_ms = quiet_ms < UINT32_MAX ? (uint32_t)quiet_ms : UINT32_MAX;
    c->ws->quiet_end_ms = end_ms < UINT32_MAX ? (uint32_t)end_ms : UINT32_MAX;
}

void wsc_conv_take_clocks(struct wsc_engine *e, struct wsc_conv *c)
{
    for (int w = 0; w < 2; w++)
        e->prev_new_ns[w] = wsc_conv_new_ns(c, (enum wsc_way)w);
    e->prev_data_ns = c->ws != NULL ? c->ws->last_data_ns : 0;
}

/* A WebSocket never goes back to HTTP: behind a large hole a request or an answer is that of the
 * next connection, whose SYN was not captured. */
static bool begins_another(const struct wsc_conv *c, enum wsc_way way,
                           const struct wsc_packet_view *v)
{
    if (v->payload_len == 0 || c->ws == NULL || c->ws->handshake == WSC_EV_PENDING ||
        !wsc_tcp_conn_doubtful(&c->tcp, way, v))
        return false;
    struct wsc_span data = {.ptr = v->payload, .len = v->payload_len};
    return way == (enum wsc_way)c->client ? wsc_h1_looks_like_request(data)
                                          : wsc_h1_looks_like_response(data);
}

/* Known to hold nothing for us, and labelled. */
static bool of_no_interest(const struct wsc_engine *e, const struct wsc_conv *c)
{
    return c->mode[0] == WSC_CONV_SKIP && c->mode[1] == WSC_CONV_SKIP && c->ws == NULL &&
           c->pre == NULL && c->inner == NULL && (c->label != 0 || e->ident == NULL);
}

/* True if |v| has bytes that came before. */
static bool says_again(const struct wsc_conv *c, enum wsc_way way, const struct wsc_packet_view *v)
{
    const struct wsc_tcp_dir *d = &c->tcp.dir[way];
    return v->payload_wire_len > 0 && (v->tcp_flags & WSC_TCP_ACK) &&
           (d->flags & WSC_TCP_STARTED) && wsc_tcp_distance(d, v->seq) < 0;
}

/* A Close that is seen again may be the first sending of what was seen. */
static void heed_again(struct wsc_conv *c, enum wsc_way way, const struct wsc_packet_view *v)
{
    const struct wsc_tcp_dir *back = &c->tcp.dir[wsc_way_back(way)];
    struct wsc_conv_copy copy;
    if (!(back->flags & WSC_TCP_STARTED) ||
        !wsc_tcp_offset_of(&c->tcp.dir[way], v->seq, &copy.off) ||
        !wsc_tcp_offset_of(back, v->ack, &copy.ack_off))
        return;
    copy.end = copy.off + v->payload_wire_len;
    enum wsc_dir d = wsc_conv_dir(c, way);
    wsc_conv_close_again(c->ws, d, &copy);
    for (size_t i = 0; c->inner != NULL && i < c->inner->streams_len; i++)
        wsc_conv_close_again(c->inner->streams[i]->ws, d, &copy);
}

enum wsc_tcp_result wsc_conv_feed(struct wsc_engine *e, struct wsc_conv *c, enum wsc_way way,
                                  const struct wsc_packet_view *v)
{
    if (of_no_interest(e, c) && e->trace == NULL && wsc_tcp_conn_pass(&c->tcp, way, v)) {
        c->last_ref = v->ref;
        c->last_ns = v->ts_ns;
        wsc_age_use(&c->age, e->clock_ns);
        return WSC_TCP_TAKEN;
    }
    if (begins_another(c, way, v))
        return WSC_TCP_RESTART;
    e->conv = c;
    e->packet_ref = v->ref;
    wsc_conv_take_clocks(e, c);
    bool again = says_again(c, way, v);
    if (e->trace != NULL)
        e->trace->before(e->trace->ctx, c);
    enum wsc_tcp_result r = wsc_tcp_conn_feed(&c->tcp, &e->tcp, way, v, &tcp_ops, e);
    if (e->trace != NULL)
        e->trace->after(e->trace->ctx, c, way, v, r);
    if (r == WSC_TCP_RESTART)
        return r;
    learn_roles(c, way, v);
    if (again)
        heed_again(c, way, v);
    if (c->first_ref == 0)
        c->first_ref = v->ref; /* of an earlier run: the first packet of this one */
    c->last_ref = v->ref;
    c->last_ns = v->ts_ns;
    wsc_age_use(&c->age, e->clock_ns);
    label(e, c, way, v);
    watch_quiet(e, c, way);
    wsc_conv_watch_idle(e, c);
    settle_pre(e, c);
    if (c->inner != NULL)
        settle_inner(e, c);
    return r;
}

void wsc_conv_settle(struct wsc_engine *e, struct wsc_conv *c)
{
    bool http2 = c->inner != NULL && c->inner->h2 != NULL;
    if (http2)
        wsc_conv_h2_settle(e, c);
    /* A secret may still come: until the connection is forgotten. */
    if ((c->ws == NULL && !http2) || !wsc_tcp_conn_done(&c->tcp) || wsc_conv_tls_waits(c))
        return;
    if (has_tls(c))
        wsc_conv_tls_finish(e, c);
    if (http2)
        wsc_conv_h2_finish(e, c, WSC_EV_STOP_OVER);
    if (c->ws != NULL)
        wsc_conv_record(e, c, WSC_EV_STOP_OVER);
    wsc_conv_ws_clear(e, c);
    wsc_conv_inner_drop(e, c);
    wsc_conv_skip(c);
}

void wsc_conv_finish(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop)
{
    e->conv = c;
    e->packet_ref = 0;
    wsc_conv_take_clocks(e, c);
    wsc_tcp_conn_finish(&c->tcp, &e->tcp, &tcp_ops, e);
    if (has_tls(c))
        wsc_conv_tls_finish(e, c);
    if (c->inner != NULL && c->inner->h2 != NULL)
        wsc_conv_h2_finish(e, c, stop);
    if (c->ws != NULL) {
        wsc_conv_record(e, c, stop);
        wsc_conv_ws_clear(e, c);
    }
    wsc_conv_pre_drop(e, c);
    wsc_conv_inner_drop(e, c);
    wsc_tcp_conn_clear(&c->tcp, &e->tcp);
}
