#include "base/alloc.h"
#include "base/buf.h"

#include <criterion/criterion.h>

#include <string.h>

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

Test(buf, appends_in_order)
{
    struct wsc_buf b;
    wsc_buf_init(&b, 10000);
    uint8_t want[5000];
    for (size_t i = 0; i < sizeof(want); i++) {
        want[i] = (uint8_t)(i * 31);
        cr_assert(wsc_buf_append(&b, &want[i], 1));
    }
    cr_expect_eq(b.len, sizeof(want));
    cr_expect_eq(memcmp(b.data, want, sizeof(want)), 0);
    wsc_buf_clear(&b);
}

struct ceiling_row {
    size_t max, first, second;
    bool fits;
};

static const struct ceiling_row ceilings[] = {
    {100, 60, 39, true},  {100, 60, 40, true},       {100, 60, 41, false}, {100, 100, 0, true},
    {100, 100, 1, false}, {0, 0, 0, true},           {0, 0, 1, false},     {65, 64, 1, true},
    {63, 63, 1, false},   {100, 1, SIZE_MAX, false},
};

Test(buf, ceiling)
{
    static const uint8_t bytes[128] = {1, 2, 3};
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        const struct ceiling_row *r = &ceilings[i];
        struct wsc_buf b;
        wsc_buf_init(&b, r->max);
        cr_expect(wsc_buf_append(&b, bytes, r->first), "row %zu", i);
        cr_expect_eq(wsc_buf_append(&b, bytes, r->second), r->fits, "row %zu", i);
        cr_expect_eq(b.len, r->fits ? r->first + r->second : r->first, "row %zu", i);
        cr_expect_leq(b.cap, r->max, "row %zu: holds %zu", i, b.cap);
        wsc_buf_clear(&b);
    }
}

Test(buf, refused_memory_changes_nothing)
{
    struct wsc_buf b;
    wsc_buf_init(&b, 1000);
    cr_assert(wsc_buf_append(&b, "abc", 3));
    uint8_t more[200] = {0};
    wsc_alloc_set_hook(never, NULL);
    cr_expect_not(wsc_buf_append(&b, more, sizeof(more)));
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_eq(b.len, 3);
    cr_expect_eq(memcmp(b.data, "abc", 3), 0);
    cr_expect(wsc_buf_append(&b, more, sizeof(more)));
    wsc_buf_clear(&b);
}

Test(buf, usable_after_clear)
{
    struct wsc_buf b;
    wsc_buf_init(&b, 4);
    cr_assert(wsc_buf_append(&b, "abcd", 4));
    wsc_buf_clear(&b);
    wsc_buf_clear(&b);
    cr_expect_null(b.data);
    cr_expect_eq(b.len, 0);
    cr_expect(wsc_buf_append(&b, "wxyz", 4));
    cr_expect_not(wsc_buf_append(&b, "!", 1), "the ceiling stays");
    wsc_buf_clear(&b);
}
