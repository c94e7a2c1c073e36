#include "report/render.h"

#include "report/text.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What a spreadsheet may take for a formula, after blanks too; and the same signs in full width. */
static bool is_formula(struct wsc_span s)
{
    size_t at = 0;
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    if (at == s.len)
        return false;
    int32_t c = wsc_text_next(s, &at);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a set of signs, not a text */
    return (c >= 0 && c < 0x80 && memchr("=+-@\t\r\n", c, 7) != NULL) || c == 0xff1d ||
           c == 0xff0b || c == 0xff0d || c == 0xff20;
}

/* RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe in front. What a
 * terminal would act on is a visible escape here, too, since files are looked at with cat; what
 * joins emoji stays, and a line feed, which quotes protect. */
static void put_text(FILE *out, struct wsc_span s)
{
    if (s.ptr == NULL)
        return;
    bool formula = is_formula(s);
    bool quoted = formula;
    for (size_t i = 0; i < s.len && !quoted; i++)
        quoted = s.ptr[i] == '"' || s.ptr[i] == ',' || s.ptr[i] < 0x20 || s.ptr[i] >= 0x7f;
    if (!quoted) {
        fwrite(s.ptr, 1, s.len, out);
        return;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (size_t at = 0; at < s.len;) {
        char shown[WSC_TEXT_SHOWN_MAX];
        size_t from = at, n = 0;
        (void)wsc_text_show(s, &at, shown, &n);
        size_t peek = from;
        if (s.ptr[from] == '"')
            fputs("\"\"", out);
        else if (s.ptr[from] == '\n' || wsc_text_joins(wsc_text_next(s, &peek)))
            fwrite(s.ptr + from, 1, at - from, out);
        else
            fwrite(shown, 1, n, out);
    }
    fputc('"', out);
}

static void put_word(FILE *out, const char *w)
{
    if (w != NULL)
        put_text(out, (struct wsc_span){.ptr = (const uint8_t *)w, .len = strlen(w)});
}

static void put_known(FILE *out, int64_t v)
{
    if (v >= 0)
        fprintf(out, "%" PRId64, v);
}

static void put_ms(FILE *out, int64_t ns)
{
    if (ns >= 0)
        fprintf(out, "%.15g", (double)ns / 1e6);
}

static void put_time(FILE *out, uint64_t ns)
{
    char text[WSC_TIME_TEXT_MAX];
    if (ns == 0)
        return;
    wsc_time_text(ns, text);
    fputs(text, out);
}

static void put_packet(FILE *out, uint64_t ref)
{
    if (ref != 0)
        fprintf(out, "%" PRIu64, WSC_REF_NUMBER(ref));
}

/* ---- the columns: one function each, so that heading and value cannot come apart ---- */

typedef void (*column_fn)(FILE *out, const struct wsc_closure *r);

#define TEXT(name, field)                                                                          \
    static void col_##name(FILE *out, const struct wsc_closure *r)                                 \
    {                                                                                              \
        put_text(out, r->field);                                                                   \
    }
#define VALUE(name, put, expression)                                                               \
    static void col_##name(FILE *out, const struct wsc_closure *r)                                 \
    {                                                                                              \
        put(out, expression);                                                                      \
    }

static void put_endpoint(FILE *out, const struct wsc_endpoint *e)
{
    char text[WSC_ENDPOINT_TEXT_MAX];
    wsc_endpoint_text(e, text);
    put_word(out, text);
}

static const char *code_name(int code)
{
    const struct wsc_code_info *info = code >= 0 ? wsc_code_find(code) : NULL;
    return info != NULL ? info->name : NULL;
}

VALUE(outcome, put_word, wsc_outcome_name(r->outcome))
TEXT(capture, capture)
VALUE(id, put_known, r->id)
VALUE(client, put_endpoint, &r->client)
VALUE(server, put_endpoint, &r->server)
TEXT(scheme, scheme)
TEXT(http, http)
TEXT(tls_version, tls_version)
TEXT(sni, sni)
TEXT(host, host)
TEXT(path, path)
TEXT(subprotocol, subprotocol)
TEXT(extensions, extensions)
TEXT(user_agent, user_agent)
TEXT(origin, origin)
TEXT(server_software, server_software)
TEXT(app, app)
VALUE(handshake_status, put_known, r->handshake_status)
VALUE(midstream, put_known, r->midstream)
VALUE(started, put_time, r->started_ns)
VALUE(established, put_time, r->established_ns)
VALUE(ended, put_time, r->ended_ns)
VALUE(duration_ms, put_ms, r->duration_ns)
VALUE(close_code, put_known, r->close_code)
VALUE(code_name, put_word, code_name(r->close_code))
VALUE(code_source, put_word, wsc_code_source_name(r->code_source))
TEXT(reason, reason)
VALUE(ending, put_word, wsc_ending_name(r->ending))
VALUE(closed_by, put_word, wsc_side_name(r->closed_by))
VALUE(client_close_code, put_known, r->close[0].code)
TEXT(client_close_reason, close[0].reason)
VALUE(client_close_packet, put_packet, r->close[0].packet)
VALUE(server_close_code, put_known, r->close[1].code)
TEXT(server_close_reason, close[1].reason)
VALUE(server_close_packet, put_packet, r->close[1].packet)
VALUE(client_saw_code, put_known, r->saw[0].code)
VALUE(client_saw_clean, put_known, r->saw[0].clean)
VALUE(server_saw_code, put_known, r->saw[1].code)
VALUE(server_saw_clean, put_known, r->saw[1].clean)
VALUE(tcp_end, put_word, wsc_tcp_end_name(r->tcp_end))
VALUE(tcp_end_by, put_word, wsc_side_name(r->tcp_end_by))
VALUE(tcp_end_packet, put_packet, r->tcp_end_packet)
TEXT(cause, cause)
VALUE(confidence, put_word, wsc_confidence_name(r->confidence))
TEXT(software, software)
VALUE(violations, put_known, (int64_t)(r->violations_len + r->violations_more))
VALUE(frames_client, put_known, (int64_t)r->frames[0])
VALUE(frames_server, put_known, (int64_t)r->frames[1])
VALUE(messages_client, put_known, (int64_t)r->messages[0])
VALUE(messages_server, put_known, (int64_t)r->messages[1])
VALUE(bytes_client, put_known, (int64_t)r->bytes[0])
VALUE(bytes_server, put_known, (int64_t)r->bytes[1])
VALUE(pings_client, put_known, (int64_t)r->pings[0])
VALUE(pings_server, put_known, (int64_t)r->pings[1])
VALUE(pongs_client, put_known, (int64_t)r->pongs[0])
VALUE(pongs_server, put_known, (int64_t)r->pongs[1])
VALUE(last_rtt_ms, put_ms, r->last_rtt_ns)
VALUE(idle_ms_any, put_ms, r->idle_any_ns)
VALUE(idle_ms_client, put_ms, r->idle_client_ns)
VALUE(idle_ms_server, put_ms, r->idle_server_ns)
VALUE(idle_ms_data, put_ms, r->idle_data_ns)
VALUE(missing_bytes_client, put_known, (int64_t)r->missing_bytes[0])
VALUE(missing_bytes_server, put_known, (int64_t)r->missing_bytes[1])
VALUE(retransmitted_client, put_known, (int64_t)r->retransmitted[0])
VALUE(retransmitted_server, put_known, (int64_t)r->retransmitted[1])
TEXT(key, key)
VALUE(last_message_client, put_known, r->last_message[0])
VALUE(last_message_server, put_known, r->last_message[1])

#define COLUMN(name)                                                                               \
    {                                                                                              \
#name, col_##name                                                                          \
    }
static const struct {
    const char *name;
    column_fn put;
} columns[] = {
    COLUMN(outcome),
    COLUMN(capture),
    COLUMN(id),
    COLUMN(client),
    COLUMN(server),
    COLUMN(scheme),
    COLUMN(http),
    COLUMN(tls_version),
    COLUMN(sni),
    COLUMN(host),
    COLUMN(path),
    COLUMN(subprotocol),
    COLUMN(extensions),
    COLUMN(user_agent),
    COLUMN(origin),
    COLUMN(server_software),
    COLUMN(app),
    COLUMN(handshake_status),
    COLUMN(midstream),
    COLUMN(started),
    COLUMN(established),
    COLUMN(ended),
    COLUMN(duration_ms),
    COLUMN(close_code),
    COLUMN(code_name),
    COLUMN(code_source),
    COLUMN(reason),
    COLUMN(ending),
    COLUMN(closed_by),
    COLUMN(client_close_code),
    COLUMN(client_close_reason),
    COLUMN(client_close_packet),
    COLUMN(server_close_code),
    COLUMN(server_close_reason),
    COLUMN(server_close_packet),
    COLUMN(client_saw_code),
    COLUMN(client_saw_clean),
    COLUMN(server_saw_code),
    COLUMN(server_saw_clean),
    COLUMN(tcp_end),
    COLUMN(tcp_end_by),
    COLUMN(tcp_end_packet),
    COLUMN(cause),
    COLUMN(confidence),
    COLUMN(software),
    COLUMN(violations),
    COLUMN(frames_client),
    COLUMN(frames_server),
    COLUMN(messages_client),
    COLUMN(messages_server),
    COLUMN(bytes_client),
    COLUMN(bytes_server),
    COLUMN(pings_client),
    COLUMN(pings_server),
    COLUMN(pongs_client),
    COLUMN(pongs_server),
    COLUMN(last_rtt_ms),
    COLUMN(idle_ms_any),
    COLUMN(idle_ms_client),
    COLUMN(idle_ms_server),
    COLUMN(idle_ms_data),
    COLUMN(missing_bytes_client),
    COLUMN(missing_bytes_server),
    COLUMN(retransmitted_client),
    COLUMN(retransmitted_server),
    COLUMN(key),
    COLUMN(last_message_client),
    COLUMN(last_message_server),
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void put_heading(FILE *out)
{
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf(out, "%s%s", i > 0 ? "," : "", columns[i].name);
    fputs("\r\n", out);
}

static enum wsc_err record(struct wsc_report *rep, const struct wsc_closure *r)
{
    if (rep->rows == 0)
        put_heading(rep->out);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i > 0)
            fputc(',', rep->out);
        columns[i].put(rep->out, r);
    }
    fputs("\r\n", rep->out);
    return wsc_render_written(rep);
}

