/* What a pass over an import may ask and change. */
#include "store/ends.h"
#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";

static struct wsc_closure leg(uint64_t packet, uint64_t ended_ns, const char *cause)
{
    struct wsc_closure c = record_plain(ended_ns, packet);
    cr_assert(wsc_endpoint_parse("10.0.0.1:80", &c.server));
    c.started_ns = T0;
    c.key = text(key);
    if (cause != NULL) {
        c.cause = text(cause);
        c.confidence = WSC_CONFIDENCE_POSSIBLE;
        c.evidence[c.evidence_len++] = text("alone");
    }
    return c;
}

/* ---- seen by the pass ---- */

struct seen {
    size_t ends, legs, ours;
    uint64_t open;
    int64_t ids[8];
    enum wsc_err answer;
};

static int on_leg(void *ctx, const struct wsc_store_leg *l)
{
    struct seen *s = ctx;
    s->ours += l->ours;
    if (s->legs < 8)
        s->ids[s->legs] = l->id;
    s->legs++;
    return 0;
}

static void take_ends(struct seen *seen, struct wsc_store *s, struct wsc_store_end **ends, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(wsc_store_name(s, ends[i]->server).len, strlen("10.0.0.1:80"));
        seen->ends += ends[i]->telling;
        seen->open += ends[i]->started_ns != 0 && ends[i]->started_ns < T0 + 15 * SECOND &&
                      ends[i]->at_ns >= T0 + 15 * SECOND;
    }
}

static enum wsc_err look(void *ctx, struct wsc_store *s, struct wsc_error *err)
{
    struct seen *seen = ctx;
    struct wsc_store_end **ends;
    size_t n;
    enum wsc_err e = wsc_store_ends(s, &ends, &n, err);
    take_ends(seen, s, ends, n);
    if (e == WSC_OK)
        e = wsc_store_legs(s, on_leg, seen, err);
    if (e == WSC_OK && seen->answer != WSC_OK)
        e = wsc_error_set(err, seen->answer, "the pass says no");
    return e;
}

Test(store_across, a_pass_sees_this_import_and_the_legs_of_others)
{
    static const char *const aa[] = {"aa"}, *const bb[] = {"bb"};
    struct wsc_closure first[] = {leg(1, T0 + 10 * SECOND, NULL), leg(2, T0 + 20 * SECOND, NULL),
                                  leg(3, T0 + 30 * SECOND, NULL)};
    first[1].ending = WSC_ENDING_CLOSE_HANDSHAKE; /* a code that says enough by itself */
    first[1].close_code = 1008;
    first[1].key = (struct wsc_span){0};
    first[2].key = text("AAAAAAAAAAAAAAAAAAAAAA==");
    struct wsc_closure second = leg(1, T0 + 40 * SECOND, NULL);
    struct seen seen = {0};
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, look, &seen);
    (void)import(s, aa, 1, "", first, 3);
    cr_expect_eq(seen.ends, 2);
    cr_expect_eq(seen.legs, 0, "one key, one connection");
    cr_expect_eq(seen.open, 2, "those that end later, started before");
    seen = (struct seen){0};
    (void)import(s, bb, 1, "", &second, 1);
    cr_expect_eq(seen.ends, 1);
    cr_expect_eq(seen.legs, 2);
    cr_expect_eq(seen.ours, 1);
    seen = (struct seen){0};
    cr_expect_eq(import(s, bb, 1, "", &second, 1), WSC_IMPORT_KNOWN);
    cr_expect_eq(seen.ends, 0, "nothing is looked at again");
    wsc_store_close(s);
}

