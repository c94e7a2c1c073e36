/* One TLS connection seen from the side (RFC 2246 to RFC 8446): the bytes of two directions in,
 * what they protect out, if the secrets are known.
 *
 * Reads the hellos in any case. Without secrets it walks the records by their headers, so that an
 * alert or the end of the last record is still seen; payload is then not touched. Keys are wiped
 * when the connection is freed. A record that does not authenticate is a gap, never plaintext.
 *
 * What is needed of the other direction is waited for: protected bytes are kept back, at most 64 KB
 * a direction, until its hello (or, for early data, the server's word on them) is seen; so feeding
 * one direction may call back for the other. TLS 1.3 is read without its ServerHello if that is
 * lost.
 *
 * After a gap over record headers the next header is searched for, and the number of its record
 * by trial: as many numbers as records may have been lost (1 in 22 bytes), at most 4096, under the
 * present key and the next. All trials of a direction together decrypt at most 16 MB and 16 bytes
 * for each byte that opened. 16 records in a row that do not open close the direction; 256, where
 * none has opened yet: they may be a handshake whose secret the log lacks.
 *
 * Offsets: |wire| counts the bytes fed in one direction (those of TCP); |off| counts application
 * data of one direction, with gaps counted as WSC_TLS_GAP_UNKNOWN where their length cannot be
 * told. */
#ifndef WSC_TLS_TLS_STREAM_H
#define WSC_TLS_TLS_STREAM_H

#include <wsclose/keylog.h>
#include <wsclose/types.h>

/* The length given to a gap that may have held any number of bytes. */
#define WSC_TLS_GAP_UNKNOWN (UINT64_C(1) << 40)

/* What can be had of a direction's bytes. */
enum wsc_tls_state {
    WSC_TLS_HANDSHAKE, /* nothing is protected yet */
    WSC_TLS_OPEN,      /* decrypting */
    WSC_TLS_WAITING,   /* the next record needs a secret that the key log does not have (yet) */
    WSC_TLS_CLOSED     /* no secret, or what followed a gap could not be joined again: records are
                          walked */
};

/* Alert descriptions (RFC 8446 6, RFC 5246 7.2); -1: an alert that is encrypted. */
#define WSC_TLS_CLOSE_NOTIFY    0
#define WSC_TLS_ALERT_ENCRYPTED (-1)

#define WSC_TLS_NAME_MAX 255u
#define WSC_TLS_ALPN_MAX 32u

/* What the handshake says. Lengths of 0: not said, or not seen. */
struct wsc_tls_info {
    uint16_t version; /* negotiated: 0x0301..0x0304; 0: not known */
    uint16_t suite;   /* negotiated (IANA), 0: not known */
    uint8_t sni[WSC_TLS_NAME_MAX];
    uint8_t alpn[WSC_TLS_ALPN_MAX];    /* negotiated; in TLS 1.3 it is encrypted */
    uint8_t offered[WSC_TLS_ALPN_MAX]; /* the client's first choice */
    uint8_t sni_len, alpn_len, offered_len;
    bool client_hello, server_hello, resumed, early_data;
    bool established;         /* both sides have gone over to protected application data */
    enum wsc_tls_state state; /* of the connection: OPEN once any secret fits */
    /* By enum wsc_dir: application data records seen, read or not; of a direction of TLS 1.3 that
     * is not read also those of the handshake, which look the same. */
    uint64_t records[2];
    uint64_t unread[2]; /* ... of them not decrypted: without a secret, or damaged */
    uint64_t failed[2]; /* records of any kind that did not open with the secret there was */
};

struct wsc_tls_ops {
    /* The first byte of a record has come, at |wire|. */
    void (*on_record)(void *ctx, enum wsc_dir d, uint64_t wire);
    /* Application data; the record lies at wire_start..wire_end (after its last byte). |data| is
     * valid during the call. Never empty. */
    void (*on_data)(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data,
                    uint64_t wire_start, uint64_t wire_end);
    /* |len| bytes of application data at |off| cannot be had: not captured, or not to be
     * decrypted. WSC_TLS_GAP_UNKNOWN: any number, also none. Told when it is known what is missing:
     * when a record opens again (if its number shows that none is missing, nothing is told), or
     * when the direction closes, or at the end. Of a direction that was
     * never read only at the end, and not if it was closed. */
    void (*on_gap)(void *ctx, enum wsc_dir d, uint64_t off, uint64_t len, uint64_t wire_start,
                   uint64_t wire_end);
    /* An alert: |level| 1 warning, 2 fatal, 0 not known; |description| or
     * WSC_TLS_ALERT_ENCRYPTED. */
    void (*on_alert)(void *ctx, enum wsc_dir d, unsigned level, int description);
    /* The hellos are read (version, SNI; ALPN where it is in the clear), or ALPN has become
     * known. */
    void (*on_hello)(void *ctx);
};

/* What the TLS connections of one analyzer share: the key log, scratch space, a cache of sessions
 * for resumption. */
struct wsc_tls_shared;
/* |keylog| may be NULL (records are only walked); it outlives the shared. |max_buffered|: bytes of
 * unfinished records held, all connections together; beyond it records that come in pieces are
 * gaps. NULL: no memory. */
struct wsc_tls_shared *wsc_tls_shared_new(struct wsc_keylog *keylog, size_t max_buffered);
void wsc_tls_shared_free(struct wsc_tls_shared *sh);
size_t wsc_tls_shared_held(const struct wsc_tls_shared *sh); /* bytes held from the system */

struct wsc_tls;

/* NULL: no memory. |wire|: the offset of each direction's next byte, by enum wsc_dir. */
struct wsc_tls *wsc_tls_new(struct wsc_tls_shared *sh, const uint64_t wire[2],
                            const struct wsc_tls_ops *ops, void *ctx);
void wsc_tls_free(struct wsc_tls *t); /* wipes its keys; NULL is legal */

/* Takes bytes in order. Returns how many were taken: all of them, but when a secret is wanted that
 * may still come; then the state is WAITING, and the caller keeps what is left and feeds it again
 * once the key log has grown, or calls wsc_tls_give_up(). A direction may wait while the other goes
 * on. */
size_t wsc_tls_feed(struct wsc_tls *t, enum wsc_dir d, struct wsc_span data);

/* Whether to wait for secrets at all (live), or to close at once (the default). */
void wsc_tls_wait(struct wsc_tls *t, bool wait);

/* No secret will come: from here on its records are walked. */
void wsc_tls_give_up(struct wsc_tls *t);

/* The connection is over: what was kept is walked, and what is still missing is told as a gap. */
void wsc_tls_end(struct wsc_tls *t);

/* The next |n| bytes were not captured. */
void wsc_tls_gap(struct wsc_tls *t, enum wsc_dir d, uint64_t n);

/* True if something went wrong with |d| and what it cost has not been told yet. */
bool wsc_tls_gap_open(const struct wsc_tls *t, enum wsc_dir d);

const struct wsc_tls_info *wsc_tls_info(const struct wsc_tls *t);
enum wsc_tls_state wsc_tls_dir_state(const struct wsc_tls *t, enum wsc_dir d);

/* True if nothing of a record was left unfinished in this direction. */
bool wsc_tls_at_boundary(const struct wsc_tls *t, enum wsc_dir d);

/* True if |data| begins like a ClientHello / ServerHello record, or like any TLS record. Works on 3
 * bytes and more: what is there must fit. */
bool wsc_tls_looks_like_client(struct wsc_span data);
bool wsc_tls_looks_like_server(struct wsc_span data);
bool wsc_tls_looks_like_record(struct wsc_span data);

#endif
