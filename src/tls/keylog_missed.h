/* Which secrets were asked for in vain: a set of hashes, up to a ceiling; beyond it no more
 * are remembered. Not thread-safe. */
#ifndef WSC_TLS_KEYLOG_MISSED_H
#define WSC_TLS_KEYLOG_MISSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WSC_KEYLOG_MISSED_MAX ((size_t)1 << 20)

struct wsc_keylog_missed {
    uint64_t *slots; /* 0: empty; a power of two of them, at most half full */
    size_t n_slots, used;
};

void wsc_keylog_missed_clear(struct wsc_keylog_missed *m);
void wsc_keylog_missed_add(struct wsc_keylog_missed *m, uint64_t hash);
bool wsc_keylog_missed_has(const struct wsc_keylog_missed *m, uint64_t hash);

#endif
