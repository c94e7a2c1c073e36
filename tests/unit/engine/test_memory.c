/* Each allocation fails in turn, alone and with all that follow, from the file to the record. */
#include <wsclose/analyzer.h>
#include <wsclose/capture.h>

#include "base/alloc.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct fault {
    size_t asked, at; /* the at-th is refused, from 1; 0: none */
    bool on;          /* and all that follow */
};

static bool may(void *ctx)
{
    struct fault *f = ctx;
    f->asked++;
    return f->at == 0 || (f->on ? f->asked < f->at : f->asked != f->at);
}

static void count(void *ctx, const struct wsc_closure *rec)
{
    size_t *sum = ctx;
    *sum = *sum * 31 + (size_t)rec->outcome * 7 + (size_t)rec->ending + rec->cause.len +
           (size_t)rec->close_code;
}

struct input {
    const char *path, *keys; /* keys: NULL for none, "" for those in the capture */
    const char *filter;
};

static void take_secrets(void *ctx, size_t capture, struct wsc_span text)
{
    struct wsc_keylog *kl = ctx;
    (void)(wsc_keylog_feed(kl, (unsigned)capture, text) == WSC_OK);
    (void)(wsc_keylog_finish(kl, (unsigned)capture) == WSC_OK);
}

static enum wsc_err feed_all(struct wsc_capture *c, struct wsc_analyzer *an)
{
    struct wsc_packet pkt;
    struct wsc_error err;
    enum wsc_err e, first = WSC_OK;
    while ((e = wsc_capture_next(c, &pkt, &err)) != WSC_END && e != WSC_ERR_NOMEM) {
        if (e == WSC_OK)
            e = wsc_analyzer_feed(an, &pkt);
        first = first == WSC_OK ? e : first;
    }
    wsc_analyzer_flush(an);
    return first == WSC_OK && e != WSC_END ? e : first;
}

/* What came of it: the first failure. |sum| tells the records. */
static enum wsc_err run(const struct input *in, struct fault *fault, size_t *sum)
{
    struct wsc_capture_options co = {.fingerprint = true, .filter = in->filter};
    struct wsc_analyzer_options opt;
    struct wsc_analyzer *an = NULL;
    struct wsc_capture *c = NULL;
    struct wsc_keylog *kl = NULL;
    struct wsc_error err;
    enum wsc_err e = WSC_OK;
    *sum = 0;
    wsc_analyzer_options_default(&opt);
    opt.label = false;
    opt.max_connections = 64;
    wsc_alloc_set_hook(may, fault);
    if (in->keys != NULL)
        e = wsc_keylog_new(1000, &kl);
    if (e == WSC_OK && kl != NULL && in->keys[0] != '\0')
        e = wsc_keylog_add_file(kl, in->keys, false, &err);
    opt.keylog = kl;
    co.on_secrets = kl != NULL ? take_secrets : NULL;
    co.secrets_ctx = kl;
    if (e == WSC_OK)
        e = wsc_analyzer_new(&opt, count, sum, &an);
    if (e == WSC_OK)
        e = wsc_capture_open(&in->path, 1, &co, &c, &err);
    if (e == WSC_OK)
        e = feed_all(c, an);
    wsc_capture_close(c);
    wsc_analyzer_free(an);
    wsc_keylog_free(kl);
    wsc_alloc_set_hook(NULL, NULL);
    return e;
}

Test(memory, each_allocation_fails)
{
    static const struct input inputs[] = {
        {SAMPLES "/fin.pcap", NULL, "tcp"},
        {SAMPLES "/gap.pcap", NULL, NULL},
        {SAMPLES "/midstream.pcap", NULL, NULL},
        {SAMPLES "/late-close.pcap", NULL, NULL},
        {CASES "/causes/rst-forged-and-data-after.pcap", NULL, NULL},
        {CASES "/http2/violations.pcap", NULL, NULL},
        {CASES "/http2/upgraded.pcap", NULL, NULL},
        {CASES "/http2/loss.pcap", NULL, NULL},
        {CASES "/tls/secrets-block.pcapng", "", NULL},
        {CASES "/http2/endings-tls.pcap", CASES "/http2/endings-tls.client.keys", NULL},
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        const struct input *in = &inputs[i];
        struct fault none = {.at = 0};
        size_t good, sum;
        cr_assert_eq(run(in, &none, &good), WSC_OK, "%s", in->path);
        cr_assert_neq(good, 0, "%s", in->path);
        size_t step = none.asked / 400 + 1;
        for (size_t at = 1; at <= none.asked; at += step)
            for (int on = 0; on < 2; on++) {
                uint64_t refused = wsc_refusals();
                struct fault f = {.at = at, .on = on};
                enum wsc_err e = run(in, &f, &sum);
                cr_assert(e >= WSC_OK || e == WSC_ERR_NOMEM, "%s, %zu %d: %d", in->path, at, on,
                          (int)e);
                cr_expect_gt(wsc_refusals(), refused, "%s, %zu: not counted", in->path, at);
            }
        struct fault again = {.at = 0};
        cr_expect_eq(run(in, &again, &sum), WSC_OK);
        cr_expect_eq(sum, good, "%s: as if nothing had been", in->path);
    }
}
