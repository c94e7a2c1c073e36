/* Reading captures into a store: what every command does that takes them on its command line. */
#ifndef WSC_CLI_READING_H
#define WSC_CLI_READING_H

#include "analysis.h"
#include "summary.h"

struct reading {
    /* The caller's, and outlive it. */
    struct analysis_options *opt;
    const char *const *files; /* "-": standard input */
    size_t files_len;
    const char *db; /* NULL: a database that vanishes */
    bool no_store;  /* nothing is put anywhere */
    bool quiet;     /* no summary and no progress */
    /* NULL, or called for each record that was stored while others are still to come: with standard
     * input among the files. False, having said why, ends the reading. */
    bool (*stored)(void *ctx, int64_t id);
    void *ctx;

    /* What came of it. */
    struct wsc_store *store; /* NULL: none */
    bool streaming;          /* standard input is among the files */
    bool damaged, failed;    /* each was said */
    bool cut_short;          /* by a signal: nothing was committed */
    struct summary summary;

    /* Its own. */
    bool again; /* the second reading, with secrets that came late in the first */
    struct wsc_capture *capture;
    struct analysis analysis;
    struct wsc_writer *writer; /* to which the store belongs while packets are read; NULL: none */
};

/* Opens all of it. SIGINT and SIGTERM end the reading from then on. Returns false, having said why.
 */
bool reading_open(struct reading *r);
/* Reads it to the end and commits it: the store is the caller's to ask then. */
void reading_run(struct reading *r);
/* The summary, unless |quiet|. */
void reading_say(const struct reading *r);
void reading_close(struct reading *r);

#endif
