#include "engine/conversation.h"

#include <string.h>

_Static_assert(sizeof(((struct wsc_signs *)0)->goodbye[0]) >= WSC_GOODBYE_TEXT, "goodbyes fit");

static struct wsc_sign_origin origin(const struct wsc_tcp_origin *o)
{
    return (struct wsc_sign_origin){.ttl = o->ttl,
                                    .usual_ttl = o->usual_ttl,
                                    .ttl_run = o->ttl_run,
                                    .id_run = o->id_run,
                                    .ip_id = o->ip_id,
                                    .last_id = o->last_id};
}

static void fill_tcp(const struct wsc_conv *c, struct wsc_signs *out)
{
    const struct wsc_tcp_more *more = c->tcp.more;
    if (more == NULL)
        return;
    const struct wsc_tcp_resets *resets = wsc_tcp_resets(&c->tcp);
    for (int i = 0; i < 2; i++) {
        enum wsc_way way = wsc_conv_way(c, (enum wsc_dir)i);
        const struct wsc_tcp_dir *tcp = &c->tcp.dir[way];
        out->fin[i].origin = origin(&more->fin[way].origin);
        out->fin[i].ttl_stays = tcp->ttl_run >= 2 && tcp->ttl == more->fin[way].origin.ttl;
        out->rst[i] = (struct wsc_sign_end){.origin = origin(&resets->rst[way].origin),
                                            .after_ref = resets->rst[way].after_ref,
                                            .after_count = resets->rst[way].after_count};
    }
    out->stale_count = resets->stale_count;
    out->stale_ref = resets->stale_ref;
    out->stale_by = wsc_conv_dir(c, (enum wsc_way)resets->stale_way);
    out->stale_origin = origin(&resets->stale_origin);
}

/* |p|: as it stood when the end began. */
static void fill_ping(const struct wsc_conv_ping *p, const struct wsc_tcp_dir *tcp,
                      struct wsc_sign_ping *out)
{
    bool known = (tcp->flags & WSC_TCP_ACKED) != 0;
    *out = (struct wsc_sign_ping){
        .ns = p->ns,
        .ref = p->ref,
        .open_ns = p->first_open_ns,
        .open_ref = p->first_open_ref,
        .open = p->open,
        .interval_ns = p->interval_ns,
        .acked_known = known,
        .acked = known && wsc_tcp_off(tcp, tcp->acked_seq) >= p->end,
    };
}

static void fill_ledger(const struct wsc_conv *c, struct wsc_signs *out)
{
    const struct wsc_conv_ledger *l = c->ws->ledger;
    const struct wsc_conv_notes *n = c->ws->notes;
    bool ended = n != NULL && n->idle_taken;
    out->rtt_ns = ended ? n->rtt_ns : l != NULL ? l->rtt_ns : WSC_UNKNOWN;
    for (int i = 0; l != NULL && i < 2; i++) {
        fill_ping(ended ? &n->ping[i] : &l->ping[i], &c->tcp.dir[wsc_conv_way(c, (enum wsc_dir)i)],
                  &out->ping[i]);
        out->pong_ns[i] = ended ? n->pong_ns[i] : l->pong[i].ns;
        out->large[i] = (struct wsc_sign_large){.ref = l->large[i].ref,
                                                .frame_len = l->large[i].frame_len,
                                                .compressed = l->large[i].compressed};
    }
}

