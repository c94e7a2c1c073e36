/* Text for mdoc(7): nothing in it is a request, a macro or an escape, and what one copies out of a
 * page is what stood in the text. */
#ifndef WSCLOSE_MANUAL_ROFF_H
#define WSCLOSE_MANUAL_ROFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One character of running text. */
void roff_char(FILE *out, char c);

/* True if a sentence ends at |text[i]|: the next begins on a line of its own. */
bool roff_ends_sentence(const char *text, size_t i, size_t len);

/* |len| bytes as lines of running text, each sentence on a line of its own; ends the last line. */
void roff_text(FILE *out, const char *text, size_t len);

/* One argument of a macro: |len| bytes without spaces. */
void roff_word(FILE *out, const char *word, size_t len);

#endif
