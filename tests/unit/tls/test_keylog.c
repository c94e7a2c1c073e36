#include "tls/keylog.h"

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Client random |n| is all bytes of it; its secret under |label| begins with the label's number. */
static void line_of(char out[256], const char *label, unsigned n, unsigned secret, unsigned len)
{
    int at = snprintf(out, 256, "%s ", label);
    for (unsigned i = 0; i < 32; i++)
        at += snprintf(out + at, 256 - (size_t)at, "%02x", (n >> (8 * (i & 3))) & 0xff);
    at += snprintf(out + at, 256 - (size_t)at, " ");
    for (unsigned i = 0; i < len; i++)
        at += snprintf(out + at, 256 - (size_t)at, "%02x", (secret + i) & 0xff);
    (void)snprintf(out + at, 256 - (size_t)at, "\n");
}

static struct wsc_keylog *new_log(size_t max)
{
    struct wsc_keylog *kl;
    cr_assert_eq(wsc_keylog_new(max, &kl), WSC_OK);
    return kl;
}

static void feed(struct wsc_keylog *kl, unsigned source, const char *text, size_t n)
{
    uint8_t *exact = malloc(n + (n == 0));
    memcpy(exact, text, n);
    cr_assert_eq(wsc_keylog_feed(kl, source, (struct wsc_span){exact, n}), WSC_OK);
    free(exact);
}

static void feed_line(struct wsc_keylog *kl, const char *label, unsigned n, unsigned secret,
                      unsigned len)
{
    char line[256];
    line_of(line, label, n, secret, len);
    feed(kl, 0, line, strlen(line));
}

/* First byte of the secret, or -1; its length must be |len|. */
static int find(const struct wsc_keylog *kl, enum wsc_secret_label label, unsigned n, size_t len)
{
    uint8_t random[32], out[WSC_SECRET_MAX];
    size_t got = 0;
    for (unsigned i = 0; i < 32; i++)
        random[i] = (uint8_t)(n >> (8 * (i & 3)));
    if (!wsc_keylog_find(kl, label, random, out, &got))
        return -1;
    cr_expect_eq(got, len, "client %u: length %zu", n, got);
    return out[0];
}

static struct wsc_keylog_stats stats(const struct wsc_keylog *kl)
{
    struct wsc_keylog_stats s;
    wsc_keylog_get_stats(kl, &s);
    return s;
}

/* ---- text in pieces ---- */

/* Three secrets, one comment, one line cut, one unknown label, and a last line without its end. */
static size_t sample(char out[2048])
{
    char line[256];
    out[0] = '\0';
    strcat(out, "\xef\xbb\xbf# a comment\r\n\n");
    line_of(line, "CLIENT_RANDOM", 1, 0x11, 48);
    strcat(out, line);
    strcat(out, "CLIENT_RANDOM 0011\n");
    line_of(line, "CLIENT_HANDSHAKE_TRAFFIC_SECRET", 2, 0x22, 32);
    line[strlen(line) - 1] = '\0';
    strcat(out, line);
    strcat(out, "\r\nFUTURE_SECRET 00 11\n\n");
    line_of(line, "SERVER_TRAFFIC_SECRET_0", 3, 0x33, 48);
    line[strlen(line) - 1] = '\0';
    strcat(out, line);
    return strlen(out);
}

static void expect_sample(const struct wsc_keylog *kl, size_t at)
{
    struct wsc_keylog_stats s = stats(kl);
    cr_expect_eq(find(kl, WSC_SECRET_MASTER, 1, 48), 0x11, "split at %zu", at);
    cr_expect_eq(find(kl, WSC_SECRET_CLIENT_HANDSHAKE, 2, 32), 0x22, "split at %zu", at);
    cr_expect_eq(find(kl, WSC_SECRET_SERVER_TRAFFIC, 3, 48), 0x33, "split at %zu", at);
    cr_expect_eq(s.lines, 5, "split at %zu: %d lines", at, (int)s.lines);
    cr_expect_eq(s.secrets, 3, "split at %zu: %d secrets", at, (int)s.secrets);
    cr_expect_eq(s.damaged, 1, "split at %zu: %d damaged", at, (int)s.damaged);
    cr_expect_eq(s.first_damaged, 4, "split at %zu: line %d", at, (int)s.first_damaged);
    cr_expect_eq(s.unknown, 1, "split at %zu: %d unknown", at, (int)s.unknown);
    cr_expect_eq(s.forgotten, 0);
}

