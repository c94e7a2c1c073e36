#include "report/plot.h"

#include "report/i18n.h"
#include "report/text.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <string.h>

#define S UINT64_C(1000000000)
#define H (3600 * S)

#define HIGH_ROWS 5u
#define LINES_MAX 7u /* codes with a line of their own */
#define TICKS_MAX 80u

/* ---- what all pictures share ---- */

size_t wsc_plot_room(const struct wsc_pen *pen)
{
    size_t room = pen->width - WSC_PLOT_INDENT - 1 - WSC_PLOT_NUMBER;
    return room < WSC_DRAW_COLUMNS_MAX ? room : WSC_DRAW_COLUMNS_MAX;
}

/* On as many lines as it takes, the last without its end. */
static void put_words(const struct wsc_pen *pen, const char *text, enum wsc_grid_style style)
{
    size_t columns;
    wsc_draw_style(pen, style);
    for (const char *at = text, *next; *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, pen->width, true, &next, &columns);
        fprintf(pen->out, "%s%.*s", at == text ? "" : "\n", (int)n, at);
    }
    wsc_draw_plain(pen, style);
}

void wsc_plot_title(const struct wsc_pen *pen, const char *title, const char *more)
{
    fputc('\n', pen->out);
    put_words(pen, title, WSC_GRID_BOLD);
    if (more != NULL) {
        bool fits = wsc_wrap_columns(title) + 3 + wsc_wrap_columns(more) <= pen->width;
        fputs(fits ? "   " : "\n", pen->out);
        put_words(pen, more, WSC_GRID_DIM);
    }
    fputc('\n', pen->out);
}

void wsc_plot_label(const struct wsc_pen *pen, const char *label, enum wsc_grid_style style)
{
    size_t columns = wsc_wrap_columns(label);
    const size_t room = WSC_PLOT_INDENT - 1;
    fprintf(pen->out, "%*s", columns < room ? (int)(room - columns) : 0, "");
    wsc_draw_style(pen, style);
    fputs(label, pen->out);
    wsc_draw_plain(pen, style);
    fputc(' ', pen->out);
    fputs(wsc_draw_line(pen, WSC_LINE_SIDE), pen->out);
}

void wsc_plot_high(const struct wsc_pen *pen, const uint64_t *columns, size_t n, uint64_t max)
{
    char label[24];
    (void)snprintf(label, sizeof(label), "%" PRIu64, max);
    for (size_t row = 0; row < HIGH_ROWS; row++) {
        wsc_plot_label(pen, row == 0 ? label : "", WSC_GRID_PLAIN);
        wsc_draw_columns(pen, columns, n, max, HIGH_ROWS, row, WSC_GRID_PLAIN);
        fputc('\n', pen->out);
    }
}

void wsc_plot_low(const struct wsc_pen *pen, const char *label, const struct wsc_fit *fit,
                  const uint64_t *counts, enum wsc_grid_style style)
{
    uint64_t columns[WSC_DRAW_COLUMNS_MAX], sum = 0;
    uint64_t max = wsc_fit_sum(fit, counts, columns);
    for (size_t i = 0; i < fit->bins; i++)
        sum += counts[i];
    size_t used = fit->columns; /* what wsc_draw_columns() leaves out behind */
    while (used > 0 && columns[used - 1] == 0)
        used--;
    wsc_plot_label(pen, label, style);
    wsc_draw_columns(pen, columns, fit->columns, max, 1, 0, style);
    fprintf(pen->out, "%*s %" PRIu64 "\n", (int)(fit->columns - used), "", sum);
}

void wsc_plot_length(int64_t ns, char out[WSC_LENGTH_TEXT_MAX])
{
    static const struct {
        int64_t below_ns, unit_ns;
        const char *unit;
    } units[] = {{(int64_t)S, 1000000, "ms"},
                 {120 * (int64_t)S, (int64_t)S, "s"},
                 {2 * (int64_t)H, 60 * (int64_t)S, "min"},
                 {48 * (int64_t)H, (int64_t)H, "h"},
                 {INT64_MAX, 24 * (int64_t)H, "d"}};
    size_t i = 0;
    while (ns >= units[i].below_ns && i + 1 < sizeof(units) / sizeof(units[0]))
        i++;
    double v = (double)ns / (double)units[i].unit_ns;
    bool whole = ns % units[i].unit_ns == 0 || v >= 10;
    (void)snprintf(out, WSC_LENGTH_TEXT_MAX, "%.*f %s", whole ? 0 : 1, v, units[i].unit);
}

/* ---- the axis of time ---- */

/* As much of the moment as ticks so far apart need: "2026-01", "01-02", "03:04", "03:04:05".
 */
static void moment(uint64_t at_ns, uint64_t step_ns, char out[24])
{
    char text[WSC_TIME_TEXT_MAX];
    wsc_time_text(at_ns, text);
    if (step_ns >= 30 * 24 * H)
        (void)snprintf(out, 24, "%.7s", text);
    else if (step_ns >= 24 * H)
        (void)snprintf(out, 24, "%.5s", text + 5);
    else if (step_ns >= 60 * S)
        (void)snprintf(out, 24, "%.5s", at_ns % (24 * H) == 0 ? text + 5 : text + 11);
    else
        (void)snprintf(out, 24, "%.*s", step_ns >= S ? 8 : 12, text + 11);
}

