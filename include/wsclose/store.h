/* Closure records in SQLite: put, ask, count. The schema is under schema/.
 *
 * A store is used by one thread at a time. Several processes may use one file: readers never wait,
 * and of two writers the second waits 10 s, then gets WSC_ERR_BUSY. */
#ifndef WSCLOSE_STORE_H
#define WSCLOSE_STORE_H

#include <wsclose/closure.h>
#include <wsclose/error.h>

struct wsc_store;

enum wsc_store_mode {
    WSC_STORE_READ,   /* must exist; nothing is written */
    WSC_STORE_WRITE,  /* made or migrated if needed */
    WSC_STORE_PRIVATE /* |path| is ignored: a temporary database that vanishes on close */
};

/* Opens the database. Returns WSC_OK or, with |err| filled and the file untouched:
 * WSC_ERR_NOT_FOUND (READ of a file that is not there), WSC_ERR_FOREIGN_DB, WSC_ERR_NEWER_DB,
 * WSC_ERR_FORMAT (no database at all, or corrupt), WSC_ERR_IO, WSC_ERR_BUSY, WSC_ERR_DB. |*out| is
 * NULL unless WSC_OK. The caller closes it. */
enum wsc_err wsc_store_open(const char *path, enum wsc_store_mode mode, struct wsc_store **out,
                            struct wsc_error *err) WSC_MUST_USE;
void wsc_store_close(
    struct wsc_store *s); /* NULL is legal; an import not committed is rolled back */

/* How long a call waits for another process that writes (10 s when opened). */
void wsc_store_set_patience(struct wsc_store *s, unsigned ms);

/* ---- writing: one import is one run of the analyzer over one or more captures, and one
 * transaction ---- */

/* Starts an import of |n| captures named |names|. |options| is a text of everything that changes
 * the records (filter, key log, ...): the same capture read with other options replaces its
 * records. */
enum wsc_err wsc_store_begin(struct wsc_store *s, const char *const *names, size_t n,
                             const char *options, struct wsc_error *err) WSC_MUST_USE;

/* Takes the place of the |options| given to wsc_store_begin(), where some of it is known only once
 * the captures were read. */
enum wsc_err wsc_store_set_options(struct wsc_store *s, const char *options,
                                   struct wsc_error *err) WSC_MUST_USE;

/* Stores one record; |*id| receives its row. Packet refs in |rec| say which capture of the import
 * they are in. An error ends the import and rolls it back, except WSC_ERR_BUSY after a flush: that
 * put may be tried again. */
enum wsc_err wsc_store_put(struct wsc_store *s, const struct wsc_closure *rec, int64_t *id,
                           struct wsc_error *err) WSC_MUST_USE;

/* Puts records in a thread of its own, which takes no signals: analysing goes on meanwhile. From
 * wsc_writer_start() to wsc_writer_end() the store belongs to the writer and no other call on it is
 * allowed. Records get the rows they would get without it. */
struct wsc_writer;
/* An import must be under way. Where the system gives no thread, the records are put in the
 * caller's. Returns WSC_OK or WSC_ERR_NOMEM; |*out| is NULL unless WSC_OK. */
enum wsc_err wsc_writer_start(struct wsc_store *s, struct wsc_writer **out,
                              struct wsc_error *err) WSC_MUST_USE;
/* Takes a copy of |rec|. At most 512 records wait, in 1 MiB; one that is larger than 256 KiB has
 * room of its own. Beyond that the call waits. Returns WSC_OK, WSC_ERR_NOMEM (nothing was taken),
 * or what went wrong with a record before, from then on each time: the import is rolled back. */
enum wsc_err wsc_writer_put(struct wsc_writer *w, const struct wsc_closure *rec,
                            struct wsc_error *err) WSC_MUST_USE;
/* Ends the thread and frees |w|; NULL is legal. With |all| it waits until what was taken is put;
 * without, what still waits is dropped, and the caller rolls back. Returns as wsc_writer_put(). */
enum wsc_err wsc_writer_end(struct wsc_writer *w, bool all, struct wsc_error *err);

/* Packets of capture |index| of the import that were dropped between two times. */
struct wsc_store_drop {
    size_t index;
    uint64_t first_ns, last_ns;
    uint64_t kernel, interface;
};
enum wsc_err wsc_store_put_drop(struct wsc_store *s, const struct wsc_store_drop *d,
                                struct wsc_error *err) WSC_MUST_USE;

