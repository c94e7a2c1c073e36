/* The few calls of libcrypto that reading TLS needs. Nothing else in this directory includes it. */
#ifndef WSC_TLS_CRYPTO_H
#define WSC_TLS_CRYPTO_H

#include <wsclose/types.h>

enum wsc_digest {
    WSC_DIGEST_NONE,
    WSC_DIGEST_MD5_SHA1, /* the PRF of TLS 1.0 and 1.1 */
    WSC_DIGEST_SHA1,
    WSC_DIGEST_SHA256,
    WSC_DIGEST_SHA384
};

enum wsc_cipher {
    WSC_CIPHER_AES_128_GCM,
    WSC_CIPHER_AES_256_GCM,
    WSC_CIPHER_AES_128_CCM,
    WSC_CIPHER_AES_256_CCM,
    WSC_CIPHER_AES_128_CCM_8,
    WSC_CIPHER_AES_256_CCM_8,
    WSC_CIPHER_CHACHA20_POLY1305,
    WSC_CIPHER_AES_128_CBC,
    WSC_CIPHER_AES_256_CBC
};
#define WSC_CIPHERS 9

#define WSC_KEY_MAX    32u /* of a cipher */
#define WSC_DIGEST_MAX 48u
#define WSC_NONCE_LEN  12u /* of every AEAD */
#define WSC_BLOCK_LEN  16u /* of AES in CBC */

size_t wsc_digest_len(enum wsc_digest d);
size_t wsc_cipher_key_len(enum wsc_cipher c);
size_t wsc_cipher_tag_len(enum wsc_cipher c); /* 0: CBC */

void wsc_wipe(void *p, size_t len); /* not optimised away */

/* HKDF-Expand-Label with an empty context (RFC 8446 7.1); |label| without "tls13 ". */
bool wsc_hkdf_expand_label(enum wsc_digest d, struct wsc_span secret, const char *label,
                           uint8_t *out, size_t len) __attribute__((warn_unused_result));

/* PRF(secret, label, a + b) (RFC 5246 5, RFC 2246 5). */
bool wsc_tls_prf(enum wsc_digest d, struct wsc_span secret, const char *label, struct wsc_span a,
                 struct wsc_span b, uint8_t *out, size_t len) __attribute__((warn_unused_result));

/* A cipher with its key, to decrypt. NULL: no memory. Wiped when freed; NULL may be freed. */
struct evp_cipher_ctx_st;
struct evp_cipher_ctx_st *wsc_cipher_new(enum wsc_cipher c, const uint8_t *key);
void wsc_cipher_free(struct evp_cipher_ctx_st *ctx);

/* Opens |in|, which ends in the tag; |out| takes |in.len| less the tag. False: not authentic, and
 * |out| holds what must not be used. */
bool wsc_aead_open(struct evp_cipher_ctx_st *ctx, enum wsc_cipher c,
                   const uint8_t nonce[WSC_NONCE_LEN], struct wsc_span aad, struct wsc_span in,
                   uint8_t *out) __attribute__((warn_unused_result));

/* |in.len| is a multiple of the block; padding is left in place. */
bool wsc_cbc_decrypt(struct evp_cipher_ctx_st *ctx, const uint8_t iv[WSC_BLOCK_LEN],
                     struct wsc_span in, uint8_t *out) __attribute__((warn_unused_result));

/* HMAC with its key. */
struct evp_mac_ctx_st;
struct evp_mac_ctx_st *wsc_hmac_new(enum wsc_digest d, const uint8_t *key);
void wsc_hmac_free(struct evp_mac_ctx_st *ctx);
/* True if |mac| is the first |mac.len| bytes of the HMAC of |a| and |b| together. */
bool wsc_hmac_check(struct evp_mac_ctx_st *ctx, struct wsc_span a, struct wsc_span b,
                    struct wsc_span mac) __attribute__((warn_unused_result));

#endif
