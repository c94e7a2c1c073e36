#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>

struct wsc_closure record_plain(uint64_t ended_ns, uint64_t packet)
{
    struct wsc_closure c = {
        .id = WSC_UNKNOWN, .handshake_status = WSC_UNKNOWN, .duration_ns = WSC_UNKNOWN};
    c.outcome = WSC_OUTCOME_CLOSED;
    c.ending = WSC_ENDING_FIN;
    c.first_packet = c.last_packet = WSC_REF(0, packet);
    c.ended_ns = c.last_ns = ended_ns;
    c.close_code = WSC_UNKNOWN;
    c.close[0].code = c.close[1].code = WSC_UNKNOWN;
    c.saw[0] = c.saw[1] = (struct wsc_saw){.code = WSC_UNKNOWN, .clean = WSC_UNKNOWN};
    c.last_rtt_ns = c.idle_any_ns = c.idle_client_ns = c.idle_server_ns = c.idle_data_ns =
        WSC_UNKNOWN;
    return c;
}

static void fill_counts(struct wsc_closure *c)
{
    uint64_t *const pairs[] = {c->frames, c->messages,      c->bytes,        c->pings,
                               c->pongs,  c->missing_bytes, c->retransmitted};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        pairs[i][0] = 100 + 2 * i;
        pairs[i][1] = UINT64_C(1) << (40 + i);
    }
    c->last_rtt_ns = 12500001;
    c->idle_any_ns = 60000000001;
    c->idle_client_ns = 60010000003;
    c->idle_server_ns = 1;
    c->idle_data_ns = 0;
    c->violations_more = 77;
    c->last_message[0] = UINT32_MAX;
    c->last_message[1] = WSC_UNKNOWN;
    c->key = text("dGhlIHNhbXBsZSBub25jZQ==");
}

static void fill_who(struct wsc_closure *c)
{
    cr_assert(wsc_endpoint_parse("10.0.0.7:51022", &c->client));
    cr_assert(wsc_endpoint_parse("[2001:db8::5]:443", &c->server));
    c->first_packet = WSC_REF(0, 17);
    c->last_packet = WSC_REF(1, 4);
    c->stream_id = UINT32_MAX;
    c->scheme = text("wss");
    c->http = text("2");
    c->tls_version = text("1.3");
    c->sni = text("chat.example");
    c->host = text("chat.example:8443");
    c->path = text("/socket");
    c->subprotocol = text("graphql-ws");
    c->extensions = text("permessage-deflate; client_max_window_bits");
    c->user_agent = text("Mozilla/5.0 (\xc3\xa9)");
    c->origin = text("https://chat.example");
    c->server_software = text("nginx/1.25");
    c->app = text("TLS.Discord");
    c->handshake_status = 101;
    c->midstream = true;
    c->started_ns = T0 + 1;
    c->established_ns = T0 + 123456789;
    c->ended_ns = T0 + 70 * SECOND + 999999999;
    c->last_ns = T0 + 71 * SECOND;
    c->duration_ns = INT64_C(70876543210);
}

