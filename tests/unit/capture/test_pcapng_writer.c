/* What is written is read back by our own reader; that others read it too is shown by
 * tests/cases/extract. */
#include <wsclose/capture.h>
#include <wsclose/pcapng.h>

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 UINT64_C(1767323045123456789)

struct file {
    char path[64];
    int fd;
    struct wsc_pcapng *w;
};

static void open_file(struct file *f, const char *comment)
{
    struct wsc_error err;
    (void)snprintf(f->path, sizeof(f->path), "/tmp/wsclose-writer-XXXXXX");
    f->fd = mkstemp(f->path);
    cr_assert(f->fd >= 0);
    cr_assert_eq(wsc_pcapng_new(f->fd, comment, &f->w, &err), WSC_OK);
}

static void close_file(struct file *f)
{
    wsc_pcapng_free(f->w);
    (void)close(f->fd);
    (void)unlink(f->path);
}

static void add(struct file *f, uint32_t link, const char *name, const char *filter)
{
    struct wsc_error err;
    cr_assert_eq(wsc_pcapng_add(f->w,
                                &(struct wsc_pcapng_interface){
                                    .link = link, .name = name, .filter = filter, .snaplen = 99},
                                &err),
                 WSC_OK);
}

static size_t size_of(const struct file *f)
{
    struct stat st;
    cr_assert_eq(fstat(f->fd, &st), 0);
    return (size_t)st.st_size;
}

static bool contains(const struct file *f, const char *text)
{
    static char bytes[1 << 16];
    ssize_t n = pread(f->fd, bytes, sizeof(bytes), 0);
    return n > 0 && memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
}

/* ---- round trip ---- */

