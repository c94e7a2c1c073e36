#include "http/ws_subprotocol.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char *names_of(const char *field, char out[WSC_WS_SUBPROTOCOL_MAX + 1])
{
    uint8_t room[WSC_WS_SUBPROTOCOL_MAX];
    struct wsc_span s = {.ptr = (const uint8_t *)field, .len = strlen(field)};
    s = wsc_ws_subprotocol_names(s, room);
    cr_assert_leq(s.len, WSC_WS_SUBPROTOCOL_MAX);
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return out;
}

/* The IANA registry of subprotocol names, and what products use besides. */
static const char *const names[] = {
    "MBWS.huawei.com",
    "MBLWS.huawei.com",
    "soap",
    "wamp",
    "v10.stomp",
    "v11.stomp",
    "v12.stomp",
    "ocpp1.2",
    "ocpp1.5",
    "ocpp1.6",
    "ocpp2.0.1",
    "ocpp2.1",
    "rfb",
    "sip",
    "notificationchannel-netapi-rest.openmobilealliance.org",
    "wpcp",
    "amqp",
    "mqtt",
    "jsflow",
    "rwpcp",
    "xmpp",
    "ship",
    "mielecloudconnect",
    "v10.pcp.sap.com",
    "msrp",
    "v1.saltyrtc.org",
    "TLCP-2.0.0.lightstreamer.com",
    "bfcp",
    "sldp.softvelum.com",
    "opcua+uacp",
    "opcua+uajson",
    "v1.swindon-lattice+json",
    "v1.usp",
    "coap",
    "webrtc.softvelum.com",
    "cobra.v2.json",
    "drp",
    "hub.bsc.bacnet.org",
    "dc.bsc.bacnet.org",
    "jmap",
    "t140",
    "done",
    "TLCP-2.1.0.lightstreamer.com",
    "collection-update",
    "text.ircv3.net",
    "binary.ircv3.net",
    "v3.penguin-stats.live+proto",
    "wamp.2.json",
    "wamp.2.msgpack.batched",
    "graphql-ws",
    "graphql-transport-ws",
    "actioncable-v1-json",
    "actioncable-unsupported",
    "base64.channel.k8s.io",
    "v5.channel.k8s.io",
    "json.webpubsub.azure.v1",
    "json.reliable.webpubsub.azure.v1",
    "aws-appsync-event-ws",
    "subscriptionsTransportWs",
    "centrifuge-json",
    "realtime",
    "token",
    "bearer",
    "binary, base64",
    "com.example.RealTimeMessageProtocol",
    "x-auth",
    "",
};

Test(subprotocol, names_are_kept)
{
    char out[WSC_WS_SUBPROTOCOL_MAX + 1];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_expect_str_eq(names_of(names[i], out), names[i]);
}

Test(subprotocol, secrets_are_not)
{
    static const struct {
        const char *field, *kept;
    } rows[] = {
        {"base64url.bearer.authorization.k8s.io.bXktdG9rZW4", "base64url.bearer.*"},
        {"token, 0a1b2c3d", "token, *"},
        {"access_token.hunter2", "access_token.*"},
        {"Bearer hunter2", "Bearer *"},
        {"X-Token-hunter2", "X-Token-*"},
        {"openai-insecure-api-key.sk-proj-abc", "openai-insecure-api-key.*"},
        {"graphql-ws, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "graphql-ws, *"},
        {"v1.9f86d081884c7d659a2feaa0c55ad015", "v1.*"},
        {"550e8400-e29b-41d4-a716-446655440000", "*"},
        {"chat.Zm9vYmFyYmF6cXV4Zm9v.v2", "chat.*.v2"},
        {"chat.abcdefghijklmnopqrstuvwxyzab", "chat.*"},
    };
    char out[WSC_WS_SUBPROTOCOL_MAX + 1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_str_eq(names_of(rows[i].field, out), rows[i].kept, "%s: %s", rows[i].field, out);
}

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Without a word that announces them: what the rule for random parts promises. */
Test(subprotocol, random_tokens)
{
    static const struct {
        const char *what, *letters;
        size_t len, missed; /* of 10000; at most */
    } kinds[] = {
        {"hex of 128 bits", "0123456789abcdef", 32, 0},
        {"base32 of 128 bits", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 26, 0},
        {"base64url of 128 bits",
         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 22, 50},
        {"base64url of 256 bits",
         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 43, 0},
        {"base62 of 20", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 20, 50},
    };
    uint64_t state = 1;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        size_t missed = 0;
        for (size_t n = 0; n < 10000; n++) {
            char field[80] = "chat.v1.", out[WSC_WS_SUBPROTOCOL_MAX + 1];
            size_t at = strlen(field);
            for (size_t i = 0; i < kinds[k].len; i++)
                field[at + i] = kinds[k].letters[next(&state) % strlen(kinds[k].letters)];
            missed += strlen(names_of(field, out)) > at + 4;
        }
        cr_expect_leq(missed, kinds[k].missed, "%s: %zu of 10000 were kept", kinds[k].what, missed);
    }
}

Test(subprotocol, what_is_too_long_is_cut)
{
    char field[1024] = "", out[WSC_WS_SUBPROTOCOL_MAX + 1];
    for (size_t n = 0; n + 8 < sizeof(field); n += 6)
        strcat(field, "name. ");
    (void)names_of(field, out);
    cr_expect_leq(strlen(out), WSC_WS_SUBPROTOCOL_MAX);
    cr_expect_eq(out[strlen(out) - 1], '*');
}
