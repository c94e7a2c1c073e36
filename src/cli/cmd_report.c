#include <wsclose/page.h>
#include <wsclose/wsclose.h>

#include "command_line.h"
#include "commands.h"
#include "new_file.h"
#include "out.h"
#include "reading.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct options {
    struct analysis_options common; /* first: the common tables' offsets count from here */
    const char *db, *out;
    size_t rows;
    bool force, quiet;
};

static bool set_rows(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!args_set_size(target, value, why))
        return false;
    if (*(size_t *)target <= WSC_PAGE_ROWS_MAX)
        return true;
    (void)snprintf(why, ARGS_WHY_MAX, "expected at most %u rows, not", WSC_PAGE_ROWS_MAX);
    return false;
}

static const struct args_option options_table[] = {
    {"output", 'o', "FILE", "write this page; - is standard output", args_set_text,
     offsetof(struct options, out), &takes_file},
    {"db", 0, "FILE", "the database (default " DEFAULT_DB "), where no capture is named",
     args_set_text, offsetof(struct options, db), &takes_database},
    {"rows", 0, "N",
     "connections in its table (default 10000, at most 200000); everything else counts all",
     set_rows, offsetof(struct options, rows), NULL},
    {"force", 0, NULL, "replace FILE even if it is no page of wsclose", args_set_flag,
     offsetof(struct options, force), NULL},
    {"quiet", 'q', NULL, "no summary and no progress on standard error", args_set_flag,
     offsetof(struct options, quiet), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, analysis_table, filter_table,
                                                   NULL};

struct run {
    struct options opt;
    struct reading reading;  /* of captures */
    struct wsc_store *store; /* of a database, else that of the reading */
    struct wsc_limits *limits;
    struct new_file file;
    FILE *stream;
    char command[16384], words[8192];
};

static bool fail(const struct wsc_error *err)
{
    out_say("%s", err->message);
    return false;
}

/* ---- where it goes ---- */

static const char *volatile unfinished; /* a file that a signal takes away */

static void on_signal(int sig)
{
    if (unfinished != NULL)
        (void)unlink(unfinished);
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void catch_signals(const struct run *r)
{
    struct sigaction sa = {.sa_handler = on_signal};
    unfinished = r->file.tmp[0] != '\0' ? r->file.tmp : NULL;
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
}

/* A page that was made before may be replaced without a word. */
static bool is_page(const char *path)
{
    uint8_t head[WSC_PAGE_HEAD];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof(head));
    (void)close(fd);
    return n == (ssize_t)sizeof(head) && wsc_page_is((struct wsc_span){head, sizeof(head)});
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_read(const struct run *r)
{
    for (size_t i = 0; i < r->reading.files_len; i++)
        if (same_file(r->opt.out, r->reading.files[i]))
            return true;
    for (size_t i = 0; i < r->opt.common.keylogs.len; i++)
        if (same_file(r->opt.out, r->opt.common.keylogs.files[i]))
            return true;
    return (r->opt.db != NULL && same_file(r->opt.out, r->opt.db)) ||
           (r->opt.common.limits != NULL && same_file(r->opt.out, r->opt.common.limits));
}

static bool open_out(struct run *r)
{
    if (is_read(r)) {
        out_say("%s: is what is read from; name another file", r->opt.out);
        return false;
    }
    if (!new_file_open(&r->file, r->opt.out, r->opt.force || is_page(r->opt.out)))
        return false;
    catch_signals(r);
    int fd = dup(r->file.fd);
    r->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (r->stream != NULL)
        return true;
    out_say("%s: %s", r->file.path, strerror(errno));
    return false;
}

/* ---- what is read ---- */

static bool open_store(struct run *r)
{
    struct wsc_error err;
    if (wsc_limits_new(&r->limits) != WSC_OK) {
        out_say("out of memory");
        return false;
    }
    if (r->opt.common.limits != NULL &&
        wsc_limits_add_file(r->limits, r->opt.common.limits, &err) != WSC_OK)
        return fail(&err);
    command_line("wsclose events", r->opt.db, r->command, sizeof(r->command));
    return wsc_store_open(r->opt.db, WSC_STORE_READ, &r->store, &err) == WSC_OK || fail(&err);
}

static void add_option(struct run *r, const char *option, const char *value)
{
    if (value == NULL)
        return;
    command_word(option, r->command, sizeof(r->command));
    if (value[0] != '\0')
        command_word(value, r->command, sizeof(r->command));
}

/* The line that lists connections of captures which are in no database. */
static void name_command(struct run *r)
{
    const struct analysis_options *o = &r->opt.common;
    (void)snprintf(r->command, sizeof(r->command), "wsclose analyze --db none");
    add_option(r, "--filter", o->bpf);
    for (size_t i = 0; i < o->keylogs.len; i++)
        add_option(r, "--keylog", o->keylogs.files[i]);
    add_option(r, "--encrypted", o->encrypted ? "" : NULL);
    add_option(r, "--limits", o->limits);
    add_option(r, "--keep-query", o->keep_query ? "" : NULL);
    for (size_t i = 0; i < r->reading.files_len; i++)
        command_word(r->reading.files[i], r->command, sizeof(r->command));
}

static bool read_captures(struct run *r)
{
    r->reading.opt = &r->opt.common;
    r->reading.quiet = r->opt.quiet;
    wsc_guard_no_dump();
    name_command(r);
    if (!reading_open(&r->reading))
        return false;
    reading_run(&r->reading);
    reading_say(&r->reading);
    if (r->reading.cut_short)
        out_say("interrupted: no page was made");
    catch_signals(r);
    r->store = r->reading.store;
    return !r->reading.failed && !r->reading.cut_short;
}

/* ---- the page ---- */

static uint64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void say(const struct run *r, const struct wsc_page_summary *sum, long size)
{
    if (r->opt.quiet || r->file.is_stdout)
        return;
    fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " connections in its table, %ld kB\n",
            r->file.path, sum->rows, sum->records, (size + 999) / 1000);
}

static bool write_page(struct run *r)
{
    struct wsc_error err;
    struct wsc_page_summary sum;
    const struct wsc_filter *f = &r->opt.common.filter.filter;
    (void)wsc_filter_words(f, r->words, sizeof(r->words));
    struct wsc_page_options po = {.limits =
                                      r->limits != NULL ? r->limits : r->reading.analysis.limits,
                                  .version = wsc_version(),
                                  .database = r->opt.db,
                                  .filter = r->words,
                                  .command = r->command,
                                  .made_ns = now_ns(),
                                  .rows = r->opt.rows,
                                  .max_findings = f->limit};
    enum wsc_err e = wsc_page_write(r->store, f, &po, r->stream, &sum, &err);
    if (e == WSC_ERR_IO && r->file.is_stdout && errno == EPIPE)
        return true; /* nobody reads any more */
    if (e != WSC_OK)
        return fail(&err);
    if (wsc_refusals() != 0) {
        out_say("out of memory: the page may be wrong and is not kept");
        return false;
    }
    say(r, &sum, ftell(r->stream));
    return true;
}

static bool finish(struct run *r)
{
    bool closed = fclose(r->stream) == 0;
    r->stream = NULL;
    if (!closed && r->file.is_stdout && errno == EPIPE)
        return true;
    if (!closed)
        out_say("%s: %s", r->file.path, strerror(errno));
    return closed && new_file_keep(&r->file);
}

/* What stands on the command line must go together. Returns false, having said why. */
static bool fits(struct run *r)
{
    const struct analysis_options *o = &r->opt.common;
    bool captures = r->reading.files_len > 0;
    const char *why = NULL;
    if (r->opt.out == NULL && isatty(STDOUT_FILENO))
        why = "report needs a file for the page: wsclose report -o report.html";
    else if (captures && r->opt.db != NULL)
        why = "report takes captures or a database: wsclose analyze --db FILE stores captures";
    else if (!captures && (o->bpf != NULL || o->keylogs.len > 0 || o->encrypted || o->keep_query))
        why = "--filter, --keylog, --encrypted and --keep-query are for captures: name them";
    if (why != NULL)
        out_say("%s", why);
    if (r->opt.out == NULL)
        r->opt.out = "-";
    if (!captures && r->opt.db == NULL)
        r->opt.db = DEFAULT_DB;
    return why == NULL;
}

static void close_all(struct run *r)
{
    if (r->stream != NULL)
        (void)fclose(r->stream);
    unfinished = NULL;
    new_file_drop(&r->file);
    if (r->reading.files_len > 0)
        reading_close(&r->reading);
    else
        wsc_store_close(r->store);
    wsc_limits_free(r->limits);
}

static int run(int argc, char **argv)
{
    struct run r = {.file = {.fd = -1}};
    wsc_filter_init(&r.opt.common.filter.filter);
    int operands;
    int status = args_parse(&command_report, argc, argv, &r.opt, &operands);
    if (status >= 0)
        return status;
    r.reading.files = (const char *const *)argv;
    r.reading.files_len = (size_t)operands;
    if (!fits(&r))
        return EXIT_USAGE;
    bool ok = (operands > 0 || open_store(&r)) && open_out(&r) &&
              (operands == 0 || read_captures(&r)) && write_page(&r) && finish(&r);
    close_all(&r);
    if (!ok)
        return EXIT_FAILED;
    return r.reading.damaged ? EXIT_DAMAGED : EXIT_DONE;
}

const struct args_command command_report = {
    .name = "report",
    .operands = "[FILE...]",
    .takes = &takes_captures,
    .summary = "a page for others: the answer, findings and pictures in one HTML file",
    .detail =
        "The page needs nothing else: no server, no network; it can be mailed. It is made from the "
        "database, or from\n"
        "captures, which are then stored nowhere. An earlier page is replaced, any other file is "
        "not without --force.\n"
        "It shows addresses, hosts, paths and reasons as they were captured: mind who gets it. "
        "--limit N is the most\n"
        "findings it shows.",
    .tables = tables,
    .run = run,
};
