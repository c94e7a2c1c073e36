#include "tls/keylog.h"

#include "support/tmp_db.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct wsc_tmp_db tmp;
static struct wsc_keylog *kl;
static char path[128];

static void begin(void)
{
    wsc_tmp_db_init(&tmp);
    (void)snprintf(path, sizeof(path), "%s/keys.log", tmp.dir);
    cr_assert_eq(wsc_keylog_new(0, &kl), WSC_OK);
}

static void finish(void)
{
    wsc_keylog_free(kl);
    wsc_tmp_db_clear(&tmp);
}

TestSuite(keylog_file, .init = begin, .fini = finish);

/* The line of client |n|: its random and its secret are made of that number. */
static const char *line(unsigned n)
{
    static char out[256];
    int at = snprintf(out, sizeof(out), "CLIENT_RANDOM ");
    for (unsigned i = 0; i < 32; i++)
        at += snprintf(out + at, sizeof(out) - (size_t)at, "%02x", n);
    at += snprintf(out + at, sizeof(out) - (size_t)at, " ");
    for (unsigned i = 0; i < 48; i++)
        at += snprintf(out + at, sizeof(out) - (size_t)at, "%02x", n);
    (void)snprintf(out + at, sizeof(out) - (size_t)at, "\n");
    return out;
}

static bool has(unsigned n)
{
    uint8_t random[32], out[WSC_SECRET_MAX];
    size_t len = 0;
    memset(random, (int)n, sizeof(random));
    return wsc_keylog_find(kl, WSC_SECRET_MASTER, random, out, &len) && len == 48 && out[47] == n;
}

static void append(const char *text, size_t n)
{
    FILE *f = fopen(path, "ab");
    cr_assert(f != NULL && fwrite(text, 1, n, f) == n);
    cr_assert_eq(fclose(f), 0);
}

static void append_line(unsigned n)
{
    const char *text = line(n);
    append(text, strlen(text));
}

static void write_over(const char *text)
{
    wsc_tmp_db_write(path, text, strlen(text));
}

static enum wsc_err add(bool follow)
{
    struct wsc_error err;
    return wsc_keylog_add_file(kl, path, follow, &err);
}

static struct wsc_keylog_file about(size_t i)
{
    struct wsc_keylog_file f;
    cr_assert(wsc_keylog_get_file(kl, i, &f));
    return f;
}

Test(keylog_file, read_to_its_end)
{
    append_line(1);
    append("CLIENT_RANDOM 00\n", 17);
    append(line(2), strlen(line(2)) - 1); /* no newline at the end */
    cr_assert_eq(add(false), WSC_OK);
    cr_expect(has(1) && has(2));
    struct wsc_keylog_file f = about(0);
    cr_expect_str_eq(f.path, path);
    cr_expect(f.lines == 3 && f.secrets == 2 && f.damaged == 1 && f.first_damaged == 2);
    append_line(3);
    cr_expect_not(wsc_keylog_poll(kl), "a file that is not followed");
    cr_expect_not(has(3));
    struct wsc_keylog_file none;
    cr_expect_not(wsc_keylog_get_file(kl, 1, &none));
}

/* A line that ends where the file does is whole; one that is cut is damage, counted once. */
Test(keylog_file, last_line_cut)
{
    append_line(1);
    append(line(2), 100);
    cr_assert_eq(add(false), WSC_OK);
    cr_expect(about(0).damaged == 1 && about(0).first_damaged == 2);
}

Test(keylog_file, grows_in_pieces_of_any_size)
{
    char text[1024] = "";
    for (unsigned n = 1; n <= 4; n++)
        strcat(text, line(n));
    size_t len = strlen(text);
    append("", 0);
    cr_assert_eq(add(true), WSC_OK);
    for (size_t at = 0, piece = 1; at < len; at += piece, piece = piece % 97 + 13) {
        if (piece > len - at)
            piece = len - at;
        append(text + at, piece);
        (void)wsc_keylog_poll(kl);
    }
    for (unsigned n = 1; n <= 4; n++)
        cr_expect(has(n), "client %u", n);
    cr_expect(about(0).lines == 4 && about(0).damaged == 0);
    cr_expect_not(wsc_keylog_poll(kl), "nothing new");
}

