#include "ws/ws_goodbye.h"

#include <stdio.h>
#include <string.h>

static bool begins(struct wsc_span s, const char *with)
{
    size_t n = strlen(with);
    return s.ptr != NULL && s.len >= n && memcmp(s.ptr, with, n) == 0;
}

static bool is(struct wsc_span s, const char *word)
{
    return s.len == strlen(word) && begins(s, word);
}

static bool has(struct wsc_span s, const char *text)
{
    return s.ptr != NULL && memmem(s.ptr, s.len, text, strlen(text)) != NULL;
}

enum wsc_ws_app wsc_ws_app_of(struct wsc_span subprotocol, struct wsc_span path)
{
    static const struct {
        const char *name;
        enum wsc_ws_app app;
    } names[] = {{"actioncable-v1-json", WSC_APP_ACTION_CABLE},
                 {"graphql-transport-ws", WSC_APP_GRAPHQL},
                 {"graphql-ws", WSC_APP_GRAPHQL},
                 {"mqtt", WSC_APP_MQTT},
                 {"mqttv3.1", WSC_APP_MQTT},
                 {"wamp.2.json", WSC_APP_WAMP},
                 {"v10.stomp", WSC_APP_STOMP},
                 {"v11.stomp", WSC_APP_STOMP},
                 {"v12.stomp", WSC_APP_STOMP}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is(subprotocol, names[i].name))
            return names[i].app;
    if (subprotocol.ptr != NULL && subprotocol.len > 0)
        return WSC_APP_OTHER;
    if (has(path, "/socket.io/") || has(path, "/engine.io/"))
        return WSC_APP_ENGINE_IO;
    return WSC_APP_UNDECIDED;
}

bool wsc_ws_app_is_signalr(struct wsc_span payload)
{
    /* HubProtocol.md, handshake request: {"protocol":"json","version":1} and 0x1E. */
    return begins(payload, "{\"protocol\":\"") && has(payload, "\"version\":") &&
           memchr(payload.ptr, 0x1e, payload.len) != NULL;
}

/* The value of a top-level "type" member that comes first, as all of these protocols write it. */
static bool json_type(struct wsc_span s, const char *value)
{
    char want[48];
    int n = snprintf(want, sizeof(want), "{\"type\":%s", value);
    if (n < 0 || (size_t)n >= sizeof(want))
        return false;
    if (begins(s, want))
        return true;
    n = snprintf(want, sizeof(want), "{\"type\": %s", value);
    return n > 0 && begins(s, want);
}

/* Reasons of ActionCable's disconnect message; their number is the code. */
static const char *const cable_reasons[] = {"", "unauthorized", "invalid_request", "server_restart",
                                            "remote"};
#define CABLE_REASONS (sizeof(cable_reasons) / sizeof(cable_reasons[0]))

static uint8_t cable_reason(struct wsc_span s)
{
    char want[48];
    for (size_t i = 1; i < CABLE_REASONS; i++) {
        int n = snprintf(want, sizeof(want), "\"reason\":\"%s\"", cable_reasons[i]);
        if (n > 0 && has(s, want))
            return (uint8_t)i;
    }
    return 0;
}

static enum wsc_ws_goodbye graphql(struct wsc_span s)
{
    /* The member stands behind the id in some libraries: {"id":"1","type":"complete"}. */
    if (has(s, "\"type\":\"connection_terminate\""))
        return WSC_GOODBYE_GRAPHQL_TERMINATE;
    if (json_type(s, "\"connection_error\"") || json_type(s, "\"error\"") ||
        (begins(s, "{\"id\":") && has(s, "\"type\":\"error\"")))
        return WSC_GOODBYE_GRAPHQL_ERROR;
    if (json_type(s, "\"complete\"") || (begins(s, "{\"id\":") && has(s, "\"type\":\"complete\"")))
        return WSC_GOODBYE_GRAPHQL_COMPLETE;
    return WSC_GOODBYE_NONE;
}

static enum wsc_ws_goodbye mqtt(struct wsc_span s, uint8_t *code)
{
    /* MQTT 5 3.14: type 14, flags 0; remaining length 0 means reason 0. */
    if (s.len < 2 || s.ptr[0] != 0xe0 || s.ptr[1] > s.len - 2)
        return WSC_GOODBYE_NONE;
    *code = s.ptr[1] > 0 ? s.ptr[2] : 0;
    return WSC_GOODBYE_MQTT_DISCONNECT;
}

