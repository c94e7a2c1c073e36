#include <wsclose/workers.h>

#include "engine/worker.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MIN ((size_t)1 << 20)

/* What was fed goes to the workers at the latest when packet time has gone on by so much: somebody
 * waits for live records. Of a file, after so many packets: so much can be merged at once. */
#define FLUSH_NS      UINT64_C(4000000)
#define FLUSH_PACKETS 1024u

struct wsc_workers {
    struct wsc_workers_options opt;
    wsc_record_fn on_record;
    void *ctx;
    struct wsc_analyzer *only; /* of one worker; NULL: there are several */
    struct wsc_intake intake;
    struct wsc_hash_key secret;
    struct wsc_crew crew;
    struct wsc_worker *workers;
    size_t workers_len;
    uint64_t submitted_ns, submitted_seq;   /* the clock, when the workers were told last */
    uint64_t told_tick, told_epoch;         /* of which all of them know */
    uint64_t dropped[WSC_WORKERS_CAPTURES]; /* by a full queue */
    struct wsc_tls_names *names;            /* of the connections of all of them */
    struct wsc_wss_places *places;
    uint64_t records; /* handed over */
    bool secrets;     /* came since the last packet */
    bool locks, flushed;
};

/* ---- life ---- */

void wsc_workers_options_default(struct wsc_workers_options *opt)
{
    *opt = (struct wsc_workers_options){.workers = 1, .queue_bytes = (size_t)32 << 20};
    wsc_analyzer_options_default(&opt->analyzer);
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

static size_t share(size_t all, size_t n)
{
    return all / n + (all % n != 0);
}

/* Of a file, what each has to itself: records do not depend on how many there are. Live, memory is
 * what counts. */
static struct wsc_analyzer_options ceilings(const struct wsc_workers_options *opt)
{
    struct wsc_analyzer_options ao = opt->analyzer;
    if (opt->wait)
        return ao;
    ao.max_connections = share(ao.max_connections, opt->workers);
    ao.max_memory_bytes = share(ao.max_memory_bytes, opt->workers);
    ao.max_reorder_bytes = share(ao.max_reorder_bytes, opt->workers);
    return ao;
}

static enum wsc_err make_crew(struct wsc_workers *w)
{
    size_t n = w->opt.workers;
    const struct wsc_analyzer_options ao = ceilings(&w->opt);
    w->secret = wsc_hash_key_random();
    w->crew.queue_bytes = w->opt.queue_bytes;
    wsc_merge_init(&w->crew.merge, n);
    w->locks = make_locks(&w->crew);
    w->names = wsc_tls_names_new();
    w->places = wsc_wss_places_new();
    w->workers = wsc_calloc(n, sizeof(*w->workers));
    if (w->opt.wait && ao.label)
        w->crew.ident = wsc_ident_crew_new(n);
    if (w->opt.wait && ao.label && w->crew.ident == NULL)
        return WSC_ERR_NOMEM;
    if (!w->locks || w->names == NULL || w->places == NULL || w->workers == NULL ||
        !wsc_intake_init(&w->intake, ao.max_fragment_bytes))
        return WSC_ERR_NOMEM;
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        e = wsc_worker_init(&w->workers[i], &w->crew, i, &ao);
        if (e == WSC_OK && w->crew.ident != NULL)
            wsc_ident_join(wsc_analyzer_ident(w->workers[i].an), w->crew.ident, i);
        w->workers_len++;
    }
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
    wsc_ident_crew_stop(crew->ident);
    for (size_t i = 0; i < w->workers_len; i++)
        wsc_worker_clear(&w->workers[i]);
    if (w->locks) {
        (void)pthread_cond_destroy(&crew->room);
        (void)pthread_cond_destroy(&crew->news);
        (void)pthread_mutex_destroy(&crew->lock);
    }
    wsc_merge_clear(&crew->merge);
    wsc_ident_crew_free(crew->ident);
    wsc_free(w->workers);
    wsc_intake_clear(&w->intake);
    wsc_analyzer_free(w->only);
    wsc_tls_names_free(w->names);
    wsc_wss_places_free(w->places);
    wsc_free(w);
}

