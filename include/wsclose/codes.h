/* The code book: the WebSocket close code registry (RFC 6455 7.4, 11.7; IANA). */
#ifndef WSCLOSE_CODES_H
#define WSCLOSE_CODES_H

#include <wsclose/types.h>

/* One registered code, or a range of them (first < last). Static data, valid for ever. */
struct wsc_code_info {
    int first, last;
    const char *name;      /* "Abnormal Closure" */
    bool on_wire;          /* may stand in a Close frame */
    const char *reported;  /* who reports it, or "" */
    const char *reference; /* "RFC 6455 7.4.1" */
};

/* All entries in ascending order of |first|; |*n| receives their number. */
const struct wsc_code_info *wsc_codes(size_t *n);

/* The most specific entry that holds |code| (a single code before a range), or NULL outside
 * 0..65535. */
const struct wsc_code_info *wsc_code_find(int code);

/* True if an endpoint may put |code| into a Close frame (RFC 6455 7.4.1, 7.4.2, IANA): 1000-1003,
 * 1007-1014, 3000-4999. The others are 0-999, 1004-1006, 1015-2999, 5000 and above. */
bool wsc_code_on_wire(int code);

#endif
