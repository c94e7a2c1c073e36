/* TLS between TCP and what a conversation speaks: TCP's bytes go down into src/tls, what they
 * protect comes back up and is read as plain bytes are. */
#include "engine/conv_trace.h"

/* TCP's bytes of one connection that wait for a secret; beyond it none is waited for any more. */
#define WAIT_MAX ((size_t)1 << 20)

#define ALERT_FATAL 2u

struct wsc_conv_inner *wsc_conv_inner_need(struct wsc_engine *e, struct wsc_conv *c)
{
    if (c->inner == NULL) {
        c->inner = wsc_pool_get(&e->inner_pool);
        if (c->inner == NULL)
            return NULL;
        *c->inner = (struct wsc_conv_inner){.conv = c};
        c->inner->over_last = &c->inner->over;
        wsc_list_init(&c->inner->waiting);
    }
    return c->inner;
}

void wsc_conv_inner_drop(struct wsc_engine *e, struct wsc_conv *c)
{
    struct wsc_conv_inner *in = c->inner;
    if (in == NULL)
        return;
    wsc_list_remove(&in->waiting);
    for (int w = 0; w < 2; w++)
        wsc_conv_pieces_clear(e, &in->wait[w]);
    wsc_tls_free(in->tls);
    wsc_pool_put(&e->inner_pool, in);
    c->inner = NULL;
}

/* ---- what comes up ---- */

static bool unread(const struct wsc_conv *c)
{
    return c->ws != NULL && c->ws->handshake == WSC_EV_ENCRYPTED;
}

/* Bytes that TLS had kept back, until the other direction let them go on, came in another packet
 * than the one at hand: nobody knows any more what that one acknowledged. */
static bool is_fed(const struct wsc_conv_inner *in, enum wsc_way way, uint64_t wire)
{
    return way == in->fed_way && wire >= in->fed_start && wire < in->fed_end;
}

static void on_record(void *ctx, enum wsc_dir d, uint64_t wire)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_inner *in = e->conv->inner;
    enum wsc_way way = wsc_conv_way(e->conv, d);
    in->record_ack[way] = is_fed(in, way, wire) ? e->at->ack_off : WSC_TCP_NO_ACK;
    in->record_prev_ns[way] = in->new_ns[way];
    if (unread(e->conv)) /* what is in it will not be told */
        in->new_ns[way] = e->at->ts_ns;
}

/* The packet that completes a record gives its time; the one with its first byte says what its
 * sender had received when it wrote it. */
static struct wsc_tcp_at record_at(const struct wsc_engine *e, enum wsc_way way)
{
    struct wsc_tcp_at at = *e->at;
    at.ack_off = e->conv->inner->record_ack[way];
    return at;
}

static void on_data(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data,
                    uint64_t wire_start, uint64_t wire_end)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_inner *in = e->conv->inner;
    enum wsc_way way = wsc_conv_way(e->conv, d);
    const struct wsc_tcp_at *packet = e->at, at = record_at(e, way);
    e->at = &at;
    e->way = way;
    e->wire = (struct wsc_conv_wire){.start = wire_start, .end = wire_end, .mapped = true};
    in->next_off[way] = off + data.len;
    in->new_ns[way] = at.ts_ns;
    in->gap_pending[way] = false;
    wsc_conv_data(e, way, off, data);
    e->at = packet;
    e->wire.mapped = false;
}

static void on_gap(void *ctx, enum wsc_dir d, uint64_t off, uint64_t len, uint64_t wire_start,
                   uint64_t wire_end)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_inner *in = e->conv->inner;
    enum wsc_way way = wsc_conv_way(e->conv, d);
    e->way = way;
    e->wire = (struct wsc_conv_wire){.start = wire_start, .end = wire_end, .mapped = true};
    in->next_off[way] = off + len;
    in->new_ns[way] = e->at->ts_ns;
    wsc_conv_gap(e, way, off, len);
    in->gap_pending[way] = false;
    e->wire.mapped = false;
}

