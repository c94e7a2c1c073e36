/* One HTTP/1 head (RFC 9112 2.1), read where it lies: whoever has it whole need not copy it, and
 * who gets it in pieces goes on where it stopped.
 *
 * Tolerates what recipients do: empty lines before it, LF alone, folded lines, spaces before a
 * colon. Fails on what makes readers differ over where a message ends: two lengths, a length and a
 * coding, a length that is no number. */
#ifndef WSC_HTTP_H1_HEAD_H
#define WSC_HTTP_H1_HEAD_H

#include "http/head_text.h"

enum wsc_h1_scanned {
    WSC_H1_SCAN_MORE, /* all bytes are the head's, and it goes on */
    WSC_H1_SCAN_DONE, /* |at| is its length */
    WSC_H1_SCAN_BAD   /* no head */
};

/* Offsets are from the head's first byte, bits are by item (head_text.h). */
struct wsc_h1_scan {
    uint32_t at;             /* bytes read */
    uint32_t line, value;    /* where the line at hand starts, and the value in it */
    uint32_t fields;         /* where the first field's line starts */
    uint32_t found, mended;  /* items there are; those that are repeated or folded */
    uint64_t content_length; /* if |has_length| */
    uint16_t status;         /* of a response */
    uint8_t version, step, item;
    bool requests, folded, has_length;
    bool coded, chunked; /* Transfer-Encoding is there; its last coding is chunked */
    bool get, connect, head_method;
    struct {
        uint32_t at, len;
    } items[WSC_HEAD_NONE]; /* of those that are found */
};

void wsc_h1_scan_init(struct wsc_h1_scan *s, bool requests);
/* For the fields after the last chunk (RFC 9112 7.1.2), with the empty line that ends them. */
void wsc_h1_scan_init_trailers(struct wsc_h1_scan *s, bool requests);

/* Goes on reading. |head| is its first byte, |len| what there is of it, up to 4 GiB; what was there
 * before must be there again, wherever it lies now. */
enum wsc_h1_scanned wsc_h1_scan(struct wsc_h1_scan *s, const uint8_t *head, size_t len);

/* Fills |out| from a head that is done and lies at |head|. Its spans point there, and of fields
 * that are repeated or folded into |*joined|, which the caller frees. False: no memory. */
bool wsc_h1_scan_take(const struct wsc_h1_scan *s, const uint8_t *head, struct wsc_h1_head *out,
                      uint8_t **joined);

#endif
