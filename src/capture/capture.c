#include <wsclose/capture.h>

#include "base/alloc.h"
#include "capture/filter.h"
#include "capture/source.h"

#include <xxhash.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Captures that overlap in time are read side by side; a ring of files is not, however long. */
#define ACTIVE_MAX 256u

/* What the fingerprint covers of a packet: its headers, checksums, and what a frame begins with. */
#define FINGERPRINT_BYTES 256u
/* What is hashed at once: many small updates cost twice as much. */
#define FINGERPRINT_BATCH ((size_t)16 << 10)

enum member_state { WAITING, ACTIVE, DONE };

struct member {
    struct wsc_capture *owner;
    char *name;
    enum member_state state;
    struct wsc_source *source;
    struct wsc_input *in;
    struct wsc_packet head; /* next packet, if |have_head| */
    bool have_head, damaged, is_stdin;
    uint64_t start_ns; /* time of its first packet, to know when to open it */
    uint64_t packets, bytes, first_ns, last_ns, size, position;
    uint32_t snaplen;
    XXH3_state_t *hash;
    uint8_t *batch; /* FINGERPRINT_BATCH of room, while it is read; not hashed yet */
    size_t batch_len;
};

struct wsc_capture {
    struct member *members;
    size_t len;
    struct member **waiting; /* by time of their first packet; from |waiting_next| on */
    size_t waiting_next;
    struct member **active; /* at most ACTIVE_MAX */
    size_t active_len;
    struct member *given; /* whose packet was handed out last */
    struct member *left;  /* done within a batch that has its packets: the next call closes it */
    enum wsc_err failed;  /* behind the last packet of a batch, to be told by the next call */
    struct wsc_error failure;
    struct wsc_filter_bpf *filter;
    bool fingerprint;
    wsc_capture_secrets_fn on_secrets;
    void *secrets_ctx;
    volatile sig_atomic_t stop;
};

static const char *shown_name(const struct member *m)
{
    return m->is_stdin ? "standard input" : m->name;
}

static void hash_batch(struct member *m)
{
    if (m->batch_len > 0)
        XXH3_128bits_update(m->hash, m->batch, m->batch_len);
    m->batch_len = 0;
}

static void close_member(struct member *m)
{
    hash_batch(m);
    wsc_free(m->batch);
    m->batch = NULL;
    if (m->in != NULL)
        m->position = wsc_input_position(m->in);
    if (m->source != NULL)
        m->source->ops->close(m->source);
    m->source = NULL;
    m->in = NULL;
    m->have_head = false;
}

static void add_to_hash(struct member *m, const struct wsc_packet *p)
{
    struct {
        uint64_t ts_ns;
        uint32_t caplen, len, link, zero;
    } about = {.ts_ns = p->ts_ns, .caplen = p->caplen, .len = p->len, .link = p->link};
    size_t n = p->caplen < FINGERPRINT_BYTES ? p->caplen : FINGERPRINT_BYTES;
    if (m->batch == NULL)
        m->batch = wsc_alloc(FINGERPRINT_BATCH);
    if (m->batch == NULL) { /* the same, but slower */
        XXH3_128bits_update(m->hash, &about, sizeof(about));
        XXH3_128bits_update(m->hash, p->data, n);
        return;
    }
    if (m->batch_len + sizeof(about) + n > FINGERPRINT_BATCH)
        hash_batch(m);
    memcpy(m->batch + m->batch_len, &about, sizeof(about));
    memcpy(m->batch + m->batch_len + sizeof(about), p->data, n);
    m->batch_len += sizeof(about) + n;
}

static void count(struct wsc_capture *c, struct member *m)
{
    const struct wsc_packet *p = &m->head;
    m->packets++;
    m->bytes += p->len;
    if (m->first_ns == 0 || p->ts_ns < m->first_ns)
        m->first_ns = p->ts_ns;
    if (p->ts_ns > m->last_ns)
        m->last_ns = p->ts_ns;
    m->head.ref = WSC_REF((size_t)(m - c->members), m->packets);
    if (m->hash != NULL)
        add_to_hash(m, p);
}

