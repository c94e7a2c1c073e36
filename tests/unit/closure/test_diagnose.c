#include "closure/diagnose.h"

#include "base/utf8.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* ---- claims ---- */

static struct wsc_span text(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

Test(claims, one_too_many_is_not_kept_and_says_nothing_in_the_name_of_another)
{
    static struct wsc_claims c;
    for (unsigned i = 0; i < WSC_CLAIMS_MAX + 2; i++) {
        wsc_claim(&c, WSC_CAUSE_NORMAL, WSC_CONFIDENCE_LIKELY);
        wsc_say(&c, "of claim %u", i);
    }
    cr_assert_eq(c.len, WSC_CLAIMS_MAX);
    for (size_t i = 0; i < c.len; i++)
        cr_expect_eq(c.list[i].len, 1, "claim %zu", i);
    cr_expect_eq(c.sentences_len, WSC_CLAIMS_MAX);
}

Test(claims, sentences_have_a_ceiling)
{
    static struct wsc_claims c;
    wsc_say(&c, "of nobody");
    cr_expect_eq(c.sentences_len, 0);
    wsc_claim(&c, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    for (unsigned i = 0; i < WSC_SENTENCES_MAX + 1; i++)
        wsc_say(&c, "%u", i);
    cr_expect_eq(c.sentences_len, WSC_SENTENCES_MAX);
    cr_expect_eq(c.list[0].len, WSC_SENTENCES_MAX);
}

Test(claims, long_sentences_are_cut_between_characters)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe3\x81\x82", "\xf0\x9f\x91\xa8"};
    char line[2 * WSC_SENTENCE_MAX];
    for (size_t k = 0; k < 4; k++) {
        size_t size = strlen(characters[k]);
        for (size_t lead = 0; lead < size; lead++) {
            static struct wsc_claims c;
            c.len = c.used = c.sentences_len = 0;
            memset(line, '-', lead);
            for (size_t at = lead; at < WSC_SENTENCE_MAX + 8; at += size)
                memcpy(line + at, characters[k], size + 1);
            wsc_claim(&c, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
            for (int i = 0; i < 30; i++)
                wsc_say(&c, "%s", line);
            /* All of full length, until the room for text ends. */
            size_t full = WSC_SENTENCE_MAX - 1 - (WSC_SENTENCE_MAX - 1 - lead) % size;
            cr_expect_eq(c.sentences[0].len, full, "%zu after %zu: %zu", size, lead,
                         c.sentences[0].len);
            cr_expect_leq(c.used, sizeof(c.text));
            for (size_t i = 0; i < c.sentences_len; i++)
                cr_expect(wsc_utf8_valid(c.sentences[i].ptr, c.sentences[i].len),
                          "%zu after %zu, sentence %zu", size, lead, i);
        }
    }
}

/* ---- words ---- */

Test(words, quotes_of_hostile_text)
{
    static const struct {
        const char *name, *text;
        size_t len; /* 0: strlen */
        const char *quoted;
    } rows[] = {{"plain", "a b", 0, "a b"},
                {"nothing", "", 0, ""},
                {"a NUL", "a\0b", 3, "a\\x00b"},
                {"escape", "\x1b[31m", 0, "\\x1b[31m"},
                {"lines", "\r\n\t", 0, "\\x0d\\x0a\\x09"},
                {"DEL", "\x7f", 0, "\\x7f"},
                {"UTF-8", "\xe3\x81\x82", 0, "\xe3\x81\x82"},
                {"cut UTF-8", "\xe3\x81", 0, "\\xe3\\x81"},
                {"no UTF-8",
                 "\xff"
                 "a",
                 0, "\\xffa"},
                {"overlong", "\xc0\x80", 0, "\\xc0\\x80"},
                {"surrogate", "\xed\xa0\x80", 0, "\\xed\\xa0\\x80"}};
    char out[WSC_QUOTE_TEXT];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_span s = text(rows[i].text);
        if (rows[i].len != 0)
            s.len = rows[i].len;
        cr_expect_str_eq(wsc_text_quote(s, out), rows[i].quoted, "%s", rows[i].name);
    }
}

Test(words, long_quotes_are_cut_between_characters)
{
    static const char *const units[] = {"x", "\x01", "\xe3\x81\x82", "\xf0\x9f\x91\xa8", "\xff"};
    char in[1024], out[WSC_QUOTE_TEXT + 1];
    for (size_t k = 0; k < 5; k++)
        for (size_t n = 1; n <= 200; n++) {
            size_t size = strlen(units[k]);
            for (size_t i = 0; i < n; i++)
                memcpy(in + i * size, units[k], size);
            out[WSC_QUOTE_TEXT] = '!';
            (void)wsc_text_quote((struct wsc_span){.ptr = (const uint8_t *)in, .len = n * size},
                                 out);
            size_t len = strlen(out);
            bool cut = len >= 3 && strcmp(out + len - 3, "...") == 0;
            size_t each = size == 1 && k != 0 ? 4 : size;
            cr_expect_lt(len, WSC_QUOTE_TEXT);
            cr_expect_eq(out[WSC_QUOTE_TEXT], '!');
            cr_expect_eq(cut, n * each + 3 >= WSC_QUOTE_TEXT, "unit %zu, %zu of them", k, n);
            cr_expect(wsc_utf8_valid((const uint8_t *)out, len));
        }
}

Test(words, times_and_packets)
{
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {
        {0, "0.0 ms"}, {2500000, "2.5 ms"}, {1000000000, "1.0 s"}, {59960000000, "60.0 s"}};
    char out[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT];
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        cr_expect_str_eq(wsc_text_time(times[i].ns, out), times[i].text);
    for (int64_t ns = 0; ns < INT64_C(4000000000000000); ns += 1 + ns / 50 + ns % 7) {
        /* ... and as printf() has it, which rounds the double: above all where a tenth ends. */
        int64_t near[] = {ns, ns / 100000 * 100000 + 50000, ns / 100000000 * 100000000 + 50000000};
        for (size_t i = 0; i < 9; i++) {
            int64_t t = near[i / 3] + (int64_t)(i % 3) - (near[i / 3] > 0);
            char want[WSC_TIME_TEXT];
            double v = (double)t / 1e9;
            (void)snprintf(want, sizeof(want), v < 1 ? "%.1f ms" : "%.1f s", v < 1 ? v * 1e3 : v);
            cr_assert_str_eq(wsc_text_time(t, out), want, "%lld ns", (long long)t);
        }
    }
    cr_expect_str_eq(wsc_text_packet(WSC_REF(0, 7), packet), "packet 7");
    cr_expect_str_eq(wsc_text_packet(WSC_REF(0, UINT64_C(0xffffffffffff)), packet),
                     "packet 281474976710655");
    cr_expect_str_eq(wsc_text_packet(WSC_REF(2, 7), packet), "packet 7 of capture 3");
}

/* ---- rules ---- */

#define S  INT64_C(1000000000)
#define T0 (UINT64_C(1767323045) * 1000000000u)

/* A connection that lived for 100 s; its end in packet 50. */
struct story {
    struct wsc_closure rec;
    struct wsc_evidence ev;
    struct wsc_signs signs;
};

static void opened(struct story *s)
{
    memset(s, 0, sizeof(*s));
    s->rec.outcome = WSC_OUTCOME_CLOSED;
    s->rec.handshake_status = 101;
    s->rec.close_code = WSC_UNKNOWN;
    s->rec.started_ns = s->rec.established_ns = T0;
    s->rec.ended_ns = T0 + 100 * (uint64_t)S;
    s->rec.duration_ns = 100 * S;
    s->rec.idle_any_ns = s->rec.idle_client_ns = s->rec.idle_server_ns = 7 * S;
    s->rec.idle_data_ns = 7 * S;
    s->signs.rtt_ns = WSC_UNKNOWN;
    s->ev.handshake = WSC_EV_ACCEPTED;
    s->ev.stop = WSC_EV_STOP_OVER;
    for (int d = 0; d < 2; d++) {
        s->ev.side[d].captured = s->ev.side[d].acked_known = true;
        s->ev.side[d].first.code = WSC_UNKNOWN;
    }
}

static void ends_with(struct story *s, enum wsc_side by, enum wsc_ending ending)
{
    opened(s);
    s->rec.ending = ending;
    s->rec.close_code = 1006;
    s->rec.code_source = WSC_CODE_SOURCE_INFERRED;
    s->rec.closed_by = s->rec.tcp_end_by = by;
    s->rec.tcp_end = ending == WSC_ENDING_RESET ? WSC_TCP_END_RST : WSC_TCP_END_FIN;
    s->rec.tcp_end_packet = WSC_REF(0, 50);
}

static void closes_with(struct story *s, enum wsc_side by, int code)
{
    opened(s);
    s->rec.ending = WSC_ENDING_CLOSE_HANDSHAKE;
    s->rec.close_code = code;
    s->rec.code_source = WSC_CODE_SOURCE_WIRE;
    s->rec.closed_by = by;
    struct wsc_ev_close *c = &s->ev.side[by == WSC_SIDE_CLIENT ? 0 : 1].first;
    *c = (struct wsc_ev_close){
        .seen = true, .valid = true, .code = code, .ref = WSC_REF(0, 50), .ts_ns = s->rec.ended_ns};
}

static void fails_with(struct story *s, int status)
{
    opened(s);
    s->rec.outcome = WSC_OUTCOME_HANDSHAKE_FAILED;
    s->rec.ending = WSC_ENDING_REJECTED;
    s->rec.handshake_status = status;
    s->ev.handshake = WSC_EV_REJECTED;
}

static void unknown(struct story *s)
{
    opened(s);
    s->rec.outcome = WSC_OUTCOME_UNKNOWN;
    s->rec.ending = WSC_ENDING_GAP;
}

static void one_side(struct story *s)
{
    unknown(s);
    s->ev.side[1].captured = false;
    s->ev.handshake = WSC_EV_PENDING;
}

static void lost_framing(struct story *s)
{
    unknown(s);
    s->ev.side[0].hidden = true;
}

static void dropped_packets(struct story *s)
{
    unknown(s);
    s->ev.lost = true;
}

static void forgotten(struct story *s)
{
    unknown(s);
    s->ev.stop = WSC_EV_STOP_EVICTED;
}

static void a_page(struct story *s)
{
    fails_with(s, 200);
}

static void too_many_requests(struct story *s)
{
    fails_with(s, 429);
}

static void a_teapot(struct story *s)
{
    fails_with(s, 418);
    s->signs.phrase = text("I'm a\x1bteapot");
    s->signs.answer_ref = WSC_REF(0, 6);
}

static void garbage(struct story *s)
{
    fails_with(s, WSC_UNKNOWN);
    s->rec.ending = WSC_ENDING_BAD_ACCEPT;
    s->ev.handshake = WSC_EV_GARBAGE;
}

static void no_answer(struct story *s)
{
    fails_with(s, WSC_UNKNOWN);
    s->rec.ending = WSC_ENDING_NO_RESPONSE;
    s->rec.tcp_end = WSC_TCP_END_FIN;
    s->rec.tcp_end_by = WSC_SIDE_CLIENT;
    s->rec.tcp_end_packet = WSC_REF(0, 9);
    s->ev.handshake = WSC_EV_PENDING;
    s->ev.side[0].acked_off = s->ev.side[0].end_off = 200;
}

static void no_answer_out_of_sight(struct story *s)
{
    no_answer(s);
    s->ev.side[1].captured = false;
}

static void registered_timeout(struct story *s)
{
    closes_with(s, WSC_SIDE_SERVER, 3008);
}

static void two_softwares(struct story *s)
{
    closes_with(s, WSC_SIDE_SERVER, 1000);
    s->rec.reason = text("OK");
}

static void broke_a_rule(struct story *s, enum wsc_rule rule)
{
    s->rec.violations[0] =
        (struct wsc_violation){.by = WSC_SIDE_CLIENT, .rule = rule, .packet = WSC_REF(0, 49)};
    s->rec.violations_len = 1;
}

static void dropped_at_once(struct story *s)
{
    ends_with(s, WSC_SIDE_SERVER, WSC_ENDING_FIN);
    broke_a_rule(s, WSC_RULE_RESERVED_OPCODE);
    s->rec.idle_client_ns = S / 100;
}

static void dropped_later(struct story *s)
{
    dropped_at_once(s);
    s->rec.idle_client_ns = 2 * S;
}

static void dropped_for_bad_text(struct story *s)
{
    dropped_at_once(s);
    s->rec.violations[0].rule = WSC_RULE_TEXT_NOT_UTF8;
}

static void broken_by_the_closer(struct story *s)
{
    dropped_at_once(s);
    s->rec.violations[0].by = WSC_SIDE_SERVER;
    s->rec.idle_client_ns = s->rec.idle_server_ns = 2 * S;
}

static void too_big(struct story *s)
{
    closes_with(s, WSC_SIDE_SERVER, 1009);
    s->ev.side[0].data_last = true;
    s->ev.side[0].last_len = 70000;
}

static void too_big_after_a_large_one(struct story *s)
{
    too_big(s);
    s->ev.side[0].last_len = 5000;
    s->signs.large[0] = (struct wsc_sign_large){.ref = WSC_REF(0, 30), .frame_len = 60000};
}

static void too_big_after_a_ping(struct story *s)
{
    too_big(s);
    s->ev.side[0].data_last = false;
}

static void inside_a_frame(struct story *s)
{
    ends_with(s, WSC_SIDE_SERVER, WSC_ENDING_RESET);
    s->signs.cut_left[1] = 1234;
}

static void inside_a_frame_of_bytes_missed(struct story *s)
{
    inside_a_frame(s);
    s->ev.side[1].hidden = true;
}

static void a_named_product(struct story *s)
{
    ends_with(s, WSC_SIDE_SERVER, WSC_ENDING_FIN);
    s->rec.idle_any_ns = 60 * S;
    s->rec.server_software = text("nginx/1.22.1");
    s->signs.software[WSC_DIR_S2C] = wsc_software_named(s->rec.server_software);
}

static void a_slow_ping(struct story *s)
{
    a_named_product(s);
    s->signs.ping[0].interval_ns = 75 * (uint64_t)S;
}

static void a_ping_in_time(struct story *s)
{
    a_named_product(s);
    s->signs.ping[0].interval_ns = 25 * (uint64_t)S;
}

static void an_open_ping(struct story *s)
{
    ends_with(s, WSC_SIDE_SERVER, WSC_ENDING_FIN);
    s->rec.idle_client_ns = 30 * S;
    s->signs.ping[1] = (struct wsc_sign_ping){.ns = s->rec.ended_ns - 20 * (uint64_t)S,
                                              .ref = WSC_REF(0, 40),
                                              .open_ns = s->rec.ended_ns - 20 * (uint64_t)S,
                                              .open_ref = WSC_REF(0, 40),
                                              .open = 1,
                                              .acked_known = true};
}

static void an_acked_ping(struct story *s)
{
    an_open_ping(s);
    s->signs.ping[1].acked = true;
}

static void a_ping_on_a_slow_path(struct story *s)
{
    an_open_ping(s);
    s->signs.rtt_ns = 6 * S;
}

static void a_ping_by_the_other(struct story *s)
{
    an_open_ping(s);
    s->signs.ping[0] = s->signs.ping[1];
    memset(&s->signs.ping[1], 0, sizeof(s->signs.ping[1]));
}

static void a_pong_after_it(struct story *s)
{
    an_open_ping(s);
    s->signs.pong_ns[0] = s->rec.ended_ns - 5 * (uint64_t)S;
}

static void forged(struct story *s, uint8_t ttl, uint8_t run)
{
    ends_with(s, WSC_SIDE_SERVER, WSC_ENDING_RESET);
    s->signs.rst[1].origin = (struct wsc_sign_origin){.ttl = ttl, .usual_ttl = 64, .ttl_run = run};
}

static void a_far_ttl(struct story *s)
{
    forged(s, 50, 2);
}

static void one_hop(struct story *s)
{
    forged(s, 63, 3);
}

static void one_steady_hop(struct story *s)
{
    forged(s, 63, 4);
}

static void one_packet_before(struct story *s)
{
    forged(s, 50, 1);
}

static void went_on(struct story *s)
{
    forged(s, 50, 2);
    s->signs.rst[1].after_count = 3;
    s->signs.rst[1].after_ref = WSC_REF(0, 51);
}

static void jumped(struct story *s)
{
    forged(s, 64, 9);
    s->signs.rst[1].origin.id_run = 4;
    s->signs.rst[1].origin.ip_id = 40000;
    s->signs.rst[1].origin.last_id = 100;
}

static void id_zero(struct story *s)
{
    jumped(s);
    s->signs.rst[1].origin.last_id = 30000;
    s->signs.rst[1].origin.ip_id = 0;
}

static void wrapped(struct story *s)
{
    jumped(s);
    s->signs.rst[1].origin.ip_id = 10;
    s->signs.rst[1].origin.last_id = 65500;
}

#define NONE     WSC_CONFIDENCE_NONE
#define POSSIBLE WSC_CONFIDENCE_POSSIBLE
#define LIKELY   WSC_CONFIDENCE_LIKELY
#define CERTAIN  WSC_CONFIDENCE_CERTAIN

static const struct {
    const char *name;
    void (*tell)(struct story *s);
    const char *cause; /* NULL: none */
    enum wsc_confidence confidence;
    const char *says, *never; /* NULL: not asked */
} stories[] = {
    {"one side", one_side, "capture_gap", CERTAIN, "no packet of the server was captured", NULL},
    {"... and no answer", one_side, "capture_gap", CERTAIN, "no answer to the handshake", "decide"},
    {"framing lost", lost_framing, "capture_gap", CERTAIN, "framing of the client's bytes",
     "decide"},
    {"dropped live", dropped_packets, "capture_gap", CERTAIN, "packets were dropped", "decide"},
    {"nothing missing", unknown, "capture_gap", CERTAIN, "the packets that decide", "Close frame"},
    {"evicted", forgotten, "evicted", CERTAIN, "ceiling", "decide"},
    {"200", a_page, "handshake_rejected", CERTAIN, "does not know the Upgrade", NULL},
    {"429", too_many_requests, "handshake_rejected", CERTAIN, "too many attempts", NULL},
    {"418", a_teapot, "handshake_rejected", CERTAIN, "answered 418 I'm a\\x1bteapot (packet 6)",
     NULL},
    {"no HTTP", garbage, "protocol_error", CERTAIN, "is not HTTP", "Accept"},
    {"no answer", no_answer, "handshake_timeout", LIKELY, "7.0 s after its request", NULL},
    {"no answer, acknowledged", no_answer, "handshake_timeout", LIKELY,
     "the server's host was there", NULL},
    {"answer out of sight", no_answer_out_of_sight, NULL, NONE, NULL, "no answer"},
    {"3008", registered_timeout, "application", LIKELY, "3008 is registered as Timeout", NULL},
    {"a reason of many", two_softwares, "normal", CERTAIN, "reason: \"OK\"", "software:"},
    {"dropped at once", dropped_at_once, "protocol_error", LIKELY, "reserved-opcode in packet 49",
     NULL},
    {"dropped later", dropped_later, NULL, NONE, NULL, "broke the rule"},
    {"dropped for text", dropped_for_bad_text, "invalid_data", LIKELY, "text-not-utf8", NULL},
    {"the closer broke it", broken_by_the_closer, NULL, NONE, NULL, "broke the rule"},
    {"1009", too_big, "message_too_big", CERTAIN, "70000 bytes", NULL},
    {"1009 after a large one", too_big_after_a_large_one, "message_too_big", LIKELY, "5000 bytes",
     "60000"},
    {"1009 after a Ping", too_big_after_a_ping, "message_too_big", NONE, "not of a message",
     "70000"},
    {"inside a frame", inside_a_frame, "peer_crash", LIKELY, "at least 1234 were still to come",
     NULL},
    {"inside a frame missed", inside_a_frame_of_bytes_missed, NULL, NONE, NULL, "inside a frame"},
    {"named product", a_named_product, "idle_timeout", LIKELY, "matches a limit of 60 s: nginx",
     "pings every"},
    {"a slow ping", a_slow_ping, "idle_timeout", LIKELY,
     "the client pings every 75.0 s, which is not shorter", NULL},
    {"a ping in time", a_ping_in_time, "idle_timeout", LIKELY, NULL, "pings every"},
    {"an open Ping", an_open_ping, "keepalive_timeout", LIKELY, "TCP did not acknowledge it",
     "stuck"},
    {"an acked Ping", an_acked_ping, "keepalive_timeout", LIKELY, "TCP acknowledged it",
     "was gone"},
    {"a slow path", a_ping_on_a_slow_path, NULL, NONE, NULL, "Ping"},
    {"the other's Ping", a_ping_by_the_other, NULL, NONE, NULL, "Ping"},
    {"a Pong after it", a_pong_after_it, NULL, NONE, NULL, "Ping"},
    {"a far TTL", a_far_ttl, "middlebox_reset", LIKELY, "has TTL 50, the packets before it 64",
     NULL},
    {"one hop", one_hop, "middlebox_reset", POSSIBLE, "has TTL 63", NULL},
    {"one steady hop", one_steady_hop, "middlebox_reset", LIKELY, "has TTL 63", NULL},
    {"one packet before", one_packet_before, NULL, NONE, NULL, "TTL"},
    {"the real one goes on", went_on, "middlebox_reset", CERTAIN,
     "3 more packets from packet 51 on", NULL},
    {"IP-ID jumps", jumped, "middlebox_reset", POSSIBLE, "IP-ID is 40000", NULL},
    {"IP-ID 0", id_zero, NULL, NONE, NULL, "IP-ID"},
    {"IP-ID wraps", wrapped, NULL, NONE, NULL, "IP-ID"},
};

static void all_sentences(const struct wsc_closure *r, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < r->evidence_len && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%.*s\n", (int)r->evidence[i].len,
                                 (const char *)r->evidence[i].ptr);
}

