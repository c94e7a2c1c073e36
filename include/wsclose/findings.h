/* Findings across connections: what recurs in a store, worst first, each with the filter that lists
 * its connections.
 *
 * A finding states what the records carry: counts, times, who ended. Products are candidates whose
 * documented limit matches a measured time; a match is no proof. */
#ifndef WSCLOSE_FINDINGS_H
#define WSCLOSE_FINDINGS_H

#include <wsclose/limits.h>
#include <wsclose/store.h>

enum wsc_finding_kind {
    WSC_FINDING_IDLE_TIMEOUT,       /* silences of one length before the end */
    WSC_FINDING_LIFETIME_LIMIT,     /* ages of one length at the end, whatever the silence */
    WSC_FINDING_MASS_DISCONNECT,    /* many on one server within seconds */
    WSC_FINDING_RECONNECT_STORM,    /* clients back at once, together or in a loop */
    WSC_FINDING_HANDSHAKE_FAILURES, /* many of one server's, or many at one time */
    WSC_FINDING_KEEPALIVE_TIMEOUT,  /* Pings without Pong */
    WSC_FINDING_NETWORK_LOSS,       /* peers that vanish from one client network */
    WSC_FINDING_PROXY_CUT,          /* the hop between ended both legs */
    WSC_FINDING_MESSAGE_TOO_BIG,    /* 1009 */
    WSC_FINDING_VIOLATIONS,         /* one rule broken by one software */
    WSC_FINDING_EMPTY_CLOSE,        /* Closes without a code by one peer, more than by others */
    WSC_FINDING_KINDS
};
const char *wsc_finding_kind_name(enum wsc_finding_kind kind); /* "idle_timeout", ... */

#define WSC_FINDING_IDS        8u
#define WSC_FINDING_SENTENCES  8u
#define WSC_FINDING_CANDIDATES 6u

/* Valid during the call that hands it over. Text may hold bytes from the network. */
struct wsc_finding {
    enum wsc_finding_kind kind;
    double score;   /* connections it concerns, times how bad its kind is: 1 (known at the peer) to
                       3 (users thrown out) */
    uint64_t count; /* connections that |filter| lists: exactly these */
    uint64_t of;    /* out of how many, |of_what| */
    const char *of_what;          /* "that ended at this server" */
    uint64_t first_ns, last_ns;   /* of their ends */
    int64_t ids[WSC_FINDING_IDS]; /* examples, spread over that time */
    size_t ids_len;
    struct wsc_span title; /* one sentence */
    struct wsc_span evidence[WSC_FINDING_SENTENCES];
    size_t evidence_len;
    const struct wsc_limit *candidates[WSC_FINDING_CANDIDATES]; /* their value matches */
    size_t candidates_len, candidates_more;
    bool limit_sought; /* a table was looked into, so that no candidate means something */
    const struct wsc_filter *filter;
    struct wsc_span words; /* |filter| as wsc_filter_words() writes it */
};

/* A non-zero return stops with WSC_OK. */
typedef int (*wsc_finding_fn)(void *ctx, const struct wsc_finding *f);

struct wsc_findings_options {
    const struct wsc_limits *limits; /* NULL: the built-in table */
    size_t max_records;              /* looked at, the earliest; 0: 2,000,000 (about 350 MB) */
    size_t max_names;                /* bytes of names (agents, addresses); 0: 64 MiB. Beyond it a
                                        new name counts as not known */
    uint64_t max_findings;           /* 0: WSC_FINDINGS_MAX; more are counted, the worst kept */
};
#define WSC_FINDINGS_MAX 200u

struct wsc_findings_summary {
    uint64_t records; /* looked at */
    uint64_t ended;   /* of these, open once and then ended */
    uint64_t failed;  /* of these, failed in the handshake */
    bool cut;         /* there were more than max_records */
    bool names_full; /* max_names was reached: records whose server is not known for it are left out
                      */
    uint64_t findings;          /* handed over */
    uint64_t left_out;          /* beyond max_findings, or too many to count their connections */
    uint64_t first_ns, last_ns; /* from the first start to the last end; 0: no record */
};

/* Looks at all records that pass |f| (its |limit| is ignored) and hands over findings, worst first.
 * |opt| may be NULL. Returns WSC_OK, WSC_ERR_NOMEM or what the store returned; |err| is filled. */
enum wsc_err wsc_findings_run(struct wsc_store *s, const struct wsc_filter *f,
                              const struct wsc_findings_options *opt, wsc_finding_fn fn, void *ctx,
                              struct wsc_findings_summary *sum, struct wsc_error *err) WSC_MUST_USE;

/* Writes |f| as words of the command line, quoted for a shell and separated by spaces:
 * "--server 10.0.0.5:443 --idle 59.9s-60.1s". Cut at a whole word if |cap| is too small; |limit|
 * and |last_import| are not words. Returns false if it was cut. */
bool wsc_filter_words(const struct wsc_filter *f, char *out, size_t cap);

#endif
