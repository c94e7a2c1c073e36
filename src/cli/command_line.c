#include "command_line.h"

#include "commands.h"

#include <stdio.h>
#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+"

void command_word(const char *word, char *out, size_t cap)
{
    size_t n = strlen(out);
    if (n + strlen(word) + 4 >= cap)
        return;
    if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
        (void)snprintf(out + n, cap - n, " %s", word);
        return;
    }
    n += (size_t)snprintf(out + n, cap - n, " '");
    for (const char *p = word; *p != '\0' && n + 8 < cap; p++)
        n += (size_t)snprintf(out + n, cap - n, *p == '\'' ? "'\\''" : "%c", *p);
    (void)snprintf(out + n, cap - n, "'");
}

void command_line(const char *words, const char *db, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s", words);
    if (strcmp(db, DEFAULT_DB) == 0)
        return;
    command_word("--db", out, cap);
    command_word(db, out, cap);
}
