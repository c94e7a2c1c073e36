#include <wsclose/analyzer.h>

#include "engine/analyzer_inside.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* ---- conversations ---- */

static struct wsc_conv *conv_of(struct wsc_age_node *age)
{
    return WSC_LIST_OF(age, struct wsc_conv, age);
}

/* Both ways, as far as it was seen. */
static uint64_t payload_bytes(const struct wsc_conv *c)
{
    return c->tcp.dir[0].next_off + c->tcp.dir[1].next_off;
}

static void count_protocol(struct wsc_analyzer *an, const struct wsc_conv *c)
{
    unsigned label = c->label < LABELS ? c->label : 0;
    an->protocols[label].flows++;
    an->protocols[label].bytes += payload_bytes(c);
}

static void forget(struct wsc_analyzer *an, struct wsc_conv *c, enum wsc_ev_stop stop)
{
    if (c->serial == 0 && payload_bytes(c) > 0)
        count_protocol(an, c);
    if (an->engine.turn.phase > WSC_TURN_FEED) {
        an->engine.turn.last_ns = c->age.last_ns;
        an->engine.turn.ref = c->last_ref;
    }
    wsc_conv_finish(&an->engine, c, stop);
    wsc_list_remove(&c->age.link);
    wsc_flow_table_remove(an->flows, &c->node);
}

static enum queue queue_for(const struct wsc_conv *c)
{
    if (wsc_tcp_conn_over(&c->tcp))
        return QUEUE_OVER;
    const struct wsc_conv_ws *ws = c->ws;
    bool streams = c->inner != NULL && c->inner->streams_len > 0;
    if (wsc_tcp_conn_ending(&c->tcp) ||
        (ws != NULL && ws->notes != NULL &&
         (ws->notes->first[0].ev.seen || ws->notes->first[1].ev.seen)))
        return QUEUE_CLOSING;
    return ws != NULL || streams ? QUEUE_WS : QUEUE_OTHER;
}

/* Who forges RSTs does not make us tell each of them. */
#define FORETOLD_MAX 4u

/* A reset that may yet be taken back is told at once, and so is that it was. */
static void foretell(struct wsc_analyzer *an, struct wsc_conv *c)
{
    const struct wsc_tcp_more *more = c->tcp.more;
    if (!an->engine.opt.foretell || c->ws == NULL || more == NULL)
        return;
    bool over = c->queue == QUEUE_OVER, said_over = c->ws->foretold % 2 != 0;
    const struct wsc_tcp_rst *rst = wsc_tcp_resets(&c->tcp)->rst;
    bool reset = rst[0].at.ref != 0 || rst[1].at.ref != 0;
    bool held = more->held[0] != NULL || more->held[1] != NULL;
    if (over == said_over || (over && (!reset || held || c->ws->foretold >= FORETOLD_MAX)))
        return;
    wsc_conv_foretell(&an->engine, c, over);
}

/* After a packet of it. */
static void requeue(struct wsc_analyzer *an, struct wsc_conv *c)
{
    enum queue q = queue_for(c);
    if (q == (enum queue)c->queue)
        return;
    wsc_list_remove(&c->age.link);
    c->queue = q & 7u;
    wsc_age_wheel_push(&an->wheels[q], &c->age);
    foretell(an, c);
}

static int by_use(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    if (x->last_ns != y->last_ns)
        return x->last_ns < y->last_ns ? -1 : 1;
    return x->ref < y->ref ? -1 : x->ref > y->ref;
}

/* Room for |n| to be sorted; false: no memory. */
static bool due_room(struct wsc_analyzer *an, size_t n)
{
    if (n <= an->due_cap)
        return true;
    struct due *grown = wsc_realloc(an->due, n * sizeof(*grown));
    if (grown == NULL)
        return false;
    an->due = grown;
    an->due_cap = n;
    return true;
}

/* Forgets all of |list| in the order of their last packets, which is that of no list: it does not
 * depend on what other conversations there were. For want of memory any order will do. */
