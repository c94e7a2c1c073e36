#include <wsclose/findings.h>

#include "base/alloc.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

/* Each scenario puts records into a store by put_*() below and says which findings, in the order
 * of their kinds, must come out: "kind:count ...". */

#define MOST 6000u

static struct wsc_closure *records;
static size_t count;
static uint64_t state;

static double chance(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static uint64_t ns_of(double s)
{
    return (uint64_t)(s * 1e9);
}

/* A connection that a client opened at |start| and closed with 1000 after |age|; the caller changes
 * what is different. */
static struct wsc_closure *put(unsigned server, unsigned client, double start, double age)
{
    char address[64];
    struct wsc_closure *r = &records[count++];
    cr_assert(count < MOST);
    *r = record_plain(T0 + ns_of(start + age), count);
    (void)snprintf(address, sizeof(address), "192.0.2.%u:443", server);
    cr_assert(wsc_endpoint_parse(address, &r->server));
    (void)snprintf(address, sizeof(address), "10.%u.%u.7:%zu", client / 256, client % 256, count);
    cr_assert(wsc_endpoint_parse(address, &r->client));
    r->started_ns = r->established_ns = T0 + ns_of(start);
    r->duration_ns = (int64_t)ns_of(age);
    r->idle_any_ns = r->idle_client_ns = r->idle_server_ns = r->idle_data_ns =
        (int64_t)ns_of(age * chance());
    r->handshake_status = 101;
    r->ending = WSC_ENDING_CLOSE_HANDSHAKE;
    r->close_code = 1000;
    r->code_source = WSC_CODE_SOURCE_WIRE;
    r->closed_by = WSC_SIDE_CLIENT;
    r->user_agent = text("browser");
    r->server_software = text("server");
    return r;
}

static struct wsc_closure *unannounced(struct wsc_closure *r, enum wsc_ending ending,
                                       enum wsc_side by)
{
    r->ending = ending;
    r->close_code = 1006;
    r->code_source = WSC_CODE_SOURCE_INFERRED;
    r->closed_by = by;
    return r;
}

/* |n| everyday connections over |span| seconds. */
static void everyday(size_t n, unsigned servers, double span)
{
    for (size_t i = 0; i < n; i++) {
        struct wsc_closure *r = put(1 + (unsigned)(i % servers), (unsigned)(chance() * 500),
                                    span * chance(), 5 + 600 * chance());
        if (i % 10 == 0)
            r->close_code = 1005;
        if (i % 10 == 1)
            (void)unannounced(r, WSC_ENDING_FIN, i % 20 == 1 ? WSC_SIDE_SERVER : WSC_SIDE_CLIENT);
        if (i % 50 == 2)
            (void)unannounced(r, WSC_ENDING_VANISHED, WSC_SIDE_NONE);
    }
}

static struct wsc_closure *refused(struct wsc_closure *r, int status)
{
    r->outcome = WSC_OUTCOME_HANDSHAKE_FAILED;
    r->ending = WSC_ENDING_REJECTED;
    r->handshake_status = status;
    r->close_code = WSC_UNKNOWN;
    r->code_source = WSC_CODE_SOURCE_NONE;
    r->closed_by = WSC_SIDE_NONE;
    return r;
}

static void nothing(void)
{
}

static void everyday_only(void)
{
    everyday(2000, 4, 7200);
}

/* ---- silences ---- */

static void idle(size_t n, unsigned servers, enum wsc_idle_clock clock, double seconds)
{
    for (size_t i = 0; i < n; i++) {
        double age = seconds + 1 + 500 * chance();
        struct wsc_closure *r =
            unannounced(put(1 + (unsigned)(i % servers), (unsigned)i, 7000 * chance(), age),
                        WSC_ENDING_FIN, WSC_SIDE_SERVER);
        int64_t *const idles[] = {&r->idle_any_ns, &r->idle_client_ns, &r->idle_server_ns,
                                  &r->idle_data_ns};
        *idles[clock] = (int64_t)ns_of(seconds + 0.05 * chance());
    }
}

static void idle_any(void)
{
    everyday(1000, 4, 7200);
    idle(10, 1, WSC_IDLE_ANY, 60);
}

static void idle_of_server(void)
{
    everyday(1000, 4, 7200);
    idle(10, 1, WSC_IDLE_SERVER, 60);
}

static void idle_at_many_servers(void)
{
    everyday(500, 8, 7200);
    idle(16, 8, WSC_IDLE_ANY, 60); /* two at each: too few to see there */
}

/* Silent for a minute, and then a user's own close: near misses all of them. */
static void idle_then_user(void)
{
    everyday(1000, 4, 7200);
    for (size_t i = 0; i < 20; i++)
        put(1, (unsigned)i, 7000 * chance(), 100)->idle_any_ns = (int64_t)ns_of(60);
}

/* Equal silences because all heard the same broadcast and were cut together. */
static void idle_by_one_event(void)
{
    everyday(1000, 4, 7200);
    for (size_t i = 0; i < 4; i++) {
        double age = 100 + 500 * chance();
        unannounced(put(1, (unsigned)i, 3000 - age, age), WSC_ENDING_FIN, WSC_SIDE_SERVER)
            ->idle_any_ns = (int64_t)ns_of(60);
    }
}

static void lifetime(void)
{
    everyday(1000, 4, 7200);
    for (size_t i = 0; i < 10; i++) {
        struct wsc_closure *r = put(2, (unsigned)i, 6000 * chance(), 900 + 0.1 * chance());
        r->closed_by = WSC_SIDE_SERVER;
        r->close_code = 1001;
    }
}

/* Pings every 25 s and a limit of 60.5 s on the age: the silence is 10.5 s each time, yet the age
 * is the clock. Had they been cut by 10.5 s of silence, no ping of 25 s would have kept them. */
static void lifetime_with_pings(void)
{
    everyday(1000, 4, 7200);
    for (size_t i = 0; i < 10; i++) {
        double late = 0.02 * chance();
        struct wsc_closure *r = unannounced(put(2, (unsigned)i, 6000 * chance(), 60.5 + late),
                                            WSC_ENDING_FIN, WSC_SIDE_SERVER);
        r->idle_any_ns = r->idle_server_ns = r->idle_client_ns = (int64_t)ns_of(10.5 + late);
        r->pings[1] = r->pongs[0] = 2;
    }
}

/* ---- many at once ---- */

static void mass(void)
{
    everyday(500, 2, 7200);
    for (size_t i = 0; i < 40; i++) {
        struct wsc_closure *r = put(9, (unsigned)i, 1000 * chance(), 0);
        uint64_t end = T0 + ns_of(3000 + 2 * chance());
        r->ended_ns = r->last_ns = end;
        r->duration_ns = (int64_t)(end - r->started_ns);
        r->closed_by = WSC_SIDE_SERVER;
        r->close_code = 1012;
    }
}

static void mass_and_storm(void)
{
    mass();
    for (size_t i = 0; i < 40; i++)
        put(9, (unsigned)i, 3000.5 + 3 * chance(), 1000 + 100 * chance());
}

/* Back as well, but over ten minutes. */
static void mass_and_patience(void)
{
    mass();
    for (size_t i = 0; i < 40; i++)
        put(9, (unsigned)i, 3003 + 600 * chance(), 1000 + 100 * chance());
}

static void mass_of_users(void)
{
    everyday(500, 2, 7200);
    for (size_t i = 0; i < 40; i++) {
        double start = 1000 * chance();
        put(9, (unsigned)i, start, 3000 + 2 * chance() - start);
    }
}

/* A restart among short answers: ten a second come and go at the same server, all closed by it. */
static void mass_among_short_ones(void)
{
    mass();
    for (size_t i = 0; i < 3000; i++) {
        struct wsc_closure *r = put(9, (unsigned)i, 2850 + 0.1 * (double)i, 0.5 + 0.5 * chance());
        r->closed_by = WSC_SIDE_SERVER;
    }
}

/* A quick test after the other: as many ends, but never two open together. */
static void mass_of_short_ones(void)
{
    everyday(500, 2, 7200);
    for (size_t i = 0; i < 40; i++)
        put(9, (unsigned)i, 3000 + 0.05 * (double)i, 0.04)->closed_by = WSC_SIDE_SERVER;
}

/* As many, but of ten times as many that stayed. */
static void few_of_many(void)
{
    mass();
    for (size_t i = 0; i < 400; i++)
        put(9, (unsigned)i, 1000 * chance(), 4000 + 2000 * chance());
}

static void loop(double pause)
{
    everyday(500, 2, 7200);
    double t = 100;
    for (size_t i = 0; i < 30; i++, t += 0.2 + pause)
        (void)refused(put(1, 999, t, 0.2), 403);
}

static void loop_at_once(void)
{
    loop(0.3);
}

static void loop_with_pauses(void)
{
    loop(200);
}

/* ---- one peer ---- */

static void failures(size_t n)
{
    everyday(400, 2, 7200);
    for (size_t i = 0; i < n; i++)
        (void)refused(put(1, (unsigned)(i * 7), 7000 * chance(), 0.2), 403);
}

static void failures_many(void)
{
    failures(30); /* of 230 */
}

/* Each deploy refuses for two seconds. */
static void failures_in_bursts(void)
{
    everyday(2000, 2, 7200);
    for (size_t i = 0; i < 60; i++)
        (void)refused(put(1, (unsigned)(i * 7), (double)(1 + i / 10) * 1000 + 2 * chance(), 0.2),
                      503);
}

/* Two legs of a proxy that cuts after 60 s, both on record; and all of it captured twice. */
static void legs_and_copies(void)
{
    static const char *const keys[] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"};
    everyday(500, 2, 7200);
    idle(8, 1, WSC_IDLE_ANY, 60);
    for (size_t i = 0; i < 8; i++) {
        records[count - 1 - i].key = text(keys[i]);
        records[count - 1 - i].stream_id = (uint32_t)i;
    }
    for (size_t i = 0, from = count - 8; i < 16; i++) {
        struct wsc_closure *r = put(1, 0, 0, 1);
        struct wsc_endpoint client = r->client;
        uint64_t packet = r->last_packet;
        *r = records[from + i % 8];
        r->first_packet = r->last_packet = packet;
        if (i < 8) {
            r->client = client;
            cr_assert(wsc_endpoint_parse("192.0.2.77:80", &r->server));
            r->closed_by = WSC_SIDE_CLIENT;
        }
        r->ended_ns += 1000000 * (i / 8 + 1);
        r->last_ns = r->ended_ns;
    }
}

static void failures_few(void)
{
    failures(15);
}

static void caused(const char *cause, size_t n)
{
    everyday(400, 2, 7200);
    for (size_t i = 0; i < n; i++) {
        struct wsc_closure *r = put(1, (unsigned)i, 7000 * chance(), 5 + 600 * chance());
        r->closed_by = WSC_SIDE_SERVER;
        r->close_code = 1011;
        r->cause = text(cause);
        r->confidence = WSC_CONFIDENCE_LIKELY;
    }
}

static void keepalive(void)
{
    caused("keepalive_timeout", 5);
}

static void keepalive_rare(void)
{
    caused("keepalive_timeout", 2);
}

static void proxy_cut(void)
{
    caused("proxy_cut", 5);
}

static void too_big(void)
{
    static const int64_t sizes[] = {70000, 71000, 72000, 74000, WSC_UNKNOWN};
    caused("message_too_big", 5);
    for (size_t i = 0; i < 5; i++) {
        records[count - 1 - i].close_code = 1009;
        records[count - 1 - i].closed_by = WSC_SIDE_SERVER;
        records[count - 1 - i].last_message[WSC_DIR_C2S] = sizes[i];
        records[count - 1 - i].last_message[WSC_DIR_S2C] = 5;
    }
}

/* Pings, but only every 70 s. */
static void idle_with_rare_pings(void)
{
    everyday(1000, 4, 7200);
    idle(10, 1, WSC_IDLE_ANY, 60);
    for (size_t i = count - 10; i < count; i++)
        records[i].pings[0] = (uint64_t)records[i].duration_ns / UINT64_C(70000000000);
}

static void other_cause(void)
{
    caused("normal", 50);
}

static void vanish(size_t n)
{
    everyday(1000, 2, 7200);
    for (size_t i = 0; i < 20; i++) {
        struct wsc_closure *r = put(1, 0, 7000 * chance(), 5 + 600 * chance());
        cr_assert(wsc_endpoint_parse("172.16.5.1:1000", &r->client));
        r->client.addr[3] = (uint8_t)i;
        if (i < n)
            (void)unannounced(r, WSC_ENDING_VANISHED, WSC_SIDE_NONE);
    }
}

static void loss_in_one_network(void)
{
    vanish(10);
}

static void loss_everywhere(void)
{
    vanish(1);
}

static void empty_closes(size_t n, enum wsc_side by)
{
    everyday(1000, 4, 7200);
    for (size_t i = 0; i < 60; i++) {
        struct wsc_closure *r = put(7, (unsigned)i, 7000 * chance(), 5 + 600 * chance());
        r->user_agent = text(by == WSC_SIDE_CLIENT ? "odd one" : "browser");
        r->closed_by = by;
        r->close_code = i < n ? 1005 : 1000;
    }
}

static void empty_by_server(void)
{
    empty_closes(40, WSC_SIDE_SERVER);
}

static void empty_by_agent(void)
{
    empty_closes(40, WSC_SIDE_CLIENT);
}

static void empty_as_others(void)
{
    empty_closes(6, WSC_SIDE_CLIENT);
}

static void violations(size_t n, enum wsc_side by)
{
    everyday(100, 2, 7200);
    for (size_t i = 0; i < n; i++) {
        struct wsc_closure *r = put(1, (unsigned)i, 7000 * chance(), 5 + 600 * chance());
        r->user_agent = r->server_software = text("it's *odd*");
        r->violations[0] = (struct wsc_violation){by, WSC_RULE_RESERVED_BITS, 3};
        r->violations_len = 1;
    }
}

static void violations_by_client(void)
{
    violations(3, WSC_SIDE_CLIENT);
}

static void violations_by_server(void)
{
    violations(4, WSC_SIDE_SERVER);
}

static void violations_rare(void)
{
    violations(2, WSC_SIDE_SERVER);
}

static const struct scenario {
    const char *name;
    void (*fill)(void);
    const char *want;
    const char *says; /* stands in a sentence of the first finding; NULL: anything does */
} scenarios[] = {
    {"nothing", nothing, "", NULL},
    {"everyday", everyday_only, "", NULL},
    {"idle", idle_any, "idle_timeout:10", "none of them carried a Ping"},
    {"idle with rare pings", idle_with_rare_pings, "idle_timeout:10", "not shorter than 60."},
    {"idle of the server", idle_of_server, "idle_timeout:10",
     "of silence of the server, then the server's FIN without a Close: 192.0.2.1:443"},
    {"idle at many servers", idle_at_many_servers, "idle_timeout:16", ": 8 servers"},
    {"idle, then the user", idle_then_user, "", NULL},
    {"idle by one event", idle_by_one_event, "", NULL},
    {"lifetime", lifetime, "lifetime_limit:10", "Open for 900."},
    {"lifetime with pings", lifetime_with_pings, "lifetime_limit:10", NULL},
    {"mass", mass, "mass_disconnect:40", "40 by the server's Close 1012 (Service Restart)"},
    {"mass and storm", mass_and_storm, "mass_disconnect:40 reconnect_storm:40",
     "the next connection to it came"},
    {"mass and patience", mass_and_patience, "mass_disconnect:40", "40 client addresses"},
    {"mass of users", mass_of_users, "", NULL},
    {"mass among short ones", mass_among_short_ones, "mass_disconnect:40", NULL},
    {"mass of short ones", mass_of_short_ones, "", NULL},
    {"few of many", few_of_many, "", NULL},
    {"loop at once", loop_at_once, "reconnect_storm:30 handshake_failures:30",
     "10.3.231.7 tries again at once, 29 times"},
    {"loop with pauses", loop_with_pauses, "handshake_failures:30", NULL},
    {"many failures", failures_many, "handshake_failures:30", "answered with HTTP 403"},
    {"failures in bursts", failures_in_bursts, "handshake_failures:60", "mostly in 6 bursts"},
    {"legs and copies", legs_and_copies, "idle_timeout:16",
     "of 8 the other leg is on record too (as to 192.0.2.77:80): 8 were"},
    {"few failures", failures_few, "", NULL},
    {"keepalive", keepalive, "keepalive_timeout:5", NULL},
    {"keepalive, rare", keepalive_rare, "", NULL},
    {"proxy cut", proxy_cut, "proxy_cut:5", NULL},
    {"too big", too_big, "message_too_big:5", "had 70000 to 74000 bytes"},
    {"a cause that is no finding", other_cause, "", NULL},
    {"loss in one network", loss_in_one_network, "network_loss:10", "clients in 172.16.5.0/24"},
    {"loss everywhere", loss_everywhere, "", NULL},
    {"empty Closes by a server", empty_by_server, "empty_close:40", NULL},
    {"empty Closes by a kind of client", empty_by_agent, "empty_close:40", "odd one"},
    {"empty Closes as others", empty_as_others, "", NULL},
    {"violations by clients", violations_by_client, "violations:3",
     "reserved-bits by the client: it's *odd*"},
    {"violations by a server", violations_by_server, "violations:4", NULL},
    {"violations, rare", violations_rare, "", NULL},
};

static struct wsc_store *filled(const struct scenario *s)
{
    static const char *const prints[] = {"a", "b"};
    records = calloc(MOST, sizeof(*records));
    count = 0;
    state = 42;
    s->fill();
    struct wsc_store *store = open_store("", WSC_STORE_PRIVATE);
    (void)import(store, prints, 2, "", records, count);
    free(records);
    return store;
}

struct seen {
    struct wsc_store *store;
    const char *name;
    char kinds[400];
    const char *says;
    double score;
    size_t n;
};

static bool contains(struct wsc_span s, const char *what)
{
    return s.len > 0 && memmem(s.ptr, s.len, what, strlen(what)) != NULL;
}

static void expect_said(const struct seen *s, const struct wsc_finding *f)
{
    bool said = contains(f->title, s->says);
    for (size_t i = 0; i < f->evidence_len; i++)
        said |= contains(f->evidence[i], s->says);
    cr_expect(said, "%s: \"%s\" is not said; the title is %.*s", s->name, s->says,
              (int)f->title.len, (const char *)f->title.ptr);
}

static int on_finding(void *ctx, const struct wsc_finding *f)
{
    struct seen *s = ctx;
    size_t len = strlen(s->kinds);
    (void)snprintf(s->kinds + len, sizeof(s->kinds) - len, "%s%s:%zu", len > 0 ? " " : "",
                   wsc_finding_kind_name(f->kind), (size_t)f->count);
    cr_expect_eq(count_records(s->store, f->filter), f->count, "%s: %.*s lists something else",
                 s->name, (int)f->words.len, (const char *)f->words.ptr);
    cr_expect(f->title.len > 0 && f->evidence_len > 0 && f->count <= f->of && f->ids_len > 0 &&
                  f->first_ns <= f->last_ns,
              "%s: %.*s", s->name, (int)f->title.len, (const char *)f->title.ptr);
    if (s->n == 0 && s->says != NULL)
        expect_said(s, f);
    cr_expect(s->n == 0 || f->score <= s->score, "%s: worst first", s->name);
    s->score = f->score;
    s->n++;
    return 0;
}

Test(findings, scenarios)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct wsc_store *store = filled(&scenarios[i]);
        struct seen s = {.store = store, .name = scenarios[i].name, .says = scenarios[i].says};
        struct wsc_findings_summary sum;
        struct wsc_filter f;
        struct wsc_error err;
        wsc_filter_init(&f);
        cr_assert_eq(wsc_findings_run(store, &f, NULL, on_finding, &s, &sum, &err), WSC_OK);
        cr_expect_str_eq(s.kinds, scenarios[i].want, "%s: %s, not %s", scenarios[i].name, s.kinds,
                         scenarios[i].want);
        cr_expect(sum.records == count && sum.findings == s.n && !sum.cut && sum.left_out == 0,
                  "%s: summary", scenarios[i].name);
        wsc_store_close(store);
    }
}

