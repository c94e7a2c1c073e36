#include "markdown.h"

#include "roff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 8u

struct cell {
    const char *text;
    size_t len;
};

enum part { PART_NONE, PART_TEXT, PART_TABLE, PART_FENCE };

struct page {
    FILE *out;
    const char *from;
    enum part part; /* what the last line belonged to */
    size_t columns; /* of the table */
    unsigned long line;
    bool fresh; /* right behind a heading: a paragraph needs no .Pp */
    bool failed;
};

static const char bold[] = "\\fB", plain[] = "\\fR";

/* Running text with `code` and **bold**; |words|: those are arguments of a macro, where any could
 * be taken for another macro. */
static void inline_text(FILE *out, const char *text, size_t len, bool words)
{
    bool on = false;
    if (words || (len > 0 && text[0] == '.'))
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++) {
        bool stars = i + 1 < len && text[i] == '*' && text[i + 1] == '*';
        if (text[i] != '`' && !stars) {
            roff_char(out, text[i]);
            if (words && text[i] == ' ')
                fputs("\\&", out);
            if (!words && roff_ends_sentence(text, i, len)) {
                fputc('\n', out);
                i++;
            }
            continue;
        }
        on = !on;
        fputs(on ? bold : plain, out);
        i += stars;
    }
}

/* ---- tables ---- */

static size_t split(const char *line, struct cell cells[CELLS_MAX])
{
    size_t n = 0;
    const char *p = line + 1;
    while (n < CELLS_MAX) {
        const char *end = strchr(p, '|');
        if (end == NULL)
            break;
        while (*p == ' ' && p < end)
            p++;
        size_t len = (size_t)(end - p);
        while (len > 0 && p[len - 1] == ' ')
            len--;
        cells[n++] = (struct cell){p, len};
        p = end + 1;
    }
    return n;
}

/* The first cell is the tag, the last the text; what stands between them (a unit) before it. */
static void row(struct page *p, const char *line)
{
    struct cell cells[CELLS_MAX];
    size_t n = split(line, cells);
    if (n != p->columns || n == 0) {
        fprintf(stderr, "%s:%lu: %zu columns in a table of %zu\n", p->from, p->line, n, p->columns);
        p->failed = true;
        return;
    }
    fputs(".It ", p->out);
    inline_text(p->out, cells[0].text, cells[0].len, true);
    fputc('\n', p->out);
    for (size_t i = 1; i < n; i++) {
        bool last = i + 1 == n;
        if (cells[i].len == 0)
            continue;
        fputs(last ? "" : "(", p->out);
        inline_text(p->out, cells[i].text, cells[i].len, false);
        fputs(last ? "\n" : ")\n", p->out);
    }
}

static void table_line(struct page *p, const char *line)
{
    struct cell cells[CELLS_MAX];
    if (p->part != PART_TABLE) { /* the heading says what the list itself shows */
        p->columns = split(line, cells);
        fputs(".Bl -tag -width Ds\n", p->out);
        p->part = PART_TABLE;
    } else if (strncmp(line, "|---", 4) != 0) {
        row(p, line);
    }
}

/* ---- lines ---- */

static void leave(struct page *p)
{
    if (p->part == PART_TABLE)
        fputs(".El\n", p->out);
    p->part = PART_NONE;
}

static void fence(struct page *p, const char *line)
{
    if (p->part == PART_FENCE) {
        if (strncmp(line, "```", 3) == 0) {
            fputs(".Ed\n", p->out);
            p->part = PART_NONE;
            return;
        }
        fputs(line[0] == '.' ? "\\&" : "", p->out);
        for (const char *c = line; *c != '\0'; c++)
            roff_char(p->out, *c);
        fputc('\n', p->out);
        return;
    }
    leave(p);
    fputs(".Bd -literal -offset indent\n", p->out);
    p->part = PART_FENCE;
}

static void text_line(struct page *p, const char *line)
{
    if (p->part != PART_TEXT) {
        leave(p);
        fputs(p->fresh ? "" : ".Pp\n", p->out);
    }
    p->part = PART_TEXT;
    inline_text(p->out, line, strlen(line), false);
    fputc('\n', p->out);
}

static void take(struct page *p, const char *line)
{
    if (p->part == PART_FENCE || strncmp(line, "```", 3) == 0) {
        fence(p, line);
    } else if (line[0] == '\0') {
        leave(p);
    } else if (line[0] == '#') {
        size_t depth = strspn(line, "#");
        leave(p);
        if (depth == 1) /* the page has its own title */
            return;
        fputs(".Ss ", p->out);
        inline_text(p->out, line + depth + 1, strlen(line + depth + 1), true);
        fputc('\n', p->out);
        p->fresh = true;
        return;
    } else if (line[0] == '|') {
        table_line(p, line);
    } else {
        text_line(p, line);
    }
    p->fresh = p->fresh && line[0] == '\0';
}

bool markdown_write(FILE *out, const char *from)
{
    struct page p = {.out = out, .from = from, .fresh = true};
    FILE *in = fopen(from, "r");
    if (in == NULL) {
        fprintf(stderr, "%s: %s\n", from, strerror(errno));
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, in) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        p.line++;
        take(&p, line);
    }
    bool open = p.part == PART_FENCE;
    leave(&p);
    if (open)
        fprintf(stderr, "%s: a block does not end\n", from);
    bool ok = !ferror(in) && !p.failed && !open;
    free(line);
    (void)fclose(in);
    return ok;
}
