#include "store/row.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX  ((size_t)16 << 20)
#define FIRST_KEYS ((size_t)1024)
/* Milliseconds are stored as a fraction: beyond it, 23 days, the last digits of ns may be lost. */
#define EXACT_NS INT64_C(2000000000000000)

void wsc_ends_clear(struct wsc_ends *t)
{
    for (size_t i = 0; t->chunks != NULL && i < WSC_ENDS_CHUNKS; i++)
        wsc_free(t->chunks[i]);
    wsc_free((void *)t->chunks);
    wsc_free((void *)t->order);
    wsc_free(t->keys);
    wsc_names_clear(&t->names);
    *t = (struct wsc_ends){.kept = false};
}

void wsc_ends_begin(struct wsc_ends *t, bool alone)
{
    wsc_ends_clear(t);
    wsc_names_init(&t->names, NAMES_MAX);
    t->kept = true;
    t->alone = alone;
}

/* ---- one end ---- */

static bool may_be_of_many(int code)
{
    return code == 1000 || code == 1001 || code == 1005 || (code >= 1011 && code <= 1013);
}

static bool is_telling(enum wsc_outcome outcome, uint64_t ended_ns, enum wsc_ending ending,
                       int code)
{
    return outcome == WSC_OUTCOME_CLOSED && ended_ns != 0 &&
           (ending == WSC_ENDING_FIN || ending == WSC_ENDING_RESET || may_be_of_many(code));
}

static bool was_open(enum wsc_outcome outcome)
{
    return outcome == WSC_OUTCOME_CLOSED || outcome == WSC_OUTCOME_OPEN ||
           outcome == WSC_OUTCOME_UNKNOWN;
}

static struct wsc_store_end *add(struct wsc_ends *t)
{
    if (t->chunks == NULL)
        t->chunks = wsc_calloc(WSC_ENDS_CHUNKS, sizeof(struct wsc_store_end *));
    if (t->chunks == NULL)
        return NULL;
    struct wsc_store_end **chunk = &t->chunks[t->len / WSC_ENDS_CHUNK];
    if (*chunk == NULL)
        *chunk = wsc_alloc(WSC_ENDS_CHUNK * sizeof(**chunk));
    return *chunk != NULL ? &(*chunk)[t->len++ % WSC_ENDS_CHUNK] : NULL;
}

/* ---- kept while putting ---- */

static enum wsc_cause cause_of(struct wsc_span word)
{
    for (int v = WSC_CAUSE_NONE + 1; word.ptr != NULL && v < WSC_CAUSE_COUNT; v++) {
        const char *name = wsc_cause_name((enum wsc_cause)v);
        if (strncmp(name, (const char *)word.ptr, word.len) == 0 && name[word.len] == '\0')
            return (enum wsc_cause)v;
    }
    return WSC_CAUSE_NONE;
}

/* As it comes back from the database. */
static int64_t stored_ns(int64_t ns)
{
    return ns < 0 ? WSC_UNKNOWN : ns < EXACT_NS ? ns : wsc_ms_ns((double)ns / 1e6);
}

static void fill(struct wsc_ends *t, struct wsc_store_end *x, const struct wsc_closure *rec,
                 struct wsc_span server)
{
    x->age_ns = rec->established_ns != 0 ? stored_ns(rec->duration_ns) : WSC_UNKNOWN;
    x->idle_ns[WSC_IDLE_ANY] = stored_ns(rec->idle_any_ns);
    x->idle_ns[WSC_IDLE_CLIENT] = stored_ns(rec->idle_client_ns);
    x->idle_ns[WSC_IDLE_SERVER] = stored_ns(rec->idle_server_ns);
    x->idle_ns[WSC_IDLE_DATA] = stored_ns(rec->idle_data_ns);
    x->server = wsc_names_add(&t->names, server);
    x->software = wsc_names_add(&t->names, rec->server_software);
    x->code = (int16_t)rec->close_code;
    x->ending = (uint8_t)rec->ending;
    x->closed_by = (uint8_t)rec->closed_by;
    x->cause = (uint8_t)cause_of(rec->cause);
    x->confidence = (uint8_t)rec->confidence;
}

static bool grow_keys(struct wsc_ends *t)
{
    size_t cap = t->keys_cap != 0 ? 2 * t->keys_cap : FIRST_KEYS;
    uint32_t *keys = wsc_calloc(cap, sizeof(*keys));
    if (keys == NULL)
        return false;
    for (size_t i = 0; i < t->keys_cap; i++) {
        size_t at = t->keys[i] & (cap - 1);
        while (t->keys[i] != 0 && keys[at] != 0)
            at = (at + 1) & (cap - 1);
        if (t->keys[i] != 0)
            keys[at] = t->keys[i];
    }
    wsc_free(t->keys);
    t->keys = keys;
    t->keys_cap = cap;
    return true;
}

/* Two keys with one hash are taken for one: then it is looked up. */
static bool add_key(struct wsc_ends *t, struct wsc_span key)
{
    if (key.ptr == NULL || t->key_twice)
        return true;
    if (4 * t->keys_len >= 3 * t->keys_cap && !grow_keys(t))
        return false;
    uint32_t hash = (uint32_t)wsc_hash(t->names.secret, key.ptr, key.len) | 1u << 31;
    size_t at = hash & (t->keys_cap - 1);
    for (; t->keys[at] != 0 && t->keys[at] != hash; at = (at + 1) & (t->keys_cap - 1))
        ;
    t->key_twice = t->keys[at] == hash;
    t->keys_len += t->keys[at] == 0;
    t->keys[at] = hash;
    return true;
}

