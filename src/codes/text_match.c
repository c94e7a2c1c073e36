#include "codes/text_match.h"

#include <string.h>

/* ---- reason texts ---- */

/* A reason shorter than this was not cut: 123 bytes less an ellipsis of 3. */
#define CUT_FROM 120u

static bool is_digit(uint8_t b)
{
    return b >= '0' && b <= '9';
}

/* Bytes of the number |p| begins with, 0 if none: digits, and single ',' or '.' between them. */
static size_t number_len(const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && is_digit(p[n]))
        n += n + 2 < len && (p[n + 1] == ',' || p[n + 1] == '.') && is_digit(p[n + 2]) ? 2 : 1;
    return n;
}

static bool any_at(const char *pattern, size_t len)
{
    return len >= 3 && memcmp(pattern, "...", 3) == 0;
}

/* A glob with '#' for numbers. On a mismatch it goes back to the last "..." only, which is enough
 * and keeps the work within |plen| * |len|. |cut|: the text may end before the pattern does, unless
 * a "..." came before: that would take any text. */
static bool match_one(const char *pattern, size_t plen, const uint8_t *text, size_t len, bool cut)
{
    size_t p = 0, t = 0, back_p = 0, back_t = 0;
    bool back = false;
    for (;;) {
        if (any_at(pattern + p, plen - p)) {
            p += 3;
            back = true;
            back_p = p;
            back_t = t;
            continue;
        }
        if (t == len && (p == plen || (cut && !back)))
            return true;
        size_t n = 0;
        if (t < len && p < plen)
            n = pattern[p] == '#' ? number_len(text + t, len - t) : (uint8_t)pattern[p] == text[t];
        if (n > 0) {
            p++;
            t += n;
        } else if (back && back_t < len) {
            t = ++back_t;
            p = back_p;
        } else {
            return false;
        }
    }
}

/* Length of |text| without an ellipsis at its end. */
static size_t without_ellipsis(struct wsc_span text)
{
    const uint8_t *end = text.ptr + text.len;
    if (text.len >= 3 &&
        (memcmp(end - 3, "...", 3) == 0 || memcmp(end - 3, "\xe2\x80\xa6", 3) == 0))
        return text.len - 3;
    return text.len;
}

/* Length of the first of the alternatives, up to the " | " behind it. */
static size_t first_len(const char *patterns)
{
    const char *bar = strchrnul(patterns, '|');
    while (*bar != '\0' && (bar == patterns || bar[-1] != ' ' || bar[1] != ' '))
        bar = strchrnul(bar + 1, '|');
    return (size_t)(bar - patterns) - (*bar != '\0');
}

bool wsc_text_match(const char *patterns, struct wsc_span text)
{
    if (text.ptr == NULL || text.len == 0)
        return false;
    while (patterns[0] != '\0') {
        size_t plen = first_len(patterns);
        bool more = patterns[plen] != '\0';
        if (match_one(patterns, plen, text.ptr, text.len, false))
            return true;
        if (text.len >= CUT_FROM &&
            match_one(patterns, plen, text.ptr, without_ellipsis(text), true))
            return true;
        patterns += plen + (more ? 3 : 0);
    }
    return false;
}

/* ---- hosts ---- */

static uint8_t lower(uint8_t b)
{
    return b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b;
}

/* Length of the name in |host|: without a port and without the root's dot. */
static size_t name_len(struct wsc_span host)
{
    size_t n = 0;
    while (n < host.len && host.ptr[n] != ':')
        n++;
    if (n > 0 && host.ptr[n - 1] == '.')
        n--;
    return n;
}

bool wsc_host_match(const char *name, struct wsc_span host)
{
    if (host.ptr == NULL)
        return false;
    size_t p = strlen(name), h = name_len(host);
    while (p > 0) {
        if (name[p - 1] == '*') {
            size_t before = h;
            while (h > 0 && host.ptr[h - 1] != '.')
                h--;
            if (h == before)
                return false;
        } else if (h == 0 || lower(host.ptr[h - 1]) != (uint8_t)name[p - 1]) {
            return false;
        } else {
            h--;
        }
        p--;
    }
    return h == 0 || host.ptr[h - 1] == '.';
}
