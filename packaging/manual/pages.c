#include "pages.h"

#include "fill.h"
#include "markdown.h"
#include "roff.h"

#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/analysis.h"

#include <string.h>
#include <unistd.h>

#define PATH_ROOM 4096u

struct schema {
    const char *from;
    bool *ok;
};

/* ---- options ---- */

static void put(FILE *out, const char *text)
{
    roff_text(out, text, strlen(text));
}

static void heading(FILE *out, const struct args_option *table, size_t i)
{
    if (table == filter_table)
        fputs(".Ss Which records\n", out);
    else if (table == analysis_table)
        fputs(".Ss How packets are read\n", out);
    else if (i == 0)
        fputs(".Ss Options\n", out);
    else
        fputs(".Ss Everywhere\n", out);
}

static void item(FILE *out, const struct args_option *o)
{
    fputs(".It ", out);
    if (o->letter != 0)
        fprintf(out, "Fl %c , ", o->letter);
    fputs("Fl \\-", out);
    roff_word(out, o->name, strlen(o->name));
    if (o->value != NULL) {
        fputs(" Ar ", out);
        roff_word(out, o->value, strlen(o->value));
    }
    fputc('\n', out);
}

/* The words the option takes, unless the help has them all. */
static void words(FILE *out, const struct args_option *o)
{
    char room[TAKES_ROOM];
    const char *word;
    bool missing = false;
    if (o->takes == NULL || o->takes->about != NULL ||
        (o->takes->kind != TAKES_WORDS && o->takes->kind != TAKES_LIST))
        return;
    for (size_t i = 0; (word = o->takes->word(i, room)) != NULL; i++)
        missing = missing || strstr(o->help, word) == NULL;
    if (!missing)
        return;
    fputs(o->takes->kind == TAKES_LIST ? "These are:\n" : "One of\n", out);
    for (size_t i = 0; (word = o->takes->word(i, room)) != NULL; i++) {
        fputs(".Cm ", out);
        roff_word(out, word, strlen(word));
        fputs(o->takes->word(i + 1, room) != NULL ? " ,\n" : " .\n", out);
    }
}

static void options(FILE *out, const void *ctx)
{
    const struct args_command *cmd = ctx;
    const struct args_option *table;
    for (size_t t = 0; (table = args_table_at(cmd, t)) != NULL; t++) {
        bool last = args_table_at(cmd, t + 1) == NULL;
        heading(out, table, t);
        fputs(".Bl -tag -width Ds\n", out);
        for (const struct args_option *o = table; o->name != NULL; o++) {
            item(out, o);
            put(out, o->help);
            words(out, o);
        }
        if (last)
            fputs(".It Fl h , Fl \\-help\n" ARGS_HELP "\n", out);
        fputs(".El\n", out);
    }
}

/* ---- the rest of a page ---- */

/* "FILE...", "ID -o FILE" */
static void operands(FILE *out, const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, " ");
        const char *dots = strstr(text, "...");
        size_t word = dots != NULL && dots < text + len ? (size_t)(dots - text) : len;
        if (text[0] == '-')
            fprintf(out, ".Fl %.*s", (int)len - 1, text + 1);
        else {
            fputs(".Ar ", out);
            roff_word(out, text, word);
            fputs(word < len ? " ..." : "", out);
        }
        fputc('\n', out);
        text += len + (text[len] == ' ');
    }
}

static void head(FILE *out, const void *ctx)
{
    const struct args_command *cmd = ctx;
    fputs(".Dt WSCLOSE-", out);
    for (const char *p = cmd->name; *p != '\0'; p++)
        fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, out);
    fprintf(out, " 1\n.Os wsclose\n.Sh NAME\n.Nm wsclose-%s\n.Nd ", cmd->name);
    put(out, cmd->summary);
    fprintf(out, ".Sh SYNOPSIS\n.Nm wsclose %s\n.Op Ar option ...\n", cmd->name);
    operands(out, cmd->operands);
}

static void exit_status(FILE *out, const void *ctx)
{
    (void)ctx;
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n"
          ".It 0\nDone; also when nothing was found.\n"
          ".It 1\nThe input or the work failed.\n"
          ".It 2\nThe usage was wrong.\n"
          ".It 3\nDone, but part of the input was damaged; what could be read was kept.\n"
          ".El\n",
          out);
}

static void list(FILE *out, const void *ctx)
{
    (void)ctx;
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; commands[i] != NULL; i++) {
        fprintf(out, ".It Xr wsclose-%s 1\n", commands[i]->name);
        put(out, commands[i]->summary);
    }
    fputs(".El\n", out);
}

static const struct fill_slot command_slots[] = {
    {"HEAD", head}, {"OPTIONS", options}, {"EXIT", exit_status}, {NULL, NULL}};
static const struct fill_slot main_slots[] = {
    {"COMMANDS", list}, {"EXIT", exit_status}, {NULL, NULL}};

static void schema(FILE *out, const void *ctx)
{
    const struct schema *s = ctx;
    *s->ok = markdown_write(out, s->from);
}

static const struct fill_slot schema_slots[] = {{"SCHEMA", schema}, {NULL, NULL}};

static bool schema_page(const char *source, const char *out)
{
    char from[PATH_ROOM], in_path[PATH_ROOM], out_path[PATH_ROOM];
    bool ok = false;
    (void)snprintf(from, sizeof(from), "%s/schema/README.md", source);
    (void)snprintf(in_path, sizeof(in_path), "%s/packaging/man/schema.mdoc", source);
    (void)snprintf(out_path, sizeof(out_path), "%s/man5/wsclose-schema.5", out);
    return fill(in_path, out_path, schema_slots, &(struct schema){from, &ok}) && ok;
}

bool pages_write(const char *source, const char *out)
{
    char in_path[PATH_ROOM], out_path[PATH_ROOM];
    (void)snprintf(in_path, sizeof(in_path), "%s/packaging/man/wsclose.mdoc", source);
    (void)snprintf(out_path, sizeof(out_path), "%s/man1/wsclose.1", out);
    bool ok = fill(in_path, out_path, main_slots, NULL);
    for (size_t i = 0; commands[i] != NULL; i++) {
        (void)snprintf(in_path, sizeof(in_path), "%s/packaging/man/%s.mdoc", source,
                       commands[i]->name);
        if (access(in_path, F_OK) != 0) /* tests/cases/manual tells of it */
            (void)snprintf(in_path, sizeof(in_path), "%s/packaging/man/default.mdoc", source);
        (void)snprintf(out_path, sizeof(out_path), "%s/man1/wsclose-%s.1", out, commands[i]->name);
        ok = fill(in_path, out_path, command_slots, commands[i]) && ok;
    }
    return schema_page(source, out) && ok;
}
