/* What TCP itself shows: who really sent the end, what was lost, and ends without a word. */
#include "closure/diagnose.h"

#include "closure/classify.h"

#include <stdlib.h>

/* ---- middleboxes ---- */

/* Packets that must agree before one that differs is odd; more where it differs by one hop only, as
 * it does where paths change. */
#define TTL_RUN     2u
#define TTL_RUN_HOP 4u
#define ID_RUN      4u
/* IP-IDs of one host are not further apart than this in a moment. */
#define ID_FAR 1024u

static bool odd_ttl(const struct wsc_sign_origin *o)
{
    return o->ttl_run >= TTL_RUN && o->ttl != o->usual_ttl;
}

/* A counter that jumps; 0 is what hosts send that do not count (RFC 6864). */
static bool odd_id(const struct wsc_sign_origin *o)
{
    uint16_t ahead = (uint16_t)(o->ip_id - o->last_id), behind = (uint16_t)-ahead;
    return o->id_run >= ID_RUN && o->ip_id != 0 && o->last_id != 0 && ahead > ID_FAR &&
           behind > ID_FAR;
}

static void say_origin(struct wsc_claims *out, enum wsc_dir d, const char *what, uint64_t ref,
                       const struct wsc_sign_origin *o)
{
    char packet[WSC_PACKET_TEXT];
    if (odd_ttl(o))
        wsc_say(out, "the %s that claims to be the %s's (%s) has TTL %u, the packets before it %u",
                what, wsc_text_side(d), wsc_text_packet(ref, packet), o->ttl, o->usual_ttl);
    if (odd_id(o))
        wsc_say(out, "its IP-ID is %u, the packets before it had counted up to %u (%s)", o->ip_id,
                o->last_id, wsc_text_packet(ref, packet));
}

static void forged_end(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    enum wsc_dir d;
    if (!wsc_ended_bare(c) || wsc_ended_stream(c) || !wsc_closer(c, &d))
        return;
    bool rst = r->ending == WSC_ENDING_RESET;
    const struct wsc_sign_end *end = rst ? &c->signs->rst[d] : &c->signs->fin[d];
    const struct wsc_sign_origin *o = &end->origin;
    bool goes_on = end->after_count > 0;
    if (!odd_ttl(o) && !odd_id(o))
        return;
    enum wsc_confidence sure = WSC_CONFIDENCE_POSSIBLE;
    if (end->ttl_stays)
        sure = WSC_CONFIDENCE_POSSIBLE;
    else if (odd_ttl(o) && goes_on)
        sure = WSC_CONFIDENCE_CERTAIN;
    else if ((odd_ttl(o) && (o->ttl_run >= TTL_RUN_HOP || abs(o->ttl - o->usual_ttl) > 1)) ||
             goes_on)
        sure = WSC_CONFIDENCE_LIKELY;
    wsc_claim(out, WSC_CAUSE_MIDDLEBOX_RESET, sure);
    say_origin(out, d, rst ? "RST" : "FIN", r->tcp_end_packet, o);
    char packet[WSC_PACKET_TEXT];
    if (end->ttl_stays)
        wsc_say(out, "what the %s sent after it has that TTL as well: the path may have changed",
                wsc_text_side(d));
    if (goes_on)
        wsc_say(out, "the real %s went on after it: %u more packets from %s on", wsc_text_side(d),
                (unsigned)end->after_count, wsc_text_packet(end->after_ref, packet));
}

/* One that did no harm is told all the same: somebody on the way tries. */
static void stale_rst(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_signs *s = c->signs;
    if (s->stale_count == 0)
        return;
    char packet[WSC_PACKET_TEXT];
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    wsc_say(out, "an RST that claims to be the %s's (%s) was not accepted and ended nothing",
            wsc_text_side(s->stale_by), wsc_text_packet(s->stale_ref, packet));
    say_origin(out, s->stale_by, "RST", s->stale_ref, &s->stale_origin);
}

void wsc_why_middlebox(const struct wsc_case *c, struct wsc_claims *out)
{
    forged_end(c, out);
    stale_rst(c, out);
}

/* ---- loss ---- */

/* All that |d| sent before its FIN was acknowledged: only the FIN went unanswered. */
static bool lost_afterwards(const struct wsc_case *c, enum wsc_dir d)
{
    const struct wsc_ev_side *side = &c->ev->side[d];
    enum wsc_dir closer;
    return wsc_closer(c, &closer) && closer == d && side->fin.ref != 0 && side->acked_known &&
           side->acked_off >= side->fin.off;
}

