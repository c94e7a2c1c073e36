#include "report/page_frame.h"
#include "report/page_pool.h"
#include "report/page_text.h"
#include "report/page_zip.h"

#include <wsclose/page.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct wsc_span bytes(const char *s, size_t n)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = n};
}

/* ---- text ---- */

/* One text, what HTML shows of it, and its string in JSON. */
static const struct {
    const char *name, *text;
    size_t len;
    const char *html, *json;
} texts[] = {
    {"plain", "chat.example", 12, "chat.example", "\"chat.example\""},
    {"empty", "", 0, "", "\"\""},
    {"markup", "<b a='1'>&\"", 11, "&lt;b a=&#39;1&#39;&gt;&amp;&quot;",
     "\"\\u003cb a='1'\\u003e\\u0026\\\"\""},
    {"end of a script", "</script>", 9, "&lt;/script&gt;", "\"\\u003c/script\\u003e\""},
    {"backslash", "a\\b", 3, "a\\b", "\"a\\\\b\""},
    {"escape", "\033[2J", 4, "\\x1b[2J", "\"\\\\x1b[2J\""},
    {"newline", "a\nb", 3, "a\\nb", "\"a\\\\nb\""},
    {"nul", "a\0b", 3, "a\\x00b", "\"a\\\\x00b\""},
    {"right to left", "\xe2\x80\xae", 3, "\\u{202e}", "\"\\\\u{202e}\""},
    {"line separator", "\xe2\x80\xa8", 3, "\\u{2028}", "\"\\\\u{2028}\""},
    {"no UTF-8", "\xff<", 2, "\\xff&lt;", "\"\\\\xff\\u003c\""},
    {"cut character", "\xe2\x80", 2, "\\xe2\\x80", "\"\\\\xe2\\\\x80\""},
    {"letters", "\xc3\xa9\xe6\x97\xa5", 5, "\xc3\xa9\xe6\x97\xa5", "\"\xc3\xa9\xe6\x97\xa5\""},
};

static void expect(struct wsc_pt *t, const char *want, const char *name)
{
    wsc_pt_bytes(t, "", 1);
    cr_expect(!t->failed, "%s", name);
    cr_expect_str_eq((const char *)t->buf.data, want, "%s: %s, not %s", name, t->buf.data, want);
    wsc_pt_clear(t);
}

Test(page_text, text_is_never_markup)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct wsc_pt html, json;
        wsc_pt_init(&html, 4096);
        wsc_pt_init(&json, 4096);
        wsc_pt_html(&html, bytes(texts[i].text, texts[i].len));
        wsc_pt_string(&json, bytes(texts[i].text, texts[i].len));
        expect(&html, texts[i].html, texts[i].name);
        expect(&json, texts[i].json, texts[i].name);
    }
}

