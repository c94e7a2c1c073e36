#include "flow/tcp_conn.h"

#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection is told as segments, a word each:  direction flags @offset "payload" ^acknowledged
 *     >S        SYN of the first end (its offsets count from 0 behind it)      <SA  the SYN and ACK
 * of the other
 *     >@0"abc"  bytes at stream offset 0        ^n  acknowledges n bytes of the other side     F R
 * flags    ~n  n bytes more, not captured +n        n milliseconds pass             #   nothing
 * more comes and heard as events:  > or <, offset, bytes; gap; and at the end the FINs and RSTs
 * that count. */
struct teller {
    struct wsc_tcp_conn conn;
    struct wsc_tcp_shared shared;
    uint32_t isn[2];
    uint64_t now_ns, ref;
    char log[4096];
    size_t len;
    bool restarted;
};

static void say(struct teller *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct teller *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    t->len += (size_t)vsnprintf(t->log + t->len, sizeof(t->log) - t->len, format, ap);
    va_end(ap);
}

static void on_data(void *ctx, enum wsc_way way, uint64_t off, struct wsc_span data,
                    const struct wsc_tcp_at *at)
{
    struct teller *t = ctx;
    (void)at;
    say(t, "%c%llu:%.*s ", way == WSC_WAY_UP ? '>' : '<', (unsigned long long)off, (int)data.len,
        (const char *)data.ptr);
}

static void on_gap(void *ctx, enum wsc_way way, uint64_t off, uint64_t len,
                   const struct wsc_tcp_at *at)
{
    struct teller *t = ctx;
    (void)at;
    say(t, "%c%llu:gap(%llu) ", way == WSC_WAY_UP ? '>' : '<', (unsigned long long)off,
        (unsigned long long)len);
}

static const struct wsc_tcp_ops ops = {.on_data = on_data, .on_gap = on_gap};

static void feed(struct teller *t, const char *word)
{
    enum wsc_way way = word[0] == '>' ? WSC_WAY_UP : WSC_WAY_DOWN;
    struct wsc_packet_view v = {.ts_ns = t->now_ns, .ref = ++t->ref, .window_scale = -1};
    uint64_t off = 0;
    for (const char *p = word + 1; *p != '\0'; p++) {
        char *end = NULL;
        switch (*p) {
        case 'S':
            v.tcp_flags |= WSC_TCP_SYN;
            break;
        case 'A':
            v.tcp_flags |= WSC_TCP_ACK;
            v.ack = t->isn[wsc_way_back(way)] + 1;
            break;
        case 'F':
            v.tcp_flags |= WSC_TCP_FIN;
            break;
        case 'R':
            v.tcp_flags |= WSC_TCP_RST;
            break;
        case '@':
            off = strtoull(p + 1, &end, 10);
            break;
        case '^':
            v.tcp_flags |= WSC_TCP_ACK;
            v.ack = t->isn[wsc_way_back(way)] + 1 + (uint32_t)strtoull(p + 1, &end, 10);
            break;
        case '~':
            v.payload_wire_len += (uint32_t)strtoul(p + 1, &end, 10);
            break;
        case '"':
            v.payload = (const uint8_t *)p + 1;
            v.payload_len = (uint32_t)strcspn(p + 1, "\"");
            v.payload_wire_len += v.payload_len;
            p += v.payload_len + 1;
            break;
        }
        if (end != NULL)
            p = end - 1;
    }
    v.seq = t->isn[way] + ((v.tcp_flags & WSC_TCP_SYN) ? 0 : 1) + (uint32_t)off;
    /* An exact-size copy: a read past the payload is seen by the sanitizer. */
    uint8_t *copy = malloc(v.payload_len > 0 ? v.payload_len : 1);
    if (v.payload_len > 0)
        memcpy(copy, v.payload, v.payload_len);
    v.payload = copy;
    if (wsc_tcp_conn_feed(&t->conn, &t->shared, way, &v, &ops, t) == WSC_TCP_RESTART) {
        say(t, "restart ");
        t->restarted = true;
    }
    free(copy);
}