void wsc_why_network_loss(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    bool bare = wsc_ended_bare(c);
    if (r->ending != WSC_ENDING_VANISHED && !bare && r->ending != WSC_ENDING_CLOSE_UNANSWERED &&
        r->ending != WSC_ENDING_NO_RESPONSE)
        return;
    for (int i = 0; i < 2; i++) {
        enum wsc_dir d = (enum wsc_dir)i;
        unsigned times = c->ev->side[d].unanswered;
        if (times < WSC_VANISHED_REPEATS)
            continue;
        /* What was lost after the end did not bring it about. */
        if (bare && lost_afterwards(c, d))
            wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
        else
            wsc_claim(out, WSC_CAUSE_NETWORK_LOSS, WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "the %s sent again, or probed, %u%s times and got no answer of the %s",
                wsc_text_side(d), times, times == UINT8_MAX ? " or more" : "",
                wsc_text_side(wsc_other(d)));
        const struct wsc_sign_ping *p = &c->signs->ping[d];
        char packet[WSC_PACKET_TEXT];
        if (p->open > 0 && p->acked_known && !p->acked)
            wsc_say(out, "its Ping in %s was neither answered nor acknowledged",
                    wsc_text_packet(p->ref, packet));
    }
}

/* ---- ends without a word ---- */

#define AT_ONCE_NS INT64_C(1000000000)
#define MOMENT_NS  INT64_C(100000000)

/* The stream breaks off inside a frame. */
static bool cut_frame(const struct wsc_case *c, enum wsc_dir d, struct wsc_claims *out)
{
    if (c->signs->cut_left[d] == 0 || c->ev->side[d].hidden)
        return false;
    wsc_claim(out, WSC_CAUSE_PEER_CRASH, WSC_CONFIDENCE_LIKELY);
    wsc_say(out, "the %s's bytes break off inside a frame: at least %llu were still to come",
            wsc_text_side(d), (unsigned long long)c->signs->cut_left[d]);
    return true;
}

/* The last bytes of |d|, |before| the end, were a Pong: itself an answer. */
static bool pong_last(const struct wsc_case *c, enum wsc_dir d, int64_t before)
{
    uint64_t pong = c->signs->pong_ns[d];
    return pong != 0 && pong + (uint64_t)before >= c->rec->ended_ns;
}

void wsc_why_peer_crash(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    enum wsc_dir d;
    if (!wsc_ended_bare(c) || !wsc_closer(c, &d) || wsc_claimed(out, WSC_CONFIDENCE_LIKELY) ||
        cut_frame(c, d, out))
        return;
    bool rst = r->ending == WSC_ENDING_RESET || r->ending == WSC_ENDING_STREAM_RESET;
    int64_t own = wsc_idle_of(c, d), theirs = wsc_idle_of(c, wsc_other(d));
    const char *who = wsc_text_side(d), *peer = wsc_text_side(wsc_other(d)), *end = wsc_end_word(c);
    char time[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT];
    uint64_t ref = wsc_end_packet(c, d);
    bool unanswered = theirs != WSC_UNKNOWN && theirs <= AT_ONCE_NS &&
                      (own == WSC_UNKNOWN || own >= theirs) && !pong_last(c, wsc_other(d), theirs);
    if (unanswered) {
        /* Who has read all may still drop the connection of its own will: a client that has what it
         * wanted, or anybody a while later. */
        const struct wsc_ev_side *from = &c->ev->side[wsc_other(d)];
        bool unread = from->acked_known && from->acked_off < from->end_off;
        bool likely = rst ? unread || theirs <= MOMENT_NS : d == WSC_DIR_S2C;
        wsc_claim(out, WSC_CAUSE_PEER_CRASH,
                  likely ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_POSSIBLE);
        wsc_say(out, "the %s's %s (%s) came %s after bytes of the %s that it had not answered%s",
                who, end, wsc_text_packet(ref, packet), wsc_text_time(theirs, time), peer,
                rst ? ": unread, or nobody was there to read them" : "");
    } else if (own != WSC_UNKNOWN && own <= AT_ONCE_NS) {
        wsc_claim(out, WSC_CAUSE_PEER_CRASH, WSC_CONFIDENCE_POSSIBLE);
        wsc_say(out, "the %s's %s (%s) came %s after its own bytes, without a Close", who, end,
                wsc_text_packet(ref, packet), wsc_text_time(own, time));
    } else {
        return;
    }
    if (c->signs->quiet_ns > 0 && r->ended_ns <= c->signs->quiet_end_ns + AT_ONCE_NS)
        wsc_say(out,
                "it was the first exchange after %s of silence: a box on the way may have "
                "forgotten the connection",
                wsc_text_time(c->signs->quiet_ns, time));
}