static void on_alert(void *ctx, enum wsc_dir d, unsigned level, int description)
{
    struct wsc_engine *e = ctx;
    struct wsc_conv_inner *in = e->conv->inner;
    enum wsc_way way = wsc_conv_way(e->conv, d);
    struct wsc_sign_alert *kept = &in->alert[d];
    if (unread(e->conv)) /* an alert ends a silence no more than a FIN does */
        in->new_ns[way] = in->record_prev_ns[way];
    bool ends = level == ALERT_FATAL || description <= WSC_TLS_CLOSE_NOTIFY;
    if (kept->ref != 0 || !ends)
        return;
    *kept = (struct wsc_sign_alert){.ns = e->at->ts_ns,
                                    .ref = e->at->ref,
                                    .off = e->conv->tcp.dir[way].next_off,
                                    .ack_off = in->record_ack[way],
                                    .level = (uint8_t)level,
                                    .description = (int16_t)description};
}

const struct wsc_tls_ops wsc_conv_tls_ops = {
    .on_record = on_record, .on_data = on_data, .on_gap = on_gap, .on_alert = on_alert};

/* ---- what goes down ---- */

static void count_unread(struct wsc_engine *e, struct wsc_conv *c, struct wsc_span name)
{
    if (c->tls)
        return;
    c->tls = true;
    e->tls_unread++;
    if (e->wide != NULL)
        e->wide->on_tls_name(e->ctx, name);
    else
        wsc_tls_names_count(e->tls_names, name, 1);
}

/* It gets a record, if such connections are asked for. */
static void record_unread(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_handshake how)
{
    if (c->ws != NULL)
        return;
    struct wsc_conv_ws *ws = wsc_conv_ws_new(e, c);
    if (ws != NULL)
        ws->handshake = (uint8_t)how;
}

/* Nobody can read it. Where such connections are asked for it stays, to see how it ends; else it is
 * counted and passed over. */
static void leave_unread(struct wsc_engine *e, struct wsc_conv *c)
{
    const struct wsc_tls_info *info = wsc_tls_info(c->inner->tls);
    count_unread(e, c, (struct wsc_span){.ptr = info->sni, .len = info->sni_len});
    if (e->opt.encrypted)
        record_unread(e, c, WSC_EV_ENCRYPTED);
    wsc_conv_skip(c);
}

/* From here on a direction is not read any more. */
static void note_closed(struct wsc_conv *c, enum wsc_dir d)
{
    struct wsc_conv_inner *in = c->inner;
    enum wsc_way way = wsc_conv_way(c, d);
    if (in->dark[way] || wsc_tls_dir_state(in->tls, d) != WSC_TLS_CLOSED)
        return;
    in->dark[way] = true;
    in->dark_off[way] = c->tcp.dir[way].next_off;
}

bool wsc_conv_tls_dark(const struct wsc_conv *c, enum wsc_dir d, uint64_t *off)
{
    const struct wsc_conv_inner *in = c->inner;
    if (in == NULL || in->tls == NULL)
        return false;
    const struct wsc_tls_info *info = wsc_tls_info(in->tls);
    enum wsc_way way = wsc_conv_way(c, d);
    bool never_read = info->records[d] == info->unread[d];
    *off = never_read ? 0 : in->dark_off[way];
    return info->unread[d] + info->failed[d] > 0 && (never_read || in->dark[way]);
}

/* After TLS has taken bytes. */
static void look_after(struct wsc_engine *e)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_inner *in = c->inner;
    note_closed(c, WSC_DIR_C2S);
    note_closed(c, WSC_DIR_S2C);
    if (c->ws == NULL && in->h2 == NULL && wsc_tls_info(in->tls)->state == WSC_TLS_CLOSED)
        leave_unread(e, c);
}

static bool waits(const struct wsc_conv_inner *in)
{
    return in->wait[0].first != NULL || in->wait[1].first != NULL;
}

bool wsc_conv_tls_waits(const struct wsc_conv *c)
{
    return c->inner != NULL && waits(c->inner);
}

static void gap(struct wsc_conv *c, enum wsc_way way, uint64_t len)
{
    if (!c->inner->gap_pending[way])
        c->inner->gap_ack[way] = wsc_conv_received(c, way);
    c->inner->gap_pending[way] = true;
    c->inner->fed_start = c->inner->fed_end = 0;
    wsc_tls_gap(c->inner->tls, wsc_conv_dir(c, way), len);
}

static size_t feed(struct wsc_conv *c, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    c->inner->fed_way = way;
    c->inner->fed_start = off;
    c->inner->fed_end = off + data.len;
    return wsc_tls_feed(c->inner->tls, wsc_conv_dir(c, way), data);
}

/* The client's records cannot be read before the server's hello, which stands behind a hole: they
 * wait here, each with its packet, until it is known what the hole held. */
