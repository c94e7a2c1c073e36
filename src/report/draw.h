/* Pictures made of characters: bins as columns, axes, bars, shades. What a colour says is always
 * said by a character too. Private to report. */
#ifndef WSC_REPORT_DRAW_H
#define WSC_REPORT_DRAW_H

#include "report/grid.h"

/* Columns of a picture's own: a window may be wider. */
#define WSC_DRAW_COLUMNS_MAX 480u

struct wsc_pen {
    FILE *out;
    size_t width; /* of the window */
    bool utf8;    /* block characters; else ASCII */
    bool color;
};

/* How bins go onto columns: |per| bins share one, or each has |wide|; one of the two is 1. */
struct wsc_fit {
    size_t bins, per, wide;
    size_t columns; /* all together, at most the room given */
};
/* |bins| and |room| from 1 on, |room| at most WSC_DRAW_COLUMNS_MAX. */
struct wsc_fit wsc_fit_bins(size_t bins, size_t room);
/* The first column of |bin|. */
size_t wsc_fit_column(const struct wsc_fit *f, size_t bin);
/* Sums |f->bins| counts into |f->columns| columns. Returns the highest of these. */
uint64_t wsc_fit_sum(const struct wsc_fit *f, const uint64_t *counts, uint64_t *columns);

/* One line of a picture |rows| lines high: line |row|, from 0 at the top, of |n| columns whose
 * highest is |max|. What is not 0 is seen. */
void wsc_draw_columns(const struct wsc_pen *p, const uint64_t *columns, size_t n, uint64_t max,
                      size_t rows, size_t row, enum wsc_grid_style style);

/* A bar of |room| columns for |max|, of which |part| of |value| is drawn in the stronger shade. */
void wsc_draw_bar(const struct wsc_pen *p, uint64_t value, uint64_t part, uint64_t max, size_t room,
                  enum wsc_grid_style style);

/* Shades for counts up to |max|: shade i, from 1 on, begins at from[i - 1]. */
#define WSC_SHADES 4u
struct wsc_shades {
    uint64_t from[WSC_SHADES];
    uint64_t max;
};
struct wsc_shades wsc_shades_of(uint64_t max);
void wsc_draw_shade(const struct wsc_pen *p, const struct wsc_shades *s, uint64_t count);
/* ".: 1-2  *: 3-9": which shade stands for what. */
void wsc_draw_shade_key(const struct wsc_pen *p, const struct wsc_shades *s);

/* A place on the axis below a picture, with a text from there on. */
struct wsc_tick {
    size_t column;
    char text[24];
};
/* Two lines, each after |indent| blanks: the axis with its ticks, and their texts. Ticks are in the
 * order of their columns; one whose text has no room, next to the one before it or at the end of
 * |room|, is passed over. */
void wsc_draw_axis(const struct wsc_pen *p, size_t indent, size_t columns, size_t room,
                   const struct wsc_tick *ticks, size_t n);

/* The characters that lines are made of. */
enum wsc_line { WSC_LINE_SIDE, WSC_LINE_MARK, WSC_LINE_LEFT };
const char *wsc_draw_line(const struct wsc_pen *p, enum wsc_line which);

/* Starts and ends a colour. */
void wsc_draw_style(const struct wsc_pen *p, enum wsc_grid_style style);
void wsc_draw_plain(const struct wsc_pen *p, enum wsc_grid_style style);

#endif
