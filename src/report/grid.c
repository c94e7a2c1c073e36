#include "report/grid.h"

#include "base/alloc.h"
#include "report/i18n.h"
#include "report/text.h"
#include "report/wrap.h"

#include <string.h>

/* At most this many rows are held back, then the widths are set by those. */
#define ROWS_HELD    4096u
#define CELL_MAX     256u /* bytes */
#define CELL_COLUMNS 60u
#define NOTE_MAX     1024u /* bytes */
#define NOTE_INDENT  6

struct wsc_grid *wsc_grid_of(struct wsc_report *rep, const struct wsc_grid_column *layout,
                             size_t len)
{
    struct wsc_grid *t = rep->state;
    if (t == NULL) {
        t = wsc_calloc(1, sizeof(*t));
        if (t == NULL)
            return NULL;
        rep->state = t;
        t->layout = layout;
        t->len = len;
    }
    return t;
}

/* ---- widths ---- */

static void measure(struct wsc_grid *t)
{
    for (size_t i = 0; i < t->len; i++) {
        t->width[i] = wsc_wrap_columns(tr(t->layout[i].heading));
        t->shown[i] = true;
        for (size_t r = 0; r < t->rows; r++)
            if (t->styles[r] != WSC_GRID_NOTE && t->cells[r * t->len + i].columns > t->width[i])
                t->width[i] = t->cells[r * t->len + i].columns;
    }
}

/* Of the columns shown; |least|: each cut as far as it may be. */
static size_t total_width(const struct wsc_grid *t, bool least)
{
    size_t sum = 0;
    for (size_t i = 0; i < t->len; i++) {
        if (!t->shown[i])
            continue;
        size_t width = t->width[i];
        if (least && t->layout[i].least != 0 && t->layout[i].least < width)
            width = t->layout[i].least;
        sum += width + (sum > 0 ? 2 : 0);
    }
    return sum;
}

/* Cuts the widest column that may be cut; false if none is left. */
static bool shrink_one(struct wsc_grid *t)
{
    size_t best = t->len;
    for (size_t i = 0; i < t->len; i++) {
        if (!t->shown[i] || t->layout[i].least == 0 || t->width[i] <= t->layout[i].least)
            continue;
        if (best == t->len ||
            t->width[i] - t->layout[i].least > t->width[best] - t->layout[best].least)
            best = i;
    }
    if (best == t->len)
        return false;
    t->width[best]--;
    return true;
}

static bool drop_one(struct wsc_grid *t)
{
    size_t best = t->len;
    for (size_t i = 0; i < t->len; i++)
        if (t->shown[i] && t->layout[i].keep > 0 &&
            (best == t->len || t->layout[i].keep < t->layout[best].keep))
            best = i;
    if (best == t->len)
        return false;
    t->shown[best] = false;
    return true;
}

/* Rows are shown as they come: the widths must be guessed. */
static void guess(struct wsc_grid *t)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->width[i] < t->layout[i].usual)
            t->width[i] = t->layout[i].usual;
}

static void lay_out(struct wsc_report *rep, struct wsc_grid *t)
{
    measure(t);
    if (rep->opt.live)
        guess(t);
    t->laid_out = true;
    if (rep->opt.width == 0)
        return;
    while (total_width(t, true) > rep->opt.width && drop_one(t))
        ;
    while (total_width(t, false) > rep->opt.width && shrink_one(t))
        ;
}

/* ---- output ---- */

static void put_cell(struct wsc_report *rep, const struct wsc_grid *t, size_t i, const char *text,
                     size_t columns, bool last)
{
    char fitted[CELL_MAX + 8];
    if (columns > t->width[i]) {
        struct wsc_span s = {.ptr = (const uint8_t *)text, .len = strlen(text)};
        columns = wsc_text_fit(s, t->width[i], rep->opt.utf8, fitted, sizeof(fitted));
        text = fitted;
    }
    int pad = (int)(t->width[i] - (columns < t->width[i] ? columns : t->width[i]));
    if (t->layout[i].right)
        fprintf(rep->out, "%*s%s", pad, "", text);
    else
        fprintf(rep->out, "%s%*s", text, last ? 0 : pad, "");
}

const char *wsc_grid_color(enum wsc_grid_style style)
{
    static const char *const colors[] = {"",         "\033[32m", "\033[33m",
                                         "\033[31m", "\033[1m",  "\033[2m"};
    return colors[style];
}

