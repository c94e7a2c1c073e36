#include "i18n.h"

#include "out.h"

#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define DOMAIN_NAME "wsclose"
#define PATH_ROOM   4096

static const char *const translated[] = {"ja", "vi"};

static bool is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* The first of |names| that is set in the environment and not empty, or NULL. */
static const char *first_set(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && v[0] != '\0')
            return v;
    }
    return NULL;
}

static bool is_plain(const char *locale)
{
    return locale == NULL || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
}

/* True if |locale| names a charset ("ja_JP.eucJP"), and not UTF-8. */
static bool names_other_charset(const char *locale)
{
    const char *dot = locale != NULL ? strchr(locale, '.') : NULL;
    if (dot == NULL)
        return false;
    size_t n = strcspn(dot + 1, "@");
    return !(n == 5 && strncasecmp(dot + 1, "utf-8", n) == 0) &&
           !(n == 4 && strncasecmp(dot + 1, "utf8", n) == 0);
}

/* The language of the first of the names in |list|, apart by colons, that we know; "en" if none. */
static const char *language_in(const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ":"), n = strcspn(list, "_.@:");
        if ((n == 2 && memcmp(list, "en", 2) == 0) || (n == 1 && list[0] == 'C'))
            return "en";
        for (size_t i = 0; i < sizeof(translated) / sizeof(translated[0]); i++)
            if (n == strlen(translated[i]) && memcmp(list, translated[i], n) == 0)
                return translated[i];
        list += len + (list[len] == ':');
    }
    return "en";
}

/* ---- catalogs ---- */

static bool has_catalog(const char *dir, const char *lang)
{
    char path[PATH_ROOM + 64];
    (void)snprintf(path, sizeof(path), "%s/%s/LC_MESSAGES/" DOMAIN_NAME ".mo", dir, lang);
    return access(path, R_OK) == 0;
}

/* Beside the program wherever it was moved, where it was to be installed, where it was built. With
 * a right that its file brings, the place it was started from is no word to go by: that may be a
 * link that somebody else made. */
static bool bind_catalog(const char *lang)
{
    static const char from_bin[] = "/../share/locale";
    char beside[PATH_ROOM + sizeof(from_bin)] = "";
    ssize_t n = getauxval(AT_SECURE) == 0 ? readlink("/proc/self/exe", beside, PATH_ROOM - 1) : 0;
    beside[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(beside, '/');
    if (slash != NULL)
        memcpy(slash, from_bin, sizeof(from_bin));
    const char *const dirs[] = {beside, WSCLOSE_LOCALE_DIR, WSCLOSE_BUILD_LOCALE_DIR};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        if (!has_catalog(dirs[i], lang))
            continue;
        (void)bindtextdomain(DOMAIN_NAME, dirs[i]);
        (void)bind_textdomain_codeset(DOMAIN_NAME, "UTF-8");
        return true;
    }
    return false;
}

/* ---- switching ---- */

/* gettext reads LANGUAGE in every locale but "C", so C.UTF-8 serves for all of them. */
static void switch_to(const char *lang)
{
    if (strcmp(lang, "en") == 0) {
        (void)setlocale(LC_MESSAGES, "C");
        return;
    }
    if (!is_utf8()) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        (void)setenv("LESSCHARSET", "utf-8", 0); /* the pager goes by the environment */
    }
    (void)setenv("LANGUAGE", lang, 1);
    (void)setlocale(LC_MESSAGES, "C.UTF-8");
}

void i18n_init(void)
{
    static const char *const message_names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    static const char *const charset_names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    bool installed = setlocale(LC_CTYPE, "") != NULL;
    const char *locale = first_set(message_names, 3), *charset = first_set(charset_names, 3);
    if (is_plain(locale))
        return;
    const char *list = getenv("LANGUAGE");
    const char *lang = language_in(list != NULL && list[0] != '\0' ? list : locale);
    if (names_other_charset(charset) || (installed && !is_plain(charset) && !is_utf8()))
        return;
    if (strcmp(lang, "en") != 0 && bind_catalog(lang))
        switch_to(lang);
}

bool i18n_use(const char *lang)
{
    if (strcmp(lang, "en") == 0) {
        switch_to(lang);
        return true;
    }
    for (size_t i = 0; i < sizeof(translated) / sizeof(translated[0]); i++) {
        if (strcmp(translated[i], lang) != 0)
            continue;
        if (bind_catalog(lang))
            switch_to(lang);
        else
            out_say("no catalog for --lang %s is installed; going on in English", lang);
        return true;
    }
    return false;
}

const char *i18n_language(void)
{
    const char *locale = setlocale(LC_MESSAGES, NULL), *list = getenv("LANGUAGE");
    return is_plain(locale) || list == NULL ? "en" : language_in(list);
}
