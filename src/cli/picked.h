/* The packets of stored connections, found again: what extract writes and show tells. */
#ifndef WSC_CLI_PICKED_H
#define WSC_CLI_PICKED_H

#include "packets.h"

#include <signal.h>

/* Where captures are now: the target of --from. */
#define PICKED_FROM_MAX 1024u
struct picked_from {
    const char *paths[PICKED_FROM_MAX];
    size_t len;
};
bool picked_add_from(void *target, const char *value, char *why);

/* Reads the number of a connection. Returns false, having said why. */
bool picked_take_id(const char *command, const char *word, int64_t *id);

/* Says that there is no connection |id| in |db|. */
void picked_no_such(const char *db, int64_t id);

struct picked {
    struct packets packets;
    struct wsc_pick picks[WSC_PICKS_MAX];
    int64_t ids[WSC_PICKS_MAX];
    size_t len;
    struct wsc_picker *picker;
};

/* From here on SIGINT and SIGTERM stop the reading of |p|, until picked_clear(); a second one
 * kills. True if one came. */
void picked_watch(struct picked *p);
bool picked_stopped(void);

/* Adds the connection of |rec|. Returns false, having said why. */
bool picked_add(struct picked *p, struct wsc_store *store, const struct wsc_closure *rec);

/* Reads the captures to find which of their packets belong to the connections that were added,
 * after packets_locate(). Returns false, having said why, or if it was stopped. */
bool picked_find(struct picked *p);

/* Reads them again and hands over the packets that were found, in order; an error that |fn| returns
 * ends it. Opens the captures. */
typedef enum wsc_err (*picked_fn)(void *ctx, size_t pick, const struct packets_at *at,
                                  struct wsc_error *err);
enum wsc_err picked_each(struct picked *p, picked_fn fn, void *ctx, struct wsc_error *err);

void picked_clear(struct picked *p);

#endif
