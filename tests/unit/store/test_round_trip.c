#include "support/tmp_db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

#include <stdio.h>

static void same_span(const char *what, struct wsc_span got, struct wsc_span want)
{
    cr_expect_eq(got.ptr == NULL, want.ptr == NULL, "%s: null", what);
    cr_expect(got.len == want.len && (want.len == 0 || memcmp(got.ptr, want.ptr, want.len) == 0),
              "%s: \"%.*s\"", what, (int)got.len, (const char *)got.ptr);
}

#define SPAN(field)   same_span(#field, got->field, want->field)
#define SAME(field)   cr_expect_eq(got->field, want->field, #field)
#define PACKET(field) cr_expect_eq(got->field, WSC_REF_NUMBER(want->field), #field)

static void same_who(const struct wsc_closure *got, const struct wsc_closure *want)
{
    cr_expect_arr_eq(got->client.addr, want->client.addr, 16);
    cr_expect_arr_eq(got->server.addr, want->server.addr, 16);
    SAME(client.port);
    SAME(client.family);
    SAME(server.port);
    SAME(server.family);
    PACKET(first_packet);
    PACKET(last_packet);
    SAME(stream_id);
    SPAN(scheme);
    SPAN(http);
    SPAN(tls_version);
    SPAN(sni);
    SPAN(host);
    SPAN(path);
    SPAN(subprotocol);
    SPAN(extensions);
    SPAN(user_agent);
    SPAN(origin);
    SPAN(server_software);
    SPAN(app);
    SAME(handshake_status);
    SAME(midstream);
    SAME(started_ns);
    SAME(established_ns);
    SAME(ended_ns);
    SAME(last_ns);
    SAME(duration_ns);
}

static void same_how(const struct wsc_closure *got, const struct wsc_closure *want)
{
    SAME(outcome);
    SAME(ending);
    SAME(close_code);
    SAME(code_source);
    SPAN(reason);
    SAME(closed_by);
    for (int d = 0; d < 2; d++) {
        SAME(close[d].seen);
        SAME(close[d].code);
        SPAN(close[d].reason);
        SAME(close[d].valid);
        SAME(close[d].at_ns);
        PACKET(close[d].packet);
        SAME(saw[d].code);
        SPAN(saw[d].reason);
        SAME(saw[d].clean);
    }
    SAME(tcp_end);
    SAME(tcp_end_by);
    PACKET(tcp_end_packet);
}

static void same_why(const struct wsc_closure *got, const struct wsc_closure *want)
{
    SPAN(cause);
    SAME(confidence);
    cr_assert_eq(got->evidence_len, want->evidence_len);
    for (size_t i = 0; i < want->evidence_len; i++)
        SPAN(evidence[i]);
    SPAN(software);
    cr_assert_eq(got->violations_len, want->violations_len);
    for (size_t i = 0; i < want->violations_len; i++) {
        SAME(violations[i].by);
        SAME(violations[i].rule);
        PACKET(violations[i].packet);
    }
    SAME(violations_more);
    SPAN(app_code_scope);
    SPAN(app_code_name);
    SPAN(app_code_meaning);
    SPAN(key);
}

static void same_how_much(const struct wsc_closure *got, const struct wsc_closure *want)
{
    for (int d = 0; d < 2; d++) {
        SAME(frames[d]);
        SAME(messages[d]);
        SAME(bytes[d]);
        SAME(pings[d]);
        SAME(pongs[d]);
        SAME(missing_bytes[d]);
        SAME(retransmitted[d]);
        SAME(last_message[d]);
    }
    SAME(last_rtt_ns);
    SAME(idle_any_ns);
    SAME(idle_client_ns);
    SAME(idle_server_ns);
    SAME(idle_data_ns);
}

struct expect {
    const struct wsc_closure *want;
    const char *capture;
    size_t seen;
};

static int compare(void *ctx, const struct wsc_closure *got)
{
    struct expect *e = ctx;
    e->seen++;
    same_who(got, e->want);
    same_how(got, e->want);
    same_why(got, e->want);
    same_how_much(got, e->want);
    same_span("capture", got->capture, text(e->capture));
    cr_expect_gt(got->id, 0);
    return 0;
}

/* What goes in comes out, in each mode, also by way of a file that was closed in between. */
static void round_trip(const struct wsc_closure *rec, const char *capture)
{
    static const char *const prints[] = {"aa", "bb"};
    struct expect e = {.want = rec, .capture = capture};
    struct wsc_filter all;
    struct wsc_error err = {0};
    struct wsc_tmp_db t;
    wsc_filter_init(&all);
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    (void)import(s, prints, 2, "", rec, 1);
    cr_expect_eq(wsc_store_query(s, &all, compare, &e, &err), WSC_OK, "%s", err.message);
    wsc_store_close(s);
    s = open_store(t.path, WSC_STORE_WRITE);
    (void)import(s, prints, 2, "", rec, 1);
    wsc_store_close(s);
    s = open_store(t.path, WSC_STORE_READ);
    cr_expect_eq(wsc_store_query(s, &all, compare, &e, &err), WSC_OK, "%s", err.message);
    wsc_store_close(s);
    cr_expect_eq(e.seen, 2);
    wsc_tmp_db_clear(&t);
}

