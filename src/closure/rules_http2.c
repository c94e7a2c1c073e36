/* What HTTP/2 says of a stream's end (RFC 9113 5.4, 6.4, 6.8, 7; RFC 8441 5). */
#include "closure/diagnose.h"

#include <stdio.h>

enum {
    NO_ERROR = 0,
    INTERNAL_ERROR = 2,
    REFUSED_STREAM = 7,
    CANCEL = 8,
    CONNECT_ERROR = 10,
    ENHANCE_YOUR_CALM = 11,
    INADEQUATE_SECURITY = 12,
    HTTP_1_1_REQUIRED = 13
};
#define ERROR_UNKNOWN UINT32_MAX

/* The cause that |d|'s error code stands for. */
static enum wsc_cause cause_of(uint32_t error, enum wsc_dir d, bool before_answer)
{
    switch (error) {
    case INTERNAL_ERROR:
        return d == WSC_DIR_S2C ? WSC_CAUSE_SERVER_ERROR : WSC_CAUSE_CLIENT_ERROR;
    case REFUSED_STREAM:
    case ENHANCE_YOUR_CALM:
        return WSC_CAUSE_OVERLOAD;
    case CONNECT_ERROR:
        return WSC_CAUSE_BAD_GATEWAY;
    case INADEQUATE_SECURITY:
    case HTTP_1_1_REQUIRED:
        return before_answer ? WSC_CAUSE_HANDSHAKE_REJECTED : WSC_CAUSE_NONE;
    default:
        return before_answer && d == WSC_DIR_S2C ? WSC_CAUSE_HANDSHAKE_REJECTED : WSC_CAUSE_NONE;
    }
}

#define ERROR_TEXT 48u

/* "CANCEL (8)" */
static const char *error_text(uint32_t error, const char *name, char out[ERROR_TEXT])
{
    if (error == ERROR_UNKNOWN)
        (void)snprintf(out, ERROR_TEXT, "a code that was not captured");
    else
        (void)snprintf(out, ERROR_TEXT, "%s (%u)", name != NULL ? name : "a code not registered",
                       error);
    return out;
}

static void reset(const struct wsc_case *c, enum wsc_dir d, struct wsc_claims *out)
{
    const struct wsc_sign_stream *s = &c->signs->stream;
    bool before_answer = c->rec->outcome == WSC_OUTCOME_HANDSHAKE_FAILED;
    enum wsc_cause cause = cause_of(s->error[d], d, before_answer);
    char packet[WSC_PACKET_TEXT], error[ERROR_TEXT];
    wsc_claim(out, cause, cause != WSC_CAUSE_NONE ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_NONE);
    wsc_say(out, "the %s reset stream %u with %s in %s%s", wsc_text_side(d), s->id,
            error_text(s->error[d], s->error_name[d], error),
            wsc_text_packet(c->ev->side[d].rst.ref, packet),
            s->error[d] == CANCEL ? ": what an RST is to TCP, where an application or a browser "
                                    "drops the connection"
                                  : "");
}

/* A client must not ask before the server has said that it may (RFC 8441 3). */
static void not_announced(const struct wsc_case *c, struct wsc_claims *out)
{
    if (c->rec->outcome != WSC_OUTCOME_HANDSHAKE_FAILED || c->signs->stream.announced ||
        c->rec->missing_bytes[WSC_DIR_S2C] > 0)
        return;
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    wsc_say(out, "no SETTINGS_ENABLE_CONNECT_PROTOCOL of the server was seen: it does not take "
                 "WebSockets over HTTP/2 (RFC 8441 3)");
}

/* GOAWAY before the end: its sender takes no new streams, and a proxy that reloads or a server that
 * stops sends it. */
static void goaway(const struct wsc_case *c, enum wsc_dir d, struct wsc_claims *out)
{
    const struct wsc_sign_goaway *g = &c->signs->goaway[d];
    const struct wsc_closure *r = c->rec;
    if (g->ref == 0 || (r->ended_ns != 0 && g->ns > r->ended_ns))
        return;
    char packet[WSC_PACKET_TEXT], error[ERROR_TEXT], quote[WSC_QUOTE_TEXT];
    struct wsc_span debug = {.ptr = g->debug, .len = g->debug_len};
    enum wsc_cause cause = g->error == NO_ERROR
                               ? d == WSC_DIR_S2C ? WSC_CAUSE_SERVER_SHUTDOWN : WSC_CAUSE_NONE
                               : cause_of(g->error, d, false);
    if (r->code_source == WSC_CODE_SOURCE_WIRE)
        cause = WSC_CAUSE_NONE; /* the Close says itself why */
    wsc_claim(out, cause, cause != WSC_CAUSE_NONE ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_NONE);
    wsc_say(out, "the %s had sent GOAWAY with %s, last stream %u, in %s%s%s%s", wsc_text_side(d),
            error_text(g->error, g->error_name, error), g->last_stream,
            wsc_text_packet(g->ref, packet), debug.len > 0 ? ": \"" : "",
            wsc_text_quote(debug, quote), debug.len > 0 ? "\"" : "");
}

void wsc_why_http2(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_signs *s = c->signs;
    if (s->stream.id == 0)
        return;
    not_announced(c, out);
    for (int i = 0; i < 2; i++) {
        enum wsc_dir d = (enum wsc_dir)i;
        const struct wsc_ev_end *rst = &c->ev->side[d].rst;
        if (c->rec->ending == WSC_ENDING_STREAM_RESET && rst->ref != 0 && rst->stream)
            reset(c, d, out);
        goaway(c, d, out);
    }
}
