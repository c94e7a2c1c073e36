#include <wsclose/live.h>

#include "base/alloc.h"

#include <pcap/pcap.h>

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SNAPLEN_ALL  262144u
#define BUFFER_USUAL ((size_t)32 << 20)
#define WAIT_MS      100
#define NAME_MAX_LEN 64u

struct interface {
    char name[NAME_MAX_LEN];
    pcap_t *pcap; /* NULL: gone */
    int fd;
    uint32_t link;
    uint64_t packets, bytes;
    uint32_t last_drop, last_ifdrop; /* libpcap's counters are 32 bits wide and wrap */
    uint64_t dropped, interface_dropped;
    uint64_t ring_bytes;
    bool drained; /* after a stop: a packet from later than it was seen */
};

struct wsc_live {
    struct interface interfaces[WSC_LIVE_MAX_INTERFACES];
    size_t len, next; /* next: which is asked first, in turn */
    volatile sig_atomic_t stop;
    uint64_t stop_ns; /* when that was noticed, 0: not yet */
    bool dry;         /* nothing was there at the last look: the next one waits first */
};

/* ---- opening ---- */

static enum wsc_err denied(const char *name, struct wsc_error *err)
{
    char self[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    return wsc_error_set(err, WSC_ERR_DENIED,
                         "%s: the right to capture is missing (CAP_NET_RAW); run as root, or grant "
                         "it once: sudo setcap cap_net_raw=ep '%.300s'",
                         name, n > 0 ? self : "wsclose");
}

static enum wsc_err activation_error(const struct interface *i, int r, struct wsc_error *err)
{
    const char *said = pcap_geterr(i->pcap);
    switch (r) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return wsc_error_set(err, WSC_ERR_NOT_FOUND,
                             "%s: there is no such interface; `wsclose live --list` shows those "
                             "there are",
                             i->name);
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return denied(i->name, err);
    case PCAP_ERROR_IFACE_NOT_UP:
        return wsc_error_set(err, WSC_ERR_IO,
                             "%s: the interface is down; bring it up: ip link set %s up", i->name,
                             i->name);
    case PCAP_ERROR:
        if (strstr(said, strerror(ENOMEM)) != NULL)
            return wsc_error_set(err, WSC_ERR_NOMEM,
                                 "%s: there is no memory for the kernel's ring; give a smaller "
                                 "--buffer-size",
                                 i->name);
        /* fall through */
    default:
        return wsc_error_set(err, WSC_ERR_IO, "%s: cannot capture: %s%s%s", i->name,
                             pcap_statustostr(r), said[0] != '\0' ? ": " : "", said);
    }
}

