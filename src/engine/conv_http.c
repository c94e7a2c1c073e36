#include "engine/conv_trace.h"
#include "http/ws_subprotocol.h"

#include <string.h>

/* What a request asks for, as far as its answer must be read differently. */
enum request_kind { REQUEST_PLAIN, REQUEST_HEAD, REQUEST_CONNECT, REQUEST_UPGRADE };
#define REQUESTS_MAX 32u /* outstanding; beyond it the answers are read as to plain requests */

bool wsc_conv_pre_need(struct wsc_engine *e, struct wsc_conv *c)
{
    if (c->pre == NULL) {
        c->pre = wsc_pool_get(&e->pre_pool);
        if (c->pre != NULL)
            memset(c->pre, 0, sizeof(*c->pre));
    }
    return c->pre != NULL;
}

void wsc_conv_http_close(struct wsc_conv_pre *pre)
{
    for (int w = 0; w < 2; w++) {
        wsc_h1_free(pre->h1[w]);
        pre->h1[w] = NULL;
    }
}

static void set_client(struct wsc_conv *c, enum wsc_way way)
{
    c->client = way & 1u;
    c->client_known = true;
}

/* ---- requests ---- */

static void push_request(struct wsc_conv_pre *pre, enum request_kind kind)
{
    if (pre->requests_len < REQUESTS_MAX)
        pre->requests |= (uint64_t)kind << (2 * pre->requests_len++);
}

static enum request_kind pop_request(struct wsc_conv_pre *pre)
{
    enum request_kind kind = (enum request_kind)(pre->requests & 3);
    pre->requests >>= 2;
    pre->requests_len--;
    return kind;
}

static void keep_key(struct wsc_conv_pre *pre, struct wsc_span key)
{
    pre->key_len = key.ptr != NULL && key.len <= sizeof(pre->key) ? (uint8_t)key.len : 0;
    if (pre->key_len > 0)
        memcpy(pre->key, key.ptr, key.len);
}

/* In |client_start|: the request has come after its answer, and is being read. */
#define BEHIND_REQUEST UINT64_MAX

/* Where frames were expected the client sends a request: another one, if the answer to the first is
 * still awaited. Else it is the first: TLS tells one direction late when it lacks a secret. */
bool wsc_conv_request_after(struct wsc_engine *e, struct wsc_conv *c)
{
    if (c->ws->handshake != WSC_EV_PENDING) {
        if (wsc_conv_string(e, c->ws, WSC_STRING_PATH).len > 0 || !wsc_conv_pre_need(e, c))
            return false;
        c->pre->client_start = BEHIND_REQUEST;
    }
    c->mode[c->client] = WSC_CONV_NEW;
    return true;
}

/* The client's bytes have come to where its frames start. */
static void reach_client_start(struct wsc_conv *c)
{
    c->mode[c->client] = WSC_CONV_WS;
    c->ws->hidden &= (uint8_t) ~(1u << WSC_DIR_C2S);
    c->pre->client_start = 0;
}

static bool at_client_start(const struct wsc_conv *c, enum wsc_way way, uint64_t off)
{
    return c->ws != NULL && c->pre != NULL && c->pre->client_start != 0 &&
           way == (enum wsc_way)c->client && off == c->pre->client_start;
}

void wsc_conv_note_request(struct wsc_engine *e, struct wsc_conv_ws *ws,
                           const struct wsc_h1_head *head)
{
    const struct wsc_conv_text texts[] = {
        {WSC_STRING_HOST, wsc_ws_upgrade_host(head->fields[WSC_H1_HOST])},
        {WSC_STRING_PATH, wsc_ws_upgrade_path(head->target, e->opt.keep_query)},
        {WSC_STRING_USER_AGENT, head->fields[WSC_H1_USER_AGENT]},
        {WSC_STRING_ORIGIN, wsc_ws_upgrade_bare_url(head->fields[WSC_H1_ORIGIN])}};
    wsc_conv_set_strings(e, ws, texts, sizeof(texts) / sizeof(texts[0]));
}

/* True if bytes of the server that came after the request were told before it, and not read as
 * HTTP: they may be, or follow, the answer. Within TLS nothing comes before the first. */
static bool answer_passed(const struct wsc_engine *e)
{
    const struct wsc_conv *c = e->conv;
    enum wsc_way server = wsc_way_back(e->way);
    bool tls = c->inner != NULL && c->inner->tls != NULL;
    uint64_t had = tls ? 0 : e->at->ack_off;
    return c->mode[server] == WSC_CONV_NEW && had != WSC_TCP_NO_ACK &&
           wsc_conv_next_off(c, server) > had;
}

