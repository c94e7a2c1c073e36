#include "base/buf.h"

#include "base/alloc.h"

#include <string.h>

void wsc_buf_init(struct wsc_buf *b, size_t max)
{
    *b = (struct wsc_buf){.max = max};
}

void wsc_buf_clear(struct wsc_buf *b)
{
    wsc_free(b->data);
    wsc_buf_init(b, b->max);
}

static bool grow(struct wsc_buf *b, size_t need)
{
    size_t cap = b->cap != 0 ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    uint8_t *data = wsc_realloc(b->data, cap);
    if (data == NULL)
        return false;
    b->data = data;
    b->cap = cap;
    return true;
}

bool wsc_buf_append(struct wsc_buf *b, const void *data, size_t n)
{
    if (n > b->max - b->len)
        return false;
    if (b->len + n > b->cap && !grow(b, b->len + n))
        return false;
    if (n != 0)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    return true;
}
