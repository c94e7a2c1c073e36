#include <wsclose/codes.h>

#include "codes/text_match.h"

#include <criterion/criterion.h>

#include <string.h>

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

Test(reasons, software_is_told_by_code_and_text)
{
    static const struct {
        int code;
        const char *reason, *software; /* NULL: nobody known */
    } rows[] = {
        {1011, "keepalive ping timeout", "Python websockets"},
        {1001, "keepalive ping timeout", NULL},
        {1011, "Keepalive ping timeout", NULL},
        {1011, "keepalive ping timeout ", NULL},
        {1011, "", NULL},
        {1009, "read limited at 32769 bytes", "coder/websocket, nhooyr (Go)"},
        {1009, "read limited at bytes", NULL},
        {1009, "read limited at N bytes", NULL},
        {1009, "Max frame length of 65536 has been exceeded.",
         "Netty (Vert.x, Ktor, Play, AWS-hosted exchanges)"},
        {1009, "over size limit (2097152 > 1048576 bytes)", "Python websockets"},
        {1009, "frame with 2097152 bytes exceeds limit of 1048576 bytes", "Python websockets"},
        {1001, "The WebSocket session [1a] idle timeout expired", NULL},
        {1001, "The WebSocket session [4] idle timeout expired", "Tomcat (also Spring Boot)"},
        {1009,
         "The message was [8,193] bytes long but the MessageHandler has a limit of [8,192] "
         "bytes",
         "Tomcat (also Spring Boot)"},
        {1002, "RSV1 set, bad opcode 3", "gorilla/websocket (Go)"},
        {1000, "Idle for 60001ms > 60000ms", "testbed-runtime (old Jetty 8)"},
        {1002, "received invalid close payload: x", "coder/websocket, nhooyr (Go)"},
        {3001, "{\"reason\":\"shutdown\",\"reconnect\":true}", "Centrifugo (protocol v1)"},
        {3008, "slow", "Centrifugo"},
        {3000, "Go away!", "SockJS"},
        {1001, "CloudFlare WebSocket proxy restarting", "Cloudflare edge"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wsc_reason_hint *hint[4] = {0};
        size_t n = wsc_reason_find(rows[i].code, span(rows[i].reason), hint, 4);
        cr_expect_eq(n, rows[i].software != NULL, "%s: %zu", rows[i].reason, n);
        if (n == 0 || rows[i].software == NULL)
            continue;
        cr_expect_str_eq(hint[0]->software, rows[i].software, "%s: %s", rows[i].reason,
                         hint[0]->software);
        cr_expect(hint[0]->situation[0] != '\0' && hint[0]->source[0] != '\0', "%s",
                  rows[i].reason);
    }
}

Test(reasons, room_for_fewer_than_there_are)
{
    const struct wsc_reason_hint *hint[1] = {0};
    cr_expect_gt(wsc_reason_senders(1001, hint, 1), 5);
    cr_expect_not_null(hint[0]);
    cr_expect_eq(wsc_reason_senders(1001, NULL, 0), wsc_reason_senders(1001, hint, 1));
    cr_expect_eq(wsc_reason_find(1011, span("keepalive ping timeout"), NULL, 0), 1);
    cr_expect_eq(wsc_reason_senders(2000, hint, 1), 1, "the range of one service");
}

Test(reasons, patterns)
{
    static const struct {
        const char *patterns, *text;
        bool match;
    } rows[] = {
        {"a # b", "a 1 b", true},   {"a # b", "a 12,345.6 b", true},
        {"a # b", "a 1, b", false}, {"a # b", "a  b", false},
        {"a #.", "a 12.", true},    {"a #", "a 12.", false},
        {"a...", "a", true},        {"a...", "abc", true},
        {"a...", "ba", false},      {"...c", "abcabc", true},
        {"...c", "abcabd", false},  {"a...#", "a7b7", true},
        {"a...#", "a7b", false},    {"a...b...c", "a b bc bcc", true},
        {"x | y", "y", true},       {"x | y", "x | y", false},
        {"x | y", " y", false},     {"", "", false},
        {"", "a", false},           {"...", "", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(wsc_text_match(rows[i].patterns, span(rows[i].text)), rows[i].match, "%s / %s",
                     rows[i].patterns, rows[i].text);
}

/* RFC 6455 5.5: 125 bytes of control payload, 2 of them the code. */
Test(reasons, a_text_cut_by_the_frame_is_recognised)
{
    char full[161], text[161];
    for (size_t i = 0; i < 160; i++)
        full[i] = (char)('a' + i % 26);
    full[160] = '\0';
    for (size_t len = 1; len < 160; len++) {
        memcpy(text, full, len);
        text[len] = '\0';
        cr_expect_eq(wsc_text_match(full, span(text)), len >= 120, "%zu bytes", len);
    }
    memcpy(text, full, 120);
    strcpy(text + 120, "...");
    cr_expect(wsc_text_match(full, span(text)), "with dots");
    strcpy(text + 120, "\xe2\x80\xa6");
    cr_expect(wsc_text_match(full, span(text)), "with an ellipsis");
    text[0] = 'X';
    cr_expect_not(wsc_text_match(full, span(text)), "another beginning");
    full[0] = 'X';
    cr_expect_not(wsc_text_match("...data0000...", span(full)), "any text is not a cut text");
}