/* A file that holds packets of capture |index| of the import, one after the other. */
struct wsc_store_packet_file {
    const char *file; /* from the root */
    size_t index;
    uint32_t interface; /* in the file */
    uint64_t first_packet, last_packet;
    uint64_t first_ns, last_ns; /* 0: not known yet */
    bool open;                  /* still being written: |last_packet| and |last_ns| do not count */
};
/* Says so, or says it anew. Goes with the next flush, as records do. */
enum wsc_err wsc_store_put_packet_file(struct wsc_store *s, const struct wsc_store_packet_file *f,
                                       struct wsc_error *err) WSC_MUST_USE;
/* |file| is no more. An import must be under way; the file may be of another one. */
enum wsc_err wsc_store_remove_packet_file(struct wsc_store *s, const char *file,
                                          struct wsc_error *err) WSC_MUST_USE;

/* What is known of one capture only when it was read to the end. */
struct wsc_store_capture {
    const char *fingerprint; /* 32 hex digits: content, not name; NULL or "": equal to no other */
    uint64_t packets, bytes, first_ns, last_ns;
    bool damaged;
};

enum wsc_import_result {
    WSC_IMPORT_STORED,  /* new records are in the database */
    WSC_IMPORT_KNOWN,   /* one earlier import held all these captures, each as often, read with the
                           same options:   nothing changed */
    WSC_IMPORT_REPLACED /* records of these captures from earlier imports were replaced */
};

/* Ends the import; |caps| has one entry for each name given to wsc_store_begin(). Either everything
 * is in the database afterwards or nothing of it. After KNOWN the rows put in this import are gone,
 * and |last_import| of a filter selects the records of these captures from the earlier import. */
enum wsc_err wsc_store_commit(struct wsc_store *s, const struct wsc_store_capture *caps, size_t n,
                              enum wsc_import_result *result, struct wsc_error *err) WSC_MUST_USE;
void wsc_store_rollback(struct wsc_store *s);

/* For a live capture: makes what was put so far durable and visible to others; the import goes on.
 * What was flushed stays when the process dies or the import is rolled back. Cheap if nothing was
 * put since. */
enum wsc_err wsc_store_flush(struct wsc_store *s, struct wsc_error *err) WSC_MUST_USE;

/* ---- what connections say of each other: for a pass over an import ---- */

/* |fn| is called when an import is committed, within its transaction and after its records have
 * replaced earlier ones: what it changes is stored with them, or not at all. Not called for an
 * import that was known. An error it returns rolls the import back. NULL: no pass. */
typedef enum wsc_err (*wsc_store_pass_fn)(void *ctx, struct wsc_store *s, struct wsc_error *err);
void wsc_store_set_pass(struct wsc_store *s, wsc_store_pass_fn fn, void *ctx);

/* A connection that was open for a time, in few words. */
struct wsc_store_end {
    int64_t id;
    uint64_t started_ns;       /* 0: not known */
    uint64_t at_ns;            /* its end, or its last packet */
    uint64_t last_packet;      /* number in its capture; 0: not known */
    int64_t age_ns;            /* since established; WSC_UNKNOWN if that is not known */
    int64_t idle_ns[4];        /* any, client, server, data; WSC_UNKNOWN: not known */
    uint32_t server, software; /* for wsc_store_name(): "10.0.0.1:80", the Server header; 0: none */
    int16_t code;              /* close_code */
    uint8_t ending, closed_by, cause, confidence; /* enum values */
    bool telling; /* ended without a Close (fin, reset) or with one that may have been sent to many
                     at once or by a timer (1000, 1001, 1005, 1011-1013), and it is known when */
    bool marked;  /* the pass's own; false */
};
/* So many are handed out at most, the earliest; 100 bytes each. */
#define WSC_STORE_ENDS_MAX 2000000u
/* The connections of the import that were open for a time and of which it is known when they ended
 * (|telling|) or when they started; in order of |at_ns|. The array and what it points to may be
 * changed, and stay until the pass returns. */
enum wsc_err wsc_store_ends(struct wsc_store *s, struct wsc_store_end ***ends, size_t *n,
                            struct wsc_error *err) WSC_MUST_USE;
/* The text of a name in an end, followed by a NUL; a NULL span for 0. Names beyond 16 MiB have
 * none.
 */
struct wsc_span wsc_store_name(const struct wsc_store *s, uint32_t name);