static const struct scenario storm = {"", mass_and_storm, "", NULL};

Test(findings, ceilings)
{
    struct wsc_store *store = filled(&storm);
    struct wsc_filter f;
    struct wsc_error err;
    static const struct {
        const char *name;
        struct wsc_findings_options opt;
        size_t records, findings, left_out;
        bool cut;
    } table[] = {
        {"all", {0}, 580, 2, 0, false},
        {"one finding", {.max_findings = 1}, 580, 1, 1, false},
        {"as many records as there are", {.max_records = 580}, 580, 2, 0, false},
        {"fewer records", {.max_records = 50}, 50, 0, 0, true},
        {"no names", {.max_names = 1}, 580, 0, 0, false},
    };
    wsc_filter_init(&f);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct seen s = {.store = store, .name = table[i].name};
        struct wsc_findings_summary sum;
        cr_assert_eq(wsc_findings_run(store, &f, &table[i].opt, on_finding, &s, &sum, &err),
                     WSC_OK);
        cr_expect_eq(sum.records, table[i].records, "%s: %zu records", table[i].name,
                     (size_t)sum.records);
        cr_expect_eq(sum.findings, table[i].findings, "%s: %zu findings", table[i].name,
                     (size_t)sum.findings);
        cr_expect_eq(sum.left_out, table[i].left_out, "%s: left out", table[i].name);
        cr_expect_eq(sum.cut, table[i].cut, "%s: cut", table[i].name);
        cr_expect_eq(sum.names_full, table[i].opt.max_names == 1, "%s: names", table[i].name);
    }
    wsc_store_close(store);
}