static void fill_how(struct wsc_closure *c)
{
    c->outcome = WSC_OUTCOME_CLOSED;
    c->ending = WSC_ENDING_CLOSE_HANDSHAKE;
    c->close_code = 4002;
    c->code_source = WSC_CODE_SOURCE_WIRE;
    c->reason = text("bye");
    c->closed_by = WSC_SIDE_BOTH;
    c->close[WSC_DIR_C2S] = (struct wsc_close_frame){.seen = true,
                                                     .code = 4002,
                                                     .reason = text("bye"),
                                                     .valid = true,
                                                     .at_ns = c->ended_ns,
                                                     .packet = WSC_REF(0, 812)};
    c->close[WSC_DIR_S2C] = (struct wsc_close_frame){.seen = true,
                                                     .code = 65535,
                                                     .reason = bytes("\xff\0x", 3),
                                                     .at_ns = c->ended_ns + 1,
                                                     .packet = WSC_REF(1, 2)};
    c->saw[WSC_DIR_C2S] = (struct wsc_saw){.code = 1006, .reason = text(""), .clean = 0};
    c->saw[WSC_DIR_S2C] = (struct wsc_saw){.code = 4002, .reason = text("bye"), .clean = 1};
    c->tcp_end = WSC_TCP_END_RST;
    c->tcp_end_by = WSC_SIDE_SERVER;
    c->tcp_end_packet = WSC_REF(1, 3);
    c->cause = text("application");
    c->confidence = WSC_CONFIDENCE_LIKELY;
    c->evidence[0] = text("no byte for 60.0 s before the server's FIN");
    c->evidence[1] = text("code 4002");
    c->evidence_len = 2;
    c->software = text("ws (Node.js)");
    c->violations[0] =
        (struct wsc_violation){WSC_SIDE_CLIENT, WSC_RULE_UNMASKED_CLIENT_FRAME, WSC_REF(0, 500)};
    c->violations[1] =
        (struct wsc_violation){WSC_SIDE_SERVER, WSC_RULE_BAD_ACCEPT_KEY, WSC_REF(1, 1)};
    c->violations_len = 2;
    c->app_code_scope = text("discord");
    c->app_code_name = text("Decode error");
    c->app_code_meaning = text("An invalid payload was sent.");
}

struct wsc_closure record_full(void)
{
    struct wsc_closure c = record_plain(T0, 1);
    fill_who(&c);
    fill_how(&c);
    fill_counts(&c);
    return c;
}

struct wsc_store *open_store(const char *path, enum wsc_store_mode mode)
{
    struct wsc_store *s = NULL;
    struct wsc_error err = {0};
    cr_assert_eq(wsc_store_open(path, mode, &s, &err), WSC_OK, "%s", err.message);
    return s;
}

enum wsc_import_result import(struct wsc_store *s, const char *const *fingerprints, size_t n,
                              const char *options, const struct wsc_closure *records, size_t count)
{
    char names[8][32];
    const char *name_list[8];
    struct wsc_store_capture caps[8] = {0};
    struct wsc_error err = {0};
    enum wsc_import_result result = WSC_IMPORT_STORED;
    int64_t id;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%zu.pcap", i);
        name_list[i] = names[i];
        caps[i] = (struct wsc_store_capture){.fingerprint = fingerprints[i],
                                             .packets = 1000 + i,
                                             .bytes = 99,
                                             .first_ns = T0,
                                             .last_ns = T0 + SECOND,
                                             .damaged = i == 1};
    }
    cr_assert_eq(wsc_store_begin(s, name_list, n, options, &err), WSC_OK, "%s", err.message);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(wsc_store_put(s, &records[i], &id, &err), WSC_OK, "%s", err.message);
    cr_assert_eq(wsc_store_commit(s, caps, n, &result, &err), WSC_OK, "%s", err.message);
    return result;
}

static int count_one(void *ctx, const struct wsc_closure *rec)
{
    (void)rec;
    ++*(size_t *)ctx;
    return 0;
}

size_t count_records(struct wsc_store *s, const struct wsc_filter *f)
{
    size_t n = 0;
    struct wsc_error err = {0};
    cr_assert_eq(wsc_store_query(s, f, count_one, &n, &err), WSC_OK, "%s", err.message);
    return n;
}

struct list {
    char *out;
    size_t cap, len;
};

static int list_one(void *ctx, const struct wsc_closure *rec)
{
    struct list *l = ctx;
    int n = snprintf(l->out + l->len, l->cap - l->len, "%s%llu", l->len != 0 ? " " : "",
                     (unsigned long long)rec->first_packet);
    l->len += (size_t)n;
    cr_assert_lt(l->len, l->cap);
    return 0;
}

const char *list_records(struct wsc_store *s, const struct wsc_filter *f, char *out, size_t cap)
{
    struct list l = {.out = out, .cap = cap};
    struct wsc_error err = {0};
    out[0] = '\0';
    cr_assert_eq(wsc_store_query(s, f, list_one, &l, &err), WSC_OK, "%s", err.message);
    return out;
}
