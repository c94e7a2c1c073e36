/* One TCP conversation's stack: tcp -> [TLS] -> HTTP/1 | HTTP/2 | probe -> WebSocket -> evidence ->
 * record.
 *
 * It holds only what the layer it is in needs: |pre| until it is known what it is, |ws| from an
 * upgrade request on, |inner| where TLS or HTTP/2 lies between.
 *
 * Two kinds of offsets: those of the bytes that a layer is fed (of TCP's bytes, of what TLS
 * protects, of one HTTP/2 stream's DATA), which the layer counts by; and those of TCP's bytes on
 * the wire, which acknowledgements and FINs count by, and therefore all evidence. Without TLS and
 * HTTP/2 they are the same; wsc_conv_wire_end() leads from one to the other. */
#ifndef WSC_ENGINE_CONVERSATION_H
#define WSC_ENGINE_CONVERSATION_H

#include <wsclose/analyzer.h>

#include "closure/evidence.h"
#include "closure/signs.h"
#include "engine/intern.h"
#include "engine/tls_names.h"
#include "engine/wss_places.h"
#include "flow/age_wheel.h"
#include "flow/flow_table.h"
#include "flow/tcp_conn.h"
#include "http/h1.h"
#include "http/h2_conn.h"
#include "http/ws_upgrade.h"
#include "ident/ident.h"
#include "tls/tls_stream.h"
#include "ws/ws_decoder.h"
#include "ws/ws_goodbye.h"
#include "ws/ws_probe.h"

/* What the bytes of one direction are taken for. */
enum wsc_conv_mode {
    WSC_CONV_NEW, /* nothing seen yet, or the last reading broke off: look at the next segment */
    WSC_CONV_HTTP,
    WSC_CONV_WS,
    WSC_CONV_H2,
    WSC_CONV_SKIP /* nothing for us */
};

/* Where the bytes at hand lie on the wire. |mapped| false: they are the wire's own. */
struct wsc_conv_wire {
    uint64_t start, end;
    bool mapped;
};

/* Bytes kept for later, oldest first; |len| 0: a gap. */
struct wsc_conv_piece {
    struct wsc_conv_piece *next;
    uint64_t off, gap;
    struct wsc_tcp_at at;
    struct wsc_conv_wire wire;
    size_t len, skip; /* skip: leading bytes already used */
    uint8_t data[];
};
struct wsc_conv_pieces {
    struct wsc_conv_piece *first, *last;
    size_t bytes;
};

/* Bytes of a run of frames not yet believed, to be decoded if it comes to be. */
struct wsc_conv_run {
    struct wsc_ws_probe probe;
    struct wsc_conv_pieces kept;
    uint64_t start; /* of the run whose pieces are kept */
    uint64_t from;  /* decode from this stream offset */
};

/* Before it is known what the conversation is. */
struct wsc_conv_pre {
    struct wsc_h1 *h1[2]; /* by way */
    struct wsc_conv_run run[2];
    struct wsc_ident_flow *ident;
    uint64_t early_ref, early_ack; /* first packet with client bytes before the answer, 0: none */
    uint64_t requests; /* kinds of the requests not yet answered, 2 bits each, oldest lowest */
    uint8_t requests_len;
    uint8_t labelled;      /* payload packets nDPI has seen */
    uint16_t probed;       /* segments the probe has seen */
    uint64_t client_start; /* where the client's frames start, by what a 101 acknowledged; 0: not
                              known */
    char key[32];          /* Sec-WebSocket-Key of the upgrade under way; key_len 0: none seen */
    uint8_t key_len;
};

/* A Close as kept: evidence plus its reason. */
struct wsc_conv_close {
    struct wsc_ev_close ev; /* reason points to |reason| */
    uint8_t reason[WSC_WS_CONTROL_KEPT - 2];
};

/* Pings and Pongs, and large messages: made when the first of them comes up. Index enum wsc_dir, by
 * sender. */
