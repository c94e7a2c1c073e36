/* One capture format over one input: packets in the order of the file. */
#ifndef WSC_CAPTURE_SOURCE_H
#define WSC_CAPTURE_SOURCE_H

#include "capture/input.h"

#include <wsclose/types.h>

struct wsc_source;

struct wsc_source_ops {
    /* The next packet; its ref is left to the caller. Returns WSC_OK, WSC_END, WSC_DAMAGED (|why|,
     * of |cap| bytes, says how) or WSC_ERR_NOMEM. The bytes are valid until the next call. */
    enum wsc_err (*next)(struct wsc_source *s, struct wsc_packet *pkt, char *why, size_t cap);
    /* True if next() would give a packet that lies at hand: then those given before stay valid.
     * NULL: never. */
    bool (*at_hand)(const struct wsc_source *s);
    void (*close)(struct wsc_source *s); /* also closes the input */
};

/* Takes the TLS key log text of one block; valid during the call. */
typedef void (*wsc_source_secrets_fn)(void *ctx, struct wsc_span text);

struct wsc_source {
    const struct wsc_source_ops *ops;
    uint32_t snaplen; /* as the header says, 0 if it does not */
    /* Told, from within next(), of secrets that stand before the packet; NULL: not wanted. */
    wsc_source_secrets_fn on_secrets;
    void *secrets_ctx;
};

/* All take the input, which stands at its first byte, over on WSC_OK.
 * wsc_source_libpcap_open(): classic pcap by libpcap; wsc_source_pcap_open(): by ourselves where it
 * is of the usual kind, WSC_ERR_NOT_FOUND (without |err|) where it is left to libpcap. */
enum wsc_err wsc_source_pcap_open(struct wsc_input *in, struct wsc_source **out) WSC_MUST_USE;
enum wsc_err wsc_source_libpcap_open(const char *name, struct wsc_input *in,
                                     struct wsc_source **out, struct wsc_error *err) WSC_MUST_USE;
enum wsc_err wsc_source_pcapng_open(const char *name, struct wsc_input *in, struct wsc_source **out,
                                    struct wsc_error *err) WSC_MUST_USE;

/* Opens |path| in whichever format it is. */
enum wsc_err wsc_source_open(const char *path, const volatile sig_atomic_t *stop,
                             struct wsc_source **out, struct wsc_input **in,
                             struct wsc_error *err) WSC_MUST_USE;

/* A packet longer than this is damage, not data (libpcap's own ceiling is 256 KiB; off-load makes
 * larger ones, never such). */
#define WSC_SOURCE_PACKET_MAX (16u << 20)

#endif
