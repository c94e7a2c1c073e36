/* One line of NSS key log text (RFC 9850 2). Pure: bytes in, a secret out. */
#ifndef WSC_TLS_KEYLOG_LINE_H
#define WSC_TLS_KEYLOG_LINE_H

#include "tls/keylog.h"

enum wsc_keylog_line {
    WSC_KEYLOG_SECRET,    /* one of ours */
    WSC_KEYLOG_BLANK,     /* empty, or a comment */
    WSC_KEYLOG_UNNEEDED,  /* a label we know and have no use for: exporters, QUIC, later keys */
    WSC_KEYLOG_UNKNOWN,   /* looks like a line, with a label we do not know */
    WSC_KEYLOG_UNREADABLE /* cut, damaged, or no key log text at all */
};

/* Longest secret of any cipher suite: SHA-384's. */
#define WSC_KEYLOG_SECRET_LEN 48

struct wsc_keylog_secret {
    uint8_t client_random[WSC_CLIENT_RANDOM_LEN];
    uint8_t secret[WSC_KEYLOG_SECRET_LEN];
    uint8_t label; /* enum wsc_secret_label */
    uint8_t len;   /* 32 or 48 */
};

/* |line| is without its newline; a carriage return at its end is no part of it. Fills |out|, which
 * the caller wipes, only for WSC_KEYLOG_SECRET. */
enum wsc_keylog_line wsc_keylog_line_read(struct wsc_span line, struct wsc_keylog_secret *out);

/* The other way, with the newline. Returns its length; 0: it does not fit |cap|. */
size_t wsc_keylog_line_write(const struct wsc_keylog_secret *s, char *out, size_t cap);

#endif
