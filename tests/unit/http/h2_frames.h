/* Frames by hand for struct wsc_h2_script (RFC 9113 4.1: length, type, flags, stream). Header
 * blocks by hand too (RFC 7541: 8x indexed in the static table, 4x literal that is indexed, 0x and
 * 1x literal that is not); 62 and up (be, bf, ...) are what was indexed before, the newest first.
 */
#ifndef WSC_TEST_H2_FRAMES_H
#define WSC_TEST_H2_FRAMES_H

#define PREFACE  "C 505249202a20485454502f322e300d0a0d0a534d0d0a0d0a\n"
#define SETTINGS "000000 04 00 00000000\n"
#define ACK      "000000 04 01 00000000\n"
#define BEGIN    PREFACE " " SETTINGS "S 000006 04 00 00000000 0008 00000001\n" /* RFC 8441 3 */
#define BEGUN    "connect-protocol s2c\n"

/* :method CONNECT, :protocol websocket, both indexed; :scheme https; then 4 bytes of
 * :authority "h". */
#define CONNECT   "42 07 434f4e4e454354  40 09 3a70726f746f636f6c 09 776562736f636b6574  87 "
#define AUTHORITY "01 01 68 "
#define PATH(x)   "04 02 2f" x " " /* :path, not indexed: "/" and one letter */
/* A WebSocket on |stream|: 9 + 21 + 1 + 4 + 3 = 38 bytes. */
#define OPEN(stream, path) "C 000026 01 04 " stream " " CONNECT PATH(path) AUTHORITY "\n"
#define GET(stream)        "C 000006 01 05 " stream " 82 84 86 " AUTHORITY "\n" /* GET / http */
#define OK(stream)         "S 000001 01 04 " stream " 88\n"                     /* :status 200 */
#define S1                 "00000001"
#define S3                 "00000003"
#define S5                 "00000005"
#define S7                 "00000007"

#endif
