#include "support/hex.h"

#include <ctype.h>
#include <stdlib.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    abort();
}

size_t wsc_test_hex(const char *text, uint8_t *out, size_t cap)
{
    size_t n = 0;
    for (const char *p = text; *p != '\0';) {
        if (isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        if (n == cap || p[1] == '\0')
            abort();
        out[n++] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
        p += 2;
    }
    return n;
}
