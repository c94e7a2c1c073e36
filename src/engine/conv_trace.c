#include "engine/conv_trace.h"

#include "ws/ws_close.h"

#include <stdio.h>
#include <string.h>

/* Which WebSocket the bytes at hand belong to. */
static uint32_t stream_of(const struct wsc_conv *c)
{
    if (c->inner != NULL && c->inner->now != NULL)
        return c->inner->now->id;
    return c->ws != NULL ? c->ws->serial : WSC_TRACE_ALL;
}

static struct wsc_story_event event_here(const struct wsc_engine *e, enum wsc_story_kind kind)
{
    struct wsc_story_event ev = {.kind = (uint8_t)kind, .code = WSC_UNKNOWN};
    if (e->at != NULL) {
        ev.ts_ns = ev.since_ns = e->at->ts_ns;
        ev.packet = e->at->ref;
    }
    return ev;
}

static void tell(const struct wsc_engine *e, enum wsc_way way, uint32_t stream,
                 const struct wsc_story_event *ev)
{
    e->trace->event(e->trace->ctx, e->conv, way, stream, ev);
}

/* ---- WebSocket ---- */

static struct wsc_story_event frame_event(const struct wsc_engine *e, const struct wsc_ws_frame *f)
{
    struct wsc_story_event ev = event_here(e, WSC_STORY_FRAME);
    ev.len = f->payload_len;
    ev.opcode = f->opcode;
    ev.fin = f->fin;
    ev.masked = f->masked;
    ev.compressed = (f->rsv & 4) != 0;
    return ev;
}

static void on_start(void *ctx, uint64_t start)
{
    struct wsc_engine *e = ctx;
    e->trace->frame_start(e->trace->ctx, e->conv, e->way, stream_of(e->conv), e->at);
    wsc_conv_ws_ops.on_start(ctx, start);
}

static void on_frame(void *ctx, const struct wsc_ws_frame *f)
{
    struct wsc_engine *e = ctx;
    const struct wsc_story_event ev = frame_event(e, f);
    e->trace->frame_head(e->trace->ctx, e->conv, e->way, stream_of(e->conv), &ev);
    wsc_conv_ws_ops.on_frame(ctx, f);
}

static void on_frame_end(void *ctx, const struct wsc_ws_frame *f, bool missing)
{
    struct wsc_engine *e = ctx;
    struct wsc_story_event ev = frame_event(e, f);
    ev.missing = missing;
    tell(e, e->way, stream_of(e->conv), &ev);
}

static void on_control(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload,
                       bool missing)
{
    struct wsc_engine *e = ctx;
    struct wsc_story_event ev = frame_event(e, f);
    ev.missing = missing;
    if (f->opcode == WSC_WS_CLOSE) {
        struct wsc_ws_close c;
        wsc_ws_close_parse(payload, f->payload_len, &c);
        ev.code = c.code;
        ev.text = c.reason;
    }
    tell(e, e->way, stream_of(e->conv), &ev);
    wsc_conv_ws_ops.on_control(ctx, f, payload, missing);
}

static void on_peek(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload)
{
    wsc_conv_ws_ops.on_peek(ctx, f, payload);
}

static void on_violation(void *ctx, enum wsc_rule rule)
{
    wsc_conv_ws_ops.on_violation(ctx, rule);
}

static void on_lost(void *ctx, uint64_t at)
{
    struct wsc_engine *e = ctx;
    const struct wsc_story_event ev = event_here(e, WSC_STORY_LOST);
    e->trace->frames_over(e->trace->ctx, e->conv, stream_of(e->conv));
    tell(e, e->way, stream_of(e->conv), &ev);
    wsc_conv_ws_ops.on_lost(ctx, at);
}

static uint8_t *borrow(void *ctx)
{
    return wsc_conv_ws_ops.borrow(ctx);
}

static void release(void *ctx, uint8_t *block)
{
    wsc_conv_ws_ops.release(ctx, block);
}

const struct wsc_ws_ops wsc_trace_ws_ops = {
    .on_start = on_start,
    .on_frame = on_frame,
    .on_frame_end = on_frame_end,
    .on_control = on_control,
    .on_peek = on_peek,
    .on_violation = on_violation,
    .on_lost = on_lost,
    .borrow = borrow,
    .release = release,
};

void wsc_trace_violation(struct wsc_engine *e, enum wsc_dir by, enum wsc_rule rule, uint64_t ref)
{
    struct wsc_story_event ev = event_here(e, WSC_STORY_VIOLATION);
    ev.code = (int)rule;
    if (ev.packet != ref) {
        ev.packet = ref;
        ev.ts_ns = ev.since_ns = 0;
    }
    tell(e, wsc_conv_way(e->conv, by), stream_of(e->conv), &ev);
}

