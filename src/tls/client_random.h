/* The client random of a ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2). */
#ifndef WSC_TLS_CLIENT_RANDOM_H
#define WSC_TLS_CLIENT_RANDOM_H

#include <wsclose/types.h>

/* |data| begins with a record whose first bytes are a ClientHello: the 32 bytes within it, else
 * NULL. */
const uint8_t *wsc_tls_client_random(struct wsc_span data);

#endif
