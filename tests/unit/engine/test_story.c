/* The story of one connection, over packets built here: what happened, in order, and what it costs
 * at the ceilings. */
#include <wsclose/story.h>

#include "base/alloc.h"
#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REQUEST                                                                                    \
    "GET /chat?token=secret HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"                         \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                                         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
#define MASK "\x80\0\0\0\0"

enum { SYN = WSC_TCP_SYN, ACK = WSC_TCP_ACK, FIN = WSC_TCP_FIN, RST = WSC_TCP_RST };
enum { C, S };

/* A packet; numbers count from 1, a tenth of a second apart. */
struct step {
    int by;
    uint8_t flags;
    const char *payload;
    size_t len;
    int seq;         /* added to the sequence number of this packet alone */
    int skip;        /* bytes that are sent before it, and not captured */
    uint16_t window; /* 0: the usual */
    bool closed;     /* window 0 */
};
#define T(by_, flags_, ...)                                                                        \
    {                                                                                              \
        .by = by_, .flags = flags_, __VA_ARGS__                                                    \
    }
#define P(s)     .payload = (s), .len = sizeof(s) - 1
#define STEPS(n) static const struct step n[]
#define OPEN                                                                                       \
    T(C, SYN, ), T(S, SYN | ACK, ), T(C, ACK, ), T(C, ACK, P(REQUEST)), T(S, ACK, P(ANSWER))

STEPS(clean) = {OPEN,
                T(C, ACK, P("\x81" MASK)),
                T(C, ACK,
                  P("\x82\x83\0\0\0\0"
                    "abc")),
                T(S, ACK, P("\x89\x01x")),
                T(C, ACK, P("\x8a\x81\0\0\0\0x")),
                T(S, ACK,
                  P("\x88\x05\x03\xe9"
                    "bye")),
                T(C, ACK, P("\x88\x82\0\0\0\0\x03\xe9")),
                T(S, FIN | ACK, ),
                T(C, FIN | ACK, ),
                T(S, ACK, )};
STEPS(again) = {T(C, SYN, ),
                T(C, SYN, .seq = -1),
                T(S, SYN | ACK, ),
                T(C, ACK, P(REQUEST)),
                T(S, ACK, P(ANSWER)),
                T(S, ACK, P("\x81\x02hi")),
                T(S, ACK, P("\x81\x02hi"), .seq = -4),
                T(C, ACK, .seq = -1),
                T(C, ACK, .closed = true),
                T(C, ACK, .closed = true),
                T(C, ACK, .window = 5000),
                T(S, FIN | ACK, ),
                T(S, FIN | ACK, .seq = -1)};
STEPS(pieces) = {OPEN,
                 T(S, ACK,
                   P("\x82\x06"
                     "ab")),
                 T(S, ACK, P("cd")), T(S, ACK, P("ef\x01\x02gh\x80\x05i")), T(C, RST | ACK, )};
STEPS(hole) = {OPEN,
               T(S, ACK,
                 P("\x82\x06"
                   "ab")),
               T(S, ACK, P("ef\x81\x01x"), .skip = 2), T(C, ACK, ), T(C, FIN | ACK, )};
STEPS(out_of_order) = {OPEN, T(S, ACK, P("\x81\x01y"), .seq = 3),
                       T(S, ACK, P("\x81\x01x"), .seq = -6), T(C, FIN | ACK, )};
STEPS(forged) = {OPEN,
                 T(S, RST | ACK, .seq = 100000),
                 T(S, RST | ACK, ),
                 T(C, ACK, P("\x81\x81\0\0\0\0x")),
                 T(S, ACK, P("\x81\x02no")),
                 T(C, ACK, P("\x81\x81\0\0\0\0y"))};
STEPS(broken) = {OPEN, T(S, ACK, P("\x83\x01x\xb1\x00")),
                 T(C, ACK, P("\x88\x83\0\0\0\0\x03\xe8\xff")), T(C, FIN | ACK, )};
STEPS(refused) = {T(C, SYN, ),
                  T(S, SYN | ACK, ),
                  T(C, ACK, P(REQUEST)),
                  T(S, ACK, P("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")),
                  T(C, ACK, P(REQUEST)),
                  T(S, ACK, P(ANSWER)),
                  T(S, ACK, P("\x81\x02hi")),
                  T(S, FIN | ACK, )};
