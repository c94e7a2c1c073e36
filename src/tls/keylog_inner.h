/* What the two halves of the key log share: keylog.c (text in, secrets out) and keylog_file.c. */
#ifndef WSC_TLS_KEYLOG_INNER_H
#define WSC_TLS_KEYLOG_INNER_H

#include "tls/keylog_missed.h"
#include "tls/keylog_table.h"

#include <pthread.h>
#include <stdatomic.h>

/* A line of ours has at most 193 bytes. A longer one is a comment or damage, which its first byte
 * tells. */
#define WSC_KEYLOG_LINE_MAX 1024

/* Where text comes from: its unfinished line, and what was found in it. */
struct wsc_keylog_source {
    struct wsc_keylog_source *next; /* of those the caller feeds */
    unsigned id;                    /* the caller's */
    uint8_t line[WSC_KEYLOG_LINE_MAX];
    size_t len;
    uint8_t first;    /* the first byte of a line that is too long */
    bool too_long;    /* only the end of the line under way is waited for */
    bool tried;       /* the line under way was read as it stands */
    uint64_t line_no; /* whole lines before the one under way */
    uint64_t lines, secrets, unknown, damaged, first_damaged;
};

struct wsc_keylog_opened;

struct wsc_keylog {
    pthread_mutex_t lock; /* holds all but the files' descriptors and offsets */
    _Atomic uint64_t generation;
    struct wsc_keylog_table table;
    struct wsc_keylog_missed missed;
    struct wsc_keylog_source *sources;
    struct wsc_keylog_opened *files; /* in the order given */
    struct wsc_keylog_stats stats;   /* sums over sources; |secrets| and |forgotten| are not kept */
    uint64_t lost;                   /* secrets for which there was no memory */
    uint64_t used;                   /* wsc_keylog_used() */
};

/* Locks what its reader sees as const: the lock, and who has asked, are no part of that. */
static inline struct wsc_keylog *wsc_keylog_locked(const struct wsc_keylog *kl)
{
    struct wsc_keylog *inner = (struct wsc_keylog *)(uintptr_t)kl;
    (void)pthread_mutex_lock(&inner->lock);
    return inner;
}

/* The caller holds the lock. Returns WSC_OK or WSC_ERR_NOMEM: a secret was lost, the rest was
 * read. */
enum wsc_err wsc_keylog_source_feed(struct wsc_keylog *kl, struct wsc_keylog_source *s,
                                    struct wsc_span text);
/* No more of the line under way will come. */
enum wsc_err wsc_keylog_source_finish(struct wsc_keylog *kl, struct wsc_keylog_source *s);
/* The line under way may be whole, though its end has not come: takes its secret, if it is one. */
void wsc_keylog_source_try(struct wsc_keylog *kl, struct wsc_keylog_source *s);
/* Begins anew: what was begun is forgotten, lines are counted from 1 again. */
void wsc_keylog_source_restart(struct wsc_keylog_source *s);

void wsc_keylog_files_free(struct wsc_keylog *kl);

#endif
