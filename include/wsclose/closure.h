/* The closure record: one WebSocket attempt and how it ended. Plain data, the words of the SPEC.
 *
 * Every span in a record belongs to whoever handed the record over and is valid during that call
 * only. A span with a NULL ptr, a time of 0, a packet of 0 and a number of WSC_UNKNOWN mean "not
 * known" and are printed as null. */
#ifndef WSCLOSE_CLOSURE_H
#define WSCLOSE_CLOSURE_H

#include <wsclose/types.h>

#define WSC_UNKNOWN (-1) /* for the signed numbers below */

enum wsc_outcome {
    WSC_OUTCOME_UNKNOWN,
    WSC_OUTCOME_CLOSED,
    WSC_OUTCOME_OPEN,
    WSC_OUTCOME_HANDSHAKE_FAILED
};

enum wsc_ending {
    WSC_ENDING_NONE,
    WSC_ENDING_CLOSE_HANDSHAKE,
    WSC_ENDING_CLOSE_UNANSWERED,
    WSC_ENDING_FIN,
    WSC_ENDING_RESET,
    WSC_ENDING_VANISHED,
    WSC_ENDING_STREAM_RESET,
    WSC_ENDING_STREAM_END,
    WSC_ENDING_REJECTED,
    WSC_ENDING_NO_RESPONSE,
    WSC_ENDING_BAD_ACCEPT,
    WSC_ENDING_TCP_REFUSED,
    WSC_ENDING_TLS_FAILED,
    WSC_ENDING_GAP
};

enum wsc_code_source { WSC_CODE_SOURCE_NONE, WSC_CODE_SOURCE_WIRE, WSC_CODE_SOURCE_INFERRED };

enum wsc_tcp_end { WSC_TCP_END_NONE, WSC_TCP_END_FIN, WSC_TCP_END_RST };

/* The rule a peer broke; names in wsc_rule_name(). */
enum wsc_rule {
    WSC_RULE_UNMASKED_CLIENT_FRAME,
    WSC_RULE_MASKED_SERVER_FRAME,
    WSC_RULE_RESERVED_OPCODE,
    WSC_RULE_RESERVED_BITS,
    WSC_RULE_FRAGMENTED_CONTROL,
    WSC_RULE_CONTROL_TOO_LONG,
    WSC_RULE_CLOSE_BODY_LENGTH_1,
    WSC_RULE_CLOSE_CODE_NOT_ALLOWED,
    WSC_RULE_CLOSE_REASON_NOT_UTF8,
    WSC_RULE_TEXT_NOT_UTF8,
    WSC_RULE_FRAME_AFTER_CLOSE,
    WSC_RULE_UNEXPECTED_CONTINUATION,
    WSC_RULE_LENGTH_NOT_MINIMAL,
    WSC_RULE_LENGTH_HIGH_BIT,
    WSC_RULE_DATA_BEFORE_101,
    WSC_RULE_BAD_ACCEPT_KEY,
    WSC_RULE_COUNT
};

/* Why it ended (SPEC section 4); names in wsc_cause_name(). */
enum wsc_cause {
    WSC_CAUSE_NONE,
    WSC_CAUSE_NORMAL,
    WSC_CAUSE_GOING_AWAY,
    WSC_CAUSE_SERVER_SHUTDOWN,
    WSC_CAUSE_PAGE_LEFT,
    WSC_CAUSE_IDLE_TIMEOUT,
    WSC_CAUSE_LIFETIME_LIMIT,
    WSC_CAUSE_KEEPALIVE_TIMEOUT,
    WSC_CAUSE_PEER_CRASH,
    WSC_CAUSE_NETWORK_LOSS,
    WSC_CAUSE_MIDDLEBOX_RESET,
    WSC_CAUSE_PROXY_CUT,
    WSC_CAUSE_MASS_DISCONNECT,
    WSC_CAUSE_MESSAGE_TOO_BIG,
    WSC_CAUSE_PROTOCOL_ERROR,
    WSC_CAUSE_INVALID_DATA,
    WSC_CAUSE_POLICY,
    WSC_CAUSE_SERVER_ERROR,
    WSC_CAUSE_CLIENT_ERROR, /* 1011 by the client (RFC 6455 erratum 3227) */
    WSC_CAUSE_SERVICE_RESTART,
    WSC_CAUSE_OVERLOAD,
    WSC_CAUSE_BAD_GATEWAY,
    WSC_CAUSE_UNAUTHORIZED,
    WSC_CAUSE_APPLICATION,
    WSC_CAUSE_HANDSHAKE_REJECTED,
    WSC_CAUSE_HANDSHAKE_TIMEOUT, /* the client gave up waiting for the answer */
    WSC_CAUSE_TLS_FAILED,        /* TLS did not come about */
    WSC_CAUSE_CAPTURE_GAP,
    WSC_CAUSE_NO_KEYS,
    WSC_CAUSE_EVICTED,
    WSC_CAUSE_COUNT
};

