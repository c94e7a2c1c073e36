/* What the connections of one import say of each other: synthetic records in, causes out. */
#include <wsclose/across.h>

#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#define MS UINT64_C(1000000)
#define N  64

static struct wsc_closure records[N];
static char clients[N][WSC_ENDPOINT_TEXT_MAX];

static struct wsc_closure *add(size_t *n, uint64_t started_ms, uint64_t ended_ms, uint64_t idle_ms)
{
    struct wsc_closure *c = &records[*n];
    *c = record_plain(T0 + ended_ms * MS, *n + 1);
    (void)snprintf(clients[*n], sizeof(clients[*n]), "10.0.%zu.7:51022", *n);
    cr_assert(wsc_endpoint_parse(clients[*n], &c->client));
    cr_assert(wsc_endpoint_parse("10.9.0.1:80", &c->server));
    c->started_ns = T0 + started_ms * MS;
    c->established_ns = c->started_ns + 10 * MS;
    c->duration_ns = (int64_t)(c->ended_ns - c->established_ns);
    c->idle_any_ns = c->idle_client_ns = c->idle_server_ns = c->idle_data_ns =
        (int64_t)(idle_ms * MS);
    c->closed_by = c->tcp_end_by = WSC_SIDE_SERVER;
    c->tcp_end = WSC_TCP_END_FIN;
    ++*n;
    return c;
}

struct got {
    char causes[N * 40];
    char first[512], all[8192];
};

static int take(void *ctx, const struct wsc_closure *c)
{
    struct got *g = ctx;
    size_t len = strlen(g->causes);
    (void)snprintf(g->causes + len, sizeof(g->causes) - len, "%s%.*s:%s", len > 0 ? " " : "",
                   c->cause.ptr != NULL ? (int)c->cause.len : 1,
                   c->cause.ptr != NULL ? (const char *)c->cause.ptr : "-",
                   c->confidence != WSC_CONFIDENCE_NONE ? wsc_confidence_name(c->confidence) : "-");
    for (size_t i = 0; i < c->evidence_len; i++) {
        len = strlen(g->all);
        (void)snprintf(g->all + len, sizeof(g->all) - len, "%.*s\n", (int)c->evidence[i].len,
                       (const char *)c->evidence[i].ptr);
    }
    return 0;
}

static void judge(size_t n, struct got *g)
{
    static const char *const aa[] = {"aa"};
    struct wsc_limits *limits = NULL;
    struct wsc_filter all;
    struct wsc_error err = {0};
    memset(g, 0, sizeof(*g));
    wsc_filter_init(&all);
    cr_assert_eq(wsc_limits_new(&limits), WSC_OK);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, wsc_across_pass, limits);
    (void)import(s, aa, 1, "", records, n);
    cr_assert_eq(wsc_store_query(s, &all, take, g, &err), WSC_OK, "%s", err.message);
    wsc_store_close(s);
    wsc_limits_free(limits);
}

static void expect_all(const struct got *g, const char *cause, size_t n)
{
    char want[N * 40] = "";
    for (size_t i = 0; i < n; i++) {
        strcat(want, i > 0 ? " " : "");
        strcat(want, cause);
    }
    cr_expect_str_eq(g->causes, want);
}

Test(across, a_silence_that_recurs_is_a_limit_nobody_told_us_of)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 6; i++)
        (void)add(&n, 1000 * i, 1000 * i * 3 + 50000 + 7000, 7000 + i);
    judge(n, &g);
    expect_all(&g, "idle_timeout:likely", n);
    cr_expect_not_null(strstr(g.all, "ended 6 connections of 10.9.0.1:80 after a silence of 7.00"),
                       "%s", g.all);
    cr_expect_null(strstr(g.all, "matches"), "no product has a default of 7 s: %s", g.all);
}

Test(across, a_proxy_that_names_itself_may_be_set_to_any_limit)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 4; i++)
        add(&n, 1000 * i, 9000 * i + 20000, 7000 + i)->server_software = text("nginx/1.22.1");
    judge(n, &g);
    expect_all(&g, "idle_timeout:likely", n);
    cr_expect_not_null(strstr(g.all, "nginx (proxy) set to it (proxy_read_timeout, default 60 s)"),
                       "%s", g.all);
}

