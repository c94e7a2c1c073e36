#include "base/alloc.h"
#include "base/pool.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static bool count(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

Test(pool, blocks_are_distinct_aligned_and_whole)
{
    static const size_t sizes[] = {1, 7, 8, 9, 100};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct wsc_pool p;
        unsigned char *block[50];
        wsc_pool_init(&p, sizes[s], 7);
        for (size_t i = 0; i < 50; i++) {
            block[i] = wsc_pool_get(&p);
            cr_assert_not_null(block[i]);
            cr_expect_eq((uintptr_t)block[i] % 8, 0);
            memset(block[i], (int)i, sizes[s]);
        }
        for (size_t i = 0; i < 50; i++)
            for (size_t k = 0; k < sizes[s]; k++)
                cr_expect_eq(block[i][k], i, "size %zu: block %zu was overwritten", sizes[s], i);
        cr_expect_eq(p.used, 50);
        wsc_pool_clear(&p);
    }
}

Test(pool, blocks_come_back_without_the_system)
{
    struct wsc_pool p;
    int calls = 0;
    wsc_pool_init(&p, 64, 4);
    wsc_alloc_set_hook(count, &calls);
    for (int round = 0; round < 100; round++) {
        void *block[4];
        for (size_t i = 0; i < 4; i++)
            block[i] = wsc_pool_get(&p);
        for (size_t i = 0; i < 4; i++)
            wsc_pool_put(&p, block[i]);
    }
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_eq(calls, 1);
    cr_expect_eq(p.used, 0);
    cr_expect_geq(p.bytes, 4 * 64);
    wsc_pool_clear(&p);
    cr_expect_eq(p.bytes, 0);
}

Test(pool, refused_memory)
{
    struct wsc_pool p;
    wsc_pool_init(&p, 32, 2);
    wsc_alloc_set_hook(never, NULL);
    cr_expect_null(wsc_pool_get(&p));
    cr_expect_eq(p.used, 0);
    wsc_alloc_set_hook(NULL, NULL);
    void *a = wsc_pool_get(&p), *b = wsc_pool_get(&p);
    wsc_alloc_set_hook(never, NULL);
    cr_expect_null(wsc_pool_get(&p), "both blocks of the slab are out");
    wsc_pool_put(&p, a);
    cr_expect_eq(wsc_pool_get(&p), a);
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_neq(a, b);
    wsc_pool_clear(&p);
}

Test(pool, putting_nothing_and_use_after_clear)
{
    struct wsc_pool p;
    wsc_pool_init(&p, 32, 2);
    wsc_pool_put(&p, NULL);
    cr_expect_eq(p.used, 0);
    (void)wsc_pool_get(&p);
    wsc_pool_clear(&p); /* frees the block that is out as well */
    cr_expect_eq(p.used, 0);
    cr_expect_not_null(wsc_pool_get(&p));
    wsc_pool_clear(&p);
}
