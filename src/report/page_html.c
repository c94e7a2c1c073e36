/* What of a page can be read without its script. */
#include "report/page_run.h"

#include "report/text.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <stdio.h>

static const char *const sides[] = {"client", "server", "both", "nobody"};
static const enum wsc_side side_order[] = {WSC_SIDE_CLIENT, WSC_SIDE_SERVER, WSC_SIDE_BOTH,
                                           WSC_SIDE_NONE};

static uint64_t sum_of(const uint64_t by[4])
{
    return by[0] + by[1] + by[2] + by[3];
}

/* "2026-01-02 03:04:05 UTC". */
static void put_time(struct wsc_pt *t, uint64_t ns)
{
    char text[WSC_TIME_TEXT_MAX];
    wsc_time_text(ns, text);
    wsc_pt_printf(t, "<time datetime=\"%.19sZ\">%.10s %.8s UTC</time>", text, text, text + 11);
}

static void element(struct wsc_pt *t, const char *open, struct wsc_span s, const char *close)
{
    wsc_pt_put(t, open);
    wsc_pt_html(t, s);
    wsc_pt_put(t, close);
}

static void string(struct wsc_pt *t, const char *open, const char *s, const char *close)
{
    element(t, open, wsc_pt_span(s), close);
}

static void cell(struct wsc_pt *t, uint64_t n)
{
    char text[WSC_PT_COUNT_MAX];
    wsc_pt_printf(t, "<td class=\"num\">%s</td>", wsc_pt_count(n, text));
}

static void cells_by(struct wsc_pt *t, const uint64_t by[4])
{
    cell(t, sum_of(by));
    for (size_t i = 0; i < 4; i++)
        cell(t, by[side_order[i]]);
}

static void table(struct wsc_pt *t, const char *id, const char *caption, const char *const *heads,
                  size_t n)
{
    wsc_pt_printf(t, "<table id=\"%s\"><caption>%s</caption><thead><tr>", id, caption);
    for (size_t i = 0; i < n; i++)
        string(t, "<th scope=\"col\">", heads[i], "</th>");
    wsc_pt_put(t, "</tr></thead><tbody>\n");
}

/* ---- the answer ---- */

void wsc_page_put_answer(const struct wsc_page *p, struct wsc_pt *t)
{
    for (size_t i = 0; i < p->answer_len; i++)
        string(t, "<p>", p->answer[i], "</p>\n");
}

/* ---- findings ---- */

static void put_share(struct wsc_pt *t, const struct wsc_finding *f)
{
    char a[WSC_PT_COUNT_MAX], b[WSC_PT_COUNT_MAX];
    wsc_pt_printf(t, "<p class=\"share\">%s of %s ", wsc_pt_count(f->count, a),
                  wsc_pt_count(f->of, b));
    wsc_pt_html_string(t, f->of_what);
    wsc_pt_printf(t, " (%.1f\xc2\xa0%%), ", f->of > 0 ? 100 * (double)f->count / (double)f->of : 0);
    put_time(t, f->first_ns);
    wsc_pt_put(t, " to ");
    put_time(t, f->last_ns);
    wsc_pt_put(t, "</p>\n");
}

static void put_candidate(struct wsc_pt *t, const struct wsc_limit *l)
{
    string(t, "<li class=\"match\">matches ", l->product, "");
    if (l->setting[0] != '\0')
        string(t, ", <code>", l->setting, "</code>");
    wsc_pt_printf(t, ": %g", (double)l->min_ns / 1e9);
    if (l->max_ns > l->min_ns)
        wsc_pt_printf(t, " to %g", (double)l->max_ns / 1e9);
    wsc_pt_printf(t, " s <small>(%s)</small></li>\n",
                  l->own        ? "yours"
                  : l->verified ? "verified"
                                : "not verified");
}

static void put_matches(struct wsc_pt *t, const struct wsc_finding *f)
{
    for (size_t i = 0; i < f->candidates_len; i++)
        put_candidate(t, f->candidates[i]);
    if (f->candidates_more > 0)
        wsc_pt_printf(t, "<li class=\"match\">matches %zu more</li>\n", f->candidates_more);
    if (f->limit_sought && f->candidates_len == 0)
        wsc_pt_put(t, "<li class=\"match\">matches no limit in the table</li>\n");
}

static void put_finding(const struct wsc_page *p, struct wsc_pt *t, const struct wsc_finding *f)
{
    wsc_pt_printf(t, "<li class=\"finding\" data-kind=\"%s\">", wsc_finding_kind_name(f->kind));
    element(t, "<h3>", f->title, "</h3>\n");
    put_share(t, f);
    wsc_pt_put(t, "<ul>\n");
    for (size_t i = 0; i < f->evidence_len; i++)
        element(t, "<li>", f->evidence[i], "</li>\n");
    put_matches(t, f);
    wsc_pt_put(t, "</ul>\n<p class=\"command\"><code>");
    wsc_pt_html_string(t, p->opt->command);
    element(t, " ", f->words, "</code></p></li>\n");
}

