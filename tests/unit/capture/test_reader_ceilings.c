/* What a capture may ask of its readers: packets, blocks, interfaces, captures at once. */
#include <wsclose/capture.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put32(FILE *f, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        (void)fputc((int)(v >> (8 * i) & 0xff), f);
}

static void zeros(FILE *f, size_t n)
{
    static const uint8_t some[65536];
    for (size_t part; n > 0; n -= part) {
        part = n < sizeof(some) ? n : sizeof(some);
        (void)fwrite(some, 1, part, f);
    }
}

static void pcap_head(FILE *f)
{
    put32(f, 0xa1b2c3d4);
    put32(f, 4u << 16 | 2u);
    zeros(f, 8);
    put32(f, 65535);
    put32(f, 1);
}

static void pcap_packet(FILE *f, uint32_t second, uint32_t len)
{
    put32(f, second);
    put32(f, 0);
    put32(f, len);
    put32(f, len);
    zeros(f, len);
}

static void section(FILE *f)
{
    put32(f, 0x0a0d0d0a);
    put32(f, 28);
    put32(f, 0x1a2b3c4d);
    put32(f, 1);
    put32(f, UINT32_MAX);
    put32(f, UINT32_MAX);
    put32(f, 28);
}

static void interfaces(FILE *f, size_t n)
{
    while (n-- > 0) {
        put32(f, 1);
        put32(f, 20);
        put32(f, 1); /* Ethernet */
        put32(f, 0); /* no snap length */
        put32(f, 20);
    }
}

static void enhanced(FILE *f, uint32_t interface, uint32_t len)
{
    uint32_t total = 32 + len;
    put32(f, 6);
    put32(f, total);
    put32(f, interface);
    zeros(f, 8);
    put32(f, len);
    put32(f, len);
    zeros(f, len);
    put32(f, total);
}

/* One good packet, and then one of |n| bytes, or the last of |n| interfaces. */
static void one_pcap(FILE *f, uint32_t n)
{
    pcap_head(f);
    pcap_packet(f, 1, 60);
    pcap_packet(f, 2, n);
}

static void one_pcapng(FILE *f, uint32_t n)
{
    section(f);
    interfaces(f, 1);
    enhanced(f, 0, 60);
    enhanced(f, 0, n);
}

static void many_interfaces(FILE *f, uint32_t n)
{
    section(f);
    interfaces(f, 1);
    enhanced(f, 0, 60);
    interfaces(f, n - 1);
    enhanced(f, n - 1, 60);
}

static char dir[] = "/tmp/wsc-ceilings-XXXXXX";

static void path_of(char out[64], unsigned i)
{
    (void)snprintf(out, 64, "%s/%u", dir, i);
}

static FILE *create(char path[64], unsigned i)
{
    path_of(path, i);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    return f;
}

static void clear(unsigned n)
{
    char path[64];
    for (unsigned i = 0; i < n; i++) {
        path_of(path, i);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

Test(reader_ceilings, what_is_too_large_ends_the_capture_there)
{
    static const struct {
        const char *name;
        void (*make)(FILE *f, uint32_t n);
        uint32_t n;
        const char *says; /* NULL: it is read */
    } rows[] = {
        {"a packet of pcap", one_pcap, 262144, NULL},
        {"one byte more", one_pcap, 262145, "packet 2: a packet of 262145 bytes"},
        {"a packet of pcapng", one_pcapng, 16u << 20, NULL},
        {"a block too large", one_pcapng, (16u << 20) + 4096, "packet 2: a block of impossible"},
        {"interfaces", many_interfaces, 65536, NULL},
        {"one interface more", many_interfaces, 65537, "more than 65,536 interfaces"},
    };
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[64];
        FILE *f = create(path, 0);
        rows[i].make(f, rows[i].n);
        cr_assert_eq(fclose(f), 0);
        const char *paths[1] = {path};
        const struct wsc_capture_options opt = {.fingerprint = false};
        struct wsc_capture *c;
        struct wsc_packet pkt;
        struct wsc_error err = {0};
        cr_assert_eq(wsc_capture_open(paths, 1, &opt, &c, &err), WSC_OK, "%s", err.message);
        cr_expect_eq(wsc_capture_next(c, &pkt, &err), WSC_OK, "%s", rows[i].name);
        enum wsc_err e = wsc_capture_next(c, &pkt, &err);
        cr_expect_eq(e, rows[i].says == NULL ? WSC_OK : WSC_DAMAGED, "%s", rows[i].name);
        if (rows[i].says != NULL)
            cr_expect_not_null(strstr(err.message, rows[i].says), "%s: %s", rows[i].name,
                               err.message);
        cr_expect_eq(wsc_capture_next(c, &pkt, &err), WSC_END, "%s", rows[i].name);
        wsc_capture_close(c);
    }
    clear(1);
}

/* Each has a packet at 1 s, and one at 9 s: all are open at once. */
Test(reader_ceilings, captures_that_overlap)
{
    enum { MOST = 256 };
    static char names[MOST + 1][64];
    static const char *paths[WSC_MAX_CAPTURES + 1];
    const struct wsc_capture_options opt = {.fingerprint = false};
    cr_assert_not_null(mkdtemp(dir));
    for (unsigned i = 0; i <= MOST; i++) {
        FILE *f = create(names[i], i);
        pcap_head(f);
        pcap_packet(f, 1, 60);
        pcap_packet(f, 9, 60);
        cr_assert_eq(fclose(f), 0);
        paths[i] = names[i];
    }
    for (size_t n = MOST; n <= MOST + 1; n++) {
        struct wsc_capture *c;
        struct wsc_packet pkt;
        struct wsc_error err = {0};
        size_t packets = 0;
        enum wsc_err e;
        cr_assert_eq(wsc_capture_open(paths, n, &opt, &c, &err), WSC_OK, "%s", err.message);
        while ((e = wsc_capture_next(c, &pkt, &err)) == WSC_OK)
            packets++;
        cr_expect_eq(e, n == MOST ? WSC_END : WSC_ERR_LIMIT, "%zu: %s", n, err.message);
        cr_expect_eq(packets, n == MOST ? (size_t)MOST * 2 : 0, "%zu", n);
        if (n > MOST)
            cr_expect_not_null(strstr(err.message, "mergecap"), "%s", err.message);
        wsc_capture_close(c);
    }
    struct wsc_capture *c;
    struct wsc_error err = {0};
    for (size_t i = 0; i <= WSC_MAX_CAPTURES; i++)
        paths[i] = names[0];
    cr_expect_eq(wsc_capture_open(paths, (size_t)WSC_MAX_CAPTURES + 1, &opt, &c, &err),
                 WSC_ERR_INVALID);
    cr_expect_null(c);
    clear(MOST + 1);
}
