#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

struct wsc_hash_key wsc_hash_key_random(void)
{
    /* If the system has no randomness to give, a fixed key still hashes well; only the secrecy is
     * lost. */
    struct wsc_hash_key key = {{UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1b54a32d192ed03)}};
    uint64_t r[2];
    if (getrandom(r, sizeof(r), GRND_NONBLOCK) == (ssize_t)sizeof(r)) {
        key.k[0] ^= r[0];
        key.k[1] ^= r[1];
    }
    return key;
}

static uint64_t load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

uint64_t wsc_hash(struct wsc_hash_key key, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = key.k[0] ^ len;
    for (; len >= 16; p += 16, len -= 16)
        h = wsc_hash_fold(load(p, 8) ^ h, load(p + 8, 8) ^ key.k[1]);
    if (len > 8) {
        h = wsc_hash_fold(load(p, 8) ^ h, load(p + 8, len - 8) ^ key.k[1]);
    } else if (len > 0) {
        h = wsc_hash_fold(load(p, len) ^ h, key.k[1]);
    }
    return wsc_hash_fold(h ^ key.k[0], key.k[1] ^ UINT64_C(0xa0761d6478bd642f));
}
