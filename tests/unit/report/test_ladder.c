/* Which events of a story stand in one row. */
#include "report/ladder.h"

#include "base/alloc.h"
#include "report/story_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)

/* What each letter is: who sends it, and what. */
static struct wsc_story_event event_of(char letter)
{
    static const struct {
        char letter;
        struct wsc_story_event ev;
    } all[] = {
        {'t', {.kind = WSC_STORY_FRAME, .opcode = 1, .len = 10, .fin = true}},
        {'T', {.kind = WSC_STORY_FRAME, .opcode = 1, .len = 20, .fin = true, .dir = WSC_DIR_S2C}},
        {'B', {.kind = WSC_STORY_FRAME, .opcode = 2, .len = 16384, .fin = true}},
        {'L', {.kind = WSC_STORY_FRAME, .opcode = 2, .len = 16385, .fin = true}},
        {'p', {.kind = WSC_STORY_FRAME, .opcode = 9, .fin = true}},
        {'P', {.kind = WSC_STORY_FRAME, .opcode = 10, .fin = true, .dir = WSC_DIR_S2C}},
        {'c', {.kind = WSC_STORY_FRAME, .opcode = 8, .fin = true}},
        {'m', {.kind = WSC_STORY_FRAME, .opcode = 1, .len = 10, .fin = true, .missing = true}},
        {'r', {.kind = WSC_STORY_AGAIN, .len = 10}},
        {'k', {.kind = WSC_STORY_PROBE}},
        {'F', {.kind = WSC_STORY_FIN}},
        {'q', {.kind = WSC_STORY_REQUEST}},
        {'o', {.kind = WSC_STORY_ANSWER, .code = 101}},
        {'x', {.kind = WSC_STORY_ANSWER, .code = 403}},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].letter == letter)
            return all[i].ev;
    cr_assert_fail("no such event: %c", letter);
    return all[0].ev;
}

/* |ms| are the gaps before each event but the first; fewer: the last one again. */
static size_t events_of(const char *letters, const unsigned *ms, struct wsc_story_event *out)
{
    uint64_t now = 1000 * MS;
    size_t n = strlen(letters), gap = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            now += ms[gap] * MS;
        if (i > 0 && ms[gap + 1] != 0)
            gap++;
        out[i] = event_of(letters[i]);
        out[i].ts_ns = out[i].since_ns = now;
    }
    return n;
}

/* Rows as "t t*3 (pP)*4". */
static const struct {
    const char *letters;
    unsigned ms[12];
    const char *rows;
} cases[] = {
    {"tt", {1}, "t t"},                      /* two are no run */
    {"ttt", {1}, "t*3"},                     /* three are */
    {"tttTTT", {1}, "t*3 T*3"},              /* of one side */
    {"ttttt", {999}, "t*5"},                 /* no silence between them */
    {"ttttt", {1, 1, 1000, 1}, "t*3 t t"},   /* a silence ends it */
    {"ttttt", {20000}, "t*5"},               /* unless it recurs */
    {"ttttt", {20000, 21000, 19000}, "t*5"}, /* more or less */
    {"ttttt", {20000, 23000, 20000}, "t t t*3"},
    {"rrrrr", {200, 400, 800, 1600, 3200}, "r*5"}, /* ever longer intervals */
    {"kkk", {75000}, "k*3"},
    {"pPpPpP", {1, 20000, 1, 20000, 1}, "(pP)*3"}, /* a heartbeat */
    {"pPpPpPp", {1, 20000, 1, 20000, 1, 20000}, "(pP)*3 p"},
    {"pPpP", {1}, "p P p P"},
    {"pPpPpPF", {1}, "(pP)*3 F"},
    {"tTtTtTtT", {1}, "(tT)*4"},
    {"tptptp", {1}, "t p t p t p"}, /* both by one side */
    {"BBB", {1}, "B*3"},
    {"LLL", {1}, "L L L"}, /* large ones are looked at one by one */
    {"ccc", {1}, "c c c"}, /* and Closes */
    {"ttmtt", {1}, "t t m t t"},
    {"FFF", {1}, "F F F"},
};

Test(ladder, folds_what_is_alike)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wsc_story_event ev[16];
        struct wsc_ladder_row *rows;
        char text[128] = "";
        size_t n = events_of(cases[i].letters, cases[i].ms, ev), len = 0;
        size_t rows_len = wsc_ladder_fold(ev, n, &rows);
        for (size_t k = 0; k < rows_len; k++) {
            const char *at = cases[i].letters + rows[k].first;
            const char *space = k > 0 ? " " : "";
            if (rows[k].n == 1)
                len += (size_t)sprintf(text + len, "%s%c", space, at[0]);
            else if (rows[k].period == 1)
                len += (size_t)sprintf(text + len, "%s%c*%zu", space, at[0], rows[k].n);
            else
                len += (size_t)sprintf(text + len, "%s(%.2s)*%zu", space, at, rows[k].n / 2);
        }
        cr_expect_str_eq(text, cases[i].rows, "%s: %s, not %s", cases[i].letters, text,
                         cases[i].rows);
        wsc_free(rows);
    }
}

Test(ladder, opens_with_the_answer)
{
    static const struct {
        const char *letters;
        size_t opening;
    } openings[] = {{"qot", 2}, {"qxqot", 4}, {"qx", 0}, {"ttt", 0}, {"FqFqFqFqFqFqot", 0}};
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        struct wsc_story_event ev[16];
        struct wsc_ladder_row *rows;
        size_t n = events_of(openings[i].letters, (const unsigned[]){5, 0}, ev);
        size_t rows_len = wsc_ladder_fold(ev, n, &rows);
        cr_expect_eq(wsc_ladder_opening(ev, rows, rows_len), openings[i].opening, "%s",
                     openings[i].letters);
        wsc_free(rows);
    }
}

Test(ladder, sizes_and_times)
{
    static const struct {
        uint64_t n;
        const char *bytes, *sum, *duration;
    } texts[] = {
        {0, "0 B", "0 B", "0.0 ms"},
        {999, "999 B", "999 B", "0.0 ms"},
        {1000, "1,000 B", "1.0 kB", "0.0 ms"},
        {999949, "999,949 B", "999.9 kB", "1.0 ms"},
        {999950, "999,950 B", "1.0 MB", "1.0 ms"},
        {1234567890, "1,234,567,890 B", "1.2 GB", "1.2 s"},
        {600000000000, "600,000,000,000 B", "600.0 GB", "10.0 min"},
        {UINT64_MAX, "18,446,744,073,709,551,615 B", "18446.7 PB", "5124095.6 h"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char out[WSC_SIZE_TEXT_MAX];
        wsc_story_bytes(texts[i].n, out);
        cr_expect_str_eq(out, texts[i].bytes);
        wsc_story_sum(texts[i].n, out);
        cr_expect_str_eq(out, texts[i].sum);
        wsc_story_duration(texts[i].n, out);
        cr_expect_str_eq(out, texts[i].duration);
    }
}
