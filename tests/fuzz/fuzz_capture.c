/* Everything through the public API: the bytes of a capture file to packets, records, a page and a
 * store. Byte 0: bits 0-1 the format of the page, bit 2 records of TLS that cannot be read, bit 3 a
 * small analyzer, bit 4 queries are kept, bit 5 states are kept, bit 6 only packets of TCP. The
 * rest is the file.
 *
 * Checked: records are as the SPEC has them; the page can be parsed, and a store gives back the
 * record it took; a capture that is written anew as pcapng has the same fingerprint and gives the
 * same page; memory stays within the ceilings, and all of it is given back. */
#include <wsclose/analyzer.h>
#include <wsclose/capture.h>
#include <wsclose/pcapng.h>
#include <wsclose/report.h>

#include "fuzz/fuzz_capture_page.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FORMAT = 3, ENCRYPTED = 4, SMALL = 8, QUERY = 16, STATES = 32, FILTERED = 64 };

#define LINKS      64u
#define MEMORY_MAX ((size_t)64 << 20)

struct run {
    uint8_t choice;
    struct wsc_keylog *keys;
    struct wsc_report *report;
    struct wsc_store *store;   /* NULL: not asked */
    uint64_t records, printed; /* the latter with provisional ones */
    struct wsc_pcapng *copy;   /* NULL: not written */
    bool copied;               /* all of it, so far */
    uint32_t links[LINKS];
    size_t links_len;
    char fingerprint[WSC_FINGERPRINT_LEN + 1];
    bool damaged;
    char *page;
    size_t page_len;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- records ---- */

static int stored(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    r->page_len++;
    fuzz_page_same(r->page, rec);
    return 0;
}

/* What a store gives back prints as what it took. */
static void store_record(struct run *run, const struct wsc_closure *rec)
{
    struct wsc_error err;
    struct wsc_filter f;
    struct run ask = {.page = fuzz_page_one(rec)};
    int64_t id;
    must(wsc_store_put(run->store, rec, &id, &err) == WSC_OK);
    wsc_filter_init(&f);
    f.id = id;
    must(wsc_store_query(run->store, &f, stored, &ask, &err) == WSC_OK);
    must(ask.page_len == 1);
    free(ask.page);
}

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct run *run = ctx;
    run->records += !rec->provisional;
    run->printed++;
    must(rec->outcome != WSC_OUTCOME_OPEN || rec->ended_ns == 0);
    must((rec->close_code == WSC_UNKNOWN) == (rec->code_source == WSC_CODE_SOURCE_NONE));
    must((rec->cause.ptr == NULL) == (rec->confidence == WSC_CONFIDENCE_NONE));
    must(rec->violations_len <= WSC_VIOLATIONS_MAX && rec->evidence_len <= WSC_EVIDENCE_MAX);
    if (wsc_report_record(run->report, rec) != WSC_OK)
        must(false);
    if (run->store != NULL && run->printed <= 4)
        store_record(run, rec);
}

/* ---- the capture ---- */

static void on_secrets(void *ctx, size_t capture, struct wsc_span text)
{
    struct run *run = ctx;
    struct wsc_error err;
    must(capture == 0);
    (void)!wsc_keylog_feed(run->keys, 0, text);
    if (run->copy != NULL)
        run->copied = wsc_pcapng_secrets(run->copy, text, &err) == WSC_OK && run->copied;
}

static void copy_packet(struct run *run, const struct wsc_packet *pkt)
{
    struct wsc_error err;
    uint32_t i = 0;
    while (i < run->links_len && run->links[i] != pkt->link)
        i++;
    if (i == run->links_len) {
        const struct wsc_pcapng_interface interface = {.link = pkt->link};
        if (i == LINKS || wsc_pcapng_add(run->copy, &interface, &err) != WSC_OK) {
            run->copied = false;
            return;
        }
        run->links[run->links_len++] = pkt->link;
    }
    if (wsc_pcapng_put(run->copy, i, pkt, NULL, &err) != WSC_OK)
        run->copied = false;
}

static void read_all(struct run *run, struct wsc_capture *c, struct wsc_analyzer *an)
{
    struct wsc_packet pkt;
    struct wsc_error err;
    struct wsc_analyzer_stats s;
    for (uint64_t last = 0;;) {
        enum wsc_err e = wsc_capture_next(c, &pkt, &err);
        if (e == WSC_DAMAGED) {
            run->damaged = true;
            continue;
        }
        if (e != WSC_OK)
            break;
        must(WSC_REF_NUMBER(pkt.ref) > last && pkt.caplen <= pkt.len);
        must((run->choice & FILTERED) || WSC_REF_NUMBER(pkt.ref) == last + 1);
        last = WSC_REF_NUMBER(pkt.ref);
        if (run->copy != NULL)
            copy_packet(run, &pkt);
        (void)!wsc_analyzer_feed(an, &pkt);
        wsc_analyzer_get_stats(an, &s);
        must(s.memory_bytes < MEMORY_MAX);
    }
}

