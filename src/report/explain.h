/* Private to report: explain and compare in each format. */
#ifndef WSC_REPORT_EXPLAIN_H
#define WSC_REPORT_EXPLAIN_H

#include "report/derive.h"
#include "report/render.h"

enum wsc_err wsc_explain_prose(struct wsc_report *rep, const struct wsc_report_code *c);
enum wsc_err wsc_compare_prose(struct wsc_report *rep, const struct wsc_report_code c[2]);
enum wsc_err wsc_explain_json(struct wsc_report *rep, const struct wsc_report_code *c);
enum wsc_err wsc_compare_json(struct wsc_report *rep, const struct wsc_report_code c[2]);

/* The book's words on the pair, or those that follow from both pages; translated. */
void wsc_explain_difference(const struct wsc_report_code c[2], struct derived *difference,
                            struct derived *tell);

#endif
