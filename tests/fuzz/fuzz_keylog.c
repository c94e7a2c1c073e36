/* Aimed at wsc_keylog_feed(), wsc_keylog_line_read() and the table behind them. Byte 0: the ceiling
 * of secrets; byte 1: the size of the pieces. Whole and in pieces must give the same. */
#include "tls/keylog_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

static struct wsc_keylog *fed(size_t max, size_t piece, const uint8_t *text, size_t n)
{
    struct wsc_keylog *kl;
    must(wsc_keylog_new(max, &kl) == WSC_OK);
    for (size_t at = 0; at < n; at += piece) {
        size_t len = piece < n - at ? piece : n - at;
        uint8_t *exact = malloc(len);
        memcpy(exact, text + at, len);
        must(wsc_keylog_feed(kl, 3, (struct wsc_span){exact, len}) == WSC_OK);
        free(exact);
    }
    must(wsc_keylog_finish(kl, 3) == WSC_OK);
    return kl;
}

/* Every secret of |text|'s lines is held alike by both, and the last ones are held. */
static void same_secrets(const struct wsc_keylog *a, const struct wsc_keylog *b,
                         const uint8_t *text, size_t n)
{
    for (const uint8_t *end = text + n; text < end;) {
        const uint8_t *newline = memchr(text, '\n', (size_t)(end - text));
        size_t len = newline != NULL ? (size_t)(newline - text) : (size_t)(end - text);
        struct wsc_keylog_secret s;
        uint8_t x[WSC_SECRET_MAX], y[WSC_SECRET_MAX];
        size_t x_len = 0, y_len = 0;
        if (wsc_keylog_line_read((struct wsc_span){text, len}, &s) == WSC_KEYLOG_SECRET) {
            enum wsc_secret_label label = (enum wsc_secret_label)s.label;
            bool found = wsc_keylog_find(a, label, s.client_random, x, &x_len);
            must(found == wsc_keylog_find(b, label, s.client_random, y, &y_len));
            must(x_len == y_len && memcmp(x, y, x_len) == 0);
        }
        text += len + (newline != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t max = 1u + data[0], piece = 1u + data[1];
    data += 2;
    size -= 2;
    struct wsc_keylog *whole = fed(max, size > 0 ? size : 1, data, size),
                      *split = fed(max, piece, data, size);
    struct wsc_keylog_stats a, b;
    wsc_keylog_get_stats(whole, &a);
    wsc_keylog_get_stats(split, &b);
    must(memcmp(&a, &b, sizeof(a)) == 0);
    must(a.secrets <= max && a.lines >= a.unknown + a.damaged);
    must((a.first_damaged != 0) == (a.damaged != 0));
    same_secrets(whole, split, data, size);
    must(wsc_keylog_used(whole) == wsc_keylog_used(split));
    wsc_keylog_free(whole);
    wsc_keylog_free(split);
    return 0;
}
