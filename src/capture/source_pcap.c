#include "capture/source.h"
#include "capture/swapped.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Classic pcap (draft-ietf-opsawg-pcap), read by ourselves, in place: libpcap reads each packet by
 * two calls of fread(), which costs more than to follow a connection. What is not of the usual kind
 * is left to libpcap; both give the same packets. */

#define FILE_HEADER   24u
#define RECORD_HEADER 16u
#define PACKET_MAX    262144u /* libpcap's ceiling for these link types */

struct pcap_source {
    struct wsc_source base;
    struct wsc_input *in;
    uint32_t link, snaplen;
    uint64_t unit_ns; /* of the fraction of a second */
    bool swap;
};

static enum wsc_err damaged(const struct pcap_source *s, char *why, size_t cap, const char *text)
{
    const char *problem = wsc_input_problem(s->in);
    snprintf(why, cap, "%s", problem != NULL ? problem : text);
    return WSC_DAMAGED;
}

static enum wsc_err next(struct wsc_source *base, struct wsc_packet *pkt, char *why, size_t cap)
{
    struct pcap_source *s = (struct pcap_source *)base;
    size_t have;
    const uint8_t *p = wsc_input_peek(s->in, RECORD_HEADER, &have);
    if (have == 0 && wsc_input_problem(s->in) == NULL)
        return WSC_END;
    if (have != RECORD_HEADER)
        return damaged(s, why, cap, "the file ends in the middle of a packet's header");
    uint32_t stored = wsc_swapped32(p + 8, s->swap);
    if (stored > PACKET_MAX) {
        snprintf(why, cap, "a packet of %u bytes, more than the %u that can be", stored,
                 PACKET_MAX);
        return WSC_DAMAGED;
    }
    p = wsc_input_peek(s->in, RECORD_HEADER + stored, &have);
    if (have != RECORD_HEADER + stored)
        return damaged(s, why, cap, "the file ends in the middle of a packet");
    uint32_t caplen = stored < s->snaplen ? stored : s->snaplen,
             len = wsc_swapped32(p + 12, s->swap);
    *pkt = (struct wsc_packet){.data = p + RECORD_HEADER,
                               .caplen = caplen,
                               .len = len > caplen ? len : caplen,
                               .link = s->link,
                               .ts_ns = wsc_swapped32(p, s->swap) * UINT64_C(1000000000) +
                                        wsc_swapped32(p + 4, s->swap) * s->unit_ns};
    wsc_input_skip(s->in, RECORD_HEADER + stored);
    return WSC_OK;
}

static bool at_hand(const struct wsc_source *base)
{
    const struct pcap_source *s = (const struct pcap_source *)base;
    struct wsc_span ahead = wsc_input_ahead(s->in);
    if (ahead.len < RECORD_HEADER)
        return false;
    uint32_t stored = wsc_swapped32(ahead.ptr + 8, s->swap);
    return stored <= PACKET_MAX && stored <= ahead.len - RECORD_HEADER;
}

static void close_source(struct wsc_source *base)
{
    struct pcap_source *s = (struct pcap_source *)base;
    wsc_input_close(s->in);
    wsc_free(s);
}

static const struct wsc_source_ops ops = {.next = next, .at_hand = at_hand, .close = close_source};

static bool take_magic(struct pcap_source *s, const uint8_t *p)
{
    for (int swap = 0; swap < 2; swap++) {
        s->swap = swap != 0;
        uint32_t magic = wsc_swapped32(p, s->swap);
        s->unit_ns = magic == 0xa1b2c3d4 ? 1000 : 1;
        if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
            return true;
    }
    return false;
}

/* Link types whose numbers in files (LINKTYPE_) and in libpcap (DLT_) are the same, and for which
 * it has no special rules. */
static bool usual_link(uint32_t link)
{
    static const uint32_t links[] = {0, 1, 9, 101, 108, 113, 228, 229, 276};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (links[i] == link)
            return true;
    return false;
}

static bool take_header(struct pcap_source *s)
{
    size_t have;
    const uint8_t *p = wsc_input_peek(s->in, FILE_HEADER, &have);
    if (have != FILE_HEADER || !take_magic(s, p))
        return false;
    uint32_t snaplen = wsc_swapped32(p + 16, s->swap);
    s->link = wsc_swapped32(p + 20, s->swap);
    if (wsc_swapped16(p + 4, s->swap) != 2 || wsc_swapped16(p + 6, s->swap) != 4 ||
        !usual_link(s->link))
        return false;
    s->snaplen = snaplen == 0 || snaplen > INT32_MAX ? PACKET_MAX : snaplen;
    s->base.snaplen = s->snaplen;
    wsc_input_skip(s->in, FILE_HEADER);
    return true;
}

enum wsc_err wsc_source_pcap_open(struct wsc_input *in, struct wsc_source **out)
{
    struct pcap_source *s = wsc_calloc(1, sizeof(*s));
    if (s == NULL)
        return WSC_ERR_NOMEM;
    s->base.ops = &ops;
    s->in = in;
    if (!take_header(s)) {
        wsc_free(s);
        return WSC_ERR_NOT_FOUND;
    }
    *out = &s->base;
    return WSC_OK;
}
