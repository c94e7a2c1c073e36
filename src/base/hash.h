/* A keyed hash for tables whose keys an attacker may choose: multiply-and-fold over 64-bit words
 * with a secret drawn at start, so that collisions cannot be prepared. Not for anything stored. */
#ifndef WSC_BASE_HASH_H
#define WSC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct wsc_hash_key {
    uint64_t k[2];
};

/* A key from the system's random source. */
struct wsc_hash_key wsc_hash_key_random(void);

static inline uint64_t wsc_hash_fold(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t wsc_hash(struct wsc_hash_key key, const void *data, size_t len);

#endif
