#include <wsclose/page.h>
#include <wsclose/wsclose.h>

#include "command_line.h"
#include "commands.h"
#include "filter.h"
#include "new_file.h"
#include "out.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *db, *out, *limits;
    size_t rows;
    bool force;
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
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"rows", 0, "N", "connections in its table (default 10000); everything else counts all",
     set_rows, offsetof(struct options, rows), NULL},
    {"limits", 0, "FILE", "timeouts of your own products, in the columns of the built-in table",
     args_set_text, offsetof(struct options, limits), &takes_file},
    {"force", 0, NULL, "replace FILE even if it is no page of wsclose", args_set_flag,
     offsetof(struct options, force), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, filter_table, NULL};

struct run {
    struct options opt;
    struct wsc_store *store;
    struct wsc_limits *limits;
    struct new_file file;
    FILE *stream;
    char command[8192], words[8192];
};

static bool fail(const struct wsc_error *err)
{
    out_say("%s", err->message);
    return false;
}

/* ---- where it goes ---- */

/* A page that was made before may be replaced without a word. */
static bool is_page(const char *path)
{
    uint8_t head[WSC_PAGE_HEAD];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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

static bool open_out(struct run *r)
{
    if (same_file(r->opt.out, r->opt.db)) {
        out_say("%s: is what is read from; name another file", r->opt.out);
        return false;
    }
    if (!new_file_open(&r->file, r->opt.out, r->opt.force || is_page(r->opt.out)))
        return false;
    int fd = dup(r->file.fd);
    r->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (r->stream != NULL)
        return true;
    out_say("%s: out of memory", r->file.path);
    return false;
}

/* ---- the page ---- */

static uint64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool write_page(struct run *r)
{
    struct wsc_error err;
    struct wsc_page_summary sum;
    const struct wsc_filter *f = &r->opt.filter.filter;
    (void)wsc_filter_words(f, r->words, sizeof(r->words));
    command_line("wsclose events", r->opt.db, r->command, sizeof(r->command));
    struct wsc_page_options po = {.limits = r->limits,
                                  .version = wsc_version(),
                                  .database = r->opt.db,
                                  .filter = r->words,
                                  .command = r->command,
                                  .made_ns = now_ns(),
                                  .rows = r->opt.rows,
                                  .max_findings = f->limit};
    if (wsc_page_write(r->store, f, &po, r->stream, &sum, &err) != WSC_OK)
        return fail(&err);
    return true;
}

static bool open_all(struct run *r)
{
    struct wsc_error err;
    if (wsc_limits_new(&r->limits) != WSC_OK) {
        out_say("out of memory");
        return false;
    }
    if (r->opt.limits != NULL && wsc_limits_add_file(r->limits, r->opt.limits, &err) != WSC_OK)
        return fail(&err);
    if (wsc_store_open(r->opt.db, WSC_STORE_READ, &r->store, &err) != WSC_OK)
        return fail(&err);
    return open_out(r);
}

static bool finish(struct run *r)
{
    bool closed = fclose(r->stream) == 0;
    r->stream = NULL;
    return closed && new_file_keep(&r->file);
}

static int run(int argc, char **argv)
{
    struct run r = {.opt = {.db = DEFAULT_DB}, .file = {.fd = -1}};
    wsc_filter_init(&r.opt.filter.filter);
    int operands;
    int status = args_parse(&command_report, argc, argv, &r.opt, &operands);
    if (status >= 0)
        return status;
    if (r.opt.out == NULL && isatty(STDOUT_FILENO)) {
        out_say("report needs a file for the page: wsclose report -o report.html");
        return EXIT_USAGE;
    }
    if (r.opt.out == NULL)
        r.opt.out = "-";
    bool ok = open_all(&r) && write_page(&r) && finish(&r);
    if (r.stream != NULL)
        (void)fclose(r.stream);
    new_file_drop(&r.file);
    wsc_store_close(r.store);
    wsc_limits_free(r.limits);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_report = {
    .name = "report",
    .summary = "a page for others: the answer, findings and pictures in one HTML file",
    .tables = tables,
    .run = run,
};