/* A WebSocket attempt begins. What the client sends from |end| on is read as frames until the
 * answer says otherwise. */
static void begin_attempt(struct wsc_engine *e, const struct wsc_h1_head *head, uint64_t end)
{
    struct wsc_conv *c = e->conv;
    if (c->ws != NULL) {
        wsc_conv_record(e, c, WSC_EV_STOP_OVER);
        wsc_conv_ws_clear(e, c);
    }
    struct wsc_conv_ws *ws = wsc_conv_ws_new(e, c);
    if (ws == NULL)
        return;
    ws->handshake = WSC_EV_PENDING;
    wsc_conv_note_request(e, ws, head);
    keep_key(c->pre, head->fields[WSC_H1_SEC_WEBSOCKET_KEY]);
    ws->key_known = wsc_ws_upgrade_key(head->fields[WSC_H1_SEC_WEBSOCKET_KEY], ws->key);
    c->pre->early_ref = 0;
    if (answer_passed(e))
        wsc_conv_hide(e, WSC_DIR_S2C, e->at->ack_off);
    /* Which extensions are spoken the answer says, and a capture may have it late. */
    wsc_ws_decoder_init(&ws->dec[WSC_DIR_C2S], WSC_DIR_C2S, WSC_WS_EXT_UNKNOWN, end);
    c->mode[e->way] = WSC_CONV_WS;
}

static enum wsc_h1_next on_request(struct wsc_engine *e, const struct wsc_h1_head *head,
                                   uint64_t end)
{
    struct wsc_conv *c = e->conv;
    if (c->ws != NULL && c->pre->client_start == BEHIND_REQUEST) {
        c->pre->client_start = end;
        c->ws->dec[WSC_DIR_C2S].offset = end;
    }
    if (at_client_start(c, e->way, end)) { /* its answer was captured before it */
        wsc_conv_note_request(e, c->ws, head);
        reach_client_start(c);
        return WSC_H1_STOP;
    }
    if (wsc_ws_upgrade_wanted(head)) {
        push_request(c->pre, REQUEST_UPGRADE);
        begin_attempt(e, head, end);
        return c->mode[e->way] == WSC_CONV_WS ? WSC_H1_STOP : WSC_H1_GO_ON;
    }
    push_request(c->pre, head->head_method ? REQUEST_HEAD
                         : head->connect   ? REQUEST_CONNECT
                                           : REQUEST_PLAIN);
    return WSC_H1_GO_ON;
}

/* ---- responses ---- */

static enum wsc_ws_extensions extensions_of(struct wsc_span field)
{
    switch (wsc_ws_upgrade_extensions(field)) {
    case WSC_NEGOTIATED_DEFLATE:
        return WSC_WS_EXT_DEFLATE;
    case WSC_NEGOTIATED_OTHER:
        return WSC_WS_EXT_UNKNOWN;
    case WSC_NEGOTIATED_NONE:
        break;
    }
    return WSC_WS_EXT_NONE;
}

/* What says why: the headers that a rejection carries. */
void wsc_conv_note_rejection(struct wsc_engine *e, struct wsc_conv_ws *ws,
                             const struct wsc_h1_head *head)
{
    ws->status = (uint16_t)head->status;
    ws->handshake = WSC_EV_REJECTED;
    ws->answer_ref = e->at->ref;
    const struct wsc_conv_text texts[] = {
        {WSC_STRING_SERVER_SOFTWARE, head->fields[WSC_H1_SERVER]},
        {WSC_STRING_VIA, head->fields[WSC_H1_VIA]},
        {WSC_STRING_PHRASE, head->phrase},
        {WSC_STRING_CF_RAY, head->fields[WSC_H1_CF_RAY]},
        {WSC_STRING_WWW_AUTHENTICATE,
         wsc_ws_upgrade_challenge(head->fields[WSC_H1_WWW_AUTHENTICATE])},
        {WSC_STRING_LOCATION, wsc_ws_upgrade_bare_url(head->fields[WSC_H1_LOCATION])}};
    wsc_conv_set_strings(e, ws, texts, sizeof(texts) / sizeof(texts[0]));
}

