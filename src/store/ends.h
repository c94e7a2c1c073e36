/* The ends of an import, for the pass over it: kept in memory while records are put, or read back.
 * Private to store. */
#ifndef WSC_STORE_ENDS_H
#define WSC_STORE_ENDS_H

#include <wsclose/store.h>

#include "base/names.h"

#define WSC_ENDS_CHUNK  4096u
#define WSC_ENDS_CHUNKS (WSC_STORE_ENDS_MAX / WSC_ENDS_CHUNK + 1)

struct wsc_ends {
    bool kept;      /* all of the import are here; false: they must be read back */
    bool alone;     /* nothing but this import is in the database */
    bool key_twice; /* two of the import may have one key */
    size_t len;
    struct wsc_store_end **chunks; /* WSC_ENDS_CHUNKS of room */
    struct wsc_store_end **order;  /* handed out; NULL until then */
    struct wsc_names names;
    uint32_t *keys; /* hashes of keys; 0: free */
    size_t keys_len, keys_cap;
};

/* An import begins: all that is put from now on is kept. |alone|: see above. */
void wsc_ends_begin(struct wsc_ends *t, bool alone);
/* Forgets all: something was put that may go again, or others may write in between. */
void wsc_ends_clear(struct wsc_ends *t);
/* A record was put as row |id|. |server| as it is stored, NULL: not known. What does not fit makes
 * wsc_ends_clear() of it. */
void wsc_ends_put(struct wsc_ends *t, int64_t id, const struct wsc_closure *rec,
                  struct wsc_span server);

#endif