Test(keylog, split_at_every_point)
{
    char text[2048];
    size_t n = sample(text);
    for (size_t at = 0; at <= n; at++) {
        struct wsc_keylog *kl = new_log(0);
        feed(kl, 7, text, at);
        feed(kl, 7, text + at, n - at);
        cr_expect_eq(find(kl, WSC_SECRET_SERVER_TRAFFIC, 3, 48), -1, "taken before its end came");
        cr_expect_eq(wsc_keylog_finish(kl, 7), WSC_OK);
        expect_sample(kl, at);
        wsc_keylog_free(kl);
    }
}

Test(keylog, one_byte_at_a_time)
{
    char text[2048];
    size_t n = sample(text);
    struct wsc_keylog *kl = new_log(0);
    for (size_t i = 0; i < n; i++)
        feed(kl, 7, text + i, 1);
    cr_expect_eq(wsc_keylog_finish(kl, 7), WSC_OK);
    expect_sample(kl, n);
    wsc_keylog_free(kl);
}

/* Two sources byte by byte in turn: what one left unfinished is no part of the other. */
Test(keylog, sources_apart)
{
    char a[256], b[256];
    struct wsc_keylog *kl = new_log(0);
    line_of(a, "CLIENT_RANDOM", 1, 0x10, 48);
    line_of(b, "CLIENT_RANDOM", 2, 0x20, 48);
    for (size_t i = 0; a[i] != '\0'; i++) {
        feed(kl, 1, a + i, 1);
        feed(kl, 2, b + i, 1);
    }
    cr_expect_eq(find(kl, WSC_SECRET_MASTER, 1, 48), 0x10);
    cr_expect_eq(find(kl, WSC_SECRET_MASTER, 2, 48), 0x20);
    cr_expect_eq(wsc_keylog_finish(kl, 1), WSC_OK);
    cr_expect_eq(wsc_keylog_finish(kl, 1), WSC_OK, "finished twice");
    cr_expect_eq(stats(kl).lines, 2);
    wsc_keylog_free(kl);
}

/* ---- long lines ---- */

struct long_row {
    const char *name, *begin;
    size_t len;
    unsigned lines, damaged;
};

static const struct long_row long_rows[] = {
    {"1,024 bytes of a comment", "#", 1024, 0, 0},
    {"1,025 bytes of a comment", "#", 1025, 0, 0},
    {"1,024 bytes", "x", 1024, 1, 1},
    {"1,025 bytes", "x", 1025, 1, 1},
    {"4 MB", "CLIENT_RANDOM ", 4000000, 1, 1},
    {"4 MB of a comment", "# ", 4000000, 0, 0},
};

Test(keylog, long_lines)
{
    static const size_t pieces[] = {1, 3, 1000, 1024, 1025, 4096, 8000000};
    for (size_t i = 0; i < sizeof(long_rows) / sizeof(long_rows[0]); i++) {
        const struct long_row *r = &long_rows[i];
        char *text = malloc(r->len);
        memset(text, 'a', r->len);
        memcpy(text, r->begin, strlen(r->begin));
        for (size_t k = r->len > 10000 ? 2 : 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
            struct wsc_keylog *kl = new_log(0);
            for (size_t at = 0; at < r->len; at += pieces[k])
                feed(kl, 0, text + at, pieces[k] < r->len - at ? pieces[k] : r->len - at);
            feed(kl, 0, "\n", 1);
            feed_line(kl, "CLIENT_RANDOM", 1, 0x11, 48);
            cr_expect_eq(stats(kl).damaged, r->damaged, "%s by %zu", r->name, pieces[k]);
            cr_expect_eq(stats(kl).lines, r->lines + 1, "%s by %zu", r->name, pieces[k]);
            cr_expect_eq(find(kl, WSC_SECRET_MASTER, 1, 48), 0x11, "%s by %zu", r->name, pieces[k]);
            wsc_keylog_free(kl);
        }
        free(text);
    }
}

/* ---- what is held ---- */

Test(keylog, the_same_again_and_another)
{
    struct wsc_keylog *kl = new_log(0);
    cr_expect_eq(wsc_keylog_generation(kl), 0);
    feed_line(kl, "CLIENT_RANDOM", 1, 0x11, 48);
    uint64_t first = wsc_keylog_generation(kl);
    cr_expect_neq(first, 0);
    feed_line(kl, "CLIENT_RANDOM", 1, 0x11, 48);
    cr_expect_eq(wsc_keylog_generation(kl), first, "the same again");
    cr_expect_eq(stats(kl).secrets, 1);
    feed_line(kl, "CLIENT_RANDOM", 1, 0x12, 48);
    cr_expect_neq(wsc_keylog_generation(kl), first, "another");
    cr_expect_eq(stats(kl).secrets, 1);
    cr_expect_eq(find(kl, WSC_SECRET_MASTER, 1, 48), 0x12, "the later one wins");
    feed_line(kl, "SERVER_TRAFFIC_SECRET_0", 1, 0x13, 48);
    feed_line(kl, "SERVER_TRAFFIC_SECRET_0", 1, 0x13, 32);
    cr_expect_eq(find(kl, WSC_SECRET_SERVER_TRAFFIC, 1, 32), 0x13, "another length is another");
    wsc_keylog_free(kl);
}