enum wsc_confidence {
    WSC_CONFIDENCE_NONE,
    WSC_CONFIDENCE_POSSIBLE,
    WSC_CONFIDENCE_LIKELY,
    WSC_CONFIDENCE_CERTAIN
};

struct wsc_violation {
    enum wsc_side by;
    enum wsc_rule rule;
    uint64_t packet; /* WSC_REF while analysing; the plain packet number when read from a store */
};

/* The first Close frame one side sent. */
struct wsc_close_frame {
    bool seen;
    int code; /* as on the wire; WSC_UNKNOWN for an empty or 1-byte body, or bytes not captured */
    struct wsc_span
        reason; /* raw bytes, not checked; NULL when not captured; at most 123 bytes kept */
    bool valid; /* RFC 6455 5.5.1, 7.4: it breaks no rule */
    uint64_t at_ns;
    uint64_t packet;
};

/* What an endpoint's API reported (RFC 6455 7.1.5); |code| WSC_UNKNOWN makes the whole null. */
struct wsc_saw {
    int code;
    struct wsc_span reason;
    int clean; /* 1, 0, or WSC_UNKNOWN */
};

#define WSC_EVIDENCE_MAX   16u
#define WSC_VIOLATIONS_MAX 16u
#define WSC_LEGS_MAX       4u

struct wsc_closure {
    /* Who and where. */
    int64_t id; /* row in the store; WSC_UNKNOWN if it has none */
    struct wsc_span
        capture; /* name of the capture; filled by the store's reader, NULL from the analyzer */
    struct wsc_endpoint client, server;
    uint64_t first_packet; /* first packet of the TCP connection seen; with |stream_id| it
                              identifies the record */
    uint64_t last_packet;  /* last packet that the verdict rests on */
    uint32_t stream_id; /* HTTP/2 stream; 0 over HTTP/1.1. A second WebSocket on one TCP connection
                           counts on */
    struct wsc_span scheme, http, tls_version, sni, host, path, subprotocol, extensions, user_agent,
        origin, server_software, app;
    int handshake_status; /* HTTP status of the answer, WSC_UNKNOWN if none was seen */
    bool midstream;       /* picked up without its handshake */

    /* When. 0: unknown. */
    uint64_t started_ns, established_ns, ended_ns, last_ns;
    int64_t duration_ns; /* WSC_UNKNOWN if it cannot be told */

    /* How: facts, and what follows from them by the RFC. */
    enum wsc_outcome outcome;
    enum wsc_ending ending;
    int close_code; /* WSC_UNKNOWN: null */
    enum wsc_code_source code_source;
    struct wsc_span reason; /* of the Close that gave the code; empty when there was none */
    enum wsc_side closed_by;
    struct wsc_close_frame close[2]; /* by sender, index enum wsc_dir */
    struct wsc_saw saw[2]; /* index WSC_DIR_C2S: what the client saw, WSC_DIR_S2C: the server */
    enum wsc_tcp_end tcp_end;
    enum wsc_side tcp_end_by;
    uint64_t tcp_end_packet;

