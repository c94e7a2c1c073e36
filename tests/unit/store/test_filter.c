#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

/* The records the filters choose from; each is named by its packet, 1 to 8. */
static const struct {
    uint64_t at_s; /* seconds after T0 that it ended; 0: still open, its last packet at T0 */
    int code;
    const char *client, *server, *host, *path, *cause, *app;
    enum wsc_ending ending;
    enum wsc_side closed_by;
    int capture;
} rows[] = {
    {10, 1000, "10.0.0.7:1000", "192.0.2.1:443", "chat.example", "/a", "normal", NULL,
     WSC_ENDING_CLOSE_HANDSHAKE, WSC_SIDE_CLIENT, 0},
    {20, 1001, "10.0.0.7:1001", "192.0.2.1:80", "Chat.Example", "/a/b", "page_left", "TLS.Discord",
     WSC_ENDING_CLOSE_UNANSWERED, WSC_SIDE_SERVER, 0},
    {30, 1006, "10.0.0.8:443", "[2001:db8::5]:443", "chatXexample", "/A", NULL, NULL,
     WSC_ENDING_FIN, WSC_SIDE_NONE, 0},
    {40, 1006, "[2001:db8::7]:1000", "[2001:db8::5]:8080", "chat%example", "/100%", "idle_timeout",
     NULL, WSC_ENDING_RESET, WSC_SIDE_BOTH, 1},
    {40, 4999, "10.0.0.70:1000", "192.0.2.10:443", "chat_example:8080", "/_", "application", NULL,
     WSC_ENDING_VANISHED, WSC_SIDE_CLIENT, 1},
    {50, 5000, "10.0.0.7:1000", "192.0.2.1:443", "", "*", "it's", "a'b", WSC_ENDING_FIN,
     WSC_SIDE_SERVER, 1},
    {60, -1, NULL, NULL, NULL, NULL, NULL, NULL, WSC_ENDING_GAP, WSC_SIDE_NONE, 1},
    {0, -1, "10.0.0.9:1", "192.0.2.1:443", "chat.example.org", "/a", NULL, NULL, WSC_ENDING_NONE,
     WSC_SIDE_NONE, 1},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* More of the first three; of the others it is not known. */
static const struct {
    double idle_s[4], age_s; /* any, client, server, data */
    int status;
    const char *user_agent, *software;
    unsigned started_s; /* before T0 */
} more[] = {
    {{59.9, 60, 70, 80}, 900, 101, "Mozilla/5.0", "nginx", 10},
    {{60, 61, 60, 60}, 901.5, 101, "Mozilla/5.0 (X)", "Nginx", 5},
    {{60.5, 61, 61, 61}, 0.25, 403, NULL, NULL, 1},
};

static struct wsc_span maybe(const char *s)
{
    return s != NULL ? text(s) : (struct wsc_span){0};
}

static struct wsc_store *filled(void)
{
    static const char *const prints[] = {"a", "b"};
    struct wsc_closure r[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        r[i] = record_plain(T0 + rows[i].at_s * SECOND, i + 1);
        r[i].last_packet = WSC_REF(rows[i].capture, i + 1);
        r[i].close_code = rows[i].code;
        cr_assert(rows[i].client == NULL || wsc_endpoint_parse(rows[i].client, &r[i].client));
        cr_assert(rows[i].server == NULL || wsc_endpoint_parse(rows[i].server, &r[i].server));
        r[i].host = maybe(rows[i].host);
        r[i].path = maybe(rows[i].path);
        r[i].cause = maybe(rows[i].cause);
        r[i].app = maybe(rows[i].app);
        r[i].ending = rows[i].ending;
        r[i].closed_by = rows[i].closed_by;
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        int64_t *const idle[] = {&r[i].idle_any_ns, &r[i].idle_client_ns, &r[i].idle_server_ns,
                                 &r[i].idle_data_ns};
        for (size_t k = 0; k < 4; k++)
            *idle[k] = (int64_t)(more[i].idle_s[k] * 1e9);
        r[i].duration_ns = (int64_t)(more[i].age_s * 1e9);
        r[i].handshake_status = more[i].status;
        r[i].user_agent = maybe(more[i].user_agent);
        r[i].server_software = maybe(more[i].software);
        r[i].started_ns = T0 - more[i].started_s * SECOND;
    }
    r[0].violations[0] = (struct wsc_violation){WSC_SIDE_CLIENT, WSC_RULE_RESERVED_BITS, 3};
    r[0].violations[1] = (struct wsc_violation){WSC_SIDE_SERVER, WSC_RULE_TEXT_NOT_UTF8, 4};
    r[0].violations_len = 2;
    r[1].violations[0] = (struct wsc_violation){WSC_SIDE_SERVER, WSC_RULE_RESERVED_BITS, 3};
    r[1].violations_len = 1;
    r[ROWS - 1].outcome = WSC_OUTCOME_OPEN;
    r[ROWS - 1].ended_ns = 0;
    r[ROWS - 2].outcome = WSC_OUTCOME_UNKNOWN;
    /* 4 and 5 ended at the same time; they are listed by packet, whichever was put first. */
    struct wsc_closure four = r[3];
    r[3] = r[4];
    r[4] = four;
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    (void)import(s, prints, 2, "", r, ROWS);
    return s;
}

/* "59.9 60" in seconds, both inclusive; 0: open. */
static struct wsc_span_filter stretch_of(const char *value)
{
    double from = 0, to = 0;
    (void)sscanf(value, "%lf %lf", &from, &to);
    return (struct wsc_span_filter){.min_ns = (int64_t)(from * 1e9), .max_ns = (int64_t)(to * 1e9)};
}

/* A filter is one word of the command line: "key value". */
static void set(struct wsc_filter *f, const char *key, const char *value)
{
    if (strcmp(key, "code") == 0) {
        for (const char *p = value; p != NULL && *p != '\0';
             p = strchr(p, ' ') != NULL ? strchr(p, ' ') + 1 : NULL) {
            struct wsc_code_range *c = &f->codes[f->codes_len++];
            c->last = 0;
            if (sscanf(p, "%d-%d", &c->first, &c->last) < 2)
                c->last = c->first;
        }
    } else if (strcmp(key, "server") == 0) {
        cr_assert(wsc_endpoint_parse(value, &f->server), "%s", value);
    } else if (strcmp(key, "client") == 0) {
        cr_assert(wsc_endpoint_parse(value, &f->client), "%s", value);
    } else if (strcmp(key, "server port") == 0) {
        f->server_port = (uint16_t)atoi(value);
    } else if (strcmp(key, "client port") == 0) {
        f->client_port = (uint16_t)atoi(value);
    } else if (strcmp(key, "host") == 0) {
        f->host = value;
    } else if (strcmp(key, "path") == 0) {
        f->path = value;
    } else if (strcmp(key, "cause") == 0) {
        f->cause = value;
    } else if (strcmp(key, "app") == 0) {
        f->app = value;
    } else if (strcmp(key, "capture") == 0) {
        f->capture = value;
    } else if (strcmp(key, "ending") == 0) {
        f->ending = wsc_ending_parse(value);
    } else if (strcmp(key, "closed by") == 0) {
        f->closed_by = strcmp(value, "nobody") == 0 ? (int)WSC_SIDE_NONE : wsc_side_parse(value);
    } else if (strcmp(key, "outcome") == 0) {
        f->outcome = wsc_outcome_parse(value);
    } else if (strcmp(key, "since") == 0) {
        f->since_ns = (uint64_t)((int64_t)T0 + atoll(value));
    } else if (strcmp(key, "until") == 0) {
        f->until_ns = (uint64_t)((int64_t)T0 + atoll(value));
    } else if (strcmp(key, "limit") == 0) {
        f->limit = strtoull(value, NULL, 10);
    } else if (strcmp(key, "server bits") == 0) {
        f->server_bits = (uint8_t)atoi(value);
    } else if (strcmp(key, "client bits") == 0) {
        f->client_bits = (uint8_t)atoi(value);
    } else if (strcmp(key, "idle") == 0) {
        f->idle = stretch_of(value);
    } else if (strcmp(key, "idle clock") == 0) {
        f->idle_clock = (enum wsc_idle_clock)atoi(value);
    } else if (strcmp(key, "age") == 0) {
        f->age = stretch_of(value);
    } else if (strcmp(key, "status") == 0) {
        (void)sscanf(value, "%d-%d", &f->status.first, &f->status.last);
    } else if (strcmp(key, "rule") == 0) {
        f->rule = wsc_rule_parse(value);
    } else if (strcmp(key, "rule by") == 0) {
        f->rule_by = wsc_side_parse(value);
    } else if (strcmp(key, "user agent") == 0) {
        f->user_agent = value;
    } else if (strcmp(key, "software") == 0) {
        f->server_software = value;
    } else if (strcmp(key, "started since") == 0) {
        f->started_since_ns = (uint64_t)((int64_t)T0 + atoll(value));
    } else if (strcmp(key, "started until") == 0) {
        f->started_until_ns = (uint64_t)((int64_t)T0 + atoll(value));
    } else if (strcmp(key, "id") == 0) {
        f->id = atoll(value);
    } else {
        cr_assert_fail("%s", key);
    }
}

/* Up to three words, and the packets of the records that pass all of them, in order. */
static const struct {
    const char *words[6];
    const char *want;
} filters[] = {
    {{NULL},
     "8 1 2 3 4 5 6 7"}, /* the open one by its last packet; 4 and 5 ended together: by packet */
    {{"code", "1006"}, "3 4"},
    {{"code", "1006 4000-4999"}, "3 4 5"},
    {{"code", "1000-1001"}, "1 2"},
    {{"code", "5000-65535"}, "6"},
    {{"code", "1002-1005"}, ""},
    {{"code", "1001-1000"}, ""},
    {{"code", "0-65535"}, "1 2 3 4 5 6"}, /* null is in no range */
    {{"server", "192.0.2.1"}, "8 1 2 6"},
    {{"server", "192.0.2.1:443"}, "8 1 6"},
    {{"server", "192.0.2.10"}, "5"},
    {{"server", "[2001:db8::5]"}, "3 4"},
    {{"server", "2001:db8:0:0::5"}, "3 4"},
    {{"server", "[2001:db8::5]:8080"}, "4"},
    {{"server", "192.0.2.1:81"}, ""},
    {{"server port", "443"}, "8 1 3 5 6"},
    {{"client port", "443"}, "3"},
    {{"client", "10.0.0.7"}, "1 2 6"},
    {{"client", "10.0.0.7:1000"}, "1 6"},
    {{"server", "192.0.2.1", "server port", "80"}, "2"},
    {{"host", "chat.example"}, "1 2"}, /* whole, any case; the dot is a dot */
    {{"host", "CHAT.EXAMPLE"}, "1 2"},
    {{"host", "chat.*"}, "8 1 2"},
    {{"host", "CHAT.EX*"}, "8 1 2"},
    {{"host", "chat%*"}, "4"}, /* no wildcard but the last star */
    {{"host", "chat_*"}, "5"},
    {{"host", "c*t.example"}, ""},
    {{"host", "*"}, "8 1 2 3 4 5 6"}, /* any that is known */
    {{"host", ""}, "6"},
    {{"host", "' OR 1=1 --"}, ""},
    {{"path", "/a"}, "8 1"}, /* paths are told apart by case */
    {{"path", "/A"}, "3"},
    {{"path", "/a*"}, "8 1 2"},
    {{"path", "/100%"}, "4"},
    {{"path", "/1%"}, ""},
    {{"path", "**"}, "6"},
    {{"path", "\xff*"}, ""},
    {{"cause", "idle_timeout"}, "4"},
    {{"cause", "it's"}, "6"},
    {{"app", "tls.discord"}, "2"},
    {{"app", "TLS*"}, "2"},
    {{"app", "a'b"}, "6"},
    {{"capture", "0.pcap"}, "1 2 3"},
    {{"capture", "1*"}, "8 4 5 6 7"},
    {{"capture", "pcap"}, ""},
    {{"ending", "fin"}, "3 6"},
    {{"ending", "none"}, "8"},
    {{"closed by", "client"}, "1 5"},
    {{"closed by", "both"}, "4"},
    {{"closed by", "nobody"}, "8 3 7"},
    {{"outcome", "open"}, "8"},
    {{"outcome", "unknown"}, "7"},
    {{"outcome", "handshake_failed"}, ""},
    {{"since", "40000000000"}, "4 5 6 7"}, /* since <= t */
    {{"since", "40000000001"}, "6 7"},
    {{"until", "40000000000"}, "8 1 2 3"}, /* t < until */
    {{"until", "40000000001"}, "8 1 2 3 4 5"},
    {{"since", "20000000000", "until", "30000000000"}, "2"},
    {{"until", "1"}, "8"},
    {{"limit", "3"}, "8 1 2"},
    {{"limit", "1", "code", "1006"}, "3"},
    {{"limit", "18446744073709551615"}, "8 1 2 3 4 5 6 7"},
    {{"id", "3"}, "3"},
    {{"idle", "59.9 60"}, "1 2"}, /* both ends belong to it; not known is in no range */
    {{"idle", "59.901 60.4"}, "2"},
    {{"idle", "60 0"}, "2 3"},
    {{"idle", "0 60"}, "1 2"},
    {{"idle", "60 60", "idle clock", "1"}, "1"},
    {{"idle", "60 60", "idle clock", "2"}, "2"},
    {{"idle", "80 80", "idle clock", "3"}, "1"},
    {{"age", "900 901.5"}, "1 2"},
    {{"age", "0 1"}, "3"},
    {{"status", "403-403"}, "3"},
    {{"status", "100-199"}, "1 2"},
    {{"rule", "reserved-bits"}, "1 2"},
    {{"rule", "reserved-bits", "rule by", "server"}, "2"}, /* by it, this rule */
    {{"rule by", "server"}, "1 2"},
    {{"rule by", "client"}, "1"},
    {{"user agent", "Mozilla/5.0"}, "1"},
    {{"user agent", "Mozilla*"}, "1 2"},
    {{"software", "nginx"}, "1"},
    {{"started since", "-5000000000"}, "2 3"},
    {{"started until", "-5000000000"}, "1"},
    {{"client", "10.0.0.0", "client bits", "24"}, "8 1 2 3 5 6"},
    {{"client", "10.0.0.8", "client bits", "30"}, "8 3"}, /* .8 to .11 */
    {{"client", "10.0.0.7", "client bits", "32"}, "1 2 6"},
    {{"server", "2001:db8::", "server bits", "64"}, "3 4"},
    {{"server", "2001:db8::", "server bits", "126"}, ""}, /* ::5 is not in ::0 to ::3 */
    {{"server", "0.0.0.0", "server bits", "1"}, ""},
    {{"id", "0"}, ""},
    {{"id", "99"}, ""},
    {{"code", "1006", "server", "[2001:db8::5]:443", "closed by", "nobody"}, "3"},
    {{"host", "chat*", "path", "/a*", "client", "10.0.0.7"}, "1 2"},
};

Test(store_filter, words)
{
    struct wsc_store *s = filled();
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct wsc_filter f;
        char out[64];
        const char *const *w = filters[i].words;
        wsc_filter_init(&f);
        for (size_t k = 0; k < 6 && w[k] != NULL; k += 2)
            set(&f, w[k], w[k + 1]);
        (void)list_records(s, &f, out, sizeof(out));
        cr_expect_str_eq(out, filters[i].want, "%s %s: %s, not %s", w[0] != NULL ? w[0] : "all",
                         w[0] != NULL ? w[1] : "", out, filters[i].want);
    }
    wsc_store_close(s);
}

