#include "report/draw.h"

#include "report/wrap.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WIDE_MAX 4u /* a single bin shall not look like a wall */
#define EIGHTHS  8u

/* ---- bins onto columns ---- */

struct wsc_fit wsc_fit_bins(size_t bins, size_t room)
{
    struct wsc_fit f = {.bins = bins, .per = 1, .wide = 1};
    if (bins > room) {
        f.per = (bins + room - 1) / room;
        f.columns = (bins + f.per - 1) / f.per;
    } else {
        f.wide = room / bins < WIDE_MAX ? room / bins : WIDE_MAX;
        f.columns = bins * f.wide;
    }
    return f;
}

size_t wsc_fit_column(const struct wsc_fit *f, size_t bin)
{
    return bin / f->per * f->wide;
}

uint64_t wsc_fit_sum(const struct wsc_fit *f, const uint64_t *counts, uint64_t *columns)
{
    uint64_t max = 0;
    memset(columns, 0, f->columns * sizeof(*columns));
    for (size_t i = 0; i < f->bins; i++)
        for (size_t k = 0; k < f->wide; k++)
            columns[wsc_fit_column(f, i) + k] += counts[i];
    for (size_t i = 0; i < f->columns; i++)
        max = columns[i] > max ? columns[i] : max;
    return max;
}

/* ---- characters ---- */

static const char *const heights[2][EIGHTHS + 1] = {
    {" ", ".", "_", "-", ":", "=", "+", "*", "#"},
    {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
};
static const char *const shades[2][WSC_SHADES + 1] = {
    {" ", ".", ":", "*", "#"},
    {" ", "░", "▒", "▓", "█"},
};

const char *wsc_draw_line(const struct wsc_pen *p, enum wsc_line which)
{
    static const char *const lines[2][3] = {{"|", "^", "<"}, {"│", "▲", "◂"}};
    return lines[p->utf8][which];
}

void wsc_draw_style(const struct wsc_pen *p, enum wsc_grid_style style)
{
    if (p->color)
        fputs(wsc_grid_color(style), p->out);
}

void wsc_draw_plain(const struct wsc_pen *p, enum wsc_grid_style style)
{
    if (p->color && style != WSC_GRID_PLAIN)
        fputs("\033[0m", p->out);
}

/* |value| in units of |whole| for |max|, rounded; at least one if there is any. */
static size_t scaled(uint64_t value, uint64_t max, size_t whole)
{
    if (value == 0 || max == 0)
        return 0;
    size_t n = (size_t)lround((double)value / (double)max * (double)whole);
    return n > 0 ? n : 1;
}

void wsc_draw_columns(const struct wsc_pen *p, const uint64_t *columns, size_t n, uint64_t max,
                      size_t rows, size_t row, enum wsc_grid_style style)
{
    size_t below = (rows - 1 - row) * EIGHTHS, last = n;
    wsc_draw_style(p, style);
    while (last > 0 && scaled(columns[last - 1], max, rows * EIGHTHS) <= below)
        last--; /* no blanks at the end of a line */
    for (size_t i = 0; i < last; i++) {
        size_t high = scaled(columns[i], max, rows * EIGHTHS);
        size_t here = high <= below ? 0 : high - below;
        fputs(heights[p->utf8][here < EIGHTHS ? here : EIGHTHS], p->out);
    }
    wsc_draw_plain(p, style);
}

void wsc_draw_bar(const struct wsc_pen *p, uint64_t value, uint64_t part, uint64_t max, size_t room,
                  enum wsc_grid_style style)
{
    size_t all = scaled(value, max, room), strong = scaled(part, max, room);
    if (strong >= all)
        strong = part < value && all > 1 ? all - 1 : all;
    wsc_draw_style(p, style);
    for (size_t i = 0; i < all; i++)
        fputs(i < strong ? shades[p->utf8][WSC_SHADES] : shades[p->utf8][p->utf8 ? 1 : 2], p->out);
    wsc_draw_plain(p, style);
    fprintf(p->out, "%*s", (int)(room - all), "");
}

/* ---- shades ---- */

/* By powers: between one and a thousand, ten is as far from one as a hundred from ten. */
struct wsc_shades wsc_shades_of(uint64_t max)
{
    struct wsc_shades s = {.max = max};
    for (size_t i = 0; i < WSC_SHADES; i++)
        s.from[i] = (uint64_t)ceil(pow((double)max, (double)i / WSC_SHADES) - 1e-9);
    return s;
}

static size_t shade_of(const struct wsc_shades *s, uint64_t count)
{
    size_t i = 0;
    while (i < WSC_SHADES && count >= s->from[i] && count > 0)
        i++;
    return i;
}

void wsc_draw_shade(const struct wsc_pen *p, const struct wsc_shades *s, uint64_t count)
{
    fputs(shades[p->utf8][shade_of(s, count)], p->out);
}

void wsc_draw_shade_key(const struct wsc_pen *p, const struct wsc_shades *s)
{
    bool first = true;
    for (size_t i = 0; i < WSC_SHADES; i++) {
        uint64_t last = i + 1 < WSC_SHADES ? s->from[i + 1] - 1 : s->max;
        if (last < s->from[i])
            continue; /* a small highest count needs fewer shades */
        fprintf(p->out, "%s%s %" PRIu64, first ? "" : "  ", shades[p->utf8][i + 1], s->from[i]);
        if (last > s->from[i])
            fprintf(p->out, "-%" PRIu64, last);
        first = false;
    }
}

/* ---- axes ---- */

void wsc_draw_axis(const struct wsc_pen *p, size_t indent, size_t columns, size_t room,
                   const struct wsc_tick *ticks, size_t n)
{
    bool shown[WSC_DRAW_COLUMNS_MAX] = {false};
    size_t used = 0, next = 0;
    char text[WSC_DRAW_COLUMNS_MAX * 4] = "";
    for (size_t i = 0; i < n; i++) {
        size_t width = wsc_wrap_columns(ticks[i].text);
        if (ticks[i].column >= columns || ticks[i].column + width > room || ticks[i].column < next)
            continue;
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, "%*s%s", (int)(ticks[i].column - used), "",
                       ticks[i].text);
        shown[ticks[i].column] = true;
        used = ticks[i].column + width;
        next = used + 2;
    }
    fprintf(p->out, "%*s%s", (int)indent, "", p->utf8 ? "└" : "+");
    for (size_t i = 0; i < columns; i++)
        fputs(shown[i] ? (p->utf8 ? "┬" : "+") : (p->utf8 ? "─" : "-"), p->out);
    fprintf(p->out, "\n%*s%s\n", (int)indent + 1, "", text);
}
