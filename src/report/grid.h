/* Columns of text for a terminal: rows are held back until the widths are known. Private to report.
 */
#ifndef WSC_REPORT_GRID_H
#define WSC_REPORT_GRID_H

#include "report/render.h"

#define WSC_GRID_COLUMNS_MAX 16u

struct wsc_grid_column {
    const char *heading; /* msgid */
    bool right;
    unsigned
        keep; /* the narrower the window, the earlier a column with a low number goes; 0: never */
    unsigned least; /* it may be cut down to this many columns; 0: not cut */
    unsigned usual; /* width where rows cannot be waited for; 0: as the heading */
};

struct wsc_grid_cell {
    char *text;
    uint16_t columns;
};

struct wsc_grid {
    const struct wsc_grid_column *layout;
    size_t len;
    struct wsc_grid_cell *cells; /* |rows| times |len| */
    char *styles;                /* one a row, enum wsc_grid_style */
    size_t rows;
    size_t width[WSC_GRID_COLUMNS_MAX];
    bool shown[WSC_GRID_COLUMNS_MAX];
    bool laid_out;
    struct wsc_grid_column own_layout[WSC_GRID_COLUMNS_MAX];
};

/* NOTE: no columns but a text below the row before it, on as many lines as it takes. */
enum wsc_grid_style {
    WSC_GRID_PLAIN,
    WSC_GRID_GREEN,
    WSC_GRID_YELLOW,
    WSC_GRID_RED,
    WSC_GRID_BOLD,
    WSC_GRID_DIM,
    WSC_GRID_NOTE
};

/* What a terminal is told to begin a style other than NOTE; "" for PLAIN. */
const char *wsc_grid_color(enum wsc_grid_style style);

/* The grid of |rep|, made when it is asked for first; |layout| NULL: to be set by the caller. NULL:
 * no memory. */
struct wsc_grid *wsc_grid_of(struct wsc_report *rep, const struct wsc_grid_column *layout,
                             size_t len);

/* A row of |t->len| cells, as yet empty; NULL: no memory. */
struct wsc_grid_cell *wsc_grid_row(struct wsc_report *rep, struct wsc_grid *t, char style);

/* Sets a cell; false: no memory. A NULL word is "-". */
bool wsc_grid_text(struct wsc_report *rep, struct wsc_grid_cell *c, struct wsc_span s);
bool wsc_grid_word(struct wsc_report *rep, struct wsc_grid_cell *c, const char *w);

/* A row of style NOTE; false: no memory. */
bool wsc_grid_note(struct wsc_report *rep, struct wsc_grid *t, struct wsc_span text);

/* Writes the rows held back. */
void wsc_grid_flush(struct wsc_report *rep, struct wsc_grid *t);
void wsc_grid_free(struct wsc_grid *t); /* NULL is legal */

#endif
