#include "engine/conv_trace.h"

#include "ws/ws_close.h"

#include <string.h>

struct wsc_conv_ws *wsc_conv_ws_new(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_ws *ws = wsc_pool_get(&e->tcp.more_pool);
    if (ws == NULL)
        return NULL;
    const struct wsc_conv_stream *stream = c->inner != NULL ? c->inner->now : NULL;
    *ws = (struct wsc_conv_ws){.serial = stream != NULL ? stream->id : c->serial};
    /* The first WebSocket on a connection starts with it, a later one with its request. */
    if (c->serial > 0 && stream == NULL)
        c->started_ns = e->at->ts_ns;
    c->serial++;
    c->ws = ws;
    e->ws_open++;
    return ws;
}

static void add_sat(uint32_t *n)
{
    if (*n < UINT32_MAX)
        ++*n;
}

static uint32_t sum_sat(uint32_t n, uint64_t more)
{
    return more > UINT32_MAX - n ? UINT32_MAX : n + (uint32_t)more;
}

struct wsc_conv_notes *wsc_conv_notes(struct wsc_engine *e, struct wsc_conv_ws *ws)
{
    if (ws->notes == NULL) {
        ws->notes = wsc_pool_get(&e->notes_pool);
        if (ws->notes != NULL)
            memset(ws->notes, 0, sizeof(*ws->notes));
    }
    return ws->notes;
}

struct wsc_conv_ledger *wsc_conv_ledger(struct wsc_engine *e, struct wsc_conv_ws *ws)
{
    if (ws->ledger == NULL) {
        ws->ledger = wsc_pool_get(&e->ledger_pool);
        if (ws->ledger != NULL)
            *ws->ledger = (struct wsc_conv_ledger){.rtt_ns = WSC_UNKNOWN};
    }
    return ws->ledger;
}

void wsc_conv_violation(struct wsc_engine *e, enum wsc_dir by, enum wsc_rule rule, uint64_t ref)
{
    struct wsc_conv_notes *n = wsc_conv_notes(e, e->conv->ws);
    if (e->trace != NULL)
        wsc_trace_violation(e, by, rule, ref);
    if (n == NULL)
        return;
    if (n->violations_len == WSC_VIOLATIONS_MAX) {
        n->violations_more++;
        return;
    }
    n->violations[n->violations_len++] =
        (struct wsc_violation){.by = wsc_side_of(by), .rule = rule, .packet = ref};
}

void wsc_conv_hide(struct wsc_engine *e, enum wsc_dir dir, uint64_t off)
{
    struct wsc_conv_ws *ws = e->conv->ws;
    if (ws->hidden & 1u << dir)
        return;
    ws->hidden |= (uint8_t)(1u << dir);
    struct wsc_conv_notes *n = wsc_conv_notes(e, ws);
    if (n == NULL)
        return;
    const struct wsc_conv *c = e->conv;
    enum wsc_way way = wsc_conv_way(c, dir);
    n->hidden_off[dir] = off;
    n->hidden_ack_off[dir] = c->inner != NULL && c->inner->gap_pending[way]
                                 ? c->inner->gap_ack[way]
                                 : wsc_conv_received(c, way);
}

uint64_t wsc_conv_received(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_tcp_dir *tcp = &c->tcp.dir[way];
    /* What TLS misses it tells late: by then its sender may have acknowledged more. */
    bool known = (tcp->flags & WSC_TCP_SENT_ACK) && (c->inner == NULL || c->inner->tls == NULL);
    return known ? wsc_tcp_off(&c->tcp.dir[wsc_way_back(way)], tcp->sent_ack) : WSC_EV_NO_ACK;
}

