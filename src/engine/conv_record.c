#include "engine/conversation.h"

#include "closure/classify.h"
#include "closure/diagnose.h"

#include <string.h>

static void fill_end(struct wsc_ev_end *out, const struct wsc_tcp_at *at, uint64_t off)
{
    if (at->ref != 0)
        *out = (struct wsc_ev_end){
            .ts_ns = at->ts_ns, .ref = at->ref, .off = off, .ack_off = at->ack_off};
}

/* So many segments sent again long after an RST are no chance. */
#define REPEATS 2u

/* A host is not started anew so soon. */
#define REBOOT_NS UINT64_C(2000000000)

/* True if |rst| is what a host sends that has no such connection (RFC 9293 3.10.7.1): no
 * acknowledgement, not from the socket, whose packets are counted, but from where it always came
 * from. It had the connection just before, and did not say that it ended. */
static bool knows_nothing(const struct wsc_tcp_conn *tcp, enum wsc_way way,
                          const struct wsc_tcp_rst *rst)
{
    const struct wsc_tcp_origin *o = &rst->origin;
    uint64_t spoke = tcp->dir[way].new_ns, heard = tcp->dir[wsc_way_back(way)].acked_ns;
    uint64_t alive = spoke > heard ? spoke : heard;
    return rst->bare && o->ttl_run > 0 && o->ttl == o->usual_ttl && o->id_run > 0 &&
           o->ip_id == 0 && rst->at.ts_ns < alive + REBOOT_NS && tcp->more->fin[way].at.ref == 0;
}

static void fill_side(const struct wsc_conv *c, enum wsc_dir d, struct wsc_ev_side *out)
{
    const struct wsc_conv_ws *ws = c->ws;
    enum wsc_way way = wsc_conv_way(c, d);
    const struct wsc_tcp_dir *tcp = &c->tcp.dir[way];
    *out = (struct wsc_ev_side){
        .captured = (tcp->flags & WSC_TCP_SEEN) != 0,
        .hidden = (ws->hidden & 1u << d) != 0,
        .hidden_off = ws->notes != NULL ? ws->notes->hidden_off[d] : 0,
        .hidden_ack_off = ws->notes != NULL ? ws->notes->hidden_ack_off[d] : WSC_EV_NO_ACK,
        .end_off = wsc_tcp_off(tcp, tcp->end_seq),
        .acked_known = (tcp->flags & WSC_TCP_ACKED) != 0,
        .acked_off = wsc_tcp_off(tcp, tcp->acked_seq),
        .acked_ns = tcp->acked_ns,
        .unanswered = tcp->unanswered,
        .frames = ws->frames[d],
    };
    if (c->tcp.more != NULL) {
        fill_end(&out->fin, &c->tcp.more->fin[way].at, c->tcp.more->fin[way].off);
        const struct wsc_tcp_rst *rst = &wsc_tcp_resets(&c->tcp)->rst[way];
        fill_end(&out->rst, &rst->at, rst->off);
        out->rst.answer =
            out->rst.ref != 0 && (rst->repeats >= REPEATS || knows_nothing(&c->tcp, way, rst));
    }
    if (c->inner != NULL && c->inner->alert[d].ref != 0)
        out->alert = (struct wsc_ev_end){.ts_ns = c->inner->alert[d].ns,
                                         .ref = c->inner->alert[d].ref,
                                         .off = c->inner->alert[d].off,
                                         .ack_off = c->inner->alert[d].ack_off};
    if (c->inner != NULL && c->inner->goaway[d].error != 0)
        out->goaway = (struct wsc_ev_end){.ts_ns = c->inner->goaway[d].ns,
                                          .ref = c->inner->goaway[d].ref,
                                          .off = c->inner->goaway[d].off,
                                          .ack_off = WSC_EV_NO_ACK};
    const struct wsc_conv_stream *stream = c->inner != NULL ? c->inner->now : NULL;
    if (stream != NULL && stream->end[d].ref != 0)
        out->fin = stream->end[d];
    if (stream != NULL && stream->rst[d].ref != 0)
        out->rst = stream->rst[d];
    const struct wsc_conv_notes *n = ws->notes;
    if (n == NULL)
        return;
    out->first = n->first[d].ev;
    out->valid = n->valid[d].ev;
    out->broke_rule = n->before[d].broke_rule;
    out->data_last = n->before[d].data_last;
    out->text_last = n->before[d].text_last;
    out->last_data_ns = n->before[d].last_data_ns;
    out->last_len = n->before[d].last_len;
    out->longest_before = n->before[d].longest_before;
}

