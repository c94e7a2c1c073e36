#include "talk.h"

#include "support/pcap_builder.h"

#include <criterion/criterion.h>

static void note(void *ctx, const struct wsc_closure *rec)
{
    struct talk *t = ctx;
    t->records++;
    t->outcome = rec->outcome;
    t->ending = rec->ending;
    t->code = rec->close_code;
    t->by = rec->closed_by;
}

void talk_begin(struct talk *t)
{
    struct wsc_analyzer_options opt;
    *t = (struct talk){.pkt = {.link = 1, .ts_ns = 1, .ref = WSC_REF(0, 1)}, .seq = {0, 5000}};
    wsc_analyzer_options_default(&opt);
    opt.label = false;
    cr_assert_eq(wsc_analyzer_new(&opt, note, t, &t->an), WSC_OK);
}

void talk_end(struct talk *t)
{
    wsc_analyzer_flush(t->an);
    wsc_analyzer_free(t->an);
}

void talk_say(struct talk *t, enum wsc_dir from, uint8_t flags, const char *bytes, size_t len)
{
    static struct wsc_test_packet p;
    const bool client = from == WSC_DIR_C2S;
    const struct wsc_test_ip ip = {.src = client ? "10.0.0.1" : "10.0.0.2",
                                   .dst = client ? "10.0.0.2" : "10.0.0.1"};
    const struct wsc_test_tcp tcp = {.sport = client ? 1000 : 80,
                                     .dport = client ? 80 : 1000,
                                     .seq = t->seq[from],
                                     .ack = t->seq[!from],
                                     .flags = flags,
                                     .window = 65535};
    wsc_test_packet_init(&p);
    struct wsc_span all = wsc_test_tcp_packet(
        &p, &ip, &tcp, (struct wsc_span){.ptr = (const uint8_t *)bytes, .len = len});
    t->pkt.data = all.ptr;
    t->pkt.len = t->pkt.caplen = (uint32_t)all.len;
    cr_assert_eq(wsc_analyzer_feed(t->an, &t->pkt), WSC_OK);
    t->pkt.ts_ns += 1000000;
    t->pkt.ref++;
    t->seq[from] += (uint32_t)len + ((flags & (WSC_TCP_SYN | WSC_TCP_FIN)) ? 1u : 0u);
}
