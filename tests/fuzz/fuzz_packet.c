/* Aims at wsc_decode_packet() and wsc_decode_ip_payload().
 *
 * Byte 0 chooses the link type, byte 1 how many bytes the snap length cut off; the packet follows.
 * Checked: spans lie inside the packet, lengths agree, and the answer does not depend on what
 * |view| and |frag| held before. */
#include "decode/packet.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t links[] = {0,   1,   9,   12,  14,  50,  51,  101,
                                 104, 105, 108, 113, 228, 229, 239, 276};

static void require(bool ok)
{
    if (!ok)
        abort();
}

static bool inside(const uint8_t *p, size_t n, struct wsc_span packet)
{
    return p >= packet.ptr && n <= packet.len && (size_t)(p - packet.ptr) <= packet.len - n;
}

static void check_ip(const struct wsc_packet_view *v)
{
    static const uint8_t zero[12];
    require(v->family == 4 || v->family == 6);
    require(v->family == 6 ||
            (memcmp(v->src + 4, zero, 12) == 0 && memcmp(v->dst + 4, zero, 12) == 0));
    require((v->quirks & ~(WSC_QUIRK_ZERO_IP_LEN | WSC_QUIRK_TRUNCATED | WSC_QUIRK_BAD_OPTIONS)) ==
            0);
}

static void check_tcp(const struct wsc_packet_view *v, struct wsc_span packet)
{
    check_ip(v);
    require(v->ip_proto == 6);
    require(inside(v->payload, v->payload_len, packet));
    require(v->payload_wire_len >= v->payload_len);
    require(v->payload_wire_len == v->payload_len || (v->quirks & WSC_QUIRK_TRUNCATED));
    require(v->window_scale >= -1 && v->window_scale <= 14);
    require(v->l3.ptr == NULL || inside(v->l3.ptr, v->l3.len, packet));
    require(v->l3.ptr == NULL || inside(v->payload, v->payload_len, v->l3));
}

static void check_fragment(const struct wsc_fragment *f, struct wsc_span packet)
{
    require(f->family == 4 || f->family == 6);
    require(f->offset > 0 || f->more);
    require(f->offset % 8 == 0 && f->offset <= 65528);
    require(inside(f->data.ptr, f->data.len, packet));
    require(f->wire_len >= f->data.len);
}

static void check(enum wsc_decode_result r, const struct wsc_packet_view *v,
                  const struct wsc_fragment *f, struct wsc_span packet)
{
    if (r == WSC_DECODE_TCP)
        check_tcp(v, packet);
    else if (r == WSC_DECODE_OTHER_IP)
        check_ip(v);
    else if (r == WSC_DECODE_FRAGMENT)
        check_fragment(f, packet);
}

static bool same(enum wsc_decode_result r, const struct wsc_packet_view *a,
                 const struct wsc_packet_view *b)
{
    if (a->ts_ns != b->ts_ns || a->ref != b->ref)
        return false;
    if (r != WSC_DECODE_TCP && r != WSC_DECODE_OTHER_IP)
        return true;
    bool ip = a->family == b->family && a->ip_proto == b->ip_proto && a->ttl == b->ttl &&
              a->ip_id == b->ip_id && a->quirks == b->quirks && a->tunnel_id == b->tunnel_id &&
              memcmp(a->src, b->src, 16) == 0 && memcmp(a->dst, b->dst, 16) == 0 &&
              a->l3.ptr == b->l3.ptr && a->l3.len == b->l3.len;
    bool tcp = a->sport == b->sport && a->dport == b->dport && a->seq == b->seq &&
               a->ack == b->ack && a->tcp_flags == b->tcp_flags && a->window == b->window &&
               a->window_scale == b->window_scale && a->payload == b->payload &&
               a->payload_len == b->payload_len && a->payload_wire_len == b->payload_wire_len;
    return ip && (tcp || r != WSC_DECODE_TCP);
}

/* As the analyzer does with a datagram that is whole, through each tunnel inside. */
static void follow(struct wsc_fragment f, struct wsc_packet_view *v, struct wsc_span packet)
{
    for (int depth = 0; depth < 4; depth++) {
        struct wsc_fragment first = f;
        enum wsc_decode_result r = wsc_decode_ip_payload(&first, first.data, v, &f);
        check(r, v, &f, packet);
        if (r != WSC_DECODE_FRAGMENT)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = size - 2;
    uint8_t *block = malloc(len > 0 ? len : 1); /* exact, so that a read past the end is seen */
    if (block == NULL)
        return 0;
    memcpy(block, data + 2, len);
    struct wsc_packet pkt = {.data = block,
                             .caplen = (uint32_t)len,
                             .len = (uint32_t)len + data[1],
                             .link = links[data[0] % (sizeof(links) / sizeof(links[0]))],
                             .ts_ns = 5,
                             .ref = 7};
    struct wsc_span packet = {.ptr = block, .len = len};
    struct wsc_packet_view v, w;
    struct wsc_fragment f, g;
    memset(&v, 0x00, sizeof(v));
    memset(&w, 0xa5, sizeof(w));
    memset(&f, 0x00, sizeof(f));
    memset(&g, 0xa5, sizeof(g));
    enum wsc_decode_result r = wsc_decode_packet(&pkt, &v, &f);
    require(r == wsc_decode_packet(&pkt, &w, &g));
    check(r, &v, &f, packet);
    require(same(r, &v, &w));
    if (r == WSC_DECODE_FRAGMENT)
        follow(f, &v, packet);
    free(block);
    return 0;
}
