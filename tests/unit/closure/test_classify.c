#include "closure/classify.h"

#include <criterion/criterion.h>

#include <string.h>

/* Evidence is written as a short story, a word a fact, in the order of the wire; what the SPEC
 * (section 3) says of it stands beside. Words:  C:1000 S:1011      a Close with a code C:empty with
 * no body        C:1byte  with a body of one byte C:bad=1006         a Close that is not valid
 * +acked    the last Close was acknowledged C:fin C:rst        the end of TCP               C:ack
 * the next packet of that side has seen all the other sent C:gap              bytes missing from
 * here on, for good C:silent           repeats itself unanswered    C:text=N  a text message of N
 * bytes, C:broke a violation C:frame            any frame S:streamrst         RST_STREAM of HTTP/2
 * S:alert           close_notify of TLS */
struct story {
    const char *name, *text;
    enum wsc_ev_handshake handshake;
    enum wsc_ev_stop stop;
    uint64_t later_ns; /* how long the capture goes on after the last fact */
    enum wsc_outcome outcome;
    enum wsc_ending ending;
    int code;
    enum wsc_code_source source;
    enum wsc_side by;
    int client_saw, server_saw;
    int clean; /* of both */
};

#define UNKNOWN WSC_UNKNOWN
#define WIRE    WSC_CODE_SOURCE_WIRE
#define INFER   WSC_CODE_SOURCE_INFERRED
#define NOCODE  WSC_CODE_SOURCE_NONE
#define CLIENT  WSC_SIDE_CLIENT
#define SERVER  WSC_SIDE_SERVER
#define BOTH    WSC_SIDE_BOTH
#define NOBODY  WSC_SIDE_NONE
#define CLOSED  WSC_OUTCOME_CLOSED
#define FAILED  WSC_OUTCOME_HANDSHAKE_FAILED
#define ACCEPT  WSC_EV_ACCEPTED

