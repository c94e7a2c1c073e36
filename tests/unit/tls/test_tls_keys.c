/* The TLS stream with a key log that has not all, or not yet; and what is seen without one. */
#include "fixture.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const uint64_t wire[2];

static size_t feed(struct wsc_tls *t, enum wsc_dir d, const uint8_t *p, size_t n)
{
    return wsc_tls_feed(t, d, (struct wsc_span){.ptr = p, .len = n});
}

/* Feeds one connection in the order in which it was read. */
static struct wsc_tls_info run(struct wsc_tls_shared *sh, const struct fixture_conn *c,
                               struct outcome *o)
{
    outcome_init(o, c);
    struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, o);
    for (size_t i = 0; i < c->n_chunks; i++) {
        enum wsc_dir d = c->chunks[i].dir;
        size_t n = c->chunks[i].len;
        cr_assert_eq(feed(t, d, c->wire[d] + c->chunks[i].at, n), n);
    }
    wsc_tls_end(t);
    struct wsc_tls_info info = *wsc_tls_info(t);
    wsc_tls_free(t);
    return info;
}

/* The last connection of a fixture with a part of its key log. */
static struct wsc_tls_info with_keys(const char *name, const char *label, const char *but,
                                     struct outcome *o, struct fixture *f)
{
    fixture_load(name, f);
    struct wsc_keylog *kl = fixture_keylog(f, label, but);
    struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
    struct wsc_tls_info info = run(sh, &f->conn[f->n_conn - 1], o);
    wsc_tls_shared_free(sh);
    wsc_keylog_free(kl);
    return info;
}

/* Without keys: the hellos are read, nothing is handed on, the ends are seen. */
Test(tls_keys, none)
{
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        struct wsc_tls_info info = with_keys(name, "nothing of the sort", NULL, &o, &f);
        bool v13 = strstr(name, "tls13") != NULL || strstr(name, "rfc") != NULL;
        cr_expect_null(o.wrong, "%s: %s", name, o.wrong);
        cr_expect_eq(o.n_data + o.n_gaps, 0, "%s", name);
        cr_expect(info.client_hello && info.server_hello && info.established, "%s", name);
        cr_expect_eq(info.state, WSC_TLS_CLOSED, "%s", name);
        cr_expect_gt(info.records[0], 0, "%s", name);
        cr_expect_eq(info.records[0], info.unread[0], "%s", name);
        cr_expect_eq(info.records[1], info.unread[1], "%s", name);
        cr_expect_eq(o.alert[WSC_DIR_C2S], v13 ? 0 : WSC_TLS_ALERT_ENCRYPTED + 2, "%s", name);
        fixture_free(&f);
    }
}

static bool equal(const uint8_t *got, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(got, expected, len) == 0;
}

/* Versions and suites: what data/record.py asked for. */
Test(tls_keys, hellos)
{
    static const struct {
        const char *name;
        uint16_t version, suite;
        const char *sni, *alpn, *offered;
        bool resumed, early;
    } rows[] = {
        {"rfc8448", 0x0304, 0x1301, "server", "", "", false, false},
        {"tls13-aes128-gcm", 0x0304, 0x1301, "chat.example", "http/1.1", "http/1.1", false, false},
        {"tls13-aes256-gcm", 0x0304, 0x1302, "", "", "", false, false},
        {"tls13-ccm8", 0x0304, 0x1305, "", "", "", false, false},
        {"tls12-aes128-gcm", 0x0303, 0xc02b, "chat.example", "h2", "h2", false, false},
        {"tls12-ccm", 0x0303, 0xc0ac, "", "", "", false, false},
        {"tls12-cbc-sha384", 0x0303, 0xc024, "", "", "", false, false},
        {"tls12-rsa", 0x0303, 0x009d, "", "", "", false, false},
        {"tls11-cbc", 0x0302, 0x002f, "", "", "", false, false},
        {"tls10-cbc", 0x0301, 0x002f, "", "", "", false, false},
        {"tls12-resumed-id", 0x0303, 0xc02b, "", "", "", true, false},
        {"tls12-resumed-ticket", 0x0303, 0xc02b, "", "", "", true, false},
        {"tls13-resumed", 0x0304, 0x1302, "", "", "", true, false},
        {"tls13-early", 0x0304, 0x1302, "", "", "", true, true},
        {"tls13-early-refused", 0x0304, 0x1302, "", "", "", false, false},
    };
    static struct outcome o;
    struct fixture f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tls_info info = with_keys(rows[i].name, NULL, NULL, &o, &f);
        cr_expect_eq(info.version, rows[i].version, "%s", rows[i].name);
        cr_expect_eq(info.suite, rows[i].suite, "%s: %04x", rows[i].name, info.suite);
        cr_expect(equal(info.sni, info.sni_len, rows[i].sni), "%s", rows[i].name);
        cr_expect(equal(info.alpn, info.alpn_len, rows[i].alpn), "%s", rows[i].name);
        cr_expect(equal(info.offered, info.offered_len, rows[i].offered), "%s", rows[i].name);
        cr_expect_eq(info.resumed, rows[i].resumed, "%s", rows[i].name);
        cr_expect_eq(info.early_data, rows[i].early, "%s", rows[i].name);
        fixture_free(&f);
    }
}

