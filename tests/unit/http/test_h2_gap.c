#include "http/h2_conn.h"

#include "h2_frames.h"
#include "support/h2_script.h"
#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct wsc_h2_options plain = {
    .max_head = 4096, .max_streams = 16, .begins = {true, true}};

/* ---- each place of a gap, by hand ---- */

static const struct {
    const char *name, *script, *expected;
} rows[] = {
    {"inside data",
     BEGIN OPEN(S1, "61") "C 000006 00 00 00000001 0102\nc 3\nC 06\n"
                          "C 000001 00 01 00000001 07\n",
     BEGUN "request 1 websocket path=/a host=h\ndata 1 c2s off=0 0102\ngap 1 c2s off=2 len=3\n"
           "data 1 c2s off=5 0607\nend 1 c2s\n"},
    {"the rest of data, whose end was announced",
     BEGIN OPEN(S1, "61") "C 000006 00 01 00000001\nc 6\nC 000004 03 00 00000001 00000008\n",
     BEGUN "request 1 websocket path=/a host=h\ngap 1 c2s off=0 len=6\nend 1 c2s\n"
           "reset 1 c2s CANCEL\n"},
    {"data and padding, only padding",
     BEGIN OPEN(S1, "61") "C 000006 00 08 00000001 02 01\nc 3\nC 00\n"
                          "C 000006 00 08 00000001 02 010203\nc 2\nC 000001 00 00 00000001 04\n",
     BEGUN "request 1 websocket path=/a host=h\ndata 1 c2s off=0 01\ngap 1 c2s off=1 len=2\n"
           "data 1 c2s off=3 01020304\n"},
    {"how much is padding: what of it is data cannot be known",
     BEGIN OPEN(S1, "61") "C 000006 00 08 00000001\nc 1\nC 0102030000\n"
                          "C 000001 00 00 00000001 04\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\ndata 1 c2s off=0 04\n"},
    {"data of a stream nobody wants",
     BEGIN GET(S1) "C 000006 00 00 00000001 0102\nc 3\nC 06\n" OPEN(S3, "62"),
     BEGUN "request 1 path=/ host=h\nrequest 3 websocket path=/b host=h\n"},
    {"a reset keeps its stream, and its code is not made up",
     BEGIN OPEN(S1, "61") "S 000004 03 00 00000001 0000\ns 2\n" OPEN(S3, "62"),
     BEGUN "request 1 websocket path=/a host=h\nreset 1 s2c unknown\n"
           "request 3 websocket path=/b host=h\n"},
    {"a reset that is too long besides",
     BEGIN OPEN(S1, "61") "S 000006 03 00 00000001 0000\ns 2\nS 0008\n",
     BEGUN "request 1 websocket path=/a host=h\nreset 1 s2c unknown\n"},
    {"GOAWAY: its debug data is cut, without its numbers it says nothing",
     BEGIN "S 00000b 07 00 00000000 00000001 00000000 62\ns 1\nS 65\n"
           "S 00000b 07 00 00000000 00000001 0000\ns 2\nS 627965 00000a 07 00 00000000 00000003 "
           "00000000 6f6b\n",
     BEGUN "goaway s2c last=1 NO_ERROR debug=b\ngoaway s2c last=3 NO_ERROR debug=ok\n"},
    {"settings go on with the next one",
     BEGIN "C 000012 04 00 00000000 0003 00\nc 2\nC 64 0003 00\nc 3\nC 0008 00000001\n",
     BEGUN "connect-protocol c2s\n"},
    {"settings whose value is missing say nothing",
     BEGIN "C 00000c 04 00 00000000 0008 00\nc 2\nC 01 0008 0000\nc 2\n" GET(S1),
     BEGUN "request 1 path=/ host=h\n"},
    {"the name of a field, after those that decide",
     BEGIN "C 000026 01 04 00000001 42 07 434f4e4e454354 40 09 3a70726f746f636f6c 09 "
           "776562736f636b6574 87 " PATH("61") "01 01\nc 1\n" OK(S1),
     BEGUN "request 1 websocket partial path=/a\nanswer 1 200\n"},
    {"the block, before what decides; later names were indexed in it, or not, and the answer's "
     "table is another",
     BEGIN "C 000026 01 04 00000001\nc 30\nC 04 02 2f61 01 01 68 00\n" OK(S1)
         OPEN(S3, "62") "C 000006 01 04 00000005 be bf 04 02 2f63\n"
                        "C 000005 01 04 00000007 c0 04 02 2f64\n",
     BEGUN "request 1 unknown\nanswer 1 200\nrequest 3 websocket path=/b host=h\n"
           "request 5 websocket path=/c\nrequest 7 unknown\n"},
    {"a name indexed in the gap, a value that is not: nobody knows whose",
     BEGIN OPEN(S1, "61") OK(S1) "S 000008 01 04 00000001\ns 8\n"
                                 "S 000006 01 04 00000001 88 7e 03 616263\n"
                                 "S 000003 01 04 00000001 88 be 54\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\nanswer 1 unknown\n"
           "answer 1 200 partial\nanswer 1 200 partial\n"},
    {"the answer's block: the end that was announced is an end",
     BEGIN OPEN(S1, "61") "S 000004 01 05 00000001 88\ns 3\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200 partial\nend 1 s2c\n"},
    {"trailers that are missing are no answer",
     BEGIN OPEN(S1, "61") OK(S1) "S 000004 01 05 00000001\ns 4\n",
     BEGUN "request 1 websocket path=/a host=h\nanswer 1 200\nend 1 s2c\n"},
    {"a request that ends with its head is no WebSocket's",
     BEGIN "C 000006 01 05 00000001\nc 6\n" OPEN(S3, "62"),
     BEGUN "request 3 websocket path=/b host=h\n"},
    {"between frames: what was before is not known any more, and the next frame is found",
     BEGIN OPEN(S1, "61") "c 50\nC 000002 00 00 00000001 8880 000004 08 00 00000001 00000001\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\ndata 1 c2s off=0 8880\n"},
    {"and when what follows is none, it was none either",
     BEGIN OPEN(S1, "61") "c 50\nC 000002 00 00 00000001 8880\nC e3b0c44298fc1c149afb\n"
                          "C 000002 00 00 00000001 8880\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\ndata 1 c2s off=0 8880\nlost c2s\n"
           "data 1 c2s off=2 8880\n"},
    {"nor is a type nobody knows believed there",
     BEGIN OPEN(S1, "61") "c 50\nC 000002 00 00 00000001 8880\nC 000001 0b 00 00000001 00\n"
                          "C 000002 00 00 00000001 8880\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\ndata 1 c2s off=0 8880\nlost c2s\n"
           "data 1 c2s off=2 8880\n"},
    {"what may be trailers does not say that none was opened after",
     BEGIN OPEN(S1, "61") "c 50\nC 000002 01 05 00000005 be 87\n"
                          "S 000002 00 00 00000007 8880\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\nrequest 7 unknown\n"
           "data 7 s2c off=0 8880\n"},
    {"a stream opened in the gap: its answer tells, and its data",
     BEGIN OPEN(S1, "61") "c 50\n"
                          "S 000001 01 04 00000003 88 000002 00 00 00000003 8880\n"
                          "C 000002 00 00 00000005 8880 000004 08 00 00000001 00000001\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\nrequest 3 unknown\nanswer 3 200\n"
           "data 3 s2c off=0 8880\nrequest 5 unknown\ndata 5 c2s off=0 8880\n"},
    {"answers that opened nothing do not ask",
     BEGIN GET(S1) "c 50\nS 000005 01 04 00000003 08 03 343033\nS 000001 01 05 00000005 88\n"
                   "S 000002 00 01 00000003 6e6f 000002 00 01 00000005 6e6f\n",
     BEGUN "request 1 path=/ host=h\nlost c2s\n"},
    {"what was refused is not asked for again, what may have come in between is",
     BEGIN GET(S1) "c 50\n" GET(S5)
         GET(S7) "S 000002 00 00 00000001 6e6f 000002 00 00 00000003 8880"
                 " 000002 00 00 00000005 6e6f 000002 00 00 00000007 "
                 "6e6f\n",
     BEGUN "request 1 path=/ host=h\nlost c2s\nrequest 5 path=/ host=h\nrequest 7 path=/ host=h\n"
           "request 3 unknown\ndata 3 s2c off=0 8880\n"},
    {"the preface, and what follows it", "C 505249\nc 20\nC 0a " SETTINGS GET(S1),
     "request 1 path=/ host=h\n"},
    {"the first frame of the server",
     "s 15\n" PREFACE OPEN(S1, "61") OK(S1) "S 000002 00 00 "
                                            "00000001 8880\n",
     "lost s2c\nrequest 1 websocket path=/a host=h\nanswer 1 200\ndata 1 s2c off=0 8880\n"},
    {"a frame that is larger than any may be: framing was lost",
     BEGIN OPEN(S1, "61") "C 004001 00 00 00000001 0000\n"
                          "C 000004 08 00 00000001 00000001 000002 00 00 00000001 8880\n",
     BEGUN "request 1 websocket path=/a host=h\nlost c2s\ndata 1 c2s off=0 8880\n"},
};

