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

/* The codes of each row, close together: nearly all rows are passed over by their code. */
static const struct {
    uint16_t first, last;
} codes[] = {
#include "reasons_codes.inc"
};
_Static_assert(sizeof(codes) / sizeof(codes[0]) == ROWS, "every row has its codes");

static bool covers(size_t row, int code)
{
    return code >= codes[row].first && code <= codes[row].last;
}

size_t wsc_reason_find(int code, struct wsc_span reason, const struct wsc_reason_hint *out[],
                       size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!covers(i, code) || !wsc_text_match(rows[i].patterns, reason))
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
        if (!covers(i, code))
            continue;
        if (n < max)
            out[n] = &rows[i].hint;
        n++;
    }
    return n;
}
