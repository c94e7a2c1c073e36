/* The TLS stream on what real peers said, fed in every way; damaged streams are in test_tls_gaps.c.
 */
#include "fixture.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define WIRE_FROM 1000 /* offsets need not start at 0 */

enum feeding { AS_READ, BY_BYTE, RANDOMLY, CLIENT_FIRST, SERVER_FIRST, FEEDINGS };
static const char *const feeding_names[FEEDINGS] = {"as read", "by byte", "randomly",
                                                    "client first", "server first"};

static unsigned seed = 1;
static size_t some(size_t most)
{
    seed = seed * 1103515245u + 12345u;
    return 1 + (seed >> 16) % most;
}

/* An exact-size copy: a read past the end is seen by the sanitizer. */
static size_t feed(struct wsc_tls *t, enum wsc_dir d, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    memcpy(copy, p, n);
    size_t taken = wsc_tls_feed(t, d, (struct wsc_span){.ptr = copy, .len = n});
    free(copy);
    return taken;
}

static void feed_pieces(struct wsc_tls *t, enum wsc_dir d, const uint8_t *p, size_t n,
                        enum feeding how)
{
    for (size_t at = 0; at < n;) {
        size_t step = how == BY_BYTE ? 1 : how == RANDOMLY ? some(200) : n;
        if (step > n - at)
            step = n - at;
        cr_assert_eq(feed(t, d, p + at, step), step);
        at += step;
    }
}

static void feed_all(struct wsc_tls *t, const struct fixture_conn *c, enum feeding how)
{
    if (how == CLIENT_FIRST || how == SERVER_FIRST) {
        enum wsc_dir first = how == CLIENT_FIRST ? WSC_DIR_C2S : WSC_DIR_S2C;
        enum wsc_dir second = how == CLIENT_FIRST ? WSC_DIR_S2C : WSC_DIR_C2S;
        feed_pieces(t, first, c->wire[first], c->wire_len[first], how);
        feed_pieces(t, second, c->wire[second], c->wire_len[second], how);
        return;
    }
    for (size_t i = 0; i < c->n_chunks; i++)
        feed_pieces(t, c->chunks[i].dir, c->wire[c->chunks[i].dir] + c->chunks[i].at,
                    c->chunks[i].len, how);
}

/* Feeds one connection and says what came of it. */
static struct wsc_tls_info run(struct wsc_tls_shared *sh, const struct fixture_conn *c,
                               enum feeding how, struct outcome *o)
{
    static const uint64_t wire[2] = {WIRE_FROM, WIRE_FROM};
    outcome_init(o, c);
    struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, o);
    feed_all(t, c, how);
    wsc_tls_end(t);
    struct wsc_tls_info info = *wsc_tls_info(t);
    for (unsigned d = 0; d < 2; d++)
        cr_expect(wsc_tls_at_boundary(t, (enum wsc_dir)d));
    wsc_tls_free(t);
    return info;
}

Test(tls_stream, reads_all_that_was_said)
{
    struct fixture f;
    struct outcome o;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
        for (enum feeding how = 0; how < FEEDINGS; how++) {
            struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
            for (size_t i = 0; i < f.n_conn; i++) {
                struct wsc_tls_info info = run(sh, &f.conn[i], how, &o);
                cr_expect(outcome_is_whole(&o), "%s, connection %zu, %s: %s; %zu and %zu bytes",
                          name, i, feeding_names[how], o.wrong, o.bytes[0], o.bytes[1]);
                cr_expect(info.established && info.state == WSC_TLS_OPEN, "%s, %s", name,
                          feeding_names[how]);
                cr_expect_eq(info.unread[0] + info.unread[1], 0, "%s, %s", name,
                             feeding_names[how]);
                cr_expect_eq(o.alert[WSC_DIR_C2S], WSC_TLS_CLOSE_NOTIFY + 2, "%s, %s", name,
                             feeding_names[how]);
            }
            wsc_tls_shared_free(sh);
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}