static const struct row {
    const char *name;
    uint32_t interface, caplen, len, link;
    uint64_t ts_ns;
    const char *comment;
} rows[] = {
    {"whole", 0, 60, 60, 1, T0, NULL},
    {"a nanosecond later, another link type", 1, 41, 41, 101, T0 + 1, NULL},
    {"cut", 0, 60, 1514, 1, T0 + 2, NULL},
    {"with a comment", 0, 61, 61, 1, T0 + 3, "why it closed"},
    {"padding of 1", 2, 63, 63, 276, T0 + 4, "abc"},
    {"no bytes", 0, 0, 1514, 1, T0 + 5, NULL},
    {"before 1970 plus a second", 0, 20, 20, 1, UINT64_C(1000000000), NULL},
    {"as late as can be", 0, 20, 20, 1, UINT64_MAX, "the end"},
    {"larger than the buffer", 1, 300001, 300001, 101, T0 + 6, "large"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static uint8_t bytes_of(size_t i, size_t k)
{
    return (uint8_t)(i * 37 + k * 11 + k / 251);
}

static void check_rows(const char *path)
{
    struct wsc_capture *c;
    struct wsc_packet pkt;
    struct wsc_error err;
    cr_assert_eq(wsc_capture_open(&path, 1, &(struct wsc_capture_options){0}, &c, &err), WSC_OK,
                 "%s", err.message);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        cr_assert_eq(wsc_capture_next(c, &pkt, &err), WSC_OK, "%s", r->name);
        cr_expect_eq(pkt.ts_ns, r->ts_ns, "%s", r->name);
        cr_expect_eq(pkt.caplen, r->caplen, "%s", r->name);
        cr_expect_eq(pkt.len, r->len, "%s", r->name);
        cr_expect_eq(pkt.link, r->link, "%s", r->name);
        cr_expect_eq(pkt.interface, r->interface, "%s", r->name);
        for (size_t k = 0; k < pkt.caplen; k++)
            cr_assert_eq(pkt.data[k], bytes_of(i, k), "%s: byte %zu", r->name, k);
    }
    cr_expect_eq(wsc_capture_next(c, &pkt, &err), WSC_END);
    wsc_capture_close(c);
}

Test(pcapng_writer, round_trip)
{
    static uint8_t data[300001];
    struct file f;
    struct wsc_error err;
    open_file(&f, "the verdict");
    add(&f, 1, "eth0", "tcp port 80");
    add(&f, 101, NULL, NULL);
    add(&f, 276, "any", NULL);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        for (size_t k = 0; k < r->caplen; k++)
            data[k] = bytes_of(i, k);
        struct wsc_packet pkt = {
            .data = data, .caplen = r->caplen, .len = r->len, .link = r->link, .ts_ns = r->ts_ns};
        uint64_t before = wsc_pcapng_size(f.w);
        cr_assert_eq(wsc_pcapng_put(f.w, r->interface, &pkt, r->comment, &err), WSC_OK, "%s: %s",
                     r->name, err.message);
        if (r->comment == NULL)
            cr_expect_eq(wsc_pcapng_size(f.w) - before, wsc_pcapng_cost(r->caplen), "%s", r->name);
    }
    cr_assert_eq(wsc_pcapng_flush(f.w, &err), WSC_OK);
    cr_expect_eq(size_of(&f), wsc_pcapng_size(f.w));
    check_rows(f.path);
    static const char *const texts[] = {"the verdict", "eth0", "tcp port 80", "any",
                                        "why it closed"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_expect(contains(&f, texts[i]), "%s", texts[i]);
    close_file(&f);
}

/* ---- text ---- */

Test(pcapng_writer, text_is_made_safe)
{
    static const struct {
        const char *name, *text, *want;
    } texts[] = {
        {"plain", "[closed 1006]", "[closed 1006]"},
        {"newline", "[a\nb]", "[a\nb]"},
        {"beyond ASCII", "[t\xe1\xba\xa1i \xe6\x97\xa5]", "[t\xe1\xba\xa1i \xe6\x97\xa5]"},
        {"escape", "[\x1b[31m\x7f]", "[?[31m?]"},
        {"C1", "[\xc2\x9b]", "[??]"},
        {"not UTF-8", "[\xff\xc0\x80]", "[???]"},
        {"unfinished", "[\xe6\x97", "[??"},
        {"surrogate", "[\xed\xa0\x80]", "[???]"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct file f;
        struct wsc_error err;
        open_file(&f, texts[i].text);
        cr_assert_eq(wsc_pcapng_flush(f.w, &err), WSC_OK);
        cr_expect(contains(&f, texts[i].want), "%s", texts[i].name);
        close_file(&f);
    }
}

Test(pcapng_writer, long_text_is_cut)
{
    static char text[100001];
    struct file f;
    struct wsc_error err;
    memset(text, 'x', sizeof(text) - 1);
    open_file(&f, text);
    add(&f, 1, text, text);
    cr_assert_eq(
        wsc_pcapng_put(f.w, 0, &(struct wsc_packet){.data = (const uint8_t *)text}, text, &err),
        WSC_OK);
    cr_assert_eq(wsc_pcapng_flush(f.w, &err), WSC_OK);
    cr_expect_leq(size_of(&f), 5 * WSC_PCAPNG_TEXT_MAX);
    const char *path = f.path;
    struct wsc_capture *c;
    struct wsc_packet pkt;
    cr_assert_eq(wsc_capture_open(&path, 1, &(struct wsc_capture_options){0}, &c, &err), WSC_OK);
    cr_expect_eq(wsc_capture_next(c, &pkt, &err), WSC_OK);
    cr_expect_eq(wsc_capture_next(c, &pkt, &err), WSC_END);
    wsc_capture_close(c);
    close_file(&f);
}

/* ---- what cannot be ---- */

Test(pcapng_writer, refused)
{
    static const uint8_t byte[1];
    struct file f;
    struct wsc_error err;
    struct wsc_packet pkt = {.data = byte, .caplen = 1, .len = 1};
    open_file(&f, NULL);
    uint64_t size = wsc_pcapng_size(f.w);
    cr_expect_eq(wsc_pcapng_put(f.w, 0, &pkt, NULL, &err), WSC_ERR_INVALID);
    cr_expect_eq(wsc_pcapng_add(f.w, &(struct wsc_pcapng_interface){.link = 65536}, &err),
                 WSC_ERR_INVALID);
    cr_expect_eq(wsc_pcapng_size(f.w), size);
    for (unsigned i = 0; i < WSC_PCAPNG_INTERFACES_MAX; i++)
        add(&f, 1, NULL, NULL);
    cr_expect_eq(wsc_pcapng_add(f.w, &(struct wsc_pcapng_interface){.link = 1}, &err),
                 WSC_ERR_LIMIT);
    cr_expect_eq(wsc_pcapng_put(f.w, WSC_PCAPNG_INTERFACES_MAX, &pkt, NULL, &err), WSC_ERR_INVALID);
    pkt.caplen = UINT32_MAX;
    cr_expect_eq(wsc_pcapng_put(f.w, 0, &pkt, NULL, &err), WSC_ERR_LIMIT);
    close_file(&f);
}

/* A file that has no room left ends with its last whole flush, and stays readable. */
Test(pcapng_writer, no_room)
{
    static const uint8_t data[1000];
    struct file f;
    struct wsc_error err;
    struct wsc_packet pkt = {.data = data, .caplen = 1000, .len = 1000, .ts_ns = T0};
    struct rlimit limit = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    open_file(&f, NULL);
    add(&f, 1, NULL, NULL);
    cr_assert_eq(wsc_pcapng_put(f.w, 0, &pkt, NULL, &err), WSC_OK);
    cr_assert_eq(wsc_pcapng_flush(f.w, &err), WSC_OK);
    size_t whole = size_of(&f);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(wsc_pcapng_put(f.w, 0, &pkt, NULL, &err), WSC_OK);
    cr_expect_eq(wsc_pcapng_flush(f.w, &err), WSC_ERR_IO);
    cr_expect_str_eq(err.message, strerror(EFBIG));
    cr_expect_eq(size_of(&f), whole);
    cr_expect_eq(wsc_pcapng_put(f.w, 0, &pkt, NULL, &err), WSC_ERR_IO, "it stays so");
    cr_expect_eq(wsc_pcapng_flush(f.w, &err), WSC_ERR_IO);
    close_file(&f);
}

static bool never(void *ctx)
{
    unsigned *left = ctx;
    return *left > 0 && (*left)-- > 0;
}

Test(pcapng_writer, no_memory)
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned left = n;
        struct wsc_pcapng *w;
        struct wsc_error err;
        wsc_alloc_set_hook(never, &left);
        cr_expect_eq(wsc_pcapng_new(1, NULL, &w, &err), WSC_ERR_NOMEM);
        cr_expect_null(w);
        wsc_alloc_set_hook(NULL, NULL);
    }
}
