#include "tls/secrets.h"

#include <string.h>

struct wsc_tls_opener *wsc_tls_opener_of_secret(const struct wsc_tls_suite *suite,
                                                struct wsc_span secret)
{
    enum wsc_digest d = (enum wsc_digest)suite->prf;
    uint8_t key[WSC_KEY_MAX], iv[WSC_NONCE_LEN];
    struct wsc_tls_opener *o = NULL;
    if (secret.len == wsc_digest_len(d) &&
        wsc_hkdf_expand_label(d, secret, "key", key,
                              wsc_cipher_key_len((enum wsc_cipher)suite->cipher)) &&
        wsc_hkdf_expand_label(d, secret, "iv", iv, sizeof(iv)))
        o = wsc_tls_opener_new(suite, WSC_TLS_1_3, false, key, NULL, iv);
    wsc_wipe(key, sizeof(key));
    wsc_wipe(iv, sizeof(iv));
    return o;
}

bool wsc_tls_update_secret(const struct wsc_tls_suite *suite, uint8_t *secret, size_t len)
{
    uint8_t next[WSC_DIGEST_MAX];
    bool ok =
        len <= sizeof(next) && wsc_hkdf_expand_label((enum wsc_digest)suite->prf,
                                                     (struct wsc_span){.ptr = secret, .len = len},
                                                     "traffic upd", next, len);
    if (ok)
        memcpy(secret, next, len);
    wsc_wipe(next, sizeof(next));
    return ok;
}

bool wsc_tls_openers_of_master(const struct wsc_tls_session *s, struct wsc_tls_opener *out[2])
{
    size_t key = wsc_cipher_key_len((enum wsc_cipher)s->suite->cipher);
    size_t mac = wsc_digest_len((enum wsc_digest)s->suite->mac);
    size_t iv = wsc_tls_iv_len(s->suite, s->version);
    uint8_t block[2 * (WSC_DIGEST_MAX + WSC_KEY_MAX + WSC_BLOCK_LEN)];
    enum wsc_digest prf =
        s->version < WSC_TLS_1_2 ? WSC_DIGEST_MD5_SHA1 : (enum wsc_digest)s->suite->prf;
    bool ok = wsc_tls_prf(prf, (struct wsc_span){.ptr = s->master, .len = WSC_TLS_MASTER_LEN},
                          "key expansion",
                          (struct wsc_span){.ptr = s->server_random, .len = WSC_TLS_RANDOM_LEN},
                          (struct wsc_span){.ptr = s->client_random, .len = WSC_TLS_RANDOM_LEN},
                          block, 2 * (mac + key + iv));
    struct wsc_tls_opener *o[2] = {NULL, NULL};
    for (size_t d = 0; ok && d < 2; d++) {
        o[d] =
            wsc_tls_opener_new(s->suite, s->version, s->encrypt_then_mac, block + 2 * mac + d * key,
                               block + d * mac, block + 2 * mac + 2 * key + d * iv);
        ok = o[d] != NULL;
    }
    wsc_wipe(block, sizeof(block));
    if (ok) {
        memcpy(out, o, sizeof(o));
        return true;
    }
    wsc_tls_opener_free(o[0]);
    wsc_tls_opener_free(o[1]);
    return false;
}
