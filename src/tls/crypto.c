#include "tls/crypto.h"

#include "base/alloc.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <string.h>

static const struct {
    const char *name;
    uint8_t len;
} digests[] = {[WSC_DIGEST_NONE] = {"", 0},
               [WSC_DIGEST_MD5_SHA1] = {"MD5-SHA1", 36},
               [WSC_DIGEST_SHA1] = {"SHA1", 20},
               [WSC_DIGEST_SHA256] = {"SHA2-256", 32},
               [WSC_DIGEST_SHA384] = {"SHA2-384", 48}};

static const struct {
    const EVP_CIPHER *(*evp)(void);
    uint8_t key, tag;
    bool ccm;
} ciphers[WSC_CIPHERS] = {[WSC_CIPHER_AES_128_GCM] = {EVP_aes_128_gcm, 16, 16, false},
                          [WSC_CIPHER_AES_256_GCM] = {EVP_aes_256_gcm, 32, 16, false},
                          [WSC_CIPHER_AES_128_CCM] = {EVP_aes_128_ccm, 16, 16, true},
                          [WSC_CIPHER_AES_256_CCM] = {EVP_aes_256_ccm, 32, 16, true},
                          [WSC_CIPHER_AES_128_CCM_8] = {EVP_aes_128_ccm, 16, 8, true},
                          [WSC_CIPHER_AES_256_CCM_8] = {EVP_aes_256_ccm, 32, 8, true},
                          [WSC_CIPHER_CHACHA20_POLY1305] = {EVP_chacha20_poly1305, 32, 16, false},
                          [WSC_CIPHER_AES_128_CBC] = {EVP_aes_128_cbc, 16, 0, false},
                          [WSC_CIPHER_AES_256_CBC] = {EVP_aes_256_cbc, 32, 0, false}};

size_t wsc_digest_len(enum wsc_digest d)
{
    return digests[d].len;
}

size_t wsc_cipher_key_len(enum wsc_cipher c)
{
    return ciphers[c].key;
}

size_t wsc_cipher_tag_len(enum wsc_cipher c)
{
    return ciphers[c].tag;
}

void wsc_wipe(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}

/* libcrypto asks for memory itself: what it was refused must be told like our own. It does not
 * always leave that reason in its queue, which is emptied; |only|: the call fails for no other. */
static bool checked(bool ok, bool only)
{
    unsigned long e = 0;
    bool memory = !ok && only;
    while (!ok && (e = ERR_get_error()) != 0)
        memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
    if (memory)
        wsc_alloc_refused();
    return ok;
}

/* OSSL_PARAM takes what it only reads as not const. */
static OSSL_PARAM octets(const char *key, const void *p, size_t len)
{
    return OSSL_PARAM_construct_octet_string(key, (void *)(uintptr_t)p, len);
}

static OSSL_PARAM text(const char *key, const char *value)
{
    return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static bool derive(const char *kdf_name, enum wsc_digest d, const OSSL_PARAM *params, uint8_t *out,
                   size_t len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return checked(ok, kdf == NULL || d != WSC_DIGEST_MD5_SHA1); /* which FIPS has not */
}

bool wsc_hkdf_expand_label(enum wsc_digest d, struct wsc_span secret, const char *label,
                           uint8_t *out, size_t len)
{
    static const char prefix[] = "tls13 ";
    uint8_t info[64];
    size_t label_len = strlen(label), full = sizeof(prefix) - 1 + label_len;
    if (full + 4 > sizeof(info) || secret.len == 0)
        return false;
    info[0] = (uint8_t)(len >> 8);
    info[1] = (uint8_t)len;
    info[2] = (uint8_t)full;
    memcpy(info + 3, prefix, sizeof(prefix) - 1);
    memcpy(info + 3 + sizeof(prefix) - 1, label, label_len);
    info[3 + full] = 0; /* no context */
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                 text(OSSL_KDF_PARAM_DIGEST, digests[d].name),
                                 octets(OSSL_KDF_PARAM_KEY, secret.ptr, secret.len),
                                 octets(OSSL_KDF_PARAM_INFO, info, full + 4),
                                 OSSL_PARAM_construct_end()};
    return derive("HKDF", d, params, out, len);
}

