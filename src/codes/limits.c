#include <wsclose/limits.h>

#include "base/alloc.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "timeouts.inc"

#define KINDS (WSC_LIMIT_LOSS + 1u)

/* The times that fit a row with a value, slack included. */
struct reach {
    int64_t from, to;
    int64_t farthest; /* the largest |to| of its kind up to here */
    uint32_t row;
};

struct wsc_limits {
    struct wsc_limit *rows;
    size_t len, cap;
    struct reach *reaches; /* by kind, then by |from|; room for every row */
    size_t first[KINDS + 1];
    char **texts; /* the tables, cut into their cells; rows point into them */
    size_t texts_len;
};

/* ---- one cell ---- */

static int word_of(const char *cell, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(cell, words[i]) == 0)
            return (int)i;
    return -1;
}

#define SECONDS_MAX 1e9

static bool seconds_of(const char *cell, int64_t *min_ns, int64_t *max_ns)
{
    *min_ns = *max_ns = -1;
    if (strcmp(cell, "-") == 0)
        return true;
    char *end;
    double low = strtod(cell, &end), high = low;
    if (end == cell)
        return false;
    if (*end == '-') {
        const char *second = end + 1;
        high = strtod(second, &end);
        if (end == second)
            return false;
    }
    if (*end != '\0' || !(low > 0) || !(high >= low) || high > SECONDS_MAX)
        return false;
    *min_ns = (int64_t)(low * 1e9);
    *max_ns = (int64_t)(high * 1e9);
    return true;
}

static bool ends_of(char *cell, struct wsc_limit *row)
{
    if (strcmp(cell, "-") == 0)
        return true;
    char *rest = NULL;
    for (const char *w = strtok_r(cell, ",", &rest); w != NULL; w = strtok_r(NULL, ",", &rest)) {
        char *end;
        long code = strtol(w, &end, 10);
        if (strcmp(w, "fin") == 0) {
            row->ends |= WSC_ENDS_FIN;
        } else if (strcmp(w, "rst") == 0) {
            row->ends |= WSC_ENDS_RST;
        } else if (strcmp(w, "silent") == 0) {
            row->ends |= WSC_ENDS_SILENT;
        } else if (*end == '\0' && code >= 1000 && code <= 4999) {
            row->ends |= WSC_ENDS_CLOSE;
            row->close_code = (int)code;
        } else {
            return false;
        }
    }
    return true;
}

/* ---- one row ---- */

enum column { PRODUCT, KIND, SECONDS, SETTING, HOW, NOTES, SOURCE, VERIFIED, CLOCK, ENDS, COLUMNS };

static size_t cut_cells(char *line, char *cells[COLUMNS])
{
    size_t n = 0;
    for (char *at = line; at != NULL; n++) {
        char *cell = strsep(&at, "\t");
        if (n < COLUMNS)
            cells[n] = cell;
    }
    return n;
}

static const char *or_empty(const char *cell)
{
    return strcmp(cell, "-") == 0 ? "" : cell;
}

/* NULL, or what is wrong with the row. */
static const char *read_row(char *line, struct wsc_limit *row)
{
    static const char *const kinds[] = {"idle", "lifetime", "ping", "drain", "keepalive", "loss"};
    static const char *const clocks[] = {"any", "client", "server", "data"};
    static char no_ends[] = "-";
    char *cells[COLUMNS];
    size_t n = cut_cells(line, cells);
    if (n <= VERIFIED || n > COLUMNS)
        return "expected 8 to 10 columns, separated by tabs";
    if (cells[PRODUCT][0] == '\0')
        return "the product is empty";
    int kind = word_of(cells[KIND], kinds, sizeof(kinds) / sizeof(kinds[0]));
    if (kind < 0)
        return "the kind must be idle, lifetime, ping, drain, keepalive or loss";
    int clock = n > CLOCK ? word_of(cells[CLOCK], clocks, sizeof(clocks) / sizeof(clocks[0])) : 0;
    if (clock < 0)
        return "the clock must be any, client, server or data";
    *row = (struct wsc_limit){.product = cells[PRODUCT],
                              .setting = or_empty(cells[SETTING]),
                              .how = or_empty(cells[HOW]),
                              .notes = or_empty(cells[NOTES]),
                              .source = or_empty(cells[SOURCE]),
                              .kind = (enum wsc_limit_kind)kind,
                              .clock = (enum wsc_limit_clock)clock,
                              .verified = strncmp(cells[VERIFIED], "yes", 3) == 0};
    if (!seconds_of(cells[SECONDS], &row->min_ns, &row->max_ns))
        return "the seconds must be a number, a range like 600-1800, or -";
    if (!ends_of(n > ENDS ? cells[ENDS] : no_ends, row))
        return "the ends must be of fin, rst, silent and a close code, separated by commas";
    return NULL;
}