static void run(struct wsc_h2_log *log, const struct wsc_h2_script *s,
                const struct wsc_h2_options *opt, const struct wsc_h2_way *way)
{
    wsc_h2_log_init(log);
    wsc_h2_script_run(s, opt, way, log);
}

Test(h2_gap, by_hand)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h2_script s;
        struct wsc_h2_log log;
        wsc_h2_script_init(&s, rows[i].script);
        run(&log, &s, &plain, &(struct wsc_h2_way){0});
        cr_expect_str_eq(wsc_h2_log_text(&log), rows[i].expected, "%s:\n%s", rows[i].name,
                         wsc_h2_log_text(&log));
        wsc_h2_log_clear(&log);
        wsc_h2_script_clear(&s);
    }
}

/* ---- every gap at every place ---- */

/* Four WebSockets and two ordinary streams; every kind of end. What comes after the mark is enough
 * to find frames again. */
#define STORY                                                                                      \
    BEGIN GET(S1) OPEN(S3, "61") OK(S1) "S 000006 00 01 00000001 62796562 7965\n" OK(              \
        S3) "C 000008 00 00 00000003 8182 10111213 7172\n" OPEN(S5, "62")                          \
        OK(S5) "S 00000b 00 08 00000003 03 8102 4142 8101 43 000000\n"                             \
               "C 000009 01 01 00000007 42 07 434f4e4e454354\n"                                    \
               "C 000006 09 04 00000007 40 01 78 01 79 82\n"                                       \
               "S 000004 08 00 00000003 00000100\n"                                                \
               "C 000004 03 00 00000005 00000008\n"                                                \
               "S 000002 00 01 00000003 8800\n" OPEN("00000009", "63")                             \
                   OK("00000009") "C 000006 01 05 0000000b be bf 84 " AUTHORITY "\n"               \
                                  "S 000002 00 00 00000009 8901\nC 000008 06 00 00000000 "         \
                                  "0000000000000001\n"
