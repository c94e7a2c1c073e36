#include "engine/tls_names.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * WSC_TLS_NAMES_MAX)

struct slot {
    char *name; /* NULL: free */
    uint64_t connections;
};

struct wsc_tls_names {
    struct wsc_hash_key key;
    struct slot slots[SLOTS];
    size_t used;
    uint64_t others; /* connections whose names came after the ceiling */
};

struct wsc_tls_names *wsc_tls_names_new(void)
{
    struct wsc_tls_names *t = wsc_calloc(1, sizeof(*t));
    if (t != NULL)
        t->key = wsc_hash_key_random();
    return t;
}

void wsc_tls_names_free(struct wsc_tls_names *t)
{
    for (size_t i = 0; t != NULL && i < SLOTS; i++)
        wsc_free(t->slots[i].name);
    wsc_free(t);
}

static bool same(const char *name, struct wsc_span s)
{
    return strlen(name) == s.len && (s.len == 0 || memcmp(name, s.ptr, s.len) == 0);
}

void wsc_tls_names_count(struct wsc_tls_names *t, struct wsc_span name, uint64_t n)
{
    size_t i = wsc_hash(t->key, name.ptr, name.len) % SLOTS;
    while (t->slots[i].name != NULL && !same(t->slots[i].name, name))
        i = (i + 1) % SLOTS;
    struct slot *s = &t->slots[i];
    if (s->name == NULL) {
        char *copy = t->used < WSC_TLS_NAMES_MAX ? wsc_alloc(name.len + 1) : NULL;
        if (copy == NULL) {
            t->others += n;
            return;
        }
        if (name.len > 0)
            memcpy(copy, name.ptr, name.len);
        copy[name.len] = '\0';
        s->name = copy;
        t->used++;
    }
    s->connections += n;
}

void wsc_tls_names_merge(struct wsc_tls_names *t, const struct wsc_tls_names *from)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const struct slot *s = &from->slots[i];
        if (s->name != NULL)
            wsc_tls_names_count(
                t, (struct wsc_span){.ptr = (const uint8_t *)s->name, .len = strlen(s->name)},
                s->connections);
    }
    t->others += from->others;
}

static int most_first(const void *a, const void *b)
{
    const struct wsc_tls_name *x = a, *y = b;
    if (x->connections != y->connections)
        return x->connections < y->connections ? 1 : -1;
    return strcmp(x->name, y->name);
}

size_t wsc_tls_names_list(const struct wsc_tls_names *t, struct wsc_tls_name *out, size_t cap)
{
    struct wsc_tls_name rows[WSC_TLS_NAMES_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < SLOTS; i++)
        if (t->slots[i].name != NULL)
            rows[n++] = (struct wsc_tls_name){.name = t->slots[i].name,
                                              .connections = t->slots[i].connections};
    /* cppcheck-suppress uninitvar ; of which n are set */
    qsort(rows, n, sizeof(rows[0]), most_first);
    if (t->others > 0)
        rows[n++] = (struct wsc_tls_name){.name = "(other names)", .connections = t->others};
    memcpy(out, rows, (n < cap ? n : cap) * sizeof(rows[0]));
    return n;
}
