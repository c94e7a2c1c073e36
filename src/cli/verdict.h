/* A record's verdict in a few lines of plain text, for comments in capture files. */
#ifndef WSC_CLI_VERDICT_H
#define WSC_CLI_VERDICT_H

#include <wsclose/closure.h>

#define VERDICT_MAX 8192u

/* NUL-terminated; what does not fit is cut. Text from the network is made safe for a terminal:
 * capture tools print comments as they are. */
void verdict_text(const struct wsc_closure *rec, char out[VERDICT_MAX]);

#endif