static void finish(struct teller *t)
{
    wsc_tcp_conn_finish(&t->conn, &t->shared, &ops, t);
    const struct wsc_tcp_more *m = t->conn.more;
    const struct wsc_tcp_resets *resets = wsc_tcp_resets(&t->conn);
    for (int w = 0; m != NULL && w < 2; w++) {
        if (m->fin[w].at.ref != 0)
            say(t, "%cfin@%llu ", "><"[w], (unsigned long long)m -> fin[w].off);
        if (resets->rst[w].at.ref != 0)
            say(t, "%crst%s ", "><"[w], resets -> rst[w].ahead ? "(ahead)" : "");
    }
    for (int w = 0; w < 2; w++)
        if (resets->rst[w].repeats > 0)
            say(t, "again(%u) ", resets->rst[w].repeats);
    if (resets->stale_count > 0)
        say(t, "stale(%u) ", resets->stale_count);
}

static void tell(struct teller *t, const char *story, uint32_t isn)
{
    char words[1024];
    wsc_tcp_shared_init(&t->shared, 1 << 20, 4096, 0);
    t->isn[0] = isn;
    t->isn[1] = isn + 77777;
    t->now_ns = UINT64_C(1000000000);
    snprintf(words, sizeof(words), "%s", story);
    for (char *word = strtok(words, " "); word != NULL && !t->restarted; word = strtok(NULL, " ")) {
        t->now_ns += 1000000;
        if (word[0] == '+')
            t->now_ns += strtoull(word + 1, NULL, 10) * 1000000;
        else if (word[0] == '#')
            finish(t);
        else
            feed(t, word);
    }
}

/* The log without the blank behind its last word. */
static const char *heard(struct teller *t)
{
    if (t->len > 0 && t->log[t->len - 1] == ' ')
        t->log[--t->len] = '\0';
    return t->log;
}

static void clear(struct teller *t)
{
    wsc_tcp_conn_clear(&t->conn, &t->shared);
    cr_expect_eq(t->shared.held_bytes, 0, "bytes held after the end");
    wsc_tcp_shared_clear(&t->shared);
}

#define OPEN ">S <SA >^0 "

