#include "http/h1.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a parser says, as text: one line a head, with the offset behind it, and how it ended. */
struct log {
    char text[4096];
    size_t len;
    bool stop_at_upgrade, no_body;
};

static void say(struct log *l, const char *format, const char *name, struct wsc_span s, uint64_t n)
{
    l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s", "");
    if (s.ptr != NULL)
        l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, " %s=%.*s", name,
                                   (int)s.len, (const char *)s.ptr);
    else if (format != NULL)
        l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%llu", format,
                                   (unsigned long long)n);
}

static enum wsc_h1_next on_head(void *ctx, const struct wsc_h1_head *head, uint64_t end)
{
    struct log *l = ctx;
    const struct wsc_span none = {0};
    if (head->is_request)
        say(l, NULL, "target", head->target, 0);
    else
        say(l, " status=", NULL, none, (uint64_t)head->status);
    say(l, NULL, "phrase", head->phrase, 0);
    say(l, NULL, "host", head->fields[WSC_H1_HOST], 0);
    say(l, NULL, "upgrade", head->fields[WSC_H1_UPGRADE], 0);
    say(l, NULL, "key", head->fields[WSC_H1_SEC_WEBSOCKET_KEY], 0);
    say(l, NULL, "protocol", head->fields[WSC_H1_SEC_WEBSOCKET_PROTOCOL], 0);
    say(l, " end=", NULL, none, end);
    l->text[l->len++] = '\n';
    l->text[l->len] = '\0';
    if (l->stop_at_upgrade && head->fields[WSC_H1_UPGRADE].ptr != NULL)
        return WSC_H1_STOP;
    return l->no_body ? WSC_H1_NO_BODY : WSC_H1_GO_ON;
}

static const struct wsc_h1_ops ops = {.on_head = on_head};

/* Feeds |text| in pieces: up to |split|, then the rest; |split| 0: byte by byte. The log ends with
 * what the parser said last. */
static void run(struct log *l, bool requests, const char *text, size_t split, size_t max_head)
{
    struct wsc_h1_shared shared;
    wsc_h1_shared_init(&shared, SIZE_MAX);
    struct wsc_h1 *h = wsc_h1_new(&shared, requests, max_head, 0, &ops, l);
    cr_assert_not_null(h);
    size_t len = strlen(text), at = 0;
    enum wsc_h1_status status = WSC_H1_MORE;
    while (at < len && status == WSC_H1_MORE) {
        size_t n = split == 0 ? 1 : at < split ? split - at : len - at;
        if (n > len - at)
            n = len - at;
        /* An exact-size copy: a read past its end is seen by the sanitizer. */
        uint8_t *copy = malloc(n);
        memcpy(copy, text + at, n);
        size_t taken = 0;
        status = wsc_h1_feed(h, (struct wsc_span){.ptr = copy, .len = n}, &taken);
        free(copy);
        if (status == WSC_H1_MORE)
            cr_assert_eq(taken, n);
        at += taken;
    }
    const char *word = status == WSC_H1_MORE      ? "more"
                       : status == WSC_H1_STOPPED ? "stopped"
                                                  : "failed";
    if (status == WSC_H1_FAILED)
        at = 0; /* how far a failing parser looked is its own affair */
    l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s at %zu", word, at);
    wsc_h1_free(h);
    wsc_h1_shared_clear(&shared);
}

#define UPGRADE                                                                                    \
    "GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "           \
    "k==\r\n\r\n"