/* Who writes a last line without its end, and then waits, has written it. */
Test(keylog_file, a_last_line_that_stays_as_it_is)
{
    append(line(1), strlen(line(1)) - 1);
    cr_assert_eq(add(true), WSC_OK);
    cr_expect_not(has(1));
    cr_expect(wsc_keylog_poll(kl));
    cr_expect(has(1));
    append("\n", 1);
    cr_expect_not(wsc_keylog_poll(kl));
    cr_expect(about(0).lines == 1 && about(0).secrets == 1);
}

struct change {
    const char *name;
    const char *how; /* c: cut to nothing, o: over it in place, r: another in its place, d: gone,
                        +: a line is added, p: poll */
    unsigned found;  /* clients that are known afterwards, as bits */
};

/* Each step that adds a line writes the next client's. Client 1 is there from the start. */
static const struct change changes[] = {
    {"grows", "+p", 0x6},
    {"cut, then written anew", "cp+p", 0x6},
    {"cut and written anew between two looks, shorter", "+pc+p", 0xe},
    {"cut and written anew between two looks, as long", "c+p", 0x6},
    {"cut and written anew between two looks, longer", "c++p", 0xe},
    {"another in its place", "r+p", 0x6},
    {"another in its place, longer", "r++p", 0xe},
    {"another in its place, what was added before is read", "+r+p", 0xe},
    {"gone", "dp", 0x2},
    {"gone and back", "dp+p", 0x6},
    {"gone and back twice", "dp+pdp+p", 0xe},
};

static void step(char how, unsigned *next)
{
    char other[160];
    switch (how) {
    case 'c':
        cr_assert_eq(truncate(path, 0), 0);
        break;
    case 'r':
        (void)snprintf(other, sizeof(other), "%s.new", path);
        wsc_tmp_db_write(other, "", 0);
        cr_assert_eq(rename(other, path), 0);
        break;
    case 'd':
        cr_assert_eq(unlink(path), 0);
        break;
    case '+':
        append_line((*next)++);
        break;
    default:
        (void)wsc_keylog_poll(kl);
    }
}

/* A replaced file is read on to its end before the one in its place is begun: that takes a look of
 * its own. */
Test(keylog_file, changes)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const struct change *c = &changes[i];
        unsigned next = 2, found = 0;
        write_over(line(1));
        cr_assert_eq(add(true), WSC_OK);
        for (const char *s = c->how; *s != '\0'; s++)
            step(*s, &next);
        (void)wsc_keylog_poll(kl);
        for (unsigned n = 1; n < 8; n++)
            found |= has(n) ? 1u << n : 0;
        cr_expect_eq(found, c->found, "%s: %#x", c->name, found);
        cr_expect_eq(about(0).damaged, 0, "%s", c->name);
        wsc_keylog_free(kl);
        cr_assert_eq(wsc_keylog_new(0, &kl), WSC_OK);
    }
}

Test(keylog_file, not_there_yet)
{
    struct wsc_error err;
    cr_expect_eq(wsc_keylog_add_file(kl, path, false, &err), WSC_ERR_IO);
    cr_expect_not_null(strstr(err.message, path));
    cr_assert_eq(add(true), WSC_OK);
    cr_expect(about(0).missing);
    cr_expect_not(wsc_keylog_poll(kl));
    append_line(1);
    cr_expect(wsc_keylog_poll(kl));
    cr_expect_not(about(0).missing);
    cr_expect(has(1));
}

