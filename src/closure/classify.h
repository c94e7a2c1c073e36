/* Evidence to verdict: outcome, ending, code, who, and what each side saw (SPEC sections 2 and 3).
 * One table, one pure function. */
#ifndef WSC_CLOSURE_CLASSIFY_H
#define WSC_CLOSURE_CLASSIFY_H

#include "closure/evidence.h"

/* How often a side must send again unanswered before the other counts as gone. Three in a row, each
 * with at least the minimum RTO doubled (RFC 6298 5.5), leave a link with 10 % loss one chance in a
 * thousand of being misjudged. */
#define WSC_VANISHED_REPEATS 3u

/* A Close that nobody answers for this long, in a capture that goes on, was not answered: the
 * longest closing timeout known of the libraries in the field (node ws, 30 s). */
#define WSC_CLOSE_PATIENCE_NS UINT64_C(30000000000)

struct wsc_verdict {
    enum wsc_outcome outcome;
    enum wsc_ending ending;
    int close_code;
    enum wsc_code_source code_source;
    struct wsc_span reason; /* points into the evidence's spans */
    enum wsc_side closed_by;
    struct wsc_saw saw[2];
    enum wsc_tcp_end tcp_end;
    enum wsc_side tcp_end_by;
    uint64_t tcp_end_ref;
    uint64_t ended_ns;  /* 0: it did not end, or nobody can say when */
    uint64_t ended_ref; /* the packet at ended_ns, 0 if none */
};

void wsc_classify(const struct wsc_evidence *ev, struct wsc_verdict *out);

#endif
