#include <wsclose/capture.h>

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Captures are written byte by byte by the test; what is in them is known. */
struct bytes {
    uint8_t data[8192];
    size_t len;
    bool big;
};

static void put(struct bytes *b, const void *p, size_t n)
{
    cr_assert(b->len + n <= sizeof(b->data));
    memcpy(b->data + b->len, p, n);
    b->len += n;
}

static void put_number(struct bytes *b, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * (b->big ? n - 1 - i : i)));
        put(b, &byte, 1);
    }
}

/* The i-th packet of every capture here: i + 20 bytes, all of them i, a second and i nanoseconds
 * after the one before. */
#define PACKETS 4u
#define EPOCH   UINT64_C(1767323045)

static uint64_t time_of(unsigned i, uint64_t resolution)
{
    uint64_t ns = (EPOCH + i) * 1000000000 + i * 1000;
    return ns / (1000000000 / resolution);
}

static void put_packet_bytes(struct bytes *b, unsigned i)
{
    uint8_t p[64];
    memset(p, (int)i, sizeof(p));
    put(b, p, i + 20);
}

static void pcap(struct bytes *b, bool nano)
{
    put_number(b, nano ? 0xa1b23c4d : 0xa1b2c3d4, 4);
    put_number(b, 2, 2);
    put_number(b, 4, 2);
    put_number(b, 0, 8);
    put_number(b, 65535, 4);
    put_number(b, 1, 4);
    for (unsigned i = 0; i < PACKETS; i++) {
        put_number(b, EPOCH + i, 4);
        put_number(b, nano ? i * 1000 : i, 4);
        put_number(b, i + 20, 4);
        put_number(b, i + 20 + 7, 4); /* seven bytes were not captured */
        put_packet_bytes(b, i);
    }
}

static void block(struct bytes *b, uint32_t type, const struct bytes *body)
{
    size_t padded = (body->len + 3) & ~(size_t)3;
    static const uint8_t zeros[4];
    put_number(b, type, 4);
    put_number(b, padded + 12, 4);
    put(b, body->data, body->len);
    put(b, zeros, padded - body->len);
    put_number(b, padded + 12, 4);
}

static void section(struct bytes *b)
{
    struct bytes body = {.big = b->big};
    put_number(&body, 0x1a2b3c4d, 4);
    put_number(&body, 1, 2);
    put_number(&body, 0, 2);
    put_number(&body, UINT64_MAX, 8);
    block(b, 0x0a0d0d0a, &body);
}

static void interface(struct bytes *b, uint32_t link, uint8_t tsresol)
{
    struct bytes body = {.big = b->big};
    put_number(&body, link, 2);
    put_number(&body, 0, 2);
    put_number(&body, 0, 4);
    put_number(&body, 9, 2); /* if_tsresol */
    put_number(&body, 1, 2);
    put(&body, &tsresol, 1);
    put_number(&body, 0, 3);
    put_number(&body, 0, 4); /* end of options */
    block(b, 1, &body);
}

static void enhanced(struct bytes *b, uint32_t number, unsigned i, uint64_t ts)
{
    struct bytes body = {.big = b->big};
    put_number(&body, number, 4);
    put_number(&body, ts >> 32, 4);
    put_number(&body, ts & UINT32_MAX, 4);
    put_number(&body, i + 20, 4);
    put_number(&body, i + 20 + 7, 4);
    put_packet_bytes(&body, i);
    block(b, 6, &body);
}

static void pcapng(struct bytes *b)
{
    struct bytes nothing = {.len = 8};
    section(b);
    interface(b, 1, 9);
    block(b, 0x0bad, &nothing); /* a block nobody knows */
    for (unsigned i = 0; i < PACKETS; i++)
        enhanced(b, 0, i, time_of(i, 1000000000));
}

/* ---- files ---- */

static char folder[] = "/tmp/wsclose-test-XXXXXX";

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(capture, .init = make_folder, .fini = remove_folder);

static const char *path_of(const char *name)
{
    static char paths[8][96];
    static unsigned next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
    return p;
}

static const char *write_file(const char *name, const uint8_t *data, size_t len)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(data, 1, len, f), len);
    fclose(f);
    return path;
}

/* ---- reading ---- */

