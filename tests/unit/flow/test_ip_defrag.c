#include "flow/ip_defrag.h"

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N(table)  (sizeof(table) / sizeof((table)[0]))
#define SECOND    UINT64_C(1000000000)
#define ROOM      ((size_t)1 << 20)
#define ALL       65535u /* the largest datagram */
#define MAX_COUNT 4096u

/* A fragment of |len| bytes, each of them |fill|, in a block of exactly its size. */
static bool push(struct wsc_ip_defrag *d, struct wsc_fragment f, uint32_t len, char fill,
                 uint64_t ts_ns, struct wsc_fragment *first, struct wsc_span *payload)
{
    uint8_t *block = malloc(len + 1u);
    memset(block, fill, len + 1u);
    f.data = (struct wsc_span){.ptr = block, .len = len};
    if (f.wire_len == 0)
        f.wire_len = len;
    bool whole = wsc_ip_defrag_push(d, &f, ts_ns, first, payload);
    free(block);
    return whole;
}

/* A script is a list of fragments, "fill offset length [flags]", separated by commas; offset and
 * length in bytes. Flags: + more follow, 6 IPv6, t another tunnel, i another id, p another
 * protocol, s another source, c one byte more than captured, w 31 s later. What becomes whole is
 * told as runs of bytes, "a8 b8", and a bar after each datagram. */
struct script {
    const char *name, *fragments, *whole;
    uint64_t dropped;
};

static void tell(char *out, size_t cap, struct wsc_span payload)
{
    for (size_t i = 0; i < payload.len;) {
        size_t run = i;
        while (run < payload.len && payload.ptr[run] == payload.ptr[i])
            run++;
        size_t used = strlen(out);
        snprintf(out + used, cap - used, "%c%zu ", payload.ptr[i], run - i);
        i = run;
    }
    strncat(out, "|", cap - strlen(out) - 1);
}

static const char *push_one(struct wsc_ip_defrag *d, const char *p, uint64_t *now, char *out,
                            size_t cap)
{
    char *rest;
    while (isspace((unsigned char)*p))
        p++;
    char fill = *p++;
    struct wsc_fragment f = {.family = 4, .ip_proto = 6, .id = 7, .ttl = (uint8_t)fill, .src = {1}};
    f.offset = (uint32_t)strtoul(p, &rest, 10);
    uint32_t len = (uint32_t)strtoul(rest, &rest, 10);
    for (p = rest; *p != '\0' && *p != ','; p++) {
        f.more |= *p == '+';
        f.family = *p == '6' ? 6 : f.family;
        f.tunnel_id += *p == 't';
        f.id += *p == 'i';
        f.ip_proto = *p == 'p' ? 17 : f.ip_proto;
        f.src[0] = *p == 's' ? 2 : f.src[0];
        f.wire_len = *p == 'c' ? len + 1 : f.wire_len;
        *now += *p == 'w' ? 31 * SECOND : 0;
    }
    struct wsc_fragment first;
    struct wsc_span payload;
    if (push(d, f, len, fill, *now, &first, &payload)) {
        cr_expect_eq(first.ttl, payload.ptr[0], "not the first fragment's description");
        tell(out, cap, payload);
    }
    return *p == ',' ? p + 1 : p;
}

