/* live --write: every packet into a ring of pcapng files.
 *
 * A file is named by its start and a number that counts on, wsclose-20261121T084500Z-000001.pcapng;
 * when it has its size the next one begins, and the oldest beyond the count is removed, also one of
 * an earlier run. Each is readable by itself at any moment. When it cannot be written, that is said
 * once and writing stops; watching goes on. */
#ifndef WSC_CLI_RING_H
#define WSC_CLI_RING_H

#include "args.h"

#include <wsclose/live.h>
#include <wsclose/store.h>

struct ring;

struct ring_options {
    const char *dir;  /* NULL: nothing is kept */
    size_t size;      /* of a file; 0: 100 MiB */
    size_t count;     /* 0: 10 */
    uint32_t snaplen; /* for the files' headers */
    const char *filter;
};
#define RING_SIZE_MIN  4096u
#define RING_COUNT_MAX 10000u

/* An args_set_fn for --rotate SIZE[:COUNT]; the target is a struct ring_options. */
bool ring_set_rotate(void *target, const char *value, char why[ARGS_WHY_MAX]);

/* Begins the first file; makes the directory if there is none. Strings of |opt| outlive the ring.
 * Returns false, having said why. */
bool ring_open(struct ring **out, const struct ring_options *opt, struct wsc_live *live);

/* Keeps a packet of that |live|. NULL is legal, here and below. */
void ring_put(struct ring *r, const struct wsc_packet *pkt);

/* To be called twice a second: what came is in the file afterwards, and |store| (may be NULL) knows
 * which packets are where, once it is flushed. |import| tells one import from the next. */
void ring_look(struct ring *r, struct wsc_store *store, unsigned import);

/* Begins the next file, also after a failure. */
void ring_next(struct ring *r);

/* Ends the last file; ring_look() then tells the store. */
void ring_end(struct ring *r);
void ring_free(struct ring *r);

#endif
