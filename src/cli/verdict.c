#include "verdict.h"

#include <wsclose/codes.h>
#include <wsclose/report.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *out;
    size_t len;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(t->out + t->len, VERDICT_MAX - t->len, format, ap);
    va_end(ap);
    if (n > 0)
        t->len += (size_t)n < VERDICT_MAX - t->len ? (size_t)n : VERDICT_MAX - t->len - 1;
}

static void add_span(struct text *t, const char *before, struct wsc_span s, const char *after)
{
    char safe[1024];
    if (s.ptr == NULL || s.len == 0)
        return;
    wsc_report_safe_text(s, safe, sizeof(safe));
    add(t, "%s%s%s", before, safe, after);
}

static void add_code(struct text *t, const struct wsc_closure *rec)
{
    if (rec->close_code == WSC_UNKNOWN)
        return;
    const struct wsc_code_info *info = wsc_code_find(rec->close_code);
    const char *source = wsc_code_source_name(rec->code_source);
    add(t, ", code %d", rec->close_code);
    if (info != NULL && info->first == info->last)
        add(t, " %s", info->name);
    if (source != NULL)
        add(t, rec->code_source == WSC_CODE_SOURCE_WIRE ? " (on the wire)" : " (%s)", source);
}

static void add_cause(struct text *t, const struct wsc_closure *rec)
{
    const char *confidence = wsc_confidence_name(rec->confidence);
    if (rec->cause.ptr == NULL)
        return;
    add_span(t, "\ncause ", rec->cause, "");
    if (confidence != NULL)
        add(t, " (%s)", confidence);
    for (size_t i = 0; i < rec->evidence_len; i++)
        add_span(t, "\n- ", rec->evidence[i], "");
}

void verdict_text(const struct wsc_closure *rec, char out[VERDICT_MAX])
{
    struct text t = {.out = out};
    char client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX];
    out[0] = '\0';
    (void)wsc_endpoint_text(&rec->client, client);
    (void)wsc_endpoint_text(&rec->server, server);
    const char *by = wsc_side_name(rec->closed_by);
    add(&t, "wsclose connection %" PRId64 ": %s", rec->id, wsc_outcome_name(rec->outcome));
    add_code(&t, rec);
    add(&t, ", ending %s", wsc_ending_name(rec->ending));
    if (by != NULL)
        add(&t, ", closed by %s", by);
    add_span(&t, ", reason \"", rec->reason, "\"");
    add(&t, "\nclient %s, server %s", client, server);
    add_span(&t, ", host ", rec->host, "");
    add_span(&t, ", path ", rec->path, "");
    add(&t, "\nfirst packet %" PRIu64 ", verdict by packet %" PRIu64, rec->first_packet,
        rec->last_packet);
    add_span(&t, " of ", rec->capture, "");
    add_cause(&t, rec);
}
