/* Where a WebSocket's request begins. */
#include "talk.h"

#include <criterion/criterion.h>

#include <string.h>

#define REQUEST                                                                                    \
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

/* RFC 9112 2.2: a server ignores empty lines before a request. */
Test(request, empty_lines_before_it)
{
    static const struct {
        const char *name, *first, *second;
    } rows[] = {
        {"none", "", REQUEST},
        {"one, with the request", "", "\r\n" REQUEST},
        {"two, with the request", "", "\r\n\r\n" REQUEST},
        {"one, of a line feed", "", "\n" REQUEST},
        {"one, in a packet of its own", "\r\n", REQUEST},
        {"half of one in a packet of its own", "\r", "\n" REQUEST},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct talk t;
        talk_begin(&t);
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_SYN, "", 0);
        talk_say(&t, WSC_DIR_S2C, WSC_TCP_SYN | WSC_TCP_ACK, "", 0);
        if (rows[i].first[0] != '\0')
            talk_say(&t, WSC_DIR_C2S, WSC_TCP_ACK, rows[i].first, strlen(rows[i].first));
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_ACK, rows[i].second, strlen(rows[i].second));
        TALK(&t, WSC_DIR_S2C, ANSWER);
        TALK(&t, WSC_DIR_S2C, "\x88\x02\x03\xe9");
        talk_end(&t);
        cr_expect_eq(t.records, 1, "%s: %zu records", rows[i].name, t.records);
        cr_expect_eq(t.code, 1001, "%s: %d", rows[i].name, t.code);
        cr_expect_eq(t.by, WSC_SIDE_SERVER, "%s", rows[i].name);
    }
}

/* TLS may tell the first byte of a request, alone in a record, before the answer and the rest
 * behind it. */
Test(request, its_rest_behind_the_answer)
{
    static const struct {
        const char *name;
        size_t first;
    } rows[] = {{"a byte", 1}, {"a line", 16}, {"all but a byte", sizeof(REQUEST) - 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const size_t first = rows[i].first;
        struct talk t;
        talk_begin(&t);
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_SYN, "", 0);
        talk_say(&t, WSC_DIR_S2C, WSC_TCP_SYN | WSC_TCP_ACK, "", 0);
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_ACK, REQUEST, first);
        TALK(&t, WSC_DIR_S2C, ANSWER);
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_ACK, REQUEST + first, sizeof(REQUEST) - 1 - first);
        TALK(&t, WSC_DIR_C2S, "\x88\x82\0\0\0\0\x03\xe9");
        talk_end(&t);
        cr_expect_eq(t.records, 1, "%s: %zu records", rows[i].name, t.records);
        cr_expect_eq(t.code, 1001, "%s: %d", rows[i].name, t.code);
        cr_expect_eq(t.by, WSC_SIDE_CLIENT, "%s: by %d", rows[i].name, (int)t.by);
    }
}
