#include "report/prose.h"

#include "report/render.h"
#include "report/wrap.h"

#include <string.h>

#define INDENT      ((size_t)2)
#define PIPE_WIDTH  80u  /* where the output is no terminal */
#define WIDTH_MAX   100u /* longer lines are hard to read */
#define WIDTH_MIN   20u
#define LABELS_FROM 60u /* narrower: labels get lines of their own */
#define PAIR_FROM   64u /* narrower: one below the other */

static const char *const bold = "\033[1m", *const dim = "\033[2m", *const off = "\033[0m";

void wsc_prose_init(struct prose *p, const struct wsc_report *rep, const char *const *labels)
{
    size_t width = rep->opt.width != 0 ? rep->opt.width : PIPE_WIDTH;
    width = width > WIDTH_MAX ? WIDTH_MAX : width < WIDTH_MIN ? WIDTH_MIN : width;
    *p = (struct prose){.out = rep->out, .width = width, .color = rep->opt.color};
    if (width < LABELS_FROM)
        return;
    for (size_t i = 0; labels[i] != NULL; i++) {
        size_t n = wsc_wrap_columns(labels[i]);
        p->labels = n > p->labels ? n : p->labels;
    }
}

/* A text of its own, on as many lines as it takes. */
static void put_block(const struct prose *p, const char *style, size_t indent, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t columns;
        const char *next;
        size_t n = wsc_wrap_line(at, p->width - indent, false, &next, &columns);
        bool styled = p->color && style[0] != '\0';
        fprintf(p->out, "%*s%s%.*s%s\n", (int)indent, "", styled ? style : "", (int)n, at,
                styled ? off : "");
        at = next;
    }
}

void wsc_prose_title(const struct prose *p, const char *title)
{
    put_block(p, bold, 0, title);
}

/* ---- lines of a list ---- */

struct lines {
    const char *const *items;
    const char *at; /* what is left of the item; NULL: it has not begun */
    size_t width;
    bool marked; /* several items: each begins with a dash */
    bool hard;   /* no line may be longer */
};

static struct lines lines_of(const char *const *items, size_t width)
{
    bool marked = items[0] != NULL && items[1] != NULL;
    return (struct lines){.items = items, .width = width, .marked = marked};
}

/* Writes the next line, without its end. Returns false, with nothing written, if there is none. */
static bool put_line(const struct prose *p, struct lines *l, size_t *columns)
{
    if (l->items[0] == NULL)
        return false;
    bool begins = l->at == NULL;
    const char *at = begins ? l->items[0] : l->at;
    size_t mark = l->marked ? 2 : 0;
    size_t n = wsc_wrap_line(at, l->width - mark, l->hard, &l->at, columns);
    fprintf(p->out, "%s%.*s", mark == 0 ? "" : begins ? "- " : "  ", (int)n, at);
    *columns += mark;
    if (l->at[0] == '\0') {
        l->items++;
        l->at = NULL;
    }
    return true;
}

/* ---- entries ---- */

static size_t text_indent(const struct prose *p)
{
    return p->labels > 0 ? INDENT + p->labels + 2 : 2 * INDENT;
}

/* Writes the label; the cursor then stands at the indent of the text. */
static void put_label(const struct prose *p, const char *label)
{
    if (p->labels > 0) {
        fprintf(p->out, "%*s%s%s%s%*s", (int)INDENT, "", p->color ? dim : "", label,
                p->color ? off : "", (int)(p->labels - wsc_wrap_columns(label) + 2), "");
    } else {
        put_block(p, dim, INDENT, label);
        fprintf(p->out, "%*s", (int)text_indent(p), "");
    }
}

static void put_lines(const struct prose *p, const char *const *items)
{
    size_t indent = text_indent(p), columns;
    struct lines l = lines_of(items, p->width - indent);
    bool first = true;
    while (l.items[0] != NULL) {
        if (!first)
            fprintf(p->out, "%*s", (int)indent, "");
        first = false;
        (void)put_line(p, &l, &columns);
        fputc('\n', p->out);
    }
}

void wsc_prose_entry(const struct prose *p, const char *label, const char *const *items)
{
    if (items[0] == NULL)
        return;
    put_label(p, label);
    put_lines(p, items);
}

static bool same(const char *const *a, const char *const *b)
{
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == *b; /* both ended */
}

static void put_once(const struct prose *p, const char *label, const char *const *items)
{
    size_t columns;
    struct lines l = lines_of(items, p->width - INDENT);
    put_block(p, dim, 0, label);
    while (l.items[0] != NULL) {
        fprintf(p->out, "%*s", (int)INDENT, "");
        (void)put_line(p, &l, &columns);
        fputc('\n', p->out);
    }
}

static void put_below(const struct prose *p, const char *label, const char *const heads[2],
                      const char *const *const items[2])
{
    put_block(p, dim, 0, label);
    for (int i = 0; i < 2; i++) {
        if (items[i][0] == NULL)
            continue;
        put_block(p, "", INDENT, heads[i]);
        struct lines l = lines_of(items[i], p->width - 2 * INDENT);
        size_t columns;
        while (l.items[0] != NULL) {
            fprintf(p->out, "%*s", (int)(2 * INDENT), "");
            (void)put_line(p, &l, &columns);
            fputc('\n', p->out);
        }
    }
}

void wsc_prose_heads(const struct prose *p, const char *const heads[2])
{
    if (p->width < PAIR_FROM)
        return; /* each stands before what is its own */
    if (p->color)
        fputs(bold, p->out);
    wsc_prose_pair(p, "", heads,
                   (const char *const *const[2]){(const char *const[]){heads[0], NULL},
                                                 (const char *const[]){heads[1], NULL}});
    if (p->color)
        fputs(off, p->out);
}

void wsc_prose_pair(const struct prose *p, const char *label, const char *const heads[2],
                    const char *const *const items[2])
{
    if (items[0][0] == NULL && items[1][0] == NULL)
        return;
    if (same(items[0], items[1])) {
        put_once(p, label, items[0]);
        return;
    }
    if (p->width < PAIR_FROM) {
        put_below(p, label, heads, items);
        return;
    }
    size_t width = (p->width - INDENT - 3) / 2, columns = 0;
    struct lines left = lines_of(items[0], width), right = lines_of(items[1], width);
    left.hard = right.hard = true;
    put_block(p, dim, 0, label);
    while (left.items[0] != NULL || right.items[0] != NULL) {
        fprintf(p->out, "%*s", (int)INDENT, "");
        columns = 0;
        (void)put_line(p, &left, &columns);
        if (right.items[0] != NULL) {
            fprintf(p->out, "%*s", (int)(width - columns + 3), "");
            (void)put_line(p, &right, &columns);
        }
        fputc('\n', p->out);
    }
}
