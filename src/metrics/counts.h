/* Closures by code, cause, server and ending: a table that cannot grow beyond its ceilings. */
#ifndef WSC_METRICS_COUNTS_H
#define WSC_METRICS_COUNTS_H

#include <wsclose/metrics.h>

/* Values of a label, by number; the number after the last stands for "other". */
#define WSC_LABEL_MAX 64u /* bytes with the NUL; an endpoint needs 56 */
struct wsc_series {
    uint8_t server, code, cause, ending;
    uint64_t count;
};

struct wsc_counts {
    char servers[WSC_METRICS_SERVERS][WSC_LABEL_MAX];
    char codes[WSC_METRICS_CODES][WSC_LABEL_MAX];
    char causes[WSC_METRICS_CAUSES][WSC_LABEL_MAX];
    size_t servers_len, codes_len, causes_len;
    struct wsc_series series[WSC_METRICS_SERIES];
    size_t series_len;
    uint64_t others;                        /* beyond all ceilings */
    uint16_t slots[2 * WSC_METRICS_SERIES]; /* open addressing; 1 + place in |series|, 0: free */
};

void wsc_counts_add(struct wsc_counts *c, const struct wsc_closure *rec);

/* The texts of a series' labels; never NULL. */
const char *wsc_counts_server(const struct wsc_counts *c, const struct wsc_series *s);
const char *wsc_counts_code(const struct wsc_counts *c, const struct wsc_series *s);
const char *wsc_counts_cause(const struct wsc_counts *c, const struct wsc_series *s);

#endif
