/* What compare says where the code book has no page for the pair: from the facts of both pages. */
#ifndef WSC_REPORT_DERIVE_H
#define WSC_REPORT_DERIVE_H

#include <wsclose/report.h>

#define DERIVED_MAX  5u
#define SENTENCE_MAX 1024u /* bytes; a language may need three a character */
struct derived {
    char text[DERIVED_MAX][SENTENCE_MAX];
    size_t len;
};

/* Sentences on how the two differ, translated; at least one. */
void wsc_derive_difference(const struct wsc_report_code c[2], struct derived *out);

/* Sentences on how to tell them apart in a capture, translated; at least one. */
void wsc_derive_tell(const struct wsc_report_code c[2], struct derived *out);

#endif
