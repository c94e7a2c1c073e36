#include "engine/intern.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

struct text {
    uint32_t refs;
    uint32_t hash;
    uint32_t id;   /* plus 1 */
    uint32_t next; /* of the same bucket, plus 1 */
    uint16_t len, note;
    uint8_t bytes[];
};
_Static_assert(WSC_INTERN_MAX_LEN <= UINT16_MAX, "a length has room");

struct wsc_intern {
    struct wsc_hash_key secret;
    struct text **texts; /* by id - 1; NULL: free */
    uint32_t *free_ids;
    uint32_t *buckets;
    size_t len, cap, free_len, buckets_len, count;
    size_t bytes, max_bytes;
    uint64_t refused;
};

#define FIRST 64u

struct wsc_intern *wsc_intern_new(size_t max_bytes)
{
    struct wsc_intern *t = wsc_calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->buckets = wsc_calloc(FIRST, sizeof(*t->buckets));
    if (t->buckets == NULL) {
        wsc_free(t);
        return NULL;
    }
    t->buckets_len = FIRST;
    t->secret = wsc_hash_key_random();
    t->max_bytes = max_bytes;
    return t;
}

void wsc_intern_free(struct wsc_intern *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->len; i++)
        wsc_free(t->texts[i]);
    wsc_free(t->texts);
    wsc_free(t->free_ids);
    wsc_free(t->buckets);
    wsc_free(t);
}

static bool rehash(struct wsc_intern *t)
{
    size_t len = t->buckets_len * 2;
    uint32_t *buckets = wsc_calloc(len, sizeof(*buckets));
    if (buckets == NULL)
        return false;
    for (size_t i = 0; i < t->len; i++) {
        struct text *x = t->texts[i];
        if (x == NULL)
            continue;
        x->next = buckets[x->hash & (len - 1)];
        buckets[x->hash & (len - 1)] = x->id;
    }
    wsc_free(t->buckets);
    t->buckets = buckets;
    t->buckets_len = len;
    return true;
}

/* Room for one more id; afterwards giving it back needs no memory. */
static bool grow(struct wsc_intern *t)
{
    if (t->free_len > 0 || t->len < t->cap)
        return true;
    size_t cap = t->cap != 0 ? t->cap * 2 : FIRST;
    struct text **texts = wsc_realloc(t->texts, cap * sizeof(struct text *));
    if (texts == NULL)
        return false;
    t->texts = texts;
    uint32_t *ids = wsc_realloc(t->free_ids, cap * sizeof(*ids));
    if (ids == NULL)
        return false;
    t->free_ids = ids;
    t->cap = cap;
    return true;
}

static uint32_t add(struct wsc_intern *t, struct wsc_span s, uint32_t hash)
{
    size_t size = sizeof(struct text) + s.len;
    if (t->bytes + size > t->max_bytes || !grow(t) || (t->count >= t->buckets_len && !rehash(t)))
        return 0;
    struct text *x = wsc_alloc(size);
    if (x == NULL)
        return 0;
    uint32_t id = t->free_len > 0 ? t->free_ids[--t->free_len] : (uint32_t)++t->len;
    uint32_t *bucket = &t->buckets[hash & (t->buckets_len - 1)];
    *x = (struct text){.refs = 1, .hash = hash, .id = id, .next = *bucket, .len = (uint16_t)s.len};
    if (s.len > 0)
        memcpy(x->bytes, s.ptr, s.len);
    t->texts[id - 1] = x;
    *bucket = id;
    t->bytes += size;
    t->count++;
    return id;
}

uint32_t wsc_intern_get(struct wsc_intern *t, struct wsc_span s)
{
    if (s.ptr == NULL)
        return 0;
    if (s.len > WSC_INTERN_MAX_LEN)
        s.len = WSC_INTERN_MAX_LEN;
    uint32_t hash = (uint32_t)wsc_hash(t->secret, s.ptr, s.len);
    for (uint32_t id = t->buckets[hash & (t->buckets_len - 1)]; id != 0;
         id = t->texts[id - 1]->next) {
        struct text *x = t->texts[id - 1];
        if (x->hash == hash && x->len == s.len && x->refs < UINT32_MAX &&
            memcmp(x->bytes, s.ptr, s.len) == 0) {
            x->refs++;
            return id;
        }
    }
    uint32_t id = add(t, s, hash);
    t->refused += id == 0;
    return id;
}

void wsc_intern_again(struct wsc_intern *t, uint32_t id)
{
    t->texts[id - 1]->refs++;
}

uint32_t wsc_intern_users(const struct wsc_intern *t, uint32_t id)
{
    return t->texts[id - 1]->refs;
}

bool wsc_intern_put(struct wsc_intern *t, uint32_t id)
{
    if (id == 0 || --t->texts[id - 1]->refs > 0)
        return false;
    struct text *x = t->texts[id - 1];
    uint32_t *at = &t->buckets[x->hash & (t->buckets_len - 1)];
    while (*at != id)
        at = &t->texts[*at - 1]->next;
    *at = x->next;
    t->texts[id - 1] = NULL;
    t->free_ids[t->free_len++] = id;
    t->bytes -= sizeof(*x) + x->len;
    t->count--;
    wsc_free(x);
    return true;
}

uint16_t wsc_intern_note(const struct wsc_intern *t, uint32_t id)
{
    return t->texts[id - 1]->note;
}

void wsc_intern_set_note(struct wsc_intern *t, uint32_t id, uint16_t note)
{
    t->texts[id - 1]->note = note;
}

struct wsc_span wsc_intern_text(const struct wsc_intern *t, uint32_t id)
{
    if (id == 0)
        return (struct wsc_span){0};
    const struct text *x = t->texts[id - 1];
    return (struct wsc_span){.ptr = x->bytes, .len = x->len};
}

size_t wsc_intern_bytes(const struct wsc_intern *t)
{
    return sizeof(*t) + t->bytes + t->cap * (sizeof(struct text *) + sizeof(uint32_t)) +
           t->buckets_len * sizeof(uint32_t);
}

uint64_t wsc_intern_refused(const struct wsc_intern *t)
{
    return t->refused;
}
