#include "doctor.h"

#include <wsclose/wsclose.h>

#include "command_line.h"
#include "live_right.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define MIB UINT64_C(1048576)

/* ---- rights ---- */

static void tell_otherwise(struct doctor *d)
{
    struct wsc_check c = {.name = "capture-otherwise",
                          .state = WSC_CHECK_NOTE,
                          .mend = "sudo tcpdump -i IFACE -s 0 -w a.pcap   # then: wsclose analyze "
                                  "a.pcap"};
    doctor_tell(d, c,
                "let another program capture, here or where the server runs, and read its "
                "file: that needs no right");
}

/* A package has a copy of the program that may be given the right. False: there is none. */
static bool tell_copy(struct doctor *d)
{
    struct wsc_check c = {.name = "capture-right", .state = WSC_CHECK_MISSING};
    switch (live_right_of_copy()) {
    case LIVE_RIGHT_NO_COPY:
        return false;
    case LIVE_RIGHT_NOT_GIVEN:
        c.mend = "sudo dpkg-reconfigure wsclose   # then: sudo adduser NAME wsclose";
        doctor_tell(d, c, "only root may capture; the group wsclose can be given the right");
        tell_otherwise(d);
        return true;
    case LIVE_RIGHT_FOR_OTHERS:
        c.mend = "sudo adduser NAME wsclose   # and log in anew";
        doctor_tell(d, c, "members of the group wsclose may capture; you are none");
        tell_otherwise(d);
        return true;
    case LIVE_RIGHT_FOR_US:
        break;
    }
    c.state = WSC_CHECK_OK;
    doctor_tell(d, c,
                "as a member of the group wsclose; live gives it up once the interfaces are "
                "open");
    return true;
}

static void tell_no_right(struct doctor *d, const struct wsc_doctor_rights *r)
{
    char mend[DOCTOR_MEND_MAX] = "sudo wsclose live -i IFACE", self[PATH_MAX] = "";
    struct wsc_check c = {.name = "capture-right", .state = WSC_CHECK_MISSING, .mend = mend};
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *why = "live needs it; analyze does not";
    if (r->root)
        why = "though you are root: this container or sandbox took it (CAP_NET_RAW); start it with "
              "that right (docker run --cap-add NET_RAW), or capture on the host";
    else if (r->file && r->nosuid)
        why = "the program file grants it, but lies on a file system mounted nosuid; install it "
              "elsewhere, or run it as root";
    else if (r->file && r->no_new_rights)
        why = "the program file grants it, but what started wsclose forbids new rights "
              "(no_new_privs)";
    else if (!r->no_new_rights) {
        (void)snprintf(mend, sizeof(mend), "sudo setcap cap_net_raw=ep");
        command_word(n > 0 ? self : "wsclose", mend, sizeof(mend));
    }
    if (r->root)
        c.mend = NULL;
    doctor_tell(d, c, "no right to capture (%s): %s", strerror(r->refused), why);
    tell_otherwise(d);
}

void doctor_rights(struct doctor *d)
{
    struct wsc_doctor_rights r;
    wsc_doctor_rights(&r);
    bool copy = r.refused != 0 && !r.root && tell_copy(d);
    if (r.refused != 0 && !copy)
        tell_no_right(d, &r);
    else if (!copy)
        doctor_tell(d, (struct wsc_check){.name = "capture-right"}, "%s",
                    r.file   ? "the program file grants CAP_NET_RAW; live gives it up once the "
                               "interfaces are open"
                    : r.root ? "you are root; live becomes another user once the interfaces are "
                               "open"
                             : "this process was started with CAP_NET_RAW");
    if (r.seccomp_api > 0)
        doctor_tell(d, (struct wsc_check){.name = "seccomp"},
                    "the kernel can hold live to the calls it needs");
    else
        doctor_tell(d, (struct wsc_check){.name = "seccomp", .state = WSC_CHECK_MISSING},
                    "the kernel filters no system calls; live --no-confine goes without");
}

/* ---- interfaces ---- */

#define INTERFACES_MAX 32u

struct interfaces {
    struct doctor *doctor;
    size_t told, more;
    bool joined; /* one of them joins or splits segments */
};

static void add_word(char *list, size_t cap, const char *word, int on)
{
    size_t n = strlen(list);
    if (on == 1)
        (void)snprintf(list + n, cap - n, " %s", word);
}

static void tell_interface(struct interfaces *all, const char *name, bool up,
                           const struct wsc_doctor_interface *i)
{
    char mend[DOCTOR_MEND_MAX] = "", on[64] = "", mtu[32] = "";
    struct wsc_check c = {.name = "interface", .subject = name};
    add_word(on, sizeof(on), "gro", i->gro);
    add_word(on, sizeof(on), "lro", i->lro);
    add_word(on, sizeof(on), "tso", i->tso);
    add_word(on, sizeof(on), "gso", i->gso);
    bool joined = up && on[0] != '\0' && !i->loopback;
    if (joined) {
        (void)snprintf(mend, sizeof(mend), "sudo ethtool -K");
        command_word(name, mend, sizeof(mend));
        size_t n = strlen(mend);
        for (const char *w = on; *w != '\0';) { /* " gro off tso off" */
            size_t len = 1 + strcspn(w + 1, " ");
            n += (size_t)snprintf(mend + n, sizeof(mend) - n, "%.*s off", (int)len, w);
            w += len;
        }
        c.mend = mend;
        all->joined = true;
    }
    bool sums = (i->rx_checksum == 1 || i->tx_checksum == 1) && !i->loopback;
    if (i->mtu > 0)
        (void)snprintf(mtu, sizeof(mtu), ", MTU %" PRIu32, i->mtu);
    if (!up) {
        c.state = WSC_CHECK_NOTE;
        (void)snprintf(mend, sizeof(mend), "sudo ip link set");
        command_word(name, mend, sizeof(mend));
        command_word("up", mend, sizeof(mend));
        c.mend = mend;
        doctor_tell(all->doctor, c, "down: nothing comes");
        return;
    }
    c.state = joined ? WSC_CHECK_NOTE : i->gro < 0 ? WSC_CHECK_UNKNOWN : WSC_CHECK_OK;
    doctor_tell(all->doctor, c, "up%s%s%s%s%s", mtu, on[0] != '\0' ? ", on:" : "", on,
                sums ? ", checksums by the card" : "", i->gro < 0 ? ", offloads not told" : "");
}