/* TLS 1.3: which secrets suffice for what. */
Test(tls_keys, some)
{
    static const struct {
        const char *name, *label, *but;
        bool c2s, s2c; /* all of it is read; else nothing */
    } rows[] = {
        {"tls13-aes128-gcm", "SERVER", NULL, false, true},
        {"tls13-aes128-gcm", "CLIENT", NULL, true, false},
        {"tls13-aes128-gcm", "TRAFFIC_SECRET_0", NULL, true, true},
        {"tls13-aes128-gcm", "HANDSHAKE", NULL, false, false},
        {"tls13-aes128-gcm", NULL, "SERVER_HANDSHAKE", true, true},
        {"tls13-client-certificate", "TRAFFIC_SECRET_0", NULL, true, true},
        {"tls13-fragments", "TRAFFIC_SECRET_0", NULL, true, true},
        {"tls13-key-update", "TRAFFIC_SECRET_0", NULL, true, true},
        {"tls13-retry", "TRAFFIC_SECRET_0", NULL, true, true},
        {"tls13-early-refused", NULL, "EARLY", true, true},
        {"rfc8448", "CLIENT_TRAFFIC", NULL, true, false},
    };
    static struct outcome o;
    struct fixture f;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_tls_info info = with_keys(rows[i].name, rows[i].label, rows[i].but, &o, &f);
        const struct fixture_conn *c = &f.conn[f.n_conn - 1];
        cr_expect_null(o.wrong, "row %zu: %s", i, o.wrong);
        cr_expect_eq(o.bytes[0], rows[i].c2s ? c->says_len[0] : 0, "row %zu", i);
        cr_expect_eq(o.bytes[1], rows[i].s2c ? c->says_len[1] : 0, "row %zu", i);
        cr_expect_eq(o.n_gaps, 0, "row %zu", i);
        cr_expect(info.established, "row %zu", i);
        fixture_free(&f);
    }
}

/* Early data whose secret is missing are a gap at the beginning. */
Test(tls_keys, early_without_its_secret)
{
    static struct outcome o;
    struct fixture f;
    (void)with_keys("tls13-early", NULL, "EARLY", &o, &f);
    cr_expect_null(o.wrong, "%s", o.wrong);
    cr_assert_eq(o.n_gaps, 1);
    cr_expect_eq(o.gaps[0].off, 0);
    cr_expect_eq(o.gaps[0].len, WSC_TLS_GAP_UNKNOWN);
    cr_expect_eq(o.bytes[WSC_DIR_S2C], f.conn[1].says_len[WSC_DIR_S2C]);
    cr_expect_gt(o.bytes[WSC_DIR_C2S], 0);
    fixture_free(&f);
}

