/* Text from the network, made fit for each medium; and times as the SPEC writes them. */
#ifndef WSC_REPORT_TEXT_H
#define WSC_REPORT_TEXT_H

#include <wsclose/closure.h>

#include <stdio.h>

/* "2026-01-02T03:04:05.123456789Z". */
#define WSC_TIME_TEXT_MAX 32u
void wsc_time_text(uint64_t ns, char out[WSC_TIME_TEXT_MAX]);

/* Reads one UTF-8 character of |s| at |*at| and moves on. Returns its code point, or -1 for a byte
 * that is none (then one byte is passed over). |*at| < s.len. */
int32_t wsc_text_next(struct wsc_span s, size_t *at);

/* Columns a terminal gives |c|: 0, 1 or 2. */
int wsc_text_columns(int32_t c);

/* True if |c| must not reach a terminal as it is: controls, bidirectional overrides, separators
 * that break lines. */
bool wsc_text_unsafe(int32_t c);

/* Writes |s| to |out| of |cap| bytes as safe text, at most |columns| wide (0: no limit),
 * NUL-terminated, cut with "..." or, with |utf8|, an ellipsis. Returns the columns used. */
size_t wsc_text_fit(struct wsc_span s, size_t columns, bool utf8, char *out, size_t cap);

#endif