static bool too_early(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_tls_info *info = wsc_tls_info(c->inner->tls);
    enum wsc_way other = wsc_way_back(way);
    return !c->inner->gave_up && wsc_conv_dir(c, way) == WSC_DIR_C2S && info->client_hello &&
           !info->server_hello && c->tcp.more != NULL && c->tcp.more->held[other] != NULL;
}

/* Feeds the oldest piece of |way|. False: it waits on. */
static bool feed_piece(struct wsc_engine *e, enum wsc_way way)
{
    struct wsc_conv_inner *in = e->conv->inner;
    struct wsc_conv_piece *p = in->wait[way].first;
    const struct wsc_tcp_at *packet = e->at;
    if (too_early(e->conv, way))
        return false;
    e->at = &p->at;
    e->way = way;
    wsc_conv_take_clocks(e, e->conv);
    if (p->gap > 0)
        gap(e->conv, way, p->gap);
    else
        p->skip += feed(e->conv, way, p->off + p->skip,
                        (struct wsc_span){.ptr = p->data + p->skip, .len = p->len - p->skip});
    e->at = packet;
    if (p->skip < p->len)
        return false;
    wsc_conv_piece_drop_first(e, &in->wait[way]);
    return true;
}

/* Feeds what waits, in the order in which it came, as far as it goes now. */
static void retry(struct wsc_engine *e)
{
    struct wsc_conv_inner *in = e->conv->inner;
    const enum wsc_way now = e->way;
    bool blocked[2] = {false, false};
    for (;;) {
        const struct wsc_conv_piece *up = blocked[0] ? NULL : in->wait[WSC_WAY_UP].first;
        const struct wsc_conv_piece *down = blocked[1] ? NULL : in->wait[WSC_WAY_DOWN].first;
        if (up == NULL && down == NULL)
            break;
        bool first_up = down == NULL || (up != NULL && up->at.ref <= down->at.ref);
        enum wsc_way way = first_up ? WSC_WAY_UP : WSC_WAY_DOWN;
        blocked[way] = !feed_piece(e, way);
        if (!blocked[way])
            blocked[wsc_way_back(way)] = false;
    }
    e->way = now;
    if (!waits(in))
        wsc_list_remove(&in->waiting);
}

static void give_up(struct wsc_engine *e)
{
    e->conv->inner->gave_up = true;
    e->conv->inner->fed_start = e->conv->inner->fed_end = 0;
    wsc_tls_give_up(e->conv->inner->tls);
    retry(e);
}

static void wait(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data,
                 uint64_t missing)
{
    struct wsc_conv_inner *in = e->conv->inner;
    if (wsc_list_empty(&in->waiting))
        wsc_list_append(&e->waiting, &in->waiting);
    if (wsc_conv_piece_keep(e, &in->wait[way], off, data, missing, WAIT_MAX))
        return;
    give_up(e);
    if (missing > 0)
        gap(e->conv, way, missing);
    else
        (void)feed(e->conv, way, off, data);
}

void wsc_conv_tls_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv_inner *in = e->conv->inner;
    size_t taken = 0;
    if (in->wait[way].first == NULL && !too_early(e->conv, way))
        taken = feed(e->conv, way, off, data);
    if (taken < data.len)
        wait(e, way, off + taken,
             (struct wsc_span){.ptr = data.ptr + taken, .len = data.len - taken}, 0);
    if (waits(in))
        retry(e);
    look_after(e);
}

void wsc_conv_tls_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len)
{
    struct wsc_conv_inner *in = e->conv->inner;
    if (in->wait[way].first != NULL)
        wait(e, way, off, (struct wsc_span){0}, len);
    else
        gap(e->conv, way, len);
    look_after(e);
}

/* All that TCP carried so far is in the capture, of both sides. */
static bool complete(const struct wsc_conv *c)
{
    for (int w = 0; w < 2; w++)
        if (!(c->tcp.dir[w].flags & WSC_TCP_SEEN) ||
            wsc_tcp_conn_missing(&c->tcp, (enum wsc_way)w) > 0)
            return false;
    return true;
}

/* TLS ended before anything was protected, or by an alert that can be read. */
static bool came_to_nothing(const struct wsc_conv *c)
{
    const struct wsc_tls_info *info = wsc_tls_info(c->inner->tls);
    const struct wsc_sign_alert *alert = c->inner->alert;
    bool told = (alert[0].ref != 0 && alert[0].level == ALERT_FATAL) ||
                (alert[1].ref != 0 && alert[1].level == ALERT_FATAL);
    return !info->established && info->client_hello && (told || complete(c)) &&
           (told || info->records[0] + info->records[1] + info->failed[0] + info->failed[1] == 0);
}