#define HELLO                                                                                      \
    T(C, ACK, P("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")), T(S, ACK, P("\x81\x05Hello"))
STEPS(midstream) = {HELLO,
                    HELLO,
                    HELLO,
                    HELLO,
                    T(C, ACK, P("\x88\x82\x37\xfa\x21\x3d\x34\x12")),
                    T(S, ACK, P("\x88\x02\x03\xe8")),
                    T(S, FIN | ACK, )};
STEPS(next) = {OPEN, T(S, ACK, P("\x81\x02hi")), T(C, ACK, P(REQUEST), .seq = -100000),
               T(S, ACK, P(ANSWER)), T(S, ACK, P("\x81\x02hi"))};
STEPS(nothing) = {T(C, SYN, ), T(S, SYN | ACK, ), T(C, ACK, P("SSH-2.0-x\r\n")), T(S, RST, )};

/* kind, who, packet; then what there is of: length, code, text, marks. */
static const struct {
    const char *name;
    const struct step *steps;
    size_t len;
    uint32_t stream;
    const char *events;
} stories[] = {
#define STORY(s, ...) #s, s, sizeof(s) / sizeof(s[0]), __VA_ARGS__
    {STORY(clean, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "frame c6 op1 fin masked; frame c7 op2 3 fin masked; frame s8 op9 1 fin; "
           "frame c9 op10 1 fin masked; frame s10 op8 5 =1001 'bye' fin; "
           "frame c11 op8 2 =1001 '' fin masked; fin s12; fin c13; ")},
    {STORY(again, 0,
           "syn c1; syn c2 again; syn_ack s3; request c4 'GET /chat'; "
           "response s5 =101 'Switching Protocols'; frame s6 op1 2 fin; retransmission s7 4; "
           "keepalive_probe c8; zero_window c9; window_open c11 5000; fin s12; fin s13 again; ")},
    {STORY(pieces, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "frame s8 op2 6 fin since6; frame s8 op1 2; frame s8 op0 5 fin unfinished; rst c9; ")},
    {STORY(hole, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "gap s7 2; frame s7 op2 6 fin missing since6; frame s7 op1 1 fin; fin c9; ")},
    {STORY(out_of_order, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "frame s7 op1 1 fin; frame s7 op1 1 fin; fin c8; ")},
    {STORY(forged, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "rst s6 ignored; rst s7 ignored; frame c8 op1 1 fin masked; frame s9 op1 2 fin; "
           "frame c10 op1 1 fin masked; ")},
    {STORY(broken, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "frame s6 op3 1 fin; violation s6 reserved-opcode; frame s6 op1 fin; "
           "violation s6 reserved-bits; frame c7 op8 3 =1000 '\xff' fin masked; "
           "violation c7 close-reason-not-utf8; fin c8; ")},
    {STORY(refused, 1,
           "syn c1; syn_ack s2; request c3 'GET /chat'; response s4 =401 'Unauthorized'; "
           "request c5 'GET /chat'; response s6 =101 'Switching Protocols'; frame s7 op1 2 fin; "
           "fin s8; ")},
    {STORY(refused, 0,
           "syn c1; syn_ack s2; request c3 'GET /chat'; response s4 =401 'Unauthorized'; "
           "request c5 'GET /chat'; response s6 =101 'Switching Protocols'; fin s8; ")},
    {STORY(midstream, 0,
           "frame c1 op1 5 fin masked; frame s2 op1 5 fin; frame c3 op1 5 fin masked; "
           "frame s4 op1 5 fin; frame c5 op1 5 fin masked; frame s6 op1 5 fin; "
           "frame c7 op1 5 fin masked; frame s8 op1 5 fin; frame c9 op8 2 =1000 '' fin masked; "
           "frame s10 op8 2 =1000 '' fin; fin s11; ")},
    {STORY(next, 0,
           "syn c1; syn_ack s2; request c4 'GET /chat'; response s5 =101 'Switching Protocols'; "
           "frame s6 op1 2 fin; ")},
    {STORY(nothing, 0, "syn c1; syn_ack s2; data c3 11; rst s4; ")},
};
#define STORIES (sizeof(stories) / sizeof(stories[0]))

static const struct wsc_endpoint client = {.addr = {10, 0, 0, 1}, .port = 40000, .family = 4},
                                 server = {.addr = {10, 0, 0, 2}, .port = 80, .family = 4};

