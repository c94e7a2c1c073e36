#include "tls/protect.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <string.h>

#define EXPLICIT_NONCE 8u

static bool is_cbc(const struct wsc_tls_suite *s)
{
    return wsc_cipher_tag_len((enum wsc_cipher)s->cipher) == 0;
}

/* RFC 5288 3, RFC 6655 3: half of the nonce travels with each record. */
static bool has_explicit_nonce(const struct wsc_tls_suite *s, uint16_t version)
{
    return version < WSC_TLS_1_3 && !is_cbc(s) && s->cipher != WSC_CIPHER_CHACHA20_POLY1305;
}

size_t wsc_tls_iv_len(const struct wsc_tls_suite *suite, uint16_t version)
{
    if (is_cbc(suite))
        return version == WSC_TLS_1_0 ? WSC_BLOCK_LEN : 0;
    return has_explicit_nonce(suite, version) ? WSC_NONCE_LEN - EXPLICIT_NONCE : WSC_NONCE_LEN;
}

struct wsc_tls_opener *wsc_tls_opener_new(const struct wsc_tls_suite *suite, uint16_t version,
                                          bool encrypt_then_mac, const uint8_t *key,
                                          const uint8_t *mac_key, const uint8_t *iv)
{
    struct wsc_tls_opener *o = wsc_calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    o->suite = suite;
    o->version = version;
    o->encrypt_then_mac = encrypt_then_mac;
    o->chain_known = true;
    memcpy(o->iv, iv, wsc_tls_iv_len(suite, version));
    o->cipher = wsc_cipher_new((enum wsc_cipher)suite->cipher, key);
    if (is_cbc(suite))
        o->mac = wsc_hmac_new((enum wsc_digest)suite->mac, mac_key);
    if (o->cipher != NULL && (o->mac != NULL || !is_cbc(suite)))
        return o;
    wsc_tls_opener_free(o);
    return NULL;
}

void wsc_tls_opener_free(struct wsc_tls_opener *o)
{
    if (o == NULL)
        return;
    wsc_cipher_free(o->cipher);
    wsc_hmac_free(o->mac);
    wsc_wipe(o, sizeof(*o));
    wsc_free(o);
}

size_t wsc_tls_overhead(const struct wsc_tls_opener *o)
{
    if (o->version >= WSC_TLS_1_3 || is_cbc(o->suite))
        return 0;
    return wsc_cipher_tag_len((enum wsc_cipher)o->suite->cipher) +
           (has_explicit_nonce(o->suite, o->version) ? EXPLICIT_NONCE : 0);
}

static void put_be64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* seq_num, type, version and length, which MAC and AEAD cover (RFC 5246 6.2.3.1, 6.2.3.3). */
static struct wsc_span covered(uint8_t out[13], uint64_t seq, const uint8_t *head, size_t len)
{
    put_be64(out, seq);
    memcpy(out + 8, head, 3);
    out[11] = (uint8_t)(len >> 8);
    out[12] = (uint8_t)len;
    return (struct wsc_span){.ptr = out, .len = 13};
}

/* The fixed IV with the record's number (RFC 8446 5.3, RFC 7905 2). */
static void numbered_nonce(const struct wsc_tls_opener *o, uint64_t seq,
                           uint8_t nonce[WSC_NONCE_LEN])
{
    uint8_t number[8];
    put_be64(number, seq);
    memcpy(nonce, o->iv, WSC_NONCE_LEN);
    for (size_t i = 0; i < sizeof(number); i++)
        nonce[WSC_NONCE_LEN - sizeof(number) + i] ^= number[i];
}

/* TLSInnerPlaintext: content, its type, zeros (RFC 8446 5.2). */
static bool open13(struct wsc_tls_opener *o, uint64_t seq, const uint8_t *head,
                   struct wsc_span body, uint8_t *out, uint8_t *type, struct wsc_span *plain)
{
    uint8_t nonce[WSC_NONCE_LEN];
    struct wsc_span aad = {.ptr = head, .len = WSC_TLS_HEAD};
    size_t tag = wsc_cipher_tag_len((enum wsc_cipher)o->suite->cipher);
    numbered_nonce(o, seq, nonce);
    if (body.len <= tag ||
        !wsc_aead_open(o->cipher, (enum wsc_cipher)o->suite->cipher, nonce, aad, body, out))
        return false;
    size_t n = body.len - tag;
    while (n > 0 && out[n - 1] == 0)
        n--;
    if (n == 0)
        return false; /* no type: nobody who keeps to the RFC wrote it */
    *type = out[n - 1];
    *plain = (struct wsc_span){.ptr = out, .len = n - 1};
    return true;
}

