/* Where results go: standard output, through a pager when it is a terminal and the table is long.
 */
#ifndef WSC_CLI_OUT_H
#define WSC_CLI_OUT_H

#include <wsclose/report.h>

struct out {
    struct wsc_report *report;
    FILE *stream;
    struct wsc_report_options look; /* as the report has it */
    bool pager;
    bool closed; /* nobody reads any more: go on quietly */
    bool said;   /* that it cannot be written */
};

struct out_options {
    enum wsc_format format;
    bool live; /* rows are shown as they come, never paged */
    bool why;  /* a table shows the evidence of each record */
};

/* Returns false, having said why. */
bool out_open(struct out *o, const struct out_options *opt);
/* Ends the output. Returns false, having said why, if it could not all be written; a reader that
 * left early is no failure. */
bool out_close(struct out *o);
/* Takes the result of a wsc_report_*() call: true to go on. */
bool out_ok(struct out *o, enum wsc_err e);

/* Writes "wsclose: " and the message to standard error, made safe for a terminal. */
void out_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes a text that somebody else chose, made safe for a terminal. */
void out_safe(FILE *out, const char *text);

/* Columns of the terminal |fd|, 0 if it is none. */
unsigned out_width(int fd);
/* The width of what does not go to a terminal but has one: COLUMNS, or 80. */
unsigned out_columns(void);

#endif
