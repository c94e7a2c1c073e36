#include <wsclose/codes.h>

#include "codes/text_match.h"

/* One row of data/reasons.tsv. */
struct row {
    struct wsc_reason_hint hint;
    const char *patterns; /* "" where the software writes no reason */
};

static const struct row rows[] = {
#include "reasons.inc"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool covers(const struct row *r, int code)
{
    return code >= r->hint.code && code <= r->hint.last;
}

size_t wsc_reason_find(int code, struct wsc_span reason, const struct wsc_reason_hint *out[],
                       size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!covers(&rows[i], code) || !wsc_text_match(rows[i].patterns, reason))
            continue;
        if (n < max)
            out[n] = &rows[i].hint;
        n++;
    }
    return n;
}

size_t wsc_reason_senders(int code, const struct wsc_reason_hint *out[], size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!covers(&rows[i], code))
            continue;
        if (n < max)
            out[n] = &rows[i].hint;
        n++;
    }
    return n;
}
