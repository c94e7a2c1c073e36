#include "report/json.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "report/text.h"

#include <wsclose/codes.h>

#include <math.h>
#include <string.h>

/* Building never fails half-way: jansson ignores a NULL value given to json_object_set_new(), and
 * the record is then checked as a whole by whether it can be dumped. */

static const char replacement[] = "\xef\xbf\xbd";

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
        memcpy(fixed + n, bad ? (const uint8_t *)replacement : s.ptr + from, len);
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

static json_t *ms(int64_t ns)
{
    return ns < 0 ? json_null() : json_real((double)ns / 1e6);
}

static json_t *number(int64_t v)
{
    return v < 0 ? json_null() : json_integer(v);
}

static json_t *packet(uint64_t ref)
{
    return ref == 0 ? json_null() : json_integer((json_int_t)WSC_REF_NUMBER(ref));
}

static json_t *endpoint(const struct wsc_endpoint *e)
{
    char out[WSC_ENDPOINT_TEXT_MAX];
    return wsc_endpoint_text(e, out) > 0 ? json_string(out) : json_null();
}

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

static json_t *close_frame(const struct wsc_close_frame *c)
{
    if (!c->seen)
        return json_null();
    json_t *o = json_object();
    set(o, "code", number(c->code));
    set(o, "reason", text(c->reason));
    set(o, "at", when(c->at_ns));
    set(o, "packet", packet(c->packet));
    return o;
}

static json_t *saw(const struct wsc_saw *s)
{
    if (s->code == WSC_UNKNOWN)
        return json_null();
    json_t *o = json_object();
    set(o, "code", json_integer(s->code));
    set(o, "reason", text(s->reason));
    set(o, "clean", s->clean == WSC_UNKNOWN ? json_null() : json_boolean(s->clean));
    return o;
}

static json_t *both(const uint64_t v[2])
{
    json_t *o = json_object();
    set(o, "client", json_integer((json_int_t)v[0]));
    set(o, "server", json_integer((json_int_t)v[1]));
    return o;
}

static json_t *violations(const struct wsc_closure *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->violations_len; i++) {
        json_t *o = json_object();
        set(o, "by", word(wsc_side_name(r->violations[i].by)));
        set(o, "rule", word(wsc_rule_name(r->violations[i].rule)));
        set(o, "packet", packet(r->violations[i].packet));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *sentences(const struct wsc_closure *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->evidence_len; i++)
        (void)json_array_append_new(list, text(r->evidence[i]));
    return list;
}

static void set_who(json_t *o, const struct wsc_closure *r)
{
    set(o, "outcome", word(wsc_outcome_name(r->outcome)));
    set(o, "capture", text(r->capture));
    set(o, "id", number(r->id));
    set(o, "client", endpoint(&r->client));
    set(o, "server", endpoint(&r->server));
    set(o, "scheme", text(r->scheme));
    set(o, "http", text(r->http));
    set(o, "tls_version", text(r->tls_version));
    set(o, "sni", text(r->sni));
    set(o, "host", text(r->host));
    set(o, "path", text(r->path));
    set(o, "subprotocol", text(r->subprotocol));
    set(o, "extensions", text(r->extensions));
    set(o, "user_agent", text(r->user_agent));
    set(o, "origin", text(r->origin));
    set(o, "server_software", text(r->server_software));
    set(o, "app", text(r->app));
    set(o, "handshake_status", number(r->handshake_status));
    set(o, "midstream", json_boolean(r->midstream));
    set(o, "started", when(r->started_ns));
    set(o, "established", when(r->established_ns));
    set(o, "ended", when(r->ended_ns));
    set(o, "duration_ms", ms(r->duration_ns));
}

static void set_how(json_t *o, const struct wsc_closure *r)
{
    const struct wsc_code_info *info = r->close_code >= 0 ? wsc_code_find(r->close_code) : NULL;
    set(o, "close_code", number(r->close_code));
    set(o, "code_name", word(info != NULL ? info->name : NULL));
    set(o, "code_source", word(wsc_code_source_name(r->code_source)));
    set(o, "reason", text(r->reason));
    set(o, "ending", word(wsc_ending_name(r->ending)));
    set(o, "closed_by", word(wsc_side_name(r->closed_by)));
    set(o, "client_close", close_frame(&r->close[WSC_DIR_C2S]));
    set(o, "server_close", close_frame(&r->close[WSC_DIR_S2C]));
    set(o, "client_saw", saw(&r->saw[WSC_DIR_C2S]));
    set(o, "server_saw", saw(&r->saw[WSC_DIR_S2C]));
    set(o, "tcp_end", word(wsc_tcp_end_name(r->tcp_end)));
    set(o, "tcp_end_by", word(wsc_side_name(r->tcp_end_by)));
    set(o, "tcp_end_packet", packet(r->tcp_end_packet));
}

