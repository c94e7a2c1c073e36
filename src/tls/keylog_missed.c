#include "tls/keylog_missed.h"

#include "base/alloc.h"

#define FIRST_SLOTS 256u

void wsc_keylog_missed_clear(struct wsc_keylog_missed *m)
{
    wsc_free(m->slots);
    *m = (struct wsc_keylog_missed){.slots = NULL};
}

/* Where |hash| is, or belongs. */
static uint64_t *place(const struct wsc_keylog_missed *m, uint64_t hash)
{
    size_t i = (size_t)hash & (m->n_slots - 1);
    while (m->slots[i] != 0 && m->slots[i] != hash)
        i = (i + 1) & (m->n_slots - 1);
    return &m->slots[i];
}

static bool grow(struct wsc_keylog_missed *m)
{
    struct wsc_keylog_missed larger = {.n_slots = m->n_slots == 0 ? FIRST_SLOTS : m->n_slots * 2,
                                       .used = m->used};
    larger.slots = wsc_calloc(larger.n_slots, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < m->n_slots; i++)
        if (m->slots[i] != 0)
            *place(&larger, m->slots[i]) = m->slots[i];
    wsc_free(m->slots);
    *m = larger;
    return true;
}

void wsc_keylog_missed_add(struct wsc_keylog_missed *m, uint64_t hash)
{
    hash += hash == 0;
    if (wsc_keylog_missed_has(m, hash) || m->used == WSC_KEYLOG_MISSED_MAX)
        return;
    if (m->used >= m->n_slots / 2 && !grow(m))
        return;
    *place(m, hash) = hash;
    m->used++;
}

bool wsc_keylog_missed_has(const struct wsc_keylog_missed *m, uint64_t hash)
{
    hash += hash == 0;
    return m->n_slots != 0 && *place(m, hash) == hash;
}
