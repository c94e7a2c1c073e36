/* Packets from network interfaces, as they come (libpcap). */
#ifndef WSCLOSE_LIVE_H
#define WSCLOSE_LIVE_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_live;

#define WSC_LIVE_MAX_INTERFACES 16u
#define WSC_LIVE_MAX_BUFFER     ((size_t)2 << 30) /* libpcap's */

struct wsc_live_options {
    const char *filter;  /* BPF in tcpdump's language, run by the kernel; NULL for none */
    uint32_t snaplen;    /* bytes of each packet; 0: 262,144, all of it */
    size_t buffer_bytes; /* the kernel's ring, per interface; at most WSC_LIVE_MAX_BUFFER; 0: 32
                            MiB. The kernel may have memory for less: see the statistics */
    bool promiscuous;    /* also frames for other stations */
};

/* Opens |n| interfaces (1..WSC_LIVE_MAX_INTERFACES); "any" is all of them. Returns WSC_OK;
 * WSC_ERR_NOT_FOUND (no such interface), WSC_ERR_DENIED (the right to capture is missing; |err|
 * says which and the command that grants it), WSC_ERR_INVALID (bad filter, given twice, a larger
 * ring than there can be), WSC_ERR_NOMEM (none for the ring), WSC_ERR_IO (down, or what the system
 * says). |*out| is NULL unless WSC_OK. The caller closes it. */
enum wsc_err wsc_live_open(const char *const *interfaces, size_t n,
                           const struct wsc_live_options *opt, struct wsc_live **out,
                           struct wsc_error *err) WSC_MUST_USE;
void wsc_live_close(struct wsc_live *l); /* NULL is legal */

/* The next packet; its bytes are valid until the next call, its ref names the interface by its
 * number and the packet by its number there. Returns WSC_OK; WSC_TIMEOUT when none is there: the
 * next call then waits for one, a tenth of a second at most; WSC_DAMAGED when an interface can no
 * longer be read (|err| says why; call again for the others); WSC_END when none is left, or when,
 * after wsc_live_stop(), what came before it is read. The kernel may hold a packet back for
 * WSC_LIVE_HELD_NS. */
#define WSC_LIVE_HELD_NS UINT64_C(200000000)
enum wsc_err wsc_live_next(struct wsc_live *l, struct wsc_packet *pkt,
                           struct wsc_error *err) WSC_MUST_USE;

/* Makes wsc_live_next() return WSC_END soon: once what was captured until then is handed over. Safe
 * in a signal handler. */
void wsc_live_stop(struct wsc_live *l);

struct wsc_live_stats {
    const char *name;           /* lives as long as |l| */
    uint32_t link;              /* of its packets, as in wsc_packet */
    uint64_t packets, bytes;    /* handed over; bytes as on the wire */
    uint64_t dropped;           /* by the kernel, because we were too slow */
    uint64_t interface_dropped; /* by the interface or its driver */
    uint64_t ring_bytes;        /* of the kernel's ring as it is; 0: not known */
    bool gone;                  /* it can no longer be read */
    bool down;                  /* it is down now: nothing comes until it is up again */
};
size_t wsc_live_count(const struct wsc_live *l);
/* Asks the kernel: cheap, but a system call. */
void wsc_live_stats(struct wsc_live *l, size_t index, struct wsc_live_stats *out);

/* Calls |fn| for each interface that can be captured from. |about| is what the system says of it,
 * "" if nothing. */
typedef void (*wsc_live_list_fn)(void *ctx, const char *name, const char *about, bool up);
enum wsc_err wsc_live_list(wsc_live_list_fn fn, void *ctx, struct wsc_error *err) WSC_MUST_USE;

#endif
