/* The summary of a page: keys as in src/report/page/README.md. */
#include "report/page_run.h"

#include "report/json.h"

#include <wsclose/codes.h>
#include <wsclose/report.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void text(struct wsc_pt *t, const char *key, const char *s)
{
    wsc_pt_key(t, key);
    wsc_pt_word(t, s);
}

static void number(struct wsc_pt *t, const char *key, uint64_t v)
{
    wsc_pt_key(t, key);
    wsc_pt_number(t, (int64_t)v);
}

static void when(struct wsc_pt *t, const char *key, uint64_t ns)
{
    wsc_pt_key(t, key);
    wsc_pt_time(t, ns);
}

static void open_key(struct wsc_pt *t, const char *key, char bracket)
{
    wsc_pt_key(t, key);
    wsc_pt_open(t, bracket);
}

static void open_element(struct wsc_pt *t, char bracket)
{
    wsc_pt_element(t);
    wsc_pt_open(t, bracket);
}

static void by_side(struct wsc_pt *t, const uint64_t by[4])
{
    open_key(t, "by", '{');
    number(t, "client", by[WSC_SIDE_CLIENT]);
    number(t, "server", by[WSC_SIDE_SERVER]);
    number(t, "both", by[WSC_SIDE_BOTH]);
    number(t, "nobody", by[WSC_SIDE_NONE]);
    wsc_pt_close(t, '}');
}

static uint64_t sum_of(const uint64_t by[4])
{
    return by[0] + by[1] + by[2] + by[3];
}

/* ---- what was read, and the answer ---- */

static void put_sources(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_names *s = &p->counts.sources;
    char more[64];
    open_key(t, "source", '[');
    for (uint32_t i = 1; i <= s->len && i <= WSC_PAGE_SOURCES; i++) {
        wsc_pt_element(t);
        wsc_pt_string(t, wsc_names_get(s, i));
    }
    if (s->len > WSC_PAGE_SOURCES) {
        (void)snprintf(more, sizeof(more), "and %zu more", s->len - WSC_PAGE_SOURCES);
        wsc_pt_element(t);
        wsc_pt_word(t, more);
    }
    wsc_pt_close(t, ']');
}

static void put_texts(struct wsc_pt *t, const char *key, char *const *texts, size_t n)
{
    open_key(t, key, '[');
    for (size_t i = 0; i < n; i++) {
        wsc_pt_element(t);
        wsc_pt_word(t, texts[i]);
    }
    wsc_pt_close(t, ']');
}

static void put_head(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_page_counts *c = &p->counts;
    text(t, "version", p->opt->version);
    text(t, "database", p->opt->database);
    put_sources(p, t);
    text(t, "filter", p->opt->filter != NULL ? p->opt->filter : "");
    when(t, "made", p->opt->made_ns);
    when(t, "first", c->first_ns);
    when(t, "last", c->last_ns);
    number(t, "records", c->records);
    open_key(t, "outcomes", '{');
    static const enum wsc_outcome order[] = {WSC_OUTCOME_CLOSED, WSC_OUTCOME_OPEN,
                                             WSC_OUTCOME_HANDSHAKE_FAILED, WSC_OUTCOME_UNKNOWN};
    for (size_t i = 0; i < 4; i++)
        number(t, wsc_outcome_name(order[i]), c->outcomes[order[i]]);
    wsc_pt_close(t, '}');
    number(t, "abnormal", c->abnormal);
    put_texts(t, "answer", p->answer, p->answer_len);
    put_texts(t, "notes", p->notes, p->notes_len);
}

