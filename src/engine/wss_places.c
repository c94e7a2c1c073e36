#include "engine/wss_places.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

#define SLOTS (2 * WSC_WSS_PLACES_MAX)

struct place {
    struct wsc_endpoint server;
    bool used, websockets_only;
};

struct wsc_wss_places {
    struct wsc_hash_key key;
    struct place slots[SLOTS];
    size_t used;
};

struct wsc_wss_places *wsc_wss_places_new(void)
{
    struct wsc_wss_places *t = wsc_calloc(1, sizeof(*t));
    if (t != NULL)
        t->key = wsc_hash_key_random();
    return t;
}

void wsc_wss_places_free(struct wsc_wss_places *t)
{
    wsc_free(t);
}

static bool same(const struct wsc_endpoint *a, const struct wsc_endpoint *b)
{
    return a->port == b->port && a->family == b->family &&
           memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* Its slot, or the free one where it would be. */
static size_t slot_of(const struct wsc_wss_places *t, const struct wsc_endpoint *server)
{
    uint8_t text[sizeof(server->addr) + 2];
    memcpy(text, server->addr, sizeof(server->addr));
    memcpy(text + sizeof(server->addr), &server->port, 2);
    size_t i = wsc_hash(t->key, text, sizeof(text)) % SLOTS;
    while (t->slots[i].used && !same(&t->slots[i].server, server))
        i = (i + 1) % SLOTS;
    return i;
}

void wsc_wss_places_note(struct wsc_wss_places *t, const struct wsc_endpoint *server,
                         bool websocket)
{
    struct place *p = &t->slots[slot_of(t, server)];
    if (!p->used) {
        if (t->used == WSC_WSS_PLACES_MAX)
            return;
        t->used++;
        *p = (struct place){.server = *server, .used = true, .websockets_only = true};
    }
    p->websockets_only &= websocket;
}

bool wsc_wss_places_known(const struct wsc_wss_places *t, const struct wsc_endpoint *server)
{
    const struct place *p = &t->slots[slot_of(t, server)];
    return p->used && p->websockets_only;
}
