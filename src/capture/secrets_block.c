#include "capture/secrets_block.h"

#include <string.h>

/*   0                   1                   2                   3
 *  +---------------------------------------------------------------+
 *  |                          Secrets Type                         |
 *  +---------------------------------------------------------------+
 *  |                         Secrets Length                        |
 *  +---------------------------------------------------------------+
 *  /                          Secrets Data                         /
 *  /              (variable length, padded to 32 bits)             /
 *  +---------------------------------------------------------------+
 *  /                       Options (variable)                      /
 */
static uint32_t get32(const uint8_t *p, bool swap)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return swap ? __builtin_bswap32(v) : v;
}

enum wsc_secrets_block wsc_secrets_block_read(struct wsc_span body, bool swap,
                                              struct wsc_span *text)
{
    if (body.len < 8 || get32(body.ptr + 4, swap) > body.len - 8)
        return WSC_SECRETS_DAMAGED;
    if (get32(body.ptr, swap) != WSC_SECRETS_TLS_TYPE)
        return WSC_SECRETS_OTHER;
    *text = (struct wsc_span){.ptr = body.ptr + 8, .len = get32(body.ptr + 4, swap)};
    return WSC_SECRETS_TLS;
}
