#include "report/grid.h"
#include "report/i18n.h"
#include "report/text.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

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
        return WSC_GRID_DIM;
    case WSC_OUTCOME_UNKNOWN:
        return WSC_GRID_YELLOW;
    case WSC_OUTCOME_HANDSHAKE_FAILED:
        return WSC_GRID_RED;
    case WSC_OUTCOME_CLOSED:
        break;
    }
    bool good = r->close_code == 1000 || r->close_code == 1001 || r->close_code == 1005;
    return r->close_code == 1006 ? WSC_GRID_RED : good ? WSC_GRID_GREEN : WSC_GRID_YELLOW;
}

/* ---- records ---- */

/* What is left at 80 columns: when, which code, by whom, why, and how long it was silent. */
static const struct wsc_grid_column record_layout[] = {
    {N_("ID"), true, 9, 0, 4},       {N_("TIME (UTC)"), false, 10, 0, 23},
    {N_("CLIENT"), false, 5, 0, 21}, {N_("SERVER"), false, 6, 0, 21},
    {N_("PATH"), false, 7, 8, 16},   {N_("CODE"), false, 0, 6, 24},
    {N_("BY"), false, 13, 0, 6},     {N_("ENDING"), false, 8, 0, 16},
    {N_("CAUSE"), false, 12, 8, 18}, {N_("AGE"), true, 4, 0, 9},
    {N_("IDLE"), true, 11, 0, 9},    {N_("REASON"), false, 3, 8, 20},
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

/* All causes are inferred; one that is only possible is asked, not said. */
static void cause_text(const struct wsc_closure *r, char out[48])
{
    if (r->cause.ptr == NULL)
        (void)snprintf(out, 48, "-");
    else
        (void)snprintf(out, 48, "%.*s%s", (int)r->cause.len, r->cause.ptr,
                       r->confidence == WSC_CONFIDENCE_POSSIBLE ? "?" : "");
}

static bool fill_record(struct wsc_report *rep, struct wsc_grid_cell *c,
                        const struct wsc_closure *r)
{
    char id[24], client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX],
        time[WSC_TIME_TEXT_MAX], code[48], cause[48], age[24], idle[24];
    char status[24];
    (void)snprintf(id, sizeof(id), "%s%" PRId64, rep->leg ? (rep->opt.utf8 ? "└ " : "+ ") : "",
                   r->id);
    cause_text(r, cause);
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
    return wsc_grid_word(rep, &c[0], r->id >= 0 ? id : NULL) && wsc_grid_word(rep, &c[1], time) &&
           wsc_grid_word(rep, &c[2], client) && wsc_grid_word(rep, &c[3], server) &&
           wsc_grid_text(rep, &c[4], path) && wsc_grid_word(rep, &c[5], code) &&
           wsc_grid_word(rep, &c[6], wsc_side_name(r->closed_by)) &&
           wsc_grid_word(rep, &c[7], ending_word(r)) && wsc_grid_word(rep, &c[8], cause) &&
           wsc_grid_word(rep, &c[9], age) && wsc_grid_word(rep, &c[10], idle) &&
           wsc_grid_text(rep, &c[11], reason);
}

static enum wsc_err record(struct wsc_report *rep, const struct wsc_closure *r)
{
    struct wsc_grid *t = wsc_grid_of(rep, record_layout, RECORD_COLUMNS);
    struct wsc_grid_cell *row = t != NULL ? wsc_grid_row(rep, t, style_of(r)) : NULL;
    if (row == NULL || !fill_record(rep, row, r))
        return WSC_ERR_NOMEM;
    for (size_t i = 0; rep->opt.why && i < r->evidence_len; i++)
        if (!wsc_grid_note(rep, t, r->evidence[i]))
            return WSC_ERR_NOMEM;
    if (rep->opt.live)
        wsc_grid_flush(rep, t);
    return wsc_render_written(rep);
}

/* ---- statistics ---- */