static enum wsc_err stats(struct wsc_report *rep, const enum wsc_stats_key *keys, size_t n,
                          const struct wsc_stats_row *row)
{
    struct wsc_stats_number numbers[WSC_STATS_NUMBERS];
    wsc_stats_numbers(row, numbers);
    if (rep->rows == 0) {
        for (size_t i = 0; i < n; i++)
            fprintf(rep->out, "%s,", wsc_stats_key_name(keys[i]));
        for (size_t i = 0; i < WSC_STATS_NUMBERS; i++)
            fprintf(rep->out, "%s,", numbers[i].name);
        fputs("first,last\r\n", rep->out);
    }
    for (size_t i = 0; i < n; i++) {
        put_text(rep->out, row->keys[i]);
        fputc(',', rep->out);
    }
    for (size_t i = 0; i < WSC_STATS_NUMBERS; i++) {
        if (!isnan(numbers[i].value))
            fprintf(rep->out, "%.15g", numbers[i].value);
        fputc(',', rep->out);
    }
    put_time(rep->out, row->first_ns);
    fputc(',', rep->out);
    put_time(rep->out, row->last_ns);
    fputs("\r\n", rep->out);
    return wsc_render_written(rep);
}

static enum wsc_err code(struct wsc_report *rep, int first, int last)
{
    const struct wsc_code_info *c = wsc_code_find(first);
    if (rep->rows == 0)
        fputs("code,last,name,on_wire,reported,reference\r\n", rep->out);
    fprintf(rep->out, "%d,%d,", first, last);
    put_word(rep->out, c->name);
    fprintf(rep->out, ",%d,", c->on_wire);
    put_word(rep->out, c->reported);
    fputc(',', rep->out);
    put_word(rep->out, c->reference);
    fputs("\r\n", rep->out);
    return wsc_render_written(rep);
}

/* Nothing to close. */
static enum wsc_err end(struct wsc_report *rep)
{
    return wsc_render_written(rep);
}

const struct wsc_render_ops wsc_render_csv = {
    .record = record, .stats = stats, .code = code, .end = end};