/* A connection whose Sec-WebSocket-Key others have too. */
struct wsc_store_leg {
    int64_t id;
    bool ours;       /* of the import at hand */
    int64_t capture; /* row of its capture: one clock */
    uint64_t started_ns, established_ns, ended_ns, last_ns;
    int64_t age_ns;
    enum wsc_outcome outcome;
    enum wsc_ending ending;
    enum wsc_side closed_by;
    enum wsc_cause cause;
    enum wsc_confidence confidence;
    struct wsc_span key, client, server, server_software;
};
/* A key that more connections of a store have is no mark of one connection. */
#define WSC_STORE_KEY_SHARERS 8
/* Calls |fn| for each connection of the store whose key stands in 2 to WSC_STORE_KEY_SHARERS, one
 * of them of the import; by key, then by start. */
typedef int (*wsc_store_leg_fn)(void *ctx, const struct wsc_store_leg *leg);
enum wsc_err wsc_store_legs(struct wsc_store *s, wsc_store_leg_fn fn, void *ctx,
                            struct wsc_error *err) WSC_MUST_USE;

/* What others say of connection |id|. The cause it had alone is kept beside the new one. It is
 * written when the pass returns, or before wsc_store_legs() looks; what is said twice of one
 * connection, in the order it was said. */
struct wsc_amendment {
    int64_t id;
    enum wsc_cause cause; /* NONE: cause and confidence stay */
    enum wsc_confidence confidence;
    const struct wsc_span *sentences; /* before those it has if the cause changes, else behind */
    size_t sentences_len;
    int64_t other_id; /* the leg they rest on: they go when it goes; 0: none */
};
enum wsc_err wsc_store_amend(struct wsc_store *s, const struct wsc_amendment *a,
                             struct wsc_error *err) WSC_MUST_USE;

/* ---- asking ---- */

#define WSC_FILTER_MAX_RANGES 32u
struct wsc_code_range {
    int first, last; /* inclusive */
};

/* A stretch of time, both ends inclusive; max_ns 0 without a min_ns: any. A record whose value is
 * not known passes only "any". */
struct wsc_span_filter {
    int64_t min_ns, max_ns; /* max_ns 0: no upper end */
};

/* Which silence before the end, by whose bytes ended it. */
enum wsc_idle_clock { WSC_IDLE_ANY, WSC_IDLE_CLIENT, WSC_IDLE_SERVER, WSC_IDLE_DATA };

/* Which records; wsc_filter_init() gives all of them. Strings are the caller's and outlive the
 * query. */
struct wsc_filter {
    struct wsc_code_range codes[WSC_FILTER_MAX_RANGES];
    size_t codes_len;                   /* 0: any */
    struct wsc_endpoint server, client; /* family 0: any; port 0: any port of that address */
    uint8_t server_bits, client_bits;   /* leading bits of the address that count; 0: all */
    uint16_t server_port, client_port;  /* 0: any; for a filter by port alone */
    const char *host, *path, *cause, *app, *user_agent, *server_software,
        *capture; /* NULL: any; '*' at the end matches any rest */
    int ending, closed_by,
        outcome;       /* enum values; WSC_UNKNOWN: any; closed_by WSC_SIDE_NONE: nobody named */
    int rule, rule_by; /* a violation on record; enum values; WSC_UNKNOWN: any */
    struct wsc_code_range status; /* HTTP status of the handshake; last 0: any */
    struct wsc_span_filter age;   /* by duration_ns */
    struct wsc_span_filter idle;  /* by the idle clock below */
    enum wsc_idle_clock idle_clock;
    uint64_t since_ns,
        until_ns; /* by end time (last packet if open), since <= t < until; 0: open */
    uint64_t started_since_ns, started_until_ns; /* the same by the time it began */
    int64_t id;                                  /* WSC_UNKNOWN: any */
    bool last_import;  /* only records of the import begun or committed last on this handle */
    bool newest_first; /* of wsc_store_query(): the order turned round */
    uint64_t limit;    /* 0: all */
};
void wsc_filter_init(struct wsc_filter *f);

/* Calls |fn| for each record, in order of end time (last packet if open), then packet number. A
 * non-zero return of |fn| stops the query with WSC_OK. */
typedef int (*wsc_query_fn)(void *ctx, const struct wsc_closure *rec);
enum wsc_err wsc_store_query(struct wsc_store *s, const struct wsc_filter *f, wsc_query_fn fn,
                             void *ctx, struct wsc_error *err) WSC_MUST_USE;

/* The same without what hangs on a record: no violations, evidence and legs. Several times as fast.
 */
