/* The story of one connection as a page for a terminal: what it was, the ladder, the verdict, and
 * how to go on. */
#include "report/ladder.h"

#include "base/alloc.h"
#include "report/prose.h"
#include "report/story_text.h"
#include "report/render.h"
#include "report/text.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define LINE_MAX_BYTES 4096u
#define LINES_MAX      (WSC_EVIDENCE_MAX + WSC_VIOLATIONS_MAX + 4u)

static const char *const labels[] = {
    "client",     "server",   "time",    "capture",   "events",   "client saw",
    "server saw", "app code", "cause",   "evidence",  "software", "violations",
    "other legs", "the code", "packets", "Wireshark", NULL};

/* The lines of one entry. */
struct entry {
    char text[LINES_MAX][LINE_MAX_BYTES];
    const char *items[LINES_MAX + 1];
    size_t len;
};

struct page {
    struct wsc_report *rep;
    struct prose prose;
    const struct wsc_report_story *story;
    const struct wsc_closure *rec;
    struct entry *entry;
};

static void line(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(struct page *p, const char *format, ...)
{
    struct entry *e = p->entry;
    va_list ap;
    if (e->len == LINES_MAX)
        return;
    va_start(ap, format);
    (void)vsnprintf(e->text[e->len], LINE_MAX_BYTES, format, ap);
    va_end(ap);
    e->items[e->len] = e->text[e->len];
    e->items[++e->len] = NULL;
}

static void put(struct page *p, const char *label)
{
    if (p->entry->len > 0)
        wsc_prose_entry(&p->prose, label, p->entry->items);
    p->entry->len = 0;
}

/* |s| made safe, in one of a few places that are used again in turn. */
struct safe {
    char text[1024];
};
static const char *safe(const struct page *p, struct wsc_span s, struct safe *room)
{
    (void)wsc_text_fit(s, 0, p->rep->opt.utf8, room->text, sizeof(room->text));
    return room->text;
}

/* ---- what it was ---- */

static void put_url(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    struct safe scheme, host, path;
    if (r->host.len == 0 && r->path.len == 0)
        return;
    line(p, "%s%s%s%s", safe(p, r->scheme, &scheme), r->scheme.len > 0 ? "://" : "",
         safe(p, r->host, &host), safe(p, r->path, &path));
}

static void put_protocol(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    struct safe http, tls, sub, ext;
    char stream[32] = "";
    if (r->http.len > 0 && r->http.ptr[0] == '2')
        (void)snprintf(stream, sizeof(stream), ", stream %" PRIu32, r->stream_id);
    if (r->http.len == 0 && r->tls_version.len == 0)
        return;
    line(p, "%s%s%s%s%s%s%s%s%s%s", r->http.len > 0 ? "HTTP/" : "", safe(p, r->http, &http), stream,
         r->tls_version.len > 0 ? (r->http.len > 0 ? ", TLS " : "TLS ") : "",
         safe(p, r->tls_version, &tls), r->subprotocol.len > 0 ? ", subprotocol " : "",
         safe(p, r->subprotocol, &sub), r->extensions.len > 0 ? ", " : "",
         safe(p, r->extensions, &ext), r->midstream ? ", joined while it ran" : "");
}

/* "2026-01-02 03:04:05.123" */
static void moment(uint64_t ns, char out[WSC_TIME_TEXT_MAX])
{
    wsc_time_text(ns, out);
    out[10] = ' ';
    out[23] = '\0';
}

static void put_times(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    char from[WSC_TIME_TEXT_MAX], to[WSC_TIME_TEXT_MAX], age[WSC_SIZE_TEXT_MAX];
    uint64_t end = r->ended_ns != 0 ? r->ended_ns : r->last_ns;
    if (r->started_ns == 0)
        return;
    moment(r->started_ns, from);
    moment(end, to);
    wsc_story_duration(r->duration_ns > 0 ? (uint64_t)r->duration_ns : 0, age);
    bool open = r->duration_ns >= 0 && r->established_ns != 0;
    line(p, "%s to %s UTC%s%s", from, strncmp(from, to, 10) == 0 ? to + 11 : to,
         open ? ", open for " : "", open ? age : "");
    put(p, "time");
}

static void put_what(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    char client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX];
    struct safe capture, agent;
    (void)wsc_endpoint_text(&r->client, client);
    (void)wsc_endpoint_text(&r->server, server);
    line(p, "%s", client);
    if (r->user_agent.len > 0)
        line(p, "%s", safe(p, r->user_agent, &agent));
    put(p, "client");
    line(p, "%s", server);
    put_url(p);
    put_protocol(p);
    if (r->server_software.len > 0)
        line(p, "%s", safe(p, r->server_software, &agent));
    put(p, "server");
    put_times(p);
    if (r->capture.len > 0) {
        line(p, "%s", safe(p, r->capture, &capture));
        put(p, "capture");
    }
}

