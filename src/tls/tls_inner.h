/* What the files of the TLS stream share: tls_stream.c (bytes to records), tls_open.c (records to
 * plaintext), tls_keys.c (which keys when), tls_message.c (what the handshake says), tls_shared.c
 * (what connections share). */
#ifndef WSC_TLS_TLS_INNER_H
#define WSC_TLS_TLS_INNER_H

#include "base/hash.h"
#include "base/pool.h"
#include "tls/handshake.h"
#include "tls/keylog.h"
#include "tls/record.h"
#include "tls/secrets.h"
#include "tls/tls_stream.h"

/* Bytes kept of one direction until the other's hello is seen: twice and more what servers take of
 * early data. */
#define WSC_TLS_HELD_MAX 65536u
/* The longest handshake message put together from several records. */
#define WSC_TLS_MESSAGE_MAX 65536u
/* Records in a row that do not open, until their direction is walked only. */
#define WSC_TLS_FAILED_MAX 16u
/* ... where they may be a handshake whose secret is not in the log. */
#define WSC_TLS_UNKNOWN_MAX 256u

/* Bytes that a direction may decrypt for trial before anything has opened. */
#define WSC_TLS_BUDGET_FIRST (INT64_C(16) << 20)

enum wsc_tls_epoch {
    WSC_TLS_CLEAR,
    WSC_TLS_EARLY,
    WSC_TLS_SHAKING, /* TLS 1.3: under the handshake secret */
    WSC_TLS_DATA
};

/* Why a direction stands still before the body of a record. */
enum wsc_tls_block {
    WSC_TLS_GO,
    WSC_TLS_BLOCK_PEER, /* the other direction's hello has not been seen */
    WSC_TLS_BLOCK_KEY   /* the key log has no secret yet */
};

struct wsc_tls_side {
    struct wsc_tls_framer framer;
    struct wsc_tls_messages messages;
    struct wsc_tls_opener *now;  /* of |epoch|, or NULL */
    struct wsc_tls_opener *next; /* what may follow it, if known */
    uint64_t wire, off;
    uint64_t seq; /* of the next record under |now| */

    /* What went wrong since the last record that opened. A gap is told when it is known what it
     * cost: when a record opens again, or never. */
    bool gap;              /* something did */
    uint8_t gap_epoch;     /* enum wsc_tls_epoch; then */
    uint64_t gap_start;    /* on the wire */
    uint64_t lost;         /* bytes over record headers */
    uint32_t passed;       /* records that did not open, or were not read */
    uint32_t failed;       /* ... of them in a row without a success */
    int64_t trial_budget;  /* bytes that may yet be decrypted for trial */
    uint64_t last_nonce;   /* explicit, of the last record that opened */
    uint64_t secret_asked; /* generation of the key log when it had no secret */

    uint8_t *block; /* a record of which part has come */
    size_t block_have;
    struct wsc_buf held; /* bytes behind a BLOCK_PEER */

    uint8_t secret[WSC_DIGEST_MAX], next_secret[WSC_DIGEST_MAX]; /* TLS 1.3: of the keys */
    uint8_t epoch, next_epoch;                                   /* enum wsc_tls_epoch */
    uint8_t blocked;                                             /* enum wsc_tls_block */
    uint8_t hellos;  /* seen, of this connection and its renegotiations */
    bool hello_lost; /* what is missing may have held one */
    bool holed;      /* there was a gap */
    bool changed;    /* TLS 1.2: ChangeCipherSpec has been seen */
    bool opened;     /* a record has been opened */
    bool data;       /* ... of application data, or one that may follow them */
    bool finished;
    bool closed;
};

enum wsc_tls_early { WSC_TLS_NO_EARLY, WSC_TLS_EARLY_OFFERED, WSC_TLS_EARLY_TAKEN };

struct wsc_tls {
    struct wsc_tls_shared *sh;
    const struct wsc_tls_ops *ops;
    void *ctx;
    struct wsc_tls_side side[2];
    struct wsc_tls_info info;
    const struct wsc_tls_suite *suite; /* NULL: not known, or not ours */
    uint8_t client_random[WSC_TLS_RANDOM_LEN], server_random[WSC_TLS_RANDOM_LEN];
    uint8_t master[WSC_TLS_MASTER_LEN];
    uint64_t offered_session, offered_ticket; /* hashes of what the client would resume, 0: none */
    uint64_t session, new_ticket;             /* ... of what the server gave */
    uint8_t early;                            /* enum wsc_tls_early */
    bool encrypt_then_mac, have_master, wait, gave_up;
    bool guessing;    /* the ServerHello is lost: |suite| is one that would go with the secrets */
    bool abbreviated; /* TLS 1.2: nothing of a full handshake has been seen */
};

