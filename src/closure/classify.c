#include "closure/classify.h"

#include <string.h>

/* ---- order ---- */

/* Captures are merged by time; within one, packet numbers decide. */
static bool before(uint64_t ts_a, uint64_t ref_a, uint64_t ts_b, uint64_t ref_b)
{
    if (WSC_REF_CAPTURE(ref_a) == WSC_REF_CAPTURE(ref_b))
        return ref_a < ref_b;
    return ts_a < ts_b;
}

static enum wsc_dir other(enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S;
}

/* True if |ack_off| says that its sender had all bytes before |end| of the other side. */
static bool had(uint64_t ack_off, uint64_t end)
{
    return ack_off != WSC_EV_NO_ACK && ack_off >= end;
}

/* ---- which Closes count ---- */

/* Where the other side's next byte must be acknowledged for |fin| to have been received: a FIN of
 * TCP counts as one, END_STREAM is in the bytes. */
static uint64_t behind(const struct wsc_ev_end *fin)
{
    return fin->stream ? fin->off : fin->off + 1;
}

/* True if the sender of the RST |rst| had the Close of |d| by then: it acknowledges nothing behind
 * an RST. */
static bool had_before(const struct wsc_evidence *ev, enum wsc_dir d, const struct wsc_ev_end *rst)
{
    const struct wsc_ev_side *s = &ev->side[d];
    return !rst->stream &&
           (had(rst->ack_off, s->first.end) || (s->acked_known && s->acked_off >= s->first.end));
}

/* A Close comes too late when its sender had acknowledged the other side's FIN, or after an RST
 * (SPEC section 3, edge rules), unless it stands before its own sender's. */
static bool too_late(const struct wsc_evidence *ev, enum wsc_dir d)
{
    const struct wsc_ev_close *c = &ev->side[d].first;
    const struct wsc_ev_side *peer = &ev->side[other(d)];
    if (peer->fin.ref != 0 && !peer->first.seen && had(c->ack_off, behind(&peer->fin)))
        return true;
    for (int i = 0; i < 2; i++) {
        const struct wsc_ev_end *rst = &ev->side[i].rst;
        if (i == (int)d ? rst->off >= c->end : had_before(ev, d, rst))
            continue;
        if (rst->ref != 0 && rst->stream && i == (int)other(d)) {
            if (had(c->ack_off, rst->off))
                return true;
        } else if (rst->ref != 0 && before(rst->ts_ns, rst->ref, c->ts_ns, c->ref))
            return true;
    }
    return false;
}

static bool counts(const struct wsc_evidence *ev, enum wsc_dir d)
{
    return ev->side[d].first.seen && !too_late(ev, d);
}

/* True if the Close of |d| was sent with that of the other side at hand. */
static bool is_answer(const struct wsc_evidence *ev, enum wsc_dir d)
{
    return had(ev->side[d].first.ack_off, ev->side[other(d)].first.end);
}

/* Who sent the first Close that counts. BOTH: they crossed. */
static enum wsc_side first_closer(const struct wsc_evidence *ev)
{
    bool c = counts(ev, WSC_DIR_C2S), s = counts(ev, WSC_DIR_S2C);
    if (!c || !s)
        return c ? WSC_SIDE_CLIENT : s ? WSC_SIDE_SERVER : WSC_SIDE_NONE;
    bool c_answers = is_answer(ev, WSC_DIR_C2S), s_answers = is_answer(ev, WSC_DIR_S2C);
    if (c_answers != s_answers)
        return c_answers ? WSC_SIDE_SERVER : WSC_SIDE_CLIENT;
    const struct wsc_ev_close *cc = &ev->side[0].first, *sc = &ev->side[1].first;
    bool acks_known = cc->ack_off != WSC_EV_NO_ACK && sc->ack_off != WSC_EV_NO_ACK;
    if (!c_answers && acks_known)
        return WSC_SIDE_BOTH;
    return before(cc->ts_ns, cc->ref, sc->ts_ns, sc->ref) ? WSC_SIDE_CLIENT : WSC_SIDE_SERVER;
}

