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

int32_t wsc_utf8_next(const uint8_t *p, size_t n, size_t *at)
{
    const uint8_t *q = p + *at;
    size_t len = q[0] < 0x80 ? 1 : q[0] >= 0xf0 ? 4 : q[0] >= 0xe0 ? 3 : 2;
    if (len > n - *at || !wsc_utf8_valid(q, len)) {
        ++*at;
        return -1;
    }
    *at += len;
    if (len == 1)
        return q[0];
    int32_t c = q[0] & (0x3f >> (len - 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (q[i] & 0x3f);
    return c;
}

bool wsc_utf8_hidden(int32_t c)
{
    /* Default_Ignorable_Code_Point and Bidi_Control of Unicode 15, the line separators, and the
     * anchors of annotations. U+FE0F, which only colours an emoji, is let through; U+200D, which
     * joins emoji, is not: a host or a path with it looks like another. */
    static const struct {
        int32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
        {0x61c, 0x61c},     {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
        {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xfe00, 0xfe0e},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && c >= ranges[i].first; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}