static void forget_all(struct wsc_analyzer *an, struct wsc_list *list, enum wsc_ev_stop stop)
{
    size_t n = 0, len = 0;
    bool sorted = true;
    for (const struct wsc_list *l = list->next; l != list; l = l->next)
        n++;
    if (due_room(an, n)) {
        for (struct wsc_list *l = list->next; l != list; l = l->next) {
            struct wsc_conv *c = conv_of(WSC_LIST_OF(l, struct wsc_age_node, link));
            an->due[len] = (struct due){.last_ns = c->age.last_ns, .ref = c->last_ref, .conv = c};
            sorted &= len == 0 || by_use(&an->due[len - 1], &an->due[len]) <= 0;
            len++;
        }
        if (!sorted)
            qsort(an->due, len, sizeof(an->due[0]), by_use);
    }
    for (size_t i = 0; i < len; i++)
        forget(an, an->due[i].conv, stop);
    while (!wsc_list_empty(list))
        forget(an, conv_of(WSC_LIST_OF(list->next, struct wsc_age_node, link)), stop);
}

static void expire(struct wsc_analyzer *an, enum queue q)
{
    struct wsc_list due;
    wsc_list_init(&due);
    wsc_age_wheel_due(&an->wheels[q], an->tick, &due);
    if (wsc_list_empty(&due))
        return;
    an->engine.turn.phase = (uint8_t)(WSC_TURN_EXPIRE + QUEUE_COUNT - q);
    forget_all(an, &due, WSC_EV_STOP_OVER);
}

/* Open WebSockets that were not used for long leave the wheel, the oldest first. */
static void fall_silent(struct wsc_analyzer *an)
{
    struct wsc_list due;
    wsc_list_init(&due);
    wsc_age_wheel_due(&an->wheels[QUEUE_WS], an->tick, &due);
    while (!wsc_list_empty(&due)) {
        struct wsc_list *l = due.next;
        wsc_list_remove(l);
        conv_of(WSC_LIST_OF(l, struct wsc_age_node, link))->queue = QUEUE_SILENT;
        wsc_list_append(&an->silent, l);
    }
}

static struct wsc_age_node *oldest(struct wsc_analyzer *an, enum queue q)
{
    if (q != QUEUE_SILENT)
        return wsc_age_wheel_oldest(&an->wheels[q], an->tick);
    struct wsc_list *first = an->silent.next;
    return first != &an->silent ? WSC_LIST_OF(first, struct wsc_age_node, link) : NULL;
}

/* At the ceiling the least valuable goes: what is over, what is no WebSocket, what is closing, then
 * the WebSocket longest silent, to a tick. */
static void evict(struct wsc_analyzer *an)
{
    static const enum queue order[] = {QUEUE_OVER, QUEUE_OTHER, QUEUE_CLOSING, QUEUE_SILENT,
                                       QUEUE_WS};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        struct wsc_age_node *n = oldest(an, order[i]);
        if (n == NULL)
            continue;
        an->evicted++;
        forget(an, conv_of(n), order[i] == QUEUE_OVER ? WSC_EV_STOP_OVER : WSC_EV_STOP_EVICTED);
        return;
    }
}

/* What is given back is used again, not returned to the system: at the ceiling the number of
 * connections stays as it is. */
static bool memory_full(const struct wsc_analyzer *an)
{
    size_t max = an->engine.opt.max_memory_bytes;
    return max != 0 && wsc_analyzer_held(an) >= max && wsc_flow_table_count(an->flows) > 0;
}

/* A segment and the connection it belongs to. */
struct addressed {
    const struct wsc_packet_view *v;
    struct wsc_flow_key key;
    uint32_t hash;                /* the flow table's, of |key| */
    const struct wsc_conv *guess; /* only to fetch what it points to */
    enum wsc_way way;
};

static void address(const struct wsc_analyzer *an, const struct wsc_packet_view *v,
                    struct addressed *out)
{
    out->v = v;
    out->way = wsc_flow_key_of(v, &out->key);
    out->hash = wsc_flow_table_hash(an->flows, &out->key);
}

static struct wsc_conv *find_conv(const struct wsc_analyzer *an, const struct addressed *a)
{
    return (struct wsc_conv *)(void *)wsc_flow_table_find(an->flows, &a->key, a->hash);
}

static struct wsc_conv *add_conv(struct wsc_analyzer *an, const struct addressed *a)
{
    if (wsc_flow_table_full(an->flows) || memory_full(an))
        evict(an);
    struct wsc_flow_node *node = wsc_flow_table_add(an->flows, &a->key, a->hash);
    if (node == NULL)
        return NULL;
    struct wsc_conv *c = (struct wsc_conv *)(void *)node;
    c->first_ref = a->v->ref;
    c->started_ns = c->last_ns = a->v->ts_ns;
    wsc_age_use(&c->age, an->engine.clock_ns);
    c->queue = QUEUE_OTHER;
    wsc_age_wheel_push(&an->wheels[QUEUE_OTHER], &c->age);
    an->tcp_flows++;
    return c;
}