/* TLS 1.2 resumed, the key log naming only the first connection. */
Test(tls_keys, resumed_from_the_first)
{
    static const char *const names[] = {"tls12-resumed-id", "tls12-resumed-ticket"};
    static struct outcome o;
    for (size_t n = 0; n < 2; n++) {
        struct fixture f;
        fixture_load(names[n], &f);
        *strchr(f.keys, '\n') = '\0';
        strcat(f.keys, "\n"); /* the first line */
        struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
        struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
        (void)run(sh, &f.conn[0], &o);
        cr_expect(outcome_is_whole(&o), "%s", names[n]);
        struct wsc_tls_info info = run(sh, &f.conn[1], &o);
        cr_expect(outcome_is_whole(&o) && info.resumed, "%s: %s", names[n], o.wrong);
        wsc_tls_shared_free(sh);
        /* Without the first there is nothing to remember. */
        sh = wsc_tls_shared_new(kl, 1u << 20);
        (void)run(sh, &f.conn[1], &o);
        cr_expect_eq(o.n_data, 0, "%s", names[n]);
        wsc_tls_shared_free(sh);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Secrets that are not those of the connection open nothing. */
Test(tls_keys, wrong)
{
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        for (char *line = f.keys; *line != '\0'; line = strchr(line, '\n') + 1) {
            char *digit = strchr(line, '\n') - 1;
            *digit = *digit == '0' ? '1' : '0';
        }
        struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
        struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
        for (size_t i = 0; i < f.n_conn; i++) {
            struct wsc_tls_info info = run(sh, &f.conn[i], &o);
            cr_expect_null(o.wrong, "%s: %s", name, o.wrong);
            cr_expect_eq(o.n_data, 0, "%s", name);
            cr_expect(info.established && info.state == WSC_TLS_CLOSED, "%s", name);
            cr_expect_gt(info.unread[0], 0, "%s", name);
        }
        wsc_tls_shared_free(sh);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Bytes that wait for secrets, as the caller keeps them. */
struct waiting {
    struct wsc_tls *t;
    const struct fixture_conn *c;
    size_t taken[2];
};

static bool feed_rest(struct waiting *w, size_t piece)
{
    bool moved = false;
    for (unsigned d = 0; d < 2; d++) {
        size_t left = w->c->wire_len[d] - w->taken[d], n = left < piece ? left : piece;
        if (n == 0)
            continue;
        size_t took = feed(w->t, (enum wsc_dir)d, w->c->wire[d] + w->taken[d], n);
        w->taken[d] += took;
        moved = moved || took > 0;
    }
    return moved;
}

/* Live: secrets come one by one, each after everything stands still. */
Test(tls_keys, late)
{
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        if (f.n_conn > 1) {
            fixture_free(&f);
            continue;
        }
        struct wsc_keylog *kl = fixture_keylog(&f, "nothing of the sort", NULL);
        struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
        outcome_init(&o, &f.conn[0]);
        struct waiting w = {.t = wsc_tls_new(sh, wire, &outcome_ops, &o), .c = &f.conn[0]};
        wsc_tls_wait(w.t, true);
        while (feed_rest(&w, 100))
            ;
        cr_expect_eq(o.n_data, 0, "%s", name);
        cr_expect_eq(wsc_tls_info(w.t)->state, WSC_TLS_WAITING, "%s", name);
        for (char *line = f.keys; *line != '\0';) {
            size_t len = (size_t)(strchr(line, '\n') + 1 - line);
            cr_assert_eq(
                wsc_keylog_feed(kl, 0, (struct wsc_span){.ptr = (const uint8_t *)line, .len = len}),
                WSC_OK);
            while (feed_rest(&w, 100))
                ;
            line += len;
        }
        wsc_tls_end(w.t);
        cr_expect(outcome_is_whole(&o), "%s: %s, %zu and %zu bytes", name, o.wrong, o.bytes[0],
                  o.bytes[1]);
        wsc_tls_free(w.t);
        wsc_tls_shared_free(sh);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* They never come: after the word all is taken, and nothing is held. */
Test(tls_keys, given_up)
{
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        struct wsc_keylog *kl = fixture_keylog(&f, "nothing of the sort", NULL);
        struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
        size_t held = wsc_tls_shared_held(sh);
        outcome_init(&o, &f.conn[0]);
        struct waiting w = {.t = wsc_tls_new(sh, wire, &outcome_ops, &o), .c = &f.conn[0]};
        wsc_tls_wait(w.t, true);
        while (feed_rest(&w, 1000))
            ;
        wsc_tls_give_up(w.t);
        cr_expect_eq(wsc_tls_dir_state(w.t, WSC_DIR_C2S), WSC_TLS_CLOSED, "%s", name);
        while (feed_rest(&w, 1000))
            ;
        cr_expect_eq(w.taken[0] + w.taken[1], f.conn[0].wire_len[0] + f.conn[0].wire_len[1], "%s",
                     name);
        cr_expect_eq(o.n_data + o.n_gaps, 0, "%s", name);
        wsc_tls_free(w.t);
        cr_expect_leq(wsc_tls_shared_held(sh), held + 120000, "%s", name); /* pools keep slabs */
        wsc_tls_shared_free(sh);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Only one direction was captured: its hello says what it says. TLS 1.3 needs nothing of the server
 * to read the client, and the suite shows when a record opens. */
Test(tls_keys, one_direction)
{
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        bool v13 = strstr(name, "tls13") != NULL || strstr(name, "rfc") != NULL;
        struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
        struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
        for (unsigned d = 0; d < 2; d++) {
            const struct fixture_conn *c = &f.conn[0];
            bool readable = v13 && d == WSC_DIR_C2S;
            outcome_init(&o, c);
            struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, &o);
            cr_expect_eq(feed(t, (enum wsc_dir)d, c->wire[d], c->wire_len[d]), c->wire_len[d]);
            wsc_tls_end(t);
            cr_expect_null(o.wrong, "%s: %s", name, o.wrong);
            cr_expect_eq(o.bytes[d], readable ? c->says_len[d] : 0, "%s", name);
            cr_expect_eq(wsc_tls_info(t)->client_hello, d == WSC_DIR_C2S, "%s", name);
            cr_expect_eq(wsc_tls_info(t)->server_hello, d == WSC_DIR_S2C, "%s", name);
            cr_expect_eq(wsc_tls_dir_state(t, (enum wsc_dir)d),
                         readable ? WSC_TLS_OPEN : WSC_TLS_CLOSED, "%s", name);
            wsc_tls_free(t);
        }
        wsc_tls_shared_free(sh);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* A handshake that fails in the clear. */
Test(tls_keys, no_common_suite)
{
    static struct outcome o;
    struct fixture f;
    struct wsc_tls_info info;
    fixture_load("tls12-no-common-suite", &f);
    struct wsc_tls_shared *sh = wsc_tls_shared_new(NULL, 1u << 20);
    info = run(sh, &f.conn[0], &o);
    cr_expect_eq(o.alert[WSC_DIR_S2C], 40 + 2); /* handshake_failure */
    cr_expect(info.client_hello && !info.server_hello && !info.established);
    wsc_tls_shared_free(sh);
    fixture_free(&f);
}

/* The server's hello does not come, and the client sends more than is kept for it: all is walked.
 */
Test(tls_keys, more_than_is_kept)
{
    static uint8_t record[5 + 16000] = {23, 3, 3, 16000 >> 8, 16000 & 255};
    static struct outcome o;
    struct fixture f;
    fixture_load("rfc8448", &f);
    for (unsigned room = 0; room < 2; room++) {
        struct wsc_tls_shared *sh = wsc_tls_shared_new(NULL, room == 0 ? 20000 : 1u << 20);
        outcome_init(&o, &f.conn[0]);
        struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, &o);
        feed(t, WSC_DIR_C2S, f.conn[0].wire[WSC_DIR_C2S], f.conn[0].chunks[0].len);
        cr_expect_eq(o.records[WSC_DIR_C2S], 1);
        for (unsigned i = 0; i < 8; i++)
            cr_expect_eq(feed(t, WSC_DIR_C2S, record, sizeof(record)), sizeof(record));
        cr_expect_eq(wsc_tls_dir_state(t, WSC_DIR_C2S), WSC_TLS_CLOSED);
        cr_expect(wsc_tls_at_boundary(t, WSC_DIR_C2S));
        cr_expect_eq(o.records[WSC_DIR_C2S], 9);
        cr_expect_eq(wsc_tls_info(t)->unread[WSC_DIR_C2S], 8);
        wsc_tls_free(t);
        wsc_tls_shared_free(sh);
    }
    fixture_free(&f);
}

/* No room for records in pieces: they are gaps, and the next that comes whole is read. */
Test(tls_keys, no_room)
{
    static struct outcome o;
    struct fixture f;
    fixture_load("tls12-aes128-gcm", &f);
    struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
    struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 0);
    const struct fixture_conn *c = &f.conn[0];
    outcome_init(&o, c);
    struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, &o);
    for (size_t i = 0; i < c->n_chunks; i++) {
        enum wsc_dir d = c->chunks[i].dir;
        const uint8_t *p = c->wire[d] + c->chunks[i].at;
        size_t first = i == c->n_chunks - 5 ? 9 : c->chunks[i].len; /* a record of data */
        feed(t, d, p, first);
        if (first < c->chunks[i].len)
            feed(t, d, p + first, c->chunks[i].len - first);
    }
    wsc_tls_end(t);
    cr_expect_null(o.wrong, "%s", o.wrong);
    cr_expect_eq(o.n_gaps, 1);
    cr_expect_eq(o.off[0] + o.off[1], c->says_len[0] + c->says_len[1]);
    wsc_tls_free(t);
    wsc_tls_shared_free(sh);
    wsc_keylog_free(kl);
    fixture_free(&f);
}

/* Without keys an alert in the clear is believed only as long as its sender protects nothing: what
 * comes later in the clear is not its own. */
Test(tls_keys, an_alert_forged)
{
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 48};
    static const uint8_t data[] = {23, 3, 3, 0, 1, 'x'};
    static struct outcome o;
    struct fixture f;
    fixture_load("rfc8448", &f);
    for (unsigned late = 0; late < 2; late++) {
        struct wsc_tls_shared *sh = wsc_tls_shared_new(NULL, 1u << 20);
        const struct fixture_conn *c = &f.conn[0];
        outcome_init(&o, c);
        struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, &o);
        feed(t, WSC_DIR_C2S, c->wire[WSC_DIR_C2S], c->chunks[0].len);
        feed(t, WSC_DIR_S2C, c->wire[WSC_DIR_S2C], c->wire_len[WSC_DIR_S2C]);
        if (late)
            feed(t, WSC_DIR_C2S, data, sizeof(data));
        feed(t, WSC_DIR_C2S, alert, sizeof(alert));
        cr_expect_eq(o.alert[WSC_DIR_C2S], late ? 0 : 48 + 2, "%u: %d", late, o.alert[WSC_DIR_C2S]);
        wsc_tls_free(t);
        wsc_tls_shared_free(sh);
    }
    fixture_free(&f);
}

