#include "capture/source.h"

#include "base/alloc.h"

#include <pcap/pcap.h>

#include <stdio.h>
#include <string.h>

/* Classic pcap of unusual kinds (old versions, Kuznetzov's, rare link types), by libpcap, which
 * reads it from a stdio stream over our input. */

struct pcap_source {
    struct wsc_source base;
    struct wsc_input *in;
    pcap_t *pcap;
    uint32_t link;
};

static ssize_t stream_read(void *cookie, char *buf, size_t n)
{
    struct pcap_source *s = cookie;
    return (ssize_t)wsc_input_read(s->in, (uint8_t *)buf, n);
}

/* libpcap's numbers for link types (DLT_) differ from the file's (LINKTYPE_) where systems
 * disagreed. */
static uint32_t linktype_of(int dlt)
{
    return dlt == DLT_RAW ? 101u : (uint32_t)dlt;
}

static enum wsc_err next(struct wsc_source *base, struct wsc_packet *pkt, char *why, size_t cap)
{
    struct pcap_source *s = (struct pcap_source *)base;
    struct pcap_pkthdr *h;
    const unsigned char *data;
    int r = pcap_next_ex(s->pcap, &h, &data);
    if (r == PCAP_ERROR_BREAK)
        return WSC_END;
    if (r != 1) {
        const char *input = wsc_input_problem(s->in);
        snprintf(why, cap, "%s", input != NULL ? input : pcap_geterr(s->pcap));
        return WSC_DAMAGED;
    }
    *pkt = (struct wsc_packet){.data = data,
                               .caplen = h->caplen,
                               .len = h->len > h->caplen ? h->len : h->caplen,
                               .link = s->link,
                               .ts_ns = (uint64_t)h->ts.tv_sec * UINT64_C(1000000000) +
                                        (uint64_t)h->ts.tv_usec};
    return WSC_OK;
}

static void close_source(struct wsc_source *base)
{
    struct pcap_source *s = (struct pcap_source *)base;
    if (s->pcap != NULL)
        pcap_close(s->pcap); /* closes the stream too */
    wsc_input_close(s->in);
    wsc_free(s);
}

static const struct wsc_source_ops ops = {.next = next, .close = close_source};

enum wsc_err wsc_source_libpcap_open(const char *name, struct wsc_input *in,
                                     struct wsc_source **out, struct wsc_error *err)
{
    struct pcap_source *s = wsc_calloc(1, sizeof(*s));
    if (s == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", name);
    s->base.ops = &ops;
    s->in = in;
    FILE *stream = fopencookie(s, "r", (cookie_io_functions_t){.read = stream_read});
    if (stream == NULL) {
        wsc_free(s);
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", name);
    }
    (void)setvbuf(stream, NULL, _IOFBF, 256u << 10);
    char why[PCAP_ERRBUF_SIZE] = "";
    s->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
    if (s->pcap == NULL) {
        (void)fclose(stream);
        wsc_free(s);
        return wsc_error_set(err, WSC_ERR_FORMAT, "%s: not a capture file that can be read: %s",
                             name, why);
    }
    s->link = linktype_of(pcap_datalink(s->pcap));
    s->base.snaplen = (uint32_t)pcap_snapshot(s->pcap);
    *out = &s->base;
    return WSC_OK;
}
