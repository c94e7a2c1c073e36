/* One search for findings: the facts, what is found so far, and the rules. */
#ifndef WSC_FINDINGS_RUN_H
#define WSC_FINDINGS_RUN_H

#include <wsclose/findings.h>

#include "findings/cluster.h"
#include "findings/facts.h"

/* In how many stores of noise, at most, a rule may find something. The bounds it is held against
 * are generous: noise alone (tests/support/population.py) gave none in 110 stores of 100 to 10,000.
 */
#define WSC_FALSE_ALARMS 0.05
#define WSC_LEAST        3u /* connections that make a finding */

/* A finding while it is written. */
struct wsc_draft {
    struct wsc_finding f;
    struct wsc_filter filter;
    char text[3072]; /* title and sentences; what does not fit is left out */
    size_t text_len;
    char pattern[WSC_NAME_MAX + 2]; /* a text of |filter| */
    uint32_t server;                /* that |filter| asks for; 0: any */
};

/* What a rule for reconnects needs to know of a mass disconnect. */
struct wsc_mass {
    uint32_t server;
    uint64_t from_ns, to_ns; /* first and last end, inclusive */
    uint32_t count;
};
#define WSC_MASSES_MAX 64u

struct wsc_server_count {
    uint32_t attempts, ended;
    size_t first; /* of its facts in by_server; attempts many */
};

/* So many facts are looked at to measure findings; what comes after is left out, and counted. Some
 * seconds: only thousands of findings over millions of records come near it. */
#define WSC_WORK_MAX UINT64_C(1000000000)

struct wsc_run {
    struct wsc_facts facts;
    const struct wsc_filter *base;
    const struct wsc_limits *limits;
    uint64_t first_ns, last_ns;       /* of all facts */
    uint64_t ended;                   /* how many of them were open once and ended */
    struct wsc_server_count *servers; /* by name */
    uint32_t *by_server;              /* facts of each server together, in order of time */
    uint64_t work;                    /* facts looked at for single findings, up to WSC_WORK_MAX */

    uint32_t *order;                  /* scratch, one entry a fact: see wsc_run_pick() */
    struct wsc_cluster_value *values; /* scratch, one entry a fact */

    struct wsc_mass masses[WSC_MASSES_MAX];
    size_t masses_len;

    struct wsc_draft **drafts; /* worst first once all rules have run */
    size_t drafts_len, drafts_cap, drafts_max;
    uint64_t left_out;
};

/* A rule looks at all facts and writes what it finds. Returns WSC_OK or WSC_ERR_NOMEM. */
typedef enum wsc_err (*wsc_find_fn)(struct wsc_run *r);

enum wsc_err wsc_find_mass_disconnect(struct wsc_run *r); /* marks facts as mass */
enum wsc_err wsc_find_timers(struct wsc_run *r);          /* idle and lifetime; marks as timed */
enum wsc_err wsc_find_reconnect_storm(struct wsc_run *r); /* after mass_disconnect */
enum wsc_err wsc_find_retry_loop(struct wsc_run *r);
enum wsc_err wsc_find_handshake_failures(struct wsc_run *r);
enum wsc_err wsc_find_causes(struct wsc_run *r); /* what each record's cause says */
enum wsc_err wsc_find_network_loss(struct wsc_run *r);
enum wsc_err wsc_find_violations(struct wsc_run *r);
enum wsc_err wsc_find_empty_close(struct wsc_run *r);

/* ---- groups ---- */

typedef bool (*wsc_fact_fn)(const struct wsc_fact *x);
typedef int (*wsc_fact_cmp)(const struct wsc_fact *a, const struct wsc_fact *b);

/* Puts the numbers of all facts of a known server, no copies, that |want| wants into r->order,
 * sorted by |cmp| and within a group of equals by time. Returns how many. */
size_t wsc_run_pick(struct wsc_run *r, wsc_fact_fn want, wsc_fact_cmp cmp);
/* Where the group that begins at |from| of the |n| picked ends. */
size_t wsc_run_group_end(const struct wsc_run *r, wsc_fact_cmp cmp, size_t from, size_t n);
static inline struct wsc_fact *wsc_run_fact(const struct wsc_run *r, size_t at)
{
    return &r->facts.rows[r->order[at]];
}

/* The tables of numbers that comparisons are made of. */
static inline int wsc_compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* Open once, then ended. */
static inline bool wsc_fact_ended(const struct wsc_fact *x)
{
    return x->outcome == WSC_OUTCOME_CLOSED && x->ending != WSC_ENDING_NONE;
}
/* Without a Close from either side. */
static inline bool wsc_fact_unannounced(const struct wsc_fact *x)
{
    return x->outcome == WSC_OUTCOME_CLOSED &&
           (x->ending == WSC_ENDING_FIN || x->ending == WSC_ENDING_RESET ||
            x->ending == WSC_ENDING_STREAM_RESET || x->ending == WSC_ENDING_STREAM_END ||
            x->ending == WSC_ENDING_VANISHED);
}
/* A client that says goodbye as clients do. */
static inline bool wsc_fact_client_left(const struct wsc_fact *x)
{
    return x->closed_by == WSC_SIDE_CLIENT &&
           (x->code == 1000 || x->code == 1001 || x->code == 1005);
}