struct wsc_conv_ledger {
    struct wsc_conv_ping {
        uint64_t ns, ref, end; /* of the last: when, where, the stream offset after it */
        uint64_t first_open_ns, first_open_ref; /* the oldest not answered; 0: all are */
        uint64_t interval_ns;                   /* between the last two; 0: there was one */
        uint32_t open;                          /* how many are not answered */
        uint32_t hash;                          /* of the last one's payload */
    } ping[2];
    struct wsc_conv_pong {
        uint64_t ns, ref; /* of the last; 0: none */
    } pong[2];
    int64_t rtt_ns;              /* last Ping answered, WSC_UNKNOWN: none */
    int64_t resumed_id;          /* row of the open record it goes on with, 0: none */
    uint32_t pings[2], pongs[2]; /* stop at their maximum */
    struct wsc_conv_large {
        uint64_t ref, frame_len; /* of the last data frame of WSC_LARGE_FRAME bytes or more */
        bool compressed;
    } large[2];
};

/* Frames of fewer bytes are not worth a ledger: no limit known is that small. */
#define WSC_LARGE_FRAME 4096u

/* What few connections have: Closes, violations, and what came just before them. */
struct wsc_conv_notes {
    struct wsc_conv_close first[2], valid[2];
    struct wsc_violation violations[WSC_VIOLATIONS_MAX];
    size_t violations_len;
    uint64_t violations_more;
    struct {
        bool broke_rule, data_last, text_last;
        uint64_t last_data_ns, last_len, longest_before;
    } before[2];                /* of this sender, when the other side's first Close came */
    uint64_t hidden_off[2];     /* stream offsets, for the bits of ws->hidden */
    uint64_t hidden_ack_off[2]; /* as in the evidence */
    uint64_t idle_base_ns[4];   /* times of the last byte any, client, server, data when the end
                                   began, 0: none */
    bool idle_taken;
    struct wsc_conv_ping ping[2]; /* as they stood then: a Pong may still come afterwards */
    uint64_t pong_ns[2];
    int64_t rtt_ns;
};

/* What the handshake says, kept once for all connections that say the same. */
enum wsc_conv_string {
    WSC_STRING_HOST,
    WSC_STRING_PATH,
    WSC_STRING_SUBPROTOCOL,
    WSC_STRING_EXTENSIONS,
    WSC_STRING_USER_AGENT,
    WSC_STRING_ORIGIN,
    WSC_STRING_SERVER_SOFTWARE,
    WSC_STRING_VIA,
    WSC_STRING_CF_RAY,   /* of a rejection; of a 101 only its last part, the data centre */
    WSC_STRING_LOCATION, /* of a redirect, without its query */
    WSC_STRING_WWW_AUTHENTICATE,
    WSC_STRING_PHRASE, /* of a rejection */
    WSC_STRING_COUNT
};

/* One WebSocket, from its request on. Indexes are enum wsc_dir. */
struct wsc_conv_ws {
    struct wsc_ws_decoder dec[2]; /* |mark|: ack_off of the packet with the first byte of the frame
                                     being read, its low half */
    struct wsc_conv_notes *notes; /* NULL: nothing to note */
    struct wsc_conv_ledger *ledger; /* NULL: none needed */
    union {
        uint64_t established_ns;
        uint64_t answer_ref; /* of a rejection */
    };
    uint64_t last_data_ns;
    uint64_t bytes[2];
    uint32_t longest[2];             /* largest complete message; sizes stop at their maximum */
    uint32_t message_len[2];         /* of the message being sent, or sent last */
    uint32_t frames[2], messages[2]; /* stop at their maximum */
    uint32_t quiet_ms; /* the last silence of WSC_QUIET_NS or more that ended with bytes, 0: none */
    uint32_t quiet_end_ms;       /* when it ended, after started_ns */
    uint8_t key[WSC_WS_KEY_LEN]; /* Sec-WebSocket-Key, decoded */
    uint32_t strings;  /* in |string_sets|: array of the numbers in |intern|, enum wsc_conv_string;
                          0:  none */
    uint32_t serial;   /* 0 for the first WebSocket on this TCP connection, then 1, ... */
    uint16_t status;   /* of the handshake's answer, 0: none */
    uint8_t handshake; /* enum wsc_ev_handshake */
    uint8_t hidden;    /* bit a direction: from notes->hidden_off on a Close may be there unseen */
    uint8_t last_kind[2];                /* of the last frame: enum wsc_conv_kind */
    uint8_t app;                         /* enum wsc_ws_app */
    uint8_t goodbye[2], goodbye_code[2]; /* enum wsc_ws_goodbye of the last message, and its code */
    uint8_t frame_acked;                 /* bit a direction: dec[].mark is known */
    bool midstream, key_known;
    uint8_t foretold; /* provisional records handed over; odd: the last said that it is over */
};