/* clang-format off */
static const struct story stories[] = {
    /* name, story, handshake, stop, later, outcome, ending, code, source, by, client saw, server saw, clean */
    {"close handshake by the client", "C:1000 S:ack S:1000 C:ack S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1000, WIRE, CLIENT, 1000, 1000, 1},
    {"close handshake by the server", "S:1001 C:ack C:1001 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1001, WIRE, SERVER, 1001, 1001, 1},
    {"an empty Close is 1005, inferred", "C:empty S:ack S:empty C:fin S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1005, INFER, CLIENT, 1005, 1005, 1},
    {"an empty Close before one with a code", "C:empty S:ack S:1000 C:fin S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1005, INFER, CLIENT, 1000, 1005, 1},
    {"Closes that crossed", "C:4000 S:4001 C:fin S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 4000, WIRE, BOTH, 4001, 4000, 1},
    {"a later RST does not change who closed", "C:1000 S:ack S:1000 C:ack C:rst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1000, WIRE, CLIENT, 1000, 1000, 1},
    {"a Close, then only TCP's end", "C:1000 S:ack S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 1000, WIRE, CLIENT, 1006, 1000, 0},
    {"a Close answered by RST did not arrive", "C:1000 S:rst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 1000, WIRE, CLIENT, 1006, 1006, 0},
    {"a Close to a peer that is gone", "C:1000 C:silent", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 1000, WIRE, CLIENT, 1006, 1006, 0},
    {"a Close, and nothing for 30 s", "S:1012 C:ack", ACCEPT, WSC_EV_STOP_CAPTURE, 30 * UINT64_C(1000000000),
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 1012, WIRE, SERVER, 1012, 1006, UNKNOWN},
    {"the capture stops after a Close", "S:1012 C:ack", ACCEPT, WSC_EV_STOP_CAPTURE, 1000,
     CLOSED, WSC_ENDING_NONE, 1012, WIRE, SERVER, 1012, UNKNOWN, UNKNOWN},
    {"FIN without a Close", "S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, SERVER, 1006, 1006, 0},
    {"RST without a Close", "C:rst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_RESET, 1006, INFER, CLIENT, 1006, 1006, 0},
    {"a Close after the other's FIN was acknowledged", "C:fin S:ack S:1000 S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, CLIENT, UNKNOWN, 1006, UNKNOWN},
    {"a Close that crossed the other's FIN", "C:fin S:1000 S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 1000, WIRE, SERVER, 1000, 1006, 0},
    {"one side repeats and nobody answers", "S:silent", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     CLOSED, WSC_ENDING_VANISHED, 1006, INFER, NOBODY, 1006, 1006, 0},
    {"one side repeats, but packets were dropped meanwhile", "S:silent S:dropped", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"a Close to a peer that may have answered in dropped packets", "C:1000 C:silent C:dropped", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     CLOSED, WSC_ENDING_NONE, 1000, WIRE, CLIENT, UNKNOWN, UNKNOWN, UNKNOWN},
    {"dropped packets do not hide a FIN", "S:dropped S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, SERVER, 1006, 1006, 0},
    {"the bytes that decide are missing", "S:gap S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"missing bytes, and no end in sight", "C:gap", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"the first Close may be missing: the code counts, nobody is named", "C:gap S:ack S:4000 C:fin S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_GAP, 4000, WIRE, NOBODY, 4000, UNKNOWN, UNKNOWN},
    {"the answer may be missing: the first Close was first", "C:3003 S:ack S:gap S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_GAP, 3003, WIRE, CLIENT, UNKNOWN, 3003, UNKNOWN},
    {"the missing bytes may have crossed the Close", "C:3003 S:gap S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_GAP, 3003, WIRE, NOBODY, UNKNOWN, 3003, UNKNOWN},
    {"FINs in the wrong order: the second had the first", "C:finlater S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, SERVER, 1006, 1006, 0},
    {"a FIN that had the other side's RST_STREAM, which is captured after it", "C:finlater S:streamrst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_STREAM_RESET, 1006, INFER, SERVER, 1006, 1006, 0},
    {"a close_notify begins the end", "C:alert S:ack S:alert S:fin C:ack C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, CLIENT, 1006, 1006, 0},
    {"a close_notify that is captured behind the other side's answer and FIN", "S:alertlater S:finlater C:alert C:ack C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, CLIENT, 1006, 1006, 0},
    {"a Close that is captured behind its sender's RST", "S:frame C:rstbehind C:4000 S:ack", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 4000, WIRE, CLIENT, UNKNOWN, UNKNOWN, UNKNOWN},
    {"a Close behind the other side's RST", "S:frame S:rst C:4000", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_RESET, 1006, INFER, SERVER, UNKNOWN, UNKNOWN, UNKNOWN},
    {"an RST whose sender had acknowledged the FIN that is captured behind it", "S:frame C:rst S:fin C:ack", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, SERVER, 1006, 1006, 0},
    {"a close_notify that had the FIN captured behind it", "S:frame C:alertlater S:fin S:rst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, SERVER, 1006, 1006, 0},
    {"a close_notify that had a FIN which was not captured", "S:frame S:lostfin C:ack C:alert S:rst", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_RESET, 1006, INFER, NOBODY, 1006, 1006, 0},
    {"a Close that is captured behind the RST of who had it", "S:frame S:rsthad C:4000", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 4000, WIRE, CLIENT, UNKNOWN, UNKNOWN, UNKNOWN},
    {"a Close that is captured behind the RST of who had acknowledged it", "S:frame S:rst C:4000 S:ack", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_UNANSWERED, 4000, WIRE, CLIENT, UNKNOWN, UNKNOWN, UNKNOWN},
    {"an RST that answers an end that was not captured", "S:frame C:rstanswer", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_RESET, 1006, INFER, NOBODY, 1006, 1006, 0},
    {"the first FIN was not captured", "S:lostfin C:ack C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_FIN, 1006, INFER, NOBODY, 1006, 1006, 0},
    {"a Close after a FIN that was not captured", "C:lostfin S:ack S:1000 S:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"still open", "C:frame S:frame", ACCEPT, WSC_EV_STOP_CAPTURE, 0,
     WSC_OUTCOME_OPEN, WSC_ENDING_NONE, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"picked up mid-stream and still open", "C:frame", WSC_EV_NO_HANDSHAKE, WSC_EV_STOP_CAPTURE, 0,
     WSC_OUTCOME_OPEN, WSC_ENDING_NONE, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"its ports were taken by another connection", "C:frame", ACCEPT, WSC_EV_STOP_REUSED, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"forgotten at a ceiling", "C:frame", ACCEPT, WSC_EV_STOP_EVICTED, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_NONE, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},

    /* Invalid Closes are on record, but not received (rule 2, and "what each side would report"). */
    {"a code that may not be on the wire", "C:bad=1006 S:ack S:1002 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1006, WIRE, CLIENT, 1002, 1006, UNKNOWN},
    {"a body of one byte: the next Close gives the code", "C:1byte S:ack S:1002 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1002, WIRE, CLIENT, 1002, 1006, UNKNOWN},

    /* Who failed the connection processes nothing more (RFC 6455 7.1.7). */
    {"1002 after a violation: the answer is not processed", "C:broke S:1002 C:ack C:1002 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1002, WIRE, SERVER, 1002, 1006, UNKNOWN},
    {"1002 by the application", "S:1002 C:ack C:1002 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1002, WIRE, SERVER, 1002, 1002, 1},
    {"1009 after a large message", "C:text=2000 S:1009 C:ack C:1009 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1009, WIRE, SERVER, 1009, 1006, UNKNOWN},
    {"1009 after a message nobody can call large", "C:text=5 S:1009 C:ack C:1009 S:fin C:fin", ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1009, WIRE, SERVER, 1009, 1009, 1},

    /* Handshakes. */
    {"rejected", "S:fin C:fin", WSC_EV_REJECTED, WSC_EV_STOP_OVER, 0,
     FAILED, WSC_ENDING_REJECTED, UNKNOWN, NOCODE, SERVER, 1006, UNKNOWN, UNKNOWN},
    {"no answer, then FIN", "C:fin S:fin", WSC_EV_PENDING, WSC_EV_STOP_OVER, 0,
     FAILED, WSC_ENDING_NO_RESPONSE, UNKNOWN, NOCODE, CLIENT, 1006, UNKNOWN, UNKNOWN},
    {"an answer that is not HTTP", "S:fin", WSC_EV_GARBAGE, WSC_EV_STOP_OVER, 0,
     FAILED, WSC_ENDING_NO_RESPONSE, UNKNOWN, NOCODE, SERVER, 1006, UNKNOWN, UNKNOWN},
    {"no answer yet", "", WSC_EV_PENDING, WSC_EV_STOP_CAPTURE, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_NONE, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"the answer is missing", "S:gap C:fin", WSC_EV_PENDING, WSC_EV_STOP_OVER, 0,
     WSC_OUTCOME_UNKNOWN, WSC_ENDING_GAP, UNKNOWN, NOCODE, NOBODY, UNKNOWN, UNKNOWN, UNKNOWN},
    {"wrong accept key, and the client leaves", "C:fin S:fin", WSC_EV_BAD_ACCEPT, WSC_EV_STOP_OVER, 0,
     FAILED, WSC_ENDING_BAD_ACCEPT, UNKNOWN, NOCODE, CLIENT, 1006, 1006, UNKNOWN},
    {"wrong accept key, and the client does not care", "C:frame C:1000 S:ack S:1000 S:fin C:fin", WSC_EV_BAD_ACCEPT, WSC_EV_STOP_OVER, 0,
     CLOSED, WSC_ENDING_CLOSE_HANDSHAKE, 1000, WIRE, CLIENT, 1000, 1000, 1},
};
/* clang-format on */

/* ---- telling the story ---- */

struct teller {
    struct wsc_evidence ev;
    uint64_t now_ns, ref;
    uint64_t sent[2]; /* bytes, by side */
    bool seen_all[2]; /* that side's next packet acknowledges all the other sent */
    uint64_t had[2];  /* what it acknowledges otherwise */
    bool lost_fin[2]; /* that side's FIN was sent, and not captured */
};

static uint64_t ack_of(struct teller *t, int side)
{
    if (t->seen_all[side])
        t->had[side] = t->sent[1 - side] +
                       (t->ev.side[1 - side].fin.ref != 0 || t->lost_fin[1 - side] ? 1 : 0);
    t->seen_all[side] = false;
    if (t->had[side] > t->ev.side[1 - side].acked_off)
        t->ev.side[1 - side].acked_off = t->had[side];
    return t->had[side];
}

static void tell_close(struct teller *t, int side, const char *what)
{
    struct wsc_ev_side *s = &t->ev.side[side];
    bool bad = strncmp(what, "bad=", 4) == 0, one = strcmp(what, "1byte") == 0,
         empty = strcmp(what, "empty") == 0;
    struct wsc_ev_close c = {.seen = true,
                             .valid = !bad && !one,
                             .empty = empty,
                             .code = UNKNOWN,
                             .ts_ns = t->now_ns,
                             .ref = t->ref};
    if (!one && !empty)
        c.code = atoi(bad ? what + 4 : what);
    t->sent[side] += 8;
    c.end = t->sent[side];
    c.ack_off = ack_of(t, side);
    s->frames++;
    s->first = s->first.seen ? s->first : c;
    if (c.valid && !s->valid.seen)
        s->valid = c;
}

static void tell_word(struct teller *t, const char *word)
{
    int side = word[0] == 'C' ? WSC_DIR_C2S : WSC_DIR_S2C;
    const char *what = word + 2;
    struct wsc_ev_side *s = &t->ev.side[side];
    t->now_ns += 1000000;
    t->ref++;
    if (strcmp(what, "ack") == 0) {
        t->seen_all[side] = true;
        (void)ack_of(t, side);
    } else if (strcmp(what, "fin") == 0) {
        s->fin = (struct wsc_ev_end){
            .ts_ns = t->now_ns, .ref = t->ref, .off = t->sent[side], .ack_off = ack_of(t, side)};
    } else if (strcmp(what, "finlater") == 0) {
        s->fin = (struct wsc_ev_end){.ts_ns = t->now_ns,
                                     .ref = t->ref,
                                     .off = t->sent[side],
                                     .ack_off = t->sent[1 - side] + 20};
    } else if (strcmp(what, "lostfin") == 0) {
        t->lost_fin[side] = true;
    } else if (strcmp(what, "rst") == 0) {
        s->rst = (struct wsc_ev_end){.ts_ns = t->now_ns, .ref = t->ref, .off = t->sent[side]};
    } else if (strncmp(what, "alert", 5) == 0) {
        t->sent[side] += 20;
        s->alert = (struct wsc_ev_end){
            .ts_ns = t->now_ns,
            .ref = t->ref,
            .off = t->sent[side],
            .ack_off = strcmp(what, "alertlater") == 0 ? t->sent[1 - side] + 20 : ack_of(t, side)};
    } else if (strcmp(what, "rstbehind") == 0) {
        s->rst = (struct wsc_ev_end){.ts_ns = t->now_ns, .ref = t->ref, .off = t->sent[side] + 8};
    } else if (strcmp(what, "rstanswer") == 0) {
        s->rst = (struct wsc_ev_end){
            .ts_ns = t->now_ns, .ref = t->ref, .off = t->sent[side], .answer = true};
    } else if (strcmp(what, "rsthad") == 0) {
        s->rst = (struct wsc_ev_end){.ts_ns = t->now_ns,
                                     .ref = t->ref,
                                     .off = t->sent[side],
                                     .ack_off = t->sent[1 - side] + 8};
    } else if (strcmp(what, "streamrst") == 0) {
        s->rst = (struct wsc_ev_end){
            .ts_ns = t->now_ns, .ref = t->ref, .off = t->sent[side], .stream = true};
        s->rst.ack_off = t->sent[1 - side];
    } else if (strcmp(what, "gap") == 0) {
        s->hidden = true;
        s->hidden_off = t->sent[side];
        s->hidden_ack_off = t->had[side];
        t->sent[side] += 20;
    } else if (strcmp(what, "silent") == 0) {
        s->unanswered = WSC_VANISHED_REPEATS;
        s->acked_ns = t->now_ns;
    } else if (strcmp(what, "dropped") == 0) {
        t->ev.lost = true;
    } else if (strcmp(what, "broke") == 0) {
        s->broke_rule = true;
    } else if (strcmp(what, "frame") == 0) {
        s->frames++;
    } else if (strncmp(what, "text=", 5) == 0) {
        s->data_last = s->text_last = true;
        s->last_data_ns = t->now_ns;
        s->last_len = strtoull(what + 5, NULL, 10);
    } else {
        tell_close(t, side, what);
    }
}

static struct wsc_evidence tell(const struct story *story)
{
    struct teller t = {.now_ns = UINT64_C(1700000000000000000)};
    for (int i = 0; i < 2; i++) {
        t.ev.side[i].captured = true;
        t.ev.side[i].acked_known = true;
        t.ev.side[i].first.code = t.ev.side[i].valid.code = UNKNOWN;
    }
    t.ev.handshake = story->handshake;
    t.ev.stop = story->stop;
    char words[256];
    cr_assert(strlen(story->text) < sizeof(words));
    strcpy(words, story->text);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        tell_word(&t, word);
    for (int i = 0; i < 2; i++)
        t.ev.side[i].end_off = t.sent[i];
    t.ev.now_ns = t.now_ns + story->later_ns;
    return t.ev;
}

Test(classify, every_story_ends_as_the_spec_says)
{
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        const struct story *s = &stories[i];
        struct wsc_evidence ev = tell(s);
        struct wsc_verdict v;
        wsc_classify(&ev, &v);
        cr_expect_eq(v.outcome, s->outcome, "%s: outcome %s", s->name, wsc_outcome_name(v.outcome));
        cr_expect_eq(v.ending, s->ending, "%s: ending %s", s->name, wsc_ending_name(v.ending));
        cr_expect_eq(v.close_code, s->code, "%s: code %d", s->name, v.close_code);
        cr_expect_eq(v.code_source, s->source, "%s: source", s->name);
        cr_expect_eq(v.closed_by, s->by, "%s: closed by %s", s->name, wsc_side_name(v.closed_by));
        if (s->client_saw != UNKNOWN || s->outcome != CLOSED)
            cr_expect_eq(v.saw[0].code, s->client_saw, "%s: client saw %d", s->name, v.saw[0].code);
        if (s->server_saw != UNKNOWN || s->outcome != CLOSED)
            cr_expect_eq(v.saw[1].code, s->server_saw, "%s: server saw %d", s->name, v.saw[1].code);
        if (s->clean != UNKNOWN)
            for (int d = 0; d < 2; d++)
                cr_expect_eq(v.saw[d].clean, s->clean, "%s: side %d clean %d", s->name, d,
                             v.saw[d].clean);
    }
}

Test(classify, never_1006_where_bytes_are_missing)
{
    /* Rule 2 over every story: with bytes hidden and no Close seen, no code. */
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct wsc_evidence ev = tell(&stories[i]);
        if (ev.side[0].first.seen || ev.side[1].first.seen)
            continue;
        for (int d = 0; d < 2; d++) {
            struct wsc_evidence hidden = ev;
            hidden.side[d].hidden = true;
            struct wsc_verdict v;
            wsc_classify(&hidden, &v);
            cr_expect_eq(v.close_code, UNKNOWN, "%s, side %d hidden: %d", stories[i].name, d,
                         v.close_code);
        }
    }
}

Test(classify, the_end_begins_with_the_first_close)
{
    const struct story s = {"", "C:1000 S:ack S:1000 S:fin C:fin", .handshake = ACCEPT,
                            .stop = WSC_EV_STOP_OVER};
    struct wsc_evidence ev = tell(&s);
    struct wsc_verdict v;
    wsc_classify(&ev, &v);
    cr_expect_eq(v.ended_ns, ev.side[WSC_DIR_C2S].first.ts_ns);
    cr_expect_eq(v.tcp_end, WSC_TCP_END_FIN);
    cr_expect_eq(v.tcp_end_by, WSC_SIDE_SERVER);
    cr_expect_eq(v.tcp_end_ref, ev.side[WSC_DIR_S2C].fin.ref);
}
