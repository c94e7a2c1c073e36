#include "client_hello.h"

#include <string.h>

struct writer {
    uint8_t *p;
    uint32_t len;
};

static void put(struct writer *o, const void *bytes, uint32_t n)
{
    memcpy(o->p + o->len, bytes, n);
    o->len += n;
}

static void put_u16(struct writer *o, uint32_t v)
{
    uint8_t b[2];
    wire_put16(b, v);
    put(o, b, 2);
}

static void put_random(struct writer *o, struct wire *w, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        o->p[o->len++] = (uint8_t)wire_random(w, 256);
}

static void put_extension(struct writer *o, uint32_t type, const void *bytes, uint32_t n)
{
    put_u16(o, type);
    put_u16(o, n);
    put(o, bytes, n);
}

/* The lengths of record, message and extensions, which are known only now. */
static uint32_t finish(struct writer *o, uint32_t extensions_at)
{
    wire_put16(o->p + 3, o->len - 5);
    o->p[6] = 0;
    wire_put16(o->p + 7, o->len - 9);
    wire_put16(o->p + extensions_at, o->len - extensions_at - 2);
    return o->len;
}

static void put_server_name(struct writer *o, uint32_t number)
{
    uint8_t body[64];
    int n = snprintf((char *)body + 5, sizeof(body) - 5, "site%u.host%u.example", number % 3000,
                     number % 17);
    wire_put16(body, (uint32_t)n + 3);
    body[2] = 0;
    wire_put16(body + 3, (uint32_t)n);
    put_extension(o, 0, body, (uint32_t)n + 5);
}

uint32_t client_hello(uint8_t *p, struct wire *w, uint32_t number)
{
    struct writer o = {.p = p};
    put(&o, "\x16\x03\x01\0\0\x01\0\0\0\x03\x03", 11);
    put_random(&o, w, 32);
    put(&o, "\x20", 1);
    put_random(&o, w, 32);
    put(&o,
        "\0\x1e\x13\x01\x13\x03\x13\x02\xc0\x2b\xc0\x2f\xcc\xa9\xcc\xa8\xc0\x2c\xc0\x30\xc0\x0a"
        "\xc0\x09\xc0\x13\xc0\x14\0\x9c\0\x9d\x01\0",
        34);
    uint32_t extensions_at = o.len;
    put_u16(&o, 0);
    put_server_name(&o, number);
    put_extension(&o, 23, "", 0);
    put_extension(&o, 10, "\0\x08\0\x1d\0\x17\0\x18\0\x19", 10);
    put_extension(&o, 11, "\x01\0", 2);
    put_extension(&o, 16, "\0\x0c\x02h2\x08http/1.1", 14);
    put_extension(&o, 13, "\0\x10\x04\x03\x05\x03\x06\x03\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01",
                  18);
    put_extension(&o, 43, "\x04\x03\x04\x03\x03", 5);
    put_extension(&o, 45, "\x01\x01", 2);
    put(&o, "\0\x33\0\x26\0\x24\0\x1d\0\x20", 10);
    put_random(&o, w, 32);
    put_u16(&o, 21);
    put_u16(&o, 150);
    memset(o.p + o.len, 0, 150);
    o.len += 150;
    return finish(&o, extensions_at);
}

uint32_t server_hello(uint8_t *p, struct wire *w)
{
    struct writer o = {.p = p};
    put(&o, "\x16\x03\x03\0\0\x02\0\0\0\x03\x03", 11);
    put_random(&o, w, 32);
    put(&o, "\x20", 1);
    put_random(&o, w, 32);
    put(&o, "\x13\x01\0", 3);
    uint32_t extensions_at = o.len;
    put_u16(&o, 0);
    put_extension(&o, 43, "\x03\x04", 2);
    put(&o, "\0\x33\0\x24\0\x1d\0\x20", 8);
    put_random(&o, w, 32);
    return finish(&o, extensions_at);
}
