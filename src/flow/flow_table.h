/* Connections by key: open addressing over 8-byte slots, entries in slabs, so that an entry never
 * moves and costs its own size and about 16 bytes more.
 *
 * Entries are of one size and start with struct wsc_flow_node. */
#ifndef WSC_FLOW_TABLE_H
#define WSC_FLOW_TABLE_H

#include "flow/flow_key.h"

struct wsc_flow_node {
    struct wsc_flow_key key;
    uint32_t index; /* the table's */
};

struct wsc_flow_table;

/* |entry_size| includes the node. At most |max| entries (1..2^31-1). NULL: no memory. */
struct wsc_flow_table *wsc_flow_table_new(size_t entry_size, size_t max);
void wsc_flow_table_free(struct wsc_flow_table *t); /* entries are not cleaned; NULL is legal */

/* The entry for |key|, or NULL. */
struct wsc_flow_node *wsc_flow_table_find(struct wsc_flow_table *t, const struct wsc_flow_key *key);

/* A new, zeroed entry for a key that is not there. NULL when full or out of memory. */
struct wsc_flow_node *wsc_flow_table_add(struct wsc_flow_table *t, const struct wsc_flow_key *key);

void wsc_flow_table_remove(struct wsc_flow_table *t, struct wsc_flow_node *n);

size_t wsc_flow_table_count(const struct wsc_flow_table *t);
bool wsc_flow_table_full(const struct wsc_flow_table *t);
size_t wsc_flow_table_bytes(const struct wsc_flow_table *t); /* held from the system */

#endif
