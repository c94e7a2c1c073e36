#include "report/render.h"

#include "base/alloc.h"
#include "report/i18n.h"
#include "report/text.h"
#include "report/wrap.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows are held back until the widths of the columns are known: at most this many, then by those.
 */
#define ROWS_HELD    4096u
#define COLUMNS_MAX  16u
#define CELL_MAX     256u /* bytes */
#define CELL_COLUMNS 60u

struct column {
    const char *heading; /* msgid */
    bool right;
    unsigned
        keep; /* the narrower the window, the earlier a column with a low number goes; 0: never */
    unsigned least; /* it may be cut down to this many columns; 0: not cut */
    unsigned usual; /* width where rows cannot be waited for; 0: as the heading */
};

struct cell {
    char *text;
    uint16_t columns;
};

struct table {
    const struct column *layout;
    size_t len;
    struct cell *cells; /* |rows| times |len| */
    char *styles;       /* one a row */
    size_t rows;
    size_t width[COLUMNS_MAX];
    bool shown[COLUMNS_MAX];
    bool laid_out;
    struct column stats_layout[COLUMNS_MAX];
};

static struct table *table_of(struct wsc_report *rep, const struct column *layout, size_t len)
{
    struct table *t = rep->state;
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

static void measure(struct table *t)
{
    for (size_t i = 0; i < t->len; i++) {
        t->width[i] = wsc_wrap_columns(tr(t->layout[i].heading));
        t->shown[i] = true;
        for (size_t r = 0; r < t->rows; r++)
            if (t->cells[r * t->len + i].columns > t->width[i])
                t->width[i] = t->cells[r * t->len + i].columns;
    }
}

/* Of the columns shown; |least|: each cut as far as it may be. */
static size_t total_width(const struct table *t, bool least)
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
static bool shrink_one(struct table *t)
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

static bool drop_one(struct table *t)
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
static void guess(struct table *t)
{
    for (size_t i = 0; i < t->len; i++)
        if (t->width[i] < t->layout[i].usual)
            t->width[i] = t->layout[i].usual;
}

static void lay_out(struct wsc_report *rep, struct table *t)
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

static void put_cell(struct wsc_report *rep, const struct table *t, size_t i, const char *text,
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

static void put_line(struct wsc_report *rep, const struct table *t, const struct cell *cells,
                     char style)
{
    static const char *const colors[] = {"",         "\033[32m", "\033[33m",
                                         "\033[31m", "\033[1m",  "\033[2m"};
    size_t last = 0; /* no blanks behind the last column that says something */
    for (size_t i = 0; i < t->len; i++)
        if (t->shown[i] && (cells == NULL || cells[i].columns > 0))
            last = i;
    if (rep->opt.color)
        fputs(colors[(unsigned char)style], rep->out);
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

static void drop_rows(struct table *t)
{
    for (size_t i = 0; i < t->rows * t->len; i++)
        wsc_free(t->cells[i].text);
    t->rows = 0;
}

enum { PLAIN, GREEN, YELLOW, RED, BOLD, DIM };

static void flush_rows(struct wsc_report *rep, struct table *t)
{
    if (!t->laid_out) {
        lay_out(rep, t);
        put_line(rep, t, NULL, BOLD);
    }
    for (size_t r = 0; r < t->rows; r++)
        put_line(rep, t, t->cells + r * t->len, t->styles[r]);
    drop_rows(t);
}

/* A row of |t->len| cells, as yet empty; NULL: no memory. */
static struct cell *add_row(struct wsc_report *rep, struct table *t, char style)
{
    if (t->cells == NULL) {
        t->cells = wsc_calloc(ROWS_HELD * t->len, sizeof(*t->cells));
        t->styles = wsc_calloc(ROWS_HELD, 1);
        if (t->cells == NULL || t->styles == NULL)
            return NULL;
    }
    if (t->rows == ROWS_HELD)
        flush_rows(rep, t);
    struct cell *row = t->cells + t->rows * t->len;
    memset(row, 0, t->len * sizeof(*row));
    t->styles[t->rows++] = style;
    return row;
}

static bool set_text(struct wsc_report *rep, struct cell *c, struct wsc_span s)
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

static bool set_word(struct wsc_report *rep, struct cell *c, const char *w)
{
    return set_text(rep, c,
                    (struct wsc_span){.ptr = (const uint8_t *)(w != NULL ? w : "-"),
                                      .len = w != NULL ? strlen(w) : 1});
}

/* ---- values ---- */

/* "12.3 ms", "60.0 s", "2.0 h": three digits are enough to think with. */
static void duration_text(int64_t ns, char out[24])
{
    double s = (double)ns / 1e9;
    if (ns < 0)
        (void)snprintf(out, 24, "-");
    else if (s < 1)
        (void)snprintf(out, 24, "%.1f ms", s * 1e3);
    else if (s < 600)
        (void)snprintf(out, 24, "%.1f s", s);
    else if (s < 36000)
        (void)snprintf(out, 24, "%.1f min", s / 60);
    else
        (void)snprintf(out, 24, "%.1f h", s / 3600);
}

/* Date and time to the millisecond; the day is dropped before anything else is. */
static void moment_text(uint64_t ns, char out[WSC_TIME_TEXT_MAX])
{
    if (ns == 0) {
        (void)snprintf(out, WSC_TIME_TEXT_MAX, "-");
        return;
    }
    wsc_time_text(ns, out);
    out[10] = ' ';
    out[23] = '\0';
}

/* A code that stood on no wire is put in brackets: it is inferred. */
static void code_text(const struct wsc_closure *r, char out[48])
{
    const struct wsc_code_info *info = r->close_code >= 0 ? wsc_code_find(r->close_code) : NULL;
    bool inferred = r->code_source == WSC_CODE_SOURCE_INFERRED;
    if (r->close_code < 0)
        (void)snprintf(out, 48, "-");
    else
        (void)snprintf(out, 48, "%s%d%s %s", inferred ? "(" : "", r->close_code,
                       inferred ? ")" : "", info != NULL ? info->name : "");
}

static char style_of(const struct wsc_closure *r)
{
    switch (r->outcome) {
    case WSC_OUTCOME_OPEN:
        return DIM;
    case WSC_OUTCOME_UNKNOWN:
        return YELLOW;
    case WSC_OUTCOME_HANDSHAKE_FAILED:
        return RED;
    case WSC_OUTCOME_CLOSED:
        break;
    }
    bool good = r->close_code == 1000 || r->close_code == 1001 || r->close_code == 1005;
    return r->close_code == 1006 ? RED : good ? GREEN : YELLOW;
}

/* ---- records ---- */

/* What is left at 80 columns: when, where, which code, by whom, how, and how long it was silent. */
static const struct column record_layout[] = {
    {N_("ID"), true, 9, 0, 4},       {N_("TIME (UTC)"), false, 10, 0, 23},
    {N_("CLIENT"), false, 5, 0, 21}, {N_("SERVER"), false, 6, 0, 21},
    {N_("PATH"), false, 7, 8, 16},   {N_("CODE"), false, 0, 6, 24},
    {N_("BY"), false, 12, 0, 6},     {N_("ENDING"), false, 11, 0, 16},
    {N_("AGE"), true, 4, 0, 9},      {N_("IDLE"), true, 8, 0, 9},
    {N_("REASON"), false, 3, 8, 20},
};
#define RECORD_COLUMNS (sizeof(record_layout) / sizeof(record_layout[0]))

/* What stands under ENDING: the outcome where it says more. */
static const char *ending_word(const struct wsc_closure *r)
{
    if (r->outcome == WSC_OUTCOME_CLOSED && r->ending != WSC_ENDING_NONE)
        return wsc_ending_name(r->ending);
    if (r->outcome == WSC_OUTCOME_HANDSHAKE_FAILED)
        return wsc_ending_name(r->ending);
    if (r->outcome == WSC_OUTCOME_UNKNOWN && r->ending == WSC_ENDING_GAP)
        return "unknown (gap)";
    return wsc_outcome_name(r->outcome);
}

static bool fill_record(struct wsc_report *rep, struct cell *c, const struct wsc_closure *r)
{
    char id[24], client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX],
        time[WSC_TIME_TEXT_MAX], code[48], age[24], idle[24];
    char status[24];
    (void)snprintf(id, sizeof(id), "%" PRId64, r->id);
    wsc_endpoint_text(&r->client, client);
    wsc_endpoint_text(&r->server, server);
    moment_text(r->ended_ns != 0 ? r->ended_ns : r->last_ns, time);
    code_text(r, code);
    duration_text(r->duration_ns, age);
    duration_text(r->idle_any_ns, idle);
    struct wsc_span reason = r->reason;
    if (r->outcome == WSC_OUTCOME_HANDSHAKE_FAILED && r->handshake_status >= 0) {
        int n = snprintf(status, sizeof(status), "HTTP %d", r->handshake_status);
        reason = (struct wsc_span){.ptr = (const uint8_t *)status, .len = (size_t)n};
    }
    struct wsc_span path =
        r->path.ptr != NULL ? r->path : (struct wsc_span){.ptr = (const uint8_t *)"-", .len = 1};
    return set_word(rep, &c[0], r->id >= 0 ? id : NULL) && set_word(rep, &c[1], time) &&
           set_word(rep, &c[2], client) && set_word(rep, &c[3], server) &&
           set_text(rep, &c[4], path) && set_word(rep, &c[5], code) &&
           set_word(rep, &c[6], wsc_side_name(r->closed_by)) &&
           set_word(rep, &c[7], ending_word(r)) && set_word(rep, &c[8], age) &&
           set_word(rep, &c[9], idle) && set_text(rep, &c[10], reason);
}

static enum wsc_err record(struct wsc_report *rep, const struct wsc_closure *r)
{
    struct table *t = table_of(rep, record_layout, RECORD_COLUMNS);
    struct cell *row = t != NULL ? add_row(rep, t, style_of(r)) : NULL;
    if (row == NULL || !fill_record(rep, row, r))
        return WSC_ERR_NOMEM;
    if (rep->opt.live)
        flush_rows(rep, t);
    return wsc_render_written(rep);
}

/* ---- statistics ---- */

static const struct column stats_columns[] = {
    {N_("COUNT"), true, 0, 0, 0},    {N_("SHARE"), true, 8, 0, 0},
    {N_("PER HOUR"), true, 4, 0, 0}, {N_("ABNORMAL"), true, 9, 0, 0},
    {N_("AGE P50"), true, 7, 0, 0},  {N_("P90"), true, 3, 0, 0},
    {N_("P99"), true, 2, 0, 0},      {N_("IDLE P50"), true, 6, 0, 0},
    {N_("P90"), true, 5, 0, 0},      {N_("P99"), true, 1, 0, 0},
};
#define STATS_COLUMNS (sizeof(stats_columns) / sizeof(stats_columns[0]))

/* The words of --by. */
static const char *const key_headings[WSC_BY_COUNT] = {
    [WSC_BY_CODE] = N_("code"),
    [WSC_BY_OUTCOME] = N_("outcome"),
    [WSC_BY_ENDING] = N_("ending"),
    [WSC_BY_CAUSE] = N_("cause"),
    [WSC_BY_CLOSED_BY] = N_("closed_by"),
    [WSC_BY_SERVER] = N_("server"),
    [WSC_BY_CLIENT] = N_("client"),
    [WSC_BY_HOST] = N_("host"),
    [WSC_BY_PATH] = N_("path"),
    [WSC_BY_SUBPROTOCOL] = N_("subprotocol"),
    [WSC_BY_SERVER_SOFTWARE] = N_("server_software"),
    [WSC_BY_USER_AGENT] = N_("user_agent"),
    [WSC_BY_APP] = N_("app"),
    [WSC_BY_STATUS] = N_("status"),
    [WSC_BY_CAPTURE] = N_("capture"),
    [WSC_BY_DAY] = N_("day"),
    [WSC_BY_HOUR] = N_("hour"),
    [WSC_BY_MINUTE] = N_("minute"),
};

static struct table *stats_table(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n)
{
    struct table *t = table_of(rep, NULL, n + STATS_COLUMNS);
    if (t == NULL || t->layout != NULL)
        return t;
    for (size_t i = 0; i < n; i++) {
        const char *heading = key_headings[keys[i]];
        t->stats_layout[i] = (struct column){
            heading != NULL ? heading : wsc_stats_key_name(keys[i]), false, 0, 10, 0};
    }
    memcpy(t->stats_layout + n, stats_columns, sizeof(stats_columns));
    t->layout = t->stats_layout;
    return t;
}

static bool fill_stats(struct wsc_report *rep, struct cell *c, const struct wsc_stats_row *row)
{
    char text[24];
    bool ok = true;
    (void)snprintf(text, sizeof(text), "%" PRIu64, row->count);
    ok = ok && set_word(rep, &c[0], text);
    (void)snprintf(text, sizeof(text), "%.1f %%", row->share * 100);
    ok = ok && set_word(rep, &c[1], text);
    (void)snprintf(text, sizeof(text), "%.1f", row->per_hour);
    ok = ok && set_word(rep, &c[2], isnan(row->per_hour) ? NULL : text);
    (void)snprintf(text, sizeof(text), "%" PRIu64, row->abnormal);
    ok = ok && set_word(rep, &c[3], text);
    for (int i = 0; ok && i < 3; i++) {
        duration_text(row->duration_ns[i], text);
        ok = set_word(rep, &c[4 + i], text);
        duration_text(row->idle_ns[i], text);
        ok = ok && set_word(rep, &c[7 + i], text);
    }
    return ok;
}

static enum wsc_err stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row)
{
    struct table *t = stats_table(rep, keys, n);
    struct cell *cells = t != NULL ? add_row(rep, t, PLAIN) : NULL;
    if (cells == NULL)
        return WSC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct wsc_span key = row->keys[i].ptr != NULL
                                  ? row->keys[i]
                                  : (struct wsc_span){.ptr = (const uint8_t *)"-", .len = 1};
        if (!set_text(rep, &cells[i], key))
            return WSC_ERR_NOMEM;
    }
    return fill_stats(rep, cells + n, row) ? wsc_render_written(rep) : WSC_ERR_NOMEM;
}

