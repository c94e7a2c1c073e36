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
        wsc_worker_submit(k, k->dispatched);
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

void wsc_worker_submit(struct wsc_worker *k, uint64_t seq)
{
    struct wsc_crew *crew = k->crew;
    bool has = k->filling != NULL;
    k->dispatched = seq;
    (void)pthread_mutex_lock(&crew->lock);
    if (has) {
        k->filling->upto = seq;
        *k->last = k->filling;
        k->last = &k->filling->next;
        k->queued++;
    } else if (k->queued == 0) {
        /* What others wait for may have passed. Not if nothing is new: the reader would not wait.
         */
        crew->changed |= crew->merge.lanes[k->lane].passed < seq;
        wsc_merge_pass(&crew->merge, k->lane, seq);
    } else {
        k->upto = seq;
    }
    (void)pthread_mutex_unlock(&crew->lock);
    if (has)
        (void)pthread_cond_signal(&k->wake);
    k->filling = NULL;
}

/* ---- the thread's side ---- */

static void tell_reader(struct wsc_crew *crew)
{
    crew->changed = true;
    (void)pthread_cond_signal(&crew->news);
}

/* Hands on what there is, once there is room for it. */
static void publish(struct wsc_worker *k)
{
    struct wsc_crew *crew = k->crew;
    if (k->events_len == 0)
        return;
    (void)pthread_mutex_lock(&crew->lock);
    while (crew->merge.lanes[k->lane].len >= WSC_LANE_EVENTS && !crew->over)
        (void)pthread_cond_wait(&crew->room, &crew->lock);
    wsc_merge_add(&crew->merge, k->lane, k->events, k->events_last, k->events_len);
    tell_reader(crew);
    (void)pthread_mutex_unlock(&crew->lock);
    k->events = NULL;
    k->events_last = &k->events;
    k->events_len = 0;
}

/* Events of the thread's own, at most. */
#define EVENTS_AT_ONCE 128u

static void add_event(struct wsc_worker *k, struct wsc_event *ev)
{
    if (ev == NULL) {
        (void)pthread_mutex_lock(&k->crew->lock);
        k->crew->record_lost = true;
        (void)pthread_mutex_unlock(&k->crew->lock);
        return;
    }
    ev->turn = *wsc_analyzer_turn(k->an);
    *k->events_last = ev;
    k->events_last = &ev->next;
    if (++k->events_len >= EVENTS_AT_ONCE)
        publish(k);
}

/* From the analyzer. */
static void keep_record(void *ctx, const struct wsc_closure *rec)
{
    struct wsc_worker *k = ctx;
    struct wsc_event *ev = wsc_event_new(WSC_EVENT_RECORD, (struct wsc_span){0});
    if (ev != NULL) {
        ev->condition = k->condition;
        ev->server = k->place;
        ev->rec = wsc_closure_copy(rec);
    }
    if (ev != NULL && ev->rec == NULL) {
        wsc_event_free(ev);
        ev = NULL;
    }
    k->condition = WSC_EVENT_ALWAYS;
    add_event(k, ev);
}

static void keep_tls_name(void *ctx, struct wsc_span name)
{
    add_event(ctx, wsc_event_new(WSC_EVENT_TLS_NAME, name));
}

static void keep_place(void *ctx, const struct wsc_endpoint *server, bool websocket)
{
    struct wsc_event *ev = wsc_event_new(WSC_EVENT_PLACE, (struct wsc_span){0});
    if (ev != NULL) {
        ev->server = *server;
        ev->websocket = websocket;
    }
    add_event(ctx, ev);
}

static void keep_condition(void *ctx, const struct wsc_endpoint *server, bool known)
{
    struct wsc_worker *k = ctx;
    k->place = *server;
    k->condition = known ? WSC_EVENT_IF_KNOWN : WSC_EVENT_IF_NOT_KNOWN;
}

static const struct wsc_wide_ops wide_ops = {
    .on_tls_name = keep_tls_name, .on_place = keep_place, .on_condition = keep_condition};

static const struct wsc_item *item_at(const struct wsc_batch *b, size_t at)
{
    return (const struct wsc_item *)(const void *)((const char *)b->items + at);
}

/* Takes segments and times that follow each other, from |at| on, to the end of what was done.
 * Returns how many segments there was no memory for. */
static uint64_t do_steps(struct wsc_worker *k, const struct wsc_batch *b, size_t *at)
{
    struct wsc_step steps[WSC_STEPS_MAX];
    size_t n = 0;
    for (; n < WSC_STEPS_MAX && *at < b->len; n++) {
        const struct wsc_item *item = item_at(b, *at);
        if (item->kind != WSC_ITEM_SEGMENT && item->kind != WSC_ITEM_TIME)
            break;
        steps[n] = (struct wsc_step){.clock = &item->clock,
                                     .view = item->kind == WSC_ITEM_SEGMENT ? &item->view : NULL};
        *at += item->size;
    }
    return wsc_analyzer_steps(k->an, steps, n);
}

static void do_item(struct wsc_worker *k, const struct wsc_item *item)
{
    if (item->kind == WSC_ITEM_LOST) {
        wsc_analyzer_lost(k->an, item->lost.from_ns, item->lost.to_ns);
        return;
    }
    (void)!wsc_analyzer_step(k->an, &item->clock, NULL); /* a time alone needs no memory */
    wsc_analyzer_flush(k->an);
}

static void do_batch(struct wsc_worker *k, struct wsc_batch *b)
{
    struct wsc_crew *crew = k->crew;
    struct wsc_analyzer_stats stats;
    uint64_t starved = 0, flushes = 0;
    for (size_t at = 0; at < b->len;) {
        starved += do_steps(k, b, &at);
        if (at == b->len)
            break;
        const struct wsc_item *item = item_at(b, at);
        if (item->kind == WSC_ITEM_SEGMENT || item->kind == WSC_ITEM_TIME)
            continue;
        do_item(k, item);
        flushes += item->kind == WSC_ITEM_FLUSH;
        at += item->size;
    }
    publish(k);
    wsc_analyzer_get_stats(k->an, &stats);
    (void)pthread_mutex_lock(&crew->lock);
    k->stats = stats;
    wsc_merge_pass(&crew->merge, k->lane, b->upto);
    k->starved += starved;
    k->flushes += flushes;
    if (--k->queued == 0)
        wsc_merge_pass(&crew->merge, k->lane, k->upto);
    if (b->cap == WSC_BATCH_BYTES && k->spares < WSC_BATCH_SPARES) {
        b->next = k->spare;
        k->spare = b;
        k->spares++;
        b = NULL;
    } else {
        k->held_bytes -= b->cap;
    }
    tell_reader(crew);
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

enum wsc_err wsc_worker_init(struct wsc_worker *k, struct wsc_crew *crew, size_t lane,
                             const struct wsc_analyzer_options *opt)
{
    *k = (struct wsc_worker){.crew = crew, .lane = lane};
    k->last = &k->first;
    k->events_last = &k->events;
    enum wsc_err e = wsc_analyzer_new_wide(opt, &wide_ops, keep_record, k, &k->an);
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
    while (k->events != NULL) {
        struct wsc_event *ev = k->events;
        k->events = ev->next;
        wsc_event_free(ev);
    }
    (void)pthread_cond_destroy(&k->wake);
    free_batches(k->first);
    free_batches(k->spare);
    wsc_free(k->filling);
}
