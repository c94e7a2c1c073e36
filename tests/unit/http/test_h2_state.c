#include "http/h2_conn.h"

#include "base/alloc.h"
#include "h2_frames.h"
#include "support/h2_script.h"

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
         OK(S5) "C 000004 03 00 00000001 00000000\n" OPEN("0000000b", "64"),
     BEGUN "request 1 websocket path=/a host=h\nrequest 3 websocket path=/b host=h\n"
           "reset 1 c2s NO_ERROR\nrequest 11 websocket path=/d host=h\n"},
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
