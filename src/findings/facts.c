#include "findings/facts.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(WSC_RULE_COUNT <= 16, "rules fit the bits of a fact");

#define FIRST 1024u

void wsc_facts_init(struct wsc_facts *t, size_t max_rows, size_t max_name_bytes)
{
    *t = (struct wsc_facts){.max = max_rows};
    wsc_names_init(&t->names, max_name_bytes);
}

void wsc_facts_clear(struct wsc_facts *t)
{
    wsc_free(t->rows);
    wsc_names_clear(&t->names);
    *t = (struct wsc_facts){0};
}

/* ---- endpoints as names ---- */

static uint32_t name_endpoint(struct wsc_facts *t, struct wsc_endpoint e)
{
    if (e.family == 0)
        return 0;
    uint8_t bytes[sizeof(e.addr) + 3] = {0};
    memcpy(bytes, e.addr, e.family == 4 ? 4 : sizeof(e.addr));
    bytes[16] = (uint8_t)(e.port >> 8);
    bytes[17] = (uint8_t)e.port;
    bytes[18] = e.family;
    return wsc_names_add(&t->names, (struct wsc_span){.ptr = bytes, .len = sizeof(bytes)});
}

struct wsc_endpoint wsc_facts_endpoint(const struct wsc_facts *t, uint32_t name)
{
    struct wsc_endpoint e = {0};
    struct wsc_span s = wsc_names_get(&t->names, name);
    if (s.len != sizeof(e.addr) + 3)
        return e;
    memcpy(e.addr, s.ptr, sizeof(e.addr));
    e.port = (uint16_t)(s.ptr[16] << 8 | s.ptr[17]);
    e.family = s.ptr[18];
    return e;
}

uint8_t wsc_facts_network_bits(const struct wsc_endpoint *e)
{
    return e->family == 4 ? 24 : 64;
}

static struct wsc_endpoint network_of(struct wsc_endpoint e)
{
    size_t keep = wsc_facts_network_bits(&e) / 8;
    e.port = 0;
    memset(e.addr + keep, 0, sizeof(e.addr) - keep);
    return e;
}

/* ---- reading ---- */

static struct wsc_fact *add_row(struct wsc_facts *t)
{
    if (t->len == t->cap) {
        size_t cap = t->cap != 0 ? 2 * t->cap : FIRST;
        struct wsc_fact *rows = wsc_realloc(t->rows, cap * sizeof(*rows));
        if (rows == NULL)
            return NULL;
        t->rows = rows;
        t->cap = cap;
    }
    return &t->rows[t->len++];
}

