#include <wsclose/capture.h>
#include <wsclose/pcapng.h>

#include "support/tmp_db.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Captures are written block by block from a script, a letter each:
 *     S section, little-endian; B section, big-endian; I interface
 *     P a packet (the next second); 1, 2, ... secrets "secret N\n"
 *     w secrets of WireGuard; e no secrets at all in a block that could hold some
 *     l secrets longer than their block; s a block too short for its head
 *     t a block whose two lengths differ */
struct bytes {
    uint8_t data[8192];
    size_t len;
    bool big;
    unsigned packets;
};

static struct wsc_tmp_db tmp;

static void begin(void)
{
    wsc_tmp_db_init(&tmp);
}

static void finish(void)
{
    wsc_tmp_db_clear(&tmp);
}

TestSuite(secrets, .init = begin, .fini = finish);

static void put(struct bytes *b, const void *p, size_t n)
{
    cr_assert_leq(b->len + n, sizeof(b->data));
    memcpy(b->data + b->len, p, n);
    b->len += n;
}

static void put_number(struct bytes *b, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * (b->big ? n - 1 - i : i)));
        put(b, &byte, 1);
    }
}

static void block(struct bytes *b, uint32_t type, const struct bytes *body)
{
    static const uint8_t zeros[4];
    size_t padded = (body->len + 3) & ~(size_t)3;
    put_number(b, type, 4);
    put_number(b, (uint32_t)padded + 12, 4);
    put(b, body->data, body->len);
    put(b, zeros, padded - body->len);
    put_number(b, (uint32_t)padded + 12, 4);
}

static void secrets(struct bytes *b, uint32_t type, const char *text, uint32_t claimed)
{
    struct bytes body = {.big = b->big};
    put_number(&body, type, 4);
    put_number(&body, claimed, 4);
    put(&body, text, strlen(text));
    block(b, 10, &body);
}

static void packet(struct bytes *b)
{
    struct bytes body = {.big = b->big};
    put_number(&body, 0, 4);
    put_number(&body, 0, 4);
    put_number(&body, ++b->packets * 1000000, 4);
    put_number(&body, 4, 4);
    put_number(&body, 4, 4);
    put(&body, "data", 4);
    block(b, 6, &body);
}

static void section(struct bytes *b, bool big)
{
    struct bytes body = {.big = big};
    b->big = big;
    put_number(&body, 0x1a2b3c4d, 4);
    put_number(&body, 1, 2);
    put_number(&body, 0, 2);
    put_number(&body, UINT32_MAX, 4);
    put_number(&body, UINT32_MAX, 4);
    block(b, 0x0a0d0d0a, &body);
}

static void interface(struct bytes *b)
{
    struct bytes body = {.big = b->big};
    put_number(&body, 1, 2);
    put_number(&body, 0, 2);
    put_number(&body, 0, 4);
    block(b, 1, &body);
}

static void put_step(struct bytes *b, char step)
{
    char text[] = "secret N\n";
    struct bytes body = {.big = b->big};
    switch (step) {
    case 'S':
    case 'B':
        section(b, step == 'B');
        return;
    case 'I':
        interface(b);
        return;
    case 'P':
        packet(b);
        return;
    case 'w':
        secrets(b, 0x57474b4c, "private\n", 8);
        return;
    case 'e':
        secrets(b, 0x544c534b, "", 0);
        return;
    case 'l':
        secrets(b, 0x544c534b, "secret l", 9);
        return;
    case 's':
        put_number(&body, 0x544c534b, 4);
        block(b, 10, &body);
        return;
    case 't':
        secrets(b, 0x544c534b, "secret t", 8);
        b->data[b->len - 4] ^= 0xff;
        return;
    default:
        text[7] = step;
        secrets(b, 0x544c534b, text, 9);
    }
}

static const char *write_script(const char *name, const char *script)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    struct bytes b = {.len = 0};
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", tmp.dir, name);
    for (const char *s = script; *s != '\0'; s++)
        put_step(&b, *s);
    wsc_tmp_db_write(path, b.data, b.len);
    return path;
}

/* What is heard, in a letter each: P a packet, the number of a secret, - no secrets in a block, D
 * damage; with several captures the number of the capture before it. */
struct heard {
    char text[256];
    size_t captures;
};

static void note(struct heard *h, size_t capture, char letter)
{
    size_t n = strlen(h->text);
    cr_assert_lt(n + 3, sizeof(h->text));
    if (h->captures > 1)
        h->text[n++] = (char)('a' + capture);
    h->text[n] = letter;
}

static void on_secrets(void *ctx, size_t capture, struct wsc_span text)
{
    cr_expect(text.len == 0 || (text.len == 9 && memcmp(text.ptr, "secret ", 7) == 0));
    note(ctx, capture, text.len == 9 ? (char)text.ptr[7] : '-');
}

static struct heard listen(const char *const *paths, size_t n, bool wanted)
{
    struct heard h = {.captures = n};
    struct wsc_capture *c;
    struct wsc_packet p;
    struct wsc_error err;
    enum wsc_err e;
    const struct wsc_capture_options opt = {.on_secrets = wanted ? on_secrets : NULL,
                                            .secrets_ctx = &h};
    cr_assert_eq(wsc_capture_open(paths, n, &opt, &c, &err), WSC_OK, "%s", err.message);
    cr_expect_eq(h.text[0], '\0', "before the first packet is asked for");
    while ((e = wsc_capture_next(c, &p, &err)) != WSC_END)
        note(&h, e == WSC_OK ? WSC_REF_CAPTURE(p.ref) : 0, e == WSC_OK ? 'P' : 'D');
    wsc_capture_close(c);
    return h;
}