static const struct script scripts[] = {
    {"in order", "a 0 8 +, b 8 16 +, c 24 3", "a8 b16 c3 |", 0},
    {"backwards", "c 24 3, b 8 16 +, a 0 8 +", "a8 b16 c3 |", 0},
    {"inside out", "b 8 16 +, a 0 8 +, c 24 3", "a8 b16 c3 |", 0},
    {"copies", "a 0 8 +, a 0 8 +, b 8 8, b 8 8", "a8 b8 |", 0},
    {"twice in full", "a 0 8 +, b 8 8, a 0 8 +, b 8 8", "a8 b8 |a8 b8 |", 0},
    {"a hole", "a 0 8 +, c 16 8", "", 0},
    {"no first", "b 8 8", "", 0},
    {"no last", "a 0 8 +, b 8 8 +", "", 0},
    {"two datagrams at once", "a 0 8 +, x 0 8 + i, y 8 1 i, b 8 2", "x8 y1 |a8 b2 |", 0},
    {"two tunnels", "a 0 8 +, y 8 1 t, b 8 2", "a8 b2 |", 0},
    {"two senders", "a 0 8 +, y 8 1 s, b 8 2", "a8 b2 |", 0},
    {"two protocols", "a 0 8 +, y 8 1 p, b 8 2", "a8 b2 |", 0},
    {"two families", "a 0 8 +, y 8 1 6, b 8 2", "a8 b2 |", 0},
    {"IPv6", "a 0 8 +6, b 8 2 6", "a8 b2 |", 0},
    {"IPv6: later fragments may name another protocol", "a 0 8 +6, b 8 2 6p", "a8 b2 |", 0},
    {"IPv4: what came first stays, tail", "a 0 16 +, b 8 16", "a16 b8 |", 0},
    {"IPv4: what came first stays, head", "b 8 16, a 0 16 +", "a8 b16 |", 0},
    {"IPv4: what came first stays, middle", "b 8 8 +, a 0 24 +, c 24 1", "a8 b8 a8 c1 |", 0},
    {"IPv4: a copy with other bytes", "a 0 8 +, x 0 8 +, b 8 1", "a8 b1 |", 0},
    {"IPv6: overlap", "a 0 16 +6, b 8 16 6, c 24 8 6", "", 1},
    {"IPv6: what comes after the overlap", "a 0 16 +6, b 8 8 +6, a 0 8 +6, b 8 8 6", "", 1},
    {"IPv6: overlap that fills a hole", "a 0 8 +6, c 16 8 6, b 0 16 +6", "", 1},
    {"IPv6: exact copy", "a 0 16 +6, a 0 16 +6, b 16 8 6", "a16 b8 |", 0},
    {"IPv6: a copy of a part is none", "a 0 16 +6, a 8 8 +6, b 16 8 6", "", 1},
    {"IPv6: a copy with other bytes is none", "a 0 16 +6, x 0 16 +6, b 16 8 6", "", 1},
    {"teardrop", "a 0 40 +, b 24 4", "", 1},
    {"beyond the end", "a 0 8 +, c 16 8, x 24 8 +", "", 1},
    {"the end comes after what is beyond it", "a 0 8 +, x 24 8 +, c 16 8", "", 1},
    {"two ends", "a 0 8 +, b 8 8, a 0 8 +, b 8 8, a 0 8 +, b 16 8, c 8 16",
     "a8 b8 |a8 b8 |a8 c8 b8 |", 0},
    {"two ends that differ", "b 8 8, c 8 16, a 0 8 +", "", 1},
    {"not in units of 8", "a 0 9 +, b 9 1", "", 1},
    {"empty", "a 0 0 +", "", 1},
    {"up to the largest", "a 0 65528 +, b 65528 7", "a65528 b7 |", 0},
    {"one byte more", "a 0 65528 +, b 65528 8", "", 1},
    {"offsets beyond", "a 65536 8, b 4294967288 8 +", "", 2},
    {"cut", "a 0 8 +, b 8 7 c", "", 1},
    {"cut, and what comes after", "a 0 7 + c, b 8 8, a 0 8 +", "", 1},
    {"late", "a 0 8 +, b 8 1 w", "", 1},
    {"late, but all of it", "a 0 8 +, a 0 8 + w, b 8 1", "a8 b1 |", 1},
};

Test(ip_defrag, follows_the_script)
{
    for (size_t i = 0; i < N(scripts); i++) {
        const struct script *s = &scripts[i];
        struct wsc_ip_defrag *d = wsc_ip_defrag_new(ROOM);
        char out[256] = "";
        uint64_t now = 1000 * SECOND;
        for (const char *p = s->fragments; *p != '\0';)
            p = push_one(d, p, &now, out, sizeof(out));
        cr_expect_str_eq(out, s->whole, "%s: \"%s\"", s->name, out);
        cr_expect_eq(wsc_ip_defrag_dropped(d), s->dropped, "%s: %lu dropped", s->name,
                     (unsigned long)wsc_ip_defrag_dropped(d));
        wsc_ip_defrag_free(d);
    }
}

static struct wsc_fragment numbered(uint32_t id, uint32_t offset, bool more)
{
    return (struct wsc_fragment){
        .family = 4, .ip_proto = 6, .id = id, .ttl = 9, .offset = offset, .more = more};
}

Test(ip_defrag, gives_all_memory_back)
{
    struct wsc_ip_defrag *d = wsc_ip_defrag_new(ROOM);
    struct wsc_fragment first;
    struct wsc_span payload;
    for (uint32_t id = 0; id < 100; id++)
        push(d, numbered(id, 0, true), 8, 'a', SECOND, &first, &payload);
    cr_expect_gt(wsc_ip_defrag_held(d), 100 * 8);
    for (uint32_t id = 0; id < 100; id++)
        cr_expect(push(d, numbered(id, 8, false), 8, 'b', SECOND, &first, &payload));
    cr_expect_eq(wsc_ip_defrag_held(d), 0);
    wsc_ip_defrag_free(d);
    wsc_ip_defrag_free(NULL);
}

