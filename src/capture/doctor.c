#include <wsclose/doctor.h>
#include <wsclose/libraries.h>

#include <archive.h>
#include <pcap/pcap.h>
#include <xxhash.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- interfaces ---- */

struct asked {
    int fd;
    struct ifreq request;
};

/* The bits of |mask| in what the driver says to |command|; -1 if it does not say. */
static int ethtool(struct asked *a, uint32_t command, uint32_t mask)
{
    struct ethtool_value v = {.cmd = command};
    a->request.ifr_data = (char *)&v;
    return ioctl(a->fd, SIOCETHTOOL, &a->request) == 0 ? (v.data & mask) != 0 : -1;
}

static void ask_offloads(struct asked *a, struct wsc_doctor_interface *out)
{
    out->gro = ethtool(a, ETHTOOL_GGRO, UINT32_MAX);
    out->lro = ethtool(a, ETHTOOL_GFLAGS, ETH_FLAG_LRO);
    out->tso = ethtool(a, ETHTOOL_GTSO, UINT32_MAX);
    out->gso = ethtool(a, ETHTOOL_GGSO, UINT32_MAX);
    out->rx_checksum = ethtool(a, ETHTOOL_GRXCSUM, UINT32_MAX);
    out->tx_checksum = ethtool(a, ETHTOOL_GTXCSUM, UINT32_MAX);
}

void wsc_doctor_interface(const char *name, struct wsc_doctor_interface *out)
{
    struct asked a = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    *out = (struct wsc_doctor_interface){
        .gro = -1, .lro = -1, .tso = -1, .gso = -1, .rx_checksum = -1, .tx_checksum = -1};
    size_t n = strlen(name);
    if (a.fd < 0 || n >= sizeof(a.request.ifr_name)) {
        if (a.fd >= 0)
            (void)close(a.fd);
        return;
    }
    memcpy(a.request.ifr_name, name, n + 1);
    out->exists = ioctl(a.fd, SIOCGIFFLAGS, &a.request) == 0;
    out->loopback = out->exists && (a.request.ifr_flags & IFF_LOOPBACK) != 0;
    if (out->exists && ioctl(a.fd, SIOCGIFMTU, &a.request) == 0 && a.request.ifr_mtu > 0)
        out->mtu = (uint32_t)a.request.ifr_mtu;
    if (out->exists)
        ask_offloads(&a, out);
    (void)close(a.fd);
}

/* ---- libraries ---- */

const char *wsc_doctor_compression(size_t i, bool *built_in)
{
    static const struct {
        const char *name;
        int (*support)(struct archive *a);
    } formats[] = {
        {"gzip", archive_read_support_filter_gzip}, {"zstd", archive_read_support_filter_zstd},
        {"xz", archive_read_support_filter_xz},     {"bzip2", archive_read_support_filter_bzip2},
        {"lz4", archive_read_support_filter_lz4},
    };
    if (i >= sizeof(formats) / sizeof(formats[0]))
        return NULL;
    struct archive *a = archive_read_new();
    /* ARCHIVE_WARN: it would start a program for it. */
    *built_in = a != NULL && formats[i].support(a) == ARCHIVE_OK;
    (void)archive_read_free(a);
    return formats[i].name;
}

/* Writes the first number with dots in |text|: "libpcap version 1.10.3 (with TPACKET_V3)". */
static void take_version(struct wsc_library *l, const char *name, const char *text)
{
    const char *at = text + strcspn(text, "0123456789");
    l->name = name;
    (void)snprintf(l->version, sizeof(l->version), "%.*s", (int)strspn(at, "0123456789."), at);
}

size_t wsc_capture_libraries(struct wsc_library *out, size_t max)
{
    if (max < 3)
        return 0;
    unsigned x = XXH_versionNumber();
    take_version(&out[0], "libarchive", archive_version_string());
    take_version(&out[1], "libpcap", pcap_lib_version());
    out[2].name = "xxHash";
    (void)snprintf(out[2].version, sizeof(out[2].version), "%u.%u.%u", x / 10000, x / 100 % 100,
                   x % 100);
    return 3;
}
