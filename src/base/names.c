#include "base/names.h"

#include "base/alloc.h"

#include <string.h>

#define FIRST 256u

void wsc_names_init(struct wsc_names *t, size_t max_bytes)
{
    *t = (struct wsc_names){.secret = wsc_hash_key_random()};
    wsc_buf_init(&t->bytes, max_bytes < UINT32_MAX ? max_bytes : UINT32_MAX);
}

void wsc_names_clear(struct wsc_names *t)
{
    wsc_buf_clear(&t->bytes);
    wsc_free(t->offsets);
    wsc_free(t->slots);
    *t = (struct wsc_names){0};
}

struct wsc_span wsc_names_get(const struct wsc_names *t, uint32_t number)
{
    if (number == 0)
        return (struct wsc_span){0};
    const uint8_t *p = t->bytes.data + t->offsets[number - 1];
    return (struct wsc_span){.ptr = p + 2, .len = (size_t)p[0] << 8 | p[1]};
}

/* The slot that holds |s|, or the free one where it belongs. */
static uint32_t *slot_of(const struct wsc_names *t, struct wsc_span s)
{
    size_t at = (size_t)wsc_hash(t->secret, s.ptr, s.len) & (t->slots_len - 1);
    for (; t->slots[at] != 0; at = (at + 1) & (t->slots_len - 1)) {
        struct wsc_span have = wsc_names_get(t, t->slots[at]);
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a slot in use has its bytes */
        if (have.len == s.len && (s.len == 0 || memcmp(have.ptr, s.ptr, s.len) == 0))
            break;
    }
    return &t->slots[at];
}

/* Keeps the slots at most half full. */
static bool grow(struct wsc_names *t)
{
    if (t->len < t->cap)
        return true;
    size_t cap = t->cap != 0 ? 2 * t->cap : FIRST;
    uint32_t *offsets = wsc_realloc(t->offsets, cap * sizeof(*offsets));
    if (offsets == NULL)
        return false;
    t->offsets = offsets;
    uint32_t *slots = wsc_calloc(2 * cap, sizeof(*slots));
    if (slots == NULL)
        return false;
    wsc_free(t->slots);
    t->slots = slots;
    t->slots_len = 2 * cap;
    t->cap = cap;
    for (uint32_t i = 1; i <= t->len; i++)
        *slot_of(t, wsc_names_get(t, i)) = i;
    return true;
}

uint32_t wsc_names_add(struct wsc_names *t, struct wsc_span s)
{
    uint8_t entry[2 + WSC_NAME_MAX + 1];
    if (s.ptr == NULL)
        return 0;
    if (!grow(t)) {
        t->refused = true;
        return 0;
    }
    if (s.len > WSC_NAME_MAX)
        s.len = WSC_NAME_MAX;
    uint32_t *slot = slot_of(t, s);
    if (*slot != 0)
        return *slot;
    entry[0] = (uint8_t)(s.len >> 8);
    entry[1] = (uint8_t)s.len;
    memcpy(entry + 2, s.ptr, s.len);
    entry[2 + s.len] = '\0';
    uint32_t offset = (uint32_t)t->bytes.len;
    if (!wsc_buf_append(&t->bytes, entry, s.len + 3)) {
        t->refused = true;
        return 0;
    }
    t->offsets[t->len++] = offset;
    return *slot = (uint32_t)t->len;
}
