/* One TCP connection as seen from the side: two directions of bytes put in order, and how they end
 * (RFC 9293).
 *
 * Sequence numbers are turned into 64-bit stream offsets at the door: offset 0 is the first byte
 * after the SYN or, where the capture starts late, the first byte after what was seen first (a
 * segment, or an acknowledgement of bytes before it). In-order data is handed on as it lies in the
 * packet. Bytes out of order are held until the hole before them is filled, or until it is known
 * that it never will be: the receiver acknowledged the bytes, or the capture does not show the
 * receiver at all, and a second and 32 packets have passed; or a ceiling is reached; or the
 * connection ends. Then the hole is a gap, with its length.
 *
 * An RST counts only if its receiver would accept it (RFC 9293 3.10.7.4, RFC 5961 3.2). One that it
 * did not heed, as later acknowledgements show, is taken back. */
#ifndef WSC_FLOW_TCP_CONN_H
#define WSC_FLOW_TCP_CONN_H

#include "base/pool.h"
#include "flow/flow_key.h"
#include "flow/reorder.h"

#define WSC_TCP_NO_ACK UINT64_MAX

struct wsc_tcp_ops {
    /* The next bytes of a direction, in order, each once. |at|: the packet that carried them or, if
     * it came before its turn, the one that filled the hole before it (ts_ns, ref), as Wireshark
     * counts. */
    void (*on_data)(void *ctx, enum wsc_way way, uint64_t off, struct wsc_span data,
                    const struct wsc_tcp_at *at);
    /* |len| bytes at |off| were not captured. */
    void (*on_gap)(void *ctx, enum wsc_way way, uint64_t off, uint64_t len,
                   const struct wsc_tcp_at *at);
};

/* How the IP header of a FIN or an RST fits those of the packets its claimed sender sent before:
 * a box on the way that forges one is somewhere else, and counts its packets by itself. */
struct wsc_tcp_origin {
    uint8_t ttl, usual_ttl;  /* usual: of the packet before */
    uint8_t ttl_run;         /* packets in a row with usual_ttl; stops at 255 */
    uint8_t id_run;          /* packets in a row whose IP-ID counted on by 1..64; stops at 255 */
    uint16_t ip_id, last_id; /* IPv4; last: of the packet before */
};

/* The first FIN of a direction, and the RST that counts, by sender. */
struct wsc_tcp_fin {
    struct wsc_tcp_at at; /* ref 0: none seen */
    uint64_t off;         /* offset after the last data byte */
    struct wsc_tcp_origin origin;
};
struct wsc_tcp_rst {
    struct wsc_tcp_at at; /* ref 0: none */
    uint64_t off;
    struct wsc_tcp_origin origin;
    uint64_t after_ref; /* the first packet its sender sent after it, other than an RST; 0: none */
    uint32_t after_count; /* such packets */
    bool ahead; /* it lay beyond every byte seen: believed only if its receiver stays silent, and
                   then bytes are missing */
    uint8_t repeats; /* segments its receiver sent again long after it; stops at 255 */
    bool bare;       /* it acknowledges nothing: its sender knows no such connection */
    bool late; /* its sender sent the bytes up to it long after it: for the first time, or again */
};

/* RSTs, by sender, index enum wsc_way. */
struct wsc_tcp_resets {
    struct wsc_tcp_rst rst[2];
    struct wsc_tcp_rst
        doubted[2];     /* taken back, for its sender went on; its receiver has not yet */
    uint64_t stale_ref; /* the first of those that their receivers would not accept */
    struct wsc_tcp_origin stale_origin;
    uint32_t stale_count; /* how many there were */
    uint8_t stale_way;    /* who claimed to have sent the first, enum wsc_way */
};

/* What a connection needs only when it ends, or where the capture has it out of order: made when
 * the first of it comes up. By sender, index enum wsc_way. */
struct wsc_tcp_more {
    struct wsc_tcp_fin fin[2];
    struct wsc_tcp_resets *resets; /* NULL: none */
    struct wsc_reorder *held[2];   /* NULL: nothing out of order */
    uint64_t missing[2];           /* bytes */
    uint32_t pending_isn[2];       /* if WSC_TCP_SYN_PENDING */
    uint16_t foreign[2];           /* segments in a row that are nowhere near the window */
};

enum wsc_tcp_dir_flag {
    WSC_TCP_STARTED = 1 << 0, /* the offset origin is known */
    WSC_TCP_SYN_SEEN = 1 << 1,
    WSC_TCP_SEEN = 1 << 2,  /* a packet of this direction was captured */
    WSC_TCP_ACKED = 1 << 3, /* acked_seq is valid */
    WSC_TCP_FIN_SEEN = 1 << 4,
    WSC_TCP_SENT_ACK = 1 << 7,     /* sent_ack is valid */
    WSC_TCP_HOLE_OVERDUE = 1 << 5, /* a hole is known not to be filled; its grace runs */
    WSC_TCP_SYN_PENDING =
        1 << 6 /* a SYN that may start a new connection awaits the other side's consent */
};

/* What one side sends. Small: there are two for each open connection. The places near next_off are
 * kept as sequence numbers. */
struct wsc_tcp_dir {
    uint64_t next_off;      /* next byte to hand on */
    uint64_t new_ns;        /* time of the last packet with bytes not seen before, 0: none */
    uint64_t acked_ns;      /* time of the last packet known to be acknowledged whole, 0: none */
    uint32_t seq0;          /* sequence number of offset 0 */
    uint32_t end_seq;       /* after the last byte seen */
    uint32_t acked_seq;     /* acknowledged by the other side; FIN counts as one */
    uint32_t retransmitted; /* segments */
    uint32_t sent_ack;      /* highest acknowledgement sent in a packet not beyond next_off */
    uint8_t flags;
    uint8_t unanswered;   /* retransmissions and probes since the other side's last packet; stops at
                             255 */
    uint8_t ttl, ttl_run; /* as in struct wsc_tcp_origin, of the last packet */
};

