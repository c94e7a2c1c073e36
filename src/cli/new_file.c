#include "new_file.h"

#include "out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(const struct new_file *f, const char *why)
{
    out_say("%s: %s", f->path, why);
    return false;
}

static bool may_write(const struct new_file *f)
{
    struct stat st;
    if (lstat(f->path, &st) != 0)
        return errno == ENOENT || refuse(f, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return refuse(f, "is a directory");
    if (!S_ISREG(st.st_mode))
        return refuse(f, "is no regular file; -o - writes to standard output");
    return f->force || refuse(f, "is there already; --force replaces it");
}

bool new_file_open(struct new_file *f, const char *path, bool force)
{
    *f = (struct new_file){.fd = -1, .path = path, .force = force};
    if (strcmp(path, "-") == 0) {
        f->is_stdout = true;
        f->path = "standard output";
        f->fd = STDOUT_FILENO;
        return !isatty(STDOUT_FILENO) || refuse(f, "is a terminal; name a file: -o FILE");
    }
    if (!may_write(f))
        return false;
    int n = snprintf(f->tmp, sizeof(f->tmp), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(f->tmp)) {
        f->tmp[0] = '\0';
        return refuse(f, strerror(ENAMETOOLONG));
    }
    f->fd = mkstemp(f->tmp);
    if (f->fd < 0) {
        f->tmp[0] = '\0';
        return refuse(f, strerror(errno));
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(f->fd, 0666 & ~mask);
    return true;
}

bool new_file_keep(struct new_file *f)
{
    if (f->is_stdout)
        return true;
    bool closed = close(f->fd) == 0;
    f->fd = -1;
    /* link() refuses where a file has come up since; file systems without links have rename(). */
    bool named = closed && (f->force ? rename(f->tmp, f->path) == 0
                                     : link(f->tmp, f->path) == 0 ||
                                           ((errno == EPERM || errno == EOPNOTSUPP) &&
                                            may_write(f) && rename(f->tmp, f->path) == 0));
    if (!named)
        (void)refuse(f, strerror(errno));
    new_file_drop(f);
    return named;
}

void new_file_drop(struct new_file *f)
{
    if (f->fd >= 0 && !f->is_stdout)
        (void)close(f->fd);
    if (f->tmp[0] != '\0')
        (void)unlink(f->tmp);
    f->fd = -1;
    f->tmp[0] = '\0';
}
