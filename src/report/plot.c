#include "report/plot.h"

#include "base/alloc.h"
#include "report/text.h"

#include <string.h>

#define FIRST_OWN 1000 /* codes of the RFC have their lines from the start: no flood takes them */
#define LAST_OWN  1015

#define WIDTH_USUAL 80u
#define WIDTH_LEAST 30u

#define LABEL_COLUMNS 60u

/* ---- life ---- */

static void add_limit(struct wsc_plot *p, const struct wsc_limit *l)
{
    if (l->kind != WSC_LIMIT_IDLE || l->min_ns <= 0 || l->min_ns != l->max_ns ||
        p->limit_len == WSC_PLOT_LIMITS)
        return;
    for (size_t i = 0; i < p->limit_len; i++)
        if (p->limit[i].ns == l->min_ns)
            return;
    p->limit[p->limit_len++].ns = l->min_ns;
}

enum wsc_err wsc_plot_new(const struct wsc_report_options *opt, const struct wsc_limits *limits,
                          struct wsc_plot **out)
{
    size_t n;
    const struct wsc_limit *all = wsc_limits_all(limits, &n);
    struct wsc_plot *p = *out = wsc_calloc(1, sizeof(*p));
    if (p == NULL)
        return WSC_ERR_NOMEM;
    p->opt = *opt;
    if (p->opt.width == 0)
        p->opt.width = WIDTH_USUAL;
    if (p->opt.width < WIDTH_LEAST)
        p->opt.width = WIDTH_LEAST;
    p->limits = limits;
    for (size_t i = 0; i < n; i++)
        add_limit(p, &all[i]);
    static const int without[] = {WSC_PLOT_FAILED, WSC_PLOT_UNKNOWN, WSC_PLOT_NO_CODE,
                                  WSC_PLOT_OTHER};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        p->lines[p->lines_len++].code = without[i];
    for (int code = FIRST_OWN; code <= LAST_OWN; code++)
        p->lines[p->lines_len++].code = code;
    return WSC_OK;
}

void wsc_plot_free(struct wsc_plot *p)
{
    wsc_free(p);
}

/* ---- counting ---- */

static int line_code(const struct wsc_closure *r)
{
    if (r->close_code >= 0)
        return r->close_code;
    if (r->outcome == WSC_OUTCOME_HANDSHAKE_FAILED)
        return WSC_PLOT_FAILED;
    return r->outcome == WSC_OUTCOME_UNKNOWN ? WSC_PLOT_UNKNOWN : WSC_PLOT_NO_CODE;
}

static struct wsc_plot_line *line_of(struct wsc_plot *p, int code)
{
    struct wsc_plot_line *other = NULL;
    for (size_t i = 0; i < p->lines_len; i++) {
        if (p->lines[i].code == code)
            return &p->lines[i];
        if (p->lines[i].code == WSC_PLOT_OTHER)
            other = &p->lines[i];
    }
    if (p->lines_len == sizeof(p->lines) / sizeof(p->lines[0]))
        return other;
    p->lines[p->lines_len].code = code;
    return &p->lines[p->lines_len++];
}

static void count_limit(struct wsc_plot *p, int64_t idle_ns)
{
    for (size_t i = 0; i < p->limit_len; i++) {
        int64_t slack = wsc_limit_slack(p->limit[i].ns);
        if (idle_ns >= p->limit[i].ns - slack && idle_ns <= p->limit[i].ns + slack)
            p->limit[i].count++;
    }
}

static void count_lengths(struct wsc_plot *p, const struct wsc_closure *r, uint64_t at_ns)
{
    bool bare = r->close_code == 1006 && r->code_source == WSC_CODE_SOURCE_INFERRED;
    enum wsc_plot_end end = bare ? WSC_PLOT_WITHOUT_CLOSE : WSC_PLOT_WITH_CLOSE;
    if (r->duration_ns >= 0)
        p->age[end][wsc_log_bin(r->duration_ns)]++;
    if (r->idle_any_ns < 0)
        return;
    size_t bin = wsc_log_bin(r->idle_any_ns);
    p->idle[end][bin]++;
    count_limit(p, r->idle_any_ns);
    if (at_ns != 0)
        wsc_time_row_add(&p->time, &p->heat[bin], at_ns, 1);
}

void wsc_plot_record(struct wsc_plot *p, const struct wsc_closure *r)
{
    uint64_t at = r->ended_ns != 0 ? r->ended_ns : r->last_ns;
    p->records++;
    p->outcomes[r->outcome]++;
    if (at != 0) {
        p->first_ns = p->first_ns == 0 || at < p->first_ns ? at : p->first_ns;
        p->last_ns = at > p->last_ns ? at : p->last_ns;
    }
    if (r->outcome == WSC_OUTCOME_OPEN)
        return;
    struct wsc_plot_line *line = line_of(p, line_code(r));
    line->count++;
    if (at != 0) {
        wsc_time_bins_take(&p->time, at);
        wsc_time_row_add(&p->time, &line->row, at, 1);
    }
    if (r->outcome == WSC_OUTCOME_CLOSED)
        count_lengths(p, r, at);
}

/* ---- bars ---- */

static void put_label(struct wsc_plot *p, struct wsc_plot_row *bar, const struct wsc_stats_row *row,
                      size_t n)
{
    size_t len = 0, columns = 0;
    for (size_t i = 0; i < n; i++) {
        struct wsc_span key = row->keys[i].ptr != NULL
                                  ? row->keys[i]
                                  : (struct wsc_span){.ptr = (const uint8_t *)"-", .len = 1};
        if (i > 0 && columns + 3 < LABEL_COLUMNS) {
            memcpy(bar->label + len, "  ", 3);
            len += 2;
            columns += 2;
        }
        size_t room = LABEL_COLUMNS / n;
        columns += wsc_text_fit(key, room, p->opt.utf8, bar->label + len,
                                sizeof(bar->label) * (i + 1) / n - len);
        len += strlen(bar->label + len);
    }
}

void wsc_plot_bar(struct wsc_plot *p, const enum wsc_stats_key *keys, size_t n,
                  const struct wsc_stats_row *row)
{
    memcpy(p->keys, keys, n * sizeof(*keys));
    p->keys_len = n;
    if (p->bars_len == WSC_PLOT_BARS) {
        p->bars_more++;
        p->bars_more_count += row->count;
        return;
    }
    struct wsc_plot_row *bar = &p->bars[p->bars_len++];
    put_label(p, bar, row, n);
    bar->count = row->count;
    bar->abnormal = row->abnormal;
    bar->share = row->share;
}
