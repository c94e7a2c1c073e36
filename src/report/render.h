/* Private to report: one renderer a format. */
#ifndef WSC_REPORT_RENDER_H
#define WSC_REPORT_RENDER_H

#include <wsclose/report.h>

struct wsc_render_ops {
    enum wsc_err (*record)(struct wsc_report *rep, const struct wsc_closure *rec);
    enum wsc_err (*stats)(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row);
    enum wsc_err (*code)(struct wsc_report *rep, int first,
                         int last); /* one entry of the registry */
    enum wsc_err (*end)(struct wsc_report *rep);
    void (*clear)(struct wsc_report *rep); /* NULL: nothing to free */
};

struct wsc_report {
    const struct wsc_render_ops *ops;
    struct wsc_report_options opt;
    FILE *out;
    uint64_t rows;
    bool leg;    /* the record at hand is another leg of the one before */
    void *state; /* the renderer's own */
};

extern const struct wsc_render_ops wsc_render_json, wsc_render_csv, wsc_render_table;

/* A finding as JSON; its other form is in findings.c. */
enum wsc_err wsc_findings_json(struct wsc_report *rep, const struct wsc_finding *f,
                               const char *command);

/* A story as JSON. */
enum wsc_err wsc_json_story(struct wsc_report *rep, const struct wsc_report_story *story);

/* The result of a write: WSC_ERR_IO once |out| has failed. */
enum wsc_err wsc_render_written(struct wsc_report *rep);

/* The percentiles and shares of a row of statistics, named alike in every format. */
#define WSC_STATS_NUMBERS 11u
struct wsc_stats_number {
    const char *name;
    double value; /* NAN: null */
    bool whole;
};
void wsc_stats_numbers(const struct wsc_stats_row *row,
                       struct wsc_stats_number out[WSC_STATS_NUMBERS]);

#endif
