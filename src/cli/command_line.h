/* Lines that a person may copy into a shell. */
#ifndef WSC_CLI_COMMAND_LINE_H
#define WSC_CLI_COMMAND_LINE_H

#include <stddef.h>

/* |words|, "wsclose events" for example, with the database if it is not the usual one, quoted for a
 * shell. */
void command_line(const char *words, const char *db, char *out, size_t cap);

/* Appends a space and |word|, quoted for a shell where it needs that. What does not fit is left
 * out.
 */
void command_word(const char *word, char *out, size_t cap);

#endif
