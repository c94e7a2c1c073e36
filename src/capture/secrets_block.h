/* The body of a pcapng Decryption Secrets Block (draft-ietf-opsawg-pcapng 4.7). */
#ifndef WSC_CAPTURE_SECRETS_BLOCK_H
#define WSC_CAPTURE_SECRETS_BLOCK_H

#include <wsclose/types.h>

enum wsc_secrets_block {
    WSC_SECRETS_TLS,    /* NSS key log text */
    WSC_SECRETS_OTHER,  /* of another protocol: WireGuard, SSH, Zigbee ... */
    WSC_SECRETS_DAMAGED /* its secrets do not fit into it */
};

#define WSC_SECRETS_BLOCK_TYPE 0x0000000au
#define WSC_SECRETS_TLS_TYPE   0x544c534bu /* "TLSK" */

/* |body|: what stands between the block's two lengths; |swap|: its section has the byte order that
 * is not ours. Fills |text|, a part of |body|, for WSC_SECRETS_TLS. */
enum wsc_secrets_block wsc_secrets_block_read(struct wsc_span body, bool swap,
                                              struct wsc_span *text);

#endif
