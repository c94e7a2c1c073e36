/* The key schedule, from the secrets that a key log holds to the keys of records (RFC 8446 7.3,
 * RFC 5246 6.3). */
#ifndef WSC_TLS_SECRETS_H
#define WSC_TLS_SECRETS_H

#include "tls/protect.h"

#define WSC_TLS_RANDOM_LEN 32u
#define WSC_TLS_MASTER_LEN 48u

/* TLS 1.3: the key of the direction whose traffic secret this is. NULL: no memory, or |secret| is
 * not as long as the suite's hash. */
struct wsc_tls_opener *wsc_tls_opener_of_secret(const struct wsc_tls_suite *suite,
                                                struct wsc_span secret);

/* The secret after a KeyUpdate (RFC 8446 7.2), in place. */
bool wsc_tls_update_secret(const struct wsc_tls_suite *suite, uint8_t *secret, size_t len)
    __attribute__((warn_unused_result));

/* TLS 1.2 and before, what both hellos have said. */
struct wsc_tls_session {
    const struct wsc_tls_suite *suite;
    uint16_t version;
    bool encrypt_then_mac;
    const uint8_t *master, *client_random, *server_random;
};
/* The keys of both directions, by enum wsc_dir. False: no memory; |out| is as it was. */
bool wsc_tls_openers_of_master(const struct wsc_tls_session *s, struct wsc_tls_opener *out[2])
    __attribute__((warn_unused_result));

#endif
