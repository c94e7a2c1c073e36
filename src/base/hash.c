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

static uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint64_t load4(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* The last bytes are read in two pieces that may overlap; the length, which the hash begins with,
 * tells apart what that makes equal. Up to eight make one word: were it both factors, those could
 * change places. */
uint64_t wsc_hash(struct wsc_hash_key key, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t left = len;
    uint64_t h = key.k[0] ^ len;
    for (; left > 16; p += 16, left -= 16)
        h = wsc_hash_fold(load8(p) ^ h, load8(p + 8) ^ key.k[1]);
    uint64_t a = 0, b = 0;
    if (left > 8) {
        a = load8(p);
        b = load8(p + left - 8);
    } else if (left >= 4) {
        a = load4(p) | load4(p + left - 4) << 32;
    } else if (left > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[left >> 1] << 8 | p[left - 1];
    }
    h = wsc_hash_fold(a ^ h, b ^ key.k[1]);
    return wsc_hash_fold(h ^ key.k[0], key.k[1] ^ UINT64_C(0xa0761d6478bd642f));
}
