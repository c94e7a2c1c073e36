/* A BPF filter, compiled once for each link type that comes up. */
#ifndef WSC_CAPTURE_FILTER_H
#define WSC_CAPTURE_FILTER_H

#include <wsclose/error.h>
#include <wsclose/types.h>

struct wsc_filter_bpf;

/* Compiles |text| for Ethernet first, to find mistakes at once (WSC_ERR_INVALID). */
enum wsc_err wsc_filter_bpf_new(const char *text, struct wsc_filter_bpf **out,
                                struct wsc_error *err) WSC_MUST_USE;
void wsc_filter_bpf_free(struct wsc_filter_bpf *f); /* NULL is legal */

/* True if |pkt| passes. A link type the filter cannot be compiled for lets nothing pass. */
bool wsc_filter_bpf_pass(struct wsc_filter_bpf *f, const struct wsc_packet *pkt);

#endif
