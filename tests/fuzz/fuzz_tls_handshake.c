/* Aimed at wsc_tls_messages_feed() and the readers of hellos, extensions and tickets.
 * Byte 0: seed of the pieces. Byte 1: bit 0 something is lost halfway. The rest is what handshake
 * records hold. */
#include "tls/handshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONGEST 300u /* small, so that it is reached */

struct watch {
    uint64_t sum, messages;
    bool lost;
};

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* Every byte of a span must be there. */
static void touch(struct watch *w, struct wsc_span s)
{
    must(s.ptr != NULL || s.len == 0);
    for (size_t i = 0; i < s.len; i++)
        w->sum = w->sum * 31 + s.ptr[i];
    w->sum = w->sum * 31 + s.len;
}

static void on_message(void *ctx, uint8_t type, struct wsc_span body)
{
    struct watch *w = ctx;
    struct wsc_tls_client_hello c;
    struct wsc_tls_server_hello s;
    struct wsc_tls_encrypted_extensions e;
    struct wsc_span ticket;
    w->messages++;
    w->sum = w->sum * 31 + type;
    if (body.ptr == NULL)
        return;
    touch(w, body);
    if (wsc_tls_read_client_hello(body, &c)) {
        touch(w, (struct wsc_span){.ptr = c.random, .len = 32});
        touch(w, c.session_id);
        touch(w, c.ticket);
        touch(w, c.sni);
        touch(w, c.alpn);
    }
    if (wsc_tls_read_server_hello(body, &s)) {
        touch(w, (struct wsc_span){.ptr = s.random, .len = 32});
        touch(w, s.session_id);
        touch(w, s.alpn);
    }
    if (wsc_tls_read_encrypted_extensions(body, &e))
        touch(w, e.alpn);
    if (wsc_tls_read_ticket(body, &ticket))
        touch(w, ticket);
}

static void feed(struct wsc_tls_messages *m, const uint8_t *p, size_t n, unsigned pieces,
                 struct watch *w)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at;
        if (pieces != 0) {
            pieces = pieces * 1103515245u + 12345u;
            size_t most = 1 + (pieces >> 16 & 31u);
            take = most < take ? most : take;
        }
        uint8_t *exact = malloc(take);
        memcpy(exact, p + at, take);
        wsc_tls_messages_feed(m, (struct wsc_span){.ptr = exact, .len = take}, on_message, w);
        free(exact);
        w->lost = w->lost || m->lost;
        at += take;
    }
}

static void run(const uint8_t *p, size_t n, bool lost, unsigned pieces, struct watch *w)
{
    struct wsc_tls_messages m;
    *w = (struct watch){0};
    wsc_tls_messages_init(&m, LONGEST);
    feed(&m, p, n / 2, pieces, w);
    if (lost)
        wsc_tls_messages_lost(&m);
    feed(&m, p + n / 2, n - n / 2, pieces, w);
    must(m.kept.len <= LONGEST);
    wsc_tls_messages_clear(&m);
    must(m.kept.data == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct watch whole, split;
    run(data + 2, size - 2, (data[1] & 1) != 0, 0, &whole);
    run(data + 2, size - 2, (data[1] & 1) != 0, 1u + data[0], &split);
    /* After a loss, also of a message that is too long, it matters what a record holds. */
    bool same = whole.messages == split.messages && whole.sum == split.sum;
    must(same || whole.lost || split.lost || (data[1] & 1));
    return 0;
}
