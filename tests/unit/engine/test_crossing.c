/* Closes that crossed, where the capture has them out of order. */
#include "talk.h"

#include <criterion/criterion.h>

#define REQUEST                                                                                    \
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define ANSWER                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
#define CLIENT_CLOSE "\x88\x82\0\0\0\0\x03\xe8"
#define SERVER_CLOSE "\x88\x02\x03\xe9"
#define CLOSE_LEN    (sizeof(SERVER_CLOSE) - 1)
#define MESSAGE      "\x81\x81\0\0\0\0a"

/* Says |bytes| of the client again |back| bytes behind, acknowledging the server's Close or not. */
static void say_again(struct talk *t, uint32_t back, bool had_close, const char *bytes, size_t len)
{
    const uint32_t seq[2] = {t->seq[0], t->seq[1]};
    t->seq[WSC_DIR_C2S] -= back;
    t->seq[WSC_DIR_S2C] -= had_close ? 0 : (uint32_t)CLOSE_LEN;
    talk_say(t, WSC_DIR_C2S, WSC_TCP_ACK, bytes, len);
    t->seq[WSC_DIR_C2S] = seq[0];
    t->seq[WSC_DIR_S2C] = seq[1];
}

/* The client's Close was sent before it could have the server's if any of its copies says so. */
Test(crossing, a_close_and_its_first_sending_in_the_wrong_order)
{
    static const struct {
        const char *name, *again;
        size_t len;
        bool had_close;
        enum wsc_side by;
    } rows[] = {
        {"as it was", CLIENT_CLOSE, sizeof(CLIENT_CLOSE) - 1, true, WSC_SIDE_SERVER},
        {"first sent without", CLIENT_CLOSE, sizeof(CLIENT_CLOSE) - 1, false, WSC_SIDE_BOTH},
        {"with what came before it", MESSAGE CLIENT_CLOSE, sizeof(MESSAGE CLIENT_CLOSE) - 1, false,
         WSC_SIDE_BOTH},
        {"only what came before it", MESSAGE, sizeof(MESSAGE) - 1, false, WSC_SIDE_SERVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct talk t;
        talk_begin(&t);
        talk_say(&t, WSC_DIR_C2S, WSC_TCP_SYN, "", 0);
        talk_say(&t, WSC_DIR_S2C, WSC_TCP_SYN | WSC_TCP_ACK, "", 0);
        TALK(&t, WSC_DIR_C2S, REQUEST);
        TALK(&t, WSC_DIR_S2C, ANSWER);
        TALK(&t, WSC_DIR_C2S, MESSAGE);
        TALK(&t, WSC_DIR_S2C, SERVER_CLOSE);
        TALK(&t, WSC_DIR_C2S, CLIENT_CLOSE);
        bool close = rows[i].again[0] != '\x81' || rows[i].len > sizeof(MESSAGE);
        uint32_t back = (uint32_t)(close ? rows[i].len : rows[i].len + sizeof(CLIENT_CLOSE) - 1);
        say_again(&t, back, rows[i].had_close, rows[i].again, rows[i].len);
        talk_end(&t);
        cr_expect_eq(t.records, 1, "%s: %zu records", rows[i].name, t.records);
        cr_expect_eq(t.by, rows[i].by, "%s: %d", rows[i].name, t.by);
    }
}
