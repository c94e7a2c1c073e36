#include "args.h"

#include <wsclose/report.h>

#include "i18n.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- suggestions ---- */

#define WORD_MAX 32u

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits from |a| to |b| (Levenshtein); words over WORD_MAX are far from everything. */
static size_t edits(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b), row[WORD_MAX + 1];
    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[lb];
}

const char *args_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
                         const void *ctx)
{
    const char *best = NULL, *candidate;
    size_t best_edits = 3; /* more are another word */
    for (size_t i = 0; (candidate = next(ctx, i)) != NULL; i++) {
        size_t n = edits(word, candidate);
        if (n < best_edits) {
            best_edits = n;
            best = candidate;
        }
    }
    return best;
}

/* ---- looking options up ---- */

static bool set_lang(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    (void)target;
    return takes_check(&takes_lang, value, why, ARGS_WHY_MAX) && i18n_use(value);
}

/* What every command takes. */
static const struct args_option common_table[] = {
    {"lang", 0, "LANG", "language of headings and prose: en, ja, vi (default: the locale's)",
     set_lang, 0, &takes_lang},
    ARGS_END,
};

const struct args_option *args_table_at(const struct args_command *cmd, size_t i)
{
    size_t own = 0;
    while (cmd->tables[own] != NULL)
        own++;
    return i < own ? cmd->tables[i] : i == own ? common_table : NULL;
}

static const struct args_option *option_at(const struct args_command *cmd, size_t i)
{
    const struct args_option *table;
    for (size_t t = 0; (table = args_table_at(cmd, t)) != NULL; t++)
        for (const struct args_option *o = table; o->name != NULL; o++)
            if (i-- == 0)
                return o;
    return NULL;
}

static const char *option_name(const void *ctx, size_t i)
{
    const struct args_option *o = option_at(ctx, i);
    return o != NULL ? o->name : NULL;
}