Test(across, two_of_a_kind_or_different_silences_are_nothing)
{
    size_t n = 0;
    struct got g;
    (void)add(&n, 0, 20000, 7000);
    (void)add(&n, 1000, 30000, 7001);
    judge(n, &g);
    expect_all(&g, "-:-", n);
    n = 0;
    static const uint64_t idle[] = {1200, 3900, 7000, 11000, 16500, 24000, 33000, 47000};
    for (size_t i = 0; i < 8; i++)
        (void)add(&n, 1000 * i, 60000 + 10000 * i, idle[i]);
    judge(n, &g);
    expect_all(&g, "-:-", n);
}

Test(across, an_age_that_recurs_whatever_the_silence)
{
    size_t n = 0;
    struct got g;
    static const uint64_t idle[] = {100, 900, 2300, 40, 5100, 3700};
    for (size_t i = 0; i < 6; i++)
        (void)add(&n, 5000 * i, 5000 * i + 30010 + i, idle[i]);
    judge(n, &g);
    expect_all(&g, "lifetime_limit:likely", n);
    cr_expect_not_null(strstr(g.all, "Google external Application LB backend service timeoutSec"),
                       "%s", g.all);
}

Test(across, many_at_one_instant)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 8; i++)
        (void)add(&n, 4000 * i, 100000 + 100 * i, 1000 + 3571 * i);
    judge(n, &g);
    expect_all(&g, "mass_disconnect:likely", n);
    cr_expect_not_null(strstr(g.all, "ended 8 connections within 0.7 s, of 8 that were open"), "%s",
                       g.all);
    /* The same eight, of forty that stay. */
    for (size_t i = 0; i < 40; i++) {
        struct wsc_closure *c = add(&n, 4000 * i, 300000 + 7919 * i, 1000);
        c->outcome = WSC_OUTCOME_OPEN;
        c->ending = WSC_ENDING_NONE;
        c->last_ns = c->ended_ns;
        c->ended_ns = 0;
    }
    judge(n, &g);
    expect_all(&g, "-:-", n);
}

Test(across, by_themselves_over_a_minute_is_no_mass)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 12; i++)
        (void)add(&n, 100 * i, 100000 + 5000 * i, 1000 + 3571 * i);
    judge(n, &g);
    expect_all(&g, "-:-", n);
}

Test(across, one_after_the_other_is_no_mass_however_fast)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 12; i++)
        (void)add(&n, 100000 + 20 * i, 100000 + 20 * i + 15, 1);
    judge(n, &g);
    expect_all(&g, "-:-", n);
    /* Eight that were open, and one that came and went meanwhile. */
    n = 0;
    for (size_t i = 0; i < 8; i++)
        (void)add(&n, 4000 * i, 100000 + 100 * i, 1000 + 3571 * i);
    (void)add(&n, 100150, 100350, 10);
    judge(n, &g);
    cr_expect_not_null(strstr(g.all, "ended 8 connections within 0.7 s, of 8"), "%s", g.all);
    cr_expect_not_null(strstr(g.causes, "-:-"), "%s", g.causes);
}

Test(across, clients_that_end_together_are_not_the_servers_doing)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 8; i++)
        add(&n, 4000 * i, 100000 + 100 * i, 1000 + 3571 * i)->closed_by = WSC_SIDE_CLIENT;
    judge(n, &g);
    expect_all(&g, "-:-", n);
}

Test(across, a_shutdown_says_so_by_its_code)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 6; i++) {
        struct wsc_closure *c = add(&n, 4000 * i, 100000 + 100 * i, 1000 + 3571 * i);
        c->ending = WSC_ENDING_CLOSE_HANDSHAKE;
        c->code_source = WSC_CODE_SOURCE_WIRE;
        c->close_code = 1001;
        c->cause = text("going_away");
        c->confidence = WSC_CONFIDENCE_LIKELY;
    }
    judge(n, &g);
    expect_all(&g, "server_shutdown:likely", n);
}

