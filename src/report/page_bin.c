#include "report/page_run.h"

#include "base/alloc.h"

#include <stdlib.h>

struct walk {
    struct wsc_page_bins *b;
    struct wsc_page_counts *c;
    uint64_t quota[WSC_PAGE_CLASSES], seen[WSC_PAGE_CLASSES];
};

void wsc_page_bins_free(struct wsc_page_bins *b)
{
    if (b == NULL)
        return;
    wsc_free(b->code_slot);
    wsc_free(b->server_slot);
    wsc_free(b->path_slot);
    wsc_free(b->rows);
    wsc_free(b);
}

/* ---- who has most ---- */

static uint64_t sum_of(const uint64_t by[4])
{
    return by[0] + by[1] + by[2] + by[3];
}

/* The keys with most records, most first, each with its slot; all others share the last. */
static void choose_codes(struct wsc_page_bins *b, const struct wsc_page_counts *c)
{
    bool rest = false;
    for (uint32_t key = 0; key < WSC_PAGE_KEYS; key++) {
        uint64_t n = sum_of(c->keys[key]);
        size_t at = b->codes_len;
        while (n > 0 && at > 0 && sum_of(c->keys[b->codes[at - 1]]) < n)
            at--;
        if (n == 0)
            continue;
        rest |= b->codes_len == WSC_PAGE_CODES;
        if (at == WSC_PAGE_CODES)
            continue;
        b->codes_len += b->codes_len < WSC_PAGE_CODES;
        for (size_t i = b->codes_len - 1; i > at; i--)
            b->codes[i] = b->codes[i - 1];
        b->codes[at] = key;
    }
    for (uint32_t key = 0; key < WSC_PAGE_KEYS; key++)
        b->code_slot[key] = (uint8_t)b->codes_len;
    for (size_t i = 0; i < b->codes_len; i++)
        b->code_slot[b->codes[i]] = (uint8_t)i;
    for (uint32_t key = 0; key < WSC_PAGE_KEYS; key++)
        for (size_t by = 0; by < 4; by++)
            b->code_by[b->code_slot[key]][by] += c->keys[key][by];
    if (rest)
        b->codes[b->codes_len++] = UINT32_MAX;
}

/* What is open is no closure. */
static void choose_times(struct wsc_page_bins *b)
{
    const struct wsc_closure open = {.outcome = WSC_OUTCOME_OPEN, .close_code = WSC_UNKNOWN};
    for (size_t i = 0; i < b->codes_len; i++) {
        if (b->codes[i] == wsc_page_key(&open))
            continue;
        b->time_slot[i] = (uint8_t)b->times_len;
        if (b->times_len < WSC_PAGE_TIME_CODES && b->codes[i] != UINT32_MAX)
            b->times[b->times_len++] = i;
        else
            b->times_rest = true;
    }
}

static void choose_servers(struct wsc_page_bins *b, const struct wsc_page_counts *c)
{
    uint32_t names[WSC_PAGE_SERVERS];
    size_t n = wsc_page_largest(&c->servers, c->names.len, names, WSC_PAGE_SERVERS);
    uint64_t rest = c->records;
    for (size_t i = 0; i < n; i++) {
        b->servers[i].name = names[i];
        b->servers[i].count = wsc_page_tally_get(&c->servers, names[i]);
        b->server_slot[names[i]] = (uint8_t)(i + 1);
        rest -= b->servers[i].count;
    }
    b->servers[n].count = rest;
    b->servers_len = n + (rest > 0);
}

static void choose_paths(struct wsc_page_bins *b, const struct wsc_page_counts *c)
{
    uint32_t places[WSC_PAGE_PATHS];
    size_t n = wsc_page_largest(&c->at_places, c->places.len, places, WSC_PAGE_PATHS);
    uint64_t rest = c->records;
    for (size_t i = 0; i < n; i++) {
        b->paths[i].place = places[i];
        b->paths[i].count = wsc_page_tally_get(&c->at_places, places[i]);
        b->path_slot[places[i]] = (uint8_t)(i + 1);
        rest -= b->paths[i].count;
    }
    b->paths[n].count = rest;
    b->paths_len = n + (rest > 0);
}

static int by_length(const void *a, const void *b)
{
    int64_t x = ((const struct wsc_page_near *)a)->ms_ns,
            y = ((const struct wsc_page_near *)b)->ms_ns;
    return x < y ? -1 : x > y;
}

/* The single values that idle limits have by their documentation. */
static void choose_limits(struct wsc_page_bins *b, const struct wsc_limits *limits)
{
    size_t n, kept = 0;
    const struct wsc_limit *all = wsc_limits_all(limits, &n);
    for (size_t i = 0; i < n && b->near_len < WSC_PAGE_NEAR; i++)
        if (all[i].kind == WSC_LIMIT_IDLE && all[i].min_ns > 0 && all[i].min_ns == all[i].max_ns)
            b->near[b->near_len++] = (struct wsc_page_near){
                .ms_ns = all[i].min_ns, .slack_ns = wsc_limit_slack(all[i].min_ns)};
    if (b->near_len > 0)
        qsort(b->near, b->near_len, sizeof(b->near[0]), by_length);
    for (size_t i = 0; i < b->near_len; i++)
        if (kept == 0 || b->near[kept - 1].ms_ns != b->near[i].ms_ns)
            b->near[kept++] = b->near[i];
    b->near_len = kept;
}

/* ---- the walk ---- */

static void fit(struct wsc_page_axis *a, uint64_t first_ns, uint64_t last_ns)
{
    struct wsc_time_bins t = {0};
    wsc_time_bins_take(&t, first_ns);
    wsc_time_bins_take(&t, last_ns);
    *a = (struct wsc_page_axis){
        .from_ns = wsc_time_bins_from(&t), .step_ns = wsc_time_bins_step(&t), .n = (unsigned)t.len};
}

