/* Private to report: what the JSON renderers share. */
#ifndef WSC_REPORT_JSON_H
#define WSC_REPORT_JSON_H

#include "report/render.h"

#include <jansson.h>

/* Text from the network as a string: what is not UTF-8 becomes U+FFFD; a NULL ptr is null. NULL: no
 * memory, which json_object_set_new() takes and dumping then reports. */
json_t *wsc_json_text(struct wsc_span s);
json_t *wsc_json_time(uint64_t ns); /* 0: null */

/* Writes |o|, and drops it, as a line of its own (NDJSON) or as the next element of the array
 * (JSON). NULL: no memory. */
enum wsc_err wsc_json_put(struct wsc_report *rep, json_t *o);

#endif
