/* The last word of a subprotocol before the connection ends: a message that says goodbye, known by
 * the first bytes of its payload. Only its type is kept, never its content. */
#ifndef WSC_WS_GOODBYE_H
#define WSC_WS_GOODBYE_H

#include <wsclose/types.h>

/* What is spoken inside the messages. */
enum wsc_ws_app {
    WSC_APP_UNDECIDED, /* the client's first message may tell (SignalR names no subprotocol) */
    WSC_APP_OTHER,     /* nothing known here */
    WSC_APP_ENGINE_IO, /* by path: /socket.io/, /engine.io/ */
    WSC_APP_SIGNALR,
    WSC_APP_ACTION_CABLE, /* actioncable-v1-json */
    WSC_APP_GRAPHQL,      /* graphql-transport-ws, and graphql-ws of old */
    WSC_APP_MQTT,
    WSC_APP_WAMP,  /* wamp.2.json */
    WSC_APP_STOMP, /* v10.stomp, v11.stomp, v12.stomp */
    WSC_APP_COUNT
};

enum wsc_ws_goodbye {
    WSC_GOODBYE_NONE,
    WSC_GOODBYE_ENGINE_IO_CLOSE,         /* packet type 1 */
    WSC_GOODBYE_SOCKET_IO_DISCONNECT,    /* packet type 41 */
    WSC_GOODBYE_SIGNALR_CLOSE,           /* message type 7 */
    WSC_GOODBYE_ACTION_CABLE_DISCONNECT, /* code: a number of its reason, 0 unknown */
    WSC_GOODBYE_GRAPHQL_ERROR,           /* error, connection_error */
    WSC_GOODBYE_GRAPHQL_COMPLETE,        /* complete */
    WSC_GOODBYE_GRAPHQL_TERMINATE,       /* connection_terminate */
    WSC_GOODBYE_MQTT_DISCONNECT,         /* code: MQTT 5 reason code, 0 without one */
    WSC_GOODBYE_WAMP_GOODBYE,            /* message type 6 */
    WSC_GOODBYE_WAMP_ABORT,              /* message type 3 */
    WSC_GOODBYE_STOMP_ERROR,
    WSC_GOODBYE_STOMP_DISCONNECT
};

/* By what the handshake says; NULL spans: not known. */
enum wsc_ws_app wsc_ws_app_of(struct wsc_span subprotocol, struct wsc_span path);

/* True if |payload| is the handshake that a SignalR client sends first. */
bool wsc_ws_app_is_signalr(struct wsc_span payload);

/* Whether a message that begins with |payload| (unmasked; 125 bytes tell all) says goodbye. |*code|
 * as said above. */
enum wsc_ws_goodbye wsc_ws_goodbye_of(enum wsc_ws_app app, struct wsc_span payload, uint8_t *code);

/* "MQTT DISCONNECT, Keep Alive timeout", "Engine.IO close packet"; "" for NONE. Written to |out|,
 * NUL-terminated. */
#define WSC_GOODBYE_TEXT 80u
void wsc_ws_goodbye_text(enum wsc_ws_goodbye g, uint8_t code, char out[WSC_GOODBYE_TEXT]);

#endif