static const struct {
    const char *name;
    bool requests, stop, no_body;
    const char *input, *expected;
} rows[] = {
    {"an upgrade stops at the head's end", true, true, false, UPGRADE "\x81\x85",
     " target=/chat host=a.example upgrade=websocket key=k== end=83\nstopped at 83"},
    {"requests before it are skipped, with their bodies", true, true, false,
     "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n" UPGRADE "x",
     " target=/a end=39\n target=/b end=63\n target=/chat host=a.example upgrade=websocket key=k== "
     "end=146\nstopped at 146"},
    {"a chunked body", true, false, false,
     "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /b "
     "HTTP/1.1\r\n\r\n",
     " target=/a end=48\n target=/b end=80\nmore at 80"},
    {"a body that holds an empty line", true, false, false,
     "POST /a HTTP/1.1\r\nContent-Length: 8\r\n\r\n\r\n\r\nGET GET /b HTTP/1.1\r\n\r\n",
     " target=/a end=39\n target=/b end=66\nmore at 66"},
    {"an upgrade that is not stopped at goes on as HTTP", true, false, false,
     UPGRADE "GET /b HTTP/1.1\r\n\r\n",
     " target=/chat host=a.example upgrade=websocket key=k== end=83\n target=/b end=102\nmore at "
     "102"},
    {"CONNECT goes on unless stopped at", true, false, false,
     "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET / HTTP/1.1\r\n\r\n",
     " target=a:80 host=a:80 end=37\n target=/ end=55\nmore at 55"},
    {"repeated fields are joined", true, false, false,
     "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: a\r\nHost: h\r\nSEC-websocket-PROTOCOL: b\r\n\r\n",
     " target=/ host=h protocol=a, b end=81\nmore at 81"},
    {"an empty field is there", true, false, false, "GET / HTTP/1.1\r\nHost:\r\n\r\n",
     " target=/ host= end=25\nmore at 25"},
    {"a folded field, whose lines are joined with a space", true, false, false,
     "GET / HTTP/1.1\r\nHost: a\r\n\t b \r\nX: y\r\n z\r\n\r\n",
     " target=/ host=a b end=43\nmore at 43"},
    {"a fold with nothing to go on with", true, false, false, "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
     "failed at 0"},
    {"repeated and folded at once", true, false, false,
     "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: b,\r\n c\r\nHost: d\n"
     "sec-websocket-protocol:e\r\n\r\n",
     " target=/ host=a, d protocol=b, c, e end=93\nmore at 93"},
    {"spaces around a value and before a colon are not its", true, false, false,
     "GET / HTTP/1.1\r\nHost : \t a b \t\r\n\r\n", " target=/ host=a b end=34\nmore at 34"},
    {"a name that only looks like one of ours", true, false, false,
     "GET / HTTP/1.1\r\nHosu: a\r\nXost: b\r\nHos: c\r\nHostt: d\r\n\r\n",
     " target=/ end=54\nmore at 54"},
    {"empty lines before a head", true, false, false,
     "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
     " target=/ end=23\n target=/b end=44\nmore at 44"},
    {"bytes beyond ASCII", true, false, false, "GET /\xc3\xa9 HTTP/1.1\r\nHost: \xff\r\n\r\n",
     " target=/\xc3\xa9 host=\xff end=29\nmore at 29"},
    {"two spaces in a request line", true, false, false, "GET  /  HTTP/1.1\r\n\r\n",
     " target=/ end=20\nmore at 20"},
    {"a scheme and an authority", true, false, false, "GET http://h/ HTTP/1.1\r\n\r\n",
     " target=http://h/ end=26\nmore at 26"},
    {"a target that is none", true, false, false, "GET chat HTTP/1.1\r\n\r\n", "failed at 0"},
    {"no target", true, false, false, "GET HTTP/1.1\r\n\r\n", "failed at 0"},
    {"no version", true, false, false, "GET /\r\n\r\n", "failed at 0"},
    {"more behind the version", true, false, false, "GET / HTTP/1.1 x\r\n\r\n", "failed at 0"},
    {"a tab in a request line", true, false, false, "GET /\t HTTP/1.1\r\n\r\n", "failed at 0"},
    {"a method nobody knows", true, false, false, "GOT / HTTP/1.1\r\n\r\n", "failed at 0"},
    {"a control character in a value", true, false, false, "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n",
     "failed at 0"},
    {"DEL in a value", true, false, false, "GET / HTTP/1.1\r\nX: abcdefgh\x7f\r\n\r\n",
     "failed at 0"},
    {"CR alone", true, false, false, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "failed at 0"},
    {"a line without a colon", true, false, false, "GET / HTTP/1.1\r\nHost\r\n\r\n", "failed at 0"},
    {"a field without a name", true, false, false, "GET / HTTP/1.1\r\n: a\r\n\r\n", "failed at 0"},
    {"two lengths, though they are equal", true, false, false,
     "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "failed at 0"},
    {"a length and a coding", true, false, false,
     "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "failed at 0"},
    {"a length that is no number", true, false, false,
     "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", "failed at 0"},
    {"a length without end", true, false, false,
     "POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\nx", "failed at 0"},
    {"a folded length", true, false, false, "POST / HTTP/1.1\r\nContent-Length: 1\r\n 2\r\n\r\nx",
     "failed at 0"},
    {"a request whose last coding is not chunked ends nobody knows where", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\nx",
     " target=/ end=53\nfailed at 0"},
    {"codings in two fields", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\ntransfer-encoding: , Chunked\r\n\r\n"
     "A;x=\"y\"\r\n0123456789\r\n00\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
     " target=/ end=74\n target=/b end=126\nmore at 126"},
    {"chunks that end with LF alone", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
     " target=/ end=47\nfailed at 0"},
    {"a chunk longer than it says", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
     " target=/ end=47\nfailed at 0"},
    {"a chunk without a size", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;x\r\n",
     " target=/ end=47\nfailed at 0"},
    {"a chunk of a size that no file has", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx",
     " target=/ end=47\nfailed at 0"},
    {"a trailer that is no field", true, false, false,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx y\r\n\r\n",
     " target=/ end=47\nfailed at 0"},
    {"line feeds alone", true, false, false, "GET / HTTP/1.1\nHost: a\n\n",
     " target=/ host=a end=24\nmore at 24"},
    {"an interim answer, then 101", false, true, false,
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: "
     "websocket\r\n\r\n\x88",
     " status=100 phrase=Continue end=25\n status=101 phrase=Switching Protocols upgrade=websocket "
     "end=81\nstopped at 81"},
    {"204 has no body", false, false, false,
     "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     " status=204 phrase=No Content end=27\n status=200 phrase=OK end=65\nmore at 65"},
    {"the answer to HEAD has none, whatever it says", false, false, true,
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n",
     " status=200 phrase=OK end=38\n status=404 phrase=No end=76\nmore at 76"},
    {"a body without a length lasts", false, false, false,
     "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", " status=200 phrase=OK end=19\nmore at 38"},
    {"not HTTP", true, false, false, "\x16\x03\x01\x02", "failed at 0"},
    {"no reason phrase", false, false, false, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
     " status=200 phrase= end=35\nmore at 35"},
    {"304 has no body, though it has a length", false, true, false,
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n",
     " status=304 phrase=Not Modified end=48\n status=101 phrase=Go upgrade=x end=79\nstopped at "
     "79"},
    {"1xx has no body, though it is chunked", false, false, false,
     "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
     " status=103 phrase=Early end=50\n status=204 phrase=No end=69\nmore at 69"},
    {"an answer whose last coding is not chunked lasts", false, false, false,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
     " status=200 phrase=OK end=44\nmore at 63"},
    {"an answer's two lengths that are equal", false, false, false,
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 No\r\n\r\n",
     " status=200 phrase=OK end=57\n status=204 phrase=No end=78\nmore at 78"},
    {"an answer's two lengths that are not", false, false, false,
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\nok", "failed at 0"},
    {"chunks count, not the length beside them", false, false, false,
     "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: "
     "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
     "HTTP/1.1 204 No\r\n\r\n",
     " status=200 phrase=OK end=67\n status=204 phrase=No end=97\nmore at 97"},
    {"an answer of another coding lasts, whatever length stands beside it", false, false, false,
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: gzip\r\n\r\nHTTP/1.1 204 "
     "No\r\n\r\n",
     " status=200 phrase=OK end=63\nmore at 82"},
    {"a status of two digits", false, false, false, "HTTP/1.1 99 x\r\n\r\n", "failed at 0"},
    {"a status of four digits", false, false, false, "HTTP/1.1 2000 x\r\n\r\n", "failed at 0"},
    {"a status below 100", false, false, false, "HTTP/1.1 099 x\r\n\r\n", "failed at 0"},
    {"a status line that is none", false, false, false, "HTTP/1.1 abc\r\n\r\n", "failed at 0"},
};

Test(h1, the_same_whole_byte_by_byte_and_split_anywhere)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct log whole = {.stop_at_upgrade = rows[i].stop, .no_body = rows[i].no_body};
        size_t len = strlen(rows[i].input);
        run(&whole, rows[i].requests, rows[i].input, len, 65536);
        if (rows[i].expected != NULL)
            cr_expect_str_eq(whole.text, rows[i].expected, "%s:\n%s", rows[i].name, whole.text);
        for (size_t split = 0; split < len; split++) {
            struct log l = {.stop_at_upgrade = rows[i].stop, .no_body = rows[i].no_body};
            run(&l, rows[i].requests, rows[i].input, split, 65536);
            cr_assert_str_eq(l.text, whole.text, "%s, split at %zu:\n%s", rows[i].name, split,
                             l.text);
        }
    }
}

Test(h1, a_head_over_the_ceiling_fails)
{
    char text[4096];
    size_t n =
        (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: %0*d\r\n\r\nx", 2000, 1) - 1;
    static const struct {
        const char *name;
        size_t split;
        int room; /* the ceiling, compared to the head */
        bool fits;
    } cases[] = {
        {"whole, at the ceiling", 4096, 0, true},  {"whole, over it", 4096, -1, false},
        {"in two, at the ceiling", 1500, 0, true}, {"in two, over it", 1500, -1, false},
        {"byte by byte, at it", 0, 0, true},       {"byte by byte, over it", 0, -1, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log l = {0};
        run(&l, true, text, cases[i].split, (size_t)((int)n + cases[i].room));
        cr_expect_eq(strstr(l.text, "target=/ end=2023") != NULL, cases[i].fits, "%s: %s",
                     cases[i].name, l.text);
    }
}

Test(h1, trailers_and_the_line_of_a_chunk_have_the_same_ceiling)
{
    static const char *const before[] = {"1;", "0\r\nX: "};
    for (size_t i = 0; i < 2; i++) {
        char text[4096];
        snprintf(text, sizeof(text),
                 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%s%0*d\r\n", before[i], 2000,
                 1);
        struct log l = {0};
        run(&l, true, text, i, 1024);
        cr_expect_str_eq(l.text, " target=/ end=47\nfailed at 0", "%s", before[i]);
    }
}

static size_t feed(struct wsc_h1 *h, const char *text)
{
    size_t taken = 0;
    cr_expect_eq(wsc_h1_feed(h,
                             (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)},
                             &taken),
                 WSC_H1_MORE, "%s", text);
    return taken;
}

Test(h1, a_gap_inside_a_body_of_known_length_goes_on)
{
    /* Before, up to and beyond the body's end. */
    static const struct {
        uint64_t gap;
        bool goes_on;
    } gaps[] = {{1, true}, {999, true}, {1000, true}, {1001, false}};
    struct wsc_h1_shared shared;
    wsc_h1_shared_init(&shared, SIZE_MAX);
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        struct log l = {0};
        struct wsc_h1 *h = wsc_h1_new(&shared, true, 4096, 0, &ops, &l);
        feed(h, "POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
        cr_expect_eq(wsc_h1_gap(h, gaps[i].gap), gaps[i].goes_on, "gap of %d", (int)gaps[i].gap);
        if (gaps[i].gap == 1000) {
            feed(h, "GET /b HTTP/1.1\r\n\r\n");
            cr_expect_not_null(strstr(l.text, "target=/b end=1061"), "%s", l.text);
        }
        wsc_h1_free(h);
    }
    wsc_h1_shared_clear(&shared);
}

Test(h1, a_gap_in_a_head_or_a_chunked_body_fails)
{
    static const char *const starts[] = {
        "GET / HT", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"};
    struct wsc_h1_shared shared;
    wsc_h1_shared_init(&shared, SIZE_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct log l = {0};
        struct wsc_h1 *h = wsc_h1_new(&shared, true, 4096, 0, &ops, &l);
        size_t taken = 0;
        feed(h, starts[i]);
        cr_expect_not(wsc_h1_gap(h, 1), "%s", starts[i]);
        cr_expect_eq(
            wsc_h1_feed(h, (struct wsc_span){.ptr = (const uint8_t *)"x", .len = 1}, &taken),
            WSC_H1_FAILED);
        wsc_h1_free(h);
    }
    wsc_h1_shared_clear(&shared);
}

Test(h1, sniffing)
{
    static const struct {
        const char *text;
        bool request, response;
    } words[] = {{"GET / HTTP/1.1", true, false},
                 {"G", true, false},
                 {"GE", true, false},
                 {"GETX", false, false},
                 {"POST ", true, false},
                 {"HTTP/1.1 101", false, true},
                 {"HTTP/2", false, false},
                 {"H", true, true},
                 {"HT", false, true},
                 {"HE", true, false},
                 {"get /", false, false},
                 {"\x81\x05", false, false},
                 {"PRI * HTTP", false, false}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct wsc_span s = {.ptr = (const uint8_t *)words[i].text, .len = strlen(words[i].text)};
        cr_expect_eq(wsc_h1_looks_like_request(s), words[i].request, "request: %s", words[i].text);
        cr_expect_eq(wsc_h1_looks_like_response(s), words[i].response, "response: %s",
                     words[i].text);
    }
}

/* 64 clients that never end their heads, and one that does. */
Test(h1, heads_that_never_end_have_one_ceiling_for_all)
{
    enum { CLIENTS = 64, ROOM = 4096 };
    static const char half[] = "GET / HTTP/1.1\r\nX: 0123456789012345678901234567890123456789"
                               "01234567890123456789012345678901234567890123";
    struct wsc_h1_shared shared;
    wsc_h1_shared_init(&shared, ROOM);
    struct log l = {0};
    struct wsc_h1 *h[CLIENTS];
    size_t taken, more = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        h[i] = wsc_h1_new(&shared, true, 65536, 0, &ops, &l);
        more += wsc_h1_feed(h[i], (struct wsc_span){(const uint8_t *)half, sizeof(half) - 1},
                            &taken) == WSC_H1_MORE;
        cr_expect_leq(shared.held, ROOM);
    }
    cr_expect_eq(more, ROOM / (sizeof(half) - 1));
    struct wsc_h1 *whole = wsc_h1_new(&shared, true, 65536, 0, &ops, &l);
    feed(whole, "GET /whole HTTP/1.1\r\n\r\n");
    cr_expect_not_null(strstr(l.text, "target=/whole"), "a head that is whole needs no room");
    for (size_t i = 0; i < CLIENTS; i++)
        wsc_h1_free(h[i]);
    wsc_h1_free(whole);
    cr_expect_eq(shared.held, 0);
    wsc_h1_shared_clear(&shared);
}
