/* The key log seen from below: secrets by client random. include/wsclose/keylog.h is its outside.
 */
#ifndef WSC_TLS_KEYLOG_H
#define WSC_TLS_KEYLOG_H

#include <wsclose/keylog.h>

enum wsc_secret_label {
    WSC_SECRET_MASTER, /* CLIENT_RANDOM: the master secret of TLS 1.2 and before, 48 bytes */
    /* TLS 1.3 (RFC 8446 7.1), 32 or 48 bytes, the length of the suite's hash */
    WSC_SECRET_CLIENT_EARLY,
    WSC_SECRET_CLIENT_HANDSHAKE,
    WSC_SECRET_SERVER_HANDSHAKE,
    WSC_SECRET_CLIENT_TRAFFIC, /* ..._0: what precedes any key update */
    WSC_SECRET_SERVER_TRAFFIC
};
#define WSC_SECRET_LABELS 6

#define WSC_CLIENT_RANDOM_LEN 32
#define WSC_SECRET_MAX        64

/* Copies a secret to |out|, which the caller wipes. False: it is not (yet) in the log, and |out|
 * is as it was. Any thread. */
bool wsc_keylog_find(const struct wsc_keylog *kl, enum wsc_secret_label label,
                     const uint8_t client_random[WSC_CLIENT_RANDOM_LEN],
                     uint8_t out[WSC_SECRET_MAX], size_t *len);

#endif
