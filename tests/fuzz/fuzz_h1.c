/* Aimed at wsc_h1_feed() and _gap(), whole and in pieces.
 *
 * Byte 0: bit 0 responses, bit 1 a small ceiling, bit 2 a gap, bits 3-7 what is answered to the
 * heads, two bits each, over and over: go on, no body, stop, go on. Byte 1: seed of the pieces.
 * Bytes 2-3: where the gap starts; bytes 4-5: its length. The rest is the stream. */
#include "http/h1.h"

#include "support/event_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES 6u
#define START   7u /* stream offset of the first byte */
#define SMALL   200u

struct watch {
    struct wsc_event_log log;
    uint64_t told;    /* after the last head */
    uint64_t reached; /* fed so far, the span at hand included */
    size_t max_head;
    uint8_t choice;
    unsigned heads;
    bool stopped;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void put(struct watch *w, const char *name, struct wsc_span s, size_t *all)
{
    if (s.ptr == NULL)
        return;
    char line[2 * 256 + 1];
    size_t n = s.len < 256 ? s.len : 256;
    uint64_t sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum = sum * 31 + s.ptr[i];
    for (size_t i = 0; i < n; i++) {
        line[2 * i] = "0123456789abcdef"[s.ptr[i] >> 4];
        line[2 * i + 1] = "0123456789abcdef"[s.ptr[i] & 15];
    }
    line[2 * n] = '\0';
    *all += s.len;
    wsc_event_log_line(&w->log, "  %s %zu %llx %s", name, s.len, (unsigned long long)sum, line);
}

static enum wsc_h1_next on_head(void *ctx, const struct wsc_h1_head *h, uint64_t end)
{
    struct watch *w = ctx;
    size_t all = 0;
    must(!w->stopped && end > w->told && end <= w->reached);
    must(h->is_request == !(w->choice & 1) && !h->partial);
    must(h->is_request ? h->status == 0 : h->status >= 0 && h->status <= 999);
    must(h->is_request || (!h->get && !h->connect && !h->head_method));
    w->told = end;
    wsc_event_log_line(&w->log, "head %d get %d connect %d head %d version %u ends %llu", h->status,
                       h->get, h->connect, h->head_method, h->version, (unsigned long long)end);
    put(w, "target", h->target, &all);
    put(w, "phrase", h->phrase, &all);
    char name[8];
    for (unsigned i = 0; i < WSC_H1_FIELD_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        put(w, name, h->fields[i], &all);
    }
    must(all <= w->max_head); /* with ", " between repeated ones in place of their names */
    static const enum wsc_h1_next answers[] = {WSC_H1_GO_ON, WSC_H1_NO_BODY, WSC_H1_STOP,
                                               WSC_H1_GO_ON};
    enum wsc_h1_next next = answers[(unsigned)w->choice >> (3u + 2u * (w->heads++ % 2u)) & 3u];
    if (next == WSC_H1_NO_BODY && h->is_request)
        next = WSC_H1_GO_ON;
    w->stopped = next == WSC_H1_STOP;
    return next;
}

static const struct wsc_h1_ops ops = {.on_head = on_head};

/* |pieces| 0: all at once. Returns what was taken. */
static size_t feed(struct wsc_h1 *h, struct watch *w, const uint8_t *p, size_t n, unsigned *pieces,
                   enum wsc_h1_status *status)
{
    size_t at = 0;
    while (at < n) {
        size_t take = n - at, taken = 0;
        if (*pieces != 0) {
            *pieces = *pieces * 1103515245u + 12345u;
            size_t most = 1 + (*pieces >> 16 & 31u);
            take = most < take ? most : take;
        }
        uint8_t *exact = malloc(take);
        memcpy(exact, p + at, take);
        w->reached += take;
        *status = wsc_h1_feed(h, (struct wsc_span){.ptr = exact, .len = take}, &taken);
        free(exact);
        must(taken <= take && (*status != WSC_H1_MORE || taken == take));
        must((*status == WSC_H1_STOPPED) == w->stopped);
        at += taken;
        if (*status != WSC_H1_MORE)
            break;
    }
    return at;
}

static void run(const uint8_t *data, size_t size, unsigned pieces, struct watch *w)
{
    const uint8_t *p = data + CHOICES;
    size_t n = size - CHOICES, at = n, taken = 0;
    *w = (struct watch){.choice = data[0],
                        .told = START,
                        .reached = START,
                        .max_head = data[0] & 2 ? SMALL : 65536};
    wsc_event_log_init(&w->log);
    struct wsc_h1_shared shared;
    wsc_h1_shared_init(&shared, SIZE_MAX);
    struct wsc_h1 *h = wsc_h1_new(&shared, !(data[0] & 1), w->max_head, START, &ops, w);
    must(h != NULL);
    if (data[0] & 4)
        at = (size_t)(data[2] << 8 | data[3]) % (n + 1);
    enum wsc_h1_status status = WSC_H1_MORE;
    uint64_t gap = (uint64_t)(data[4] << 8 | data[5]), skipped = 0;
    taken = feed(h, w, p, at, &pieces, &status);
    if (status == WSC_H1_MORE && (data[0] & 4)) {
        bool goes_on = wsc_h1_gap(h, gap);
        wsc_event_log_line(&w->log, "gap %d", goes_on);
        w->reached += gap;
        skipped = gap;
        taken += feed(h, w, p + at, n - at, &pieces, &status);
        must(goes_on || at == n || status == WSC_H1_FAILED);
    }
    if (status == WSC_H1_STOPPED)
        must(w->told == START + taken + skipped);
    if (status == WSC_H1_FAILED) {
        size_t more = 1;
        must(wsc_h1_feed(h, (struct wsc_span){.ptr = p, .len = n}, &more) == WSC_H1_FAILED);
        must(more == 0);
    }
    wsc_event_log_line(&w->log, "status %d", (int)status);
    wsc_h1_free(h);
    wsc_h1_shared_clear(&shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICES)
        return 0;
    struct watch whole, split;
    run(data, size, 0, &whole);
    run(data, size, 1u + data[1], &split);
    must(strcmp(whole.log.text, split.log.text) == 0);
    wsc_event_log_clear(&whole.log);
    wsc_event_log_clear(&split.log);
    struct wsc_span s = {.ptr = data + CHOICES, .len = size - CHOICES};
    must(s.len < 8 || !wsc_h1_looks_like_request(s) || !wsc_h1_looks_like_response(s));
    return 0;
}
