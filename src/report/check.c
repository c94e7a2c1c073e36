#include "report/grid.h"
#include "report/json.h"
#include "report/text.h"
#include "report/wrap.h"

#include <stdio.h>
#include <string.h>

#define WIDTH_USUAL 80u
#define WIDTH_LEAST 40u
#define TEXT_MAX    2048u

/* Columns: the state, what was looked at, what was found. */
#define AT_NAME 9u
#define AT_TEXT 27u

static const struct {
    const char *name;
    enum wsc_grid_style style;
} states[] = {
    [WSC_CHECK_OK] = {"ok", WSC_GRID_GREEN},
    [WSC_CHECK_NOTE] = {"note", WSC_GRID_YELLOW},
    [WSC_CHECK_UNKNOWN] = {"unknown", WSC_GRID_DIM},
    [WSC_CHECK_MISSING] = {"missing", WSC_GRID_RED},
};

const char *wsc_check_state_name(enum wsc_check_state state)
{
    return (unsigned)state < sizeof(states) / sizeof(states[0]) ? states[state].name : "invalid";
}

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

/* Writes |raw| made safe, on as many lines as it takes; the cursor stands at |column|, which later
 * lines begin at. */
static void put_text(struct wsc_report *rep, size_t column, const char *raw)
{
    char safe[TEXT_MAX];
    size_t width = rep->opt.width != 0 ? rep->opt.width : WIDTH_USUAL, columns;
    width = width > WIDTH_LEAST ? width : WIDTH_LEAST;
    (void)wsc_text_fit(span(raw), 0, rep->opt.utf8, safe, sizeof(safe));
    for (const char *at = safe, *next; *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, width - column, true, &next, &columns);
        fprintf(rep->out, "%.*s", (int)n, at);
        if (*next != '\0')
            fprintf(rep->out, "\n%*s", (int)column, "");
    }
    fputc('\n', rep->out);
}

static enum wsc_err put_lines(struct wsc_report *rep, const struct wsc_check *c)
{
    char name[256], shown[256];
    size_t at = rep->opt.width == 0 || rep->opt.width >= 2 * AT_TEXT ? AT_TEXT : AT_NAME;
    const char *color = wsc_grid_color(states[c->state].style);
    (void)snprintf(name, sizeof(name), "%s%s%s", c->name, c->subject != NULL ? " " : "",
                   c->subject != NULL ? c->subject : "");
    size_t columns = wsc_text_fit(span(name), 0, rep->opt.utf8, shown, sizeof(shown));
    fprintf(rep->out, "%s%-*s%s%s", rep->opt.color ? color : "", (int)AT_NAME,
            states[c->state].name, rep->opt.color ? "\033[0m" : "", shown);
    if (at == AT_TEXT && columns < AT_TEXT - AT_NAME - 1)
        fprintf(rep->out, "%*s", (int)(AT_TEXT - AT_NAME - columns), "");
    else
        fprintf(rep->out, "\n%*s", (int)at, "");
    put_text(rep, at, c->text);
    if (c->mend != NULL) { /* one line, however long: it is copied */
        char command[TEXT_MAX];
        (void)wsc_text_fit(span(c->mend), 0, rep->opt.utf8, command, sizeof(command));
        fprintf(rep->out, "%*s%s %s\n", (int)at, "", rep->opt.utf8 ? "→" : "->", command);
    }
    return wsc_render_written(rep);
}

static enum wsc_err put_object(struct wsc_report *rep, const struct wsc_check *c)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "check", json_string(c->name));
    bad |= json_object_set_new(o, "subject", wsc_json_text(span(c->subject)));
    bad |= json_object_set_new(o, "state", json_string(states[c->state].name));
    bad |= json_object_set_new(o, "needed", json_boolean(c->needed));
    bad |= json_object_set_new(o, "text", wsc_json_text(span(c->text)));
    bad |= json_object_set_new(o, "mend", wsc_json_text(span(c->mend)));
    if (bad != 0) {
        json_decref(o);
        return WSC_ERR_NOMEM;
    }
    return wsc_json_put(rep, o);
}

enum wsc_err wsc_report_check(struct wsc_report *rep, const struct wsc_check *c)
{
    enum wsc_err e = WSC_ERR_INVALID;
    if (rep->opt.format == WSC_FORMAT_TABLE)
        e = put_lines(rep, c);
    else if (rep->opt.format == WSC_FORMAT_JSON || rep->opt.format == WSC_FORMAT_NDJSON)
        e = put_object(rep, c);
    rep->rows++;
    return e;
}
