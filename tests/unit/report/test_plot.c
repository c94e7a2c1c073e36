#include "report/plot.h"

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define MS  UINT64_C(1000000)
#define DAY UINT64_C(1767312000000000000) /* 2026-01-02T00:00:00Z */
#define MIN (INT64_C(60000) * (int64_t)MS)

static struct wsc_limits *limits;

static void setup(void)
{
    cr_assert_eq(wsc_limits_new(&limits), WSC_OK);
}

static void teardown(void)
{
    wsc_limits_free(limits);
}

TestSuite(plot, .init = setup, .fini = teardown);

static struct wsc_plot *plot_of(unsigned width, bool utf8)
{
    struct wsc_plot *p;
    struct wsc_report_options opt = {.width = width, .utf8 = utf8};
    cr_assert_eq(wsc_plot_new(&opt, limits, &p), WSC_OK);
    return p;
}

static char *drawn(struct wsc_plot *p)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_eq(wsc_plot_draw(p, out), WSC_OK);
    (void)fclose(out);
    wsc_plot_free(p);
    return text;
}

static void closed(struct wsc_plot *p, uint64_t at_ns, int code, int64_t idle_ns, int64_t age_ns)
{
    struct wsc_closure r = {.outcome = WSC_OUTCOME_CLOSED,
                            .ended_ns = at_ns,
                            .close_code = code,
                            .code_source =
                                code == 1006 ? WSC_CODE_SOURCE_INFERRED : WSC_CODE_SOURCE_WIRE,
                            .idle_any_ns = idle_ns,
                            .duration_ns = age_ns};
    wsc_plot_record(p, &r);
}

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

/* Four ends within 20 ms, which are 20 columns; a half of the highest is two lines and a half. */
static const char four[] = "Connections 4: closed 4\n"
                           "2026-01-02 00:00:00 - 2026-01-02\n"
                           "00:00:00 UTC\n"
                           "\n"
                           "Ends over time, each code on a scale of\n"
                           "its own\n"
                           "1 column: 1 ms\n"
                           "        2 |     #\n"
                           "          |     #\n"
                           "          |:    #             :\n"
                           "          |#    #             #\n"
                           "          |#    #             #\n"
                           "          ++-------------------\n"
                           "           00:00:00.000\n"
                           "     1000 |#                  # 2\n"
                           "     1006 |     #               2\n"
                           "\n"
                           "Silence before the end\n"
                           "        4 |       #\n"
                           "          |       #\n"
                           "          |       #\n"
                           "          |       #\n"
                           "          |       #\n"
                           "          +-------+-------\n"
                           "                  60 s\n"
                           "                  ^\n";
/* The products of the 60 s stand here. */
static const char four_after[] = " no Close |       #        2\n"
                                 "    Close |       #        2\n"
                                 "\n"
                                 "Age at the end\n"
                                 "        4 |       #\n"
                                 "          |       #\n"
                                 "          |       #\n"
                                 "          |       #\n"
                                 "          |       #\n"
                                 "          +-------+-------\n"
                                 "                  60 s\n"
                                 " no Close |       #        2\n"
                                 "    Close |       #        2\n"
                                 "\n"
                                 "code   # no Close or failed  : other\n"
                                 "1000  :::::::::::::::::::::::::::::::  2\n"
                                 "1006  ###############################  2\n";

