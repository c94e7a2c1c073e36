#include "base/alloc.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

/* Lets |left| allocations pass. */
static bool allow_some(void *ctx)
{
    int *left = ctx;
    return (*left)-- > 0;
}

Test(alloc, hook_decides_each_allocation)
{
    int left = 2;
    wsc_alloc_set_hook(allow_some, &left);
    void *a = wsc_alloc(10), *b = wsc_calloc(2, 5), *c = wsc_alloc(10);
    cr_expect_not_null(a);
    cr_expect_not_null(b);
    cr_expect_null(c);
    cr_expect_null(wsc_calloc(1, 1));
    wsc_alloc_set_hook(NULL, NULL);
    c = wsc_alloc(10);
    cr_expect_not_null(c);
    wsc_free(a);
    wsc_free(b);
    wsc_free(c);
}

Test(alloc, refused_realloc_keeps_the_block)
{
    char *p = wsc_alloc(8);
    memcpy(p, "content", 8);
    int none = 0;
    wsc_alloc_set_hook(allow_some, &none);
    cr_expect_null(wsc_realloc(p, 4096));
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_str_eq(p, "content");
    p = wsc_realloc(p, 4096);
    cr_expect_str_eq(p, "content");
    wsc_free(p);
}

Test(alloc, freeing_asks_nobody)
{
    void *p = wsc_alloc(1);
    int none = 0;
    wsc_alloc_set_hook(allow_some, &none);
    wsc_free(p);
    wsc_free(NULL);
    cr_expect_eq(none, 0);
    wsc_alloc_set_hook(NULL, NULL);
}

Test(alloc, calloc_zeroes)
{
    unsigned char *p = wsc_calloc(7, 11);
    for (size_t i = 0; i < 77; i++)
        cr_expect_eq(p[i], 0);
    wsc_free(p);
}