Test(store_round_trip, every_field)
{
    struct wsc_closure rec = record_full();
    round_trip(&rec, "1.pcap");
}

Test(store_round_trip, nothing_known)
{
    struct wsc_closure rec = record_plain(0, 0);
    rec.outcome = WSC_OUTCOME_UNKNOWN;
    rec.ending = WSC_ENDING_NONE;
    round_trip(&rec, "0.pcap");
}

Test(store_round_trip, every_word)
{
    struct wsc_closure rec = record_full();
    rec.evidence_len = 0;
    for (int i = 0; i < (int)WSC_RULE_COUNT; i++) {
        rec.violations[0].rule = (enum wsc_rule)i;
        rec.ending = (enum wsc_ending)(i % (WSC_ENDING_GAP + 1));
        rec.outcome = (enum wsc_outcome)(i % 4);
        rec.closed_by = rec.tcp_end_by = (enum wsc_side)(i % 4);
        rec.code_source = (enum wsc_code_source)(i % 3);
        rec.tcp_end = (enum wsc_tcp_end)(i % 3);
        rec.confidence = (enum wsc_confidence)(i % 4);
        round_trip(&rec, "1.pcap");
    }
}

Test(store_round_trip, lists_at_their_ceilings)
{
    struct wsc_closure rec = record_full();
    static char sentences[WSC_EVIDENCE_MAX][40];
    for (size_t i = 0; i < WSC_EVIDENCE_MAX; i++) {
        (void)snprintf(sentences[i], sizeof(sentences[i]), "sentence %zu", i);
        rec.evidence[i] = text(sentences[i]);
        rec.violations[i] =
            (struct wsc_violation){WSC_SIDE_SERVER, (enum wsc_rule)i, WSC_REF(i % 2, i + 1)};
    }
    rec.evidence_len = WSC_EVIDENCE_MAX;
    rec.violations_len = WSC_VIOLATIONS_MAX;
    round_trip(&rec, "1.pcap");
}

static const struct {
    const char *name;
    struct wsc_span value;
} hostile[] = {
    {"empty", {(const uint8_t *)"", 0}},
    {"SQL", {(const uint8_t *)"'); DROP TABLE connections; --", 30}},
    {"NUL inside", {(const uint8_t *)"a\0b", 3}},
    {"only a NUL", {(const uint8_t *)"\0", 1}},
    {"not UTF-8", {(const uint8_t *)"\xc3(", 2}},
    {"cut UTF-8", {(const uint8_t *)"caf\xc3", 4}},
    {"surrogate", {(const uint8_t *)"\xed\xa0\x80", 3}},
    {"number", {(const uint8_t *)"1e3", 3}},
    {"terminal", {(const uint8_t *)"\x1b[2J\r\n", 6}},
};

/* Text from the network comes back byte by byte, whatever it is. */
Test(store_round_trip, hostile_text)
{
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct wsc_closure rec = record_full();
        struct wsc_span v = hostile[i].value;
        rec.sni = rec.host = rec.path = rec.subprotocol = rec.extensions = rec.user_agent =
            rec.origin = v;
        rec.server_software = rec.reason = rec.saw[0].reason = rec.saw[1].reason = v;
        rec.close[0].reason = rec.close[1].reason = v;
        rec.evidence[0] = v;
        round_trip(&rec, "1.pcap");
    }
}

/* What would break the tools of a person is a BLOB, all else TEXT. */
Test(store_round_trip, hostile_text_is_a_blob)
{
    static const char *const want[] = {"text", "text", "blob", "blob", "blob",
                                       "blob", "blob", "text", "text"};
    static const char *const prints[] = {"aa", "bb"};
    struct wsc_tmp_db t;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        char out[16];
        struct wsc_closure rec = record_full();
        rec.host = hostile[i].value;
        wsc_tmp_db_init(&t);
        struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
        (void)import(s, prints, 2, "", &rec, 1);
        wsc_store_close(s);
        cr_expect_str_eq(
            wsc_tmp_db_ask(t.path, "SELECT typeof(host) FROM connections", out, sizeof(out)),
            want[i], "%s", hostile[i].name);
        wsc_tmp_db_clear(&t);
    }
}

/* Our own words are not expected to be anything but UTF-8; should they be, they are repaired, not
 * refused. */
