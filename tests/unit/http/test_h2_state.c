#include "http/h2_conn.h"

#include "base/alloc.h"
#include "h2_frames.h"
#include "support/h2_script.h"
#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    struct wsc_h2_options opt;
    const char *script, *expected;
} rows[] = {
    {"stream 1 after `Upgrade: h2c` is the request that asked for it",
     {.max_head = 4096, .max_streams = 4, .upgraded = true, .begins = {true, true}},
     BEGIN OK(S1) "S 000002 00 01 00000001 6869\n" OPEN(S3, "61") OK(S3),
     BEGUN "request 3 websocket path=/a host=h\nanswer 3 200\n"},
    {"mid-stream: data of streams opened before, and an end",
     {.max_head = 4096, .max_streams = 4},
     "C 000005 00 00 00000007 8883000000\nS 000004 00 01 00000007 880203e8\n"
     "C 000004 08 00 00000000 00000001\n" OK(S7),
     "request 7 unknown\ndata 7 c2s off=0 8883000000\ndata 7 s2c off=0 880203e8\nend 7 s2c\n"},
    {"mid-stream: static names are known, indexed ones are not, those indexed later are",
     {.max_head = 4096, .max_streams = 8},
     "C 000006 01 05 00000007 82 84 86 " AUTHORITY "\n"    /* GET */
     "C 000009 01 04 00000009 be 87 04 02 2f61 01 01 68\n" /* who knows */
     OPEN("0000000b", "62") OK("0000000b")                 /* all there */
     "S 000007 01 04 0000000b 88 c0 08 03 313030\n"        /* an unknown field before it */
     "C 000006 01 04 0000000d be bf 04 02 2f63\n"          /* the names of 11 */
     "C 000007 01 04 0000000f be c0 87 04 02 2f64\n"       /* :protocol suffices */
     "C 000006 01 04 00000011 be 82 04 02 2f65\n",         /* :method is enough to say no */
     "request 7 path=/ host=h\nrequest 9 unknown\n"
     "request 11 websocket path=/b host=h\nanswer 11 200\nanswer 11 200 partial\n"
     "request 13 websocket path=/c\nrequest 15 websocket partial path=/d\n"
     "request 17 path=/e\n"},
    {"mid-stream: an index beyond all that is kept ends its block, not the next",
     {.max_head = 4096, .max_streams = 4},
     "S 000006 01 04 00000007 88 ff 80 80 01 88\nS 000001 01 04 00000009 88\n",
     "request 7 unknown\nanswer 7 200 partial\nrequest 9 unknown\nanswer 9 200\n"},
    {"mid-stream: what a refused stream sends is not asked for again",
     {.max_head = 4096, .max_streams = 0},
     "S 000002 00 00 00000007 6869 000002 00 00 00000007 6869\n"
     "S 000002 00 00 00000009 6869 000002 00 00 00000003 6869\n",
     ""},
    {"the ceiling of streams: a WebSocket beyond it is not wanted, one that follows an end is",
     {.max_head = 4096, .max_streams = 2, .begins = {true, true}},
     BEGIN OPEN(S1, "61") OPEN(S3, "62") OPEN(S5, "63") GET("00000009")
         OK(S5) "C 000004 03 00 00000001 00000000\nS 000004 03 00 00000001 00000008\n" OPEN(
             "0000000b", "64"),
     BEGUN "request 1 websocket path=/a host=h\nrequest 3 websocket path=/b host=h\n"
           "reset 1 c2s NO_ERROR\nreset 1 s2c CANCEL\nrequest 11 websocket path=/d host=h\n"},
    {"streams that ended in both directions leave room",
     {.max_head = 4096, .max_streams = 1, .begins = {true, true}},
     BEGIN OPEN(S1, "61")
         OK(S1) "C 000000 00 01 00000001\nS 000000 00 01 00000001\n" OPEN(S3, "62"),
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\nend 1 c2s\nend 1 s2c\n"
           "request 3 websocket path=/b host=h\n"},
    {"frames larger than usual, where they were announced",
     {.max_head = 4096, .max_streams = 4, .begins = {true, true}},
     BEGIN OPEN(S1, "61") "S 000006 04 00 00000000 0005 00005000\n"
                          "S 000006 04 00 00000000 0005 00004000\n" /* no harm to believe more */
                          "C 005000 00 00 00000001\nc 20480\nC 005001 00 00 00000001\nc 20481\n",
     BEGUN "request 1 websocket path=/a host=h\ngap 1 c2s off=0 len=20480\nlost c2s\n"},
    {"mid-stream they may have been, as far as the header is none that cannot be",
     {.max_head = 4096, .max_streams = 4},
     "C 000002 00 00 00000007 6869 000002 00 00 00000007 6869 000002 00 00 00000007 6869 "
     "000002 00 00 00000007 6869 000002 00 00 00000007 6869 000002 00 00 00000007 6869 "
     "000002 00 00 00000007 6869 000002 00 00 00000007 6869\n"
     "C 100000 00 00 00000007\nc 1048576\nC 000001 00 00 00000007 6a 100000 00 02 00000007\n",
     "request 7 unknown\ndata 7 c2s off=0 68696869686968696869686968696869\n"
     "gap 7 c2s off=16 len=1048576\ndata 7 c2s off=1048592 6a\nlost c2s\n"},
    {"the ceiling of a head: fields beyond it are unknown, the table goes on",
     {.max_head = 271, .max_streams = 4, .begins = {true, true}},
     /* As RFC 9113 6.5.2 counts: 46 + 50 + 44 + 39 + 43 = 222; via 3 + 14 + 32 = 49 */
     BEGIN "C 00003a 01 04 00000001 " CONNECT PATH("61") AUTHORITY
     "40 03 766961 0e 6161616161616161616161616161\n"
     "C 00003b 01 04 00000003 " CONNECT PATH("61") AUTHORITY
     "40 03 766961 0f 616161616161616161616161616161\n"
     "C 000004 01 04 00000005 82 be 84 87\n"
     "C 000003 01 04 00000007 c0 bf be\n",
     BEGUN "request 1 websocket path=/a host=h via=aaaaaaaaaaaaaa\n"
           "request 3 websocket partial path=/a host=h\n"
           "request 5 path=/ via=aaaaaaaaaaaaaaa\n"
           "request 7 websocket via=aaaaaaaaaaaaaaa\n"},
};

