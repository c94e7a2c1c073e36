/* The TLS stream on damaged streams: bytes lost at every record, bits flipped, records forged. What
 * is handed on must always be a part of what was said, at its offset as long as no gap of unknown
 * length precedes it. */
#include "fixture.h"

#include "base/bytes.h"
#include "tls/record.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

struct record {
    size_t at, len; /* header included */
};

static size_t records_of(const struct fixture_conn *c, enum wsc_dir d, struct record *out)
{
    size_t n = 0;
    for (size_t at = 0; at + 5 <= c->wire_len[d] && n < FIXTURE_EVENTS; n++) {
        out[n].at = at;
        out[n].len = 5u + wsc_be16(c->wire[d] + at + 3);
        at += out[n].len;
    }
    return n;
}

/* What is done to one direction. */
struct damage {
    enum wsc_dir dir;
    size_t lost_at, lost;  /* bytes that are not there */
    size_t flip_at;        /* ... that are others, SIZE_MAX: none */
    uint8_t flip;          /* which bits of it; 0: one that depends on where it is */
    const uint8_t *forged; /* inserted before |forged_at| */
    size_t forged_len, forged_at;
};

static void feed(struct wsc_tls *t, enum wsc_dir d, const uint8_t *p, size_t n)
{
    if (n > 0)
        cr_assert_eq(wsc_tls_feed(t, d, (struct wsc_span){.ptr = p, .len = n}), n);
}

/* Feeds a chunk at |at| of a direction, less what is lost of it. */
static void feed_damaged(struct wsc_tls *t, const struct damage *x, const uint8_t *p, size_t at,
                         size_t n)
{
    size_t lost_end = x->lost_at + x->lost, end = at + n;
    if (x->forged != NULL && x->forged_at >= at && x->forged_at < end) {
        feed(t, x->dir, p, x->forged_at - at);
        feed(t, x->dir, x->forged, x->forged_len);
        feed(t, x->dir, p + (x->forged_at - at), end - x->forged_at);
        return;
    }
    if (x->lost == 0 || end <= x->lost_at || at >= lost_end) {
        feed(t, x->dir, p, n);
        return;
    }
    if (at <= x->lost_at) {
        feed(t, x->dir, p, x->lost_at - at);
        wsc_tls_gap(t, x->dir, x->lost);
    }
    if (end > lost_end)
        feed(t, x->dir, p + (lost_end - at), end - lost_end);
}

static void run(struct wsc_keylog *kl, const struct fixture_conn *c, const struct damage *x,
                struct outcome *o)
{
    static const uint64_t wire[2];
    struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, 1u << 20);
    outcome_init(o, c);
    struct wsc_tls *t = wsc_tls_new(sh, wire, &outcome_ops, o);
    for (size_t i = 0; i < c->n_chunks; i++) {
        enum wsc_dir d = c->chunks[i].dir;
        size_t at = c->chunks[i].at, n = c->chunks[i].len;
        uint8_t *copy = malloc(n);
        memcpy(copy, c->wire[d] + at, n);
        if (d == x->dir && x->flip_at - at < n)
            copy[x->flip_at - at] ^= (uint8_t)(x->flip != 0 ? x->flip : 1u << x->flip_at % 8);
        if (d == x->dir)
            feed_damaged(t, x, copy, at, n);
        else
            feed(t, d, copy, n);
        free(copy);
    }
    wsc_tls_end(t);
    o->established = wsc_tls_info(t)->established;
    wsc_tls_free(t);
    wsc_tls_shared_free(sh);
}

static bool overlaps(uint64_t start, uint64_t end, size_t at, size_t len)
{
    return start < at + len && at < end;
}

/* Data of |whole| that the damage did not touch and that |o| does not have. */
static size_t missing(const struct outcome *whole, const struct outcome *o, const struct damage *x)
{
    size_t n = 0;
    for (size_t i = 0; i < whole->n_data; i++) {
        if (whole->data[i].dir == x->dir &&
            overlaps(whole->data[i].start, whole->data[i].end, x->lost_at, x->lost))
            continue;
        bool found = false;
        for (size_t k = 0; k < o->n_data && !found; k++)
            found =
                o->data[k].dir == whole->data[i].dir && o->data[k].start == whole->data[i].start;
        n += !found;
    }
    return n;
}

