#include "tls/keylog_table.h"

#include "base/alloc.h"

#include <string.h>

#define CHUNK_SLOTS 4096u
#define FIRST_HEADS 1024u

void wsc_keylog_table_init(struct wsc_keylog_table *t, size_t max)
{
    *t = (struct wsc_keylog_table){.max = max, .key = wsc_hash_key_random()};
}

void wsc_keylog_table_clear(struct wsc_keylog_table *t)
{
    for (size_t i = 0; i < t->n_chunks; i++) {
        explicit_bzero(t->chunks[i], CHUNK_SLOTS * sizeof(t->chunks[i][0]));
        wsc_free(t->chunks[i]);
    }
    wsc_free(t->chunks);
    wsc_free(t->heads);
    wsc_keylog_table_init(t, t->max);
}

static struct wsc_keylog_slot *slot_at(const struct wsc_keylog_table *t, size_t n)
{
    return &t->chunks[n / CHUNK_SLOTS][n % CHUNK_SLOTS];
}

static uint32_t *head_of(const struct wsc_keylog_table *t, unsigned label, const uint8_t *random)
{
    uint64_t h = wsc_hash(t->key, random, WSC_CLIENT_RANDOM_LEN);
    return &t->heads[(h + label) & (t->n_heads - 1)];
}

struct wsc_keylog_slot *wsc_keylog_table_find(const struct wsc_keylog_table *t,
                                              enum wsc_secret_label label,
                                              const uint8_t random[WSC_CLIENT_RANDOM_LEN])
{
    if (t->n_heads == 0)
        return NULL;
    for (uint32_t n = *head_of(t, (unsigned)label, random); n != 0;) {
        struct wsc_keylog_slot *slot = slot_at(t, n - 1);
        if (slot->s.label == (unsigned)label &&
            memcmp(slot->s.client_random, random, WSC_CLIENT_RANDOM_LEN) == 0)
            return slot;
        n = slot->next;
    }
    return NULL;
}

static void link_slot(struct wsc_keylog_table *t, size_t n)
{
    struct wsc_keylog_slot *slot = slot_at(t, n);
    uint32_t *head = head_of(t, slot->s.label, slot->s.client_random);
    slot->next = *head;
    *head = (uint32_t)n + 1;
}

static void unlink_slot(struct wsc_keylog_table *t, size_t n)
{
    struct wsc_keylog_slot *slot = slot_at(t, n);
    uint32_t *at = head_of(t, slot->s.label, slot->s.client_random);
    while (*at != (uint32_t)n + 1)
        at = &slot_at(t, *at - 1)->next;
    *at = slot->next;
}

static bool grow_heads(struct wsc_keylog_table *t)
{
    size_t n = t->n_heads == 0 ? FIRST_HEADS : t->n_heads * 2;
    uint32_t *heads = wsc_calloc(n, sizeof(*heads));
    if (heads == NULL)
        return false;
    wsc_free(t->heads);
    t->heads = heads;
    t->n_heads = n;
    for (size_t i = 0; i < t->used; i++)
        link_slot(t, i);
    return true;
}

static bool grow_chunks(struct wsc_keylog_table *t)
{
    struct wsc_keylog_slot **chunks =
        wsc_realloc(t->chunks, (t->n_chunks + 1) * sizeof(struct wsc_keylog_slot *));
    if (chunks == NULL)
        return false;
    t->chunks = chunks;
    chunks[t->n_chunks] = wsc_calloc(CHUNK_SLOTS, sizeof(struct wsc_keylog_slot));
    if (chunks[t->n_chunks] == NULL)
        return false;
    t->n_chunks++;
    return true;
}

/* The number of a slot that is not linked; SIZE_MAX: no memory. */
static size_t take_slot(struct wsc_keylog_table *t)
{
    if (t->used == t->max) {
        size_t n = t->oldest;
        t->oldest = (t->oldest + 1) % t->max;
        unlink_slot(t, n);
        t->forgotten++;
        return n;
    }
    if (t->used >= t->n_heads && !grow_heads(t))
        return SIZE_MAX;
    if (t->used == t->n_chunks * CHUNK_SLOTS && !grow_chunks(t))
        return SIZE_MAX;
    return t->used++;
}

enum wsc_keylog_put wsc_keylog_table_put(struct wsc_keylog_table *t,
                                         const struct wsc_keylog_secret *s)
{
    struct wsc_keylog_slot *held = wsc_keylog_table_find(t, s->label, s->client_random);
    if (held != NULL) {
        if (held->s.len == s->len && memcmp(held->s.secret, s->secret, s->len) == 0)
            return WSC_KEYLOG_KNOWN;
        held->s = *s;
        held->used = false;
        return WSC_KEYLOG_ADDED;
    }
    size_t n = take_slot(t);
    if (n == SIZE_MAX)
        return WSC_KEYLOG_NOMEM;
    slot_at(t, n)->s = *s;
    slot_at(t, n)->used = false;
    link_slot(t, n);
    return WSC_KEYLOG_ADDED;
}
