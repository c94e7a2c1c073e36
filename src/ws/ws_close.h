/* The body of a Close frame (RFC 6455 5.5.1, 7.4): code, reason, and what is wrong with them. */
#ifndef WSC_WS_CLOSE_H
#define WSC_WS_CLOSE_H

#include <wsclose/closure.h>
#include <wsclose/types.h>

struct wsc_ws_close {
    int code;               /* WSC_UNKNOWN: empty, 1 byte, or not captured */
    struct wsc_span reason; /* into the body; empty, or NULL if not captured */
    bool empty;             /* the frame had no body at all */
    bool bad_length;        /* a body of 1 byte */
    bool bad_code;          /* may not stand in a Close frame */
    bool bad_utf8;          /* false also when the reason was cut */
};

/* |body| unmasked, |wire_len| the body's length on the wire (body.len smaller: the rest is missing
 * or over the ceiling). */
void wsc_ws_close_parse(struct wsc_span body, uint64_t wire_len, struct wsc_ws_close *out);

#endif
