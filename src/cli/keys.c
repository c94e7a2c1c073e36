#include "keys.h"

#include "args.h"
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool keys_add_option(void *target, const char *value, char *why)
{
    struct keys_options *opt = target;
    if (opt->len == KEYS_FILES_MAX || value[0] == '\0') {
        (void)snprintf(why, ARGS_WHY_MAX, "expected a file, and at most %u of them, not",
                       KEYS_FILES_MAX);
        return false;
    }
    opt->files[opt->len++] = value;
    return true;
}

/* ---- what a person should know ---- */

static void say_damage(struct keys *k, size_t i, const struct wsc_keylog_file *f, bool follow)
{
    if (f->damaged == 0 || k->damage[i])
        return;
    k->damage[i] = true;
    if (f->secrets == 0 && f->damaged == f->lines)
        out_say("%s: is no key log in NSS format: none of its %" PRIu64 " lines can be read",
                f->path, f->lines);
    else if (f->damaged == 1 || follow)
        out_say("%s: line %" PRIu64 " cannot be read; the others count", f->path, f->first_damaged);
    else
        out_say("%s: %" PRIu64 " lines cannot be read, the first of them line %" PRIu64
                "; the others count",
                f->path, f->damaged, f->first_damaged);
}

static void say_refused(struct keys *k, size_t i, const struct wsc_keylog_file *f)
{
    if (f->refused != 0 && f->refused != k->refused[i])
        out_say("%s: %s; the secrets in it are not read", f->path, strerror(f->refused));
    k->refused[i] = f->refused;
}

static void say_all(struct keys *k, bool follow, void (*clear)(void *ctx), void *ctx)
{
    struct wsc_keylog_file f;
    for (size_t i = 0; wsc_keylog_get_file(k->log, i, &f); i++) {
        if (clear != NULL && ((f.damaged > 0 && !k->damage[i]) || f.refused != k->refused[i]))
            clear(ctx);
        say_damage(k, i, &f, follow);
        say_refused(k, i, &f);
    }
}

static void say_first(const struct keys *k, bool follow, bool quiet)
{
    struct wsc_keylog_file f;
    for (size_t i = 0; !quiet && wsc_keylog_get_file(k->log, i, &f); i++) {
        if (f.missing)
            out_say("%s: is not there yet; it is read once it is", f.path);
        else if (f.lines == 0)
            out_say("%s: holds no secret%s", f.path, follow ? " yet" : "");
    }
}

/* ---- reading ---- */

/* What is written to a pipe that the environment names is for others, and may never come. */
static bool is_pipe(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* The environment speaks for other programs, which may not have written anything. */
static enum wsc_err add_environment(struct keys *k, bool follow, bool quiet, struct wsc_error *err)
{
    const char *path = getenv("SSLKEYLOGFILE");
    if (path == NULL || path[0] == '\0')
        return WSC_OK;
    if (!follow && is_pipe(path)) {
        if (!quiet)
            out_say("SSLKEYLOGFILE: %s is a pipe, and not waited for; --keylog reads it", path);
        return WSC_OK;
    }
    enum wsc_err e = wsc_keylog_add_file(k->log, path, follow, err);
    if (e == WSC_ERR_NOMEM)
        return e;
    k->given = e == WSC_OK;
    if (quiet)
        return WSC_OK;
    if (e == WSC_OK)
        out_say("reads TLS secrets from %s (SSLKEYLOGFILE)", path);
    else
        out_say("SSLKEYLOGFILE: %s; goes on without its secrets", err->message);
    return WSC_OK;
}

static enum wsc_err add_given(struct keys *k, const struct keys_options *opt, bool follow,
                              struct wsc_error *err)
{
    *k = (struct keys){.log = NULL};
    enum wsc_err e = wsc_keylog_new(0, &k->log);
    if (e != WSC_OK)
        return wsc_error_set(err, e, "out of memory");
    for (size_t i = 0; e == WSC_OK && i < opt->len; i++)
        e = wsc_keylog_add_file(k->log, opt->files[i], follow, err);
    k->given = opt->len > 0;
    return e;
}

enum wsc_err keys_open(struct keys *k, const struct keys_options *opt, bool follow, bool quiet,
                       struct wsc_error *err)
{
    enum wsc_err e = add_given(k, opt, follow, err);
    if (e == WSC_OK && !k->given)
        e = add_environment(k, follow, quiet, err);
    if (e != WSC_OK)
        return e;
    say_first(k, follow, quiet);
    say_all(k, follow, NULL, NULL);
    return WSC_OK;
}

enum wsc_err keys_open_given(struct keys *k, const struct keys_options *opt, struct wsc_error *err)
{
    enum wsc_err e = add_given(k, opt, false, err);
    if (e == WSC_OK)
        say_all(k, false, NULL, NULL);
    return e;
}

void keys_take(void *ctx, size_t capture, struct wsc_span text)
{
    struct wsc_keylog *log = ctx;
    /* What memory did not allow is in the figures. */
    (void)(wsc_keylog_feed(log, (unsigned)capture, text) == WSC_OK);
    (void)(wsc_keylog_finish(log, (unsigned)capture) == WSC_OK);
}

void keys_look(struct keys *k, void (*clear)(void *ctx), void *ctx)
{
    if (!k->given)
        return;
    (void)wsc_keylog_poll(k->log);
    say_all(k, true, clear, ctx);
}

void keys_summary(const struct keys *k)
{
    struct wsc_keylog_stats s;
    if (k->log == NULL)
        return;
    wsc_keylog_get_stats(k->log, &s);
    if (s.lines == 0)
        return;
    fprintf(stderr, "%" PRIu64 " TLS secret%s", s.secrets, s.secrets == 1 ? "" : "s");
    if (s.secrets > 0 && s.used == 0)
        fputs(", none of a connection that was seen", stderr);
    if (s.damaged > 0)
        fprintf(stderr, ", %" PRIu64 " line%s of key logs that cannot be read", s.damaged,
                s.damaged == 1 ? "" : "s");
    if (s.unknown > 0)
        fprintf(stderr, ", %" PRIu64 " with a label that is not known", s.unknown);
    if (s.forgotten > 0)
        fprintf(stderr, ", %" PRIu64 " forgotten: there were too many", s.forgotten);
    fputc('\n', stderr);
}

void keys_close(struct keys *k)
{
    wsc_keylog_free(k->log);
    *k = (struct keys){.log = NULL};
}
