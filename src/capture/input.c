#include "capture/input.h"

#include "base/alloc.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW_LEN   (256u << 10)
#define MAGIC_LEN 6u

struct wsc_input {
    int fd;
    bool is_stdin;
    const volatile sig_atomic_t *stop;
    uint64_t position, size;
    uint8_t *win; /* the capture's bytes that are at hand: [win_at, win_len) */
    size_t win_at, win_len, win_cap;
    struct archive *archive; /* NULL: not compressed */
    uint8_t *raw;            /* compressed bytes, RAW_LEN; the first of them in [0, raw_len) */
    size_t raw_len;
    char problem[256];
};

const char *wsc_input_problem(const struct wsc_input *in)
{
    return in->problem[0] != '\0' ? in->problem : NULL;
}

static void note_problem(struct wsc_input *in, const char *text)
{
    strncpy(in->problem, text, sizeof(in->problem) - 1);
}

/* read(2) that a signal ends only when |stop| is set. */
static ssize_t read_fd(struct wsc_input *in, uint8_t *buf, size_t n)
{
    for (;;) {
        if (*in->stop)
            return 0;
        ssize_t got = read(in->fd, buf, n);
        if (got >= 0) {
            in->position += (uint64_t)got;
            return got;
        }
        if (errno != EINTR) {
            note_problem(in, strerror(errno));
            return -1;
        }
    }
}

/* libarchive's source: first what was read to see the magic, then the rest. */
static la_ssize_t archive_source(struct archive *a, void *ctx, const void **block)
{
    struct wsc_input *in = ctx;
    ssize_t n = (ssize_t)in->raw_len;
    in->raw_len = 0;
    if (n == 0)
        n = read_fd(in, in->raw, RAW_LEN);
    if (n < 0)
        archive_set_error(a, EIO, "%s", in->problem);
    *block = in->raw;
    return n;
}

static bool is_compressed(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t len, bytes[MAGIC_LEN];
    } magics[] = {
        {2, {0x1f, 0x8b}},                     /* gzip */
        {4, {0x28, 0xb5, 0x2f, 0xfd}},         /* zstd */
        {6, {0xfd, '7', 'z', 'X', 'Z', 0x00}}, /* xz */
        {3, {'B', 'Z', 'h'}},                  /* bzip2 */
        {4, {0x04, 0x22, 0x4d, 0x18}},         /* lz4 */
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if (n >= magics[i].len && memcmp(p, magics[i].bytes, magics[i].len) == 0)
            return true;
    return false;
}

static bool prepare_archive(struct wsc_input *in)
{
    static int (*const filters[])(struct archive *) = {
        archive_read_support_filter_gzip, archive_read_support_filter_zstd,
        archive_read_support_filter_xz, archive_read_support_filter_bzip2,
        archive_read_support_filter_lz4};
    struct archive *a = in->archive;
    bool ok = archive_read_support_format_raw(a) == ARCHIVE_OK;
    for (size_t i = 0; ok && i < sizeof(filters) / sizeof(filters[0]); i++)
        ok = filters[i](a) >= ARCHIVE_WARN; /* by another program, where it is built so */
    /* archive_read_open() does not look whether this one failed. */
    return ok && archive_read_set_read_callback(a, archive_source) == ARCHIVE_OK &&
           archive_read_set_callback_data(a, in) == ARCHIVE_OK;
}

static enum wsc_err open_archive(struct wsc_input *in, const char *path, struct wsc_error *err)
{
    in->archive = archive_read_new();
    in->raw = in->win;
    in->raw_len = in->win_len;
    in->win_len = 0;
    in->win = wsc_alloc(in->win_cap);
    if (in->archive == NULL || in->win == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    /* Its own entry it uses without a look whether there is one. */
    struct archive_entry *entry = archive_entry_new();
    bool ok = entry != NULL && prepare_archive(in) &&
              archive_read_open1(in->archive) == ARCHIVE_OK &&
              archive_read_next_header2(in->archive, entry) == ARCHIVE_OK;
    archive_entry_free(entry);
    if (ok)
        return WSC_OK;
    /* It has no words where memory was refused, or says so. */
    const char *why = archive_error_string(in->archive);
    if (why == NULL || archive_errno(in->archive) == ENOMEM)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    return wsc_error_set(err, WSC_ERR_FORMAT, "%s: cannot be decompressed: %s", path, why);
}

/* Enough of the beginning to see what it is. */
static enum wsc_err read_magic(struct wsc_input *in, const char *path, struct wsc_error *err)
{
    while (in->win_len < MAGIC_LEN) {
        ssize_t got = read_fd(in, in->win + in->win_len, in->win_cap - in->win_len);
        if (got < 0)
            return wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, in->problem);
        if (got == 0)
            break;
        in->win_len += (size_t)got;
    }
    return WSC_OK;
}

