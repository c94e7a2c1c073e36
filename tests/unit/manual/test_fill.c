#include "fill.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_one(FILE *out, const void *ctx)
{
    fprintf(out, "%s\n", (const char *)ctx);
}

static const struct fill_slot slots[] = {{"ONE", put_one}, {NULL, NULL}};

static const struct {
    const char *name, *text;
    const char *made; /* NULL: refused */
} templates[] = {
    {"filled", "a\n@ONE@\nb\n", "a\nx\nb\n"},
    {"the last line has no end", "@ONE@", "x\n"},
    {"within a line it is text", "@ONE@\na @ONE@\n@ \n@@\n", "x\na @ONE@\n@ \n@@\n"},
    {"lacks it", "a\n", NULL},
    {"has it twice", "@ONE@\n@ONE@\n", NULL},
    {"stands for nothing", "@ONE@\n@TWO@\n", NULL},
    {"empty", "", NULL},
};

Test(fill, templates)
{
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        char from[] = "/tmp/wsclose-fill-XXXXXX", to[] = "/tmp/wsclose-fill-XXXXXX", made[200] = "";
        int in = mkstemp(from), out = mkstemp(to);
        cr_assert_eq(write(in, templates[i].text, strlen(templates[i].text)),
                     (ssize_t)strlen(templates[i].text));
        cr_expect_eq(fill(from, to, slots, "x"), templates[i].made != NULL, "%s",
                     templates[i].name);
        cr_assert(read(out, made, sizeof(made) - 1) >= 0);
        if (templates[i].made != NULL)
            cr_expect_str_eq(made, templates[i].made, "%s: %s", templates[i].name, made);
        (void)close(in);
        (void)close(out);
        (void)unlink(from);
        (void)unlink(to);
    }
}

Test(fill, files_that_cannot_be_had)
{
    cr_expect(!fill("/nowhere/a", "/dev/null", slots, "x"));
    cr_expect(!fill("/dev/null", "/nowhere/a", slots, "x"));
    cr_expect(!fill("/", "/dev/null", slots, "x"));
}
