/* Renders records and statistics as a table, NDJSON, JSON or CSV. Text from the network is escaped
 * for its medium. */
#ifndef WSCLOSE_REPORT_H
#define WSCLOSE_REPORT_H

#include <stdio.h>

#include <wsclose/closure.h>
#include <wsclose/error.h>
#include <wsclose/store.h>

enum wsc_format {
    WSC_FORMAT_TABLE,
    WSC_FORMAT_NDJSON,
    WSC_FORMAT_JSON,
    WSC_FORMAT_CSV,
    WSC_FORMAT_NONE
};
const char *wsc_format_name(enum wsc_format f);
int wsc_format_parse(const char *word); /* -1 if none */

struct wsc_report_options {
    enum wsc_format format;
    bool color;     /* ANSI colours in tables */
    bool utf8;      /* tables may use characters beyond ASCII */
    unsigned width; /* columns of a table; 0: as wide as needed */
    bool live;      /* a table shows each record at once, in columns of usual width */
};

struct wsc_report;

/* Makes a renderer that writes to |out| (the caller's; not closed). */
enum wsc_err wsc_report_new(const struct wsc_report_options *opt, FILE *out,
                            struct wsc_report **rep) WSC_MUST_USE;

/* One record. A table may hold rows back until wsc_report_end() to size its columns (at most 4,096,
 * then it sizes by those); every other format is written at once. Returns WSC_OK, WSC_ERR_NOMEM, or
 * WSC_ERR_IO when |out| no longer takes bytes. */
enum wsc_err wsc_report_record(struct wsc_report *rep, const struct wsc_closure *rec) WSC_MUST_USE;

/* One row of statistics; |keys| and |n| as given to wsc_store_stats(). Do not mix with records. */
enum wsc_err wsc_report_stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                              const struct wsc_stats_row *row) WSC_MUST_USE;

/* The code registry, in the report's format. */
enum wsc_err wsc_report_codes(struct wsc_report *rep) WSC_MUST_USE;

/* Ends the output (closing brackets, held rows) and flushes it. Must be called once before
 * wsc_report_free(). */
enum wsc_err wsc_report_end(struct wsc_report *rep) WSC_MUST_USE;
void wsc_report_free(struct wsc_report *rep); /* NULL is legal */

/* Writes |text| for a terminal: control characters, bidirectional overrides and invalid UTF-8
 * become visible escapes. */
void wsc_report_put_safe(FILE *out, struct wsc_span text);

#endif