#define ENDING                                                                                     \
    "C 000004 08 00 00000009 00000001 000004 08 00 00000000 00000001\n"                            \
    "S 000004 08 00 00000009 00000001 000004 08 00 00000000 00000001\n"                            \
    "C 000002 00 00 00000009 8880\nS 000002 00 00 00000009 8801\n"                                 \
    "C 000000 00 01 00000009\nS 000004 03 00 00000009 00000007\n"                                  \
    "S 00000b 07 00 00000000 0000000b 00000002 627965\n"

static bool next_line(const char **at, char *line, size_t cap)
{
    size_t n = strcspn(*at, "\n");
    if (**at == '\0')
        return false;
    cr_assert_lt(n, cap);
    memcpy(line, *at, n);
    line[n] = '\0';
    *at += n + 1;
    return true;
}

/* True if the words of |line| are all in |other|. */
static bool words_are_in(const char *line, const char *other)
{
    char copy[1024], *rest = copy;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        const char *found = strstr(other, word);
        if (strcmp(word, "partial") != 0 && strcmp(word, "unknown") != 0 && found == NULL)
            return false;
    }
    return true;
}

/* The data of a stream's direction in |log|, gaps and all, as hex. */
static void all_data(const char *log, const char *prefix, char *out, size_t cap)
{
    char line[1024];
    out[0] = '\0';
    while (next_line(&log, line, sizeof(line)))
        if (strncmp(line, prefix, strlen(prefix)) == 0)
            strncat(out, strrchr(line, ' ') + 1, cap - strlen(out) - 1);
}

