/* Aimed at wsc_h2_feed() and wsc_h2_gap(), whole and in pieces.
 * Byte 0: bits 0-1 begins, bit 2 upgraded, bit 3 want ordinary streams, bit 4 few streams, bit 5
 * small heads, bit 6 drop at data. Byte 1: seed of the pieces, and of what is dropped. The rest is
 * steps: 2 bytes (bit 15 direction, bit 14 a gap, the rest its length), then its bytes.
 *
 * Besides surviving: all that is said of a stream is said after it was asked for and before its
 * end; offsets go on; what is held is bounded; DATA lies in the span, so does wsc_h2_here(). While
 * no frame is looked for, the same is said whole and in pieces. */
#include "http/h2_conn.h"

#include "support/h2_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES   2u
#define STREAMS   64u
#define HELD_MOST ((size_t)1 << 20)

struct known {
    uint32_t id;
    uint64_t off[2];
    bool ended[2], reset[2];
};

struct watch {
    struct wsc_h2_log log;
    struct wsc_h2 *h;
    struct wsc_span fed; /* ptr NULL: a gap */
    enum wsc_dir feeding;
    struct known known[STREAMS];
    size_t count, most;
    bool drop;
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

static struct known *find(struct watch *w, uint32_t id)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->known[i].id == id)
            return &w->known[i];
    return NULL;
}

static void forget(struct watch *w, struct known *k)
{
    *k = w->known[--w->count];
}

static void here_is_in_the_span(const struct watch *w)
{
    const uint8_t *here = wsc_h2_here(w->h);
    must(w->fed.ptr == NULL ? here == NULL : here > w->fed.ptr && here <= w->fed.ptr + w->fed.len);
}

static bool on_request(void *ctx, uint32_t stream, const struct wsc_h1_head *head, bool websocket)
{
    struct watch *w = ctx;
    here_is_in_the_span(w);
    must(stream % 2 == 1 && find(w, stream) == NULL);
    must(!websocket || (head != NULL && head->connect));
    must(head == NULL || (head->is_request && head->version == 20));
    if (!wsc_h2_log_ops.on_request(&w->log, stream, head, websocket))
        return false;
    must(w->count < w->most);
    w->known[w->count++] = (struct known){.id = stream};
    return true;
}

static void on_response(void *ctx, uint32_t stream, const struct wsc_h1_head *head)
{
    struct watch *w = ctx;
    struct known *k = find(w, stream);
    here_is_in_the_span(w);
    must(k != NULL && !k->ended[WSC_DIR_S2C]);
    must(head == NULL || (head->status > 0 && head->status <= 999));
    wsc_h2_log_ops.on_response(&w->log, stream, head);
}

static void on_data(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, struct wsc_span data)
{
    struct watch *w = ctx;
    struct known *k = find(w, stream);
    here_is_in_the_span(w);
    must(k != NULL && !k->ended[d] && d == w->feeding && off == k->off[d] && data.len > 0);
    must(data.ptr >= w->fed.ptr && data.ptr + data.len <= w->fed.ptr + w->fed.len);
    k->off[d] += data.len;
    wsc_h2_log_ops.on_data(&w->log, stream, d, off, data);
    if (w->drop && data.ptr[data.len - 1] == 0xdd) {
        wsc_h2_drop(w->h, stream);
        forget(w, k);
    }
}

static void on_gap(void *ctx, uint32_t stream, enum wsc_dir d, uint64_t off, uint64_t len)
{
    struct watch *w = ctx;
    struct known *k = find(w, stream);
    must(w->fed.ptr == NULL && k != NULL && !k->ended[d] && off == k->off[d] && len > 0);
    k->off[d] += len;
    wsc_h2_log_ops.on_gap(&w->log, stream, d, off, len);
}

static void on_end(void *ctx, uint32_t stream, enum wsc_dir d)
{
    struct watch *w = ctx;
    struct known *k = find(w, stream);
    here_is_in_the_span(w);
    must(k != NULL && !k->ended[d]);
    k->ended[d] = true;
    if (k->ended[!d])
        forget(w, k);
    wsc_h2_log_ops.on_end(&w->log, stream, d);
}

