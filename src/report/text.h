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

/* One character of |s| at |*at| as it may be shown: itself, or a visible escape ("\n", "\x1b",
 * "\u{202e}", "\xff" for a byte that is no UTF-8) where wsc_utf8_hidden(). Moves |*at| on. Returns
 * its columns; |*len| its bytes, which no NUL follows. |*at| < s.len. */
#define WSC_TEXT_SHOWN_MAX 16u
size_t wsc_text_show(struct wsc_span s, size_t *at, char out[WSC_TEXT_SHOWN_MAX], size_t *len);

/* True if data formats show |c| as it is all the same: it joins letters or emoji and acts on
 * nothing else. A person who looks for a name that only seems to be another has the table. */
bool wsc_text_joins(int32_t c);

/* Writes |s| to |out| of |cap| bytes as safe text, at most |columns| wide (0: no limit),
 * NUL-terminated, cut with "..." or, with |utf8|, an ellipsis. Returns the columns used. */
size_t wsc_text_fit(struct wsc_span s, size_t columns, bool utf8, char *out, size_t cap);

#endif
