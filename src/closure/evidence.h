/* What was seen of one WebSocket, by whom, in which order: all that a verdict may rest on. Plain
 * data, no pointers to flows.
 *
 * Index of every array is enum wsc_dir, by sender. Offsets are stream offsets of that sender's
 * bytes. */
#ifndef WSC_CLOSURE_EVIDENCE_H
#define WSC_CLOSURE_EVIDENCE_H

#include <wsclose/closure.h>

#define WSC_EV_NO_ACK UINT64_MAX

/* One Close frame. */
struct wsc_ev_close {
    bool seen;
    bool valid; /* breaks no rule (RFC 6455 5.5, 7.4) */
    bool empty; /* no body: 1005 */
    int code;   /* WSC_UNKNOWN: none readable */
    struct wsc_span reason;
    uint64_t ts_ns, ref; /* of the packet that completes it */
    uint64_t end;        /* after its last byte */
    uint64_t ack_off;    /* the other side's bytes that the packet with its first byte acknowledged;
                            WSC_EV_NO_ACK: not said */
};

/* A FIN or an RST that counts, of TCP or of an HTTP/2 stream. */
struct wsc_ev_end {
    uint64_t ts_ns, ref; /* ref 0: none */
    uint64_t off;        /* FIN: after the last data byte; RST: where it stands */
    uint64_t ack_off;
    bool stream; /* END_STREAM or RST_STREAM of HTTP/2 (RFC 8441 5) */
    bool answer; /* RST: it answers an end that came before. If it is the first sign of one, that
                    was not captured */
};

struct wsc_ev_side {
    struct wsc_ev_close first; /* the first Close on the wire */
    struct wsc_ev_close
        valid; /* the first that its receiver may heed; the same as |first| if that is valid */
    struct wsc_ev_end fin, rst;
    struct wsc_ev_end alert;  /* TLS: its close_notify or fatal alert, after which it sends nothing
                                 more (RFC 8446 6.1, 6.2) */
    struct wsc_ev_end goaway; /* HTTP/2: its GOAWAY with an error, which ends all (RFC 9113
                                 5.4.1) */
    bool captured;            /* a packet from this side is in the capture */
    bool hidden; /* from hidden_off on bytes are missing, or framing is lost, so that a Close may be
                    there unseen */
    uint64_t hidden_off;
    uint64_t hidden_ack_off; /* the other side's bytes it had acknowledged before it sent those;
                                WSC_EV_NO_ACK: not known */
    uint64_t end_off;        /* after its last byte seen */
    bool acked_known;        /* the other side's acknowledgements are in the capture */
    uint64_t acked_off;  /* up to which the other side acknowledged this side's bytes; FIN counts as
                            one */
    uint64_t acked_ns;   /* time of the last packet of this side that was acknowledged, 0: none */
    unsigned unanswered; /* times it sent again or probed since the other side's last packet */
    uint64_t frames;
    /* What this side sent just before the other side's first Close. */
    bool broke_rule;                   /* a violation before it */
    bool data_last;                    /* its last frame before it was of data */
    bool text_last;                    /* ... of a text message, or compressed */
    uint64_t last_data_ns;             /* when that frame came */
    uint64_t last_len, longest_before; /* payload of that message so far, and of the longest
                                          complete one before it */
};

enum wsc_ev_handshake {
    WSC_EV_NO_HANDSHAKE, /* picked up mid-stream */
    WSC_EV_PENDING,      /* asked for, no answer seen */
    WSC_EV_ACCEPTED,
    WSC_EV_BAD_ACCEPT, /* 101 that does not fit the request */
    WSC_EV_REJECTED,   /* a final status but 101 */
    WSC_EV_GARBAGE,    /* an answer that is not HTTP */
    WSC_EV_ENCRYPTED,  /* TLS that nobody could read: whether it is a WebSocket is not known */
    WSC_EV_TLS_FAILED  /* TLS did not come about */
};

/* Why no more packets follow. */
enum wsc_ev_stop {
    WSC_EV_STOP_CAPTURE, /* the capture ends here */
    WSC_EV_STOP_OVER,    /* TCP is over, or silent for long */
    WSC_EV_STOP_REUSED,  /* another connection took its ports */
    WSC_EV_STOP_EVICTED  /* forgotten at a ceiling */
};

struct wsc_evidence {
    struct wsc_ev_side side[2];
    enum wsc_ev_handshake handshake;
    enum wsc_ev_stop stop;
    bool wss_known;  /* TLS failed where all that could be read before was WebSockets */
    uint64_t now_ns; /* time of the last packet of the capture */
    bool lost; /* packets were dropped since the last that was acknowledged: silence proves nothing
                */
};

#endif
