/* Man pages: what stands in the option tables, between what stands in packaging/man/. */
#ifndef WSCLOSE_MANUAL_PAGES_H
#define WSCLOSE_MANUAL_PAGES_H

#include <stdbool.h>

/* Writes wsclose.1 and a page of each command to |out|/man1, wsclose-schema.5 to |out|/man5.
 * |source| is the root of the sources. Returns false, having said why. */
bool pages_write(const char *source, const char *out);

#endif