/* ---- the registry ---- */

static const struct column code_layout[] = {
    {N_("CODE"), false, 0, 0, 0},
    {N_("NAME"), false, 0, 14, 0},
    {N_("IN A CLOSE FRAME"), false, 3, 0, 0},
    {N_("REPORTED BY"), false, 1, 12, 0},
    {N_("SOURCE"), false, 2, 12, 0},
};

static enum wsc_err code(struct wsc_report *rep, int first, int last)
{
    const struct wsc_code_info *info = wsc_code_find(first);
    struct table *t = table_of(rep, code_layout, sizeof(code_layout) / sizeof(code_layout[0]));
    struct cell *c = t != NULL ? add_row(rep, t, PLAIN) : NULL;
    char text[24];
    (void)snprintf(text, sizeof(text), first == last ? "%d" : "%d-%d", first, last);
    if (c == NULL || !set_word(rep, &c[0], text) || !set_word(rep, &c[1], info->name) ||
        !set_word(rep, &c[2], info->on_wire ? _("yes") : _("no")) ||
        !set_word(rep, &c[3], info->reported[0] != '\0' ? tr(info->reported) : NULL) ||
        !set_word(rep, &c[4], info->reference))
        return WSC_ERR_NOMEM;
    return wsc_render_written(rep);
}

static enum wsc_err end(struct wsc_report *rep)
{
    struct table *t = rep->state;
    if (t != NULL && (t->rows > 0 || t->laid_out))
        flush_rows(rep, t);
    return wsc_render_written(rep);
}

static void clear(struct wsc_report *rep)
{
    struct table *t = rep->state;
    if (t == NULL)
        return;
    drop_rows(t);
    wsc_free(t->cells);
    wsc_free(t->styles);
    wsc_free(t);
}

const struct wsc_render_ops wsc_render_table = {
    .record = record, .stats = stats, .code = code, .end = end, .clear = clear};
