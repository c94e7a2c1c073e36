#include "base/alloc.h"

#include <wsclose/error.h>

#include <stdatomic.h>
#include <stdlib.h>

static bool (*hook)(void *ctx);
static void *hook_ctx;
static _Atomic uint64_t refusals;

void wsc_alloc_set_hook(bool (*may)(void *ctx), void *ctx)
{
    hook = may;
    hook_ctx = ctx;
}

uint64_t wsc_refusals(void)
{
    return atomic_load_explicit(&refusals, memory_order_relaxed);
}

static bool refused(void)
{
    return hook != NULL && !hook(hook_ctx);
}

void wsc_alloc_refused(void)
{
    atomic_fetch_add_explicit(&refusals, 1, memory_order_relaxed);
}

static void *counted(void *p)
{
    if (p == NULL)
        wsc_alloc_refused();
    return p;
}

void *wsc_alloc(size_t size)
{
    return counted(refused() ? NULL : malloc(size));
}

void *wsc_calloc(size_t count, size_t size)
{
    return counted(refused() ? NULL : calloc(count, size));
}

void *wsc_realloc(void *p, size_t size)
{
    return counted(refused() ? NULL : realloc(p, size));
}

void wsc_free(void *p)
{
    free(p);
}
