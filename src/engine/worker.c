#include "engine/worker.h"

#include "base/alloc.h"

#include <signal.h>

/* ---- the reader's side ---- */

static struct wsc_batch *new_batch(struct wsc_worker *k, size_t need)
{
    struct wsc_crew *crew = k->crew;
    size_t cap = need > WSC_BATCH_BYTES ? need : WSC_BATCH_BYTES;
    (void)pthread_mutex_lock(&crew->lock);
    struct wsc_batch *b = cap == WSC_BATCH_BYTES ? k->spare : NULL;
    bool fits = b != NULL || k->held_bytes + cap <= crew->queue_bytes;
    if (b != NULL) {
        k->spare = b->next;
        k->spares--;
    } else if (fits) {
        k->held_bytes += cap;
    }
    (void)pthread_mutex_unlock(&crew->lock);
    if (b == NULL && fits) {
        b = wsc_alloc(sizeof(*b) + cap);
        if (b == NULL) {
            (void)pthread_mutex_lock(&crew->lock);
            k->held_bytes -= cap;
            (void)pthread_mutex_unlock(&crew->lock);
        }
    }
    if (b != NULL) {
        b->next = NULL;
        b->cap = cap;
        b->len = 0;
    }
    return b;
}

struct wsc_item *wsc_worker_item(struct wsc_worker *k, size_t more)
{
    size_t size =
        (sizeof(struct wsc_item) + more + WSC_ITEM_ALIGN - 1) / WSC_ITEM_ALIGN * WSC_ITEM_ALIGN;
    if (k->filling != NULL && k->filling->len + size > k->filling->cap)
        wsc_worker_submit(k);
    if (k->filling == NULL)
        k->filling = new_batch(k, size);
    if (k->filling == NULL)
        return NULL;
    struct wsc_batch *b = k->filling;
    struct wsc_item *item = (struct wsc_item *)(void *)((char *)b->items + b->len);
    b->len += size;
    item->size = size;
    return item;
}

void wsc_worker_submit(struct wsc_worker *k)
{
    struct wsc_crew *crew = k->crew;
    if (k->filling == NULL)
        return;
    (void)pthread_mutex_lock(&crew->lock);
    *k->last = k->filling;
    k->last = &k->filling->next;
    k->queued++;
    (void)pthread_mutex_unlock(&crew->lock);
    (void)pthread_cond_signal(&k->wake);
    k->filling = NULL;
}

/* ---- the thread's side ---- */

/* From the analyzer. */
static void keep_record(void *ctx, const struct wsc_closure *rec)
{
    struct wsc_worker *k = ctx;
    struct wsc_crew *crew = k->crew;
    struct wsc_closure *copy = wsc_closure_copy(rec);
    (void)pthread_mutex_lock(&crew->lock);
    while (crew->records_len == WSC_CREW_RECORDS && !crew->over)
        (void)pthread_cond_wait(&crew->room, &crew->lock);
    if (copy == NULL) {
        crew->record_lost = true;
    } else if (!crew->over) {
        crew->records[crew->records_len++] = copy;
        copy = NULL;
    }
    (void)pthread_cond_signal(&crew->news);
    (void)pthread_mutex_unlock(&crew->lock);
    wsc_closure_free(copy);
}

/* Returns how many segments there was no memory for. */
static uint64_t do_item(struct wsc_worker *k, const struct wsc_item *item)
{
    enum wsc_err e = WSC_OK;
    switch (item->kind) {
    case WSC_ITEM_SEGMENT:
        e = wsc_analyzer_step(k->an, &item->clock, &item->view);
        break;
    case WSC_ITEM_TIME:
        e = wsc_analyzer_step(k->an, &item->clock, NULL);
        break;
    case WSC_ITEM_LOST:
        wsc_analyzer_lost(k->an, item->lost.from_ns, item->lost.to_ns);
        break;
    case WSC_ITEM_FLUSH:
        e = wsc_analyzer_step(k->an, &item->clock, NULL);
        wsc_analyzer_flush(k->an);
        break;
    }
    return e == WSC_ERR_NOMEM;
}

static void do_batch(struct wsc_worker *k, struct wsc_batch *b)
{
    struct wsc_crew *crew = k->crew;
    struct wsc_analyzer_stats stats;
    uint64_t starved = 0, flushes = 0;
    for (size_t at = 0; at < b->len;) {
        const struct wsc_item *item =
            (const struct wsc_item *)(const void *)((char *)b->items + at);
        starved += do_item(k, item);
        flushes += item->kind == WSC_ITEM_FLUSH;
        at += item->size;
    }
    wsc_analyzer_get_stats(k->an, &stats);
    (void)pthread_mutex_lock(&crew->lock);
    k->stats = stats;
    k->starved += starved;
    k->flushes += flushes;
    k->queued--;
    if (b->cap == WSC_BATCH_BYTES && k->spares < WSC_BATCH_SPARES) {
        b->next = k->spare;
        k->spare = b;
        k->spares++;
        b = NULL;
    } else {
        k->held_bytes -= b->cap;
    }
    (void)pthread_cond_signal(&crew->news);
    (void)pthread_mutex_unlock(&crew->lock);
    wsc_free(b);
}

static void *work(void *arg)
{
    struct wsc_worker *k = arg;
    struct wsc_crew *crew = k->crew;
    (void)pthread_setname_np(pthread_self(), "wsclose-worker");
    (void)pthread_mutex_lock(&crew->lock);
    while (!crew->over) {
        struct wsc_batch *b = k->first;
        if (b == NULL) {
            (void)pthread_cond_wait(&k->wake, &crew->lock);
            continue;
        }
        k->first = b->next;
        if (k->first == NULL)
            k->last = &k->first;
        (void)pthread_mutex_unlock(&crew->lock);
        do_batch(k, b);
        (void)pthread_mutex_lock(&crew->lock);
    }
    (void)pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* ---- life ---- */

enum wsc_err wsc_worker_init(struct wsc_worker *k, struct wsc_crew *crew,
                             const struct wsc_analyzer_options *opt)
{
    *k = (struct wsc_worker){.crew = crew};
    k->last = &k->first;
    enum wsc_err e = wsc_analyzer_new(opt, keep_record, k, &k->an);
    if (e == WSC_OK && pthread_cond_init(&k->wake, NULL) != 0) {
        wsc_analyzer_free(k->an);
        k->an = NULL;
        e = WSC_ERR_NOMEM;
    }
    return e;
}

/* Signals are for the thread that reads; only what this thread itself brings about comes to it, as
 * the filter of system calls does. */
enum wsc_err wsc_worker_start(struct wsc_worker *k)
{
    static const int own[] = {SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t none, before;
    (void)sigfillset(&none);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        (void)sigdelset(&none, own[i]);
    (void)pthread_sigmask(SIG_SETMASK, &none, &before);
    k->running = pthread_create(&k->thread, NULL, work, k) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return k->running ? WSC_OK : WSC_ERR_NOMEM;
}

static void free_batches(struct wsc_batch *b)
{
    while (b != NULL) {
        struct wsc_batch *next = b->next;
        wsc_free(b);
        b = next;
    }
}

void wsc_worker_clear(struct wsc_worker *k)
{
    if (k->an == NULL)
        return;
    (void)pthread_cond_signal(&k->wake);
    if (k->running)
        (void)pthread_join(k->thread, NULL);
    wsc_analyzer_free(k->an);
    (void)pthread_cond_destroy(&k->wake);
    free_batches(k->first);
    free_batches(k->spare);
    wsc_free(k->filling);
}