enum wsc_conv_kind { WSC_KIND_NONE, WSC_KIND_CONTROL, WSC_KIND_DATA, WSC_KIND_TEXT };

/* One stream of an HTTP/2 connection (RFC 8441). Indexes are enum wsc_dir unless said. While its
 * bytes are at hand, its |ws|, |pre|, |mode| and |started_ns| stand in the conversation's. */
struct wsc_conv_stream {
    struct wsc_conv_stream *next_over; /* in the queue of those that ended */
    struct wsc_conv_ws *ws;
    struct wsc_conv_pre *pre;
    uint64_t started_ns;
    uint64_t next_off[2]; /* DATA, by way */
    uint64_t new_ns[2];   /* by way: when its last byte came */
    uint64_t prev_ns[2];  /* the same, before the packet at hand */
    uint64_t packet_ref;  /* the packet at hand, when its bytes came last */
    uint64_t missing[2];
    struct wsc_ev_end end[2], rst[2]; /* END_STREAM and RST_STREAM by sender */
    uint32_t rst_error[2];
    uint32_t id;
    uint8_t mode[2]; /* by way */
    bool over;       /* both ENDs or an RST were seen */
};

/* What TLS and HTTP/2 need between TCP and the WebSocket. */
struct wsc_conv_inner {
    struct wsc_list waiting; /* in wsc_engine.waiting, if bytes wait for a secret */
    struct wsc_conv *conv;
    struct wsc_tls *tls;        /* NULL: none */
    uint64_t next_off[2];       /* what TLS protects: next byte, by way */
    uint64_t new_ns[2];         /* by way: when the last such byte came */
    uint64_t record_ack[2];     /* by way: what the packet with the record's first byte
                                   acknowledged */
    uint64_t record_prev_ns[2]; /* by way: new_ns before the record at hand */
    enum wsc_way fed_way;       /* TCP's bytes that TLS is fed: whose, and where */
    uint64_t fed_start, fed_end;
    bool gap_pending[2]; /* by way: TLS has not told yet what a gap in TCP means to it */
    bool gave_up;        /* no longer waits for anything */
    uint64_t gap_ack[2]; /* by way: what that side had received before its last gap in TCP */
    bool dark[2];        /* by way: not read any more, from dark_off on */
    uint64_t dark_off[2];
    struct wsc_conv_pieces wait[2]; /* by way: TCP's bytes that wait for a secret */
    struct wsc_sign_alert alert[2]; /* by enum wsc_dir: the first fatal one, else close_notify */
    struct wsc_h2 *h2;              /* NULL: none */
    size_t h2_bytes;                /* that it holds, as counted in the engine */
    const uint8_t *h2_base;         /* of the span it is fed, which lies at h2_off..h2_end */
    uint64_t h2_off, h2_end;
    struct wsc_conv_stream **streams; /* by id */
    size_t streams_len, streams_cap;
    struct wsc_conv_stream *over, **over_last; /* ended, until what ended them is acknowledged */
    size_t over_len;
    struct wsc_conv_stream *now;      /* whose bytes are at hand, or NULL */
    struct wsc_sign_goaway goaway[2]; /* by enum wsc_dir: the first with an error, else the last */
    bool was_ending;                  /* TCP's end was in sight before this packet */
    bool connect_protocol;            /* the server announced extended CONNECT (RFC 8441 3) */
    bool h2_lost[2];                  /* by enum wsc_dir: frames may have been missed */
    uint64_t h2_lost_off[2];          /* ... before this offset on the wire */
    bool h2_failed[2];                /* by way: what it speaks is not HTTP/2 after all */
};

