/* A sink that prints one line for each decoder event, so that tests compare text:
 *
 *     struct wsc_event_log log;
 *     wsc_event_log_init(&log);
 *     wsc_ws_decoder_feed(&dec, bytes, &wsc_event_log_ws, &log);
 *     cr_expect_str_eq(log.text, "start 0\nframe 0 fin text len=0\nend 0\n");
 *     wsc_event_log_clear(&log);
 *
 * Other decoders print into the same log through wsc_event_log_line(). */
#ifndef WSC_TEST_EVENT_LOG_H
#define WSC_TEST_EVENT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "ws/ws_decoder.h"

struct wsc_event_log {
    char *text; /* NUL-terminated, never NULL */
    size_t len, cap;
    size_t lent;    /* scratch blocks borrowed and not yet given back */
    bool no_blocks; /* set by a test: borrow gives NULL */
};

void wsc_event_log_init(struct wsc_event_log *log);
void wsc_event_log_clear(
    struct wsc_event_log *log); /* frees; blocks still lent are the caller's to return */

/* Appends one line, printf-style; the newline is added. Aborts when out of memory. */
void wsc_event_log_line(struct wsc_event_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints WebSocket frames; ctx is a struct wsc_event_log. Lines:
 *     start OFFSET
 *     frame OFFSET [fin] [rsv=N] text|binary|continuation|close|ping|pong|opcode=N [masked] len=N
 *     violation RULE
 *     end OFFSET [missing]
 *     control OFFSET NAME [missing] HEX      (HEX: "-" for no bytes)
 *     lost OFFSET */
extern const struct wsc_ws_ops wsc_event_log_ws;

#endif
