#include "report/page_run.h"

#include "base/alloc.h"

#include <wsclose/report.h>

#include <string.h>

#define SHOWN_MAX 400u /* bytes of a host or path that are told apart */

/* ---- what a record is counted under ---- */

uint32_t wsc_page_key(const struct wsc_closure *c)
{
    if (c->close_code < 0 || c->close_code > 65535)
        return 2 * 65536u + (uint32_t)c->outcome;
    return (uint32_t)c->close_code * 2 + (c->code_source == WSC_CODE_SOURCE_INFERRED);
}

int wsc_page_key_code(uint32_t key)
{
    return key < 2 * 65536u ? (int)(key / 2) : WSC_UNKNOWN;
}

const char *wsc_page_key_source(uint32_t key)
{
    if (key >= 2 * 65536u)
        return wsc_outcome_name((enum wsc_outcome)(key - 2 * 65536u));
    return wsc_code_source_name(key % 2 != 0 ? WSC_CODE_SOURCE_INFERRED : WSC_CODE_SOURCE_WIRE);
}

enum wsc_page_class wsc_page_class_of(const struct wsc_closure *c)
{
    bool well = c->close_code == 1000 || c->close_code == 1001 || c->close_code == 1005;
    if (c->outcome == WSC_OUTCOME_UNKNOWN)
        return WSC_PAGE_DARK;
    if (c->outcome == WSC_OUTCOME_HANDSHAKE_FAILED || (c->outcome == WSC_OUTCOME_CLOSED && !well))
        return WSC_PAGE_BAD;
    return WSC_PAGE_WELL;
}

/* ---- tallies ---- */

static bool tally_add(struct wsc_page_tally *t, uint32_t number)
{
    if (number >= t->cap) {
        size_t cap = t->cap != 0 ? t->cap : 64;
        while (cap <= number)
            cap *= 2;
        uint64_t *n = wsc_realloc(t->n, cap * sizeof(*n));
        if (n == NULL)
            return false;
        memset(n + t->cap, 0, (cap - t->cap) * sizeof(*n));
        t->n = n;
        t->cap = cap;
    }
    t->n[number]++;
    return true;
}

uint64_t wsc_page_tally_get(const struct wsc_page_tally *t, uint32_t number)
{
    return number < t->cap ? t->n[number] : 0;
}

size_t wsc_page_largest(const struct wsc_page_tally *t, size_t names, uint32_t *out, size_t max)
{
    size_t len = 0;
    for (uint32_t i = 1; i <= names; i++) {
        uint64_t n = wsc_page_tally_get(t, i);
        size_t at = len;
        while (at > 0 && wsc_page_tally_get(t, out[at - 1]) < n)
            at--;
        if (n == 0 || at == max)
            continue;
        len = len < max ? len + 1 : max;
        memmove(out + at + 1, out + at, (len - at - 1) * sizeof(*out));
        out[at] = i;
    }
    return len;
}

/* ---- names ---- */

void wsc_page_server(const struct wsc_closure *c, char out[WSC_ENDPOINT_TEXT_MAX])
{
    if (wsc_endpoint_text(&c->server, out) == 0)
        out[0] = '\0';
}

static uint32_t name_of(struct wsc_page_counts *c, struct wsc_span s)
{
    char shown[SHOWN_MAX];
    if (s.ptr == NULL)
        return 0;
    wsc_report_safe_text(s, shown, sizeof(shown));
    return wsc_names_add(&c->names, wsc_pt_span(shown));
}

uint32_t wsc_page_place_of(struct wsc_page_counts *c, const struct wsc_closure *r, uint32_t *server)
{
    char text[WSC_ENDPOINT_TEXT_MAX];
    wsc_page_server(r, text);
    struct wsc_page_place p = {
        .server = text[0] != '\0' ? wsc_names_add(&c->names, wsc_pt_span(text)) : 0,
        .host = name_of(c, r->host),
        .path = name_of(c, r->path)};
    *server = p.server;
    if (p.server == 0 || (p.host == 0 && r->host.ptr != NULL) ||
        (p.path == 0 && r->path.ptr != NULL))
        return 0;
    return wsc_names_add(&c->places,
                         (struct wsc_span){.ptr = (const uint8_t *)&p, .len = sizeof(p)});
}