static void on_interface(void *ctx, const char *name, const char *about, bool up)
{
    struct interfaces *all = ctx;
    struct wsc_doctor_interface i;
    (void)about;
    wsc_doctor_interface(name, &i);
    if (!i.exists)
        return;
    if (all->told == INTERFACES_MAX) {
        all->more++;
        return;
    }
    all->told++;
    tell_interface(all, name, up, &i);
}

void doctor_interfaces(struct doctor *d)
{
    struct interfaces all = {.doctor = d};
    struct wsc_error err;
    if (wsc_live_list(on_interface, &all, &err) != WSC_OK) {
        doctor_tell(d, (struct wsc_check){.name = "interface", .state = WSC_CHECK_UNKNOWN}, "%s",
                    err.message);
        return;
    }
    if (all.told == 0)
        doctor_tell(d, (struct wsc_check){.name = "interface", .state = WSC_CHECK_MISSING},
                    "there is none to capture from");
    if (all.more > 0)
        doctor_tell(d, (struct wsc_check){.name = "interface"}, "%zu more", all.more);
    if (all.joined)
        doctor_tell(
            d, (struct wsc_check){.name = "offloads", .state = WSC_CHECK_NOTE},
            "with gro, lro, tso or gso on, a capture holds packets of up to 64 KB that were "
            "several on the wire. wsclose reads them whole. Switch them off where packets "
            "shall be counted or timed as on the wire, or where another tool cuts at 1,514 "
            "bytes; it costs CPU.");
    doctor_tell(d, (struct wsc_check){.name = "snap-length"},
                "live captures 262,144 bytes a packet: all of it; with tcpdump give -s 0");
}

/* ---- memory, clock, service ---- */

/* The kernel's estimate of what can be had without swapping; 0: not known. */
static uint64_t memory_available(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f != NULL && kib == 0 && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kib = strtoull(line + 13, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return (uint64_t)kib * 1024;
}

static void tell_ring(struct doctor *d)
{
    static const char *const loopback[] = {"lo"};
    struct wsc_check c = {.name = "kernel-ring"};
    struct wsc_live *live = NULL;
    struct wsc_live_stats s = {.ring_bytes = 0};
    struct wsc_error err;
    uint64_t available = memory_available();
    /* Nothing is read, and no other station's frames are asked for. */
    if (wsc_live_open(loopback, 1, &(struct wsc_live_options){.filter = "port 0"}, &live, &err) ==
        WSC_OK)
        wsc_live_stats(live, 0, &s);
    wsc_live_close(live);
    if (s.ring_bytes > 0) {
        c.state = s.ring_bytes < 32 * MIB ? WSC_CHECK_NOTE : WSC_CHECK_OK;
        doctor_tell(d, c, "%" PRIu64 " MiB were given for an interface, of 32 asked for",
                    s.ring_bytes / MIB);
        return;
    }
    c.state = available == 0          ? WSC_CHECK_UNKNOWN
              : available < 128 * MIB ? WSC_CHECK_NOTE
                                      : WSC_CHECK_OK;
    doctor_tell(d, c, "live takes 32 MiB of memory for an interface; %" PRIu64 " MiB can be had",
                available / MIB);
}

static void tell_clock(struct doctor *d)
{
    struct timex t = {.modes = 0};
    struct wsc_check c = {.name = "clock"};
    int state = adjtimex(&t);
    if (state >= 0 && state != TIME_ERROR) {
        doctor_tell(d, c, "the kernel says that it is synchronized");
        return;
    }
    c.state = WSC_CHECK_UNKNOWN;
    c.mend = "timedatectl show -p NTPSynchronized";
    doctor_tell(d, c,
                "nothing tells the kernel that it is right: times of captures of several "
                "machines may not fit together");
}

static void tell_service(struct doctor *d)
{
    static const char *const places[] = {"/etc/systemd/system/", "/usr/local/lib/systemd/system/",
                                         "/usr/lib/systemd/system/", "/lib/systemd/system/"};
    struct wsc_check c = {.name = "service"};
    bool systemd = access("/run/systemd/system", F_OK) == 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%swsclose-live@.service", places[i]);
        if (access(path, F_OK) != 0)
            continue;
        c.state = systemd ? WSC_CHECK_OK : WSC_CHECK_NOTE;
        c.mend = systemd ? "sudo systemctl enable --now wsclose-live@IFACE" : NULL;
        doctor_tell(d, c, "%s%s", path, systemd ? "" : "; but systemd does not run here");
        return;
    }
    c.state = systemd ? WSC_CHECK_NOTE : WSC_CHECK_UNKNOWN;
    doctor_tell(d, c, "%s",
                systemd ? "wsclose-live@.service is not installed: the Debian package brings it"
                        : "systemd does not run here");
}

void doctor_system(struct doctor *d)
{
    tell_ring(d);
    tell_clock(d);
    tell_service(d);
}
