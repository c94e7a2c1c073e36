#include "http/h2_hpack.h"

#include "base/alloc.h"

#include <stdalign.h>
#include <string.h>

/* Entries without a name that a lost table is filled up with: as many as a table of 8 KiB can hold
 * (RFC 7541 4.1: 32 bytes each at least), twice what encoders use by default. An index beyond them
 * ends the block it is in. */
#define UNKNOWNS 256u
/* Filling up costs as much as reading this many bytes of header blocks does. Below that, after the
 * first few, tables stay lost. */
#define REFILL_COST 4096u
#define REFILLS     64u

/* ---- memory, through base/alloc.h and counted ---- */

struct block {
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

static void *get(size_t size, void *user)
{
    size_t *held = user;
    struct block *b = size <= SIZE_MAX - sizeof(*b) ? wsc_alloc(sizeof(*b) + size) : NULL;
    if (b == NULL)
        return NULL;
    b->size = size;
    *held += sizeof(*b) + size;
    return b->bytes;
}

static struct block *block_of(void *p)
{
    return (struct block *)((uint8_t *)p - offsetof(struct block, bytes));
}

static void put(void *p, void *user)
{
    size_t *held = user;
    if (p == NULL)
        return;
    struct block *b = block_of(p);
    *held -= sizeof(*b) + b->size;
    wsc_free(b);
}

static void *get_zeroed(size_t count, size_t size, void *user)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *p = get(count * size, user);
    return p != NULL ? memset(p, 0, count * size) : NULL;
}

static void *resize(void *p, size_t size, void *user)
{
    void *q = get(size, user);
    if (q != NULL && p != NULL) {
        size_t had = block_of(p)->size;
        memcpy(q, p, had < size ? had : size);
        put(p, user);
    }
    return q;
}

/* ---- the inflater ---- */

static void drop(struct wsc_h2_hpack *p)
{
    if (p->inflater != NULL)
        nghttp2_hd_inflate_del(p->inflater);
    p->inflater = NULL;
}

/* Feeds |d|, and hands fields on. */
static bool inflate(nghttp2_hd_inflater *inflater, struct wsc_span d, bool last,
                    const struct wsc_h2_hpack_ops *ops, void *ctx)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, d.ptr, d.len, last);
        if (n < 0)
            return false;
        d.ptr += n;
        d.len -= (size_t)n;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && ops != NULL)
            ops->on_field(ctx, (struct wsc_span){.ptr = nv.name, .len = nv.namelen},
                          (struct wsc_span){.ptr = nv.value, .len = nv.valuelen});
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            return nghttp2_hd_inflate_end_headers(inflater) == 0;
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && d.len == 0)
            return true;
    }
}

/* A table as large as it may be, so that it holds at least what the encoder's does, full of entries
 * that stand for what is not known. */
static bool fill_up(nghttp2_hd_inflater *inflater)
{
    uint8_t fill[4 + 3 * UNKNOWNS] = {0x3f, 0xe1, 0xff, 0x03}; /* RFC 7541 6.3: 65536 bytes */
    _Static_assert(WSC_H2_TABLE_MAX == 65536u, "what the bytes above say");
    for (size_t i = 4; i < sizeof(fill); i += 3)
        fill[i] = 0x40; /* RFC 7541 6.2.1: literal with indexing, no name, no value */
    return inflate(inflater, (struct wsc_span){.ptr = fill, .len = sizeof(fill)}, true, NULL, NULL);
}

static void start(struct wsc_h2_hpack *p)
{
    if (p->lost && p->refilled >= REFILLS + p->taken / REFILL_COST)
        return;
    p->mem = (nghttp2_mem){.mem_user_data = &p->held,
                           .malloc = get,
                           .free = put,
                           .calloc = get_zeroed,
                           .realloc = resize};
    if (nghttp2_hd_inflate_new2(&p->inflater, &p->mem) != 0) {
        p->inflater = NULL;
        return;
    }
    bool ok = nghttp2_hd_inflate_change_table_size(p->inflater, WSC_H2_TABLE_MAX) == 0;
    if (p->lost) {
        p->refilled++;
        ok = ok && fill_up(p->inflater);
    }
    if (ok)
        p->lost = false;
    else
        drop(p);
}

void wsc_h2_hpack_clear(struct wsc_h2_hpack *p)
{
    drop(p);
    *p = (struct wsc_h2_hpack){0};
}

void wsc_h2_hpack_begin(struct wsc_h2_hpack *p)
{
    if (p->inflater == NULL)
        start(p);
    p->broken = p->inflater == NULL;
    if (p->broken)
        p->lost = true; /* no memory, for this block at least */
}

bool wsc_h2_hpack_feed(struct wsc_h2_hpack *p, struct wsc_span data, bool last,
                       const struct wsc_h2_hpack_ops *ops, void *ctx)
{
    p->taken += data.len;
    if (p->broken)
        return false;
    if (!inflate(p->inflater, data, last, ops, ctx))
        wsc_h2_hpack_lose(p);
    return !p->broken;
}

void wsc_h2_hpack_lose(struct wsc_h2_hpack *p)
{
    drop(p);
    p->lost = true;
    p->broken = true;
}
