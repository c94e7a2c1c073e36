#include <wsclose/workers.h>

#include "engine/worker.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MIN ((size_t)1 << 20)

/* Packet time after which a worker is told what was fed to it, and after which it is told the time
 * if nothing was. */
#define FLUSH_NS UINT64_C(4000000)
#define TIME_NS  UINT64_C(50000000)

struct wsc_workers {
    struct wsc_workers_options opt;
    wsc_record_fn on_record;
    void *ctx;
    struct wsc_analyzer *only; /* of one worker; NULL: there are several */
    struct wsc_intake intake;
    struct wsc_hash_key secret;
    struct wsc_crew crew;
    struct wsc_closure **taken; /* WSC_CREW_RECORDS of room */
    struct wsc_worker *workers;
    size_t workers_len;
    uint64_t submitted_ns;                  /* packet time */
    uint64_t dropped[WSC_WORKERS_CAPTURES]; /* by a full queue */
    struct wsc_tls_names *names;            /* of all of them, once asked for */
    bool locks, flushed;
};

/* ---- life ---- */

void wsc_workers_options_default(struct wsc_workers_options *opt)
{
    *opt = (struct wsc_workers_options){.workers = 1, .queue_bytes = (size_t)32 << 20};
    wsc_analyzer_options_default(&opt->analyzer);
}

static size_t share(size_t all, size_t n)
{
    return all / n + (all % n != 0);
}

static bool make_locks(struct wsc_crew *crew)
{
    if (pthread_mutex_init(&crew->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&crew->news, NULL) == 0) {
        if (pthread_cond_init(&crew->room, NULL) == 0)
            return true;
        (void)pthread_cond_destroy(&crew->news);
    }
    (void)pthread_mutex_destroy(&crew->lock);
    return false;
}

static enum wsc_err make_crew(struct wsc_workers *w)
{
    size_t n = w->opt.workers;
    struct wsc_analyzer_options ao = w->opt.analyzer;
    ao.max_connections = share(ao.max_connections, n);
    ao.max_memory_bytes = share(ao.max_memory_bytes, n);
    ao.max_reorder_bytes = share(ao.max_reorder_bytes, n);
    w->secret = wsc_hash_key_random();
    w->crew.queue_bytes = w->opt.queue_bytes;
    w->locks = make_locks(&w->crew);
    w->crew.records = wsc_calloc(WSC_CREW_RECORDS, sizeof(*w->crew.records));
    w->taken = wsc_calloc(WSC_CREW_RECORDS, sizeof(*w->taken));
    w->workers = wsc_calloc(n, sizeof(*w->workers));
    if (!w->locks || w->crew.records == NULL || w->taken == NULL || w->workers == NULL ||
        !wsc_intake_init(&w->intake, ao.max_fragment_bytes))
        return WSC_ERR_NOMEM;
    enum wsc_err e = WSC_OK;
    for (; e == WSC_OK && w->workers_len < n; w->workers_len++)
        e = wsc_worker_init(&w->workers[w->workers_len], &w->crew, &ao);
    return e;
}

enum wsc_err wsc_workers_new(const struct wsc_workers_options *opt, wsc_record_fn on_record,
                             void *ctx, struct wsc_workers **out)
{
    *out = NULL;
    if (opt->workers < 1 || opt->workers > WSC_WORKERS_MAX || opt->queue_bytes < QUEUE_MIN)
        return WSC_ERR_INVALID;
    struct wsc_workers *w = wsc_calloc(1, sizeof(*w));
    if (w == NULL)
        return WSC_ERR_NOMEM;
    w->opt = *opt;
    w->on_record = on_record;
    w->ctx = ctx;
    enum wsc_err e = opt->workers == 1 ? wsc_analyzer_new(&opt->analyzer, on_record, ctx, &w->only)
                                       : make_crew(w);
    if (e != WSC_OK)
        wsc_workers_free(w);
    else
        *out = w;
    return e;
}

