#include "ws/ws_close.h"

#include "support/hex.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* ---- the body as it stands on the wire ---- */

struct body_row {
    const char *name;
    const char *hex;
    uint64_t wire_len; /* 0: as long as |hex| */
    int code;
    int reason_len; /* -1: not captured */
    bool empty, bad_length, bad_code, bad_utf8;
};

/* clang-format off */
static const struct body_row bodies[] = {
    /*                                  body                 wire code         reason empty  length code   utf8 */
    {"empty",                           "",                  0, WSC_UNKNOWN,   0, true,  false, false, false},
    {"one byte",                        "03",                0, WSC_UNKNOWN,   0, false, true,  false, false},
    {"code alone",                      "03e8",              0, 1000,          0, false, false, false, false},
    {"code and reason",                 "03e9 627965",       0, 1001,          3, false, false, false, false},
    {"reason of two-byte characters",   "0fa0 c3a9c3a9",     0, 4000,          4, false, false, false, false},
    {"reason ends inside a character",  "03e8 c3",           0, 1000,          1, false, false, false, true},
    {"reason is a surrogate",           "03e8 eda080",       0, 1000,          3, false, false, false, true},
    {"reason is Latin-1",               "03e8 e9",           0, 1000,          1, false, false, false, true},
    {"code 0",                          "0000",              0, 0,             0, false, false, true,  false},
    {"code 1005, bad reason",           "03ed ff",           0, 1005,          1, false, false, true,  true},
    {"code 65535",                      "ffff",              0, 65535,         0, false, false, true,  false},
    {"nothing captured of one byte",    "",                  1, WSC_UNKNOWN,   0, false, true,  false, false},
    {"nothing captured of a code",      "",                  2, WSC_UNKNOWN,  -1, false, false, false, false},
    {"half a code captured",            "03",                2, WSC_UNKNOWN,  -1, false, false, false, false},
    {"code captured, reason not",       "03e8",              9, 1000,         -1, false, false, false, false},
    {"reason cut inside a character",   "03e8 41c3",         9, 1000,          2, false, false, false, false},
};
/* clang-format on */

Test(ws_close, bodies)
{
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct body_row *r = &bodies[i];
        uint8_t raw[64];
        size_t n = wsc_test_hex(r->hex, raw, sizeof(raw));
        uint8_t *exact = malloc(n + (n == 0)); /* so that a sanitizer sees an over-read */
        memcpy(exact, raw, n);
        struct wsc_ws_close c;
        uint64_t wire_len = r->wire_len != 0 ? r->wire_len : n;
        wsc_ws_close_parse((struct wsc_span){.ptr = exact, .len = n}, wire_len, &c);
        int reason_len = c.reason.ptr != NULL ? (int)c.reason.len : -1;
        cr_expect_eq(c.code, r->code, "%s: code %d", r->name, c.code);
        cr_expect_eq(reason_len, r->reason_len, "%s: reason of %d", r->name, reason_len);
        cr_expect_eq(c.empty, r->empty, "%s: empty", r->name);
        cr_expect_eq(c.bad_length, r->bad_length, "%s: bad_length", r->name);
        cr_expect_eq(c.bad_code, r->bad_code, "%s: bad_code", r->name);
        cr_expect_eq(c.bad_utf8, r->bad_utf8, "%s: bad_utf8", r->name);
        if (c.reason.len > 0)
            cr_expect_eq(memcmp(c.reason.ptr, raw + 2, c.reason.len), 0, "%s: reason", r->name);
        free(exact);
    }
}

/* ---- codes at the edges of each range (RFC 6455 7.4.1, 7.4.2; IANA registry) ---- */

struct code_row {
    int first, last;
    bool bad;
};

static const struct code_row codes[] = {
    {0, 999, true},     {1000, 1003, false}, {1004, 1006, true},  {1007, 1014, false},
    {1015, 2999, true}, {3000, 4999, false}, {5000, 65535, true},
};

Test(ws_close, every_code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        for (int code = codes[i].first; code <= codes[i].last; code++) {
            uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
            struct wsc_ws_close c;
            wsc_ws_close_parse((struct wsc_span){.ptr = body, .len = 2}, 2, &c);
            cr_assert_eq(c.code, code);
            cr_assert_eq(c.bad_code, codes[i].bad, "%d", code);
        }
    }
}
