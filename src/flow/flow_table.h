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

/* What the table looks |key| up by. */
uint32_t wsc_flow_table_hash(const struct wsc_flow_table *t, const struct wsc_flow_key *key);

/* For keys that are looked up soon: in a large table each look waits for memory, several at once
 * wait together. First the slot, then, when that has had its time, the entry. Nothing depends on
 * them. */
void wsc_flow_table_expect(const struct wsc_flow_table *t, uint32_t hash);
/* The entry that |hash| probably leads to, or NULL: only to fetch what it points to. */
const struct wsc_flow_node *wsc_flow_table_guess(const struct wsc_flow_table *t, uint32_t hash);

/* The entry for |key|, whose hash is |hash|, or NULL. */
struct wsc_flow_node *wsc_flow_table_find(const struct wsc_flow_table *t,
                                          const struct wsc_flow_key *key, uint32_t hash);

/* A new, zeroed entry for a key that is not there. NULL when full or out of memory. */
struct wsc_flow_node *wsc_flow_table_add(struct wsc_flow_table *t, const struct wsc_flow_key *key,
                                         uint32_t hash);

void wsc_flow_table_remove(struct wsc_flow_table *t, struct wsc_flow_node *n);

size_t wsc_flow_table_count(const struct wsc_flow_table *t);
bool wsc_flow_table_full(const struct wsc_flow_table *t);
size_t wsc_flow_table_bytes(const struct wsc_flow_table *t); /* held from the system */

#endif