/* The Close that gives the code: the first on the wire that has a readable code or is empty. NULL
 * if there is none. */
static const struct wsc_ev_close *code_giver(const struct wsc_evidence *ev, enum wsc_side first)
{
    enum wsc_dir d = first == WSC_SIDE_SERVER ? WSC_DIR_S2C : WSC_DIR_C2S;
    if (first == WSC_SIDE_BOTH && !before(ev->side[0].first.ts_ns, ev->side[0].first.ref,
                                          ev->side[1].first.ts_ns, ev->side[1].first.ref))
        d = WSC_DIR_S2C;
    for (int i = 0; i < 2; i++, d = other(d)) {
        const struct wsc_ev_close *c = &ev->side[d].first;
        if (counts(ev, d) && (c->empty || c->code != WSC_UNKNOWN))
            return c;
    }
    return NULL;
}

/* ---- TCP's end ---- */

struct tcp_end {
    enum wsc_tcp_end kind;
    enum wsc_dir by;
    const struct wsc_ev_end *at;
};

static void earlier(struct tcp_end *best, enum wsc_tcp_end kind, enum wsc_dir by,
                    const struct wsc_ev_end *at)
{
    if (at->ref == 0)
        return;
    if (best->at == NULL || before(at->ts_ns, at->ref, best->at->ts_ns, best->at->ref))
        *best = (struct tcp_end){.kind = kind, .by = by, .at = at};
}

/* True if |end| was sent with the other side's FIN, or END_STREAM or RST_STREAM, at hand: a capture
 * may show them in the wrong order. */
static bool answers(const struct wsc_ev_end *end, const struct wsc_ev_side *peer)
{
    const struct wsc_ev_end *fin = &peer->fin, *rst = &peer->rst;
    if (end->ref == 0)
        return false;
    return (fin->ref != 0 && had(end->ack_off, behind(fin))) ||
           (rst->ref != 0 && rst->stream && had(end->ack_off, rst->off));
}

static bool fin_answers(const struct wsc_evidence *ev, enum wsc_dir d)
{
    return answers(&ev->side[d].fin, &ev->side[other(d)]);
}

/* TCP's RST does not say what its sender had received, but its sender says nothing behind it: all
 * it ever acknowledged came before. */
static bool rst_answers(const struct wsc_evidence *ev, enum wsc_dir d)
{
    const struct wsc_ev_side *peer = &ev->side[other(d)];
    struct wsc_ev_end rst = ev->side[d].rst;
    if (!rst.stream)
        rst.ack_off = peer->acked_known ? peer->acked_off : WSC_EV_NO_ACK;
    return answers(&rst, peer);
}

static struct tcp_end first_tcp_end(const struct wsc_evidence *ev)
{
    struct tcp_end best = {.kind = WSC_TCP_END_NONE};
    /* Acknowledgements that contradict each other do not undo an end. */
    for (int all = 0; all < 2 && best.at == NULL; all++) {
        for (int i = 0; i < 2; i++) {
            enum wsc_dir d = (enum wsc_dir)i;
            if (all || !fin_answers(ev, d) || fin_answers(ev, other(d)))
                earlier(&best, WSC_TCP_END_FIN, d, &ev->side[d].fin);
            if (all || !rst_answers(ev, d))
                earlier(&best, WSC_TCP_END_RST, d, &ev->side[d].rst);
        }
    }
    return best;
}

/* One sequence number more than the bytes seen was acknowledged, and |ack_off| is that
 * acknowledgement: a FIN that was not captured, or a byte. */
static bool saw_unseen_fin(const struct wsc_ev_side *s, uint64_t ack_off)
{
    return s->fin.ref == 0 && s->acked_known && s->acked_off == s->end_off + 1 &&
           had(ack_off, s->end_off + 1);
}

/* ---- the table ---- */

