/* The secrets of TLS connections that a command was given: --keylog, SSLKEYLOGFILE, and those in
 * captures. */
#ifndef WSC_CLI_KEYS_H
#define WSC_CLI_KEYS_H

#include <wsclose/wsclose.h>

#define KEYS_FILES_MAX 64u

/* The target of --keylog, which may be given several times. */
struct keys_options {
    const char *files[KEYS_FILES_MAX];
    size_t len;
};
bool keys_add_option(void *target, const char *value, char *why);

struct keys {
    struct wsc_keylog *log;      /* NULL before keys_open() */
    bool given;                  /* there is a file */
    bool damage[KEYS_FILES_MAX]; /* of each file it was said that a line cannot be read */
    int refused[KEYS_FILES_MAX]; /* ... that its successor cannot be opened: errno */
};

/* Reads the files, or that of the environment. |follow|: they grow, keys_look() reads on. What a
 * person should know of them is said; |quiet|: only what is wrong. Returns WSC_OK, or fills |err|.
 */
enum wsc_err keys_open(struct keys *k, const struct keys_options *opt, bool follow, bool quiet,
                       struct wsc_error *err);
/* The same of the files alone, never that of the environment, read to their end. */
enum wsc_err keys_open_given(struct keys *k, const struct keys_options *opt, struct wsc_error *err);
void keys_close(struct keys *k);

/* For wsc_capture_options; |ctx| is the key log. */
void keys_take(void *ctx, size_t capture, struct wsc_span text);

/* Reads on; |clear|, called before anything is said, may be NULL. */
void keys_look(struct keys *k, void (*clear)(void *ctx), void *ctx);

/* A line on standard error, if there was any secret or line. */
void keys_summary(const struct keys *k);

#endif
