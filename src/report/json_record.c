/* A record as JSON, by hand: there may be millions, and a tree of values that is built to be
 * written once takes ten times as long. */
#include "report/json.h"

#include "base/decimal.h"
#include "base/utf8.h"
#include "report/text.h"

#include <wsclose/codes.h>

#include <string.h>

/* What is written, in pieces of a good size. */
struct line {
    FILE *out;
    size_t len;
    bool comma; /* before the next key or element */
    char buf[4096];
};

/* ---- pieces ---- */

static void flush(struct line *l)
{
    (void)fwrite(l->buf, 1, l->len, l->out); /* an error stays with the stream */
    l->len = 0;
}

/* Room for |n| bytes, which are few. */
static char *room(struct line *l, size_t n)
{
    if (sizeof(l->buf) - l->len < n)
        flush(l);
    return l->buf + l->len;
}

static void put(struct line *l, const void *bytes, size_t n)
{
    const char *from = bytes;
    while (n > 0) {
        size_t part = sizeof(l->buf) - l->len;
        part = part < n ? part : n;
        memcpy(l->buf + l->len, from, part);
        l->len += part;
        from += part;
        n -= part;
        if (n > 0)
            flush(l);
    }
}

static void put_char(struct line *l, char c)
{
    *room(l, 1) = c;
    l->len++;
}

static void key(struct line *l, const char *name)
{
    if (l->comma)
        put_char(l, ',');
    put_char(l, '"');
    put(l, name, strlen(name));
    put(l, "\":", 2);
    l->comma = true;
}

static void open_with(struct line *l, char bracket)
{
    put_char(l, bracket);
    l->comma = false;
}

static void close_with(struct line *l, char bracket)
{
    put_char(l, bracket);
    l->comma = true;
}

static void element(struct line *l)
{
    if (l->comma)
        put_char(l, ',');
    l->comma = true;
}

/* ---- strings ---- */

static void put_unicode(struct line *l, unsigned unit, const char *digits)
{
    char *at = room(l, 6);
    at[0] = '\\';
    at[1] = 'u';
    for (unsigned i = 0; i < 4; i++)
        at[2 + i] = digits[unit >> (12 - 4 * i) & 0xf];
    l->len += 6;
}