/* ---- records ---- */

static void hand_over(struct wsc_workers *w, struct wsc_event *ev)
{
    switch (ev->kind) {
    case WSC_EVENT_PLACE:
        wsc_wss_places_note(w->places, &ev->server, ev->websocket);
        break;
    case WSC_EVENT_TLS_NAME:
        wsc_tls_names_count(w->names, (struct wsc_span){.ptr = ev->name, .len = ev->name_len}, 1);
        break;
    case WSC_EVENT_RECORD:
        if (ev->condition != WSC_EVENT_ALWAYS &&
            wsc_wss_places_known(w->places, &ev->server) != (ev->condition == WSC_EVENT_IF_KNOWN))
            break;
        w->records += !ev->rec->provisional;
        w->on_record(w->ctx, ev->rec);
        break;
    }
    wsc_event_free(ev);
}

/* Takes events out from under the lock, as many as fit. */
#define TAKEN_AT_ONCE 256u

static bool take_some(struct wsc_workers *w)
{
    struct wsc_crew *crew = &w->crew;
    struct wsc_event *taken[TAKEN_AT_ONCE];
    size_t n = 0;
    (void)pthread_mutex_lock(&crew->lock);
    while (n < TAKEN_AT_ONCE && (taken[n] = wsc_merge_next(&crew->merge)) != NULL)
        n++;
    if (n > 0)
        (void)pthread_cond_broadcast(&crew->room);
    (void)pthread_mutex_unlock(&crew->lock);
    for (size_t i = 0; i < n; i++)
        hand_over(w, taken[i]);
    return n == TAKEN_AT_ONCE;
}

enum wsc_err wsc_workers_take(struct wsc_workers *w)
{
    struct wsc_crew *crew = &w->crew;
    if (w->only != NULL)
        return WSC_OK;
    while (take_some(w))
        ;
    (void)pthread_mutex_lock(&crew->lock);
    bool lost = crew->record_lost;
    (void)pthread_mutex_unlock(&crew->lock);
    return lost ? WSC_ERR_NOMEM : WSC_OK;
}

/* With the crew's lock held, which is given up meanwhile: waits until the workers have got on, and
 * takes records, for which they may be waiting. */
static void wait_for_news(struct wsc_workers *w)
{
    struct wsc_crew *crew = &w->crew;
    while (!crew->changed)
        (void)pthread_cond_wait(&crew->news, &crew->lock);
    crew->changed = false; /* before looking: what changes meanwhile is looked at again */
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
    return item;
}

/* A time that went back is one that has changed, too. */
static bool passed(uint64_t since_ns, uint64_t now_ns, uint64_t span_ns)
{
    return now_ns < since_ns || now_ns >= since_ns + span_ns;
}

/* |seq|: what is dispatched whole. */
static void submit_all(struct wsc_workers *w, uint64_t seq)
{
    for (size_t i = 0; i < w->workers_len; i++)
        wsc_worker_submit(&w->workers[i], seq);
    w->submitted_ns = w->intake.clock.last_ts_ns;
    w->submitted_seq = w->intake.clock.seq;
}

/* Waits for room. NULL: the queue is empty, and there is no memory. */
static struct wsc_item *item_in_the_end(struct wsc_workers *w, struct wsc_worker *k,
                                        enum wsc_item_kind kind, size_t more)
{
    for (bool last = false;;) {
        struct wsc_item *item = item_for(w, k, kind, more);
        if (item != NULL || last)
            return item;
        /* It may wait for others, and they know no more than they were told. */
        submit_all(w, w->intake.clock.seq - 1);
        (void)pthread_mutex_lock(&w->crew.lock);
        last = k->queued == 0;
        if (!last)
            wait_for_news(w);
        (void)pthread_mutex_unlock(&w->crew.lock);
    }
}

static struct wsc_item *item_or_not(struct wsc_workers *w, struct wsc_worker *k,
                                    enum wsc_item_kind kind, size_t more)
{
    return w->opt.wait ? item_in_the_end(w, k, kind, more) : item_for(w, k, kind, more);
}