static unsigned bin_of(const struct wsc_page_axis *a, uint64_t ns)
{
    if (ns <= a->from_ns)
        return 0;
    uint64_t bin = (ns - a->from_ns) / a->step_ns;
    return bin < a->n ? (unsigned)bin : a->n - 1;
}

/* The first bin that begins at |ns| or later; |n| if none does. */
static unsigned begins_after(const struct wsc_page_axis *a, uint64_t ns)
{
    if (ns <= a->from_ns)
        return 0;
    uint64_t bin = (ns - a->from_ns + a->step_ns - 1) / a->step_ns;
    return bin < a->n ? (unsigned)bin : a->n;
}

static void bin_server(struct walk *w, const struct wsc_closure *r, uint32_t name, unsigned bin)
{
    uint8_t slot = name < w->b->server_slots ? w->b->server_slot[name] : 0;
    struct wsc_page_server *s = &w->b->servers[slot != 0 ? slot - 1u : w->b->servers_len - 1];
    uint64_t from = r->established_ns != 0 ? r->established_ns : r->started_ns;
    if (r->outcome != WSC_OUTCOME_OPEN)
        s->ends[r->ending][bin]++;
    if (r->outcome == WSC_OUTCOME_HANDSHAKE_FAILED || from == 0)
        return;
    unsigned first = begins_after(&w->b->axis, from),
             last = begins_after(&w->b->axis, wsc_page_at(r));
    if (first < last) {
        s->open[first]++;
        s->open[last]--;
    }
}

#define AROUND 5 /* times the slack: what is usual near a limit */

static void bin_idle(struct walk *w, int64_t idle_ns, unsigned bin)
{
    w->b->idle[bin][wsc_log_bin(idle_ns)]++;
    for (size_t i = 0; i < w->b->near_len; i++) {
        struct wsc_page_near *n = &w->b->near[i];
        int64_t off = idle_ns > n->ms_ns ? idle_ns - n->ms_ns : n->ms_ns - idle_ns;
        n->on += off <= n->slack_ns;
        n->around += off > n->slack_ns && off <= AROUND * n->slack_ns;
    }
}

/* Of each class its share, evenly over the time. */
static void choose_row(struct walk *w, const struct wsc_closure *r)
{
    enum wsc_page_class k = wsc_page_class_of(r);
    uint64_t all = w->c->classes[k], i = w->seen[k]++;
    if (all != 0 && i * w->quota[k] / all != (i + 1) * w->quota[k] / all)
        w->b->rows[w->b->rows_len++] = r->id;
}

static int on_record(void *ctx, const struct wsc_closure *r)
{
    struct walk *w = ctx;
    struct wsc_page_bins *b = w->b;
    unsigned bin = bin_of(&b->axis, wsc_page_at(r));
    uint8_t code = b->code_slot[wsc_page_key(r)];
    uint32_t server, place = wsc_page_place_of(w->c, r, &server);
    uint8_t path = place < b->path_slots ? b->path_slot[place] : 0;
    if (r->outcome != WSC_OUTCOME_OPEN)
        b->over_time[b->time_slot[code]][bin]++;
    bin_server(w, r, server, bin);
    b->paths[path != 0 ? path - 1u : b->paths_len - 1].codes[code]++;
    if (r->outcome == WSC_OUTCOME_CLOSED && r->idle_any_ns >= 0)
        bin_idle(w, r->idle_any_ns, bin);
    choose_row(w, r);
    return 0;
}

/* What did not end well first, then what is not known, then the rest. */
static void share_rows(struct walk *w, uint64_t rows)
{
    for (size_t k = 0; k < WSC_PAGE_CLASSES; k++) {
        w->quota[k] = w->c->classes[k] < rows ? w->c->classes[k] : rows;
        rows -= w->quota[k];
    }
}

static bool make(struct wsc_page_bins *b, const struct wsc_page_counts *c, uint64_t rows)
{
    b->code_slot = wsc_calloc(WSC_PAGE_KEYS, 1);
    b->server_slots = c->names.len + 1;
    b->path_slots = c->places.len + 1;
    b->server_slot = wsc_calloc(b->server_slots, 1);
    b->path_slot = wsc_calloc(b->path_slots, 1);
    b->rows = wsc_calloc(rows < c->records ? rows + 1 : c->records + 1, sizeof(*b->rows));
    return b->code_slot != NULL && b->server_slot != NULL && b->path_slot != NULL &&
           b->rows != NULL;
}

static void sum_open(struct wsc_page_bins *b)
{
    for (size_t s = 0; s < b->servers_len; s++)
        for (unsigned i = 1; i < b->axis.n; i++)
            b->servers[s].open[i] += b->servers[s].open[i - 1];
}

enum wsc_err wsc_page_bin(struct wsc_store *s, const struct wsc_filter *f,
                          struct wsc_page_counts *c, const struct wsc_limits *limits, size_t rows,
                          struct wsc_page_bins **out, struct wsc_error *err)
{
    struct wsc_page_bins *b = *out = wsc_calloc(1, sizeof(*b));
    struct walk w = {.b = b, .c = c};
    if (b == NULL || !make(b, c, rows))
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    choose_codes(b, c);
    choose_times(b);
    choose_servers(b, c);
    choose_paths(b, c);
    choose_limits(b, limits);
    share_rows(&w, rows);
    if (c->records == 0)
        return WSC_OK;
    fit(&b->axis, f->since_ns > c->first_ns ? f->since_ns : c->first_ns, c->last_ns);
    enum wsc_err e = wsc_store_walk(s, f, on_record, &w, err);
    sum_open(b);
    return e;
}
