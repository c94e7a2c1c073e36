/* How fast the TLS stream reads: an in-order TLS 1.3 connection of equal records, in pieces as TCP
 * brings them. tls_speed.py compares with what `openssl speed` says of the cipher alone.
 *     tls_speed SUITE(hex) RECORD PIECE SECONDS     prints bytes of application data a second */
#include "base/bytes.h"
#include "tls/secrets.h"
#include "tls/tls_stream.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RANDOM_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
/* Records made at once: beyond what caches hold is not what is measured. */
#define STREAM (UINT64_C(4) << 20)

static uint8_t random_bytes[32];
static uint64_t got;

static void on_data(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data, uint64_t start,
                    uint64_t end)
{
    (void)ctx, (void)d, (void)off, (void)start, (void)end;
    got += data.len;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "tls_speed: %s\n", what);
    exit(1);
}

static const EVP_CIPHER *cipher_of(uint16_t suite)
{
    return suite == 0x1301   ? EVP_aes_128_gcm()
           : suite == 0x1302 ? EVP_aes_256_gcm()
           : suite == 0x1303 ? EVP_chacha20_poly1305()
                             : NULL;
}

/* One record of application data as number |seq|. */
static size_t seal(EVP_CIPHER_CTX *ctx, const uint8_t *iv, uint64_t seq, size_t len, uint8_t *out)
{
    static uint8_t plain[WSC_TLS_PLAIN + 1];
    uint8_t nonce[WSC_NONCE_LEN], *body = out + WSC_TLS_HEAD;
    size_t whole = len + 1 + 16;
    int n = 0;
    memcpy(nonce, iv, sizeof(nonce));
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(seq >> (56 - 8 * i));
    plain[len] = 23;
    const uint8_t head[] = {23, 3, 3, (uint8_t)(whole >> 8), (uint8_t)whole};
    memcpy(out, head, sizeof(head));
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, head, sizeof(head)) != 1 ||
        EVP_EncryptUpdate(ctx, body, &n, plain, (int)len + 1) != 1 ||
        EVP_EncryptFinal_ex(ctx, body + len + 1, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, body + len + 1) != 1)
        die("cannot encrypt");
    plain[len] = 0;
    return WSC_TLS_HEAD + whole;
}

static size_t hellos(uint16_t suite, uint8_t *client, uint8_t *server, size_t *server_len)
{
    static const uint8_t client_tail[] = {0, 0, 2, 0x13, 1, 1, 0, 0, 0};
    const uint8_t server_tail[] = {
        0, (uint8_t)(suite >> 8), (uint8_t)suite, 0, 0, 6, 0, 43, 0, 2, 3, 4};
    size_t c = 2 + 32 + sizeof(client_tail), s = 2 + 32 + sizeof(server_tail);
    const uint8_t chead[] = {22, 3, 1, 0, (uint8_t)(c + 4), 1, 0, 0, (uint8_t)c, 3, 3};
    const uint8_t shead[] = {22, 3, 3, 0, (uint8_t)(s + 4), 2, 0, 0, (uint8_t)s, 3, 3};
    memcpy(client, chead, sizeof(chead));
    memcpy(client + sizeof(chead), random_bytes, 32);
    memcpy(client + sizeof(chead) + 32, client_tail, sizeof(client_tail));
    memcpy(server, shead, sizeof(shead));
    memset(server + sizeof(shead), 0xaa, 32);
    memcpy(server + sizeof(shead) + 32, server_tail, sizeof(server_tail));
    *server_len = 9 + s;
    return 9 + c;
}

/* A key log with the server's traffic secret alone: |secret_len| bytes of 0x42. */
static struct wsc_keylog *key_log(size_t secret_len)
{
    char line[256];
    struct wsc_keylog *kl;
    int n = snprintf(line, sizeof(line), "SERVER_TRAFFIC_SECRET_0 %s ", RANDOM_HEX);
    for (size_t i = 0; i < secret_len; i++)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "42");
    line[n++] = '\n';
    struct wsc_span text = {.ptr = (const uint8_t *)line, .len = (size_t)n};
    if (wsc_keylog_new(0, &kl) != WSC_OK || wsc_keylog_feed(kl, 0, text) != WSC_OK)
        die("key log");
    return kl;
}

static uint8_t *make_stream(const struct wsc_tls_suite *suite, size_t secret_len, size_t record,
                            size_t count, size_t *len)
{
    uint8_t secret[48], key[32], iv[12];
    memset(secret, 0x42, sizeof(secret));
    const struct wsc_span s = {.ptr = secret, .len = secret_len};
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *out = malloc(count * (record + 22));
    if (out == NULL || !wsc_hkdf_expand_label((enum wsc_digest)suite->prf, s, "key", key, 32) ||
        !wsc_hkdf_expand_label((enum wsc_digest)suite->prf, s, "iv", iv, 12))
        die("no memory");
    if (suite->id == 0x1301 &&
        !wsc_hkdf_expand_label((enum wsc_digest)suite->prf, s, "key", key, 16))
        die("key");
    if (EVP_EncryptInit_ex(ctx, cipher_of(suite->id), NULL, key, NULL) != 1)
        die("cipher");
    *len = 0;
    for (size_t i = 0; i < count; i++)
        *len += seal(ctx, iv, i, record, out + *len);
    EVP_CIPHER_CTX_free(ctx);
    return out;
}

int main(int argc, char **argv)
{
    static const struct wsc_tls_ops ops = {.on_data = on_data};
    static const uint64_t wire[2];
    if (argc != 5)
        die("SUITE RECORD PIECE SECONDS");
    const struct wsc_tls_suite *suite = wsc_tls_suite_find((uint16_t)strtoul(argv[1], NULL, 16));
    size_t record = strtoul(argv[2], NULL, 10), piece = strtoul(argv[3], NULL, 10), len;
    double seconds = strtod(argv[4], NULL), spent = 0;
    if (suite == NULL || cipher_of(suite->id) == NULL || record > WSC_TLS_PLAIN || record == 0)
        die("that suite or record cannot be made");
    for (unsigned i = 0; i < 32; i++)
        random_bytes[i] = (uint8_t)i;
    size_t secret_len = suite->id == 0x1302 ? 48 : 32;
    struct wsc_keylog *kl = key_log(secret_len);
    size_t count = STREAM / record;
    uint8_t *stream = make_stream(suite, secret_len, record, count, &len);
    struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
    uint64_t expected = 0;
    while (spent < seconds) {
        uint8_t c[64], s[64];
        size_t slen, clen = hellos(suite->id, c, s, &slen);
        struct wsc_tls *t = wsc_tls_new(sh, wire, &ops, NULL);
        wsc_tls_feed(t, WSC_DIR_C2S, (struct wsc_span){.ptr = c, .len = clen});
        wsc_tls_feed(t, WSC_DIR_S2C, (struct wsc_span){.ptr = s, .len = slen});
        double start = cpu();
        for (size_t at = 0; at < len; at += piece)
            wsc_tls_feed(
                t, WSC_DIR_S2C,
                (struct wsc_span){.ptr = stream + at, .len = len - at < piece ? len - at : piece});
        spent += cpu() - start;
        expected += count * record;
        wsc_tls_free(t);
    }
    if (got != expected)
        die("not everything was read");
    printf("%.0f\n", (double)got / spent);
    wsc_tls_shared_free(sh);
    wsc_keylog_free(kl);
    free(stream);
    return 0;
}