/* ---- idle clocks ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void wsc_conv_take_idle(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_notes *n = wsc_conv_notes(e, c->ws);
    if (n == NULL || n->idle_taken)
        return;
    n->idle_taken = true;
    n->idle_base_ns[0] = later(e->prev_new_ns[0], e->prev_new_ns[1]);
    n->idle_base_ns[1] = e->prev_new_ns[wsc_conv_way(c, WSC_DIR_C2S)];
    n->idle_base_ns[2] = e->prev_new_ns[wsc_conv_way(c, WSC_DIR_S2C)];
    n->idle_base_ns[3] = e->prev_data_ns;
    const struct wsc_conv_ledger *l = c->ws->ledger;
    for (int i = 0; l != NULL && i < 2; i++) {
        n->ping[i] = l->ping[i];
        n->pong_ns[i] = l->pong[i].ns;
    }
    n->rtt_ns = l != NULL ? l->rtt_ns : WSC_UNKNOWN;
}

/* ---- frames to facts ---- */

static enum wsc_dir dir_now(const struct wsc_engine *e)
{
    return wsc_conv_dir(e->conv, e->way);
}

static void on_start(void *ctx, uint64_t start)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_ws *ws = e->conv->ws;
    enum wsc_dir d = dir_now(e);
    (void)start;
    ws->dec[d].mark = (uint32_t)e->at->ack_off;
    if (e->at->ack_off != WSC_TCP_NO_ACK)
        ws->frame_acked |= (uint8_t)(1u << d);
    else
        ws->frame_acked &= (uint8_t) ~(1u << d);
}

/* The offset whose low half is kept: near the other side's next byte, as acknowledgements are. */
static uint64_t frame_ack(const struct wsc_engine *e, enum wsc_dir d)
{
    const struct wsc_conv_ws *ws = e->conv->ws;
    if (!(ws->frame_acked & 1u << d))
        return WSC_EV_NO_ACK;
    enum wsc_dir other = d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S;
    uint64_t near = e->conv->tcp.dir[wsc_conv_way(e->conv, other)].next_off;
    return near + (uint64_t)(int64_t)(int32_t)(ws->dec[d].mark - (uint32_t)near);
}

static bool is_data(uint8_t opcode)
{
    return opcode <= WSC_WS_BINARY;
}

static void note_large(struct wsc_engine *e, enum wsc_dir d, const struct wsc_ws_frame *f)
{
    struct wsc_conv_ledger *l = wsc_conv_ledger(e, e->conv->ws);
    bool goes_on = f->opcode == WSC_WS_CONTINUATION;
    if (l != NULL)
        l->large[d] =
            (struct wsc_conv_large){.ref = e->at->ref,
                                    .frame_len = f->payload_len,
                                    .compressed = goes_on ? l->large[d].compressed : f->rsv != 0};
}

static void on_frame(void *ctx, const struct wsc_ws_frame *f)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_ws *ws = e->conv->ws;
    enum wsc_dir d = dir_now(e);
    add_sat(&ws->frames[d]);
    if (!is_data(f->opcode)) {
        ws->last_kind[d] = WSC_KIND_CONTROL;
        return;
    }
    ws->bytes[d] += f->payload_len;
    ws->last_data_ns = e->at->ts_ns;
    if (f->payload_len >= WSC_LARGE_FRAME)
        note_large(e, d, f);
    if (f->opcode == WSC_WS_CONTINUATION) {
        ws->message_len[d] = sum_sat(ws->message_len[d], f->payload_len);
        return;
    }
    ws->last_kind[d] = f->opcode == WSC_WS_TEXT || f->rsv != 0 ? WSC_KIND_TEXT : WSC_KIND_DATA;
    ws->goodbye[d] = WSC_GOODBYE_NONE;
    if (ws->message_len[d] > ws->longest[d])
        ws->longest[d] = ws->message_len[d];
    ws->message_len[d] = sum_sat(0, f->payload_len);
    add_sat(&ws->messages[d]);
}

static void on_violation(void *ctx, enum wsc_rule rule)
{
    struct wsc_engine *e = ctx;
    wsc_conv_violation(e, dir_now(e), rule, e->at->ref);
}

static void on_lost(void *ctx, uint64_t at)
{
    struct wsc_engine *e = ctx;
    wsc_conv_hide(e, dir_now(e), wsc_conv_wire_start(e, at));
}

static uint32_t hash_of(struct wsc_span s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.ptr[i]) * 16777619u;
    return h;
}