/* "8f3c...-FRA": the part before the hyphen differs for each connection. */
static struct wsc_span data_centre(struct wsc_span ray)
{
    const uint8_t *hyphen = ray.ptr != NULL ? memrchr(ray.ptr, '-', ray.len) : NULL;
    if (hyphen == NULL)
        return (struct wsc_span){0};
    return (struct wsc_span){.ptr = hyphen + 1, .len = ray.len - (size_t)(hyphen + 1 - ray.ptr)};
}

static void reject(struct wsc_engine *e, const struct wsc_h1_head *head)
{
    struct wsc_conv *c = e->conv;
    if (c->ws == NULL)
        return;
    wsc_conv_note_rejection(e, c->ws, head);
    enum wsc_way client = wsc_way_back(e->way);
    if (c->mode[client] == WSC_CONV_WS)
        c->mode[client] = WSC_CONV_NEW; /* another request may follow */
}

/* The frames of the client start where its next bytes are, unless they began before the answer
 * came. */
static void start_client(struct wsc_conv *c, struct wsc_conv_ws *ws, enum wsc_way client,
                         enum wsc_ws_extensions ext)
{
    struct wsc_ws_decoder *dec = &ws->dec[WSC_DIR_C2S];
    uint64_t off = wsc_conv_next_off(c, client);
    if (c->mode[client] == WSC_CONV_WS && ws->frames[WSC_DIR_C2S] > 0) {
        wsc_ws_decoder_extensions(dec, ext);
        return;
    }
    if (c->mode[client] == WSC_CONV_WS && dec->offset != off)
        off = dec->offset;
    if (c->mode[client] == WSC_CONV_WS && !wsc_ws_decoder_at_boundary(dec)) {
        wsc_ws_decoder_extensions(dec, ext);
        return;
    }
    wsc_ws_decoder_init(dec, WSC_DIR_C2S, ext, off);
    c->mode[client] = WSC_CONV_WS;
}

/* The answer was told while the request, which is not known yet, was being read: its first byte may
 * be alone in a record of TLS, and the rest be told behind the answer. */
static bool within_request(struct wsc_engine *e, const struct wsc_conv_ws *ws, enum wsc_way client)
{
    const struct wsc_conv *c = e->conv;
    return c->mode[client] == WSC_CONV_HTTP && wsc_h1_within_head(c->pre->h1[client]) &&
           wsc_conv_string(e, ws, WSC_STRING_PATH).len == 0;
}

/* Where the client's frames start: behind what the 101 acknowledged, which was the request. If the
 * capture does not show that yet, its bytes are read as a request until then. (Within TLS an
 * acknowledgement says nothing of offsets: there they start with the next byte, or behind the
 * request that is being read.) */
static void place_client(struct wsc_engine *e, struct wsc_conv_ws *ws, enum wsc_way client,
                         enum wsc_ws_extensions ext)
{
    struct wsc_conv *c = e->conv;
    bool late = c->mode[client] != WSC_CONV_WS && !e->wire.mapped &&
                e->at->ack_off != WSC_TCP_NO_ACK && e->at->ack_off > c->tcp.dir[client].next_off;
    if (!late && within_request(e, ws, client)) {
        c->pre->client_start = BEHIND_REQUEST;
        wsc_ws_decoder_init(&ws->dec[WSC_DIR_C2S], WSC_DIR_C2S, ext, wsc_conv_next_off(c, client));
        return;
    }
    if (!late) {
        bool passed = c->mode[client] != WSC_CONV_WS && e->at->ack_off != WSC_TCP_NO_ACK &&
                      e->at->ack_off < c->tcp.dir[client].next_off;
        start_client(c, ws, client, ext);
        if (passed) /* frames that came before their turn, and were not known as such */
            wsc_conv_hide(e, WSC_DIR_C2S, e->at->ack_off);
        return;
    }
    c->pre->client_start = e->at->ack_off;
    wsc_ws_decoder_init(&ws->dec[WSC_DIR_C2S], WSC_DIR_C2S, ext, e->at->ack_off);
    if (c->mode[client] == WSC_CONV_SKIP)
        c->mode[client] = WSC_CONV_NEW;
}