void wsc_page_put_findings(const struct wsc_page *p, struct wsc_pt *t)
{
    if (p->findings.len == 0) {
        wsc_pt_put(t, "<p>Nothing recurs that chance would not explain.</p>\n");
        return;
    }
    wsc_pt_put(t, "<ol class=\"findings\">\n");
    for (size_t i = 0; i < p->findings.len; i++)
        put_finding(p, t, &p->findings.list[i].f);
    wsc_pt_put(t, "</ol>\n");
}

/* ---- counts ---- */

static void put_outcomes(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_page_counts *c = &p->counts;
    const struct {
        const char *style, *what;
        uint64_t n;
    } rows[] = {{"", "connections", c->records},
                {"", "closed", c->outcomes[WSC_OUTCOME_CLOSED]},
                {" class=\"bad\"", "of these without a Close frame (1006)", c->abnormal},
                {"", "handshake failed", c->outcomes[WSC_OUTCOME_HANDSHAKE_FAILED]},
                {"", "still open", c->outcomes[WSC_OUTCOME_OPEN]},
                {"", "not known", c->outcomes[WSC_OUTCOME_UNKNOWN]}};
    char text[WSC_PT_COUNT_MAX];
    wsc_pt_put(t, "<dl class=\"counts\">\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        wsc_pt_printf(t, "<div%s><dt>%s</dt><dd>%s</dd></div>\n", rows[i].style, rows[i].what,
                      wsc_pt_count(rows[i].n, text));
    wsc_pt_put(t, "</dl>\n");
}

static void put_code_cell(struct wsc_pt *t, uint32_t key)
{
    if (key == UINT32_MAX) {
        wsc_pt_put(t, "<th scope=\"row\">other</th><td></td><td></td>");
        return;
    }
    int code = wsc_page_key_code(key);
    const struct wsc_code_info *info = code >= 0 ? wsc_code_find(code) : NULL;
    const struct wsc_code_page *page = code >= 0 ? wsc_code_page(code) : NULL;
    wsc_pt_put(t, "<th scope=\"row\"");
    if (page != NULL)
        string(t, " title=\"", page->meaning, "\"");
    if (code >= 0)
        wsc_pt_printf(t, ">%d</th>", code);
    else
        wsc_pt_put(t, ">none</th>");
    string(t, "<td>", info != NULL ? info->name : "", "</td>");
    string(t, "<td>", wsc_page_key_source(key), "</td>");
}

static void put_codes(const struct wsc_page *p, struct wsc_pt *t)
{
    static const char *const heads[] = {"code",      "name",   "source", "count",
                                        "by client", "server", "both",   "nobody"};
    table(t, "codes", "Codes, and who closed first", heads, sizeof(heads) / sizeof(heads[0]));
    for (size_t i = 0; i < p->bins->codes_len; i++) {
        wsc_pt_put(t, "<tr>");
        put_code_cell(t, p->bins->codes[i]);
        cells_by(t, p->bins->code_by[i]);
        wsc_pt_put(t, "</tr>\n");
    }
    wsc_pt_put(t, "</tbody></table>\n");
}

static void put_endings(const struct wsc_page *p, struct wsc_pt *t)
{
    const char *heads[6] = {"ending", "count"};
    for (size_t i = 0; i < 4; i++)
        heads[i + 2] = sides[i];
    table(t, "endings", "Endings on the wire, and who began", heads, 6);
    for (unsigned i = 0; i < WSC_PAGE_ENDINGS; i++) {
        if (sum_of(p->counts.endings[i]) == 0)
            continue;
        string(t, "<tr><th scope=\"row\">", wsc_ending_name((enum wsc_ending)i), "</th>");
        cells_by(t, p->counts.endings[i]);
        wsc_pt_put(t, "</tr>\n");
    }
    wsc_pt_put(t, "</tbody></table>\n");
}

static void put_causes(const struct wsc_page *p, struct wsc_pt *t)
{
    static const char *const heads[] = {"cause (inferred)", "count"};
    table(t, "causes", "Causes", heads, 2);
    for (unsigned i = 0; i <= WSC_CAUSE_COUNT; i++) {
        if (p->counts.causes[0][i] + p->counts.causes[1][i] == 0)
            continue;
        const char *word = i == WSC_CAUSE_COUNT  ? "other"
                           : i == WSC_CAUSE_NONE ? "none named"
                                                 : wsc_cause_name((enum wsc_cause)i);
        string(t, "<tr><th scope=\"row\">", word, "</th>");
        cell(t, p->counts.causes[0][i] + p->counts.causes[1][i]);
        wsc_pt_put(t, "</tr>\n");
    }
    wsc_pt_put(t, "</tbody></table>\n");
}

