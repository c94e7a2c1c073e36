/* What a cause may rest on besides the evidence of the verdict: pings, where a FIN or RST came
 * from, sizes, headers. Plain data; index of every array is enum wsc_dir, by sender. */
#ifndef WSC_CLOSURE_SIGNS_H
#define WSC_CLOSURE_SIGNS_H

#include "closure/software.h"

#include <wsclose/closure.h>
#include <wsclose/limits.h>

/* The IP header of a FIN or an RST against those of its claimed sender's packets before it. */
struct wsc_sign_origin {
    uint8_t ttl, usual_ttl;
    uint8_t ttl_run;         /* packets in a row with usual_ttl */
    uint8_t id_run;          /* packets in a row whose IP-ID counted on */
    uint16_t ip_id, last_id; /* IPv4 */
};

struct wsc_sign_end {
    struct wsc_sign_origin origin;
    bool ttl_stays;       /* FIN: the packets its sender sent after it have its TTL too */
    uint64_t after_ref;   /* RST: the first packet its sender sent after it, 0: none */
    uint32_t after_count; /* such packets */
};

struct wsc_sign_ping {
    uint64_t ns, ref;           /* the last; 0: none */
    uint64_t open_ns, open_ref; /* the oldest not answered, 0: all were */
    uint32_t open;              /* how many were not */
    uint64_t interval_ns;       /* between the last two, 0: not known */
    bool acked_known, acked;    /* the last one's bytes were acknowledged by TCP */
};

struct wsc_sign_large {
    uint64_t ref, frame_len; /* the last data frame of some KB; 0: none */
    bool compressed;
};

/* A TLS alert (RFC 8446 6): the first fatal one of a side, or its close_notify. */
struct wsc_sign_alert {
    uint64_t ns, ref;      /* ref 0: none */
    uint64_t off, ack_off; /* as in struct wsc_ev_end */
    uint8_t level;         /* 1 warning, 2 fatal, 0 not known */
    int16_t description;   /* -1: encrypted */
};
/* "close_notify" for 0, ... (RFC 8446 6); "not registered" for what is none. rules_tls.c */
const char *wsc_alert_name(int description);

/* GOAWAY (RFC 9113 6.8). */
struct wsc_sign_goaway {
    uint64_t ns, ref; /* ref 0: none */
    uint64_t off;     /* behind it, as in struct wsc_ev_end */
    uint32_t last_stream, error;
    const char *error_name; /* NULL: not registered */
    uint8_t debug[64];
    uint8_t debug_len;
};

struct wsc_sign_stream {
    uint32_t id; /* 0: HTTP/1.1 */
    uint32_t error[2];
    const char *error_name[2]; /* of an RST_STREAM; NULL: none, or not registered */
    bool announced; /* the server's SETTINGS allow extended CONNECT, as far as they were seen */
};

struct wsc_signs {
    struct wsc_sign_alert alert[2];
    struct wsc_sign_goaway goaway[2];
    struct wsc_sign_stream stream;
    struct wsc_span alpn; /* TLS: negotiated, or the client's first choice */
    bool tls;             /* over TLS */
    struct wsc_sign_ping ping[2];
    uint64_t pong_ns[2];
    int64_t rtt_ns; /* of the last Ping answered before the end, WSC_UNKNOWN: none */
    struct wsc_sign_end fin[2], rst[2];
    uint32_t stale_count; /* RSTs that their receivers would not accept */
    uint64_t stale_ref;   /* the first of them, and whom it claims to be from */
    enum wsc_dir stale_by;
    struct wsc_sign_origin stale_origin;
    struct wsc_sign_large large[2];
    uint64_t cut_left[2];  /* bytes of its last frame that were never sent, 0: it was whole */
    char goodbye[2][80];   /* what the last message said, "" if it was no goodbye */
    const char *leave[2];  /* the cause that goodbye stands for, a word of the SPEC, or NULL */
    int64_t quiet_ns;      /* the last long silence that ended with bytes, 0: none */
    uint64_t quiet_end_ns; /* when */
    uint64_t answer_ref;   /* of a rejection */
    /* What the client's User-Agent and the server's Server header name; NULL: nobody known. */
    const struct wsc_software *software[2];
    struct wsc_span via, cf_ray, location, www_authenticate, phrase;
    const struct wsc_limits *limits;
};

#endif