/* The record of the same connection on the other side of a proxy, NULL if there is none. */
static inline struct wsc_fact *wsc_run_leg(const struct wsc_run *r, const struct wsc_fact *x)
{
    return x->leg != 0 ? &r->facts.rows[x->leg - 1] : NULL;
}
/* Whether the hop between two legs ended both: it is the server of one and the client of the other.
 */
static inline bool wsc_fact_hop_cut(const struct wsc_fact *x, const struct wsc_fact *leg)
{
    return (x->closed_by == WSC_SIDE_SERVER && leg->closed_by == WSC_SIDE_CLIENT) ||
           (x->closed_by == WSC_SIDE_CLIENT && leg->closed_by == WSC_SIDE_SERVER);
}
/* Ends by servers come first, so that of two legs the one towards the users is told about. */
static inline int wsc_compare_closers(const struct wsc_fact *a, const struct wsc_fact *b)
{
    return wsc_compare(b->closed_by == WSC_SIDE_SERVER, a->closed_by == WSC_SIDE_SERVER);
}

/* ---- drafts ---- */

/* A draft whose filter is the caller's; NULL: no memory. Given back by wsc_draft_keep() or
 * wsc_draft_drop(). */
struct wsc_draft *wsc_draft_new(const struct wsc_run *r, enum wsc_finding_kind kind);
void wsc_draft_drop(struct wsc_draft *d);

/* Narrows the filter. Names 0 are left alone. */
void wsc_draft_server(const struct wsc_run *r, struct wsc_draft *d, uint32_t name);
void wsc_draft_client(const struct wsc_run *r, struct wsc_draft *d, uint32_t name, bool network);
void wsc_draft_code(struct wsc_draft *d, int code);
/* A pattern for the text of |name|: the text itself, or, when that is long or holds what a shell
 * or a terminal should not meet, its beginning and a star. Returns NULL if nothing is left. */
const char *wsc_draft_pattern(const struct wsc_run *r, struct wsc_draft *d, uint32_t name);
/* From |from| to |to|, both inclusive, widened to whole hundredths of a second. */
struct wsc_span_filter wsc_draft_stretch(int64_t from_ns, int64_t to_ns);
void wsc_draft_ends(struct wsc_draft *d, uint64_t from_ns, uint64_t to_ns); /* to whole ms */

/* Counts what the filter lists: count, first, last, examples. Returns count; 0, and nothing is
 * known, if there was too much work: wsc_draft_keep() then leaves the draft out. */
uint64_t wsc_draft_measure(struct wsc_run *r, struct wsc_draft *d);

/* The facts of one server in order of time, or of all (0), server by server: |*n| of them. */
const uint32_t *wsc_run_server(const struct wsc_run *r, uint32_t server, size_t *n);

/* printf-style. */
void wsc_draft_title(struct wsc_draft *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void wsc_draft_say(struct wsc_draft *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What the other legs of the |n| members show, if any is on record. */
void wsc_draft_say_legs(const struct wsc_run *r, struct wsc_draft *d, const uint32_t *members,
                        size_t n);
/* Adds the limits of |kind| that |ns| matches and that end as seen: |ends| is one of enum
 * wsc_limit_end, |code| with WSC_ENDS_CLOSE. */
void wsc_draft_candidates(const struct wsc_run *r, struct wsc_draft *d, enum wsc_limit_kind kind,
                          int64_t ns, unsigned ends, int code);

/* If the server of |x| names itself as a product of the table does: the limits of |kind| it has,
 * whatever their value, as what to look at. */
void wsc_draft_say_product(const struct wsc_run *r, struct wsc_draft *d, const struct wsc_fact *x,
                           enum wsc_limit_kind kind, unsigned ends);

/* Hands the draft over to the run; |weight| times its count is its score. */
enum wsc_err wsc_draft_keep(struct wsc_run *r, struct wsc_draft *d, double weight, uint64_t of,
                            const char *of_what);

/* ---- words in sentences; each returns |out| ---- */

#define WSC_WORD_MAX 80u
const char *wsc_word_time(int64_t ns, char out[WSC_WORD_MAX]); /* "45.0 s", "250 ms" */
const char *wsc_word_server(const struct wsc_run *r, uint32_t name, char out[WSC_WORD_MAX]);
const char *wsc_word_client(const struct wsc_run *r, uint32_t name, bool network,
                            char out[WSC_WORD_MAX]);
/* "the server's FIN without a Close", "the server's Close 1001". */
const char *wsc_word_end(const struct wsc_fact *x, char out[WSC_WORD_MAX]);

#endif