/* ---- tables ---- */

static bool add_row(struct wsc_limits *set, const struct wsc_limit *row)
{
    if (set->len == set->cap) {
        size_t cap = set->cap != 0 ? set->cap * 2 : 64;
        struct wsc_limit *rows = wsc_realloc(set->rows, cap * sizeof(*rows));
        if (rows == NULL)
            return false;
        set->rows = rows;
        set->cap = cap;
    }
    set->rows[set->len++] = *row;
    return true;
}

static enum wsc_err bad_line(struct wsc_error *err, const char *name, unsigned line,
                             const char *why)
{
    return wsc_error_set(err, WSC_ERR_FORMAT, "%s: line %u: %s", name, line, why);
}

/* Takes the rows of |text|, which the set owns then, whatever comes out. */
static enum wsc_err add_text(struct wsc_limits *set, char *text, const char *name, bool own,
                             struct wsc_error *err)
{
    char **texts = wsc_realloc(set->texts, (set->texts_len + 1) * sizeof(*texts));
    if (texts == NULL) {
        wsc_free(text);
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    set->texts = texts;
    texts[set->texts_len++] = text;
    size_t before = set->len;
    unsigned number = 0;
    /* Some editors begin a file with a byte order mark. */
    for (char *at = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text; at != NULL;) {
        char *line = strsep(&at, "\n");
        number++;
        size_t len = strlen(line);
        if (len > 0 && line[len - 1] == '\r')
            line[len - 1] = '\0';
        if (line[0] == '\0' || line[0] == '#' || strncmp(line, "product\t", 8) == 0)
            continue;
        struct wsc_limit row;
        const char *why = read_row(line, &row);
        enum wsc_err e = WSC_OK;
        row.own = own;
        if (why != NULL)
            e = bad_line(err, name, number, why);
        else if (set->len == WSC_LIMITS_MAX)
            e = wsc_error_set(err, WSC_ERR_LIMIT, "%s: more than %u limits", name, WSC_LIMITS_MAX);
        else if (!add_row(set, &row))
            e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
        if (e != WSC_OK) {
            set->len = before;
            return e;
        }
    }
    return WSC_OK;
}

/* ---- the index ---- */

static bool make_room(struct wsc_limits *set)
{
    struct reach *reaches = wsc_realloc(set->reaches, set->len * sizeof(*reaches));
    if (reaches != NULL)
        set->reaches = reaches;
    return reaches != NULL;
}

static int by_from(const void *a, const void *b)
{
    const struct reach *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void index_kind(struct wsc_limits *set, unsigned kind)
{
    size_t first = set->first[kind], n = first;
    for (size_t i = 0; i < set->len; i++) {
        const struct wsc_limit *l = &set->rows[i];
        int64_t slack = wsc_limit_slack(l->max_ns);
        if (l->kind == (enum wsc_limit_kind)kind && l->min_ns > 0)
            set->reaches[n++] = (struct reach){
                .from = l->min_ns - slack, .to = l->max_ns + slack, .row = (uint32_t)i};
    }
    qsort(&set->reaches[first], n - first, sizeof(set->reaches[0]), by_from);
    int64_t farthest = 0;
    for (size_t i = first; i < n; i++) {
        if (set->reaches[i].to > farthest)
            farthest = set->reaches[i].to;
        set->reaches[i].farthest = farthest;
    }
    set->first[kind + 1] = n;
}

static void index_rows(struct wsc_limits *set)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        index_kind(set, kind);
}

/* ---- life ---- */

enum wsc_err wsc_limits_new(struct wsc_limits **out)
{
    *out = NULL;
    struct wsc_limits *set = wsc_calloc(1, sizeof(*set));
    char *text = wsc_alloc(sizeof(built_in));
    if (set == NULL || text == NULL) {
        wsc_free(set);
        wsc_free(text);
        return WSC_ERR_NOMEM;
    }
    memcpy(text, built_in, sizeof(built_in));
    enum wsc_err e = add_text(set, text, "built-in limits", false, NULL);
    if (e == WSC_OK && !make_room(set))
        e = WSC_ERR_NOMEM;
    if (e != WSC_OK) {
        wsc_limits_free(set);
        return e;
    }
    index_rows(set);
    *out = set;
    return WSC_OK;
}

void wsc_limits_free(struct wsc_limits *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->texts_len; i++)
        wsc_free(set->texts[i]);
    wsc_free(set->texts);
    wsc_free(set->reaches);
    wsc_free(set->rows);
    wsc_free(set);
}