static void hand_secrets(void *ctx, struct wsc_span text)
{
    const struct member *m = ctx;
    m->owner->on_secrets(m->owner->secrets_ctx, (size_t)(m - m->owner->members), text);
}

/* Takes the next packet of |m|, which is its head if the filter lets it pass. WSC_DAMAGED comes
 * once; then the member is done. */
static enum wsc_err take_packet(struct wsc_capture *c, struct member *m, struct wsc_error *err)
{
    char why[256];
    m->have_head = false;
    enum wsc_err e = m->source->ops->next(m->source, &m->head, why, sizeof(why));
    m->snaplen = m->source->snaplen;
    if (c->stop)
        return WSC_END;
    if (e == WSC_DAMAGED) {
        m->damaged = true;
        uint64_t at = m->packets + 1;
        (void)wsc_error_set(err, WSC_DAMAGED,
                            "%s: packet %" PRIu64 ": %s; the %" PRIu64
                            " packets before it were read",
                            shown_name(m), at, why, m->packets);
        if (err != NULL)
            err->offset = at;
    }
    if (e != WSC_OK)
        return e;
    count(c, m);
    m->have_head = c->filter == NULL || wsc_filter_bpf_pass(c->filter, &m->head);
    return WSC_OK;
}

static bool at_hand(const struct member *m)
{
    return m->source->ops->at_hand != NULL && m->source->ops->at_hand(m->source);
}

static void retire(struct wsc_capture *c, struct member *m)
{
    m->state = DONE;
    for (size_t i = 0; i < c->active_len; i++) {
        if (c->active[i] == m) {
            c->active[i] = c->active[--c->active_len];
            return;
        }
    }
}

/* ---- opening ---- */