static void put_line(struct wsc_report *rep, const struct wsc_grid *t,
                     const struct wsc_grid_cell *cells, char style)
{
    size_t last = 0; /* no blanks behind the last column that says something */
    for (size_t i = 0; i < t->len; i++)
        if (t->shown[i] && (cells == NULL || cells[i].columns > 0))
            last = i;
    if (rep->opt.color)
        fputs(wsc_grid_color((enum wsc_grid_style)style), rep->out);
    bool first = true;
    for (size_t i = 0; i <= last; i++) {
        if (!t->shown[i])
            continue;
        fputs(first ? "" : "  ", rep->out);
        first = false;
        const char *text = cells != NULL ? cells[i].text : tr(t->layout[i].heading);
        put_cell(rep, t, i, text != NULL ? text : "",
                 cells != NULL ? cells[i].columns : wsc_wrap_columns(text), i == last);
    }
    if (rep->opt.color && style != 0)
        fputs("\033[0m", rep->out);
    fputc('\n', rep->out);
}

static void put_note(struct wsc_report *rep, const char *text)
{
    size_t width = rep->opt.width > NOTE_INDENT + 20 ? rep->opt.width - NOTE_INDENT : 0;
    if (rep->opt.color)
        fputs("\033[2m", rep->out);
    for (const char *at = text, *next; *at != '\0'; at = next) {
        size_t columns, n = strlen(at);
        next = at + n;
        if (width != 0)
            n = wsc_wrap_line(at, width, false, &next, &columns);
        fprintf(rep->out, "%*s%.*s\n", NOTE_INDENT, "", (int)n, at);
    }
    if (rep->opt.color)
        fputs("\033[0m", rep->out);
}

static void drop_rows(struct wsc_grid *t)
{
    for (size_t i = 0; i < t->rows * t->len; i++)
        wsc_free(t->cells[i].text);
    t->rows = 0;
}

void wsc_grid_flush(struct wsc_report *rep, struct wsc_grid *t)
{
    if (!t->laid_out) {
        lay_out(rep, t);
        put_line(rep, t, NULL, WSC_GRID_BOLD);
    }
    for (size_t r = 0; r < t->rows; r++) {
        if (t->styles[r] == WSC_GRID_NOTE)
            put_note(rep, t->cells[r * t->len].text != NULL ? t->cells[r * t->len].text : "");
        else
            put_line(rep, t, t->cells + r * t->len, t->styles[r]);
    }
    drop_rows(t);
}

struct wsc_grid_cell *wsc_grid_row(struct wsc_report *rep, struct wsc_grid *t, char style)
{
    if (t->cells == NULL)
        t->cells = wsc_calloc(ROWS_HELD * t->len, sizeof(*t->cells));
    if (t->styles == NULL)
        t->styles = wsc_calloc(ROWS_HELD, 1);
    if (t->cells == NULL || t->styles == NULL)
        return NULL;
    if (t->rows == ROWS_HELD)
        wsc_grid_flush(rep, t);
    struct wsc_grid_cell *row = t->cells + t->rows * t->len;
    memset(row, 0, t->len * sizeof(*row));
    t->styles[t->rows++] = style;
    return row;
}

bool wsc_grid_text(struct wsc_report *rep, struct wsc_grid_cell *c, struct wsc_span s)
{
    char text[CELL_MAX];
    text[0] = '\0';
    size_t columns =
        s.ptr != NULL ? wsc_text_fit(s, CELL_COLUMNS, rep->opt.utf8, text, sizeof(text)) : 0;
    size_t n = strlen(text) + 1;
    c->text = wsc_alloc(n);
    if (c->text == NULL)
        return false;
    memcpy(c->text, text, n);
    c->columns = (uint16_t)columns;
    return true;
}

bool wsc_grid_word(struct wsc_report *rep, struct wsc_grid_cell *c, const char *w)
{
    return wsc_grid_text(rep, c,
                         (struct wsc_span){.ptr = (const uint8_t *)(w != NULL ? w : "-"),
                                           .len = w != NULL ? strlen(w) : 1});
}

bool wsc_grid_note(struct wsc_report *rep, struct wsc_grid *t, struct wsc_span text)
{
    char safe[NOTE_MAX];
    struct wsc_grid_cell *c = wsc_grid_row(rep, t, WSC_GRID_NOTE);
    if (c == NULL)
        return false;
    (void)wsc_text_fit(text, 0, rep->opt.utf8, safe, sizeof(safe));
    size_t n = strlen(safe) + 1;
    c->text = wsc_alloc(n);
    if (c->text != NULL)
        memcpy(c->text, safe, n);
    return c->text != NULL;
}

void wsc_grid_free(struct wsc_grid *t)
{
    if (t == NULL)
        return;
    drop_rows(t);
    wsc_free(t->cells);
    wsc_free(t->styles);
    wsc_free(t);
}
