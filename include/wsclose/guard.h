/* Least privilege for a process that reads a network for weeks, and its word to the service
 * manager. Linux only.
 *
 *     wsc_guard_choose(...);   as who to go on, and whether that user can write where we write
 *     wsc_guard_drop(...);     no other user, no capability, no way back
 *     wsc_guard_confine(...);  no core dump, no ptrace, no system call that is not needed
 *
 * Threads: drop before the first one is made (capabilities are a thread's), confine after the last.
 */
#ifndef WSCLOSE_GUARD_H
#define WSCLOSE_GUARD_H

#include <wsclose/error.h>

#include <stdbool.h>
#include <sys/types.h>

/* ---- who ---- */

struct wsc_guard_user {
    bool change; /* false: we are not root, or shall stay it; capabilities go all the same */
    bool writes; /* it can write |file| and below |dir| by itself. False: open them before the drop;
                    they cannot be opened again */
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* Decides as who to go on. |file| will be written with its siblings, |dir| gets files and may not
 * exist yet; either may be NULL. |user| is a name or a number. NULL: whoever we are, unless root;
 * then the owner of the directory of |file| (of |dir| without one), and where that is root too,
 * nobody. Returns WSC_OK; WSC_ERR_NOT_FOUND (no such user); WSC_ERR_DENIED (|user| was named and is
 * another than we are, who are not root; or was named and cannot write there). */
enum wsc_err wsc_guard_choose(const char *user, const char *file, const char *dir,
                              struct wsc_guard_user *out, struct wsc_error *err) WSC_MUST_USE;

/* Becomes that user, its groups included, and gives up every capability: permitted, effective,
 * inheritable, ambient and, where we may, bounding; no program started later gets more
 * (PR_SET_NO_NEW_PRIVS). Checks that there is no way back. Returns WSC_OK or WSC_ERR_DENIED: the
 * process must not go on then. */
enum wsc_err wsc_guard_drop(const struct wsc_guard_user *user, struct wsc_error *err) WSC_MUST_USE;

/* ---- what ---- */

/* No core dump of this process from here on, and nobody but root may look into its memory: packets
 * and TLS secrets are in it. Does nothing when built with sanitizers, whose leak check looks. */
void wsc_guard_no_dump(void);

/* The same, and a failure if the kernel refuses it; then a seccomp filter for
 * all threads: files, memory, time and the sockets that are open. A call outside of it that could
 * be a bug of ours ends the process with a line on standard error, one that only an intruder makes
 * (exec, a new socket, another user) kills it. Returns WSC_OK; WSC_END: built with sanitizers,
 * which need more, so nothing was done; WSC_ERR_IO: the kernel refused. */
enum wsc_err wsc_guard_confine(struct wsc_error *err) WSC_MUST_USE;

/* ---- the service manager (sd_notify(3)) ---- */

struct wsc_notify {
    int fd;               /* -1: nobody wants to know */
    uint64_t interval_ns; /* half of what the watchdog allows; 0: no watchdog */
    uint64_t said_ns;     /* of the caller's clock */
};

/* Connects to $NOTIFY_SOCKET and forgets the variable. One that cannot be reached is none. */
void wsc_notify_open(struct wsc_notify *n);
/* Sends lines like "READY=1\nSTATUS=..."; never waits. */
void wsc_notify_say(const struct wsc_notify *n, const char *lines);
/* WATCHDOG=1 when half the interval has passed at |now_ns| (a monotonic clock). Call it when the
 * work is well, and only then. */
void wsc_notify_alive(struct wsc_notify *n, uint64_t now_ns);
void wsc_notify_close(struct wsc_notify *n);

#endif
