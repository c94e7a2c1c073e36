/* Prints what wsc_h2 says into an event log, one line an event. DATA and gaps that follow each
 * other are one line, so that the log does not depend on how the bytes came:
 *     request ID [websocket] (unknown | [partial] [path=...] [host=...] ...)
 *     answer ID (unknown | STATUS [partial] ...)
 *     data ID c2s|s2c off=N HEX        gap ID c2s|s2c off=N len=N
 *     end ID c2s|s2c                   reset ID c2s|s2c NAME
 *     goaway c2s|s2c last=N NAME [TEXT]
 *     lost c2s|s2c                     connect-protocol c2s|s2c */
#ifndef WSC_TEST_H2_LOG_H
#define WSC_TEST_H2_LOG_H

#include "http/h2_conn.h"
#include "support/event_log.h"

struct wsc_h2_log {
    struct wsc_event_log log;
    bool want_all; /* ordinary requests too */
    /* The DATA or gap that the next may go on with. */
    uint32_t stream;
    enum wsc_dir d;
    bool gap, pending;
    uint64_t off, next;
    uint8_t *bytes;
    size_t len, cap;
};

void wsc_h2_log_init(struct wsc_h2_log *l);
const char *wsc_h2_log_text(struct wsc_h2_log *l); /* all of it, newline-terminated lines */
void wsc_h2_log_clear(struct wsc_h2_log *l);

extern const struct wsc_h2_ops wsc_h2_log_ops; /* ctx: struct wsc_h2_log */

#endif
