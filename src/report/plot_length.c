#include "report/plot.h"

#include "report/i18n.h"
#include "report/text.h"

#include <inttypes.h>
#include <string.h>

#define MS INT64_C(1000000)
#define S  (1000 * MS)

#define DECADE     10u /* bins */
#define BINS_LEAST 15u /* of a picture, so that there is something around a single peak */

/* ---- which bins are drawn ---- */

struct range {
    size_t first, len;
};

static struct range used(const uint64_t counts[WSC_LOG_BINS])
{
    size_t first = 0, last = WSC_LOG_BINS - 1;
    while (first < last && counts[first] == 0)
        first++;
    while (last > first && counts[last] == 0)
        last--;
    while (last - first + 1 < BINS_LEAST) { /* fewer than there are in all */
        first -= first > 0;
        last += last + 1 < WSC_LOG_BINS;
    }
    return (struct range){.first = first, .len = last - first + 1};
}

/* ---- limits that many silences end at ---- */

#define MARKS_MAX   3u
#define MARK_LEAST  3u  /* silences */
#define MARK_SHARE  50u /* one in so many */
#define NAMES_MAX   16u
#define NAMES_SHOWN 3u

struct marks {
    const struct wsc_plot_limit *at[MARKS_MAX]; /* most first */
    size_t len;
};

static struct marks marks_of(const struct wsc_plot *p, uint64_t silences)
{
    struct marks m = {.len = 0};
    for (size_t i = 0; i < p->limit_len; i++) {
        const struct wsc_plot_limit *l = &p->limit[i];
        if (l->count < MARK_LEAST || l->count * MARK_SHARE < silences)
            continue;
        size_t to = m.len;
        while (to > 0 && m.at[to - 1]->count < l->count)
            to--;
        if (to == MARKS_MAX)
            continue;
        m.len += m.len < MARKS_MAX;
        memmove(&m.at[to + 1], &m.at[to], (m.len - 1 - to) * sizeof(m.at[0]));
        m.at[to] = l;
    }
    return m;
}

/* "60 s: 300 match nginx (proxy), AWS ALB, +4": candidates, as in findings. */
static void put_mark(const struct wsc_plot *p, const struct wsc_pen *pen,
                     const struct wsc_plot_limit *mark)
{
    const struct wsc_limit *rows[NAMES_MAX];
    char text[1024], shown[1024], length[WSC_LENGTH_TEXT_MAX];
    size_t n = wsc_limits_match(p->limits, WSC_LIMIT_IDLE, mark->ns, rows, NAMES_MAX), named = 0;
    wsc_plot_length(mark->ns, length);
    int len =
        snprintf(text, sizeof(text), _("%s: %llu match"), length, (unsigned long long)mark->count);
    for (size_t i = 0; i < n && i < NAMES_MAX && named < NAMES_SHOWN; i++, named++)
        if (len > 0 && (size_t)len < sizeof(text))
            len += snprintf(text + len, sizeof(text) - (size_t)len, "%s %s", i > 0 ? "," : "",
                            rows[i]->product);
    if (n > named && len > 0 && (size_t)len < sizeof(text))
        (void)snprintf(text + len, sizeof(text) - (size_t)len, ", +%zu", n - named);
    struct wsc_span s = {.ptr = (const uint8_t *)text, .len = strlen(text)};
    (void)wsc_text_fit(s, pen->width - WSC_PLOT_INDENT - 3, pen->utf8, shown, sizeof(shown));
    fprintf(pen->out, "%*s%s %s\n", (int)WSC_PLOT_INDENT + 1, "", wsc_draw_line(pen, WSC_LINE_MARK),
            shown);
}

static void put_marks(const struct wsc_plot *p, const struct wsc_pen *pen, const struct range *r,
                      const struct wsc_fit *fit, const struct marks *m)
{
    bool marked[WSC_DRAW_COLUMNS_MAX] = {false};
    size_t last = 0;
    for (size_t i = 0; i < m->len; i++) {
        size_t column = wsc_fit_column(fit, wsc_log_bin(m->at[i]->ns) - r->first) + fit->wide / 2;
        marked[column] = true;
        last = column > last ? column : last;
    }
    fprintf(pen->out, "%*s", (int)WSC_PLOT_INDENT + 1, "");
    for (size_t i = 0; i <= last; i++)
        fputs(marked[i] ? wsc_draw_line(pen, WSC_LINE_MARK) : " ", pen->out);
    fputc('\n', pen->out);
    for (size_t i = 0; i < m->len; i++)
        put_mark(p, pen, m->at[i]);
}

/* ---- silence and age ---- */

static void length_axis(const struct wsc_pen *pen, const struct range *r, const struct wsc_fit *fit)
{
    static const int64_t at[] = {MS,      10 * MS,  100 * MS,  S,         10 * S,        60 * S,
                                 600 * S, 3600 * S, 36000 * S, 86400 * S, 10 * 86400 * S};
    struct wsc_tick ticks[sizeof(at) / sizeof(at[0])];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        size_t bin = wsc_log_bin(at[i]);
        if (bin < r->first || bin >= r->first + r->len)
            continue;
        ticks[n].column = wsc_fit_column(fit, bin - r->first) + fit->wide / 2;
        wsc_plot_length(at[i], ticks[n++].text);
    }
    wsc_draw_axis(pen, WSC_PLOT_INDENT, fit->columns, wsc_plot_room(pen) + WSC_PLOT_NUMBER, ticks,
                  n);
}

static uint64_t add_ends(const uint64_t counts[WSC_PLOT_ENDS][WSC_LOG_BINS],
                         uint64_t sum[WSC_LOG_BINS])
{
    uint64_t all = 0;
    for (size_t i = 0; i < WSC_LOG_BINS; i++) {
        sum[i] = counts[WSC_PLOT_WITHOUT_CLOSE][i] + counts[WSC_PLOT_WITH_CLOSE][i];
        all += sum[i];
    }
    return all;
}