/* ---- packets ---- */

struct feeder {
    struct wsc_story *story;
    uint32_t seq[2];
    uint64_t n;
    bool lost; /* a packet was lost, for want of memory */
};

static void feed(struct feeder *f, const struct step *s)
{
    static struct wsc_test_packet p;
    static const struct wsc_test_ip ips[] = {{.src = "10.0.0.1", .dst = "10.0.0.2"},
                                             {.src = "10.0.0.2", .dst = "10.0.0.1"}};
    f->seq[s->by] += (uint32_t)s->skip;
    const struct wsc_test_tcp tcp = {.sport = s->by == C ? 40000 : 80,
                                     .dport = s->by == C ? 80 : 40000,
                                     .seq = f->seq[s->by] + (uint32_t)s->seq,
                                     .ack = (s->flags & ACK) != 0 ? f->seq[1 - s->by] : 0,
                                     .flags = s->flags,
                                     .window = s->closed        ? 0
                                               : s->window != 0 ? s->window
                                                                : 65535};
    wsc_test_packet_init(&p);
    const struct wsc_span all = wsc_test_tcp_packet(
        &p, &ips[s->by], &tcp,
        (struct wsc_span){.ptr = (const uint8_t *)(s->len > 0 ? s->payload : ""), .len = s->len});
    f->n++;
    const struct wsc_packet pkt = {.data = all.ptr,
                                   .caplen = (uint32_t)all.len,
                                   .len = (uint32_t)all.len,
                                   .link = 1,
                                   .ts_ns = f->n * 100000000,
                                   .ref = WSC_REF(0, f->n)};
    f->lost |= wsc_story_feed(f->story, &pkt) != WSC_OK;
    if ((s->flags & RST) == 0) {
        uint32_t end = tcp.seq + (uint32_t)s->len + ((s->flags & (SYN | FIN)) != 0 ? 1 : 0);
        f->seq[s->by] = (int32_t)(end - f->seq[s->by]) > 0 ? end : f->seq[s->by];
    }
}

/* ---- events as text ---- */

struct text {
    char out[4096];
    size_t len;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(t->out + t->len, sizeof(t->out) - t->len, format, ap);
    va_end(ap);
    cr_assert(n >= 0 && (size_t)n < sizeof(t->out) - t->len);
    t->len += (size_t)n;
}

static void add_event(struct text *t, const struct wsc_story_event *ev)
{
    add(t, "%s %c%" PRIu64, wsc_story_kind_name((enum wsc_story_kind)ev->kind),
        ev->dir == WSC_DIR_C2S ? 'c' : 's', WSC_REF_NUMBER(ev->packet));
    if (ev->kind == WSC_STORY_FRAME)
        add(t, " op%u", ev->opcode);
    if (ev->len > 0)
        add(t, " %" PRIu64, ev->len);
    if (ev->kind == WSC_STORY_VIOLATION)
        add(t, " %s", wsc_rule_name((enum wsc_rule)ev->code));
    else if (ev->code != WSC_UNKNOWN)
        add(t, " =%d", ev->code);
    if (ev->text.ptr != NULL)
        add(t, " '%.*s'", (int)ev->text.len, (const char *)ev->text.ptr);
    const struct {
        bool set;
        const char *word;
    } marks[] = {
        {ev->fin, " fin"},         {ev->masked, " masked"},         {ev->compressed, " rsv1"},
        {ev->missing, " missing"}, {ev->unfinished, " unfinished"}, {ev->again, " again"},
        {ev->ignored, " ignored"}};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        add(t, "%s", marks[i].set ? marks[i].word : "");
    if (ev->since_ns != ev->ts_ns)
        add(t, " since%" PRIu64, ev->since_ns / 100000000);
    add(t, "; ");
}

static struct wsc_story *story_of(const struct step *steps, size_t n, uint32_t stream,
                                  size_t max_events)
{
    struct feeder f = {.seq = {1000, 5000}};
    const struct wsc_story_options opt = {
        .client = client, .server = server, .stream_id = stream, .max_events = max_events};
    if (wsc_story_new(&opt, &f.story) != WSC_OK)
        return NULL;
    for (size_t i = 0; i < n; i++)
        feed(&f, &steps[i]);
    wsc_story_end(f.story);
    return f.story;
}