/* Text that can be shown as it is: UTF-8 without control characters but tab and line ends. */
static bool showable(const char *text, size_t len)
{
    if (!wsc_utf8_valid((const uint8_t *)text, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return false;
    }
    return true;
}

static enum wsc_err read_file(const char *path, char **out, struct wsc_error *err)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, strerror(errno));
    char *text = wsc_alloc(WSC_LIMITS_MAX_BYTES + 1);
    size_t len = text != NULL ? fread(text, 1, WSC_LIMITS_MAX_BYTES + 1, f) : 0;
    bool failed = ferror(f) != 0;
    int why = errno;
    (void)fclose(f);
    enum wsc_err e = WSC_OK;
    if (text == NULL)
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    else if (failed)
        e = wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, strerror(why));
    else if (len > WSC_LIMITS_MAX_BYTES)
        e = wsc_error_set(err, WSC_ERR_LIMIT, "%s: longer than %u bytes", path,
                          WSC_LIMITS_MAX_BYTES);
    else if (!showable(text, len))
        e = wsc_error_set(err, WSC_ERR_FORMAT, "%s: not UTF-8 text", path);
    if (e != WSC_OK) {
        wsc_free(text);
        return e;
    }
    text[len] = '\0';
    *out = text;
    return WSC_OK;
}

/* The user's own rows come first. */
static void move_to_front(struct wsc_limits *set, size_t first)
{
    for (size_t i = first, to = 0; i < set->len; i++, to++) {
        struct wsc_limit row = set->rows[i];
        memmove(&set->rows[to + 1], &set->rows[to], (i - to) * sizeof(row));
        set->rows[to] = row;
    }
}

