/* Private to report: what the JSON renderers share. */
#ifndef WSC_REPORT_JSON_H
#define WSC_REPORT_JSON_H

#include "report/render.h"

#include <jansson.h>

/* Building never fails half-way: what there is no memory for is left out, and counted as refused
 * (base/alloc.h). All may be NULL. |v| is taken over. */
void wsc_json_set(json_t *o, const char *key, json_t *v);
void wsc_json_append(json_t *list, json_t *v);

/* Text from the network as a string: what is not UTF-8 becomes U+FFFD; a NULL ptr is null. NULL: no
 * memory. */
json_t *wsc_json_text(struct wsc_span s);
json_t *wsc_json_time(uint64_t ns); /* 0: null */

/* What stands for a byte that is no UTF-8. */
#define WSC_JSON_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* |v| as wsc_json_put() writes it; returns the length, 0 if |cap| is too small or there is no
 * memory. */
size_t wsc_json_real(double v, char *out, size_t cap);

/* A finding as an object; NULL: no memory. */
json_t *wsc_findings_object(const struct wsc_finding *f, const char *command);

/* What stands before and behind each value of a report; the second returns what became of it. */
void wsc_json_begin(struct wsc_report *rep);
enum wsc_err wsc_json_end(struct wsc_report *rep);

/* json_record.c */
enum wsc_err wsc_json_record(struct wsc_report *rep, const struct wsc_closure *r);

/* Writes |o|, and drops it, as a line of its own (NDJSON) or as the next element of the array
 * (JSON). NULL: no memory. */
enum wsc_err wsc_json_put(struct wsc_report *rep, json_t *o);

#endif
