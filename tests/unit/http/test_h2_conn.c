#include "http/h2_conn.h"

#include "h2_frames.h"
#include "support/h2_script.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct wsc_h2_options plain = {
    .max_head = 4096, .max_streams = 16, .begins = {true, true}};

static const struct {
    const char *name, *script, *expected;
} rows[] = {
    {"RFC 8441 5.1, with the fields that are kept",
     BEGIN "C 000082 01 04 00000001\n"
           " 42 07 434f4e4e454354\n"                               /* :method CONNECT */
           " 40 09 3a70726f746f636f6c 09 776562736f636b6574\n"     /* :protocol websocket */
           " 87 44 05 2f63686174\n"                                /* :scheme https, :path /chat */
           " 41 0b 7365727665722e74657374\n"                       /* :authority server.test */
           " 40 16 7365632d776562736f636b65742d70726f746f636f6c\n" /* sec-websocket-protocol */
           "    0f 636861742c20737570657263686174\n"               /* chat, superchat */
           " 00 18 7365632d776562736f636b65742d657874656e73696f6e73" /* sec-websocket-extensions */
           "    02 7064\n"                                           /* pd */
           " 00 06 6f726967696e 01 6f\n"                             /* origin o */
           "S 00001a 01 04 00000001 88 00 16 7365632d776562736f636b65742d70726f746f636f6c 00\n",
     BEGUN "request 1 websocket path=/chat host=server.test protocol=chat, superchat "
           "extensions=pd origin=o\n"
           "answer 1 200 protocol=\n"},
    {"data of both sides, then both end",
     BEGIN OPEN(S1, "61") OK(S1) "C 000003 00 00 00000001 010203\n"
                                 "S 000002 00 00 00000001 0405\n"
                                 "C 000001 00 01 00000001 06\n"
                                 "S 000000 00 01 00000001\n"
                                 "S 000001 00 00 00000001 ff\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\ndata 1 c2s off=0 010203\n"
           "data 1 s2c off=0 0405\ndata 1 c2s off=3 06\nend 1 c2s\nend 1 s2c\n"},
    {"padding, of every frame that has it, and priority",
     BEGIN "C 00002e 01 2c 00000001 02 00000000 10\n " CONNECT PATH("61") AUTHORITY
     " 0000\n"
     "S 000004 01 0c 00000001 02 88 0000\n"
     "C 000006 00 08 00000001 03 abcd 000000\n"
     "C 000001 00 08 00000001 00\n"      /* no data, no padding */
     "C 000003 00 08 00000001 02 0000\n" /* no data */
     "C 000003 00 08 00000001 ff 0000\n"
     "C 000003 00 09 00000001 03 0000\n" /* more padding than there is room for */,
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\ndata 1 c2s off=0 abcd\nend 1 c2s\n"},
    {"a block over several frames, empty ones too",
     BEGIN "C 000009 01 01 00000001 42 07 434f4e4e454354\n" /* END_STREAM counts after all */
           "C 000000 09 00 00000001\n"
           "C 000015 09 00 00000001 40 09 3a70726f746f636f6c 09 776562736f636b6574\n"
           "C 000000 09 00 00000001\n"
           "C 000008 09 04 00000001 87 " PATH("61") AUTHORITY "\n",
     BEGUN "request 1 websocket path=/a host=h\nend 1 c2s\n"},
    {"a block that something else interrupts takes the table with it",
     BEGIN "C 000009 01 00 00000001 42 07 434f4e4e454354\n"
           "C 000008 06 00 00000000 0000000000000000\n"
           "C 000008 09 04 00000001 87 " PATH("61") AUTHORITY
     "\n" /* a stray */
     "C 000006 01 04 00000003 be 87 " PATH("62") "\n",
     BEGUN "request 1 unknown\nrequest 3 unknown\n"},
    {"the rest of a block whose begin nobody saw, too",
     BEGIN OPEN(S1, "61") "C 000003 09 04 00000001 40 01 61\n"
                          "C 000006 01 04 00000003 be bf 04 02 2f62\n",
     BEGUN "request 1 websocket path=/a host=h\nrequest 3 unknown\n"},
    {"ordinary streams beside it are no business of ours",
     BEGIN GET(S1) OPEN(S3, "62") "S 000001 01 04 00000001 88\n"
                                  "S 000004 00 01 00000001 61626364\n" OK(
                                      S3) "S 000002 00 00 00000003 8800\n",
     BEGUN "request 1 path=/ host=h\nrequest 3 websocket path=/b host=h\nanswer 3 200\n"
           "data 3 s2c off=0 8800\n"},
    {"trailers, of both sides",
     BEGIN OPEN(S1, "61") OK(S1) "S 000005 01 05 00000001 00 01 61 01 62\n"
                                 "C 000005 01 05 00000001 00 01 61 01 62\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\nend 1 s2c\nend 1 c2s\n"},
    {"interim answers, a refusal with a body",
     BEGIN OPEN(S1, "61") "S 000005 01 04 00000001 08 03 313030\n" /* :status 100 */
                          "S 000005 01 04 00000001 08 03 343033\n" /* :status 403 */
                          "S 000002 00 01 00000001 6e6f\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 100\nanswer 1 403\n"
           "data 1 s2c off=0 6e6f\nend 1 s2c\n"},
    {"RST_STREAM, by code or number: what the other side had sent comes",
     BEGIN OPEN(S1, "61") OPEN(S3, "62") "C 000004 03 00 00000001 00000008\n"
                                         "S 000002 00 00 00000001 8800\n"
                                         "S 000004 03 00 00000003 00000fff\n"
                                         "S 000004 03 00 00000003 00000008\n",
     BEGUN "request 1 websocket path=/a host=h\nrequest 3 websocket path=/b host=h\n"
           "reset 1 c2s CANCEL\ndata 1 s2c off=0 8800\nreset 3 s2c 4095\n"},
    {"RST_STREAM after END_STREAM, of both sides, and nothing after",
     BEGIN OPEN(S1, "61") "C 000000 00 01 00000001 000004 03 00 00000001 00000000\n"
                          "S 000004 03 00 00000001 00000005 000004 03 00 00000001 00000005\n"
                          "S 000001 00 00 00000001 88\n",
     BEGUN "request 1 websocket path=/a host=h\nend 1 c2s\nreset 1 c2s NO_ERROR\n"
           "reset 1 s2c STREAM_CLOSED\n"},
    {"GOAWAY, with debug data and without",
     BEGIN "S 00000b 07 00 00000000 7fffffff 00000000 627965\n"
           "C 000008 07 00 00000000 80000001 0000000b\n",
     BEGUN "goaway s2c last=2147483647 NO_ERROR debug=bye\n"
           "goaway c2s last=1 ENHANCE_YOUR_CALM\n"},
    {"PUSH_PROMISE moves the table on",
     BEGIN OPEN(
         S1,
         "61") "S 000009 05 04 00000001 00000002 40 01 78 01 79\n"           /* x: y, indexed */
               "S 000008 05 0c 00000001 01 00000004 be 82 00\n"              /* padded */
               "S 00000c 01 04 00000001 88 7e 01 76 be 40 03 766961 01 76\n" /* be: the new x: v */
               "S 000002 00 00 00000002 8800\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200 via=v\n"},
    {"repeated fields are joined, of pseudo fields the first counts",
     BEGIN "C 00003c 01 04 00000001 " CONNECT PATH("61") AUTHORITY
     " 01 01 69 0f17 01 6a 82\n" /* :authority i, host j (38 = 15 + 23), :method GET */
     " 00 03 766961 01 61  00 03 766961 01 62\n" /* via a, via b */,
     BEGUN "request 1 websocket path=/a host=h via=a, b\n"},
    {"plain CONNECT, and a WebSocket's field in a GET",
     BEGIN "C 00000c 01 04 00000001 42 07 434f4e4e454354 " AUTHORITY "\n"
           "C 000005 01 04 00000003 82 84 86 be 87\n",
     BEGUN "request 1 host=h\nrequest 3 path=/\n"},
    {"types nobody knows, and all that carries nothing for us",
     BEGIN
     "C 000003 ee ff 00000001 010203\n"
     "S 000000 ff 00 00000000\n"
     "S 000004 08 00 00000000 00010000\nC 000005 02 00 00000003 0000000010\n"
     "S 000008 06 00 00000000 0102030405060708\nC 000008 06 01 00000000 0102030405060708 " ACK OPEN(
         S1, "61"),
     BEGUN "request 1 websocket path=/a host=h\n"},
    {"settings: several, odd lengths, CONNECT protocol only where it is 1",
     BEGIN "S 00000f 04 00 00000000 0001 00001000 0008 00000000 000000\n"
           "C 00000c 04 00 00000000 0008 00000001 0003 00000064\n",
     BEGUN "connect-protocol c2s\n"},
    {"an encoder that changes its table",
     BEGIN "C 000029 01 04 00000001 3f e1 1f " CONNECT PATH("61") AUTHORITY
     "\n" /* to 4096 */
     "C 000007 01 04 00000003 be bf 87 " PATH(
         "62") "\n"
               "C 000006 01 04 00000005 20 82 " PATH(
                   "63") "\n" /* to 0: what was indexed is gone */
                         "C 000006 01 04 00000007 be 87 " PATH(
                             "64") "\n", /* an error of its encoder */
     BEGUN "request 1 websocket path=/a host=h\nrequest 3 websocket path=/b\n"
           "request 5 path=/c\nrequest 7 unknown\n"},
    {"not a client", "C 474554202f\n", "not h2\n"},
    {"a client that stops being one within its preface", "C 505249202a20485454502f312e31\n",
     "not h2\n"},
    {"not a server", "S 485454502f312e3120343030\n", "not h2\n"},
    {"a server that begins with something else", "S 000008 06 00 00000000 0000000000000000\n",
     "not h2\n"},
};

static void run(struct wsc_h2_log *log, const struct wsc_h2_script *s,
                const struct wsc_h2_options *opt, const struct wsc_h2_way *way)
{
    wsc_h2_log_init(log);
    wsc_h2_script_run(s, opt, way, log);
}

Test(h2_conn, the_same_whole_in_pieces_and_split_anywhere)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h2_script s;
        struct wsc_h2_log whole, log;
        wsc_h2_script_init(&s, rows[i].script);
        run(&whole, &s, &plain, &(struct wsc_h2_way){0});
        cr_expect_str_eq(wsc_h2_log_text(&whole), rows[i].expected, "%s:\n%s", rows[i].name,
                         wsc_h2_log_text(&whole));
        for (size_t n = 1; n < s.len + 8; n++) {
            struct wsc_h2_way way = {.piece = n < 8 ? n : 0, .split_at = n < 8 ? 0 : n - 7};
            run(&log, &s, &plain, &way);
            cr_assert_str_eq(wsc_h2_log_text(&log), wsc_h2_log_text(&whole),
                             "%s, by %zu, split at %zu:\n%s", rows[i].name, way.piece, way.split_at,
                             wsc_h2_log_text(&log));
            wsc_h2_log_clear(&log);
        }
        wsc_h2_log_clear(&whole);
        wsc_h2_script_clear(&s);
    }
}
