/* Aimed at wsc_tls_feed(), _gap(), _give_up() and what is below them: framing, handshakes, keys,
 * records, trials after losses.
 * Byte 0: bit 0 wait for keys, bit 1 give up halfway, bit 2 no room for pieces. Byte 1: seed of the
 * pieces. Bytes 2-3: length of the key log that follows. The rest are steps: a byte whose bit 0 is
 * the direction and bit 1 says gap, two bytes of length, and those bytes if it is no gap. */
#include "tls/tls_inner.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES 4u

/* Watches that offsets are contiguous and adds events up, those of each direction in their order;
 * between the two it depends on the pieces. */
struct watch {
    uint64_t off[2], wire_end[2], sum[2], events;
    bool guessed;
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

static void mix(struct watch *w, enum wsc_dir d, uint64_t a, uint64_t b, uint64_t c)
{
    static const uint64_t odd = 0x9e3779b97f4a7c15u;
    w->events++;
    w->sum[d] = (w->sum[d] ^ a) * odd;
    w->sum[d] = (w->sum[d] ^ b) * odd;
    w->sum[d] = (w->sum[d] ^ c) * odd;
}

static void on_data(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data, uint64_t start,
                    uint64_t end)
{
    struct watch *w = ctx;
    must(off == w->off[d] && data.len > 0 && data.len < end - start && start >= w->wire_end[d]);
    w->off[d] += data.len;
    w->wire_end[d] = end;
    uint64_t bytes = 0;
    for (size_t i = 0; i < data.len; i++)
        bytes = bytes * 31 + data.ptr[i];
    mix(w, d, data.len, start, bytes);
}

static void on_gap(void *ctx, enum wsc_dir d, uint64_t off, uint64_t len, uint64_t start,
                   uint64_t end)
{
    struct watch *w = ctx;
    must(off == w->off[d] && len > 0 && start <= end && start >= w->wire_end[d]);
    must(len == WSC_TLS_GAP_UNKNOWN || len < end - start);
    w->off[d] += len;
    w->wire_end[d] = end;
    mix(w, d, len, start, end);
}

static void on_alert(void *ctx, enum wsc_dir d, unsigned level, int description)
{
    struct watch *w = ctx;
    must(level <= 2 && description >= -1 && description <= 255);
    mix(w, d, 1, level, (uint64_t)description);
}

static void on_hello(void *ctx)
{
    struct watch *w = ctx;
    w->events++;
}

static const struct wsc_tls_ops ops = {
    .on_data = on_data, .on_gap = on_gap, .on_alert = on_alert, .on_hello = on_hello};

/* |pieces| 0: all at once. Stops where the stream waits. */
static void feed(struct wsc_tls *t, enum wsc_dir d, const uint8_t *p, size_t n, unsigned *pieces)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at;
        if (*pieces != 0) {
            *pieces = *pieces * 1103515245u + 12345u;
            size_t most = 1 + (*pieces >> 16 & 63u);
            take = most < take ? most : take;
        }
        uint8_t *exact = malloc(take);
        memcpy(exact, p + at, take);
        size_t took = wsc_tls_feed(t, d, (struct wsc_span){.ptr = exact, .len = take});
        free(exact);
        must(took <= take);
        must(took == take || wsc_tls_dir_state(t, d) == WSC_TLS_WAITING);
        if (took < take)
            return;
        at += take;
    }
}

static void steps(struct wsc_tls *t, const uint8_t *p, size_t n, bool give_up, unsigned pieces)
{
    size_t half = n / 2, whole = n;
    while (n >= 3) {
        enum wsc_dir d = (enum wsc_dir)(p[0] & 1);
        bool gap = (p[0] & 2) != 0;
        size_t len = (size_t)(p[1] << 8 | p[2]);
        p += 3;
        n -= 3;
        if (!gap && len > n)
            len = n;
        if (gap)
            wsc_tls_gap(t, d, len);
        else
            feed(t, d, p, len, &pieces);
        p += gap ? 0 : len;
        n -= gap ? 0 : len;
        if (give_up && whole - n > half)
            wsc_tls_give_up(t);
    }
}

static void run(struct wsc_keylog *kl, const uint8_t *data, const uint8_t *p, size_t n,
                unsigned pieces, struct watch *w)
{
    static const uint64_t wire[2] = {5, 7};
    struct wsc_tls_shared *sh = wsc_tls_shared_new(kl, data[0] & 4 ? 0 : 1u << 20);
    must(sh != NULL);
    sh->hash_key = (struct wsc_hash_key){{1, 2}};
    *w = (struct watch){.wire_end = {5, 7}};
    struct wsc_tls *t = wsc_tls_new(sh, wire, &ops, w);
    must(t != NULL);
    wsc_tls_wait(t, (data[0] & 1) != 0);
    steps(t, p, n, (data[0] & 2) != 0, pieces);
    wsc_tls_end(t);
    must(sh->plain_used == 0);
    /* Early data waits for the server's answer, but not where that may be lost: then it matters
     * how much of the server's has come. */
    bool early = t->early != WSC_TLS_NO_EARLY && (t->side[0].holed || t->side[1].holed);
    w->guessed = !t->info.server_hello || early;
    wsc_tls_free(t);
    must(sh->buffered == 0);
    wsc_tls_shared_free(sh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICES)
        return 0;
    size_t keys = (size_t)(data[2] << 8 | data[3]);
    if (keys > size - CHOICES)
        keys = size - CHOICES;
    struct wsc_keylog *kl = NULL;
    must(wsc_keylog_new(0, &kl) == WSC_OK);
    must(wsc_keylog_feed(kl, 0, (struct wsc_span){.ptr = data + CHOICES, .len = keys}) == WSC_OK);
    struct watch whole, split;
    const uint8_t *p = data + CHOICES + keys;
    size_t n = size - CHOICES - keys;
    run(kl, data, p, n, 0, &whole);
    run(kl, data, p, n, 1u + data[1], &split);
    /* Without room, or while waiting, pieces matter; so does whose record a guess is tried on. */
    if (!(data[0] & 7) && !whole.guessed && !split.guessed && n < WSC_TLS_HELD_MAX)
        must(memcmp(whole.sum, split.sum, sizeof(whole.sum)) == 0 && whole.events == split.events);
    wsc_keylog_free(kl);
    return 0;
}
