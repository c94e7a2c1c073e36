/* The copy of the program that may capture, where it is this program by another name. */
#include "cli/live_right.h"

#include "cli/i18n.h"
#include "cli/out.h"

#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char said[512];

void out_say(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(said, sizeof(said), format, ap);
    va_end(ap);
}

const char *i18n_language(void)
{
    return "en";
}

/* It is built for a copy at /proc/self/exe, a link as a directory above an installed one may be. */
Test(live_right, does_not_go_on_as_itself)
{
    char *words[] = {NULL};
    cr_expect(live_right_take(0, words));
    cr_expect_not_null(strstr(said, "CAP_NET_RAW"));
}
