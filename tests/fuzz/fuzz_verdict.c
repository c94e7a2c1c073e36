/* Aimed at wsc_classify() and wsc_diagnose(): evidence to verdict, verdict to cause.
 *
 * The input is read field by field into the evidence and the signs, numbers small so that they
 * meet, texts from its end; what a record has besides is filled as the engine does. Byte 0: the
 * handshake; byte 1: the stop.
 *
 * Checked: what SPEC sections 2 to 4 rule out never comes, least of all 1006 where a Close may
 * stand in bytes that were not captured; the same evidence gives the same verdict; and with the two
 * sides exchanged the verdict is the same with its sides exchanged. */
#include "closure/classify.h"
#include "closure/diagnose.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NS_PER_S UINT64_C(1000000000)

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- input to evidence ---- */

static bool flag(struct wsc_reader *r)
{
    return (wsc_rd_u8(r) & 1) != 0;
}

static uint64_t offset(struct wsc_reader *r)
{
    uint8_t b = wsc_rd_u8(r);
    return b == 0xff ? WSC_EV_NO_ACK : b == 0xfe ? (uint64_t)1 << 40 : b % 16u;
}

/* Time and packet number go together, as in one capture. */
static uint64_t moment(struct wsc_reader *r, uint64_t *ref)
{
    uint8_t b = wsc_rd_u8(r);
    *ref = b % 32u;
    if (*ref != 0 && (b & 0x80))
        *ref = WSC_REF(1, *ref);
    static const uint64_t steps[] = {1000, 200000000, NS_PER_S, 30 * NS_PER_S};
    return *ref == 0 ? 0 : NS_PER_S + (b % 32u) * steps[b >> 5 & 3];
}

static struct wsc_span text(struct wsc_reader *r)
{
    size_t n = wsc_rd_u8(r) % 130u;
    n = n < wsc_rd_left(r) ? n : wsc_rd_left(r);
    return (struct wsc_span){.ptr = wsc_rd_bytes(r, n), .len = n};
}

static int code_of(struct wsc_reader *r)
{
    uint16_t b = wsc_rd_be16(r);
    static const int some[] = {1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010,
                               1011, 1012, 1013, 1014, 1015, 3000, 4000, 4001, 4408, 0};
    return b & 0x8000 ? b & 0x7fff : some[b % (sizeof(some) / sizeof(some[0]))];
}

static void read_close(struct wsc_reader *r, struct wsc_ev_close *c)
{
    *c = (struct wsc_ev_close){.code = WSC_UNKNOWN, .ack_off = WSC_EV_NO_ACK};
    uint8_t b = wsc_rd_u8(r);
    if (!(b & 1))
        return;
    c->seen = true;
    c->ts_ns = moment(r, &c->ref);
    c->end = wsc_rd_u8(r) % 16u + 2;
    c->ack_off = offset(r);
    c->valid = (b & 2) != 0;
    c->empty = (b & 4) != 0;
    if (!c->empty && (b & 0x18) != 0)
        c->code = code_of(r);
    if (c->ref == 0) {
        c->ref = 1;
        c->ts_ns = NS_PER_S;
    }
    if (c->code != WSC_UNKNOWN)
        c->reason = text(r);
    c->valid = c->valid && (c->empty || c->code != WSC_UNKNOWN);
}

static struct wsc_ev_end read_end(struct wsc_reader *r)
{
    struct wsc_ev_end e = {.ref = 0};
    e.ts_ns = moment(r, &e.ref);
    if (e.ref == 0)
        return (struct wsc_ev_end){.ref = 0};
    e.off = wsc_rd_u8(r) % 16u;
    e.ack_off = offset(r);
    return e;
}

