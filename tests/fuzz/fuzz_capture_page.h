/* What fuzz_capture asks of printed records. Each aborts where something does not hold. */
#ifndef WSC_FUZZ_CAPTURE_PAGE_H
#define WSC_FUZZ_CAPTURE_PAGE_H

#include <wsclose/report.h>

/* One record as a line of NDJSON; the caller frees it. */
char *fuzz_page_one(const struct wsc_closure *rec);

/* |rec|, which a store gave back, prints as |line| does, but for what only a store knows. */
void fuzz_page_same(const char *line, const struct wsc_closure *rec);

/* The page can be parsed, and holds |records| of them. Of a table: no control character but the
 * newline. */
void fuzz_page_check(enum wsc_format format, const char *page, size_t len, uint64_t records);

#endif
