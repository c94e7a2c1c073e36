/* One worker: a thread, its analyzer, and the queue of batches to it. Private to the engine. */
#ifndef WSC_ENGINE_WORKER_H
#define WSC_ENGINE_WORKER_H

#include "engine/analyzer_step.h"

#include <wsclose/workers.h>

#include <pthread.h>

enum wsc_item_kind {
    WSC_ITEM_SEGMENT,
    WSC_ITEM_TIME, /* nothing came for this worker, but time goes on */
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
    size_t cap, len; /* bytes of items */
    struct wsc_item items[];
};

/* Many batches fit a second-level cache; a segment that does not fit has one of its own size. */
#define WSC_BATCH_BYTES ((size_t)64 << 10)
/* Batches kept for use again. */
#define WSC_BATCH_SPARES 16u

struct wsc_worker {
    struct wsc_crew *crew;
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
    /* The reader's. */
    struct wsc_batch *filling;         /* NULL: none */
    uint64_t lost_from_ns, lost_to_ns; /* not told yet; to 0: nothing */
    uint64_t told_ns;                  /* packet time it was last told */
    uint64_t flushes_asked;
};

#define WSC_CREW_RECORDS 8192u

/* What workers and reader share. */
struct wsc_crew {
    pthread_mutex_t lock;
    pthread_cond_t news; /* for the reader: a record, a batch done, a flush done */
    pthread_cond_t room; /* for workers: records were taken */
    size_t queue_bytes;  /* of each worker */
    bool over;
    bool record_lost;             /* for want of memory */
    struct wsc_closure **records; /* WSC_CREW_RECORDS of room */
    size_t records_len;
};

/* Makes worker |k| with its analyzer, without a thread. */
enum wsc_err wsc_worker_init(struct wsc_worker *k, struct wsc_crew *crew,
                             const struct wsc_analyzer_options *opt) WSC_MUST_USE;
enum wsc_err wsc_worker_start(struct wsc_worker *k) WSC_MUST_USE;
/* Once the crew is over: waits for the thread, frees what there is. */
void wsc_worker_clear(struct wsc_worker *k);

/* Room for an item with |more| bytes behind it, at the end of what is told |k| next. NULL: its
 * queue is full, or there is no memory. */
struct wsc_item *wsc_worker_item(struct wsc_worker *k, size_t more);
/* Lets the thread have what there is. */
void wsc_worker_submit(struct wsc_worker *k);

#endif
