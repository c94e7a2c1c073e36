/* A page for people: what `wsclose report` writes. One HTML file that needs nothing else: an answer
 * in a few sentences, findings, tables, and the numbers behind them as JSON
 * (src/report/page/README.md).
 *
 * Text from the network is never markup, and what a screen would act on instead of showing it is
 * made visible. */
#ifndef WSCLOSE_PAGE_H
#define WSCLOSE_PAGE_H

#include <stdio.h>

#include <wsclose/findings.h>
#include <wsclose/limits.h>
#include <wsclose/store.h>

#define WSC_PAGE_ROWS     10000u  /* connections in its table, unless said otherwise */
#define WSC_PAGE_ROWS_MAX 200000u /* about 250 bytes of memory each, and 70 of the page */

/* Strings are the caller's and may be NULL; they are escaped here. */
struct wsc_page_options {
    const struct wsc_limits *limits; /* NULL: the built-in table */
    const char *version;             /* of the program */
    const char *database;            /* what was read; NULL: captures alone */
    const char *filter;              /* the filter in words */
    const char *command;             /* what stands before a finding's words: "wsclose events" */
    uint64_t made_ns;                /* when the page is made */
    size_t rows;                     /* 0: WSC_PAGE_ROWS; at most WSC_PAGE_ROWS_MAX */
    uint64_t max_findings;           /* 0: WSC_FINDINGS_MAX */
};

struct wsc_page_summary {
    uint64_t records; /* that passed the filter: all of them are counted */
    uint64_t rows;    /* of these, in the table of connections */
};

/* Writes the page of all records that pass |f| (its |limit| is ignored) to |out|, from one state of
 * the store. Memory: up to 40 MB and the rows, and what wsc_findings_run() takes. Returns WSC_OK,
 * WSC_ERR_INVALID (|rows| is too large), WSC_ERR_NOMEM, WSC_ERR_IO or what the store returned;
 * |err| is filled. */
enum wsc_err wsc_page_write(struct wsc_store *s, const struct wsc_filter *f,
                            const struct wsc_page_options *opt, FILE *out,
                            struct wsc_page_summary *sum, struct wsc_error *err) WSC_MUST_USE;

/* Whether a file that begins with |head| is such a page. */
#define WSC_PAGE_HEAD 64u
bool wsc_page_is(struct wsc_span head);

#endif
