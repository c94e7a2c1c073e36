#include "base/utf8.h"

void wsc_utf8_init(struct wsc_utf8 *u)
{
    *u = (struct wsc_utf8){.low = 0x80, .high = 0xbf};
}

/* RFC 3629 section 4: which lead bytes there are, and what the second byte is confined to. */
static void lead(struct wsc_utf8 *u, uint8_t c)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (c < 0x80) {
        u->need = 0;
    } else if (c >= 0xc2 && c <= 0xdf) {
        u->need = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->need = 2;
        u->low = c == 0xe0 ? 0xa0 : 0x80;
        u->high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->need = 3;
        u->low = c == 0xf0 ? 0x90 : 0x80;
        u->high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        u->bad = true;
    }
}

bool wsc_utf8_feed(struct wsc_utf8 *u, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && !u->bad; i++) {
        if (u->need == 0) {
            lead(u, p[i]);
        } else if (p[i] < u->low || p[i] > u->high) {
            u->bad = true;
        } else {
            u->need--;
            u->low = 0x80;
            u->high = 0xbf;
        }
    }
    return !u->bad;
}

bool wsc_utf8_done(const struct wsc_utf8 *u)
{
    return !u->bad && u->need == 0;
}

bool wsc_utf8_valid(const uint8_t *p, size_t n)
{
    struct wsc_utf8 u;
    wsc_utf8_init(&u);
    return wsc_utf8_feed(&u, p, n) && wsc_utf8_done(&u);
}
