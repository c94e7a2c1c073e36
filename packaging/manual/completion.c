#include "completion.h"

#include "fill.h"

#include <string.h>

#define PATH_ROOM 4096u

const char *completion_kind(const struct takes *t)
{
    static const char *const kinds[] = {
        [TAKES_WORDS] = "words",   [TAKES_LIST] = "list",       [TAKES_STORED] = "stored",
        [TAKES_FILE] = "file",     [TAKES_CAPTURE] = "capture", [TAKES_DATABASE] = "database",
        [TAKES_KEYLOG] = "keylog", [TAKES_FOLDER] = "folder",   [TAKES_INTERFACE] = "interface",
        [TAKES_USER] = "user"};
    return kinds[t->kind];
}

const char *completion_brief(const char *help, char room[COMPLETION_BRIEF])
{
    const char *end = strstr(help, "; ");
    size_t len = end != NULL ? (size_t)(end - help) : strlen(help);
    bool cut = len >= COMPLETION_BRIEF;
    if (cut)
        for (len = COMPLETION_BRIEF - 4; len > 0 && help[len] != ' ';)
            len--;
    (void)snprintf(room, COMPLETION_BRIEF, "%.*s%s", (int)len, help, cut ? "..." : "");
    return room;
}

/* ---- bash ---- */

void completion_bash_options(FILE *out, const void *ctx)
{
    const struct args_option *table;
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++) {
        fprintf(out, "        %s) options=(", commands[c]->name);
        for (size_t t = 0; (table = args_table_at(commands[c], t)) != NULL; t++)
            for (const struct args_option *o = table; o->name != NULL; o++)
                fprintf(out, "--%s ", o->name);
        fputs("--help) ;;\n", out);
    }
}

static void bash_takes(FILE *out, const struct takes *t)
{
    char room[TAKES_ROOM];
    const char *word;
    if (t == NULL) {
        fputs("kind=text", out);
        return;
    }
    fprintf(out, "kind=%s", completion_kind(t));
    if (t->stored != NULL)
        fprintf(out, " stored=%s", t->stored);
    if (t->many)
        fputs(" many=1", out);
    if (t->word == NULL)
        return;
    fputs(" words=(", out);
    for (size_t i = 0; (word = t->word(i, room)) != NULL; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", word);
    fputc(')', out);
}

void completion_bash_values(FILE *out, const void *ctx)
{
    const struct args_option *table;
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++) {
        const char *name = commands[c]->name;
        for (size_t t = 0; (table = args_table_at(commands[c], t)) != NULL; t++)
            for (const struct args_option *o = table; o->name != NULL; o++) {
                if (o->value == NULL)
                    continue;
                fprintf(out, "        '%s --%s'", name, o->name);
                if (o->letter != 0)
                    fprintf(out, " | '%s -%c'", name, o->letter);
                fputs(") ", out);
                bash_takes(out, o->takes);
                fputs(" ;;\n", out);
            }
        if (commands[c]->takes == NULL)
            continue;
        fprintf(out, "        '%s ') ", name);
        bash_takes(out, commands[c]->takes);
        fputs(" ;;\n", out);
    }
}

void completion_bash_commands(FILE *out, const void *ctx)
{
    (void)ctx;
    for (size_t c = 0; commands[c] != NULL; c++)
        fprintf(out, "        %s\n", commands[c]->name);
}

/* ---- all of them ---- */

static const struct fill_slot bash_slots[] = {{"OPTIONS", completion_bash_options},
                                              {"VALUES", completion_bash_values},
                                              {"COMMANDS", completion_bash_commands},
                                              {NULL, NULL}};
static const struct fill_slot zsh_slots[] = {{"COMMANDS", completion_zsh_commands},
                                             {"FUNCTIONS", completion_zsh_functions},
                                             {"CASES", completion_zsh_cases},
                                             {NULL, NULL}};
static const struct fill_slot fish_slots[] = {{"TABLE", completion_fish}, {NULL, NULL}};

bool completion_write(const char *source, const char *out)
{
    static const struct {
        const char *file;
        const struct fill_slot *slots;
    } shells[] = {
        {"wsclose.bash", bash_slots}, {"_wsclose", zsh_slots}, {"wsclose.fish", fish_slots}};
    char from[PATH_ROOM], to[PATH_ROOM];
    bool ok = true;
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        (void)snprintf(from, sizeof(from), "%s/packaging/completion/%s", source, shells[i].file);
        (void)snprintf(to, sizeof(to), "%s/completion/%s", out, shells[i].file);
        ok = fill(from, to, shells[i].slots, NULL) && ok;
    }
    return ok;
}
