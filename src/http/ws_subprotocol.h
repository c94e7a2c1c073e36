/* Sec-WebSocket-Protocol (RFC 6455 11.3.4) names a protocol; but because a browser can set no other
 * field, many clients put a bearer token into it, and some servers echo it. A name is kept, what
 * looks like a secret is not:
 *
 *   - what follows a word that announces one (bearer, token, jwt, key, ...), to the end;
 *   - a JSON Web Token, which begins with "eyJ", to the end;
 *   - a part between dots of 16 letters and digits or more that has four digits, or two
 *     digits and two capitals, or that changes between digits, small letters and capitals at every
 *     third place: names do not look so, of random base64 of 128 bits fewer than one in 200 does
 * not;
 *   - 26 letters and digits without any sign between them.
 */
#ifndef WSC_HTTP_WS_SUBPROTOCOL_H
#define WSC_HTTP_WS_SUBPROTOCOL_H

#include <wsclose/types.h>

#define WSC_WS_SUBPROTOCOL_MAX 256u

/* Returns |field| with a "*" for each part that looks like a secret: |field| itself if there is
 * none, else a span in |out|. What does not fit into |out| is cut, too. */
struct wsc_span wsc_ws_subprotocol_names(struct wsc_span field,
                                         uint8_t out[WSC_WS_SUBPROTOCOL_MAX]);

#endif