Test(story, tells_what_happened)
{
    for (size_t i = 0; i < STORIES; i++) {
        struct text t = {.len = 0};
        const struct wsc_story_event *ev;
        struct wsc_story *st = story_of(stories[i].steps, stories[i].len, stories[i].stream, 0);
        cr_assert_not_null(st);
        size_t n = wsc_story_events(st, &ev);
        for (size_t k = 0; k < n; k++) {
            add_event(&t, &ev[k]);
            cr_expect(k == 0 || ev[k - 1].ts_ns <= ev[k].ts_ns, "%s: out of order",
                      stories[i].name);
            cr_expect_eq(ev[k].ts_ns, WSC_REF_NUMBER(ev[k].packet) * 100000000);
        }
        cr_expect_str_eq(t.out, stories[i].events, "%s, stream %u:\n%s", stories[i].name,
                         stories[i].stream, t.out);
        cr_expect_eq(wsc_story_left_out(st), 0);
        wsc_story_free(st);
    }
}

Test(story, has_the_record_of_its_stream)
{
    struct wsc_story *st = story_of(refused, sizeof(refused) / sizeof(refused[0]), 0, 0);
    cr_assert_not_null(wsc_story_record(st));
    cr_expect_eq(wsc_story_record(st)->handshake_status, 401);
    wsc_story_free(st);
    st = story_of(refused, sizeof(refused) / sizeof(refused[0]), 1, 0);
    cr_expect_eq(wsc_story_record(st)->ending, WSC_ENDING_FIN);
    wsc_story_free(st);
    st = story_of(nothing, sizeof(nothing) / sizeof(nothing[0]), 0, 0);
    cr_expect_null(wsc_story_record(st));
    wsc_story_free(st);
}

Test(story, passes_over_packets_of_others)
{
    struct feeder f = {.seq = {1000, 5000}};
    struct wsc_endpoint other = client;
    const struct wsc_story_event *ev;
    other.port++;
    const struct wsc_story_options opt = {.client = other, .server = server};
    cr_assert_eq(wsc_story_new(&opt, &f.story), WSC_OK);
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++)
        feed(&f, &clean[i]);
    wsc_story_end(f.story);
    cr_expect_eq(wsc_story_events(f.story, &ev), 0);
    wsc_story_free(f.story);
}

Test(story, wants_both_ends)
{
    struct wsc_story *st;
    struct wsc_story_options opt = {.client = client};
    cr_expect_eq(wsc_story_new(&opt, &st), WSC_ERR_INVALID);
    cr_expect_null(st);
    opt.server = server;
    opt.server.family = 6;
    cr_expect_eq(wsc_story_new(&opt, &st), WSC_ERR_INVALID);
    wsc_story_free(NULL);
}

/* The opening stays, and of the rest what came last; what is left out is counted. */
Test(story, keeps_no_more_than_it_may)
{
    static const size_t ceilings[] = {17, 20, 64, 1000};
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        struct feeder f = {.seq = {1000, 5000}};
        const struct wsc_story_event *ev;
        const struct wsc_story_options opt = {
            .client = client, .server = server, .max_events = ceilings[i]};
        static const struct step open[] = {OPEN}, text = T(S, ACK, P("\x81\x02hi"));
        cr_assert_eq(wsc_story_new(&opt, &f.story), WSC_OK);
        for (size_t k = 0; k < sizeof(open) / sizeof(open[0]); k++)
            feed(&f, &open[k]);
        for (size_t k = 0; k < 2000; k++)
            feed(&f, &text);
        wsc_story_end(f.story);
        size_t n = wsc_story_events(f.story, &ev);
        cr_expect_leq(n, ceilings[i]);
        cr_expect_gt(n, WSC_STORY_FIRST);
        cr_expect_eq(n + wsc_story_left_out(f.story), 2004);
        cr_expect_eq(WSC_REF_NUMBER(ev[WSC_STORY_FIRST - 1].packet), 17);
        cr_expect_eq(WSC_REF_NUMBER(ev[n - 1].packet), 2005);
        wsc_story_free(f.story);
    }
}

