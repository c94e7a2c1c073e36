#include "report/text.h"

#include <wsclose/report.h>

#include "base/decimal.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

static char *two_digits(char *at, char before, uint64_t v)
{
    *at++ = before;
    return wsc_decimal_padded(at, v, 2);
}

void wsc_time_text(uint64_t ns, char out[WSC_TIME_TEXT_MAX])
{
    uint64_t s = ns / UINT64_C(1000000000), days = s / 86400, second = s % 86400;
    /* Years that begin in March have their leap day at the end; eras of 400 years are all alike.
     * 719468 days lie between 0000-03-01 and 1970-01-01. What 64 bits hold ends in 2554. */
    uint64_t day = (days + 719468) % 146097, era = (days + 719468) / 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t in_year = day - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * in_year + 2) / 153; /* 0: March */
    char *at = wsc_decimal_padded(out, era * 400 + year + (month >= 10), 4);
    at = two_digits(at, '-', month < 10 ? month + 3 : month - 9);
    at = two_digits(at, '-', in_year - (153 * month + 2) / 5 + 1);
    at = two_digits(at, 'T', second / 3600);
    at = two_digits(at, ':', second / 60 % 60);
    at = two_digits(at, ':', second % 60);
    *at++ = '.';
    at = wsc_decimal_padded(at, ns % UINT64_C(1000000000), 9);
    *at++ = 'Z';
    *at = '\0';
}

int32_t wsc_text_next(struct wsc_span s, size_t *at)
{
    return wsc_utf8_next(s.ptr, s.len, at);
}

/* Unicode's East Asian wide and full-width ranges, and its combining marks, as far as they stand in
 * close reasons: a terminal's own table may differ, which costs alignment and nothing else. */
int wsc_text_columns(int32_t c)
{
    if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f))
        return 0;
    bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
                (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
    return wide ? 2 : 1;
}

size_t wsc_text_show(struct wsc_span s, size_t *at, char out[WSC_TEXT_SHOWN_MAX], size_t *len)
{
    size_t from = *at;
    int32_t c = wsc_text_next(s, at);
    bool hidden = c < 0 || wsc_utf8_hidden(c);
    if (c < 0)
        *len = (size_t)snprintf(out, WSC_TEXT_SHOWN_MAX, "\\x%02x", s.ptr[from]);
    else if (c == '\n')
        *len = (size_t)snprintf(out, WSC_TEXT_SHOWN_MAX, "\\n");
    else if (hidden)
        *len = (size_t)snprintf(out, WSC_TEXT_SHOWN_MAX,
                                c < 0x100 ? "\\x%02" PRIx32 : "\\u{%" PRIx32 "}", (uint32_t)c);
    else
        memcpy(out, s.ptr + from, *len = *at - from);
    return hidden ? *len : (size_t)wsc_text_columns(c);
}

bool wsc_text_joins(int32_t c)
{
    return c == 0x200c || c == 0x200d;
}

/* True if every byte of |s| is a visible character of ASCII: most texts are. */
static bool is_plain(struct wsc_span s)
{
    bool plain = true;
    for (size_t i = 0; i < s.len; i++)
        plain &= s.ptr[i] >= 0x20 && s.ptr[i] < 0x7f;
    return plain;
}

size_t wsc_text_fit(struct wsc_span s, size_t columns, bool utf8, char *out, size_t cap)
{
    static const size_t ellipsis_room = 4;
    const char *ellipsis = utf8 ? "\xe2\x80\xa6" : "...";
    const size_t ellipsis_columns = utf8 ? 1 : 3;
    size_t used = 0, len = 0, cut_used = 0, cut_len = 0;
    if ((columns == 0 || s.len <= columns) && s.len + ellipsis_room < cap && is_plain(s)) {
        if (s.len > 0)
            memcpy(out, s.ptr, s.len);
        out[s.len] = '\0';
        return s.len;
    }
    for (size_t at = 0; at < s.len;) {
        char piece[WSC_TEXT_SHOWN_MAX];
        size_t n = 0, w = wsc_text_show(s, &at, piece, &n);
        if ((columns != 0 && used + w > columns) || len + n + ellipsis_room >= cap) {
            memcpy(out + cut_len, ellipsis, strlen(ellipsis) + 1);
            return cut_used + ellipsis_columns;
        }
        memcpy(out + len, piece, n);
        len += n;
        used += w;
        if (columns == 0 || used + ellipsis_columns <= columns) {
            cut_len = len;
            cut_used = used;
        }
    }
    out[len] = '\0';
    return used;
}

void wsc_report_put_safe(FILE *out, struct wsc_span text)
{
    for (size_t at = 0; at < text.len;) {
        char piece[WSC_TEXT_SHOWN_MAX];
        size_t n = 0;
        (void)wsc_text_show(text, &at, piece, &n);
        fwrite(piece, 1, n, out);
    }
}

void wsc_report_safe_text(struct wsc_span text, char *out, size_t cap)
{
    (void)wsc_text_fit(text, 0, false, out, cap);
}
