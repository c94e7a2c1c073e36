/* A thread that puts records: batches go round between it and the caller. */
#include "store/db.h"

#include "base/alloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>

#define BATCHES     4u
#define BATCH_BYTES ((size_t)256 << 10)

struct batch {
    const struct wsc_closure *recs[WSC_PUT_MAX];
    size_t len;
    uint8_t *room;
    size_t cap, used;
};

struct wsc_writer {
    struct wsc_store *s;
    pthread_t thread;
    bool running; /* the thread was made; false: its work is done by the caller */
    struct batch batches[BATCHES];
    size_t filled; /* batches handed over so far; the next one is being filled. The caller's */
    pthread_mutex_t lock;
    pthread_cond_t news, room;
    /* Under the lock. */
    size_t given, done; /* batches */
    bool over, drop;
    enum wsc_err e;
    struct wsc_error err;
};

/* ---- the thread ---- */

/* What comes after an error is dropped: the import is rolled back. */
static void write_batch(struct wsc_writer *w, const struct batch *b, bool drop)
{
    int64_t ids[WSC_PUT_MAX];
    struct wsc_error err;
    enum wsc_err e = drop ? WSC_OK : wsc_put_records(w->s, b->recs, b->len, ids, &err);
    (void)pthread_mutex_lock(&w->lock);
    if (e != WSC_OK && w->e == WSC_OK) {
        w->e = e;
        w->err = err;
    }
    w->done++;
    (void)pthread_cond_signal(&w->room);
    (void)pthread_mutex_unlock(&w->lock);
}

static void *run(void *ctx)
{
    struct wsc_writer *w = ctx;
    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->done == w->given && !w->over)
            (void)pthread_cond_wait(&w->news, &w->lock);
        if (w->done == w->given)
            break;
        bool drop = w->drop || w->e != WSC_OK;
        const struct batch *b = &w->batches[w->done % BATCHES];
        (void)pthread_mutex_unlock(&w->lock);
        write_batch(w, b, drop);
        (void)pthread_mutex_lock(&w->lock);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the caller's side ---- */

/* Hands over the batch that is being filled, and waits for room for the next one. */
static void submit(struct wsc_writer *w)
{
    if (w->batches[w->filled % BATCHES].len == 0)
        return;
    w->filled++;
    (void)pthread_mutex_lock(&w->lock);
    w->given = w->filled;
    bool drop = w->drop || w->e != WSC_OK;
    (void)pthread_cond_signal(&w->news);
    (void)pthread_mutex_unlock(&w->lock);
    if (!w->running)
        write_batch(w, &w->batches[(w->filled - 1) % BATCHES], drop);
    (void)pthread_mutex_lock(&w->lock);
    while (w->given - w->done == BATCHES)
        (void)pthread_cond_wait(&w->room, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
    struct batch *next = &w->batches[w->filled % BATCHES];
    next->len = 0;
    next->used = 0;
}

static enum wsc_err outcome(struct wsc_writer *w, struct wsc_error *err)
{
    (void)pthread_mutex_lock(&w->lock);
    enum wsc_err e = w->e;
    if (e != WSC_OK && err != NULL)
        *err = w->err;
    (void)pthread_mutex_unlock(&w->lock);
    return e;
}

/* Room for |size| bytes in the batch that is being filled, which is empty if it must be larger. */
static void *room_for(struct wsc_writer *w, size_t size)
{
    struct batch *b = &w->batches[w->filled % BATCHES];
    if (b->len == WSC_PUT_MAX || (b->len > 0 && size > b->cap - b->used)) {
        submit(w);
        b = &w->batches[w->filled % BATCHES];
    }
    bool large = b->cap > BATCH_BYTES; /* what it was made larger for is put */
    if (b->len == 0 && (b->room == NULL || size > b->cap || large)) {
        size_t cap = size > BATCH_BYTES ? size : BATCH_BYTES;
        wsc_free(b->room);
        b->room = wsc_alloc(cap);
        b->cap = b->room != NULL ? cap : 0;
    }
    return b->room != NULL ? b->room + b->used : NULL;
}

enum wsc_err wsc_writer_put(struct wsc_writer *w, const struct wsc_closure *rec,
                            struct wsc_error *err)
{
    const size_t align = alignof(max_align_t);
    size_t size = (wsc_closure_size(rec) + align - 1) / align * align;
    void *room = room_for(w, size);
    struct batch *b = &w->batches[w->filled % BATCHES];
    if (b->len == 0) { /* once a batch is enough */
        enum wsc_err e = outcome(w, err);
        if (e != WSC_OK)
            return e;
    }
    if (room == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    b->recs[b->len++] = wsc_closure_copy_to(rec, room);
    b->used += size;
    return WSC_OK;
}

/* ---- life ---- */

static bool make_locks(struct wsc_writer *w)
{
    if (pthread_mutex_init(&w->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&w->news, NULL) == 0) {
        if (pthread_cond_init(&w->room, NULL) == 0)
            return true;
        (void)pthread_cond_destroy(&w->news);
    }
    (void)pthread_mutex_destroy(&w->lock);
    return false;
}

enum wsc_err wsc_writer_start(struct wsc_store *s, struct wsc_writer **out, struct wsc_error *err)
{
    *out = NULL;
    struct wsc_writer *w = wsc_calloc(1, sizeof(*w));
    if (w == NULL || !make_locks(w)) {
        wsc_free(w);
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    w->s = s;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    w->running = pthread_create(&w->thread, NULL, run, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = w;
    return WSC_OK;
}

enum wsc_err wsc_writer_end(struct wsc_writer *w, bool all, struct wsc_error *err)
{
    if (w == NULL)
        return WSC_OK;
    if (all)
        submit(w);
    (void)pthread_mutex_lock(&w->lock);
    w->over = true;
    w->drop = !all;
    (void)pthread_cond_signal(&w->news);
    (void)pthread_mutex_unlock(&w->lock);
    if (w->running)
        (void)pthread_join(w->thread, NULL);
    enum wsc_err e = outcome(w, err);
    (void)pthread_cond_destroy(&w->news);
    (void)pthread_cond_destroy(&w->room);
    (void)pthread_mutex_destroy(&w->lock);
    for (size_t i = 0; i < BATCHES; i++)
        wsc_free(w->batches[i].room);
    wsc_free(w);
    return e;
}