static const struct {
    const char *name, *story, *heard;
} rows[] = {
    {"in order", OPEN ">@0\"abc\"^0 <@0\"de\"^3 >@3\"f\"^2 #", ">0:abc <0:de >3:f"},
    {"data on the SYN", ">S\"abc\" <SA >@3\"d\"^0 #", ">0:abc >3:d"},
    {"out of order", OPEN ">@3\"def\"^0 >@0\"abc\"^0 #", ">0:abc >3:def"},
    {"three pieces backwards", OPEN ">@4\"ef\"^0 >@2\"cd\"^0 >@0\"ab\"^0 #", ">0:ab >2:cd >4:ef"},
    {"sent again", OPEN ">@0\"abc\"^0 >@0\"abc\"^0 >@3\"d\"^0 #", ">0:abc >3:d"},
    {"sent again with more", OPEN ">@0\"abc\"^0 >@0\"abcde\"^0 #", ">0:abc >3:de"},
    {"held and then covered", OPEN ">@2\"cd\"^0 >@0\"abXYef\"^0 #", ">0:ab >2:cd >4:ef"},
    {"an overlap: what came first stays", OPEN ">@2\"CD\"^0 >@1\"bxx\"^0 >@0\"a\"^0 #",
     ">0:a >1:b >2:CD"},
    {"a keep-alive probe is no data", OPEN ">@0\"abc\"^0 >@2\"z\"^0 >@2^0 >@3\"d\"^0 #",
     ">0:abc >3:d"},
    {"a hole at the end is a gap", OPEN ">@0\"ab\"^0 >@5\"f\"^0 #", ">0:ab >2:gap(3) >5:f"},
    {"bytes acknowledged and never seen", OPEN ">@0\"ab\"^0 <^7 #", ">0:ab >2:gap(4)"},
    {"one more acknowledged may be a FIN", OPEN ">@0\"ab\"^0 <^3 #", ">0:ab"},
    {"cut by the snap length", OPEN ">@0\"ab\"~3^0 >@5\"f\"^0 #", ">0:ab >2:gap(3) >5:f"},
    {"cut, and the rest sent again", OPEN ">@0\"ab\"~2^0 >@2\"cd\"^0 >@4\"e\"^0 #",
     ">0:ab >2:gap(2) >4:e"},
    {"FINs both ways", OPEN ">@0\"ab\"F^0 <F^3 >@3^1 #", ">0:ab >fin@2 <fin@0"},
    {"half closed", OPEN ">F^0 <@0\"still\"^1 <@5\"here\"^1 #", "<0:still <5:here >fin@0"},
    {"FIN before its data", OPEN ">@3F^0 >@0\"abc\"^0 #", ">0:abc >fin@3"},
    {"late start", ">@100\"abc\"^50 <@50\"x\"^103 #", ">0:abc <0:x"},
    {"late start: what was acknowledged before counts from there", "<@50^100 >@100\"abc\"^50 #",
     ">0:abc"},
    {"late start: bytes between are missing", "<@50^100 >@103\"abc\"^50 #", ">0:gap(3) >3:abc"},
    {"a refused SYN", ">S <R@0 #", "<rst"},
    {"RST at the next byte", OPEN ">@0\"ab\"^0 <^2 >@2R #", ">0:ab >rst"},
    {"RST below what was acknowledged", OPEN ">@0\"abc\"^0 <^3 >@1R #", ">0:abc stale(1)"},
    {"RST that answers bytes nobody saw", OPEN ">@0\"abc\"^0 <^3 <@0R^40 #",
     ">0:abc >3:gap(36) <rst"},
    {"RST that answers bytes and perhaps a FIN", OPEN ">@0\"abc\"^0 <^3 <@0R^4 #", ">0:abc <rst"},
    {"RST far ahead", OPEN ">@0\"abc\"^0 <^3 >@9000000R #", ">0:abc stale(1)"},
    {"RST ahead: bytes before it are missing", OPEN ">@0\"abc\"^0 <^3 >@9R #",
     ">0:abc >3:gap(6) >rst(ahead)"},
    {"RST ahead, and its sender goes on elsewhere", OPEN ">@0\"abc\"^0 >@9R +500 >@3\"d\"^0 #",
     ">0:abc >3:d stale(1)"},
    {"RST ahead, and its sender repeats what lies before it",
     OPEN ">@0\"ab\"^0 <^2 >@6R +205 >@2\"cdef\"^0 <@0R #", ">0:ab >2:cdef >rst <rst"},
    {"RST ahead, its sender goes on, and its receiver answers with an RST",
     OPEN ">@0\"ab\"^0 <^2 >@8R +205 >@2\"cd\"^0 <@0R #", ">0:ab >2:cd >4:gap(4) >rst(ahead) <rst"},
    {"RST ahead, its sender goes on, and its receiver answers, then resets",
     OPEN ">@0\"ab\"^0 <^2 >@8R +205 >@2\"cd\"^0 <^4 <@0R #", ">0:ab >2:cd <rst stale(1)"},
    {"RST at a place that is reached long after it, and acknowledged then",
     OPEN ">@0\"ab\"^0 <^2 >@6R +205 >@2\"cdef\"^0 +10 <^6 #", ">0:ab >2:cdef stale(1)"},
    {"RST, and its receiver sends again for seconds",
     OPEN "<@0\"ab\"^0 >R@0 +300 <@0\"ab\"^0 +900 <@0\"ab\"^0 +1800 <@0\"ab\"^0 #",
     "<0:ab >rst again(2)"},
    {"RST before the bytes it follows", OPEN ">@0\"ab\"^0 >@4R >@2\"cd\"^0 #", ">0:ab >2:cd >rst"},
    {"RST not heeded: its receiver acknowledges what came after",
     OPEN ">@0\"ab\"^0 >@2R >@2\"cdef\"^0 <^6 #", ">0:ab >2:cdef stale(1)"},
    {"a SYN again is the same connection", OPEN ">S >@0\"a\"^0 #", ">0:a"},
    {"a hole of 17 MB, and what lies behind goes on",
     OPEN ">@0\"a\"^0 <@0\"A\"^17000000 >@17000000\"b\"^1 >@17000001\"c\"^1 >@17000002\"d\"^1 "
          ">@17000003\"e\"^1 >@17000004\"f\"^1 >@17000005\"g\"^1 >@17000006\"h\"^1 "
          ">@17000007\"i\"^1 #",
     ">0:a <0:A restart"},
    {"a hole of 16 MB is one", OPEN ">@0\"a\"^0 >@16000000\"b\"^0 <^16000001 #",
     ">0:a >1:gap(15999999) >16000000:b"},
    {"far from the window", OPEN ">@0\"a\"^0 >@2000000000\"x\"^0 >@1\"b\"^0 #", ">0:a >1:b"},
};

