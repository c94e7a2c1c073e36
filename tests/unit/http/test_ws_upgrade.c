#include "http/ws_upgrade.h"

#include <criterion/criterion.h>

#include <string.h>

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = text != NULL ? strlen(text) : 0};
}

#define KEY    "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

Test(upgrade, the_rfcs_example_key)
{
    struct wsc_ws_accept *a = wsc_ws_accept_new();
    char out[WSC_WS_ACCEPT_TEXT];
    wsc_ws_accept_key(a, span(KEY), out);
    cr_expect_str_eq(out, ACCEPT);
    wsc_ws_accept_key(a, span("another key, longer than one block of SHA-1 with the GUID"), out);
    cr_expect_str_neq(out, ACCEPT);
    wsc_ws_accept_key(a, span(" " KEY "\t"), out);
    cr_expect_str_eq(out, ACCEPT, "white space around a field's value does not belong to it");
    wsc_ws_accept_free(a);
}

Test(upgrade, what_asks_for_a_websocket)
{
    static const struct {
        const char *upgrade;
        bool get, wanted;
    } rows[] = {
        {"websocket", true, true},   {"WebSocket", true, true}, {"h2c, websocket", true, true},
        {"websocket", false, false}, {"h2c", true, false},      {"websockets", true, false},
        {"", true, false},           {NULL, true, false},       {" , websocket ,", true, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h1_head head = {.is_request = true, .get = rows[i].get};
        head.fields[WSC_H1_UPGRADE] = span(rows[i].upgrade);
        cr_expect_eq(wsc_ws_upgrade_wanted(&head), rows[i].wanted, "row %zu", i);
    }
}

Test(upgrade, judging_the_answer)
{
    static const struct {
        const char *name;
        int status;
        const char *key, *upgrade, *accept;
        enum wsc_ws_upgrade_verdict verdict;
    } rows[] = {
        {"right", 101, KEY, "websocket", ACCEPT, WSC_UPGRADE_ACCEPTED},
        {"right, with spaces", 101, KEY, "WebSocket", " " ACCEPT " ", WSC_UPGRADE_ACCEPTED},
        {"wrong key", 101, KEY, "websocket",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", WSC_UPGRADE_BAD_ACCEPT},
        {"right key in the wrong case", 101, KEY, "websocket",
         "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WSC_UPGRADE_BAD_ACCEPT},
        {"no key", 101, KEY, "websocket", NULL, WSC_UPGRADE_BAD_ACCEPT},
        {"no Upgrade", 101, KEY, NULL, ACCEPT, WSC_UPGRADE_BAD_ACCEPT},
        {"Upgrade to something else", 101, KEY, "h2c", ACCEPT, WSC_UPGRADE_BAD_ACCEPT},
        {"request not captured", 101, NULL, "websocket", "anything", WSC_UPGRADE_ACCEPTED},
        {"still to come", 100, KEY, NULL, NULL, WSC_UPGRADE_INTERIM},
        {"early hints", 103, KEY, NULL, NULL, WSC_UPGRADE_INTERIM},
        {"200", 200, KEY, "websocket", ACCEPT, WSC_UPGRADE_REJECTED},
        {"redirect", 302, KEY, NULL, NULL, WSC_UPGRADE_REJECTED},
        {"forbidden", 403, KEY, NULL, NULL, WSC_UPGRADE_REJECTED},
    };
    struct wsc_ws_accept *a = wsc_ws_accept_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_h1_head head = {.status = rows[i].status};
        head.fields[WSC_H1_UPGRADE] = span(rows[i].upgrade);
        head.fields[WSC_H1_SEC_WEBSOCKET_ACCEPT] = span(rows[i].accept);
        cr_expect_eq(wsc_ws_upgrade_judge(a, span(rows[i].key), &head), rows[i].verdict, "%s",
                     rows[i].name);
    }
    wsc_ws_accept_free(a);
}

Test(upgrade, extensions)
{
    static const struct {
        const char *field;
        enum wsc_ws_negotiated found;
    } rows[] = {{NULL, WSC_NEGOTIATED_NONE},
                {"", WSC_NEGOTIATED_NONE},
                {"permessage-deflate", WSC_NEGOTIATED_DEFLATE},
                {"Permessage-Deflate; client_max_window_bits=\"15\"", WSC_NEGOTIATED_DEFLATE},
                {"x-other", WSC_NEGOTIATED_OTHER},
                {"permessage-deflate, x-other", WSC_NEGOTIATED_OTHER},
                {"x-other; a=\"permessage-deflate, b\"", WSC_NEGOTIATED_OTHER},
                {"permessage-deflate; a=\"x\\\", y\"", WSC_NEGOTIATED_DEFLATE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(wsc_ws_upgrade_extensions(span(rows[i].field)), rows[i].found, "row %zu", i);
}

Test(upgrade, paths_keep_no_secrets)
{
    static const struct {
        const char *target, *path, *with_query;
    } rows[] = {{"/", "/", "/"},
                {"/a?token=1", "/a", "/a?token=1"},
                {"/a#b", "/a", "/a"},
                {"/a?b#c", "/a", "/a?b"},
                {"http://u:p@h:1/x?y#z", "/x", "/x?y"},
                {"http://h?y", "/", "?y"},
                {"http://h", "/", "/"},
                {"*", "*", "*"},
                {"", "/", "/"},
                {"/http://x/y", "/http://x/y", "/http://x/y"},
                {"/a;v=1/b;jsessionid=1?x", "/a;v=1/b", "/a;v=1/b;jsessionid=1?x"},
                {"/;x", "/", "/;x"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_span path = wsc_ws_upgrade_path(span(rows[i].target), false);
        struct wsc_span query = wsc_ws_upgrade_path(span(rows[i].target), true);
        cr_expect(path.len == strlen(rows[i].path) && memcmp(path.ptr, rows[i].path, path.len) == 0,
                  "%s", rows[i].target);
        cr_expect(query.len == strlen(rows[i].with_query) &&
                      memcmp(query.ptr, rows[i].with_query, query.len) == 0,
                  "%s with query", rows[i].target);
    }
    cr_expect_null(wsc_ws_upgrade_path(span(NULL), false).ptr);
}

static void expect_text(struct wsc_span got, const char *want, const char *row)
{
    cr_expect(got.len == strlen(want) && (got.len == 0 || memcmp(got.ptr, want, got.len) == 0),
              "%s: %.*s", row, (int)got.len, (const char *)got.ptr);
}

Test(upgrade, urls_keep_no_secrets)
{
    static const struct {
        const char *url, *bare;
    } rows[] = {{"https://h/login?back=/x", "https://h/login"},
                {"/login#token", "/login"},
                {"/login;jsessionid=1", "/login"},
                {"https://user:secret@h/", ""},
                {"/", "/"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_text(wsc_ws_upgrade_bare_url(span(rows[i].url)), rows[i].bare, rows[i].url);
}

Test(upgrade, hosts_keep_no_secrets)
{
    static const struct {
        const char *field, *host;
    } rows[] = {{"h:80", "h:80"}, {"user:secret@h", "h"}, {"a@b@[::1]:8", "[::1]:8"}, {"@", ""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_text(wsc_ws_upgrade_host(span(rows[i].field)), rows[i].host, rows[i].field);
    cr_expect_null(wsc_ws_upgrade_host(span(NULL)).ptr);
}

Test(upgrade, challenges_keep_no_secrets)
{
    static const struct {
        const char *field, *kept;
    } rows[] = {{"Basic realm=\"a, b\"", "Basic realm=\"a, b\""},
                {"Bearer realm=x , error = \"invalid_token\"",
                 "Bearer realm=x , error = \"invalid_token\""},
                {"Negotiate", "Negotiate"},
                {"Negotiate, Basic realm=\"x\"", "Negotiate, Basic realm=\"x\""},
                {"Negotiate YIIB==", "Negotiate"},
                {"NTLM TlRMTVNTUAAC, Basic realm=x", "NTLM"},
                {"Digest realm=\"r\", nonce=\"n\", opaque=\"o\"", "Digest realm=\"r\""},
                {"Digest nonce=\"n\", realm=\"r\"", "Digest"},
                {"Basic realm=\"open", "Basic realm=\"open"},
                {"Basic realm=\"a\\", "Basic realm=\"a\\"},
                {"Basic realm=", "Basic realm="},
                {"=", ""},
                {"", ""}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_text(wsc_ws_upgrade_challenge(span(rows[i].field)), rows[i].kept, rows[i].field);
    cr_expect_null(wsc_ws_upgrade_challenge(span(NULL)).ptr);
}