struct heard {
    unsigned packets, damaged;
    size_t largest; /* batch */
    struct wsc_error err;
    char print[WSC_FINGERPRINT_LEN + 1];
};

static void check_packet(const struct wsc_packet *p, unsigned i, const char *name)
{
    cr_expect_eq(p->ts_ns, (EPOCH + i) * 1000000000 + i * 1000, "%s: time of packet %u", name, i);
    cr_expect_eq(p->caplen, i + 20, "%s: packet %u", name, i);
    cr_expect_eq(p->len, i + 27, "%s: packet %u", name, i);
    cr_expect_eq(WSC_REF_NUMBER(p->ref), i + 1, "%s: packet %u", name, i);
    for (uint32_t k = 0; k < p->caplen; k++)
        cr_assert_eq(p->data[k], i, "%s: byte %u of packet %u", name, k, i);
}

/* Reads |path| to its end, at most |max| packets at a time; each must be the one that belongs
 * there, also when the last of its batch has come. */
static struct heard read_by(const char *path, const char *name, size_t max)
{
    struct heard h = {0};
    struct wsc_capture *c;
    const struct wsc_capture_options opt = {.fingerprint = true};
    enum wsc_err e = wsc_capture_open(&path, 1, &opt, &c, &h.err);
    cr_assert_eq(e, WSC_OK, "%s: %s", name, h.err.message);
    struct wsc_packet p[PACKETS + 1];
    size_t n;
    while ((e = wsc_capture_next_batch(c, p, max, &n, &h.err)) != WSC_END) {
        if (e == WSC_DAMAGED) {
            h.damaged++;
            continue;
        }
        cr_assert_eq(e, WSC_OK);
        cr_assert(n >= 1 && n <= max, "%s: %zu packets of %zu", name, n, max);
        cr_assert_leq(h.packets + n, PACKETS, "%s", name);
        for (size_t i = 0; i < n; i++)
            check_packet(&p[i], h.packets++, name);
        h.largest = n > h.largest ? n : h.largest;
    }
    wsc_capture_fingerprint(c, 0, h.print);
    wsc_capture_close(c);
    return h;
}

static struct heard read_all(const char *path, const char *name)
{
    struct heard h = read_by(path, name, 1);
    for (size_t max = 2; max <= PACKETS + 1; max++) {
        struct heard other = read_by(path, name, max);
        cr_expect_eq(other.packets, h.packets, "%s, %zu at a time", name, max);
        cr_expect_eq(other.damaged, h.damaged, "%s, %zu at a time", name, max);
        cr_expect_str_eq(other.err.message, h.err.message, "%s, %zu at a time", name, max);
        cr_expect_str_eq(other.print, h.print, "%s, %zu at a time", name, max);
        h.largest = other.largest;
    }
    return h;
}

Test(capture, every_byte_order_and_format_gives_the_same)
{
    char print[WSC_FINGERPRINT_LEN + 1] = "";
    for (int big = 0; big < 2; big++) {
        for (int form = 0; form < 3; form++) {
            struct bytes b = {.big = big != 0};
            if (form == 2)
                pcapng(&b);
            else
                pcap(&b, form == 1);
            struct heard h = read_all(write_file("a", b.data, b.len), form == 2   ? "pcapng"
                                                                      : form == 1 ? "nano"
                                                                                  : "micro");
            cr_expect_eq(h.packets, PACKETS);
            cr_expect_eq(h.largest, PACKETS, "all of them lie at hand");
            cr_expect_eq(h.damaged, 0);
            if (print[0] != '\0')
                cr_expect_str_eq(h.print, print, "form %d, byte order %d", form, big);
            memcpy(print, h.print, sizeof(print));
        }
    }
    cr_expect_eq(strlen(print), WSC_FINGERPRINT_LEN);
}

Test(capture, one_byte_makes_another_fingerprint)
{
    struct bytes b = {0};
    pcap(&b, false);
    struct heard before = read_all(write_file("a", b.data, b.len), "before");
    struct bytes c = b;
    c.data[24 + 4] ^= 1; /* a microsecond of the first packet */
    const char *path = write_file("b", c.data, c.len);
    struct wsc_capture *cap;
    struct wsc_packet p;
    struct wsc_error err;
    char print[WSC_FINGERPRINT_LEN + 1];
    const struct wsc_capture_options opt = {.fingerprint = true};
    cr_assert_eq(wsc_capture_open(&path, 1, &opt, &cap, &err), WSC_OK);
    while (wsc_capture_next(cap, &p, &err) == WSC_OK)
        ;
    wsc_capture_fingerprint(cap, 0, print);
    wsc_capture_close(cap);
    cr_expect_str_neq(print, before.print);
}

