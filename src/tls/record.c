#include "tls/record.h"

#include "base/bytes.h"

#include <string.h>

/* Two bytes, in CBC with the longest padding, MAC and IV. */
#define LONGEST_ALERT (256u + 48u + 16u)

bool wsc_tls_head_plausible(const uint8_t head[WSC_TLS_HEAD])
{
    size_t len = wsc_be16(head + 3);
    return head[0] >= WSC_TLS_CHANGE_CIPHER_SPEC && head[0] <= WSC_TLS_HEARTBEAT && head[1] == 3 &&
           head[2] <= 4 && len > 0 && len <= WSC_TLS_BODY_MAX;
}

/* While searching chance must be kept out: the version is the one seen before, and nobody sends
 * heartbeats. A wrong header is found once in 2^26 positions of random bytes. A ClientHello has
 * the version of TLS 1.0 for the sake of old servers (RFC 5246 E.1): what follows need not. */
static bool fits(const struct wsc_tls_framer *f)
{
    if (!wsc_tls_head_plausible(f->head))
        return false;
    if (!f->searching)
        return true;
    uint16_t version = wsc_be16(f->head + 1);
    bool usual = version <= WSC_TLS_1_2 && f->version <= WSC_TLS_1_0;
    if ((version != f->version && !usual) || f->head[0] == WSC_TLS_HEARTBEAT)
        return false;
    return f->head[0] != WSC_TLS_ALERT || wsc_be16(f->head + 3) <= LONGEST_ALERT;
}

static void slide(struct wsc_tls_framer *f)
{
    memmove(f->head, f->head + 1, --f->have);
}

enum wsc_tls_headed wsc_tls_framer_head(struct wsc_tls_framer *f, struct wsc_span *data)
{
    while (data->len > 0) {
        f->head[f->have++] = *data->ptr++;
        data->len--;
        if (f->have < WSC_TLS_HEAD)
            continue;
        if (fits(f)) {
            f->version = wsc_be16(f->head + 1);
            f->body_len = f->left = wsc_be16(f->head + 3);
            f->damaged = false;
            f->searching = false;
            return WSC_TLS_HEAD_FOUND;
        }
        bool was_searching = f->searching;
        f->searching = true;
        slide(f);
        if (!was_searching)
            return WSC_TLS_HEAD_BROKEN;
    }
    return WSC_TLS_HEAD_MORE;
}

bool wsc_tls_framer_body(struct wsc_tls_framer *f, size_t n)
{
    f->left = (uint16_t)(f->left - n);
    return f->left == 0;
}

void wsc_tls_framer_next(struct wsc_tls_framer *f)
{
    f->have = 0;
    f->body_len = f->left = 0;
}

void wsc_tls_framer_search(struct wsc_tls_framer *f)
{
    wsc_tls_framer_next(f);
    f->searching = true;
}
