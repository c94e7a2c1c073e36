/* Aimed at the filter words of the command line (src/cli/filter.c) and the questions they become in
 * SQL. The input is lines: a byte that chooses the option, then its value.
 *
 * What is taken is within its bounds, and the question it makes can be asked of a store, which
 * answers with no more than the records that are there. */
#include "cli/filter.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 3

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct wsc_span text(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

/* ---- a store to ask ---- */

static struct wsc_closure record(unsigned n)
{
    static const uint64_t start = UINT64_C(1767323045000000000);
    struct wsc_closure r = {.id = WSC_UNKNOWN,
                            .client = {.addr = {10, 0, 0, (uint8_t)n}, .port = 40000, .family = 4},
                            .server = {.addr = {192, 0, 2, 1}, .port = 80, .family = 4},
                            .first_packet = WSC_REF(0, 1 + n * 10),
                            .last_packet = WSC_REF(0, 9 + n * 10),
                            .host = text("a.example"),
                            .path = text("/x_y%"),
                            .started_ns = start,
                            .established_ns = start + n,
                            .ended_ns = start + 60000000000,
                            .last_ns = start + 60000000000,
                            .duration_ns = 60000000000,
                            .outcome = WSC_OUTCOME_CLOSED,
                            .ending = WSC_ENDING_FIN,
                            .close_code = 1006,
                            .code_source = WSC_CODE_SOURCE_INFERRED,
                            .handshake_status = 101,
                            .last_rtt_ns = WSC_UNKNOWN,
                            .idle_any_ns = 60000000000,
                            .idle_client_ns = WSC_UNKNOWN,
                            .idle_server_ns = WSC_UNKNOWN,
                            .idle_data_ns = WSC_UNKNOWN};
    for (int d = 0; d < 2; d++) {
        r.close[d].code = r.saw[d].code = r.saw[d].clean = WSC_UNKNOWN;
        r.last_message[d] = WSC_UNKNOWN;
    }
    return r;
}

static struct wsc_store *make_store(void)
{
    static const char *const names[] = {"a.pcap"};
    struct wsc_store *s;
    struct wsc_error err;
    enum wsc_import_result result;
    const struct wsc_store_capture cap = {.packets = 99};
    must(wsc_store_open(NULL, WSC_STORE_PRIVATE, &s, &err) == WSC_OK);
    must(wsc_store_begin(s, names, 1, "", &err) == WSC_OK);
    for (unsigned n = 0; n < RECORDS; n++) {
        struct wsc_closure r = record(n);
        int64_t id;
        must(wsc_store_put(s, &r, &id, &err) == WSC_OK);
    }
    must(wsc_store_commit(s, &cap, 1, &result, &err) == WSC_OK);
    return s;
}

static int count(void *ctx, const struct wsc_closure *rec)
{
    must(rec->close_code == 1006 && rec->id > 0);
    return ++*(int *)ctx > RECORDS;
}

/* ---- options ---- */

static void check(const struct wsc_filter *f)
{
    must(f->codes_len <= WSC_FILTER_MAX_RANGES);
    for (size_t i = 0; i < f->codes_len; i++)
        must(f->codes[i].first >= 0 && f->codes[i].first <= f->codes[i].last &&
             f->codes[i].last <= UINT16_MAX);
    must(f->server_bits <= (f->server.family == 6 ? 128 : 32));
    must(f->client_bits <= (f->client.family == 6 ? 128 : 32));
    must(f->age.min_ns >= 0 && (f->age.max_ns == 0 || f->age.max_ns >= f->age.min_ns));
    must(f->idle.min_ns >= 0 && (f->idle.max_ns == 0 || f->idle.max_ns >= f->idle.min_ns));
    must(f->status.first <= f->status.last && f->status.last <= 999);
}

/* One option, its value in a block of exact size that outlives the question. */
static void set(struct filter_options *o, uint8_t choice, const uint8_t *p, size_t n, char *value)
{
    size_t options = 0;
    while (filter_table[options].name != NULL)
        options++;
    const struct args_option *option = &filter_table[choice % options];
    char why[ARGS_WHY_MAX] = "";
    memcpy(value, p, n);
    value[n] = '\0';
    struct filter_options before = *o;
    if (option->set((char *)o + option->offset, value, why))
        check(&o->filter);
    else
        *o = before; /* the command ends with why */
    must(memchr(why, '\0', sizeof(why)) != NULL);
}

static void ask(struct wsc_store *store, const struct filter_options *o)
{
    struct wsc_error err;
    int n = 0;
    must(wsc_store_query(store, &o->filter, count, &n, &err) == WSC_OK);
    must(n <= RECORDS && (o->filter.limit == 0 || (uint64_t)n <= o->filter.limit));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wsc_store *store; /* made once */
    if (store == NULL)
        store = make_store();
    struct filter_options o;
    char *values[8];
    size_t used = 0;
    wsc_filter_init(&o.filter);
    while (size > 0 && used < sizeof(values) / sizeof(values[0])) {
        const uint8_t *end = memchr(data + 1, '\n', size - 1);
        size_t n = end != NULL ? (size_t)(end - data) - 1 : size - 1;
        values[used] = malloc(n + 1);
        set(&o, data[0], data + 1, n, values[used++]);
        n += end != NULL ? 2 : 1;
        data += n;
        size -= n;
    }
    ask(store, &o);
    while (used > 0)
        free(values[--used]);
    return 0;
}
