#include "capture/filter.h"

#include "base/alloc.h"

#include <pcap/pcap.h>

#include <stdlib.h>
#include <string.h>

#define LINKS_MAX                                                                                  \
    16u /* link types in one run; beyond it the last place is compiled anew each time it changes   \
         */
#define SNAPLEN 262144

struct wsc_filter_bpf {
    char *text;
    struct {
        uint32_t link;
        bool used, usable;
        struct bpf_program program;
    } links[LINKS_MAX];
    size_t last;
};

static int dlt_of(uint32_t link)
{
    return link == 101 ? DLT_RAW : (int)link;
}

static bool compile(struct wsc_filter_bpf *f, size_t i, uint32_t link, struct wsc_error *err)
{
    pcap_t *p = pcap_open_dead(dlt_of(link), SNAPLEN);
    if (p == NULL)
        return false;
    if (f->links[i].used && f->links[i].usable)
        pcap_freecode(&f->links[i].program);
    f->links[i].link = link;
    f->links[i].used = true;
    f->links[i].usable =
        pcap_compile(p, &f->links[i].program, f->text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!f->links[i].usable)
        (void)wsc_error_set(err, WSC_ERR_INVALID, "the filter \"%s\" is not valid: %s", f->text,
                            pcap_geterr(p));
    pcap_close(p);
    return f->links[i].usable;
}

enum wsc_err wsc_filter_bpf_new(const char *text, struct wsc_filter_bpf **out,
                                struct wsc_error *err)
{
    *out = NULL;
    struct wsc_filter_bpf *f = wsc_calloc(1, sizeof(*f));
    size_t n = strlen(text) + 1;
    char *copy = wsc_alloc(n);
    if (f == NULL || copy == NULL) {
        wsc_free(f);
        wsc_free(copy);
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    }
    memcpy(copy, text, n);
    f->text = copy;
    if (!compile(f, 0, 1, err)) {
        wsc_filter_bpf_free(f);
        return WSC_ERR_INVALID;
    }
    *out = f;
    return WSC_OK;
}

void wsc_filter_bpf_free(struct wsc_filter_bpf *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < LINKS_MAX; i++)
        if (f->links[i].used && f->links[i].usable)
            pcap_freecode(&f->links[i].program);
    wsc_free(f->text);
    wsc_free(f);
}

bool wsc_filter_bpf_pass(struct wsc_filter_bpf *f, const struct wsc_packet *pkt)
{
    if (!f->links[f->last].used || f->links[f->last].link != pkt->link) {
        size_t i = 0;
        while (i < LINKS_MAX - 1 && f->links[i].used && f->links[i].link != pkt->link)
            i++;
        if (!f->links[i].used || f->links[i].link != pkt->link)
            (void)compile(f, i, pkt->link, NULL);
        f->last = i;
    }
    struct pcap_pkthdr h = {.caplen = pkt->caplen, .len = pkt->len};
    return f->links[f->last].usable &&
           pcap_offline_filter(&f->links[f->last].program, &h, pkt->data) != 0;
}