/* ASCII that JSON does not take as it is. */
static void put_special(struct line *l, uint8_t c)
{
    static const char specials[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(specials, c) : NULL;
    if (found == NULL) {
        put_unicode(l, c, "0123456789ABCDEF");
        return;
    }
    put_char(l, '\\');
    put_char(l, letters[found - specials]);
}

/* One character of |s| from |*at| on that is not ASCII, or DEL. A byte that is no UTF-8 becomes
 * U+FFFD; what a terminal would act on is escaped. */
static void put_character(struct line *l, struct wsc_span s, size_t *at)
{
    static const char digits[] = "0123456789abcdef";
    size_t from = *at;
    int32_t c = wsc_text_next(s, at);
    if (c < 0) {
        put(l, WSC_JSON_REPLACEMENT, sizeof(WSC_JSON_REPLACEMENT) - 1);
    } else if (!wsc_utf8_hidden(c) || wsc_text_joins(c)) {
        put(l, s.ptr + from, *at - from);
    } else if (c > 0xffff) {
        put_unicode(l, (unsigned)(0xd7c0 + (c >> 10)), digits);
        put_unicode(l, (unsigned)(0xdc00 + (c & 0x3ff)), digits);
    } else {
        put_unicode(l, (unsigned)c, digits);
    }
}

static void put_string(struct line *l, struct wsc_span s)
{
    put_char(l, '"');
    for (size_t at = 0; at < s.len;) {
        size_t from = at;
        while (at < s.len && s.ptr[at] >= 0x20 && s.ptr[at] < 0x7f && s.ptr[at] != '"' &&
               s.ptr[at] != '\\')
            at++;
        put(l, s.ptr + from, at - from);
        if (at == s.len)
            break;
        if (s.ptr[at] < 0x7f)
            put_special(l, s.ptr[at++]);
        else
            put_character(l, s, &at);
    }
    put_char(l, '"');
}

/* ---- values, each with its key ---- */

static void null(struct line *l)
{
    put(l, "null", 4);
}

static void text(struct line *l, const char *name, struct wsc_span s)
{
    key(l, name);
    if (s.ptr != NULL)
        put_string(l, s);
    else
        null(l);
}

static void word(struct line *l, const char *name, const char *w)
{
    text(l, name, (struct wsc_span){.ptr = (const uint8_t *)w, .len = w != NULL ? strlen(w) : 0});
}

static void truth(struct line *l, const char *name, bool v)
{
    key(l, name);
    put(l, v ? "true" : "false", v ? 4 : 5);
}

static void put_integer(struct line *l, int64_t v)
{
    char *start = room(l, WSC_DECIMAL_MAX + 1), *at = start;
    if (v < 0)
        *at++ = '-';
    at = wsc_decimal(at, v < 0 ? -(uint64_t)v : (uint64_t)v);
    l->len += (size_t)(at - start);
}

static void integer(struct line *l, const char *name, int64_t v)
{
    key(l, name);
    put_integer(l, v);
}

static void number(struct line *l, const char *name, int64_t v)
{
    key(l, name);
    if (v >= 0)
        put_integer(l, v);
    else
        null(l);
}

static void packet(struct line *l, const char *name, uint64_t ref)
{
    number(l, name, ref != 0 ? (int64_t)WSC_REF_NUMBER(ref) : -1);
}

static void when(struct line *l, const char *name, uint64_t ns)
{
    char out[WSC_TIME_TEXT_MAX];
    if (ns != 0)
        wsc_time_text(ns, out);
    word(l, name, ns != 0 ? out : NULL);
}

/* A double of 15 digits, as wsc_json_put() writes it: where a decimal fraction of so many digits is
 * exact, and not so small that it has an exponent, that fraction. */
static void put_ms(struct line *l, int64_t ns)
{
    char out[40], *at = out;
    if (ns != 0 && (ns < 100 || ns >= INT64_C(1000000000000000))) {
        size_t len = wsc_json_real((double)ns / 1e6, out, sizeof(out));
        put(l, out, len);
        return;
    }
    at = wsc_decimal(at, (uint64_t)ns / 1000000);
    *at++ = '.';
    at = wsc_decimal_padded(at, (uint64_t)ns % 1000000, 6);
    while (at[-1] == '0' && at[-2] != '.')
        at--;
    put(l, out, (size_t)(at - out));
}

static void ms(struct line *l, const char *name, int64_t ns)
{
    key(l, name);
    if (ns < 0)
        null(l);
    else
        put_ms(l, ns);
}

static void endpoint(struct line *l, const char *name, const struct wsc_endpoint *e)
{
    char out[WSC_ENDPOINT_TEXT_MAX];
    word(l, name, wsc_endpoint_text(e, out) > 0 ? out : NULL);
}

static void both(struct line *l, const char *name, const uint64_t v[2])
{
    key(l, name);
    open_with(l, '{');
    integer(l, "client", (int64_t)v[0]);
    integer(l, "server", (int64_t)v[1]);
    close_with(l, '}');
}

/* ---- the record, in the order of the SPEC ---- */

static void put_who(struct line *l, const struct wsc_closure *r)
{
    word(l, "outcome", wsc_outcome_name(r->outcome));
    text(l, "capture", r->capture);
    number(l, "id", r->id);
    endpoint(l, "client", &r->client);
    endpoint(l, "server", &r->server);
    text(l, "scheme", r->scheme);
    text(l, "http", r->http);
    text(l, "tls_version", r->tls_version);
    text(l, "sni", r->sni);
    text(l, "host", r->host);
    text(l, "path", r->path);
    text(l, "subprotocol", r->subprotocol);
    text(l, "extensions", r->extensions);
    text(l, "user_agent", r->user_agent);
    text(l, "origin", r->origin);
    text(l, "server_software", r->server_software);
    text(l, "app", r->app);
    number(l, "handshake_status", r->handshake_status);
    truth(l, "midstream", r->midstream);
    when(l, "started", r->started_ns);
    when(l, "established", r->established_ns);
    when(l, "ended", r->ended_ns);
    ms(l, "duration_ms", r->duration_ns);
}

static void close_frame(struct line *l, const char *name, const struct wsc_close_frame *c)
{
    key(l, name);
    if (!c->seen) {
        null(l);
        return;
    }
    open_with(l, '{');
    number(l, "code", c->code);
    text(l, "reason", c->reason);
    when(l, "at", c->at_ns);
    packet(l, "packet", c->packet);
    close_with(l, '}');
}

static void saw(struct line *l, const char *name, const struct wsc_saw *s)
{
    key(l, name);
    if (s->code == WSC_UNKNOWN) {
        null(l);
        return;
    }
    open_with(l, '{');
    integer(l, "code", s->code);
    text(l, "reason", s->reason);
    if (s->clean == WSC_UNKNOWN)
        number(l, "clean", WSC_UNKNOWN);
    else
        truth(l, "clean", s->clean != 0);
    close_with(l, '}');
}

static void put_how(struct line *l, const struct wsc_closure *r)
{
    const struct wsc_code_info *info = r->close_code >= 0 ? wsc_code_find(r->close_code) : NULL;
    number(l, "close_code", r->close_code);
    word(l, "code_name", info != NULL ? info->name : NULL);
    word(l, "code_source", wsc_code_source_name(r->code_source));
    text(l, "reason", r->reason);
    word(l, "ending", wsc_ending_name(r->ending));
    word(l, "closed_by", wsc_side_name(r->closed_by));
    close_frame(l, "client_close", &r->close[WSC_DIR_C2S]);
    close_frame(l, "server_close", &r->close[WSC_DIR_S2C]);
    saw(l, "client_saw", &r->saw[WSC_DIR_C2S]);
    saw(l, "server_saw", &r->saw[WSC_DIR_S2C]);
    word(l, "tcp_end", wsc_tcp_end_name(r->tcp_end));
    word(l, "tcp_end_by", wsc_side_name(r->tcp_end_by));
    packet(l, "tcp_end_packet", r->tcp_end_packet);
}

static void violations(struct line *l, const struct wsc_closure *r)
{
    key(l, "violations");
    open_with(l, '[');
    for (size_t i = 0; i < r->violations_len; i++) {
        element(l);
        open_with(l, '{');
        word(l, "by", wsc_side_name(r->violations[i].by));
        word(l, "rule", wsc_rule_name(r->violations[i].rule));
        packet(l, "packet", r->violations[i].packet);
        close_with(l, '}');
    }
    close_with(l, ']');
}

static void app_code(struct line *l, const struct wsc_closure *r)
{
    key(l, "app_code");
    if (r->app_code_scope.ptr == NULL) {
        null(l);
        return;
    }
    open_with(l, '{');
    text(l, "scope", r->app_code_scope);
    text(l, "name", r->app_code_name);
    text(l, "meaning", r->app_code_meaning);
    close_with(l, '}');
}

static void put_why(struct line *l, const struct wsc_closure *r)
{
    text(l, "cause", r->cause);
    word(l, "confidence", wsc_confidence_name(r->confidence));
    key(l, "evidence");
    open_with(l, '[');
    for (size_t i = 0; i < r->evidence_len; i++) {
        element(l);
        put_string(l, r->evidence[i]);
    }
    close_with(l, ']');
    text(l, "software", r->software);
    violations(l, r);
    app_code(l, r);
    text(l, "key", r->key);
    key(l, "legs");
    open_with(l, '[');
    for (size_t i = 0; i < r->legs_len; i++) {
        element(l);
        put_integer(l, r->legs[i]);
    }
    close_with(l, ']');
}

static void put_how_much(struct line *l, const struct wsc_closure *r)
{
    both(l, "frames", r->frames);
    both(l, "messages", r->messages);
    both(l, "bytes", r->bytes);
    both(l, "pings", r->pings);
    both(l, "pongs", r->pongs);
    ms(l, "last_rtt_ms", r->last_rtt_ns);
    key(l, "idle_ms");
    open_with(l, '{');
    ms(l, "any", r->idle_any_ns);
    ms(l, "client", r->idle_client_ns);
    ms(l, "server", r->idle_server_ns);
    ms(l, "data", r->idle_data_ns);
    close_with(l, '}');
    both(l, "missing_bytes", r->missing_bytes);
    both(l, "retransmitted", r->retransmitted);
    key(l, "last_message_bytes");
    open_with(l, '{');
    number(l, "client", r->last_message[0]);
    number(l, "server", r->last_message[1]);
    close_with(l, '}');
    packet(l, "first_packet", r->first_packet);
    packet(l, "last_packet", r->last_packet);
    if (r->violations_more > 0)
        integer(l, "violations_more", (int64_t)r->violations_more);
}

static void open_record(struct wsc_report *rep, struct line *l, const struct wsc_closure *r)
{
    l->out = rep->out;
    l->len = 0;
    wsc_json_begin(rep);
    open_with(l, '{');
    put_who(l, r);
    put_how(l, r);
    put_why(l, r);
    put_how_much(l, r);
}

static enum wsc_err close_record(struct wsc_report *rep, struct line *l)
{
    close_with(l, '}');
    flush(l);
    return wsc_json_end(rep);
}

enum wsc_err wsc_json_record(struct wsc_report *rep, const struct wsc_closure *r)
{
    struct line l;
    open_record(rep, &l, r);
    return close_record(rep, &l);
}

/* ---- a story ---- */

static void put_frame(struct line *l, const struct wsc_story_event *ev)
{
    integer(l, "opcode", ev->opcode);
    truth(l, "fin", ev->fin);
    truth(l, "masked", ev->masked);
    truth(l, "compressed", ev->compressed);
    integer(l, "length", (int64_t)ev->len);
    when(l, "since", ev->since_ns);
    if (ev->opcode == 8) {
        number(l, "code", ev->code);
        text(l, "reason", ev->text);
    }
    if (ev->missing)
        truth(l, "missing", true);
    if (ev->unfinished)
        truth(l, "unfinished", true);
}

/* What |code| and |text| are called, by kind; NULL: it has none. */
static const struct {
    const char *code, *text, *length;
} event_keys[WSC_STORY_KIND_COUNT] = {
    [WSC_STORY_AGAIN] = {NULL, NULL, "length"},
    [WSC_STORY_WINDOW_OPEN] = {NULL, NULL, "window"},
    [WSC_STORY_GAP] = {NULL, NULL, "length"},
    [WSC_STORY_DATA] = {NULL, NULL, "length"},
    [WSC_STORY_HELLO] = {"tls_version", "sni", NULL},
    [WSC_STORY_ENCRYPTED] = {NULL, NULL, "length"},
    [WSC_STORY_ALERT] = {"description", "name", NULL},
    [WSC_STORY_REQUEST] = {NULL, "request", NULL},
    [WSC_STORY_ANSWER] = {"status", "phrase", NULL},
    [WSC_STORY_STREAM_RESET] = {"error", "name", NULL},
    [WSC_STORY_GOAWAY] = {"error", "name", NULL},
    [WSC_STORY_ESTABLISHED] = {"status", NULL, NULL},
};

static void put_event(struct line *l, const struct wsc_story_event *ev)
{
    element(l);
    open_with(l, '{');
    word(l, "event", wsc_story_kind_name((enum wsc_story_kind)ev->kind));
    word(l, "by", ev->nobody ? NULL : ev->dir == WSC_DIR_C2S ? "client" : "server");
    when(l, "at", ev->ts_ns);
    packet(l, "packet", ev->packet);
    if (ev->kind == WSC_STORY_FRAME)
        put_frame(l, ev);
    if (ev->kind == WSC_STORY_VIOLATION)
        word(l, "rule", wsc_rule_name((enum wsc_rule)ev->code));
    if (event_keys[ev->kind].code != NULL)
        number(l, event_keys[ev->kind].code, ev->code);
    if (event_keys[ev->kind].text != NULL)
        text(l, event_keys[ev->kind].text, ev->text);
    if (event_keys[ev->kind].length != NULL)
        integer(l, event_keys[ev->kind].length, (int64_t)ev->len);
    if (ev->again)
        truth(l, "again", true);
    if (ev->kind == WSC_STORY_RST)
        truth(l, "heeded", !ev->ignored);
    if (ev->kind == WSC_STORY_ALERT)
        truth(l, "fatal", ev->fatal);
    close_with(l, '}');
}

enum wsc_err wsc_json_story(struct wsc_report *rep, const struct wsc_report_story *story)
{
    struct line l;
    open_record(rep, &l, story->rec);
    const struct wsc_closure *r = story->rec;
    bool http2 = r->http.len > 0 && r->http.ptr[0] == '2';
    number(&l, "http2_stream", http2 ? (int64_t)r->stream_id : -1);
    truth(&l, "events_from_store", story->from_store);
    integer(&l, "events_left_out", (int64_t)story->left_out);
    key(&l, "events");
    open_with(&l, '[');
    for (size_t i = 0; i < story->events_len && !ferror(rep->out); i++)
        put_event(&l, &story->events[i]);
    close_with(&l, ']');
    return close_record(rep, &l);
}