enum wsc_ws_goodbye wsc_ws_goodbye_of(enum wsc_ws_app app, struct wsc_span s, uint8_t *code)
{
    *code = 0;
    switch (app) {
    case WSC_APP_ENGINE_IO:
        return is(s, "1")        ? WSC_GOODBYE_ENGINE_IO_CLOSE
               : begins(s, "41") ? WSC_GOODBYE_SOCKET_IO_DISCONNECT
                                 : WSC_GOODBYE_NONE;
    case WSC_APP_SIGNALR:
        return json_type(s, "7}") || json_type(s, "7,") ? WSC_GOODBYE_SIGNALR_CLOSE
                                                        : WSC_GOODBYE_NONE;
    case WSC_APP_ACTION_CABLE:
        *code = cable_reason(s);
        return json_type(s, "\"disconnect\"") ? WSC_GOODBYE_ACTION_CABLE_DISCONNECT
                                              : WSC_GOODBYE_NONE;
    case WSC_APP_GRAPHQL:
        return graphql(s);
    case WSC_APP_MQTT:
        return mqtt(s, code);
    case WSC_APP_WAMP:
        return begins(s, "[6,")   ? WSC_GOODBYE_WAMP_GOODBYE
               : begins(s, "[3,") ? WSC_GOODBYE_WAMP_ABORT
                                  : WSC_GOODBYE_NONE;
    case WSC_APP_STOMP:
        return begins(s, "ERROR\n") || begins(s, "ERROR\r\n") ? WSC_GOODBYE_STOMP_ERROR
               : begins(s, "DISCONNECT\n") || begins(s, "DISCONNECT\r\n")
                   ? WSC_GOODBYE_STOMP_DISCONNECT
                   : WSC_GOODBYE_NONE;
    case WSC_APP_UNDECIDED:
    case WSC_APP_OTHER:
    case WSC_APP_COUNT:
        break;
    }
    return WSC_GOODBYE_NONE;
}

/* MQTT 5 3.14.2.1. */
static const char *mqtt_reason(uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {{0x00, "Normal disconnection"},
                 {0x04, "Disconnect with Will Message"},
                 {0x80, "Unspecified error"},
                 {0x81, "Malformed Packet"},
                 {0x82, "Protocol Error"},
                 {0x83, "Implementation specific error"},
                 {0x87, "Not authorized"},
                 {0x89, "Server busy"},
                 {0x8b, "Server shutting down"},
                 {0x8d, "Keep Alive timeout"},
                 {0x8e, "Session taken over"},
                 {0x8f, "Topic Filter invalid"},
                 {0x90, "Topic Name invalid"},
                 {0x93, "Receive Maximum exceeded"},
                 {0x94, "Topic Alias invalid"},
                 {0x95, "Packet too large"},
                 {0x96, "Message rate too high"},
                 {0x97, "Quota exceeded"},
                 {0x98, "Administrative action"},
                 {0x99, "Payload format invalid"},
                 {0x9a, "Retain not supported"},
                 {0x9b, "QoS not supported"},
                 {0x9c, "Use another server"},
                 {0x9d, "Server moved"},
                 {0x9e, "Shared Subscriptions not supported"},
                 {0x9f, "Connection rate exceeded"},
                 {0xa0, "Maximum connect time"},
                 {0xa1, "Subscription Identifiers not supported"},
                 {0xa2, "Wildcard Subscriptions not supported"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].code == code)
            return names[i].name;
    return NULL;
}

static const char *goodbye_name(enum wsc_ws_goodbye g)
{
    static const char *const names[] = {
        [WSC_GOODBYE_NONE] = "",
        [WSC_GOODBYE_ENGINE_IO_CLOSE] = "Engine.IO close packet (1)",
        [WSC_GOODBYE_SOCKET_IO_DISCONNECT] = "Socket.IO disconnect packet (41)",
        [WSC_GOODBYE_SIGNALR_CLOSE] = "SignalR Close message (type 7)",
        [WSC_GOODBYE_ACTION_CABLE_DISCONNECT] = "ActionCable disconnect message",
        [WSC_GOODBYE_GRAPHQL_ERROR] = "GraphQL error message",
        [WSC_GOODBYE_GRAPHQL_COMPLETE] = "GraphQL complete message",
        [WSC_GOODBYE_GRAPHQL_TERMINATE] = "GraphQL connection_terminate message",
        [WSC_GOODBYE_MQTT_DISCONNECT] = "MQTT DISCONNECT packet",
        [WSC_GOODBYE_WAMP_GOODBYE] = "WAMP GOODBYE message (6)",
        [WSC_GOODBYE_WAMP_ABORT] = "WAMP ABORT message (3)",
        [WSC_GOODBYE_STOMP_ERROR] = "STOMP ERROR frame",
        [WSC_GOODBYE_STOMP_DISCONNECT] = "STOMP DISCONNECT frame",
    };
    return names[g];
}

void wsc_ws_goodbye_text(enum wsc_ws_goodbye g, uint8_t code, char out[WSC_GOODBYE_TEXT])
{
    const char *detail = NULL;
    if (g == WSC_GOODBYE_MQTT_DISCONNECT)
        detail = mqtt_reason(code);
    else if (g == WSC_GOODBYE_ACTION_CABLE_DISCONNECT && code > 0 && code < CABLE_REASONS)
        detail = cable_reasons[code];
    (void)snprintf(out, WSC_GOODBYE_TEXT, "%s%s%s", goodbye_name(g), detail != NULL ? ", " : "",
                   detail != NULL ? detail : "");
}
