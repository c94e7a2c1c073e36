/* Packets in, closure records out. No I/O, no clock but the packets', no globals: one analyzer, one
 * thread.
 *
 *     struct wsc_analyzer_options opt;
 *     wsc_analyzer_options_default(&opt);
 *     struct wsc_analyzer *an;
 *     if (wsc_analyzer_new(&opt, on_record, ctx, &an) != WSC_OK) ...
 *     while (next packet) wsc_analyzer_feed(an, &packet);
 *     wsc_analyzer_flush(an);
 *     wsc_analyzer_free(an);
 */
#ifndef WSCLOSE_ANALYZER_H
#define WSCLOSE_ANALYZER_H

#include <wsclose/closure.h>
#include <wsclose/error.h>
#include <wsclose/keylog.h>
#include <wsclose/limits.h>

/* Ceilings and choices; every field has a default (wsc_analyzer_options_default). */
struct wsc_analyzer_options {
    size_t max_connections;   /* TCP connections remembered at once; 1..2^31; default 4,000,000.
                                 Beyond it the one   idle longest is forgotten: a WebSocket among them
                                 is recorded as `unknown` */
    size_t max_memory_bytes;  /* held in all (memory_bytes of the statistics); 0, the default: no
                                 ceiling of its own. Beyond it each new connection costs the one
                                 idle longest, as at max_connections */
    size_t max_reorder_bytes; /* out-of-order bytes held, all connections together; default 256 MiB.
                                 Beyond it the oldest hole of the connection at hand is taken as not
                                 captured */
    size_t max_reorder_per_connection; /* the same for one direction of one connection; default 4
                                          MiB */
    size_t max_fragment_bytes; /* IP fragments held; default 16 MiB. Beyond it the oldest are
                                  dropped */
    size_t max_head_bytes; /* one HTTP head; 1 KiB..1 MiB, default 64 KiB. Beyond it the flow is not
                              HTTP */
    bool keep_query;       /* keep the query part of paths (it may hold secrets); default false */
    const struct wsc_limits *limits; /* the caller's, outlives the analyzer; NULL, the default: the
                                        built-in table */
    struct wsc_keylog *keylog; /* the caller's, outlives the analyzer; it may grow meanwhile. NULL,
                                  the default: TLS is not decrypted */
    bool wait_keys;   /* records wait, bounded, until their secret comes, as it does from a key log
                         that grows; default false: what has no secret now is not decrypted */
    bool encrypted;   /* record each TLS connection that cannot be read; default false */
    bool keep_states; /* give open records an |open_state|; default false */
    bool foretell; /* what an RST ended, while it is still watched whether that was heeded, is told
                      at once in a |provisional| record; default false */
    bool label;    /* let nDPI label the flows; default true */
    bool no_evidence; /* records come without their |evidence|, for who reads none: making the
                         sentences is most of what a record costs; default false */
};

struct wsc_analyzer;

/* |rec| and all it points to are valid during the call only. */
typedef void (*wsc_record_fn)(void *ctx, const struct wsc_closure *rec);

void wsc_analyzer_options_default(struct wsc_analyzer_options *opt);

/* Makes an analyzer. Returns WSC_OK, WSC_ERR_INVALID (an option out of range) or WSC_ERR_NOMEM.
 * |*out| is NULL unless WSC_OK. The caller frees it. */
enum wsc_err wsc_analyzer_new(const struct wsc_analyzer_options *opt, wsc_record_fn on_record,
                              void *ctx, struct wsc_analyzer **out) WSC_MUST_USE;

/* Takes one packet; its bytes are not kept. A packet that cannot be decoded is counted, never an
 * error. Returns WSC_OK or WSC_ERR_NOMEM (the packet was lost to us, the analyzer goes on). */
enum wsc_err wsc_analyzer_feed(struct wsc_analyzer *an, const struct wsc_packet *pkt) WSC_MUST_USE;

