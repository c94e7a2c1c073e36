#include "engine/conversation.h"

/* Segments of a conversation that are looked at before it is taken for something else. A large
 * message may hide the frame boundaries for long; a segment that cannot start a frame costs next to
 * nothing. */
#define PROBED_MAX 4096u

/* Bytes kept of a run of frames until it is believed; beyond it the run is decoded from its next
 * frame on. */
#define RUN_MAX 16384u

void wsc_conv_run_clear(struct wsc_engine *e, struct wsc_conv_run *run)
{
    wsc_conv_pieces_clear(e, &run->kept);
    *run = (struct wsc_conv_run){0};
    wsc_ws_probe_init(&run->probe);
}

/* Begins anew at the run's next frame. */
static void skip_kept(struct wsc_engine *e, struct wsc_conv_run *run)
{
    wsc_conv_pieces_clear(e, &run->kept);
    run->from = run->probe.next;
}

/* Keeps what of |data| lies in the run. */
static void keep_piece(struct wsc_engine *e, struct wsc_conv_run *run, uint64_t off,
                       struct wsc_span data)
{
    for (int again = 0; again < 2; again++) {
        if (off + data.len <= run->from)
            return;
        struct wsc_span rest = data;
        if (off < run->from) {
            rest.ptr += run->from - off;
            rest.len -= (size_t)(run->from - off);
        }
        if (wsc_conv_piece_keep(e, &run->kept, off < run->from ? run->from : off, rest, 0, RUN_MAX))
            return;
        skip_kept(e, run);
    }
}

static void replay_piece(struct wsc_engine *e, enum wsc_way way, const struct wsc_conv_piece *p)
{
    const struct wsc_tcp_at *at = e->at;
    const struct wsc_conv_wire wire = e->wire;
    struct wsc_conv *c = e->conv;
    e->at = &p->at;
    e->wire = p->wire;
    e->way = way;
    uint64_t expected = c->ws->dec[wsc_conv_dir(c, way)].offset;
    if (p->off > expected)
        wsc_conv_ws_gap(e, way, expected, p->off - expected);
    wsc_conv_ws_data(e, way, (struct wsc_span){.ptr = p->data, .len = p->len});
    e->at = at;
    e->wire = wire;
}

/* Decodes what was kept of the directions in |ways| (a bit each), both in the order in which it
 * came. */
static void replay(struct wsc_engine *e, unsigned ways)
{
    struct wsc_conv_pre *pre = e->conv->pre;
    struct wsc_conv_run run[2] = {pre->run[0], pre->run[1]};
    const enum wsc_way way = e->way;
    struct wsc_conv_piece *p[2] = {NULL, NULL};
    for (int w = 0; w < 2; w++) {
        if (!(ways & 1u << w))
            continue;
        p[w] = run[w].kept.first;
        pre->run[w] = (struct wsc_conv_run){0};
        wsc_ws_probe_init(&pre->run[w].probe);
        wsc_conv_ws_resync(e, (enum wsc_way)w, run[w].from);
    }
    while (p[0] != NULL || p[1] != NULL) {
        int w = p[0] == NULL || (p[1] != NULL && p[1]->at.ts_ns < p[0]->at.ts_ns);
        replay_piece(e, (enum wsc_way)w, p[w]);
        p[w] = p[w]->next;
    }
    for (int w = 0; w < 2; w++) {
        if (!(ways & 1u << w))
            continue;
        wsc_conv_pieces_clear(e, &run[w].kept);
        /* What a snap length cut off the last piece is missing, not still to come. */
        uint64_t at = e->conv->ws->dec[wsc_conv_dir(e->conv, (enum wsc_way)w)].offset,
                 next = wsc_conv_next_off(e->conv, (enum wsc_way)w);
        e->way = (enum wsc_way)w;
        if (next > at)
            wsc_conv_ws_gap(e, (enum wsc_way)w, at, next - at);
    }
    e->way = way;
}

/* ---- one direction of a known WebSocket ---- */

static void find_framing(struct wsc_engine *e, enum wsc_way way)
{
    struct wsc_conv *c = e->conv;
    const struct wsc_conv_run *run = &c->pre->run[way];
    bool ours = wsc_ws_probe_sender(&run->probe) == wsc_side_of(wsc_conv_dir(c, way));
    if (ours && run->probe.bits >= WSC_WS_PROBE_RESYNC && run->kept.first != NULL)
        replay(e, 1u << way);
}

/* ---- a conversation nothing is known of ---- */

/* Which way the client sends, by the masks of the runs; false if they disagree with each other or
 * with the SYN. */
static bool find_client(const struct wsc_conv *c, enum wsc_way *client)
{
    int votes[2] = {0, 0};
    for (int w = 0; w < 2; w++) {
        const struct wsc_conv_run *run = &c->pre->run[w];
        if (run->probe.bits == 0)
            continue;
        enum wsc_side sender = wsc_ws_probe_sender(&run->probe);
        if (sender == WSC_SIDE_NONE)
            return false;
        votes[sender == WSC_SIDE_CLIENT ? w : 1 - w]++;
    }
    if (votes[0] > 0 && votes[1] > 0)
        return false;
    *client = votes[0] > 0 ? WSC_WAY_UP : WSC_WAY_DOWN;
    return (!c->syn_seen && c->inner == NULL) || *client == (enum wsc_way)c->client;
}

static void pick_up(struct wsc_engine *e)
{
    struct wsc_conv *c = e->conv;
    const struct wsc_conv_run *run = c->pre->run;
    unsigned ways = (run[0].kept.first != NULL ? 1u : 0u) | (run[1].kept.first != NULL ? 2u : 0u);
    enum wsc_way client = WSC_WAY_UP;
    if (run[0].probe.bits + run[1].probe.bits < WSC_WS_PROBE_PICKUP || ways == 0 ||
        !find_client(c, &client))
        return;
    c->client = client & 1u;
    c->client_known = true;
    struct wsc_conv_ws *ws = wsc_conv_ws_new(e, c);
    if (ws == NULL)
        return;
    ws->handshake = WSC_EV_NO_HANDSHAKE;
    ws->midstream = true;
    for (int w = 0; w < 2; w++)
        if (!(ways & 1u << w) &&
            (wsc_conv_new_ns(c, (enum wsc_way)w) != 0 || wsc_conv_h2_missed(c, (enum wsc_way)w)))
            wsc_conv_hide(e, wsc_conv_dir(c, (enum wsc_way)w), wsc_conv_wire_start(e, 0));
    replay(e, ways);
}

void wsc_conv_probe_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data)
{
    struct wsc_conv *c = e->conv;
    if (!wsc_conv_pre_need(e, c))
        return;
    struct wsc_conv_pre *pre = c->pre;
    if (c->ws != NULL && c->client_known) {
        wsc_conv_hide(e, wsc_conv_dir(c, way), wsc_conv_wire_start(e, off));
    } else if (pre->probed++ >= PROBED_MAX) {
        wsc_conv_skip(c);
        return;
    }
    struct wsc_conv_run *run = &pre->run[way];
    unsigned bits = wsc_ws_probe_feed(&run->probe, data, off);
    if (bits == 0 || run->start != run->probe.start) {
        wsc_conv_pieces_clear(e, &run->kept);
        run->from = run->start = run->probe.start;
    }
    if (bits == 0)
        return;
    keep_piece(e, run, off, data);
    if (c->ws != NULL)
        find_framing(e, way);
    else
        pick_up(e);
}
