#include "report/wrap.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

Test(wrap, lines_break_where_a_reader_expects_it)
{
    static const struct {
        const char *label, *text;
        size_t width;
        bool hard;
        const char *lines; /* with their columns */
    } rows[] = {
        {"fits", "one two", 7, false, "[one two]7"},
        {"at a blank", "one two three", 8, false, "[one two]7[three]5"},
        {"blanks at the break are dropped", "one two   three", 8, false, "[one two]7[three]5"},
        {"blanks at the end are dropped", "one  ", 10, false, "[one]3"},
        {"a URL stays whole", "see http://a.b/c d", 6, false, "[see]3[http://a.b/c]12[d]1"},
        {"unless it must not", "see http://a.b/c d", 6, true, "[see]3[http:/]6[/a.b/c]6[d]1"},
        {"a long word does not", "abcdef gh", 4, true, "[abcd]4[ef]2[gh]2"},
        {"Vietnamese", "kết nối lại sau", 11, false, "[kết nối lại]11[sau]3"},
        {"a wide character takes two columns", "接続が終わる", 8, false, "[接続が終]8[わる]4"},
        {"and is not cut in half", "接続が終わる", 7, false, "[接続が]6[終わる]6"},
        {"a full stop does not begin a line", "接続が終。", 8, false, "[接続が]6[終。]4"},
        {"a bracket does not end one", "接続「終了」", 6, false, "[接続]4[「終]4[了」]4"},
        {"beside a word", "Close フレーム", 8, false, "[Close フ]8[レーム]6"},
        {"a long vowel does not begin a line", "サーバー", 4, false, "[サー]4[バー]4"},
        {"nothing", "", 5, false, "[]0"},
        {"less than a character", "終了", 1, true, "[終]2[了]2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[256] = "";
        size_t len = 0;
        const char *at = rows[i].text;
        do {
            size_t columns;
            const char *next;
            size_t n = wsc_wrap_line(at, rows[i].width, rows[i].hard, &next, &columns);
            len += (size_t)snprintf(got + len, sizeof(got) - len, "[%.*s]%zu", (int)n, at, columns);
            cr_assert(next > at || *at == '\0', "%s: stands still", rows[i].label);
            at = next;
        } while (*at != '\0');
        cr_expect_str_eq(got, rows[i].lines, "%s: %s", rows[i].label, got);
    }
}

Test(wrap, columns)
{
    cr_expect_eq(wsc_wrap_columns(""), 0);
    cr_expect_eq(wsc_wrap_columns("CODE"), 4);
    cr_expect_eq(wsc_wrap_columns("コード"), 6);
    cr_expect_eq(wsc_wrap_columns("MÃ"), 2);
}
