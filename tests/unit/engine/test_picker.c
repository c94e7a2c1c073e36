/* Which packets belong to a connection: what may be asked, and what becomes of it without memory.
 * Which they are is tested by tests/cases/extract and by the fuzz target. */
#include <wsclose/extract.h>
#include <wsclose/closure.h>

#include "base/alloc.h"
#include "decode/packet.h"
#include "support/pcap_builder.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wsc_pick pick_of(const char *client, const char *server)
{
    struct wsc_pick p = {.from_ns = 1};
    cr_assert(wsc_endpoint_parse(client, &p.client));
    cr_assert(wsc_endpoint_parse(server, &p.server));
    return p;
}

Test(picker, what_may_be_asked)
{
    struct wsc_pick picks[WSC_PICKS_MAX + 1];
    struct wsc_picker *p;
    for (size_t i = 0; i <= WSC_PICKS_MAX; i++)
        picks[i] = pick_of("10.0.0.1:1000", "10.0.0.2:80");
    cr_expect_eq(wsc_picker_new(picks, 0, &p), WSC_ERR_INVALID);
    cr_expect_eq(wsc_picker_new(picks, WSC_PICKS_MAX + 1, &p), WSC_ERR_INVALID);
    cr_expect_eq(wsc_picker_new(picks, WSC_PICKS_MAX, &p), WSC_OK);
    cr_expect(!wsc_picker_found(p, 0) && !wsc_picker_found(p, WSC_PICKS_MAX));
    wsc_picker_free(p);
    picks[0] = pick_of("10.0.0.1:1000", "[2001:db8::1]:80");
    cr_expect_eq(wsc_picker_new(picks, 1, &p), WSC_ERR_INVALID, "ends of two families");
    cr_expect_null(p);
}

static bool countdown(void *ctx)
{
    size_t *left = ctx;
    return *left != 0 && (*left)-- != 0;
}

enum { PACKETS = 3000 };

/* A SYN, then segments both ways. Each packet's number in its capture is not its place here. */
static enum wsc_err feed_all(struct wsc_picker *p)
{
    static struct wsc_test_packet b;
    static const uint8_t bytes[100];
    struct wsc_packet pkt = {.link = 1, .ts_ns = 1000};
    enum wsc_err e = WSC_OK;
    for (uint32_t i = 0; e == WSC_OK && i < PACKETS; i++) {
        const struct wsc_test_ip ip = {.src = i % 2 ? "10.0.0.2" : "10.0.0.1",
                                       .dst = i % 2 ? "10.0.0.1" : "10.0.0.2"};
        const struct wsc_test_tcp tcp = {.sport = i % 2 ? 80 : 1000,
                                         .dport = i % 2 ? 1000 : 80,
                                         .seq = i == 0 ? 0 : 1 + (i - (i % 2 ? 1 : 2)) / 2 * 100,
                                         .ack = 1,
                                         .flags = i == 0 ? WSC_TCP_SYN : WSC_TCP_ACK,
                                         .window = 65535};
        wsc_test_packet_init(&b);
        struct wsc_span all = wsc_test_tcp_packet(
            &b, &ip, &tcp, (struct wsc_span){.ptr = bytes, .len = i == 0 ? 0 : sizeof(bytes)});
        pkt.data = all.ptr;
        pkt.len = pkt.caplen = (uint32_t)all.len;
        pkt.ref = WSC_REF(1, 2 * i + 5);
        pkt.ts_ns += 1000;
        e = wsc_picker_feed(p, &pkt);
    }
    return e;
}

Test(picker, each_has_its_number)
{
    struct wsc_pick pick = pick_of("10.0.0.1:1000", "10.0.0.2:80");
    const struct wsc_picked *picked;
    struct wsc_picker *p;
    cr_assert_eq(wsc_picker_new(&pick, 1, &p), WSC_OK);
    cr_assert_eq(feed_all(p), WSC_OK);
    cr_expect(wsc_picker_found(p, 0));
    cr_assert_eq(wsc_picker_result(p, &picked), PACKETS);
    for (size_t i = 0; i < PACKETS; i++) {
        cr_expect_eq(picked[i].at, i);
        cr_expect_eq(picked[i].ref, WSC_REF(1, 2 * i + 5), "%zu", i);
    }
    wsc_picker_free(p);
}

/* All of it, or an error. */
Test(picker, memory_refused)
{
    struct wsc_pick pick = pick_of("10.0.0.1:1000", "10.0.0.2:80");
    const struct wsc_picked *picked;
    enum wsc_err e = WSC_ERR_NOMEM;
    size_t n = 0;
    for (; e != WSC_OK; n++) {
        struct wsc_picker *p;
        size_t left = n;
        wsc_alloc_set_hook(countdown, &left);
        e = wsc_picker_new(&pick, 1, &p);
        if (e == WSC_OK)
            e = feed_all(p);
        wsc_alloc_set_hook(NULL, NULL);
        cr_assert(e == WSC_OK || e == WSC_ERR_NOMEM, "%zu: %d", n, (int)e);
        if (e == WSC_OK)
            cr_expect_eq(wsc_picker_result(p, &picked), PACKETS, "%zu", n);
        wsc_picker_free(p);
    }
    cr_expect_gt(n, 4);
}