static void on_ping(struct wsc_engine *e, enum wsc_dir d, struct wsc_span payload)
{
    struct wsc_conv_ledger *l = wsc_conv_ledger(e, e->conv->ws);
    if (l == NULL)
        return;
    struct wsc_conv_ping *p = &l->ping[d];
    add_sat(&l->pings[d]);
    if (p->ns != 0 && e->at->ts_ns > p->ns)
        p->interval_ns = e->at->ts_ns - p->ns;
    p->ns = e->at->ts_ns;
    p->ref = e->at->ref;
    p->end = wsc_conv_wire_end(e, e->conv->ws->dec[d].offset);
    p->hash = hash_of(payload);
    if (p->open == 0) {
        p->first_open_ns = p->ns;
        p->first_open_ref = p->ref;
    }
    add_sat(&p->open);
}

static void on_pong(struct wsc_engine *e, enum wsc_dir d, struct wsc_span payload)
{
    struct wsc_conv_ledger *l = wsc_conv_ledger(e, e->conv->ws);
    if (l == NULL)
        return;
    add_sat(&l->pongs[d]);
    l->pong[d] = (struct wsc_conv_pong){.ns = e->at->ts_ns, .ref = e->at->ref};
    struct wsc_conv_ping *p = &l->ping[d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S];
    /* RFC 6455 5.5.3: a Pong carries the Ping's payload; one that answers nothing is legal. */
    if (p->open == 0 || p->hash != hash_of(payload))
        return;
    if (e->at->ts_ns >= p->ns)
        l->rtt_ns = (int64_t)(e->at->ts_ns - p->ns);
    p->open = 0;
    p->first_open_ns = p->first_open_ref = 0;
}

static void keep_close(struct wsc_conv_close *slot, const struct wsc_ev_close *ev,
                       struct wsc_span reason)
{
    slot->ev = *ev;
    if (reason.ptr != NULL) {
        if (reason.len > sizeof(slot->reason))
            reason.len = sizeof(slot->reason);
        memcpy(slot->reason, reason.ptr, reason.len);
        slot->ev.reason = (struct wsc_span){.ptr = slot->reason, .len = reason.len};
    }
}

/* What |d| had sent when the other side's first Close came. */
static void note_before(struct wsc_conv_ws *ws, enum wsc_dir d)
{
    struct wsc_conv_notes *n = ws->notes;
    for (size_t i = 0; i < n->violations_len; i++)
        if (n->violations[i].by == wsc_side_of(d))
            n->before[d].broke_rule = true;
    n->before[d].data_last = ws->last_kind[d] == WSC_KIND_DATA || ws->last_kind[d] == WSC_KIND_TEXT;
    n->before[d].text_last = ws->last_kind[d] == WSC_KIND_TEXT;
    n->before[d].last_data_ns = ws->last_data_ns;
    n->before[d].last_len = ws->message_len[d];
    n->before[d].longest_before = ws->longest[d];
}

static void report_close_rules(struct wsc_engine *e, const struct wsc_ws_close *c)
{
    enum wsc_dir d = dir_now(e);
    if (c->bad_length)
        wsc_conv_violation(e, d, WSC_RULE_CLOSE_BODY_LENGTH_1, e->at->ref);
    if (c->bad_code)
        wsc_conv_violation(e, d, WSC_RULE_CLOSE_CODE_NOT_ALLOWED, e->at->ref);
    if (c->bad_utf8)
        wsc_conv_violation(e, d, WSC_RULE_CLOSE_REASON_NOT_UTF8, e->at->ref);
}

