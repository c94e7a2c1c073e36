/* What explain and compare have in common: from the words on the command line to what is known of
 * a code. */
#ifndef WSC_CLI_CODEBOOK_H
#define WSC_CLI_CODEBOOK_H

#include <wsclose/report.h>

#include "args.h"

#define CODEBOOK_MAX 256u

/* Whose codes they are; NULL: not said. */
struct codebook_scope {
    const char *subprotocol, *host, *reason;
};

struct codebook_code {
    struct wsc_report_code view; /* points into the rest */
    const struct wsc_app_code *candidates[CODEBOOK_MAX];
    const struct wsc_reason_hint *software[CODEBOOK_MAX];
    struct wsc_report_counts counts;
};

/* Reads a close code, 0..65535 in decimal digits. Returns false, having said why. */
bool codebook_parse(const char *command, const char *word, int *code);

void codebook_look_up(struct codebook_code *c, int code, const struct codebook_scope *scope);

/* table, ndjson or json. */
bool codebook_set_format(void *target, const char *value, char why[ARGS_WHY_MAX]);

#endif
