/* One page while it is made: what was counted, what was found, what stands in it.
 *
 * Records are walked over twice: first is counted how many there are of what, then, for what has
 * most of them, when. Nothing grows with the records but the names of servers and paths, which have
 * ceilings. */
#ifndef WSC_REPORT_PAGE_RUN_H
#define WSC_REPORT_PAGE_RUN_H

#include <wsclose/page.h>

#include "base/names.h"
#include "report/bins.h"
#include "report/page_text.h"

#define WSC_PAGE_CODES       64u /* with a line of their own */
#define WSC_PAGE_TIME_CODES  8u  /* with a colour of their own */
#define WSC_PAGE_SERVERS     12u
#define WSC_PAGE_PATHS       50u
#define WSC_PAGE_SOURCES     5u
#define WSC_PAGE_LIMITS      8u
#define WSC_PAGE_NOTES       8u
#define WSC_PAGE_SENTENCES   3u
#define WSC_PAGE_NAMES_BYTES (16u << 20)
#define WSC_PAGE_ENDINGS     (WSC_ENDING_GAP + 1u)
#define WSC_PAGE_CLASSES     3u

/* ---- the first walk ---- */

/* What a record is counted under: a code and where it is from, or the outcome of what has none. */
#define WSC_PAGE_KEYS (2u * 65536u + 4u)
uint32_t wsc_page_key(const struct wsc_closure *c);
int wsc_page_key_code(uint32_t key);           /* WSC_UNKNOWN: none */
const char *wsc_page_key_source(uint32_t key); /* "wire", "inferred", or the outcome's word */

/* A number for each name. */
struct wsc_page_tally {
    uint64_t *n;
    size_t cap;
};

/* Of a server, a host and a path together. */
struct wsc_page_place {
    uint32_t server, host, path; /* names; 0: not known */
};

/* Which records are shown first, where not all of them are. */
enum wsc_page_class { WSC_PAGE_BAD, WSC_PAGE_DARK, WSC_PAGE_WELL };
enum wsc_page_class wsc_page_class_of(const struct wsc_closure *c);

struct wsc_page_counts {
    uint64_t records, outcomes[4], abnormal, classes[WSC_PAGE_CLASSES];
    uint64_t first_ns, last_ns; /* earliest start, latest end or last packet; 0: no record */
    uint64_t (*keys)[4];        /* WSC_PAGE_KEYS, by enum wsc_side */
    uint64_t endings[WSC_PAGE_ENDINGS][4];
    uint64_t causes[2][WSC_CAUSE_COUNT + 1]; /* [abnormal]; the last: a word we do not know */
    uint64_t age[2][WSC_LOG_BINS];           /* [abnormal] */
    struct wsc_names names;                  /* of servers, hosts and paths, fit to be shown */
    struct wsc_names places;                 /* struct wsc_page_place */
    struct wsc_names sources;                /* captures */
    struct wsc_page_tally servers, at_places, bad_places;
    bool no_mem;
};

enum wsc_err wsc_page_count(struct wsc_store *s, const struct wsc_filter *f,
                            struct wsc_page_counts *c, struct wsc_error *err);
void wsc_page_counts_clear(struct wsc_page_counts *c);

/* The record's server in words; "" if it is not known. */
void wsc_page_server(const struct wsc_closure *c, char out[WSC_ENDPOINT_TEXT_MAX]);
/* The number of its place, 0 if it is not known or did not fit. |add|: if it is new, too. */
uint32_t wsc_page_place_of(struct wsc_page_counts *c, const struct wsc_closure *r,
                           uint32_t *server);
struct wsc_page_place wsc_page_place_get(const struct wsc_page_counts *c, uint32_t number);
uint64_t wsc_page_tally_get(const struct wsc_page_tally *t, uint32_t number);
/* When it ended, or its last packet. */
static inline uint64_t wsc_page_at(const struct wsc_closure *c)
{
    return c->ended_ns != 0 ? c->ended_ns : c->last_ns;
}
static inline bool wsc_page_abnormal(const struct wsc_closure *c)
{
    return c->outcome == WSC_OUTCOME_CLOSED && c->close_code == 1006 &&
           c->code_source == WSC_CODE_SOURCE_INFERRED;
}

/* ---- the largest ---- */

/* Numbers with the most of |t| (not 0), most first, of two alike the one seen first. Returns how
 * many, at most |max|. */
size_t wsc_page_largest(const struct wsc_page_tally *t, size_t names, uint32_t *out, size_t max);

/* ---- the second walk ---- */

struct wsc_page_server {
    uint32_t name; /* 0: the rest */
    uint64_t count;
    int64_t open[WSC_TIME_BINS + 1]; /* changes from bin to bin, then how many at its start */
    uint32_t ends[WSC_PAGE_ENDINGS][WSC_TIME_BINS];
};

struct wsc_page_path {
    uint32_t place; /* 0: the rest */
    uint64_t count;
    uint64_t codes[WSC_PAGE_CODES + 1];
};