static const struct args_option *find(const struct args_command *cmd, const char *name, size_t len)
{
    const struct args_option *o;
    for (size_t i = 0; (o = option_at(cmd, i)) != NULL; i++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct args_option *find_letter(const struct args_command *cmd, char letter)
{
    const struct args_option *o;
    for (size_t i = 0; (o = option_at(cmd, i)) != NULL; i++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* ---- parsing ---- */

static int usage(const struct args_command *cmd, const char *format, const char *what,
                 const char *more)
{
    char text[1024]; /* what stood on the command line may be anything: a script may have made it */
    int n = snprintf(text, sizeof(text), "%s %s%s%s", format, what, more != NULL ? ": " : "",
                     more != NULL ? more : "");
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    fprintf(stderr, "wsclose %s: ", cmd->name);
    wsc_report_put_safe(stderr, (struct wsc_span){.ptr = (const uint8_t *)text, .len = len});
    fprintf(stderr, "\nTry: wsclose %s --help\n", cmd->name);
    return EXIT_USAGE;
}

static int unknown(const struct args_command *cmd, const char *arg)
{
    char name[WORD_MAX + 1], hint[WORD_MAX + 32];
    (void)snprintf(name, sizeof(name), "%s", arg + strspn(arg, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = args_nearest(name, option_name, cmd);
    (void)snprintf(hint, sizeof(hint), "did you mean --%s?", nearest != NULL ? nearest : "");
    return usage(cmd, "unknown option", arg, nearest != NULL ? hint : NULL);
}

static int apply(const struct args_command *cmd, const struct args_option *o, const char *shown,
                 const char *value, void *options)
{
    char why[ARGS_WHY_MAX] = "";
    if (o->set((char *)options + o->offset, value, why))
        return -1;
    char message[2 * ARGS_WHY_MAX];
    (void)snprintf(message, sizeof(message), "%s \"%.120s\"", why, value != NULL ? value : "");
    return usage(cmd, "option", shown, message);
}

/* Handles the option at argv[*i]; moves *i on over a value of its own. */
static int take_option(const struct args_command *cmd, int argc, char **argv, int *i, void *options)
{
    const char *arg = argv[*i];
    bool is_long = arg[1] == '-';
    const char *name = arg + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 1;
    const struct args_option *o = is_long ? find(cmd, name, len) : find_letter(cmd, name[0]);
    if (o == NULL)
        return unknown(cmd, arg);
    const char *attached =
        is_long ? (name[len] == '=' ? name + len + 1 : NULL) : (name[1] != '\0' ? name + 1 : NULL);
    if (o->value == NULL)
        return attached == NULL ? apply(cmd, o, arg, NULL, options)
                                : usage(cmd, "option", arg, "takes no value");
    if (attached != NULL)
        return apply(cmd, o, arg, attached, options);
    if (*i + 1 >= argc)
        return usage(cmd, "option", arg, "needs a value");
    return apply(cmd, o, arg, argv[++*i], options);
}

int args_parse(const struct args_command *cmd, int argc, char **argv, void *options, int *operands)
{
    bool only_operands = false;
    *operands = 0;
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i];
        if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            argv[(*operands)++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            args_help(cmd);
            return EXIT_DONE;
        }
        int status = take_option(cmd, argc, argv, &i, options);
        if (status >= 0)
            return status;
    }
    if (*operands > 0 && cmd->operands == NULL)
        return usage(cmd, "takes no", "operands", argv[0]);
    return -1;
}

/* ---- help ---- */

#define HELP_COLUMN 26
#define HELP_WIDTH  79

void args_row(FILE *out, size_t column, const char *left, const char *text)
{
    const size_t room = HELP_WIDTH - column;
    if (strlen(left) + 1 >= column)
        fprintf(out, "%s\n%*s", left, (int)column, "");
    else
        fprintf(out, "%-*s", (int)column, left);
    for (size_t remains = strlen(text); remains > room;) {
        size_t cut = room;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        fprintf(out, "%.*s\n%*s", (int)cut, text, (int)column, "");
        text += cut + 1;
        remains -= cut + 1;
    }
    fprintf(out, "%s\n", text);
}

/* A paragraph, whatever lines it has in the source. */
static void help_paragraph(const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        bool fits = column == 0 || column + 1 + len <= HELP_WIDTH;
        printf("%s%.*s", column == 0 ? "" : fits ? " " : "\n", (int)len, text);
        column = fits ? column + (column > 0) + len : len;
        text += len + strspn(text + len, " \n");
    }
    putchar('\n');
}

static void help_option(const struct args_option *o)
{
    char left[80];
    char letter[8] = "    ";
    if (o->letter != 0)
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    (void)snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
                   o->value != NULL ? o->value : "");
    args_row(stdout, HELP_COLUMN, left, o->help);
}

void args_help(const struct args_command *cmd)
{
    printf("Usage: wsclose %s [OPTION]...%s%s\n", cmd->name, cmd->operands != NULL ? " " : "",
           cmd->operands != NULL ? cmd->operands : "");
    help_paragraph(cmd->summary);
    if (cmd->detail != NULL) {
        putchar('\n');
        help_paragraph(cmd->detail);
    }
    const struct args_option *table;
    for (size_t t = 0; (table = args_table_at(cmd, t)) != NULL; t++) {
        if (table != common_table)
            printf("\n");
        for (const struct args_option *o = table; o->name != NULL; o++)
            help_option(o);
    }
    printf("%-*s%s\n", HELP_COLUMN, "  -h, --help", ARGS_HELP);
    printf("\nExit status: 0 done, 1 the input or the work failed, 2 wrong usage,\n"
           "3 done, but part of the input was damaged and what could be read was kept.\n");
}

/* ---- setters ---- */

bool args_set_flag(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    (void)value;
    (void)why;
    *(bool *)target = true;
    return true;
}

bool args_set_text(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (value[0] == '\0') {
        (void)snprintf(why, ARGS_WHY_MAX, "expected a text, not");
        return false;
    }
    *(const char **)target = value;
    return true;
}

bool args_set_size(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = value[0] >= '0' && value[0] <= '9' ? strtoull(value, &end, 10) : 0;
    unsigned shift = 0;
    if (end != NULL && *end != '\0' && end[1] == '\0')
        shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 64;
    else if (end != NULL && *end != '\0')
        shift = 64;
    if (end == NULL || errno != 0 || v == 0 || shift == 64 ||
        v > (unsigned long long)SIZE_MAX >> shift) {
        (void)snprintf(why, ARGS_WHY_MAX,
                       "expected a whole number from 1 on, with K, M or G if you like, not");
        return false;
    }
    *(size_t *)target = (size_t)v << shift;
    return true;
}

bool args_set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_format, value, why, ARGS_WHY_MAX))
        return false;
    *(enum wsc_format *)target = (enum wsc_format)wsc_format_parse(value);
    return true;
}
