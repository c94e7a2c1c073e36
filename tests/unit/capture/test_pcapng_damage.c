/* What a pcapng file may do wrong, block by block, and what is read all the same. */
#include <wsclose/capture.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks as words: type, how many words of body, the words; type 0 ends. */
#define SECTION   0x0a0d0d0au, 4, 0x1a2b3c4du, 1, UINT32_MAX, UINT32_MAX
#define INTERFACE 1u, 2, 1, 0
#define PACKET    6u, 6, 0, 0, 7, 4, 4, 0x01010101u

static const struct {
    const char *name;
    uint32_t words[40];
    size_t packets;   /* read before it ends */
    const char *says; /* NULL: it is read to its end */
} files[] = {
    {"all in order", {SECTION, INTERFACE, PACKET, PACKET}, 2, NULL},
    {"a block that is not known", {SECTION, INTERFACE, PACKET, 0xbadu, 1, 9, PACKET}, 2, NULL},
    {"another section in between",
     {SECTION, INTERFACE, PACKET, SECTION, INTERFACE, PACKET},
     2,
     NULL},
    {"which has no interface",
     {SECTION, INTERFACE, PACKET, SECTION, PACKET},
     1,
     "an interface that is not described"},
    {"an obsolete packet", {SECTION, INTERFACE, PACKET, 2, 6, 0, 0, 7, 4, 4, 1}, 2, NULL},
    {"a simple packet", {SECTION, INTERFACE, PACKET, 3, 2, 4, 1}, 2, NULL},
    {"a simple packet, cut by its interface", {SECTION, 1, 2, 1, 4, PACKET, 3, 2, 900, 1}, 2, NULL},
    {"a simple packet without an interface", {SECTION, 3, 2, 4, 1}, 0, "without its interface"},
    {"a simple packet that is longer",
     {SECTION, INTERFACE, PACKET, 3, 2, 5, 1},
     1,
     "longer than its block"},
    {"a packet that is longer",
     {SECTION, INTERFACE, PACKET, 6, 6, 0, 0, 7, 5, 5, 1},
     1,
     "longer than its block"},
    {"a packet that is too short",
     {SECTION, INTERFACE, PACKET, 6, 4, 0, 0, 7, 4},
     1,
     "longer than its block"},
    {"an interface that is too short", {SECTION, 1, 1, 1}, 0, "too short"},
    {"a resolution of 2^-127 s", {SECTION, 1, 4, 1, 0, 1u << 16 | 9, 0xff}, 0, "does not fit"},
    {"a resolution of 10^-99 s", {SECTION, 1, 4, 1, 0, 1u << 16 | 9, 99}, 0, "does not fit"},
    {"an option that is longer", {SECTION, 1, 3, 1, 0, 900u << 16 | 9, PACKET}, 1, NULL},
    {"a time that is moved", {SECTION, 1, 5, 1, 0, 8u << 16 | 14, 5, 0, PACKET}, 1, NULL},
    {"a section without its byte order",
     {SECTION, INTERFACE, PACKET, 0x0a0d0d0au, 4, 1, 1, 2, 3},
     1,
     "without its byte order"},
    {"a section of version 2",
     {SECTION, INTERFACE, PACKET, 0x0a0d0d0au, 4, 0x1a2b3c4du, 2, 0, 0},
     1,
     "version that is not known"},
    {"a section that is too short",
     {SECTION, INTERFACE, PACKET, 0x0a0d0d0au, 1, 0x1a2b3c4du},
     1,
     "impossible length"},
};

static void put32(FILE *f, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        (void)fputc((int)(v >> (8 * i) & 0xff), f);
}

static void write_file(const char *path, const uint32_t *w)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    while (*w != 0) {
        uint32_t total = 12 + 4 * w[1];
        put32(f, w[0]);
        put32(f, total);
        for (uint32_t i = 0; i < w[1]; i++)
            put32(f, w[2 + i]);
        put32(f, total);
        w += 2 + w[1];
    }
    cr_assert_eq(fclose(f), 0);
}

static void read_file(const char *path, const char *name, size_t packets, const char *says)
{
    const struct wsc_capture_options opt = {.fingerprint = true};
    struct wsc_capture *c;
    struct wsc_packet pkt;
    struct wsc_error err = {0};
    size_t n = 0;
    cr_assert_eq(wsc_capture_open(&path, 1, &opt, &c, &err), WSC_OK, "%s: %s", name, err.message);
    enum wsc_err e;
    while ((e = wsc_capture_next(c, &pkt, &err)) == WSC_OK) {
        cr_expect_eq(pkt.caplen, 4, "%s", name);
        n++;
    }
    cr_expect_eq(n, packets, "%s: %zu", name, n);
    cr_expect_eq(e, says != NULL ? WSC_DAMAGED : WSC_END, "%s", name);
    if (says != NULL)
        cr_expect_not_null(strstr(err.message, says), "%s: %s", name, err.message);
    wsc_capture_close(c);
}

Test(pcapng_damage, block_by_block)
{
    char path[] = "/tmp/wsc-pcapng-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        write_file(path, files[i].words);
        read_file(path, files[i].name, files[i].packets, files[i].says);
    }
    (void)unlink(path);
}

/* Formats that are known, and not read; each is named. */
Test(pcapng_damage, other_formats)
{
    static const struct {
        const char *head, *says;
    } rows[] = {
        {"snoop\0\0\0\0\0\2", "Solaris snoop"},          {"RTSS0000", "Microsoft Network Monitor"},
        {"GMBU0000", "Microsoft Network Monitor"},       {"TRSNIFF data", "Sniffer"},
        {"GET / HTTP/1.1", "not a pcap or pcapng file"}, {"", "is empty"}};
    char path[] = "/tmp/wsc-pcapng-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *paths[1] = {path};
        const struct wsc_capture_options opt = {.fingerprint = false};
        struct wsc_capture *c;
        struct wsc_error err = {0};
        FILE *f = fopen(path, "wb");
        cr_assert_not_null(f);
        (void)fputs(rows[i].head, f);
        cr_assert_eq(fclose(f), 0);
        cr_expect_eq(wsc_capture_open(paths, 1, &opt, &c, &err), WSC_ERR_FORMAT);
        cr_expect_not_null(strstr(err.message, rows[i].says), "%s", err.message);
    }
    (void)unlink(path);
}
