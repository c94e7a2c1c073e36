/* The code book: the WebSocket close code registry (RFC 6455 7.4, 11.7; IANA). */
#ifndef WSCLOSE_CODES_H
#define WSCLOSE_CODES_H

#include <wsclose/types.h>

/* One registered code, or a range of them (first < last). Static data, valid for ever. */
struct wsc_code_info {
    int first, last;
    const char *name;      /* "Abnormal Closure" */
    bool on_wire;          /* may stand in a Close frame */
    const char *reported;  /* who reports it, or "" */
    const char *reference; /* "RFC 6455 7.4.1" */
};

/* All entries in ascending order of |first|; |*n| receives their number. */
const struct wsc_code_info *wsc_codes(size_t *n);

/* The most specific entry that holds |code| (a single code before a range), or NULL outside
 * 0..65535. */
const struct wsc_code_info *wsc_code_find(int code);

/* True if an endpoint may put |code| into a Close frame (RFC 6455 7.4.1, 7.4.2, IANA): 1000-1003,
 * 1007-1014, 3000-4999. The others are 0-999, 1004-1006, 1015-2999, 5000 and above. */
bool wsc_code_on_wire(int code);

/* A meaning private to one scope (subprotocol, service, framework), of one code or of a range
 * (first < last). Static data. */
struct wsc_app_code {
    int first, last;
    const char *scope, *name, *meaning;
    const char *source; /* where this is written, mostly a URL */
    bool verified;      /* false: not read at its source; a candidate */
};

/* What a Close with |code| means where the subprotocol, else the host, else the reason text says
 * whose code it is. NULL if no scope is known or the scope does not define the code. Never across
 * scopes: 4001 of a known subprotocol is never looked up under another scope. Spans are hostile
 * bytes of any length; NULL |ptr|: not known. |host| may carry a port. */
const struct wsc_app_code *wsc_app_code_find(int code, struct wsc_span subprotocol,
                                             struct wsc_span host, struct wsc_span reason);

/* The scope that the subprotocol, else the host names; NULL if neither does. */
const char *wsc_app_scope(struct wsc_span subprotocol, struct wsc_span host);

/* Every scope's closest meaning of |code|: candidates where the scope is not known. Writes at most
 * |max| to |out|, returns how many there are. */
size_t wsc_app_code_candidates(int code, const struct wsc_app_code *out[], size_t max);

/* A library or service known to write a reason text with a code. Static data. */
struct wsc_reason_hint {
    const char *software;
    const char *situation; /* when it does */
    const char *source;
    int code, last;    /* a range if code < last; 1006 stands for "no Close frame at all" */
    bool verified;     /* false: not read at its source; a candidate */
    const char *cause; /* the word of the SPEC for it, where the code alone says another; else "" */
};

/* All hints for a reason text as it stood on the wire, case-sensitive; numbers in it match any
 * number. A text cut at the 123 bytes a Close can hold is recognised. An empty reason matches
 * nothing. Writes at most |max| to |out|, returns how many matched. */
size_t wsc_reason_find(int code, struct wsc_span reason, const struct wsc_reason_hint *out[],
                       size_t max);

/* All software known to send |code|, with whatever reason. Otherwise as wsc_reason_find(). */
size_t wsc_reason_senders(int code, const struct wsc_reason_hint *out[], size_t max);

/* ---- the code book: prose, in English, for gettext's domain "wsclose" ---- */

/* Who may send a code. */
enum wsc_code_sender {
    WSC_SENT_BY_NOBODY,
    WSC_SENT_BY_EITHER,
    WSC_SENT_BY_CLIENT,
    WSC_SENT_BY_SERVER
};

/* What a client does about its connection afterwards. */
enum wsc_code_retry {
    WSC_RETRY_AS_NEEDED, /* nothing failed: connect again when there is something to do */
    WSC_RETRY_DELAYED,   /* at once or soon, after a short random delay */
    WSC_RETRY_BACKOFF,   /* with growing random delays */
    WSC_RETRY_AFTER_FIX, /* the same would end the same way */
    WSC_RETRY_ASK        /* only the application knows */
};

#define WSC_PAGE_ITEMS 5u
/* What the book says of one code, or of a range (first < last). Texts are msgids; lists end with a
 * NULL. No text is empty and no list is. Static data. */
struct wsc_code_page {
    int first, last;
    const char *name;   /* the registry's, in English */
    const char *source; /* RFC or registry; not translated */
    const char *meaning;
    const char *use;                      /* when to send it */
    const char *sender;                   /* who may send it */
    const char *wire;                     /* whether it may stand in a Close frame */
    const char *browsers;                 /* what a page's close event holds */
    const char *capture;                  /* what it looks like in packets */
    const char *seen[WSC_PAGE_ITEMS + 1]; /* when one sees it */
    const char *todo[WSC_PAGE_ITEMS + 1]; /* what to do */
    enum wsc_code_sender sent_by;
    enum wsc_code_retry retry;
};

/* The page of |code| (a single code before a range), or NULL outside 0..65535. */
const struct wsc_code_page *wsc_code_page(int code);

/* What the book says of two codes that people take for each other. */
struct wsc_code_pair {
    int a, b; /* a < b */
    const char *difference;
    const char *tell[WSC_PAGE_ITEMS + 1]; /* how to tell them apart in a capture */
};

/* All pairs; |*n| receives their number. */
const struct wsc_code_pair *wsc_code_pairs(size_t *n);

/* The pair of |a| and |b|, in any order, or NULL: then what differs follows from the two pages. */
const struct wsc_code_pair *wsc_code_pair_find(int a, int b);

#endif