Test(capture, resolutions_and_link_types_of_interfaces)
{
    struct bytes b = {0};
    section(&b);
    interface(&b, 1, 9);         /* 10^-9 */
    interface(&b, 101, 6);       /* 10^-6, another link type */
    interface(&b, 1, 0x80 | 20); /* 2^-20 */
    enhanced(&b, 0, 0, time_of(0, 1000000000));
    enhanced(&b, 1, 1, time_of(1, 1000000));
    enhanced(&b, 2, 2, (EPOCH + 2) << 20);
    const char *path = write_file("a", b.data, b.len);
    static const uint32_t links[] = {1, 101, 1};
    static const uint64_t times[] = {EPOCH * 1000000000, (EPOCH + 1) * 1000000000 + 1000,
                                     (EPOCH + 2) * 1000000000};
    struct wsc_capture *c;
    struct wsc_packet p;
    struct wsc_error err;
    const struct wsc_capture_options opt = {0};
    cr_assert_eq(wsc_capture_open(&path, 1, &opt, &c, &err), WSC_OK);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(wsc_capture_next(c, &p, &err), WSC_OK);
        cr_expect_eq(p.link, links[i]);
        cr_expect_eq(p.ts_ns, times[i], "packet %u", i);
    }
    cr_expect_eq(wsc_capture_next(c, &p, &err), WSC_END);
    wsc_capture_close(c);
}

/* What a filter keeps back, and a second capture, do not disturb the packets of a batch. */
Test(capture, batches_of_filtered_and_merged_captures)
{
    struct bytes b = {0};
    pcap(&b, false);
    char one[64];
    snprintf(one, sizeof(one), "%s", write_file("a", b.data, b.len));
    const char *paths[] = {one, write_file("b", b.data, b.len)};
    const struct wsc_capture_options opt = {.filter = "greater 29"}; /* all but the first two */
    for (size_t max = 1; max <= 2 * PACKETS; max++) {
        struct wsc_capture *c;
        struct wsc_error err;
        struct wsc_packet p[2 * PACKETS];
        size_t n, all = 0;
        cr_assert_eq(wsc_capture_open(paths, 2, &opt, &c, &err), WSC_OK, "%s", err.message);
        while (wsc_capture_next_batch(c, p, max, &n, &err) == WSC_OK)
            for (size_t i = 0; i < n; i++, all++) {
                cr_assert_lt(all, 2 * (PACKETS - 2));
                check_packet(&p[i], 2 + (unsigned)all / 2, "merged");
                cr_expect_eq(WSC_REF_CAPTURE(p[i].ref), all % 2, "packet %zu", all);
            }
        cr_expect_eq(all, 2 * (PACKETS - 2), "%zu at a time", max);
        wsc_capture_close(c);
    }
}

/* Damage that lies at hand behind good packets does not take them along. */
Test(capture, a_batch_outlives_the_damage_behind_it)
{
    struct bytes b = {0};
    section(&b);
    interface(&b, 1, 9);
    for (unsigned i = 0; i < PACKETS; i++)
        enhanced(&b, i < 2 ? 0 : 7, i, time_of(i, 1000000000)); /* there is no interface 7 */
    struct heard h = read_all(write_file("a", b.data, b.len), "no such interface");
    cr_expect_eq(h.packets, 2);
    cr_expect_eq(h.largest, 2);
    cr_expect_eq(h.damaged, 1);
}

/* Cut anywhere: either it is refused as no capture, or what stands before the cut is read, and the
 * cut is named. */