enum wsc_err wsc_workers_start(struct wsc_workers *w)
{
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < w->workers_len; i++)
        e = wsc_worker_start(&w->workers[i]);
    return e;
}

static void discard_records(struct wsc_crew *crew)
{
    for (size_t i = 0; i < crew->records_len; i++)
        wsc_closure_free(crew->records[i]);
    wsc_free(crew->records);
}

void wsc_workers_free(struct wsc_workers *w)
{
    if (w == NULL)
        return;
    struct wsc_crew *crew = &w->crew;
    if (w->locks) {
        (void)pthread_mutex_lock(&crew->lock);
        crew->over = true;
        (void)pthread_cond_broadcast(&crew->room);
        (void)pthread_mutex_unlock(&crew->lock);
    }
    for (size_t i = 0; i < w->workers_len; i++)
        wsc_worker_clear(&w->workers[i]);
    if (w->locks) {
        (void)pthread_cond_destroy(&crew->room);
        (void)pthread_cond_destroy(&crew->news);
        (void)pthread_mutex_destroy(&crew->lock);
    }
    discard_records(crew);
    wsc_free(w->taken);
    wsc_free(w->workers);
    wsc_intake_clear(&w->intake);
    wsc_analyzer_free(w->only);
    wsc_tls_names_free(w->names);
    wsc_free(w);
}

/* ---- records ---- */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_end(const void *a, const void *b)
{
    const struct wsc_closure *x = *(const struct wsc_closure *const *)a,
                             *y = *(const struct wsc_closure *const *)b;
    int c = compare(x->ended_ns != 0 ? x->ended_ns : x->last_ns,
                    y->ended_ns != 0 ? y->ended_ns : y->last_ns);
    if (c == 0)
        c = compare(x->last_packet, y->last_packet);
    if (c == 0)
        c = compare(x->first_packet, y->first_packet);
    return c != 0 ? c : compare(x->stream_id, y->stream_id);
}

/* Provisional records in the order they came, which is before those that take their place. Returns
 * how many others are left. */
static size_t hand_over_provisional(struct wsc_workers *w, struct wsc_closure **records, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (!records[i]->provisional) {
            records[left++] = records[i];
            continue;
        }
        w->on_record(w->ctx, records[i]);
        wsc_closure_free(records[i]);
    }
    return left;
}

enum wsc_err wsc_workers_take(struct wsc_workers *w)
{
    struct wsc_crew *crew = &w->crew;
    if (w->only != NULL)
        return WSC_OK;
    (void)pthread_mutex_lock(&crew->lock);
    struct wsc_closure **records = crew->records;
    size_t n = crew->records_len;
    bool lost = crew->record_lost;
    crew->records = w->taken;
    crew->records_len = 0;
    (void)pthread_cond_broadcast(&crew->room);
    (void)pthread_mutex_unlock(&crew->lock);
    w->taken = records;
    n = hand_over_provisional(w, records, n);
    if (n > 1)
        qsort(records, n, sizeof(records[0]), by_end);
    for (size_t i = 0; i < n; i++) {
        w->on_record(w->ctx, records[i]);
        wsc_closure_free(records[i]);
    }
    return lost ? WSC_ERR_NOMEM : WSC_OK;
}

/* With the crew's lock held, which is given up meanwhile: waits until the workers have got on, and
 * takes records, for which they may be waiting. */
static void wait_for_news(struct wsc_workers *w)
{
    struct wsc_crew *crew = &w->crew;
    if (crew->records_len == 0)
        (void)pthread_cond_wait(&crew->news, &crew->lock);
    (void)pthread_mutex_unlock(&crew->lock);
    (void)!wsc_workers_take(w); /* what was lost is told by the next one, too */
    (void)pthread_mutex_lock(&crew->lock);
}

/* ---- to the workers ---- */

