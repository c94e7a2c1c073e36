#include <wsclose/findings.h>

#include <criterion/criterion.h>

#include <string.h>

static struct wsc_endpoint endpoint(const char *text)
{
    struct wsc_endpoint e;
    cr_assert(wsc_endpoint_parse(text, &e));
    return e;
}

#define EXPECT_WORDS(f, want)                                                                      \
    do {                                                                                           \
        char out[512];                                                                             \
        cr_expect(wsc_filter_words(&(f), out, sizeof(out)));                                       \
        cr_expect_str_eq(out, want, "%s, not %s", out, want);                                      \
    } while (0)

Test(words, each)
{
    struct wsc_filter all, f;
    wsc_filter_init(&all);
    EXPECT_WORDS(all, "");
    f = all;
    f.limit = 3;
    f.last_import = true;
    EXPECT_WORDS(f, "");
    f = all;
    f.server = endpoint("[2001:db8::5]:443");
    f.client = endpoint("10.0.0.7");
    EXPECT_WORDS(f, "--server '[2001:db8::5]:443' --client 10.0.0.7");
    f.client_bits = 24;
    f.server = endpoint("2001:db8::");
    f.server_bits = 64;
    EXPECT_WORDS(f, "--server '[2001:db8::]/64' --client 10.0.0.7/24");
    f = all;
    f.server_port = 443;
    f.codes[0] = (struct wsc_code_range){1006, 1006};
    f.codes[1] = (struct wsc_code_range){4000, 4999};
    f.codes_len = 2;
    EXPECT_WORDS(f, "--server :443 --code 1006,4000-4999");
    f = all;
    f.idle = (struct wsc_span_filter){INT64_C(59980000000), INT64_C(60070000000)};
    f.idle_clock = WSC_IDLE_SERVER;
    f.age = (struct wsc_span_filter){INT64_C(1), 0};
    EXPECT_WORDS(f, "--idle server:59.98s-60.07s --age 0.000000001s-");
    f = all;
    f.ending = WSC_ENDING_NONE;
    f.outcome = WSC_OUTCOME_CLOSED;
    f.closed_by = WSC_SIDE_NONE;
    f.status = (struct wsc_code_range){500, 599};
    f.rule = WSC_RULE_RESERVED_BITS;
    f.rule_by = WSC_SIDE_SERVER;
    EXPECT_WORDS(f, "--ending none --outcome closed --closed-by nobody --status 500-599 "
                    "--rule reserved-bits --rule-by server");
    f = all;
    f.since_ns = UINT64_C(1767323045000000000); /* date -u -d @1767323045 */
    f.until_ns = UINT64_C(1767323045250000000);
    f.started_since_ns = UINT64_C(1767323045000000001);
    f.id = 17;
    EXPECT_WORDS(f, "--since 2026-01-02T03:04:05Z --until 2026-01-02T03:04:05.250Z "
                    "--started-since 2026-01-02T03:04:05.000000001Z --id 17");
}

/* What a shell would take for its own is quoted. */
Test(words, quotes)
{
    static const struct {
        const char *text, *want;
    } table[] = {
        {"plain/1.0", "--user-agent plain/1.0"},
        {"two words", "--user-agent 'two words'"},
        {"it's", "--user-agent 'it'\\''s'"},
        {"$(x) `y` \"z\" \\", "--user-agent '$(x) `y` \"z\" \\'"},
        {"*", "--user-agent '*'"},
        {"", "--user-agent ''"},
        {"~root", "--user-agent '~root'"},
        {"a\nb", "--user-agent 'a\nb'"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct wsc_filter f;
        wsc_filter_init(&f);
        f.user_agent = table[i].text;
        EXPECT_WORDS(f, table[i].want);
    }
}

/* Too small a buffer loses whole words, never half of one. */
Test(words, cut)
{
    struct wsc_filter f;
    char whole[128], out[128];
    wsc_filter_init(&f);
    f.server = endpoint("192.0.2.1:443");
    f.host = "it's";
    f.path = "/a b";
    cr_assert(wsc_filter_words(&f, whole, sizeof(whole)));
    for (size_t cap = 0; cap <= strlen(whole); cap++) {
        memset(out, '#', sizeof(out));
        cr_expect_not(wsc_filter_words(&f, out, cap), "%zu", cap);
        cr_expect_eq(out[cap], '#', "%zu", cap);
        if (cap == 0)
            continue;
        size_t n = strlen(out);
        cr_expect(n < cap && memcmp(whole, out, n) == 0 &&
                      (n == 0 || memcmp(whole + n, " --", 3) == 0),
                  "%zu: %s", cap, out);
    }
}