struct row {
    const char *name, *script, *heard;
};

static const struct row rows[] = {
    {"before the packets", "SI1PP", "1PP"},
    {"big-endian", "BI1PP", "1PP"},
    {"before the interface", "S1IP", "1P"},
    {"between packets", "SIP1P2P", "P1P2P"},
    {"two in a row", "SI12P", "12P"},
    {"behind the last packet", "SIP1", "P1"},
    {"alone", "S1", "1"},
    {"in every section, both orders", "SI1PBI2PSI3P", "1P2P3P"},
    {"of another protocol", "SIwP1P", "P1P"},
    {"without any", "SIePP", "-PP"},
    {"longer than their block", "SI1PlP", "1PD"},
    {"longer than their block, big-endian", "BI1PlP", "1PD"},
    {"shorter than a head", "SIPsP", "PD"},
    {"two lengths that differ", "SIPtP", "PD"},
};

Test(secrets, rows)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *path = write_script("a", rows[i].script);
        struct heard h = listen(&path, 1, true);
        cr_expect_str_eq(h.text, rows[i].heard, "%s: %s", rows[i].name, h.text);
        h = listen(&path, 1, false);
        size_t packets = 0;
        for (const char *s = h.text; *s != '\0'; s++)
            packets += *s == 'P';
        cr_expect_eq(packets + (strchr(rows[i].heard, 'D') != NULL), strlen(h.text),
                     "%s, not wanted: %s", rows[i].name, h.text);
    }
}

/* Cut at every byte: what is whole is heard, the rest is damage. */
Test(secrets, cut_everywhere)
{
    const char *path = write_script("a", "SIP1P");
    unsigned char *data;
    size_t n = wsc_tmp_db_read(path, &data);
    for (size_t cut = 28; cut < n; cut++) {
        wsc_tmp_db_write(path, data, cut);
        struct heard h = listen(&path, 1, true);
        /* 28 bytes of section, 20 of interface, 36 of packet, 32 of secrets */
        const char *whole = cut < 84 ? "" : cut < 116 ? "P" : "P1";
        bool between = cut == 28 || cut == 48 || cut == 84 || cut == 116;
        char expected[8];
        (void)snprintf(expected, sizeof(expected), "%s%s", whole, between ? "" : "D");
        cr_expect_str_eq(h.text, expected, "cut at %zu: %s", cut, h.text);
    }
    free(data);
}

/* Merged by time, each capture's secrets come before its packets behind them. */
Test(secrets, of_several_captures)
{
    const char *paths[] = {write_script("a", "SI1PP2P"), write_script("b", "BI3P4PP")};
    struct heard h = listen(paths, 2, true);
    size_t at[5] = {0};
    cr_expect_eq(strlen(h.text), 20, "%s", h.text);
    for (size_t i = 1; h.text[i] != '\0'; i += 2)
        if (h.text[i] != 'P')
            at[h.text[i] - '0'] = i;
    cr_expect(at[1] > 0 && h.text[at[1] - 1] == 'a' && at[2] > at[1] && h.text[at[2] - 1] == 'a');
    cr_expect(at[3] > 0 && h.text[at[3] - 1] == 'b' && at[4] > at[3] && h.text[at[4] - 1] == 'b');
    cr_expect_lt(at[1], (size_t)(strstr(h.text, "aP") - h.text), "%s", h.text);
    cr_expect_lt(at[3], (size_t)(strstr(h.text, "bP") - h.text), "%s", h.text);
}

/* What the writer puts is what the reader hears. */
Test(secrets, written)
{
    char path[128];
    const char *const one = path;
    struct wsc_pcapng *w;
    struct wsc_error err;
    (void)snprintf(path, sizeof(path), "%s/w", tmp.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    static const uint8_t data[4];
    struct wsc_packet p = {.data = data, .caplen = 4, .len = 4, .ts_ns = 1000, .link = 1};
    static uint8_t large[(1 << 20) + 1];
    cr_assert_eq(wsc_pcapng_new(fd, NULL, &w, &err), WSC_OK);
    cr_assert_eq(wsc_pcapng_secrets(w, (struct wsc_span){(const uint8_t *)"secret 1\n", 9}, &err),
                 WSC_OK);
    cr_assert_eq(wsc_pcapng_add(w, &(struct wsc_pcapng_interface){.link = 1}, &err), WSC_OK);
    cr_assert_eq(wsc_pcapng_put(w, 0, &p, NULL, &err), WSC_OK);
    cr_expect_eq(wsc_pcapng_secrets(w, (struct wsc_span){large, sizeof(large)}, &err),
                 WSC_ERR_LIMIT);
    cr_assert_eq(wsc_pcapng_secrets(w, (struct wsc_span){(const uint8_t *)"secret 2\n", 9}, &err),
                 WSC_OK);
    cr_assert_eq(wsc_pcapng_put(w, 0, &p, NULL, &err), WSC_OK);
    cr_assert_eq(wsc_pcapng_flush(w, &err), WSC_OK);
    wsc_pcapng_free(w);
    close(fd);
    struct heard h = listen(&one, 1, true);
    cr_expect_str_eq(h.text, "1P2P");
}
