/* Loaded before everything else (LD_PRELOAD), it makes the n-th call of a kind fail in the real
 * program: allocations, and what files are written and read with. Environment:
 *
 *     FAULT_CALLS  alloc, write, sync, read, open, unlink, thread: a list with commas
 *     FAULT_IN     part of the name of the library that calls; "wsclose": the program itself;
 *                  empty or not set: whoever calls
 *     FAULT_AT     the number of the call that fails, from 1; 0: none, they are only counted
 *     FAULT_FOR    "once", the default, or "on": all that follow fail, too
 *     FAULT_HOW    an errno (ENOMEM, ENOSPC, EIO, EROFS, EACCES, EAGAIN); "short": the first half
 * is written, then there is no space; "kill", "torn" (the first half is written before): SIGKILL;
 * INT, TERM, HUP, PIPE: that signal comes, the call goes on FAULT_WHERE  set: say on standard error
 * who called, as offsets for addr2line FAULT_STATE  a file that receives struct state, whatever
 * becomes of the process
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

#define SITES_MAX (1u << 18)
#define DEPTH     20

struct state {
    _Atomic uint64_t calls, failed;
    uint64_t sites[SITES_MAX]; /* of each call, a hash of who called whom */
};

enum call { ALLOC, WRITE, SYNC, READ, OPEN, UNLINK, THREAD, CALLS };
static const char *const call_names[CALLS] = {"alloc", "write",  "sync",  "read",
                                              "open",  "unlink", "thread"};

enum how { FAIL, SHORT, KILL, TORN, SIGNAL };
static const struct {
    const char *word;
    enum how how;
    int number; /* errno or signal */
} hows[] = {
    {"ENOMEM", FAIL, ENOMEM},  {"ENOSPC", FAIL, ENOSPC},  {"EIO", FAIL, EIO},
    {"EROFS", FAIL, EROFS},    {"EACCES", FAIL, EACCES},  {"EAGAIN", FAIL, EAGAIN},
    {"short", SHORT, ENOSPC},  {"kill", KILL, SIGKILL},   {"torn", TORN, SIGKILL},
    {"INT", SIGNAL, SIGINT},   {"TERM", SIGNAL, SIGTERM}, {"HUP", SIGNAL, SIGHUP},
    {"PIPE", SIGNAL, SIGPIPE},
};

/* Text of the libraries that count. */
static struct range {
    uintptr_t from, to;
} ranges[64];
static size_t n_ranges;

static struct state *state;
static bool wanted[CALLS], every, on, where, ready;
static uint64_t at;
static enum how how;
static int number = ENOMEM;
static __thread bool inside __attribute__((tls_model("initial-exec")));

static int add_ranges(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    const char *in = ctx, *name = info->dlpi_name;
    bool ours = strcmp(in, "wsclose") == 0 ? name[0] == '\0' : strstr(name, in) != NULL;
    for (size_t i = 0; ours && i < info->dlpi_phnum && n_ranges < 64; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = (uintptr_t)info->dlpi_addr + (uintptr_t)p->p_vaddr;
        if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0)
            ranges[n_ranges++] = (struct range){from, from + (uintptr_t)p->p_memsz};
    }
    return 0;
}

/* "read" is no part of "thread". */
static bool listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; p != NULL; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, len) == 0 && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

static void read_words(void)
{
    const char *calls = getenv("FAULT_CALLS"), *in = getenv("FAULT_IN");
    const char *word = getenv("FAULT_HOW"), *length = getenv("FAULT_FOR"), *n = getenv("FAULT_AT");
    for (size_t i = 0; calls != NULL && i < CALLS; i++)
        wanted[i] = listed(calls, call_names[i]);
    for (size_t i = 0; word != NULL && i < sizeof(hows) / sizeof(hows[0]); i++)
        if (strcmp(word, hows[i].word) == 0) {
            how = hows[i].how;
            number = hows[i].number;
        }
    where = getenv("FAULT_WHERE") != NULL;
    on = length != NULL && strcmp(length, "on") == 0;
    at = n != NULL ? strtoull(n, NULL, 10) : 0;
    every = in == NULL || in[0] == '\0';
    if (!every)
        dl_iterate_phdr(add_ranges, (void *)(uintptr_t)in);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_STATE");
    inside = true;
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && ftruncate(fd, sizeof(struct state)) == 0) {
        void *map = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        state = map != MAP_FAILED ? map : NULL;
    }
    if (fd >= 0)
        (void)close(fd);
    read_words();
    inside = false;
    ready = state != NULL;
}