bool wsc_tls_prf(enum wsc_digest d, struct wsc_span secret, const char *label, struct wsc_span a,
                 struct wsc_span b, uint8_t *out, size_t len)
{
    if (secret.len == 0)
        return false;
    /* The seeds are strung together. */
    const OSSL_PARAM params[] = {text(OSSL_KDF_PARAM_DIGEST, digests[d].name),
                                 octets(OSSL_KDF_PARAM_SECRET, secret.ptr, secret.len),
                                 octets(OSSL_KDF_PARAM_SEED, label, strlen(label)),
                                 octets(OSSL_KDF_PARAM_SEED, a.ptr, a.len),
                                 octets(OSSL_KDF_PARAM_SEED, b.ptr, b.len),
                                 OSSL_PARAM_construct_end()};
    return derive("TLS1-PRF", d, params, out, len);
}

struct evp_cipher_ctx_st *wsc_cipher_new(enum wsc_cipher c, const uint8_t *key)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int tag = ciphers[c].tag;
    bool ok = ctx != NULL && EVP_DecryptInit_ex(ctx, ciphers[c].evp(), NULL, NULL, NULL) == 1;
    /* CCM wants to know both lengths before it is given the key. */
    if (ok && ciphers[c].ccm)
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)WSC_NONCE_LEN, NULL) == 1 &&
             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag, NULL) == 1;
    ok = ok && EVP_DecryptInit_ex(ctx, NULL, NULL, key, NULL) == 1;
    if (ok && tag == 0)
        ok = EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
    if (checked(ok, ctx == NULL || c != WSC_CIPHER_CHACHA20_POLY1305))
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

void wsc_cipher_free(struct evp_cipher_ctx_st *ctx)
{
    EVP_CIPHER_CTX_free(ctx);
}

static bool aead_open(struct evp_cipher_ctx_st *ctx, enum wsc_cipher c,
                      const uint8_t nonce[WSC_NONCE_LEN], struct wsc_span aad, struct wsc_span in,
                      uint8_t *out)
{
    size_t tag = ciphers[c].tag;
    if (in.len < tag || in.len > INT32_MAX)
        return false;
    int n = 0, rest = 0, text_len = (int)(in.len - tag);
    const OSSL_PARAM params[] = {octets(OSSL_CIPHER_PARAM_AEAD_TAG, in.ptr + text_len, tag),
                                 OSSL_PARAM_construct_end()};
    if (EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, params) != 1)
        return false;
    if (ciphers[c].ccm && EVP_DecryptUpdate(ctx, NULL, &n, NULL, text_len) != 1)
        return false;
    if (EVP_DecryptUpdate(ctx, NULL, &n, aad.ptr, (int)aad.len) != 1)
        return false;
    /* CCM has the verdict in this call and has none to give in the next. */
    if ((ciphers[c].ccm || text_len > 0) && EVP_DecryptUpdate(ctx, out, &n, in.ptr, text_len) != 1)
        return false;
    return ciphers[c].ccm || EVP_DecryptFinal_ex(ctx, out + text_len, &rest) == 1;
}

bool wsc_aead_open(struct evp_cipher_ctx_st *ctx, enum wsc_cipher c,
                   const uint8_t nonce[WSC_NONCE_LEN], struct wsc_span aad, struct wsc_span in,
                   uint8_t *out)
{
    return checked(aead_open(ctx, c, nonce, aad, in, out), false);
}

bool wsc_cbc_decrypt(struct evp_cipher_ctx_st *ctx, const uint8_t iv[WSC_BLOCK_LEN],
                     struct wsc_span in, uint8_t *out)
{
    int n = 0;
    bool ok = in.len % WSC_BLOCK_LEN == 0 && in.len <= INT32_MAX &&
              EVP_DecryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1 &&
              EVP_DecryptUpdate(ctx, out, &n, in.ptr, (int)in.len) == 1 && (size_t)n == in.len;
    return checked(ok, false);
}

struct evp_mac_ctx_st *wsc_hmac_new(enum wsc_digest d, const uint8_t *key)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    const OSSL_PARAM params[] = {text(OSSL_MAC_PARAM_DIGEST, digests[d].name),
                                 OSSL_PARAM_construct_end()};
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key, digests[d].len, params) == 1;
    if (checked(ok, true))
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

void wsc_hmac_free(struct evp_mac_ctx_st *ctx)
{
    EVP_MAC_CTX_free(ctx);
}

bool wsc_hmac_check(struct evp_mac_ctx_st *ctx, struct wsc_span a, struct wsc_span b,
                    struct wsc_span mac)
{
    uint8_t out[WSC_DIGEST_MAX];
    size_t len = 0;
    bool ok = EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, a.ptr, a.len) == 1 &&
              EVP_MAC_update(ctx, b.ptr, b.len) == 1 &&
              EVP_MAC_final(ctx, out, &len, sizeof(out)) == 1;
    return checked(ok, true) && mac.len <= len && CRYPTO_memcmp(out, mac.ptr, mac.len) == 0;
}