enum fact {
    OPENED =
        1
        << 0, /* the handshake was accepted, or frames of both kinds of evidence show that it was */
    REJECTED = 1 << 1,
    BAD_ACCEPT = 1 << 2,
    BOTH_CLOSES = 1 << 3,
    ONE_CLOSE = 1 << 4,
    ANSWER_HIDDEN = 1 << 5, /* one Close, and what the other side sent after it is not all there */
    MAY_BE_LATE = 1 << 14,  /* one Close, sent after what may have been the other side's FIN */
    HIDDEN = 1 << 6,        /* a Close may stand in bytes that were not captured */
    FIN_FIRST = 1 << 7,
    RST_FIRST = 1 << 8,
    SILENT = 1 << 9, /* one side repeats itself and gets no answer */
    PATIENCE_OVER = 1 << 10,
    GARBAGE = 1 << 11,
    REUSED = 1 << 12,
    EVICTED = 1 << 13,
    UNHEARD = 1 << 15, /* SILENT, but packets were dropped meanwhile */
    ENCRYPTED = 1 << 16,
    TLS_FAILED = 1 << 17,
    WSS_KNOWN = 1 << 18 /* it was to be a WebSocket */
};
#define TCP_ENDED (FIN_FIRST | RST_FIRST)

enum code_rule { NO_CODE, CODE_OF_CLOSE, CODE_1006, CODE_1015 };

/* The first row whose |all| holds, of whose |any| one holds (0: none asked for), decides. */
static const struct row {
    unsigned all, any;
    enum wsc_outcome outcome;
    enum wsc_ending ending;
    enum code_rule code;
} table[] = {
    /* clang-format off */
    /* Nobody could read it. */
    {TLS_FAILED | WSS_KNOWN, 0,                             WSC_OUTCOME_HANDSHAKE_FAILED, WSC_ENDING_TLS_FAILED,       CODE_1015},
    {TLS_FAILED,             0,                             WSC_OUTCOME_HANDSHAKE_FAILED, WSC_ENDING_TLS_FAILED,       NO_CODE},
    {ENCRYPTED,              TCP_ENDED | SILENT | REUSED,   WSC_OUTCOME_UNKNOWN,          WSC_ENDING_GAP,              NO_CODE},
    {ENCRYPTED,              0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_NONE,             NO_CODE},
    /* The handshake failed. */
    {REJECTED,               0,                             WSC_OUTCOME_HANDSHAKE_FAILED, WSC_ENDING_REJECTED,         NO_CODE},
    {BAD_ACCEPT,             0,                             WSC_OUTCOME_HANDSHAKE_FAILED, WSC_ENDING_BAD_ACCEPT,       NO_CODE},
    {OPENED | MAY_BE_LATE,   0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_GAP,              NO_CODE},
    {OPENED | BOTH_CLOSES,   0,                             WSC_OUTCOME_CLOSED,           WSC_ENDING_CLOSE_HANDSHAKE,  CODE_OF_CLOSE},
    {OPENED | ANSWER_HIDDEN, TCP_ENDED | SILENT | REUSED,   WSC_OUTCOME_CLOSED,           WSC_ENDING_GAP,              CODE_OF_CLOSE},
    {OPENED | ONE_CLOSE,     TCP_ENDED | SILENT | PATIENCE_OVER | REUSED,
                                                            WSC_OUTCOME_CLOSED,           WSC_ENDING_CLOSE_UNANSWERED, CODE_OF_CLOSE},
    {OPENED | ONE_CLOSE,     0,                             WSC_OUTCOME_CLOSED,           WSC_ENDING_NONE,             CODE_OF_CLOSE},
    {HIDDEN,                 0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_GAP,              NO_CODE},
    {OPENED | RST_FIRST,     0,                             WSC_OUTCOME_CLOSED,           WSC_ENDING_RESET,            CODE_1006},
    {OPENED | FIN_FIRST,     0,                             WSC_OUTCOME_CLOSED,           WSC_ENDING_FIN,              CODE_1006},
    {OPENED | SILENT,        0,                             WSC_OUTCOME_CLOSED,           WSC_ENDING_VANISHED,         CODE_1006},
    {OPENED | UNHEARD,       0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_GAP,              NO_CODE},
    {OPENED | REUSED,        0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_GAP,              NO_CODE},
    {OPENED | EVICTED,       0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_NONE,             NO_CODE},
    {OPENED,                 0,                             WSC_OUTCOME_OPEN,             WSC_ENDING_NONE,             NO_CODE},
    /* Asked for, and no answer that holds. */
    {0, TCP_ENDED | SILENT | GARBAGE | REUSED,              WSC_OUTCOME_HANDSHAKE_FAILED, WSC_ENDING_NO_RESPONSE,      NO_CODE},
    {0,                      0,                             WSC_OUTCOME_UNKNOWN,          WSC_ENDING_NONE,             NO_CODE},
    /* clang-format on */
};

