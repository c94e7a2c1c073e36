#include "engine/intern.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

static bool says(const struct wsc_intern *t, uint32_t id, const char *s)
{
    struct wsc_span kept = wsc_intern_text(t, id);
    return kept.len == strlen(s) && memcmp(kept.ptr, s, kept.len) == 0;
}

Test(intern, one_number_for_equal_strings_until_the_last_user_gives_it_back)
{
    struct wsc_intern *t = wsc_intern_new(1 << 16);
    uint32_t a = wsc_intern_get(t, span("a")), b = wsc_intern_get(t, span("b"));
    cr_expect_neq(a, b);
    cr_expect_eq(wsc_intern_get(t, span("a")), a);
    wsc_intern_again(t, a);
    cr_expect_eq(wsc_intern_users(t, a), 3);
    cr_expect_not(wsc_intern_put(t, a));
    cr_expect_not(wsc_intern_put(t, a));
    cr_expect(says(t, a, "a"));
    cr_expect(wsc_intern_put(t, a));
    cr_expect(wsc_intern_put(t, b));
    cr_expect_not(wsc_intern_put(t, 0));
    wsc_intern_free(t);
}

Test(intern, a_note_goes_with_its_string)
{
    struct wsc_intern *t = wsc_intern_new(1 << 16);
    uint32_t a = wsc_intern_get(t, span("a")), b = wsc_intern_get(t, span("b"));
    cr_expect_eq(wsc_intern_note(t, a), 0);
    wsc_intern_set_note(t, a, UINT16_MAX);
    cr_expect_eq(wsc_intern_note(t, wsc_intern_get(t, span("a"))), UINT16_MAX);
    cr_expect_eq(wsc_intern_note(t, b), 0);
    wsc_intern_put(t, a);
    wsc_intern_put(t, a);
    uint32_t c = wsc_intern_get(t, span("c")); /* the number is used again, the note is not */
    cr_expect_eq(c, a);
    cr_expect_eq(wsc_intern_note(t, c), 0);
    wsc_intern_free(t);
}

/* Every length has its own way through the hash, and its own neighbours. */
Test(intern, strings_of_all_lengths_and_thousands_of_them)
{
    struct wsc_intern *t = wsc_intern_new(1 << 20);
    char text[64];
    uint32_t ids[64], numbers[5000];
    memset(text, 'x', sizeof(text));
    for (size_t n = 0; n < 64; n++)
        ids[n] = wsc_intern_get(t, (struct wsc_span){.ptr = (uint8_t *)text, .len = n});
    for (size_t n = 0; n < 64; n++) {
        for (size_t m = 0; m < n; m++)
            cr_expect_neq(ids[n], ids[m], "%zu and %zu", n, m);
        cr_expect_eq(wsc_intern_get(t, (struct wsc_span){.ptr = (uint8_t *)text, .len = n}),
                     ids[n]);
        for (size_t at = 0; at < n; at++) { /* another byte anywhere is another string */
            text[at] = 'y';
            uint32_t other = wsc_intern_get(t, (struct wsc_span){.ptr = (uint8_t *)text, .len = n});
            cr_expect_eq(wsc_intern_users(t, other), 1, "byte %zu of %zu", at, n);
            wsc_intern_put(t, other);
            text[at] = 'x';
        }
    }
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "number %u", i);
        numbers[i] = wsc_intern_get(t, span(text));
    }
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "number %u", i);
        cr_expect(says(t, numbers[i], text), "%s", text);
    }
    wsc_intern_free(t);
}

Test(intern, beyond_the_ceiling_a_string_is_not_kept)
{
    struct wsc_intern *t = wsc_intern_new(200);
    static const uint8_t big[300] = {1};
    cr_expect_eq(wsc_intern_get(t, (struct wsc_span){.ptr = big, .len = sizeof(big)}), 0);
    cr_expect_eq(wsc_intern_refused(t), 1);
    uint32_t a = wsc_intern_get(t, span("a"));
    cr_expect_neq(a, 0);
    cr_expect_eq(wsc_intern_get(t, (struct wsc_span){0}), 0, "a NULL span is nothing");
    cr_expect_eq(wsc_intern_refused(t), 1);
    wsc_intern_free(t);
}
