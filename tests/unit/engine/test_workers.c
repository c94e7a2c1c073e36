#include "traces.h"

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned counts[] = {1, 2, 5};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static struct wsc_workers_options options(unsigned workers)
{
    struct wsc_workers_options opt;
    wsc_workers_options_default(&opt);
    opt.workers = workers;
    opt.wait = true;
    opt.analyzer.keep_states = true;
    return opt;
}

static struct wsc_workers *open_workers(const struct wsc_workers_options *opt, wsc_record_fn fn,
                                        void *ctx)
{
    struct wsc_workers *w = NULL;
    cr_assert_eq(wsc_workers_new(opt, fn, ctx, &w), WSC_OK);
    return w;
}

static void feed(struct wsc_workers *w, const struct trace *t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        cr_assert_eq(wsc_workers_feed(w, &t->packets[i]), WSC_OK);
        if (i % 1000 == 0)
            cr_assert_eq(wsc_workers_take(w), WSC_OK);
    }
}

static void run_workers(const struct trace *t, const struct wsc_workers_options *opt,
                        struct lines *out, struct wsc_analyzer_stats *stats)
{
    struct wsc_workers *w = open_workers(opt, lines_add, out);
    cr_assert_eq(wsc_workers_start(w), WSC_OK);
    feed(w, t, 0, t->len);
    cr_assert_eq(wsc_workers_flush(w), WSC_OK);
    wsc_workers_get_stats(w, stats);
    wsc_workers_free(w);
}

/* In batches of |batch|; 0: packet by packet. */
static void run_analyzer(const struct trace *t, const struct wsc_analyzer_options *opt,
                         size_t batch, struct lines *out, struct wsc_analyzer_stats *stats)
{
    struct wsc_analyzer *an;
    cr_assert_eq(wsc_analyzer_new(opt, lines_add, out, &an), WSC_OK);
    for (size_t i = 0; batch == 0 && i < t->len; i++)
        cr_assert_eq(wsc_analyzer_feed(an, &t->packets[i]), WSC_OK);
    for (size_t i = 0; batch != 0 && i < t->len; i += batch)
        cr_assert_eq(
            wsc_analyzer_feed_batch(an, &t->packets[i], t->len - i < batch ? t->len - i : batch),
            0);
    wsc_analyzer_flush(an);
    wsc_analyzer_get_stats(an, stats);
    wsc_analyzer_free(an);
}

static void expect_same_lines(struct lines *want, struct lines *got, const char *what, unsigned n)
{
    cr_expect_eq(got->len, want->len, "%s, %u workers: %zu records, not %zu", what, n, got->len,
                 want->len);
    for (size_t i = 0; i < want->len && i < got->len; i++)
        cr_expect_str_eq(got->line[i], want->line[i], "%s, %u workers", what, n);
}

/* All that does not depend on how many there are. */
static void expect_same_stats(struct wsc_analyzer_stats want, struct wsc_analyzer_stats got,
                              const char *what, unsigned n)
{
    want.memory_bytes = got.memory_bytes = 0;
    cr_expect(memcmp(&want, &got, sizeof(want)) == 0, "%s, %u workers: other statistics", what, n);
}

/* Packets given several at a time are taken as one after the other. */
static void expect_same_in_batches(const struct trace *t, const char *what)
{
    static const size_t batches[] = {2, 7, 100};
    const struct wsc_workers_options opt = options(1);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        struct lines want = {0}, got = {0};
        struct wsc_analyzer_stats want_stats, got_stats;
        run_analyzer(t, &opt.analyzer, 0, &want, &want_stats);
        run_analyzer(t, &opt.analyzer, batches[i], &got, &got_stats);
        expect_same_lines(&want, &got, what, 1);
        expect_same_stats(want_stats, got_stats, what, 1);
        lines_clear(&want);
        lines_clear(&got);
    }
}