static void read_side(struct wsc_reader *r, struct wsc_ev_side *s, bool stream)
{
    uint64_t unused;
    uint8_t b = wsc_rd_u8(r);
    read_close(r, &s->first);
    s->valid = s->first;
    if (s->first.seen && !s->first.valid)
        read_close(r, &s->valid);
    if (!s->valid.valid)
        s->valid = (struct wsc_ev_close){.code = WSC_UNKNOWN, .ack_off = WSC_EV_NO_ACK};
    s->fin = read_end(r);
    s->rst = read_end(r);
    s->fin.stream = s->rst.stream = stream;
    if (b & 1)
        s->alert = read_end(r);
    if (b & 2)
        s->goaway = read_end(r);
    s->captured = (b & 4) == 0;
    s->hidden = (b & 8) != 0;
    s->hidden_off = s->hidden ? wsc_rd_u8(r) % 16u : 0;
    s->hidden_ack_off = s->hidden ? offset(r) : WSC_EV_NO_ACK;
    s->end_off = wsc_rd_u8(r) % 18u;
    s->acked_known = (b & 16) != 0;
    s->acked_off = wsc_rd_u8(r) % 18u;
    s->acked_ns = moment(r, &unused);
    s->unanswered = b & 32 ? 5 : 0;
    s->frames = wsc_rd_u8(r) % 4u;
    s->broke_rule = (b & 64) != 0;
    s->data_last = flag(r);
    s->text_last = flag(r);
    s->last_data_ns = moment(r, &unused);
    s->last_len = wsc_rd_u8(r) * 100u;
    s->longest_before = wsc_rd_u8(r) * 100u;
}

static void read_evidence(struct wsc_reader *r, struct wsc_evidence *ev)
{
    uint64_t unused;
    *ev = (struct wsc_evidence){.handshake = (enum wsc_ev_handshake)(wsc_rd_u8(r) % 8u)};
    ev->stop = (enum wsc_ev_stop)(wsc_rd_u8(r) % 4u);
    uint8_t b = wsc_rd_u8(r);
    ev->wss_known = (b & 1) != 0;
    ev->lost = (b & 2) != 0;
    read_side(r, &ev->side[0], (b & 4) != 0);
    read_side(r, &ev->side[1], (b & 4) != 0);
    ev->now_ns = moment(r, &unused) + NS_PER_S * wsc_rd_u8(r);
}

static struct wsc_sign_origin read_origin(struct wsc_reader *r)
{
    return (struct wsc_sign_origin){.ttl = wsc_rd_u8(r),
                                    .usual_ttl = wsc_rd_u8(r),
                                    .ttl_run = wsc_rd_u8(r),
                                    .id_run = wsc_rd_u8(r),
                                    .ip_id = wsc_rd_be16(r),
                                    .last_id = wsc_rd_be16(r)};
}

static void read_signs_of(struct wsc_reader *r, struct wsc_signs *s, int d)
{
    struct wsc_sign_alert *a = &s->alert[d];
    a->ns = moment(r, &a->ref);
    a->level = wsc_rd_u8(r) % 3u;
    a->description = (int16_t)(wsc_rd_u8(r) - 1);
    struct wsc_sign_goaway *g = &s->goaway[d];
    g->ns = moment(r, &g->ref);
    g->error = wsc_rd_u8(r);
    g->debug_len = wsc_rd_u8(r) % (sizeof(g->debug) + 1);
    for (size_t i = 0; i < g->debug_len; i++)
        g->debug[i] = wsc_rd_u8(r);
    struct wsc_sign_ping *p = &s->ping[d];
    p->ns = moment(r, &p->ref);
    p->open_ns = moment(r, &p->open_ref);
    p->open = wsc_rd_u8(r);
    p->interval_ns = wsc_rd_u8(r) * NS_PER_S;
    p->acked_known = flag(r);
    p->acked = p->acked_known && flag(r);
    uint64_t unused;
    s->pong_ns[d] = moment(r, &unused);
    s->fin[d].origin = read_origin(r);
    s->fin[d].ttl_stays = flag(r);
    s->rst[d].origin = read_origin(r);
    (void)moment(r, &s->rst[d].after_ref);
    s->rst[d].after_count = wsc_rd_u8(r);
    (void)moment(r, &s->large[d].ref);
    s->large[d].frame_len = wsc_rd_be32(r);
    s->cut_left[d] = wsc_rd_u8(r);
    s->leave[d] = flag(r) ? wsc_cause_name((enum wsc_cause)(1 + wsc_rd_u8(r) % 4u)) : NULL;
    if (s->leave[d] != NULL)
        memcpy(s->goodbye[d], "its goodbye", sizeof("its goodbye"));
    s->stream.error[d] = wsc_rd_u8(r) % 16u;
    s->stream.error_name[d] = flag(r) ? "CANCEL" : NULL;
}