#define WSC_CONV_LABEL_MASK 0x7ffu
_Static_assert(WSC_IDENT_LABELS + 1 <= WSC_CONV_LABEL_MASK, "a label has room");

struct wsc_conv {
    struct wsc_flow_node node; /* first: the table's entries are conversations */
    uint32_t serial : 30;      /* WebSockets seen on this TCP connection */
    uint32_t client_known : 1, syn_seen : 1;
    struct wsc_age_node age;
    struct wsc_tcp_conn tcp;
    struct wsc_conv_pre *pre;
    struct wsc_conv_ws *ws;
    struct wsc_conv_inner *inner; /* NULL: neither TLS nor HTTP/2 */
    uint64_t first_ref, last_ref, started_ns, last_ns;
    uint8_t mode[2];     /* by way, enum wsc_conv_mode */
    uint16_t label : 11; /* ident's, 0: none yet */
    uint16_t client : 1; /* enum wsc_way of the client, if |client_known| */
    uint16_t queue : 3;  /* analyzer.c's: which queue |age| is in */
    uint16_t tls : 1;    /* TLS that nobody could read */
};

/* A shorter pause is traffic. */
#define WSC_QUIET_NS UINT64_C(5000000000)

/* Where in the work of one packet something is handed over: what waited for a secret, the packet's
 * own connection, those forgotten by age, queue by queue, those the capture ends for. */
enum { WSC_TURN_RETRY, WSC_TURN_FEED, WSC_TURN_EXPIRE, WSC_TURN_FLUSH = WSC_TURN_EXPIRE + 8 };
struct wsc_turn {
    uint64_t seq; /* of the clock */
    uint8_t phase;
    uint64_t last_ns, ref; /* beyond WSC_TURN_FEED: the last use of the connection at hand */
};

/* What connections learn of each other, for whoever has all of them when an analyzer has not. */
struct wsc_wide_ops {
    /* As wsc_tls_names_count() of one connection, and wsc_wss_places_note(). */
    void (*on_tls_name)(void *ctx, struct wsc_span name);
    void (*on_place)(void *ctx, const struct wsc_endpoint *server, bool websocket);
    /* The next record is one only if wsc_wss_places_known() of |server| is |known|. */
    void (*on_condition)(void *ctx, const struct wsc_endpoint *server, bool known);
};

struct wsc_trace; /* conv_trace.h */

/* What all conversations of an analyzer share, and the packet at hand. */
struct wsc_engine {
    struct wsc_analyzer_options opt;
    wsc_record_fn on_record;
    void *ctx;
    const struct wsc_trace *trace; /* NULL: nobody listens */
    struct wsc_tcp_shared tcp;     /* its more_pool is that of struct wsc_conv_ws, too */
    struct wsc_h1_shared h1;
    struct wsc_pool notes_pool, ledger_pool, pre_pool, scratch_pool, inner_pool, stream_pool;
    struct wsc_tls_shared *tls;
    const struct wsc_wide_ops *wide; /* called with |ctx|; NULL: it has all connections */
    struct wsc_tls_names *tls_names; /* these two if |wide| is NULL */
    struct wsc_wss_places *wss_places;
    struct wsc_list waiting; /* conversations that wait for a secret */
    uint64_t generation;     /* of the key log, when they were tried last */
    size_t h2_bytes;         /* held for HTTP/2, besides the pools */
    const struct wsc_limits *limits;
    struct wsc_intern *intern, *string_sets;
    struct wsc_ws_accept *accept;
    struct wsc_ident *ident; /* NULL: no labels */
    size_t run_bytes;        /* held in pieces, all conversations together */
    uint64_t records, ws_open;
    uint64_t tls_unread;               /* TLS connections nobody could read */
    uint64_t tls_failed;               /* whose TLS did not come about */
    uint64_t streams_refused;          /* HTTP/2 streams beyond the ceiling of their connection */
    uint64_t now_ns;                   /* latest packet time */
    uint64_t clock_ns;                 /* what ages are counted by */
    uint64_t pending;                  /* handshakes the capture ended too soon for */
    uint64_t lost_from_ns, lost_to_ns; /* first and last time packets were dropped, 0: never */
    /* Set by wsc_conv_feed for the callbacks it causes. */
    struct wsc_conv *conv;
    enum wsc_way way; /* sender of the bytes at hand */
    const struct wsc_tcp_at *at;
    struct wsc_conv_wire wire;
    uint64_t prev_new_ns[2]; /* by way: last new byte before the packet at hand */
    uint64_t prev_data_ns;   /* the same, of a data frame */
    uint64_t packet_ref;     /* 0: none at hand */
    struct wsc_turn turn;
};

