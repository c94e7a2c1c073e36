#include "report/page_text.h"

#include "base/decimal.h"
#include "report/text.h"

#include <stdarg.h>
#include <stdio.h>

void wsc_pt_init(struct wsc_pt *t, size_t max)
{
    *t = (struct wsc_pt){.failed = false};
    wsc_buf_init(&t->buf, max);
}

void wsc_pt_clear(struct wsc_pt *t)
{
    wsc_buf_clear(&t->buf);
}

void wsc_pt_bytes(struct wsc_pt *t, const void *bytes, size_t n)
{
    if (!t->failed && !wsc_buf_append(&t->buf, bytes, n))
        t->failed = true;
}

void wsc_pt_put(struct wsc_pt *t, const char *text)
{
    wsc_pt_bytes(t, text, strlen(text));
}

void wsc_pt_printf(struct wsc_pt *t, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text))
        t->failed = true;
    else
        wsc_pt_bytes(t, text, (size_t)n);
}

/* ---- HTML ---- */

static const char *entity(char c)
{
    return c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&quot;"
           : c == '\'' ? "&#39;"
                       : NULL;
}

void wsc_pt_html(struct wsc_pt *t, struct wsc_span s)
{
    for (size_t at = 0; at < s.len;) {
        char piece[WSC_TEXT_SHOWN_MAX];
        size_t n = 0;
        (void)wsc_text_show(s, &at, piece, &n);
        const char *e = n == 1 ? entity(piece[0]) : NULL;
        if (e != NULL)
            wsc_pt_put(t, e);
        else
            wsc_pt_bytes(t, piece, n);
    }
}

void wsc_pt_html_string(struct wsc_pt *t, const char *s)
{
    wsc_pt_html(t, wsc_pt_span(s));
}

const char *wsc_pt_count(uint64_t n, char out[WSC_PT_COUNT_MAX])
{
    char digits[WSC_DECIMAL_MAX];
    size_t len = (size_t)(wsc_decimal(digits, n) - digits), at = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* ---- JSON ---- */

void wsc_pt_element(struct wsc_pt *t)
{
    if (t->comma)
        wsc_pt_put(t, ",");
    t->comma = true;
}

void wsc_pt_key(struct wsc_pt *t, const char *name)
{
    wsc_pt_element(t);
    wsc_pt_put(t, "\"");
    wsc_pt_put(t, name);
    wsc_pt_put(t, "\":");
}

void wsc_pt_open(struct wsc_pt *t, char bracket)
{
    wsc_pt_bytes(t, &bracket, 1);
    t->comma = false;
}

void wsc_pt_close(struct wsc_pt *t, char bracket)
{
    wsc_pt_bytes(t, &bracket, 1);
    t->comma = true;
}

/* Of a visible character or an escape; |n| bytes. */
static void put_piece(struct wsc_pt *t, const char *piece, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = piece[i];
        if (c == '"' || c == '\\')
            wsc_pt_put(t, "\\");
        if (c == '<' || c == '>' || c == '&')
            wsc_pt_printf(t, "\\u%04x", (unsigned)c);
        else
            wsc_pt_bytes(t, &c, 1);
    }
}

/* Length of the beginning of |s| that JSON in HTML takes as it is. */
static size_t plain(struct wsc_span s, size_t at)
{
    size_t n = at;
    while (n < s.len && s.ptr[n] >= 0x20 && s.ptr[n] < 0x7f && s.ptr[n] != '"' &&
           s.ptr[n] != '\\' && s.ptr[n] != '<' && s.ptr[n] != '>' && s.ptr[n] != '&')
        n++;
    return n - at;
}

void wsc_pt_string(struct wsc_pt *t, struct wsc_span s)
{
    if (s.ptr == NULL) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_put(t, "\"");
    for (size_t at = 0; at < s.len;) {
        char piece[WSC_TEXT_SHOWN_MAX];
        size_t n = plain(s, at);
        wsc_pt_bytes(t, s.ptr + at, n);
        at += n;
        if (at == s.len)
            break;
        (void)wsc_text_show(s, &at, piece, &n);
        put_piece(t, piece, n);
    }
    wsc_pt_put(t, "\"");
}

void wsc_pt_word(struct wsc_pt *t, const char *s)
{
    wsc_pt_string(t, wsc_pt_span(s));
}

void wsc_pt_number(struct wsc_pt *t, int64_t v)
{
    char text[WSC_DECIMAL_MAX];
    if (v < 0)
        wsc_pt_put(t, "null");
    else
        wsc_pt_bytes(t, text, (size_t)(wsc_decimal(text, (uint64_t)v) - text));
}

/* Microseconds as milliseconds, without zeros at the end. */
static void put_us(struct wsc_pt *t, uint64_t us)
{
    char text[WSC_DECIMAL_MAX + 4], *at = wsc_decimal(text, us / 1000);
    if (us % 1000 != 0) {
        *at++ = '.';
        at = wsc_decimal_padded(at, us % 1000, 3);
        while (at[-1] == '0')
            at--;
    }
    wsc_pt_bytes(t, text, (size_t)(at - text));
}

void wsc_pt_ms(struct wsc_pt *t, int64_t ns)
{
    if (ns < 0)
        wsc_pt_put(t, "null");
    else
        put_us(t, ((uint64_t)ns + 500) / 1000);
}

void wsc_pt_time(struct wsc_pt *t, uint64_t ns)
{
    if (ns == 0)
        wsc_pt_put(t, "null");
    else
        put_us(t, ns / 1000 + (ns % 1000 >= 500));
}

/* Structure is ASCII without these three, so they stand in strings only. */
int wsc_pt_dumped(const char *text, size_t n, void *pt)
{
    struct wsc_pt *t = pt;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '<' || text[i] == '>' || text[i] == '&')
            wsc_pt_printf(t, "\\u%04x", (unsigned)text[i]);
        else
            wsc_pt_bytes(t, &text[i], 1);
    }
    return t->failed ? -1 : 0;
}
