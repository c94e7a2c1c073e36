#include <wsclose/report.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

/* A record with as little in it as there can be: everything unknown. */
static struct wsc_closure unknown(void)
{
    struct wsc_closure r = {.id = WSC_UNKNOWN,
                            .handshake_status = WSC_UNKNOWN,
                            .duration_ns = WSC_UNKNOWN,
                            .close_code = WSC_UNKNOWN,
                            .last_rtt_ns = WSC_UNKNOWN,
                            .idle_any_ns = WSC_UNKNOWN,
                            .idle_client_ns = WSC_UNKNOWN,
                            .idle_server_ns = WSC_UNKNOWN,
                            .idle_data_ns = WSC_UNKNOWN};
    r.saw[0].code = r.saw[1].code = WSC_UNKNOWN;
    r.close[0].code = r.close[1].code = WSC_UNKNOWN;
    return r;
}

static char *render(enum wsc_format format, const struct wsc_closure *records, size_t n)
{
    char *out = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&out, &len);
    struct wsc_report *rep;
    const struct wsc_report_options opt = {.format = format, .utf8 = true};
    cr_assert_eq(wsc_report_new(&opt, f, &rep), WSC_OK);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(wsc_report_record(rep, &records[i]), WSC_OK);
    cr_assert_eq(wsc_report_end(rep), WSC_OK);
    wsc_report_free(rep);
    fclose(f);
    return out;
}

/* SPEC section 5, in its order. */
static const char *const keys[] = {"outcome",      "capture",
                                   "id",           "client",
                                   "server",       "scheme",
                                   "http",         "tls_version",
                                   "sni",          "host",
                                   "path",         "subprotocol",
                                   "extensions",   "user_agent",
                                   "origin",       "server_software",
                                   "app",          "handshake_status",
                                   "midstream",    "started",
                                   "established",  "ended",
                                   "duration_ms",  "close_code",
                                   "code_name",    "code_source",
                                   "reason",       "ending",
                                   "closed_by",    "client_close",
                                   "server_close", "client_saw",
                                   "server_saw",   "tcp_end",
                                   "tcp_end_by",   "tcp_end_packet",
                                   "cause",        "confidence",
                                   "evidence",     "software",
                                   "violations",   "app_code",
                                   "frames",       "messages",
                                   "bytes",        "pings",
                                   "pongs",        "last_rtt_ms",
                                   "idle_ms",      "missing_bytes",
                                   "retransmitted"};

Test(json, an_unknown_is_null_and_no_key_is_missing)
{
    struct wsc_closure r = unknown();
    char *out = render(WSC_FORMAT_NDJSON, &r, 1);
    json_t *o = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(o, "%s", out);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        cr_expect_not_null(json_object_get(o, keys[i]), "%s", keys[i]);
    static const char *const nulls[] = {
        "id",          "client",    "host",         "close_code",  "code_name",
        "code_source", "closed_by", "client_close", "client_saw",  "tcp_end_packet",
        "cause",       "ended",     "duration_ms",  "last_rtt_ms", "app_code"};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        cr_expect(json_is_null(json_object_get(o, nulls[i])), "%s", nulls[i]);
    cr_expect(json_is_null(json_object_get(json_object_get(o, "idle_ms"), "any")));
    json_decref(o);
    free(out);
}

Test(json, keys_stand_in_the_specs_order)
{
    struct wsc_closure r = unknown();
    char *out = render(WSC_FORMAT_NDJSON, &r, 1), *at = out;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"%s\":", keys[i]);
        char *next = strstr(at, quoted);
        cr_assert_not_null(next, "%s", keys[i]);
        at = next;
    }
    free(out);
}

Test(json, hostile_text_reads_back)
{
    static const char *const texts[] = {"\"quoted\\\"",
                                        "new\nline\ttab",
                                        "\033[2J\177",
                                        "\xe2\x80\xa8",
                                        "日本語",
                                        "\xe2\x80\xae\xf3\xa0\x81\x81",
                                        "\xc2\x9b"
                                        "31m"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct wsc_closure r = unknown();
        r.reason = span(texts[i]);
        char *out = render(WSC_FORMAT_NDJSON, &r, 1);
        cr_expect_eq(strchr(out, '\n'), out + strlen(out) - 1, "one line a record");
        for (const char *p = out; *p != '\0'; p++)
            cr_expect(*p == '\n' || !iscntrl((unsigned char)*p), "%s: control in %s", texts[i],
                      out);
        cr_expect_null(strstr(out, "\xe2\x80\xae"), "a right-to-left override is escaped");
        json_t *o = json_loads(out, 0, NULL);
        cr_expect_str_eq(json_string_value(json_object_get(o, "reason")), texts[i]);
        json_decref(o);
        free(out);
    }
    struct wsc_closure r = unknown();
    r.reason = span("a\xff\xc3z");
    char *out = render(WSC_FORMAT_NDJSON, &r, 1);
    json_t *o = json_loads(out, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(o, "reason")), "a\xef\xbf\xbd\xef\xbf\xbdz");
    json_decref(o);
    free(out);
}

