/* WebSockets over HTTP/2 of which a part passed before it was known what is spoken. */
#include "talk.h"

#include <criterion/criterion.h>

#define CLIENT(bytes) TALK(&t, WSC_DIR_C2S, bytes)
#define SERVER(bytes) TALK(&t, WSC_DIR_S2C, bytes)

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
/* HEADERS with literals (RFC 7541 6.2.2) that ask for a WebSocket; its answer, `:status` 200 (RFC
 * 7541 appendix A, entry 8). */
#define ASK                                                                                        \
    "\0\0\114\1\4\0\0\0\3"                                                                         \
    "\0\7:method\7CONNECT\0\11:protocol\11websocket\0\7:scheme\4http\0\5:path\2/x"                 \
    "\0\12:authority\1h"
#define YES "\0\0\1\1\4\0\0\0\3\210"

Test(h2_unseen, an_upgrade_whose_request_was_not_captured)
{
    /* What the server answered passed while the client's preface was behind the hole. */
    struct talk t;
    talk_begin(&t);
    talk_say(&t, WSC_DIR_C2S, WSC_TCP_SYN, "", 0);
    t.seq[WSC_DIR_C2S] += 141; /* the request */
    SERVER("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
           "\0\0\0\4\0\0\0\0\0");
    CLIENT(PREFACE);
    CLIENT(ASK);
    SERVER(YES);
    talk_say(&t, WSC_DIR_C2S, WSC_TCP_ACK | WSC_TCP_FIN, "", 0);
    talk_say(&t, WSC_DIR_S2C, WSC_TCP_ACK | WSC_TCP_FIN, "", 0);
    talk_end(&t);
    cr_assert_eq(t.records, 1);
    cr_expect_eq(t.outcome, WSC_OUTCOME_UNKNOWN, "%s", wsc_outcome_name(t.outcome));
    cr_expect_eq(t.ending, WSC_ENDING_GAP, "%s", wsc_ending_name(t.ending));
}