/* Records that are not whole have a ceiling over all connections: what finds no room is not read,
 * and nothing is made up for it. */
Test(tls_keys, no_room_for_what_is_not_whole)
{
    static const size_t room[] = {0, 64, 1u << 20};
    static struct outcome o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        fixture_load(name, &f);
        for (size_t i = 0; f.n_conn == 1 && i < sizeof(room) / sizeof(room[0]); i++) {
            struct wsc_keylog *kl = fixture_keylog(&f, NULL, NULL);
            struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, room[i]);
            outcome_init(&o, &f.conn[0]);
            struct waiting w = {.t = wsc_tls_new(sh, wire, &outcome_ops, &o), .c = &f.conn[0]};
            size_t before = wsc_tls_shared_held(sh), most = before;
            while (feed_rest(&w, 50))
                most = wsc_tls_shared_held(sh) > most ? wsc_tls_shared_held(sh) : most;
            wsc_tls_end(w.t);
            cr_expect(room[i] > 0 || most == before, "%s: %zu held", name, most - before);
            cr_expect_null(o.wrong, "%s, %zu: %s", name, room[i], o.wrong);
            cr_expect_eq(outcome_is_whole(&o), room[i] > 64, "%s, %zu", name, room[i]);
            cr_expect(room[i] > 0 || o.n_data == 0, "%s", name);
            wsc_tls_free(w.t);
            wsc_tls_shared_free(sh);
            wsc_keylog_free(kl);
        }
        fixture_free(&f);
    }
}