static int stop(void *ctx, const struct wsc_finding *f)
{
    (void)f;
    ++*(int *)ctx;
    return 1;
}

Test(findings, the_caller_may_stop)
{
    struct wsc_store *store = filled(&storm);
    struct wsc_filter f;
    struct wsc_error err;
    struct wsc_findings_summary sum;
    int n = 0;
    wsc_filter_init(&f);
    cr_assert_eq(wsc_findings_run(store, &f, NULL, stop, &n, &sum, &err), WSC_OK);
    cr_expect_eq(n, 1);
    wsc_store_close(store);
}

static size_t left;

static bool may(void *ctx)
{
    (void)ctx;
    return left > 0 && left-- > 0;
}

/* Whichever allocation fails, the run says so and loses nothing; or it does without the name. */
Test(findings, every_allocation_may_fail)
{
    struct wsc_store *store = filled(&storm);
    struct wsc_filter f;
    struct wsc_error err = {0};
    size_t refused_runs = 0;
    wsc_filter_init(&f);
    for (size_t n = 0; n < 400; n++) {
        struct wsc_findings_summary sum;
        left = n;
        wsc_alloc_set_hook(may, NULL);
        enum wsc_err e = wsc_findings_run(store, &f, NULL, stop, &(int){0}, &sum, &err);
        wsc_alloc_set_hook(NULL, NULL);
        cr_expect(e == WSC_OK || (e == WSC_ERR_NOMEM && err.message[0] != '\0'), "%zu: %s", n,
                  wsc_err_name(e));
        refused_runs += e == WSC_ERR_NOMEM;
    }
    cr_expect(refused_runs > 10, "%zu", refused_runs);
    wsc_store_close(store);
}
