#include "decode/layers.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_WINDOW_SCALE = 3 };

#define MAX_WINDOW_SCALE 14 /* RFC 7323 2.3 */

/* RFC 9293 3.2. Only a SYN's window scale is of use. */
static void decode_options(struct wsc_packet_view *v, const uint8_t *p, size_t len)
{
    struct wsc_reader r = wsc_reader_of(p, len);
    while (wsc_rd_left(&r) > 0) {
        uint8_t kind = wsc_rd_u8(&r);
        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        uint8_t n = wsc_rd_u8(&r);
        if (n < 2 || wsc_rd_left(&r) < n - 2u) {
            v->quirks |= WSC_QUIRK_BAD_OPTIONS;
            return;
        }
        if (kind == OPTION_WINDOW_SCALE && n == 3)
            v->window_scale = (int8_t)(r.p[0] > MAX_WINDOW_SCALE ? MAX_WINDOW_SCALE : r.p[0]);
        wsc_rd_skip(&r, n - 2u);
    }
}

enum wsc_decode_result wsc_decode_tcp(struct wsc_decode *d, struct wsc_reader r)
{
    struct wsc_packet_view *v = d->view;
    const uint8_t *h = wsc_rd_bytes(&r, 20);
    if (h == NULL)
        return WSC_DECODE_BAD;
    size_t hlen = (h[12] >> 4) * 4u;
    if (hlen < 20)
        return WSC_DECODE_BAD;
    v->sport = wsc_be16(h);
    v->dport = wsc_be16(h + 2);
    v->seq = wsc_be32(h + 4);
    v->ack = wsc_be32(h + 8);
    v->tcp_flags = h[13];
    v->window = wsc_be16(h + 14);
    v->window_scale = -1;
    size_t options = hlen - 20;
    if (wsc_rd_left(&r) < options) {
        /* Cut inside the options: there may be payload beyond, none of it captured. */
        size_t cut = options - wsc_rd_left(&r);
        if (d->tail < cut)
            return WSC_DECODE_BAD;
        d->tail -= (uint32_t)cut;
        r.p = r.end;
    } else if (options > 0) {
        if (v->tcp_flags & WSC_TCP_SYN)
            decode_options(v, r.p, options);
        r.p += options;
    }
    v->payload = r.p;
    v->payload_len = (uint32_t)wsc_rd_left(&r);
    v->payload_wire_len = v->payload_len + d->tail;
    return WSC_DECODE_TCP;
}
