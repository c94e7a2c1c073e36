/* Aimed at wsc_secrets_block_read(). Byte 0: the byte order. */
#include "capture/secrets_block.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

static uint32_t number(const uint8_t *p, bool swap)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return swap ? __builtin_bswap32(v) : v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    bool swap = data[0] & 1;
    size_t n = size - 1;
    uint8_t *body = malloc(n + (n == 0));
    memcpy(body, data + 1, n);
    struct wsc_span text = {NULL, 0};
    enum wsc_secrets_block kind =
        wsc_secrets_block_read((struct wsc_span){.ptr = body, .len = n}, swap, &text);
    must((kind == WSC_SECRETS_DAMAGED) == (n < 8 || number(body + 4, swap) > n - 8));
    if (kind == WSC_SECRETS_TLS)
        must(text.ptr == body + 8 && text.len == number(body + 4, swap) && text.len <= n - 8);
    else
        must(text.ptr == NULL);
    free(body);
    return 0;
}