static uint32_t capped(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void take_rules(struct wsc_fact *x, const struct wsc_closure *r)
{
    for (size_t i = 0; i < r->violations_len; i++) {
        uint16_t bit = (uint16_t)(1u << r->violations[i].rule);
        if (r->violations[i].by == WSC_SIDE_CLIENT)
            x->rules[WSC_DIR_C2S] |= bit;
        else if (r->violations[i].by == WSC_SIDE_SERVER)
            x->rules[WSC_DIR_S2C] |= bit;
    }
}

/* Bytes of the message that a 1009 was about, 0: not known. */
static uint64_t too_big(const struct wsc_closure *r)
{
    if (r->close_code != 1009 ||
        (r->closed_by != WSC_SIDE_CLIENT && r->closed_by != WSC_SIDE_SERVER))
        return 0;
    int64_t n = r->last_message[r->closed_by == WSC_SIDE_CLIENT ? WSC_DIR_S2C : WSC_DIR_C2S];
    return n > 0 ? (uint64_t)n : 0;
}

/* Ten years and more are no time of a connection, but a database somebody else wrote: sums and
 * multiples of the others cannot overflow. */
static int64_t sane(int64_t ns)
{
    return ns >= 0 && ns < INT64_C(315576000000000000) ? ns : WSC_UNKNOWN;
}

static int on_record(void *ctx, const struct wsc_closure *r)
{
    struct wsc_facts *t = ctx;
    if (t->len == t->max) {
        t->cut = true;
        return 1;
    }
    struct wsc_fact *x = add_row(t);
    if (x == NULL) {
        t->no_mem = true;
        return 1;
    }
    struct wsc_endpoint client = r->client;
    client.port = 0;
    *x = (struct wsc_fact){
        .id = r->id,
        .started_ns = r->started_ns,
        .at_ns = r->ended_ns != 0 ? r->ended_ns : r->last_ns,
        .age_ns = sane(r->duration_ns),
        .idle_ns = {sane(r->idle_any_ns), sane(r->idle_client_ns), sane(r->idle_server_ns),
                    sane(r->idle_data_ns)},
        .server = name_endpoint(t, r->server),
        .client = name_endpoint(t, client),
        .network = client.family != 0 ? name_endpoint(t, network_of(client)) : 0,
        .user_agent = wsc_names_add(&t->names, r->user_agent),
        .software = wsc_names_add(&t->names, r->server_software),
        .cause = wsc_names_add(&t->names, r->cause),
        .pings = {capped(r->pings[0]), capped(r->pings[1])},
        .key = r->key.ptr != NULL ? wsc_hash(t->names.secret, r->key.ptr, r->key.len) : 0,
        .too_big = too_big(r),
        .code = r->close_code,
        .client_port = r->client.port,
        .status = (int16_t)r->handshake_status,
        .outcome = (uint8_t)r->outcome,
        .ending = (uint8_t)r->ending,
        .closed_by = (uint8_t)r->closed_by,
        .midstream = r->midstream,
    };
    take_rules(x, r);
    t->last_ns = r->last_ns > t->last_ns ? r->last_ns : t->last_ns;
    return 0;
}

/* ---- legs ---- */

#define LEGS_NS  UINT64_C(5000000000) /* a proxy passes an end on faster than this */
#define LEGS_MAX 8u

static int by_key(const void *a, const void *b, void *ctx)
{
    const struct wsc_fact *rows = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (rows[x].key != rows[y].key)
        return rows[x].key < rows[y].key ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* One key, and both ends of the life together: a client whose keys are not random has others too.
 */
static bool are_legs(const struct wsc_fact *a, const struct wsc_fact *b)
{
    uint64_t end = a->at_ns > b->at_ns ? a->at_ns - b->at_ns : b->at_ns - a->at_ns;
    int64_t age = a->age_ns > b->age_ns ? a->age_ns - b->age_ns : b->age_ns - a->age_ns;
    return a->key == b->key && end <= LEGS_NS && age <= (int64_t)LEGS_NS;
}

static bool is_copy(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return a->server == b->server && a->client == b->client && a->client_port == b->client_port;
}

/* Looks for the leg before, or the original, of the |i|-th by key and time. */
static void join(struct wsc_facts *t, const uint32_t *order, size_t i)
{
    struct wsc_fact *x = &t->rows[order[i]];
    for (size_t k = 1; k <= i && k <= LEGS_MAX; k++) {
        struct wsc_fact *earlier = &t->rows[order[i - k]];
        if (earlier->key != x->key)
            break;
        if (!are_legs(earlier, x))
            continue;
        if (is_copy(earlier, x)) {
            x->copy = true;
            x->leg = earlier->leg;
            return;
        }
        if (earlier->copy || x->leg != 0 || earlier->server == x->server)
            continue;
        x->leg = order[i - k] + 1;
        earlier->leg = earlier->leg != 0 ? earlier->leg : order[i] + 1;
    }
}

static enum wsc_err join_legs(struct wsc_facts *t)
{
    size_t n = 0;
    uint32_t *order = wsc_alloc((t->len > 0 ? t->len : 1) * sizeof(*order));
    if (order == NULL)
        return WSC_ERR_NOMEM;
    for (uint32_t i = 0; i < t->len; i++)
        if (t->rows[i].key != 0)
            order[n++] = i;
    if (n > 0)
        qsort_r(order, n, sizeof(*order), by_key, t->rows);
    for (size_t i = 1; i < n; i++)
        join(t, order, i);
    wsc_free(order);
    return WSC_OK;
}

enum wsc_err wsc_facts_read(struct wsc_facts *t, struct wsc_store *s, const struct wsc_filter *f,
                            struct wsc_error *err)
{
    struct wsc_filter all = *f;
    t->base = f;
    all.limit = 0;
    enum wsc_err e = wsc_store_query(s, &all, on_record, t, err);
    if (e == WSC_OK && t->no_mem)
        e = WSC_ERR_NOMEM;
    else if (e != WSC_OK)
        return e;
    if (e == WSC_OK)
        e = join_legs(t);
    if (e != WSC_OK)
        (void)wsc_error_set(err, e, "out of memory with %zu records", t->len);
    return e;
}

/* ---- matching: the same conditions as src/store/where.c, over facts ---- */

/* |known|: a pattern that every fact passed before its name may have been cut. */
static bool match_text(const struct wsc_facts *t, uint32_t name, const char *pattern,
                       const char *known)
{
    if (pattern == NULL || pattern == known)
        return true;
    struct wsc_span s = wsc_names_get(&t->names, name);
    size_t len = strlen(pattern);
    bool prefix = len > 0 && pattern[len - 1] == '*';
    len -= prefix ? 1 : 0;
    if (s.ptr == NULL || s.len < len || (!prefix && s.len != len))
        return false;
    return memcmp(s.ptr, pattern, len) == 0;
}

static bool match_endpoint(const struct wsc_facts *t, uint32_t name, const struct wsc_endpoint *e,
                           uint8_t bits, uint16_t port)
{
    struct wsc_endpoint have = wsc_facts_endpoint(t, name);
    if (e->family == 0)
        return port == 0 || have.port == port;
    if (have.family != e->family || (e->port != 0 && have.port != e->port))
        return false;
    size_t all = e->family == 4 ? 32 : 128, n = bits != 0 ? bits : all;
    for (size_t i = 0; i < n; i += 8) {
        unsigned mask = n - i >= 8 ? 0xffu : 0xffu << (8 - (n - i)) & 0xffu;
        if (((have.addr[i / 8] ^ e->addr[i / 8]) & mask) != 0)
            return false;
    }
    return true;
}

static bool match_code(const struct wsc_fact *x, const struct wsc_filter *f)
{
    for (size_t i = 0; i < f->codes_len; i++)
        if (x->code >= f->codes[i].first && x->code <= f->codes[i].last)
            return true;
    return f->codes_len == 0;
}

static bool match_stretch(int64_t ns, const struct wsc_span_filter *f)
{
    if (f->min_ns <= 0 && f->max_ns <= 0)
        return true;
    return ns != WSC_UNKNOWN && ns >= f->min_ns && (f->max_ns <= 0 || ns <= f->max_ns);
}

static bool match_time(uint64_t ns, uint64_t since, uint64_t until)
{
    if (since == 0 && until == 0)
        return true;
    return ns != 0 && ns >= since && (until == 0 || ns < until);
}

static bool match_rule(const struct wsc_fact *x, const struct wsc_filter *f)
{
    if (f->rule < 0 && f->rule_by < 0)
        return true;
    unsigned bits = f->rule_by == WSC_SIDE_CLIENT   ? x->rules[WSC_DIR_C2S]
                    : f->rule_by == WSC_SIDE_SERVER ? x->rules[WSC_DIR_S2C]
                                                    : (unsigned)(x->rules[0] | x->rules[1]);
    return f->rule < 0 ? bits != 0 : (bits & 1u << f->rule) != 0;
}

static bool match_who(const struct wsc_facts *t, const struct wsc_fact *x,
                      const struct wsc_filter *f)
{
    struct wsc_endpoint client = f->client;
    client.port = 0; /* facts keep no client ports: who asked for one has read by it */
    return match_endpoint(t, x->server, &f->server, f->server_bits, f->server_port) &&
           match_endpoint(t, x->client, &client, f->client_bits, 0) &&
           match_text(t, x->cause, f->cause, t->base->cause) &&
           match_text(t, x->user_agent, f->user_agent, t->base->user_agent) &&
           match_text(t, x->software, f->server_software, t->base->server_software);
}

bool wsc_facts_match(const struct wsc_facts *t, const struct wsc_fact *x,
                     const struct wsc_filter *f)
{
    return (f->ending < 0 || f->ending == x->ending) &&
           (f->closed_by < 0 || f->closed_by == x->closed_by) &&
           (f->outcome < 0 || f->outcome == x->outcome) && match_code(x, f) &&
           (f->status.last == 0 || (x->status >= f->status.first && x->status <= f->status.last)) &&
           match_stretch(x->idle_ns[f->idle_clock], &f->idle) &&
           match_stretch(x->age_ns, &f->age) && match_time(x->at_ns, f->since_ns, f->until_ns) &&
           match_time(x->started_ns, f->started_since_ns, f->started_until_ns) &&
           match_rule(x, f) && match_who(t, x, f);
}