struct wsc_tls_session_slot {
    uint64_t id; /* hash, 0: empty */
    uint8_t master[WSC_TLS_MASTER_LEN];
};
#define WSC_TLS_SESSIONS 1024u /* kept for resumption; the oldest give way */
#define WSC_TLS_BLOCKS   3u

struct wsc_tls_shared {
    struct wsc_keylog *keylog;
    struct wsc_pool blocks[WSC_TLS_BLOCKS];
    size_t max_buffered, buffered;
    size_t connections;
    uint8_t *plain; /* where records are opened, WSC_TLS_BODY_MAX */
    size_t plain_used;
    struct wsc_hash_key hash_key;
    struct wsc_tls_session_slot *sessions; /* NULL until the first */
    size_t next_session;
};

static inline enum wsc_dir wsc_tls_other(enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S;
}

/* --- tls_shared.c --- */
/* A block of at least |len| bytes, NULL beyond |max_buffered|. */
uint8_t *wsc_tls_block_get(struct wsc_tls_shared *sh, size_t len);
void wsc_tls_block_put(struct wsc_tls_shared *sh, uint8_t *block, size_t len);
/* Counts |more| bytes that a connection holds elsewhere. False: beyond |max_buffered|. */
bool wsc_tls_may_hold(struct wsc_tls_shared *sh, size_t more);
void wsc_tls_let_go(struct wsc_tls_shared *sh, size_t bytes);
/* Names a session by its id or ticket; never 0, but for an empty span. */
uint64_t wsc_tls_session_name(const struct wsc_tls_shared *sh, struct wsc_span id);
void wsc_tls_session_put(struct wsc_tls_shared *sh, uint64_t name,
                         const uint8_t master[WSC_TLS_MASTER_LEN]);
bool wsc_tls_session_get(const struct wsc_tls_shared *sh, uint64_t name,
                         uint8_t master[WSC_TLS_MASTER_LEN]);
void wsc_tls_plain_wipe(struct wsc_tls_shared *sh);

/* --- tls_keys.c --- */
/* True if the record whose header was seen is protected. */
bool wsc_tls_protected(const struct wsc_tls *t, enum wsc_dir d);
/* Gets the keys that the record whose header was seen needs. False: it cannot be taken now. If they
 * cannot be had at all the direction is closed. */
bool wsc_tls_ready(struct wsc_tls *t, enum wsc_dir d);
/* TLS 1.3 without its ServerHello: takes the |n|-th suite that the secrets may belong to. False:
 * there are no more. */
bool wsc_tls_guess(struct wsc_tls *t, enum wsc_dir d, size_t n);
/* Makes |next| if it can be made. */
void wsc_tls_make_next(struct wsc_tls *t, enum wsc_dir d);
/* Goes over to |next|; without one the next record asks for its key. */
void wsc_tls_change_keys(struct wsc_tls *t, enum wsc_dir d, enum wsc_tls_epoch to);
void wsc_tls_close(struct wsc_tls *t, enum wsc_dir d);
void wsc_tls_drop_keys(struct wsc_tls_side *s);

/* --- tls_open.c --- */
/* Opens the record that is whole now; |plain| lies in the shared scratch. */
bool wsc_tls_unlock(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                    struct wsc_span *plain);
/* The record that is over now was not read: bytes of it are missing. */
void wsc_tls_missed(struct wsc_tls *t, enum wsc_dir d);
/* Something is missing from |wire| on. */
void wsc_tls_gap_begins(struct wsc_tls_side *s, uint64_t wire);
/* Records are missing: what one leaves for the next is not known. */
void wsc_tls_chain_lost(struct wsc_tls *t, struct wsc_tls_side *s);
/* Tells the gap, if there is one; it ends at |wire_end|. |all|: also where no data have been read,
 * which may all have been in it. */
void wsc_tls_gap_told(struct wsc_tls *t, enum wsc_dir d, uint64_t wire_end, bool all);
/* Where the record that is over, or whose header was just seen, began. */
uint64_t wsc_tls_record_start(const struct wsc_tls_side *s);

/* --- tls_message.c --- */
void wsc_tls_message(struct wsc_tls *t, enum wsc_dir d, uint8_t type, struct wsc_span body);
void wsc_tls_alert(struct wsc_tls *t, enum wsc_dir d, struct wsc_span content);
void wsc_tls_finished(struct wsc_tls *t, enum wsc_dir d);
/* Application data have been read: the handshake is over, whether it was seen or not. */
void wsc_tls_data_seen(struct wsc_tls *t, enum wsc_dir d);
/* The record that is over cannot be read: is it, or does it follow, a Finished? */
void wsc_tls_presume_finished(struct wsc_tls *t, enum wsc_dir d);
/* TLS 1.2: all records after this one are under new keys. */
void wsc_tls_changed(struct wsc_tls *t, enum wsc_dir d);

#endif
