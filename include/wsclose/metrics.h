/* Counters for Prometheus, served over HTTP (libmicrohttpd).
 *
 * One thread, the owner's, counts and publishes; a thread of its own serves what was published
 * last. Counting takes no lock. Label values are bounded: see the ceilings below. */
#ifndef WSCLOSE_METRICS_H
#define WSCLOSE_METRICS_H

#include <wsclose/closure.h>
#include <wsclose/error.h>

struct wsc_metrics;

/* Distinct values of a label; the next ones are counted as "other". Beyond the last, sums of values
 * not met before have "other" in every label. */
#define WSC_METRICS_SERVERS 128u
#define WSC_METRICS_CODES   64u
#define WSC_METRICS_CAUSES  48u
#define WSC_METRICS_SERIES  4096u

#define WSC_METRICS_INTERFACES 16u

/* Binds |address|: "9105" (on 127.0.0.1), "10.0.0.1:9105", "[::1]:9105". Returns WSC_OK;
 * WSC_ERR_INVALID (no such address or port); WSC_ERR_IO (refused; |err| says why);
 * WSC_ERR_NOMEM. |*out| is NULL unless WSC_OK. The caller closes it. */
enum wsc_err wsc_metrics_open(const char *address, struct wsc_metrics **out,
                              struct wsc_error *err) WSC_MUST_USE;

/* Makes the thread that answers GET /metrics: at most 16 connections at once, 10 s each. Needs no
 * right. Returns WSC_OK or WSC_ERR_IO. */
enum wsc_err wsc_metrics_start(struct wsc_metrics *m, struct wsc_error *err) WSC_MUST_USE;

/* One record that ended; one still `open` is not counted. Causes are those known as it ended. */
void wsc_metrics_count(struct wsc_metrics *m, const struct wsc_closure *rec);

/* What is so now. */
struct wsc_metrics_now {
    struct {
        const char *name;
        uint64_t packets, dropped, interface_dropped, queue_dropped;
    } interfaces[WSC_METRICS_INTERFACES];
    size_t interfaces_len;
    uint64_t open;         /* connections */
    uint64_t waiting;      /* records that the database cannot take yet */
    uint64_t memory_bytes; /* held by the analyzer */
    uint64_t lag_ns;       /* the clock's time less the packet's at hand; 0 while waiting for one */
};

/* Makes what was counted, and |now|, what is served from here on. Copies some 100 KB under a lock:
 * for a few times a second. */
void wsc_metrics_publish(struct wsc_metrics *m, const struct wsc_metrics_now *now);

void wsc_metrics_close(struct wsc_metrics *m); /* NULL is legal */

#endif
