#include "decode/layers.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_WINDOW_SCALE = 3 };

#define MAX_WINDOW_SCALE 14 /* RFC 7323 2.3 */

/* RFC 9293 3.2. Only a SYN's window scale is of use. |cut|: the options go on beyond |in|. */
static void decode_options(struct wsc_packet_view *v, struct wsc_span in, bool cut)
{
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    while (wsc_rd_left(&r) > 0) {
        uint8_t kind = wsc_rd_u8(&r);
        if (kind == OPTION_END)
            return;
        if (kind == OPTION_NOP)
            continue;
        uint8_t n = wsc_rd_u8(&r);
        const uint8_t *value = n >= 2 && !r.short_read ? wsc_rd_bytes(&r, n - 2u) : NULL;
        if (value == NULL) {
            if (!cut || !r.short_read)
                v->quirks |= WSC_QUIRK_BAD_OPTIONS;
            return;
        }
        if (kind == OPTION_WINDOW_SCALE && n == 3)
            v->window_scale = (int8_t)(*value > MAX_WINDOW_SCALE ? MAX_WINDOW_SCALE : *value);
    }
}

/* RFC 9293 3.1. */
enum wsc_decode_result wsc_decode_tcp(struct wsc_decode *d, struct wsc_span in)
{
    struct wsc_packet_view *v = d->view;
    struct wsc_reader r = wsc_reader_of(in.ptr, in.len);
    const uint8_t *h = wsc_rd_bytes(&r, 20);
    if (h == NULL)
        return WSC_DECODE_BAD;
    size_t hlen = (h[12] >> 4) * 4u;
    if (hlen < 20 || hlen > in.len + (uint64_t)d->tail)
        return WSC_DECODE_BAD;
    v->sport = wsc_be16(h);
    v->dport = wsc_be16(h + 2);
    v->seq = wsc_be32(h + 4);
    v->ack = wsc_be32(h + 8);
    v->tcp_flags = h[13];
    v->window = wsc_be16(h + 14);
    v->window_scale = -1;
    size_t have = hlen < in.len ? hlen : in.len; /* less than |hlen|: cut inside the options */
    if (v->tcp_flags & WSC_TCP_SYN)
        decode_options(v, (struct wsc_span){.ptr = r.p, .len = have - 20}, have < hlen);
    v->payload = h + have;
    v->payload_len = (uint32_t)(in.len - have);
    v->payload_wire_len = (uint32_t)(in.len + d->tail - hlen);
    return WSC_DECODE_TCP;
}
