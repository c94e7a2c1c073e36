#include "ws/ws_goodbye.h"

#include "support/event_log.h"
#include "ws/ws_decoder.h"

#include <criterion/criterion.h>

#include <string.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

Test(ws_goodbye, what_is_spoken_by_the_handshake)
{
    static const struct {
        const char *subprotocol, *path;
        enum wsc_ws_app app;
    } rows[] = {
        {"graphql-transport-ws", "/graphql", WSC_APP_GRAPHQL},
        {"graphql-ws", "/", WSC_APP_GRAPHQL},
        {"actioncable-v1-json", "/cable", WSC_APP_ACTION_CABLE},
        {"mqtt", "/mqtt", WSC_APP_MQTT},
        {"wamp.2.json", "/ws", WSC_APP_WAMP},
        {"wamp.2.msgpack", "/ws", WSC_APP_OTHER}, /* its messages are not text we read */
        {"v12.stomp", "/ws", WSC_APP_STOMP},
        {"v13.stomp", "/ws", WSC_APP_OTHER},
        {"MQTT", "/", WSC_APP_OTHER}, /* subprotocol names are case-sensitive (RFC 6455 11.5) */
        {NULL, "/socket.io/", WSC_APP_ENGINE_IO},
        {NULL, "/chat/engine.io/", WSC_APP_ENGINE_IO},
        {"chat", "/socket.io/", WSC_APP_OTHER},
        {NULL, "/socket.iox", WSC_APP_UNDECIDED},
        {NULL, NULL, WSC_APP_UNDECIDED},
        {"", "/", WSC_APP_UNDECIDED},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        cr_expect_eq(wsc_ws_app_of(span(rows[i].subprotocol), span(rows[i].path)), rows[i].app,
                     "row %zu", i);
    cr_expect(wsc_ws_app_is_signalr(span("{\"protocol\":\"json\",\"version\":1}\x1e")));
    cr_expect_not(wsc_ws_app_is_signalr(span("{\"protocol\":\"json\",\"version\":1}")));
    cr_expect_not(wsc_ws_app_is_signalr((struct wsc_span){0}));
}

/* Messages as the protocols' own specifications write them. */
Test(ws_goodbye, messages)
{
    static const struct {
        enum wsc_ws_app app;
        const char *payload;
        size_t len; /* 0: strlen */
        enum wsc_ws_goodbye g;
        const char *text;
    } rows[] = {
        {WSC_APP_ENGINE_IO, "1", 0, WSC_GOODBYE_ENGINE_IO_CLOSE, "Engine.IO close packet (1)"},
        {WSC_APP_ENGINE_IO, "10", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_ENGINE_IO, "41", 0, WSC_GOODBYE_SOCKET_IO_DISCONNECT,
         "Socket.IO disconnect packet (41)"},
        {WSC_APP_ENGINE_IO, "42[\"1\"]", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_SIGNALR, "{\"type\":7,\"error\":\"x\"}\x1e", 0, WSC_GOODBYE_SIGNALR_CLOSE,
         "SignalR Close message (type 7)"},
        {WSC_APP_SIGNALR, "{\"type\":7}\x1e", 0, WSC_GOODBYE_SIGNALR_CLOSE,
         "SignalR Close message (type 7)"},
        {WSC_APP_SIGNALR, "{\"type\":71}\x1e", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_SIGNALR, "{\"type\":6}\x1e", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_ACTION_CABLE, "{\"type\":\"disconnect\",\"reason\":\"server_restart\"}", 0,
         WSC_GOODBYE_ACTION_CABLE_DISCONNECT, "ActionCable disconnect message, server_restart"},
        {WSC_APP_ACTION_CABLE, "{\"type\":\"disconnect\",\"reason\":\"else\"}", 0,
         WSC_GOODBYE_ACTION_CABLE_DISCONNECT, "ActionCable disconnect message"},
        {WSC_APP_ACTION_CABLE, "{\"type\":\"ping\",\"message\":1}", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_GRAPHQL, "{\"id\":\"7\",\"type\":\"complete\"}", 0, WSC_GOODBYE_GRAPHQL_COMPLETE,
         "GraphQL complete message"},
        {WSC_APP_GRAPHQL, "{\"type\":\"next\",\"id\":\"7\",\"payload\":{\"type\":\"error\"}}", 0,
         WSC_GOODBYE_NONE, ""},
        {WSC_APP_GRAPHQL, "{\"type\":\"connection_terminate\"}", 0, WSC_GOODBYE_GRAPHQL_TERMINATE,
         "GraphQL connection_terminate message"},
        {WSC_APP_MQTT, "\xe0\x00", 2, WSC_GOODBYE_MQTT_DISCONNECT,
         "MQTT DISCONNECT packet, Normal disconnection"},
        {WSC_APP_MQTT, "\xe0\x01\x8d", 3, WSC_GOODBYE_MQTT_DISCONNECT,
         "MQTT DISCONNECT packet, Keep Alive timeout"},
        {WSC_APP_MQTT, "\xe0\x01\x77", 3, WSC_GOODBYE_MQTT_DISCONNECT, "MQTT DISCONNECT packet"},
        {WSC_APP_MQTT, "\xe0\x01", 2, WSC_GOODBYE_NONE, ""},
        {WSC_APP_MQTT, "\xe0", 1, WSC_GOODBYE_NONE, ""},
        {WSC_APP_MQTT, "\xc0\x00", 2, WSC_GOODBYE_NONE, ""},
        {WSC_APP_WAMP, "[6,{},\"wamp.close.normal\"]", 0, WSC_GOODBYE_WAMP_GOODBYE,
         "WAMP GOODBYE message (6)"},
        {WSC_APP_WAMP, "[3,{},\"wamp.error.no_such_realm\"]", 0, WSC_GOODBYE_WAMP_ABORT,
         "WAMP ABORT message (3)"},
        {WSC_APP_WAMP, "[68,1,{}]", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_STOMP, "ERROR\nmessage:x\n\n", 0, WSC_GOODBYE_STOMP_ERROR, "STOMP ERROR frame"},
        {WSC_APP_STOMP, "DISCONNECT\r\nreceipt:1\r\n", 0, WSC_GOODBYE_STOMP_DISCONNECT,
         "STOMP DISCONNECT frame"},
        {WSC_APP_STOMP, "MESSAGE\n\nERROR\n", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_OTHER, "1", 0, WSC_GOODBYE_NONE, ""},
        {WSC_APP_STOMP, NULL, 0, WSC_GOODBYE_NONE, ""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct wsc_span s = span(rows[i].payload);
        if (rows[i].len != 0)
            s.len = rows[i].len;
        uint8_t code;
        enum wsc_ws_goodbye g = wsc_ws_goodbye_of(rows[i].app, s, &code);
        char text[WSC_GOODBYE_TEXT];
        wsc_ws_goodbye_text(g, code, text);
        cr_expect_eq(g, rows[i].g, "row %zu: %d", i, g);
        cr_expect_str_eq(text, rows[i].text, "row %zu", i);
    }
}

/* The decoder hands over the leading bytes of messages, and only of those that can be read. */
static const uint8_t stream[] = {
    0x81, 0x83, 1,   2,    3,    4,   'a' ^ 1, 'b' ^ 2, 'c' ^ 3, /* text, masked */
    0x02, 0x01, 'd', 0x80, 0x01, 'e',                            /* binary in two frames */
    0x82, 0x00,                                                  /* empty */
    0xc1, 0x01, 'f',                                             /* compressed */
    0x89, 0x01, 'p',                                             /* ping */
};
static const char peeks[] = "peek 0 616263\npeek 9 64\npeek 15 -\n";

static void keep_peeks(const char *log, char *out)
{
    out[0] = '\0';
    for (const char *p = strstr(log, "peek"); p != NULL; p = strstr(p + 1, "peek"))
        strncat(out, p, (size_t)(strchr(p, '\n') + 1 - p));
}

static void check_split(size_t a, size_t b, bool wanted)
{
    struct wsc_event_log log;
    struct wsc_ws_decoder d;
    wsc_event_log_init(&log);
    wsc_ws_decoder_init(&d, WSC_DIR_C2S, WSC_WS_EXT_DEFLATE, 0);
    wsc_ws_decoder_peek(&d, wanted);
    const size_t cuts[] = {0, a, b, sizeof(stream)};
    for (size_t i = 0; i < 3; i++)
        wsc_ws_decoder_feed(
            &d, (struct wsc_span){.ptr = stream + cuts[i], .len = cuts[i + 1] - cuts[i]},
            &wsc_event_log_ws, &log);
    char seen[512];
    keep_peeks(log.text, seen);
    cr_expect_str_eq(seen, wanted ? peeks : "", "split at %zu and %zu", a, b);
    cr_expect_eq(log.lent, 0u);
    wsc_event_log_clear(&log);
}

Test(ws_goodbye, the_decoder_peeks_whole_and_split)
{
    for (size_t a = 0; a <= sizeof(stream); a++)
        for (size_t b = a; b <= sizeof(stream); b++)
            check_split(a, b, true);
    check_split(0, 0, false);
}