enum wsc_err wsc_store_walk(struct wsc_store *s, const struct wsc_filter *f, wsc_query_fn fn,
                            void *ctx, struct wsc_error *err) WSC_MUST_USE;

/* Calls |fn| for the records |ids|, whole, in that order; one that is not there is passed over. */
enum wsc_err wsc_store_pick(struct wsc_store *s, const int64_t *ids, size_t n, wsc_query_fn fn,
                            void *ctx, struct wsc_error *err) WSC_MUST_USE;

/* From here to wsc_store_thaw() every question sees the same records, whatever another process
 * stores meanwhile. Of a store that is read from, or private and between imports. */
enum wsc_err wsc_store_freeze(struct wsc_store *s, struct wsc_error *err) WSC_MUST_USE;
void wsc_store_thaw(struct wsc_store *s);

/* Calls |fn| for each record that was open when an earlier live capture named |name| stopped, not
 * before |since_ns|, with its |open_state|. |fn| may not change the store. */
enum wsc_err wsc_store_opens(struct wsc_store *s, const char *name, uint64_t since_ns,
                             wsc_query_fn fn, void *ctx, struct wsc_error *err) WSC_MUST_USE;

/* Where packets of a connection are: a capture of its import, or a file that was kept of one. */
struct wsc_store_source {
    int64_t capture;         /* row */
    bool has_first;          /* of that capture is its first packet */
    bool earlier;            /* of another run that watched the same interface */
    bool must;               /* false: it came later, there may be stragglers in it */
    struct wsc_span name;    /* of the capture, as given */
    const char *fingerprint; /* NULL: none, a live capture */
    struct wsc_span file; /* kept by a live capture; ptr NULL: |name| is the file, if it is one */
    uint32_t interface;   /* in |file| */
    uint64_t first_packet, last_packet; /* in |file|; last UINT64_MAX: not known */
    uint64_t first_ns;                  /* in |file|; 0: not known */
};
typedef int (*wsc_store_source_fn)(void *ctx, const struct wsc_store_source *src);
/* Calls |fn| for all that may hold packets of connection |id| by their times, captures in the order
 * they were given, files in the order they were written. */
enum wsc_err wsc_store_sources(struct wsc_store *s, int64_t id, wsc_store_source_fn fn, void *ctx,
                               struct wsc_error *err) WSC_MUST_USE;

/* What stats can be grouped by. */
enum wsc_stats_key {
    WSC_BY_CODE,
    WSC_BY_OUTCOME,
    WSC_BY_ENDING,
    WSC_BY_CAUSE,
    WSC_BY_CLOSED_BY,
    WSC_BY_SERVER,
    WSC_BY_CLIENT /* address only */,
    WSC_BY_HOST,
    WSC_BY_PATH,
    WSC_BY_SUBPROTOCOL,
    WSC_BY_SERVER_SOFTWARE,
    WSC_BY_USER_AGENT,
    WSC_BY_APP,
    WSC_BY_STATUS,
    WSC_BY_CAPTURE,
    WSC_BY_DAY,
    WSC_BY_HOUR,
    WSC_BY_MINUTE,
    WSC_BY_COUNT
};
const char *wsc_stats_key_name(enum wsc_stats_key key); /* "code", "server", ... */
int wsc_stats_key_parse(const char *word);              /* -1 if none */

#define WSC_STATS_MAX_KEYS 4u
struct wsc_stats_row {
    struct wsc_span keys[WSC_STATS_MAX_KEYS]; /* NULL: the value is null */
    uint64_t count;
    uint64_t abnormal; /* of these, closed without a Close from either side (1006) or failed */
    double share;      /* of all records that passed the filter, 0..1 */
    double per_hour;   /* over the span of time of all records that passed; NAN if that span is 0 */
    uint64_t first_ns, last_ns;
    int64_t duration_ns[3]; /* 50th, 90th, 99th percentile (nearest rank); WSC_UNKNOWN if none has
                               one */
    int64_t idle_ns[3];     /* the same of idle_any */
};
typedef int (*wsc_stats_fn)(void *ctx, const struct wsc_stats_row *row);

/* Groups by |keys| (0..WSC_STATS_MAX_KEYS; 0 gives one row of totals, or none if no record passed),
 * most frequent first (by time when the first key is a time). |f->limit| limits the rows. */
enum wsc_err wsc_store_stats(struct wsc_store *s, const struct wsc_filter *f,
                             const enum wsc_stats_key *keys, size_t n, wsc_stats_fn fn, void *ctx,
                             struct wsc_error *err) WSC_MUST_USE;

#endif