enum wsc_ws_extensions wsc_conv_note_acceptance(struct wsc_engine *e, struct wsc_conv_ws *ws,
                                                const struct wsc_h1_head *head)
{
    ws->status = (uint16_t)head->status;
    ws->established_ns = e->at->ts_ns;
    uint8_t names[WSC_WS_SUBPROTOCOL_MAX];
    const struct wsc_conv_text texts[] = {
        {WSC_STRING_SERVER_SOFTWARE, head->fields[WSC_H1_SERVER]},
        {WSC_STRING_VIA, head->fields[WSC_H1_VIA]},
        {WSC_STRING_SUBPROTOCOL,
         wsc_ws_subprotocol_names(head->fields[WSC_H1_SEC_WEBSOCKET_PROTOCOL], names)},
        {WSC_STRING_EXTENSIONS, head->fields[WSC_H1_SEC_WEBSOCKET_EXTENSIONS]},
        {WSC_STRING_CF_RAY, data_centre(head->fields[WSC_H1_CF_RAY])}};
    wsc_conv_set_strings(e, ws, texts, sizeof(texts) / sizeof(texts[0]));
    if (head->partial) /* what does not stand there may have been sent */
        return WSC_WS_EXT_UNKNOWN;
    return extensions_of(head->fields[WSC_H1_SEC_WEBSOCKET_EXTENSIONS]);
}

static void establish(struct wsc_engine *e, const struct wsc_h1_head *head, uint64_t end,
                      bool right)
{
    struct wsc_conv *c = e->conv;
    enum wsc_way client = wsc_way_back(e->way);
    struct wsc_conv_ws *ws = c->ws != NULL ? c->ws : wsc_conv_ws_new(e, c);
    if (ws == NULL)
        return;
    enum wsc_ws_extensions ext = wsc_conv_note_acceptance(e, ws, head);
    ws->handshake = right ? WSC_EV_ACCEPTED : WSC_EV_BAD_ACCEPT;
    ws->hidden &= (uint8_t) ~(1u << WSC_DIR_S2C);
    wsc_ws_decoder_init(&ws->dec[WSC_DIR_S2C], WSC_DIR_S2C, ext, end);
    c->mode[e->way] = WSC_CONV_WS;
    place_client(e, ws, client, ext);
    wsc_conv_app(e, ws);
    if (!right)
        wsc_conv_violation(e, WSC_DIR_S2C, WSC_RULE_BAD_ACCEPT_KEY, e->at->ref);
    /* What its sender had received then ends before the answer does. */
    if (c->pre->early_ref != 0 && c->pre->early_ack < wsc_conv_wire_end(e, end))
        wsc_conv_violation(e, WSC_DIR_C2S, WSC_RULE_DATA_BEFORE_101, c->pre->early_ref);
}

static enum wsc_h1_next on_upgrade_answer(struct wsc_engine *e, const struct wsc_h1_head *head,
                                          uint64_t end)
{
    struct wsc_conv_pre *pre = e->conv->pre;
    struct wsc_span key = {.ptr = pre->key_len > 0 ? (const uint8_t *)pre->key : NULL,
                           .len = pre->key_len};
    switch (wsc_ws_upgrade_judge(e->accept, key, head)) {
    case WSC_UPGRADE_INTERIM:
        return WSC_H1_GO_ON;
    case WSC_UPGRADE_REJECTED:
        (void)pop_request(pre);
        reject(e, head);
        return WSC_H1_GO_ON;
    case WSC_UPGRADE_ACCEPTED:
        (void)pop_request(pre);
        establish(e, head, end, true);
        return WSC_H1_STOP;
    case WSC_UPGRADE_BAD_ACCEPT:
        (void)pop_request(pre);
        establish(e, head, end, false);
        return WSC_H1_STOP;
    }
    return WSC_H1_GO_ON;
}

static enum wsc_h1_next on_response(struct wsc_engine *e, const struct wsc_h1_head *head,
                                    uint64_t end)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_pre *pre = c->pre;
    if (pre->requests_len == 0) {
        /* The request was not captured. */
        bool ours =
            head->status == 101 && wsc_http_list_has(head->fields[WSC_H1_UPGRADE], "websocket");
        if (!ours)
            return WSC_H1_GO_ON;
        push_request(pre, REQUEST_UPGRADE);
        pre->key_len = 0;
    }
    enum request_kind kind = (enum request_kind)(pre->requests & 3);
    if (kind == REQUEST_UPGRADE)
        return on_upgrade_answer(e, head, end);
    if (head->status >= 100 && head->status < 200 && head->status != 101)
        return WSC_H1_GO_ON;
    (void)pop_request(pre);
    if (head->status == 101 && wsc_http_list_has(head->fields[WSC_H1_UPGRADE], "h2c"))
        return wsc_conv_h2_begin(e, true) ? WSC_H1_STOP : WSC_H1_GO_ON;
    if (kind == REQUEST_HEAD)
        return WSC_H1_NO_BODY;
    if (kind == REQUEST_CONNECT && head->status >= 200 && head->status < 300) {
        /* A tunnel through a proxy: look at its first bytes anew. */
        c->mode[0] = c->mode[1] = WSC_CONV_NEW;
        return WSC_H1_STOP;
    }
    return WSC_H1_GO_ON;
}

