#include "onion.h"

#include "support/hex.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "hello"

enum { HELLO_LEN = 5 };

static const struct wsc_test_ip OUTER4 = {.src = "192.0.2.1", .dst = "192.0.2.2"};
static const struct wsc_test_ip OUTER6 = {.src = "2001:db8::1", .dst = "2001:db8::2"};
static const struct wsc_test_ip INNER4 = {
    .src = "10.1.2.3", .dst = "10.4.5.6", .ttl = 57, .id = 0x1234};
static const struct wsc_test_ip INNER6 = {.src = "2001:db8::a", .dst = "2001:db8::b", .ttl = 57};
static const struct wsc_test_tcp SEGMENT = {.sport = 40000,
                                            .dport = 8080,
                                            .seq = 0x81223344,
                                            .ack = 0x95667788,
                                            .flags = WSC_TCP_PSH | WSC_TCP_ACK,
                                            .window = 0xfedc};

static void put_layer(struct wsc_test_packet *p, const struct onion_layer *l)
{
    switch (l->kind) {
    case ONION_HEX:
        wsc_test_put_hex(p, l->hex);
        break;
    case ONION_ETHERNET:
        wsc_test_put_ethernet(p, l->arg);
        break;
    case ONION_IPV4:
        wsc_test_put_ip(p, &OUTER4, (uint8_t)l->arg);
        break;
    case ONION_IPV6:
        wsc_test_put_ip(p, &OUTER6, (uint8_t)l->arg);
        break;
    case ONION_UDP:
        wsc_test_put_udp(p, l->arg, l->arg2);
        break;
    case ONION_TCP4:
    case ONION_TCP6:
        wsc_test_put(p, HELLO, HELLO_LEN);
        wsc_test_put_tcp(p, &SEGMENT);
        wsc_test_put_ip(p, l->kind == ONION_TCP4 ? &INNER4 : &INNER6, 6);
        break;
    case ONION_END:
        break;
    }
}

static struct wsc_span build(struct wsc_test_packet *p, const struct onion_layer *layers)
{
    wsc_test_packet_init(p);
    for (size_t i = ONION_LAYERS; i-- > 0;)
        put_layer(p, &layers[i]);
    return wsc_test_bytes(p);
}

enum wsc_decode_result onion_decode(struct wsc_span bytes, uint32_t wire_len, uint32_t link,
                                    struct wsc_packet_view *view, struct wsc_fragment *frag,
                                    bool *payload_ok)
{
    uint8_t *block = malloc(bytes.len);
    if (bytes.len > 0)
        memcpy(block, bytes.ptr, bytes.len);
    struct wsc_packet pkt = {.data = block,
                             .caplen = (uint32_t)bytes.len,
                             .len = wire_len,
                             .link = link,
                             .ts_ns = 77,
                             .ref = 99};
    memset(view, 0xdd, sizeof(*view)); /* what decoding leaves alone must not look right by luck */
    enum wsc_decode_result r = wsc_decode_packet(&pkt, view, frag);
    *payload_ok = false;
    if (r == WSC_DECODE_TCP && view->payload >= block &&
        view->payload + view->payload_len <= block + bytes.len) {
        size_t n = view->payload_len < HELLO_LEN ? view->payload_len : HELLO_LEN;
        *payload_ok = memcmp(view->payload, HELLO, n) == 0;
    }
    free(block);
    return r;
}

static bool is_segment(const struct wsc_packet_view *v, bool ipv6)
{
    const struct wsc_test_ip *ip = ipv6 ? &INNER6 : &INNER4;
    uint8_t src[16] = {0}, dst[16] = {0};
    inet_pton(ipv6 ? AF_INET6 : AF_INET, ip->src, src);
    inet_pton(ipv6 ? AF_INET6 : AF_INET, ip->dst, dst);
    return v->ts_ns == 77 && v->ref == 99 && v->family == (ipv6 ? 6 : 4) && v->ip_proto == 6 &&
           v->ttl == ip->ttl && v->ip_id == ip->id && memcmp(v->src, src, 16) == 0 &&
           memcmp(v->dst, dst, 16) == 0 && v->sport == SEGMENT.sport && v->dport == SEGMENT.dport &&
           v->seq == SEGMENT.seq && v->ack == SEGMENT.ack && v->tcp_flags == SEGMENT.flags &&
           v->window == SEGMENT.window && v->window_scale == -1;
}

static bool has_layer(const struct onion *o, enum onion_kind kind)
{
    for (size_t i = 0; i < ONION_LAYERS; i++)
        if (o->layers[i].kind == kind)
            return true;
    return false;
}

