/* Asking a stored database and showing the rows: what events and stats have in common. */
#ifndef WSC_CLI_LISTING_H
#define WSC_CLI_LISTING_H

#include <wsclose/store.h>

#include "out.h"

struct listing {
    struct out out;
    uint64_t rows;
    bool failed;
};

/* For each row: takes the result of its wsc_report_*() call; non-zero ends the query. */
int listing_row(struct listing *l, enum wsc_err e);

/* Opens the database and the output, lets |ask| put its question, ends both. Returns the exit
 * status. */
typedef enum wsc_err (*listing_ask_fn)(struct wsc_store *store, struct listing *l,
                                       const void *options, struct wsc_error *err);
int listing_run(const char *db, const struct out_options *show, listing_ask_fn ask,
                const void *options);

#endif
