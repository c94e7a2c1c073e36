#include "command_line.h"

#include "commands.h"

#include <stdio.h>
#include <string.h>

void command_line(const char *words, const char *db, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "%s", words);
    if (strcmp(db, DEFAULT_DB) == 0)
        return;
    if (db[strspn(db, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+")] ==
        '\0') {
        (void)snprintf(out + n, cap - n, " --db %s", db);
        return;
    }
    n += (size_t)snprintf(out + n, cap - n, " --db '");
    for (const char *p = db; *p != '\0' && n + 8 < cap; p++)
        n += (size_t)snprintf(out + n, cap - n, *p == '\'' ? "'\\''" : "%c", *p);
    (void)snprintf(out + n, cap - n, "'");
}
