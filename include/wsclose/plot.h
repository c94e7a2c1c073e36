/* The distributions of many records as pictures of text: ends over time by code, the silence before
 * the end and the age at the end, the one against the other, and bars of counts.
 *
 *     wsc_plot_new(...);
 *     wsc_plot_record(...) for each record, wsc_plot_bar(...) for each row of statistics
 *     wsc_plot_draw(...);
 *
 * The room is the same for any number of records. */
#ifndef WSCLOSE_PLOT_H
#define WSCLOSE_PLOT_H

#include <wsclose/limits.h>
#include <wsclose/report.h>

struct wsc_plot;

/* Of |opt| count the colours, the characters and the width, which is taken as 80 if it is 0, and
 * never as less than 30. |limits| are compared with the silences, and outlive the plot. Returns
 * WSC_OK or WSC_ERR_NOMEM; |*out| is NULL unless WSC_OK. */
enum wsc_err wsc_plot_new(const struct wsc_report_options *opt, const struct wsc_limits *limits,
                          struct wsc_plot **out) WSC_MUST_USE;
void wsc_plot_free(struct wsc_plot *p); /* NULL is legal */

/* Counts one record, in any order. Beyond 64 different codes other than 1000 to 1015, further ones
 * are counted together. */
void wsc_plot_record(struct wsc_plot *p, const struct wsc_closure *rec);

/* One row of statistics for the bars; |keys| and |n| as given to wsc_store_stats(). From the 25th
 * on, rows are counted together. */
void wsc_plot_bar(struct wsc_plot *p, const enum wsc_stats_key *keys, size_t n,
                  const struct wsc_stats_row *row);

/* Writes all pictures for which there is something. Returns WSC_OK, or WSC_ERR_IO when |out| no
 * longer takes bytes. */
enum wsc_err wsc_plot_draw(struct wsc_plot *p, FILE *out) WSC_MUST_USE;

#endif