/* Where one direction's first application data begin on the wire. */
static size_t data_begin(const struct outcome *o, enum wsc_dir d)
{
    for (size_t i = 0; i < o->n_data; i++)
        if (o->data[i].dir == d)
            return (size_t)o->data[i].start;
    return SIZE_MAX;
}

/* Bytes of a record that are lost: from, to; negative counts from its end. */
static const struct {
    const char *name;
    int from, to;
    bool headers; /* the header of this record or of another is lost */
} cuts[] = {
    {"whole record", 0, 0, true},
    {"first byte", 0, 1, true},
    {"last byte of the header", 4, 5, true},
    {"its header", 0, 5, true},
    {"its body", 5, 0, false},
    {"first byte of the body", 5, 6, false},
    {"last byte", -1, 0, false},
    {"all but the first byte", 1, 0, true},
    {"end and the next header's begin", -3, 2, true},
};

/* How many records that the cut does not touch may stay unread behind it. */
static size_t allowed(const char *name)
{
    if (strstr(name, "tls10") != NULL)
        return 1; /* its first block is encrypted with the last of the lost record */
    /* A lost hello of a renegotiation, or two key updates at once, are for good; and what waits for
     * the server's word on early data does not survive a gap. */
    bool for_good = strstr(name, "renegotiation") != NULL || strstr(name, "key-update") != NULL ||
                    strstr(name, "early") != NULL;
    return for_good ? SIZE_MAX : 0;
}

static void cut(const char *name, struct wsc_keylog *kl, const struct outcome *whole,
                enum wsc_dir d, const struct record *r, size_t kind)
{
    struct outcome o;
    struct damage x = {.dir = d, .flip_at = SIZE_MAX};
    size_t from = cuts[kind].from < 0 ? r->len - (size_t)-cuts[kind].from : (size_t)cuts[kind].from;
    size_t to = cuts[kind].to > 0 && cuts[kind].from >= 0 ? (size_t)cuts[kind].to
                                                          : r->len + (size_t)cuts[kind].to;
    x.lost_at = r->at + from;
    x.lost = to - from;
    if (x.lost_at + x.lost > whole->conn->wire_len[d])
        return;
    run(kl, whole->conn, &x, &o);
    cr_expect_null(o.wrong, "%s, %s at %zu of direction %d: %s", name, cuts[kind].name, r->at, d,
                   o.wrong);
    /* A handshake with a hole is not one that failed. */
    cr_expect(o.established, "%s, %s at %zu of direction %d", name, cuts[kind].name, r->at, d);
    /* Of TLS 1.3's handshake only the ClientHello is needed, and before it is sent again its first
     * bytes. */
    bool v13 = strstr(name, "tls13") != NULL || strstr(name, "rfc") != NULL;
    bool needless = v13 && (d == WSC_DIR_S2C || r->at > 0) && strstr(name, "retry") == NULL;
    if (needless || r->at >= data_begin(whole, d))
        cr_expect_leq(missing(whole, &o, &x), allowed(name), "%s, %s at %zu of direction %d", name,
                      cuts[kind].name, r->at, d);
}

/* Loads a fixture, its last connection for |whole|. */
static struct wsc_keylog *load(const char *name, struct fixture *f, struct outcome *whole)
{
    fixture_load(name, f);
    struct wsc_keylog *kl = fixture_keylog(f, NULL, NULL);
    run(kl, &f->conn[f->n_conn - 1], &(struct damage){.flip_at = SIZE_MAX}, whole);
    cr_assert(outcome_is_whole(whole), "%s", name);
    return kl;
}

