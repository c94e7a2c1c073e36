/* Incremental UTF-8 check (RFC 3629): no surrogates, nothing over U+10FFFF, shortest form only. */
#ifndef WSC_BASE_UTF8_H
#define WSC_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsc_utf8 {
    uint8_t need;      /* continuation bytes still to come */
    uint8_t low, high; /* bounds of the next one */
    bool bad;
};

void wsc_utf8_init(struct wsc_utf8 *u);
/* Takes the next |n| bytes. Returns false from the first bad byte on. */
bool wsc_utf8_feed(struct wsc_utf8 *u, const uint8_t *p, size_t n);
/* True if all that was fed is valid and no character is unfinished. */
bool wsc_utf8_done(const struct wsc_utf8 *u);
/* All three in one. */
bool wsc_utf8_valid(const uint8_t *p, size_t n);

/* Reads the character at p[*at] and moves on. Returns its code point, or -1 for a byte that belongs
 * to none (then one byte is passed over). |*at| < |n|. */
int32_t wsc_utf8_next(const uint8_t *p, size_t n, size_t *at);
/* True if |c| does something instead of being seen: controls (C0, DEL, C1), what turns the reading
 * direction, breaks a line, or has no width and is no part of a word. */
bool wsc_utf8_hidden(int32_t c);

#endif