static void put_findings(const struct wsc_page *p, struct wsc_pt *t)
{
    open_key(t, "findings", '[');
    for (size_t i = 0; i < p->findings.len; i++) {
        wsc_pt_element(t);
        json_t *o = wsc_findings_object(&p->findings.list[i].f, p->opt->command);
        if (json_dump_callback(o, wsc_pt_dumped, t, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
            t->failed = true;
        json_decref(o);
    }
    wsc_pt_close(t, ']');
}

/* ---- counts ---- */

static void put_code(struct wsc_pt *t, uint32_t key)
{
    int code = key != UINT32_MAX ? wsc_page_key_code(key) : WSC_UNKNOWN;
    if (key == UINT32_MAX) {
        text(t, "code", "other");
        text(t, "source", NULL);
        return;
    }
    wsc_pt_key(t, "code");
    wsc_pt_number(t, code);
    text(t, "source", wsc_page_key_source(key));
}

static void put_codes(const struct wsc_page *p, struct wsc_pt *t)
{
    open_key(t, "codes", '[');
    for (size_t i = 0; i < p->bins->codes_len; i++) {
        uint32_t key = p->bins->codes[i];
        int code = key != UINT32_MAX ? wsc_page_key_code(key) : WSC_UNKNOWN;
        const struct wsc_code_info *info = code >= 0 ? wsc_code_find(code) : NULL;
        const struct wsc_code_page *page = code >= 0 ? wsc_code_page(code) : NULL;
        open_element(t, '{');
        put_code(t, key);
        text(t, "name", info != NULL ? info->name : NULL);
        text(t, "meaning", page != NULL ? page->meaning : NULL);
        number(t, "count", sum_of(p->bins->code_by[i]));
        by_side(t, p->bins->code_by[i]);
        wsc_pt_close(t, '}');
    }
    wsc_pt_close(t, ']');
}

static void put_endings(const struct wsc_page *p, struct wsc_pt *t)
{
    open_key(t, "endings", '[');
    for (unsigned i = 0; i < WSC_PAGE_ENDINGS; i++) {
        if (sum_of(p->counts.endings[i]) == 0)
            continue;
        open_element(t, '{');
        text(t, "ending", wsc_ending_name((enum wsc_ending)i));
        number(t, "count", sum_of(p->counts.endings[i]));
        by_side(t, p->counts.endings[i]);
        wsc_pt_close(t, '}');
    }
    wsc_pt_close(t, ']');
    open_key(t, "causes", '[');
    for (unsigned i = 0; i <= WSC_CAUSE_COUNT; i++) {
        if (p->counts.causes[0][i] + p->counts.causes[1][i] == 0)
            continue;
        open_element(t, '{');
        text(t, "cause", i == WSC_CAUSE_COUNT ? "other" : wsc_cause_name((enum wsc_cause)i));
        number(t, "count", p->counts.causes[0][i] + p->counts.causes[1][i]);
        wsc_pt_close(t, '}');
    }
    wsc_pt_close(t, ']');
}

/* ---- over time ---- */

static void put_time(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_page_bins *b = p->bins;
    open_key(t, "time", '{');
    when(t, "from", b->axis.from_ns);
    wsc_pt_key(t, "step");
    wsc_pt_ms(t, (int64_t)b->axis.step_ns);
    number(t, "n", b->axis.n);
    wsc_pt_close(t, '}');
    open_key(t, "over_time", '[');
    for (size_t i = 0; i < b->times_len + b->times_rest; i++) {
        open_element(t, '{');
        put_code(t, i < b->times_len ? b->codes[b->times[i]] : UINT32_MAX);
        open_key(t, "counts", '[');
        for (unsigned k = 0; k < b->axis.n; k++) {
            wsc_pt_element(t);
            wsc_pt_number(t, (int64_t)b->over_time[i][k]);
        }
        wsc_pt_close(t, ']');
        wsc_pt_close(t, '}');
    }
    wsc_pt_close(t, ']');
}

/* Where a bin begins; the first and the last, which have no end, as wide as the others. */
static int64_t edge(unsigned bin)
{
    const double factor = 1.2589254117941673; /* ten bins a decade */
    if (bin == 0)
        return llround((double)wsc_log_edge(1) / factor);
    return bin < WSC_LOG_BINS ? wsc_log_edge(bin)
                              : llround((double)wsc_log_edge(WSC_LOG_BINS - 1) * factor);
}

/* To the nanosecond: what is counted by them can be counted again. */
static void put_edges(struct wsc_pt *t, unsigned from, unsigned to)
{
    open_key(t, "edges", '[');
    for (unsigned i = from; i <= to && to > from; i++) {
        wsc_pt_element(t);
        wsc_pt_printf(t, "%" PRId64 ".%06d", edge(i) / 1000000, (int)(edge(i) % 1000000));
    }
    wsc_pt_close(t, ']');
}

static bool idle_used(const struct wsc_page_bins *b, unsigned bin)
{
    for (unsigned i = 0; i < b->axis.n; i++)
        if (b->idle[i][bin] > 0)
            return true;
    return false;
}

static void put_lines(const struct wsc_page *p, struct wsc_pt *t)
{
    struct wsc_page_line lines[WSC_PAGE_LIMITS];
    size_t n = wsc_page_lines(p, lines);
    open_key(t, "limits", '[');
    for (size_t i = 0; i < n; i++) {
        open_element(t, '{');
        wsc_pt_key(t, "ms");
        wsc_pt_ms(t, lines[i].ns);
        text(t, "text", lines[i].text);
        wsc_pt_close(t, '}');
    }
    wsc_pt_close(t, ']');
}

static void put_idle(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_page_bins *b = p->bins;
    unsigned from = 0, to = WSC_LOG_BINS;
    while (from < to && !idle_used(b, from))
        from++;
    while (to > from && !idle_used(b, to - 1))
        to--;
    open_key(t, "idle", '{');
    put_edges(t, from, to);
    open_key(t, "cells", '[');
    for (unsigned i = 0; i < b->axis.n; i++)
        for (unsigned k = from; k < to; k++) {
            if (b->idle[i][k] == 0)
                continue;
            wsc_pt_element(t);
            wsc_pt_printf(t, "[%u,%u,%u]", i, k - from, (unsigned)b->idle[i][k]);
        }
    wsc_pt_close(t, ']');
    put_lines(p, t);
    wsc_pt_close(t, '}');
}

static void put_age(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_page_counts *c = &p->counts;
    unsigned from = 0, to = WSC_LOG_BINS;
    while (from < to && c->age[0][from] + c->age[1][from] == 0)
        from++;
    while (to > from && c->age[0][to - 1] + c->age[1][to - 1] == 0)
        to--;
    open_key(t, "age", '{');
    put_edges(t, from, to);
    for (unsigned bad = 2; bad-- > 0;) {
        open_key(t, bad ? "abnormal" : "normal", '[');
        for (unsigned i = from; i < to; i++) {
            wsc_pt_element(t);
            wsc_pt_number(t, (int64_t)c->age[bad][i]);
        }
        wsc_pt_close(t, ']');
    }
    wsc_pt_close(t, '}');
}

/* ---- servers and paths ---- */

static void put_server(const struct wsc_page *p, struct wsc_pt *t, const struct wsc_page_server *s)
{
    unsigned n = p->bins->axis.n;
    open_element(t, '{');
    wsc_pt_key(t, "server");
    wsc_pt_string(t, wsc_names_get(&p->counts.names, s->name));
    number(t, "count", s->count);
    open_key(t, "open", '[');
    for (unsigned i = 0; i < n; i++) {
        wsc_pt_element(t);
        wsc_pt_number(t, s->open[i]);
    }
    wsc_pt_close(t, ']');
    open_key(t, "ends", '{');
    for (unsigned e = 0; e < WSC_PAGE_ENDINGS; e++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < n; i++)
            sum += s->ends[e][i];
        if (sum == 0)
            continue;
        open_key(t, wsc_ending_name((enum wsc_ending)e), '[');
        for (unsigned i = 0; i < n; i++) {
            wsc_pt_element(t);
            wsc_pt_number(t, s->ends[e][i]);
        }
        wsc_pt_close(t, ']');
    }
    wsc_pt_close(t, '}');
    wsc_pt_close(t, '}');
}

static void put_path(const struct wsc_page *p, struct wsc_pt *t, const struct wsc_page_path *path)
{
    const struct wsc_names *names = &p->counts.names;
    struct wsc_page_place place = wsc_page_place_get(&p->counts, path->place);
    open_element(t, '{');
    wsc_pt_key(t, "server");
    wsc_pt_string(t, wsc_names_get(names, place.server));
    wsc_pt_key(t, "host");
    wsc_pt_string(t, wsc_names_get(names, place.host));
    wsc_pt_key(t, "path");
    wsc_pt_string(t, wsc_names_get(names, place.path));
    number(t, "count", path->count);
    open_key(t, "codes", '[');
    for (size_t i = 0; i < p->bins->codes_len; i++) {
        if (path->codes[i] == 0)
            continue;
        wsc_pt_element(t);
        wsc_pt_printf(t, "[%zu,%llu]", i, (unsigned long long)path->codes[i]);
    }
    wsc_pt_close(t, ']');
    wsc_pt_close(t, '}');
}

void wsc_page_put_summary(const struct wsc_page *p, struct wsc_pt *t)
{
    wsc_pt_open(t, '{');
    put_head(p, t);
    put_findings(p, t);
    put_codes(p, t);
    put_endings(p, t);
    put_time(p, t);
    put_idle(p, t);
    put_age(p, t);
    open_key(t, "servers", '[');
    for (size_t i = 0; i < p->bins->servers_len; i++)
        put_server(p, t, &p->bins->servers[i]);
    wsc_pt_close(t, ']');
    open_key(t, "paths", '[');
    for (size_t i = 0; i < p->bins->paths_len; i++)
        put_path(p, t, &p->bins->paths[i]);
    wsc_pt_close(t, ']');
    wsc_pt_close(t, '}');
}
