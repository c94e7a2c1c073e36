/* A growable buffer that cannot be made without a ceiling. */
#ifndef WSC_BASE_BUF_H
#define WSC_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsc_buf {
    uint8_t *data;
    size_t len, cap, max;
};

void wsc_buf_init(struct wsc_buf *b, size_t max);
void wsc_buf_clear(struct wsc_buf *b); /* frees; usable again */

/* Appends |n| bytes. Returns false, with |b| unchanged, if the ceiling or the memory does not allow
 * it. */
bool wsc_buf_append(struct wsc_buf *b, const void *data, size_t n)
    __attribute__((warn_unused_result));

#endif
