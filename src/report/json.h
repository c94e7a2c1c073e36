/* Private to report: what the JSON renderers share. */
#ifndef WSC_REPORT_JSON_H
#define WSC_REPORT_JSON_H

#include "report/render.h"

#include <jansson.h>

/* Writes |o|, and drops it, as a line of its own (NDJSON) or as the next element of the array
 * (JSON). NULL: no memory. */
enum wsc_err wsc_json_put(struct wsc_report *rep, json_t *o);

#endif
