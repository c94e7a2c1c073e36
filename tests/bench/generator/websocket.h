/* WebSocket connections with a known end. A connection goes on one step a call (open, a message,
 * ..., the end), so that as many as wanted take turns. How it ends is decided by its number: of any
 * hundred in a row each way has its fixed share. */
#ifndef GENERATOR_WEBSOCKET_H
#define GENERATOR_WEBSOCKET_H

#include "tcp.h"
#include "text.h"

#define WEBSOCKET_ENDS 10

/* How often each way came, by index. */
struct websocket_truth {
    uint64_t sure[WEBSOCKET_ENDS]; /* the capture shows it */
    uint64_t may[WEBSOCKET_ENDS]; /* a frame header, a Close or a head is missing: it may be unknown
                                   */
    uint64_t
        no_request;   /* of |may|: the request itself is missing: there may be no record at all */
    uint64_t packets; /* of these connections */
};

struct websocket_plan {
    const struct text *text;
    struct tcp_damage *damage;    /* NULL: none */
    struct websocket_truth truth; /* of the connections that are over */
    uint32_t messages;            /* of a connection, the client's and the server's in turns */
    uint32_t size; /* bytes of a message, on average; from half to one and a half of it */
};

struct websocket {
    struct tcp tcp;
    uint32_t number, step;
    bool hidden, no_request;
};

void websocket_init(struct websocket *c, uint32_t number);

/* Goes one step. Returns whether there is another. */
bool websocket_step(struct websocket *c, struct wire *w, struct websocket_plan *plan);

/* Prints |truth| as the JSON array of `records`. */
void websocket_print(const struct websocket_truth *truth, FILE *out);

#endif