struct wsc_page_place wsc_page_place_get(const struct wsc_page_counts *c, uint32_t number)
{
    struct wsc_page_place p = {0};
    struct wsc_span s = wsc_names_get(&c->places, number);
    if (s.ptr != NULL)
        memcpy(&p, s.ptr, sizeof(p));
    return p;
}

/* ---- the walk ---- */

static void count_times(struct wsc_page_counts *c, const struct wsc_closure *r)
{
    uint64_t at = wsc_page_at(r), from = r->started_ns != 0 ? r->started_ns : at;
    if (from != 0 && (c->first_ns == 0 || from < c->first_ns))
        c->first_ns = from;
    c->last_ns = at > c->last_ns ? at : c->last_ns;
    if (r->outcome == WSC_OUTCOME_CLOSED && r->duration_ns >= 0)
        c->age[wsc_page_abnormal(r)][wsc_log_bin(r->duration_ns)]++;
}

static void count_cause(struct wsc_page_counts *c, struct wsc_span cause, bool abnormal)
{
    char word[32];
    int v = WSC_CAUSE_NONE;
    if (cause.ptr != NULL) {
        bool fits = cause.len < sizeof(word);
        memcpy(word, cause.ptr, fits ? cause.len : 0);
        word[fits ? cause.len : 0] = '\0';
        v = wsc_cause_parse(word);
    }
    c->causes[abnormal][v >= 0 ? v : WSC_CAUSE_COUNT]++;
}

static int on_record(void *ctx, const struct wsc_closure *r)
{
    struct wsc_page_counts *c = ctx;
    uint32_t server, place = wsc_page_place_of(c, r, &server);
    c->records++;
    c->outcomes[r->outcome]++;
    c->abnormal += wsc_page_abnormal(r);
    c->classes[wsc_page_class_of(r)]++;
    c->keys[wsc_page_key(r)][r->closed_by]++;
    c->endings[r->ending][r->closed_by]++;
    count_cause(c, r->cause, wsc_page_abnormal(r));
    count_times(c, r);
    (void)wsc_names_add(&c->sources, r->capture);
    c->no_mem = !tally_add(&c->servers, server) || !tally_add(&c->at_places, place) ||
                (wsc_page_abnormal(r) && !tally_add(&c->bad_places, place));
    return c->no_mem;
}

enum wsc_err wsc_page_count(struct wsc_store *s, const struct wsc_filter *f,
                            struct wsc_page_counts *c, struct wsc_error *err)
{
    *c = (struct wsc_page_counts){.records = 0};
    wsc_names_init(&c->names, WSC_PAGE_NAMES_BYTES);
    wsc_names_init(&c->places, WSC_PAGE_NAMES_BYTES / 4);
    wsc_names_init(&c->sources, WSC_PAGE_NAMES_BYTES / 16);
    c->keys = wsc_calloc(WSC_PAGE_KEYS, sizeof(*c->keys));
    if (c->keys == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    enum wsc_err e = wsc_store_walk(s, f, on_record, c, err);
    return e == WSC_OK && c->no_mem ? wsc_error_set(err, WSC_ERR_NOMEM, "out of memory") : e;
}

void wsc_page_counts_clear(struct wsc_page_counts *c)
{
    wsc_names_clear(&c->names);
    wsc_names_clear(&c->places);
    wsc_names_clear(&c->sources);
    wsc_free(c->keys);
    wsc_free(c->servers.n);
    wsc_free(c->at_places.n);
    wsc_free(c->bad_places.n);
}