static void run(struct wsc_h2_log *log, const char *script, const struct wsc_h2_options *opt)
{
    struct wsc_h2_script s;
    wsc_h2_log_init(log);
    wsc_h2_script_init(&s, script);
    wsc_h2_script_run(&s, opt, &(struct wsc_h2_way){0}, log);
    wsc_h2_script_clear(&s);
}

Test(h2_state, by_hand)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h2_log log;
        run(&log, rows[i].script, &rows[i].opt);
        cr_expect_str_eq(wsc_h2_log_text(&log), rows[i].expected, "%s:\n%s", rows[i].name,
                         wsc_h2_log_text(&log));
        wsc_h2_log_clear(&log);
    }
}

/* ---- from within the ops ---- */

struct dropper {
    struct wsc_h2 *h;
    struct wsc_h2_log log;
    bool at_request;
};

static bool drop_request(void *ctx, uint32_t stream, const struct wsc_h1_head *head, bool websocket)
{
    struct dropper *d = ctx;
    bool wanted = wsc_h2_log_ops.on_request(&d->log, stream, head, websocket);
    if (d->at_request)
        wsc_h2_drop(d->h, stream);
    return wanted;
}

static void drop_response(void *ctx, uint32_t stream, const struct wsc_h1_head *head)
{
    struct dropper *d = ctx;
    wsc_h2_log_ops.on_response(&d->log, stream, head);
}

static void drop_data(void *ctx, uint32_t stream, enum wsc_dir dir, uint64_t off,
                      struct wsc_span data)
{
    struct dropper *d = ctx;
    wsc_h2_log_ops.on_data(&d->log, stream, dir, off, data);
    wsc_h2_drop(d->h, stream);
}

static void must_not_end(void *ctx, uint32_t stream, enum wsc_dir dir)
{
    (void)ctx;
    cr_expect_fail("%u ends in direction %d", stream, dir);
}

static void no_setting(void *ctx, enum wsc_dir dir)
{
    (void)ctx;
    (void)dir;
}

static bool feed_hex(struct wsc_h2 *h, enum wsc_dir d, const char *hex)
{
    uint8_t bytes[512];
    size_t n = wsc_test_hex(hex, bytes, sizeof(bytes));
    return wsc_h2_feed(h, d, (struct wsc_span){.ptr = bytes, .len = n});
}