    /* Why: always inferred. */
    struct wsc_span cause; /* NULL: no cause named */
    enum wsc_confidence confidence;
    struct wsc_span evidence[WSC_EVIDENCE_MAX]; /* sentences */
    size_t evidence_len;
    struct wsc_span software;
    struct wsc_violation violations[WSC_VIOLATIONS_MAX]; /* in packet order */
    size_t violations_len;
    uint64_t violations_more; /* beyond the ceiling: counted, not kept */
    struct wsc_span app_code_scope, app_code_name, app_code_meaning; /* scope NULL: null */
    struct wsc_span key; /* Sec-WebSocket-Key: the same on every leg of a proxied connection */
    int64_t legs[WSC_LEGS_MAX]; /* ids of its other legs; filled by the store's reader */
    size_t legs_len;
    struct wsc_span open_state; /* of an open record, where it was asked for: what
                                   wsc_analyzer_resume() takes */
    int64_t
        resumed_id;   /* row of the open record that this one goes on with and replaces; 0: none */
    bool provisional; /* where it was asked for: not the last word, which follows. Known again by
                         |first_packet| and |stream_id| */
    int64_t replaced_id; /* row of the provisional record before this one; WSC_UNKNOWN: there is
                            one, whoever stored it knows its row; 0: none */

    /* How much; by sender, index enum wsc_dir. */
    uint64_t frames[2], messages[2], bytes[2], pings[2], pongs[2], missing_bytes[2],
        retransmitted[2];
    int64_t last_message[2]; /* payload bytes of the last message begun, as framed; WSC_UNKNOWN:
                                there was none */
    int64_t last_rtt_ns;     /* WSC_UNKNOWN if no Ping was answered */
    int64_t idle_any_ns, idle_client_ns, idle_server_ns,
        idle_data_ns; /* WSC_UNKNOWN: never, or still open */
};

/* A copy that owns all it points to, in one block; NULL: no memory. Freed by wsc_closure_free(). */
struct wsc_closure *wsc_closure_copy(const struct wsc_closure *rec);
void wsc_closure_free(struct wsc_closure *copy); /* NULL is legal */
/* The same into |room|, aligned as for any type, of wsc_closure_size() bytes. */
size_t wsc_closure_size(const struct wsc_closure *rec);
struct wsc_closure *wsc_closure_copy_to(const struct wsc_closure *rec, void *room);

/* The words of the SPEC for each value; never NULL. NONE is "none" where the SPEC has that word,
 * else NULL is printed: wsc_side_name(NONE), wsc_code_source_name(NONE) and
 * wsc_confidence_name(NONE) return NULL. */
const char *wsc_outcome_name(enum wsc_outcome v);
const char *wsc_ending_name(enum wsc_ending v);
const char *wsc_code_source_name(enum wsc_code_source v);
const char *wsc_tcp_end_name(enum wsc_tcp_end v);
const char *wsc_rule_name(enum wsc_rule v);
const char *wsc_cause_name(enum wsc_cause v); /* NULL for NONE */
const char *wsc_confidence_name(enum wsc_confidence v);
const char *wsc_side_name(enum wsc_side v);

/* The value a word stands for, or -1 if it is none of ours. |word| is NUL-terminated. */
int wsc_outcome_parse(const char *word);
int wsc_ending_parse(const char *word);
int wsc_code_source_parse(const char *word);
int wsc_tcp_end_parse(const char *word);
int wsc_rule_parse(const char *word);
int wsc_cause_parse(const char *word);
int wsc_confidence_parse(const char *word);
int wsc_side_parse(const char *word);

/* Writes "10.0.0.7:51022" or "[2001:db8::5]:443" (RFC 5952) into |out|, NUL-terminated; "" if not
 * known. Returns the length. */
#define WSC_ENDPOINT_TEXT_MAX 56u
size_t wsc_endpoint_text(const struct wsc_endpoint *e, char out[WSC_ENDPOINT_TEXT_MAX]);

/* Reads what wsc_endpoint_text() writes; an address without a port gives port 0. Returns false if
 * it is neither. */
bool wsc_endpoint_parse(const char *text, struct wsc_endpoint *out);

#endif
