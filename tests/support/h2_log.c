#include "support/h2_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *way(enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? "c2s" : "s2c";
}

static void flush(struct wsc_h2_log *l)
{
    if (!l->pending)
        return;
    l->pending = false;
    if (l->gap) {
        wsc_event_log_line(&l->log, "gap %" PRIu32 " %s off=%" PRIu64 " len=%" PRIu64, l->stream,
                           way(l->d), l->off, l->next - l->off);
        return;
    }
    char *hex = malloc(2 * l->len + 1);
    if (hex == NULL)
        abort();
    for (size_t i = 0; i < l->len; i++)
        snprintf(hex + 2 * i, 3, "%02x", l->bytes[i]);
    wsc_event_log_line(&l->log, "data %" PRIu32 " %s off=%" PRIu64 " %s", l->stream, way(l->d),
                       l->off, hex);
    free(hex);
}

static void add(struct wsc_h2_log *l, uint32_t stream, enum wsc_dir d, uint64_t off, bool gap,
                const uint8_t *bytes, uint64_t len)
{
    if (!(l->pending && l->stream == stream && l->d == d && l->gap == gap && l->next == off)) {
        flush(l);
        *l = (struct wsc_h2_log){.log = l->log,
                                 .want_all = l->want_all,
                                 .bytes = l->bytes,
                                 .cap = l->cap,
                                 .stream = stream,
                                 .d = d,
                                 .gap = gap,
                                 .pending = true,
                                 .off = off,
                                 .next = off};
    }
    l->next += len;
    if (gap || len == 0)
        return;
    if (l->len + len > l->cap) {
        l->cap = 2 * (l->len + len);
        l->bytes = realloc(l->bytes, l->cap);
        if (l->bytes == NULL)
            abort();
    }
    memcpy(l->bytes + l->len, bytes, len);
    l->len += len;
}

/* " name=value", with what is not text as '?'. */
static void put_span(char *out, size_t cap, const char *name, struct wsc_span s)
{
    size_t at = strlen(out);
    if (s.ptr == NULL || at + strlen(name) + s.len + 3 > cap)
        return;
    at += (size_t)snprintf(out + at, cap - at, " %s=", name);
    for (size_t i = 0; i < s.len; i++)
        out[at++] = (char)(s.ptr[i] < 0x20 || s.ptr[i] > 0x7e ? '?' : s.ptr[i]);
    out[at] = '\0';
}

static void put_fields(char *out, size_t cap, const struct wsc_h1_head *head)
{
    static const struct {
        unsigned field;
        const char *name;
    } fields[] = {{WSC_H1_HOST, "host"},
                  {WSC_H1_SEC_WEBSOCKET_PROTOCOL, "protocol"},
                  {WSC_H1_SEC_WEBSOCKET_EXTENSIONS, "extensions"},
                  {WSC_H1_ORIGIN, "origin"},
                  {WSC_H1_USER_AGENT, "agent"},
                  {WSC_H1_SERVER, "server"},
                  {WSC_H1_VIA, "via"},
                  {WSC_H1_LOCATION, "location"},
                  {WSC_H1_WWW_AUTHENTICATE, "authenticate"},
                  {WSC_H1_CF_RAY, "ray"}};
    if (head->partial)
        strncat(out, " partial", cap - strlen(out) - 1);
    put_span(out, cap, "path", head->target);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        put_span(out, cap, fields[i].name, head->fields[fields[i].field]);
}

static bool on_request(void *ctx, uint32_t stream, const struct wsc_h1_head *head, bool websocket)
{
    struct wsc_h2_log *l = ctx;
    char text[4096] = "";
    flush(l);
    if (head != NULL)
        put_fields(text, sizeof(text), head);
    wsc_event_log_line(&l->log, "request %" PRIu32 "%s%s", stream, websocket ? " websocket" : "",
                       head != NULL ? text : " unknown");
    return websocket || head == NULL || l->want_all;
}

static void on_response(void *ctx, uint32_t stream, const struct wsc_h1_head *head)
{
    struct wsc_h2_log *l = ctx;
    char text[4096] = " unknown";
    flush(l);
    if (head != NULL) {
        snprintf(text, sizeof(text), " %d", head->status);
        put_fields(text, sizeof(text), head);
    }
    wsc_event_log_line(&l->log, "answer %" PRIu32 "%s", stream, text);
}

static void on_data(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, struct wsc_span data)
{
    add(ctx, stream, d, off, false, data.ptr, data.len);
}

static void on_gap(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, uint64_t len)
{
    add(ctx, stream, d, off, true, NULL, len);
}

static void on_end(void *ctx, uint32_t stream, enum wsc_dir d)
{
    struct wsc_h2_log *l = ctx;
    flush(l);
    wsc_event_log_line(&l->log, "end %" PRIu32 " %s", stream, way(d));
}

static const char *error_text(uint32_t error, char *buf, size_t cap)
{
    if (error == WSC_H2_ERROR_UNKNOWN)
        return "unknown";
    if (wsc_h2_error_name(error) != NULL)
        return wsc_h2_error_name(error);
    snprintf(buf, cap, "%" PRIu32, error);
    return buf;
}

static void on_reset(void *ctx, uint32_t stream, enum wsc_dir d, uint32_t error)
{
    struct wsc_h2_log *l = ctx;
    char buf[16];
    flush(l);
    wsc_event_log_line(&l->log, "reset %" PRIu32 " %s %s", stream, way(d),
                       error_text(error, buf, sizeof(buf)));
}

static void on_goaway(void *ctx, enum wsc_dir d, uint32_t last, uint32_t error,
                      struct wsc_span debug)
{
    struct wsc_h2_log *l = ctx;
    char buf[16], text[2 * WSC_H2_DEBUG_KEPT] = "";
    flush(l);
    put_span(text, sizeof(text), "debug", debug);
    wsc_event_log_line(&l->log, "goaway %s last=%" PRIu32 " %s%s", way(d), last,
                       error_text(error, buf, sizeof(buf)), debug.len > 0 ? text : "");
}

static void on_lost(void *ctx, enum wsc_dir d)
{
    struct wsc_h2_log *l = ctx;
    flush(l);
    wsc_event_log_line(&l->log, "lost %s", way(d));
}

static void on_connect_protocol(void *ctx, enum wsc_dir d)
{
    struct wsc_h2_log *l = ctx;
    flush(l);
    wsc_event_log_line(&l->log, "connect-protocol %s", way(d));
}

const struct wsc_h2_ops wsc_h2_log_ops = {
    .on_request = on_request,
    .on_response = on_response,
    .on_data = on_data,
    .on_gap = on_gap,
    .on_end = on_end,
    .on_reset = on_reset,
    .on_goaway = on_goaway,
    .on_lost = on_lost,
    .on_connect_protocol = on_connect_protocol,
};

void wsc_h2_log_init(struct wsc_h2_log *l)
{
    *l = (struct wsc_h2_log){0};
    wsc_event_log_init(&l->log);
}

const char *wsc_h2_log_text(struct wsc_h2_log *l)
{
    flush(l);
    return l->log.text;
}

void wsc_h2_log_clear(struct wsc_h2_log *l)
{
    wsc_event_log_clear(&l->log);
    free(l->bytes);
    *l = (struct wsc_h2_log){0};
}