/* Whether the complete log bears |line| out. */
static bool is_true(const char *line, const char *whole)
{
    char other[1024], data[4096], prefix[64];
    if (strncmp(line, "lost ", 5) == 0 || strncmp(line, "gap ", 4) == 0)
        return true;
    if (strncmp(line, "data ", 5) == 0) {
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(strstr(line, "off=") - line), line);
        all_data(whole, prefix, data, sizeof(data));
        return strstr(data, strrchr(line, ' ') + 1) != NULL;
    }
    bool partly = strstr(line, "unknown") != NULL || strstr(line, "partial") != NULL ||
                  strncmp(line, "goaway", 6) == 0;
    for (const char *at = whole; next_line(&at, other, sizeof(other));)
        if (strcmp(line, other) == 0 ||
            (partly && strncmp(line, other, 4) == 0 && words_are_in(line, other)))
            return true;
    return false;
}

static bool all_true(const char *log, const char *whole, char *line, size_t cap)
{
    while (next_line(&log, line, cap))
        if (!is_true(line, whole))
            return false;
    return true;
}

/* |last|: must be told after the gap. */
static void try_gap(const struct wsc_h2_script *s, const char *truth, const char *last,
                    const struct wsc_h2_way *way)
{
    struct wsc_h2_log log;
    char line[1024] = "";
    run(&log, s, &plain, way);
    const char *text = wsc_h2_log_text(&log);
    cr_assert(all_true(text, truth, line, sizeof(line)),
              "%u: %zu bytes from %zu on, by %zu: %s\n%s", way->cut_dir, way->cut_len, way->cut_at,
              way->piece, line, text);
    cr_assert(last == NULL || strstr(text, last) != NULL, "%u: %zu bytes from %zu on\n%s",
              way->cut_dir, way->cut_len, way->cut_at, text);
    wsc_h2_log_clear(&log);
}

Test(h2_gap, no_gap_makes_anything_up)
{
    struct wsc_h2_script s, story;
    struct wsc_h2_log whole;
    wsc_h2_script_init(&s, STORY ENDING);
    wsc_h2_script_init(&story, STORY);
    wsc_h2_log_init(&whole);
    whole.want_all = true;
    wsc_h2_script_run(&s, &plain, &(struct wsc_h2_way){0}, &whole);
    const char *truth = wsc_h2_log_text(&whole);
    for (unsigned d = 0; d < 2; d++)
        for (size_t at = 0; at < s.sent[d]; at++)
            for (size_t len = 1; at + len <= s.sent[d]; len += len < 48 ? 1 : 29) {
                bool over = at + len <= story.sent[d];
                const char *last = d == 0 ? "end 9 c2s\n" : "reset 9 s2c REFUSED";
                try_gap(&s, truth, over ? last : NULL,
                        &(struct wsc_h2_way){.cut_dir = d, .cut_at = at, .cut_len = len});
                if (len % 7 == 1)
                    try_gap(&s, truth, NULL,
                            &(struct wsc_h2_way){
                                .cut_dir = d, .cut_at = at, .cut_len = len, .piece = 1 + len % 8});
            }
    wsc_h2_log_clear(&whole);
    wsc_h2_script_clear(&s);
    wsc_h2_script_clear(&story);
}