static json_t *app_code(const struct wsc_closure *r)
{
    if (r->app_code_scope.ptr == NULL)
        return json_null();
    json_t *o = json_object();
    set(o, "scope", text(r->app_code_scope));
    set(o, "name", text(r->app_code_name));
    set(o, "meaning", text(r->app_code_meaning));
    return o;
}

static void set_why(json_t *o, const struct wsc_closure *r)
{
    set(o, "cause", text(r->cause));
    set(o, "confidence", word(wsc_confidence_name(r->confidence)));
    set(o, "evidence", sentences(r));
    set(o, "software", text(r->software));
    set(o, "violations", violations(r));
    set(o, "app_code", app_code(r));
    set(o, "key", text(r->key));
    json_t *legs = json_array();
    for (size_t i = 0; i < r->legs_len; i++)
        json_array_append_new(legs, json_integer((json_int_t)r->legs[i]));
    set(o, "legs", legs);
}

static void set_how_much(json_t *o, const struct wsc_closure *r)
{
    set(o, "frames", both(r->frames));
    set(o, "messages", both(r->messages));
    set(o, "bytes", both(r->bytes));
    set(o, "pings", both(r->pings));
    set(o, "pongs", both(r->pongs));
    set(o, "last_rtt_ms", ms(r->last_rtt_ns));
    json_t *idle = json_object();
    set(idle, "any", ms(r->idle_any_ns));
    set(idle, "client", ms(r->idle_client_ns));
    set(idle, "server", ms(r->idle_server_ns));
    set(idle, "data", ms(r->idle_data_ns));
    set(o, "idle_ms", idle);
    set(o, "missing_bytes", both(r->missing_bytes));
    set(o, "retransmitted", both(r->retransmitted));
    json_t *last = json_object();
    set(last, "client", number(r->last_message[0]));
    set(last, "server", number(r->last_message[1]));
    set(o, "last_message_bytes", last);
    set(o, "first_packet", packet(r->first_packet));
    set(o, "last_packet", packet(r->last_packet));
    if (r->violations_more > 0)
        set(o, "violations_more", json_integer((json_int_t)r->violations_more));
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

enum wsc_err wsc_json_put(struct wsc_report *rep, json_t *o)
{
    if (o == NULL)
        return WSC_ERR_NOMEM;
    if (rep->opt.format == WSC_FORMAT_JSON)
        fputs(rep->rows == 0 ? "[\n" : ",\n", rep->out);
    int r = json_dump_callback(o, put_escaped, rep->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(o);
    if (rep->opt.format == WSC_FORMAT_NDJSON)
        fputc('\n', rep->out);
    if (r != 0 && !ferror(rep->out))
        return WSC_ERR_NOMEM;
    return wsc_render_written(rep);
}

static enum wsc_err record(struct wsc_report *rep, const struct wsc_closure *r)
{
    json_t *o = json_object();
    set_who(o, r);
    set_how(o, r);
    set_why(o, r);
    set_how_much(o, r);
    return wsc_json_put(rep, o);
}

static enum wsc_err stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        set(o, wsc_stats_key_name(keys[i]), text(row->keys[i]));
    struct wsc_stats_number numbers[WSC_STATS_NUMBERS];
    wsc_stats_numbers(row, numbers);
    for (size_t i = 0; i < WSC_STATS_NUMBERS; i++) {
        json_t *v = isnan(numbers[i].value) ? json_null()
                    : numbers[i].whole      ? json_integer((json_int_t)numbers[i].value)
                                            : json_real(numbers[i].value);
        set(o, numbers[i].name, v);
    }
    set(o, "first", when(row->first_ns));
    set(o, "last", when(row->last_ns));
    return wsc_json_put(rep, o);
}

static enum wsc_err code(struct wsc_report *rep, int first, int last)
{
    const struct wsc_code_info *c = wsc_code_find(first);
    json_t *o = json_object();
    set(o, "code", json_integer(first));
    set(o, "last", json_integer(last));
    set(o, "name", word(c->name));
    set(o, "on_wire", json_boolean(c->on_wire));
    set(o, "reported", word(c->reported));
    set(o, "reference", word(c->reference));
    return wsc_json_put(rep, o);
}

static enum wsc_err end(struct wsc_report *rep)
{
    if (rep->opt.format == WSC_FORMAT_JSON)
        fputs(rep->rows == 0 ? "[]\n" : "\n]\n", rep->out);
    return wsc_render_written(rep);
}

const struct wsc_render_ops wsc_render_json = {
    .record = record, .stats = stats, .code = code, .end = end};

json_t *wsc_json_text(struct wsc_span s)
{
    return text(s);
}

json_t *wsc_json_time(uint64_t ns)
{
    return when(ns);
}
