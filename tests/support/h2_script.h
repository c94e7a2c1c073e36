/* What both sides of an HTTP/2 connection send, as text, and ways to feed it. One step a line; a
 * line that begins with a space goes on with the step before:
 *     C HEX     the client sends        c N    N bytes of the client's were not captured
 *     S HEX     the server sends        s N    ... of the server's */
#ifndef WSC_TEST_H2_SCRIPT_H
#define WSC_TEST_H2_SCRIPT_H

#include "support/h2_log.h"

struct wsc_h2_step {
    enum wsc_dir d;
    uint64_t gap;   /* then no bytes */
    size_t at, len; /* in |bytes| of the script */
};

struct wsc_h2_script {
    struct wsc_h2_step *steps;
    size_t count;
    uint8_t *bytes;
    size_t len;
    size_t sent[2]; /* by each direction */
};

void wsc_h2_script_init(struct wsc_h2_script *s, const char *text);
void wsc_h2_script_clear(struct wsc_h2_script *s);

/* How it is fed. A struct of zeros: each step whole. */
struct wsc_h2_way {
    size_t piece;    /* at most so many bytes at once; 0: no limit */
    size_t split_at; /* and a step is cut here, counted over all bytes; 0: nowhere */
    /* Instead of its bytes, a gap: so many of direction |cut_dir|'s, from there on. */
    enum wsc_dir cut_dir;
    size_t cut_at, cut_len;
};

/* Feeds the steps; the log ends with "not h2" if that was said. Each span is of exact size. */
void wsc_h2_script_run(const struct wsc_h2_script *s, const struct wsc_h2_options *opt,
                       const struct wsc_h2_way *way, struct wsc_h2_log *log);

#endif
