/* Packets in memory, to be fed more than once, and records as lines, to be compared. */
#ifndef WSC_TEST_TRACES_H
#define WSC_TEST_TRACES_H

#include <wsclose/wsclose.h>

struct trace {
    struct wsc_packet *packets; /* their bytes are ours */
    size_t len, cap;
};
void trace_clear(struct trace *t);

/* Appends a copy of |pkt|, with the next number. */
void trace_add(struct trace *t, const struct wsc_packet *pkt);

/* Appends what a capture file holds. */
void trace_add_file(struct trace *t, const char *path);

/* Appends |n| WebSocket connections that take turns, each closed by its client with 1000, except
 * every fifth, which stays open; |first| is the first of their client ports. |payload|: bytes of
 * one message each way. */
void trace_add_sessions(struct trace *t, unsigned first, unsigned n, size_t payload);

/* Appends one connection, from client port |port|, that the server resets after a message each way.
 * |heeded| false: both go on with another message, so nobody had; then the server resets it in
 * earnest. */
void trace_add_reset(struct trace *t, unsigned port, bool heeded);

/* Appends the packets of |from|, IPv4 over Ethernet, each in fragments of 24 bytes and every other
 * one of them backwards; with |vxlan| inside a tunnel, whose packets are what is in fragments. */
void trace_add_fragmented(struct trace *t, const struct trace *from, bool vxlan);

/* Records as NDJSON lines, in the order they came. */
struct lines {
    char **line;
    size_t len, cap;
};
void lines_clear(struct lines *l);
void lines_add(void *ctx, const struct wsc_closure *rec); /* a wsc_record_fn; |ctx| is the lines */

#endif