/* ---- the verdict ---- */

/* "1006 Abnormal Closure (inferred)". */
static void code_text(int code, enum wsc_code_source source, char out[96])
{
    const struct wsc_code_info *info = code >= 0 ? wsc_code_find(code) : NULL;
    bool named = info != NULL && info->first == info->last;
    (void)snprintf(out, 96, "%d%s%s%s", code, named ? " " : "", named ? info->name : "",
                   source == WSC_CODE_SOURCE_INFERRED ? " (inferred)" : "");
}

static void verdict_line(const struct page *p, char out[256])
{
    const struct wsc_closure *r = p->rec;
    char code[96] = "", ending[64] = "", by[32] = "";
    if (r->close_code >= 0)
        code_text(r->close_code, r->code_source, code);
    if (r->ending != WSC_ENDING_NONE)
        (void)snprintf(ending, sizeof(ending), ", %s", wsc_ending_name(r->ending));
    if (wsc_side_name(r->closed_by) != NULL)
        (void)snprintf(by, sizeof(by), ", by %s", wsc_side_name(r->closed_by));
    (void)snprintf(out, 256, "%s%s%s%s%s", wsc_outcome_name(r->outcome), code[0] != 0 ? ", " : "",
                   code, ending, by);
}

static void put_saw(struct page *p, const char *label, const struct wsc_saw *saw)
{
    char code[96];
    struct safe reason;
    if (saw->code == WSC_UNKNOWN)
        return;
    code_text(saw->code, WSC_CODE_SOURCE_NONE, code);
    line(p, "%s%s%s%s%s", code, saw->reason.len > 0 ? " \"" : "", safe(p, saw->reason, &reason),
         saw->reason.len > 0 ? "\"" : "",
         saw->clean == WSC_UNKNOWN ? ""
         : saw->clean != 0         ? ", clean"
                                   : ", not clean");
    put(p, label);
}

static void put_cause(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    struct safe cause, software;
    if (r->cause.ptr != NULL) {
        const char *confidence = wsc_confidence_name(r->confidence);
        line(p, "%s%s%s%s", safe(p, r->cause, &cause), confidence != NULL ? " (" : "",
             confidence != NULL ? confidence : "", confidence != NULL ? ")" : "");
        put(p, "cause");
    }
    for (size_t i = 0; i < r->evidence_len; i++) {
        char text[LINE_MAX_BYTES];
        (void)wsc_text_fit(r->evidence[i], 0, p->rep->opt.utf8, text, sizeof(text));
        line(p, "%s", text);
    }
    put(p, "evidence");
    if (r->software.len > 0) {
        line(p, "%s", safe(p, r->software, &software));
        put(p, "software");
    }
}

static void put_violations(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    for (size_t i = 0; i < r->violations_len; i++) {
        const char *by = wsc_side_name(r->violations[i].by);
        line(p, "%s by the %s, packet %" PRIu64, wsc_rule_name(r->violations[i].rule),
             by != NULL ? by : "peer", WSC_REF_NUMBER(r->violations[i].packet));
    }
    if (r->violations_more > 0)
        line(p, "%" PRIu64 " more", r->violations_more);
    put(p, "violations");
}

static void put_app_code(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    struct safe scope, name, meaning;
    if (r->app_code_scope.ptr == NULL)
        return;
    line(p, "%s: %s%s%s", safe(p, r->app_code_scope, &scope), safe(p, r->app_code_name, &name),
         r->app_code_meaning.len > 0 ? ", " : "", safe(p, r->app_code_meaning, &meaning));
    put(p, "app code");
}

/* ---- how to go on ---- */

