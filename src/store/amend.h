/* Amendments that wait, so that they are written in the order of the rows. Private to store. */
#ifndef WSC_STORE_AMEND_H
#define WSC_STORE_AMEND_H

#include <wsclose/store.h>

#include "base/buf.h"

struct wsc_amends {
    struct wsc_waiting *waiting; /* 64 Ki of room once there was one */
    size_t len;
    struct wsc_buf texts; /* sentences; those said of many stand here once */
    size_t last_text;     /* where the latest begin */
};

/* Writes what waits, all of it or an error. No query may be under way. */
enum wsc_err wsc_amends_write(struct wsc_store *s, struct wsc_error *err) WSC_MUST_USE;
void wsc_amends_clear(struct wsc_amends *a);

#endif