static void read_signs(struct wsc_reader *r, struct wsc_signs *s)
{
    *s = (struct wsc_signs){.rtt_ns = WSC_UNKNOWN};
    read_signs_of(r, s, 0);
    read_signs_of(r, s, 1);
    uint8_t b = wsc_rd_u8(r);
    s->tls = (b & 1) != 0;
    s->stream.id = b & 2 ? 3 : 0;
    s->stream.announced = (b & 4) != 0;
    s->stale_count = b >> 3 & 7u;
    (void)moment(r, &s->stale_ref);
    s->stale_by = (enum wsc_dir)(b >> 6 & 1);
    s->stale_origin = read_origin(r);
    s->quiet_ns = (int64_t)(wsc_rd_u8(r) * NS_PER_S);
    s->quiet_end_ns = s->quiet_ns != 0 ? NS_PER_S * (1u + wsc_rd_u8(r)) : 0;
    (void)moment(r, &s->answer_ref);
    struct wsc_span *const texts[] = {&s->via,      &s->cf_ray,           &s->alpn,
                                      &s->location, &s->www_authenticate, &s->phrase};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = flag(r) ? text(r) : (struct wsc_span){0};
}

/* ---- evidence to record, as src/engine/conv_record.c does ---- */

static int64_t silence(struct wsc_reader *r, uint64_t ended)
{
    uint16_t b = wsc_rd_be16(r);
    return ended == 0 || b == 0 ? WSC_UNKNOWN : (int64_t)b * 100000000;
}

static void fill(struct wsc_reader *r, const struct wsc_evidence *ev, const struct wsc_verdict *v,
                 struct wsc_closure *rec)
{
    *rec = (struct wsc_closure){.id = WSC_UNKNOWN,
                                .outcome = v->outcome,
                                .ending = v->ending,
                                .close_code = v->close_code,
                                .code_source = v->code_source,
                                .reason = v->reason,
                                .closed_by = v->closed_by,
                                .saw = {v->saw[0], v->saw[1]},
                                .tcp_end = v->tcp_end,
                                .tcp_end_by = v->tcp_end_by,
                                .tcp_end_packet = v->tcp_end_ref,
                                .started_ns = NS_PER_S,
                                .established_ns = ev->handshake == WSC_EV_ACCEPTED ? NS_PER_S : 0,
                                .ended_ns = v->ended_ns,
                                .last_ns = ev->now_ns,
                                .handshake_status = WSC_UNKNOWN,
                                .last_rtt_ns = WSC_UNKNOWN};
    if (ev->handshake == WSC_EV_REJECTED)
        rec->handshake_status = 200 + wsc_rd_u8(r) * 2;
    uint64_t end = rec->ended_ns != 0 ? rec->ended_ns : rec->last_ns;
    rec->duration_ns = end >= NS_PER_S ? (int64_t)(end - NS_PER_S) : WSC_UNKNOWN;
    rec->idle_any_ns = silence(r, v->ended_ns);
    rec->idle_client_ns = silence(r, v->ended_ns);
    rec->idle_server_ns = silence(r, v->ended_ns);
    rec->idle_data_ns = silence(r, v->ended_ns);
    rec->midstream = ev->handshake == WSC_EV_NO_HANDSHAKE;
    for (int d = 0; d < 2; d++) {
        const struct wsc_ev_close *c = &ev->side[d].first;
        rec->close[d] = (struct wsc_close_frame){.seen = c->seen,
                                                 .code = c->seen ? c->code : WSC_UNKNOWN,
                                                 .reason = c->reason,
                                                 .valid = c->valid,
                                                 .at_ns = c->ts_ns,
                                                 .packet = c->ref};
        rec->frames[d] = ev->side[d].frames;
        rec->last_message[d] = (int64_t)ev->side[d].last_len;
        rec->missing_bytes[d] = ev->side[d].hidden;
    }
    rec->violations_len = wsc_rd_u8(r) % 4u;
    for (size_t i = 0; i < rec->violations_len; i++) {
        struct wsc_violation *x = &rec->violations[i];
        x->by = flag(r) ? WSC_SIDE_CLIENT : WSC_SIDE_SERVER;
        x->rule = (enum wsc_rule)(wsc_rd_u8(r) % WSC_RULE_COUNT);
        (void)moment(r, &x->packet);
    }
    struct wsc_span *const texts[] = {&rec->host, &rec->subprotocol, &rec->user_agent,
                                      &rec->server_software, &rec->sni};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = flag(r) ? text(r) : (struct wsc_span){0};
}

