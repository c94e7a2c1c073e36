#include "base/utf8.h"

#include "support/hex.h"

#include <criterion/criterion.h>

#include <iconv.h>
#include <string.h>

struct row {
    const char *name, *hex;
    bool valid;     /* as a whole */
    bool may_go_on; /* no byte of it is wrong: it is valid or only unfinished */
};

/* RFC 3629 section 4, each range with its neighbours outside. */
static const struct row rows[] = {
    {"empty", "", true, true},
    {"ASCII", "00 41 7f", true, true},
    {"continuation alone", "80", false, false},
    {"last continuation alone", "bf", false, false},
    {"overlong C0", "c0 80", false, false},
    {"overlong C1", "c1 bf", false, false},
    {"U+0080", "c2 80", true, true},
    {"U+07FF", "df bf", true, true},
    {"two bytes, second too low", "c2 7f", false, false},
    {"two bytes, second too high", "c2 c0", false, false},
    {"overlong E0", "e0 9f bf", false, false},
    {"U+0800", "e0 a0 80", true, true},
    {"U+D7FF", "ed 9f bf", true, true},
    {"first surrogate", "ed a0 80", false, false},
    {"last surrogate", "ed bf bf", false, false},
    {"U+E000", "ee 80 80", true, true},
    {"U+FFFF", "ef bf bf", true, true},
    {"overlong F0", "f0 8f bf bf", false, false},
    {"U+10000", "f0 90 80 80", true, true},
    {"U+10FFFF", "f4 8f bf bf", true, true},
    {"over U+10FFFF", "f4 90 80 80", false, false},
    {"lead F5", "f5 80 80 80", false, false},
    {"byte FF", "ff", false, false},
    {"unfinished, one of two", "41 c3", false, true},
    {"unfinished, two of three", "e2 82", false, true},
    {"unfinished, three of four", "f0 9f 98", false, true},
    {"character cut by ASCII", "e2 82 41", false, false},
    {"third byte wrong", "e2 82 c0", false, false},
    {"good after bad stays bad", "ff 41 41", false, false},
    {"mixed", "41 c3a9 e282ac f09f9880 0a", true, true},
};

Test(utf8, rows_whole_and_split_everywhere)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        uint8_t b[32];
        size_t n = wsc_test_hex(r->hex, b, sizeof(b));
        cr_expect_eq(wsc_utf8_valid(b, n), r->valid, "%s", r->name);
        for (size_t split = 0; split <= n; split++) {
            struct wsc_utf8 u;
            wsc_utf8_init(&u);
            (void)wsc_utf8_feed(&u, b, split);
            cr_expect_eq(wsc_utf8_feed(&u, b + split, n - split), r->may_go_on, "%s at %zu",
                         r->name, split);
            cr_expect_eq(wsc_utf8_done(&u), r->valid, "%s at %zu", r->name, split);
        }
    }
}

/* Every code point, encoded here by the definition of UTF-8. */
Test(utf8, every_code_point)
{
    for (uint32_t c = 0; c <= 0x110000; c++) {
        uint8_t b[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        uint32_t rest = c;
        for (size_t i = n; i-- > 1; rest >>= 6)
            b[i] = (uint8_t)(0x80 | (rest & 0x3f));
        b[0] = (uint8_t)(leads[n] | rest);
        bool legal = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        cr_assert_eq(wsc_utf8_valid(b, n), legal, "U+%04X", c);
    }
}

/* Every sequence of two and three bytes, against the C library's converter. */
Test(utf8, as_iconv_judges)
{
    iconv_t cd = iconv_open("UTF-32LE", "UTF-8");
    cr_assert(cd != (iconv_t)-1);
    for (uint32_t v = 0; v < 1u << 24; v += v < 1u << 16 ? 1 : 7) {
        uint8_t b[3] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16)};
        char text[3], out[16];
        memcpy(text, b, 3);
        char *in = text, *to = out;
        size_t left = 3, room = sizeof(out);
        (void)iconv(cd, NULL, NULL, NULL, NULL);
        bool good = iconv(cd, &in, &left, &to, &room) != (size_t)-1;
        cr_assert_eq(wsc_utf8_valid(b, 3), good, "%02x %02x %02x", b[0], b[1], b[2]);
    }
    iconv_close(cd);
}

Test(utf8, next_reads_what_valid_says)
{
    static const struct {
        const char *bytes;
        int32_t c; /* the first character, -1: a byte that is none */
        size_t at; /* after it */
    } heads[] = {{"a", 'a', 1},
                 {"\xc2\x80", 0x80, 2},
                 {"\xe2\x82\xac", 0x20ac, 3},
                 {"\xf0\x9f\x98\x80", 0x1f600, 4},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
                 {"\x80", -1, 1},
                 {"\xc2", -1, 1},
                 {"\xe2\x82", -1, 1},
                 {"\xc0\xaf", -1, 1},
                 {"\xed\xa0\x80", -1, 1},
                 {"\xf4\x90\x80\x80", -1, 1},
                 {"\xff", -1, 1}};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        size_t at = 0;
        int32_t c = wsc_utf8_next((const uint8_t *)heads[i].bytes, strlen(heads[i].bytes), &at);
        cr_expect_eq(c, heads[i].c, "row %zu: %d", i, c);
        cr_expect_eq(at, heads[i].at, "row %zu", i);
    }
}

/* Each range: its ends, and the neighbours that are seen. */
Test(utf8, hidden_characters)
{
    static const int32_t hidden[] = {0,      0x1f,   0x7f,   0x9f,   0xad,   0x61c,   0x200b,
                                     0x200f, 0x2028, 0x202e, 0x2060, 0x2066, 0x206f,  0x3164,
                                     0xfe00, 0xfe0e, 0xfeff, 0xfff9, 0xfffb, 0xe0001, 0xe0fff},
                         seen[] = {0x20,   0x7e,   0xa0,   0xac,   0xae,    0x61b,   0x200a,
                                   0x2010, 0x2027, 0x202f, 0x205f, 0x2070,  0x3163,  0xfdff,
                                   0xfe0f, 0xfefe, 0xffef, 0xfffd, 0x1f600, 0xdffff, 0xe1000};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        cr_expect(wsc_utf8_hidden(hidden[i]), "U+%04X", (unsigned)hidden[i]);
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        cr_expect_not(wsc_utf8_hidden(seen[i]), "U+%04X", (unsigned)seen[i]);
}
