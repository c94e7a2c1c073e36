#include "base/hash.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct wsc_hash_key key = {{0x0123456789abcdef, 0xfedcba9876543210}};

Test(hash, same_bytes_same_hash_wherever_they_lie)
{
    for (size_t len = 0; len <= 65; len++) {
        uint8_t *a = malloc(len + 1), *b = malloc(len + 1); /* b: shifted by one, ends its block */
        for (size_t i = 0; i < len; i++)
            a[i] = b[i + 1] = (uint8_t)(i * 11 + 5);
        cr_expect_eq(wsc_hash(key, a, len), wsc_hash(key, b + 1, len), "%zu bytes", len);
        free(a);
        free(b);
    }
}

static int bits_set(uint64_t v)
{
    return __builtin_popcountll(v);
}

/* Each bit of the input changes about half of the output; 8 or 56 of 64 is six deviations off. */
Test(hash, every_input_bit_counts)
{
    for (size_t len = 1; len <= 40; len++) {
        uint8_t in[40];
        memset(in, 0x5a, sizeof(in));
        uint64_t before = wsc_hash(key, in, len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            in[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            int changed = bits_set(before ^ wsc_hash(key, in, len));
            cr_expect(changed > 8 && changed < 56, "len %zu bit %zu: %d", len, bit, changed);
            in[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

Test(hash, length_counts)
{
    static const uint8_t zeros[64];
    for (size_t a = 0; a < sizeof(zeros); a++)
        for (size_t b = a + 1; b <= sizeof(zeros); b++)
            cr_expect_neq(wsc_hash(key, zeros, a), wsc_hash(key, zeros, b), "%zu, %zu", a, b);
}

Test(hash, key_counts)
{
    struct wsc_hash_key other = key;
    other.k[0] ^= 1;
    cr_expect_neq(wsc_hash(key, "abc", 3), wsc_hash(other, "abc", 3));
    other = key;
    other.k[1] ^= 1;
    cr_expect_neq(wsc_hash(key, "abc", 3), wsc_hash(other, "abc", 3));
}

Test(hash, random_keys_differ)
{
    struct wsc_hash_key a = wsc_hash_key_random(), b = wsc_hash_key_random();
    cr_expect(a.k[0] != b.k[0] || a.k[1] != b.k[1]);
}

/* The keys of a table: counting numbers spread evenly over the low bits. */
Test(hash, low_bits_spread)
{
    unsigned buckets[256] = {0};
    for (uint32_t i = 0; i < 256 * 64; i++)
        buckets[wsc_hash(key, &i, sizeof(i)) & 255]++;
    for (size_t i = 0; i < 256; i++)
        cr_expect(buckets[i] > 16 && buckets[i] < 128, "bucket %zu holds %u of 64", i, buckets[i]);
}
