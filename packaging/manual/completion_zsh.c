#include "completion.h"

#include <string.h>

/* |text| inside a word in single quotes, where |special| have a meaning of their own to whom the
 * word is for. */
static void inside(FILE *out, const char *text, const char *special)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(special, *p) != NULL)
            fputc('\\', out);
        if (*p == '\'')
            fputs("'\\''", out);
        else
            fputc(*p, out);
    }
}

/* What follows the description: ":MESSAGE:ACTION". */
static void action(FILE *out, const char *message, const struct takes *t)
{
    char room[TAKES_ROOM];
    const char *word;
    fputc(':', out);
    inside(out, message, ":\\");
    fputc(':', out);
    if (t == NULL)
        return;
    fprintf(out, " _wsclose_%s", completion_kind(t));
    if (t->stored != NULL)
        fprintf(out, " %s", t->stored);
    for (size_t i = 0; t->word != NULL && (word = t->word(i, room)) != NULL; i++) {
        fprintf(out, " %s", word);
        if (t->about == NULL)
            continue;
        fputs("\\:", out); /* WORD:MEANING, with spaces that do not end it */
        inside(out, t->about(i), ": \\()'&|;<>");
    }
}

static void option(FILE *out, const struct args_option *o)
{
    char brief[COMPLETION_BRIEF];
    bool many = o->takes != NULL && o->takes->many;
    const char *equals = o->value != NULL ? "=" : "";
    if (o->letter != 0 && !many)
        fprintf(out, "        '(-%c --%s)'", o->letter, o->name);
    else
        fprintf(out, "        %s", many ? "'*'" : "");
    if (o->letter != 0)
        fprintf(out, "{-%c%s,--%s%s}'[", o->letter, o->value != NULL ? "+" : "", o->name, equals);
    else
        fprintf(out, "'--%s%s[", o->name, equals);
    inside(out, completion_brief(o->help, brief), "[]\\");
    fputc(']', out);
    if (o->value != NULL)
        action(out, o->value, o->takes);
    fputs("' \\\n", out);
}

void completion_zsh_functions(FILE *out, const void *ctx)
{
    const struct args_option *table;
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++) {
        const struct args_command *cmd = commands[c];
        fprintf(out, "_wsclose_command_%s() {\n    _arguments -s -S : \\\n", cmd->name);
        for (size_t t = 0; (table = args_table_at(cmd, t)) != NULL; t++)
            for (const struct args_option *o = table; o->name != NULL; o++)
                option(out, o);
        if (cmd->takes != NULL) {
            fputs("        '*", out);
            action(out, cmd->operands, cmd->takes);
            fputs("' \\\n", out);
        }
        fputs("        '(- *)'{-h,--help}'[" ARGS_HELP "]'\n}\n", out);
    }
}

void completion_zsh_commands(FILE *out, const void *ctx)
{
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++) {
        fprintf(out, "        '%s:", commands[c]->name);
        inside(out, commands[c]->summary, "\\:");
        fputs("'\n", out);
    }
}

void completion_zsh_cases(FILE *out, const void *ctx)
{
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++)
        fprintf(out, "        %s) _wsclose_command_%s && ret=0 ;;\n", commands[c]->name,
                commands[c]->name);
}