Test(tcp, stories_at_every_place_of_the_sequence_space)
{
    /* Also where the numbers wrap: before, within and behind each story's bytes. */
    static const uint32_t isns[] = {1000,       UINT32_MAX - 200000, UINT32_MAX - 3, UINT32_MAX - 1,
                                    UINT32_MAX, UINT32_MAX - 77780,  INT32_MAX - 2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < sizeof(isns) / sizeof(isns[0]); k++) {
            struct teller t = {0};
            tell(&t, rows[i].story, isns[k]);
            cr_expect_str_eq(heard(&t), rows[i].heard, "%s (isn %u): %s", rows[i].name, isns[k],
                             t.log);
            clear(&t);
        }
    }
}

Test(tcp, a_new_syn_after_the_end_is_a_new_connection)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"a\"F^0 <F^2 >@2^1", 1000);
    t.isn[0] += 500000;
    feed(&t, ">S");
    cr_expect(t.restarted);
    clear(&t);
}

Test(tcp, a_new_syn_on_a_living_connection_waits_for_consent)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"a\"^0", 1000);
    t.isn[0] += 500000;
    feed(&t, ">S");
    cr_expect_not(t.restarted, "anybody can send a SYN");
    t.isn[1] += 500000;
    feed(&t, "<SA");
    cr_expect(t.restarted, "the other side agreed");
    clear(&t);
}

Test(tcp, a_hole_that_was_acknowledged_is_given_up_after_its_grace)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"a\"^0 >@5\"f\"^0 <^6", 1000);
    cr_expect_str_eq(t.log, ">0:a ");
    for (int i = 0; i < 40; i++) { /* packets enough, and time enough */
        t.now_ns += 50000000;
        feed(&t, "<^6");
    }
    cr_expect_str_eq(t.log, ">0:a >1:gap(4) >5:f ");
    clear(&t);
}

Test(tcp, a_hole_that_was_not_acknowledged_waits)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"a\"^0 >@5\"f\"^0", 1000);
    for (int i = 0; i < 100; i++) {
        t.now_ns += 500000000;
        feed(&t, "<^1");
    }
    feed(&t, ">@1\"bcde\"^0");
    cr_expect_str_eq(t.log, ">0:a >1:bcde >5:f ");
    clear(&t);
}

