/* The one bounds-checked reader. A read past the end yields 0 and sets |short_read|, which stays
 * set: a parser reads its fields straight down and asks once. */
#ifndef WSC_BASE_BYTES_H
#define WSC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsc_reader {
    const uint8_t *p, *end;
    bool short_read;
};

static inline struct wsc_reader wsc_reader_of(const uint8_t *p, size_t len)
{
    return (struct wsc_reader){.p = p, .end = p + len, .short_read = false};
}

static inline size_t wsc_rd_left(const struct wsc_reader *r)
{
    return (size_t)(r->end - r->p);
}

/* |n| bytes at the cursor, or NULL past the end. */
static inline const uint8_t *wsc_rd_bytes(struct wsc_reader *r, size_t n)
{
    if (wsc_rd_left(r) < n) {
        r->p = r->end;
        r->short_read = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    r->p += n;
    return at;
}

static inline void wsc_rd_skip(struct wsc_reader *r, size_t n)
{
    (void)wsc_rd_bytes(r, n);
}

static inline uint16_t wsc_be16(const uint8_t *p)
{
    return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t wsc_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t wsc_be64(const uint8_t *p)
{
    return (uint64_t)wsc_be32(p) << 32 | wsc_be32(p + 4);
}

static inline uint8_t wsc_rd_u8(struct wsc_reader *r)
{
    const uint8_t *at = wsc_rd_bytes(r, 1);
    return at != NULL ? *at : 0;
}

static inline uint16_t wsc_rd_be16(struct wsc_reader *r)
{
    const uint8_t *at = wsc_rd_bytes(r, 2);
    return at != NULL ? wsc_be16(at) : 0;
}

static inline uint32_t wsc_rd_be32(struct wsc_reader *r)
{
    const uint8_t *at = wsc_rd_bytes(r, 4);
    return at != NULL ? wsc_be32(at) : 0;
}

#endif