/* Feeds one packet; RESTART as wsc_tcp_conn_feed(). */
enum wsc_tcp_result wsc_conv_feed(struct wsc_engine *e, struct wsc_conv *c, enum wsc_way way,
                                  const struct wsc_packet_view *v);

/* Hands the record over at once when nothing more can change it: FINs both ways, all acknowledged.
 */
void wsc_conv_settle(struct wsc_engine *e, struct wsc_conv *c);

/* Judges what is open, hands its record over, and frees everything but the table's entry. */
void wsc_conv_finish(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop);

/* ---- between the files of the engine ---- */

static inline enum wsc_dir wsc_conv_dir(const struct wsc_conv *c, enum wsc_way way)
{
    return way == (enum wsc_way)c->client ? WSC_DIR_C2S : WSC_DIR_S2C;
}

static inline enum wsc_way wsc_conv_way(const struct wsc_conv *c, enum wsc_dir dir)
{
    return dir == WSC_DIR_C2S ? (enum wsc_way)c->client : wsc_way_back((enum wsc_way)c->client);
}

/* Where bytes that end at |off| of the layer at hand end on the wire, and where they start. */
static inline uint64_t wsc_conv_wire_end(const struct wsc_engine *e, uint64_t off)
{
    return e->wire.mapped ? e->wire.end : off;
}
static inline uint64_t wsc_conv_wire_start(const struct wsc_engine *e, uint64_t off)
{
    return e->wire.mapped ? e->wire.start : off;
}

/* Of the layer right below the WebSocket: the next byte of a direction, and when its last came. */
static inline uint64_t wsc_conv_next_off(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_conv_inner *in = c->inner;
    return in == NULL        ? c->tcp.dir[way].next_off
           : in->now != NULL ? in->now->next_off[way]
           : in->tls != NULL ? in->next_off[way]
                             : c->tcp.dir[way].next_off;
}
static inline uint64_t wsc_conv_new_ns(const struct wsc_conv *c, enum wsc_way way)
{
    const struct wsc_conv_inner *in = c->inner;
    return in == NULL        ? c->tcp.dir[way].new_ns
           : in->now != NULL ? in->now->new_ns[way]
           : in->tls != NULL ? in->new_ns[way]
                             : c->tcp.dir[way].new_ns;
}

/* conversation.c: hands bytes, and bytes that are missing, to what their direction is taken for. */
void wsc_conv_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len);
/* What the idle clocks say before the packet at hand. */
void wsc_conv_take_clocks(struct wsc_engine *e, struct wsc_conv *c);
/* The clocks stop at the first sign of the end; an RST taken back starts them again. */
void wsc_conv_watch_idle(struct wsc_engine *e, struct wsc_conv *c);
void wsc_conv_skip(struct wsc_conv *c); /* both directions hold nothing for us */
void wsc_conv_pre_drop(struct wsc_engine *e, struct wsc_conv *c);

/* conv_pieces.c: keeps a copy; false: at a ceiling, or no memory. */
#define WSC_PIECES_ALL_MAX (64u << 20) /* all conversations together */
bool wsc_conv_piece_keep(struct wsc_engine *e, struct wsc_conv_pieces *p, uint64_t off,
                         struct wsc_span data, uint64_t gap, size_t max);
