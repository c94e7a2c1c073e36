#include "report/text.h"

#include <wsclose/report.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

Test(text, times_are_rfc_3339_to_the_nanosecond)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{UINT64_C(1767323045123456789),
                 "2026-01-02T03:04:05.123456789Z"}, /* the SPEC's example; date -u -d @1767323045 */
                {1, "1970-01-01T00:00:00.000000001Z"},
                {UINT64_C(4102444799999999999), "2099-12-31T23:59:59.999999999Z"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[WSC_TIME_TEXT_MAX];
        wsc_time_text(rows[i].ns, out);
        cr_expect_str_eq(out, rows[i].text);
    }
}

Test(text, times_are_those_of_the_c_library)
{
    for (uint64_t s = 0; s < UINT64_MAX / 1000000000; s += 1 + s / 3000) {
        char out[WSC_TIME_TEXT_MAX], want[WSC_TIME_TEXT_MAX];
        time_t t = (time_t)s;
        struct tm tm;
        (void)gmtime_r(&t, &tm);
        (void)strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
        wsc_time_text(s * 1000000000, out);
        cr_assert_str_eq(out, want);
    }
    /* Each day, leap days among them. */
    for (time_t t = 0; t < (time_t)(UINT64_MAX / 1000000000); t += 86400) {
        char out[WSC_TIME_TEXT_MAX], want[WSC_TIME_TEXT_MAX];
        struct tm tm;
        (void)gmtime_r(&t, &tm);
        (void)strftime(want, sizeof(want), "%Y-%m-%dT", &tm);
        wsc_time_text((uint64_t)t * 1000000000, out);
        cr_assert_eq(memcmp(out, want, strlen(want)), 0, "%s", want);
    }
}

/* Hostile texts, and what a terminal may get of them. */
static const struct {
    const char *text, *safe;
} hostile[] = {
    {"plain", "plain"},
    {"\033[2Jgone", "\\x1b[2Jgone"},
    {"a\nb\rc\td", "a\\nb\\x0dc\\x09d"},
    {"bell\a del\177", "bell\\x07 del\\x7f"},
    {"c1 \xc2\x9b", "c1 \\x9b"},
    {"rlo \xe2\x80\xae.", "rlo \\u{202e}."},
    {"zero width \xe2\x80\x8b", "zero width \\u{200b}"},
    {"line \xe2\x80\xa8", "line \\u{2028}"},
    {"tag \xf3\xa0\x81\x81", "tag \\u{e0041}"},
    {"joiner \xe2\x81\xa0", "joiner \\u{2060}"},
    {"soft \xc2\xad", "soft \\xad"},
    {"emoji \xe2\x9d\xa4\xef\xb8\x8f", "emoji \xe2\x9d\xa4\xef\xb8\x8f"},
    {"bad \xff\xc3", "bad \\xff\\xc3"},
    {"over long \xc0\xaf", "over long \\xc0\\xaf"},
    {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
};

Test(text, nothing_unsafe_reaches_a_terminal)
{
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        char *out = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&out, &len);
        wsc_report_put_safe(f, span(hostile[i].text));
        fclose(f);
        cr_expect_str_eq(out, hostile[i].safe);
        free(out);
        char fitted[256];
        wsc_text_fit(span(hostile[i].text), 0, true, fitted, sizeof(fitted));
        cr_expect_str_eq(fitted, hostile[i].safe);
    }
}

Test(text, fitting_never_exceeds_the_width)
{
    static const char *const texts[] = {
        "",
        "a",
        "abcdefghij",
        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac",
        "\033\033\033",
        "e\xcc\x81"
        "e\xcc\x81"
        "e\xcc\x81"};
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        for (size_t width = 3; width < 16; width++) {
            char out[64];
            for (int utf8 = 0; utf8 < 2; utf8++) {
                size_t used = wsc_text_fit(span(texts[t]), width, utf8 != 0, out, sizeof(out));
                cr_expect_leq(used, width, "text %zu at %zu", t, width);
            }
        }
    }
}

/* Room for an ellipsis of 3 bytes and the NUL stays behind what is whole. */
Test(text, fitting_never_exceeds_the_room)
{
    for (size_t cap = 6; cap < 20; cap++) {
        for (size_t n = 0; n < 20; n++) {
            char out[24], want[24];
            bool whole = n + 4 < cap;
            size_t kept = whole ? n : cap - 5;
            memset(want, 'a', kept);
            memcpy(want + kept, whole ? "" : "...", whole ? 1 : 4);
            struct wsc_span s = {.ptr = (const uint8_t *)"aaaaaaaaaaaaaaaaaaaa", .len = n};
            cr_expect_eq(wsc_text_fit(s, 0, false, out, cap), strlen(want), "%zu in %zu", n, cap);
            cr_expect_str_eq(out, want, "%zu in %zu", n, cap);
        }
    }
}

Test(text, cutting_is_visible)
{
    char out[64];
    cr_expect_eq(wsc_text_fit(span("abcdefghij"), 6, false, out, sizeof(out)), 6);
    cr_expect_str_eq(out, "abc...");
    cr_expect_eq(wsc_text_fit(span("abcdefghij"), 6, true, out, sizeof(out)), 6);
    cr_expect_str_eq(out, "abcde\xe2\x80\xa6");
    cr_expect_eq(wsc_text_fit(span("abcdef"), 6, true, out, sizeof(out)), 6);
    cr_expect_str_eq(out, "abcdef");
    /* A double-width character that does not fit is not cut in half. */
    cr_expect_eq(
        wsc_text_fit(span("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), 4, true, out, sizeof(out)), 3);
    cr_expect_str_eq(out, "\xe6\x97\xa5\xe2\x80\xa6");
}
