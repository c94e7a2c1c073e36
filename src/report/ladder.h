/* Private to report: the ladder of a story, client left and server right. */
#ifndef WSC_REPORT_LADDER_H
#define WSC_REPORT_LADDER_H

#include <wsclose/report.h>

/* One line of it: |n| events from |first| on. Several are alike: all of them (period 1), or one and
 * the next in turn (period 2). */
struct wsc_ladder_row {
    size_t first, n;
    unsigned period;
};

/* Folds |n| events into rows, which the caller frees with wsc_free(); returns how many, and none
 * with |*rows| NULL for want of memory. */
size_t wsc_ladder_fold(const struct wsc_story_event *ev, size_t n, struct wsc_ladder_row **rows);

/* How many of the rows show how the connection came about; 0 if that cannot be told. */
size_t wsc_ladder_opening(const struct wsc_story_event *ev, const struct wsc_ladder_row *rows,
                          size_t n);

enum wsc_err wsc_ladder_draw(struct wsc_report *rep, const struct wsc_report_story *story);

#endif
