/* The libraries that are in use: what they themselves say, at run time. */
#ifndef WSCLOSE_LIBRARIES_H
#define WSCLOSE_LIBRARIES_H

#include <stddef.h>

#define WSC_LIBRARIES_MAX 16u

struct wsc_library {
    const char *name; /* "libpcap"; static */
    char version[40]; /* "1.10.3"; "" if it does not say */
};

/* Fills |out|, by name. Returns how many there are. */
size_t wsc_libraries(struct wsc_library out[WSC_LIBRARIES_MAX]);

/* Each layer's own, for wsc_libraries(): writes at most |max|, returns how many. */
size_t wsc_capture_libraries(struct wsc_library *out, size_t max);
size_t wsc_ident_libraries(struct wsc_library *out, size_t max);
size_t wsc_tls_libraries(struct wsc_library *out, size_t max);
size_t wsc_http_libraries(struct wsc_library *out, size_t max);
size_t wsc_store_libraries(struct wsc_library *out, size_t max);
size_t wsc_report_libraries(struct wsc_library *out, size_t max);
size_t wsc_metrics_libraries(struct wsc_library *out, size_t max);
size_t wsc_guard_libraries(struct wsc_library *out, size_t max);

#endif