static void put_path_codes(const struct wsc_page *p, struct wsc_pt *t,
                           const struct wsc_page_path *path)
{
    bool any = false;
    char text[WSC_PT_COUNT_MAX];
    wsc_pt_put(t, "<td>");
    for (size_t i = 0; i < p->bins->codes_len; i++) {
        if (path->codes[i] == 0)
            continue;
        uint32_t key = p->bins->codes[i];
        int code = key != UINT32_MAX ? wsc_page_key_code(key) : WSC_UNKNOWN;
        wsc_pt_put(t, any ? ", " : "");
        if (code >= 0)
            wsc_pt_printf(t, "%d", code);
        else
            wsc_pt_html_string(t, key != UINT32_MAX ? wsc_page_key_source(key) : "other");
        wsc_pt_printf(t, ": %s", wsc_pt_count(path->codes[i], text));
        any = true;
    }
    wsc_pt_put(t, "</td>");
}

static void put_paths(const struct wsc_page *p, struct wsc_pt *t)
{
    static const char *const heads[] = {"server", "host", "path", "count", "codes"};
    const struct wsc_names *names = &p->counts.names;
    table(t, "paths", "Servers and paths", heads, 5);
    for (size_t i = 0; i < p->bins->paths_len; i++) {
        struct wsc_page_place place = wsc_page_place_get(&p->counts, p->bins->paths[i].place);
        if (p->bins->paths[i].place == 0)
            wsc_pt_put(t, "<tr><th scope=\"row\" colspan=\"3\">others, or not known</th>");
        else
            element(t, "<tr><th scope=\"row\">", wsc_names_get(names, place.server), "</th>");
        if (p->bins->paths[i].place != 0) {
            element(t, "<td>", wsc_names_get(names, place.host), "</td>");
            element(t, "<td>", wsc_names_get(names, place.path), "</td>");
        }
        cell(t, p->bins->paths[i].count);
        put_path_codes(p, t, &p->bins->paths[i]);
        wsc_pt_put(t, "</tr>\n");
    }
    wsc_pt_put(t, "</tbody></table>\n");
}

void wsc_page_put_counts(const struct wsc_page *p, struct wsc_pt *t)
{
    put_outcomes(p, t);
}

void wsc_page_put_tables(const struct wsc_page *p, struct wsc_pt *t)
{
    if (p->counts.records == 0)
        return;
    put_codes(p, t);
    put_endings(p, t);
    put_causes(p, t);
    put_paths(p, t);
}

/* ---- about ---- */

static void put_read(const struct wsc_page *p, struct wsc_pt *t)
{
    const struct wsc_names *s = &p->counts.sources;
    wsc_pt_put(t, "<div><dt>read</dt><dd>");
    if (p->opt->database != NULL)
        string(t, "<code>", p->opt->database, "</code>, captures ");
    for (uint32_t i = 1; i <= s->len && i <= WSC_PAGE_SOURCES; i++) {
        wsc_pt_put(t, i > 1 ? ", " : "");
        element(t, "<code>", wsc_names_get(s, i), "</code>");
    }
    if (s->len > WSC_PAGE_SOURCES)
        wsc_pt_printf(t, " and %zu more", s->len - WSC_PAGE_SOURCES);
    wsc_pt_put(t, s->len == 0 ? "none</dd></div>\n" : "</dd></div>\n");
}

void wsc_page_put_about(const struct wsc_page *p, struct wsc_pt *t)
{
    wsc_pt_put(t, "<dl class=\"about\">\n");
    put_read(p, t);
    if (p->filtered)
        string(t, "<div><dt>only</dt><dd><code>", p->opt->filter, "</code></dd></div>\n");
    if (p->counts.first_ns != 0) {
        wsc_pt_put(t, "<div><dt>time</dt><dd>");
        put_time(t, p->counts.first_ns);
        wsc_pt_put(t, " to ");
        put_time(t, p->counts.last_ns);
        wsc_pt_put(t, "</dd></div>\n");
    }
    wsc_pt_put(t, "<div><dt>made</dt><dd>");
    put_time(t, p->opt->made_ns);
    string(t, " by wsclose ", p->opt->version, "</dd></div>\n</dl>\n");
    if (p->notes_len == 0)
        return;
    wsc_pt_put(t, "<ul class=\"notes\">\n");
    for (size_t i = 0; i < p->notes_len; i++)
        string(t, "<li>", p->notes[i], "</li>\n");
    wsc_pt_put(t, "</ul>\n");
}
