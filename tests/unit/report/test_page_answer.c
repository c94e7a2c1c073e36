#include "report/page_run.h"

#include <criterion/criterion.h>

#include <stdlib.h>

/* A page as it stands before the answer is found: what was counted, and findings. */
struct made {
    struct wsc_page page;
    struct wsc_page_options opt;
    struct wsc_page_found found[3];
    uint64_t places[8];
};

static void set_up(struct made *m)
{
    *m = (struct made){.opt = {.filter = ""}};
    struct wsc_page_counts *c = &m->page.counts;
    m->page.opt = &m->opt;
    m->page.findings.list = m->found;
    c->keys = calloc(WSC_PAGE_KEYS, sizeof(*c->keys));
    wsc_names_init(&c->names, 4096);
    wsc_names_init(&c->places, 4096);
    c->bad_places = (struct wsc_page_tally){.n = m->places, .cap = 8};
}

static void tear_down(struct made *m)
{
    for (size_t i = 0; i < m->page.answer_len; i++)
        free(m->page.answer[i]);
    free(m->page.counts.keys);
    wsc_names_clear(&m->page.counts.names);
    wsc_names_clear(&m->page.counts.places);
}

/* |n| connections that closed with |code|. */
static void closed(struct made *m, int code, enum wsc_code_source source, uint64_t n)
{
    struct wsc_closure c = {
        .outcome = WSC_OUTCOME_CLOSED, .close_code = code, .code_source = source};
    m->page.counts.records += n;
    m->page.counts.outcomes[WSC_OUTCOME_CLOSED] += n;
    m->page.counts.abnormal += wsc_page_abnormal(&c) ? n : 0;
    m->page.counts.keys[wsc_page_key(&c)][WSC_SIDE_SERVER] += n;
}

static void other(struct made *m, enum wsc_outcome outcome, uint64_t n)
{
    m->page.counts.records += n;
    m->page.counts.outcomes[outcome] += n;
}

static struct wsc_page_found *found(struct made *m, enum wsc_finding_kind kind, uint64_t n,
                                    uint64_t abnormal)
{
    struct wsc_page_found *f = &m->found[m->page.findings.len++];
    wsc_filter_init(&f->filter);
    f->f.kind = kind;
    f->f.count = n;
    f->f.title = wsc_pt_span("TITLE");
    f->abnormal = abnormal;
    return f;
}

static void expect(struct made *m, const char *a, const char *b, const char *c)
{
    const char *const want[] = {a, b, c};
    cr_assert(wsc_page_answer(&m->page));
    for (size_t i = 0; i < 3; i++) {
        const char *have = i < m->page.answer_len ? m->page.answer[i] : "";
        cr_expect_str_eq(have, want[i] != NULL ? want[i] : "");
    }
    tear_down(m);
}

Test(page_answer, nothing)
{
    struct made m;
    set_up(&m);
    expect(&m, "No WebSocket connection is on record.", NULL, NULL);
    set_up(&m);
    m.page.filtered = true;
    expect(&m, "No connection on record passes the filter.", NULL, NULL);
}

Test(page_answer, none_closed)
{
    static const struct {
        uint64_t open, failed, unknown;
        const char *answer;
    } rows[] = {
        {1, 0, 0, "No connection closed: 1 was still open when the capture ended."},
        {7, 0, 0, "No connection closed: 7 were still open when the capture ended."},
        {0, 3, 0, "No connection came about: 3 handshakes failed."},
        {0, 0, 14, "How the 14 connections ended cannot be told from what was captured."},
        {1, 2, 3,
         "No connection is known to have closed: of 6, 2 failed in the handshake, 1 stayed "
         "open, and how 3 ended cannot be told."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made m;
        set_up(&m);
        other(&m, WSC_OUTCOME_OPEN, rows[i].open);
        other(&m, WSC_OUTCOME_HANDSHAKE_FAILED, rows[i].failed);
        other(&m, WSC_OUTCOME_UNKNOWN, rows[i].unknown);
        expect(&m, rows[i].answer, NULL, NULL);
    }
}

Test(page_answer, all_well)
{
    struct made m;
    set_up(&m);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 1);
    expect(&m,
           "The connection that closed did so with a Close frame, and with 1000 (Normal Closure).",
           NULL, NULL);
    set_up(&m);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 290);
    closed(&m, 1001, WSC_CODE_SOURCE_WIRE, 21);
    other(&m, WSC_OUTCOME_OPEN, 5);
    expect(
        &m,
        "All 311 connections that closed did so with a Close frame; 290 of them with 1000 (Normal "
        "Closure).",
        NULL, NULL);
}

