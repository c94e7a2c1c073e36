#include <wsclose/codes.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = text != NULL ? strlen(text) : 0};
}

Test(app_codes, scope_is_told_by_subprotocol_then_host_then_reason)
{
    static const struct {
        const char *label;
        int code;
        const char *subprotocol, *host, *reason; /* NULL: not known */
        const char *scope, *name;                /* NULL: nothing is found */
    } rows[] = {
        {"subprotocol", 4401, "graphql-transport-ws", NULL, NULL, "graphql-transport-ws",
         "Unauthorized"},
        {"subprotocol over host", 4401, "graphql-transport-ws", "gateway.discord.gg", NULL,
         "graphql-transport-ws", "Unauthorized"},
        {"a known subprotocol never falls through to the host", 4001, "graphql-transport-ws",
         "gateway.discord.gg", NULL, NULL, NULL},
        {"nor to the reason", 3001, "graphql-transport-ws", NULL, "shutdown", NULL, NULL},
        {"a subprotocol without codes of its own is known too", 4001, "mqtt", "gateway.discord.gg",
         NULL, NULL, NULL},
        {"an unknown subprotocol says nothing", 4004, "chat", "gateway.discord.gg", NULL,
         "Discord Gateway", "Authentication failed"},
        {"an empty subprotocol says nothing", 4004, "", "gateway.discord.gg", NULL,
         "Discord Gateway", "Authentication failed"},
        {"subprotocols are case-sensitive", 4401, "GraphQL-Transport-WS", NULL, NULL, NULL, NULL},
        {"nothing known", 4401, NULL, NULL, NULL, NULL, NULL},
        {"a common text names no scope", 4401, NULL, NULL, "Unauthorized", NULL, NULL},
        {"gateway", 4014, NULL, "gateway-us-east1-b.discord.gg", NULL, "Discord Gateway",
         "Disallowed intent(s)"},
        {"voice", 4014, NULL, "us-west42.discord.media:443", NULL, "Discord Voice", "Disconnected"},
        {"the host of a known service does not fall through to the reason", 3001, NULL,
         "gateway.discord.gg", "shutdown", NULL, NULL},
        {"host in capitals, with a port and the root's dot", 4003, NULL,
         "EVENTSUB.WSS.Twitch.TV.:443", NULL, "Twitch EventSub", "Connection unused"},
        {"the name itself", 4004, NULL, "discord.gg", NULL, "Discord Gateway",
         "Authentication failed"},
        {"a label is whole", 4004, NULL, "notdiscord.gg", NULL, NULL, NULL},
        {"the end counts, not the middle", 4004, NULL, "discord.gg.example.com", NULL, NULL, NULL},
        {"a port is no name", 4004, NULL, "x:discord.gg", NULL, NULL, NULL},
        {"any one label", 1009, NULL, "ab12.execute-api.eu-west-1.amazonaws.com", NULL,
         "AWS API Gateway", "Message too big"},
        {"exactly one label", 1009, NULL, "ab12.execute-api.amazonaws.com", NULL, NULL, NULL},
        {"not none", 1009, NULL, "execute-api..amazonaws.com", NULL, NULL, NULL},
        {"by reason", 3001, NULL, NULL, "shutdown", "Centrifugo", "shutdown"},
        {"by reason, of that code only", 3012, NULL, NULL, "shutdown", NULL, NULL},
        {"by reason, unknown host", 4500, NULL, "app.example:8080",
         "Failed to send message within the configured send limit", "Spring WebSocket",
         "Session not reliable"},
        {"4406 is sent where no subprotocol was chosen", 4406, NULL, NULL,
         "Subprotocol not acceptable", "graphql-transport-ws", "Subprotocol not acceptable"},
        {"text between", 4409, NULL, NULL, "Subscriber for 17 already exists",
         "graphql-transport-ws", "Subscriber already exists"},
        {"a code before its range", 4201, NULL, "ws-eu.pusher.com", NULL, "Pusher",
         "Pong reply not received"},
        {"the range for the rest", 4250, NULL, "ws-eu.pusherapp.com", NULL, "Pusher",
         "reconnect now"},
        {"between the ranges", 4301, NULL, "ws-eu.pusher.com", NULL, NULL, NULL},
        {"old and new graphql are two scopes", 4401, "graphql-ws", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wsc_app_code *c = wsc_app_code_find(rows[i].code, span(rows[i].subprotocol),
                                                         span(rows[i].host), span(rows[i].reason));
        cr_expect_eq(c == NULL, rows[i].scope == NULL, "%s: %s", rows[i].label,
                     c != NULL ? c->scope : "nothing");
        if (c == NULL || rows[i].scope == NULL)
            continue;
        cr_expect_str_eq(c->scope, rows[i].scope, "%s: %s", rows[i].label, c->scope);
        cr_expect_str_eq(c->name, rows[i].name, "%s: %s", rows[i].label, c->name);
    }
}

Test(app_codes, one_code_of_one_scope_is_told_apart_by_its_reason)
{
    static const struct {
        const char *reason, *name;
    } rows[] = {
        {"The operation was aborted", "Aborted"},
        {"Connection aborted because the client failed to close the connection after receiving a "
         "GoAway signal once the session duration expired",
         "Session duration expired"},
        /* The same as a Close can hold it: cut at 123 bytes. */
        {"Connection aborted because the client failed to close the connection after receiving a "
         "GoAway signal once the session durat",
         "Session duration expired"},
        {"quota", NULL},
        {"", NULL},
    };
    struct wsc_span host = span("generativelanguage.googleapis.com");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wsc_app_code *c =
            wsc_app_code_find(1008, span(NULL), host, span(rows[i].reason));
        cr_expect_eq(c == NULL, rows[i].name == NULL, "%s", rows[i].reason);
        if (c != NULL && rows[i].name != NULL)
            cr_expect_str_eq(c->name, rows[i].name, "%s: %s", rows[i].reason, c->name);
    }
    /* The general one of the two does not name the scope by itself. */
    cr_expect_null(wsc_app_code_find(1008, span(NULL), span(NULL), span(rows[0].reason)));
    cr_expect_not_null(wsc_app_code_find(1008, span(NULL), span(NULL), span(rows[1].reason)));
}

