#include "base/pool.h"

#include "base/alloc.h"

struct wsc_pool_slab {
    struct wsc_pool_slab *next;
    _Alignas(8) unsigned char blocks[];
};

void wsc_pool_init(struct wsc_pool *p, size_t block, size_t per_slab)
{
    *p = (struct wsc_pool){.block = (block + 7) & ~(size_t)7, .per_slab = per_slab};
}

static void push(struct wsc_pool *p, void *block)
{
    *(void **)block = p->free_list;
    p->free_list = block;
}

static void add_slab(struct wsc_pool *p)
{
    size_t size = sizeof(struct wsc_pool_slab) + p->block * p->per_slab;
    struct wsc_pool_slab *s = wsc_alloc(size);
    if (s == NULL)
        return;
    s->next = p->slabs;
    p->slabs = s;
    p->bytes += size;
    for (size_t i = p->per_slab; i-- > 0;)
        push(p, s->blocks + i * p->block);
}

void *wsc_pool_get(struct wsc_pool *p)
{
    if (p->free_list == NULL)
        add_slab(p);
    void *block = p->free_list;
    if (block == NULL)
        return NULL;
    p->free_list = *(void **)block;
    p->used++;
    return block;
}

void wsc_pool_put(struct wsc_pool *p, void *block)
{
    if (block == NULL)
        return;
    push(p, block);
    p->used--;
}

void wsc_pool_clear(struct wsc_pool *p)
{
    for (struct wsc_pool_slab *s = p->slabs; s != NULL;) {
        struct wsc_pool_slab *next = s->next;
        wsc_free(s);
        s = next;
    }
    wsc_pool_init(p, p->block, p->per_slab);
}
