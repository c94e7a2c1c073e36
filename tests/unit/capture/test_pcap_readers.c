/* Classic pcap is read by ourselves and, where it is unusual, by libpcap: both give the same
 * packets, and say of the same files that they are damaged. (But for times from 2038 on, which
 * libpcap takes for negative.) */
#include "capture/source.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKETS      5u
#define FILE_MAX_LEN 4096u

struct file {
    uint8_t bytes[FILE_MAX_LEN];
    size_t len;
    bool big; /* byte order */
};

static void put32(struct file *f, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        f->bytes[f->len++] = (uint8_t)(v >> (f->big ? 24 - 8 * i : 8 * i));
}

static void put16(struct file *f, uint16_t v)
{
    f->bytes[f->len++] = (uint8_t)(f->big ? v >> 8 : v);
    f->bytes[f->len++] = (uint8_t)(f->big ? v : v >> 8);
}

static void make(struct file *f, bool big, bool nano, uint32_t link, uint32_t snaplen)
{
    *f = (struct file){.big = big};
    put32(f, nano ? 0xa1b23c4d : 0xa1b2c3d4);
    put16(f, 2);
    put16(f, 4);
    put32(f, 0);
    put32(f, 0);
    put32(f, snaplen);
    put32(f, link);
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint32_t len = i * 60; /* one of them empty */
        put32(f, 1767323045 - i);
        put32(f, i % 2 != 0 ? 999999 : 2000000000u); /* a fraction that is none, too */
        put32(f, len);
        put32(f, i == 3 ? 10 : len + i); /* one that claims to be shorter than it is */
        memset(f->bytes + f->len, (int)('a' + i), len);
        f->len += len;
    }
}

static char path[] = "/tmp/wsclose-readers-XXXXXX";

static void setup(void)
{
    strcpy(path, "/tmp/wsclose-readers-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(readers, .init = setup, .fini = teardown);

static struct wsc_source *open_source(bool libpcap)
{
    static const volatile sig_atomic_t never;
    struct wsc_input *in;
    struct wsc_source *out = NULL;
    struct wsc_error err;
    cr_assert(wsc_input_open(path, &never, &in, &err) == WSC_OK);
    enum wsc_err e =
        libpcap ? wsc_source_libpcap_open("x", in, &out, &err) : wsc_source_pcap_open(in, &out);
    if (e != WSC_OK)
        wsc_input_close(in);
    return e == WSC_OK ? out : NULL;
}

static void compare(const struct file *f, size_t len, const char *name)
{
    FILE *out = fopen(path, "wb");
    cr_assert(out != NULL && fwrite(f->bytes, 1, len, out) == len && fclose(out) == 0);
    struct wsc_source *ours = open_source(false), *theirs = open_source(true);
    cr_assert_eq(ours == NULL, theirs == NULL, "%s, %zu bytes: who opens it", name, len);
    enum wsc_err e = WSC_OK;
    for (unsigned i = 0; ours != NULL && e == WSC_OK; i++) {
        struct wsc_packet a = {0}, b = {0};
        char why[256];
        e = ours->ops->next(ours, &a, why, sizeof(why));
        cr_assert_eq(e, theirs->ops->next(theirs, &b, why, sizeof(why)), "%s, %zu bytes: packet %u",
                     name, len, i);
        if (e != WSC_OK)
            break;
        cr_assert(a.caplen == b.caplen && a.len == b.len && a.link == b.link && a.ts_ns == b.ts_ns,
                  "%s, %zu bytes: packet %u: %u/%u %llu, libpcap %u/%u %llu", name, len, i,
                  a.caplen, a.len, (unsigned long long)a.ts_ns, b.caplen, b.len,
                  (unsigned long long)b.ts_ns);
        cr_assert(memcmp(a.data, b.data, a.caplen) == 0, "%s: bytes of packet %u", name, i);
    }
    if (ours != NULL) {
        cr_assert_eq(ours->snaplen, theirs->snaplen, "%s: snaplen", name);
        ours->ops->close(ours);
        theirs->ops->close(theirs);
    }
}

Test(readers, the_same_packets_as_libpcap)
{
    static const struct {
        const char *name;
        uint32_t link, snaplen;
    } rows[] = {{"Ethernet", 1, 65535}, {"cooked", 113, 262144},      {"raw", 101, 65535},
                {"no snaplen", 1, 0},   {"a snaplen of 100", 1, 100}, {"a huge one", 1, UINT32_MAX},
                {"loopback", 0, 65535}, {"cooked 2", 276, 65535},     {"IPv4", 228, 65535}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int kind = 0; kind < 4; kind++) {
            struct file f;
            make(&f, kind & 1, kind & 2, rows[i].link, rows[i].snaplen);
            for (size_t cut = i == 0 ? 24 : f.len; cut <= f.len; cut++)
                compare(&f, cut, rows[i].name);
        }
    }
}

Test(readers, a_packet_too_long_is_damage_to_both)
{
    struct file f;
    make(&f, false, false, 1, 65535);
    f.bytes[24 + 8 + 2] = 5; /* the first packet: 0x50000 bytes */
    compare(&f, f.len, "too long");
}

Test(readers, unusual_files_are_left_to_libpcap)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } rows[] = {{"Kuznetzov's magic", 0, 0x34},
                {"version 2.3", 6, 3},
                {"a link type of USB", 20, 189},
                {"frames with their check sums", 23, 0x14}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct file f;
        make(&f, false, false, 1, 65535);
        f.bytes[rows[i].at] = rows[i].value;
        if (rows[i].at == 0)
            f.bytes[1] = 0xcd;
        FILE *out = fopen(path, "wb");
        cr_assert(out != NULL && fwrite(f.bytes, 1, f.len, out) == f.len && fclose(out) == 0);
        cr_expect(open_source(false) == NULL, "%s", rows[i].name);
        struct wsc_source *theirs = open_source(true);
        cr_assert(theirs != NULL, "%s", rows[i].name);
        theirs->ops->close(theirs);
    }
}