/* ---- what must hold ---- */

static void check_verdict(const struct wsc_evidence *ev, const struct wsc_verdict *v)
{
    const struct wsc_ev_side *side = ev->side;
    bool closed = v->outcome == WSC_OUTCOME_CLOSED;
    must((v->close_code == WSC_UNKNOWN) == (v->code_source == WSC_CODE_SOURCE_NONE));
    must(closed || v->close_code == WSC_UNKNOWN || v->close_code == 1015);
    must(v->close_code != 1015 || v->code_source == WSC_CODE_SOURCE_WIRE ||
         (ev->handshake == WSC_EV_TLS_FAILED && ev->wss_known));
    if (v->code_source == WSC_CODE_SOURCE_WIRE)
        must((side[0].first.seen && side[0].first.code == v->close_code) ||
             (side[1].first.seen && side[1].first.code == v->close_code));
    /* Rule 2: never 1006 where a Close may have passed unseen; nor an end nobody saw. */
    if (v->close_code == 1006 && v->code_source == WSC_CODE_SOURCE_INFERRED) {
        must(!side[0].hidden && !side[1].hidden);
        must(v->ending != WSC_ENDING_VANISHED || !ev->lost);
    }
    must(v->outcome != WSC_OUTCOME_UNKNOWN || v->closed_by == WSC_SIDE_NONE);
    must(v->outcome != WSC_OUTCOME_OPEN ||
         (v->ended_ns == 0 && v->close_code == WSC_UNKNOWN && v->ending == WSC_ENDING_NONE));
    must(v->outcome != WSC_OUTCOME_OPEN || v->tcp_end == WSC_TCP_END_NONE);
    must((v->tcp_end == WSC_TCP_END_NONE) == (v->tcp_end_ref == 0));
    must((v->tcp_end == WSC_TCP_END_NONE) == (v->tcp_end_by == WSC_SIDE_NONE));
    must(v->ending != WSC_ENDING_CLOSE_HANDSHAKE || (side[0].first.seen && side[1].first.seen));
    must(v->ending != WSC_ENDING_CLOSE_UNANSWERED || side[0].first.seen || side[1].first.seen);
    for (int d = 0; d < 2; d++) {
        bool none = v->saw[d].code == WSC_UNKNOWN, abnormal = v->saw[d].code == 1006;
        must(!none || v->saw[d].clean == WSC_UNKNOWN);
        must(!abnormal || v->saw[d].clean == 0 || side[1 - d].valid.code == 1006);
    }
}