static unsigned handshake_facts(const struct wsc_evidence *ev)
{
    const uint64_t client_frames = ev->side[WSC_DIR_C2S].frames;
    const struct wsc_ev_side *server = &ev->side[WSC_DIR_S2C];
    switch (ev->handshake) {
    case WSC_EV_NO_HANDSHAKE:
    case WSC_EV_ACCEPTED:
        return OPENED;
    case WSC_EV_BAD_ACCEPT:
        return client_frames > 0 ? OPENED : BAD_ACCEPT;
    case WSC_EV_REJECTED:
        return REJECTED;
    case WSC_EV_PENDING:
        /* The answer was not captured, but both, or the client, went on as after a 101. */
        return server->frames > 0 || (client_frames > 0 && (server->hidden || !server->captured))
                   ? OPENED
                   : 0;
    case WSC_EV_GARBAGE:
        return GARBAGE;
    case WSC_EV_ENCRYPTED:
        return ENCRYPTED;
    case WSC_EV_TLS_FAILED:
        return ev->wss_known ? TLS_FAILED | WSS_KNOWN : TLS_FAILED;
    }
    return 0;
}

static unsigned gather(const struct wsc_evidence *ev, const struct tcp_end *end)
{
    unsigned facts = handshake_facts(ev);
    bool c = counts(ev, WSC_DIR_C2S), s = counts(ev, WSC_DIR_S2C);
    if (c && s)
        facts |= BOTH_CLOSES;
    if (c != s) {
        facts |= ONE_CLOSE;
        enum wsc_dir sender = c ? WSC_DIR_C2S : WSC_DIR_S2C;
        if (ev->side[other(sender)].hidden)
            facts |= ANSWER_HIDDEN;
        if (saw_unseen_fin(&ev->side[other(sender)], ev->side[sender].first.ack_off))
            facts |= MAY_BE_LATE;
        if (ev->now_ns >= ev->side[sender].first.ts_ns + WSC_CLOSE_PATIENCE_NS)
            facts |= PATIENCE_OVER;
    }
    if (!c && !s && (ev->side[0].hidden || ev->side[1].hidden))
        facts |= HIDDEN;
    if (end->kind == WSC_TCP_END_FIN)
        facts |= FIN_FIRST;
    if (end->kind == WSC_TCP_END_RST)
        facts |= RST_FIRST;
    for (int d = 0; d < 2; d++)
        if (ev->side[d].unanswered >= WSC_VANISHED_REPEATS &&
            ev->side[other((enum wsc_dir)d)].captured)
            facts |= ev->lost ? UNHEARD : SILENT;
    if (ev->stop == WSC_EV_STOP_REUSED)
        facts |= REUSED;
    if (ev->stop == WSC_EV_STOP_EVICTED)
        facts |= EVICTED;
    return facts;
}

static const struct row *decide(unsigned facts)
{
    for (size_t i = 0;; i++) {
        const struct row *r = &table[i];
        if ((facts & r->all) == r->all && (r->any == 0 || (facts & r->any) != 0))
            return r;
    }
}

/* ---- the headline ---- */