struct wsc_tcp_conn {
    struct wsc_tcp_dir dir[2]; /* by sender, index enum wsc_way */
    struct wsc_tcp_more *more; /* NULL until needed */
    uint16_t ip_id[2];         /* by sender, as in struct wsc_tcp_origin */
    uint8_t id_run[2];
};

/* What there is of RSTs; none at all, but never NULL. */
static inline const struct wsc_tcp_resets *wsc_tcp_resets(const struct wsc_tcp_conn *c)
{
    static const struct wsc_tcp_resets none;
    return c->more != NULL && c->more->resets != NULL ? c->more->resets : &none;
}

/* The offset of a sequence number near next_off. */
static inline uint64_t wsc_tcp_off(const struct wsc_tcp_dir *d, uint32_t seq)
{
    return d->next_off + (uint64_t)(int64_t)(int32_t)(seq - (d->seq0 + (uint32_t)d->next_off));
}

/* The largest receive window there can be (RFC 7323 2.3). */
#define WSC_TCP_MAX_WINDOW (INT32_C(1) << 30)

/* Bytes missing in one place beyond which what follows is taken for another connection on the same
 * ports: initial sequence numbers move on by about as much in a second (RFC 6528 3), and no peer
 * known has a larger window. */
#define WSC_TCP_AHEAD_MAX (INT32_C(1) << 24)

/* Distance of |seq| from the next byte expected; the 32-bit wrap is solved here. */
static inline int32_t wsc_tcp_distance(const struct wsc_tcp_dir *d, uint32_t seq)
{
    return (int32_t)(seq - (d->seq0 + (uint32_t)d->next_off));
}

/* Sets |*off| to the offset of |seq|. False if it lies before the origin or nowhere near. */
static inline bool wsc_tcp_offset_of(const struct wsc_tcp_dir *d, uint32_t seq, uint64_t *off)
{
    int32_t dist = wsc_tcp_distance(d, seq);
    if (dist > WSC_TCP_AHEAD_MAX || (dist < 0 && (uint64_t)(-(int64_t)dist) > d->next_off))
        return false;
    *off = d->next_off + (uint64_t)(int64_t)dist;
    return true;
}

/* What the connections of one analyzer share. */
struct wsc_tcp_shared {
    /* Also for others who keep something as large for a connection: what one of them gives back at
     * its end, the next may use. */
    struct wsc_pool more_pool;
    struct wsc_pool resets_pool;
    size_t held_bytes; /* out of order, all connections */
    size_t max_held, max_held_per_dir;
    uint32_t seed;           /* of what is held next */
    uint64_t given_up_bytes; /* holes declared gaps at a ceiling */
};
/* |block|: of more_pool, at least that of a struct wsc_tcp_more. */
void wsc_tcp_shared_init(struct wsc_tcp_shared *sh, size_t max_held, size_t max_held_per_dir,
                         size_t block);
void wsc_tcp_shared_clear(struct wsc_tcp_shared *sh);

enum wsc_tcp_result {
    WSC_TCP_TAKEN,
    WSC_TCP_RESTART, /* this packet belongs to a new connection on the same ports: finish this one,
                        clear it, feed again */
    WSC_TCP_NOMEM    /* the packet was lost to us; the connection goes on */
};

/* A zeroed struct is a new connection. Takes one packet that |way| sent. */
enum wsc_tcp_result wsc_tcp_conn_feed(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh,
                                      enum wsc_way way, const struct wsc_packet_view *v,
                                      const struct wsc_tcp_ops *ops, void *ctx);

/* For a connection whose bytes nobody wants: as wsc_tcp_conn_feed(), but nothing is handed on, held
 * back or told to be missing. False, and nothing is done, if |v| may change more than how far the
 * connection has come. */
bool wsc_tcp_conn_pass(struct wsc_tcp_conn *c, enum wsc_way way, const struct wsc_packet_view *v);

/* True if |v|, sent by |way|, lies so far ahead of what was seen that it may belong to a later
 * connection on the same ports, whose SYN was not captured. */
bool wsc_tcp_conn_doubtful(const struct wsc_tcp_conn *c, enum wsc_way way,
                           const struct wsc_packet_view *v);

/* Nothing more will come: hands on what is held, with its gaps, and tells what is missing at the
 * ends. */
void wsc_tcp_conn_finish(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh,
                         const struct wsc_tcp_ops *ops, void *ctx);

/* Frees what it holds; zeroed afterwards. */
void wsc_tcp_conn_clear(struct wsc_tcp_conn *c, struct wsc_tcp_shared *sh);

/* True if the other side acknowledged every byte of |way| before |off|. */
bool wsc_tcp_conn_acked(const struct wsc_tcp_conn *c, enum wsc_way way, uint64_t off);

/* True once a FIN or an RST that counts was seen. */
bool wsc_tcp_conn_ending(const struct wsc_tcp_conn *c);

/* Bytes of |way| that were not captured. */
uint64_t wsc_tcp_conn_missing(const struct wsc_tcp_conn *c, enum wsc_way way);

/* True once no more data can come: an RST that counts, or FINs both ways, all handed on. */
bool wsc_tcp_conn_over(const struct wsc_tcp_conn *c);

/* True once it was closed in order to the end: FINs both ways, both acknowledged, nothing held or
 * missing. */
bool wsc_tcp_conn_done(const struct wsc_tcp_conn *c);

#endif
