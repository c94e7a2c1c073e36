/* Numbers of a capture file, in the byte order of this machine or in the other. */
#ifndef WSC_CAPTURE_SWAPPED_H
#define WSC_CAPTURE_SWAPPED_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t wsc_swapped16(const uint8_t *p, bool swap)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t wsc_swapped32(const uint8_t *p, bool swap)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t wsc_swapped64(const uint8_t *p, bool swap)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return swap ? __builtin_bswap64(v) : v;
}

#endif
