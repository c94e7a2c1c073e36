#include "report/json.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "report/text.h"

#include <wsclose/codes.h>

#include <math.h>
#include <string.h>

/* Valid UTF-8 as it is; otherwise every byte that is none becomes U+FFFD. */
static json_t *text(struct wsc_span s)
{
    if (s.ptr == NULL)
        return json_null();
    json_t *whole = json_stringn((const char *)s.ptr, s.len);
    if (whole != NULL)
        return whole;
    char *fixed = wsc_alloc(3 * s.len + 1);
    if (fixed == NULL)
        return NULL;
    size_t n = 0;
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        bool bad = wsc_text_next(s, &at) < 0;
        size_t len = bad ? 3 : at - from;
        memcpy(fixed + n, bad ? (const uint8_t *)WSC_JSON_REPLACEMENT : s.ptr + from, len);
        n += len;
    }
    whole = json_stringn(fixed, n);
    wsc_free(fixed);
    return whole;
}

static json_t *word(const char *w)
{
    return w != NULL ? json_string(w) : json_null();
}

static json_t *when(uint64_t ns)
{
    if (ns == 0)
        return json_null();
    char out[WSC_TIME_TEXT_MAX];
    wsc_time_text(ns, out);
    return json_string(out);
}

void wsc_json_set(json_t *o, const char *key, json_t *v)
{
    if (json_object_set_new(o, key, v) != 0)
        wsc_alloc_refused();
}

void wsc_json_append(json_t *list, json_t *v)
{
    if (json_array_append_new(list, v) != 0)
        wsc_alloc_refused();
}

/* JSON leaves DEL, C1 and what turns the reading direction as they are, and a terminal would act on
 * them: \uXXXX says the same. Structure is ASCII, so such characters stand in strings only. */
static int put_escaped(const char *text, size_t len, void *ctx)
{
    FILE *out = ctx;
    struct wsc_span s = {.ptr = (const uint8_t *)text, .len = len};
    size_t done = 0;
    for (size_t at = 0; at < len;) {
        size_t from = at;
        if (s.ptr[at] < 0x7f) {
            at++;
            continue;
        }
        int32_t c = wsc_text_next(s, &at);
        if (c < 0 || !wsc_utf8_hidden(c) || wsc_text_joins(c))
            continue;
        fwrite(text + done, 1, from - done, out);
        done = at;
        if (c > 0xffff)
            fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
                    (unsigned)(0xdc00 + (c & 0x3ff)));
        else
            fprintf(out, "\\u%04x", (unsigned)c);
    }
    fwrite(text + done, 1, len - done, out);
    return ferror(out) ? -1 : 0;
}

#define DIGITS JSON_REAL_PRECISION(15)

size_t wsc_json_real(double v, char *out, size_t cap)
{
    json_t *real = json_real(v);
    size_t len = json_dumpb(real, out, cap, JSON_ENCODE_ANY | DIGITS);
    json_decref(real);
    return len <= cap ? len : 0;
}

void wsc_json_begin(struct wsc_report *rep)
{
    if (rep->opt.format == WSC_FORMAT_JSON)
        fputs(rep->rows == 0 ? "[\n" : ",\n", rep->out);
}

enum wsc_err wsc_json_end(struct wsc_report *rep)
{
    if (rep->opt.format == WSC_FORMAT_NDJSON)
        fputc('\n', rep->out);
    return wsc_render_written(rep);
}

enum wsc_err wsc_json_put(struct wsc_report *rep, json_t *o)
{
    if (o == NULL)
        return WSC_ERR_NOMEM;
    wsc_json_begin(rep);
    int r = json_dump_callback(o, put_escaped, rep->out, JSON_COMPACT | DIGITS);
    json_decref(o);
    enum wsc_err e = wsc_json_end(rep);
    return r != 0 && e == WSC_OK ? WSC_ERR_NOMEM : e;
}

static enum wsc_err stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        wsc_json_set(o, wsc_stats_key_name(keys[i]), text(row->keys[i]));
    struct wsc_stats_number numbers[WSC_STATS_NUMBERS];
    wsc_stats_numbers(row, numbers);
    for (size_t i = 0; i < WSC_STATS_NUMBERS; i++) {
        json_t *v = isnan(numbers[i].value) ? json_null()
                    : numbers[i].whole      ? json_integer((json_int_t)numbers[i].value)
                                            : json_real(numbers[i].value);
        wsc_json_set(o, numbers[i].name, v);
    }
    wsc_json_set(o, "first", when(row->first_ns));
    wsc_json_set(o, "last", when(row->last_ns));
    return wsc_json_put(rep, o);
}

static enum wsc_err code(struct wsc_report *rep, int first, int last)
{
    const struct wsc_code_info *c = wsc_code_find(first);
    json_t *o = json_object();
    wsc_json_set(o, "code", json_integer(first));
    wsc_json_set(o, "last", json_integer(last));
    wsc_json_set(o, "name", word(c->name));
    wsc_json_set(o, "on_wire", json_boolean(c->on_wire));
    wsc_json_set(o, "reported", word(c->reported));
    wsc_json_set(o, "reference", word(c->reference));
    return wsc_json_put(rep, o);
}

static enum wsc_err end(struct wsc_report *rep)
{
    if (rep->opt.format == WSC_FORMAT_JSON)
        fputs(rep->rows == 0 ? "[]\n" : "\n]\n", rep->out);
    return wsc_render_written(rep);
}

const struct wsc_render_ops wsc_render_json = {
    .record = wsc_json_record, .stats = stats, .code = code, .end = end};

json_t *wsc_json_text(struct wsc_span s)
{
    return text(s);
}

json_t *wsc_json_time(uint64_t ns)
{
    return when(ns);
}
