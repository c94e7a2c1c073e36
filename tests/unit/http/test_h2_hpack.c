/* Header blocks of which some are lost, made by nghttp2's encoder: what comes out is what went in,
 * or has no name. */
#include "http/h2_hpack.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 12u

struct field {
    char name[24], value[48];
};

/* What was encoded, against which each field is held as it comes. */
struct block {
    struct field fields[FIELDS];
    size_t count, seen, unnamed;
};

static unsigned roll(uint64_t *state, unsigned sides)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % sides;
}

static bool is(struct wsc_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static void on_field(void *ctx, struct wsc_span name, struct wsc_span value)
{
    struct block *b = ctx;
    cr_assert_lt(b->seen, b->count);
    const struct field *f = &b->fields[b->seen++];
    b->unnamed += name.len == 0;
    if (name.len != 0)
        cr_assert(is(name, f->name), "%.*s for %s", (int)name.len, (const char *)name.ptr, f->name);
    if (name.len != 0 || value.len != 0)
        cr_assert(is(value, f->value), "%.*s for %s: %s", (int)value.len, (const char *)value.ptr,
                  f->name, f->value);
}

static const struct wsc_h2_hpack_ops ops = {.on_field = on_field};

static void make(struct block *b, uint64_t *chance)
{
    static const char *const common[] = {":method", ":path", "server", "cookie", "date", ":status"};
    *b = (struct block){.count = 1 + roll(chance, FIELDS)};
    for (size_t i = 0; i < b->count; i++) {
        struct field *f = &b->fields[i];
        if (roll(chance, 2))
            snprintf(f->name, sizeof(f->name), "%s", common[roll(chance, 6)]);
        else
            snprintf(f->name, sizeof(f->name), "x-%u", roll(chance, 20));
        snprintf(f->value, sizeof(f->value), "%0*u", (int)roll(chance, 30) + 1, roll(chance, 9));
    }
}

static size_t encode(nghttp2_hd_deflater *deflater, const struct block *b, uint64_t *chance,
                     uint8_t *out, size_t cap)
{
    nghttp2_nv nv[FIELDS];
    for (size_t i = 0; i < b->count; i++) {
        /* nghttp2 wants them writable, and writes nothing. */
        memcpy(&nv[i].name, &(const char *){b->fields[i].name}, sizeof(char *));
        memcpy(&nv[i].value, &(const char *){b->fields[i].value}, sizeof(char *));
        nv[i].namelen = strlen(b->fields[i].name);
        nv[i].valuelen = strlen(b->fields[i].value);
        nv[i].flags = roll(chance, 8) == 0 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    }
    ssize_t n = nghttp2_hd_deflate_hd(deflater, out, cap, nv, b->count);
    cr_assert_gt(n, 0);
    return (size_t)n;
}

/* |lossy|: of how many blocks one is lost; 0: none. Returns the fields that had a name. */
static size_t try_blocks(uint64_t chance, size_t table, unsigned lossy)
{
    struct wsc_h2_hpack p = {0};
    nghttp2_hd_deflater *deflater;
    size_t named = 0;
    cr_assert_eq(nghttp2_hd_deflate_new(&deflater, table), 0);
    for (unsigned i = 0; i < 400; i++) {
        struct block b;
        uint8_t bytes[4096];
        if (roll(&chance, 50) == 0)
            cr_assert_eq(
                nghttp2_hd_deflate_change_table_size(deflater, roll(&chance, (unsigned)table + 1)),
                0);
        make(&b, &chance);
        size_t n = encode(deflater, &b, &chance, bytes, sizeof(bytes));
        bool lost = lossy != 0 && roll(&chance, lossy) == 0;
        size_t cut = roll(&chance, (unsigned)n + 1);
        wsc_h2_hpack_begin(&p);
        bool ok =
            wsc_h2_hpack_feed(&p, (struct wsc_span){.ptr = bytes, .len = cut}, false, &ops, &b);
        if (lost)
            wsc_h2_hpack_lose(&p);
        else
            ok = wsc_h2_hpack_feed(&p, (struct wsc_span){.ptr = bytes + cut, .len = n - cut}, true,
                                   &ops, &b);
        cr_assert(!ok || lost || b.seen == b.count);
        cr_assert(lossy != 0 || (ok && b.unnamed == 0));
        named += b.seen - b.unnamed;
    }
    nghttp2_hd_deflate_del(deflater);
    wsc_h2_hpack_clear(&p);
    cr_assert_eq(p.held, 0);
    return named;
}

Test(h2_hpack, nothing_comes_out_wrong)
{
    static const size_t tables[] = {4096, 0, 100, 512, 16384, 65536};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (unsigned seed = 0; seed < 8; seed++) {
            size_t all = try_blocks(seed, tables[i], 0);
            size_t few = try_blocks(seed, tables[i], 5), most = try_blocks(seed, tables[i], 50);
            cr_expect_gt(all, 2000);
            cr_expect_gt(few, all / 10, "table of %zu: %zu of %zu", tables[i], few, all);
            cr_expect_gt(most, all / 4, "table of %zu: %zu of %zu", tables[i], most, all);
        }
}

/* RFC 7541 C.3, C.4: requests, without and with Huffman codes. */
Test(h2_hpack, examples_of_the_rfc)
{
    static const struct {
        uint8_t bytes[32];
        size_t len;
        struct block fields;
    } blocks[] = {
        {"\x82\x86\x84\x41\x0fwww.example.com",
         20,
         {.fields = {{":method", "GET"},
                     {":scheme", "http"},
                     {":path", "/"},
                     {":authority", "www.example.com"}},
          .count = 4}},
        {"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
         12,
         {.fields = {{":method", "GET"},
                     {":scheme", "http"},
                     {":path", "/"},
                     {":authority", "www.example.com"},
                     {"cache-control", "no-cache"}},
          .count = 5}},
        {"\x82\x87\x85\xbf\x40\x0a"
         "custom-key\x0c"
         "custom-value",
         29,
         {.fields = {{":method", "GET"},
                     {":scheme", "https"},
                     {":path", "/index.html"},
                     {":authority", "www.example.com"},
                     {"custom-key", "custom-value"}},
          .count = 5}},
    };
    struct wsc_h2_hpack p = {0};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct block b = blocks[i].fields;
        wsc_h2_hpack_begin(&p);
        cr_expect(wsc_h2_hpack_feed(
            &p, (struct wsc_span){.ptr = blocks[i].bytes, .len = blocks[i].len}, true, &ops, &b));
        cr_expect_eq(b.seen, b.count);
        cr_expect_eq(b.unnamed, 0);
    }
    wsc_h2_hpack_clear(&p);
}

/* Filling up a table costs: not more often than what was read allows. */
Test(h2_hpack, tables_are_not_filled_up_for_ever)
{
    static const uint8_t bad[] = {0xff, 0xff, 0x7f}; /* an index nobody can mean */
    struct wsc_h2_hpack p = {0};
    struct block b = {0};
    for (unsigned i = 0; i < 10000; i++) {
        wsc_h2_hpack_begin(&p);
        cr_expect_not(wsc_h2_hpack_feed(&p, (struct wsc_span){.ptr = bad, .len = sizeof(bad)}, true,
                                        &ops, &b));
    }
    cr_expect_leq(p.refilled, 64 + 30000 / 4096 + 1);
    cr_expect_geq(p.refilled, 64);
    wsc_h2_hpack_clear(&p);
}