#define PRI "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a "

Test(h2_state, a_stream_may_be_dropped_at_any_time)
{
    static const struct wsc_h2_ops ops = {.on_request = drop_request,
                                          .on_response = drop_response,
                                          .on_data = drop_data,
                                          .on_end = must_not_end,
                                          .on_connect_protocol = no_setting};
    static const char *const expected[] = {
        "request 1 websocket\nanswer 1 200\ndata 1 s2c off=0 88\nrequest 3 websocket\n",
        "request 1 websocket\nrequest 3 websocket\n"};
    for (unsigned at_request = 0; at_request < 2; at_request++) {
        const struct wsc_h2_options opt = {
            .max_head = 4096, .max_streams = 1, .begins = {true, true}};
        struct dropper d = {.at_request = at_request != 0};
        wsc_h2_log_init(&d.log);
        d.h = wsc_h2_new(&opt, &ops, &d);
        cr_expect(feed_hex(d.h, WSC_DIR_C2S, PRI "000020 01 04 " S1 CONNECT "82"));
        cr_expect(feed_hex(d.h, WSC_DIR_S2C,
                           "000000 04 00 00000000 000001 01 04 " S1 "88"
                           "000001 00 00 " S1 "88 000002 00 01 " S1 "8800"));
        cr_expect(feed_hex(d.h, WSC_DIR_C2S, "000003 01 04 " S3 "bf be 87"));
        cr_expect_str_eq(wsc_h2_log_text(&d.log), expected[at_request], "%s",
                         wsc_h2_log_text(&d.log));
        wsc_h2_free(d.h);
        wsc_h2_log_clear(&d.log);
    }
}

/* ---- memory ---- */

static bool allow_some(void *ctx)
{
    long *left = ctx;
    return (*left)-- > 0;
}

/* Every allocation fails once, and from then on: nothing breaks, nothing leaks (the sanitizer
 * looks), and nothing is said that is not so. */
Test(h2_state, without_memory_less_is_known)
{
    static const char story[] =
        BEGIN OPEN(S1, "61") OK(S1) "C 000002 00 00 00000001 8880\n" OPEN(S3, "62")
            OK(S3) "S 00000b 07 00 00000000 00000003 00000000 627965\n"
                   "s 40\nS 000004 03 00 00000003 00000008\n";
    static const struct wsc_h2_options opt = {
        .max_head = 4096, .max_streams = 16, .begins = {true, true}};
    struct wsc_h2_script s;
    wsc_h2_script_init(&s, story);
    long needed = -1;
    for (long n = 0; needed < 0 && n < 4096; n++) {
        struct wsc_h2_log log;
        wsc_h2_log_init(&log);
        long left = n;
        struct wsc_h2 *h = NULL;
        wsc_alloc_set_hook(allow_some, &left);
        h = wsc_h2_new(&opt, &wsc_h2_log_ops, &log);
        for (size_t i = 0; h != NULL && i < s.count; i++) {
            const struct wsc_h2_step *step = &s.steps[i];
            wsc_h2_gap(h, step->d, step->gap);
            cr_expect(wsc_h2_feed(h, step->d,
                                  (struct wsc_span){.ptr = s.bytes + step->at, .len = step->len}));
        }
        wsc_alloc_set_hook(NULL, NULL);
        wsc_h2_free(h);
        const char *text = wsc_h2_log_text(&log);
        if (left >= 0) {
            needed = n;
            cr_expect_str_eq(text,
                             BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\n"
                                   "data 1 c2s off=0 8880\nrequest 3 websocket path=/b host=h\n"
                                   "answer 3 200\ngoaway s2c last=3 NO_ERROR debug=bye\n"
                                   "lost s2c\nreset 3 s2c CANCEL\n",
                             "%s", text);
        }
        cr_expect(strstr(text, "200 ") == NULL || strstr(text, "200 partial") != NULL, "%s", text);
        wsc_h2_log_clear(&log);
    }
    cr_expect_gt(needed, 10);
    wsc_h2_script_clear(&s);
}

