/* Key log files: read to their end, and on while they grow. */
#include "base/alloc.h"
#include "tls/keylog_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536u
/* Of one file in one poll, so that a file of gigabytes that appears does not stop the packets. */
#define POLL_MAX (4u << 20)
/* The bytes before the place we stand at, by which a file that was written anew is known. */
#define TAIL 64u

struct wsc_keylog_opened {
    struct wsc_keylog_opened *next;
    char *path;
    int fd; /* -1: not there yet, or done with */
    bool follow, pipe;
    int refused; /* errno of the last attempt to open what stands at |path| now; 0: none */
    uint64_t offset;
    uint64_t tail; /* hash of the |tail_len| bytes before |offset| */
    size_t tail_len;
    dev_t dev;
    ino_t ino;
    struct wsc_keylog_source source;
};

static void close_file(struct wsc_keylog_opened *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

void wsc_keylog_files_free(struct wsc_keylog *kl)
{
    while (kl->files != NULL) {
        struct wsc_keylog_opened *f = kl->files;
        kl->files = f->next;
        close_file(f);
        wsc_free(f->path);
        explicit_bzero(f, sizeof(*f));
        wsc_free(f);
    }
}

/* Opens what stands at |f->path|. Returns 0 or an errno; on failure |f| is as it was. */
static int open_file(struct wsc_keylog_opened *f)
{
    struct stat st;
    if (stat(f->path, &st) != 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return EINVAL;
    /* Who follows a pipe must not wait for a writer, nor for its words. */
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (f->follow ? O_NONBLOCK : 0));
    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0) {
        int e = errno;
        (void)close(fd);
        return e;
    }
    close_file(f);
    f->fd = fd;
    f->pipe = !S_ISREG(st.st_mode);
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->offset = 0;
    f->tail_len = 0;
    return 0;
}

