/* What several workers hand over, in the order in which one analyzer would have. Private to the
 * engine; no locks: its owner calls it from one thread at a time, or under a lock.
 *
 * Each worker's events come in order. An event is handed on as soon as no worker can still come
 * with one before it: each of the others has an event waiting that comes later, or has passed that
 * packet. So a worker must be told how far the packets are even if none are for it. */
#ifndef WSC_ENGINE_MERGE_H
#define WSC_ENGINE_MERGE_H

#include "engine/conversation.h"

#include <wsclose/workers.h>

enum wsc_event_kind {
    WSC_EVENT_RECORD,
    WSC_EVENT_PLACE,   /* of wsc_wss_places_note() */
    WSC_EVENT_TLS_NAME /* of wsc_tls_names_count() */
};

enum wsc_event_condition { WSC_EVENT_ALWAYS, WSC_EVENT_IF_KNOWN, WSC_EVENT_IF_NOT_KNOWN };

struct wsc_event {
    struct wsc_event *next;
    struct wsc_turn turn; /* at which it was handed over */
    enum wsc_event_kind kind;
    enum wsc_event_condition condition; /* of a record: whether |server| is known */
    bool websocket;                     /* of a place */
    struct wsc_endpoint server;         /* of a place, of a condition */
    struct wsc_closure *rec;            /* ours */
    size_t name_len;
    uint8_t name[];
};

struct wsc_event *wsc_event_new(enum wsc_event_kind kind,
                                struct wsc_span name); /* NULL: no memory */
void wsc_event_free(struct wsc_event *ev);             /* with its record; NULL is legal */

struct wsc_merge_lane {
    struct wsc_event *first, **last;
    size_t len;
    uint64_t passed; /* everything up to this seq is in the lane, or was */
};

struct wsc_merge {
    struct wsc_merge_lane lanes[WSC_WORKERS_MAX];
    size_t lanes_len;
};

void wsc_merge_init(struct wsc_merge *m, size_t lanes);
void wsc_merge_clear(struct wsc_merge *m);

/* |first| to |*last| are |n| events, in order, that come after all of the lane. */
void wsc_merge_add(struct wsc_merge *m, size_t lane, struct wsc_event *first,
                   struct wsc_event **last, size_t n);

/* The lane has all that comes of the packets up to |seq|. */
void wsc_merge_pass(struct wsc_merge *m, size_t lane, uint64_t seq);

/* The next event, which is then the caller's; NULL: there is none yet. */
struct wsc_event *wsc_merge_next(struct wsc_merge *m);

#endif
