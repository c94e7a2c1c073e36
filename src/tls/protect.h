/* Record protection (RFC 8446 5.2, RFC 5246 6.2.3, RFC 7366): one key of one direction, and records
 * opened with it. */
#ifndef WSC_TLS_PROTECT_H
#define WSC_TLS_PROTECT_H

#include "tls/crypto.h"
#include "tls/suites.h"

#define WSC_TLS_SSL3  0x0300u
#define WSC_TLS_1_0   0x0301u
#define WSC_TLS_1_1   0x0302u
#define WSC_TLS_1_2   0x0303u
#define WSC_TLS_1_3   0x0304u
#define WSC_TLS_HEAD  5u
#define WSC_TLS_MORE  2048u /* what protection may add (RFC 5246 6.2.3) */
#define WSC_TLS_PLAIN 16384u
/* The longest body. */
#define WSC_TLS_BODY_MAX (WSC_TLS_PLAIN + WSC_TLS_MORE)

struct wsc_tls_opener {
    struct evp_cipher_ctx_st *cipher;
    struct evp_mac_ctx_st *mac; /* of CBC */
    const struct wsc_tls_suite *suite;
    uint16_t version;
    bool encrypt_then_mac;
    bool chain_known;    /* TLS 1.0: |iv| is the last block of the record before */
    bool chain_regained; /* ... of the one under way, which could not be read itself */
    uint8_t iv[WSC_BLOCK_LEN];
};

/* |key|: of the cipher; |mac_key|: of CBC, else NULL; |iv|: 12 bytes in TLS 1.3 and with ChaCha20,
 * 4 with other AEAD suites, 16 with CBC in TLS 1.0. NULL: no memory. */
struct wsc_tls_opener *wsc_tls_opener_new(const struct wsc_tls_suite *suite, uint16_t version,
                                          bool encrypt_then_mac, const uint8_t *key,
                                          const uint8_t *mac_key, const uint8_t *iv);
void wsc_tls_opener_free(struct wsc_tls_opener *o); /* wipes; NULL is legal */

/* How many bytes of |iv| that is. */
size_t wsc_tls_iv_len(const struct wsc_tls_suite *suite, uint16_t version);

/* The bytes that protection adds, where that is the same for every record; 0: it is not. */
size_t wsc_tls_overhead(const struct wsc_tls_opener *o);

/* Opens the record |head| (5 bytes) with |body| as number |seq|. |out| has room for |body.len|
 * bytes; |plain| then points into it, and |type| is the type of what was inside. False: it is not
 * authentic; |plain| is as it was. */
bool wsc_tls_open(struct wsc_tls_opener *o, uint64_t seq, const uint8_t *head, struct wsc_span body,
                  uint8_t *out, uint8_t *type, struct wsc_span *plain)
    __attribute__((warn_unused_result));

/* A record has passed: TLS 1.0 chains its last block. |body.ptr| NULL: it was not seen, or more
 * than one may have passed. */
void wsc_tls_opener_passed(struct wsc_tls_opener *o, struct wsc_span body, bool opened);

#endif
