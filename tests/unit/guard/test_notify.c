#include <wsclose/guard.h>

#include <criterion/criterion.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager's socket with an abstract name, which it puts into the environment. */
static int manager(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char name[64];
    int n = snprintf(name, sizeof(name), "@wsclose-unit-%ld", (long)getpid());
    memcpy(at.sun_path + 1, name + 1, (size_t)n - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
                 0);
    cr_assert_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static const char *heard(int fd)
{
    static char text[256];
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

Test(notify, half_the_interval)
{
    static const struct {
        uint64_t now_ns;
        bool beats;
    } rows[] = {{7000000000, true},   {7000000000, false}, {7999999999, false},
                {8000000000, true},   {8500000000, false}, {20000000000, true},
                {20999999999, false}, {21000000000, true}};
    struct wsc_notify n;
    int fd = manager();
    cr_assert_eq(setenv("WATCHDOG_USEC", "2000000", 1), 0);
    wsc_notify_open(&n);
    cr_expect_null(getenv("NOTIFY_SOCKET"), "a child does not inherit it");
    cr_expect_null(getenv("WATCHDOG_USEC"));
    wsc_notify_say(&n, "READY=1\nSTATUS=x");
    cr_expect_str_eq(heard(fd), "READY=1\nSTATUS=x");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wsc_notify_alive(&n, rows[i].now_ns);
        cr_expect_str_eq(heard(fd), rows[i].beats ? "WATCHDOG=1" : "", "row %zu", i);
    }
    wsc_notify_close(&n);
    (void)close(fd);
}

Test(notify, nobody_to_tell)
{
    static const char *const rows[] = {
        "", "x", "relative/path", "@", "/", "/nowhere/socket", "@wsclose-unit-nobody"};
    char longer[300] = "/";
    struct wsc_notify n;
    memset(longer + 1, 'x', sizeof(longer) - 2);
    for (size_t i = 0; i <= sizeof(rows) / sizeof(rows[0]); i++) {
        const char *path = i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : longer;
        cr_assert_eq(setenv("NOTIFY_SOCKET", path, 1), 0);
        cr_assert_eq(setenv("WATCHDOG_USEC", "1000000", 1), 0);
        wsc_notify_open(&n);
        cr_expect_eq(n.fd, -1, "%s", path);
        wsc_notify_say(&n, "READY=1");
        wsc_notify_alive(&n, 1);
        wsc_notify_close(&n);
    }
}