/* Tells the time to all but one, who is told with its segment, when it is one at which an analyzer
 * does something without a packet of its own. */
static void tell_time(struct wsc_workers *w, const struct wsc_worker *but)
{
    const struct wsc_clock *c = &w->intake.clock;
    uint64_t tick = wsc_tick_of(c->aged_ns), epoch = wsc_ident_epoch_of(c->seq);
    if (tick == w->told_tick && epoch == w->told_epoch && !w->secrets)
        return;
    for (size_t i = 0; i < w->workers_len; i++) {
        struct wsc_worker *k = &w->workers[i];
        /* Without waiting, a full queue has enough to tell. */
        if (k != but && item_or_not(w, k, WSC_ITEM_TIME, 0) == NULL && w->opt.wait)
            wsc_ident_crew_stop(w->crew.ident); /* nobody is to wait for that one */
    }
    w->told_tick = tick;
    w->told_epoch = epoch;
    w->secrets = false;
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

static enum wsc_err take_segment(struct wsc_workers *w, struct wsc_worker *k,
                                 const struct wsc_packet_view *v)
{
    size_t bytes = v->l3.ptr != NULL ? v->l3.len : v->payload_len;
    struct wsc_item *item = item_or_not(w, k, WSC_ITEM_SEGMENT, bytes);
    if (item == NULL) {
        unsigned capture = WSC_REF_CAPTURE(v->ref);
        w->dropped[capture < WSC_WORKERS_CAPTURES ? capture : WSC_WORKERS_CAPTURES - 1]++;
        note_loss(k, v->ts_ns, v->ts_ns);
        return w->opt.wait ? WSC_ERR_NOMEM : WSC_ERR_BUSY;
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
    struct wsc_worker *k = NULL;
    if (wsc_intake_take(&w->intake, pkt, &v)) {
        struct wsc_flow_key key;
        (void)wsc_flow_key_of(&v, &key);
        k = worker_of(w, &key);
        e = take_segment(w, k, &v);
    }
    tell_time(w, e == WSC_OK ? k : NULL);
    if (w->opt.wait ? w->intake.clock.seq - w->submitted_seq >= FLUSH_PACKETS
                    : passed(w->submitted_ns, pkt->ts_ns, FLUSH_NS))
        submit_all(w, w->intake.clock.seq);
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
    tell_time(w, NULL);
    submit_all(w, w->intake.clock.seq);
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
    w->intake.clock.seq++;
    for (size_t i = 0; i < w->workers_len; i++) {
        struct wsc_worker *k = &w->workers[i];
        bool has = item_in_the_end(w, k, WSC_ITEM_FLUSH, 0) != NULL;
        k->flushes_asked += has;
        asked &= has;
    }
    if (!asked)
        wsc_ident_crew_stop(w->crew.ident);
    submit_all(w, w->intake.clock.seq);
    for (size_t i = 0; i < w->workers_len; i++)
        wait_for_flush(w, &w->workers[i], w->workers[i].flushes_asked);
    w->flushed = asked;
    enum wsc_err e = wsc_workers_take(w);
    return asked ? e : WSC_ERR_NOMEM;
}

void wsc_workers_settle(struct wsc_workers *w)
{
    if (w->only != NULL || w->intake.clock.seq == 0)
        return;
    submit_all(w, w->intake.clock.seq);
    (void)pthread_mutex_lock(&w->crew.lock);
    for (size_t i = 0; i < w->workers_len; i++)
        while (w->workers[i].queued > 0)
            wait_for_news(w);
    (void)pthread_mutex_unlock(&w->crew.lock);
    w->secrets = true;
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
    out->websockets = w->records;
    (void)pthread_mutex_lock(&w->crew.lock);
    for (size_t i = 0; i < w->workers_len; i++) {
        const struct wsc_worker *k = &w->workers[i];
        out->tcp_flows += k->stats.tcp_flows;
        out->tcp_open += k->stats.tcp_open;
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
    return wsc_tls_names_list(w->names, out, cap);
}
