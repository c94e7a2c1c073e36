/* Secrets by client random and label, up to a ceiling; beyond it the oldest goes. Not thread-safe.
 *
 * Secrets lie in chunks that never move, so that no copy is left behind unwiped when the table
 * grows: 88 bytes a secret, and 4 to 8 of index. */
#ifndef WSC_TLS_KEYLOG_TABLE_H
#define WSC_TLS_KEYLOG_TABLE_H

#include "base/hash.h"
#include "tls/keylog_line.h"

struct wsc_keylog_slot {
    struct wsc_keylog_secret s;
    bool used;     /* for its finder to set */
    uint32_t next; /* slot number + 1 of the next with this hash; 0: none */
};

struct wsc_keylog_table {
    struct wsc_keylog_slot **chunks;
    uint32_t *heads; /* slot number + 1; their number is a power of two */
    size_t n_chunks, n_heads;
    size_t used, max; /* slots */
    size_t oldest;    /* the slot to be taken next, once all are used */
    uint64_t forgotten;
    struct wsc_hash_key key;
};

enum wsc_keylog_put { WSC_KEYLOG_KNOWN, WSC_KEYLOG_ADDED, WSC_KEYLOG_NOMEM };

/* |max|: 1 to 2^31. Takes no memory before the first secret. */
void wsc_keylog_table_init(struct wsc_keylog_table *t, size_t max);
void wsc_keylog_table_clear(struct wsc_keylog_table *t); /* wipes */

/* A secret that differs from the one held takes its place and counts as added. After NOMEM the
 * table is as it was. */
enum wsc_keylog_put wsc_keylog_table_put(struct wsc_keylog_table *t,
                                         const struct wsc_keylog_secret *s);

/* NULL if not held; valid until the next put. */
struct wsc_keylog_slot *wsc_keylog_table_find(const struct wsc_keylog_table *t,
                                              enum wsc_secret_label label,
                                              const uint8_t client_random[WSC_CLIENT_RANDOM_LEN]);

#endif