static enum wsc_err same_file_twice(const char *const *paths, size_t n, size_t i,
                                    struct wsc_error *err)
{
    struct stat a, b;
    bool is_stdin = strcmp(paths[i], "-") == 0;
    if (!is_stdin && stat(paths[i], &a) != 0)
        return WSC_OK; /* opening it will say why */
    for (size_t k = 0; k < i && k < n; k++) {
        bool other_stdin = strcmp(paths[k], "-") == 0;
        bool same = is_stdin || other_stdin
                        ? is_stdin && other_stdin
                        : stat(paths[k], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
        if (same)
            return wsc_error_set(err, WSC_ERR_INVALID, "%s: given twice (as %s)", paths[i],
                                 paths[k]);
    }
    return WSC_OK;
}

/* Looks at the first packet, so that captures can be opened in order of time. A file is closed
 * again until its turn. */
static enum wsc_err look(struct wsc_capture *c, struct member *m, struct wsc_error *err)
{
    enum wsc_err e = wsc_source_open(m->name, &c->stop, &m->source, &m->in, err);
    if (e != WSC_OK)
        return e;
    m->size = wsc_input_size(m->in);
    m->snaplen = m->source->snaplen;
    if (m->is_stdin || m->size == 0)
        return WSC_OK; /* a pipe: its packets come once, and are handed on as they come */
    char why[256];
    if (m->source->ops->next(m->source, &m->head, why, sizeof(why)) == WSC_OK)
        m->start_ns = m->head.ts_ns;
    close_member(m);
    return WSC_OK;
}

static enum wsc_err open_member(struct wsc_capture *c, size_t i, const char *const *paths, size_t n,
                                struct wsc_error *err)
{
    struct member *m = &c->members[i];
    m->owner = c;
    enum wsc_err e = n > 1 ? same_file_twice(paths, n, i, err) : WSC_OK;
    if (e != WSC_OK)
        return e;
    size_t len = strlen(paths[i]) + 1;
    m->name = wsc_alloc(len);
    if (m->name == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    memcpy(m->name, paths[i], len);
    m->is_stdin = strcmp(paths[i], "-") == 0;
    if (c->fingerprint) {
        m->hash = XXH3_createState();
        if (m->hash == NULL)
            return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
        XXH3_128bits_reset(m->hash);
    }
    return look(c, m, err);
}

static int by_start(const void *a, const void *b)
{
    const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return x < y ? -1 : x > y;
}

enum wsc_err wsc_capture_open(const char *const *paths, size_t n,
                              const struct wsc_capture_options *opt, struct wsc_capture **out,
                              struct wsc_error *err)
{
    *out = NULL;
    if (n == 0 || n > WSC_MAX_CAPTURES)
        return wsc_error_set(err, WSC_ERR_INVALID, "between 1 and %u captures can be read at once",
                             WSC_MAX_CAPTURES);
    struct wsc_capture *c = wsc_calloc(1, sizeof(*c));
    if (c == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    c->fingerprint = opt->fingerprint;
    c->on_secrets = opt->on_secrets;
    c->secrets_ctx = opt->secrets_ctx;
    c->members = wsc_calloc(n, sizeof(*c->members));
    c->active = wsc_calloc(ACTIVE_MAX, sizeof(struct member *));
    c->waiting = wsc_calloc(n, sizeof(struct member *));
    enum wsc_err e = c->members == NULL || c->active == NULL || c->waiting == NULL
                         ? wsc_error_set(err, WSC_ERR_NOMEM, "out of memory")
                         : WSC_OK;
    if (e == WSC_OK && opt->filter != NULL)
        e = wsc_filter_bpf_new(opt->filter, &c->filter, err);
    for (size_t i = 0; e == WSC_OK && i < n; i++) {
        c->len = i + 1;
        c->waiting[i] = &c->members[i];
        e = open_member(c, i, paths, n, err);
    }
    if (e != WSC_OK) {
        wsc_capture_close(c);
        return e;
    }
    qsort(c->waiting, n, sizeof(c->waiting[0]), by_start);
    *out = c;
    return WSC_OK;
}

/* ---- merging ---- */

/* The active member whose packet comes next; equal times in the order given. */
static struct member *earliest(const struct wsc_capture *c)
{
    struct member *best = NULL;
    for (size_t i = 0; i < c->active_len; i++) {
        struct member *m = c->active[i];
        if (best == NULL || m->head.ts_ns < best->head.ts_ns ||
            (m->head.ts_ns == best->head.ts_ns && m < best))
            best = m;
    }
    return best;
}

static enum wsc_err activate(struct wsc_capture *c, struct member *m, struct wsc_error *err)
{
    if (c->active_len == ACTIVE_MAX)
        return wsc_error_set(
            err, WSC_ERR_LIMIT,
            "more than %u captures overlap in time; merge them first: mergecap -w OUT IN...",
            ACTIVE_MAX);
    if (m->source == NULL) {
        enum wsc_err e = wsc_source_open(m->name, &c->stop, &m->source, &m->in, err);
        if (e != WSC_OK) {
            m->damaged = true;
            m->state = DONE;
            return e == WSC_ERR_NOMEM ? e : WSC_DAMAGED;
        }
    }
    m->state = ACTIVE;
    c->active[c->active_len++] = m;
    if (c->on_secrets != NULL) { /* not before: a look at the first packet is none at the secrets */
        m->source->on_secrets = hand_secrets;
        m->source->secrets_ctx = m;
    }
    enum wsc_err e = WSC_OK;
    while (e == WSC_OK && !m->have_head)
        e = take_packet(c, m, err);
    if (e != WSC_OK) {
        close_member(m);
        retire(c, m);
    }
    return e == WSC_END ? WSC_OK : e;
}

/* Goes on behind the packet handed out last. In a batch (|more|) only where its packets stay valid:
 * WSC_END says that they would not. */
static enum wsc_err go_on(struct wsc_capture *c, bool more, struct wsc_error *err)
{
    struct member *m = c->given;
    if (m == NULL)
        return WSC_OK;
    enum wsc_err e = WSC_OK;
    do {
        if (more && !at_hand(m))
            return WSC_END;
        e = take_packet(c, m, err);
    } while (e == WSC_OK && !m->have_head);
    c->given = NULL;
    if (e == WSC_OK)
        return WSC_OK;
    retire(c, m);
    if (more)
        c->left = m;
    else
        close_member(m);
    return e == WSC_END && !more ? WSC_OK : e;
}

/* The next packet, which is one of a batch if |more|; then WSC_END only says that it is not at
 * hand. */
static enum wsc_err next_packet(struct wsc_capture *c, bool more, struct wsc_packet *pkt,
                                struct wsc_error *err)
{
    enum wsc_err e = go_on(c, more, err);
    while (e == WSC_OK) {
        if (c->stop)
            return WSC_END;
        struct member *now = earliest(c);
        struct member *waiting = c->waiting_next < c->len ? c->waiting[c->waiting_next] : NULL;
        bool due = waiting != NULL && (now == NULL || waiting->start_ns <= now->head.ts_ns);
        if (now == NULL && !due)
            return WSC_END;
        if (!due) {
            *pkt = now->head;
            c->given = now;
            return WSC_OK;
        }
        if (more)
            return WSC_END;
        c->waiting_next++;
        e = activate(c, waiting, err);
    }
    return e;
}

enum wsc_err wsc_capture_next(struct wsc_capture *c, struct wsc_packet *pkt, struct wsc_error *err)
{
    size_t n;
    return wsc_capture_next_batch(c, pkt, 1, &n, err);
}

enum wsc_err wsc_capture_next_batch(struct wsc_capture *c, struct wsc_packet *pkts, size_t max,
                                    size_t *n, struct wsc_error *err)
{
    *n = 0;
    if (c->left != NULL)
        close_member(c->left);
    c->left = NULL;
    if (c->failed != WSC_OK) {
        enum wsc_err e = c->failed;
        c->failed = WSC_OK;
        if (err != NULL)
            *err = c->failure;
        return e;
    }
    enum wsc_err e = next_packet(c, false, &pkts[0], err);
    if (e != WSC_OK)
        return e;
    do {
        ++*n;
    } while (*n < max && (e = next_packet(c, true, &pkts[*n], &c->failure)) == WSC_OK);
    if (e != WSC_END)
        c->failed = e;
    return WSC_OK;
}

void wsc_capture_stop(struct wsc_capture *c)
{
    c->stop = 1;
}

size_t wsc_capture_count(const struct wsc_capture *c)
{
    return c->len;
}

void wsc_capture_info(const struct wsc_capture *c, size_t index, struct wsc_capture_info *info)
{
    const struct member *m = &c->members[index];
    *info = (struct wsc_capture_info){.name = m->name,
                                      .packets = m->packets,
                                      .bytes = m->bytes,
                                      .size = m->size,
                                      .position = m->in != NULL         ? wsc_input_position(m->in)
                                                  : m->state == WAITING ? 0
                                                                        : m->position,
                                      .first_ns = m->first_ns,
                                      .last_ns = m->last_ns,
                                      .snaplen = m->snaplen,
                                      .damaged = m->damaged};
}

void wsc_capture_fingerprint(const struct wsc_capture *c, size_t index,
                             char out[WSC_FINGERPRINT_LEN + 1])
{
    out[0] = '\0';
    if (c->members[index].hash == NULL)
        return;
    hash_batch(&c->members[index]);
    XXH128_hash_t h = XXH3_128bits_digest(c->members[index].hash);
    (void)snprintf(out, WSC_FINGERPRINT_LEN + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64,
                   (uint64_t)h.low64);
}

void wsc_capture_close(struct wsc_capture *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; c->members != NULL && i < c->len; i++) {
        close_member(&c->members[i]);
        XXH3_freeState(c->members[i].hash);
        wsc_free(c->members[i].name);
    }
    wsc_filter_bpf_free(c->filter);
    wsc_free(c->members);
    wsc_free(c->active);
    wsc_free(c->waiting);
    wsc_free(c);
}
