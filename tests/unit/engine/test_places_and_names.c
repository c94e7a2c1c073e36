/* Tables that whoever connects may fill: server names of TLS that was not read, places where TLS is
 * known to hold WebSockets. */
#include "engine/tls_names.h"
#include "engine/wss_places.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct wsc_span name_of(char text[32], unsigned i)
{
    int n = snprintf(text, 32, "n%u.example", i);
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = (size_t)n};
}

/* Those that came first are counted by name however many follow; the rest together. */
Test(tls_names, beyond_the_ceiling_names_are_counted_together)
{
    enum { MORE = 500 };
    static struct wsc_tls_name rows[WSC_TLS_NAMES_MAX + 1];
    struct wsc_tls_names *t = wsc_tls_names_new(), *all = wsc_tls_names_new();
    char text[32];
    cr_assert(t != NULL && all != NULL);
    for (unsigned i = 0; i < WSC_TLS_NAMES_MAX + MORE; i++)
        wsc_tls_names_count(t, name_of(text, i), 1);
    wsc_tls_names_count(t, name_of(text, 7), 10);
    for (int merged = 0; merged < 2; merged++) {
        if (merged)
            wsc_tls_names_merge(all, t);
        size_t n = wsc_tls_names_list(merged ? all : t, rows, WSC_TLS_NAMES_MAX + 1);
        cr_assert_eq(n, WSC_TLS_NAMES_MAX + 1);
        cr_expect_str_eq(rows[0].name, "n7.example");
        cr_expect_eq(rows[0].connections, 11);
        cr_expect_str_eq(rows[n - 1].name, "(other names)");
        cr_expect_eq(rows[n - 1].connections, MORE);
    }
    cr_expect_eq(wsc_tls_names_list(t, rows, 3), WSC_TLS_NAMES_MAX + 1, "3 are room for 3");
    wsc_tls_names_free(t);
    wsc_tls_names_free(all);
}

static struct wsc_endpoint place(unsigned i)
{
    struct wsc_endpoint e = {.family = 4, .port = 443};
    e.addr[0] = 10;
    e.addr[1] = (uint8_t)(i >> 8);
    e.addr[2] = (uint8_t)i;
    return e;
}

/* New places are not known; those that are can still lose their name. */
Test(wss_places, beyond_the_ceiling_new_places_are_not_known)
{
    struct wsc_wss_places *t = wsc_wss_places_new();
    cr_assert_not_null(t);
    for (unsigned i = 0; i < WSC_WSS_PLACES_MAX + 100; i++) {
        struct wsc_endpoint e = place(i);
        wsc_wss_places_note(t, &e, true);
    }
    struct wsc_endpoint first = place(0);
    wsc_wss_places_note(t, &first, false);
    for (unsigned i = 0; i < WSC_WSS_PLACES_MAX + 100; i++) {
        struct wsc_endpoint e = place(i);
        cr_expect_eq(wsc_wss_places_known(t, &e), i > 0 && i < WSC_WSS_PLACES_MAX, "%u", i);
    }
    wsc_wss_places_free(t);
}