static ssize_t read_piece(const struct wsc_keylog_opened *f, uint8_t *piece)
{
    ssize_t n;
    do {
        n = f->pipe ? read(f->fd, piece, PIECE) : pread(f->fd, piece, PIECE, (off_t)f->offset);
    } while (n < 0 && errno == EINTR && f->follow);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

static uint64_t hash_of(const struct wsc_keylog *kl, const uint8_t *p, size_t n)
{
    return wsc_hash(kl->table.key, p, n);
}

/* Reads at most |budget| bytes on. Returns 0 or an errno; |*more|: some came. */
static int read_on(struct wsc_keylog *kl, struct wsc_keylog_opened *f, uint64_t budget, bool *more)
{
    uint8_t piece[PIECE];
    ssize_t n = 0;
    *more = false;
    while (budget > 0 && (n = read_piece(f, piece)) > 0) {
        *more = true;
        f->offset += (uint64_t)n;
        f->tail_len = (size_t)n < TAIL ? (size_t)n : TAIL;
        f->tail = hash_of(kl, piece + n - f->tail_len, f->tail_len);
        budget -= (uint64_t)n < budget ? (uint64_t)n : budget;
        (void)pthread_mutex_lock(&kl->lock);
        /* What memory did not allow is counted as forgotten. */
        (void)wsc_keylog_source_feed(kl, &f->source, (struct wsc_span){piece, (size_t)n});
        (void)pthread_mutex_unlock(&kl->lock);
    }
    int e = n < 0 ? errno : 0;
    explicit_bzero(piece, sizeof(piece));
    return e;
}

static struct wsc_keylog_opened *new_file(const char *path, bool follow)
{
    struct wsc_keylog_opened *f = wsc_calloc(1, sizeof(*f));
    size_t n = strlen(path) + 1;
    char *copy = f != NULL ? wsc_alloc(n) : NULL;
    if (copy == NULL) {
        wsc_free(f);
        return NULL;
    }
    memcpy(copy, path, n);
    f->path = copy;
    f->follow = follow;
    f->fd = -1;
    return f;
}

static const char *words_of(int e)
{
    return e == EINVAL ? "neither a file nor a pipe" : strerror(e);
}

/* Returns an errno. */
static int read_whole(struct wsc_keylog *kl, struct wsc_keylog_opened *f)
{
    bool more;
    int e = read_on(kl, f, UINT64_MAX, &more);
    if (f->follow)
        return e;
    close_file(f);
    (void)pthread_mutex_lock(&kl->lock);
    (void)wsc_keylog_source_finish(kl, &f->source);
    (void)pthread_mutex_unlock(&kl->lock);
    return e;
}

static void hang_on(struct wsc_keylog *kl, struct wsc_keylog_opened *f)
{
    (void)pthread_mutex_lock(&kl->lock);
    struct wsc_keylog_opened **at = &kl->files;
    while (*at != NULL)
        at = &(*at)->next;
    *at = f;
    (void)pthread_mutex_unlock(&kl->lock);
}

enum wsc_err wsc_keylog_add_file(struct wsc_keylog *kl, const char *path, bool follow,
                                 struct wsc_error *err)
{
    struct wsc_keylog_opened *f = new_file(path, follow);
    if (f == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: no memory", path);
    int e = open_file(f);
    if (e == 0) {
        hang_on(kl, f);
        e = read_whole(kl, f);
    } else if (e == ENOENT && follow) {
        hang_on(kl, f);
        e = 0;
    } else {
        wsc_free(f->path);
        wsc_free(f);
    }
    return e == 0 ? WSC_OK : wsc_error_set(err, WSC_ERR_IO, "%s: %s", path, words_of(e));
}

/* The file at hand is read to its end, and what stands at its path now is another. */
static void change_over(struct wsc_keylog *kl, struct wsc_keylog_opened *f)
{
    f->refused = open_file(f);
    if (f->refused != 0)
        return;
    (void)pthread_mutex_lock(&kl->lock);
    (void)wsc_keylog_source_finish(kl, &f->source);
    wsc_keylog_source_restart(&f->source);
    (void)pthread_mutex_unlock(&kl->lock);
}

static bool replaced(const struct wsc_keylog_opened *f)
{
    struct stat st;
    if (stat(f->path, &st) != 0)
        return false;
    return f->fd < 0 || st.st_dev != f->dev || st.st_ino != f->ino;
}

/* Whether what was read of a regular file no longer stands there. */
static bool rewritten(const struct wsc_keylog *kl, const struct wsc_keylog_opened *f, uint64_t size)
{
    if (size < f->offset)
        return true;
    if (f->tail_len == 0)
        return false;
    uint8_t tail[TAIL];
    ssize_t n = pread(f->fd, tail, f->tail_len, (off_t)(f->offset - f->tail_len));
    bool same = n == (ssize_t)f->tail_len && hash_of(kl, tail, f->tail_len) == f->tail;
    explicit_bzero(tail, sizeof(tail));
    return !same;
}

static void poll_file(struct wsc_keylog *kl, struct wsc_keylog_opened *f)
{
    struct stat st;
    bool more = false;
    if (f->fd >= 0 && !f->pipe && fstat(f->fd, &st) == 0 &&
        rewritten(kl, f, (uint64_t)st.st_size)) {
        f->offset = 0;
        f->tail_len = 0;
        (void)pthread_mutex_lock(&kl->lock);
        wsc_keylog_source_restart(&f->source);
        (void)pthread_mutex_unlock(&kl->lock);
    }
    if (f->fd >= 0)
        (void)read_on(kl, f, POLL_MAX, &more);
    if (!more && replaced(f)) {
        change_over(kl, f);
        if (f->fd >= 0)
            (void)read_on(kl, f, POLL_MAX, &more);
    }
    if (!more) {
        (void)pthread_mutex_lock(&kl->lock);
        wsc_keylog_source_try(kl, &f->source);
        (void)pthread_mutex_unlock(&kl->lock);
    }
}

bool wsc_keylog_poll(struct wsc_keylog *kl)
{
    uint64_t before = wsc_keylog_generation(kl);
    for (struct wsc_keylog_opened *f = kl->files; f != NULL; f = f->next)
        if (f->follow)
            poll_file(kl, f);
    return wsc_keylog_generation(kl) != before;
}

bool wsc_keylog_get_file(const struct wsc_keylog *kl, size_t index, struct wsc_keylog_file *out)
{
    struct wsc_keylog *inner = wsc_keylog_locked(kl);
    const struct wsc_keylog_opened *f = inner->files;
    for (; f != NULL && index > 0; index--)
        f = f->next;
    if (f != NULL)
        *out = (struct wsc_keylog_file){.path = f->path,
                                        .lines = f->source.lines,
                                        .secrets = f->source.secrets,
                                        .unknown = f->source.unknown,
                                        .damaged = f->source.damaged,
                                        .first_damaged = f->source.first_damaged,
                                        .missing = f->follow && f->fd < 0 && f->refused == 0,
                                        .refused = f->refused};
    (void)pthread_mutex_unlock(&inner->lock);
    return f != NULL;
}
