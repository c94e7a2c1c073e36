/* Flows that are not WebSocket: HTTP/1, TLS-like, other TCP, DNS and QUIC-like UDP. Each goes on
 * one step (at most some packets) a call. */
#ifndef GENERATOR_NOISE_H
#define GENERATOR_NOISE_H

#include "tcp.h"
#include "text.h"

enum noise_kind {
    NOISE_HTTP,
    NOISE_TLS,
    NOISE_OTHER_TCP,
    NOISE_DNS,
    NOISE_QUIC,
};

struct noise {
    struct tcp tcp; /* UDP has its endpoints there, too */
    enum noise_kind kind;
    uint32_t number, step;
    uint32_t exchanges; /* requests and answers still to come */
    uint32_t left;      /* bytes of the answer at hand */
};

/* |late|: the capture begins after this flow did. */
void noise_init(struct noise *f, struct wire *w, uint32_t number, bool late);

/* Goes one step. Returns whether there is another. */
bool noise_step(struct noise *f, struct wire *w, const struct text *text);

#endif