void wsc_plot_time_axis(const struct wsc_pen *pen, const struct wsc_time_bins *time,
                        const struct wsc_fit *fit)
{
    struct wsc_tick ticks[TICKS_MAX];
    size_t n = 0;
    uint64_t from = wsc_time_bins_from(time), bin = wsc_time_bins_step(time);
    uint64_t end = from + (time->len - 1) * bin, step = bin;
    for (unsigned i = 2 * time->level;; i++) { /* 1 h, 2 h, 3 h, ..., and then twice as much each */
        step = i < 2 * WSC_TIME_LEVELS ? wsc_time_step(i / 2) * (1 + i % 2) : step * 2;
        moment(from, step, ticks[0].text);
        if (step / bin >= time->len ||
            wsc_fit_column(fit, (size_t)(step / bin)) >= strlen(ticks[0].text) + 2)
            break;
    }
    uint64_t first = (from + step - 1) / step * step;
    for (uint64_t at = first; at <= end && at >= first && n < TICKS_MAX; at += step) {
        ticks[n].column = wsc_fit_column(fit, (size_t)((at - from) / bin));
        moment(at, step, ticks[n++].text);
    }
    if (n == 0) {
        ticks[0].column = 0;
        moment(from, bin, ticks[n++].text);
    }
    wsc_draw_axis(pen, WSC_PLOT_INDENT, fit->columns, wsc_plot_room(pen) + WSC_PLOT_NUMBER, ticks,
                  n);
}

/* ---- ends over time ---- */

static void add_row(uint64_t *counts, const struct wsc_time_row *row)
{
    for (size_t i = 0; i < row->in.len; i++)
        counts[i] += row->counts[i];
}

static enum wsc_grid_style style_of(int code)
{
    if (code == 1000 || code == 1001 || code == 1005)
        return WSC_GRID_GREEN;
    return code == 1006 || code == WSC_PLOT_FAILED ? WSC_GRID_RED : WSC_GRID_YELLOW;
}

static void line_label(int code, char out[WSC_PLOT_LABEL])
{
    const char *word = code == WSC_PLOT_FAILED    ? _("failed")
                       : code == WSC_PLOT_UNKNOWN ? _("unknown")
                       : code == WSC_PLOT_NO_CODE ? _("no code")
                                                  : _("other");
    if (code >= 0)
        (void)snprintf(out, WSC_PLOT_LABEL, "%d", code);
    else
        (void)snprintf(out, WSC_PLOT_LABEL, "%s", word);
}

/* The line with most records that is not |taken|; NULL: none is left. */
static const struct wsc_plot_line *next_line(const struct wsc_plot *p, const bool *taken)
{
    const struct wsc_plot_line *best = NULL;
    for (size_t i = 0; i < p->lines_len; i++) {
        const struct wsc_plot_line *l = &p->lines[i];
        if (!taken[i] && l->count > 0 && l->code != WSC_PLOT_OTHER &&
            (best == NULL || l->count > best->count))
            best = l;
    }
    return best;
}

static void draw_lines(const struct wsc_plot *p, const struct wsc_pen *pen,
                       const struct wsc_fit *fit)
{
    bool taken[sizeof(p->lines) / sizeof(p->lines[0])] = {false};
    char label[WSC_PLOT_LABEL];
    const struct wsc_plot_line *l;
    uint64_t other[WSC_TIME_BINS] = {0};
    bool others = false;
    for (size_t i = 0; i < LINES_MAX && (l = next_line(p, taken)) != NULL; i++) {
        uint64_t counts[WSC_TIME_BINS] = {0};
        add_row(counts, &l->row);
        line_label(l->code, label);
        wsc_plot_low(pen, label, fit, counts, style_of(l->code));
        taken[l - p->lines] = true;
    }
    for (size_t i = 0; i < p->lines_len; i++) {
        if (taken[i] || p->lines[i].count == 0)
            continue;
        add_row(other, &p->lines[i].row);
        others = true;
    }
    line_label(WSC_PLOT_OTHER, label);
    if (others)
        wsc_plot_low(pen, label, fit, other, WSC_GRID_PLAIN);
}

static void draw_time(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    char step[WSC_LENGTH_TEXT_MAX], more[128];
    uint64_t counts[WSC_TIME_BINS] = {0}, columns[WSC_DRAW_COLUMNS_MAX];
    if (p->time.len == 0)
        return;
    struct wsc_fit fit = wsc_fit_bins(p->time.len, wsc_plot_room(pen));
    for (size_t i = 0; i < p->lines_len; i++)
        add_row(counts, &p->lines[i].row);
    uint64_t max = wsc_fit_sum(&fit, counts, columns);
    wsc_plot_length((int64_t)(wsc_time_bins_step(&p->time) * fit.per), step);
    (void)snprintf(more, sizeof(more), fit.wide > 1 ? _("%zu columns: %s") : _("%zu column: %s"),
                   fit.wide, step);
    wsc_plot_title(pen, _("Ends over time, each code on a scale of its own"), more);
    wsc_plot_high(pen, columns, fit.columns, max);
    wsc_plot_time_axis(pen, &p->time, &fit);
    draw_lines(p, pen, &fit);
}