static bool same(struct wsc_span a, struct wsc_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

Test(rules, a_cause_is_the_same_where_nobody_reads_why)
{
    struct wsc_limits *limits = NULL;
    cr_assert_eq(wsc_limits_new(&limits), WSC_OK);
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        static struct story told, silent;
        static struct wsc_claims why, claims;
        const char *name = stories[i].name;
        stories[i].tell(&told);
        told.signs.limits = limits;
        silent = told;
        wsc_diagnose(&(struct wsc_case){.rec = &told.rec, .ev = &told.ev, .signs = &told.signs},
                     &why, &told.rec);
        wsc_diagnose(
            &(struct wsc_case){
                .rec = &silent.rec, .ev = &silent.ev, .signs = &silent.signs, .no_evidence = true},
            &claims, &silent.rec);
        cr_expect(same(silent.rec.cause, told.rec.cause), "%s", name);
        cr_expect_eq(silent.rec.confidence, told.rec.confidence, "%s", name);
        cr_expect(same(silent.rec.software, told.rec.software), "%s", name);
        cr_expect(same(silent.rec.app_code_scope, told.rec.app_code_scope), "%s", name);
        cr_expect(same(silent.rec.app_code_name, told.rec.app_code_name), "%s", name);
        cr_expect_eq(silent.rec.evidence_len, 0, "%s", name);
    }
    wsc_limits_free(limits);
}