static bool open_aead12(struct wsc_tls_opener *o, uint64_t seq, const uint8_t *head,
                        struct wsc_span body, uint8_t *out, struct wsc_span *plain)
{
    uint8_t nonce[WSC_NONCE_LEN], aad[13];
    size_t before = has_explicit_nonce(o->suite, o->version) ? EXPLICIT_NONCE : 0;
    size_t over = wsc_tls_overhead(o);
    if (body.len < over)
        return false;
    if (before > 0) {
        memcpy(nonce, o->iv, WSC_NONCE_LEN - EXPLICIT_NONCE);
        memcpy(nonce + WSC_NONCE_LEN - EXPLICIT_NONCE, body.ptr, EXPLICIT_NONCE);
    } else {
        numbered_nonce(o, seq, nonce);
    }
    struct wsc_span in = {.ptr = body.ptr + before, .len = body.len - before};
    if (!wsc_aead_open(o->cipher, (enum wsc_cipher)o->suite->cipher, nonce,
                       covered(aad, seq, head, body.len - over), in, out))
        return false;
    *plain = (struct wsc_span){.ptr = out, .len = body.len - over};
    return true;
}

/* Cuts the padding off (RFC 5246 6.2.3.2): its last byte says how many precede it, all the same.
 * TLS 1.0 said so too. */
static bool unpad(struct wsc_span *s)
{
    if (s->len == 0)
        return false;
    size_t pad = s->ptr[s->len - 1];
    if (pad + 1 > s->len)
        return false;
    for (size_t i = 2; i <= pad + 1; i++)
        if (s->ptr[s->len - i] != pad)
            return false;
    s->len -= pad + 1;
    return true;
}

/* Decrypts |body|, which holds the IV from TLS 1.1 on, and cuts the padding off. */
static bool decrypt_cbc(struct wsc_tls_opener *o, struct wsc_span body, uint8_t *out,
                        struct wsc_span *text)
{
    const uint8_t *iv = o->iv;
    if (o->version > WSC_TLS_1_0) {
        if (body.len < WSC_BLOCK_LEN)
            return false;
        iv = body.ptr;
        body.ptr += WSC_BLOCK_LEN;
        body.len -= WSC_BLOCK_LEN;
    }
    if (!wsc_cbc_decrypt(o->cipher, iv, body, out))
        return false;
    *text = (struct wsc_span){.ptr = out, .len = body.len};
    return unpad(text);
}

static bool open_cbc(struct wsc_tls_opener *o, uint64_t seq, const uint8_t *head,
                     struct wsc_span body, uint8_t *out, struct wsc_span *plain)
{
    uint8_t aad[13];
    struct wsc_span text, mac;
    size_t mac_len = wsc_digest_len((enum wsc_digest)o->suite->mac);
    if (body.len < mac_len || (!o->chain_known && !o->encrypt_then_mac))
        return false;
    if (o->encrypt_then_mac) { /* RFC 7366 3 */
        body.len -= mac_len;
        mac = (struct wsc_span){.ptr = body.ptr + body.len, .len = mac_len};
        if (!wsc_hmac_check(o->mac, covered(aad, seq, head, body.len), body, mac))
            return false;
        /* Authentic, but without the block before its beginning cannot be read. */
        o->chain_regained = !o->chain_known;
        if (!o->chain_known || !decrypt_cbc(o, body, out, &text))
            return false;
    } else {
        if (!decrypt_cbc(o, body, out, &text) || text.len < mac_len)
            return false;
        text.len -= mac_len;
        mac = (struct wsc_span){.ptr = text.ptr + text.len, .len = mac_len};
        if (!wsc_hmac_check(o->mac, covered(aad, seq, head, text.len), text, mac))
            return false;
    }
    *plain = text;
    return true;
}

bool wsc_tls_open(struct wsc_tls_opener *o, uint64_t seq, const uint8_t *head, struct wsc_span body,
                  uint8_t *out, uint8_t *type, struct wsc_span *plain)
{
    if (o->version >= WSC_TLS_1_3)
        return open13(o, seq, head, body, out, type, plain);
    *type = head[0];
    return is_cbc(o->suite) ? open_cbc(o, seq, head, body, out, plain)
                            : open_aead12(o, seq, head, body, out, plain);
}

void wsc_tls_opener_passed(struct wsc_tls_opener *o, struct wsc_span body, bool opened)
{
    if (o->version != WSC_TLS_1_0 || !is_cbc(o->suite))
        return;
    size_t after = o->encrypt_then_mac ? wsc_digest_len((enum wsc_digest)o->suite->mac) : 0;
    /* A wrong block spoils the text: a MAC of the text tells, one of what is encrypted does not. */
    bool sure = opened || o->chain_regained || !o->encrypt_then_mac;
    o->chain_known = sure && body.ptr != NULL && body.len >= WSC_BLOCK_LEN + after;
    o->chain_regained = false;
    if (o->chain_known)
        memcpy(o->iv, body.ptr + body.len - after - WSC_BLOCK_LEN, WSC_BLOCK_LEN);
}
