/* Records as they are listed: in a table the other legs of a proxied connection stand right below
 * it, and are not repeated where their own time would put them. */
#ifndef WSC_CLI_RECORDS_H
#define WSC_CLI_RECORDS_H

#include <wsclose/store.h>

#include "out.h"

/* Ids that stood below another one: as bits, up to this id. Beyond it a leg is shown twice. */
#define RECORDS_MAX_ID (INT64_C(1) << 27)

struct records {
    struct wsc_store *store;
    const struct wsc_filter *filter; /* a leg is shown if it passes */
    struct out *out;
    bool group; /* a table: legs together */
    uint8_t *shown;
    size_t shown_len; /* bytes */
};

/* Shows |rec|; the result of the report, or of asking for its legs (then |err| is filled). */
enum wsc_err records_show(struct records *r, const struct wsc_closure *rec, struct wsc_error *err);
void records_clear(struct records *r);

#endif
