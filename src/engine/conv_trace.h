/* Telling what happens in a conversation while it is read. Where nobody listens it costs one look
 * at a pointer for a packet and for a piece of a WebSocket. */
#ifndef WSC_ENGINE_CONV_TRACE_H
#define WSC_ENGINE_CONV_TRACE_H

#include <wsclose/story.h>

#include "engine/conversation.h"

/* The caller's, outlives the engine. All are wanted. */
struct wsc_trace {
    void *ctx;
    /* Around the work on one packet; RESTART: it was not taken. */
    void (*before)(void *ctx, const struct wsc_conv *c);
    void (*after)(void *ctx, const struct wsc_conv *c, enum wsc_way way,
                  const struct wsc_packet_view *v, enum wsc_tcp_result r);
    /* |ev|: dir is not set, |way| says who sent it; packet 0: no packet is at hand. |stream|: of
     * the WebSocket it belongs to, WSC_TRACE_ALL: of none in particular. */
    void (*event)(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                  const struct wsc_story_event *ev);
    /* The first byte of a frame has come; its header is whole, as |ev| tells, which may be the last
     * that is heard of it. */
    void (*frame_start)(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                        const struct wsc_tcp_at *at);
    void (*frame_head)(void *ctx, const struct wsc_conv *c, enum wsc_way way, uint32_t stream,
                       const struct wsc_story_event *ev);
    /* What has begun of |stream| will not be heard of again. */
    void (*frames_over)(void *ctx, const struct wsc_conv *c, uint32_t stream);
};
#define WSC_TRACE_ALL UINT32_MAX

/* What takes the place of wsc_conv_ws_ops and wsc_conv_tls_ops, tells, and calls them. */
extern const struct wsc_ws_ops wsc_trace_ws_ops;
extern const struct wsc_tls_ops wsc_trace_tls_ops;

/* These where e->trace is set only. */
void wsc_trace_gap(struct wsc_engine *e, enum wsc_way way, uint64_t len);
void wsc_trace_head(struct wsc_engine *e, enum wsc_way way, uint32_t stream,
                    const struct wsc_h1_head *head);
void wsc_trace_stream_end(struct wsc_engine *e, enum wsc_dir d, uint32_t stream);
void wsc_trace_stream_reset(struct wsc_engine *e, enum wsc_dir d, uint32_t stream, uint32_t error);
void wsc_trace_goaway(struct wsc_engine *e, enum wsc_dir d, uint32_t error);
void wsc_trace_violation(struct wsc_engine *e, enum wsc_dir by, enum wsc_rule rule, uint64_t ref);
/* |c->ws| is done with. */
void wsc_trace_over(struct wsc_engine *e, const struct wsc_conv *c);

#endif