static enum wsc_err set_filter(struct interface *i, const char *text, struct wsc_error *err)
{
    struct bpf_program program;
    if (text == NULL)
        return WSC_OK;
    if (pcap_compile(i->pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return wsc_error_set(err, WSC_ERR_INVALID, "the filter \"%s\" is not valid on %s: %s", text,
                             i->name, pcap_geterr(i->pcap));
    int r = pcap_setfilter(i->pcap, &program);
    pcap_freecode(&program);
    return r == 0 ? WSC_OK
                  : wsc_error_set(err, WSC_ERR_IO, "%s: the filter cannot be set: %s", i->name,
                                  pcap_geterr(i->pcap));
}

/* libpcap goes on with half the ring, and half of that, when the kernel has no memory for more;
 * what there is, only the mapping shows. */
static uint64_t ring_bytes(int fd)
{
    char line[512], name[64];
    struct stat st;
    uint64_t sum = 0;
    FILE *f = fstat(fd, &st) == 0 ? fopen("/proc/self/maps", "re") : NULL;
    if (f == NULL)
        return 0;
    (void)snprintf(name, sizeof(name), "socket:[%ju]", (uintmax_t)st.st_ino);
    while (fgets(line, sizeof(line), f) != NULL) {
        char *end;
        uint64_t from = strtoull(line, &end, 16);
        uint64_t to = *end == '-' ? strtoull(end + 1, NULL, 16) : from;
        if (strstr(line, name) != NULL)
            sum += to - from;
    }
    (void)fclose(f);
    return sum;
}

static enum wsc_err configure(struct interface *i, const struct wsc_live_options *opt,
                              struct wsc_error *err)
{
    size_t buffer = opt->buffer_bytes != 0 ? opt->buffer_bytes : BUFFER_USUAL;
    if (buffer > WSC_LIVE_MAX_BUFFER)
        return wsc_error_set(err, WSC_ERR_INVALID,
                             "%s: the kernel's ring can have 2 GB at most (--buffer-size)",
                             i->name);
    if (buffer > INT_MAX)
        buffer = INT_MAX;
    (void)pcap_set_snaplen(i->pcap, (int)(opt->snaplen != 0 ? opt->snaplen : SNAPLEN_ALL));
    (void)pcap_set_promisc(i->pcap, opt->promiscuous);
    (void)pcap_set_timeout(i->pcap, WAIT_MS);
    (void)pcap_set_buffer_size(i->pcap, (int)buffer);
    (void)pcap_set_tstamp_precision(i->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int r = pcap_activate(i->pcap);
    if (r < 0)
        return activation_error(i, r, err);
    char why[PCAP_ERRBUF_SIZE];
    if (pcap_setnonblock(i->pcap, 1, why) != 0)
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s", i->name, why);
    i->fd = pcap_get_selectable_fd(i->pcap);
    i->ring_bytes = ring_bytes(i->fd);
    int dlt = pcap_datalink(i->pcap);
    i->link = dlt == DLT_RAW ? 101u : (uint32_t)dlt;
    return set_filter(i, opt->filter, err);
}

static enum wsc_err open_one(struct wsc_live *l, const char *name,
                             const struct wsc_live_options *opt, struct wsc_error *err)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    struct interface *i = &l->interfaces[l->len];
    if (strlen(name) >= NAME_MAX_LEN)
        return wsc_error_set(err, WSC_ERR_NOT_FOUND, "%.60s...: no interface has so long a name",
                             name);
    for (size_t k = 0; k < l->len; k++)
        if (strcmp(l->interfaces[k].name, name) == 0)
            return wsc_error_set(err, WSC_ERR_INVALID, "%s: given twice", name);
    memcpy(i->name, name, strlen(name) + 1);
    i->pcap = pcap_create(name, why);
    if (i->pcap == NULL)
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s", name, why);
    l->len++;
    return configure(i, opt, err);
}

enum wsc_err wsc_live_open(const char *const *interfaces, size_t n,
                           const struct wsc_live_options *opt, struct wsc_live **out,
                           struct wsc_error *err)
{
    *out = NULL;
    if (n == 0 || n > WSC_LIVE_MAX_INTERFACES)
        return wsc_error_set(err, WSC_ERR_INVALID,
                             "between 1 and %u interfaces can be watched at once",
                             WSC_LIVE_MAX_INTERFACES);
    struct wsc_live *l = wsc_calloc(1, sizeof(*l));
    if (l == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    enum wsc_err e = WSC_OK;
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = open_one(l, interfaces[i], opt, err);
    if (e != WSC_OK) {
        wsc_live_close(l);
        return e;
    }
    *out = l;
    return WSC_OK;
}

void wsc_live_close(struct wsc_live *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->len; i++)
        if (l->interfaces[i].pcap != NULL)
            pcap_close(l->interfaces[i].pcap);
    wsc_free(l);
}

/* ---- packets ---- */

static void count_drops(struct interface *i)
{
    struct pcap_stat s;
    if (i->pcap == NULL || pcap_stats(i->pcap, &s) != 0)
        return;
    i->dropped += (uint32_t)(s.ps_drop - i->last_drop);
    i->interface_dropped += (uint32_t)(s.ps_ifdrop - i->last_ifdrop);
    i->last_drop = s.ps_drop;
    i->last_ifdrop = s.ps_ifdrop;
}

static enum wsc_err lose(struct interface *i, struct wsc_error *err)
{
    (void)wsc_error_set(err, WSC_DAMAGED, "%s: can no longer be read: %s", i->name,
                        pcap_geterr(i->pcap));
    count_drops(i);
    pcap_close(i->pcap);
    i->pcap = NULL;
    return WSC_DAMAGED;
}

static enum wsc_err take(struct wsc_live *l, size_t at, struct wsc_packet *pkt,
                         struct wsc_error *err)
{
    struct interface *i = &l->interfaces[at];
    struct pcap_pkthdr *h;
    const unsigned char *data;
    int r = pcap_next_ex(i->pcap, &h, &data);
    if (r == 0)
        return WSC_TIMEOUT;
    if (r != 1)
        return lose(i, err);
    i->packets++;
    i->bytes += h->len;
    *pkt = (struct wsc_packet){.data = data,
                               .caplen = h->caplen,
                               .len = h->len > h->caplen ? h->len : h->caplen,
                               .link = i->link,
                               .interface = (uint32_t)at,
                               .ts_ns = (uint64_t)h->ts.tv_sec * UINT64_C(1000000000) +
                                        (uint64_t)h->ts.tv_usec,
                               .ref = WSC_REF(at, i->packets)};
    return WSC_OK;
}

/* One round over all that are left. */
static enum wsc_err look(struct wsc_live *l, struct wsc_packet *pkt, struct wsc_error *err)
{
    bool any = false;
    for (size_t k = 0; k < l->len; k++) {
        size_t at = (l->next + k) % l->len;
        if (l->interfaces[at].pcap == NULL || l->interfaces[at].drained)
            continue;
        any = true;
        enum wsc_err e = take(l, at, pkt, err);
        if (e != WSC_TIMEOUT) {
            l->next = at; /* what is ready there is taken first: its ring fills */
            return e;
        }
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): opened with one at least */
    l->next = (l->next + 1) % l->len;
    return any ? WSC_TIMEOUT : WSC_END;
}

static void wait_for_packets(const struct wsc_live *l)
{
    struct pollfd fds[WSC_LIVE_MAX_INTERFACES];
    nfds_t n = 0;
    for (size_t i = 0; i < l->len; i++)
        if (l->interfaces[i].pcap != NULL)
            fds[n++] = (struct pollfd){.fd = l->interfaces[i].fd, .events = POLLIN};
    (void)poll(fds, n, WAIT_MS); /* a signal ends it early, which is as good */
}

static enum wsc_err look_or_wait(struct wsc_live *l, struct wsc_packet *pkt, struct wsc_error *err)
{
    enum wsc_err e = look(l, pkt, err);
    if (e != WSC_TIMEOUT)
        return e;
    wait_for_packets(l);
    return look(l, pkt, err);
}

/* After a stop, what came before it is still read: the kernel holds what we were too slow for, and
 * the last of it back until its block is old enough. What came later is not. */
static enum wsc_err drain(struct wsc_live *l, struct wsc_packet *pkt, struct wsc_error *err)
{
    if (l->stop_ns == 0) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        l->stop_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    }
    for (int quiet = 0; quiet < 2;) {
        enum wsc_err e = look_or_wait(l, pkt, err);
        if (e == WSC_TIMEOUT)
            quiet++;
        else if (e == WSC_OK && pkt->ts_ns > l->stop_ns)
            l->interfaces[l->next].drained = true;
        else
            return e;
    }
    return WSC_END;
}

enum wsc_err wsc_live_next(struct wsc_live *l, struct wsc_packet *pkt, struct wsc_error *err)
{
    if (l->stop)
        return drain(l, pkt, err);
    if (l->dry)
        wait_for_packets(l);
    enum wsc_err e = look(l, pkt, err);
    l->dry = e == WSC_TIMEOUT;
    return l->dry && l->stop ? drain(l, pkt, err) : e;
}

void wsc_live_stop(struct wsc_live *l)
{
    l->stop = 1;
}

size_t wsc_live_count(const struct wsc_live *l)
{
    return l->len;
}

/* libpcap waits in silence for an interface that is down. */
static bool is_down(const struct interface *i)
{
    struct ifreq r = {0};
    if (i->pcap == NULL || strlen(i->name) >= sizeof(r.ifr_name))
        return false;
    memcpy(r.ifr_name, i->name, strlen(i->name));
    return ioctl(i->fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) == 0;
}

void wsc_live_stats(struct wsc_live *l, size_t index, struct wsc_live_stats *out)
{
    struct interface *i = &l->interfaces[index];
    count_drops(i);
    *out = (struct wsc_live_stats){.name = i->name,
                                   .link = i->link,
                                   .packets = i->packets,
                                   .bytes = i->bytes,
                                   .dropped = i->dropped,
                                   .interface_dropped = i->interface_dropped,
                                   .ring_bytes = i->ring_bytes,
                                   .gone = i->pcap == NULL,
                                   .down = is_down(i)};
}

enum wsc_err wsc_live_list(wsc_live_list_fn fn, void *ctx, struct wsc_error *err)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_if_t *all;
    if (pcap_findalldevs(&all, why) != 0)
        return wsc_error_set(err, WSC_ERR_IO, "the interfaces cannot be listed: %s", why);
    for (const pcap_if_t *i = all; i != NULL; i = i->next)
        fn(ctx, i->name, i->description != NULL ? i->description : "",
           (i->flags & PCAP_IF_UP) != 0);
    pcap_freealldevs(all);
    return WSC_OK;
}
