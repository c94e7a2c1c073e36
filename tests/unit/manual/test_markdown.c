#include "markdown.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *text;
    const char *roff; /* NULL: refused */
} pages[] = {
    {"the title is left out", "# Title\n\ntext\n", "text\n"},
    {"paragraphs", "one\ntwo\n\nthree\n", "one\ntwo\n.Pp\nthree\n"},
    {"a heading", "one\n\n## `a`: No b\n\ntwo\n", "one\n.Ss \\&\\fBa\\fR: \\&No \\&b\ntwo\n"},
    {"sentences", "One. Two.\n", "One.\nTwo.\n"},
    {"code and bold", "`a-b` and **c**\n", "\\fBa\\-b\\fR and \\fBc\\fR\n"},
    {"a line like a request", ".so x\n'br\n", "\\&.so x\n\\(aqbr\n"},
    {"code like a request", "`.a` b\n", "\\fB.a\\fR b\n"},
    {"a fence", "a:\n\n```\n.b `c`\n| d |\n```\n",
     "a:\n.Bd -literal -offset indent\n\\&.b \\(gac\\(ga\n| d |\n.Ed\n"},
    {"a table", "| column | unit | meaning |\n|---|---|---|\n| `Ar` | ms | x |\n| b c | | y |\n",
     ".Bl -tag -width Ds\n.It \\&\\fBAr\\fR\n(ms)\nx\n.It \\&b \\&c\ny\n.El\n"},
    {"text behind a table", "| a | b |\n|---|---|\n| c | d |\n\ntext\n",
     ".Bl -tag -width Ds\n.It \\&c\nd\n.El\n.Pp\ntext\n"},
    {"a row with too few columns", "| a | b | c |\n|---|---|---|\n| d | e |\n", NULL},
    {"a row with too many columns", "| a | b |\n|---|---|\n| d | e | f |\n", NULL},
    {"a fence that does not end", "```\na\n", NULL},
};

Test(markdown, pages)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        char path[] = "/tmp/wsclose-markdown-XXXXXX", *made = NULL;
        size_t len = 0;
        int fd = mkstemp(path);
        cr_assert_eq(write(fd, pages[i].text, strlen(pages[i].text)),
                     (ssize_t)strlen(pages[i].text));
        (void)close(fd);
        FILE *out = open_memstream(&made, &len);
        bool ok = markdown_write(out, path);
        (void)fclose(out);
        (void)unlink(path);
        cr_expect_eq(ok, pages[i].roff != NULL, "%s", pages[i].name);
        if (pages[i].roff != NULL)
            cr_expect_str_eq(made, pages[i].roff, "%s: %s", pages[i].name, made);
        free(made);
    }
}

Test(markdown, no_file)
{
    cr_expect(!markdown_write(stdout, "/nowhere/README.md"));
}