Test(store_across, a_key_that_many_have_joins_nobody)
{
    static const char *const aa[] = {"aa"}, *const bb[] = {"bb"};
    struct wsc_closure many[WSC_STORE_KEY_SHARERS];
    for (size_t i = 0; i < WSC_STORE_KEY_SHARERS; i++)
        many[i] = leg(i + 1, T0 + (10 + i) * SECOND, NULL);
    for (size_t n = WSC_STORE_KEY_SHARERS - 1; n <= WSC_STORE_KEY_SHARERS; n++) {
        struct seen seen = {0};
        struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
        (void)import(s, aa, 1, "", many, n);
        wsc_store_set_pass(s, look, &seen);
        (void)import(s, bb, 1, "", &many[0], 1);
        cr_expect_eq(seen.legs, n < WSC_STORE_KEY_SHARERS ? n + 1 : 0, "%zu and one", n);
        wsc_store_close(s);
    }
}

Test(store_across, a_pass_that_fails_takes_the_import_back)
{
    struct seen seen = {.answer = WSC_ERR_LIMIT};
    struct wsc_closure c = leg(1, T0, NULL);
    struct wsc_store_capture cap = {.fingerprint = "aa"};
    const char *name = "a.pcap";
    struct wsc_error err = {0};
    enum wsc_import_result result;
    int64_t id;
    struct wsc_filter all;
    wsc_filter_init(&all);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, look, &seen);
    cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK);
    cr_assert_eq(wsc_store_put(s, &c, &id, &err), WSC_OK);
    cr_expect_eq(wsc_store_commit(s, &cap, 1, &result, &err), WSC_ERR_LIMIT);
    cr_expect_str_eq(err.message, "the pass says no");
    cr_expect_eq(count_records(s, &all), 0);
    wsc_store_close(s);
}

/* ---- the same, kept in memory or read back ---- */

#define ENDS 24u

struct told {
    struct wsc_store_end ends[ENDS];
    char names[ENDS][2][32];
    size_t n;
};

static void copy_name(const struct wsc_store *s, uint32_t name, char out[32])
{
    struct wsc_span text = wsc_store_name(s, name);
    (void)snprintf(out, 32, "%s", text.ptr != NULL ? (const char *)text.ptr : "NULL");
}

static enum wsc_err tell(void *ctx, struct wsc_store *s, struct wsc_error *err)
{
    struct told *t = ctx;
    struct wsc_store_end **ends;
    enum wsc_err e = wsc_store_ends(s, &ends, &t->n, err);
    cr_assert_leq(t->n, ENDS);
    for (size_t i = 0; i < t->n; i++) {
        t->ends[i] = *ends[i];
        copy_name(s, ends[i]->server, t->names[i][0]);
        copy_name(s, ends[i]->software, t->names[i][1]);
    }
    return e;
}

/* Of each outcome, ending, known and unknown time: what is told, and what is not. In no order. */
static size_t all_kinds(struct wsc_closure out[ENDS])
{
    static const int codes[] = {1000, 1001, 1005, 1006, 1008, 1011, 1013, 4000, WSC_UNKNOWN};
    size_t n = 0;
    for (; n < ENDS; n++) {
        struct wsc_closure c = record_plain(T0 + (n * 7 % ENDS / 2) * SECOND, ENDS - n);
        c.outcome = (enum wsc_outcome)(n % 5 == 4 ? WSC_OUTCOME_CLOSED : n % 4);
        c.ending = n % 3 == 0 ? WSC_ENDING_FIN : WSC_ENDING_CLOSE_HANDSHAKE;
        c.close_code = codes[n % 9];
        c.started_ns = n % 6 != 5 ? T0 - n : 0;
        c.established_ns = n % 6 < 4 ? T0 : 0;
        c.duration_ns = n % 7 != 0 ? (int64_t)n : WSC_UNKNOWN;
        c.idle_any_ns = INT64_C(987654321987654321) + (int64_t)n; /* more digits than are stored */
        c.idle_data_ns = n % 2 == 0 ? INT64_C(1999999999999999) : WSC_UNKNOWN;
        c.cause = n % 2 == 0 ? text("proxy_cut") : (struct wsc_span){0};
        c.confidence = n % 2 == 0 ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_NONE;
        c.server_software = n % 3 != 0 ? text("nginx") : (struct wsc_span){0};
        if (n % 4 == 2)
            c.ended_ns = 0;
        c.last_ns = T0 + 3 * SECOND;
        if (n % 8 != 3)
            cr_assert(wsc_endpoint_parse("[2001:db8::1]:443", &c.server));
        else
            c.server = (struct wsc_endpoint){0};
        out[n] = c;
    }
    return n;
}

