#include "closure/software.h"

#include <criterion/criterion.h>

#include <string.h>

/* Headers as the products' own pages and captures have them. */
Test(software, is_named_by_its_header)
{
    static const struct {
        const char *header, *name; /* NULL: nobody */
        bool proxy;
    } rows[] = {
        {"", NULL, false},
        {"n", NULL, false},
        {"ngin", NULL, false},
        {"nginx", "nginx", true},
        {"nginx/1.22.1", "nginx", true},
        {"openresty (nginx)", "nginx", true},
        {"Python/3.11 websockets/10.4", "Python websockets", false},
        {"websockets", NULL, false},
        {"nginx, websockets/", "Python websockets", false},
        {"websockets/ nginx", "Python websockets", false},
        {"envoy nginx", "Envoy", true},
        {"nginx envoy", "Envoy", true},
        {"Daphne", "daphne", false},
        {"Jetty(9.4.z)", "Jetty", false},
        {"Jetty", NULL, false},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", NULL, false},
        {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/126.0.0.0 Safari/537.36",
         NULL, false},
        {"Microsoft-IIS/10.0", "IIS", true},
        {"NGINX", NULL, false},
        {"Go-http-client/1.1", "Go (default HTTP client)", false},
        {"nnginxx", "nginx", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_span header = {.ptr = (const uint8_t *)rows[i].header,
                                  .len = strlen(rows[i].header)};
        const struct wsc_software *s = wsc_software_named(header);
        cr_expect_eq(s == NULL, rows[i].name == NULL, "\"%s\"", rows[i].header);
        if (s == NULL || rows[i].name == NULL)
            continue;
        cr_expect_str_eq(s->name, rows[i].name, "\"%s\"", rows[i].header);
        cr_expect_eq(s->proxy, rows[i].proxy, "\"%s\"", rows[i].header);
    }
    cr_expect_null(wsc_software_named((struct wsc_span){0}), "no header");
    size_t n;
    const struct wsc_software *all = wsc_softwares(&n);
    for (size_t i = 0; i < n; i++) {
        struct wsc_span token = {.ptr = (const uint8_t *)all[i].token, .len = strlen(all[i].token)};
        cr_expect_eq(wsc_software_named(token), &all[i], "%s", all[i].token);
    }
}