static struct wsc_worker *worker_of(struct wsc_workers *w, const struct wsc_flow_key *key)
{
    uint64_t h = wsc_hash(w->secret, key, sizeof(*key)) >> 32;
    return &w->workers[h * w->workers_len >> 32];
}

enum wsc_err wsc_workers_resume(struct wsc_workers *w, const struct wsc_closure *rec)
{
    struct wsc_flow_key key;
    enum wsc_way client;
    if (w->only != NULL)
        return wsc_analyzer_resume(w->only, rec);
    if (!wsc_analyzer_key_of(rec, &key, &client))
        return WSC_ERR_INVALID;
    return wsc_analyzer_resume(worker_of(w, &key)->an, rec);
}

static void note_loss(struct wsc_worker *k, uint64_t from_ns, uint64_t to_ns)
{
    if (k->lost_to_ns == 0 || from_ns < k->lost_from_ns)
        k->lost_from_ns = from_ns;
    if (to_ns > k->lost_to_ns)
        k->lost_to_ns = to_ns;
}

/* Room for an item, with what was lost before it told first. */
static struct wsc_item *item_for(struct wsc_workers *w, struct wsc_worker *k,
                                 enum wsc_item_kind kind, size_t more)
{
    struct wsc_item *item = NULL;
    if (k->lost_to_ns != 0) {
        item = wsc_worker_item(k, 0);
        if (item == NULL)
            return NULL;
        item->kind = WSC_ITEM_LOST;
        item->lost.from_ns = k->lost_from_ns;
        item->lost.to_ns = k->lost_to_ns;
        k->lost_from_ns = k->lost_to_ns = 0;
    }
    item = wsc_worker_item(k, more);
    if (item == NULL)
        return NULL;
    item->kind = kind;
    item->clock = w->intake.clock;
    k->told_ns = w->intake.clock.last_ts_ns;
    return item;
}

/* Waits for room. NULL: the queue is empty, and there is no memory. */
static struct wsc_item *item_in_the_end(struct wsc_workers *w, struct wsc_worker *k,
                                        enum wsc_item_kind kind, size_t more)
{
    for (bool last = false;;) {
        struct wsc_item *item = item_for(w, k, kind, more);
        if (item != NULL || last)
            return item;
        wsc_worker_submit(k);
        (void)pthread_mutex_lock(&w->crew.lock);
        last = k->queued == 0;
        if (!last)
            wait_for_news(w);
        (void)pthread_mutex_unlock(&w->crew.lock);
    }
}

/* A time that went back is one that has changed, too. */
static bool passed(uint64_t since_ns, uint64_t now_ns, uint64_t span_ns)
{
    return now_ns < since_ns || now_ns >= since_ns + span_ns;
}

static void submit_all(struct wsc_workers *w)
{
    uint64_t now = w->intake.clock.last_ts_ns;
    for (size_t i = 0; i < w->workers_len; i++) {
        struct wsc_worker *k = &w->workers[i];
        if (passed(k->told_ns, now, TIME_NS))
            (void)item_for(w, k, WSC_ITEM_TIME, 0); /* a full queue has enough to tell */
        wsc_worker_submit(k);
    }
    w->submitted_ns = now;
}

/* The segment, where it lies in the packet and where it lies in a datagram put together. */
static void copy_view(struct wsc_item *item, const struct wsc_packet_view *v)
{
    uint8_t *to = (uint8_t *)(item + 1);
    item->view = *v;
    item->view.payload = to;
    if (v->l3.ptr != NULL) {
        memcpy(to, v->l3.ptr, v->l3.len);
        item->view.l3.ptr = to;
        item->view.payload = to + (v->payload - v->l3.ptr);
    } else if (v->payload_len > 0) {
        memcpy(to, v->payload, v->payload_len);
    }
}