/* The largest filter there can be still fits, and finds what it should. */
Test(store_filter, all_at_once)
{
    struct wsc_store *s = filled();
    struct wsc_filter f;
    char out[64];
    wsc_filter_init(&f);
    for (size_t i = 0; i < WSC_FILTER_MAX_RANGES; i++)
        f.codes[i] = (struct wsc_code_range){65000, 65001};
    f.codes[WSC_FILTER_MAX_RANGES - 1] = (struct wsc_code_range){1000, 1000};
    f.codes_len = WSC_FILTER_MAX_RANGES;
    set(&f, "server", "192.0.2.1:443");
    set(&f, "client", "10.0.0.7:1000");
    set(&f, "host", "chat*");
    set(&f, "path", "/a*");
    set(&f, "cause", "normal*");
    set(&f, "capture", "0*");
    set(&f, "ending", "close_handshake");
    set(&f, "closed by", "client");
    set(&f, "outcome", "closed");
    set(&f, "since", "1");
    set(&f, "until", "20000000000");
    set(&f, "id", "1");
    set(&f, "limit", "5");
    f.last_import = true;
    cr_expect_str_eq(list_records(s, &f, out, sizeof(out)), "1");
    f.app = "*";
    cr_expect_str_eq(list_records(s, &f, out, sizeof(out)), "");
    wsc_store_close(s);
}

static int stop_at_two(void *ctx, const struct wsc_closure *rec)
{
    (void)rec;
    return ++*(int *)ctx == 2;
}

Test(store_filter, the_caller_may_stop)
{
    struct wsc_store *s = filled();
    struct wsc_filter f;
    struct wsc_error err;
    int seen = 0;
    wsc_filter_init(&f);
    cr_expect_eq(wsc_store_query(s, &f, stop_at_two, &seen, &err), WSC_OK);
    cr_expect_eq(seen, 2);
    wsc_store_close(s);
}
