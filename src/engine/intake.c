#include "engine/intake.h"

#define CLOCK_STEP_MAX UINT64_C(1000000000)

void wsc_clock_advance(struct wsc_clock *c, uint64_t ts_ns)
{
    if (ts_ns > c->last_ts_ns) {
        uint64_t step = ts_ns - c->last_ts_ns;
        c->aged_ns += step < CLOCK_STEP_MAX ? step : CLOCK_STEP_MAX;
    }
    c->last_ts_ns = ts_ns;
    if (ts_ns > c->now_ns)
        c->now_ns = ts_ns;
}

void wsc_clock_tick(struct wsc_clock *c, uint64_t now_ns)
{
    c->seq++;
    if (now_ns > c->last_ts_ns)
        wsc_clock_advance(c, now_ns);
}

bool wsc_intake_init(struct wsc_intake *in, size_t max_fragment_bytes)
{
    *in = (struct wsc_intake){.defrag = wsc_ip_defrag_new(max_fragment_bytes)};
    return in->defrag != NULL;
}

void wsc_intake_clear(struct wsc_intake *in)
{
    wsc_ip_defrag_free(in->defrag);
    in->defrag = NULL;
}

static enum wsc_decode_result decode(struct wsc_intake *in, const struct wsc_packet *pkt,
                                     struct wsc_packet_view *v)
{
    struct wsc_fragment frag;
    enum wsc_decode_result r = wsc_decode_packet(pkt, v, &frag);
    in->passing = r == WSC_DECODE_FRAGMENT;
    /* A reassembled datagram may carry a tunnel whose inner packet is a fragment again; each level
     * is a datagram of its own. */
    for (int depth = 0; r == WSC_DECODE_FRAGMENT && depth < 4; depth++) {
        struct wsc_fragment first;
        struct wsc_span payload;
        if (!wsc_ip_defrag_push(in->defrag, &frag, pkt->ts_ns, &first, &payload))
            break;
        r = wsc_decode_ip_payload(&first, payload, v, &frag);
    }
    return r;
}

bool wsc_intake_take(struct wsc_intake *in, const struct wsc_packet *pkt, struct wsc_packet_view *v)
{
    struct wsc_analyzer_stats *s = &in->stats;
    wsc_clock_advance(&in->clock, pkt->ts_ns);
    in->clock.seq++;
    s->packets++;
    s->bytes += pkt->len;
    switch (decode(in, pkt, v)) {
    case WSC_DECODE_TCP:
        s->truncated += v->payload_len < v->payload_wire_len;
        return true;
    case WSC_DECODE_OTHER_IP:
        s->other_ip_packets++;
        s->other_ip_bytes += pkt->len;
        break;
    case WSC_DECODE_FRAGMENT:
    case WSC_DECODE_NOT_IP:
        break;
    case WSC_DECODE_BAD:
    case WSC_DECODE_LINK:
        s->undecodable++;
        break;
    }
    return false;
}
