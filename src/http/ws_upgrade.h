/* Judges an opening handshake (RFC 6455 section 4). */
#ifndef WSC_HTTP_WS_UPGRADE_H
#define WSC_HTTP_WS_UPGRADE_H

#include <wsclose/types.h>

#include "http/h1.h"

/* True if |head| asks for a WebSocket: GET with an Upgrade field that lists "websocket" in any
 * case. A missing Connection token, key or version is the server's to refuse; the attempt is real
 * all the same. */
bool wsc_ws_upgrade_wanted(const struct wsc_h1_head *head);

enum wsc_ws_upgrade_verdict {
    WSC_UPGRADE_ACCEPTED, /* 101, Upgrade: websocket, right accept key (or no key known to check it
                             with) */
    WSC_UPGRADE_BAD_ACCEPT, /* 101, but a wrong or missing accept key, or no Upgrade: websocket */
    WSC_UPGRADE_REJECTED,   /* any final status but 101 */
    WSC_UPGRADE_INTERIM     /* 1xx but 101: the answer is still to come */
};
/* Computes accept keys, one after the other: libcrypto needs several times as long to find SHA-1
 * and make room for it as to do it. */
struct wsc_ws_accept;
struct wsc_ws_accept *wsc_ws_accept_new(void); /* NULL: no memory, or a libcrypto without SHA-1 */
void wsc_ws_accept_free(struct wsc_ws_accept *a); /* NULL is legal */

/* Sec-WebSocket-Accept for |key| (RFC 6455 4.2.2): 28 characters and a NUL. */
#define WSC_WS_ACCEPT_TEXT 29u
void wsc_ws_accept_key(struct wsc_ws_accept *a, struct wsc_span key, char out[WSC_WS_ACCEPT_TEXT]);

/* |key| is the request's Sec-WebSocket-Key, NULL ptr if the request was not captured. */
enum wsc_ws_upgrade_verdict wsc_ws_upgrade_judge(struct wsc_ws_accept *a, struct wsc_span key,
                                                 const struct wsc_h1_head *response);

/* Sec-WebSocket-Key is the base64 of 16 bytes (RFC 6455 4.1). False, with |out| untouched, if
 * |text| is anything else. */
#define WSC_WS_KEY_LEN 16u
bool wsc_ws_upgrade_key(struct wsc_span text, uint8_t out[WSC_WS_KEY_LEN]);

/* The other way round: 24 characters and a NUL. */
#define WSC_WS_KEY_TEXT 25u
void wsc_ws_upgrade_key_text(const uint8_t key[WSC_WS_KEY_LEN], char out[WSC_WS_KEY_TEXT]);

/* What the Sec-WebSocket-Extensions of a response negotiated. */
enum wsc_ws_negotiated { WSC_NEGOTIATED_NONE, WSC_NEGOTIATED_DEFLATE, WSC_NEGOTIATED_OTHER };
enum wsc_ws_negotiated wsc_ws_upgrade_extensions(struct wsc_span field);

/* |target| (origin form, absolute form) without scheme, authority, query and fragment, and without
 * what the last segment carries like a query (";jsessionid="); with |keep_query| query and
 * parameters stay. userinfo never does. */
struct wsc_span wsc_ws_upgrade_path(struct wsc_span target, bool keep_query);

/* A Host field or :authority without userinfo, which does not belong there and is a secret. */
struct wsc_span wsc_ws_upgrade_host(struct wsc_span field);

/* |url| (absolute or relative) without userinfo, parameters (";jsessionid="), query and fragment,
 * which may hold secrets. A URL with userinfo gives a NULL span. */
struct wsc_span wsc_ws_upgrade_bare_url(struct wsc_span url);

/* What of a WWW-Authenticate field (RFC 9110 11.6.1) tells why and is no secret: schemes, realm,
 * error, scope. It ends before anything else, such as the token of a Negotiate or a nonce. */
struct wsc_span wsc_ws_upgrade_challenge(struct wsc_span field);

/* True if the comma-separated list |field| holds |token|, in any case (RFC 9110 5.6.1). */
bool wsc_http_list_has(struct wsc_span field, const char *token);

#endif