/* Texts have a ceiling of their own, also where the last one that fits fills it to the brim. */
Test(story, keeps_no_more_text_than_it_may)
{
    static const struct step open[] = {OPEN};
    static uint8_t frame[2 + 125] = {0x88, 125, 0x03, 0xe8};
    static const struct step longest = T(S, ACK, .payload = (char *)frame, .len = sizeof(frame)),
                             shortest = T(S, ACK, P("\x88\x03\x03\xe8x"));
    const size_t many = WSC_STORY_TEXT_MAX / 123;
    const struct wsc_story_options opt = {.client = client, .server = server, .max_events = 17};
    struct feeder f = {.seq = {1000, 5000}};
    const struct wsc_story_event *ev;
    memset(frame + 4, 'a', sizeof(frame) - 4);
    cr_assert_eq(wsc_story_new(&opt, &f.story), WSC_OK);
    for (size_t k = 0; k < sizeof(open) / sizeof(open[0]); k++)
        feed(&f, &open[k]);
    for (size_t k = 0; k < many; k++)
        feed(&f, &longest);
    for (size_t k = 0; k < 20; k++)
        feed(&f, &shortest);
    feed(&f, &longest);
    wsc_story_end(f.story);
    size_t n = wsc_story_events(f.story, &ev);
    cr_expect_not_null(ev[10].text.ptr);
    cr_expect_null(ev[n - 1].text.ptr);
    wsc_story_free(f.story);
}

static bool may(void *ctx)
{
    size_t *left = ctx;
    return (*left)-- > 0;
}

/* Whatever allocation fails, all that is told is true, and what is not told was refused. */
Test(story, survives_each_failing_allocation)
{
    struct text whole = {.len = 0};
    for (size_t nth = 0; nth < 400; nth++) {
        size_t left = nth;
        const struct wsc_story_event *ev;
        const uint64_t before = wsc_refusals();
        struct text t = {.len = 0};
        wsc_alloc_set_hook(may, &left);
        struct wsc_story *st = story_of(clean, sizeof(clean) / sizeof(clean[0]), 0, 0);
        wsc_alloc_set_hook(NULL, NULL);
        size_t n = st != NULL ? wsc_story_events(st, &ev) : 0;
        for (size_t i = 0; i < n; i++)
            add_event(&t, &ev[i]);
        bool same = strcmp(t.out, stories[0].events) == 0;
        cr_expect(same || wsc_refusals() > before, "%zu: %s", nth, t.out);
        wsc_story_free(st);
        if (wsc_refusals() == before) {
            whole = t;
            break;
        }
    }
    cr_expect_str_eq(whole.out, stories[0].events);
}

/* ---- without packets ---- */

Test(story, of_a_record_alone)
{
    struct wsc_closure rec = {
        .started_ns = 100,
        .established_ns = 200,
        .handshake_status = 101,
        .first_packet = 1,
        .ending = WSC_ENDING_CLOSE_HANDSHAKE,
        .close = {{.seen = true, .code = 1000, .at_ns = 500, .packet = 9},
                  {.seen = true, .code = WSC_UNKNOWN, .at_ns = 400, .packet = 8}},
        .tcp_end = WSC_TCP_END_RST,
        .tcp_end_by = WSC_SIDE_SERVER,
        .tcp_end_packet = 12,
        .violations = {{WSC_SIDE_CLIENT, WSC_RULE_RESERVED_BITS, 7}},
        .violations_len = 1,
    };
    struct wsc_story_event out[WSC_STORY_RECORD_MAX];
    struct text t = {.len = 0};
    size_t n = wsc_story_of_record(&rec, out);
    for (size_t i = 0; i < n; i++)
        add_event(&t, &out[i]);
    cr_expect_str_eq(t.out, "started c1; established s0 =101; violation c7 reserved-bits; "
                            "frame s8 op8 fin; frame c9 op8 2 =1000 fin masked; rst s12; ");
    cr_expect(out[0].nobody && !out[1].nobody);
    rec = (struct wsc_closure){.handshake_status = WSC_UNKNOWN};
    cr_expect_eq(wsc_story_of_record(&rec, out), 1);
    rec.violations_len = WSC_VIOLATIONS_MAX;
    rec.close[0].seen = rec.close[1].seen = true;
    rec.tcp_end = WSC_TCP_END_FIN;
    rec.established_ns = 1;
    cr_expect_leq(wsc_story_of_record(&rec, out), WSC_STORY_RECORD_MAX);
}