/* |missing| bytes of the segment's packet were not captured. */
static void check_cut(const struct onion *o, struct wsc_span bytes, uint32_t wire_len,
                      size_t missing)
{
    struct wsc_packet_view v;
    struct wsc_fragment f;
    bool payload_ok;
    enum wsc_decode_result r = onion_decode(bytes, wire_len, o->link, &v, &f, &payload_ok);
    if (missing > HELLO_LEN) { /* the end of TCP's header is missing */
        bool other =
            has_layer(o, ONION_UDP) && r == WSC_DECODE_OTHER_IP && (v.quirks & WSC_QUIRK_TRUNCATED);
        /* Nothing tells that it was cut: NFLOG's attributes may well end here. */
        bool whole = wire_len == bytes.len && o->link == 239 && r == WSC_DECODE_NOT_IP;
        cr_expect(r == WSC_DECODE_BAD || other || whole, "%s: %zu bytes missing: result %d",
                  o->name, missing, r);
        return;
    }
    cr_expect(r == WSC_DECODE_TCP, "%s: %zu bytes missing: result %d", o->name, missing, r);
    if (r != WSC_DECODE_TCP)
        return;
    cr_expect(is_segment(&v, has_layer(o, ONION_TCP6)), "%s: another segment", o->name);
    cr_expect(payload_ok, "%s: payload", o->name);
    cr_expect_eq(v.payload_len, HELLO_LEN - missing, "%s", o->name);
    cr_expect_eq(v.payload_wire_len, HELLO_LEN, "%s", o->name);
    cr_expect_eq(v.quirks, missing > 0 ? WSC_QUIRK_TRUNCATED : 0, "%s", o->name);
    cr_expect_eq(v.tunnel_id, o->tunnel_id, "%s: tunnel %u", o->name, v.tunnel_id);
    size_t l3 = (has_layer(o, ONION_TCP6) ? 60u : 40u) + HELLO_LEN - missing;
    cr_expect_eq(v.l3.len, l3, "%s: l3 of %zu bytes", o->name, v.l3.len);
}

void onion_check(const struct onion *table, size_t n)
{
    static struct wsc_test_packet p;
    for (size_t i = 0; i < n; i++) {
        const struct onion *o = &table[i];
        struct wsc_span inner = build(&p, o->layers);
        uint8_t all[512], trailer[64];
        size_t end = inner.len;
        size_t extra = o->trailer ? wsc_test_hex(o->trailer, trailer, sizeof(trailer)) : 0;
        cr_assert_leq(end + extra, sizeof(all));
        memcpy(all, inner.ptr, end);
        memcpy(all + end, trailer, extra);
        for (size_t len = 0; len <= end + extra; len++) {
            size_t missing = len < end ? end - len : 0;
            struct wsc_span bytes = {.ptr = all, .len = len};
            check_cut(o, bytes, (uint32_t)(end + extra), missing);
            /* A writer that gives the captured length for the length on the wire. Teredo has no
             * other sign than lengths that agree. */
            if (o->layers[2].arg2 != 3544)
                check_cut(o, bytes, (uint32_t)len, missing);
        }
    }
}

void onion_check_odd(const struct onion_odd *table, size_t n)
{
    static struct wsc_test_packet p;
    for (size_t i = 0; i < n; i++) {
        const struct onion_odd *o = &table[i];
        struct wsc_span bytes = build(&p, o->layers);
        struct wsc_packet_view v;
        struct wsc_fragment f;
        bool payload_ok;
        for (size_t len = 0; len < bytes.len; len++) {
            struct wsc_span cut = {.ptr = bytes.ptr, .len = len};
            enum wsc_decode_result r =
                onion_decode(cut, (uint32_t)bytes.len, o->link, &v, &f, &payload_ok);
            cr_expect_neq(r, WSC_DECODE_TCP, "%s: TCP in its first %zu bytes", o->name, len);
        }
        enum wsc_decode_result r =
            onion_decode(bytes, (uint32_t)bytes.len, o->link, &v, &f, &payload_ok);
        cr_expect_eq(r, o->result, "%s: result %d", o->name, r);
        if (r != WSC_DECODE_OTHER_IP || o->result != r)
            continue;
        cr_expect_eq(v.ip_proto, o->ip_proto, "%s: protocol %d", o->name, v.ip_proto);
        cr_expect_eq(v.tunnel_id, 0, "%s", o->name);
        if (o->ip_proto == 17)
            cr_expect_eq(v.dport, o->dport, "%s: port %d", o->name, v.dport);
    }
}