static void import_flushed(struct wsc_store *s, const struct wsc_closure *records, size_t count,
                           size_t flush_at)
{
    const struct wsc_store_capture cap = {.fingerprint = ""};
    const char *name = "eth0";
    struct wsc_error err;
    enum wsc_import_result result;
    int64_t id;
    cr_assert_eq(wsc_store_begin(s, &name, 1, "", &err), WSC_OK);
    for (size_t i = 0; i <= count; i++) {
        if (i == flush_at)
            cr_assert_eq(wsc_store_flush(s, &err), WSC_OK);
        if (i < count)
            cr_assert_eq(wsc_store_put(s, &records[i], &id, &err), WSC_OK);
    }
    cr_assert_eq(wsc_store_commit(s, &cap, 1, &result, &err), WSC_OK);
}

Test(store_across, ends_kept_in_memory_are_those_in_the_database)
{
    struct wsc_closure records[ENDS];
    struct told kept = {.n = 0};
    size_t count = all_kinds(records);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, tell, &kept);
    import_flushed(s, records, count, SIZE_MAX);
    wsc_store_close(s);
    cr_expect_gt(kept.n, ENDS / 2);
    cr_expect_lt(kept.n, ENDS);
    for (size_t at = 0; at <= count; at += count / 2) {
        struct told read = {.n = 0};
        s = open_store("", WSC_STORE_PRIVATE);
        wsc_store_set_pass(s, tell, &read);
        import_flushed(s, records, count, at);
        wsc_store_close(s);
        cr_assert_eq(read.n, kept.n, "flushed at %zu", at);
        for (size_t i = 0; i < kept.n; i++) {
            const struct wsc_store_end *x = &kept.ends[i], *y = &read.ends[i];
#define SAME(f) cr_expect_eq(x->f, y->f, "flushed at %zu: " #f " of %zu", at, i)
            SAME(id);
            SAME(started_ns);
            SAME(at_ns);
            SAME(last_packet);
            SAME(age_ns);
            SAME(idle_ns[0]);
            SAME(idle_ns[1]);
            SAME(idle_ns[2]);
            SAME(idle_ns[3]);
            SAME(code);
            SAME(ending);
            SAME(closed_by);
            SAME(cause);
            SAME(confidence);
            SAME(telling);
            SAME(marked);
#undef SAME
            cr_expect_str_eq(kept.names[i][0], read.names[i][0]);
            cr_expect_str_eq(kept.names[i][1], read.names[i][1]);
            cr_expect(i == 0 || kept.ends[i - 1].at_ns <= x->at_ns, "in order of time");
        }
    }
}

Test(store_across, a_record_that_goes_again_is_not_told_of)
{
    struct wsc_closure records[2] = {leg(1, T0 + 10 * SECOND, NULL),
                                     leg(1, T0 + 20 * SECOND, NULL)};
    struct told t = {.n = 0};
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, tell, &t);
    for (size_t i = 0; i < 2; i++)
        cr_assert(wsc_endpoint_parse("10.0.0.9:1234", &records[i].client));
    records[1].replaced_id = 1;
    import_flushed(s, records, 2, SIZE_MAX);
    wsc_store_close(s);
    cr_assert_eq(t.n, 1);
    cr_expect_eq(t.ends[0].id, 2);
}

/* ---- changed by it ---- */

