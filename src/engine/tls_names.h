/* TLS connections that nobody could read, counted by server name. Bounded: names beyond the ceiling
 * are counted together. */
#ifndef WSC_ENGINE_TLS_NAMES_H
#define WSC_ENGINE_TLS_NAMES_H

#include <wsclose/analyzer.h>

struct wsc_tls_names;

#define WSC_TLS_NAMES_MAX 1024u

struct wsc_tls_names *wsc_tls_names_new(void); /* NULL: no memory */
void wsc_tls_names_free(struct wsc_tls_names *t);

/* |n| more connections to |name|, which may be empty: no SNI was seen. */
void wsc_tls_names_count(struct wsc_tls_names *t, struct wsc_span name, uint64_t n);

/* What |from| has counted, as well. */
void wsc_tls_names_merge(struct wsc_tls_names *t, const struct wsc_tls_names *from);

/* Fills at most |cap| rows, most connections first; returns how many there are in all. */
size_t wsc_tls_names_list(const struct wsc_tls_names *t, struct wsc_tls_name *out, size_t cap);

#endif
