#include "base/alloc.h"

#include <stdlib.h>

static bool (*hook)(void *ctx);
static void *hook_ctx;

void wsc_alloc_set_hook(bool (*may)(void *ctx), void *ctx)
{
    hook = may;
    hook_ctx = ctx;
}

static bool refused(void)
{
    return hook != NULL && !hook(hook_ctx);
}

void *wsc_alloc(size_t size)
{
    return refused() ? NULL : malloc(size);
}

void *wsc_calloc(size_t count, size_t size)
{
    return refused() ? NULL : calloc(count, size);
}

void *wsc_realloc(void *p, size_t size)
{
    return refused() ? NULL : realloc(p, size);
}

void wsc_free(void *p)
{
    free(p);
}
