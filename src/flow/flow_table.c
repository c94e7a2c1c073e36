#include "flow/flow_table.h"

#include "base/alloc.h"

#include <string.h>

#define SLAB_SHIFT   10u
#define SLAB_ENTRIES (1u << SLAB_SHIFT)
#define FIRST_SLOTS  1024u

struct slot {
    uint32_t hash;
    uint32_t index; /* of the entry, plus 1; 0: free */
};

struct wsc_flow_table {
    struct wsc_hash_key secret;
    struct slot *slots;
    size_t slots_len; /* a power of two */
    size_t count, max;
    size_t entry_size;
    unsigned char **slabs;
    size_t slabs_len, slabs_cap;
    size_t fresh;                    /* entries never used in the last slab on */
    struct wsc_flow_node *free_list; /* entries given back, linked through their first bytes */
};

static struct wsc_flow_node *entry_at(const struct wsc_flow_table *t, uint32_t index)
{
    return (struct wsc_flow_node *)(void *)(t->slabs[index >> SLAB_SHIFT] +
                                            (index & (SLAB_ENTRIES - 1)) * t->entry_size);
}

struct wsc_flow_table *wsc_flow_table_new(size_t entry_size, size_t max)
{
    struct wsc_flow_table *t = wsc_calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->slots = wsc_calloc(FIRST_SLOTS, sizeof(*t->slots));
    if (t->slots == NULL) {
        wsc_free(t);
        return NULL;
    }
    t->secret = wsc_hash_key_random();
    t->slots_len = FIRST_SLOTS;
    t->max = max;
    t->entry_size = (entry_size + 7) & ~(size_t)7;
    return t;
}

void wsc_flow_table_free(struct wsc_flow_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->slabs_len; i++)
        wsc_free(t->slabs[i]);
    wsc_free(t->slabs);
    wsc_free(t->slots);
    wsc_free(t);
}

uint32_t wsc_flow_table_hash(const struct wsc_flow_table *t, const struct wsc_flow_key *key)
{
    return (uint32_t)wsc_hash(t->secret, key, sizeof(*key));
}

void wsc_flow_table_expect(const struct wsc_flow_table *t, uint32_t hash)
{
    __builtin_prefetch(&t->slots[hash & (t->slots_len - 1)]);
}

const struct wsc_flow_node *wsc_flow_table_guess(const struct wsc_flow_table *t, uint32_t hash)
{
    size_t mask = t->slots_len - 1;
    for (size_t i = hash & mask; t->slots[i].index != 0; i = (i + 1) & mask)
        if (t->slots[i].hash == hash)
            return entry_at(t, t->slots[i].index - 1);
    return NULL;
}

struct wsc_flow_node *wsc_flow_table_find(const struct wsc_flow_table *t,
                                          const struct wsc_flow_key *key, uint32_t hash)
{
    size_t mask = t->slots_len - 1;
    for (size_t i = hash & mask; t->slots[i].index != 0; i = (i + 1) & mask) {
        if (t->slots[i].hash != hash)
            continue;
        struct wsc_flow_node *n = entry_at(t, t->slots[i].index - 1);
        if (wsc_flow_key_equal(&n->key, key))
            return n;
    }
    return NULL;
}

static void place(struct slot *slots, size_t mask, struct slot s)
{
    size_t i = s.hash & mask;
    while (slots[i].index != 0)
        i = (i + 1) & mask;
    slots[i] = s;
}

static bool grow_slots(struct wsc_flow_table *t)
{
    size_t len = t->slots_len * 2;
    struct slot *slots = wsc_calloc(len, sizeof(*slots));
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < t->slots_len; i++)
        if (t->slots[i].index != 0)
            place(slots, len - 1, t->slots[i]);
    wsc_free(t->slots);
    t->slots = slots;
    t->slots_len = len;
    return true;
}

/* Room for one more pointer or index in a doubling array. */
static bool grow_array(void **array, size_t *cap, size_t len, size_t item)
{
    if (len < *cap)
        return true;
    size_t want = *cap != 0 ? *cap * 2 : 64;
    void *grown = wsc_realloc(*array, want * item);
    if (grown == NULL)
        return false;
    *array = grown;
    *cap = want;
    return true;
}

static bool add_slab(struct wsc_flow_table *t)
{
    if (!grow_array((void **)&t->slabs, &t->slabs_cap, t->slabs_len, sizeof(*t->slabs)))
        return false;
    unsigned char *slab = wsc_alloc(t->entry_size * SLAB_ENTRIES);
    if (slab == NULL)
        return false;
    t->slabs[t->slabs_len++] = slab;
    return true;
}

/* An entry to fill; its index is set. */
static struct wsc_flow_node *take_entry(struct wsc_flow_table *t)
{
    struct wsc_flow_node *n = t->free_list;
    uint32_t index;
    if (n != NULL) {
        index = n->index;
        memcpy(&t->free_list, n, sizeof(t->free_list));
    } else {
        if (t->fresh == t->slabs_len * SLAB_ENTRIES && !add_slab(t))
            return NULL;
        index = (uint32_t)t->fresh++;
        n = entry_at(t, index);
    }
    memset(n, 0, t->entry_size);
    n->index = index;
    return n;
}

static void give_entry(struct wsc_flow_table *t, struct wsc_flow_node *n)
{
    memcpy(n, &t->free_list, sizeof(t->free_list));
    t->free_list = n;
}

struct wsc_flow_node *wsc_flow_table_add(struct wsc_flow_table *t, const struct wsc_flow_key *key,
                                         uint32_t hash)
{
    if (t->count >= t->max)
        return NULL;
    if ((t->count + 1) * 4 > t->slots_len * 3 && !grow_slots(t))
        return NULL;
    struct wsc_flow_node *n = take_entry(t);
    if (n == NULL)
        return NULL;
    n->key = *key;
    place(t->slots, t->slots_len - 1, (struct slot){.hash = hash, .index = n->index + 1});
    t->count++;
    return n;
}

/* Linear probing without tombstones: what follows a freed slot moves up if that brings it nearer to
 * its home. */
static void close_hole(struct wsc_flow_table *t, size_t hole)
{
    size_t mask = t->slots_len - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i].index != 0; i = (i + 1) & mask) {
        size_t home = t->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].index = 0;
}

void wsc_flow_table_remove(struct wsc_flow_table *t, struct wsc_flow_node *n)
{
    size_t mask = t->slots_len - 1;
    size_t i = wsc_flow_table_hash(t, &n->key) & mask;
    while (t->slots[i].index != n->index + 1)
        i = (i + 1) & mask;
    close_hole(t, i);
    give_entry(t, n);
    t->count--;
}

size_t wsc_flow_table_count(const struct wsc_flow_table *t)
{
    return t->count;
}

bool wsc_flow_table_full(const struct wsc_flow_table *t)
{
    return t->count >= t->max;
}

size_t wsc_flow_table_bytes(const struct wsc_flow_table *t)
{
    return sizeof(*t) + t->slots_len * sizeof(*t->slots) +
           t->slabs_len * SLAB_ENTRIES * t->entry_size + t->slabs_cap * sizeof(*t->slabs);
}