static enum wsc_err join(void *ctx, struct wsc_store *s, struct wsc_error *err)
{
    struct seen *seen = ctx;
    const struct wsc_span words[] = {text("one"), text("two")}, last[] = {text("three")};
    enum wsc_err e = wsc_store_legs(s, on_leg, seen, err);
    for (size_t i = 0; e == WSC_OK && seen->legs == 2 && i < 2; i++) {
        struct wsc_amendment a = {.id = seen->ids[i],
                                  .cause = WSC_CAUSE_PROXY_CUT,
                                  .confidence = WSC_CONFIDENCE_CERTAIN,
                                  .sentences = words,
                                  .sentences_len = 2,
                                  .other_id = seen->ids[1 - i]};
        struct wsc_amendment b = {.id = seen->ids[i], .sentences = last, .sentences_len = 1};
        e = wsc_store_amend(s, &a, err);
        if (e == WSC_OK)
            e = wsc_store_amend(s, &b, err);
    }
    return e;
}

static int check_joined(void *ctx, const struct wsc_closure *c)
{
    size_t *n = ctx;
    static const char *const want[2][4] = {{"one", "two", "alone", "three"},
                                           {"one", "two", "three", NULL}};
    const char *const *w = want[*n];
    cr_expect_eq(c->cause.len, strlen("proxy_cut"));
    cr_expect_eq(c->confidence, WSC_CONFIDENCE_CERTAIN);
    for (size_t i = 0; i < 4 && w[i] != NULL; i++)
        cr_expect(i < c->evidence_len && c->evidence[i].len == strlen(w[i]) &&
                      memcmp(c->evidence[i].ptr, w[i], strlen(w[i])) == 0,
                  "record %zu, sentence %zu", *n, i);
    cr_expect_eq(c->legs_len, 1);
    cr_expect_neq(c->legs[0], c->id);
    ++*n;
    return 0;
}

Test(store_across, an_amendment_stands_before_what_was_said_alone_and_goes_with_the_leg)
{
    static const char *const aa[] = {"aa"}, *const bb[] = {"bb"};
    struct wsc_closure first = leg(1, T0 + 10 * SECOND, "idle_timeout"),
                       second = leg(1, T0 + 20 * SECOND, NULL);
    struct seen seen = {0};
    struct wsc_tmp_db t;
    struct wsc_filter all;
    struct wsc_error err = {0};
    char out[128];
    size_t n = 0;
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    wsc_store_set_pass(s, join, &seen);
    (void)import(s, aa, 1, "", &first, 1);
    seen = (struct seen){0};
    (void)import(s, bb, 1, "", &second, 1);
    cr_expect_eq(wsc_store_query(s, &all, check_joined, &n, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(n, 2);
    /* The second capture is replaced, by one whose connection has another key. */
    second.key = text("AAAAAAAAAAAAAAAAAAAAAA==");
    seen = (struct seen){0};
    cr_expect_eq(import(s, bb, 1, "other", &second, 1), WSC_IMPORT_REPLACED);
    wsc_store_close(s);
    cr_expect_str_eq(wsc_tmp_db_ask(t.path,
                                    "SELECT group_concat(coalesce(cause, '-') || ' ' ||"
                                    " coalesce(confidence, '-'), '; ') FROM connections",
                                    out, sizeof(out)),
                     "idle_timeout possible; - -");
    cr_expect_str_eq(wsc_tmp_db_ask(t.path, "SELECT group_concat(sentence, ' ') FROM evidence", out,
                                    sizeof(out)),
                     "alone three", "what rested on the leg is gone");
    wsc_tmp_db_clear(&t);
}

/* What goes beyond the ceiling is not kept in memory: the first are read back. */
Test(store_across, so_many_ends_are_kept_and_no_more)
{
    struct wsc_ends t = {.kept = false};
    struct wsc_closure r = record_plain(T0, 1);
    r.started_ns = T0;
    wsc_ends_begin(&t, true);
    for (size_t i = 0; i < WSC_STORE_ENDS_MAX; i++)
        wsc_ends_put(&t, (int64_t)i + 1, &r, (struct wsc_span){0});
    cr_expect(t.kept && t.len == WSC_STORE_ENDS_MAX, "%zu", t.len);
    wsc_ends_put(&t, 7, &r, (struct wsc_span){0});
    cr_expect(!t.kept && t.chunks == NULL);
    wsc_ends_clear(&t);
}
