/* Breaks prose into lines by the columns a terminal gives it. */
#ifndef WSC_REPORT_WRAP_H
#define WSC_REPORT_WRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Columns of |text|, which is ours: valid UTF-8 without controls. */
size_t wsc_wrap_columns(const char *text);

/* The first line of |text| in at most |width| columns (at least 2 are taken as given): returns its
 * bytes, without blanks at its end, and sets |*next| to where the following line begins (at the NUL
 * if there is none) and |*columns| to its width. Breaks at blanks and beside wide characters, but
 * never before closing or after opening punctuation. A word wider than a line is broken,
 * except a URL, which makes a longer line unless |hard|. */
size_t wsc_wrap_line(const char *text, size_t width, bool hard, const char **next, size_t *columns);

#endif