static void on_close(struct wsc_engine *e, enum wsc_dir d, const struct wsc_ws_frame *f,
                     struct wsc_span payload)
{
    struct wsc_ws_close c;
    wsc_ws_close_parse(payload, f->payload_len, &c);
    report_close_rules(e, &c);
    struct wsc_conv_ws *ws = e->conv->ws;
    struct wsc_conv_notes *n = wsc_conv_notes(e, ws);
    if (n == NULL)
        return;
    bool right_mask = f->masked == (d == WSC_DIR_C2S);
    struct wsc_ev_close ev = {
        .seen = true,
        .valid = f->fin && f->rsv == 0 && right_mask && f->payload_len <= WSC_WS_CONTROL_MAX &&
                 !c.bad_length && !c.bad_code && !c.bad_utf8 && (c.empty || c.code != WSC_UNKNOWN),
        .empty = c.empty,
        .code = c.code,
        .ts_ns = e->at->ts_ns,
        .ref = e->at->ref,
        .end = wsc_conv_wire_end(e, ws->dec[d].offset),
        .ack_off = frame_ack(e, d),
    };
    wsc_conv_take_idle(e, e->conv);
    if (!n->first[d].ev.seen) {
        keep_close(&n->first[d], &ev, c.reason);
        note_before(ws, d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S);
    }
    if (ev.valid && !n->valid[d].ev.seen)
        keep_close(&n->valid[d], &ev, c.reason);
}

static void lower_ack(struct wsc_ev_close *c, const struct wsc_conv_copy *copy)
{
    if (c->seen && copy->off < c->end && copy->end >= c->end && c->ack_off != WSC_EV_NO_ACK &&
        copy->ack_off < c->ack_off)
        c->ack_off = copy->ack_off;
}

void wsc_conv_close_again(struct wsc_conv_ws *ws, enum wsc_dir d, const struct wsc_conv_copy *copy)
{
    if (ws == NULL || ws->notes == NULL)
        return;
    lower_ack(&ws->notes->first[d].ev, copy);
    lower_ack(&ws->notes->valid[d].ev, copy);
}

static void on_control(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload,
                       bool missing)
{
    struct wsc_engine *e = ctx;
    enum wsc_dir d = dir_now(e);
    (void)missing;
    if (f->opcode == WSC_WS_CLOSE)
        on_close(e, d, f, payload);
    else if (f->opcode == WSC_WS_PING)
        on_ping(e, d, payload);
    else if (f->opcode == WSC_WS_PONG)
        on_pong(e, d, payload);
}

/* The client's first message may tell what is spoken; else nothing is looked for any more. */
static void decide_app(struct wsc_conv_ws *ws, enum wsc_dir d, struct wsc_span payload)
{
    if (d != WSC_DIR_C2S)
        return;
    bool known = wsc_ws_app_is_signalr(payload);
    ws->app = known ? WSC_APP_SIGNALR : WSC_APP_OTHER;
    for (int i = 0; i < 2; i++)
        wsc_ws_decoder_peek(&ws->dec[i], known);
}

static void on_peek(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_ws *ws = e->conv->ws;
    enum wsc_dir d = dir_now(e);
    (void)f;
    if (ws->app == WSC_APP_UNDECIDED)
        decide_app(ws, d, payload);
    ws->goodbye[d] =
        (uint8_t)wsc_ws_goodbye_of((enum wsc_ws_app)ws->app, payload, &ws->goodbye_code[d]);
}

void wsc_conv_app(struct wsc_engine *e, struct wsc_conv_ws *ws)
{
    ws->app = (uint8_t)wsc_ws_app_of(wsc_conv_string(e, ws, WSC_STRING_SUBPROTOCOL),
                                     wsc_conv_string(e, ws, WSC_STRING_PATH));
    for (int d = 0; d < 2; d++)
        wsc_ws_decoder_peek(&ws->dec[d], ws->app != WSC_APP_OTHER);
}

static uint8_t *borrow(void *ctx)
{
    struct wsc_engine *e = ctx;
    return wsc_pool_get(&e->scratch_pool);
}

static void release(void *ctx, uint8_t *block)
{
    struct wsc_engine *e = ctx;
    wsc_pool_put(&e->scratch_pool, block);
}

const struct wsc_ws_ops wsc_conv_ws_ops = {
    .on_start = on_start,
    .on_frame = on_frame,
    .on_control = on_control,
    .on_peek = on_peek,
    .on_violation = on_violation,
    .on_lost = on_lost,
    .borrow = borrow,
    .release = release,
};

static const struct wsc_ws_ops *ops_of(const struct wsc_engine *e)
{
    return e->trace == NULL ? &wsc_conv_ws_ops : &wsc_trace_ws_ops;
}

/* ---- bytes ---- */