enum wsc_err wsc_limits_add_file(struct wsc_limits *set, const char *path, struct wsc_error *err)
{
    char *text = NULL;
    enum wsc_err e = read_file(path, &text, err);
    if (e != WSC_OK)
        return e;
    size_t before = set->len;
    e = add_text(set, text, path, true, err);
    if (e != WSC_OK)
        return e;
    if (!make_room(set)) {
        set->len = before;
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    move_to_front(set, before);
    index_rows(set);
    return WSC_OK;
}

/* ---- matching ---- */

#define SLACK_MIN_NS INT64_C(250000000)
#define SLACK_MAX_NS INT64_C(5000000000)

int64_t wsc_limit_slack(int64_t limit_ns)
{
    int64_t slack = limit_ns / 100;
    return slack < SLACK_MIN_NS ? SLACK_MIN_NS : slack > SLACK_MAX_NS ? SLACK_MAX_NS : slack;
}

static int64_t distance(const struct wsc_limit *l, int64_t ns)
{
    return ns < l->min_ns ? l->min_ns - ns : ns > l->max_ns ? ns - l->max_ns : 0;
}

/* Rows that are equally good stand as in the table. */
static bool better(const struct wsc_limit *a, const struct wsc_limit *b, int64_t ns)
{
    if (a->own != b->own)
        return a->own;
    if (a->verified != b->verified)
        return a->verified;
    int64_t x = distance(a, ns), y = distance(b, ns);
    return x != y ? x < y : a < b;
}

/* How many of the |n| reaches begin at |ns| or before. */
static size_t begun(const struct reach *reaches, size_t n, int64_t ns)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (reaches[middle].from <= ns)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

size_t wsc_limits_match(const struct wsc_limits *set, enum wsc_limit_kind kind, int64_t ns,
                        const struct wsc_limit **out, size_t max)
{
    const struct reach *reaches = &set->reaches[set->first[kind]];
    size_t found = 0, kept = 0;
    for (size_t i = begun(reaches, set->first[kind + 1] - set->first[kind], ns);
         i-- > 0 && reaches[i].farthest >= ns;) {
        const struct wsc_limit *l = &set->rows[reaches[i].row];
        if (reaches[i].to < ns)
            continue;
        found++;
        size_t at = kept;
        while (at > 0 && better(l, out[at - 1], ns))
            at--;
        if (at >= max)
            continue;
        size_t last = kept < max ? kept++ : max - 1;
        memmove(&out[at + 1], &out[at], (last - at) * sizeof(out[0]));
        out[at] = l;
    }
    return found;
}

int64_t wsc_limits_shortest(const struct wsc_limits *set, enum wsc_limit_kind kind)
{
    size_t first = set->first[kind];
    return first < set->first[kind + 1] ? set->reaches[first].from : INT64_MAX;
}

bool wsc_limit_named_by(const struct wsc_limit *l, struct wsc_span header)
{
    size_t word = strcspn(l->product, " /(");
    for (size_t i = 0; word >= 4 && header.ptr != NULL && i + word <= header.len; i++)
        if (strncasecmp((const char *)header.ptr + i, l->product, word) == 0)
            return true;
    return false;
}

void wsc_limits_named_first(const struct wsc_limit **rows, size_t n, struct wsc_span header)
{
    for (size_t i = 0; i < n; i++) {
        const struct wsc_limit *l = rows[i];
        if (!wsc_limit_named_by(l, header))
            continue;
        memmove((void *)&rows[1], (void *)&rows[0], i * sizeof(rows[0]));
        rows[0] = l;
        return;
    }
}

bool wsc_limit_ends_like(const struct wsc_limit *l, unsigned ends, int code)
{
    if (l->ends == 0)
        return true;
    return (l->ends & ends) != 0 && (ends != WSC_ENDS_CLOSE || l->close_code == code);
}

static uint64_t digest_text(uint64_t h, const char *text)
{
    /* FNV-1a, the terminator included. */
    for (;; text++) {
        h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
        if (*text == '\0')
            return h;
    }
}

uint64_t wsc_limits_digest(const struct wsc_limits *set)
{
    uint64_t h = UINT64_C(14695981039346656037);
    size_t n = 0;
    for (; n < set->len && set->rows[n].own; n++) {
        const struct wsc_limit *l = &set->rows[n];
        char numbers[96];
        (void)snprintf(numbers, sizeof(numbers), "%d %d %u %d %lld %lld %d", (int)l->kind,
                       (int)l->clock, l->ends, l->close_code, (long long)l->min_ns,
                       (long long)l->max_ns, l->verified);
        h = digest_text(digest_text(digest_text(h, l->product), l->setting), numbers);
    }
    return n > 0 ? h : 0;
}

const struct wsc_limit *wsc_limits_all(const struct wsc_limits *set, size_t *n)
{
    *n = set->len;
    return set->rows;
}
