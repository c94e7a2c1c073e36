/* Renders records and statistics as a table, NDJSON, JSON or CSV. Text from the network is escaped
 * for its medium. */
#ifndef WSCLOSE_REPORT_H
#define WSCLOSE_REPORT_H

#include <stdio.h>

#include <wsclose/closure.h>
#include <wsclose/codes.h>
#include <wsclose/error.h>
#include <wsclose/findings.h>
#include <wsclose/store.h>
#include <wsclose/story.h>

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
    bool why;       /* a table shows the evidence of each record below it */
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

/* The same for another leg of the record before it: a table marks it, other formats do not. */
enum wsc_err wsc_report_leg(struct wsc_report *rep, const struct wsc_closure *rec) WSC_MUST_USE;

/* One row of statistics; |keys| and |n| as given to wsc_store_stats(). Do not mix with records. */
enum wsc_err wsc_report_stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                              const struct wsc_stats_row *row) WSC_MUST_USE;

/* One finding, as a paragraph (TABLE; not in columns) or an object; CSV is WSC_ERR_INVALID.
 * |command| is what stands before the finding's words in the line that lists its connections:
 * "wsclose events". */
enum wsc_err wsc_report_finding(struct wsc_report *rep, const struct wsc_finding *f,
                                const char *command) WSC_MUST_USE;

/* What was looked at, in a last line; TABLE only. */
enum wsc_err wsc_report_findings_summary(struct wsc_report *rep,
                                         const struct wsc_findings_summary *sum) WSC_MUST_USE;

/* What the times of a story are counted from. */
enum wsc_story_clock { WSC_CLOCK_START, WSC_CLOCK_END, WSC_CLOCK_UTC };

/* The story of one connection. All is the caller's. */
struct wsc_report_story {
    const struct wsc_closure *rec;
    const struct wsc_story_event *events;
    size_t events_len;
    uint64_t left_out; /* events that are not there any more: wsc_story_left_out() */
    bool from_store;   /* the packets were not there: the events are wsc_story_of_record() */
    size_t last;       /* rows of the ladder behind its opening, at most; 0: all */
    enum wsc_story_clock clock;
    const char *show, *extract; /* lines to go on with, up to the number of the connection:
                                   "wsclose show", "wsclose extract" */
};

/* The record, its ladder, the verdict (TABLE); or the record as an object with its events. CSV is
 * WSC_ERR_INVALID. */
enum wsc_err wsc_report_story(struct wsc_report *rep,
                              const struct wsc_report_story *story) WSC_MUST_USE;

/* One thing that was looked at on this machine. NOTE: it works, but one should know something. */
enum wsc_check_state { WSC_CHECK_OK, WSC_CHECK_NOTE, WSC_CHECK_UNKNOWN, WSC_CHECK_MISSING };
const char *wsc_check_state_name(enum wsc_check_state state); /* "ok", "note", ... */
struct wsc_check {
    const char *name;    /* a word of ours: "capture-right" */
    const char *subject; /* which of them, of whatever bytes; NULL: there is but one */
    enum wsc_check_state state;
    bool needed;      /* without it nothing can be analyzed */
    const char *text; /* what was found, in one or two sentences; of whatever bytes */
    const char *mend; /* the command that changes it, of whatever bytes; NULL: none */
};
/* Writes one, as lines (TABLE) or an object; CSV is WSC_ERR_INVALID. */
enum wsc_err wsc_report_check(struct wsc_report *rep, const struct wsc_check *c) WSC_MUST_USE;

/* The code registry, in the report's format. */
enum wsc_err wsc_report_codes(struct wsc_report *rep) WSC_MUST_USE;

/* How often a code stands in a database, for explain and compare. */
struct wsc_report_counts {
    uint64_t count;
    uint64_t by[4]; /* of these, by who closed: enum wsc_side */
    uint64_t first_ns, last_ns;
};

/* One code as explain and compare show it. The tables are borrowed for the call. */
struct wsc_report_code {
    int code;                                     /* 0..65535 */
    const char *scope;                            /* whose code it is, or NULL: not known */
    const struct wsc_app_code *app;               /* what |scope| means by it, or NULL */
    const struct wsc_app_code *const *candidates; /* who else defines it; not with a |scope| */
    size_t candidates_len;
    const struct wsc_reason_hint *const *software; /* who writes |reason|, or sends the code */
    size_t software_len;
    const char *reason;                     /* the text asked for, or NULL */
    const struct wsc_report_counts *counts; /* NULL: no database was asked */
};

/* A page of the code book: prose for a table, an object for JSON and NDJSON; WSC_ERR_INVALID for
 * other formats. The language is that of
 * LC_MESSAGES (gettext's domain "wsclose"). */
enum wsc_err wsc_report_explain(struct wsc_report *rep,
                                const struct wsc_report_code *code) WSC_MUST_USE;

/* Two codes side by side. Otherwise as wsc_report_explain(). */
enum wsc_err wsc_report_compare(struct wsc_report *rep,
                                const struct wsc_report_code codes[2]) WSC_MUST_USE;

/* Ends the output (closing brackets, held rows) and flushes it. Must be called once before
 * wsc_report_free(). */
enum wsc_err wsc_report_end(struct wsc_report *rep) WSC_MUST_USE;
void wsc_report_free(struct wsc_report *rep); /* NULL is legal */

/* Writes |text| for a terminal: control characters, newlines among them, bidirectional overrides,
 * characters without width and invalid UTF-8 become visible escapes. */
void wsc_report_put_safe(FILE *out, struct wsc_span text);
/* The same into |out| of |cap| bytes, from 8 on: NUL-terminated, cut with "..." where it is full.
 */
void wsc_report_safe_text(struct wsc_span text, char *out, size_t cap);

#endif
