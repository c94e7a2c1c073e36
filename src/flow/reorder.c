#include "flow/reorder.h"

#include "base/alloc.h"

#include <string.h>

/* A treap: a search tree by offset, a heap by random priority. */

static uint64_t end_of(const struct wsc_chunk *c)
{
    return c->off + c->wire_len;
}

static size_t cost(const struct wsc_chunk *c)
{
    return sizeof(*c) + c->len;
}

static uint32_t next_priority(struct wsc_reorder *r)
{
    r->seed = r->seed * 1664525u + 1013904223u;
    uint32_t x = r->seed;
    x ^= x >> 16;
    return x * 0x45d9f3bu;
}

/* Splits |root| into chunks before |off| and the others. */
static void split(struct wsc_chunk *root, uint64_t off, struct wsc_chunk **lo,
                  struct wsc_chunk **hi)
{
    while (root != NULL) {
        if (root->off < off) {
            *lo = root;
            lo = &root->right;
            root = root->right;
        } else {
            *hi = root;
            hi = &root->left;
            root = root->left;
        }
    }
    *lo = *hi = NULL;
}

static void link_chunk(struct wsc_reorder *r, struct wsc_chunk *c)
{
    struct wsc_chunk **at = &r->root;
    while (*at != NULL && (*at)->priority >= c->priority)
        at = (*at)->off < c->off ? &(*at)->right : &(*at)->left;
    split(*at, c->off, &c->left, &c->right);
    *at = c;
    r->bytes += cost(c);
}

/* The last chunk that begins at or before |off|, and the first that begins after it. */
static void neighbours(const struct wsc_reorder *r, uint64_t off, const struct wsc_chunk **before,
                       const struct wsc_chunk **after)
{
    *before = *after = NULL;
    for (const struct wsc_chunk *c = r->root; c != NULL;) {
        if (c->off <= off) {
            *before = c;
            c = c->right;
        } else {
            *after = c;
            c = c->left;
        }
    }
}

static bool hold(struct wsc_reorder *r, uint64_t off, struct wsc_span data, uint32_t wire_len,
                 const struct wsc_tcp_at *at)
{
    struct wsc_chunk *c = wsc_alloc(sizeof(*c) + data.len);
    if (c == NULL)
        return false;
    *c = (struct wsc_chunk){.off = off,
                            .len = (uint32_t)data.len,
                            .wire_len = wire_len,
                            .priority = next_priority(r),
                            .at = *at};
    if (data.len > 0)
        memcpy(c->data, data.ptr, data.len);
    link_chunk(r, c);
    return true;
}

bool wsc_reorder_insert(struct wsc_reorder *r, uint64_t off, struct wsc_span data,
                        uint32_t wire_len, const struct wsc_tcp_at *at, uint64_t *fresh)
{
    const uint64_t start = off, end = off + wire_len, captured_end = off + data.len;
    *fresh = 0;
    while (off < end) {
        const struct wsc_chunk *before, *after;
        neighbours(r, off, &before, &after);
        if (before != NULL && end_of(before) > off) {
            off = end_of(before);
            continue;
        }
        uint64_t stop = after != NULL && after->off < end ? after->off : end;
        uint64_t have = captured_end > off ? (captured_end < stop ? captured_end : stop) - off : 0;
        struct wsc_span part = {.ptr = have > 0 ? data.ptr + (off - start) : NULL,
                                .len = (size_t)have};
        if (!hold(r, off, part, (uint32_t)(stop - off), at))
            return false;
        *fresh += stop - off;
        off = stop;
    }
    return true;
}

struct wsc_chunk *wsc_reorder_first(const struct wsc_reorder *r)
{
    struct wsc_chunk *c = r->root;
    while (c != NULL && c->left != NULL)
        c = c->left;
    return c;
}

struct wsc_chunk *wsc_reorder_pop(struct wsc_reorder *r)
{
    struct wsc_chunk **at = &r->root;
    if (*at == NULL)
        return NULL;
    while ((*at)->left != NULL)
        at = &(*at)->left;
    struct wsc_chunk *c = *at;
    *at = c->right;
    r->bytes -= cost(c);
    return c;
}

void wsc_chunk_free(struct wsc_chunk *c)
{
    wsc_free(c);
}

void wsc_reorder_clear(struct wsc_reorder *r)
{
    for (struct wsc_chunk *c; (c = wsc_reorder_pop(r)) != NULL;)
        wsc_chunk_free(c);
}