Test(tcp, at_the_ceiling_the_oldest_hole_becomes_a_gap)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"a\"^0", 1000);
    char word[64];
    for (unsigned i = 0; i < 200;
         i++) { /* every second byte, until 4096 bytes of chunks are held */
        snprintf(word, sizeof(word), ">@%u\"x\"^0", 2 + 2 * i);
        feed(&t, word);
        cr_assert_leq(t.shared.held_bytes, 4096 + 200);
    }
    cr_expect_gt(t.shared.given_up_bytes, 0);
    cr_expect_not_null(strstr(t.log, ">1:gap(1) >2:x"));
    clear(&t);
}

Test(tcp, silence_is_counted_in_repeats)
{
    struct teller t = {0};
    tell(&t, OPEN ">@0\"abc\"^0 +200 >@0\"abc\"^0 +400 >@0\"abc\"^0 +800 >@0\"abc\"^0", 1000);
    cr_expect_eq(t.conn.dir[WSC_WAY_UP].unanswered, 3);
    cr_expect_eq(t.conn.dir[WSC_WAY_UP].retransmitted, 3);
    feed(&t, "<^3");
    cr_expect_eq(t.conn.dir[WSC_WAY_UP].unanswered, 0, "any packet is an answer");
    feed(&t, ">@2\"z\"^0"); /* keep-alive */
    feed(&t, ">@2^0");
    cr_expect_eq(t.conn.dir[WSC_WAY_UP].unanswered, 2);
    cr_expect_eq(t.conn.dir[WSC_WAY_UP].retransmitted, 3, "a probe is not data sent again");
    clear(&t);
}

/* ---- bytes that nobody wants ---- */

/* 1000 bytes of |way| were sent in order; then comes a segment that is passed, or not. */
Test(tcp_conn, what_is_passed_moves_on_as_if_it_was_fed)
{
    static const struct {
        const char *name;
        int32_t at; /* from the next byte */
        uint32_t len;
        uint8_t flags;
        bool passed;
        uint64_t next; /* after it */
    } segments[] = {
        {"in order", 0, 100, 0, true, 1100},
        {"sent again", -100, 100, 0, true, 1000},
        {"in part sent again", -50, 100, 0, true, 1050},
        {"beyond a hole", 200, 100, 0, true, 1300},
        {"an acknowledgement", 0, 0, 0, true, 1000},
        {"a FIN", 0, 100, WSC_TCP_FIN, false, 1000},
        {"an RST", 0, 0, WSC_TCP_RST, false, 1000},
        {"a SYN", 0, 0, WSC_TCP_SYN, false, 1000},
        {"far ahead", 1 << 20, 100, 0, false, 1000},
        {"far behind", -(1 << 20), 100, 0, false, 1000},
    };
    static const uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        struct teller t = {0};
        wsc_tcp_shared_init(&t.shared, 1 << 20, 4096, 0);
        struct wsc_packet_view v = {.ts_ns = 1, .ref = 1, .tcp_flags = WSC_TCP_ACK, .seq = 5000};
        v.payload = bytes;
        v.payload_len = v.payload_wire_len = sizeof(bytes);
        cr_expect_not(wsc_tcp_conn_pass(&t.conn, WSC_WAY_UP, &v), "nothing is known yet");
        cr_assert_eq(wsc_tcp_conn_feed(&t.conn, &t.shared, WSC_WAY_UP, &v, &ops, &t),
                     WSC_TCP_TAKEN);
        v.seq = 6000 + (uint32_t)segments[i].at;
        v.payload_len = v.payload_wire_len = segments[i].len;
        v.tcp_flags |= segments[i].flags;
        cr_expect_eq(wsc_tcp_conn_pass(&t.conn, WSC_WAY_UP, &v), segments[i].passed, "%s",
                     segments[i].name);
        cr_expect_eq(t.conn.dir[WSC_WAY_UP].next_off, segments[i].next, "%s", segments[i].name);
        wsc_tcp_conn_clear(&t.conn, &t.shared);
        wsc_tcp_shared_clear(&t.shared);
    }
}