static void expect_same(const struct trace *t, const char *what, bool label)
{
    expect_same_in_batches(t, what);
    for (size_t i = 0; i < COUNTS; i++) {
        struct wsc_workers_options opt = options(counts[i]);
        opt.analyzer.label = label;
        struct lines want = {0}, got = {0};
        struct wsc_analyzer_stats want_stats, got_stats;
        run_analyzer(t, &opt.analyzer, 0, &want, &want_stats);
        run_workers(t, &opt, &got, &got_stats);
        expect_same_lines(&want, &got, what, counts[i]);
        expect_same_stats(want_stats, got_stats, what, counts[i]);
        lines_clear(&want);
        lines_clear(&got);
    }
}

Test(workers, records_of_many_are_those_of_one_on_samples)
{
    DIR *d = opendir(SAMPLES);
    cr_assert_not_null(d);
    size_t seen = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[512];
        struct trace t = {0};
        if (strstr(e->d_name, ".pcap") == NULL)
            continue;
        (void)snprintf(path, sizeof(path), SAMPLES "/%s", e->d_name);
        trace_add_file(&t, path);
        expect_same(&t, e->d_name, false);
        trace_clear(&t);
        seen++;
    }
    (void)closedir(d);
    cr_expect_geq(seen, 10);
}

Test(workers, records_of_many_are_those_of_one_on_sessions)
{
    static const struct {
        const char *name;
        unsigned sessions;
        size_t payload;
        bool fragmented, vxlan;
    } rows[] = {
        {"sessions", 200, 700, false, false},
        {"fragments", 50, 200, true, false},
        {"tunnel in fragments", 50, 200, true, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trace plain = {0}, t = {0};
        trace_add_sessions(&plain, 20000, rows[i].sessions, rows[i].payload);
        if (rows[i].fragmented)
            trace_add_fragmented(&t, &plain, rows[i].vxlan);
        expect_same(rows[i].fragmented ? &t : &plain, rows[i].name, true);
        /* Each is a connection: fragments did not scatter it. */
        struct lines got = {0};
        struct wsc_analyzer_stats stats;
        const struct wsc_workers_options opt = options(3);
        run_workers(rows[i].fragmented ? &t : &plain, &opt, &got, &stats);
        cr_expect_eq(stats.tcp_flows, rows[i].sessions, "%s", rows[i].name);
        cr_expect_eq(got.len, rows[i].sessions, "%s", rows[i].name);
        lines_clear(&got);
        trace_clear(&plain);
        trace_clear(&t);
    }
}

/* ---- going on ---- */

struct kept {
    struct wsc_closure *rec[256];
    size_t len;
};

static void keep(void *ctx, const struct wsc_closure *rec)
{
    struct kept *k = ctx;
    if (rec->outcome == WSC_OUTCOME_OPEN && k->len < 256) {
        k->rec[k->len] = wsc_closure_copy(rec);
        k->rec[k->len]->id = (int64_t)k->len + 1;
        k->len++;
    }
}

Test(workers, open_connections_go_on_with_their_worker)
{
    struct trace t = {0};
    trace_add_sessions(&t, 30000, 100, 300);
    const size_t half = 100 * 5; /* SYNs, handshakes and a message */
    for (size_t i = 0; i < COUNTS; i++) {
        const struct wsc_workers_options opt = options(counts[i]);
        struct kept kept = {.len = 0};
        struct lines got = {0};
        struct wsc_workers *w = open_workers(&opt, keep, &kept);
        cr_assert_eq(wsc_workers_start(w), WSC_OK);
        feed(w, &t, 0, half);
        cr_assert_eq(wsc_workers_flush(w), WSC_OK);
        wsc_workers_free(w);
        cr_expect_eq(kept.len, 100);

        w = open_workers(&opt, lines_add, &got);
        for (size_t k = 0; k < kept.len; k++)
            cr_expect_eq(wsc_workers_resume(w, kept.rec[k]), WSC_OK);
        cr_assert_eq(wsc_workers_start(w), WSC_OK);
        feed(w, &t, half, t.len);
        cr_assert_eq(wsc_workers_flush(w), WSC_OK);
        wsc_workers_free(w);
        size_t closed = 0;
        for (size_t k = 0; k < got.len; k++) {
            closed += strstr(got.line[k], "\"outcome\":\"closed\"") != NULL;
            cr_expect_not_null(strstr(got.line[k], "\"path\":\"/chat\""), "%u workers: %s",
                               counts[i], got.line[k]);
        }
        cr_expect_eq(got.len, 100, "%u workers: %zu", counts[i], got.len);
        cr_expect_eq(closed, 80, "%u workers: %zu", counts[i], closed);
        for (size_t k = 0; k < kept.len; k++)
            wsc_closure_free(kept.rec[k]);
        lines_clear(&got);
    }
    trace_clear(&t);
}

/* ---- order and ceilings ---- */

struct order {
    size_t records;
    uint64_t last_ns;
    bool back;
};

static void watch_order(void *ctx, const struct wsc_closure *rec)
{
    struct order *o = ctx;
    uint64_t at = rec->ended_ns != 0 ? rec->ended_ns : rec->last_ns;
    o->back |= at < o->last_ns;
    o->last_ns = at;
    o->records++;
}

Test(workers, records_come_in_order_and_none_is_lost_when_more_than_there_is_room_for_wait)
{
    struct trace t = {0};
    trace_add_sessions(&t, 1000, 12000, 1);
    struct wsc_workers_options opt = options(3);
    opt.analyzer.label = false;
    struct order o = {.records = 0};
    struct wsc_workers *w = open_workers(&opt, watch_order, &o);
    cr_assert_eq(wsc_workers_start(w), WSC_OK);
    for (size_t i = 0; i < t.len; i++) /* never takes any */
        cr_assert_eq(wsc_workers_feed(w, &t.packets[i]), WSC_OK);
    size_t waiting = o.records; /* 0, or what was taken to make room */
    cr_assert_eq(wsc_workers_flush(w), WSC_OK);
    cr_expect_eq(o.records, 12000);
    cr_expect_lt(waiting, 12000);
    wsc_workers_free(w);
    trace_clear(&t);
}

Test(workers, what_was_taken_at_once_is_in_order)
{
    struct trace t = {0};
    trace_add_sessions(&t, 1000, 3000, 1);
    struct wsc_workers_options opt = options(4);
    struct order o = {.records = 0};
    struct wsc_workers *w = open_workers(&opt, watch_order, &o);
    cr_assert_eq(wsc_workers_start(w), WSC_OK);
    for (size_t i = 0; i < t.len; i++)
        cr_assert_eq(wsc_workers_feed(w, &t.packets[i]), WSC_OK);
    cr_assert_eq(wsc_workers_flush(w), WSC_OK);
    cr_expect_eq(o.records, 3000);
    wsc_workers_free(w);
    trace_clear(&t);
}

Test(workers, a_full_queue_drops_and_its_worker_hears_of_it)
{
    struct trace t = {0};
    struct lines got = {0};
    trace_add_sessions(&t, 20000, 1000, 1000);
    struct wsc_workers_options opt = options(2);
    opt.wait = false;
    opt.queue_bytes = (size_t)1 << 20;
    struct wsc_workers *w = open_workers(&opt, lines_add, &got);
    size_t busy = 0;
    for (size_t i = 0; i < t.len; i++) /* no thread runs: what is fed piles up */
        busy += wsc_workers_feed(w, &t.packets[i]) == WSC_ERR_BUSY;
    cr_expect_gt(busy, 1000);
    cr_expect_lt(busy, t.len - 500);
    struct wsc_analyzer_stats stats;
    wsc_workers_get_stats(w, &stats);
    cr_expect_leq(stats.memory_bytes, 2 * opt.queue_bytes, "%zu", (size_t)stats.memory_bytes);
    cr_expect_gt(stats.memory_bytes, opt.queue_bytes);
    cr_assert_eq(wsc_workers_start(w), WSC_OK);
    cr_assert_eq(wsc_workers_flush(w), WSC_OK);
    wsc_workers_get_stats(w, &stats);
    cr_expect_eq(stats.packets, t.len); /* as on the interface, however many were dropped */
    /* Nobody is said to have closed what nobody saw closed. */
    for (size_t i = 0; i < got.len; i++)
        cr_expect_null(strstr(got.line[i], "\"close_code\":1006"), "%s", got.line[i]);
    wsc_workers_free(w);
    lines_clear(&got);
    trace_clear(&t);
}

Test(workers, protocols_are_merged_by_name)
{
    struct trace t = {0};
    trace_add_sessions(&t, 20000, 64, 100);
    for (size_t i = 0; i < t.len; i++) /* another protocol than HTTP: the requests are gone */
        if (t.packets[i].caplen > 150)
            memset((uint8_t *)(uintptr_t)t.packets[i].data + 54, 'x', t.packets[i].caplen - 54);
    struct wsc_protocol_stats one[8], many[8];
    struct lines none = {0};
    size_t n[2];
    for (int k = 0; k < 2; k++) {
        const struct wsc_workers_options opt = options(k == 0 ? 1 : 5);
        struct wsc_workers *w = open_workers(&opt, lines_add, &none);
        cr_assert_eq(wsc_workers_start(w), WSC_OK);
        feed(w, &t, 0, t.len);
        cr_expect(k == 0 || wsc_workers_protocols(w, many, 8) == 0, "before the flush");
        cr_assert_eq(wsc_workers_flush(w), WSC_OK);
        n[k] = wsc_workers_protocols(w, k == 0 ? one : many, 8);
        wsc_workers_free(w);
    }
    cr_assert_eq(n[0], 1);
    cr_assert_eq(n[1], 1);
    cr_expect_eq(one[0].flows, 64);
    cr_expect_eq(many[0].flows, 64);
    cr_expect_eq(many[0].bytes, one[0].bytes);
    lines_clear(&none);
    trace_clear(&t);
}

Test(workers, options_out_of_range)
{
    static const struct {
        const char *name;
        unsigned workers;
        size_t queue, connections;
        enum wsc_err want;
    } rows[] = {
        {"none", 0, (size_t)1 << 20, 100, WSC_ERR_INVALID},
        {"the most", WSC_WORKERS_MAX, (size_t)1 << 20, 100, WSC_OK},
        {"too many", WSC_WORKERS_MAX + 1, (size_t)1 << 20, 100, WSC_ERR_INVALID},
        {"small queue", 2, ((size_t)1 << 20) - 1, 100, WSC_ERR_INVALID},
        {"analyzer's", 2, (size_t)1 << 20, 0, WSC_ERR_INVALID},
        {"fewer connections than workers", 4, (size_t)1 << 20, 1, WSC_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_workers_options opt = options(rows[i].workers);
        struct wsc_workers *w;
        opt.queue_bytes = rows[i].queue;
        opt.analyzer.label = false;
        opt.analyzer.max_connections = rows[i].connections;
        cr_expect_eq(wsc_workers_new(&opt, lines_add, NULL, &w), rows[i].want, "%s", rows[i].name);
        cr_expect_eq(w != NULL, rows[i].want == WSC_OK, "%s", rows[i].name);
        wsc_workers_free(w);
    }
}

/* ---- what is told before it is certain ---- */

struct foretold {
    char text[256];
};

static void note_foretold(void *ctx, const struct wsc_closure *rec)
{
    struct foretold *f = ctx;
    size_t at = strlen(f->text);
    (void)snprintf(f->text + at, sizeof(f->text) - at, "%s%s %s%s\n",
                   rec->provisional ? "provisional " : "", wsc_outcome_name(rec->outcome),
                   wsc_ending_name(rec->ending), rec->replaced_id != 0 ? " replaces" : "");
}

Test(workers, an_end_that_may_be_taken_back_is_foretold)
{
    static const struct {
        const char *name;
        bool heeded, foretell;
        const char *before, *after; /* the flush */
    } rows[] = {
        {"not asked for", true, false, "", "closed reset\n"},
        {"heeded", true, true, "provisional closed reset\n",
         "provisional closed reset\nclosed reset replaces\n"},
        {"not heeded at first", false, true,
         "provisional closed reset\nprovisional open none replaces\n"
         "provisional closed reset replaces\n",
         "provisional closed reset\nprovisional open none replaces\n"
         "provisional closed reset replaces\nclosed reset replaces\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t k = 0; k < COUNTS; k++) {
            struct trace t = {0};
            struct foretold f = {.text = ""};
            struct wsc_analyzer_stats stats = {0};
            struct wsc_workers_options opt = options(counts[k]);
            opt.analyzer.foretell = rows[i].foretell;
            trace_add_reset(&t, 20000, rows[i].heeded);
            struct wsc_workers *w = open_workers(&opt, note_foretold, &f);
            cr_assert_eq(wsc_workers_start(w), WSC_OK);
            feed(w, &t, 0, t.len);
            if (counts[k] == 1)
                cr_expect_str_eq(f.text, rows[i].before, "%s: %s", rows[i].name, f.text);
            cr_assert_eq(wsc_workers_flush(w), WSC_OK);
            cr_expect_str_eq(f.text, rows[i].after, "%s, %u workers: %s", rows[i].name, counts[k],
                             f.text);
            wsc_workers_get_stats(w, &stats);
            cr_expect_eq(stats.websockets, 1, "%s", rows[i].name);
            wsc_workers_free(w);
            trace_clear(&t);
        }
    }
}

/* ---- memory ---- */

static bool let_some_pass(void *ctx)
{
    return atomic_fetch_sub((atomic_int *)ctx, 1) > 0;
}

Test(workers, each_allocation_may_fail_when_they_are_made)
{
    struct wsc_workers_options opt = options(2);
    opt.analyzer.label = false;
    enum wsc_err e = WSC_ERR_NOMEM;
    int passes = 0;
    for (; e != WSC_OK; passes++) {
        struct wsc_workers *w;
        atomic_int left = passes;
        wsc_alloc_set_hook(let_some_pass, &left);
        e = wsc_workers_new(&opt, lines_add, NULL, &w);
        wsc_alloc_set_hook(NULL, NULL);
        cr_assert(e == WSC_OK || e == WSC_ERR_NOMEM);
        wsc_workers_free(w);
    }
    cr_expect_gt(passes, 10);
}

Test(workers, a_record_lost_for_want_of_memory_is_told)
{
    struct trace t = {0};
    struct lines got = {0};
    trace_add_sessions(&t, 20000, 100, 10);
    const struct wsc_workers_options opt = options(2);
    struct wsc_workers *w = open_workers(&opt, lines_add, &got);
    cr_assert_eq(wsc_workers_start(w), WSC_OK);
    for (size_t i = 0; i < t.len; i++)
        cr_assert_eq(wsc_workers_feed(w, &t.packets[i]), WSC_OK);
    /* Once all have ended that do, both workers have a batch to use again for the flush. */
    struct wsc_analyzer_stats stats = {0};
    wsc_workers_tick(w, t.packets[t.len - 1].ts_ns);
    while (stats.websockets < 80) {
        (void)sched_yield();
        cr_assert_eq(wsc_workers_take(w), WSC_OK);
        wsc_workers_get_stats(w, &stats);
    }
    atomic_int left = 0;
    wsc_alloc_set_hook(let_some_pass, &left);
    cr_expect_eq(wsc_workers_flush(w), WSC_ERR_NOMEM);
    cr_expect_eq(wsc_workers_take(w), WSC_ERR_NOMEM, "it is not forgotten");
    wsc_workers_free(w);
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_eq(got.len, 80);
    lines_clear(&got);
    trace_clear(&t);
}
