/* Evidence to cause: why it ended, how sure that is, and the sentences it rests on (SPEC section
 * 4). Always inferred.
 *
 * Each rule looks for one kind of cause and claims it, or does not. All have one signature and know
 * nothing of each other; the strongest claim wins, what the others said stays as evidence. */
#ifndef WSC_CLOSURE_DIAGNOSE_H
#define WSC_CLOSURE_DIAGNOSE_H

#include "closure/evidence.h"
#include "closure/signs.h"

/* One closure, judged: the facts of |rec| (its cause fields are not read) and what they rest on. */
struct wsc_case {
    const struct wsc_closure *rec;
    const struct wsc_evidence *ev;
    const struct wsc_signs *signs;
    bool no_evidence; /* cause and confidence alone: nobody reads the sentences */
};

#define WSC_CLAIMS_MAX    12u
#define WSC_SENTENCES_MAX 40u
#define WSC_SENTENCE_MAX  400u /* bytes; longer ones are cut */
#define WSC_HINTS_MAX     8u

struct wsc_claim {
    enum wsc_cause cause; /* NONE: sentences worth telling that name no cause */
    enum wsc_confidence confidence;
    uint8_t first, len; /* of the sentences */
};

/* Claims in the order of the rules. Rules write to it with the functions below only. */
struct wsc_claims {
    struct wsc_claim list[WSC_CLAIMS_MAX];
    size_t len;
    bool full;   /* the claim at hand is one too many: neither it nor its sentences are kept */
    bool silent; /* no sentences are wanted */
    struct wsc_span sentences[WSC_SENTENCES_MAX];
    size_t sentences_len;
    struct wsc_span software;
    const struct wsc_app_code *app_code;
    const struct wsc_reason_hint *hints[WSC_HINTS_MAX]; /* wsc_hints() */
    size_t hints_len;
    bool hints_known;
    size_t used;
    char text[WSC_SENTENCES_MAX * 160];
};

typedef void (*wsc_why_fn)(const struct wsc_case *c, struct wsc_claims *out);

/* Begins a claim; the sentences said next are its own. Beyond WSC_CLAIMS_MAX nothing is kept. */
void wsc_claim(struct wsc_claims *out, enum wsc_cause cause, enum wsc_confidence confidence);
/* wsc_say(out, format, ...): its arguments are evaluated only if sentences are wanted, so that the
 * words for them cost nothing where nobody reads them. */
#define wsc_say(out, ...)                                                                          \
    do {                                                                                           \
        if (!(out)->silent)                                                                        \
            wsc_write(out, __VA_ARGS__);                                                           \
    } while (0)
void wsc_write(struct wsc_claims *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True if a rule before this one has claimed a cause and is as sure as that. */
bool wsc_claimed(const struct wsc_claims *out, enum wsc_confidence at_least);

/* Fills cause, confidence, evidence, software and app_code of |rec|, which is c->rec; the spans
 * point into |claims|. */
void wsc_diagnose(const struct wsc_case *c, struct wsc_claims *claims, struct wsc_closure *rec);

/* ---- for the rules ---- */

/* "60.0 s", "2.5 ms"; |ns| not negative. */
#define WSC_TIME_TEXT 24u
const char *wsc_text_time(int64_t ns, char out[WSC_TIME_TEXT]);

/* "packet 12", or "packet 12 of capture 2" where several are read as one. */
#define WSC_PACKET_TEXT 56u
const char *wsc_text_packet(uint64_t ref, char out[WSC_PACKET_TEXT]);

/* Network text fit to be quoted: control characters and bytes that are not UTF-8 are escaped, long
 * text is cut. */
#define WSC_QUOTE_TEXT 160u
const char *wsc_text_quote(struct wsc_span s, char out[WSC_QUOTE_TEXT]);

const char *wsc_text_side(enum wsc_dir d); /* "client", "server" */
enum wsc_dir wsc_other(enum wsc_dir d);

/* The side that began the end; false if nobody, or both, can be named. */
bool wsc_closer(const struct wsc_case *c, enum wsc_dir *out);

/* No Close was seen, and the connection, which was open, ended by a FIN or an RST, its own or that
 * of its HTTP/2 stream. */
bool wsc_ended_bare(const struct wsc_case *c);
bool wsc_ended_stream(const struct wsc_case *c); /* ... of its stream */

/* "Close", "FIN", "RST", "END_STREAM", "RST_STREAM": what |d| ended it with, and where. */
const char *wsc_end_word(const struct wsc_case *c);
uint64_t wsc_end_packet(const struct wsc_case *c, enum wsc_dir d);

/* The code of the first Close frame, WSC_UNKNOWN if there was none or it was empty. */
int wsc_wire_code(const struct wsc_case *c);

/* What is known of the reason text with that code: how many hints there are, at most WSC_HINTS_MAX
 * of them in out->hints. Looked for once. */
size_t wsc_hints(const struct wsc_case *c, struct wsc_claims *out);

int64_t wsc_idle_of(const struct wsc_case *c, enum wsc_dir d); /* WSC_UNKNOWN if not known */

/* The violation that what |d| sent in packet |ref| (0: any) may answer: the last of the other side
 * before it. NULL if there is none. In rules_frames.c. */
const struct wsc_violation *wsc_violation_before(const struct wsc_case *c, enum wsc_dir d,
                                                 uint64_t ref);

/* The rules, by file. */
void wsc_why_evicted(const struct wsc_case *c, struct wsc_claims *out); /* rules_capture.c */
void wsc_why_gap(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_rejected(const struct wsc_case *c, struct wsc_claims *out); /* rules_handshake.c */
void wsc_why_bad_answer(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_no_answer(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_reason(const struct wsc_case *c, struct wsc_claims *out); /* rules_code.c */
void wsc_why_goodbye(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_app_code(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_code(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_violation(const struct wsc_case *c, struct wsc_claims *out); /* rules_frames.c */
void wsc_why_too_big(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_keepalive(const struct wsc_case *c, struct wsc_claims *out); /* rules_time.c */
void wsc_why_idle(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_forgotten(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_lifetime(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_middlebox(const struct wsc_case *c, struct wsc_claims *out); /* rules_tcp.c */
void wsc_why_network_loss(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_peer_crash(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_no_keys(const struct wsc_case *c, struct wsc_claims *out); /* rules_tls.c */
void wsc_why_tls_failed(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_tls(const struct wsc_case *c, struct wsc_claims *out);
void wsc_why_http2(const struct wsc_case *c, struct wsc_claims *out);    /* rules_http2.c */
void wsc_why_software(const struct wsc_case *c, struct wsc_claims *out); /* rules_software.c */

#endif
