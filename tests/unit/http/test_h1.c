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
    struct wsc_h1 *h = wsc_h1_new(requests, max_head, 0, &ops, l);
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
    {"a folded field", true, false, false, "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", NULL},
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
    int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: %0*d\r\n\r\n", 2000, 1);
    struct log fits = {0}, over = {0};
    run(&fits, true, text, (size_t)n, 4096);
    run(&over, true, text, 0, 1024);
    cr_expect_not_null(strstr(fits.text, "more at"));
    cr_expect_str_eq(over.text, "failed at 0");
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
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        struct log l = {0};
        struct wsc_h1 *h = wsc_h1_new(true, 4096, 0, &ops, &l);
        feed(h, "POST /a HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
        cr_expect_eq(wsc_h1_gap(h, gaps[i].gap), gaps[i].goes_on, "gap of %d", (int)gaps[i].gap);
        if (gaps[i].gap == 1000) {
            feed(h, "GET /b HTTP/1.1\r\n\r\n");
            cr_expect_not_null(strstr(l.text, "target=/b end=1061"), "%s", l.text);
        }
        wsc_h1_free(h);
    }
}

Test(h1, a_gap_in_a_head_or_a_chunked_body_fails)
{
    static const char *const starts[] = {
        "GET / HT", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"};
    for (size_t i = 0; i < 2; i++) {
        struct log l = {0};
        struct wsc_h1 *h = wsc_h1_new(true, 4096, 0, &ops, &l);
        size_t taken = 0;
        feed(h, starts[i]);
        cr_expect_not(wsc_h1_gap(h, 1), "%s", starts[i]);
        cr_expect_eq(
            wsc_h1_feed(h, (struct wsc_span){.ptr = (const uint8_t *)"x", .len = 1}, &taken),
            WSC_H1_FAILED);
        wsc_h1_free(h);
    }
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
