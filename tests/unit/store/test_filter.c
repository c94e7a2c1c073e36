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
