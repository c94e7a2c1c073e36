/* What a plot counts. Private to report. */
#ifndef WSC_REPORT_PLOT_H
#define WSC_REPORT_PLOT_H

#include "report/bins.h"
#include "report/draw.h"

#include <wsclose/plot.h>

#define WSC_PLOT_CODES  80u /* 1000 to 1015, and others as they come */
#define WSC_PLOT_BARS   24u
#define WSC_PLOT_LIMITS 256u
#define WSC_PLOT_LABEL  192u /* bytes */

/* Which line of the picture over time a record belongs to, where it has no code. */
enum { WSC_PLOT_FAILED = -1, WSC_PLOT_UNKNOWN = -2, WSC_PLOT_NO_CODE = -3, WSC_PLOT_OTHER = -4 };

/* How connections that were open came to their end. */
enum wsc_plot_end { WSC_PLOT_WITHOUT_CLOSE, WSC_PLOT_WITH_CLOSE, WSC_PLOT_ENDS };

struct wsc_plot_line {
    int code; /* or one of the above */
    uint64_t count;
    struct wsc_time_row row;
};

/* A documented idle limit that silences may match. */
struct wsc_plot_limit {
    int64_t ns;
    uint64_t count; /* silences within wsc_limit_slack() */
};

struct wsc_plot_row {
    char label[WSC_PLOT_LABEL]; /* safe for a terminal */
    uint64_t count, abnormal;
    double share;
};

struct wsc_plot {
    struct wsc_report_options opt;
    const struct wsc_limits *limits;
    uint64_t records, outcomes[4];
    uint64_t first_ns, last_ns; /* of all ends, or of the last packets; 0: no record */
    struct wsc_time_bins time;
    struct wsc_plot_line lines[WSC_PLOT_CODES + 4]; /* the four without a code first */
    size_t lines_len;
    uint64_t idle[WSC_PLOT_ENDS][WSC_LOG_BINS], age[WSC_PLOT_ENDS][WSC_LOG_BINS];
    struct wsc_time_row heat[WSC_LOG_BINS]; /* silences over time */
    struct wsc_plot_limit limit[WSC_PLOT_LIMITS];
    size_t limit_len;
    struct wsc_plot_row bars[WSC_PLOT_BARS];
    size_t bars_len;
    uint64_t bars_more, bars_more_count; /* rows beyond these, and records in them */
    enum wsc_stats_key keys[WSC_STATS_MAX_KEYS];
    size_t keys_len;
};

/* What all pictures share: a label of WSC_PLOT_INDENT columns, a line at the side,
 * |wsc_plot_room()| columns of picture, and a number of WSC_PLOT_NUMBER columns behind it. */
#define WSC_PLOT_INDENT 10u
#define WSC_PLOT_NUMBER 9u
size_t wsc_plot_room(const struct wsc_pen *pen);
/* An empty line, then |title|, and |more| behind it or below it; NULL: nothing. */
void wsc_plot_title(const struct wsc_pen *pen, const char *title, const char *more);
void wsc_plot_label(const struct wsc_pen *pen, const char *label, enum wsc_grid_style style);
/* A picture of several lines with its highest count at the side. */
void wsc_plot_high(const struct wsc_pen *pen, const uint64_t *columns, size_t n, uint64_t max);
/* A picture of one line, on a scale of its own, with the sum of |counts| behind it. */
void wsc_plot_low(const struct wsc_pen *pen, const char *label, const struct wsc_fit *fit,
                  const uint64_t *counts, enum wsc_grid_style style);
/* The axis of the time bins. */
void wsc_plot_time_axis(const struct wsc_pen *pen, const struct wsc_time_bins *time,
                        const struct wsc_fit *fit);
/* "500 ms", "60 s", "4.7 min", "8.9 h", "28 d". */
#define WSC_LENGTH_TEXT_MAX 24u
void wsc_plot_length(int64_t ns, char out[WSC_LENGTH_TEXT_MAX]);

/* Silence and age, in plot_length.c. */
void wsc_plot_idle(const struct wsc_plot *p, const struct wsc_pen *pen);
void wsc_plot_age(const struct wsc_plot *p, const struct wsc_pen *pen);
void wsc_plot_heat(const struct wsc_plot *p, const struct wsc_pen *pen);

#endif
