#include <wsclose/guard.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Not sd_notify(): libsystemd is a large library for one datagram, and it makes a socket for each
 * message, which the filter forbids. The protocol is stable and documented for this use. */

static uint64_t watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (usec == NULL || (pid != NULL && strtoul(pid, NULL, 10) != (unsigned long)getpid()))
        return 0;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(usec, &end, 10);
    return errno == 0 && *end == '\0' && v <= UINT64_MAX / 1000 ? v * 1000 : 0;
}

static int reach(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return -1;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (connect(fd, (const struct sockaddr *)&to, size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void wsc_notify_open(struct wsc_notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *n = (struct wsc_notify){.fd = path != NULL ? reach(path) : -1};
    if (n->fd >= 0)
        n->interval_ns = watchdog_ns() / 2;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void wsc_notify_say(const struct wsc_notify *n, const char *lines)
{
    if (n->fd >= 0)
        (void)send(n->fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void wsc_notify_alive(struct wsc_notify *n, uint64_t now_ns)
{
    if (n->interval_ns == 0 || (n->said_ns != 0 && now_ns < n->said_ns + n->interval_ns))
        return;
    n->said_ns = now_ns;
    wsc_notify_say(n, "WATCHDOG=1");
}

void wsc_notify_close(struct wsc_notify *n)
{
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
}
