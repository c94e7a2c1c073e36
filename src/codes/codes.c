#include <wsclose/codes.h>

static const struct wsc_code_info registry[] = {
#include "official_codes.inc"
};

const struct wsc_code_info *wsc_codes(size_t *n)
{
    *n = sizeof(registry) / sizeof(registry[0]);
    return registry;
}

const struct wsc_code_info *wsc_code_find(int code)
{
    const struct wsc_code_info *best = NULL;
    size_t n;
    const struct wsc_code_info *all = wsc_codes(&n);
    for (size_t i = 0; i < n; i++) {
        const struct wsc_code_info *c = &all[i];
        if (code < c->first || code > c->last)
            continue;
        if (best == NULL || c->last - c->first < best->last - best->first)
            best = c;
    }
    return best;
}

bool wsc_code_on_wire(int code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
