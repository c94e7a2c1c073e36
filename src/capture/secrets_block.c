#include "capture/secrets_block.h"

#include "capture/swapped.h"

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
enum wsc_secrets_block wsc_secrets_block_read(struct wsc_span body, bool swap,
                                              struct wsc_span *text)
{
    if (body.len < 8 || wsc_swapped32(body.ptr + 4, swap) > body.len - 8)
        return WSC_SECRETS_DAMAGED;
    if (wsc_swapped32(body.ptr, swap) != WSC_SECRETS_TLS_TYPE)
        return WSC_SECRETS_OTHER;
    *text = (struct wsc_span){.ptr = body.ptr + 8, .len = wsc_swapped32(body.ptr + 4, swap)};
    return WSC_SECRETS_TLS;
}