/* Client bytes before the answer: whether they came too early is known when that is seen. */
static void note_early(struct wsc_engine *e)
{
    struct wsc_conv_pre *pre = e->conv->pre;
    if (pre == NULL || pre->early_ref != 0 || e->at->ack_off == WSC_TCP_NO_ACK)
        return;
    pre->early_ref = e->at->ref;
    pre->early_ack = e->at->ack_off;
}

static bool over_http2(const struct wsc_conv *c)
{
    return c->inner != NULL && c->inner->now != NULL;
}

void wsc_conv_ws_data(struct wsc_engine *e, enum wsc_way way, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_ws *ws = c->ws;
    enum wsc_dir d = wsc_conv_dir(c, way);
    struct wsc_ws_decoder *dec = &ws->dec[d];
    if (d == WSC_DIR_C2S && !over_http2(c)) {
        /* What TLS protects begins with a request; its first record may be a byte of it (CBC in
         * TLS 1.0). Elsewhere a few bytes may be those of a frame. */
        bool begins = c->inner != NULL && dec->offset == 0;
        if (ws->frames[d] == 0 && wsc_ws_decoder_at_boundary(dec) &&
            wsc_h1_looks_like_request(data) && (data.len >= 4 || begins) &&
            wsc_conv_request_after(e, c)) {
            wsc_conv_data(e, way, dec->offset, data);
            return;
        }
        if (ws->handshake == WSC_EV_PENDING)
            note_early(e);
    }
    if (dec->state == WSC_WS_LOST) {
        uint64_t off = dec->offset;
        dec->offset += data.len;
        wsc_conv_probe_data(e, way, off, data);
        return;
    }
    if (dec->state == WSC_WS_PAYLOAD && ws->last_kind[d] >= WSC_KIND_DATA)
        ws->last_data_ns = e->at->ts_ns;
    wsc_ws_decoder_feed(dec, data, ops_of(e), e);
}

void wsc_conv_ws_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len)
{
    struct wsc_conv *c = e->conv;
    enum wsc_dir d = wsc_conv_dir(c, way);
    struct wsc_ws_decoder *dec = &c->ws->dec[d];
    if (!wsc_ws_decoder_gap(dec, len, ops_of(e), e)) {
        wsc_conv_hide(e, d, wsc_conv_wire_start(e, off));
    }
}

void wsc_conv_ws_lost(struct wsc_engine *e, enum wsc_dir d)
{
    struct wsc_ws_decoder *dec = &e->conv->ws->dec[d];
    if (dec->state != WSC_WS_LOST)
        (void)wsc_ws_decoder_gap(dec, dec->left + 1, ops_of(e), e);
    wsc_conv_hide(e, d, wsc_conv_wire_start(e, dec->offset));
}

void wsc_conv_ws_resync(struct wsc_engine *e, enum wsc_way way, uint64_t off)
{
    struct wsc_conv *c = e->conv;
    enum wsc_dir d = wsc_conv_dir(c, way);
    struct wsc_ws_decoder *dec = &c->ws->dec[d];
    if (c->mode[way] == WSC_CONV_WS) {
        dec->offset = off;
        wsc_ws_decoder_resync(dec);
    } else {
        wsc_ws_decoder_init(dec, d, WSC_WS_EXT_UNKNOWN, off);
        wsc_ws_decoder_resync(dec); /* a message may be under way */
        c->mode[way] = WSC_CONV_WS;
    }
    c->ws->hidden &= (uint8_t) ~(1u << d);
}

void wsc_conv_ws_clear(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_ws *ws = c->ws;
    if (ws == NULL)
        return;
    if (e->trace != NULL)
        wsc_trace_over(e, c);
    wsc_conv_drop_strings(e, ws);
    for (int d = 0; d < 2; d++)
        wsc_ws_decoder_clear(&ws->dec[d], &wsc_conv_ws_ops, e);
    wsc_pool_put(&e->notes_pool, ws->notes);
    wsc_pool_put(&e->ledger_pool, ws->ledger);
    wsc_pool_put(&e->tcp.more_pool, ws);
    c->ws = NULL;
    e->ws_open--;
}
