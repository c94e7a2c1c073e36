#include "report/text.h"

#include <wsclose/report.h>

#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void wsc_time_text(uint64_t ns, char out[WSC_TIME_TEXT_MAX])
{
    time_t s = (time_t)(ns / UINT64_C(1000000000));
    struct tm tm;
    if (gmtime_r(&s, &tm) == NULL || tm.tm_year > 9999 - 1900)
        memset(&tm, 0, sizeof(tm));
    size_t n = strftime(out, WSC_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, WSC_TIME_TEXT_MAX - n, ".%09" PRIu64 "Z", ns % UINT64_C(1000000000));
}

int32_t wsc_text_next(struct wsc_span s, size_t *at)
{
    const uint8_t *p = s.ptr + *at;
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (len > s.len - *at || !wsc_utf8_valid(p, len)) {
        ++*at;
        return -1;
    }
    *at += len;
    if (len == 1)
        return p[0];
    int32_t c = p[0] & (0x3f >> (len - 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
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

bool wsc_text_unsafe(int32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return true;
    return c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

/* One character as it may be shown: itself, or a visible escape. Returns its columns; |*len| its
 * bytes. */
static size_t show(struct wsc_span s, size_t *at, char out[16], size_t *len)
{
    size_t from = *at;
    int32_t c = wsc_text_next(s, at);
    if (c < 0)
        *len = (size_t)snprintf(out, 16, "\\x%02x", s.ptr[from]);
    else if (c == '\n')
        *len = (size_t)snprintf(out, 16, "\\n");
    else if (wsc_text_unsafe(c))
        *len = (size_t)snprintf(out, 16, c < 0x100 ? "\\x%02" PRIx32 : "\\u{%" PRIx32 "}",
                                (uint32_t)c);
    else
        memcpy(out, s.ptr + from, *len = *at - from);
    return c >= 0 && !wsc_text_unsafe(c) ? (size_t)wsc_text_columns(c) : *len;
}

size_t wsc_text_fit(struct wsc_span s, size_t columns, bool utf8, char *out, size_t cap)
{
    static const size_t ellipsis_room = 4;
    const char *ellipsis = utf8 ? "\xe2\x80\xa6" : "...";
    const size_t ellipsis_columns = utf8 ? 1 : 3;
    size_t used = 0, len = 0, cut_used = 0, cut_len = 0;
    for (size_t at = 0; at < s.len;) {
        char piece[16];
        size_t n = 0, w = show(s, &at, piece, &n);
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
        char piece[16];
        size_t n = 0;
        (void)show(text, &at, piece, &n);
        fwrite(piece, 1, n, out);
    }
}
