#include "engine/conversation.h"

#include <criterion/criterion.h>

#include <string.h>

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

static bool says(const struct wsc_engine *e, const struct wsc_conv_ws *ws,
                 enum wsc_conv_string which, const char *s)
{
    struct wsc_span kept = wsc_conv_string(e, ws, which);
    return s == NULL
               ? kept.ptr == NULL
               : kept.ptr != NULL && kept.len == strlen(s) && memcmp(kept.ptr, s, kept.len) == 0;
}

static void set_up(struct wsc_engine *e, size_t strings_max, size_t sets_max)
{
    *e = (struct wsc_engine){.intern = wsc_intern_new(strings_max),
                             .string_sets = wsc_intern_new(sets_max)};
}

static void tear_down(struct wsc_engine *e)
{
    wsc_intern_free(e->intern);
    wsc_intern_free(e->string_sets);
}

Test(conv_strings, many_connections_share_and_each_gives_back_what_it_took)
{
    static const char *const hosts[] = {"a", "b", "a", "c"};
    static const char *const servers[] = {"x", "x", "y", NULL};
    struct wsc_engine e;
    struct wsc_conv_ws ws[64];
    memset(ws, 0, sizeof(ws));
    set_up(&e, 1 << 16, 1 << 16);
    for (size_t i = 0; i < 64; i++) {
        struct wsc_conv_text asked[] = {{WSC_STRING_HOST, span(hosts[i % 4])},
                                        {WSC_STRING_PATH, span("/")}};
        struct wsc_conv_text told[] = {{WSC_STRING_SERVER_SOFTWARE, span(servers[i % 4])},
                                       {WSC_STRING_HOST, span("another")}};
        wsc_conv_set_strings(&e, &ws[i], asked, 2);
        wsc_conv_set_strings(&e, &ws[i], told, 2);
    }
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = round; i < 64; i++) {
            cr_expect(says(&e, &ws[i], WSC_STRING_HOST, hosts[i % 4]), "host of %zu", i);
            cr_expect(says(&e, &ws[i], WSC_STRING_PATH, "/"), "path of %zu", i);
            cr_expect(says(&e, &ws[i], WSC_STRING_SERVER_SOFTWARE, servers[i % 4]), "%zu", i);
            cr_expect(says(&e, &ws[i], WSC_STRING_VIA, NULL), "via of %zu", i);
        }
        if (round == 0)
            wsc_conv_drop_strings(&e, &ws[0]);
    }
    for (size_t i = 0; i < 64; i++)
        wsc_conv_drop_strings(&e, &ws[i]);
    static const char *const all[] = {"a", "b", "c", "x", "y", "/"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint32_t id = wsc_intern_get(e.intern, span(all[i]));
        cr_expect_eq(wsc_intern_users(e.intern, id), 1, "%s is still held", all[i]);
        wsc_intern_put(e.intern, id);
    }
    tear_down(&e);
}

/* HTTP/2 carries any bytes: those of an array of small numbers, too. Sent before the array is made
 * and after. */
Test(conv_strings, a_string_that_looks_like_an_array_is_none)
{
    for (unsigned before = 0; before < 2; before++) {
        struct wsc_engine e;
        struct wsc_conv_ws ws, hostile[32];
        struct wsc_conv_text host = {WSC_STRING_HOST, span("a")};
        set_up(&e, 1 << 16, 1 << 16);
        memset(&ws, 0, sizeof(ws));
        memset(hostile, 0, sizeof(hostile));
        if (before == 0)
            wsc_conv_set_strings(&e, &ws, &host, 1);
        for (uint32_t i = 0; i < 32; i++) {
            uint32_t array[WSC_STRING_COUNT] = {[WSC_STRING_HOST] = 2 * i + 1};
            struct wsc_conv_text bytes = {WSC_STRING_PATH, {(const uint8_t *)array, sizeof(array)}};
            wsc_conv_set_strings(&e, &hostile[i], &bytes, 1);
        }
        if (before == 1)
            wsc_conv_set_strings(&e, &ws, &host, 1);
        cr_expect(says(&e, &ws, WSC_STRING_HOST, "a"));
        wsc_conv_drop_strings(&e, &ws);
        for (uint32_t i = 0; i < 32; i++)
            wsc_conv_drop_strings(&e, &hostile[i]);
        uint32_t id = wsc_intern_get(e.intern, host.text);
        cr_expect_eq(wsc_intern_users(e.intern, id), 1, "still held");
        tear_down(&e);
    }
}

Test(conv_strings, at_either_ceiling_what_was_there_stays)
{
    static const size_t ceilings[][2] = {{64, 1 << 16}, {1 << 16, 64}, {1 << 16, 100}};
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        struct wsc_engine e;
        struct wsc_conv_ws ws = {0};
        set_up(&e, ceilings[i][0], ceilings[i][1]);
        struct wsc_conv_text host = {WSC_STRING_HOST, span("a")};
        struct wsc_conv_text path = {
            WSC_STRING_PATH, span("/a path that is longer than what the ceiling allows for")};
        wsc_conv_set_strings(&e, &ws, &host, 1);
        bool kept = says(&e, &ws, WSC_STRING_HOST, "a");
        cr_expect(kept || ceilings[i][1] == 64, "ceilings %zu", i);
        wsc_conv_set_strings(&e, &ws, &path, 1);
        cr_expect(says(&e, &ws, WSC_STRING_HOST, kept ? "a" : NULL), "ceilings %zu", i);
        cr_expect(says(&e, &ws, WSC_STRING_PATH, NULL), "ceilings %zu", i);
        wsc_conv_drop_strings(&e, &ws);
        uint32_t id = wsc_intern_get(e.intern, host.text);
        cr_expect_eq(wsc_intern_users(e.intern, id), 1, "ceilings %zu: still held", i);
        tear_down(&e);
    }
}
