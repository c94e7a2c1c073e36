/* Packets between two ends, some in fragments, some of others, chosen by the input. Aims at
 * wsc_picker_feed(). Beyond survival: the result is in order, each packet once, none before the
 * first, and none that was not fed.
 *
 * Byte 0: which packet is the first one of the connection; then packets of 8 bytes and a payload.
 */
#include <wsclose/extract.h>

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* IPv4 in raw IP: flags, fragment offset, which way, TCP or another protocol. */
static uint32_t build(struct wsc_reader *r, uint8_t out[64 + 40])
{
    uint8_t how = wsc_rd_u8(r), flags = wsc_rd_u8(r), off = wsc_rd_u8(r);
    uint32_t seq = wsc_rd_u8(r) * 16u, ack = wsc_rd_u8(r) * 16u;
    uint8_t len = wsc_rd_u8(r) & 63, id = wsc_rd_u8(r) & 3, port = wsc_rd_u8(r) & 1;
    bool up = how & 1;
    uint8_t ip[20] = {0x45,
                      0,
                      0,
                      (uint8_t)(40 + len),
                      0,
                      id,
                      (uint8_t)(how & 2 ? 0x20 : 0),
                      (uint8_t)(how & 4 ? off & 7 : 0),
                      64,
                      (uint8_t)(how & 8 ? 47 : 6),
                      0,
                      0,
                      10,
                      0,
                      0,
                      up ? 1 : 2,
                      10,
                      0,
                      0,
                      up ? 2 : 1};
    uint8_t tcp[20] = {0,
                       (uint8_t)(up ? 50 + port : 80),
                       0,
                       (uint8_t)(up ? 80 : 50 + port),
                       0,
                       0,
                       (uint8_t)(seq >> 8),
                       (uint8_t)seq,
                       0,
                       0,
                       (uint8_t)(ack >> 8),
                       (uint8_t)ack,
                       0x50,
                       (uint8_t)(flags & 0x3f),
                       0xff,
                       0xff};
    memset(out, how, 64 + 40);
    memcpy(out, ip, 20);
    memcpy(out + 20, tcp, 20);
    return 40u + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wsc_reader r = wsc_reader_of(data, size);
    struct wsc_picker *p;
    struct wsc_pick picks[2] = {{.client = {.addr = {10, 0, 0, 1}, .port = 50, .family = 4},
                                 .server = {.addr = {10, 0, 0, 2}, .port = 80, .family = 4}},
                                {.client = {.addr = {10, 0, 0, 1}, .port = 51, .family = 4},
                                 .server = {.addr = {10, 0, 0, 2}, .port = 80, .family = 4},
                                 .from_ns = 3000}};
    uint8_t bytes[104];
    uint64_t first = wsc_rd_u8(&r), n = 0;
    picks[0].first_ref = WSC_REF(0, first + 1);
    must(wsc_picker_new(picks, 2, &p) == WSC_OK);
    while (wsc_rd_left(&r) >= 8 && n < 2000) {
        uint32_t len = build(&r, bytes);
        struct wsc_packet pkt = {.data = bytes,
                                 .caplen = len,
                                 .len = len,
                                 .link = 101,
                                 .ts_ns = n * 1000,
                                 .ref = WSC_REF(0, n + 1)};
        n++;
        must(wsc_picker_feed(p, &pkt) == WSC_OK);
    }
    const struct wsc_picked *picked;
    size_t len = wsc_picker_result(p, &picked);
    for (size_t i = 0; i < len; i++) {
        must(picked[i].at < n && picked[i].pick < 2 && wsc_picker_found(p, picked[i].pick));
        must(i == 0 || picked[i].at > picked[i - 1].at);
    }
    wsc_picker_free(p);
    return 0;
}
