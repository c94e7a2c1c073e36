#include "roff.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text, *roff;
} texts[] = {
    {"plain", "two words", "two words\n"},
    {"a request", ".TH x", "\\&.TH x\n"},
    {"a request without break", "'br", "\\(aqbr\n"},
    {"a comment", ".\\\" gone", "\\&.\\e\\(dq gone\n"},
    {"an escape", "\\fBbold\\n(x", "\\efBbold\\en(x\n"},
    {"options and ranges", "--db 1-2", "\\-\\-db 1\\-2\n"},
    {"what would be set otherwise", "`a' \"b\" ~/c ^d", "\\(gaa\\(aq \\(dqb\\(dq \\(ti/c \\(had\n"},
    {"a sentence a line", "One. Two? Three.", "One.\nTwo?\nThree.\n"},
    {"no sentence", "e.g. one, v1. x", "e.g. one, v1. x\n"},
    {"a sentence that begins like a request", "One. .Two", "One. .Two\n"},
    {"a line that begins like a request", "one\n.so /etc/passwd", "one\n\\&.so /etc/passwd\n"},
    {"UTF-8", "\xe6\x97\xa5", "\xe6\x97\xa5\n"},
    {"nothing", "", "\n"},
};

Test(roff, text)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *made = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&made, &len);
        roff_text(out, texts[i].text, strlen(texts[i].text));
        (void)fclose(out);
        cr_expect_str_eq(made, texts[i].roff, "%s: %s", texts[i].name, made);
        free(made);
    }
}

Test(roff, a_word_is_no_macro)
{
    char *made = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&made, &len);
    roff_word(out, "Ar", 2);
    roff_word(out, "\"-.\"", 4);
    (void)fclose(out);
    cr_expect_str_eq(made, "\\&Ar\\&\\(dq\\-.\\(dq", "%s", made);
    free(made);
}