Test(across, silent_together_and_ended_together_is_one_event_not_a_timer)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 6; i++)
        (void)add(&n, 4000 * i, 100000 + 10 * i, 7000 + 10 * i);
    judge(n, &g);
    expect_all(&g, "mass_disconnect:likely", n);
}

/* ---- legs ---- */

/* client 10.0.0.7 - proxy 10.9.0.1:80 / 10.9.0.1:40000 - backend 10.9.0.2:8080 */
static void two_legs(size_t *n, enum wsc_side outer_by, enum wsc_side inner_by)
{
    struct wsc_closure *outer = add(n, 0, 10000, 500), *inner = add(n, 2, 10001, 501);
    outer->key = inner->key = text("dGhlIHNhbXBsZSBub25jZQ==");
    outer->closed_by = outer_by;
    inner->closed_by = inner_by;
    inner->established_ns = T0 + 5 * MS;
    cr_assert(wsc_endpoint_parse("10.9.0.1:40000", &inner->client));
    cr_assert(wsc_endpoint_parse("10.9.0.2:8080", &inner->server));
}

Test(across, which_hop_ended_first)
{
    static const struct {
        enum wsc_side outer, inner;
        const char *causes, *says;
    } rows[] = {
        {WSC_SIDE_SERVER, WSC_SIDE_CLIENT, "proxy_cut:certain proxy_cut:certain",
         "the proxy between, 10.9.0.1:80, ended both legs"},
        {WSC_SIDE_CLIENT, WSC_SIDE_CLIENT, "-:- -:-", "the client ended first"},
        {WSC_SIDE_SERVER, WSC_SIDE_SERVER, "-:- -:-", "the backend ended first"},
        {WSC_SIDE_CLIENT, WSC_SIDE_SERVER, "-:- -:-", "the client ended first"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = 0;
        struct got g;
        two_legs(&n, rows[i].outer, rows[i].inner);
        judge(n, &g);
        cr_expect_str_eq(g.causes, rows[i].causes, "row %zu: %s", i, g.causes);
        cr_expect_not_null(strstr(g.all, rows[i].says), "row %zu: %s", i, g.all);
        cr_expect_not_null(strstr(g.all, "is the leg behind the proxy"), "row %zu", i);
        cr_expect_not_null(strstr(g.all, "is the leg in front of the proxy"), "row %zu", i);
    }
}

/* Each leg captured at its own place, by a clock of its own. */
static void two_captures(int64_t age_ms, int64_t skew_ms, int64_t longer_ms, struct got *g)
{
    static const char *const aa[] = {"aa"}, *const bb[] = {"bb"};
    struct wsc_filter all;
    struct wsc_error err = {0};
    size_t n = 0;
    memset(g, 0, sizeof(*g));
    wsc_filter_init(&all);
    two_legs(&n, WSC_SIDE_SERVER, WSC_SIDE_CLIENT);
    struct wsc_closure *inner = &records[1];
    cr_assert(wsc_endpoint_parse("10.8.0.1:40000", &inner->client)); /* the proxy's other side */
    uint64_t skew = (uint64_t)(skew_ms * (int64_t)MS);
    inner->started_ns += skew;
    inner->established_ns += skew;
    inner->ended_ns += skew;
    records[0].duration_ns = age_ms * (int64_t)MS;
    inner->duration_ns = (age_ms + longer_ms) * (int64_t)MS;
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    wsc_store_set_pass(s, wsc_across_pass, NULL);
    (void)import(s, aa, 1, "", &records[0], 1);
    (void)import(s, bb, 1, "", &records[1], 1);
    cr_assert_eq(wsc_store_query(s, &all, take, g, &err), WSC_OK, "%s", err.message);
    wsc_store_close(s);
}

Test(across, legs_by_two_clocks)
{
    static const struct {
        int64_t age_ms, skew_ms, longer_ms;
        bool joined;
    } rows[] = {{10000, 0, 0, true},        {10000, 5000, 3, true},
                {10000, -5000, 3, true},    {10000, -599000, 0, true},
                {10000, -601000, 0, false}, {10000, 5000, 2100, false},
                {10000, 0, -2100, false},   {40, 5000, 3, true},
                {40, 5000, -39, false}, /* who sends one key twice has short ones anywhere */
                {40, 5000, 1000, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct got g;
        two_captures(rows[i].age_ms, rows[i].skew_ms, rows[i].longer_ms, &g);
        cr_expect_str_eq(g.causes, rows[i].joined ? "proxy_cut:likely proxy_cut:likely" : "-:- -:-",
                         "row %zu: %s", i, g.causes);
    }
}

/* A gateway that writes other addresses into the packets is no proxy: both sides of it show one
 * connection. */
Test(across, an_address_translated_is_no_leg)
{
    static const struct {
        const char *name, *client, *server;
    } rows[] = {{"the client's", "10.9.0.1:51022", "10.9.0.1:80"},
                {"the server's", "10.0.0.7:51022", "10.9.0.2:8080"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = 0;
        struct got g;
        two_legs(&n, WSC_SIDE_SERVER, WSC_SIDE_SERVER);
        cr_assert(wsc_endpoint_parse(rows[i].client, &records[1].client));
        cr_assert(wsc_endpoint_parse(rows[i].server, &records[1].server));
        judge(n, &g);
        cr_expect_str_eq(g.all, "", "%s: %s", rows[i].name, g.all);
    }
}

Test(across, one_key_but_ends_apart)
{
    size_t n = 0;
    struct got g;
    /* One host has both; the end of the one is not that of the other. */
    two_legs(&n, WSC_SIDE_SERVER, WSC_SIDE_CLIENT);
    records[1].ended_ns += 11000 * MS;
    judge(n, &g);
    expect_all(&g, "-:-", n);
    cr_expect_not_null(strstr(g.all, "is the leg behind the proxy"), "%s", g.all);
    cr_expect_null(strstr(g.all, "ended"), "%s", g.all);
    /* Nothing but the key says that they belong together. */
    cr_assert(wsc_endpoint_parse("10.8.0.1:40000", &records[1].client));
    judge(n, &g);
    cr_expect_str_eq(g.all, "");
    /* A proxy with an address on each side. */
    records[1].ended_ns -= 2000 * MS;
    judge(n, &g);
    expect_all(&g, "proxy_cut:likely", n);
}

Test(across, one_key_for_all_is_a_client_that_cannot_count)
{
    size_t n = 0;
    struct got g;
    for (size_t i = 0; i < 6; i++)
        add(&n, 100 * i, 10000 + 4000 * i, 500 + 700 * i)->key = text("dGhlIHNhbXBsZSBub25jZQ==");
    judge(n, &g);
    expect_all(&g, "-:-", n);
    cr_expect_str_eq(g.all, "");
    /* Two that overlap, but the later was answered later: neither is inside the other. */
    n = 0;
    for (size_t i = 0; i < 2; i++)
        add(&n, 100 * i, 10000 + 4000 * i, 500 + 700 * i)->key = text("dGhlIHNhbXBsZSBub25jZQ==");
    judge(n, &g);
    cr_expect_str_eq(g.all, "");
    /* Asked for inside the other, but answered after it. */
    n = 0;
    two_legs(&n, WSC_SIDE_SERVER, WSC_SIDE_CLIENT);
    records[1].established_ns = records[0].established_ns + MS;
    judge(n, &g);
    cr_expect_str_eq(g.all, "");
    /* Two that could both be the inner leg. */
    n = 0;
    two_legs(&n, WSC_SIDE_SERVER, WSC_SIDE_CLIENT);
    struct wsc_closure *third = add(&n, 3, 10002, 501);
    third->key = text("dGhlIHNhbXBsZSBub25jZQ==");
    third->established_ns = T0 + 9 * MS;
    third->closed_by = WSC_SIDE_CLIENT;
    cr_assert(wsc_endpoint_parse("10.9.0.3:8080", &third->server));
    judge(n, &g);
    cr_expect_null(strstr(g.all, "proxy between"), "%s", g.all);
}