Test(page_answer, all_well_but)
{
    struct made m;
    set_up(&m);
    closed(&m, 1012, WSC_CODE_SOURCE_WIRE, 90);
    other(&m, WSC_OUTCOME_HANDSHAKE_FAILED, 10);
    found(&m, WSC_FINDING_MASS_DISCONNECT, 90, 0);
    expect(
        &m,
        "All connections that closed did so with a Close frame, and with 1012 (Service Restart).",
        "What stands out: TITLE (90 connections).",
        "10 of 100 connections failed in the handshake.");
}

/* 1006 on the wire is a violation, and no abnormal closure. */
Test(page_answer, a_forbidden_code)
{
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_WIRE, 2);
    expect(
        &m,
        "All connections that closed did so with a Close frame, and with 1006 (Abnormal Closure).",
        NULL, NULL);
}

Test(page_answer, nothing_stands_out)
{
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 20);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 70);
    other(&m, WSC_OUTCOME_UNKNOWN, 10);
    expect(&m,
           "20 of 90 connections that closed did so without a Close frame (1006); no limit, "
           "instant or "
           "network that most of them share stands out.",
           "How 10 of 100 connections ended cannot be told from what was captured.", NULL);
}

/* The example of the report: 412 of 500 on one path fit a limit that nginx documents. */
Test(page_answer, a_limit_that_fits)
{
    static const struct wsc_limit nginx = {.product = "nginx",
                                           .setting = "proxy_read_timeout",
                                           .min_ns = 60000000000,
                                           .max_ns = 60000000000};
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 600);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 1400);
    struct wsc_page_counts *c = &m.page.counts;
    uint32_t server = wsc_names_add(&c->names, wsc_pt_span("192.0.2.1:80"));
    uint32_t path = wsc_names_add(&c->names, wsc_pt_span("/socket"));
    for (uint32_t host = 1; host <= 2; host++) {
        struct wsc_page_place p = {.server = server, .host = host, .path = path};
        m.places[wsc_names_add(&c->places, (struct wsc_span){(const uint8_t *)&p, sizeof(p)})] =
            250;
    }
    struct wsc_page_found *f = found(&m, WSC_FINDING_IDLE_TIMEOUT, 420, 412);
    f->path = path;
    f->filter.idle = (struct wsc_span_filter){.min_ns = 59980000000, .max_ns = 60110000000};
    f->f.candidates[0] = &nginx;
    f->f.candidates_len = 1;
    f->f.limit_sought = true;
    expect(&m,
           "412 of 500 abnormal closures on /socket fit an idle limit of 60 s; 60 s "
           "is the documented limit of nginx.",
           "In all, 600 of 2,000 connections that closed did so without a Close frame (1006).",
           NULL);
}

Test(page_answer, a_limit_that_no_product_has)
{
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 100);
    wsc_names_add(&m.page.counts.names, wsc_pt_span("192.0.2.1:80"));
    struct wsc_page_found *small = found(&m, WSC_FINDING_LIFETIME_LIMIT, 9, 9);
    (void)small; /* less than a tenth: not what the answer begins with */
    struct wsc_page_found *f = found(&m, WSC_FINDING_IDLE_TIMEOUT, 50, 50);
    f->filter.idle = (struct wsc_span_filter){.min_ns = 45000000000, .max_ns = 45060000000};
    f->filter.idle_clock = WSC_IDLE_DATA;
    f->filter.server = (struct wsc_endpoint){.addr = {192, 0, 2, 1}, .port = 80, .family = 4};
    f->f.limit_sought = true;
    expect(
        &m,
        "50 of 100 abnormal closures fit an idle limit of 45 s on data frames at 192.0.2.1:80; no "
        "documented limit in the table matches.",
        "All 100 connections that closed did so without a Close frame (1006).",
        "Also found: TITLE (9 connections).");
}