static struct wsc_analyzer *make(struct run *run)
{
    struct wsc_analyzer_options opt;
    struct wsc_analyzer *an;
    wsc_analyzer_options_default(&opt);
    opt.label = false;
    opt.encrypted = (run->choice & ENCRYPTED) != 0;
    opt.keep_query = (run->choice & QUERY) != 0;
    opt.keep_states = opt.foretell = (run->choice & STATES) != 0;
    opt.keylog = run->keys;
    opt.max_connections = run->choice & SMALL ? 2 : 1000;
    opt.max_reorder_bytes = run->choice & SMALL ? 4096 : (size_t)1 << 20;
    opt.max_head_bytes = run->choice & SMALL ? 1024 : 65536;
    must(wsc_analyzer_new(&opt, on_record, run, &an) == WSC_OK);
    return an;
}

/* Reads what |fd| holds, as a page in |run|. */
static void run_file(struct run *run, int fd)
{
    char path[32];
    const char *const paths[] = {path};
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const struct wsc_capture_options opt = {.filter = run->choice & FILTERED ? "tcp" : NULL,
                                            .fingerprint = true,
                                            .on_secrets = on_secrets,
                                            .secrets_ctx = run};
    const struct wsc_report_options page = {
        .format = (enum wsc_format)(run->choice & FORMAT), .utf8 = true, .why = true};
    struct wsc_capture *c;
    struct wsc_error err;
    FILE *out = open_memstream(&run->page, &run->page_len);
    must(out != NULL && wsc_keylog_new(1000, &run->keys) == WSC_OK);
    must(wsc_report_new(&page, out, &run->report) == WSC_OK);
    if (wsc_capture_open(paths, 1, &opt, &c, &err) == WSC_OK) {
        struct wsc_analyzer *an = make(run);
        struct wsc_analyzer_stats s;
        read_all(run, c, an);
        wsc_analyzer_flush(an);
        wsc_analyzer_get_stats(an, &s);
        must(s.tcp_open == 0 && s.websockets == run->records);
        wsc_analyzer_free(an);
        wsc_capture_fingerprint(c, 0, run->fingerprint);
        wsc_capture_close(c);
    }
    must(wsc_report_end(run->report) == WSC_OK);
    wsc_report_free(run->report);
    wsc_keylog_free(run->keys);
    (void)fclose(out);
}

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* The same packets in another file. */
static void check_copy(struct run *first, int fd)
{
    struct run run = {.choice = first->choice & (uint8_t)~FILTERED};
    if (!first->copied || (first->choice & FILTERED))
        return;
    must(lseek(fd, 0, SEEK_SET) == 0);
    run_file(&run, fd);
    must(!run.damaged &&
         (first->links_len == 0 || strcmp(run.fingerprint, first->fingerprint) == 0));
    must(run.page_len == first->page_len && memcmp(run.page, first->page, run.page_len) == 0);
    free(run.page);
}

static struct wsc_store *open_store(void)
{
    static struct wsc_store *store; /* one for all: it is made only once */
    static const char *const names[] = {"capture"};
    struct wsc_error err;
    must(store != NULL || wsc_store_open(NULL, WSC_STORE_PRIVATE, &store, &err) == WSC_OK);
    must(wsc_store_begin(store, names, 1, "", &err) == WSC_OK);
    return store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct run run = {.choice = data[0], .copied = true};
    struct wsc_error err;
    int in = file_of(data + 1, size - 1), copy = memfd_create("copy", MFD_CLOEXEC);
    must(copy >= 0 && wsc_pcapng_new(copy, NULL, &run.copy, &err) == WSC_OK);
    run.store = open_store();
    run_file(&run, in);
    wsc_store_rollback(run.store);
    must(wsc_pcapng_flush(run.copy, &err) == WSC_OK);
    wsc_pcapng_free(run.copy);
    fuzz_page_check((enum wsc_format)(run.choice & FORMAT), run.page, run.page_len, run.printed);
    check_copy(&run, copy);
    free(run.page);
    (void)close(in);
    (void)close(copy);
    return 0;
}
