/* Server endpoints at which every TLS connection that could be read so far was a WebSocket: there a
 * TLS handshake that fails was the attempt of one. Bounded: beyond the ceiling new places are not
 * known. */
#ifndef WSC_ENGINE_WSS_PLACES_H
#define WSC_ENGINE_WSS_PLACES_H

#include <wsclose/types.h>

struct wsc_wss_places;

#define WSC_WSS_PLACES_MAX 1024u

struct wsc_wss_places *wsc_wss_places_new(void); /* NULL: no memory */
void wsc_wss_places_free(struct wsc_wss_places *t);

/* A connection to |server| was read, and was a WebSocket or something else. */
void wsc_wss_places_note(struct wsc_wss_places *t, const struct wsc_endpoint *server,
                         bool websocket);
bool wsc_wss_places_known(const struct wsc_wss_places *t, const struct wsc_endpoint *server);

#endif