static void on_reset(void *ctx, uint32_t stream, enum wsc_dir d, uint32_t error)
{
    struct watch *w = ctx;
    struct known *k = find(w, stream);
    here_is_in_the_span(w);
    must(k != NULL && !k->reset[d]);
    k->reset[d] = k->ended[d] = true;
    if (k->ended[!d])
        forget(w, k);
    wsc_h2_log_ops.on_reset(&w->log, stream, d, error);
}

static void on_goaway(void *ctx, enum wsc_dir d, uint32_t last, uint32_t error,
                      struct wsc_span debug)
{
    struct watch *w = ctx;
    here_is_in_the_span(w);
    must(debug.len <= WSC_H2_DEBUG_KEPT && last <= INT32_MAX);
    wsc_h2_log_ops.on_goaway(&w->log, d, last, error, debug);
}

static void on_lost(void *ctx, enum wsc_dir d)
{
    struct watch *w = ctx;
    here_is_in_the_span(w);
    must(d == w->feeding);
    wsc_h2_log_ops.on_lost(&w->log, d);
}

static void on_connect_protocol(void *ctx, enum wsc_dir d)
{
    struct watch *w = ctx;
    here_is_in_the_span(w);
    wsc_h2_log_ops.on_connect_protocol(&w->log, d);
}

static const struct wsc_h2_ops ops = {
    .on_request = on_request,
    .on_response = on_response,
    .on_data = on_data,
    .on_gap = on_gap,
    .on_end = on_end,
    .on_reset = on_reset,
    .on_goaway = on_goaway,
    .on_lost = on_lost,
    .on_connect_protocol = on_connect_protocol,
};

/* |pieces| 0: all at once. */
static bool feed(struct watch *w, const uint8_t *p, size_t n, uint32_t *pieces)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at;
        if (*pieces != 0) {
            *pieces = *pieces * 1103515245u + 12345u;
            size_t most = 1 + (*pieces >> 16 & 31u);
            take = most < take ? most : take;
        }
        uint8_t *exact = malloc(take);
        memcpy(exact, p + at, take);
        w->fed = (struct wsc_span){.ptr = exact, .len = take};
        bool ok = wsc_h2_feed(w->h, w->feeding, w->fed);
        must(wsc_h2_here(w->h) == NULL && wsc_h2_held(w->h) < HELD_MOST);
        free(exact);
        if (!ok)
            return false;
        at += take;
    }
    return true;
}

/* Returns whether a frame had to be looked for. */
static bool run(const uint8_t *data, size_t size, uint32_t pieces, struct watch *w)
{
    const struct wsc_h2_options opt = {.max_head = data[0] & 32 ? 100 : 4096,
                                       .max_streams = data[0] & 16 ? 2 : STREAMS,
                                       .upgraded = (data[0] & 4) != 0,
                                       .begins = {(data[0] & 1) != 0, (data[0] & 2) != 0}};
    *w = (struct watch){.most = opt.max_streams, .drop = (data[0] & 64) != 0};
    wsc_h2_log_init(&w->log);
    w->log.want_all = (data[0] & 8) != 0;
    w->h = wsc_h2_new(&opt, &ops, w);
    must(w->h != NULL);
    for (size_t at = CHOICES; size - at >= 2;) {
        unsigned head = (unsigned)data[at] << 8 | data[at + 1];
        size_t len = head & 0x3fff;
        at += 2;
        w->feeding = head >> 15 ? WSC_DIR_S2C : WSC_DIR_C2S;
        w->fed = (struct wsc_span){0};
        if (head >> 14 & 1) {
            wsc_h2_gap(w->h, w->feeding, len);
            continue;
        }
        if (len > size - at)
            len = size - at;
        if (!feed(w, data + at, len, &pieces))
            break;
        at += len;
    }
    wsc_h2_free(w->h);
    return !opt.begins[0] || !opt.begins[1] || strstr(wsc_h2_log_text(&w->log), "lost ") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICES)
        return 0;
    struct watch whole, split;
    bool looked = run(data, size, 0, &whole);
    (void)run(data, size, 1u + data[1], &split);
    /* Where spans begin and end helps to find frames; and a stream is dropped after a span. */
    must(looked || (data[0] & 64) ||
         strcmp(wsc_h2_log_text(&whole.log), wsc_h2_log_text(&split.log)) == 0);
    wsc_h2_log_clear(&whole.log);
    wsc_h2_log_clear(&split.log);
    return 0;
}
