#include "report/render.h"

#include "report/text.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDTH_USUAL 80u
#define WIDTH_LEAST 24u
#define INDENT_MOST 5u
#define TEXT_MAX    4096u

static const char bold[] = "\033[1m", dim[] = "\033[2m", plain[] = "\033[0m";

static size_t width_of(const struct wsc_report *rep)
{
    size_t w = rep->opt.width != 0 ? rep->opt.width : WIDTH_USUAL;
    return w > WIDTH_LEAST ? w : WIDTH_LEAST;
}

static void style(const struct wsc_report *rep, const char *code)
{
    if (rep->opt.color)
        fputs(code, rep->out);
}

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

/* Writes safe text after |lead|, later lines indented as far, but not beyond INDENT_MOST. */
static void wrap(struct wsc_report *rep, const char *lead, struct wsc_span raw)
{
    char safe[TEXT_MAX];
    (void)wsc_text_fit(raw, 0, rep->opt.utf8, safe, sizeof(safe));
    size_t column = strlen(lead), columns;
    fputs(lead, rep->out);
    for (const char *at = safe, *next; *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, width_of(rep) - column, true, &next, &columns);
        fprintf(rep->out, "%.*s\n", (int)n, at);
        column = column < INDENT_MOST ? column : INDENT_MOST;
        if (*next != '\0')
            fprintf(rep->out, "%*s", (int)column, "");
    }
}

/* "2026-01-02 03:04:05 to 05:09:55 UTC". */
static void time_span(uint64_t from, uint64_t to, char *out, size_t cap)
{
    char a[WSC_TIME_TEXT_MAX], b[WSC_TIME_TEXT_MAX];
    wsc_time_text(from, a);
    wsc_time_text(to, b);
    a[10] = b[10] = ' ';
    bool same_day = memcmp(a, b, 10) == 0;
    (void)snprintf(out, cap, "%.19s to %.*s UTC", a, same_day ? 8 : 19, same_day ? b + 11 : b);
}

static void put_share(struct wsc_report *rep, const struct wsc_finding *f)
{
    char when[64], text[256];
    time_span(f->first_ns, f->last_ns, when, sizeof(when));
    (void)snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " %s (%.1f %%), %s", f->count,
                   f->of, f->of_what, f->of > 0 ? 100 * (double)f->count / (double)f->of : 0, when);
    wrap(rep, "   ", span(text));
}

static void put_candidates(struct wsc_report *rep, const struct wsc_finding *f)
{
    char text[512];
    for (size_t i = 0; i < f->candidates_len; i++) {
        const struct wsc_limit *l = f->candidates[i];
        int n = snprintf(text, sizeof(text), "%s%s%s: %g", l->product,
                         l->setting[0] != '\0' ? ", " : "", l->setting, (double)l->min_ns / 1e9);
        if (l->max_ns > l->min_ns && n > 0 && (size_t)n < sizeof(text))
            n += snprintf(text + n, sizeof(text) - (size_t)n, " to %g", (double)l->max_ns / 1e9);
        if (n > 0 && (size_t)n < sizeof(text))
            (void)snprintf(text + n, sizeof(text) - (size_t)n, " s [%s]",
                           l->own        ? "yours"
                           : l->verified ? "verified"
                                         : "not verified");
        wrap(rep, "   matches ", span(text));
    }
    if (f->candidates_more > 0)
        fprintf(rep->out, "   matches %zu more\n", f->candidates_more);
    if (f->limit_sought && f->candidates_len == 0)
        wrap(rep, "   ", span("matches no limit in the table (--limits FILE adds your own)"));
}

static void put_ids(struct wsc_report *rep, const struct wsc_finding *f)
{
    char text[256] = "";
    size_t n = 0;
    for (size_t i = 0; i < f->ids_len && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%" PRId64, i > 0 ? ", " : "",
                              f->ids[i]);
    wrap(rep, f->count > f->ids_len ? "   records, e.g. " : "   records ", span(text));
}

/* Where the word at |at| ends: at a space before "--" that stands in no quotes. */
static size_t word_end(struct wsc_span s, size_t at)
{
    bool quoted = false;
    for (size_t i = at; i < s.len; i++) {
        quoted ^= s.ptr[i] == '\'';
        if (!quoted && s.ptr[i] == ' ' && s.len - i > 2 && memcmp(s.ptr + i, " --", 3) == 0)
            return i;
    }
    return s.len;
}

/* A line to copy: broken with backslashes, never inside a word. */
static void put_command(struct wsc_report *rep, const struct wsc_finding *f, const char *command)
{
    size_t column = 3 + strlen(command);
    fputs("   ", rep->out);
    wsc_report_put_safe(rep->out, span(command));
    for (size_t at = 0; at < f->words.len;) {
        size_t end = word_end(f->words, at), len = end - at;
        if (column + 1 + len + 2 > width_of(rep)) {
            fputs(" \\\n     ", rep->out);
            column = 5;
        } else {
            fputc(' ', rep->out);
            column++;
        }
        wsc_report_put_safe(rep->out, (struct wsc_span){.ptr = f->words.ptr + at, .len = len});
        column += len;
        at = end < f->words.len ? end + 1 : end;
    }
    fputc('\n', rep->out);
}

static enum wsc_err paragraph(struct wsc_report *rep, const struct wsc_finding *f,
                              const char *command)
{
    char lead[32];
    (void)snprintf(lead, sizeof(lead), "%" PRIu64 ". ", rep->rows + 1);
    style(rep, bold);
    wrap(rep, lead, f->title);
    style(rep, plain);
    put_share(rep, f);
    for (size_t i = 0; i < f->evidence_len; i++)
        wrap(rep, "   - ", f->evidence[i]);
    put_candidates(rep, f);
    put_ids(rep, f);
    style(rep, dim);
    put_command(rep, f, command);
    style(rep, plain);
    fputc('\n', rep->out);
    return wsc_render_written(rep);
}

enum wsc_err wsc_report_finding(struct wsc_report *rep, const struct wsc_finding *f,
                                const char *command)
{
    enum wsc_err e = WSC_OK;
    if (rep->opt.format == WSC_FORMAT_CSV)
        return WSC_ERR_INVALID;
    if (rep->opt.format == WSC_FORMAT_TABLE)
        e = paragraph(rep, f, command);
    else if (rep->opt.format != WSC_FORMAT_NONE)
        e = wsc_findings_json(rep, f, command);
    rep->rows++;
    return e;
}

enum wsc_err wsc_report_findings_summary(struct wsc_report *rep,
                                         const struct wsc_findings_summary *sum)
{
    char text[512], when[64] = "";
    if (rep->opt.format != WSC_FORMAT_TABLE)
        return WSC_OK;
    if (sum->first_ns != 0)
        time_span(sum->first_ns, sum->last_ns, when, sizeof(when));
    int n = snprintf(text, sizeof(text), "%s%" PRIu64 " connections looked at%s%s",
                     sum->findings == 0 ? "Nothing found: " : "", sum->records,
                     when[0] != '\0' ? ", " : "", when);
    if (sum->cut && n > 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "; there are more, which were not looked at (--since, --until choose)");
    if (sum->names_full && n > 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n,
                      "; of some the server did not fit into memory, they were left out");
    if (sum->left_out > 0 && n > 0)
        (void)snprintf(text + n, sizeof(text) - (size_t)n,
                       "; %" PRIu64 " more findings are not shown", sum->left_out);
    wrap(rep, "", span(text));
    return wsc_render_written(rep);
}
