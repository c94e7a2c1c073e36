#include "capture/source.h"

#include <string.h>

/* Magic numbers of formats we know and do not read, and what to do about them. */
static const char *foreign_format(const uint8_t m[4])
{
    if (memcmp(m, "snoo", 4) == 0)
        return "a Solaris snoop file";
    if (memcmp(m, "RTSS", 4) == 0 || memcmp(m, "GMBU", 4) == 0)
        return "a Microsoft Network Monitor file";
    if (memcmp(m, "\x54\x52\x53\x4e", 4) == 0)
        return "a Sniffer file";
    return NULL;
}

static bool is_pcap(const uint8_t m[4])
{
    static const uint8_t magics[][4] = {
        {0xa1, 0xb2, 0xc3, 0xd4},
        {0xd4, 0xc3, 0xb2, 0xa1},
        {0xa1, 0xb2, 0x3c, 0x4d},
        {0x4d, 0x3c, 0xb2, 0xa1},
        {0xa1, 0xb2, 0xcd, 0x34},
        {0x34, 0xcd, 0xb2, 0xa1}, /* Kuznetzov's, which libpcap reads too */
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if (memcmp(m, magics[i], 4) == 0)
            return true;
    return false;
}

static enum wsc_err refuse(const char *name, const uint8_t m[4], size_t got, struct wsc_error *err)
{
    if (got == 0)
        return wsc_error_set(err, WSC_ERR_FORMAT, "%s: the file is empty", name);
    const char *format = got == 4 ? foreign_format(m) : NULL;
    if (format != NULL)
        return wsc_error_set(err, WSC_ERR_FORMAT,
                             "%s: %s; convert it first: editcap -F pcapng IN OUT", name, format);
    return wsc_error_set(err, WSC_ERR_FORMAT, "%s: not a pcap or pcapng file", name);
}

static enum wsc_err open_pcap(const char *name, struct wsc_input *in, struct wsc_source **out,
                              struct wsc_error *err)
{
    enum wsc_err e = wsc_source_pcap_open(in, out);
    if (e == WSC_ERR_NOT_FOUND)
        return wsc_source_libpcap_open(name, in, out, err);
    return e == WSC_ERR_NOMEM ? wsc_error_set(err, e, "%s: out of memory", name) : e;
}

enum wsc_err wsc_source_open(const char *path, const volatile sig_atomic_t *stop,
                             struct wsc_source **out, struct wsc_input **in, struct wsc_error *err)
{
    *out = NULL;
    enum wsc_err e = wsc_input_open(path, stop, in, err);
    if (e != WSC_OK)
        return e;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    uint8_t magic[4];
    size_t got;
    const uint8_t *p = wsc_input_peek(*in, 4, &got);
    memcpy(magic, p, got);
    if (wsc_input_problem(*in) != NULL)
        e = wsc_error_set(err, WSC_ERR_IO, "%s: %s", name, wsc_input_problem(*in));
    else if (got == 4 && memcmp(magic, "\x0a\x0d\x0d\x0a", 4) == 0)
        e = wsc_source_pcapng_open(name, *in, out, err);
    else if (got == 4 && is_pcap(magic))
        e = open_pcap(name, *in, out, err);
    else
        e = refuse(name, magic, got, err);
    if (e != WSC_OK) {
        wsc_input_close(*in);
        *in = NULL;
    }
    return e;
}
