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

/* Takes text: whole lines, or pieces of them; a piece without its newline waits for the rest, or
 * for wsc_keylog_finish(). |source| tells the sources of pieces apart. The same secret again
 * changes nothing; another one under the same label and client random takes the place of the one
 * before it. Returns WSC_OK or WSC_ERR_NOMEM: a secret was lost (and counted as forgotten), the
 * rest of |text| was taken. */
enum wsc_err wsc_keylog_feed(struct wsc_keylog *kl, unsigned source,
                             struct wsc_span text) WSC_MUST_USE;
/* Nothing more comes from |source|: what it left unfinished is a line. Its number may be used anew.
 * Returns as wsc_keylog_feed(). */
enum wsc_err wsc_keylog_finish(struct wsc_keylog *kl, unsigned source) WSC_MUST_USE;

/* Reads a file or pipe.
 *
 * |follow| false: to its end, which of a pipe is that of its writers, and closes it.
 * |follow| true: what is there now; never waits. wsc_keylog_poll() reads what is added later, and
 * begins anew when the file is cut, written anew or replaced. A file that is not there yet is no
 * error (wsc_keylog_file.missing).
 *
 * Returns WSC_OK, WSC_ERR_IO, WSC_ERR_NOMEM; |err| names the file and why. Files are for one thread
 * at a time; all other calls are for any thread at any time. */
enum wsc_err wsc_keylog_add_file(struct wsc_keylog *kl, const char *path, bool follow,
                                 struct wsc_error *err) WSC_MUST_USE;
/* Reads on, at most 4 MiB of each file. Returns true if secrets were added. */
bool wsc_keylog_poll(struct wsc_keylog *kl);

/* Changes whenever secrets are added. */
uint64_t wsc_keylog_generation(const struct wsc_keylog *kl);

/* Names the secrets that were asked for and found, so that two analyses of one capture can be told
 * apart by what they could read; it gives nothing of them away. 0: none was. */
uint64_t wsc_keylog_used(const struct wsc_keylog *kl);

/* Writes what is held for one client random as key log lines, without a NUL, at most |cap| bytes:
 * WSC_KEYLOG_LINES_MAX always do. Returns their number, 0: nothing is held. The caller wipes them.
 */
#define WSC_KEYLOG_LINES_MAX 1200u
size_t wsc_keylog_lines(const struct wsc_keylog *kl, const uint8_t client_random[32], char *out,
                        size_t cap);

struct wsc_keylog_stats {
    uint64_t lines;         /* that are neither empty nor comments */
    uint64_t secrets;       /* held */
    uint64_t unknown;       /* lines with a label we do not know */
    uint64_t damaged;       /* lines that cannot be read */
    uint64_t forgotten;     /* at the ceiling, or for want of memory */
    uint64_t used;          /* secrets that were asked for and found */
    uint64_t late;          /* secrets that came after they had been asked for */
    uint64_t first_damaged; /* number of the first such line in its source, 0: none */
};
void wsc_keylog_get_stats(const struct wsc_keylog *kl, struct wsc_keylog_stats *out);

/* One file that was added. */
struct wsc_keylog_file {
    const char *path; /* as given; lives as long as the key log */
    uint64_t lines;   /* as above, of this file, all that was read of it together */
    uint64_t secrets; /* that were new when they were read */
    uint64_t unknown;
    uint64_t damaged;
    uint64_t first_damaged; /* line number, 0: none */
    bool missing;           /* followed, and not there yet */
    int refused; /* errno with which the file that took its place could not be opened; 0: none */
};
/* The |index|-th file added, from 0. False: there are not so many. */
bool wsc_keylog_get_file(const struct wsc_keylog *kl, size_t index, struct wsc_keylog_file *out);

#endif