Test(rules, each_says_what_it_sees_and_no_more)
{
    struct wsc_limits *limits = NULL;
    cr_assert_eq(wsc_limits_new(&limits), WSC_OK);
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        static struct story s;
        static struct wsc_claims claims;
        static char said[WSC_EVIDENCE_MAX * (WSC_SENTENCE_MAX + 1)];
        const char *name = stories[i].name;
        stories[i].tell(&s);
        s.signs.limits = limits;
        wsc_diagnose(&(struct wsc_case){.rec = &s.rec, .ev = &s.ev, .signs = &s.signs}, &claims,
                     &s.rec);
        all_sentences(&s.rec, said, sizeof(said));
        struct wsc_span want = text(stories[i].cause);
        cr_expect(s.rec.cause.len == want.len &&
                      (want.len == 0 || memcmp(s.rec.cause.ptr, want.ptr, want.len) == 0),
                  "%s: %.*s: %s", name, (int)s.rec.cause.len, (const char *)s.rec.cause.ptr, said);
        if (want.len == 0 || stories[i].confidence != NONE)
            cr_expect_eq(s.rec.confidence, stories[i].confidence, "%s: %d", name,
                         (int)s.rec.confidence);
        cr_expect(stories[i].says == NULL || strstr(said, stories[i].says) != NULL, "%s: %s", name,
                  said);
        cr_expect(stories[i].never == NULL || strstr(said, stories[i].never) == NULL, "%s: %s",
                  name, said);
    }
    wsc_limits_free(limits);
}