/* A directory in the file's place cannot be read, whoever asks. */
Test(keylog_file, a_successor_that_cannot_be_opened)
{
    append_line(1);
    cr_assert_eq(add(true), WSC_OK);
    append_line(2);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect(wsc_keylog_poll(kl), "what was added before");
    (void)wsc_keylog_poll(kl);
    cr_expect_eq(about(0).refused, EISDIR);
    cr_assert_eq(rmdir(path), 0);
    append_line(3);
    cr_expect(wsc_keylog_poll(kl));
    cr_expect(has(1) && has(2) && has(3));
    cr_expect_eq(about(0).refused, 0);
}

Test(keylog_file, no_file_at_all)
{
    struct wsc_error err;
    cr_expect_eq(wsc_keylog_add_file(kl, tmp.dir, false, &err), WSC_ERR_IO);
    cr_expect_not_null(strstr(err.message, "directory"), "%s", err.message);
    cr_expect_eq(wsc_keylog_add_file(kl, tmp.dir, true, &err), WSC_ERR_IO);
    cr_expect_eq(wsc_keylog_add_file(kl, "/dev/zero", false, &err), WSC_ERR_IO);
    cr_expect_not_null(strstr(err.message, "neither a file nor a pipe"), "%s", err.message);
    struct wsc_keylog_file none;
    cr_expect_not(wsc_keylog_get_file(kl, 0, &none));
}

/* A pipe that is followed is never waited for; its writers come and go. */
Test(keylog_file, a_pipe_that_is_followed)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(add(true), WSC_OK);
    cr_expect_not(wsc_keylog_poll(kl));
    for (unsigned n = 1; n < 4; n++) {
        int fd = open(path, O_WRONLY | O_NONBLOCK);
        cr_assert_geq(fd, 0);
        const char *text = line(n);
        cr_assert_eq(write(fd, text, 60), 60);
        cr_expect_not(wsc_keylog_poll(kl), "half a line");
        cr_assert_eq(write(fd, text + 60, strlen(text) - 60), (ssize_t)strlen(text) - 60);
        cr_expect(wsc_keylog_poll(kl), "client %u", n);
        cr_expect(has(n));
        cr_assert_eq(close(fd), 0);
        cr_expect_not(wsc_keylog_poll(kl));
    }
}

/* As the shell's <(...) gives it: to the end of its writers. */
Test(keylog_file, a_pipe_read_to_its_end)
{
    int fds[2];
    cr_assert_eq(pipe(fds), 0);
    for (unsigned n = 1; n < 100; n++)
        cr_assert_gt(write(fds[1], line(n), strlen(line(n))), 0);
    cr_assert_eq(close(fds[1]), 0);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
    cr_assert_eq(add(false), WSC_OK);
    for (unsigned n = 1; n < 100; n++)
        cr_expect(has(n));
    cr_assert_eq(close(fds[0]), 0);
}

/* Text that is none, with NUL bytes and no end of a line: bounded, and over it the next is read. */
Test(keylog_file, bytes_that_are_no_text)
{
    char bytes[300000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7 % 256 == '\n' ? 0 : i * 7 % 256);
    append(bytes, sizeof(bytes));
    append("\n", 1);
    append_line(1);
    cr_assert_eq(add(false), WSC_OK);
    cr_expect(has(1));
    cr_expect(about(0).damaged == 1 && about(0).first_damaged == 1);
}

/* What appears all at once must not stop the packets. */
Test(keylog_file, much_at_once)
{
    cr_assert_eq(add(true), WSC_OK);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    for (unsigned i = 0; i < 40000; i++)
        fputs(line(1 + i % 200), f);
    cr_assert_eq(fclose(f), 0);
    cr_expect(wsc_keylog_poll(kl));
    cr_expect_lt(about(0).lines, 40000, "6.9 MB in one look");
    (void)wsc_keylog_poll(kl);
    cr_expect_eq(about(0).lines, 40000);
    cr_expect_eq(about(0).secrets, 200);
}