static void cut_everywhere(const struct bytes *b, const char *name, const size_t *ends,
                           size_t header)
{
    for (size_t cut = 0; cut < b->len; cut++) {
        const char *path = write_file("cut", b->data, cut);
        if (cut < header) {
            struct wsc_capture *c;
            struct wsc_error err;
            const struct wsc_capture_options opt = {0};
            cr_expect_eq(wsc_capture_open(&path, 1, &opt, &c, &err), WSC_ERR_FORMAT,
                         "%s cut at %zu", name, cut);
            cr_expect_null(c);
            cr_expect_not_null(strstr(err.message, path));
            continue;
        }
        struct heard h = read_all(path, name);
        unsigned whole = 0;
        while (whole < PACKETS && ends[whole] <= cut)
            whole++;
        cr_expect_eq(h.packets, whole, "%s cut at %zu: %u packets", name, cut, h.packets);
        if (h.damaged > 0) {
            char number[32];
            snprintf(number, sizeof(number), "packet %u:", whole + 1);
            cr_expect_not_null(strstr(h.err.message, number), "%s", h.err.message);
            cr_expect_not_null(strstr(h.err.message, path));
        }
        bool between = cut == header || (whole > 0 && ends[whole - 1] == cut);
        if (!between && strcmp(name, "pcap") == 0)
            cr_expect_eq(h.damaged, 1, "%s cut at %zu", name, cut);
    }
}

Test(capture, cut_at_every_byte)
{
    struct bytes b = {0};
    size_t ends[PACKETS], at = 24;
    pcap(&b, false);
    for (unsigned i = 0; i < PACKETS; i++)
        ends[i] = at += 16 + 20 + i;
    cut_everywhere(&b, "pcap", ends, 24);
    struct bytes ng = {0};
    pcapng(&ng);
    size_t end = ng.len;
    for (unsigned i = PACKETS; i-- > 0;) {
        ends[i] = end;
        end -= 32 + ((20 + i + 3) & ~3u);
    }
    cut_everywhere(&ng, "pcapng", ends, 28);
}

/* ---- compressed ---- */

static const char *compress(const char *name, int (*filter)(struct archive *),
                            const struct bytes *b)
{
    const char *path = path_of(name);
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    cr_assert_eq(filter(a), ARCHIVE_OK, "%s", name);
    archive_write_set_format_raw(a);
    cr_assert_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    cr_assert_eq(archive_write_header(a, entry), ARCHIVE_OK);
    cr_assert_eq(archive_write_data(a, b->data, b->len), (la_ssize_t)b->len);
    archive_entry_free(entry);
    archive_write_close(a);
    archive_write_free(a);
    return path;
}

static const struct {
    const char *name;
    int (*filter)(struct archive *);
} filters[] = {{"gzip", archive_write_add_filter_gzip},
               {"zstd", archive_write_add_filter_zstd},
               {"xz", archive_write_add_filter_xz},
               {"bzip2", archive_write_add_filter_bzip2},
               {"lz4", archive_write_add_filter_lz4}};

Test(capture, compressed_captures_are_known_by_their_content)
{
    struct bytes b = {0};
    pcap(&b, false);
    struct heard plain = read_all(write_file("plain", b.data, b.len), "plain");
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct heard h = read_all(compress("named.pcap", filters[i].filter, &b), filters[i].name);
        cr_expect_eq(h.packets, PACKETS, "%s", filters[i].name);
        cr_expect_eq(h.damaged, 0, "%s", filters[i].name);
        cr_expect_str_eq(h.print, plain.print, "%s", filters[i].name);
    }
}

Test(capture, a_damaged_compressed_stream_loses_only_its_end)
{
    struct bytes b = {0};
    pcap(&b, false);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        const char *path = compress("z", filters[i].filter, &b);
        struct stat st;
        cr_assert_eq(stat(path, &st), 0);
        for (off_t cut = 1; cut < st.st_size; cut++) {
            cr_assert_eq(truncate(path, st.st_size - cut), 0);
            struct wsc_capture *c;
            struct wsc_packet p;
            struct wsc_error err;
            const struct wsc_capture_options opt = {0};
            if (wsc_capture_open(&path, 1, &opt, &c, &err) != WSC_OK)
                continue;
            unsigned n = 0;
            enum wsc_err e;
            while ((e = wsc_capture_next(c, &p, &err)) == WSC_OK)
                check_packet(&p, n++, filters[i].name);
            cr_expect(e == WSC_DAMAGED || e == WSC_END);
            cr_expect_leq(n, PACKETS);
            wsc_capture_close(c);
        }
    }
}

/* ---- several, pipes, filters ---- */