struct walk {
    uint64_t hash;
    int frames;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *ctx)
{
    struct walk *w = ctx;
    if (w->frames++ > 2) /* ours */
        w->hash = (w->hash ^ (uint64_t)_Unwind_GetIP(context)) * 1099511628211u;
    return w->frames < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static _Unwind_Reason_Code say_step(struct _Unwind_Context *context, void *ctx)
{
    int *frames = ctx;
    Dl_info info;
    uintptr_t ip = (uintptr_t)_Unwind_GetIP(context);
    if ((*frames)++ > 2 && dladdr((void *)ip, &info) != 0) /* NOLINT: an address, not a pointer */
        (void)dprintf(STDERR_FILENO, "%s+0x%lx ", info.dli_fname,
                      (unsigned long)(ip - 1 - (uintptr_t)info.dli_fbase));
    return *frames < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void say_where(void)
{
    int frames = 0;
    inside = true;
    (void)_Unwind_Backtrace(say_step, &frames);
    (void)dprintf(STDERR_FILENO, "\n");
    inside = false;
}

static uint64_t site(void)
{
    struct walk w = {.hash = 14695981039346656037u};
    (void)_Unwind_Backtrace(step, &w);
    return w.hash;
}

/* Whether this call is the one. |from|: the return address of the caller. */
static bool strikes(enum call call, const void *from)
{
    if (!ready || inside || !wanted[call])
        return false;
    bool counts = every;
    for (size_t i = 0; !counts && i < n_ranges; i++)
        counts = (uintptr_t)from >= ranges[i].from && (uintptr_t)from < ranges[i].to;
    if (!counts)
        return false;
    int was = errno;
    uint64_t n = ++state->calls;
    if (at == 0 && n <= SITES_MAX) {
        inside = true;
        state->sites[n - 1] = site();
        inside = false;
    }
    errno = was;
    bool now = at != 0 && (n == at || (on && n > at));
    if (now && state->failed++ == 0 && where)
        say_where();
    return now;
}

/* True: the call fails, with errno set. */
static bool refused(enum call call, const void *from)
{
    if (!strikes(call, from))
        return false;
    if (how == KILL || how == TORN)
        (void)raise(SIGKILL);
    if (how == SIGNAL) {
        (void)raise(number);
        return false;
    }
    errno = number;
    return true;
}

/* |real|: the function behind ours. */
#define REAL(name)                                                                                 \
    static __typeof__(&(name)) real;                                                               \
    if (real == NULL) {                                                                            \
        bool was = inside;                                                                         \
        inside = true;                                                                             \
        real = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name);                                       \
        inside = was;                                                                              \
    }
#define HERE __builtin_return_address(0)

/* ---- memory ---- */

/* dlsym() may allocate before it has found the real calloc(). */
static char early[4096];
static size_t early_len;

void *malloc(size_t n)
{
    REAL(malloc);
    return refused(ALLOC, HERE) ? NULL : real(n);
}

void *calloc(size_t n, size_t size)
{
    static __thread bool looking __attribute__((tls_model("initial-exec")));
    static void *(*real)(size_t, size_t);
    if (real == NULL) {
        size_t want = (n * size + 15) & ~(size_t)15;
        if (looking)
            return early_len + want <= sizeof(early) ? early + (early_len += want) - want : NULL;
        looking = true;
        real = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
        looking = false;
    }
    return refused(ALLOC, HERE) ? NULL : real(n, size);
}

void *realloc(void *p, size_t n)
{
    REAL(realloc);
    return refused(ALLOC, HERE) ? NULL : real(p, n);
}

/* ---- files ---- */

/* How much of |n| bytes is written before the end comes; -1: fail with errno, |n|: go on. */
static ssize_t part(const void *from, size_t n, bool *dies)
{
    *dies = false;
    if (!strikes(WRITE, from))
        return (ssize_t)n;
    if (how == KILL)
        (void)raise(SIGKILL);
    if (how == SIGNAL) {
        (void)raise(number);
        return (ssize_t)n;
    }
    *dies = how == TORN;
    errno = number;
    return (how == TORN || how == SHORT) && n > 1 ? (ssize_t)(n / 2) : -1;
}

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(write);
    bool dies;
    ssize_t some = part(HERE, n, &dies);
    ssize_t done = some < 0 ? -1 : real(fd, p, (size_t)some);
    if (dies)
        (void)raise(SIGKILL);
    return done;
}

static ssize_t pwrite_part(int fd, const void *p, size_t n, off_t off, const void *from)
{
    REAL(pwrite64);
    bool dies;
    ssize_t some = part(from, n, &dies);
    ssize_t done = some < 0 ? -1 : real(fd, p, (size_t)some, off);
    if (dies)
        (void)raise(SIGKILL);
    return done;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
    return pwrite_part(fd, p, n, off, HERE);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t off)
{
    return pwrite_part(fd, p, n, off, HERE);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(writev);
    return refused(WRITE, HERE) ? -1 : real(fd, v, n);
}

int ftruncate(int fd, off_t n)
{
    REAL(ftruncate);
    return refused(WRITE, HERE) ? -1 : real(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
    REAL(ftruncate64);
    return refused(WRITE, HERE) ? -1 : real(fd, n);
}

int fsync(int fd)
{
    REAL(fsync);
    return refused(SYNC, HERE) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    return refused(SYNC, HERE) ? -1 : real(fd);
}

ssize_t read(int fd, void *p, size_t n)
{
    REAL(read);
    return refused(READ, HERE) ? -1 : real(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t off)
{
    REAL(pread);
    return refused(READ, HERE) ? -1 : real(fd, p, n, off);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t off)
{
    REAL(pread64);
    return refused(READ, HERE) ? -1 : real(fd, p, n, off);
}

static int open_as(const char *path, int flags, mode_t mode, const void *from)
{
    REAL(open64);
    return refused(OPEN, from) ? -1 : real(path, flags, mode);
}

static mode_t mode_of(int flags, va_list ap)
{
    return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return open_as(path, flags, mode, HERE);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return open_as(path, flags, mode, HERE);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    return refused(OPEN, HERE) ? NULL : real(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    REAL(fopen64);
    return refused(OPEN, HERE) ? NULL : real(path, mode);
}

int unlink(const char *path)
{
    REAL(unlink);
    return refused(UNLINK, HERE) ? -1 : real(path);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    REAL(pthread_create);
    return refused(THREAD, HERE) ? number : real(t, attr, fn, arg);
}