static enum wsc_err take_segment(struct wsc_workers *w, const struct wsc_packet_view *v)
{
    struct wsc_flow_key key;
    (void)wsc_flow_key_of(v, &key);
    struct wsc_worker *k = worker_of(w, &key);
    size_t bytes = v->l3.ptr != NULL ? v->l3.len : v->payload_len;
    struct wsc_item *item = w->opt.wait ? item_in_the_end(w, k, WSC_ITEM_SEGMENT, bytes)
                                        : item_for(w, k, WSC_ITEM_SEGMENT, bytes);
    if (item == NULL) {
        unsigned capture = WSC_REF_CAPTURE(v->ref);
        w->dropped[capture < WSC_WORKERS_CAPTURES ? capture : WSC_WORKERS_CAPTURES - 1]++;
        note_loss(k, v->ts_ns, v->ts_ns);
        return WSC_ERR_BUSY;
    }
    copy_view(item, v);
    return WSC_OK;
}

enum wsc_err wsc_workers_feed(struct wsc_workers *w, const struct wsc_packet *pkt)
{
    struct wsc_packet_view v;
    if (w->only != NULL)
        return wsc_analyzer_feed(w->only, pkt);
    w->flushed = false;
    enum wsc_err e = WSC_OK;
    if (wsc_intake_take(&w->intake, pkt, &v))
        e = take_segment(w, &v);
    if (passed(w->submitted_ns, pkt->ts_ns, FLUSH_NS))
        submit_all(w);
    return e;
}

size_t wsc_workers_feed_batch(struct wsc_workers *w, const struct wsc_packet *pkts, size_t n)
{
    if (w->only != NULL)
        return wsc_analyzer_feed_batch(w->only, pkts, n);
    size_t lost = 0;
    for (size_t i = 0; i < n; i++)
        lost += wsc_workers_feed(w, &pkts[i]) == WSC_ERR_NOMEM;
    return lost;
}

void wsc_workers_tick(struct wsc_workers *w, uint64_t now_ns)
{
    if (w->only != NULL) {
        wsc_analyzer_tick(w->only, now_ns);
        return;
    }
    wsc_clock_tick(&w->intake.clock, now_ns);
    submit_all(w);
}

void wsc_workers_lost(struct wsc_workers *w, uint64_t from_ns, uint64_t to_ns)
{
    if (w->only != NULL)
        wsc_analyzer_lost(w->only, from_ns, to_ns);
    for (size_t i = 0; i < w->workers_len; i++)
        note_loss(&w->workers[i], from_ns, to_ns);
}

static void wait_for_flush(struct wsc_workers *w, const struct wsc_worker *k, uint64_t flushes)
{
    (void)pthread_mutex_lock(&w->crew.lock);
    while (k->flushes < flushes)
        wait_for_news(w);
    (void)pthread_mutex_unlock(&w->crew.lock);
}

enum wsc_err wsc_workers_flush(struct wsc_workers *w)
{
    if (w->only != NULL) {
        wsc_analyzer_flush(w->only);
        return WSC_OK;
    }
    bool asked = true;
    for (size_t i = 0; i < w->workers_len; i++) {
        struct wsc_worker *k = &w->workers[i];
        bool has = item_in_the_end(w, k, WSC_ITEM_FLUSH, 0) != NULL;
        k->flushes_asked += has;
        asked &= has;
        wsc_worker_submit(k);
    }
    for (size_t i = 0; i < w->workers_len; i++)
        wait_for_flush(w, &w->workers[i], w->workers[i].flushes_asked);
    w->flushed = asked;
    enum wsc_err e = wsc_workers_take(w);
    return asked ? e : WSC_ERR_NOMEM;
}

/* ---- statistics ---- */

