#include <wsclose/doctor.h>
#include <wsclose/libraries.h>

#include "store/db.h"

#include "base/bytes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The file format of SQLite, 1.3: the header of the first page. */
#define HEADER          100u
#define AT_USER_VERSION 60u
#define AT_APPLICATION  68u
#define AT_VERSION      96u

/* Lock bytes, by which processes tell each other who writes: of a database with a WAL in its -shm
 * (the write lock of the WAL), of others in the file itself (the RESERVED byte). */
#define SHM_WRITE_LOCK 120
#define RESERVED_BYTE  (0x40000000 + 1)

static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

/* A process that holds |byte| of |path|; 0: nobody. */
static pid_t holder(const char *path, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)close(fd);
    return !held ? 0 : lock.l_pid > 0 ? lock.l_pid : -1;
}

static void read_header(const char *path, struct wsc_doctor_database *out)
{
    static const char magic[16] = "SQLite format 3";
    uint8_t head[HEADER];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    out->readable = true;
    if (pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
        memcmp(head, magic, sizeof(magic)) == 0) {
        out->sqlite = true;
        out->schema = wsc_be32(head + AT_USER_VERSION);
        out->ours = wsc_be32(head + AT_APPLICATION) == WSC_APPLICATION_ID;
        out->sqlite_version = wsc_be32(head + AT_VERSION);
    }
    (void)close(fd);
}

static void look_at_file(const char *path, struct wsc_doctor_database *out)
{
    char shm[PATH_MAX + 8];
    read_header(path, out);
    out->writable = may(path, R_OK | W_OK);
    (void)snprintf(shm, sizeof(shm), "%s-shm", path);
    out->writer = holder(path, RESERVED_BYTE);
    if (out->writer == 0)
        out->writer = holder(shm, SHM_WRITE_LOCK);
}

static void look_at_folder(const char *path, struct wsc_doctor_database *out)
{
    char dir[PATH_MAX];
    struct statvfs fs;
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    if (n == 0 || n >= sizeof(dir))
        (void)snprintf(dir, sizeof(dir), "./");
    else
        (void)snprintf(dir, sizeof(dir), "%.*s", (int)n, path);
    out->folder = may(dir, W_OK | X_OK);
    out->free_bytes =
        statvfs(dir, &fs) == 0 ? (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize : UINT64_MAX;
}

void wsc_doctor_database(const char *path, struct wsc_doctor_database *out)
{
    struct stat st;
    size_t newest;
    (void)wsc_migrations(&newest);
    *out = (struct wsc_doctor_database){.newest = (uint32_t)newest};
    look_at_folder(path, out);
    out->exists = stat(path, &st) == 0;
    out->regular = out->exists && S_ISREG(st.st_mode);
    out->empty = out->regular && st.st_size == 0;
    if (out->regular)
        look_at_file(path, out);
}

size_t wsc_store_libraries(struct wsc_library *out, size_t max)
{
    if (max < 1)
        return 0;
    out->name = "SQLite";
    (void)snprintf(out->version, sizeof(out->version), "%s", sqlite3_libversion());
    return 1;
}