Test(page_text, numbers)
{
    static const struct {
        int64_t ns;
        const char *ms;
    } rows[] = {{-1, "null"},
                {0, "0"},
                {499, "0"},
                {500, "0.001"},
                {1000, "0.001"},
                {1500000, "1.5"},
                {999999499, "999.999"},
                {999999500, "1000"},
                {60000000000, "60000"},
                {INT64_MAX, "9223372036854.776"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_pt t;
        wsc_pt_init(&t, 64);
        wsc_pt_ms(&t, rows[i].ns);
        expect(&t, rows[i].ms, rows[i].ms);
    }
    struct wsc_pt t;
    wsc_pt_init(&t, 64);
    wsc_pt_time(&t, 0);
    wsc_pt_put(&t, " ");
    wsc_pt_time(&t, UINT64_C(1767323045123456789));
    wsc_pt_put(&t, " ");
    wsc_pt_time(&t, UINT64_MAX);
    expect(&t, "null 1767323045123.457 18446744073709.552", "times");
}

Test(page_text, counts)
{
    static const struct {
        uint64_t n;
        const char *text;
    } rows[] = {{0, "0"},          {999, "999"},        {1000, "1,000"},
                {12345, "12,345"}, {100000, "100,000"}, {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_str_eq(WSC_PT_COUNT(rows[i].n), rows[i].text);
}

Test(page_text, structure)
{
    struct wsc_pt t;
    wsc_pt_init(&t, 256);
    wsc_pt_open(&t, '{');
    wsc_pt_key(&t, "a");
    wsc_pt_open(&t, '[');
    for (int i = 0; i < 3; i++) {
        wsc_pt_element(&t);
        wsc_pt_number(&t, i - 1);
    }
    wsc_pt_close(&t, ']');
    wsc_pt_key(&t, "b");
    wsc_pt_word(&t, NULL);
    wsc_pt_close(&t, '}');
    expect(&t, "{\"a\":[null,0,1],\"b\":null}", "structure");
}

Test(page_text, a_ceiling_sticks)
{
    struct wsc_pt t;
    wsc_pt_init(&t, 4);
    wsc_pt_put(&t, "1234");
    cr_expect(!t.failed);
    wsc_pt_put(&t, "5");
    cr_expect(t.failed);
    wsc_pt_put(&t, "");
    cr_expect(t.failed);
    wsc_pt_clear(&t);
}

Test(page_text, what_jansson_wrote)
{
    struct wsc_pt t;
    wsc_pt_init(&t, 64);
    cr_expect_eq(wsc_pt_dumped("{\"a\":\"<&>\"}", 11, &t), 0);
    expect(&t, "{\"a\":\"\\u003c\\u0026\\u003e\"}", "dumped");
}

/* ---- frame ---- */

Test(page_frame, marks_are_told_from_text)
{
    static const char frame[] = "@A@x @ @b@ @BC@@D@ a@B @@ @E";
    static const struct {
        const char *text;
        bool mark;
    } want[] = {{"A", true}, {"x @ @b@ ", false}, {"BC", true}, {"D", true}, {" a@B @@ @E", false}};
    struct wsc_span piece;
    size_t at = 0, i = 0;
    bool mark;
    for (; wsc_page_frame_next(bytes(frame, sizeof(frame) - 1), &at, &piece, &mark); i++) {
        cr_assert_lt(i, sizeof(want) / sizeof(want[0]));
        cr_expect_eq(mark, want[i].mark, "%s", want[i].text);
        cr_expect_eq(piece.len, strlen(want[i].text), "%s", want[i].text);
        cr_expect_eq(memcmp(piece.ptr, want[i].text, piece.len), 0, "%s", want[i].text);
    }
    cr_expect_eq(i, sizeof(want) / sizeof(want[0]));
}

Test(page_frame, a_page_is_known_by_its_beginning)
{
    struct wsc_span frame = wsc_page_frame();
    cr_assert_geq(frame.len, WSC_PAGE_HEAD);
    cr_expect(wsc_page_is((struct wsc_span){.ptr = frame.ptr, .len = WSC_PAGE_HEAD}));
    cr_expect(!wsc_page_is((struct wsc_span){.ptr = frame.ptr, .len = WSC_PAGE_HEAD - 1}));
    char other[WSC_PAGE_HEAD];
    memcpy(other, frame.ptr, sizeof(other));
    other[sizeof(other) - 1] ^= 1;
    cr_expect(!wsc_page_is(bytes(other, sizeof(other))));
}

/* ---- pool ---- */

Test(page_pool, each_once)
{
    struct wsc_page_pool p;
    wsc_page_pool_init(&p, 1 << 20);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3000; i++) {
            char text[16];
            int n = snprintf(text, sizeof(text), "\"%d\"", i);
            cr_assert_eq(wsc_page_pool_add(&p, bytes(text, (size_t)n)), i);
        }
    cr_expect_eq(p.len, 3000);
    cr_expect_eq(memcmp(p.bytes.data, "\"0\",\"1\",\"2\",", 12), 0);
    cr_expect_neq(p.bytes.data[p.bytes.len - 1], ',');
    wsc_page_pool_clear(&p);
}

Test(page_pool, a_ceiling_is_told)
{
    struct wsc_page_pool p;
    wsc_page_pool_init(&p, 8);
    cr_expect_eq(wsc_page_pool_add(&p, bytes("\"abc\"", 5)), 0);
    cr_expect_eq(wsc_page_pool_add(&p, bytes("\"de\"", 4)), -1);
    cr_expect(p.failed);
    wsc_page_pool_clear(&p);
}

/* ---- packing ---- */

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static size_t from_base64(const char *text, size_t n, uint8_t *out)
{
    size_t len = 0;
    cr_assert_eq(n % 4, 0);
    for (size_t i = 0; i < n; i += 4) {
        size_t pad = (size_t)(text[i + 3] == '=') + (text[i + 2] == '=');
        int v = digit(text[i]) << 18 | digit(text[i + 1]) << 12 |
                (pad < 2 ? digit(text[i + 2]) << 6 : 0) | (pad < 1 ? digit(text[i + 3]) : 0);
        for (size_t k = 0; k < 3 - pad; k++)
            out[len++] = (uint8_t)(v >> (16 - 8 * k));
    }
    return len;
}

/* |n| bytes that pack badly, put |step| at a time, come out of zlib as they went in. */
static void there_and_back(size_t n, size_t step)
{
    uint8_t *in = malloc(n + 1), *packed = malloc(2 * n + 4096), *back = malloc(n + 1);
    char *text = NULL;
    size_t text_len = 0;
    uint32_t random = 1;
    for (size_t i = 0; i < n; i++)
        in[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
    FILE *out = open_memstream(&text, &text_len);
    struct wsc_page_zip *z = wsc_page_zip_new(out);
    cr_assert_not_null(z);
    for (size_t i = 0; i < n; i += step)
        wsc_page_zip_put(z, in + i, n - i < step ? n - i : step);
    wsc_page_zip_end(z);
    (void)fclose(out);
    z_stream s = {.next_in = packed, .next_out = back, .avail_out = (unsigned)n + 1};
    s.avail_in = (unsigned)from_base64(text, text_len, packed);
    cr_assert_eq(inflateInit2(&s, 16 + 15), Z_OK);
    cr_expect_eq(inflate(&s, Z_FINISH), Z_STREAM_END, "%zu bytes", n);
    cr_expect_eq(s.total_out, n);
    cr_expect_eq(memcmp(in, back, n), 0, "%zu bytes", n);
    (void)inflateEnd(&s);
    free(in);
    free(packed);
    free(back);
    free(text);
}

Test(page_zip, there_and_back)
{
    static const size_t sizes[] = {0, 1, 2, 3, 100, 49131, 49152, 49153, 200000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        there_and_back(sizes[i], 1 << 20);
        there_and_back(sizes[i], 7777);
    }
}
