/* Secrets of TLS connections: NSS key log text
 * (https://firefox-source-docs.mozilla.org/security/nss/legacy/key_log_format), from files, from a
 * file that grows, from pcapng Decryption Secrets Blocks.
 *
 * One key log may serve several analyzers in several threads. Secrets are wiped when it is freed,
 * never printed, never stored. A line that cannot be read is counted and passed over. */
#ifndef WSCLOSE_KEYLOG_H
#define WSCLOSE_KEYLOG_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_keylog;

/* |max_secrets|: beyond it the oldest are forgotten; 0: the default, 4,000,000. Returns WSC_OK or
 * WSC_ERR_NOMEM. */
enum wsc_err wsc_keylog_new(size_t max_secrets, struct wsc_keylog **out) WSC_MUST_USE;
void wsc_keylog_free(struct wsc_keylog *kl); /* NULL is legal */

/* Takes text: whole lines, or pieces of them; a piece without its newline waits for the rest.
 * |source| tells the sources of pieces apart; any number. Returns WSC_OK or WSC_ERR_NOMEM. */
enum wsc_err wsc_keylog_feed(struct wsc_keylog *kl, unsigned source,
                             struct wsc_span text) WSC_MUST_USE;

/* Reads a file to its end and remembers it: wsc_keylog_poll() reads on what was added since, and
 * begins anew if it was replaced or cut. Returns WSC_OK, WSC_ERR_IO, WSC_ERR_NOMEM (|err| names the
 * file and why). */
enum wsc_err wsc_keylog_add_file(struct wsc_keylog *kl, const char *path,
                                 struct wsc_error *err) WSC_MUST_USE;
/* Returns true if secrets were added. */
bool wsc_keylog_poll(struct wsc_keylog *kl);

/* Changes whenever secrets are added. */
uint64_t wsc_keylog_generation(const struct wsc_keylog *kl);

struct wsc_keylog_stats {
    uint64_t lines;         /* that are neither empty nor comments */
    uint64_t secrets;       /* held */
    uint64_t unknown;       /* lines with a label that is none of ours */
    uint64_t damaged;       /* lines that cannot be read */
    uint64_t forgotten;     /* at the ceiling */
    uint64_t first_damaged; /* number of the first such line in its source, 0: none */
};
void wsc_keylog_get_stats(const struct wsc_keylog *kl, struct wsc_keylog_stats *out);

#endif
