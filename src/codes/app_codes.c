#include <wsclose/codes.h>

#include "codes/text_match.h"

#include <string.h>

/* One row of data/app_codes.tsv. */
struct row {
    struct wsc_app_code code;
    const char *match; /* "proto:NAME" and "host:NAME" words that name the scope, or "" */
    const char *reason;
    /* What |reason| is good for: "scope": it names the scope where nothing else does; "row": the
     * row holds only with it; "both". */
    const char *reason_use;
};

static const struct row rows[] = {
#include "app_codes.inc"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool covers(const struct row *r, int code)
{
    return code >= r->code.first && code <= r->code.last;
}

static bool reason_names_scope(const struct row *r)
{
    return r->reason_use[0] == 's' || r->reason_use[0] == 'b';
}

static bool reason_is_needed(const struct row *r)
{
    return r->reason_use[0] == 'r' || r->reason_use[0] == 'b';
}

static bool word_matches(const char *word, size_t len, const char *kind, struct wsc_span text)
{
    char name[64];
    size_t skip = strlen(kind);
    if (len <= skip || len - skip >= sizeof(name) || memcmp(word, kind, skip) != 0)
        return false;
    memcpy(name, word + skip, len - skip);
    name[len - skip] = '\0';
    if (kind[0] == 'h')
        return wsc_host_match(name, text);
    return len - skip == text.len && memcmp(name, text.ptr, text.len) == 0;
}

static bool row_matches(const struct row *r, const char *kind, struct wsc_span text)
{
    for (const char *w = r->match, *end; *w != '\0'; w = *end != '\0' ? end + 1 : end) {
        end = strchrnul(w, ' ');
        if (w[0] == kind[0] && word_matches(w, (size_t)(end - w), kind, text))
            return true;
    }
    return false;
}

/* The scope named by |text|, a subprotocol or a host; NULL if none is. */
static const char *scope_of(const char *kind, struct wsc_span text)
{
    if (text.ptr == NULL || text.len == 0)
        return NULL;
    const char *last = ""; /* rows of one scope stand together and share their words */
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].match == last)
            continue;
        last = rows[i].match;
        if (row_matches(&rows[i], kind, text))
            return rows[i].code.scope;
    }
    return NULL;
}

static const char *scope_of_reason(int code, struct wsc_span reason)
{
    for (size_t i = 0; i < ROWS; i++)
        if (covers(&rows[i], code) && reason_names_scope(&rows[i]) &&
            wsc_text_match(rows[i].reason, reason))
            return rows[i].code.scope;
    return NULL;
}

/* How well |r| fits: 0 not at all, more is better. A reason that fits comes before a span of codes
 * that is narrow. */
static int fit(const struct row *r, int code, struct wsc_span reason)
{
    if (!covers(r, code))
        return 0;
    bool told = wsc_text_match(r->reason, reason);
    if (!told && reason_is_needed(r))
        return 0;
    int width = r->code.last - r->code.first;
    return (told ? 200000 : 100000) - width;
}

const char *wsc_app_scope(struct wsc_span subprotocol, struct wsc_span host)
{
    const char *scope = scope_of("proto:", subprotocol);
    return scope != NULL ? scope : scope_of("host:", host);
}

const struct wsc_app_code *wsc_app_code_find(int code, struct wsc_span subprotocol,
                                             struct wsc_span host, struct wsc_span reason)
{
    const char *scope = wsc_app_scope(subprotocol, host);
    if (scope == NULL)
        scope = scope_of_reason(code, reason);
    if (scope == NULL)
        return NULL;
    const struct row *best = NULL;
    int best_fit = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].code.scope, scope) != 0)
            continue;
        int f = fit(&rows[i], code, reason);
        if (f > best_fit) {
            best = &rows[i];
            best_fit = f;
        }
    }
    return best != NULL ? &best->code : NULL;
}

/* True if the scope of |r| says something narrower of |code|. */
static bool said_closer(const struct row *r, int code)
{
    for (size_t i = 0; i < ROWS; i++)
        if (covers(&rows[i], code) && strcmp(rows[i].code.scope, r->code.scope) == 0 &&
            rows[i].code.last - rows[i].code.first < r->code.last - r->code.first)
            return true;
    return false;
}

size_t wsc_app_code_candidates(int code, const struct wsc_app_code *out[], size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (!covers(&rows[i], code) || said_closer(&rows[i], code))
            continue;
        if (n < max)
            out[n] = &rows[i].code;
        n++;
    }
    return n;
}