void wsc_trace_over(struct wsc_engine *e, const struct wsc_conv *c)
{
    e->trace->frames_over(e->trace->ctx, c, stream_of(c));
}

/* ---- below it ---- */

void wsc_trace_gap(struct wsc_engine *e, enum wsc_way way, uint64_t len)
{
    struct wsc_story_event ev = event_here(e, WSC_STORY_GAP);
    ev.len = len;
    tell(e, way, WSC_TRACE_ALL, &ev);
}

void wsc_trace_head(struct wsc_engine *e, enum wsc_way way, uint32_t stream,
                    const struct wsc_h1_head *head)
{
    char line[512];
    struct wsc_story_event ev =
        event_here(e, head->is_request ? WSC_STORY_REQUEST : WSC_STORY_ANSWER);
    if (head->is_request) {
        const char *method = head->get           ? "GET "
                             : head->connect     ? "CONNECT "
                             : head->head_method ? "HEAD "
                                                 : "";
        struct wsc_span path = wsc_ws_upgrade_path(head->target, e->opt.keep_query);
        int n = snprintf(line, sizeof(line), "%s%.*s", method,
                         (int)(path.len < 400 ? path.len : 400), (const char *)path.ptr);
        ev.text = (struct wsc_span){.ptr = (const uint8_t *)line, .len = (size_t)n};
    } else {
        ev.code = head->status;
        ev.text = head->phrase;
    }
    tell(e, way, stream, &ev);
}

void wsc_trace_stream_end(struct wsc_engine *e, enum wsc_dir d, uint32_t stream)
{
    const struct wsc_story_event ev = event_here(e, WSC_STORY_STREAM_END);
    tell(e, wsc_conv_way(e->conv, d), stream, &ev);
}

static void tell_error(struct wsc_engine *e, enum wsc_story_kind kind, enum wsc_dir d,
                       uint32_t stream, uint32_t error)
{
    struct wsc_story_event ev = event_here(e, kind);
    const char *name = wsc_h2_error_name(error);
    if (error <= INT32_MAX)
        ev.code = (int)error;
    if (name != NULL)
        ev.text = (struct wsc_span){.ptr = (const uint8_t *)name, .len = strlen(name)};
    tell(e, wsc_conv_way(e->conv, d), stream, &ev);
}

void wsc_trace_stream_reset(struct wsc_engine *e, enum wsc_dir d, uint32_t stream, uint32_t error)
{
    tell_error(e, WSC_STORY_STREAM_RESET, d, stream, error);
}

void wsc_trace_goaway(struct wsc_engine *e, enum wsc_dir d, uint32_t error)
{
    tell_error(e, WSC_STORY_GOAWAY, d, WSC_TRACE_ALL, error);
}

/* ---- TLS ---- */

static void on_hello(void *ctx)
{
    struct wsc_engine *e = ctx;
    const struct wsc_tls_info *info = wsc_tls_info(e->conv->inner->tls);
    struct wsc_story_event ev = event_here(e, WSC_STORY_HELLO);
    if (info->server_hello)
        ev.code = info->version;
    else if (info->sni_len > 0)
        ev.text = (struct wsc_span){.ptr = info->sni, .len = info->sni_len};
    tell(e, wsc_conv_way(e->conv, info->server_hello ? WSC_DIR_S2C : WSC_DIR_C2S), WSC_TRACE_ALL,
         &ev);
}

static void on_alert(void *ctx, enum wsc_dir d, unsigned level, int description)
{
    struct wsc_engine *e = ctx;
    struct wsc_story_event ev = event_here(e, WSC_STORY_ALERT);
    const char *name = wsc_alert_name(description);
    ev.code = description;
    ev.fatal = level == 2;
    if (description >= 0)
        ev.text = (struct wsc_span){.ptr = (const uint8_t *)name, .len = strlen(name)};
    tell(e, wsc_conv_way(e->conv, d), WSC_TRACE_ALL, &ev);
    wsc_conv_tls_ops.on_alert(ctx, d, level, description);
}

static void on_record(void *ctx, enum wsc_dir d, uint64_t wire)
{
    wsc_conv_tls_ops.on_record(ctx, d, wire);
}

static void on_tls_data(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data,
                        uint64_t wire_start, uint64_t wire_end)
{
    wsc_conv_tls_ops.on_data(ctx, d, off, data, wire_start, wire_end);
}

static void on_tls_gap(void *ctx, enum wsc_dir d, uint64_t off, uint64_t len, uint64_t wire_start,
                       uint64_t wire_end)
{
    wsc_conv_tls_ops.on_gap(ctx, d, off, len, wire_start, wire_end);
}

const struct wsc_tls_ops wsc_trace_tls_ops = {.on_record = on_record,
                                              .on_data = on_tls_data,
                                              .on_gap = on_tls_gap,
                                              .on_alert = on_alert,
                                              .on_hello = on_hello};
