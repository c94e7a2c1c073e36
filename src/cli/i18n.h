/* The language of headings and prose. */
#ifndef WSC_CLI_I18N_H
#define WSC_CLI_I18N_H

#include <stdbool.h>

/* Takes the language of the environment: LC_ALL, LC_MESSAGES, LANG and LANGUAGE, as gettext reads
 * them, but also where no such locale is installed. A locale with another charset than UTF-8 gets
 * English. Numbers keep their English form. */
void i18n_init(void);

/* Takes "en", "ja" or "vi"; the output is then UTF-8 in any locale. False: another word. */
bool i18n_use(const char *lang);

/* The one in use, as i18n_use() takes it. Valid until the next i18n_use(). */
const char *i18n_language(void);

#endif