/* A length of silence that a product documents, and how many records are on and around it. */
struct wsc_page_near {
    int64_t ms_ns, slack_ns;
    uint64_t on, around;
};
#define WSC_PAGE_NEAR 256u

/* The bins of all pictures over time. */
struct wsc_page_axis {
    uint64_t from_ns, step_ns;
    unsigned n;
};

struct wsc_page_bins {
    struct wsc_page_axis axis;
    uint32_t codes[WSC_PAGE_CODES + 1]; /* keys, most first; the last of all codes_len may be
                                           UINT32_MAX: the rest */
    uint64_t code_by[WSC_PAGE_CODES + 1][4];
    size_t codes_len;
    size_t times[WSC_PAGE_TIME_CODES]; /* of these, without what is open, with a colour of their
                                          own; then one for the rest */
    size_t times_len;
    bool times_rest;
    uint8_t time_slot[WSC_PAGE_CODES + 1]; /* by index into |codes| */
    uint64_t over_time[WSC_PAGE_TIME_CODES + 1][WSC_TIME_BINS];
    uint32_t idle[WSC_TIME_BINS][WSC_LOG_BINS];
    struct wsc_page_server servers[WSC_PAGE_SERVERS + 1];
    size_t servers_len;
    struct wsc_page_path paths[WSC_PAGE_PATHS + 1];
    size_t paths_len;
    struct wsc_page_near near[WSC_PAGE_NEAR];
    size_t near_len;
    uint8_t *code_slot;               /* by key: index into |codes| */
    uint8_t *server_slot, *path_slot; /* by name and place: index + 1; 0: the rest */
    size_t server_slots, path_slots;
    int64_t *rows; /* ids, in order of time */
    size_t rows_len;
};

/* |rows|: of how many records the ids are wanted. */
enum wsc_err wsc_page_bin(struct wsc_store *s, const struct wsc_filter *f,
                          struct wsc_page_counts *c, const struct wsc_limits *limits, size_t rows,
                          struct wsc_page_bins **out, struct wsc_error *err);
void wsc_page_bins_free(struct wsc_page_bins *b); /* NULL is legal */

/* ---- findings ---- */

struct wsc_page_found {
    struct wsc_finding f;                    /* its texts, made visible, are the copy's own */
    struct wsc_filter filter;                /* what it lists */
    char *texts[WSC_FINDING_SENTENCES + 9u]; /* what these two point to */
    size_t texts_len;
    uint64_t abnormal; /* of these, once asked for */
    uint32_t path;     /* name of the path that all of them have; 0: not one */
};

struct wsc_page_findings {
    struct wsc_page_found *list;
    size_t len, cap;
    struct wsc_findings_summary sum;
    bool no_mem;
};

enum wsc_err wsc_page_find(struct wsc_store *s, const struct wsc_filter *f,
                           const struct wsc_page_options *opt, struct wsc_page_findings *out,
                           struct wsc_error *err);
void wsc_page_findings_clear(struct wsc_page_findings *l);
/* Whether findings of a kind tell why connections ended without a word. */
bool wsc_page_leads(enum wsc_finding_kind kind);
/* Counts what is abnormal of those listed by the findings that the answer may begin with. */
enum wsc_err wsc_page_measure(struct wsc_store *s, struct wsc_page_findings *l,
                              struct wsc_page_counts *c, struct wsc_error *err);

/* ---- the whole ---- */

struct wsc_page {
    const struct wsc_page_options *opt;
    const struct wsc_limits *limits;
    struct wsc_page_counts counts;
    struct wsc_page_bins *bins;
    struct wsc_page_findings findings;
    char *answer[WSC_PAGE_SENTENCES];
    size_t answer_len;
    char *notes[WSC_PAGE_NOTES]; /* what is not in the page */
    size_t notes_len;
    char why[256]; /* which rows these are */
    bool filtered;
};

/* Sets the sentences of the answer. Returns false: no memory. */
bool wsc_page_answer(struct wsc_page *p);

/* The length of silence or age that a finding is about: a documented one, or as it was measured. */
int64_t wsc_page_limit_of(const struct wsc_page_found *found);

/* A limit that the picture of silence shows as a line. */
struct wsc_page_line {
    int64_t ns;
    char text[200];
};
size_t wsc_page_lines(const struct wsc_page *p, struct wsc_page_line out[WSC_PAGE_LIMITS]);

void wsc_page_put_answer(const struct wsc_page *p, struct wsc_pt *t);
void wsc_page_put_counts(const struct wsc_page *p, struct wsc_pt *t);
void wsc_page_put_tables(const struct wsc_page *p, struct wsc_pt *t);
void wsc_page_put_findings(const struct wsc_page *p, struct wsc_pt *t);
void wsc_page_put_about(const struct wsc_page *p, struct wsc_pt *t);
void wsc_page_put_summary(const struct wsc_page *p, struct wsc_pt *t); /* JSON */

/* The table of connections, packed, as base64. */
enum wsc_err wsc_page_put_rows(const struct wsc_page *p, struct wsc_store *s, FILE *out,
                               struct wsc_error *err);

#endif
