#include "engine/analyzer_inside.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* After the end: for packets that a capture shows late, and to see whether an RST was heeded. */
#define OVER_NS UINT64_C(5000000000)
/* A Close or FIN that nothing follows: beyond every closing timeout known (node ws: 30 s). */
#define CLOSING_NS UINT64_C(120000000000)
/* Not a WebSocket and silent: forgotten; if it speaks again it is looked at anew. */
#define OTHER_NS UINT64_C(300000000000)

/* Only so that a wheel's size is bounded: whoever is silent for longer waits in a list. */
#define WS_NS UINT64_C(300000000000)

const uint64_t wsc_queue_life_ns[QUEUE_COUNT] = {[QUEUE_OTHER] = OTHER_NS,
                                                 [QUEUE_WS] = WS_NS,
                                                 [QUEUE_CLOSING] = CLOSING_NS,
                                                 [QUEUE_OVER] = OVER_NS};

void wsc_analyzer_options_default(struct wsc_analyzer_options *opt)
{
    *opt = (struct wsc_analyzer_options){
        .max_connections = 4000000,
        .max_reorder_bytes = (size_t)256 << 20,
        .max_reorder_per_connection = (size_t)4 << 20,
        .max_fragment_bytes = (size_t)16 << 20,
        .max_head_bytes = (size_t)64 << 10,
        .label = true,
    };
}

static bool options_valid(const struct wsc_analyzer_options *o)
{
    return o->max_connections >= 1 && o->max_connections < UINT32_C(1) << 31 &&
           o->max_head_bytes >= 1024 && o->max_head_bytes <= (size_t)1 << 20;
}

/* Hosts, paths, agents of all open WebSockets together. */
#define INTERN_MAX      ((size_t)192 << 20)
#define STRING_SETS_MAX ((size_t)64 << 20)
/* HTTP/1 heads not yet whole, all connections together; beyond it one that comes in pieces is not
 * HTTP. */
#define HEADS_HELD_MAX ((size_t)64 << 20)
/* TLS records not yet whole, all connections together. */
#define TLS_BUFFERED_MAX ((size_t)256 << 20)

enum wsc_err wsc_analyzer_new_wide(const struct wsc_analyzer_options *opt,
                                   const struct wsc_wide_ops *wide, wsc_record_fn on_record,
                                   void *ctx, struct wsc_analyzer **out)
{
    *out = NULL;
    if (!options_valid(opt))
        return WSC_ERR_INVALID;
    struct wsc_analyzer *an = wsc_calloc(1, sizeof(*an));
    if (an == NULL)
        return WSC_ERR_NOMEM;
    struct wsc_engine *e = &an->engine;
    e->opt = *opt;
    e->wide = wide;
    e->on_record = on_record;
    e->ctx = ctx;
    wsc_list_init(&an->silent);
    bool ready = true;
    for (int q = 0; q < QUEUE_COUNT; q++)
        ready &=
            wsc_queue_life_ns[q] == 0 || wsc_age_wheel_init(&an->wheels[q], wsc_queue_life_ns[q]);
    wsc_tcp_shared_init(&e->tcp, opt->max_reorder_bytes, opt->max_reorder_per_connection,
                        sizeof(struct wsc_conv_ws));
    wsc_pool_init(&e->notes_pool, sizeof(struct wsc_conv_notes), 32);
    wsc_pool_init(&e->ledger_pool, sizeof(struct wsc_conv_ledger), 64);
    wsc_pool_init(&e->pre_pool, sizeof(struct wsc_conv_pre), 64);
    wsc_h1_shared_init(&e->h1, HEADS_HELD_MAX);
    wsc_pool_init(&e->scratch_pool, WSC_WS_CONTROL_KEPT, 32);
    wsc_pool_init(&e->inner_pool, sizeof(struct wsc_conv_inner), 32);
    wsc_pool_init(&e->stream_pool, sizeof(struct wsc_conv_stream), 32);
    wsc_list_init(&e->waiting);
    ready &= opt->limits != NULL || wsc_limits_new(&an->own_limits) == WSC_OK;
    e->limits = opt->limits != NULL ? opt->limits : an->own_limits;
    e->intern = wsc_intern_new(INTERN_MAX);
    e->string_sets = wsc_intern_new(STRING_SETS_MAX);
    e->accept = wsc_ws_accept_new();
    e->tls = wsc_tls_shared_new(opt->keylog, TLS_BUFFERED_MAX);
    if (wide == NULL) {
        e->tls_names = wsc_tls_names_new();
        e->wss_places = wsc_wss_places_new();
        ready &= e->tls_names != NULL && e->wss_places != NULL;
    }
    an->flows = wsc_flow_table_new(sizeof(struct wsc_conv), opt->max_connections);
    ready &= wsc_intake_init(&an->intake, opt->max_fragment_bytes);
    if (opt->label)
        e->ident = wsc_ident_new();
    ready &= e->tls != NULL && e->accept != NULL && e->string_sets != NULL;
    if (!ready || e->intern == NULL || an->flows == NULL || (opt->label && e->ident == NULL)) {
        wsc_analyzer_free(an);
        return WSC_ERR_NOMEM;
    }
    *out = an;
    return WSC_OK;
}

enum wsc_err wsc_analyzer_new(const struct wsc_analyzer_options *opt, wsc_record_fn on_record,
                              void *ctx, struct wsc_analyzer **out)
{
    return wsc_analyzer_new_wide(opt, NULL, on_record, ctx, out);
}

