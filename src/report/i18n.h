/* The words people read, in their language. JSON keys, CSV headings and the words of the SPEC are
 * never translated. */
#ifndef WSC_REPORT_I18N_H
#define WSC_REPORT_I18N_H

#include <libintl.h>

/* Marks a text for xgettext where it cannot be translated in place. */
#define N_(text) text

/* |text| in the language of LC_MESSAGES, as the program has bound the domain; else as it is. */
static inline const char *tr(const char *text) __attribute__((format_arg(1)));
static inline const char *tr(const char *text)
{
    return text[0] != '\0' ? dgettext("wsclose", text) : text;
}
#define _(text) tr(text)

#endif
