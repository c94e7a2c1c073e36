/* Several analyzers, each in a thread of its own, for more packets than one core can analyse. The
 * caller's thread reads: it decodes, puts fragments together, copies each TCP segment to the worker
 * of its connection, and is handed the records.
 *
 *     wsc_workers_new(&opt, on_record, ctx, &w);
 *     wsc_workers_start(w);
 *     while (next packet) {
 *         wsc_workers_feed(w, &packet);
 *         now and then: wsc_workers_take(w);
 *     }
 *     wsc_workers_flush(w);
 *     wsc_workers_free(w);
 *
 * A connection belongs to one worker, by a hash of its addresses, ports and tunnel, and its packets
 * come to it in order. The records are those of one analyzer, to the last byte, and come in the
 * order in which one would hand them over, so a record may wait for a worker that is behind. One
 * worker is an analyzer in the caller's thread, without copies. All calls come from one thread.
 *
 * That holds where |wait| is set, and up to the ceilings of the analyzer's options and of what it
 * keeps of hosts, paths and agents: each worker has them for itself, so that none is met before one
 * analyzer would meet it. Beyond, what is forgotten may be another, and memory is as many times the
 * ceiling. Where |wait| is false, packets may be dropped, |app| depends on what the worker itself
 * has seen of a server, and ceilings that are for all connections together (connections, memory,
 * bytes out of order) are divided evenly: a worker whose share is full forgets although others have
 * room. */
#ifndef WSCLOSE_WORKERS_H
#define WSCLOSE_WORKERS_H

#include <wsclose/analyzer.h>

#define WSC_WORKERS_MAX 64u

struct wsc_workers_options {
    unsigned workers;   /* 1..WSC_WORKERS_MAX; default 1 */
    size_t queue_bytes; /* packets on their way to one worker; at least 1 MiB, default 32 MiB.
                           Memory is taken as they pile up, and given back */
    bool wait;          /* a full queue makes wsc_workers_feed() wait, as for a file. False, the
                           default: the packet is dropped. A single connection that is more than one
                           core can follow would else stop the reading for all others, and the
                           kernel then drops whatever comes */
    struct wsc_analyzer_options analyzer;
};

struct wsc_workers;

void wsc_workers_options_default(struct wsc_workers_options *opt);

/* Makes them; no thread runs yet. |on_record| is called in the caller's thread. Returns WSC_OK,
 * WSC_ERR_INVALID (an option out of range) or WSC_ERR_NOMEM. |*out| is NULL unless WSC_OK. */
enum wsc_err wsc_workers_new(const struct wsc_workers_options *opt, wsc_record_fn on_record,
                             void *ctx, struct wsc_workers **out) WSC_MUST_USE;

/* As wsc_analyzer_resume(). Before wsc_workers_start(). */
enum wsc_err wsc_workers_resume(struct wsc_workers *w, const struct wsc_closure *rec) WSC_MUST_USE;

/* Makes the threads, which take no signals. Returns WSC_OK or WSC_ERR_NOMEM (the system gives no
 * more threads); once. */
enum wsc_err wsc_workers_start(struct wsc_workers *w) WSC_MUST_USE;

/* Takes one packet; its bytes are not kept. Returns WSC_OK; WSC_ERR_BUSY: the queue of its worker
 * is full, the packet was dropped, and that worker will hear of it as of a loss
 * (wsc_analyzer_lost()); WSC_ERR_NOMEM, of one worker, as wsc_analyzer_feed(). */
enum wsc_err wsc_workers_feed(struct wsc_workers *w, const struct wsc_packet *pkt) WSC_MUST_USE;

/* The same for |n| packets, all valid during the call, in order; faster. Returns how many of them
 * one worker had no memory for. */
size_t wsc_workers_feed_batch(struct wsc_workers *w, const struct wsc_packet *pkts, size_t n);

/* As those of the analyzer, for all of them. What was fed and still waits for company goes to its
 * worker with a tick, or when the packets' time has gone on by 4 ms; if |wait|, after some 1,000
 * packets. */
void wsc_workers_tick(struct wsc_workers *w, uint64_t now_ns);
void wsc_workers_lost(struct wsc_workers *w, uint64_t from_ns, uint64_t to_ns);

/* Hands over the records that are certain to be next. At most some 4,000 of each worker wait;
 * beyond it workers wait for this call. Returns WSC_OK or WSC_ERR_NOMEM: a record was lost for want
 * of memory, now or before. */
enum wsc_err wsc_workers_take(struct wsc_workers *w) WSC_MUST_USE;

/* Waits until all that was fed is done. For before the key log gets secrets out of the capture:
 * they are known to the packets behind them, and to no others. */
void wsc_workers_settle(struct wsc_workers *w);

/* As wsc_analyzer_flush(): waits for all, and hands over all. Returns as wsc_workers_take(). */
enum wsc_err wsc_workers_flush(struct wsc_workers *w) WSC_MUST_USE;

/* Ends the threads; records not taken are gone. NULL is legal. */
void wsc_workers_free(struct wsc_workers *w);

/* Of all together, as of a few milliseconds ago. */
void wsc_workers_get_stats(struct wsc_workers *w, struct wsc_analyzer_stats *out);
/* Packets of one capture (WSC_REF_CAPTURE() of their refs) that a full queue dropped. The last one
 * stands for all beyond it. */
#define WSC_WORKERS_CAPTURES 16u
uint64_t wsc_workers_dropped(const struct wsc_workers *w, unsigned capture);
/* Packets that a worker had no memory for. */
uint64_t wsc_workers_starved(struct wsc_workers *w);
/* As wsc_analyzer_protocols(); 0 rows unless called right after wsc_workers_flush(). */
size_t wsc_workers_protocols(const struct wsc_workers *w, struct wsc_protocol_stats *out,
                             size_t cap);
/* As wsc_analyzer_tls_names(); likewise. */
size_t wsc_workers_tls_names(struct wsc_workers *w, struct wsc_tls_name *out, size_t cap);

#endif