Test(keylog, labels_apart)
{
    static const char *const names[WSC_SECRET_LABELS] = {"CLIENT_RANDOM",
                                                         "CLIENT_EARLY_TRAFFIC_SECRET",
                                                         "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                                                         "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                                         "CLIENT_TRAFFIC_SECRET_0",
                                                         "SERVER_TRAFFIC_SECRET_0"};
    struct wsc_keylog *kl = new_log(0);
    for (unsigned i = 0; i < WSC_SECRET_LABELS; i++)
        feed_line(kl, names[i], 5, 0x40 + i, 48);
    for (unsigned i = 0; i < WSC_SECRET_LABELS; i++)
        cr_expect_eq(find(kl, (enum wsc_secret_label)i, 5, 48), 0x40 + (int)i, "%s", names[i]);
    cr_expect_eq(find(kl, WSC_SECRET_MASTER, 6, 48), -1);
    wsc_keylog_free(kl);
}

/* All that is held for a client, and nothing of another, fits the room it is said to fit. */
Test(keylog, lines_of_a_client)
{
    static const char *const names[] = {"CLIENT_RANDOM",
                                        "CLIENT_EARLY_TRAFFIC_SECRET",
                                        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                                        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                        "CLIENT_TRAFFIC_SECRET_0",
                                        "SERVER_TRAFFIC_SECRET_0"};
    struct wsc_keylog *kl = new_log(0), *copy = new_log(0);
    char out[WSC_KEYLOG_LINES_MAX];
    uint8_t random[32] = {5};
    for (size_t i = 4; i < 32; i += 4)
        random[i] = 5;
    for (unsigned i = 0; i < WSC_SECRET_LABELS; i++) {
        feed_line(kl, names[i], 5, 0x40 + i, 48);
        feed_line(kl, names[i], 6, 0x60 + i, 48);
    }
    size_t n = wsc_keylog_lines(kl, random, out, sizeof(out));
    feed(copy, 0, out, n);
    cr_expect_eq(stats(copy).secrets, WSC_SECRET_LABELS);
    for (unsigned i = 0; i < WSC_SECRET_LABELS; i++)
        cr_expect_eq(find(copy, (enum wsc_secret_label)i, 5, 48), 0x40 + (int)i, "%s", names[i]);
    random[0] = 7;
    cr_expect_eq(wsc_keylog_lines(kl, random, out, sizeof(out)), 0);
    wsc_keylog_free(kl);
    wsc_keylog_free(copy);
}

/* At the ceiling the oldest goes, the rest is found; over several chunks and index sizes. */
Test(keylog, ceiling)
{
    static const unsigned ceilings[] = {1, 2, 3, 1023, 1024, 1025, 4096, 4097, 10000};
    for (size_t c = 0; c < sizeof(ceilings) / sizeof(ceilings[0]); c++) {
        unsigned max = ceilings[c], all = max * 2 + max / 2 + 1;
        struct wsc_keylog *kl = new_log(max);
        for (unsigned n = 0; n < all; n++)
            feed_line(kl, "CLIENT_RANDOM", n, n & 0xff, 48);
        for (unsigned n = 0; n < all; n++)
            cr_expect_eq(find(kl, WSC_SECRET_MASTER, n, 48), n < all - max ? -1 : (int)(n & 0xff),
                         "ceiling %u, client %u", max, n);
        cr_expect_eq(stats(kl).secrets, max);
        cr_expect_eq(stats(kl).forgotten, all - max);
        wsc_keylog_free(kl);
    }
}

