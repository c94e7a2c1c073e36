#include "report/wrap.h"

#include "report/text.h"

#include <string.h>

static bool among(int32_t c, const int32_t *set, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (set[i] == c)
            return true;
    return false;
}

/* Japanese typesetting (kinsoku): what must not begin a line. */
static bool no_start(int32_t c)
{
    static const int32_t set[] = {
        ')',    ',',    '.',    ';',    ':',    '!',    '?',    '%',    ']',    0x3001,
        0x3002, 0x30fb, 0x30fc, 0x3005, 0xff01, 0xff09, 0xff0c, 0xff0e, 0xff1a, 0xff1b,
        0xff1f, 0x3009, 0x300b, 0x300d, 0x300f, 0x3011, 0x3015, 0xff3d, 0xff5d, 0x3041,
        0x3043, 0x3045, 0x3047, 0x3049, 0x3063, 0x3083, 0x3085, 0x3087, 0x308e, 0x30a1,
        0x30a3, 0x30a5, 0x30a7, 0x30a9, 0x30c3, 0x30e3, 0x30e5, 0x30e7, 0x30ee, 0x2026,
    };
    return among(c, set, sizeof(set) / sizeof(set[0]));
}

/* What must not end one. */
static bool no_end(int32_t c)
{
    static const int32_t set[] = {'(',    '[',    0x3008, 0x300a, 0x300c,
                                  0x300e, 0x3010, 0x3014, 0xff08, 0xff3b};
    return among(c, set, sizeof(set) / sizeof(set[0]));
}

/* True if a line may end between the neighbours |a| and |b|, none of them a blank. */
static bool may_break(int32_t a, int32_t b)
{
    bool wide = wsc_text_columns(a) == 2 || wsc_text_columns(b) == 2;
    return wide && !no_end(a) && !no_start(b);
}

static bool is_url(const char *word)
{
    size_t len = strcspn(word, " ");
    return memmem(word, len, "://", 3) != NULL;
}

size_t wsc_wrap_columns(const char *text)
{
    struct wsc_span s = {.ptr = (const uint8_t *)text, .len = strlen(text)};
    size_t columns = 0;
    for (size_t at = 0; at < s.len;)
        columns += (size_t)wsc_text_columns(wsc_text_next(s, &at));
    return columns;
}

size_t wsc_wrap_line(const char *text, size_t width, bool hard, const char **next, size_t *columns)
{
    struct wsc_span s = {.ptr = (const uint8_t *)text, .len = strlen(text)};
    size_t at = 0, used = 0, cut = 0, cut_columns = 0, resume = 0;
    int32_t before = ' ';
    while (at < s.len) {
        size_t from = at;
        int32_t c = wsc_text_next(s, &at);
        size_t w = (size_t)wsc_text_columns(c);
        if (c == ' ' && before != ' ') {
            cut = from;
            cut_columns = used;
        } else if (c != ' ' && before != ' ' && from > 0 && may_break(before, c)) {
            cut = resume = from;
            cut_columns = used;
        }
        if (c == ' ')
            resume = at;
        if (cut == 0 && used + w > width && used > 0 && (hard || !is_url(text))) {
            cut = resume = from;
            cut_columns = used;
        }
        if (used + w > width && c != ' ' && cut > 0) {
            *next = text + resume;
            *columns = cut_columns;
            return cut;
        }
        used += w;
        before = c;
    }
    *next = text + s.len;
    if (before == ' ' && s.len > 0) {
        *columns = cut_columns;
        return cut;
    }
    *columns = used;
    return s.len;
}