static enum wsc_err take_tcp(struct wsc_analyzer *an, const struct addressed *a)
{
    struct wsc_conv *c = find_conv(an, a);
    for (int again = 0; again < 2; again++) {
        if (c == NULL)
            c = add_conv(an, a);
        if (c == NULL)
            return WSC_ERR_NOMEM;
        enum wsc_tcp_result r = wsc_conv_feed(&an->engine, c, a->way, a->v);
        if (r != WSC_TCP_RESTART) {
            wsc_conv_settle(&an->engine, c);
            requeue(an, c);
            return r == WSC_TCP_NOMEM ? WSC_ERR_NOMEM : WSC_OK;
        }
        forget(an, c, WSC_EV_STOP_REUSED);
        c = NULL;
    }
    return WSC_OK;
}

bool wsc_analyzer_key_of(const struct wsc_closure *rec, struct wsc_flow_key *key,
                         enum wsc_way *client)
{
    struct wsc_packet_view v = {
        .family = rec->client.family, .sport = rec->client.port, .dport = rec->server.port};
    if (rec->client.family != rec->server.family ||
        (rec->client.family != 4 && rec->client.family != 6) ||
        !wsc_conv_saved_tunnel(rec->open_state, &v.tunnel_id))
        return false;
    memcpy(v.src, rec->client.addr, sizeof(v.src));
    memcpy(v.dst, rec->server.addr, sizeof(v.dst));
    *client = wsc_flow_key_of(&v, key);
    return true;
}

enum wsc_err wsc_analyzer_resume(struct wsc_analyzer *an, const struct wsc_closure *rec)
{
    const struct wsc_packet_view v = {.ts_ns = rec->last_ns};
    struct addressed a = {.v = &v};
    enum wsc_way client;
    if (!wsc_analyzer_key_of(rec, &a.key, &client))
        return WSC_ERR_INVALID;
    a.hash = wsc_flow_table_hash(an->flows, &a.key);
    if (find_conv(an, &a) != NULL || wsc_flow_table_full(an->flows))
        return WSC_ERR_INVALID;
    struct wsc_conv *c = add_conv(an, &a);
    if (c == NULL)
        return WSC_ERR_NOMEM;
    an->tcp_flows--; /* counted when it was new */
    if (wsc_conv_resume(&an->engine, c, client, rec)) {
        requeue(an, c);
        return WSC_OK;
    }
    wsc_conv_ws_clear(&an->engine, c);
    forget(an, c, WSC_EV_STOP_EVICTED);
    return WSC_ERR_INVALID;
}

/* ---- packets ---- */

static void expire_all(struct wsc_analyzer *an, uint64_t tick)
{
    an->tick = tick;
    expire(an, QUEUE_OVER);
    expire(an, QUEUE_CLOSING);
    expire(an, QUEUE_OTHER);
    fall_silent(an);
}

static enum wsc_err step(struct wsc_analyzer *an, const struct wsc_clock *c,
                         const struct addressed *a)
{
    an->engine.now_ns = c->now_ns;
    an->engine.clock_ns = c->aged_ns;
    an->engine.turn.seq = c->seq;
    uint64_t tick = wsc_tick_of(c->aged_ns), epoch = wsc_ident_epoch_of(c->seq);
    if (epoch != an->epoch && an->engine.ident != NULL)
        wsc_ident_learn(an->engine.ident, epoch);
    an->epoch = epoch;
    /* Who takes in packets for us did not tell every tick. */
    if (tick > an->tick + WSC_TICKS_A_STEP)
        expire_all(an, tick);
    an->engine.turn.phase = WSC_TURN_RETRY;
    if (!wsc_list_empty(&an->engine.waiting))
        wsc_conv_tls_retry_all(&an->engine);
    an->engine.turn.phase = WSC_TURN_FEED;
    enum wsc_err err = a->v != NULL ? take_tcp(an, a) : WSC_OK;
    if (tick != an->tick)
        expire_all(an, tick);
    return err;
}

enum wsc_err wsc_analyzer_step(struct wsc_analyzer *an, const struct wsc_clock *c,
                               const struct wsc_packet_view *v)
{
    struct addressed a = {.v = NULL};
    if (v != NULL)
        address(an, v, &a);
    return step(an, c, &a);
}