static void fill_close(struct wsc_close_frame *out, const struct wsc_ev_close *ev)
{
    *out = (struct wsc_close_frame){.seen = ev->seen,
                                    .code = ev->seen ? ev->code : WSC_UNKNOWN,
                                    .reason = ev->reason,
                                    .valid = ev->valid,
                                    .at_ns = ev->ts_ns,
                                    .packet = ev->ref};
}

struct wsc_endpoint wsc_conv_endpoint(const struct wsc_conv *c, enum wsc_dir d)
{
    enum wsc_way way = wsc_conv_way(c, d);
    struct wsc_endpoint out = {.port = c->node.key.port[way],
                               .family = wsc_flow_family(&c->node.key)};
    memcpy(out.addr, c->node.key.addr[way], sizeof(out.addr));
    return out;
}

static struct wsc_span text(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

static void fill_tls(const struct wsc_tls_info *info, struct wsc_closure *r)
{
    static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
    if (info->version >= 0x0301 && info->version <= 0x0304)
        r->tls_version = text(versions[info->version - 0x0301]);
    if (info->sni_len > 0)
        r->sni = (struct wsc_span){.ptr = info->sni, .len = info->sni_len};
}

static void fill_identity(const struct wsc_engine *e, const struct wsc_conv *c,
                          struct wsc_closure *r)
{
    const struct wsc_conv_inner *in = c->inner;
    const struct wsc_conv_ws *ws = c->ws;
    r->id = WSC_UNKNOWN;
    r->client = wsc_conv_endpoint(c, WSC_DIR_C2S);
    r->server = wsc_conv_endpoint(c, WSC_DIR_S2C);
    r->first_packet = c->first_ref;
    r->last_packet = c->last_ref;
    r->stream_id = ws->serial;
    r->scheme = text(in != NULL && in->tls != NULL ? "wss" : "ws");
    if (in != NULL && in->now != NULL)
        r->http = text("2");
    else if (!ws->midstream && ws->handshake != WSC_EV_ENCRYPTED)
        r->http = text("1.1");
    if (in != NULL && in->tls != NULL)
        fill_tls(wsc_tls_info(in->tls), r);
    r->host = wsc_conv_string(e, ws, WSC_STRING_HOST);
    r->path = wsc_conv_string(e, ws, WSC_STRING_PATH);
    r->subprotocol = wsc_conv_string(e, ws, WSC_STRING_SUBPROTOCOL);
    r->extensions = wsc_conv_string(e, ws, WSC_STRING_EXTENSIONS);
    r->user_agent = wsc_conv_string(e, ws, WSC_STRING_USER_AGENT);
    r->origin = wsc_conv_string(e, ws, WSC_STRING_ORIGIN);
    r->server_software = wsc_conv_string(e, ws, WSC_STRING_SERVER_SOFTWARE);
    const char *app = c->label != 0 ? wsc_ident_name(e->ident, c->label) : NULL;
    if (app != NULL)
        r->app = (struct wsc_span){.ptr = (const uint8_t *)app, .len = strlen(app)};
    r->handshake_status = ws->status != 0 ? ws->status : WSC_UNKNOWN;
    r->midstream = ws->midstream;
}

static void fill_counts(const struct wsc_conv *c, struct wsc_closure *r)
{
    const struct wsc_conv_ws *ws = c->ws;
    const struct wsc_conv_stream *stream = c->inner != NULL ? c->inner->now : NULL;
    for (int d = 0; d < 2; d++) {
        const struct wsc_tcp_dir *tcp = &c->tcp.dir[wsc_conv_way(c, (enum wsc_dir)d)];
        r->frames[d] = ws->frames[d];
        r->messages[d] = ws->messages[d];
        r->bytes[d] = ws->bytes[d];
        r->last_message[d] = ws->messages[d] > 0 ? (int64_t)ws->message_len[d] : WSC_UNKNOWN;
        r->pings[d] = ws->ledger != NULL ? ws->ledger->pings[d] : 0;
        r->pongs[d] = ws->ledger != NULL ? ws->ledger->pongs[d] : 0;
        r->missing_bytes[d] = stream != NULL
                                  ? stream->missing[d]
                                  : wsc_tcp_conn_missing(&c->tcp, wsc_conv_way(c, (enum wsc_dir)d));
        r->retransmitted[d] = tcp->retransmitted;
    }
    r->last_rtt_ns = ws->ledger != NULL ? ws->ledger->rtt_ns : WSC_UNKNOWN;
}

/* 73 years: a longer span is a leap of the clock, and what is computed of it would not fit. */
#define SPAN_MAX_NS ((uint64_t)INT64_MAX / 4)

static int64_t span_ns(uint64_t from, uint64_t to)
{
    return from != 0 && to >= from && to - from <= SPAN_MAX_NS ? (int64_t)(to - from) : WSC_UNKNOWN;
}

static void fill_times(const struct wsc_conv *c, const struct wsc_verdict *v, struct wsc_closure *r)
{
    const struct wsc_conv_ws *ws = c->ws;
    r->started_ns = c->started_ns;
    r->established_ns = ws->handshake != WSC_EV_REJECTED ? ws->established_ns : 0;
    r->ended_ns = v->ended_ns;
    r->last_ns = c->last_ns;
    r->duration_ns = span_ns(r->established_ns != 0 ? r->established_ns : r->started_ns,
                             r->ended_ns != 0 ? r->ended_ns : r->last_ns);
    r->idle_any_ns = r->idle_client_ns = r->idle_server_ns = r->idle_data_ns = WSC_UNKNOWN;
    if (v->ended_ns == 0 || ws->notes == NULL || !ws->notes->idle_taken)
        return;
    const uint64_t *base = ws->notes->idle_base_ns;
    r->idle_any_ns = span_ns(base[0], v->ended_ns);
    r->idle_client_ns = span_ns(base[1], v->ended_ns);
    r->idle_server_ns = span_ns(base[2], v->ended_ns);
    r->idle_data_ns = span_ns(base[3], v->ended_ns);
}

static void fill_verdict(const struct wsc_verdict *v, struct wsc_closure *r)
{
    r->outcome = v->outcome;
    r->ending = v->ending;
    r->close_code = v->close_code;
    r->code_source = v->code_source;
    r->reason = v->reason;
    r->closed_by = v->closed_by;
    r->saw[0] = v->saw[0];
    r->saw[1] = v->saw[1];
    r->tcp_end = v->tcp_end;
    r->tcp_end_by = v->tcp_end_by;
    r->tcp_end_packet = v->tcp_end_ref;
}

/* A request that the capture ends right after is no attempt anybody can judge: it is counted, not
 * recorded. One left without an answer for this long is worth a record. */
#define UNANSWERED_NS UINT64_C(5000000000)

static bool cut_short(const struct wsc_evidence *ev, const struct wsc_verdict *v, uint64_t asked_ns)
{
    return ev->handshake == WSC_EV_PENDING && ev->stop == WSC_EV_STOP_CAPTURE &&
           v->outcome == WSC_OUTCOME_UNKNOWN && v->ending == WSC_ENDING_NONE &&
           ev->now_ns < asked_ns + UNANSWERED_NS;
}

static void hand_over(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop,
                      bool wss_known, bool provisional)
{
    struct wsc_conv_ws *ws = c->ws;
    struct wsc_evidence ev = {.handshake = (enum wsc_ev_handshake)ws->handshake,
                              .stop = stop,
                              .now_ns = e->now_ns,
                              .wss_known = wss_known};
    fill_side(c, WSC_DIR_C2S, &ev.side[WSC_DIR_C2S]);
    fill_side(c, WSC_DIR_S2C, &ev.side[WSC_DIR_S2C]);
    for (int d = 0; d < 2; d++)
        ev.lost |= e->lost_to_ns != 0 && e->lost_to_ns >= ev.side[d].acked_ns &&
                   e->lost_from_ns <= c->last_ns;
    struct wsc_verdict v;
    wsc_classify(&ev, &v);
    if (cut_short(&ev, &v, c->started_ns)) {
        e->pending += !provisional;
        return;
    }

    struct wsc_closure r = {0};
    fill_identity(e, c, &r);
    fill_times(c, &v, &r);
    fill_verdict(&v, &r);
    fill_counts(c, &r);
    for (int d = 0; d < 2; d++)
        fill_close(&r.close[d], &ev.side[d].first);
    if (ws->notes != NULL) {
        memcpy(r.violations, ws->notes->violations,
               ws->notes->violations_len * sizeof(r.violations[0]));
        r.violations_len = ws->notes->violations_len;
        r.violations_more = ws->notes->violations_more;
    }
    char key[WSC_WS_KEY_TEXT];
    if (ws->key_known) {
        wsc_ws_upgrade_key_text(ws->key, key);
        r.key = (struct wsc_span){.ptr = (const uint8_t *)key, .len = sizeof(key) - 1};
    }
    uint8_t state[WSC_CONV_STATE];
    if (e->opt.keep_states && r.outcome == WSC_OUTCOME_OPEN)
        r.open_state.len = wsc_conv_save(c, state);
    if (r.open_state.len > 0)
        r.open_state.ptr = state;
    r.resumed_id = ws->ledger != NULL ? ws->ledger->resumed_id : 0;
    r.provisional = provisional;
    r.replaced_id = ws->foretold > 0 ? WSC_UNKNOWN : 0;
    struct wsc_signs signs;
    struct wsc_claims claims;
    wsc_conv_signs(e, c, &signs);
    wsc_diagnose(
        &(struct wsc_case){
            .rec = &r, .ev = &ev, .signs = &signs, .no_evidence = e->opt.no_evidence},
        &claims, &r);
    e->records += !provisional;
    e->on_record(e->ctx, &r);
}

/* Where TLS failed, whether that was the end of a WebSocket is known from other connections. Who
 * has not seen all of them hands over what the record is in either case. */
static void judge(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop, bool provisional)
{
    uint64_t dark;
    for (int d = 0; d < 2; d++)
        if (wsc_conv_tls_dark(c, (enum wsc_dir)d, &dark))
            wsc_conv_hide(e, (enum wsc_dir)d, dark);
    if (c->ws->handshake != WSC_EV_TLS_FAILED) {
        hand_over(e, c, stop, false, provisional);
        return;
    }
    struct wsc_endpoint server = wsc_conv_endpoint(c, WSC_DIR_S2C);
    if (e->wide == NULL) {
        hand_over(e, c, stop, wsc_wss_places_known(e->wss_places, &server), provisional);
        return;
    }
    for (int known = e->opt.encrypted ? 0 : 1; known < 2; known++) {
        e->wide->on_condition(e->ctx, &server, known != 0);
        hand_over(e, c, stop, known != 0, provisional);
    }
}

void wsc_conv_record(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop)
{
    judge(e, c, stop, false);
}

void wsc_conv_foretell(struct wsc_engine *e, struct wsc_conv *c, bool over)
{
    judge(e, c, over ? WSC_EV_STOP_OVER : WSC_EV_STOP_CAPTURE, true);
    c->ws->foretold++;
}
