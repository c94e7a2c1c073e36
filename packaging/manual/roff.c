#include "roff.h"

#include <ctype.h>

/* Characters that roff takes for others, or sets as others. */
static const char *const escapes[128] = {
    ['\\'] = "\\e",  ['-'] = "\\-",   ['\''] = "\\(aq", ['`'] = "\\(ga",
    ['^'] = "\\(ha", ['~'] = "\\(ti", ['"'] = "\\(dq"};

void roff_char(FILE *out, char c)
{
    unsigned char u = (unsigned char)c;
    if (u < 128 && escapes[u] != NULL)
        fputs(escapes[u], out);
    else
        fputc(c, out);
}

bool roff_ends_sentence(const char *text, size_t i, size_t len)
{
    return i + 2 < len && (text[i] == '.' || text[i] == '?') && text[i + 1] == ' ' &&
           isupper((unsigned char)text[i + 2]);
}

void roff_text(FILE *out, const char *text, size_t len)
{
    bool first = true;
    for (size_t i = 0; i < len; i++) {
        if (first && text[i] == '.')
            fputs("\\&", out);
        roff_char(out, text[i]);
        bool ends = roff_ends_sentence(text, i, len);
        first = ends || text[i] == '\n';
        if (!ends)
            continue;
        fputc('\n', out);
        i++;
    }
    fputc('\n', out);
}

void roff_word(FILE *out, const char *word, size_t len)
{
    fputs("\\&", out);
    for (size_t i = 0; i < len; i++)
        roff_char(out, word[i]);
}
