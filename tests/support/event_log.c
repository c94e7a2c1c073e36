#include "support/event_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <wsclose/closure.h>

static void reserve(struct wsc_event_log *log, size_t need)
{
    if (need <= log->cap)
        return;
    size_t cap = log->cap != 0 ? log->cap : 256;
    while (cap < need)
        cap *= 2;
    log->text = realloc(log->text, cap);
    if (log->text == NULL)
        abort();
    log->cap = cap;
}

void wsc_event_log_init(struct wsc_event_log *log)
{
    *log = (struct wsc_event_log){0};
    reserve(log, 1);
    log->text[0] = '\0';
}

void wsc_event_log_clear(struct wsc_event_log *log)
{
    free(log->text);
    *log = (struct wsc_event_log){0};
}

static void put(struct wsc_event_log *log, const char *format, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    if (n < 0)
        abort();
    reserve(log, log->len + (size_t)n + 1);
    (void)vsnprintf(log->text + log->len, (size_t)n + 1, format, again);
    va_end(again);
    log->len += (size_t)n;
}

static void add(struct wsc_event_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct wsc_event_log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    put(log, format, ap);
    va_end(ap);
}

void wsc_event_log_line(struct wsc_event_log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    put(log, format, ap);
    va_end(ap);
    add(log, "\n");
}

static void add_opcode(struct wsc_event_log *log, uint8_t opcode)
{
    static const char *const names[16] = {
        [WSC_WS_CONTINUATION] = "continuation",
        [WSC_WS_TEXT] = "text",
        [WSC_WS_BINARY] = "binary",
        [WSC_WS_CLOSE] = "close",
        [WSC_WS_PING] = "ping",
        [WSC_WS_PONG] = "pong",
    };
    if (names[opcode & 15] != NULL)
        add(log, " %s", names[opcode & 15]);
    else
        add(log, " opcode=%u", opcode);
}

static void on_start(void *ctx, uint64_t start)
{
    wsc_event_log_line(ctx, "start %" PRIu64, start);
}

static void on_frame(void *ctx, const struct wsc_ws_frame *f)
{
    struct wsc_event_log *log = ctx;
    add(log, "frame %" PRIu64 "%s", f->start, f->fin ? " fin" : "");
    if (f->rsv != 0)
        add(log, " rsv=%u", f->rsv);
    add_opcode(log, f->opcode);
    add(log, "%s len=%" PRIu64 "\n", f->masked ? " masked" : "", f->payload_len);
}

static void on_frame_end(void *ctx, const struct wsc_ws_frame *f, bool missing)
{
    wsc_event_log_line(ctx, "end %" PRIu64 "%s", f->start, missing ? " missing" : "");
}

static void on_control(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload,
                       bool missing)
{
    struct wsc_event_log *log = ctx;
    add(log, "control %" PRIu64, f->start);
    add_opcode(log, f->opcode);
    add(log, "%s %s", missing ? " missing" : "", payload.len == 0 ? "-" : "");
    for (size_t i = 0; i < payload.len; i++)
        add(log, "%02x", payload.ptr[i]);
    add(log, "\n");
}

static void on_peek(void *ctx, const struct wsc_ws_frame *f, struct wsc_span payload)
{
    struct wsc_event_log *log = ctx;
    add(log, "peek %" PRIu64 " %s", f->start, payload.len == 0 ? "-" : "");
    for (size_t i = 0; i < payload.len; i++)
        add(log, "%02x", payload.ptr[i]);
    add(log, "\n");
}

static void on_violation(void *ctx, enum wsc_rule rule)
{
    wsc_event_log_line(ctx, "violation %s", wsc_rule_name(rule));
}

static void on_lost(void *ctx, uint64_t at)
{
    wsc_event_log_line(ctx, "lost %" PRIu64, at);
}

/* Exactly as many bytes as promised, so that a sanitizer sees one too many. */
static uint8_t *borrow(void *ctx)
{
    struct wsc_event_log *log = ctx;
    uint8_t *block = log->no_blocks ? NULL : malloc(WSC_WS_CONTROL_KEPT);
    log->lent += block != NULL;
    return block;
}

static void release(void *ctx, uint8_t *block)
{
    struct wsc_event_log *log = ctx;
    if (block == NULL || log->lent == 0)
        abort();
    log->lent--;
    free(block);
}

const struct wsc_ws_ops wsc_event_log_ws = {
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