Test(ip_defrag, keeps_the_newest_4096)
{
    struct wsc_ip_defrag *d = wsc_ip_defrag_new((size_t)64 << 20);
    struct wsc_fragment first;
    struct wsc_span payload;
    for (uint32_t id = 0; id <= MAX_COUNT; id++)
        push(d, numbered(id, 0, true), 8, 'a', SECOND, &first, &payload);
    cr_expect_eq(wsc_ip_defrag_dropped(d), 1);
    /* More of a datagram that is known needs no room for one. */
    push(d, numbered(1, 16, true), 8, 'a', SECOND, &first, &payload);
    cr_expect_eq(wsc_ip_defrag_dropped(d), 1);
    cr_expect(push(d, numbered(MAX_COUNT, 8, false), 8, 'b', SECOND, &first, &payload));
    cr_expect_not(push(d, numbered(0, 8, false), 8, 'b', SECOND, &first, &payload), "evicted");
    wsc_ip_defrag_free(d);
}

Test(ip_defrag, never_holds_more_than_it_may)
{
    static const size_t rooms[] = {0, 100, 1000, 5000, 70000};
    for (size_t r = 0; r < N(rooms); r++) {
        struct wsc_ip_defrag *d = wsc_ip_defrag_new(rooms[r]);
        struct wsc_fragment first;
        struct wsc_span payload;
        bool ok = true;
        for (uint32_t id = 0; id < 200; id++)
            for (uint32_t at = 0; at < 4096; at += 512) {
                push(d, numbered(id % 20, at, true), 8, 'a', SECOND, &first, &payload);
                ok &= wsc_ip_defrag_held(d) <= rooms[r];
            }
        /* Fills many holes at once. */
        push(d, numbered(19, 0, false), 4096, 'b', SECOND, &first, &payload);
        ok &= wsc_ip_defrag_held(d) <= rooms[r];
        cr_expect(ok, "held more than %zu", rooms[r]);
        wsc_ip_defrag_free(d);
    }
}

Test(ip_defrag, puts_8192_tiny_fragments_together_in_any_order)
{
    enum { UNITS = 8192, STEP = 4099 }; /* a step with no divisor in common visits each unit once */
    struct wsc_ip_defrag *d = wsc_ip_defrag_new((size_t)4 << 20);
    struct wsc_fragment first;
    struct wsc_span payload = {.len = 0};
    bool whole = false;
    for (uint32_t i = 0; i < UNITS; i++) {
        uint32_t unit = i * STEP % UNITS;
        bool last = unit == UNITS - 1;
        cr_assert_not(whole);
        whole = push(d, numbered(1, unit * 8, !last), last ? 7 : 8, (char)unit, SECOND, &first,
                     &payload);
    }
    cr_assert(whole);
    cr_assert_eq(payload.len, ALL);
    for (uint32_t i = 0; i < ALL; i++)
        cr_assert_eq(payload.ptr[i], (uint8_t)(i / 8), "byte %u", i);
    wsc_ip_defrag_free(d);
}

Test(ip_defrag, survives_clocks_at_both_ends_of_time)
{
    static const uint64_t times[] = {UINT64_MAX, 0, UINT64_MAX - SECOND, 5};
    struct wsc_ip_defrag *d = wsc_ip_defrag_new(ROOM);
    struct wsc_fragment first;
    struct wsc_span payload;
    for (size_t i = 0; i < N(times); i++) {
        push(d, numbered(1, 0, true), 8, 'a', times[i], &first, &payload);
        cr_expect(push(d, numbered(1, 8, false), 8, 'b', times[i], &first, &payload), "%zu", i);
    }
    wsc_ip_defrag_free(d);
}

static bool nth_fails(void *ctx)
{
    unsigned *left = ctx;
    return (*left)-- != 0;
}

Test(ip_defrag, survives_the_failure_of_each_allocation)
{
    for (unsigned n = 0; n < 8; n++) {
        unsigned left = n;
        wsc_alloc_set_hook(nth_fails, &left);
        struct wsc_ip_defrag *d = wsc_ip_defrag_new(ROOM);
        struct wsc_fragment first;
        struct wsc_span payload;
        cr_expect_eq(d == NULL, n == 0);
        if (d != NULL) {
            push(d, numbered(1, 0, true), 8, 'a', SECOND, &first, &payload);
            bool whole = push(d, numbered(1, 8, false), 8, 'b', SECOND, &first, &payload);
            cr_expect_eq(whole, n >= 5, "allocation %u",
                         n); /* itself, 1 datagram, 2 parts, 1 whole */
            wsc_alloc_set_hook(NULL, NULL);
            push(d, numbered(2, 0, true), 8, 'a', SECOND, &first, &payload);
            cr_expect(push(d, numbered(2, 8, false), 8, 'b', SECOND, &first, &payload));
        }
        wsc_alloc_set_hook(NULL, NULL);
        wsc_ip_defrag_free(d);
    }
}