/* ---- bars ---- */

#define SHARE_COLUMNS 9u
#define SHARE_WIDTH   60u /* in a narrower window labels need the room */

struct bar_look {
    size_t label, number; /* columns */
    uint64_t max;
};

static void draw_bar(const struct wsc_plot *p, const struct wsc_pen *pen,
                     const struct wsc_plot_row *bar, const struct bar_look *look)
{
    char text[WSC_PLOT_LABEL];
    struct wsc_span s = {.ptr = (const uint8_t *)bar->label, .len = strlen(bar->label)};
    size_t columns = wsc_text_fit(s, look->label, p->opt.utf8, text, sizeof(text));
    bool share = pen->width >= SHARE_WIDTH;
    size_t room = pen->width - look->label - 2 - look->number - (share ? SHARE_COLUMNS : 0);
    fprintf(pen->out, "%s%*s  ", text, (int)(look->label - columns), "");
    wsc_draw_bar(pen, bar->count, bar->abnormal, look->max,
                 room < WSC_DRAW_COLUMNS_MAX ? room : WSC_DRAW_COLUMNS_MAX, WSC_GRID_PLAIN);
    fprintf(pen->out, "%*" PRIu64, (int)look->number, bar->count);
    if (share)
        fprintf(pen->out, "%7.1f %%", bar->share * 100);
    fputc('\n', pen->out);
}

static void draw_bars(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    char title[256];
    size_t n = 0;
    struct bar_look look = {.label = 1};
    if (p->bars_len == 0)
        return;
    for (size_t i = 0; i < p->keys_len && n < sizeof(title); i++)
        n += (size_t)snprintf(title + n, sizeof(title) - n, "%s%s", i == 0 ? "" : ", ",
                              wsc_stats_key_name(p->keys[i]));
    for (size_t i = 0; i < p->bars_len; i++) {
        size_t columns = wsc_wrap_columns(p->bars[i].label);
        look.label = columns > look.label ? columns : look.label;
        look.max = p->bars[i].count > look.max ? p->bars[i].count : look.max;
    }
    if (look.label > pen->width / 2)
        look.label = pen->width / 2;
    look.number = (size_t)snprintf(NULL, 0, "  %" PRIu64, look.max);
    wsc_plot_title(pen, title,
                   pen->utf8 ? _("█ no Close or failed  ░ other")
                             : _("# no Close or failed  : other"));
    for (size_t i = 0; i < p->bars_len; i++)
        draw_bar(p, pen, &p->bars[i], &look);
    if (p->bars_more == 0)
        return;
    (void)snprintf(title, sizeof(title), _("%llu more, of %llu connections"),
                   (unsigned long long)p->bars_more, (unsigned long long)p->bars_more_count);
    put_words(pen, title, WSC_GRID_PLAIN);
    fputc('\n', pen->out);
}

/* ---- all ---- */

static void draw_head(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    char from[WSC_TIME_TEXT_MAX], to[WSC_TIME_TEXT_MAX], text[512];
    size_t n =
        (size_t)snprintf(text, sizeof(text), "%s %" PRIu64 ":", _("Connections"), p->records);
    for (unsigned i = 0; i < sizeof(p->outcomes) / sizeof(p->outcomes[0]) && n < sizeof(text); i++)
        if (p->outcomes[i] > 0)
            n += (size_t)snprintf(text + n, sizeof(text) - n, " %s %" PRIu64,
                                  wsc_outcome_name((enum wsc_outcome)i), p->outcomes[i]);
    put_words(pen, text, WSC_GRID_PLAIN);
    fputc('\n', pen->out);
    if (p->first_ns == 0)
        return;
    wsc_time_text(p->first_ns, from);
    wsc_time_text(p->last_ns, to);
    from[10] = to[10] = ' ';
    (void)snprintf(text, sizeof(text), "%.19s - %.19s UTC", from, to);
    put_words(pen, text, WSC_GRID_PLAIN);
    fputc('\n', pen->out);
}

enum wsc_err wsc_plot_draw(struct wsc_plot *p, FILE *out)
{
    const struct wsc_pen pen = {
        .out = out, .width = p->opt.width, .utf8 = p->opt.utf8, .color = p->opt.color};
    for (size_t i = 0; i < p->lines_len; i++)
        wsc_time_row_settle(&p->time, &p->lines[i].row);
    for (size_t i = 0; i < WSC_LOG_BINS; i++)
        wsc_time_row_settle(&p->time, &p->heat[i]);
    if (p->records > 0)
        draw_head(p, &pen);
    draw_time(p, &pen);
    wsc_plot_idle(p, &pen);
    wsc_plot_age(p, &pen);
    wsc_plot_heat(p, &pen);
    draw_bars(p, &pen);
    return ferror(out) ? WSC_ERR_IO : WSC_OK;
}
