/* One worker: a thread, its analyzer, and the queue of batches to it. Private to the engine. */
#ifndef WSC_ENGINE_WORKER_H
#define WSC_ENGINE_WORKER_H

#include "engine/analyzer_step.h"
#include "engine/merge.h"

#include <pthread.h>

enum wsc_item_kind {
    WSC_ITEM_SEGMENT,
    WSC_ITEM_TIME, /* nothing came for this worker, but a tick or an epoch has passed */
    WSC_ITEM_LOST, /* packets were dropped between two times */
    WSC_ITEM_FLUSH
};

/* What a worker is told, one after the other. */
struct wsc_item {
    size_t size; /* with what stands behind it; a multiple of WSC_ITEM_ALIGN */
    enum wsc_item_kind kind;
    struct wsc_clock clock;
    union {
        struct wsc_packet_view view; /* its spans point behind the item */
        struct {
            uint64_t from_ns, to_ns;
        } lost;
    };
};
#define WSC_ITEM_ALIGN _Alignof(struct wsc_item)

struct wsc_batch {
    struct wsc_batch *next;
    uint64_t upto;   /* its worker has no more to do up to this seq of the clock */
    size_t cap, len; /* bytes of items */
    struct wsc_item items[];
};

/* Many batches fit a second-level cache; a segment that does not fit has one of its own size. */
#define WSC_BATCH_BYTES ((size_t)64 << 10)
/* Batches kept for use again. */
#define WSC_BATCH_SPARES 16u

struct wsc_worker {
    struct wsc_crew *crew;
    size_t lane;
    struct wsc_analyzer *an;
    pthread_t thread;
    pthread_cond_t wake;
    bool running; /* the thread was made */
    /* Under the crew's lock. */
    struct wsc_batch *first, **last; /* to be done */
    struct wsc_batch *spare;
    size_t queued;             /* batches submitted and not done */
    size_t spares, held_bytes; /* held: all batches of this worker, wherever they are */
    struct wsc_analyzer_stats stats;
    uint64_t starved;
    uint64_t flushes; /* done */
    uint64_t upto;    /* seq up to which it has no more to do than is queued */
    /* The thread's: what it has to hand over. */
    struct wsc_event *events, **events_last;
    size_t events_len;
    struct wsc_endpoint place; /* of |condition|, for the next record */
    enum wsc_event_condition condition;
    /* The reader's. */
    struct wsc_batch *filling;         /* NULL: none */
    uint64_t dispatched;               /* seq up to which all its items are in batches */
    uint64_t lost_from_ns, lost_to_ns; /* not told yet; to 0: nothing */
    uint64_t flushes_asked;
};

/* Events of one worker that wait for the others, or to be taken. Each has its own ceiling: one for
 * all would be filled by those ahead, who wait for the one behind, who then had no room. */
#define WSC_LANE_EVENTS 4096u

/* What workers and reader share. */
struct wsc_crew {
    pthread_mutex_t lock;
    pthread_cond_t news; /* for the reader: events, a batch done, a flush done */
    pthread_cond_t room; /* for workers: events were taken */
    size_t queue_bytes;  /* of each worker */
    bool changed;        /* there was news since the reader looked */
    bool over;
    bool record_lost; /* for want of memory */
    struct wsc_merge merge;
    struct wsc_ident_crew *ident; /* NULL: each labels by what it saw */
};

/* Makes worker |k|, whose events go to |lane|, with its analyzer, without a thread. */
enum wsc_err wsc_worker_init(struct wsc_worker *k, struct wsc_crew *crew, size_t lane,
                             const struct wsc_analyzer_options *opt) WSC_MUST_USE;
enum wsc_err wsc_worker_start(struct wsc_worker *k) WSC_MUST_USE;
/* Once the crew is over: waits for the thread, frees what there is. */
void wsc_worker_clear(struct wsc_worker *k);

/* Room for an item with |more| bytes behind it, at the end of what is told |k| next. NULL: its
 * queue is full, or there is no memory. */
struct wsc_item *wsc_worker_item(struct wsc_worker *k, size_t more);
/* Lets the thread have what there is, which is all up to |seq| of the clock. */
void wsc_worker_submit(struct wsc_worker *k, uint64_t seq);

#endif