static void discard(void *ctx, const struct wsc_closure *rec)
{
    (void)ctx;
    (void)rec;
}

static void discard_name(void *ctx, struct wsc_span name)
{
    (void)ctx;
    (void)name;
}

static void discard_place(void *ctx, const struct wsc_endpoint *server, bool which)
{
    (void)ctx;
    (void)server;
    (void)which;
}

static const struct wsc_wide_ops discard_ops = {
    .on_tls_name = discard_name, .on_place = discard_place, .on_condition = discard_place};

void wsc_analyzer_free(struct wsc_analyzer *an)
{
    if (an == NULL)
        return;
    struct wsc_engine *e = &an->engine;
    e->on_record = discard;
    if (e->wide != NULL)
        e->wide = &discard_ops;
    bool whole = e->wide != NULL || (e->tls_names != NULL && e->wss_places != NULL);
    if (an->flows != NULL && e->intern != NULL && e->string_sets != NULL && e->tls != NULL && whole)
        wsc_analyzer_flush(an);
    wsc_flow_table_free(an->flows);
    wsc_intake_clear(&an->intake);
    wsc_ident_free(e->ident);
    wsc_intern_free(e->intern);
    wsc_intern_free(e->string_sets);
    wsc_ws_accept_free(e->accept);
    wsc_limits_free(an->own_limits);
    wsc_pool_clear(&e->notes_pool);
    wsc_pool_clear(&e->ledger_pool);
    wsc_pool_clear(&e->pre_pool);
    wsc_h1_shared_clear(&e->h1);
    wsc_pool_clear(&e->scratch_pool);
    wsc_pool_clear(&e->inner_pool);
    wsc_pool_clear(&e->stream_pool);
    wsc_tls_shared_free(e->tls);
    wsc_tls_names_free(e->tls_names);
    wsc_wss_places_free(e->wss_places);
    wsc_tcp_shared_clear(&e->tcp);
    for (int q = 0; q < QUEUE_COUNT; q++)
        wsc_age_wheel_clear(&an->wheels[q]);
    wsc_free(an->due);
    wsc_free(an);
}

/* ---- statistics ---- */

size_t wsc_analyzer_held(const struct wsc_analyzer *an)
{
    const struct wsc_engine *e = &an->engine;
    size_t wheels = 0;
    for (int q = 0; q < QUEUE_COUNT; q++)
        wheels += wsc_queue_life_ns[q] != 0 ? wsc_age_wheel_bytes(&an->wheels[q]) : 0;
    return sizeof(*an) + wheels + an->due_cap * sizeof(*an->due) + wsc_flow_table_bytes(an->flows) +
           e->tcp.held_bytes + e->tcp.more_pool.bytes + e->tcp.resets_pool.bytes +
           e->notes_pool.bytes + e->ledger_pool.bytes + e->pre_pool.bytes + e->h1.pool.bytes +
           e->h1.held + e->scratch_pool.bytes + e->inner_pool.bytes + e->stream_pool.bytes +
           e->h2_bytes + wsc_tls_shared_held(e->tls) + e->run_bytes + wsc_intern_bytes(e->intern) +
           wsc_intern_bytes(e->string_sets) + wsc_ip_defrag_held(an->intake.defrag);
}

void wsc_analyzer_get_stats(const struct wsc_analyzer *an, struct wsc_analyzer_stats *out)
{
    const struct wsc_engine *e = &an->engine;
    *out = an->intake.stats;
    out->tcp_flows = an->tcp_flows;
    out->evicted = an->evicted;
    out->tcp_open = wsc_flow_table_count(an->flows);
    out->websockets = e->records;
    out->websockets_open = e->ws_open;
    out->pending = e->pending;
    out->reorder_dropped = e->tcp.given_up_bytes;
    out->tls_flows = e->tls_unread;
    out->tls_failed = e->tls_failed;
    out->streams_refused = e->streams_refused;
    out->memory_bytes = wsc_analyzer_held(an);
}

struct wsc_ident *wsc_analyzer_ident(struct wsc_analyzer *an)
{
    return an->engine.ident;
}

const struct wsc_turn *wsc_analyzer_turn(const struct wsc_analyzer *an)
{
    return &an->engine.turn;
}

size_t wsc_analyzer_tls_names(const struct wsc_analyzer *an, struct wsc_tls_name *out, size_t cap)
{
    return wsc_tls_names_list(an->engine.tls_names, out, cap);
}

int wsc_analyzer_by_bytes(const void *a, const void *b)
{
    const struct wsc_protocol_stats *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return strcmp(x->name, y->name);
}

size_t wsc_analyzer_protocols(const struct wsc_analyzer *an, struct wsc_protocol_stats *out,
                              size_t cap)
{
    struct wsc_protocol_stats rows[LABELS];
    size_t n = 0;
    for (unsigned label = 0; label < LABELS; label++) {
        if (an->protocols[label].flows == 0)
            continue;
        const char *name = label != 0 ? wsc_ident_name(an->engine.ident, label) : NULL;
        rows[n] = an->protocols[label];
        rows[n++].name = name != NULL ? name : "not labelled";
    }
    qsort(rows, n, sizeof(rows[0]), wsc_analyzer_by_bytes);
    if (cap > 0)
        memcpy(out, rows, (n < cap ? n : cap) * sizeof(rows[0]));
    return n;
}