/* What was used names an analysis: whatever the order, whatever else is held. */
Test(keylog, used)
{
    struct wsc_keylog *a = new_log(0), *b = new_log(0);
    for (unsigned n = 0; n < 4; n++)
        feed_line(a, "CLIENT_RANDOM", n, 0x50 + n, 48);
    for (unsigned n = 9; n-- > 0;)
        feed_line(b, "CLIENT_RANDOM", n, n == 3 ? 0x99 : 0x50 + n, 48);
    cr_expect_eq(wsc_keylog_used(a), 0);
    (void)find(a, WSC_SECRET_MASTER, 77, 48);
    cr_expect_eq(wsc_keylog_used(a), 0, "asked for, not found");
    (void)find(a, WSC_SECRET_MASTER, 1, 48);
    (void)find(a, WSC_SECRET_MASTER, 2, 48);
    (void)find(a, WSC_SECRET_MASTER, 1, 48);
    (void)find(b, WSC_SECRET_MASTER, 2, 48);
    cr_expect(stats(a).used == 2 && stats(b).used == 1);
    cr_expect_neq(wsc_keylog_used(a), wsc_keylog_used(b));
    (void)find(b, WSC_SECRET_MASTER, 1, 48);
    cr_expect_neq(wsc_keylog_used(a), 0);
    cr_expect_eq(wsc_keylog_used(a), wsc_keylog_used(b));
    (void)find(a, WSC_SECRET_MASTER, 3, 48);
    (void)find(b, WSC_SECRET_MASTER, 3, 48);
    cr_expect_neq(wsc_keylog_used(a), wsc_keylog_used(b), "another secret of the same client");
    wsc_keylog_free(a);
    wsc_keylog_free(b);
}

/* A secret that was asked for before it came is late; thousands that are not there are no burden.
 */
Test(keylog, late)
{
    struct wsc_keylog *kl = new_log(0);
    for (unsigned n = 0; n < 5000; n += 2)
        for (unsigned again = 0; again < 2; again++)
            (void)find(kl, WSC_SECRET_MASTER, n, 48);
    cr_expect_eq(stats(kl).late, 0);
    for (unsigned n = 0; n < 5000; n++)
        feed_line(kl, "CLIENT_RANDOM", n, n & 0xff, 48);
    cr_expect_eq(stats(kl).late, 2500);
    feed_line(kl, "CLIENT_RANDOM", 0, 0, 48);
    cr_expect_eq(stats(kl).late, 2500, "the same again");
    feed_line(kl, "CLIENT_TRAFFIC_SECRET_0", 0, 0, 48);
    cr_expect_eq(stats(kl).late, 2500, "of a label that was not asked for");
    wsc_keylog_free(kl);
}

/* ---- memory and threads ---- */

static bool may(void *ctx)
{
    long *left = ctx;
    return (*left)-- > 0;
}

/* Each allocation fails in turn: the secret of that moment is lost and counted, the next is not. */
Test(keylog, no_memory)
{
    for (long allowed = 0; allowed < 6; allowed++) {
        long left = allowed;
        struct wsc_keylog *kl = NULL;
        char line[256];
        line_of(line, "CLIENT_RANDOM", 1, 0x11, 48);
        struct wsc_span text = {(uint8_t *)line, strlen(line)};
        wsc_alloc_set_hook(may, &left);
        enum wsc_err made = wsc_keylog_new(0, &kl);
        enum wsc_err fed = made == WSC_OK ? wsc_keylog_feed(kl, 0, text) : WSC_ERR_NOMEM;
        wsc_alloc_set_hook(NULL, NULL);
        cr_expect_eq(made, allowed == 0 ? WSC_ERR_NOMEM : WSC_OK);
        cr_expect_eq(kl == NULL, allowed == 0);
        cr_expect_eq(fed, allowed < 5 ? WSC_ERR_NOMEM : WSC_OK, "%ld allocations", allowed);
        if (kl != NULL) {
            feed(kl, 0, line, strlen(line));
            cr_expect_eq(find(kl, WSC_SECRET_MASTER, 1, 48), 0x11, "%ld allocations", allowed);
        }
        wsc_keylog_free(kl);
    }
    wsc_keylog_free(NULL);
}

static void *seek(void *ctx)
{
    const struct wsc_keylog *kl = ctx;
    for (unsigned round = 0; round < 20; round++)
        for (unsigned n = 0; n < 2000; n++) {
            int first = find(kl, WSC_SECRET_MASTER, n, 48);
            if (first != -1 && first != (int)(n & 0xff))
                return ctx;
        }
    return NULL;
}

Test(keylog, finders_and_a_feeder)
{
    struct wsc_keylog *kl = new_log(1500);
    pthread_t finders[3];
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&finders[i], NULL, seek, kl), 0);
    for (unsigned n = 0; n < 2000; n++)
        feed_line(kl, "CLIENT_RANDOM", n, n & 0xff, 48);
    for (size_t i = 0; i < 3; i++) {
        void *wrong = NULL;
        cr_assert_eq(pthread_join(finders[i], &wrong), 0);
        cr_expect_null(wrong, "a finder met another client's secret");
    }
    wsc_keylog_free(kl);
}
