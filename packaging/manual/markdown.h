/* schema/README.md as mdoc(7): as much of Markdown as stands there. */
#ifndef WSCLOSE_MANUAL_MARKDOWN_H
#define WSCLOSE_MANUAL_MARKDOWN_H

#include <stdbool.h>
#include <stdio.h>

/* Writes |from| to |out|: "##" headings as .Ss, tables as lists with their first column as tags,
 * fenced blocks as they stand; the "#" heading is left out. Returns false, having said why: the
 * file cannot be read, a table has rows of unequal length, a fenced block does not end. */
bool markdown_write(FILE *out, const char *from);

#endif
