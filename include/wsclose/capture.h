/* Capture files and pipes as one stream of packets in time order. Formats: pcap and pcapng
 * (libpcap), also compressed with gzip, zstd, xz, bzip2 or lz4 (libarchive). */
#ifndef WSCLOSE_CAPTURE_H
#define WSCLOSE_CAPTURE_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_capture;

/* Takes the TLS secrets of one Decryption Secrets Block: |text| is NSS key log text, whole lines,
 * valid during the call only; |capture| is the number of the capture that holds it. Comes from
 * within wsc_capture_next(), before any packet that stands behind the block. */
typedef void (*wsc_capture_secrets_fn)(void *ctx, size_t capture, struct wsc_span text);

struct wsc_capture_options {
    const char *filter;                /* BPF in tcpdump's language, NULL for none */
    bool fingerprint;                  /* compute wsc_capture_fingerprint() while reading */
    wsc_capture_secrets_fn on_secrets; /* NULL: not wanted */
    void *secrets_ctx;
};

/* Opens |n| captures (1..WSC_MAX_CAPTURES) of one capture point; "-" is standard input (at most
 * once). Packets of several come merged by time; equal times in the order of |paths|. A path given
 * twice is an error. Returns WSC_OK; WSC_ERR_IO (cannot open or read), WSC_ERR_FORMAT (not a
 * capture), WSC_ERR_INVALID (bad filter) with |err| filled: its message names the file. |*out| is
 * NULL unless WSC_OK. A file of zero bytes is WSC_ERR_FORMAT. The caller closes it. */
enum wsc_err wsc_capture_open(const char *const *paths, size_t n,
                              const struct wsc_capture_options *opt, struct wsc_capture **out,
                              struct wsc_error *err) WSC_MUST_USE;

/* The next packet; |*pkt| and its bytes are valid until the next call. ref names file and packet
 * number (a packet that |filter| rejects is counted in the numbers but not returned). Returns
 * WSC_OK; WSC_END when all are done; WSC_DAMAGED when one capture breaks off here (|err| names file
 * and packet; call again for the rest of the others); WSC_ERR_NOMEM. */
enum wsc_err wsc_capture_next(struct wsc_capture *c, struct wsc_packet *pkt,
                              struct wsc_error *err) WSC_MUST_USE;

/* As several calls of wsc_capture_next(): 1..|max| packets, as many as lie at hand together, |*n|
 * of them, all valid until the next call. What is no packet (an error, the end, secrets) comes from
 * a call of its own. */
enum wsc_err wsc_capture_next_batch(struct wsc_capture *c, struct wsc_packet *pkts, size_t max,
                                    size_t *n, struct wsc_error *err) WSC_MUST_USE;

/* Makes a wsc_capture_next() that waits return WSC_END soon. Safe in a signal handler. */
void wsc_capture_stop(struct wsc_capture *c);

struct wsc_capture_info {
    const char *name; /* as given; "-" for standard input */
    uint64_t packets,
        bytes;         /* read so far: packets in the file, bytes of packet data on the wire */
    uint64_t size;     /* of the file on disk, 0 if it is not a regular file */
    uint64_t position; /* in the file on disk, for progress; 0 if not known */
    uint64_t first_ns, last_ns; /* earliest and latest packet time, 0 if none */
    uint32_t snaplen;           /* as the header says, 0 if it does not */
    bool damaged;
};
size_t wsc_capture_count(const struct wsc_capture *c);
/* |info->name| lives as long as |c|. */
void wsc_capture_info(const struct wsc_capture *c, size_t index, struct wsc_capture_info *info);

/* A fingerprint of the content of capture |index| read to its end: 32 lower-case hex digits and a
 * NUL. It covers the order, times (ns), lengths and the leading 256 bytes of every packet in the
 * file, so a copy under another name, or compressed, or converted between pcap and pcapng has the
 * same one. */
#define WSC_FINGERPRINT_LEN 32u
void wsc_capture_fingerprint(const struct wsc_capture *c, size_t index,
                             char out[WSC_FINGERPRINT_LEN + 1]);

void wsc_capture_close(struct wsc_capture *c); /* NULL is legal */

#endif
