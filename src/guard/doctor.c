#include <wsclose/doctor.h>
#include <wsclose/libraries.h>

#include <cap-ng.h>
#include <seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void ask_file(struct wsc_doctor_rights *out)
{
    struct statvfs fs;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    out->nosuid = fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0;
    if (capng_get_caps_fd(fd) == 0)
        out->file = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW) == 1;
    (void)close(fd);
}

void wsc_doctor_rights(struct wsc_doctor_rights *out)
{
    *out = (struct wsc_doctor_rights){.root = geteuid() == 0};
    ask_file(out);
    capng_clear(CAPNG_SELECT_BOTH);
    out->effective =
        capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW) == 1;
    out->no_new_rights = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: no packet at all */
    out->refused = fd >= 0 ? 0 : errno;
    if (fd >= 0)
        (void)close(fd);
    out->seccomp_api = seccomp_api_get();
}

size_t wsc_guard_libraries(struct wsc_library *out, size_t max)
{
    if (max < 2)
        return 0;
    const struct scmp_version *v = seccomp_version();
    out[0].name = "libcap-ng"; /* has no word for its version */
    out[0].version[0] = '\0';
    out[1].name = "libseccomp";
    (void)snprintf(out[1].version, sizeof(out[1].version), "%u.%u.%u", v->major, v->minor,
                   v->micro);
    return 2;
}
