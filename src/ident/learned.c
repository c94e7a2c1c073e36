#include "ident/learned.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

#define SLOTS (2 * WSC_LEARNED_MAX)

struct server {
    struct wsc_server_key key;
    uint32_t verdict;
    uint8_t agreed; /* 0: a free slot */
};

struct generation {
    size_t used;
    struct server slots[SLOTS];
};

struct wsc_learned {
    struct wsc_hash_key secret;
    struct generation *now, *before;
    struct generation room[2];
};

struct wsc_learned *wsc_learned_new(void)
{
    struct wsc_learned *l = wsc_calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->secret = wsc_hash_key_random();
    l->now = &l->room[0];
    l->before = &l->room[1];
    return l;
}

void wsc_learned_free(struct wsc_learned *l)
{
    wsc_free(l);
}

/* Its slot, or the free one where it would be. */
static size_t slot_of(const struct wsc_learned *l, const struct generation *g,
                      const struct wsc_server_key *key)
{
    size_t i = wsc_hash(l->secret, key, sizeof(*key)) % SLOTS;
    while (g->slots[i].agreed != 0 && memcmp(&g->slots[i].key, key, sizeof(*key)) != 0)
        i = (i + 1) % SLOTS;
    return i;
}

static struct server *find(const struct wsc_learned *l, struct generation *g,
                           const struct wsc_server_key *key)
{
    struct server *s = &g->slots[slot_of(l, g, key)];
    return s->agreed != 0 ? s : NULL;
}

void wsc_learned_add(struct wsc_learned *l, const struct wsc_server_key *server, uint32_t verdict)
{
    struct server *s = find(l, l->now, server);
    if (s == NULL && l->now->used == WSC_LEARNED_MAX) {
        struct generation *g = l->before;
        memset(g, 0, sizeof(*g));
        l->before = l->now;
        l->now = g;
    }
    if (s == NULL) {
        const struct server *old = find(l, l->before, server);
        s = &l->now->slots[slot_of(l, l->now, server)];
        *s = old != NULL ? *old : (struct server){.key = *server};
        l->now->used++;
    }
    if (s->verdict != verdict)
        s->agreed = 0;
    s->verdict = verdict;
    if (s->agreed < UINT8_MAX)
        s->agreed++;
}

uint32_t wsc_learned_verdict(const struct wsc_learned *l, const struct wsc_server_key *server)
{
    const struct server *s = find(l, l->now, server);
    if (s == NULL)
        s = find(l, l->before, server);
    return s != NULL && s->agreed >= WSC_LEARNED_AGREE ? s->verdict : 0;
}

void wsc_lessons_add(struct wsc_lessons *l, const struct wsc_lesson *lesson)
{
    if (l->len == l->cap) {
        size_t cap = l->cap != 0 ? l->cap * 2 : 64;
        struct wsc_lesson *grown = wsc_realloc(l->all, cap * sizeof(*grown));
        if (grown == NULL)
            return;
        l->all = grown;
        l->cap = cap;
    }
    l->all[l->len++] = *lesson;
}

void wsc_lessons_clear(struct wsc_lessons *l)
{
    wsc_free(l->all);
    *l = (struct wsc_lessons){.all = NULL};
}