Test(plot, four_records_in_ascii)
{
    static const enum wsc_stats_key keys[] = {WSC_BY_CODE};
    struct wsc_plot *p = plot_of(40, false);
    closed(p, DAY, 1000, MIN, MIN);
    closed(p, DAY + 19 * MS, 1000, MIN, MIN);
    closed(p, DAY + 5 * MS, 1006, MIN, MIN);
    closed(p, DAY + 5 * MS, 1006, MIN, MIN);
    wsc_plot_bar(p, keys, 1,
                 &(struct wsc_stats_row){.keys = {span("1000")}, .count = 2, .share = 0.5});
    wsc_plot_bar(
        p, keys, 1,
        &(struct wsc_stats_row){.keys = {span("1006")}, .count = 2, .abnormal = 2, .share = 0.5});
    char *text = drawn(p);
    size_t before = strlen(four);
    cr_assert_eq(strncmp(text, four, before), 0, "%s", text);
    const char *mark = text + before, *after = strchr(mark, '\n') + 1;
    cr_expect_eq(strncmp(mark, "           ^ 60 s: 4 match ", 27), 0, "%s", mark);
    cr_expect_leq(after - mark, 41, "%s", mark);
    cr_expect_str_eq(after, four_after);
    free(text);
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

Test(plot, without_memory_there_is_none)
{
    struct wsc_plot *p = (struct wsc_plot *)limits;
    wsc_alloc_set_hook(never, NULL);
    enum wsc_err e = wsc_plot_new(&(struct wsc_report_options){.width = 80}, limits, &p);
    wsc_alloc_set_hook(NULL, NULL);
    cr_expect_eq(e, WSC_ERR_NOMEM);
    cr_expect_null(p);
    wsc_plot_free(p);
}

/* What cannot be written is said. */
Test(plot, a_full_disk)
{
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    (void)setvbuf(full, NULL, _IONBF, 0);
    struct wsc_plot *p = plot_of(80, true);
    closed(p, DAY, 1000, MIN, MIN);
    cr_expect_eq(wsc_plot_draw(p, full), WSC_ERR_IO);
    wsc_plot_free(p);
    (void)fclose(full);
}

Test(plot, nothing_draws_nothing)
{
    char *text = drawn(plot_of(0, true));
    cr_expect_str_eq(text, "");
    free(text);
}

/* The longest line of |text| in characters. */
static size_t widest(const char *text)
{
    size_t best = 0, now = 0;
    for (const char *c = text; *c != '\0'; c++) {
        now = *c == '\n' ? 0 : now + ((*c & 0xc0) != 0x80);
        best = now > best ? now : best;
    }
    return best;
}

/* Hostile figures at every width: no line is wider than the window, and none has blanks at its end
 * but those before a number. The least width is 30. */
Test(plot, lines_keep_to_the_width)
{
    static const enum wsc_stats_key keys[] = {WSC_BY_HOST, WSC_BY_PATH};
    static const unsigned widths[] = {1, 30, 40, 59, 60, 80, 200, 600};
    for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
        unsigned width = widths[w] < 30 ? 30 : widths[w];
        struct wsc_plot *p = plot_of(widths[w], true);
        srand(1);
        for (unsigned i = 0; i < 3000; i++) {
            uint64_t at =
                DAY + ((uint64_t)rand() << 31 | (uint64_t)rand()) % (900000000000 << i % 14);
            closed(p, i == 0 ? UINT64_MAX : at, i % 5 ? 1000 + (int)i % 20 : (int)i,
                   i % 7 ? (int64_t)rand() << i % 30 : INT64_MAX, i % 11 ? 1 << i % 31 : 0);
        }
        for (unsigned i = 0; i < 30; i++)
            wsc_plot_bar(
                p, keys, 2,
                &(struct wsc_stats_row){
                    .keys = {span("a-very-long-name.of.a-host.that.goes.on.for.ever.example"),
                             span("\033[31m/path\n\xe2\x80\xae")},
                    .count = UINT32_MAX,
                    .abnormal = i});
        char *text = drawn(p);
        cr_expect_leq(widest(text), width, "%u: %zu\n%s", widths[w], widest(text), text);
        cr_expect_null(strchr(text, '\033'), "%u", widths[w]);
        cr_expect_not_null(strstr(text, "6 more, of 25769803770"), "%u", widths[w]);
        free(text);
    }
}

/* A flood of codes does not take the line of 1006; what has none is counted together. */
Test(plot, codes_beyond_the_ceiling_are_others)
{
    struct wsc_plot *p = plot_of(80, false);
    for (int i = 0; i < 1000; i++)
        closed(p, DAY + (uint64_t)i * MS, 4000 + i, -1, -1);
    for (int i = 0; i < 5; i++)
        closed(p, DAY + 999 * MS, 1006, -1, -1);
    char *text = drawn(p);
    const char *line = strstr(text, "     1006 |");
    cr_assert_not_null(line, "%s", text);
    cr_expect_eq(strtoul(strchr(line, '\n') - 2, NULL, 10), 5, "%s", line);
    line = strstr(text, "    other |");
    cr_assert_not_null(line, "%s", text);
    const char *end = strchr(line, '\n');
    cr_expect_eq(strtoul(end - 4, NULL, 10), 994, "%s", line); /* 6 others have lines */
    free(text);
}

Test(plot, lengths_as_people_say_them)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0 ms"},
        {891300, "0.9 ms"},
        {500 * (int64_t)MS, "500 ms"},
        {(int64_t)(2818 * MS), "2.8 s"},
        {MIN, "60 s"},
        {5 * MIN, "5 min"},
        {281840 * (int64_t)MS, "4.7 min"},
        {120 * MIN, "2 h"},
        {72 * 60 * MIN, "3 d"},
        {INT64_MAX, "106752 d"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[WSC_LENGTH_TEXT_MAX];
        wsc_plot_length(rows[i].ns, text);
        cr_expect_str_eq(text, rows[i].text, "%s, not %s", text, rows[i].text);
    }
}
