/* The streams of one HTTP/2 connection: the few that are wanted, and which ids still may turn out
 * to be. Both are bounded. */
#ifndef WSC_HTTP_H2_STREAMS_H
#define WSC_HTTP_H2_STREAMS_H

#include <wsclose/types.h>

#include "base/hash.h"

/* A wanted stream. By enum wsc_dir: */
struct wsc_h2_stream {
    uint32_t id;   /* 0: an empty slot */
    bool ended[2]; /* END_STREAM or RST_STREAM was seen */
    bool reset[2]; /* RST_STREAM was */
    bool answered; /* a final answer was */
    uint64_t off[2];
};

/* An open-addressed table, keyed since ids are the peer's to choose. Pointers into it hold until
 * the next add or remove. */
struct wsc_h2_streams {
    struct wsc_h2_stream *slots;
    size_t cap, used, max;
    struct wsc_hash_key key;
};

void wsc_h2_streams_init(struct wsc_h2_streams *t, size_t max);
void wsc_h2_streams_clear(struct wsc_h2_streams *t);
struct wsc_h2_stream *wsc_h2_streams_find(const struct wsc_h2_streams *t, uint32_t id);
/* NULL: the ceiling, or no memory. |id| must not be there yet. */
struct wsc_h2_stream *wsc_h2_streams_add(struct wsc_h2_streams *t, uint32_t id);
void wsc_h2_streams_remove(struct wsc_h2_streams *t, uint32_t id);

/* The ids a client opens rise (RFC 9113 5.1.1): what is decided about them is one number, and for
 * what may have been opened in gaps a few ranges of ids nobody has decided yet. When there are too
 * many ranges the lowest is given up: those streams are not wanted. */
#define WSC_H2_RANGES 16u
struct wsc_h2_ids {
    uint32_t highest; /* decided; 0: none */
    bool open;        /* ids above it may be in use unseen */
    unsigned count;
    struct {
        uint32_t lo, hi;
    } ranges[WSC_H2_RANGES]; /* not decided, rising */
};

/* HEADERS of a request may have been missed. */
void wsc_h2_ids_lost(struct wsc_h2_ids *ids);
/* True if |id| is one a client opens, and not decided though it may be in use. */
bool wsc_h2_ids_undecided(const struct wsc_h2_ids *ids, uint32_t id);
/* |id| is decided; |headers|: by its request, so that none above it is in use yet. */
void wsc_h2_ids_decide(struct wsc_h2_ids *ids, uint32_t id, bool headers);

#endif
