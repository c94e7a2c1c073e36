/* Writes packets as pcapng (draft-ietf-opsawg-pcapng), with comments and any mix of link types,
 * which libpcap cannot. Times keep their nanoseconds. */
#ifndef WSCLOSE_PCAPNG_H
#define WSCLOSE_PCAPNG_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_pcapng;

/* The most bytes of a comment or a name; what is longer is cut. What is not UTF-8, and control
 * characters but the newline, are written as '?'. */
#define WSC_PCAPNG_TEXT_MAX 16384u

/* The most interfaces of one file. */
#define WSC_PCAPNG_INTERFACES_MAX 4096u

/* Begins a section on |fd| (the caller's; not closed), |comment| in its header unless NULL. Nothing
 * is written before a buffer is full or wsc_pcapng_flush(): a reader of the file meets whole blocks
 * only. Returns WSC_OK or WSC_ERR_NOMEM with |err| filled. The caller frees it. */
enum wsc_err wsc_pcapng_new(int fd, const char *comment, struct wsc_pcapng **out,
                            struct wsc_error *err) WSC_MUST_USE;

struct wsc_pcapng_interface {
    uint32_t link;      /* LINKTYPE_, below 65,536 */
    uint32_t snaplen;   /* 0: no limit */
    const char *name;   /* "eth0", or NULL */
    const char *filter; /* in tcpdump's language, or NULL */
};

/* Describes an interface; the first is number 0, the next 1. Returns WSC_OK, WSC_ERR_INVALID (a
 * link type that does not fit), WSC_ERR_LIMIT, WSC_ERR_IO. */
enum wsc_err wsc_pcapng_add(struct wsc_pcapng *w, const struct wsc_pcapng_interface *i,
                            struct wsc_error *err) WSC_MUST_USE;

/* Puts TLS secrets, as NSS key log text, before the packets they are for. Whoever has the file can
 * then read them. Returns WSC_OK, WSC_ERR_LIMIT (over 1 MiB) or WSC_ERR_IO. */
enum wsc_err wsc_pcapng_secrets(struct wsc_pcapng *w, struct wsc_span text,
                                struct wsc_error *err) WSC_MUST_USE;

/* Writes |pkt| (its bytes, lengths and time) as seen on interface |number|, with |comment| unless
 * NULL. Returns WSC_OK, WSC_ERR_INVALID (no such interface), WSC_ERR_LIMIT (longer than a reader
 * would believe) or WSC_ERR_IO. After WSC_ERR_IO a regular file is cut to its last whole block, and
 * every later call fails the same way. */
enum wsc_err wsc_pcapng_put(struct wsc_pcapng *w, uint32_t number, const struct wsc_packet *pkt,
                            const char *comment, struct wsc_error *err) WSC_MUST_USE;

/* Writes what is buffered. */
enum wsc_err wsc_pcapng_flush(struct wsc_pcapng *w, struct wsc_error *err) WSC_MUST_USE;

/* Bytes so far, written or buffered; and what one packet of |caplen| bytes without a comment adds.
 */
uint64_t wsc_pcapng_size(const struct wsc_pcapng *w);
uint64_t wsc_pcapng_cost(uint32_t caplen);

void wsc_pcapng_free(struct wsc_pcapng *w); /* what was not flushed is lost; NULL is legal */

#endif
