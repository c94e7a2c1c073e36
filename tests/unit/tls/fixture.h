/* What real peers said (data/record.py), and what came of feeding it to a TLS stream. */
#ifndef WSC_TEST_TLS_FIXTURE_H
#define WSC_TEST_TLS_FIXTURE_H

#include "tls/tls_stream.h"

#define FIXTURE_CHUNKS 512u
#define FIXTURE_EVENTS 512u

/* One TCP connection. */
struct fixture_conn {
    struct {
        enum wsc_dir dir;
        size_t at, len; /* in |wire[dir]| */
    } chunks[FIXTURE_CHUNKS];
    size_t n_chunks;
    uint8_t *wire[2], *says[2];
    size_t wire_len[2], says_len[2];
};

struct fixture {
    char *keys; /* lines of the key log */
    size_t keys_len;
    struct fixture_conn conn[2];
    size_t n_conn;
};

/* Aborts if there is no such file or it is damaged. */
void fixture_load(const char *name, struct fixture *f);
void fixture_free(struct fixture *f);

/* The name of the n-th fixture, NULL after the last. */
const char *fixture_name(size_t n);

/* What a TLS stream told, checked while it comes: data must be where they were said or, after a gap
 * of unknown length, be said further on. */
struct outcome {
    const struct fixture_conn *conn;
    struct {
        enum wsc_dir dir;
        uint64_t off, len, start, end;
    } data[FIXTURE_EVENTS], gaps[FIXTURE_EVENTS];
    size_t n_data, n_gaps, hellos;
    size_t cursor[2]; /* in what was said */
    uint64_t off[2];  /* the next event's */
    bool guessing[2]; /* after a gap of unknown length */
    size_t records[2], bytes[2];
    bool established;  /* for a test to set */
    int alert[2];      /* the last description + 2 */
    const char *wrong; /* the first thing that was not so, NULL: none */
};
extern const struct wsc_tls_ops outcome_ops;
void outcome_init(struct outcome *o, const struct fixture_conn *c);
/* True if all that was said has come, without a gap, and both sides' close_notify. */
bool outcome_is_whole(const struct outcome *o);

/* A key log of those lines of |f| that contain |label| (NULL: all) and not |but| (NULL: nothing to
 * leave out). */
struct wsc_keylog *fixture_keylog(const struct fixture *f, const char *label, const char *but);

#endif