/* Without port and brackets. */
static void address_text(const struct wsc_endpoint *e, char out[WSC_ENDPOINT_TEXT_MAX])
{
    char text[WSC_ENDPOINT_TEXT_MAX];
    size_t len = wsc_endpoint_text(e, text);
    while (len > 0 && text[len] != ':')
        len--;
    bool brackets = text[0] == '[';
    (void)snprintf(out, WSC_ENDPOINT_TEXT_MAX, "%.*s", (int)len - (brackets ? 2 : 0),
                   text + brackets);
}

/* What Wireshark shows this connection with. Packets of a live capture count otherwise in the files
 * that were kept of it. */
static void put_display_filter(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    char client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX], frames[96] = "";
    if (r->client.family == 0 || r->server.family == 0)
        return;
    address_text(&r->client, client);
    address_text(&r->server, server);
    bool live = r->capture.len > 5 && memcmp(r->capture.ptr, "live:", 5) == 0;
    if (!live && r->first_packet != 0 && p->story->events_len > 0)
        (void)snprintf(frames, sizeof(frames), " && frame.number >= %" PRIu64,
                       WSC_REF_NUMBER(r->first_packet));
    const char *ip = r->client.family == 6 ? "ipv6" : "ip";
    line(p, "%s.addr == %s && %s.addr == %s && tcp.port == %u && tcp.port == %u%s", ip, client, ip,
         server, r->client.port, r->server.port, frames);
    put(p, "Wireshark");
}

static void put_next(struct page *p)
{
    const struct wsc_closure *r = p->rec;
    for (size_t i = 0; i < r->legs_len; i++)
        line(p, "%s %" PRId64, p->story->show, r->legs[i]);
    put(p, "other legs");
    if (r->close_code >= 0) {
        line(p, "wsclose explain %d", r->close_code);
        put(p, "the code");
    }
    if (r->id >= 0 && p->story->extract != NULL) {
        line(p, "%s %" PRId64 " -o %" PRId64 ".pcapng", p->story->extract, r->id, r->id);
        put(p, "packets");
    }
    put_display_filter(p);
}

static void put_title(struct page *p)
{
    char verdict[256], title[300];
    verdict_line(p, verdict);
    (void)snprintf(title, sizeof(title), "Connection %" PRId64 ": %s", p->rec->id, verdict);
    wsc_prose_title(&p->prose, title);
}

static enum wsc_err put_page(struct page *p)
{
    FILE *out = p->rep->out;
    put_title(p);
    put_what(p);
    fputc('\n', out);
    if (p->story->from_store) {
        line(p, "the packets are not there: what follows is what the database has");
        put(p, "events");
        fputc('\n', out);
    }
    enum wsc_err e = wsc_ladder_draw(p->rep, p->story);
    if (p->story->events_len > 0)
        fputc('\n', out);
    put_saw(p, "client saw", &p->rec->saw[WSC_DIR_C2S]);
    put_saw(p, "server saw", &p->rec->saw[WSC_DIR_S2C]);
    put_app_code(p);
    put_cause(p);
    put_violations(p);
    put_next(p);
    return e == WSC_OK ? wsc_render_written(p->rep) : e;
}

static enum wsc_err draw(struct wsc_report *rep, const struct wsc_report_story *story)
{
    struct page p = {.rep = rep, .story = story, .rec = story->rec};
    p.entry = wsc_calloc(1, sizeof(*p.entry));
    if (p.entry == NULL)
        return WSC_ERR_NOMEM;
    if (rep->rows > 0)
        fputc('\n', rep->out);
    wsc_prose_init(&p.prose, rep, labels);
    enum wsc_err e = put_page(&p);
    wsc_free(p.entry);
    return e;
}

enum wsc_err wsc_report_story(struct wsc_report *rep, const struct wsc_report_story *story)
{
    enum wsc_err e = WSC_ERR_INVALID;
    if (rep->opt.format == WSC_FORMAT_TABLE)
        e = draw(rep, story);
    else if (rep->opt.format == WSC_FORMAT_JSON || rep->opt.format == WSC_FORMAT_NDJSON)
        e = wsc_json_story(rep, story);
    else if (rep->opt.format == WSC_FORMAT_NONE)
        e = WSC_OK;
    rep->rows++;
    return e;
}
