#include "report/draw.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(draw, bins_onto_columns)
{
    static const struct {
        const char *name;
        size_t bins, room, per, wide, columns, last; /* |last|: where the last bin begins */
    } rows[] = {
        {"one bin is no wall", 1, 59, 1, 4, 4, 0},      {"wide", 20, 59, 1, 2, 40, 38},
        {"just as many", 59, 59, 1, 1, 59, 58},         {"one more", 60, 59, 2, 1, 30, 29},
        {"the most on the least", 240, 9, 27, 1, 9, 8}, {"uneven", 10, 4, 3, 1, 4, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wsc_fit f = wsc_fit_bins(rows[i].bins, rows[i].room);
        cr_expect(f.per == rows[i].per && f.wide == rows[i].wide && f.columns == rows[i].columns,
                  "%s: %zu %zu %zu", rows[i].name, f.per, f.wide, f.columns);
        cr_expect_eq(wsc_fit_column(&f, rows[i].bins - 1), rows[i].last, "%s", rows[i].name);
    }
}

Test(draw, bins_that_share_a_column_are_summed)
{
    static const uint64_t counts[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    uint64_t columns[4];
    struct wsc_fit f = wsc_fit_bins(10, 4);
    cr_expect_eq(wsc_fit_sum(&f, counts, columns), 24);
    cr_expect(columns[0] == 6 && columns[1] == 15 && columns[2] == 24 && columns[3] == 10);
}

/* What |draw| writes. */
static char *text_of(void (*draw)(const struct wsc_pen *p, size_t i), size_t i, bool utf8,
                     bool color)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct wsc_pen p = {.out = out, .width = 80, .utf8 = utf8, .color = color};
    draw(&p, i);
    (void)fclose(out);
    return text;
}

static void expect(const char *name, char *got, const char *want)
{
    cr_expect_str_eq(got, want, "%s: \"%s\", not \"%s\"", name, got, want);
    free(got);
}

static const struct {
    const char *name;
    uint64_t columns[4];
    size_t n;
    uint64_t max;
    size_t rows, row;
    const char *utf8, *ascii;
} columns_table[] = {
    {"one line", {0, 1, 4, 8}, 4, 8, 1, 0, " ▁▄█", " .:#"},
    {"the upper of two", {0, 1, 4, 8}, 4, 8, 2, 0, "   █", "   #"},
    {"the lower of two", {0, 1, 4, 8}, 4, 8, 2, 1, " ▂██", " _##"},
    {"a little is seen", {1, 1000, 0, 0}, 4, 1000, 1, 0, "▁█", ".#"},
    {"much is not rounded to nothing above", {999, 1000, 0, 0}, 4, 1000, 5, 0, "██", "##"},
    {"nothing", {0, 0, 0, 0}, 4, 0, 1, 0, "", ""},
    {"the highest there is", {UINT64_MAX, 1, 0, 0}, 2, UINT64_MAX, 1, 0, "█▁", "#."},
};

static void draw_columns(const struct wsc_pen *p, size_t i)
{
    wsc_draw_columns(p, columns_table[i].columns, columns_table[i].n, columns_table[i].max,
                     columns_table[i].rows, columns_table[i].row, WSC_GRID_RED);
}

Test(draw, columns)
{
    for (size_t i = 0; i < COUNT(columns_table); i++) {
        expect(columns_table[i].name, text_of(draw_columns, i, true, false), columns_table[i].utf8);
        expect(columns_table[i].name, text_of(draw_columns, i, false, false),
               columns_table[i].ascii);
    }
    expect("colour is around it", text_of(draw_columns, 0, false, true), "\033[31m .:#\033[0m");
}

static const struct {
    const char *name;
    uint64_t value, part, max;
    size_t room;
    const char *utf8, *ascii;
} bars[] = {
    {"half", 10, 5, 10, 4, "██░░", "##::"},
    {"none of it", 10, 0, 10, 4, "░░░░", "::::"},
    {"all of it", 5, 5, 10, 4, "██  ", "##  "},
    {"a little of much", 1000, 1, 1000, 4, "█░░░", "#:::"},
    {"all but a little", 1000, 999, 1000, 4, "███░", "###:"},
    {"too little for both", 2, 1, 1000, 4, "█   ", "#   "},
    {"nothing", 0, 0, 10, 4, "    ", "    "},
};

static void draw_bar(const struct wsc_pen *p, size_t i)
{
    wsc_draw_bar(p, bars[i].value, bars[i].part, bars[i].max, bars[i].room, WSC_GRID_PLAIN);
}

Test(draw, bars)
{
    for (size_t i = 0; i < COUNT(bars); i++) {
        expect(bars[i].name, text_of(draw_bar, i, true, false), bars[i].utf8);
        expect(bars[i].name, text_of(draw_bar, i, false, true), bars[i].ascii);
    }
}

static const struct {
    const char *name;
    uint64_t max;
    const char *key;
    uint64_t counts[6];
    const char *drawn;
} shades[] = {
    {"by powers of ten",
     10000,
     "░ 1-9  ▒ 10-99  ▓ 100-999  █ 1000-10000",
     {0, 9, 10, 99, 100, 10000},
     " ░▒▒▓█"},
    {"one", 1, "█ 1", {0, 1, 0, 1, 0, 1}, " █ █ █"},
    {"two", 2, "░ 1  █ 2", {0, 1, 2, 1, 0, 2}, " ░█░ █"},
    {"sixteen", 16, "░ 1  ▒ 2-3  ▓ 4-7  █ 8-16", {1, 2, 3, 4, 8, 16}, "░▒▒▓██"},
};

static void draw_key(const struct wsc_pen *p, size_t i)
{
    struct wsc_shades s = wsc_shades_of(shades[i].max);
    wsc_draw_shade_key(p, &s);
}

static void draw_shades(const struct wsc_pen *p, size_t i)
{
    struct wsc_shades s = wsc_shades_of(shades[i].max);
    for (size_t k = 0; k < COUNT(shades[i].counts); k++)
        wsc_draw_shade(p, &s, shades[i].counts[k]);
}

Test(draw, shades)
{
    for (size_t i = 0; i < COUNT(shades); i++) {
        expect(shades[i].name, text_of(draw_key, i, true, false), shades[i].key);
        expect(shades[i].name, text_of(draw_shades, i, true, false), shades[i].drawn);
    }
}

static const struct {
    const char *name;
    struct wsc_tick ticks[3];
    size_t n, columns, room;
    const char *utf8, *ascii;
} axes[] = {
    {"ticks with room",
     {{0, "a"}, {5, "cc"}},
     2,
     8,
     8,
     "  └┬────┬──\n   a    cc\n",
     "  ++----+--\n   a    cc\n"},
    {"too near the one before",
     {{0, "a"}, {2, "b"}, {3, "c"}},
     3,
     4,
     4,
     "  └┬──┬\n   a  c\n",
     "  ++--+\n   a  c\n"},
    {"beyond the end",
     {{1, "abc"}, {6, "xyz"}},
     2,
     7,
     8,
     "  └─┬─────\n    abc\n",
     "  +-+-----\n    abc\n"},
    {"none", {{9, "a"}}, 1, 3, 20, "  └───\n   \n", "  +---\n   \n"},
};

static void draw_axis(const struct wsc_pen *p, size_t i)
{
    wsc_draw_axis(p, 2, axes[i].columns, axes[i].room, axes[i].ticks, axes[i].n);
}

Test(draw, axes)
{
    for (size_t i = 0; i < COUNT(axes); i++) {
        expect(axes[i].name, text_of(draw_axis, i, true, false), axes[i].utf8);
        expect(axes[i].name, text_of(draw_axis, i, false, false), axes[i].ascii);
    }
}