Test(capture, several_come_in_order_of_time)
{
    /* Packets 0..3 a second apart; the second file begins half a second after the first, so that
     * they take turns. */
    struct bytes a = {0}, b = {0};
    pcap(&a, false);
    pcap(&b, false);
    for (size_t i = 0, at = 24; i < PACKETS; at += 16 + 20 + i, i++) {
        uint32_t us = 500000;
        memcpy(b.data + at + 4, &us, 4);
    }
    const char *paths[] = {write_file("late", b.data, b.len), write_file("early", a.data, a.len)};
    struct wsc_capture *c;
    struct wsc_packet p;
    struct wsc_error err;
    const struct wsc_capture_options opt = {0};
    cr_assert_eq(wsc_capture_open(paths, 2, &opt, &c, &err), WSC_OK);
    uint64_t last = 0;
    unsigned n = 0;
    while (wsc_capture_next(c, &p, &err) == WSC_OK) {
        cr_expect_gt(p.ts_ns, last);
        cr_expect_eq(WSC_REF_CAPTURE(p.ref), n % 2 == 0 ? 1 : 0);
        cr_expect_eq(WSC_REF_NUMBER(p.ref), n / 2 + 1);
        last = p.ts_ns;
        n++;
    }
    cr_expect_eq(n, 2 * PACKETS);
    wsc_capture_close(c);
}

Test(capture, the_same_file_twice_is_refused)
{
    struct bytes b = {0};
    pcap(&b, false);
    const char *path = write_file("a", b.data, b.len), *other = path_of("link");
    cr_assert_eq(link(path, other), 0);
    const char *paths[] = {path, other};
    struct wsc_capture *c;
    struct wsc_error err;
    const struct wsc_capture_options opt = {0};
    cr_expect_eq(wsc_capture_open(paths, 2, &opt, &c, &err), WSC_ERR_INVALID);
    cr_expect_null(c);
}

Test(capture, what_a_filter_rejects_is_counted_all_the_same)
{
    struct bytes b = {0};
    pcap(&b, false);
    const char *path = write_file("a", b.data, b.len);
    struct wsc_capture *c;
    struct wsc_packet p;
    struct wsc_error err;
    const struct wsc_capture_options opt = {.filter = "ether[0] == 2"};
    cr_assert_eq(wsc_capture_open(&path, 1, &opt, &c, &err), WSC_OK);
    cr_assert_eq(wsc_capture_next(c, &p, &err), WSC_OK);
    cr_expect_eq(WSC_REF_NUMBER(p.ref), 3);
    cr_expect_eq(wsc_capture_next(c, &p, &err), WSC_END);
    struct wsc_capture_info info;
    wsc_capture_info(c, 0, &info);
    cr_expect_eq(info.packets, PACKETS);
    wsc_capture_close(c);
    const struct wsc_capture_options bad = {.filter = "tcp prot 80"};
    cr_expect_eq(wsc_capture_open(&path, 1, &bad, &c, &err), WSC_ERR_INVALID);
}

static void *stop_soon(void *capture)
{
    usleep(200000);
    wsc_capture_stop(capture);
    return NULL;
}

static void ignore(int sig)
{
    (void)sig;
}

Test(capture, a_pipe_hands_packets_out_as_they_come_and_can_be_stopped, .timeout = 20)
{
    struct bytes b = {0};
    int fds[2];
    pcap(&b, false);
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    cr_assert_eq(write(fds[1], b.data, b.len), (ssize_t)b.len);
    const char *path = "-";
    struct wsc_capture *c;
    struct wsc_packet p;
    struct wsc_error err;
    const struct wsc_capture_options opt = {0};
    cr_assert_eq(wsc_capture_open(&path, 1, &opt, &c, &err), WSC_OK);
    for (unsigned i = 0; i < PACKETS; i++) { /* the writer has not closed its end */
        cr_assert_eq(wsc_capture_next(c, &p, &err), WSC_OK);
        check_packet(&p, i, "pipe");
    }
    /* Now it waits; an alarm stands for the user's Ctrl-C. */
    struct sigaction sa = {.sa_handler = ignore};
    pthread_t thread;
    sigaction(SIGALRM, &sa, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, stop_soon, c), 0);
    alarm(1);
    cr_expect_eq(wsc_capture_next(c, &p, &err), WSC_END);
    pthread_join(thread, NULL);
    wsc_capture_close(c);
}
