/* Changes whole packets of a classic pcap, where bytes changed at random would only break its
 * framing: called by libFuzzer instead of its own mutations, which it uses for the bytes inside. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { CHOICE = 1, FILE_HEADER = 24, HEADER = 16, MOST = 256 };

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

/* Where packets begin, and behind the last; returns their number. */
static size_t find(const uint8_t *data, size_t size, size_t at[MOST + 1])
{
    size_t n = 0, p = CHOICE + FILE_HEADER;
    if (size < p || get32(data + CHOICE) != 0xa1b2c3d4)
        return 0;
    while (n < MOST && size - p >= HEADER && get32(data + p + 8) <= size - p - HEADER) {
        at[n++] = p;
        p += HEADER + get32(data + p + 8);
    }
    at[n] = p;
    return n;
}

/* Other bytes in a packet, perhaps more or fewer: its lengths follow, those of IPv4 too. */
static size_t body(uint8_t *data, size_t size, size_t max, const size_t *at)
{
    uint8_t *p = data + at[0], *end = data + at[1];
    size_t len = (size_t)(end - p) - HEADER, rest = size - at[1];
    uint8_t bytes[4096];
    size_t room = max - size + len;
    if (len > sizeof(bytes))
        return size;
    memcpy(bytes, p + HEADER, len);
    size_t skip = len > 54 ? 34u + (get32(p) % 3u) * 10u : 0;
    size_t now = skip + LLVMFuzzerMutate(bytes + skip, len - skip,
                                         (room < sizeof(bytes) ? room : sizeof(bytes)) - skip);
    memmove(p + HEADER + now, end, rest);
    memcpy(p + HEADER, bytes, now);
    put32(p + 8, (uint32_t)now);
    put32(p + 12, (uint32_t)now);
    if (now > 34 && bytes[12] == 8 && bytes[13] == 0) {
        p[HEADER + 16] = (uint8_t)((now - 14) >> 8);
        p[HEADER + 17] = (uint8_t)(now - 14);
    }
    return size - len + now;
}

static size_t repeat(uint8_t *data, size_t size, size_t max, const size_t *at)
{
    size_t len = at[1] - at[0];
    if (size + len > max)
        return size;
    memmove(data + at[1] + len, data + at[1], size - at[1]);
    memcpy(data + at[1], data + at[0], len);
    return size + len;
}

static size_t drop(uint8_t *data, size_t size, const size_t *at)
{
    memmove(data + at[0], data + at[1], size - at[1]);
    return size - (at[1] - at[0]);
}

static void swap(uint8_t *data, const size_t *at)
{
    uint8_t first[4096];
    size_t a = at[1] - at[0], b = at[2] - at[1];
    if (a > sizeof(first))
        return;
    memcpy(first, data + at[0], a);
    memmove(data + at[0], data + at[1], b);
    memcpy(data + at[0] + b, first, a);
}

/* The sequence number, the acknowledgement or the flags of TCP over IPv4 over Ethernet. */
static void number(uint8_t *data, const size_t *at, unsigned seed)
{
    uint8_t *tcp = data + at[0] + HEADER + 34;
    if (at[1] - at[0] < HEADER + 54)
        return;
    if (seed & 1)
        tcp[13] ^= (uint8_t)(1u << (seed >> 1) % 6);
    else
        tcp[seed & 2 ? 7 : 11] = (uint8_t)(tcp[seed & 2 ? 7 : 11] + (seed >> 2) % 9 - 4);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t at[MOST + 1], n = find(data, size, at);
    if (n == 0 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    const size_t *one = &at[(seed >> 8) % n];
    switch (seed >> 2 & 7) {
    case 0:
        return repeat(data, size, max_size, one);
    case 1:
        return drop(data, size, one);
    case 2:
        if (one + 1 < at + n)
            swap(data, one);
        return size;
    case 3: /* a pause */
        for (; one < at + n; one++)
            put32(data + *one, get32(data + *one) + 31);
        return size;
    case 4:
        number(data, one, seed >> 5);
        return size;
    default:
        return body(data, size, max_size, one);
    }
}
