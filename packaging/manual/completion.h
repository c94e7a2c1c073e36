/* Completion for bash, zsh and fish: the tables of options, between what stands in
 * packaging/completion/. */
#ifndef WSCLOSE_MANUAL_COMPLETION_H
#define WSCLOSE_MANUAL_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/commands.h"

/* Writes wsclose.bash, _wsclose and wsclose.fish to |out|/completion. |source| is the root of the
 * sources. Returns false, having said why. */
bool completion_write(const char *source, const char *out);

/* What the shells' tables hold; |ctx| is not used. */
void completion_bash_commands(FILE *out, const void *ctx);
void completion_bash_options(FILE *out, const void *ctx);
void completion_bash_values(FILE *out, const void *ctx);
void completion_zsh_commands(FILE *out, const void *ctx);
void completion_zsh_functions(FILE *out, const void *ctx);
void completion_zsh_cases(FILE *out, const void *ctx);
void completion_fish(FILE *out, const void *ctx);

/* "words", "database", ...: what the functions in packaging/completion/ call a kind of value. */
const char *completion_kind(const struct takes *t);

/* The beginning of |help|, short enough for a line. |room| holds it. */
#define COMPLETION_BRIEF 80u
const char *completion_brief(const char *help, char room[COMPLETION_BRIEF]);

#endif