/* TLS did not come about. Where it was to protect a WebSocket, that is one's end. */
static void failed(struct wsc_engine *e, struct wsc_conv *c, const struct wsc_endpoint *server)
{
    e->tls_failed++;
    /* Who has all connections decides whether the record is one. */
    if (e->opt.encrypted || e->wide != NULL || wsc_wss_places_known(e->wss_places, server))
        record_unread(e, c, WSC_EV_TLS_FAILED);
    if (c->ws != NULL && c->ws->handshake == WSC_EV_ENCRYPTED)
        c->ws->handshake = WSC_EV_TLS_FAILED;
}

static void note_place(struct wsc_engine *e, const struct wsc_endpoint *server, bool websocket)
{
    if (e->wide != NULL)
        e->wide->on_place(e->ctx, server, websocket);
    else
        wsc_wss_places_note(e->wss_places, server, websocket);
}

/* Between packets the last one stands for what is told. */
static struct wsc_tcp_at last_packet(const struct wsc_conv *c)
{
    return (struct wsc_tcp_at){.ts_ns = c->last_ns, .ref = c->last_ref, .ack_off = WSC_TCP_NO_ACK};
}

void wsc_conv_tls_finish(struct wsc_engine *e, struct wsc_conv *c)
{
    const struct wsc_tcp_at last = last_packet(c);
    e->at = &last;
    if (waits(c->inner))
        give_up(e);
    c->inner->fed_start = c->inner->fed_end = 0;
    wsc_tls_end(c->inner->tls);
    look_after(e);
    const struct wsc_tls_info *info = wsc_tls_info(c->inner->tls);
    struct wsc_endpoint server = wsc_conv_endpoint(c, WSC_DIR_S2C);
    if (c->inner->h2 == NULL && came_to_nothing(c) && wsc_tcp_conn_ending(&c->tcp))
        failed(e, c, &server);
    else if (info->state == WSC_TLS_OPEN)
        note_place(e, &server, c->serial > 0);
    e->at = NULL;
}

void wsc_conv_tls_retry_all(struct wsc_engine *e)
{
    uint64_t generation = e->opt.keylog != NULL ? wsc_keylog_generation(e->opt.keylog) : 0;
    if (generation == e->generation)
        return;
    e->generation = generation;
    struct wsc_list *next;
    for (struct wsc_list *n = e->waiting.next; n != &e->waiting; n = next) {
        next = n->next;
        e->conv = WSC_LIST_OF(n, struct wsc_conv_inner, waiting)->conv;
        const struct wsc_tcp_at last = last_packet(e->conv);
        e->at = &last;
        e->packet_ref = 0;
        retry(e);
        look_after(e);
        e->at = NULL;
    }
}

/* Roles are known by the SYN, or by the hello. */
static bool find_roles(struct wsc_conv *c, enum wsc_way way, struct wsc_span data)
{
    if (c->client_known)
        return true;
    bool client = wsc_tls_looks_like_client(data);
    if (!client && !wsc_tls_looks_like_server(data))
        return false;
    c->client = (client ? way : wsc_way_back(way)) & 1u;
    c->client_known = true;
    return true;
}

void wsc_conv_tls_begin(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    struct wsc_conv_inner *in = NULL;
    if (find_roles(c, way, data))
        in = wsc_conv_inner_need(e, c);
    if (in != NULL) {
        uint64_t wire[2];
        wire[wsc_conv_dir(c, way)] = off;
        wire[wsc_conv_dir(c, wsc_way_back(way))] = c->tcp.dir[wsc_way_back(way)].next_off;
        in->tls =
            wsc_tls_new(e->tls, wire, e->trace == NULL ? &wsc_conv_tls_ops : &wsc_trace_tls_ops, e);
    }
    if (in == NULL || in->tls == NULL) {
        count_unread(e, c, (struct wsc_span){0});
        wsc_conv_skip(c);
        return;
    }
    wsc_tls_wait(in->tls, e->opt.wait_keys);
    c->mode[0] = c->mode[1] = WSC_CONV_NEW;
    wsc_conv_tls_data(e, way, off, data);
}