/* One limit at two servers is one thing to say. */
Test(page_answer, a_limit_of_several_servers)
{
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 200);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 100);
    for (uint8_t i = 0; i < 3; i++) {
        struct wsc_page_found *f = found(&m, WSC_FINDING_IDLE_TIMEOUT, 60, 55);
        f->filter.server = (struct wsc_endpoint){.addr = {192, 0, 2, i}, .port = 80, .family = 4};
        f->filter.idle = (struct wsc_span_filter){.min_ns = 60000000000, .max_ns = 60200000000};
    }
    m.found[2].filter.idle = (struct wsc_span_filter){.min_ns = 90000000000, .max_ns = 90100000000};
    m.found[2].f.title = wsc_pt_span("60 things");
    expect(&m, "110 of 200 abnormal closures fit an idle limit of 60 s at 2 servers.",
           "In all, 200 of 300 connections that closed did so without a Close frame (1006).",
           "Also found: 60 things.");
}

Test(page_answer, few)
{
    struct made m;
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 1);
    m.page.counts.causes[1][WSC_CAUSE_PEER_CRASH] = 1;
    expect(&m,
           "The connection that closed did so without a Close frame (1006); what the packets "
           "suggest: peer crash.",
           NULL, NULL);
    set_up(&m);
    closed(&m, 1006, WSC_CODE_SOURCE_INFERRED, 5);
    m.page.counts.causes[1][WSC_CAUSE_NONE] = 2;
    m.page.counts.causes[1][WSC_CAUSE_IDLE_TIMEOUT] = 3;
    m.page.counts.causes[0][WSC_CAUSE_NORMAL] = 9;
    expect(&m,
           "All 5 connections that closed did so without a Close frame (1006); what the packets "
           "suggest for 3 of "
           "them: "
           "idle timeout.",
           NULL, NULL);
    set_up(&m);
    closed(&m, 1000, WSC_CODE_SOURCE_WIRE, 1);
    closed(&m, 1001, WSC_CODE_SOURCE_WIRE, 1);
    expect(&m, "All 2 connections that closed did so with a Close frame, each with another code.",
           NULL, NULL);
    set_up(&m);
    other(&m, WSC_OUTCOME_UNKNOWN, 1);
    expect(&m, "How the connection ended cannot be told from what was captured.", NULL, NULL);
}

Test(page_answer, lengths_of_time)
{
    static const struct {
        int64_t min_ns, max_ns, want_ns;
    } rows[] = {{59980000000, 60110000000, 60000000000}, /* a timer late by 45 ms */
                {45000000000, 45060000000, 45000000000},
                {480000000, 520000000, 500000000}, /* under a second: as it is, to 10 ms */
                {1500000000, 1520000000, 1510000000},
                {899900000000, 900300000000, 900000000000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_page_found f = {.f = {.kind = WSC_FINDING_IDLE_TIMEOUT}};
        f.filter.idle =
            (struct wsc_span_filter){.min_ns = rows[i].min_ns, .max_ns = rows[i].max_ns};
        cr_expect_eq(wsc_page_limit_of(&f), rows[i].want_ns, "%zu: %lld", i,
                     (long long)wsc_page_limit_of(&f));
    }
}

Test(page_answer, the_largest_first)
{
    uint64_t n[] = {9, 1, 5, 0, 5, 7, 2};
    struct wsc_page_tally t = {.n = n, .cap = 7};
    uint32_t out[3];
    cr_expect_eq(wsc_page_largest(&t, 6, out, 3), 3);
    cr_expect(out[0] == 5 && out[1] == 2 &&
              out[2] == 4); /* of two alike the earlier; 0 is nobody */
    cr_expect_eq(wsc_page_largest(&t, 1, out, 3), 1);
    cr_expect_eq(wsc_page_largest(&t, 0, out, 3), 0);
}
