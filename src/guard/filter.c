#include <wsclose/guard.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__

/* The leak check at the end makes a process that traces this one. */
enum wsc_err wsc_guard_confine(struct wsc_error *err)
{
    (void)err;
    return WSC_END;
}

void wsc_guard_no_dump(void)
{
}

#else

#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Allowed with any arguments. Found by tracing each feature, then rounded up to what other versions
 * of the C library use for the same. */
/* clang-format off */
static const char *const allowed[] = {
    /* files: SQLite with its -wal and -shm, the ring of captures, catalogs, standard output */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "lseek", "_llseek", "open", "openat", "close", "stat", "stat64", "fstat", "fstat64",
    "lstat", "lstat64", "newfstatat", "fstatat64", "statx", "statfs", "fstatfs", "statfs64",
    "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
    "getdents64", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
    "rmdir", "fcntl", "fcntl64", "flock", "dup", "fsync", "fdatasync", "sync_file_range",
    "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fchmod", "fchown", "umask", "utimensat",
    /* memory */
    "brk", "munmap", "mremap", "madvise",
    /* time and waiting */
    "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "nanosleep",
    "clock_nanosleep", "clock_nanosleep_time64", "poll", "ppoll", "ppoll_time64", "select",
    "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "timerfd_create", "timerfd_settime", "timerfd_gettime", "eventfd2", "pipe2",
    /* the sockets there are: capture, metrics, the service manager */
    "recvfrom", "recv", "recvmsg", "recvmmsg", "send", "sendmsg", "accept", "accept4", "getsockopt",
    "setsockopt", "getsockname", "getpeername", "shutdown",
    /* threads and signals */
    "futex", "futex_time64", "set_robust_list", "get_robust_list", "rseq", "set_tid_address",
    "sched_yield", "sched_getaffinity", "sched_setaffinity", "membarrier", "rt_sigprocmask",
    "rt_sigreturn", "sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
    "restart_syscall", "exit", "exit_group",
    /* who and where we are */
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "uname",
    "sysinfo", "getrusage", "getcpu", "times",
};

/* No mistake of ours makes these: no message, no handler, the whole process at once. */
static const char *const fatal[] = {
    "execve", "execveat", "fork", "vfork", "socket", "socketpair", "connect", "bind", "listen",
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "setuid",
    "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
    "capset", "mount", "umount2", "move_mount", "open_tree", "fsopen", "chroot", "pivot_root",
    "unshare", "setns", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "bpf", "perf_event_open", "add_key", "request_key", "keyctl",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "memfd_create",
    "personality", "modify_ldt", "arch_prctl", "link", "linkat", "symlink", "symlinkat", "mknod",
    "mknodat", "chmod", "fchmodat", "chown", "lchown", "fchownat", "setxattr", "reboot",
    "name_to_handle_at", "open_by_handle_at",
};
/* clang-format on */

/* Asking a terminal, a socket or an interface; never TIOCSTI, which types for the user. */
static const unsigned long requests[] = {TCGETS,      TIOCGWINSZ,    FIONREAD,
                                         FIONBIO,     SIOCGIFFLAGS,  SIOCGIFINDEX,
                                         SIOCGIFNAME, SIOCGIFHWADDR, SIOCGIFMTU};

/* A call this machine does not have (NR_SCMP_ERROR), or has not under that name, needs no rule. */
static int rule(scmp_filter_ctx f, uint32_t action, const char *name, unsigned n,
                const struct scmp_arg_cmp *args)
{
    int nr = seccomp_syscall_resolve_name(name);
    if (nr < 0)
        return 0;
    return seccomp_rule_add_array(f, action, nr, n, args);
}

struct conditional {
    const char *name;
    struct scmp_arg_cmp arg;
};

/* Allowed with some arguments only. */
static int conditional_rules(scmp_filter_ctx f)
{
    const uint64_t self = (uint64_t)getpid();
    const struct conditional rows[] = {
        /* nothing new is executed */
        {"mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {"mmap2", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {"mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {"clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
        {"sendto", SCMP_A4(SCMP_CMP_EQ, 0)}, /* to whom it is connected */
        {"rt_sigaction", SCMP_A0(SCMP_CMP_NE, SIGSYS)},
        {"tgkill", SCMP_A0(SCMP_CMP_EQ, self)}, /* abort() */
        {"kill", SCMP_A0(SCMP_CMP_EQ, self)},
        {"prlimit64", SCMP_A2(SCMP_CMP_EQ, 0)}, /* asking */
        {"prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        r = rule(f, SCMP_ACT_ALLOW, rows[i].name, 1, &rows[i].arg);
    for (size_t i = 0; r == 0 && i < sizeof(requests) / sizeof(requests[0]); i++)
        r = rule(f, SCMP_ACT_ALLOW, "ioctl", 1,
                 &(const struct scmp_arg_cmp){1, SCMP_CMP_EQ, requests[i], 0});
    /* Its flags are in memory, where no filter can look: the C library then uses clone. */
    return r == 0 ? rule(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL) : r;
}

static int fill(scmp_filter_ctx f)
{
    int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    (void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, where the library can */
    for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
        r = rule(f, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    for (size_t i = 0; r == 0 && i < sizeof(fatal) / sizeof(fatal[0]); i++)
        r = rule(f, SCMP_ACT_KILL_PROCESS, fatal[i], 0, NULL);
    return r == 0 ? conditional_rules(f) : r;
}

/* In a signal handler: no stdio. */
static void on_violation(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    char line[] = "\nwsclose: stopped: system call ...... is not one that it needs. That is a bug "
                  "in it, or somebody is misusing it; what was stored stays. --no-confine runs "
                  "without this guard, to find out.\n";
    char *end = strstr(line, "......") + 6;
    unsigned nr = (unsigned)info->si_syscall % 1000000u;
    for (int i = 1; i <= 6; i++, nr /= 10)
        end[-i] = nr > 0 || i == 1 ? (char)('0' + nr % 10) : ' ';
    ssize_t unheard = write(STDERR_FILENO, line, sizeof(line) - 1);
    (void)unheard;
    _exit(1);
}

static bool forbid_dumps(void)
{
    const struct rlimit none = {0, 0};
    /* A pipe in core_pattern is not bound by the limit, but by the flag. */
    bool flagged = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
    return setrlimit(RLIMIT_CORE, &none) == 0 && flagged;
}

void wsc_guard_no_dump(void)
{
    (void)forbid_dumps();
}

enum wsc_err wsc_guard_confine(struct wsc_error *err)
{
    struct sigaction act = {.sa_sigaction = on_violation, .sa_flags = SA_SIGINFO};
    if (!forbid_dumps() || sigaction(SIGSYS, &act, NULL) != 0)
        return wsc_error_set(err, WSC_ERR_IO, "core dumps cannot be forbidden: %s",
                             strerror(errno));
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
    if (f == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    int r = fill(f);
    if (r == 0)
        r = seccomp_load(f);
    seccomp_release(f);
    if (r != 0)
        return wsc_error_set(err, WSC_ERR_IO,
                             "the system calls cannot be confined: %s; --no-confine goes on "
                             "without that",
                             strerror(-r));
    return WSC_OK;
}

#endif