static void set_code(const struct wsc_evidence *ev, const struct row *row, enum wsc_side first,
                     struct wsc_verdict *out)
{
    static const uint8_t nothing[1];
    out->close_code = WSC_UNKNOWN;
    out->reason = (struct wsc_span){.ptr = nothing, .len = 0};
    if (row->code == CODE_1006 || row->code == CODE_1015) {
        out->close_code = row->code == CODE_1006 ? 1006 : 1015;
        out->code_source = WSC_CODE_SOURCE_INFERRED;
    }
    if (row->code != CODE_OF_CLOSE)
        return;
    const struct wsc_ev_close *c = code_giver(ev, first);
    if (c == NULL)
        return;
    out->close_code = c->empty ? 1005 : c->code;
    out->code_source = c->empty ? WSC_CODE_SOURCE_INFERRED : WSC_CODE_SOURCE_WIRE;
    out->reason = c->reason;
}

/* Among the missing bytes may be a Close sent before, or across, the first that was seen: unless
 * the other side had received that Close before it sent them, and they came too late for its
 * sender. */
static bool unsure_who(const struct wsc_evidence *ev, enum wsc_side first)
{
    if (first != WSC_SIDE_CLIENT && first != WSC_SIDE_SERVER)
        return false;
    enum wsc_dir d = first == WSC_SIDE_CLIENT ? WSC_DIR_C2S : WSC_DIR_S2C;
    const struct wsc_ev_side *peer = &ev->side[other(d)];
    const struct wsc_ev_close *c = &ev->side[d].first;
    if (peer->first.seen) /* only what they acknowledged tells crossing Closes from an answer */
        return counts(ev, other(d)) && !is_answer(ev, other(d)) &&
               (c->ack_off == WSC_EV_NO_ACK || peer->first.ack_off == WSC_EV_NO_ACK);
    if (!peer->hidden)
        return false;
    bool missing_later = c->ack_off != WSC_EV_NO_ACK && c->ack_off <= peer->hidden_off &&
                         had(peer->hidden_ack_off, c->end);
    return !missing_later;
}

/* True if |d| sent its alert, and answered nothing with it: a capture may show them in the wrong
 * order. */
static bool alert_first(const struct wsc_evidence *ev, enum wsc_dir d)
{
    const struct wsc_ev_end *mine = &ev->side[d].alert, *theirs = &ev->side[other(d)].alert;
    if (mine->ref == 0 || answers(mine, &ev->side[other(d)]))
        return false;
    if (theirs->ref == 0)
        return true;
    if (had(mine->ack_off, theirs->off) || had(theirs->ack_off, mine->off))
        return !had(mine->ack_off, theirs->off);
    return before(mine->ts_ns, mine->ref, theirs->ts_ns, theirs->ref);
}

/* TLS, and HTTP/2 by an error, end before TCP or the stream does: who says so first began the end,
 * whoever is quicker with its FIN. */
static enum wsc_dir ended_first(const struct wsc_evidence *ev, const struct tcp_end *end)
{
    struct tcp_end first = *end;
    for (int i = 0; i < 2; i++) {
        enum wsc_dir d = (enum wsc_dir)i;
        const struct wsc_ev_end *alert = &ev->side[d].alert, *goaway = &ev->side[d].goaway;
        bool said = !end->at->stream && alert_first(ev, d);
        if (said && end->by != d && had(end->at->ack_off, alert->off))
            return d;
        if (said)
            earlier(&first, end->kind, d, alert);
        if (goaway->ref != 0 && end->by != d && had(end->at->ack_off, goaway->off))
            return d;
        earlier(&first, end->kind, d, goaway);
    }
    return first.by;
}

static void set_closed_by(const struct wsc_evidence *ev, enum wsc_side first,
                          const struct tcp_end *end, struct wsc_verdict *out)
{
    if (out->outcome != WSC_OUTCOME_CLOSED && out->outcome != WSC_OUTCOME_HANDSHAKE_FAILED)
        return;
    if (first != WSC_SIDE_NONE)
        out->closed_by = unsure_who(ev, first) ? WSC_SIDE_NONE : first;
    else if (end->kind != WSC_TCP_END_NONE) {
        enum wsc_dir d = ended_first(ev, end);
        bool unsure = end->at->answer ||
                      saw_unseen_fin(&ev->side[other(end->by)], end->at->ack_off) ||
                      (ev->side[d].alert.ref != 0 &&
                       saw_unseen_fin(&ev->side[other(d)], ev->side[d].alert.ack_off));
        out->closed_by = unsure ? WSC_SIDE_NONE : wsc_side_of(d);
    }
}