/* The cause that a goodbye stands for, where its protocol says one. */
static const char *leave(enum wsc_ws_goodbye g, uint8_t code)
{
    switch (g) {
    case WSC_GOODBYE_ENGINE_IO_CLOSE:
    case WSC_GOODBYE_SOCKET_IO_DISCONNECT:
    case WSC_GOODBYE_GRAPHQL_TERMINATE:
    case WSC_GOODBYE_STOMP_DISCONNECT:
    case WSC_GOODBYE_WAMP_GOODBYE:
        return wsc_cause_name(WSC_CAUSE_NORMAL);
    case WSC_GOODBYE_ACTION_CABLE_DISCONNECT:
        return code == 1   ? wsc_cause_name(WSC_CAUSE_UNAUTHORIZED)
               : code == 3 ? wsc_cause_name(WSC_CAUSE_SERVICE_RESTART)
                           : NULL;
    case WSC_GOODBYE_MQTT_DISCONNECT: /* MQTT 5 3.14.2.1 */
        return code == 0x00 || code == 0x04 ? wsc_cause_name(WSC_CAUSE_NORMAL)
               : code == 0x87               ? wsc_cause_name(WSC_CAUSE_UNAUTHORIZED)
               : code == 0x89               ? wsc_cause_name(WSC_CAUSE_OVERLOAD)
               : code == 0x8b               ? wsc_cause_name(WSC_CAUSE_SERVER_SHUTDOWN)
               : code == 0x8d               ? wsc_cause_name(WSC_CAUSE_KEEPALIVE_TIMEOUT)
               : code == 0x95               ? wsc_cause_name(WSC_CAUSE_MESSAGE_TOO_BIG)
               : code == 0xa0               ? wsc_cause_name(WSC_CAUSE_LIFETIME_LIMIT)
                                            : NULL;
    case WSC_GOODBYE_NONE:
    case WSC_GOODBYE_SIGNALR_CLOSE:
    case WSC_GOODBYE_GRAPHQL_ERROR:
    case WSC_GOODBYE_GRAPHQL_COMPLETE:
    case WSC_GOODBYE_WAMP_ABORT:
    case WSC_GOODBYE_STOMP_ERROR:
        break;
    }
    return NULL;
}

static void fill_frames(const struct wsc_conv *c, struct wsc_signs *out)
{
    const struct wsc_conv_ws *ws = c->ws;
    for (int i = 0; i < 2; i++) {
        enum wsc_ws_goodbye g = (enum wsc_ws_goodbye)ws->goodbye[i];
        if (g != WSC_GOODBYE_NONE) {
            wsc_ws_goodbye_text(g, ws->goodbye_code[i], out->goodbye[i]);
            out->leave[i] = leave(g, ws->goodbye_code[i]);
        }
        if (ws->dec[i].state == WSC_WS_PAYLOAD)
            out->cut_left[i] = ws->dec[i].left;
        else if (ws->dec[i].state == WSC_WS_HEADER && ws->dec[i].have > 0)
            out->cut_left[i] = 1; /* at least: not even its header is whole */
    }
}

static void fill_inner(const struct wsc_conv *c, struct wsc_signs *out)
{
    const struct wsc_conv_inner *in = c->inner;
    if (in == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        out->alert[i] = in->alert[i];
        out->goaway[i] = in->goaway[i];
    }
    if (in->tls != NULL) {
        const struct wsc_tls_info *info = wsc_tls_info(in->tls);
        bool known = info->alpn_len > 0;
        out->tls = true;
        out->alpn = (struct wsc_span){.ptr = known ? info->alpn : info->offered,
                                      .len = known ? info->alpn_len : info->offered_len};
    }
    out->stream.announced = in->connect_protocol || in->h2_lost[WSC_DIR_S2C];
    for (int i = 0; in->now != NULL && i < 2; i++) {
        out->stream.id = in->now->id;
        out->stream.error[i] = in->now->rst_error[i];
        if (in->now->rst[i].ref != 0)
            out->stream.error_name[i] = wsc_h2_error_name(in->now->rst_error[i]);
    }
}

void wsc_conv_signs(const struct wsc_engine *e, const struct wsc_conv *c, struct wsc_signs *out)
{
    const struct wsc_conv_ws *ws = c->ws;
    *out = (struct wsc_signs){.limits = e->limits};
    fill_tcp(c, out);
    fill_ledger(c, out);
    fill_frames(c, out);
    fill_inner(c, out);
    out->quiet_ns = (int64_t)ws->quiet_ms * 1000000;
    if (ws->quiet_ms != 0)
        out->quiet_end_ns = c->started_ns + (uint64_t)ws->quiet_end_ms * 1000000;
    out->answer_ref = ws->handshake == WSC_EV_REJECTED ? ws->answer_ref : 0;
    out->software[WSC_DIR_C2S] = wsc_conv_software(e, ws, WSC_STRING_USER_AGENT);
    out->software[WSC_DIR_S2C] = wsc_conv_software(e, ws, WSC_STRING_SERVER_SOFTWARE);
    out->via = wsc_conv_string(e, ws, WSC_STRING_VIA);
    out->cf_ray = wsc_conv_string(e, ws, WSC_STRING_CF_RAY);
    out->location = wsc_conv_string(e, ws, WSC_STRING_LOCATION);
    out->www_authenticate = wsc_conv_string(e, ws, WSC_STRING_WWW_AUTHENTICATE);
    out->phrase = wsc_conv_string(e, ws, WSC_STRING_PHRASE);
}