Test(store_round_trip, own_words_are_repaired)
{
    struct wsc_closure rec = record_full(), want;
    rec.scheme = rec.http = rec.tls_version = rec.app = rec.cause = rec.software =
        bytes("a\xff\0z", 4);
    rec.app_code_scope = rec.app_code_name = rec.app_code_meaning = rec.scheme;
    want = rec;
    want.scheme = text("a\xef\xbf\xbd\xef\xbf\xbdz");
    want.http = want.tls_version = want.app = want.cause = want.software = want.scheme;
    want.app_code_scope = want.app_code_name = want.app_code_meaning = want.scheme;
    static const char *const prints[] = {"aa", "bb"};
    struct expect e = {.want = &want, .capture = "1.pcap"};
    struct wsc_filter all;
    struct wsc_error err = {0};
    wsc_filter_init(&all);
    struct wsc_store *s = open_store("", WSC_STORE_PRIVATE);
    (void)import(s, prints, 2, "", &rec, 1);
    cr_expect_eq(wsc_store_query(s, &all, compare, &e, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(e.seen, 1);
    wsc_store_close(s);
}

/* Packets of a connection that crosses captures say which capture they are in; so do the tables for
 * a person. */
Test(store_round_trip, captures_of_packets)
{
    static const char *const prints[] = {"aa", "bb"};
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"SELECT fingerprint || first_packet FROM connections c JOIN captures p ON p.id = "
         "first_capture_id",
         "aa17"},
        {"SELECT fingerprint || last_packet FROM connections c JOIN captures p ON p.id = "
         "capture_id",
         "bb4"},
        {"SELECT fingerprint || tcp_end_packet FROM connections c JOIN captures p ON p.id = "
         "tcp_end_capture_id",
         "bb3"},
        {"SELECT group_concat(fingerprint || packet) FROM close_frames c JOIN captures p ON p.id = "
         "capture_id",
         "aa812,bb2"},
        {"SELECT group_concat(fingerprint || packet) FROM violations c JOIN captures p ON p.id = "
         "capture_id",
         "aa500,bb1"},
        {"SELECT packets || ' ' || bytes || ' ' || first || ' ' || damaged FROM captures WHERE "
         "fingerprint = 'bb'",
         "1001 99 2026-01-02T03:04:05.000000000Z 1"},
        {"SELECT typeof(reason) FROM close_frames WHERE sender = 'server'", "blob"},
        {"SELECT typeof(reason) FROM close_frames WHERE sender = 'client'", "text"},
        {"SELECT client_address || ' ' || client_port FROM connections", "10.0.0.7 51022"},
        {"SELECT server_address || ' ' || server_port FROM connections", "[2001:db8::5] 443"},
        {"SELECT duration_ms FROM connections", "70876.54321"},
        {"PRAGMA integrity_check", "ok"},
        {"SELECT count(*) FROM pragma_foreign_key_check", "0"},
        {"PRAGMA application_id", "1465074481"}, /* 0x57534331 */
        {"PRAGMA user_version", "4"},
        {"PRAGMA journal_mode", "wal"},
    };
    struct wsc_tmp_db t;
    struct wsc_closure rec = record_full();
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    (void)import(s, prints, 2, "", &rec, 1);
    wsc_store_close(s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[128];
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, rows[i].sql, out, sizeof(out)), rows[i].want,
                         "%s: %s", rows[i].sql, out);
    }
    wsc_tmp_db_clear(&t);
}

Test(store_round_trip, views)
{
    static const char *const prints[] = {"aa"};
    static const struct {
        const char *sql, *want;
    } rows[] = {
        {"SELECT count(*) FROM closures", "4"}, /* the failed handshake is none */
        {"SELECT group_concat(close_code || '=' || code_name || '*' || closures) FROM "
         "closures_by_code",
         "1006=Abnormal Closure*2,1000=Normal Closure*1,3500=Unassigned: libraries, frameworks, "
         "applications (register with IANA)*1"},
        {"SELECT group_concat(hour || ' ' || closures || ' ' || abnormal) FROM closures_by_hour",
         "2026-01-02T03:00Z 3 1,2026-01-02T04:00Z 1 0"},
        {"SELECT ended || capture || duration_s FROM closures LIMIT 1",
         "2026-01-02T03:04:05.000000000Z0.pcap1.5"},
    };
    struct wsc_closure r[5];
    for (size_t i = 0; i < 5; i++) {
        r[i] = record_plain(T0 + i * SECOND, i + 1);
        r[i].close_code = 1006;
        r[i].code_source = WSC_CODE_SOURCE_INFERRED;
    }
    r[0].close_code = 1000;
    r[0].code_source = WSC_CODE_SOURCE_WIRE;
    r[0].duration_ns = INT64_C(1500000000);
    r[2].code_source = WSC_CODE_SOURCE_WIRE; /* a peer that puts 1006 on the wire was not cut off */
    r[3].close_code = 3500;                  /* a range of the registry */
    r[3].ended_ns += 3600 * SECOND;
    r[4].outcome = WSC_OUTCOME_HANDSHAKE_FAILED;
    struct wsc_tmp_db t;
    wsc_tmp_db_init(&t);
    struct wsc_store *s = open_store(t.path, WSC_STORE_WRITE);
    (void)import(s, prints, 1, "", r, 5);
    wsc_store_close(s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[256];
        cr_expect_str_eq(wsc_tmp_db_ask(t.path, rows[i].sql, out, sizeof(out)), rows[i].want,
                         "%s: %s", rows[i].sql, out);
    }
    wsc_tmp_db_clear(&t);
}
