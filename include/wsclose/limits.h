/* Timeouts and lifetimes of products that carry WebSockets: what a silence or an age is compared
 * with. A match is a candidate, never a cause by itself.
 *
 * A table is tab-separated text with a heading line; columns: product, kind (idle, lifetime, ping,
 * drain, keepalive, loss), seconds (a number or a range 600-1800; "-" where it has no default),
 * setting, how the connection ends, notes, source, verified (yes or no), and optionally clock (any,
 * client, server, data: whose bytes are activity) and ends (any of fin, rst, silent, and the code
 * of a Close, separated by commas; "-": not said). Lines that begin with # are skipped. */
#ifndef WSCLOSE_LIMITS_H
#define WSCLOSE_LIMITS_H

#include <wsclose/error.h>
#include <wsclose/types.h>

enum wsc_limit_kind {
    WSC_LIMIT_IDLE,
    WSC_LIMIT_LIFETIME,
    WSC_LIMIT_PING,
    WSC_LIMIT_DRAIN,
    WSC_LIMIT_KEEPALIVE,
    WSC_LIMIT_LOSS
};

/* Whose bytes end a silence. */
enum wsc_limit_clock {
    WSC_CLOCK_ANY,
    WSC_CLOCK_CLIENT,
    WSC_CLOCK_SERVER,
    WSC_CLOCK_DATA /* data frames of either side: Pings do not count */
};

/* How a connection ends there, as bits; 0: not said. */
enum wsc_limit_end {
    WSC_ENDS_FIN = 1 << 0,
    WSC_ENDS_RST = 1 << 1,
    WSC_ENDS_SILENT = 1 << 2, /* state is dropped without a packet */
    WSC_ENDS_CLOSE = 1 << 3   /* a Close with |close_code| */
};

/* One row; lives as long as the set. Strings are UTF-8 without control characters; "" if empty. */
struct wsc_limit {
    const char *product, *setting, *how, *notes, *source;
    enum wsc_limit_kind kind;
    enum wsc_limit_clock clock;
    unsigned ends;          /* enum wsc_limit_end */
    int close_code;         /* if WSC_ENDS_CLOSE */
    int64_t min_ns, max_ns; /* equal for a single value; -1: no default, never matches */
    bool verified;          /* the source says so itself */
    bool own;               /* from a file of the user's */
};

struct wsc_limits;

#define WSC_LIMITS_MAX       4096u      /* rows of a set */
#define WSC_LIMITS_MAX_BYTES (1u << 20) /* of one file */

/* The built-in table. Returns WSC_OK or WSC_ERR_NOMEM; the caller frees |*out|. */
enum wsc_err wsc_limits_new(struct wsc_limits **out) WSC_MUST_USE;
void wsc_limits_free(struct wsc_limits *set); /* NULL is legal */

/* Adds the rows of |path|; they are matched before the built-in ones. Returns WSC_OK, WSC_ERR_IO,
 * WSC_ERR_FORMAT (|err| names file, line and what is wrong; |set| is unchanged), WSC_ERR_LIMIT,
 * WSC_ERR_NOMEM. */
enum wsc_err wsc_limits_add_file(struct wsc_limits *set, const char *path,
                                 struct wsc_error *err) WSC_MUST_USE;

/* How far a measured time may lie from a limit's value: timers fire late, by scheduling and a way
 * through the network, and the capture point is not where the timer runs. 1 % on either side, at
 * least 0.25 s and at most 5 s. */
int64_t wsc_limit_slack(int64_t limit_ns);

/* The rows of |kind| that |ns| fits, the user's own first, then the verified, then by distance.
 * Writes at most |max|; returns how many there are in all. */
size_t wsc_limits_match(const struct wsc_limits *set, enum wsc_limit_kind kind, int64_t ns,
                        const struct wsc_limit **out, size_t max);

/* The shortest time that any row of |kind| fits; INT64_MAX: there is none. */
int64_t wsc_limits_shortest(const struct wsc_limits *set, enum wsc_limit_kind kind);

/* True if connections at |l| end as one did: |ends| is one of enum wsc_limit_end, |code| that of
 * the Close with WSC_ENDS_CLOSE. A row that does not say how may end in any way. */
bool wsc_limit_ends_like(const struct wsc_limit *l, unsigned ends, int code);

/* Moves the first of |n| rows whose product |header| names to their front: it is nearer than the
 * others. */
void wsc_limits_named_first(const struct wsc_limit **rows, size_t n, struct wsc_span header);

/* True if |header| (Server, Via) names the product of |l|: its first word, in any case. */
bool wsc_limit_named_by(const struct wsc_limit *l, struct wsc_span header);

/* The same for the same rows of the user's own, whatever file they came from; 0 without any. */
uint64_t wsc_limits_digest(const struct wsc_limits *set);

/* All rows, the user's own first. */
const struct wsc_limit *wsc_limits_all(const struct wsc_limits *set, size_t *n);

#endif
