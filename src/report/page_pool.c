#include "report/page_pool.h"

#include "base/alloc.h"

#include <string.h>

#define FIRST 256u

void wsc_page_pool_init(struct wsc_page_pool *p, size_t max_bytes)
{
    *p = (struct wsc_page_pool){.secret = wsc_hash_key_random()};
    wsc_buf_init(&p->bytes, max_bytes);
}

void wsc_page_pool_clear(struct wsc_page_pool *p)
{
    wsc_buf_clear(&p->bytes);
    wsc_free(p->offsets);
    wsc_free(p->slots);
    *p = (struct wsc_page_pool){.failed = false};
}

static struct wsc_span get(const struct wsc_page_pool *p, size_t i)
{
    size_t end = (i + 1 < p->len ? p->offsets[i + 1] - 1 : p->bytes.len);
    return (struct wsc_span){.ptr = p->bytes.data + p->offsets[i], .len = end - p->offsets[i]};
}

/* The slot that holds |s|, or the free one where it belongs. */
static uint32_t *slot_of(const struct wsc_page_pool *p, struct wsc_span s)
{
    size_t at = (size_t)wsc_hash(p->secret, s.ptr, s.len) & (p->slots_len - 1);
    for (; p->slots[at] != 0; at = (at + 1) & (p->slots_len - 1)) {
        struct wsc_span have = get(p, p->slots[at] - 1);
        if (have.len == s.len && memcmp(have.ptr, s.ptr, s.len) == 0)
            break;
    }
    return &p->slots[at];
}

/* Keeps the slots at most half full. */
static bool grow(struct wsc_page_pool *p)
{
    if (p->len < p->cap)
        return true;
    size_t cap = p->cap != 0 ? 2 * p->cap : FIRST;
    size_t *offsets = wsc_realloc(p->offsets, cap * sizeof(*offsets));
    if (offsets == NULL)
        return false;
    p->offsets = offsets;
    uint32_t *slots = wsc_calloc(2 * cap, sizeof(*slots));
    if (slots == NULL)
        return false;
    wsc_free(p->slots);
    p->slots = slots;
    p->slots_len = 2 * cap;
    p->cap = cap;
    for (size_t i = 0; i < p->len; i++)
        *slot_of(p, get(p, i)) = (uint32_t)(i + 1);
    return true;
}

int64_t wsc_page_pool_add(struct wsc_page_pool *p, struct wsc_span json)
{
    if (p->failed || !grow(p)) {
        p->failed = true;
        return -1;
    }
    uint32_t *slot = slot_of(p, json);
    if (*slot != 0)
        return *slot - 1;
    size_t before = p->bytes.len;
    if ((p->len > 0 && !wsc_buf_append(&p->bytes, ",", 1)) ||
        !wsc_buf_append(&p->bytes, json.ptr, json.len)) {
        p->bytes.len = before;
        p->failed = true;
        return -1;
    }
    p->offsets[p->len] = p->bytes.len - json.len;
    p->len++;
    *slot = (uint32_t)p->len;
    return *slot - 1;
}