void wsc_workers_get_stats(struct wsc_workers *w, struct wsc_analyzer_stats *out)
{
    if (w->only != NULL) {
        wsc_analyzer_get_stats(w->only, out);
        return;
    }
    *out = w->intake.stats;
    out->memory_bytes += wsc_ip_defrag_held(w->intake.defrag);
    (void)pthread_mutex_lock(&w->crew.lock);
    for (size_t i = 0; i < w->workers_len; i++) {
        const struct wsc_worker *k = &w->workers[i];
        out->tcp_flows += k->stats.tcp_flows;
        out->tcp_open += k->stats.tcp_open;
        out->websockets += k->stats.websockets;
        out->websockets_open += k->stats.websockets_open;
        out->pending += k->stats.pending;
        out->evicted += k->stats.evicted;
        out->reorder_dropped += k->stats.reorder_dropped;
        out->tls_flows += k->stats.tls_flows;
        out->tls_failed += k->stats.tls_failed;
        out->streams_refused += k->stats.streams_refused;
        out->memory_bytes += k->stats.memory_bytes + k->held_bytes;
    }
    (void)pthread_mutex_unlock(&w->crew.lock);
}

uint64_t wsc_workers_dropped(const struct wsc_workers *w, unsigned capture)
{
    return capture < WSC_WORKERS_CAPTURES ? w->dropped[capture] : 0;
}

uint64_t wsc_workers_starved(struct wsc_workers *w)
{
    uint64_t n = 0;
    if (w->only != NULL)
        return 0;
    (void)pthread_mutex_lock(&w->crew.lock);
    for (size_t i = 0; i < w->workers_len; i++)
        n += w->workers[i].starved;
    (void)pthread_mutex_unlock(&w->crew.lock);
    return n;
}

/* What one of them saw, added to what those before it saw. False: no memory. */
static bool merge_protocols(const struct wsc_analyzer *an, struct wsc_protocol_stats **rows,
                            size_t *n)
{
    size_t more = wsc_analyzer_protocols(an, NULL, 0);
    struct wsc_protocol_stats *grown = wsc_realloc(*rows, (*n + more + 1) * sizeof(*grown));
    if (grown == NULL)
        return false;
    *rows = grown;
    struct wsc_protocol_stats *theirs = grown + *n;
    more = wsc_analyzer_protocols(an, theirs, more);
    size_t all = *n;
    for (size_t i = 0; i < more; i++) {
        size_t at = 0;
        while (at < *n && strcmp(grown[at].name, theirs[i].name) != 0)
            at++;
        if (at == *n) {
            grown[all++] = theirs[i]; /* never ahead of what is read */
            continue;
        }
        grown[at].flows += theirs[i].flows;
        grown[at].bytes += theirs[i].bytes;
    }
    *n = all;
    return true;
}

size_t wsc_workers_protocols(const struct wsc_workers *w, struct wsc_protocol_stats *out,
                             size_t cap)
{
    struct wsc_protocol_stats *rows = NULL;
    size_t n = 0;
    if (w->only != NULL)
        return wsc_analyzer_protocols(w->only, out, cap);
    bool ok = w->flushed;
    for (size_t i = 0; ok && i < w->workers_len; i++)
        ok = merge_protocols(w->workers[i].an, &rows, &n);
    if (!ok)
        n = 0;
    if (n > 0) {
        qsort(rows, n, sizeof(rows[0]), wsc_analyzer_by_bytes);
        memcpy(out, rows, (n < cap ? n : cap) * sizeof(rows[0]));
    }
    wsc_free(rows);
    return n;
}

size_t wsc_workers_tls_names(struct wsc_workers *w, struct wsc_tls_name *out, size_t cap)
{
    if (w->only != NULL)
        return wsc_analyzer_tls_names(w->only, out, cap);
    wsc_tls_names_free(w->names);
    w->names = w->flushed ? wsc_tls_names_new() : NULL;
    if (w->names == NULL)
        return 0;
    for (size_t i = 0; i < w->workers_len; i++)
        wsc_tls_names_merge(w->names, wsc_analyzer_names(w->workers[i].an));
    return wsc_tls_names_list(w->names, out, cap);
}
