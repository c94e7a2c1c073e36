/* How fast one analyzer and several workers go through a capture that lies in memory.
 *
 *     workers FILE WORKERS [ROUNDS [KEYLOG]]
 *
 * Prints nanoseconds of the reading thread for each packet, of the whole, and the records' count.
 */
#include <wsclose/wsclose.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct packets {
    struct wsc_packet *all;
    size_t len, cap;
};

static void *must(void *p)
{
    if (p == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static void load(struct packets *p, const char *path)
{
    struct wsc_capture *c;
    struct wsc_packet pkt;
    struct wsc_error err;
    if (wsc_capture_open(&path, 1, &(struct wsc_capture_options){.filter = NULL}, &c, &err) !=
        WSC_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    while (wsc_capture_next(c, &pkt, &err) == WSC_OK) {
        if (p->len == p->cap) {
            p->cap = p->cap != 0 ? 2 * p->cap : 4096;
            p->all = must(realloc(p->all, p->cap * sizeof(p->all[0])));
        }
        uint8_t *bytes = must(malloc(pkt.caplen));
        memcpy(bytes, pkt.data, pkt.caplen);
        pkt.data = bytes;
        p->all[p->len++] = pkt;
    }
    wsc_capture_close(c);
}

static void count(void *ctx, const struct wsc_closure *rec)
{
    (void)rec;
    ++*(uint64_t *)ctx;
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(const struct packets *p, const struct wsc_workers_options *opt)
{
    struct wsc_workers *w;
    uint64_t records = 0;
    if (wsc_workers_new(opt, count, &records, &w) != WSC_OK || wsc_workers_start(w) != WSC_OK) {
        fputs("the workers cannot be made\n", stderr);
        exit(1);
    }
    double began = seconds(CLOCK_MONOTONIC), reader = seconds(CLOCK_THREAD_CPUTIME_ID),
           all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < p->len; i++) {
        if (wsc_workers_feed(w, &p->all[i]) != WSC_OK || (i % 4096 == 0 && wsc_workers_take(w)))
            exit(1);
    }
    if (wsc_workers_flush(w) != WSC_OK)
        exit(1);
    double n = (double)p->len / 1e9;
    printf("%u workers: %.0f ns a packet by the clock, %.0f of CPU, %.0f of them the reader's; "
           "%llu records\n",
           opt->workers, (seconds(CLOCK_MONOTONIC) - began) / n,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - all) / n,
           (seconds(CLOCK_THREAD_CPUTIME_ID) - reader) / n, (unsigned long long)records);
    wsc_workers_free(w);
}

int main(int argc, char **argv)
{
    struct packets p = {.len = 0};
    struct wsc_workers_options opt;
    if (argc < 3) {
        fputs("usage: workers FILE WORKERS [ROUNDS [KEYLOG]]\n", stderr);
        return 2;
    }
    struct wsc_keylog *keys = NULL;
    struct wsc_error err;
    if (argc > 4 && (wsc_keylog_new(0, &keys) != WSC_OK ||
                     wsc_keylog_add_file(keys, argv[4], false, &err) != WSC_OK)) {
        fputs("the key log cannot be read\n", stderr);
        return 1;
    }
    wsc_workers_options_default(&opt);
    opt.workers = (unsigned)atoi(argv[2]);
    opt.wait = true;
    opt.analyzer.keylog = keys;
    load(&p, argv[1]);
    for (int i = 0; i < (argc > 3 ? atoi(argv[3]) : 1); i++)
        run(&p, &opt);
    for (size_t i = 0; i < p.len; i++)
        free((void *)(uintptr_t)p.all[i].data);
    free(p.all);
    wsc_keylog_free(keys);
    return 0;
}