Test(tls_gaps, every_record_lost)
{
    static struct outcome whole;
    static struct record r[FIXTURE_EVENTS];
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        struct wsc_keylog *kl = load(name, &f, &whole);
        for (unsigned d = 0; d < 2; d++) {
            size_t count = records_of(whole.conn, (enum wsc_dir)d, r);
            for (size_t i = 0; i < count; i++)
                for (size_t k = 0; k < sizeof(cuts) / sizeof(cuts[0]); k++)
                    cut(name, kl, &whole, (enum wsc_dir)d, &r[i], k);
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* A body that is lost costs what it held, where the cipher says how much that is. */
Test(tls_gaps, a_lost_body_is_told_exactly)
{
    static const char *const exact[] = {"tls12-aes128-gcm", "tls12-ccm8", "tls12-chacha20",
                                        "tls12-big"};
    static struct outcome whole, o;
    struct fixture f;
    for (size_t n = 0; n < sizeof(exact) / sizeof(exact[0]); n++) {
        struct wsc_keylog *kl = load(exact[n], &f, &whole);
        for (size_t i = 0; i < whole.n_data; i++) {
            struct damage x = {.dir = whole.data[i].dir,
                               .flip_at = SIZE_MAX,
                               .lost_at = (size_t)whole.data[i].start + 6,
                               .lost = 3};
            run(kl, whole.conn, &x, &o);
            cr_expect_null(o.wrong, "%s: %s", exact[n], o.wrong);
            cr_assert_eq(o.n_gaps, 1, "%s", exact[n]);
            cr_expect_eq(o.gaps[0].off, whole.data[i].off, "%s", exact[n]);
            cr_expect_eq(o.gaps[0].len, whole.data[i].len, "%s", exact[n]);
            cr_expect_eq(o.gaps[0].start, whole.data[i].start, "%s", exact[n]);
            cr_expect_eq(o.gaps[0].end, whole.data[i].end, "%s", exact[n]);
            cr_expect_eq(o.off[0] + o.off[1], whole.off[0] + whole.off[1], "%s", exact[n]);
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Many records lost at once: the counter is found again. */
Test(tls_gaps, a_long_hole)
{
    static const char *const names[] = {"tls12-aes128-gcm", "tls12-cbc-sha256", "tls12-fragments",
                                        "tls13-fragments", "tls13-chacha20"};
    static struct outcome whole, o;
    static struct record r[FIXTURE_EVENTS];
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        for (unsigned d = 0; d < 2; d++) {
            size_t count = records_of(whole.conn, (enum wsc_dir)d, r), first = 0;
            while (r[first].at < data_begin(&whole, (enum wsc_dir)d))
                first++;
            for (size_t last = first + 1; last < count; last++) {
                struct damage x = {.dir = (enum wsc_dir)d,
                                   .flip_at = SIZE_MAX,
                                   .lost_at = r[first].at + 7,
                                   .lost = r[last].at - r[first].at - 4};
                run(kl, whole.conn, &x, &o);
                cr_expect_null(o.wrong, "%s: %s", names[n], o.wrong);
                cr_expect_eq(missing(&whole, &o, &x), 0, "%s, records %zu to %zu", names[n], first,
                             last);
            }
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Wherever a bit is not as it was sent: nothing wrong is handed on. */
Test(tls_gaps, a_bit_flipped)
{
    static struct outcome whole, o;
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        struct wsc_keylog *kl = load(name, &f, &whole);
        for (unsigned d = 0; d < 2; d++) {
            size_t len = whole.conn->wire_len[d], step = len > 2000 ? 67 : 3;
            for (size_t at = n % step; at < len; at += step) {
                struct damage x = {.dir = (enum wsc_dir)d, .flip_at = at};
                run(kl, whole.conn, &x, &o);
                cr_expect_null(o.wrong, "%s, byte %zu of direction %u: %s", name, at, d, o.wrong);
            }
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Records that somebody else puts between those of the sender are passed over, and cost nothing
 * but themselves: what is said is not interrupted, for no number is missing. */
Test(tls_gaps, a_record_forged)
{
    static uint8_t data[70] = {23, 3, 3, 0, 65}, alert[] = {21, 3, 3, 0, 2, 2, 40};
    static const struct {
        const char *name;
        const uint8_t *record;
        size_t len;
    } forged[] = {{"data", data, sizeof(data)}, {"alert", alert, sizeof(alert)}};
    static struct outcome whole, o;
    static struct record r[FIXTURE_EVENTS];
    struct fixture f;
    const char *name;
    for (size_t n = 0; (name = fixture_name(n)) != NULL; n++) {
        struct wsc_keylog *kl = load(name, &f, &whole);
        for (unsigned k = 0; k < 4; k++) {
            enum wsc_dir d = (enum wsc_dir)(k % 2);
            size_t count = records_of(whole.conn, d, r);
            for (size_t i = 0; i < count; i++) {
                struct damage x = {.dir = d,
                                   .flip_at = SIZE_MAX,
                                   .forged = forged[k / 2].record,
                                   .forged_len = forged[k / 2].len,
                                   .forged_at = r[i].at};
                if (r[i].at <= data_begin(&whole, d))
                    continue;
                run(kl, whole.conn, &x, &o);
                cr_expect_null(o.wrong, "%s, %s before %zu: %s", name, forged[k / 2].name, r[i].at,
                               o.wrong);
                if (strstr(name, "tls10") != NULL)
                    continue; /* the next record hangs on the one before */
                cr_expect(o.alert[d] == whole.alert[d], "%s, %s before %zu: believed", name,
                          forged[k / 2].name, r[i].at);
                cr_expect(outcome_is_whole(&o), "%s, %s before %zu", name, forged[k / 2].name,
                          r[i].at);
            }
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* A hello has the version of TLS 1.0 in its header, whatever is spoken then: a client whose records
 * up to its first data are lost, but for the hello, is found again. */
Test(tls_gaps, a_handshake_lost_behind_the_hello)
{
    static const char *const names[] = {"tls10-cbc", "tls11-cbc", "tls12-cbc-sha1"};
    static struct outcome whole, o;
    static struct record r[FIXTURE_EVENTS];
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        (void)records_of(whole.conn, WSC_DIR_C2S, r);
        struct damage x = {.dir = WSC_DIR_C2S, .flip_at = SIZE_MAX, .lost_at = r[1].at};
        x.lost = data_begin(&whole, WSC_DIR_C2S) - x.lost_at;
        run(kl, whole.conn, &x, &o);
        cr_expect_null(o.wrong, "%s: %s", names[n], o.wrong);
        cr_expect_leq(missing(&whole, &o, &x), allowed(names[n]), "%s", names[n]);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Where nothing behind the hole opens, all may have been in it. */
Test(tls_gaps, a_hole_to_the_end_is_told)
{
    static const char *const names[] = {"tls11-cbc", "tls12-aes128-gcm", "tls13-aes128-gcm"};
    static struct outcome whole, o;
    static struct record r[FIXTURE_EVENTS];
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        (void)records_of(whole.conn, WSC_DIR_C2S, r);
        struct damage x = {.dir = WSC_DIR_C2S, .flip_at = SIZE_MAX, .lost_at = r[1].at};
        x.lost = whole.conn->wire_len[WSC_DIR_C2S] - x.lost_at;
        run(kl, whole.conn, &x, &o);
        cr_expect_null(o.wrong, "%s: %s", names[n], o.wrong);
        cr_assert_eq(o.n_gaps, 1, "%s: %zu gaps", names[n], o.n_gaps);
        cr_expect_eq(o.gaps[0].dir, WSC_DIR_C2S, "%s", names[n]);
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Where the chunk ends that was sent with the byte at |at|. */
static size_t chunk_end(const struct fixture_conn *c, enum wsc_dir d, size_t at)
{
    for (size_t i = 0; i < c->n_chunks; i++)
        if (c->chunks[i].dir == d && at - c->chunks[i].at < c->chunks[i].len)
            return c->chunks[i].at + c->chunks[i].len;
    return SIZE_MAX;
}

/* The length of a record is longer than its sender wrote: what it would swallow is not lost behind
 * the end of what was sent at once. */
Test(tls_gaps, a_length_too_long)
{
    static const char *const names[] = {"tls12-aes128-gcm", "tls12-chacha20", "tls13-aes128-gcm"};
    static struct outcome whole, o;
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        for (size_t i = 0; i < whole.n_data; i++) {
            size_t at = (size_t)whole.data[i].start;
            struct damage x = {.dir = whole.data[i].dir, .flip_at = at + 3, .flip = 0x20};
            run(kl, whole.conn, &x, &o);
            x.lost_at = at;
            x.lost = chunk_end(whole.conn, x.dir, at) - at;
            cr_expect_null(o.wrong, "%s, %zu: %s", names[n], at, o.wrong);
            cr_expect_eq(missing(&whole, &o, &x), 0, "%s, %zu", names[n], at);
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* The type of a record is not the one its sender wrote, but one that TLS 1.3 has in the clear: it
 * was still a record of the sender, which is missing, and counts. */
Test(tls_gaps, a_type_of_the_clear)
{
    static const char *const names[] = {"tls12-aes128-gcm", "tls13-aes128-gcm", "tls13-chacha20"};
    static const uint8_t flips[] = {WSC_TLS_APPLICATION_DATA ^ WSC_TLS_ALERT,
                                    WSC_TLS_APPLICATION_DATA ^ WSC_TLS_HANDSHAKE_MESSAGE};
    static struct outcome whole, o;
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        for (size_t i = 0; i < 2 * whole.n_data; i++) {
            size_t at = (size_t)whole.data[i / 2].start;
            struct damage x = {.dir = whole.data[i / 2].dir, .flip_at = at, .flip = flips[i % 2]};
            run(kl, whole.conn, &x, &o);
            x.lost_at = at;
            x.lost = (size_t)whole.data[i / 2].end - at;
            cr_expect_null(o.wrong, "%s, %zu: %s", names[n], at, o.wrong);
            cr_expect_eq(missing(&whole, &o, &x), 0, "%s, %zu", names[n], at);
            cr_expect(o.n_gaps > 0, "%s, %zu: no gap", names[n], at);
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}

/* Nothing comes of direction |d| from |end| on. */
static void end_at(struct fixture_conn *c, enum wsc_dir d, size_t end)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_chunks; i++) {
        c->chunks[n] = c->chunks[i];
        if (c->chunks[n].dir == d && c->chunks[n].at >= end)
            continue;
        if (c->chunks[n].dir == d && c->chunks[n].len > end - c->chunks[n].at)
            c->chunks[n].len = end - c->chunks[n].at;
        n++;
    }
    c->n_chunks = n;
}

static size_t gaps_of(const struct outcome *o, enum wsc_dir d)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_gaps; i++)
        n += o->gaps[i].dir == d;
    return n;
}

/* The same at the end, where nothing comes that would show it: the record never completes. One that
 * is cut off there as it was being sent is none of those. */
Test(tls_gaps, a_length_too_long_at_the_end)
{
    static const char *const names[] = {"tls12-aes128-gcm", "tls12-chacha20", "tls12-cbc-sha256",
                                        "tls13-aes128-gcm"};
    static struct outcome whole, o;
    struct fixture f;
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct wsc_keylog *kl = load(names[n], &f, &whole);
        for (size_t i = 0; i < 2 * whole.n_data; i++) {
            bool cut = i % 2 == 1;
            size_t at = (size_t)whole.data[i / 2].start, end = (size_t)whole.data[i / 2].end;
            struct fixture_conn c = *whole.conn;
            struct damage x = {.dir = whole.data[i / 2].dir, .flip_at = SIZE_MAX};
            if (!cut) {
                x.flip_at = at + 3;
                x.flip = 0x20;
            }
            end_at(&c, x.dir, cut ? end - 1 : end);
            run(kl, &c, &x, &o);
            cr_expect_null(o.wrong, "%s, %zu: %s", names[n], at, o.wrong);
            cr_expect_eq(gaps_of(&o, x.dir), cut ? 0 : 1, "%s, %zu, cut %d: %zu", names[n], at, cut,
                         gaps_of(&o, x.dir));
        }
        wsc_keylog_free(kl);
        fixture_free(&f);
    }
}