static void check_record(const struct wsc_closure *r)
{
    must((r->cause.ptr == NULL) == (r->confidence == WSC_CONFIDENCE_NONE));
    must(r->cause.ptr == NULL || r->evidence_len > 0);
    must(r->evidence_len <= WSC_EVIDENCE_MAX);
    for (size_t i = 0; i < r->evidence_len; i++) {
        const struct wsc_span s = r->evidence[i];
        must(s.len > 0 && s.len < 2 * WSC_SENTENCE_MAX && wsc_utf8_valid(s.ptr, s.len));
        for (size_t b = 0; b < s.len; b++)
            must(s.ptr[b] >= 0x20 && s.ptr[b] != 0x7f);
    }
    must(r->outcome != WSC_OUTCOME_OPEN || r->confidence < WSC_CONFIDENCE_CERTAIN);
}

/* ---- the other way round ---- */

static enum wsc_side mirrored(enum wsc_side s)
{
    return s == WSC_SIDE_CLIENT ? WSC_SIDE_SERVER : s == WSC_SIDE_SERVER ? WSC_SIDE_CLIENT : s;
}

/* No two things at one moment, and none of which the roles decide. */
static bool mirrors(const struct wsc_evidence *ev)
{
    uint64_t refs[16];
    size_t n = 0;
    for (int d = 0; d < 2; d++) {
        const struct wsc_ev_side *s = &ev->side[d];
        const uint64_t mine[] = {s->first.ref, s->valid.ref == s->first.ref ? 0 : s->valid.ref,
                                 s->fin.ref,   s->rst.ref,
                                 s->alert.ref, s->goaway.ref};
        for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
            if (mine[i] != 0)
                refs[n++] = mine[i];
        if (s->first.code == 1010)
            return false;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (refs[i] == refs[j] || WSC_REF_CAPTURE(refs[i]) != WSC_REF_CAPTURE(refs[j]))
                return false;
    /* Both silent, both with a GOAWAY: whoever is asked first. */
    bool both_silent = ev->side[0].unanswered > 0 && ev->side[1].unanswered > 0;
    bool both_away = ev->side[0].goaway.ref != 0 && ev->side[1].goaway.ref != 0;
    return !both_silent && !both_away &&
           (ev->handshake == WSC_EV_ACCEPTED || ev->handshake == WSC_EV_NO_HANDSHAKE);
}

static void check_mirror(const struct wsc_evidence *ev, const struct wsc_verdict *v)
{
    struct wsc_evidence other = *ev;
    struct wsc_verdict w;
    other.side[0] = ev->side[1];
    other.side[1] = ev->side[0];
    wsc_classify(&other, &w);
    must(v->outcome == w.outcome && v->ending == w.ending && v->close_code == w.close_code);
    must(v->code_source == w.code_source && v->closed_by == mirrored(w.closed_by));
    must(v->tcp_end == w.tcp_end && v->tcp_end_by == mirrored(w.tcp_end_by));
    must(v->ended_ns == w.ended_ns);
    for (int d = 0; d < 2; d++)
        must(v->saw[d].code == w.saw[1 - d].code && v->saw[d].clean == w.saw[1 - d].clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsc_reader r = wsc_reader_of(data, size);
    struct wsc_evidence ev;
    struct wsc_signs signs;
    struct wsc_verdict v, again;
    struct wsc_closure rec;
    static struct wsc_claims claims;
    static struct wsc_limits *limits; /* the built-in table, made once */
    must(limits != NULL || wsc_limits_new(&limits) == WSC_OK);
    read_evidence(&r, &ev);
    wsc_classify(&ev, &v);
    memset(&again, 0xa5, sizeof(again));
    wsc_classify(&ev, &again);
    must(v.outcome == again.outcome && v.ending == again.ending && v.ended_ns == again.ended_ns &&
         v.close_code == again.close_code && v.closed_by == again.closed_by);
    check_verdict(&ev, &v);
    if (mirrors(&ev))
        check_mirror(&ev, &v);
    read_signs(&r, &signs);
    signs.limits = limits;
    fill(&r, &ev, &v, &rec);
    wsc_diagnose(&(struct wsc_case){.rec = &rec, .ev = &ev, .signs = &signs}, &claims, &rec);
    check_record(&rec);
    return 0;
}
