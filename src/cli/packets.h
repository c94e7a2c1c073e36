/* Where the packets of stored connections are, and one stream over them: capture files that were
 * analysed, or files that live --write kept. */
#ifndef WSC_CLI_PACKETS_H
#define WSC_CLI_PACKETS_H

#include <wsclose/extract.h>
#include <wsclose/store.h>
#include <wsclose/wsclose.h>

struct packets_file;

struct packets {
    struct packets_file *files;
    size_t len, cap;
    int64_t *captures; /* rows, by the number that refs give them */
    size_t captures_len, captures_cap;
    struct wsc_capture *capture; /* open, or NULL */
    size_t *order;               /* the files in the order they were opened in */
    bool fingerprint;
    struct wsc_keylog *secrets; /* the caller's: takes the TLS secrets in the files, or NULL */
    bool gone;                  /* a part of what was asked for is there no more */
    struct wsc_error damage;    /* where a capture broke off last in this reading */
};

/* Adds what may hold packets of |rec|, and makes |pick| of it. Returns false, having said why. */
bool packets_add(struct packets *p, struct wsc_store *store, const struct wsc_closure *rec,
                 struct wsc_pick *pick);

/* |paths| are where captures are now; each is told by its content. The rest is where it was. What
 * is not there and need not be is left out. Returns false, having said why. */
bool packets_locate(struct packets *p, const char *const *paths, size_t n);

/* Opens all of them from the start. With |fingerprint| packets_same() tells afterwards whether the
 * captures are those that were analysed. Returns false, having said why. */
bool packets_open(struct packets *p, bool fingerprint);

struct packets_at {
    size_t file;   /* which one */
    uint32_t port; /* the interface it was seen on, over all files */
    struct wsc_packet pkt;
};
/* Returns WSC_OK, WSC_END, or an error having said why. A damaged capture ends where it did when it
 * was analysed. */
enum wsc_err packets_next(struct packets *p, struct packets_at *out);

/* After the end. False: one of them is another one, and that was said. |*again|: one that is not
 * needed was, and is left out now. */
bool packets_same(struct packets *p, bool *again);

/* True if |path| is one of the files that are read. */
bool packets_reads(const struct packets *p, const char *path);

/* Name of an interface for the file that is written, or NULL. */
const char *packets_interface(const struct packets *p, const struct packets_at *at);

void packets_stop(struct packets *p); /* safe in a signal handler */
void packets_close(struct packets *p);
void packets_clear(struct packets *p);

#endif
