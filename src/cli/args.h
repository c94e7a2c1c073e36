/* Option tables: what the parser takes and what --help shows come from the same rows. */
#ifndef WSC_CLI_ARGS_H
#define WSC_CLI_ARGS_H

#include "takes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit statuses (SPEC section 6). */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DAMAGED = 3 };

/* Takes an option's value (NULL for a flag) into |target|. On failure writes what was expected into
 * |why| and returns false. */
#define ARGS_WHY_MAX 512u
typedef bool (*args_set_fn)(void *target, const char *value, char why[ARGS_WHY_MAX]);

struct args_option {
    const char *name;  /* without dashes; NULL ends a table */
    char letter;       /* 0: none */
    const char *value; /* name of the value in the help, NULL: a flag */
    const char *help;
    args_set_fn set;
    size_t offset;             /* of the target within the command's options */
    const struct takes *takes; /* NULL: a flag, a number, a text, of which nothing can be offered */
};
#define ARGS_END                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct args_command {
    const char *name;
    const char *operands;                    /* "FILE...", or NULL: none are taken */
    const struct takes *takes;               /* what operands are, or NULL */
    const char *summary;                     /* one line */
    const char *detail;                      /* a paragraph for the command's own help, or NULL */
    const struct args_option *const *tables; /* NULL ends */
    int (*run)(int argc, char **argv);
};

/* Parses |argv| (without program and command). Operands are moved to the front and counted in
 * |*operands|. Returns -1 to go on, else the exit status: help was shown, or the usage was wrong
 * and said so. */
int args_parse(const struct args_command *cmd, int argc, char **argv, void *options, int *operands);

/* The |i|-th table of |cmd|, the one that every command has last; NULL at the end. */
const struct args_option *args_table_at(const struct args_command *cmd, size_t i);

/* What every command has besides its tables: -h, --help. */
#define ARGS_HELP "show this help"

/* Prints the command's help to standard output. */
void args_help(const struct args_command *cmd);

/* A line of a help: |left|, then |text| from |column| on, broken at blanks before column 80. */
void args_row(FILE *out, size_t column, const char *left, const char *text);

/* Setters for common targets. */
bool args_set_flag(void *target, const char *value, char why[ARGS_WHY_MAX]); /* bool = true */
bool args_set_text(void *target, const char *value, char why[ARGS_WHY_MAX]); /* const char * */
bool args_set_size(void *target, const char *value,
                   char why[ARGS_WHY_MAX]); /* size_t, 1.., with K, M, G */
bool args_set_format(void *target, const char *value, char why[ARGS_WHY_MAX]); /* enum wsc_format */

/* The candidate nearest to |word|, or NULL if none is near. |next| yields candidates by number,
 * NULL at the end. */
const char *args_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
                         const void *ctx);

#endif
