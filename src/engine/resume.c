/* Going on with connections that were open when an earlier run stopped. */
#include "engine/conversation.h"

#include "base/bytes.h"

#include <string.h>

/* A stream of an earlier run goes on from this offset: what comes before it, back to the start of a
 * frame under way, has room, and its low half is 0, so that it falls together with the sequence
 * number. */
#define RESUMED_OFF (UINT64_C(1) << 32)

/* version, handshake, app, seq_known, last_kind[2], tunnel_id, next_seq[2], new_ns[2],
 * last_data_ns, decoder[2] */
#define VERSION    1u
#define AT_TUNNEL  6u
#define AT_SEQ     10u
#define AT_NEW     18u
#define AT_DATA    34u
#define AT_DECODER 42u
#define STATE_LEN  (AT_DECODER + 2 * WSC_WS_DECODER_STATE)
_Static_assert(STATE_LEN <= WSC_CONV_STATE, "a state has room");

static void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

size_t wsc_conv_save(const struct wsc_conv *c, uint8_t out[WSC_CONV_STATE])
{
    const struct wsc_conv_ws *ws = c->ws;
    if (c->inner != NULL)
        return 0;
    memset(out, 0, WSC_CONV_STATE);
    out[0] = VERSION;
    out[1] = ws->handshake;
    out[2] = ws->app;
    put_be(out + AT_TUNNEL, wsc_flow_tunnel(&c->node.key), 4);
    put_be(out + AT_DATA, ws->last_data_ns, 8);
    for (unsigned d = 0; d < 2; d++) {
        const struct wsc_tcp_dir *tcp = &c->tcp.dir[wsc_conv_way(c, (enum wsc_dir)d)];
        bool known = (tcp->flags & WSC_TCP_STARTED) != 0 &&
                     c->mode[wsc_conv_way(c, (enum wsc_dir)d)] == WSC_CONV_WS;
        if (known)
            out[3] |= (uint8_t)(1u << d);
        out[4 + d] = ws->last_kind[d];
        put_be(out + AT_SEQ + 4 * d, tcp->seq0 + (uint32_t)tcp->next_off, 4);
        put_be(out + AT_NEW + 8 * d, tcp->new_ns, 8);
        wsc_ws_decoder_save(&ws->dec[d], out + AT_DECODER + WSC_WS_DECODER_STATE * d);
    }
    return STATE_LEN;
}

static bool valid(struct wsc_span s)
{
    return s.ptr != NULL && s.len == STATE_LEN && s.ptr[0] == VERSION &&
           (s.ptr[1] == WSC_EV_NO_HANDSHAKE || s.ptr[1] == WSC_EV_ACCEPTED ||
            s.ptr[1] == WSC_EV_BAD_ACCEPT) &&
           s.ptr[2] < WSC_APP_COUNT && s.ptr[3] < 4 && s.ptr[4] <= WSC_KIND_TEXT &&
           s.ptr[5] <= WSC_KIND_TEXT;
}

bool wsc_conv_saved_tunnel(struct wsc_span state, uint32_t *tunnel_id)
{
    if (!valid(state))
        return false;
    *tunnel_id = wsc_be32(state.ptr + AT_TUNNEL);
    return *tunnel_id <= WSC_TUNNEL_MAX;
}

static uint32_t count32(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static bool resume_dir(struct wsc_conv *c, enum wsc_dir d, const uint8_t *state)
{
    enum wsc_way way = wsc_conv_way(c, d);
    struct wsc_tcp_dir *tcp = &c->tcp.dir[way];
    const uint8_t *dec = state + AT_DECODER + WSC_WS_DECODER_STATE * (unsigned)d;
    c->ws->last_kind[d] = state[4 + d];
    tcp->new_ns = wsc_be64(state + AT_NEW + 8 * (unsigned)d);
    if (!(state[3] & 1u << d))
        return true; /* its bytes are looked at anew */
    if (!wsc_ws_decoder_load(&c->ws->dec[d], dec, RESUMED_OFF))
        return false;
    tcp->seq0 = tcp->end_seq = wsc_be32(state + AT_SEQ + 4 * (unsigned)d);
    tcp->next_off = RESUMED_OFF;
    tcp->flags |= WSC_TCP_STARTED;
    c->mode[way] = WSC_CONV_WS;
    return true;
}

static void take_counts(struct wsc_engine *e, struct wsc_conv_ws *ws, const struct wsc_closure *r)
{
    for (int d = 0; d < 2; d++) {
        ws->frames[d] = count32(r->frames[d]);
        ws->messages[d] = count32(r->messages[d]);
        ws->bytes[d] = r->bytes[d];
        ws->message_len[d] = r->last_message[d] > 0 ? count32((uint64_t)r->last_message[d]) : 0;
    }
    struct wsc_conv_ledger *l = wsc_conv_ledger(e, ws);
    if (l == NULL)
        return;
    l->resumed_id = r->id;
    l->rtt_ns = r->last_rtt_ns;
    for (int d = 0; d < 2; d++) {
        l->pings[d] = count32(r->pings[d]);
        l->pongs[d] = count32(r->pongs[d]);
    }
}

static void take_strings(struct wsc_engine *e, struct wsc_conv_ws *ws, const struct wsc_closure *r)
{
    const struct wsc_conv_text texts[] = {{WSC_STRING_HOST, r->host},
                                          {WSC_STRING_PATH, r->path},
                                          {WSC_STRING_SUBPROTOCOL, r->subprotocol},
                                          {WSC_STRING_EXTENSIONS, r->extensions},
                                          {WSC_STRING_USER_AGENT, r->user_agent},
                                          {WSC_STRING_ORIGIN, r->origin},
                                          {WSC_STRING_SERVER_SOFTWARE, r->server_software}};
    wsc_conv_set_strings(e, ws, texts, sizeof(texts) / sizeof(texts[0]));
    ws->key_known = wsc_ws_upgrade_key(r->key, ws->key);
}

bool wsc_conv_resume(struct wsc_engine *e, struct wsc_conv *c, enum wsc_way client,
                     const struct wsc_closure *rec)
{
    const uint8_t *state = rec->open_state.ptr;
    struct wsc_tcp_at now = {.ts_ns = rec->started_ns, .ack_off = WSC_TCP_NO_ACK};
    if (!valid(rec->open_state))
        return false;
    e->conv = c;
    e->at = &now;
    c->client = client & 1u;
    c->client_known = true;
    c->started_ns = rec->started_ns;
    c->last_ns = rec->last_ns;
    struct wsc_conv_ws *ws = wsc_conv_ws_new(e, c);
    if (ws == NULL) {
        e->at = NULL;
        return false;
    }
    ws->handshake = state[1];
    ws->app = state[2];
    ws->midstream = rec->midstream;
    ws->established_ns = rec->established_ns;
    ws->status = rec->handshake_status > 0 ? (uint16_t)rec->handshake_status : 0;
    ws->last_data_ns = wsc_be64(state + AT_DATA);
    take_strings(e, ws, rec);
    take_counts(e, ws, rec);
    bool ok = resume_dir(c, WSC_DIR_C2S, state) && resume_dir(c, WSC_DIR_S2C, state);
    e->at = NULL; /* no packet is at hand */
    return ok;
}