/* One way into each scope, and codes that others define and it does not. */
Test(app_codes, no_scope_answers_for_another)
{
    static const struct {
        const char *subprotocol, *host, *scope;
    } ways[] = {
        {"graphql-transport-ws", NULL, "graphql-transport-ws"},
        {"graphql-ws", NULL, "subscriptions-transport-ws"},
        {"centrifuge-json", NULL, "Centrifugo"},
        {"centrifuge-protobuf", NULL, "Centrifugo"},
        {"phoenix", NULL, "Phoenix channels"},
        {"v4.channel.k8s.io", NULL, "Kubernetes exec"},
        {"v5.channel.k8s.io", NULL, "Kubernetes exec"},
        {"v12.stomp", NULL, "STOMP"},
        {"mqtt", NULL, "MQTT"},
        {"wamp.2.json", NULL, "WAMP"},
        {"ocpp1.6", NULL, "OCPP-J"},
        {"actioncable-v1-json", NULL, "ActionCable"},
        {NULL, "gateway.discord.gg", "Discord Gateway"},
        {NULL, "x.discord.media", "Discord Voice"},
        {NULL, "eventsub.wss.twitch.tv", "Twitch EventSub"},
        {NULL, "ws.pusher.com", "Pusher"},
        {NULL, "ws.pusherapp.com", "Pusher"},
        {NULL, "live.pandascore.co", "PandaScore"},
        {NULL, "mainnet.helius-rpc.com", "Helius (Solana RPC)"},
        {NULL, "a.execute-api.us-east-1.amazonaws.com", "AWS API Gateway"},
        {NULL, "api.openai.com", "OpenAI Realtime"},
        {NULL, "generativelanguage.googleapis.com", "Gemini Live"},
        {NULL, "api.deepgram.com", "Deepgram"},
        {NULL, "api.assemblyai.com", "AssemblyAI Realtime v2"},
        {NULL, "rms.metered.ca", "Metered Realtime"},
        {NULL, "api.quickscreentrading.com", "QST trading"},
        {NULL, "ws-feed.exchange.coinbase.com", "Coinbase Exchange"},
        {NULL, "stream.binance.com:9443", "Binance"},
    };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        for (int code = 999; code <= 5000; code++) {
            const struct wsc_app_code *c = wsc_app_code_find(code, span(ways[i].subprotocol),
                                                             span(ways[i].host), span("Go away!"));
            if (c == NULL)
                continue;
            cr_assert_str_eq(c->scope, ways[i].scope, "%d under %s is of %s", code, ways[i].scope,
                             c->scope);
            cr_assert(code >= c->first && code <= c->last, "%d under %s", code, ways[i].scope);
        }
    }
}

Test(app_codes, candidates_are_all_scopes_that_define_the_code)
{
    const struct wsc_app_code *found[64];
    size_t n = wsc_app_code_candidates(4001, found, 64);
    cr_assert_gt(n, 5);
    cr_assert_leq(n, 64);
    for (size_t i = 0; i < n; i++)
        cr_expect(found[i]->first <= 4001 && 4001 <= found[i]->last, "%s", found[i]->scope);
    /* Centrifugo has a row for 3008 and one for all of 3000-3499. */
    cr_assert_eq(wsc_app_code_candidates(3008, found, 64), 1);
    cr_expect_str_eq(found[0]->name, "slow");
    cr_assert_eq(wsc_app_code_candidates(3100, found, 64), 1);
    cr_expect_eq(found[0]->last, 3499);
    cr_expect_eq(wsc_app_code_candidates(4001, found, 1), n, "counts beyond the room");
    cr_expect_eq(wsc_app_code_candidates(4001, NULL, 0), n);
    cr_expect_eq(wsc_app_code_candidates(0, found, 64), 0);
}

Test(app_codes, every_row_of_the_table_can_be_used)
{
    for (int code = 0; code <= 65535; code++) {
        const struct wsc_app_code *found[64];
        size_t n = wsc_app_code_candidates(code, found, 64);
        cr_assert_leq(n, 64);
        for (size_t i = 0; i < n; i++) {
            cr_assert(found[i]->scope[0] != '\0' && found[i]->name[0] != '\0', "%d", code);
            cr_assert(found[i]->meaning[0] != '\0' && found[i]->source[0] != '\0', "%d", code);
        }
    }
}

/* Blocks of exactly the length asked for, so that a read past the end is seen. */
Test(app_codes, hostile_spans_of_any_length)
{
    static const uint8_t fill[] = {0, '.', ':', 'm', '#', 0xff, ' ', '|', '9'};
    for (size_t len = 0; len <= 300; len++) {
        for (size_t f = 0; f < sizeof(fill); f++) {
            uint8_t *block = malloc(len + 1);
            memset(block, fill[f], len);
            uint8_t *exact = realloc(block, len > 0 ? len : 1);
            struct wsc_span s = {.ptr = exact, .len = len};
            const struct wsc_reason_hint *hints[4];
            cr_expect_null(wsc_app_code_find(4001, s, s, s), "%zu of %#x", len, fill[f]);
            cr_expect_eq(wsc_reason_find(1002, s, hints, 4), 0, "%zu of %#x", len, fill[f]);
            free(exact);
        }
    }
}