static void set_ended(const struct wsc_evidence *ev, enum wsc_side first, const struct tcp_end *end,
                      struct wsc_verdict *out)
{
    if (first != WSC_SIDE_NONE) {
        enum wsc_dir d = first == WSC_SIDE_SERVER ? WSC_DIR_S2C : WSC_DIR_C2S;
        const struct wsc_ev_close *c = &ev->side[d].first, *o = &ev->side[other(d)].first;
        if (first == WSC_SIDE_BOTH && before(o->ts_ns, o->ref, c->ts_ns, c->ref))
            c = o;
        out->ended_ns = c->ts_ns;
        out->ended_ref = c->ref;
    } else if (end->at != NULL) {
        out->ended_ns = end->at->ts_ns;
        out->ended_ref = end->at->ref;
    } else if (out->ending == WSC_ENDING_VANISHED) {
        enum wsc_dir d = ev->side[0].unanswered >= WSC_VANISHED_REPEATS ? WSC_DIR_C2S : WSC_DIR_S2C;
        out->ended_ns = ev->side[d].acked_ns;
    }
}

/* ---- what each side would report (RFC 6455 7.1.5, 7.1.7) ---- */

/* "Just before": a library fails a connection as soon as it reads the offending bytes; what remains
 * is the way there and back. */
#define JUST_BEFORE_NS UINT64_C(500000000)

/* Below this a message limit is not plausible, so that 1009 was the application's word. */
#define PLAUSIBLE_LIMIT 126u

/* True if |d| sent its Close because of what the other side had sent, and from then on processed
 * nothing more. */
static bool failed_it(const struct wsc_evidence *ev, enum wsc_dir d)
{
    const struct wsc_ev_close *c = &ev->side[d].first;
    const struct wsc_ev_side *peer = &ev->side[other(d)];
    if (!c->seen)
        return false;
    bool just_before = peer->data_last && c->ts_ns <= peer->last_data_ns + JUST_BEFORE_NS;
    switch (c->code) {
    case 1002:
        return peer->broke_rule;
    case 1007:
        return peer->broke_rule || (just_before && peer->text_last);
    case 1009:
        return just_before && peer->last_len >= PLAUSIBLE_LIMIT &&
               peer->last_len > peer->longest_before;
    case 1010:
        return d == WSC_DIR_C2S && ev->side[WSC_DIR_S2C].frames == 0;
    default:
        return false;
    }
}

/* True if the Close |c| of |sender| reached the other side, for all that the capture shows. */
static bool received(const struct wsc_evidence *ev, enum wsc_dir sender,
                     const struct wsc_ev_close *c)
{
    const struct wsc_ev_side *from = &ev->side[sender], *to = &ev->side[other(sender)];
    if (from->acked_known && from->acked_off >= c->end)
        return true;
    if (to->rst.ref != 0)
        return false;
    if (from->rst.ref != 0 && before(from->rst.ts_ns, from->rst.ref, c->ts_ns, c->ref))
        return false;
    return from->unanswered < WSC_VANISHED_REPEATS;
}

static struct wsc_saw abnormal(void)
{
    static const uint8_t nothing[1];
    return (struct wsc_saw){.code = 1006, .reason = {.ptr = nothing, .len = 0}, .clean = 0};
}

/* Both Closes went over and TCP ended without an RST that destroyed one of them. */
static int is_clean(const struct wsc_evidence *ev, const struct wsc_verdict *v, bool over)
{
    const struct wsc_ev_close *c = &ev->side[0].first, *s = &ev->side[1].first;
    if (v->ending == WSC_ENDING_GAP)
        return WSC_UNKNOWN;
    if (!c->seen || !s->seen)
        return over ? 0 : WSC_UNKNOWN;
    if (!received(ev, WSC_DIR_C2S, c) || !received(ev, WSC_DIR_S2C, s))
        return 0;
    return over ? 1 : WSC_UNKNOWN;
}