static enum wsc_err open_fd(struct wsc_input *in, const char *path, struct wsc_error *err)
{
    in->is_stdin = strcmp(path, "-") == 0;
    in->fd = in->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) != 0)
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return wsc_error_set(err, WSC_ERR_IO, "%s: is a directory", path);
    if (S_ISREG(st.st_mode)) {
        in->size = (uint64_t)st.st_size;
        (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return WSC_OK;
}

enum wsc_err wsc_input_open(const char *path, const volatile sig_atomic_t *stop,
                            struct wsc_input **out, struct wsc_error *err)
{
    *out = NULL;
    struct wsc_input *in = wsc_calloc(1, sizeof(*in));
    if (in == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    in->fd = -1;
    in->stop = stop;
    in->win = wsc_alloc(RAW_LEN);
    in->win_cap = RAW_LEN;
    enum wsc_err e = in->win != NULL ? open_fd(in, path, err)
                                     : wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    if (e == WSC_OK)
        e = read_magic(in, path, err);
    if (e == WSC_OK && is_compressed(in->win, in->win_len))
        e = open_archive(in, path, err);
    if (e != WSC_OK) {
        wsc_input_close(in);
        return e;
    }
    *out = in;
    return WSC_OK;
}

void wsc_input_close(struct wsc_input *in)
{
    if (in == NULL)
        return;
    if (in->archive != NULL)
        archive_read_free(in->archive);
    if (in->fd >= 0 && !in->is_stdin)
        close(in->fd);
    wsc_free(in->raw);
    wsc_free(in->win);
    wsc_free(in);
}

static ssize_t read_more(struct wsc_input *in, uint8_t *buf, size_t n)
{
    if (in->archive == NULL)
        return read_fd(in, buf, n);
    la_ssize_t got = archive_read_data(in->archive, buf, n);
    if (got >= 0)
        return got;
    const char *why = archive_error_string(in->archive);
    bool memory = archive_errno(in->archive) == ENOMEM;
    if (memory)
        wsc_alloc_refused();
    note_problem(in, memory        ? "out of memory"
                     : why != NULL ? why
                                   : "the compressed data is damaged");
    return -1;
}

/* Makes the window hold |n| bytes, if there are so many; what is left in it moves to its start. */
static bool widen(struct wsc_input *in, size_t n)
{
    if (n > in->win_cap) {
        uint8_t *grown = wsc_realloc(in->win, n);
        if (grown == NULL) {
            note_problem(in, "out of memory");
            return false;
        }
        in->win = grown;
        in->win_cap = n;
    }
    in->win_len -= in->win_at;
    memmove(in->win, in->win + in->win_at, in->win_len);
    in->win_at = 0;
    return true;
}

const uint8_t *wsc_input_peek(struct wsc_input *in, size_t n, size_t *have)
{
    bool room = in->win_len - in->win_at >= n || widen(in, n);
    while (room && in->win_len - in->win_at < n && in->problem[0] == '\0') {
        ssize_t got = read_more(in, in->win + in->win_len, in->win_cap - in->win_len);
        if (got <= 0)
            break;
        in->win_len += (size_t)got;
    }
    *have = in->win_len - in->win_at < n ? in->win_len - in->win_at : n;
    return in->win + in->win_at;
}

struct wsc_span wsc_input_ahead(const struct wsc_input *in)
{
    return (struct wsc_span){.ptr = in->win + in->win_at, .len = in->win_len - in->win_at};
}

void wsc_input_skip(struct wsc_input *in, size_t n)
{
    in->win_at += n;
}

void wsc_input_wipe(struct wsc_input *in, size_t n)
{
    explicit_bzero(in->win + in->win_at - n, n);
}

long wsc_input_read(struct wsc_input *in, uint8_t *buf, size_t n)
{
    size_t have;
    const uint8_t *p = wsc_input_peek(in, 1, &have);
    if (have == 0)
        return in->problem[0] != '\0' ? -1 : 0;
    have = in->win_len - in->win_at;
    if (n > have)
        n = have;
    memcpy(buf, p, n);
    wsc_input_skip(in, n);
    return (long)n;
}

uint64_t wsc_input_position(const struct wsc_input *in)
{
    return in->position;
}

uint64_t wsc_input_size(const struct wsc_input *in)
{
    return in->size;
}