/* How many segments ahead of the one at hand the parts of a connection are fetched: those that are
 * found by others later. */
#define ENTRY_AHEAD 6u
#define PARTS_AHEAD 3u

static void fetch(const void *p, size_t len)
{
    for (size_t at = 0; at < len; at += 64)
        __builtin_prefetch((const char *)p + at);
}

static void fetch_entry(const struct wsc_analyzer *an, struct addressed *a)
{
    a->guess = a->v != NULL ? (const void *)wsc_flow_table_guess(an->flows, a->hash) : NULL;
    if (a->guess != NULL)
        fetch(a->guess, sizeof(*a->guess));
}

/* The entry may have become another's meanwhile, but entries stay where they are. */
static void fetch_parts(const struct addressed *a)
{
    const struct wsc_conv *c = a->guess;
    if (c != NULL && c->ws != NULL)
        fetch(c->ws, sizeof(*c->ws));
    if (c != NULL && c->tcp.more != NULL)
        fetch(c->tcp.more, sizeof(*c->tcp.more));
}

size_t wsc_analyzer_steps(struct wsc_analyzer *an, const struct wsc_step *steps, size_t n)
{
    struct addressed all[WSC_STEPS_MAX];
    size_t lost = 0;
    for (size_t i = 0; i < n; i++) {
        all[i].v = NULL;
        if (steps[i].view == NULL)
            continue;
        address(an, steps[i].view, &all[i]);
        wsc_flow_table_expect(an->flows, all[i].hash);
    }
    for (size_t i = 0; i < n && i < ENTRY_AHEAD; i++)
        fetch_entry(an, &all[i]);
    for (size_t i = 0; i < n; i++) {
        if (i + ENTRY_AHEAD < n)
            fetch_entry(an, &all[i + ENTRY_AHEAD]);
        if (i + PARTS_AHEAD < n)
            fetch_parts(&all[i + PARTS_AHEAD]);
        lost += step(an, steps[i].clock, &all[i]) != WSC_OK;
    }
    return lost;
}

enum wsc_err wsc_analyzer_feed(struct wsc_analyzer *an, const struct wsc_packet *pkt)
{
    return wsc_analyzer_feed_batch(an, pkt, 1) == 0 ? WSC_OK : WSC_ERR_NOMEM;
}

size_t wsc_analyzer_feed_batch(struct wsc_analyzer *an, const struct wsc_packet *pkts, size_t n)
{
    struct wsc_packet_view views[WSC_STEPS_MAX];
    struct wsc_clock clocks[WSC_STEPS_MAX];
    struct wsc_step steps[WSC_STEPS_MAX];
    size_t lost = 0, have = 0;
    for (size_t i = 0; i < n; i++) {
        bool tcp = wsc_intake_take(&an->intake, &pkts[i], &views[have]);
        clocks[have] = an->intake.clock;
        steps[have] = (struct wsc_step){.clock = &clocks[have], .view = tcp ? &views[have] : NULL};
        have++;
        if (have == WSC_STEPS_MAX || an->intake.passing || i + 1 == n) {
            lost += wsc_analyzer_steps(an, steps, have);
            have = 0;
        }
    }
    return lost;
}

void wsc_analyzer_tick(struct wsc_analyzer *an, uint64_t now_ns)
{
    wsc_clock_tick(&an->intake.clock, now_ns);
    (void)!wsc_analyzer_step(an, &an->intake.clock, NULL);
}

void wsc_analyzer_lost(struct wsc_analyzer *an, uint64_t from_ns, uint64_t to_ns)
{
    struct wsc_engine *e = &an->engine;
    if (e->lost_from_ns == 0)
        e->lost_from_ns = from_ns;
    e->lost_to_ns = to_ns;
}

void wsc_analyzer_flush(struct wsc_analyzer *an)
{
    for (int q = QUEUE_COUNT; q-- > 0;) {
        struct wsc_list all;
        wsc_list_init(&all);
        wsc_age_wheel_all(&an->wheels[q], &all);
        while (q == QUEUE_WS && !wsc_list_empty(&an->silent)) {
            struct wsc_list *n = an->silent.next;
            wsc_list_remove(n);
            wsc_list_append(&all, n);
        }
        an->engine.turn.phase = (uint8_t)(WSC_TURN_FLUSH + QUEUE_COUNT - q);
        forget_all(an, &all, WSC_EV_STOP_CAPTURE);
    }
}