void wsc_ends_put(struct wsc_ends *t, int64_t id, const struct wsc_closure *rec,
                  struct wsc_span server)
{
    if (!t->kept)
        return;
    /* Another row goes, which may be one of these. */
    bool good = rec->resumed_id <= 0 && rec->replaced_id <= 0 && add_key(t, rec->key);
    bool telling = is_telling(rec->outcome, rec->ended_ns, rec->ending, rec->close_code);
    if (good && (telling || (was_open(rec->outcome) && rec->started_ns != 0))) {
        struct wsc_store_end *x = t->len < WSC_STORE_ENDS_MAX ? add(t) : NULL;
        good = x != NULL;
        if (good) {
            *x = (struct wsc_store_end){.id = id,
                                        .started_ns = rec->started_ns,
                                        .at_ns = rec->ended_ns != 0  ? rec->ended_ns
                                                 : rec->last_ns != 0 ? rec->last_ns
                                                                     : 1,
                                        .last_packet = WSC_REF_NUMBER(rec->last_packet),
                                        .telling = telling};
            fill(t, x, rec, server);
        }
    }
    if (!good)
        wsc_ends_clear(t);
}

/* ---- read back ---- */

static void take_end(struct wsc_ends *t, struct wsc_row *r, struct wsc_store_end *x)
{
    *x = (struct wsc_store_end){.id = wsc_row_int(r)};
    enum wsc_outcome outcome = (enum wsc_outcome)wsc_row_word(r, wsc_outcome_parse);
    x->started_ns = wsc_row_time(r);
    x->at_ns = wsc_row_time(r);
    uint64_t ended_ns = wsc_row_time(r);
    x->last_packet = (uint64_t)wsc_row_int(r);
    bool established = wsc_row_int(r) != 0;
    x->age_ns = wsc_row_ms(r);
    if (!established)
        x->age_ns = WSC_UNKNOWN;
    for (size_t i = 0; i < 4; i++)
        x->idle_ns[i] = wsc_row_ms(r);
    int code = (int)wsc_row_known(r);
    x->code = (int16_t)code;
    x->ending = (uint8_t)wsc_row_word(r, wsc_ending_parse);
    x->closed_by = (uint8_t)wsc_row_word(r, wsc_side_parse);
    x->cause = (uint8_t)wsc_row_word(r, wsc_cause_parse);
    x->confidence = (uint8_t)wsc_row_word(r, wsc_confidence_parse);
    x->server = wsc_names_add(&t->names, wsc_row_bytes(r));
    x->software = wsc_names_add(&t->names, wsc_row_bytes(r));
    x->telling = is_telling(outcome, ended_ns, (enum wsc_ending)x->ending, code);
}

static const char ends_sql[] =
    "SELECT id, outcome, started, sort_time, ended, last_packet, established IS NOT NULL,"
    " duration_ms, idle_ms_any, idle_ms_client, idle_ms_server, idle_ms_data, close_code, ending,"
    " closed_by, cause, confidence, server, server_software FROM connections"
    " WHERE capture_id IN (SELECT id FROM captures WHERE import_id = ?1)"
    " AND outcome IN ('closed', 'open', 'unknown') AND (started IS NOT NULL OR (outcome = 'closed'"
    " AND ended IS NOT NULL AND (ending IN ('fin', 'reset')"
    " OR close_code IN (1000, 1001, 1005, 1011, 1012, 1013))))"
    " ORDER BY sort_time, last_packet, id LIMIT ?2";

static enum wsc_err read_back(struct wsc_store *s, struct wsc_error *err)
{
    struct wsc_ends *t = &s->ends;
    sqlite3_stmt *stmt = NULL;
    wsc_ends_clear(t);
    wsc_names_init(&t->names, NAMES_MAX);
    enum wsc_err e = wsc_db_prepare(s, ends_sql, &stmt, err);
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, s->import_id);
        wsc_bind_int(&b, WSC_STORE_ENDS_MAX);
        e = wsc_db_check(s, b.rc, "asking", err);
    }
    int rc = SQLITE_DONE;
    while (e == WSC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_store_end *x = add(t);
        if (x == NULL)
            e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
        else
            take_end(t, &(struct wsc_row){.stmt = stmt}, x);
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

/* ---- handed out ---- */

static int by_time(const void *va, const void *vb)
{
    const struct wsc_store_end *const *pa = va, *const *pb = vb;
    const struct wsc_store_end *x = *pa, *y = *pb;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    if (x->last_packet != y->last_packet)
        return x->last_packet < y->last_packet ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool put_in_order(struct wsc_ends *t)
{
    t->order = wsc_alloc((t->len + 1) * sizeof(struct wsc_store_end *));
    if (t->order == NULL)
        return false;
    bool sorted = true;
    for (size_t i = 0; i < t->len; i++) {
        t->order[i] = &t->chunks[i / WSC_ENDS_CHUNK][i % WSC_ENDS_CHUNK];
        sorted = sorted && (i == 0 || by_time(&t->order[i - 1], &t->order[i]) <= 0);
    }
    if (!sorted)
        qsort((void *)t->order, t->len, sizeof(*t->order), by_time);
    return true;
}

enum wsc_err wsc_store_ends(struct wsc_store *s, struct wsc_store_end ***ends, size_t *n,
                            struct wsc_error *err)
{
    struct wsc_ends *t = &s->ends;
    enum wsc_err e = t->kept || t->order != NULL ? WSC_OK : read_back(s, err);
    if (e == WSC_OK && t->order == NULL && !put_in_order(t))
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    *ends = t->order;
    *n = e == WSC_OK ? t->len : 0;
    return e;
}

struct wsc_span wsc_store_name(const struct wsc_store *s, uint32_t name)
{
    return wsc_names_get(&s->ends.names, name);
}
