/* The story of one connection: its packets in, what happened in them out.
 *
 *     struct wsc_story *st;
 *     struct wsc_story_options opt = {.client = ..., .server = ..., .stream_id = ...};
 *     if (wsc_story_new(&opt, &st) != WSC_OK) ...
 *     while (next packet of the connection) wsc_story_feed(st, &packet);
 *     wsc_story_end(st);
 *     n = wsc_story_events(st, &events);
 *     wsc_story_free(st);
 *
 * It is the analyzer that reads them, so the story cannot differ from the verdict. Which packets
 * belong to a connection is wsclose/extract.h's to say. Payload is never in it, only its length;
 * the reasons of Closes are, and the paths of requests without their queries. */
#ifndef WSCLOSE_STORY_H
#define WSCLOSE_STORY_H

#include <wsclose/closure.h>
#include <wsclose/error.h>
#include <wsclose/keylog.h>

/* What |len|, |code| and |text| of an event are stands beside each; else they are 0, WSC_UNKNOWN
 * and NULL. */
enum wsc_story_kind {
    WSC_STORY_SYN,          /* SYN without ACK */
    WSC_STORY_SYN_ACK,      /* SYN with ACK */
    WSC_STORY_FIN,          /* */
    WSC_STORY_RST,          /* |ignored|: its receiver would not accept it, or did not heed it */
    WSC_STORY_AGAIN,        /* bytes that were seen before; len: of the segment */
    WSC_STORY_PROBE,        /* TCP keep-alive (RFC 9293 3.8.4) */
    WSC_STORY_WINDOW_ZERO,  /* the sender can take no more bytes */
    WSC_STORY_WINDOW_OPEN,  /* and can again; len: as in the header, not scaled */
    WSC_STORY_GAP,          /* len: bytes of the sender that were not captured */
    WSC_STORY_DATA,         /* a segment of which nothing else is told; len: its bytes */
    WSC_STORY_HELLO,        /* TLS; code: its version, as in the server's hello (0x0304: 1.3); text:
                               the server name, in the client's */
    WSC_STORY_ENCRYPTED,    /* a segment of TLS that is not read; len: its bytes */
    WSC_STORY_ALERT,        /* TLS; code: its description, text: its name; |fatal|; neither:
                              it is encrypted */
    WSC_STORY_REQUEST,      /* HTTP; text: method and path, without a query */
    WSC_STORY_ANSWER,       /* HTTP; code: status; text: phrase */
    WSC_STORY_FRAME,        /* WebSocket; len: payload; code: of a Close; text: its reason */
    WSC_STORY_LOST,         /* where the next frame starts is not known */
    WSC_STORY_VIOLATION,    /* code: enum wsc_rule */
    WSC_STORY_STREAM_END,   /* HTTP/2 END_STREAM */
    WSC_STORY_STREAM_RESET, /* HTTP/2 RST_STREAM; code: its error; text: the error's name */
    WSC_STORY_GOAWAY,       /* HTTP/2; the same */
    WSC_STORY_ESTABLISHED,  /* the WebSocket is open, by the store alone; code: status */
    WSC_STORY_STARTED,      /* the first packet, by the store alone */
    WSC_STORY_KIND_COUNT
};
/* "syn", "frame", ... as in JSON; never NULL. */
const char *wsc_story_kind_name(enum wsc_story_kind kind);

struct wsc_story_event {
    uint64_t ts_ns;    /* of the packet that completes it; 0: not known */
    uint64_t since_ns; /* FRAME: when its first byte came; else as |ts_ns| */
    uint64_t packet;   /* WSC_REF, or from the store the plain number; 0: not known */
    uint64_t len;
    struct wsc_span text; /* as sent; belongs to the story */
    int code;
    uint8_t kind;   /* enum wsc_story_kind */
    uint8_t dir;    /* enum wsc_dir: who sent it */
    uint8_t opcode; /* FRAME */
    bool nobody;    /* of neither side in particular: |dir| says nothing */
    bool fin;       /* FRAME: the last one of its message */
    bool compressed;
    bool masked;
    bool missing;    /* FRAME: not all of its payload was captured */
    bool unfinished; /* FRAME: it was not sent to its end */
    bool again;      /* SYN, SYN_ACK, FIN: one like it was seen before */
    bool ignored;    /* RST */
    bool fatal;      /* ALERT */
};

struct wsc_story;

struct wsc_story_options {
    struct wsc_endpoint client, server;
    uint32_t stream_id; /* of the record: events of other WebSockets in the connection are left out
                         */
    struct wsc_keylog *keylog; /* the caller's, outlives the story; NULL: TLS is not decrypted */
    size_t max_events;         /* kept; 0: WSC_STORY_EVENTS. Beyond it the oldest behind the first
                                  WSC_STORY_FIRST are left out, and counted */
};
#define WSC_STORY_EVENTS 1000000u
#define WSC_STORY_FIRST  16u
/* Bytes of text kept; beyond it events come without theirs. */
#define WSC_STORY_TEXT_MAX ((size_t)16 << 20)

/* Returns WSC_OK, WSC_ERR_INVALID (an end is not known) or WSC_ERR_NOMEM. The caller frees it. */
enum wsc_err wsc_story_new(const struct wsc_story_options *opt,
                           struct wsc_story **out) WSC_MUST_USE;

/* Takes the next packet. Packets of other connections are passed over. Returns WSC_OK or
 * WSC_ERR_NOMEM. */
enum wsc_err wsc_story_feed(struct wsc_story *st, const struct wsc_packet *pkt) WSC_MUST_USE;

/* No more packets come. Before the events are asked for. */
void wsc_story_end(struct wsc_story *st);

/* The events, in the order of their packets. Valid until the story is freed. */
size_t wsc_story_events(const struct wsc_story *st, const struct wsc_story_event **out);
/* How many are left out, at |max_events| or for want of memory. */
uint64_t wsc_story_left_out(const struct wsc_story *st);

/* What the analyzer made of these packets: the record with the |stream_id| asked for, NULL if there
 * was none. Valid until the story is freed. */
const struct wsc_closure *wsc_story_record(const struct wsc_story *st);

void wsc_story_free(struct wsc_story *st); /* NULL is legal */

/* What a record alone tells, in order of time: its start, the handshake, Closes, violations, the
 * end of TCP. Fills |out|, returns how many. Texts belong to |rec|. */
#define WSC_STORY_RECORD_MAX (WSC_VIOLATIONS_MAX + 8u)
size_t wsc_story_of_record(const struct wsc_closure *rec,
                           struct wsc_story_event out[WSC_STORY_RECORD_MAX]);

#endif
