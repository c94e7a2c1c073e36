#include "capture/input.h"

#include "base/alloc.h"

#include <archive.h>

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
    struct archive *archive; /* NULL: not compressed */
    uint8_t *raw;            /* what was read from the file and not handed on */
    size_t raw_at, raw_len;
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

static ssize_t fill_raw(struct wsc_input *in)
{
    ssize_t got = read_fd(in, in->raw, RAW_LEN);
    in->raw_at = 0;
    in->raw_len = got > 0 ? (size_t)got : 0;
    return got;
}

/* libarchive's source: first what was read to see the magic, then the rest. */
static la_ssize_t archive_source(struct archive *a, void *ctx, const void **block)
{
    struct wsc_input *in = ctx;
    if (in->raw_at == in->raw_len && fill_raw(in) < 0) {
        archive_set_error(a, EIO, "%s", in->problem);
        return -1;
    }
    *block = in->raw + in->raw_at;
    la_ssize_t n = (la_ssize_t)(in->raw_len - in->raw_at);
    in->raw_at = in->raw_len;
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

static enum wsc_err open_archive(struct wsc_input *in, const char *path, struct wsc_error *err)
{
    in->archive = archive_read_new();
    if (in->archive == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    struct archive_entry *entry;
    archive_read_support_filter_gzip(in->archive);
    archive_read_support_filter_zstd(in->archive);
    archive_read_support_filter_xz(in->archive);
    archive_read_support_filter_bzip2(in->archive);
    archive_read_support_filter_lz4(in->archive);
    archive_read_support_format_raw(in->archive);
    if (archive_read_open(in->archive, in, NULL, archive_source, NULL) != ARCHIVE_OK ||
        archive_read_next_header(in->archive, &entry) != ARCHIVE_OK) {
        const char *why = archive_error_string(in->archive);
        return wsc_error_set(err, WSC_ERR_FORMAT, "%s: cannot be decompressed: %s", path,
                             why != NULL ? why : "damaged");
    }
    return WSC_OK;
}

/* Enough of the beginning to see what it is. */
static enum wsc_err read_magic(struct wsc_input *in, const char *path, struct wsc_error *err)
{
    while (in->raw_len < MAGIC_LEN) {
        ssize_t got = read_fd(in, in->raw + in->raw_len, RAW_LEN - in->raw_len);
        if (got < 0)
            return wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, in->problem);
        if (got == 0)
            break;
        in->raw_len += (size_t)got;
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
    in->raw = wsc_alloc(RAW_LEN);
    enum wsc_err e = in->raw != NULL ? open_fd(in, path, err)
                                     : wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", path);
    if (e == WSC_OK)
        e = read_magic(in, path, err);
    if (e == WSC_OK && is_compressed(in->raw, in->raw_len))
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
    wsc_free(in);
}

static long read_archive(struct wsc_input *in, uint8_t *buf, size_t n)
{
    la_ssize_t got = archive_read_data(in->archive, buf, n);
    if (got >= 0)
        return (long)got;
    const char *why = archive_error_string(in->archive);
    note_problem(in, why != NULL ? why : "the compressed data is damaged");
    return -1;
}

long wsc_input_read(struct wsc_input *in, uint8_t *buf, size_t n)
{
    if (in->problem[0] != '\0')
        return -1;
    if (in->archive != NULL)
        return read_archive(in, buf, n);
    if (in->raw_at == in->raw_len) {
        if (n >= RAW_LEN)
            return (long)read_fd(in, buf, n);
        if (fill_raw(in) <= 0)
            return wsc_input_problem(in) != NULL ? -1 : 0;
    }
    size_t have = in->raw_len - in->raw_at;
    if (n > have)
        n = have;
    memcpy(buf, in->raw + in->raw_at, n);
    in->raw_at += n;
    return (long)n;
}

size_t wsc_input_read_full(struct wsc_input *in, uint8_t *buf, size_t n)
{
    size_t have = 0;
    while (have < n) {
        long got = wsc_input_read(in, buf + have, n - have);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

uint64_t wsc_input_position(const struct wsc_input *in)
{
    return in->position;
}

uint64_t wsc_input_size(const struct wsc_input *in)
{
    return in->size;
}
