/* What the confined process may not do. Each try is made in a process of its own. */
#include <wsclose/guard.h>

#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *run_idle(void *arg)
{
    return arg;
}

/* ---- what is tried; each returns true if it was done ---- */

static bool nothing(void)
{
    return true;
}

static bool reads_and_writes(void)
{
    char name[] = "/tmp/wsclose-guard-XXXXXX", c = 'x';
    int fd = mkstemp(name);
    bool ok = fd >= 0 && write(fd, &c, 1) == 1 && pread(fd, &c, 1, 0) == 1 &&
              ftruncate(fd, 0) == 0 && fdatasync(fd) == 0 && close(fd) == 0;
    return unlink(name) == 0 && ok;
}

static bool makes_a_thread(void)
{
    pthread_t t;
    return pthread_create(&t, NULL, run_idle, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool takes_memory(void)
{
    void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, 1 << 20) == 0;
}

static bool runs_a_program(void)
{
    return execl("/bin/true", "true", (char *)NULL) == 0;
}

static bool makes_a_process(void)
{
    return fork() >= 0;
}

static bool makes_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool becomes_another(void)
{
    return setuid(0) == 0;
}

static bool sets_the_host_name(void)
{
    return sethostname("x", 1) == 0;
}

static bool makes_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool turns_data_into_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool types_for_the_user(void)
{
    return ioctl(STDIN_FILENO, TIOCSTI, "x") == 0;
}

static bool signals_another(void)
{
    return kill(getppid(), 0) == 0;
}

static bool allows_core_dumps(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool takes_the_handler_away(void)
{
    return signal(SIGSYS, SIG_IGN) != SIG_ERR;
}

enum fate { DONE, SAID, KILLED };

static const struct row {
    const char *name;
    bool (*try)(void);
    enum fate fate;
} rows[] = {
    {"nothing", nothing, DONE},
    {"files", reads_and_writes, DONE},
    {"a thread", makes_a_thread, DONE},
    {"memory", takes_memory, DONE},
    {"a program", runs_a_program, KILLED},
    {"a process", makes_a_process, SAID},
    {"a socket", makes_a_socket, KILLED},
    {"another user", becomes_another, KILLED},
    {"the host name", sets_the_host_name, SAID},
    {"new code", makes_code, SAID},
    {"code of data", turns_data_into_code, SAID},
    {"TIOCSTI", types_for_the_user, SAID},
    {"a signal to the parent", signals_another, SAID},
    {"core dumps", allows_core_dumps, SAID},
    {"SIGSYS ignored", takes_the_handler_away, SAID},
};

/* The child's part; does not return. */
static void try_it(const struct row *row, int to)
{
    struct wsc_error err;
    (void)dup2(to, STDERR_FILENO);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || wsc_guard_confine(&err) != WSC_OK)
        _exit(99);
    _exit(row->try() ? 0 : 98);
}

Test(filter, each_try)
{
    struct wsc_error err;
#ifdef __SANITIZE_ADDRESS__
    cr_assert_eq(wsc_guard_confine(&err), WSC_END, "sanitizers cannot be confined");
    cr_skip_test("built with sanitizers");
#endif
    (void)err;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char said[1024];
        int ends[2], status;
        cr_assert_eq(pipe(ends), 0);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0)
            try_it(&rows[i], ends[1]);
        (void)close(ends[1]);
        ssize_t n = read(ends[0], said, sizeof(said) - 1);
        said[n > 0 ? n : 0] = '\0';
        (void)close(ends[0]);
        cr_assert_eq(waitpid(child, &status, 0), child);
        bool loud = strstr(said, "wsclose: stopped: system call") != NULL;
        cr_expect_eq(loud, rows[i].fate == SAID, "%s: said \"%s\"", rows[i].name, said);
        cr_expect_eq(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, rows[i].fate == KILLED,
                     "%s: status %#x", rows[i].name, (unsigned)status);
        cr_expect_eq(WIFEXITED(status) && WEXITSTATUS(status) == (rows[i].fate == DONE ? 0 : 1),
                     rows[i].fate != KILLED, "%s: status %#x", rows[i].name, (unsigned)status);
    }
}
