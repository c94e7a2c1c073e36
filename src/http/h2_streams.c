#include "http/h2_streams.h"

#include "base/alloc.h"

#include <string.h>

#define FIRST_SLOTS 8u

void wsc_h2_streams_init(struct wsc_h2_streams *t, size_t max)
{
    *t = (struct wsc_h2_streams){.max = max, .key = wsc_hash_key_random()};
}

void wsc_h2_streams_clear(struct wsc_h2_streams *t)
{
    wsc_free(t->slots);
    *t = (struct wsc_h2_streams){.max = t->max, .key = t->key};
}

static size_t home(const struct wsc_h2_streams *t, uint32_t id)
{
    return (size_t)wsc_hash_fold(id ^ t->key.k[0], t->key.k[1]) & (t->cap - 1);
}

/* The slot of |id|, or the empty one where it would be. The table is never full. */
static size_t slot_of(const struct wsc_h2_streams *t, uint32_t id)
{
    size_t i = home(t, id);
    while (t->slots[i].id != 0 && t->slots[i].id != id)
        i = (i + 1) & (t->cap - 1);
    return i;
}

struct wsc_h2_stream *wsc_h2_streams_find(const struct wsc_h2_streams *t, uint32_t id)
{
    if (t->used == 0 || id == 0)
        return NULL;
    struct wsc_h2_stream *s = &t->slots[slot_of(t, id)];
    return s->id != 0 ? s : NULL;
}

static bool grow(struct wsc_h2_streams *t)
{
    struct wsc_h2_streams bigger = *t;
    bigger.cap = t->cap != 0 ? 2 * t->cap : FIRST_SLOTS;
    bigger.slots = wsc_calloc(bigger.cap, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].id != 0)
            bigger.slots[slot_of(&bigger, t->slots[i].id)] = t->slots[i];
    wsc_free(t->slots);
    *t = bigger;
    return true;
}

struct wsc_h2_stream *wsc_h2_streams_add(struct wsc_h2_streams *t, uint32_t id)
{
    if (t->used >= t->max || (2 * (t->used + 1) > t->cap && !grow(t)))
        return NULL;
    struct wsc_h2_stream *s = &t->slots[slot_of(t, id)];
    *s = (struct wsc_h2_stream){.id = id};
    t->used++;
    return s;
}

/* Closes the hole: what follows it and is not at home moves up (Knuth 6.4, algorithm R). */
void wsc_h2_streams_remove(struct wsc_h2_streams *t, uint32_t id)
{
    struct wsc_h2_stream *s = wsc_h2_streams_find(t, id);
    if (s == NULL)
        return;
    size_t hole = (size_t)(s - t->slots), mask = t->cap - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i].id != 0; i = (i + 1) & mask) {
        if (((i - home(t, t->slots[i].id)) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].id = 0;
    if (--t->used == 0)
        wsc_h2_streams_clear(t);
}

/* ---- ids ---- */

void wsc_h2_ids_lost(struct wsc_h2_ids *ids)
{
    ids->open = true;
}

static void remove_range(struct wsc_h2_ids *ids, unsigned i)
{
    memmove(&ids->ranges[i], &ids->ranges[i + 1], (--ids->count - i) * sizeof(ids->ranges[0]));
}

static void add_range(struct wsc_h2_ids *ids, unsigned i, uint32_t lo, uint32_t hi)
{
    if (lo > hi)
        return;
    if (ids->count == WSC_H2_RANGES) {
        if (i == 0)
            return;
        remove_range(ids, 0);
        i--;
    }
    memmove(&ids->ranges[i + 1], &ids->ranges[i], (ids->count++ - i) * sizeof(ids->ranges[0]));
    ids->ranges[i].lo = lo;
    ids->ranges[i].hi = hi;
}

bool wsc_h2_ids_undecided(const struct wsc_h2_ids *ids, uint32_t id)
{
    if (id % 2 == 0)
        return false;
    if (id > ids->highest)
        return ids->open;
    for (unsigned i = 0; i < ids->count; i++)
        if (id >= ids->ranges[i].lo && id <= ids->ranges[i].hi)
            return true;
    return false;
}

void wsc_h2_ids_decide(struct wsc_h2_ids *ids, uint32_t id, bool headers)
{
    if (id > ids->highest) {
        uint32_t lo = ids->highest != 0 ? ids->highest + 2 : 1;
        /* Ids that were skipped are closed (RFC 9113 5.1.1), unless frames may have been missed. */
        if ((ids->open || !headers) && id > lo)
            add_range(ids, ids->count, lo, id - 2);
        ids->highest = id;
        ids->open = ids->open && !headers;
        return;
    }
    for (unsigned i = 0; i < ids->count; i++) {
        uint32_t lo = ids->ranges[i].lo, hi = ids->ranges[i].hi;
        if (id < lo || id > hi)
            continue;
        remove_range(ids, i);
        if (id < hi)
            add_range(ids, i, id + 2, hi);
        if (id > lo)
            add_range(ids, i, lo, id - 2);
        return;
    }
}