/* Takes |n| packets, all valid during the call, in order: as |n| calls of wsc_analyzer_feed(), but
 * faster. Returns how many of them were lost to us, for want of memory. */
size_t wsc_analyzer_feed_batch(struct wsc_analyzer *an, const struct wsc_packet *pkts, size_t n);

/* Goes on with a connection that was open when another analyzer was flushed: |rec| is its record,
 * as a store gives it, with |id| and |open_state|. Before the first packet. What is sent meanwhile
 * is a gap, if it was anything at all. Returns WSC_OK; WSC_ERR_INVALID (the state is damaged, or no
 * longer of use: nothing was changed), WSC_ERR_NOMEM. */
enum wsc_err wsc_analyzer_resume(struct wsc_analyzer *an,
                                 const struct wsc_closure *rec) WSC_MUST_USE;

/* Time goes on without packets, as it does while a live capture waits: what ends by age ends. A
 * time that a packet was later than changes nothing. */
void wsc_analyzer_tick(struct wsc_analyzer *an, uint64_t now_ns);

/* Packets that came between two times were dropped before they reached us. Silence in that time is
 * no evidence: what seems to have vanished then is unknown. */
void wsc_analyzer_lost(struct wsc_analyzer *an, uint64_t from_ns, uint64_t to_ns);

/* The capture ends here: judges and hands over every connection still in memory. Feeding may go on
 * afterwards with another capture. */
void wsc_analyzer_flush(struct wsc_analyzer *an);

void wsc_analyzer_free(struct wsc_analyzer *an); /* NULL is legal */

/* What was seen, for the summary. */
struct wsc_analyzer_stats {
    uint64_t packets, bytes; /* fed; bytes as on the wire */
    uint64_t undecodable;    /* damaged, or of a link type or protocol we do not read */
    uint64_t truncated;      /* cut by a snap length before their end */
    uint64_t other_ip_packets, other_ip_bytes; /* IP that is not TCP (UDP, ICMP, ...) */
    uint64_t tcp_flows;                        /* connections seen */
    uint64_t tcp_open;                         /* remembered now */
    uint64_t websockets;                       /* records handed over */
    uint64_t websockets_open;                  /* open now */
    uint64_t pending;         /* handshakes the capture ended too soon for; they make no record */
    uint64_t evicted;         /* forgotten at max_connections */
    uint64_t reorder_dropped; /* bytes given up at a reorder ceiling */
    uint64_t tls_flows;       /* TLS connections that could not be read */
    uint64_t tls_failed;      /* ... whose TLS did not come about */
    uint64_t streams_refused; /* HTTP/2 streams that came while 4,096 WebSockets were open on their
                                 connection: not followed */
    uint64_t memory_bytes;    /* held now, in all */
};
void wsc_analyzer_get_stats(const struct wsc_analyzer *an, struct wsc_analyzer_stats *out);

/* Whose TLS connections could not be read. |name|: the server name the client asked for (RFC 6066
 * 3), "" if none was seen; valid until the analyzer is fed again. At most 1,024 names are told
 * apart; the rest is one row, "(other names)". Fills at most |cap| rows, most connections first;
 * returns how many there are in all. */
struct wsc_tls_name {
    const char *name;
    uint64_t connections;
};
size_t wsc_analyzer_tls_names(const struct wsc_analyzer *an, struct wsc_tls_name *out, size_t cap);

/* What the traffic that is not WebSocket was. |name| is static or lives as long as the analyzer. */
struct wsc_protocol_stats {
    const char *name; /* nDPI's word: "TLS", "HTTP", "SSH", "Unknown" ... */
    uint64_t flows, bytes;
};
/* Fills at most |cap| rows, most bytes first; returns how many there are in all. */
size_t wsc_analyzer_protocols(const struct wsc_analyzer *an, struct wsc_protocol_stats *out,
                              size_t cap);

#endif