static enum wsc_h1_next on_head(void *ctx, const struct wsc_h1_head *head, uint64_t end)
{
    struct wsc_engine *e = ctx;
    if (e->trace != NULL)
        wsc_trace_head(e, e->way, WSC_TRACE_ALL, head);
    return head->is_request ? on_request(e, head, end) : on_response(e, head, end);
}

static const struct wsc_h1_ops h1_ops = {.on_head = on_head};

/* ---- bytes ---- */

/* Empty lines before a request are ignored (RFC 9112 2.2); a connection may begin with nothing
 * else. */
static bool may_begin_request(const struct wsc_conv *c, uint64_t off, struct wsc_span data)
{
    while (data.len > 0 && (data.ptr[0] == '\r' || data.ptr[0] == '\n')) {
        data.ptr++;
        data.len--;
    }
    return data.len > 0 ? wsc_h1_looks_like_request(data) : c->client_known && off == 0;
}

bool wsc_conv_sniff(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    if (at_client_start(c, way, off)) {
        reach_client_start(c);
        return true;
    }
    bool from_client = !c->client_known || way == (enum wsc_way)c->client;
    bool from_server = !c->client_known || way != (enum wsc_way)c->client;
    if (c->ws == NULL && from_client && wsc_h2_looks_like_preface(data) && data.len >= 4) {
        set_client(c, way);
        return wsc_conv_h2_begin(e, false);
    }
    if (c->ws == NULL && off == 0 && c->client_known && way != (enum wsc_way)c->client &&
        wsc_h2_looks_like_settings(data)) /* the client's preface was captured after it, or not */
        return wsc_conv_h2_begin(e, false);
    bool request = from_client && may_begin_request(c, off, data);
    bool response = !request && from_server && wsc_h1_looks_like_response(data);
    if ((request || response) && wsc_conv_pre_need(e, c)) {
        wsc_h1_free(c->pre->h1[way]);
        c->pre->h1[way] = wsc_h1_new(&e->h1, request, e->opt.max_head_bytes, off, &h1_ops, e);
        if (c->pre->h1[way] == NULL)
            return false;
        wsc_conv_run_clear(e, &c->pre->run[way]);
        set_client(c, request ? way : wsc_way_back(way));
        c->mode[way] = WSC_CONV_HTTP;
        return true;
    }
    if (c->ws != NULL)
        return false;
    bool begins = c->inner != NULL && c->inner->tls != NULL ? off == 0 : c->syn_seen && off == 0;
    if (begins)
        wsc_conv_skip(c); /* the capture has its beginning, and that is not HTTP */
    return false;
}

void wsc_conv_http_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    struct wsc_h1 *h1 = c->pre->h1[way];
    size_t taken = 0;
    enum wsc_h1_status status = wsc_h1_feed(h1, data, &taken);
    if (status == WSC_H1_MORE)
        return;
    wsc_h1_free(h1);
    c->pre->h1[way] = NULL;
    if (c->mode[way] == WSC_CONV_HTTP)
        c->mode[way] = WSC_CONV_NEW;
    if (status == WSC_H1_FAILED) {
        bool answer =
            c->ws != NULL && c->ws->handshake == WSC_EV_PENDING && way != (enum wsc_way)c->client;
        if (answer && !(c->ws->hidden & 1u << WSC_DIR_S2C))
            c->ws->handshake = WSC_EV_GARBAGE;
        return;
    }
    if (taken < data.len)
        wsc_conv_data(e, way, off + taken,
                      (struct wsc_span){.ptr = data.ptr + taken, .len = data.len - taken});
}

void wsc_conv_http_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len)
{
    struct wsc_conv *c = e->conv;
    if (c->mode[way] == WSC_CONV_HTTP) {
        if (wsc_h1_gap(c->pre->h1[way], len))
            return;
        wsc_h1_free(c->pre->h1[way]);
        c->pre->h1[way] = NULL;
        c->mode[way] = WSC_CONV_NEW;
    }
    if (c->ws != NULL && c->client_known)
        wsc_conv_hide(e, wsc_conv_dir(c, way), wsc_conv_wire_start(e, off));
}
