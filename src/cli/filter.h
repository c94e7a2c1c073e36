/* The filter words, the same in every command. */
#ifndef WSC_CLI_FILTER_H
#define WSC_CLI_FILTER_H

#include <wsclose/store.h>

#include "args.h"

/* A command's options begin with one of these. */
struct filter_options {
    struct wsc_filter filter;
};

extern const struct args_option filter_table[];

/* Setters, for tests: each takes the words of one option into a struct wsc_filter. */
bool filter_set_code(void *target, const char *value, char why[ARGS_WHY_MAX]);
bool filter_set_server(void *target, const char *value, char why[ARGS_WHY_MAX]);
bool filter_set_idle(void *target, const char *value, char why[ARGS_WHY_MAX]);
bool filter_set_since(void *target, const char *value, char why[ARGS_WHY_MAX]);

/* "2026-01-02", "2026-01-02T03:04[:05[.678]][Z|+01:00]", or "90s", "30m", "2h", "7d" before
 * |now_ns|. */
bool filter_parse_time(const char *text, uint64_t now_ns, uint64_t *ns);

#endif