/* What streams, tables and heads take is given back when they are over. */
Test(h2_state, what_is_held)
{
    static const struct wsc_h2_options opt = {
        .max_head = 65536, .max_streams = 4096, .begins = {true, true}};
    struct wsc_h2_log log;
    char hex[64];
    wsc_h2_log_init(&log);
    struct wsc_h2 *h = wsc_h2_new(&opt, &wsc_h2_log_ops, &log);
    cr_expect(feed_hex(h, WSC_DIR_C2S, PRI "000021 01 05 " S1 CONNECT "82 84"));
    size_t one = wsc_h2_held(h);
    for (unsigned id = 3; id < 4000; id += 2) {
        snprintf(hex, sizeof(hex), "000003 01 04 %08x bf be 87", id);
        cr_expect(feed_hex(h, WSC_DIR_C2S, hex));
    }
    cr_expect_geq(wsc_h2_held(h), one + 1998 * sizeof(uint32_t));
    for (unsigned id = 1; id < 4000; id += 2) {
        snprintf(hex, sizeof(hex), "000004 03 00 %08x 00000000", id);
        cr_expect(feed_hex(h, WSC_DIR_C2S, hex));
        wsc_h2_drop(h, id);
    }
    cr_expect_lt(wsc_h2_held(h), one);
    cr_expect_eq(wsc_h2_refused(h), 0);
    wsc_h2_free(h);
    wsc_h2_log_clear(&log);
}

/* Those that were, or may have been, WebSockets. */
Test(h2_state, what_the_ceiling_refused)
{
    static const struct wsc_h2_options opt = {
        .max_head = 4096, .max_streams = 1, .begins = {true, true}};
    struct wsc_h2_log log;
    wsc_h2_log_init(&log);
    struct wsc_h2 *h = wsc_h2_new(&opt, &wsc_h2_log_ops, &log);
    cr_expect(feed_hex(h, WSC_DIR_C2S, PRI "000020 01 04 " S1 CONNECT "84"));
    cr_expect_eq(wsc_h2_refused(h), 0);
    cr_expect(feed_hex(h, WSC_DIR_C2S, "000003 01 04 " S3 "bf be 87 000003 01 05 " S5 "82 84 87"));
    cr_expect_eq(wsc_h2_refused(h), 1);
    cr_expect(feed_hex(h, WSC_DIR_C2S, "000003 01 04 " S7 "ff 80 01"));
    cr_expect_eq(wsc_h2_refused(h), 2);
    wsc_h2_free(h);
    wsc_h2_log_clear(&log);
}

/* ---- looks and names ---- */

Test(h2_state, looks)
{
    static const struct {
        const char *hex;
        bool preface, settings;
    } looks[] = {
        {"50", true, false},
        {"505249202a20485454502f322e300d0a0d0a534d0d0a0d0a", true, false},
        {"505249202a20485454502f322e300d0a0d0a534d0d0a0d0aff", true, false},
        {"505249202a20485454502f312e", false, false},
        {"504f5354202f", false, false}, /* POST / */
        {"000000 04 00 00000000", false, true},
        {"000006 04 00 00000000 00", false, true},
        {"000006 04 00 000000", false, false},
        {"000005 04 00 00000000", false, false},
        {"000000 04 01 00000000", false, false},
        {"000000 04 00 00000001", false, false},
        {"000000 00 00 00000000", false, false},
    };
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        uint8_t bytes[64];
        struct wsc_span s = {.ptr = bytes, .len = wsc_test_hex(looks[i].hex, bytes, sizeof(bytes))};
        cr_expect_eq(wsc_h2_looks_like_preface(s), looks[i].preface, "preface: %s", looks[i].hex);
        cr_expect_eq(wsc_h2_looks_like_settings(s), looks[i].settings, "settings: %s",
                     looks[i].hex);
    }
    cr_expect_not(wsc_h2_looks_like_preface((struct wsc_span){0}));
}

Test(h2_state, names_of_errors)
{
    cr_expect_str_eq(wsc_h2_error_name(0), "NO_ERROR");
    cr_expect_str_eq(wsc_h2_error_name(7), "REFUSED_STREAM");
    cr_expect_str_eq(wsc_h2_error_name(8), "CANCEL");
    cr_expect_str_eq(wsc_h2_error_name(0xb), "ENHANCE_YOUR_CALM");
    cr_expect_str_eq(wsc_h2_error_name(0xd), "HTTP_1_1_REQUIRED");
    cr_expect_null(wsc_h2_error_name(0xe));
    cr_expect_null(wsc_h2_error_name(WSC_H2_ERROR_UNKNOWN));
}