void wsc_conv_piece_drop_first(struct wsc_engine *e, struct wsc_conv_pieces *p);
void wsc_conv_pieces_clear(struct wsc_engine *e, struct wsc_conv_pieces *p);

/* conv_tls.c: TCP's bytes of a conversation that has TLS. */
void wsc_conv_tls_begin(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_tls_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_tls_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len);
/* True if application data of |d| cannot be read from |*off| on: it is as good as not captured. */
bool wsc_conv_tls_dark(const struct wsc_conv *c, enum wsc_dir d, uint64_t *off);
/* True if bytes wait for a secret. */
bool wsc_conv_tls_waits(const struct wsc_conv *c);
/* No more will come. */
void wsc_conv_tls_finish(struct wsc_engine *e, struct wsc_conv *c);
/* The key log has grown: what waits is tried again. */
void wsc_conv_tls_retry_all(struct wsc_engine *e);
struct wsc_conv_inner *wsc_conv_inner_need(struct wsc_engine *e, struct wsc_conv *c);
void wsc_conv_inner_drop(struct wsc_engine *e, struct wsc_conv *c);

/* conv_h2.c: a conversation that speaks HTTP/2 from offset |off| of |way| on. */
bool wsc_conv_h2_begin(struct wsc_engine *e, bool upgraded);
void wsc_conv_h2_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_h2_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len);
/* True if frames of the stream at hand, sent by |way|, may have been missed. */
bool wsc_conv_h2_missed(const struct wsc_conv *c, enum wsc_way way);
/* After each packet: streams whose end is acknowledged are handed over; clocks stop. */
void wsc_conv_h2_settle(struct wsc_engine *e, struct wsc_conv *c);
/* Judges every stream and frees them. */
void wsc_conv_h2_finish(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop);

/* conv_http.c: a direction in mode NEW (sniff: true if it became something else and the bytes are
 * to be handed on again) or HTTP. */
bool wsc_conv_sniff(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_http_data(struct wsc_engine *e, enum wsc_way way, uint64_t off, struct wsc_span data);
void wsc_conv_http_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len);
void wsc_conv_http_close(struct wsc_conv_pre *pre);
bool wsc_conv_pre_need(struct wsc_engine *e, struct wsc_conv *c);

/* conv_http.c, of HTTP/2 as well: what a request, an answer and a rejection say. */
void wsc_conv_note_request(struct wsc_engine *e, struct wsc_conv_ws *ws,
                           const struct wsc_h1_head *head);
void wsc_conv_note_rejection(struct wsc_engine *e, struct wsc_conv_ws *ws,
                             const struct wsc_h1_head *head);
/* Makes the client's direction ready for a request where a frame was expected; false: it cannot be
 * one. */
bool wsc_conv_request_after(struct wsc_engine *e, struct wsc_conv *c);
/* Returns what extensions the frames may use. */
enum wsc_ws_extensions wsc_conv_note_acceptance(struct wsc_engine *e, struct wsc_conv_ws *ws,
                                                const struct wsc_h1_head *head);

/* What the decoders tell; where somebody listens, through conv_trace.c. */
extern const struct wsc_ws_ops wsc_conv_ws_ops;
extern const struct wsc_tls_ops wsc_conv_tls_ops;

/* conv_ws.c */
/* A segment with bytes that had come before: where they lie on the wire, and what it acknowledges.
 */
struct wsc_conv_copy {
    uint64_t off, end, ack_off;
};
/* If it has the end of a Close of |d|, that Close was sent with no more at hand than the copy says:
 * acknowledgements only grow, whatever order the capture has them in. |ws| may be NULL. */
void wsc_conv_close_again(struct wsc_conv_ws *ws, enum wsc_dir d, const struct wsc_conv_copy *copy);
struct wsc_conv_ws *wsc_conv_ws_new(struct wsc_engine *e, struct wsc_conv *c);
void wsc_conv_ws_data(struct wsc_engine *e, enum wsc_way way, struct wsc_span data);
void wsc_conv_ws_gap(struct wsc_engine *e, enum wsc_way way, uint64_t off, uint64_t len);
/* Whole frames of |d| may have been missed, nobody knows where. */
void wsc_conv_ws_lost(struct wsc_engine *e, enum wsc_dir d);
/* A frame header of |way| starts at stream offset |off|, after its framing was lost or never known.
 */
