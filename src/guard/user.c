#include <wsclose/guard.h>

#include <cap-ng.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY "nobody"

/* ---- who ---- */

static void take(struct wsc_guard_user *u, const struct passwd *pw)
{
    u->uid = pw->pw_uid;
    u->gid = pw->pw_gid;
    (void)snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
}

static enum wsc_err look_up(const char *name, struct wsc_guard_user *u, struct wsc_error *err)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(name, &end, 10);
    bool is_number = name[0] >= '0' && name[0] <= '9' && *end == '\0' && errno == 0;
    const struct passwd *pw = getpwnam(name);
    if (pw == NULL && is_number && number < UINT32_MAX)
        pw = getpwuid((uid_t)number);
    if (pw == NULL)
        return wsc_error_set(err, WSC_ERR_NOT_FOUND, "there is no user %.60s", name);
    take(u, pw);
    return WSC_OK;
}

/* The directory that |path| lies in, as text. */
static void parent(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    if (slash == NULL || n >= PATH_MAX)
        (void)snprintf(out, PATH_MAX, ".");
    else
        (void)snprintf(out, PATH_MAX, "%.*s", (int)(n > 0 ? n : 1), path);
}

/* An owner who has no name has no groups and may not even exist: nobody is better. */
static bool take_owner(const char *dir, struct wsc_guard_user *u)
{
    struct stat st;
    if (stat(dir, &st) != 0 || st.st_uid == 0)
        return false;
    const struct passwd *pw = getpwuid(st.st_uid);
    if (pw == NULL)
        return false;
    take(u, pw);
    return true;
}

static enum wsc_err usual(const char *file, const char *dir, struct wsc_guard_user *u,
                          struct wsc_error *err)
{
    char where[PATH_MAX];
    if (file != NULL)
        parent(file, where);
    else if (dir != NULL && access(dir, F_OK) != 0)
        parent(dir, where);
    else if (dir != NULL)
        (void)snprintf(where, sizeof(where), "%s", dir);
    if ((file != NULL || dir != NULL) && take_owner(where, u))
        return WSC_OK;
    return look_up(NOBODY, u, err);
}

/* ---- whether it can write there ---- */

static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

static bool may_make_in(const char *dir)
{
    char above[PATH_MAX];
    if (access(dir, F_OK) == 0 || errno != ENOENT)
        return may(dir, W_OK | X_OK);
    parent(dir, above);
    return may(above, W_OK | X_OK);
}

static bool may_write(const char *file, const char *dir)
{
    char where[PATH_MAX];
    if (file != NULL) {
        parent(file, where);
        if (!may(where, W_OK | X_OK) || (access(file, F_OK) == 0 && !may(file, R_OK | W_OK)))
            return false;
    }
    return dir == NULL || may_make_in(dir);
}

/* Asks the kernel in that user's place, and comes back. Supplementary groups are asked for too:
 * root's own would say yes where the user's do not. */
static bool can_write(const struct wsc_guard_user *u, const char *file, const char *dir)
{
    gid_t groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
    gid_t gid = getegid();
    int n = getgroups((int)(sizeof(groups) / sizeof(groups[0])), groups);
    bool yes = false;
    if (n < 0 || initgroups(u->name, u->gid) != 0)
        return false;
    if (setegid(u->gid) == 0 && seteuid(u->uid) == 0)
        yes = may_write(file, dir);
    if (seteuid(0) != 0 || setegid(gid) != 0 || setgroups((size_t)n, groups) != 0)
        return false; /* the drop, which needs the same, will say what is wrong */
    return yes;
}

/* The same of root without the capabilities that make it root. */
static bool can_write_bare(const char *file, const char *dir)
{
    if (capng_get_caps_process() != 0)
        return false;
    void *before = capng_save_state();
    (void)capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, -1);
    bool yes = capng_apply(CAPNG_SELECT_CAPS) == 0 && may_write(file, dir);
    capng_restore_state(&before);
    return capng_apply(CAPNG_SELECT_CAPS) == 0 && yes;
}

enum wsc_err wsc_guard_choose(const char *user, const char *file, const char *dir,
                              struct wsc_guard_user *out, struct wsc_error *err)
{
    *out = (struct wsc_guard_user){.uid = geteuid(), .gid = getegid(), .writes = true};
    if (user != NULL) {
        enum wsc_err e = look_up(user, out, err);
        if (e != WSC_OK)
            return e;
        if (geteuid() != 0 && out->uid != geteuid())
            return wsc_error_set(err, WSC_ERR_DENIED, "only root can go on as user %s", out->name);
    } else if (geteuid() == 0) {
        enum wsc_err e = usual(file, dir, out, err);
        if (e != WSC_OK)
            return e;
    }
    out->change = geteuid() == 0 && out->uid != 0;
    if (geteuid() != 0)
        return WSC_OK;
    out->writes = out->change ? can_write(out, file, dir) : can_write_bare(file, dir);
    if (out->writes || user == NULL || !out->change)
        return WSC_OK;
    return wsc_error_set(
        err, WSC_ERR_DENIED,
        "user %s cannot write to %s%s%s; give it the right, or name another --user", out->name,
        file != NULL ? file : "", file != NULL && dir != NULL ? " or " : "",
        dir != NULL ? dir : "");
}

/* ---- the drop ---- */

static enum wsc_err become(const struct wsc_guard_user *u, struct wsc_error *err)
{
    if (initgroups(u->name, u->gid) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
        setresuid(u->uid, u->uid, u->uid) != 0)
        return wsc_error_set(err, WSC_ERR_DENIED,
                             "cannot go on as user %s: %s; --user root stays root", u->name,
                             strerror(errno));
    if (setresuid(0, 0, 0) == 0 || seteuid(0) == 0)
        return wsc_error_set(err, WSC_ERR_DENIED, "user %s could become root again", u->name);
    return WSC_OK;
}

static enum wsc_err give_up_capabilities(struct wsc_error *err)
{
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    capng_clear(CAPNG_SELECT_CAPS);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0 || capng_get_caps_process() != 0 ||
        capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE)
        return wsc_error_set(err, WSC_ERR_DENIED, "the capabilities cannot be given up");
    return WSC_OK;
}

enum wsc_err wsc_guard_drop(const struct wsc_guard_user *user, struct wsc_error *err)
{
    capng_clear(CAPNG_SELECT_BOUNDS);
    (void)capng_apply(
        CAPNG_SELECT_BOUNDS); /* needs CAP_SETPCAP; without it nothing can be gained */
    enum wsc_err e = user->change ? become(user, err) : WSC_OK;
    if (e == WSC_OK)
        e = give_up_capabilities(err);
    if (e == WSC_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        e = wsc_error_set(err, WSC_ERR_DENIED, "new privileges cannot be forbidden: %s",
                          strerror(errno));
#ifdef __SANITIZE_ADDRESS__
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak check at the end traces the process */
#endif
    return e;
}
