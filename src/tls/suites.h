/* Cipher suites by IANA number (https://www.iana.org/assignments/tls-parameters): what protects
 * records. The key exchange is of no interest to one who has the secrets. */
#ifndef WSC_TLS_SUITES_H
#define WSC_TLS_SUITES_H

#include "tls/crypto.h"

struct wsc_tls_suite {
    uint16_t id;
    uint8_t cipher; /* enum wsc_cipher */
    uint8_t mac;    /* enum wsc_digest, of CBC suites */
    uint8_t prf;    /* enum wsc_digest, of TLS 1.2 and 1.3 */
};

/* NULL: a suite we cannot read. */
const struct wsc_tls_suite *wsc_tls_suite_find(uint16_t id);

#endif