void wsc_conv_ws_resync(struct wsc_engine *e, enum wsc_way way, uint64_t off);
void wsc_conv_hide(struct wsc_engine *e, enum wsc_dir dir, uint64_t off);
/* How many bytes of the other side |way| had received when it sent those seen last;
 * WSC_EV_NO_ACK: not known. */
uint64_t wsc_conv_received(const struct wsc_conv *c, enum wsc_way way);

/* What is spoken inside, by the handshake: from here on goodbyes are looked for. */
void wsc_conv_app(struct wsc_engine *e, struct wsc_conv_ws *ws);

/* conv_strings.c: keeps |texts| for |ws|; a string that is there already stays, NULL spans are
 * nothing. */
struct wsc_conv_text {
    enum wsc_conv_string which;
    struct wsc_span text;
};
void wsc_conv_set_strings(struct wsc_engine *e, struct wsc_conv_ws *ws,
                          const struct wsc_conv_text *texts, size_t n);
struct wsc_span wsc_conv_string(const struct wsc_engine *e, const struct wsc_conv_ws *ws,
                                enum wsc_conv_string which);
/* The software that a kept string names. It is looked for once for all who say the same. */
const struct wsc_software *wsc_conv_software(const struct wsc_engine *e,
                                             const struct wsc_conv_ws *ws,
                                             enum wsc_conv_string which);
void wsc_conv_drop_strings(struct wsc_engine *e, struct wsc_conv_ws *ws);

/* conv_ws.c */
void wsc_conv_violation(struct wsc_engine *e, enum wsc_dir by, enum wsc_rule rule, uint64_t ref);
void wsc_conv_ws_clear(struct wsc_engine *e, struct wsc_conv *c);

/* conv_probe.c: a direction whose handshake was not captured, or whose framing is lost. */
void wsc_conv_probe_data(struct wsc_engine *e, enum wsc_way way, uint64_t off,
                         struct wsc_span data);
void wsc_conv_run_clear(struct wsc_engine *e, struct wsc_conv_run *run);

/* conv_record.c: one end of |c|; the record of |c->ws|. */
struct wsc_endpoint wsc_conv_endpoint(const struct wsc_conv *c, enum wsc_dir d);
void wsc_conv_record(struct wsc_engine *e, struct wsc_conv *c, enum wsc_ev_stop stop);

/* conv_record.c: the same, as a provisional record. */
void wsc_conv_foretell(struct wsc_engine *e, struct wsc_conv *c, bool over);

/* conv_signs.c: what its cause may rest on besides the evidence. */
void wsc_conv_signs(const struct wsc_engine *e, const struct wsc_conv *c, struct wsc_signs *out);

/* resume.c: writes how to go on with |c|, an open WebSocket; returns the length. */
#define WSC_CONV_STATE 128u
size_t wsc_conv_save(const struct wsc_conv *c, uint8_t out[WSC_CONV_STATE]);
/* Fills |c|, new and with its key, from what was saved and from its record. False: it cannot be. */
bool wsc_conv_resume(struct wsc_engine *e, struct wsc_conv *c, enum wsc_way client,
                     const struct wsc_closure *rec);
/* The tunnel that the key of a saved state needs; false: the state is damaged. */
bool wsc_conv_saved_tunnel(struct wsc_span state, uint32_t *tunnel_id);

/* conv_ws.c: pings and large messages; NULL: no memory. */
struct wsc_conv_ledger *wsc_conv_ledger(struct wsc_engine *e, struct wsc_conv_ws *ws);

/* conv_ws.c: where few connections have something to note; NULL: no memory. */
struct wsc_conv_notes *wsc_conv_notes(struct wsc_engine *e, struct wsc_conv_ws *ws);

/* Takes the times of the last bytes before the end begins; later calls change nothing. */
void wsc_conv_take_idle(struct wsc_engine *e, struct wsc_conv *c);

#endif
