#include "completion.h"

#include <stdlib.h>

/* In fish's single quotes, \ and ' alone have a meaning. */
static void quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\' || *p == '\'')
            fputc('\\', out);
        fputc(*p, out);
    }
    fputc('\'', out);
}

/* The command that offers the values, as fish reads it. */
static void call(FILE *out, const struct takes *t)
{
    char room[TAKES_ROOM];
    const char *word;
    fprintf(out, "(__wsclose_%s", completion_kind(t));
    if (t->stored != NULL)
        fprintf(out, " %s", t->stored);
    for (size_t i = 0; t->word != NULL && (word = t->word(i, room)) != NULL; i++) {
        fprintf(out, " %s", word);
        if (t->about == NULL)
            continue;
        fputs("\\t", out);
        quoted(out, t->about(i));
    }
    fputc(')', out);
}

/* "-k -x -a '(__wsclose_KIND ...)'" */
static void takes(FILE *out, const struct takes *t)
{
    char *text = NULL;
    size_t len = 0;
    FILE *mem = t != NULL ? open_memstream(&text, &len) : NULL;
    if (mem == NULL) {
        fputs(" -x", out);
        return;
    }
    call(mem, t);
    if (fclose(mem) == 0) {
        fputs(" -k -x -a ", out);
        quoted(out, text);
    }
    free(text);
}

static void option(FILE *out, const struct args_command *cmd, const struct args_option *o)
{
    char brief[COMPLETION_BRIEF];
    fprintf(out, "complete -c wsclose -n '__wsclose_is %s' -l %s", cmd->name, o->name);
    if (o->letter != 0)
        fprintf(out, " -s %c", o->letter);
    if (o->value != NULL)
        takes(out, o->takes);
    fputs(" -d ", out);
    quoted(out, completion_brief(o->help, brief));
    fputc('\n', out);
}

void completion_fish(FILE *out, const void *ctx)
{
    const struct args_option *table;
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++) {
        const struct args_command *cmd = commands[c];
        fprintf(out, "complete -c wsclose -n '__wsclose_is_none; or __wsclose_is help' -a %s -d ",
                cmd->name);
        quoted(out, cmd->summary);
        fputc('\n', out);
        for (size_t t = 0; (table = args_table_at(cmd, t)) != NULL; t++)
            for (const struct args_option *o = table; o->name != NULL; o++)
                option(out, cmd, o);
        if (cmd->takes != NULL) {
            fprintf(out, "complete -c wsclose -n '__wsclose_is %s'", cmd->name);
            takes(out, cmd->takes);
            fputc('\n', out);
        }
        fprintf(out, "complete -c wsclose -n '__wsclose_is %s' -s h -l help -d '" ARGS_HELP "'\n",
                cmd->name);
    }
}