/* What is written by hand is what the library writes of the same values. */
static void expect_as_the_library(const struct wsc_closure *r)
{
    char *out = render(WSC_FORMAT_NDJSON, r, 1);
    json_t *o = json_loads(out, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(o, "%s", out);
    char *again = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    out[strlen(out) - 1] = '\0'; /* the line's end */
    cr_expect_str_eq(out, again);
    free(again);
    json_decref(o);
    free(out);
}

Test(json, numbers_are_as_the_library_writes_them)
{
    struct wsc_closure r = unknown();
    for (int64_t ns = 0; ns < INT64_MAX / 2; ns += 1 + ns / 3 + ns % 5) {
        r.duration_ns = ns;
        r.last_rtt_ns = ns / 1000 * 1000;
        r.idle_any_ns = ns / 1000000 * 1000000;
        r.idle_data_ns = ns / 100000000 * 100000000;
        char *out = render(WSC_FORMAT_NDJSON, &r, 1);
        json_t *o = json_loads(out, 0, NULL);
        /* Beyond that 15 digits are not all of them. */
        cr_expect(ns >= INT64_C(1000000000000000) ||
                      json_real_value(json_object_get(o, "last_rtt_ms")) ==
                          (double)r.last_rtt_ns / 1e6,
                  "%lld", (long long)r.last_rtt_ns);
        json_decref(o);
        free(out);
        r.bytes[0] = (uint64_t)ns * 2;
        r.id = ns;
        expect_as_the_library(&r);
    }
}

Test(json, a_full_record_is_as_the_library_writes_it)
{
    static const struct wsc_endpoint v4 = {.family = 4, .addr = {10, 0, 200, 255}, .port = 65535},
                                     v6 = {.family = 6, .addr = {0x20, 1, 0xd, 0xb8, [15] = 5}};
    char text[5200]; /* longer than a piece of the writer, with all of ASCII at every place */
    for (size_t len = 0; len < sizeof(text); len += len < 300 ? 1 : 127) {
        for (size_t i = 0; i < len; i++)
            text[i] = (char)((i + len) % 0x7f);
        struct wsc_closure r = unknown();
        r.client = v4;
        r.server = v6;
        r.path = (struct wsc_span){.ptr = (const uint8_t *)text, .len = len};
        r.host = span("日本語");
        r.midstream = true;
        r.started_ns = r.ended_ns = UINT64_C(1767323045123456789);
        r.close_code = 1011;
        r.close[1] = (struct wsc_close_frame){.seen = true,
                                              .code = 1011,
                                              .reason = r.path,
                                              .at_ns = r.ended_ns,
                                              .packet = WSC_REF(3, 7)};
        r.saw[0] = (struct wsc_saw){.code = 1011, .reason = span("x"), .clean = 1};
        r.saw[1] = (struct wsc_saw){.code = 1006, .clean = WSC_UNKNOWN};
        r.cause = span("server_error");
        r.evidence[0] = span("a");
        r.evidence[1] = r.path;
        r.evidence_len = 2;
        r.violations[1].by = WSC_SIDE_CLIENT;
        r.violations_len = 2;
        r.violations_more = UINT64_MAX;
        r.app_code_scope = r.app_code_name = r.app_code_meaning = span("s");
        r.legs[0] = 5;
        r.legs[1] = -6;
        r.legs_len = 2;
        expect_as_the_library(&r);
    }
}

Test(json, an_array_is_one_value_however_long)
{
    const struct wsc_closure r[3] = {unknown(), unknown(), unknown()};
    for (size_t n = 0; n <= 3; n++) {
        char *out = render(WSC_FORMAT_JSON, r, n);
        json_t *o = json_loads(out, 0, NULL);
        cr_assert_not_null(o, "%s", out);
        cr_expect_eq(json_array_size(o), n);
        json_decref(o);
        free(out);
    }
}

Test(csv, quotes_and_formulas)
{
    static const struct {
        const char *text, *cell;
    } rows[] = {{"plain", ",plain,"},
                {"a,b", ",\"a,b\","},
                {"say \"hi\"", ",\"say \"\"hi\"\"\","},
                {"=1+1", ",\"'=1+1\","},
                {"+1", ",\"'+1\","},
                {"-1", ",\"'-1\","},
                {"@x", ",\"'@x\","},
                {"a=b", ",a=b,"},
                {"x\ny", ",\"x\ny\","},
                {"  =1", ",\"'  =1\","},
                {"\xef\xbc\x9d"
                 "1",
                 ",\"'\xef\xbc\x9d"
                 "1\","},
                {"\n=1", ",\"'\n=1\","},
                {"a\r", ",\"a\\x0d\","},
                {"\033[2J", ",\"\\x1b[2J\","},
                {"\xc2\x9b"
                 "1m",
                 ",\"\\x9b1m\","},
                {"\xff", ",\"\\xff\","}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_closure r = unknown();
        r.path = span(rows[i].text);
        char *out = render(WSC_FORMAT_CSV, &r, 1);
        cr_expect_not_null(strstr(out, rows[i].cell), "%s in %s", rows[i].cell, out);
        free(out);
    }
}

Test(table, an_inferred_code_stands_in_brackets)
{
    struct wsc_closure r[2] = {unknown(), unknown()};
    r[0].outcome = r[1].outcome = WSC_OUTCOME_CLOSED;
    r[0].close_code = 1006;
    r[0].code_source = WSC_CODE_SOURCE_INFERRED;
    r[1].close_code = 1001;
    r[1].code_source = WSC_CODE_SOURCE_WIRE;
    char *out = render(WSC_FORMAT_TABLE, r, 2);
    cr_expect_not_null(strstr(out, "(1006) Abnormal Closure"));
    cr_expect_not_null(strstr(out, " 1001 Going Away"));
    free(out);
}

Test(none, says_nothing)
{
    struct wsc_closure r = unknown();
    char *out = render(WSC_FORMAT_NONE, &r, 1);
    cr_expect_str_eq(out, "");
    free(out);
}
