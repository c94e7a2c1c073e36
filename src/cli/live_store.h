/* The database of a live capture. It never makes the packets wait: while another process writes, or
 * while the database cannot be written, records wait in memory and are stored when it can be again.
 * Nor does it make others wait: it writes what has come a few times a second, all at once. */
#ifndef WSC_CLI_LIVE_STORE_H
#define WSC_CLI_LIVE_STORE_H

#include <wsclose/wsclose.h>

#include "live_told.h"

/* Records that wait; beyond it the newest are shown but not stored, counted and said. */
#define LIVE_STORE_WAITING_MAX 20000u

struct live_store_entry {
    struct live_store_entry *next;
    struct wsc_closure *rec;
    int64_t id; /* once |put| */
    bool put;   /* in the transaction that is not committed yet */
    bool shown;
};

/* Each record, once: |id| is its row, or WSC_UNKNOWN if it still waits to be stored. */
typedef void (*live_store_fn)(void *ctx, const struct wsc_closure *rec, int64_t id);

struct live_store {
    struct wsc_store *store; /* NULL: down */
    struct wsc_store *held;  /* while it is down and |hold| */
    const char *db;
    bool keep; /* false: a database that vanishes */
    bool hold; /* we may no longer open it: the handle is kept while it is down */
    const char *const *names;
    size_t names_len;
    const char *options;
    const struct wsc_limits *limits;
    live_store_fn show;
    void *ctx;
    struct live_store_entry *first, **last;
    size_t waiting, provisional; /* provisional: of those that wait */
    struct live_told told;
    struct wsc_store_drop drops[WSC_LIVE_MAX_INTERFACES]; /* not stored yet, by interface */
    uint64_t lost;                                        /* records that found no room */
    uint64_t tried_ns;
    bool busy_said;
    struct wsc_error trouble; /* said last */
    unsigned import;          /* counts the imports begun */
};

/* Opens it and begins an import. Returns what the store returned, |err| filled. */
enum wsc_err live_store_open(struct live_store *ls, struct wsc_error *err);

/* Takes |rec|, to be stored and shown with the next look; a provisional one is only stored, until
 * the one that follows takes its place. */
void live_store_put(struct live_store *ls, const struct wsc_closure *rec);

/* Notes dropped packets, to be stored with the next look. */
void live_store_drop(struct live_store *ls, const struct wsc_store_drop *d);

/* A few times a second: commits, and stores what waits. */
void live_store_look(struct live_store *ls, uint64_t now_ns);

/* Ends the import and begins another in the file that now has the name: it may have been moved
 * away.
 */
void live_store_reopen(struct live_store *ls, const struct wsc_store_capture *caps,
                       uint64_t now_ns);

/* The last commit, waiting for others this once. False, having said why: not all is stored. */
bool live_store_finish(struct live_store *ls, const struct wsc_store_capture *caps);
void live_store_close(struct live_store *ls);

#endif