/* |over|: TCP, or the stream, ended. */
static struct wsc_saw saw_of(const struct wsc_evidence *ev, enum wsc_dir d,
                             const struct wsc_verdict *v, bool over)
{
    static const struct wsc_saw nothing_known = {.code = WSC_UNKNOWN, .clean = WSC_UNKNOWN};
    const struct wsc_ev_side *peer = &ev->side[other(d)];
    const struct wsc_ev_close *c = &peer->valid;
    bool ended = over || v->ending == WSC_ENDING_VANISHED ||
                 v->ending == WSC_ENDING_CLOSE_UNANSWERED ||
                 v->ending == WSC_ENDING_CLOSE_HANDSHAKE;
    if (failed_it(ev, d) && !(c->seen && had(ev->side[d].first.ack_off, c->end)))
        return abnormal();
    if (c->seen && received(ev, other(d), c)) {
        int code = c->empty ? 1005 : c->code;
        return (struct wsc_saw){.code = code, .reason = c->reason, .clean = is_clean(ev, v, over)};
    }
    if (!ended || (peer->hidden && !c->seen))
        return nothing_known;
    return abnormal();
}

static void set_saw(const struct wsc_evidence *ev, bool over, struct wsc_verdict *out)
{
    static const struct wsc_saw nothing_known = {.code = WSC_UNKNOWN, .clean = WSC_UNKNOWN};
    out->saw[0] = out->saw[1] = nothing_known;
    if (out->outcome == WSC_OUTCOME_CLOSED) {
        for (int d = 0; d < 2; d++)
            out->saw[d] = saw_of(ev, (enum wsc_dir)d, out, over);
    } else if (out->outcome == WSC_OUTCOME_HANDSHAKE_FAILED) {
        out->saw[WSC_DIR_C2S] = abnormal();
        /* For the server a connection existed that ended without a Close. */
        if (out->ending == WSC_ENDING_BAD_ACCEPT && over)
            out->saw[WSC_DIR_S2C] = abnormal();
    }
}

/* What ends a stream is told by HTTP/2's words (RFC 8441 5), and so is its refusal. */
static enum wsc_ending of_stream(enum wsc_ending ending, enum wsc_tcp_end kind)
{
    if (ending == WSC_ENDING_NO_RESPONSE)
        return kind == WSC_TCP_END_RST ? WSC_ENDING_STREAM_RESET : WSC_ENDING_STREAM_END;
    return ending == WSC_ENDING_FIN     ? WSC_ENDING_STREAM_END
           : ending == WSC_ENDING_RESET ? WSC_ENDING_STREAM_RESET
                                        : ending;
}

void wsc_classify(const struct wsc_evidence *ev, struct wsc_verdict *out)
{
    *out = (struct wsc_verdict){0};
    struct tcp_end end = first_tcp_end(ev);
    bool stream = end.at != NULL && end.at->stream;
    if (end.at != NULL && !stream) {
        out->tcp_end = end.kind;
        out->tcp_end_by = wsc_side_of(end.by);
        out->tcp_end_ref = end.at->ref;
    }
    const struct row *row = decide(gather(ev, &end));
    enum wsc_side first = first_closer(ev);
    out->outcome = row->outcome;
    out->ending = stream ? of_stream(row->ending, end.kind) : row->ending;
    set_code(ev, row, first, out);
    if (row->outcome != WSC_OUTCOME_OPEN)
        set_ended(ev, row->code == CODE_OF_CLOSE ? first : WSC_SIDE_NONE, &end, out);
    set_closed_by(ev, row->code == CODE_OF_CLOSE ? first : WSC_SIDE_NONE, &end, out);
    set_saw(ev, end.at != NULL, out);
}