static void draw_lengths(const struct wsc_plot *p, const struct wsc_pen *pen, const char *title,
                         const uint64_t counts[WSC_PLOT_ENDS][WSC_LOG_BINS], bool mark)
{
    uint64_t sum[WSC_LOG_BINS], columns[WSC_DRAW_COLUMNS_MAX];
    uint64_t all = add_ends(counts, sum);
    if (all == 0)
        return;
    struct range r = used(sum);
    struct wsc_fit fit = wsc_fit_bins(r.len, wsc_plot_room(pen));
    struct marks m = {.len = 0};
    uint64_t max = wsc_fit_sum(&fit, sum + r.first, columns);
    if (mark)
        m = marks_of(p, all);
    wsc_plot_title(pen, title, NULL);
    wsc_plot_high(pen, columns, fit.columns, max);
    length_axis(pen, &r, &fit);
    if (m.len > 0)
        put_marks(p, pen, &r, &fit, &m);
    wsc_plot_low(pen, _("no Close"), &fit, counts[WSC_PLOT_WITHOUT_CLOSE] + r.first, WSC_GRID_RED);
    wsc_plot_low(pen, _("Close"), &fit, counts[WSC_PLOT_WITH_CLOSE] + r.first, WSC_GRID_GREEN);
}

void wsc_plot_idle(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    draw_lengths(p, pen, _("Silence before the end"), p->idle, true);
}

void wsc_plot_age(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    draw_lengths(p, pen, _("Age at the end"), p->age, false);
}

/* ---- silence over time ---- */

#define HEAT_WIDTH 60u /* in a narrower window it is not seen */
#define HEAT_ROWS  12u

struct heat {
    struct range range;
    size_t per; /* bins of silence a row */
    struct wsc_fit fit;
};

/* Rows are counted from the shortest silence. Returns the highest count. */
static uint64_t heat_row(const struct wsc_plot *p, const struct heat *h, size_t row,
                         uint64_t columns[WSC_DRAW_COLUMNS_MAX])
{
    uint64_t counts[WSC_TIME_BINS] = {0};
    for (size_t i = row * h->per; i < (row + 1) * h->per && i < h->range.len; i++)
        for (size_t k = 0; k < p->time.len; k++)
            counts[k] += p->heat[h->range.first + i].counts[k];
    return wsc_fit_sum(&h->fit, counts, columns);
}

/* The first of the marks in |n| bins; NULL: none. */
static const struct wsc_plot_limit *mark_in(const struct marks *m, size_t first, size_t n)
{
    for (size_t i = 0; i < m->len; i++) {
        size_t bin = wsc_log_bin(m->at[i]->ns);
        if (bin >= first && bin < first + n)
            return m->at[i];
    }
    return NULL;
}

static void draw_heat_row(const struct wsc_plot *p, const struct wsc_pen *pen, const struct heat *h,
                          size_t row, const struct wsc_shades *shades, const struct marks *m)
{
    uint64_t columns[WSC_DRAW_COLUMNS_MAX];
    size_t first = h->range.first + row * h->per;
    char at[WSC_LENGTH_TEXT_MAX];
    wsc_plot_length(wsc_log_edge(first), at);
    (void)heat_row(p, h, row, columns);
    wsc_plot_label(pen, at, WSC_GRID_PLAIN);
    const struct wsc_plot_limit *mark = mark_in(m, first, h->per);
    size_t last = h->fit.columns;
    while (mark == NULL && last > 0 && columns[last - 1] == 0)
        last--; /* no blanks at the end of a line */
    for (size_t i = 0; i < last; i++)
        wsc_draw_shade(pen, shades, columns[i]);
    if (mark != NULL) {
        wsc_plot_length(mark->ns, at);
        fprintf(pen->out, "%s %s", wsc_draw_line(pen, WSC_LINE_LEFT), at);
    }
    fputc('\n', pen->out);
}

void wsc_plot_heat(const struct wsc_plot *p, const struct wsc_pen *pen)
{
    static const size_t pers[] = {1, 2, 5, DECADE};
    uint64_t sum[WSC_LOG_BINS], columns[WSC_DRAW_COLUMNS_MAX], max = 0;
    uint64_t all = add_ends(p->idle, sum);
    if (all == 0 || p->time.len < 2 || pen->width < HEAT_WIDTH)
        return;
    struct heat h = {.range = used(sum), .fit = wsc_fit_bins(p->time.len, wsc_plot_room(pen))};
    for (size_t i = 0; i < sizeof(pers) / sizeof(pers[0]); i++) {
        h.per = pers[i];
        if ((h.range.len + h.per - 1) / h.per <= HEAT_ROWS)
            break;
    }
    size_t rows = (h.range.len + h.per - 1) / h.per;
    for (size_t row = 0; row < rows; row++) {
        uint64_t highest = heat_row(p, &h, row, columns);
        max = highest > max ? highest : max;
    }
    if (max == 0)
        return; /* no silence of which it is known when it ended */
    struct wsc_shades shades = wsc_shades_of(max);
    struct marks m = marks_of(p, all);
    wsc_plot_title(pen, _("Silence before the end over time"),
                   _("each line from the length at its side on"));
    for (size_t row = rows; row-- > 0;)
        draw_heat_row(p, pen, &h, row, &shades, &m);
    wsc_plot_time_axis(pen, &p->time, &h.fit);
    fprintf(pen->out, "%*s", (int)WSC_PLOT_INDENT + 1, "");
    wsc_draw_shade_key(pen, &shades);
    fputc('\n', pen->out);
}