static const struct wsc_grid_column stats_columns[] = {
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

static struct wsc_grid *stats_table(struct wsc_report *rep, const enum wsc_stats_key *keys,
                                    size_t n)
{
    struct wsc_grid *t = wsc_grid_of(rep, NULL, n + STATS_COLUMNS);
    if (t == NULL || t->layout != NULL)
        return t;
    for (size_t i = 0; i < n; i++) {
        const char *heading = key_headings[keys[i]];
        t->own_layout[i] = (struct wsc_grid_column){
            heading != NULL ? heading : wsc_stats_key_name(keys[i]), false, 0, 10, 0};
    }
    memcpy(t->own_layout + n, stats_columns, sizeof(stats_columns));
    t->layout = t->own_layout;
    return t;
}

static bool fill_stats(struct wsc_report *rep, struct wsc_grid_cell *c,
                       const struct wsc_stats_row *row)
{
    char text[24];
    bool ok = true;
    (void)snprintf(text, sizeof(text), "%" PRIu64, row->count);
    ok = ok && wsc_grid_word(rep, &c[0], text);
    (void)snprintf(text, sizeof(text), "%.1f %%", row->share * 100);
    ok = ok && wsc_grid_word(rep, &c[1], text);
    (void)snprintf(text, sizeof(text), "%.1f", row->per_hour);
    ok = ok && wsc_grid_word(rep, &c[2], isnan(row->per_hour) ? NULL : text);
    (void)snprintf(text, sizeof(text), "%" PRIu64, row->abnormal);
    ok = ok && wsc_grid_word(rep, &c[3], text);
    for (int i = 0; ok && i < 3; i++) {
        duration_text(row->duration_ns[i], text);
        ok = wsc_grid_word(rep, &c[4 + i], text);
        duration_text(row->idle_ns[i], text);
        ok = ok && wsc_grid_word(rep, &c[7 + i], text);
    }
    return ok;
}

static enum wsc_err stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row)
{
    struct wsc_grid *t = stats_table(rep, keys, n);
    struct wsc_grid_cell *cells = t != NULL ? wsc_grid_row(rep, t, WSC_GRID_PLAIN) : NULL;
    if (cells == NULL)
        return WSC_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct wsc_span key = row->keys[i].ptr != NULL
                                  ? row->keys[i]
                                  : (struct wsc_span){.ptr = (const uint8_t *)"-", .len = 1};
        if (!wsc_grid_text(rep, &cells[i], key))
            return WSC_ERR_NOMEM;
    }
    return fill_stats(rep, cells + n, row) ? wsc_render_written(rep) : WSC_ERR_NOMEM;
}

/* ---- the registry ---- */

static const struct wsc_grid_column code_layout[] = {
    {N_("CODE"), false, 0, 0, 0},
    {N_("NAME"), false, 0, 14, 0},
    {N_("IN A CLOSE FRAME"), false, 3, 0, 0},
    {N_("REPORTED BY"), false, 1, 12, 0},
    {N_("SOURCE"), false, 2, 12, 0},
};

static enum wsc_err code(struct wsc_report *rep, int first, int last)
{
    const struct wsc_code_info *info = wsc_code_find(first);
    struct wsc_grid *t =
        wsc_grid_of(rep, code_layout, sizeof(code_layout) / sizeof(code_layout[0]));
    struct wsc_grid_cell *c = t != NULL ? wsc_grid_row(rep, t, WSC_GRID_PLAIN) : NULL;
    char text[24];
    (void)snprintf(text, sizeof(text), first == last ? "%d" : "%d-%d", first, last);
    if (c == NULL || !wsc_grid_word(rep, &c[0], text) || !wsc_grid_word(rep, &c[1], info->name) ||
        !wsc_grid_word(rep, &c[2], info->on_wire ? _("yes") : _("no")) ||
        !wsc_grid_word(rep, &c[3], info->reported[0] != '\0' ? tr(info->reported) : NULL) ||
        !wsc_grid_word(rep, &c[4], info->reference))
        return WSC_ERR_NOMEM;
    return wsc_render_written(rep);
}

static enum wsc_err end(struct wsc_report *rep)
{
    struct wsc_grid *t = rep->state;
    if (t != NULL && (t->rows > 0 || t->laid_out))
        wsc_grid_flush(rep, t);
    return wsc_render_written(rep);
}

static void clear(struct wsc_report *rep)
{
    wsc_grid_free(rep->state);
}

const struct wsc_render_ops wsc_render_table = {
    .record = record, .stats = stats, .code = code, .end = end, .clear = clear};
