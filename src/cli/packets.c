#include "packets.h"

#include "keys.h"
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one interface of a kept file holds. */
struct held {
    uint32_t interface;
    size_t capture; /* number in refs */
    uint64_t first_packet, last_packet;
    uint64_t seen; /* of it, in this reading */
    char name[64];
};

struct packets_file {
    char *path;                                /* where it is */
    char fingerprint[WSC_FINGERPRINT_LEN + 1]; /* "": none is known, the file was kept */
    bool must, found, left_out;
    size_t capture; /* number in refs, if it is a capture */
    size_t opened;  /* its number among those opened */
    struct held held[WSC_LIVE_MAX_INTERFACES];
    size_t held_len; /* 0: a capture */
};

static bool no_memory(void)
{
    out_say("out of memory");
    return false;
}

/* Room for one more of |size| bytes each; NULL: none. */
static void *grow(void *list, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return list;
    size_t want = *cap != 0 ? *cap * 2 : 16;
    void *grown = realloc(list, want * size);
    if (grown != NULL)
        *cap = want;
    return grown;
}

/* ---- what the store knows ---- */

struct adding {
    struct packets *p;
    const struct wsc_closure *rec;
    size_t sources;
    bool failed, has_first; /* its first packet can be had */
    bool kept, earlier;     /* in files that were kept; of an earlier run too */
    bool from_start;        /* one of them reaches back to its start */
    size_t first_capture;
};

static bool fail(struct adding *a)
{
    a->failed = true;
    return false;
}

static bool number_of_capture(struct adding *a, int64_t row, size_t *out)
{
    struct packets *p = a->p;
    for (size_t i = 0; i < p->captures_len; i++)
        if (p->captures[i] == row) {
            *out = i;
            return true;
        }
    int64_t *grown = grow(p->captures, p->captures_len, &p->captures_cap, sizeof(*grown));
    if (grown == NULL || p->captures_len >= WSC_MAX_CAPTURES)
        return no_memory() || fail(a);
    p->captures = grown;
    *out = p->captures_len;
    p->captures[p->captures_len++] = row;
    return true;
}

static struct packets_file *add_file(struct packets *p, struct wsc_span path)
{
    struct packets_file *grown = grow(p->files, p->len, &p->cap, sizeof(*grown));
    char *copy = malloc(path.len + 1);
    if (grown == NULL || copy == NULL || p->len >= WSC_MAX_CAPTURES) {
        p->files = grown != NULL ? grown : p->files;
        free(copy);
        (void)no_memory();
        return NULL;
    }
    memcpy(copy, path.ptr, path.len);
    copy[path.len] = '\0';
    p->files = grown;
    p->files[p->len] = (struct packets_file){.path = copy};
    return &p->files[p->len++];
}

static struct packets_file *find_kept(const struct packets *p, struct wsc_span path)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->files[i].held_len > 0 && strlen(p->files[i].path) == path.len &&
            memcmp(p->files[i].path, path.ptr, path.len) == 0)
            return &p->files[i];
    return NULL;
}

static struct packets_file *find_capture(const struct packets *p, size_t capture)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->files[i].held_len == 0 && p->files[i].capture == capture)
            return &p->files[i];
    return NULL;
}

static bool add_kept(struct adding *a, const struct wsc_store_source *src, size_t capture)
{
    struct packets_file *f = find_kept(a->p, src->file);
    if (f == NULL)
        f = add_file(a->p, src->file);
    if (f == NULL || f->held_len == WSC_LIVE_MAX_INTERFACES)
        return fail(a);
    f->must |= src->must;
    a->kept = true;
    a->earlier |= src->earlier;
    a->from_start |= src->first_ns != 0 && src->first_ns <= a->rec->started_ns;
    if (a->rec->first_packet >= src->first_packet && a->rec->first_packet <= src->last_packet)
        a->has_first |= src->has_first;
    for (size_t i = 0; i < f->held_len; i++)
        if (f->held[i].interface == src->interface)
            return true; /* another connection's: known */
    struct held *h = &f->held[f->held_len++];
    *h = (struct held){.interface = src->interface,
                       .capture = capture,
                       .first_packet = src->first_packet,
                       .last_packet = src->last_packet};
    size_t skip = src->name.len > 5 && memcmp(src->name.ptr, "live:", 5) == 0 ? 5 : 0;
    (void)snprintf(h->name, sizeof(h->name), "%.*s", (int)(src->name.len - skip),
                   (const char *)src->name.ptr + skip);
    return true;
}

static bool add_capture(struct adding *a, const struct wsc_store_source *src, size_t capture)
{
    if (src->fingerprint == NULL) {
        if (!src->has_first && !src->must)
            return true;
        out_say("connection %" PRId64 ": the packets of the live capture %.*s were not kept, or "
                "are there no more; wsclose live --write DIR keeps them",
                a->rec->id, (int)(src->name.len < 80 ? src->name.len : 80), src->name.ptr);
        return fail(a);
    }
    a->has_first |= src->has_first;
    struct packets_file *f = find_capture(a->p, capture);
    if (f == NULL)
        f = add_file(a->p, src->name);
    if (f == NULL)
        return fail(a);
    f->capture = capture;
    f->must |= src->must;
    (void)snprintf(f->fingerprint, sizeof(f->fingerprint), "%s", src->fingerprint);
    return true;
}

static int on_source(void *ctx, const struct wsc_store_source *src)
{
    struct adding *a = ctx;
    size_t capture = 0;
    a->sources++;
    if (!number_of_capture(a, src->capture, &capture))
        return 1;
    if (src->has_first)
        a->first_capture = capture;
    return !(src->file.ptr != NULL ? add_kept(a, src, capture) : add_capture(a, src, capture));
}

bool packets_add(struct packets *p, struct wsc_store *store, const struct wsc_closure *rec,
                 struct wsc_pick *pick)
{
    struct wsc_error err;
    struct adding a = {.p = p, .rec = rec};
    if (wsc_store_sources(store, rec->id, on_source, &a, &err) != WSC_OK) {
        out_say("%s", err.message);
        return false;
    }
    if (a.failed)
        return false;
    if (a.sources == 0) {
        out_say("connection %" PRId64 ": its packets are kept no more", rec->id);
        return false;
    }
    *pick = (struct wsc_pick){.client = rec->client, .server = rec->server};
    if (rec->client.family == 0 || rec->server.family == 0) {
        out_say("connection %" PRId64 ": its ends are not known, so its packets cannot be told",
                rec->id);
        return false;
    }
    /* Numbers count anew in each run; its time tells the first packet of one that went on. */
    if (a.has_first && !a.earlier)
        pick->first_ref = WSC_REF(a.first_capture, rec->first_packet);
    else
        pick->from_ns = rec->started_ns;
    if (a.kept ? a.from_start || (a.has_first && !a.earlier) : a.has_first)
        return true;
    p->gone = true;
    out_say("connection %" PRId64 ": the packets of its beginning are kept no more, only the rest",
            rec->id);
    return true;
}

/* ---- where the files are ---- */

/* The fingerprint of a file given by --from. */
static bool print_of(const char *path, char out[WSC_FINGERPRINT_LEN + 1])
{
    struct wsc_capture *c;
    struct wsc_packet pkt;
    struct wsc_error err;
    struct wsc_capture_options co = {.fingerprint = true};
    if (wsc_capture_open(&path, 1, &co, &c, &err) != WSC_OK) {
        out_say("%s", err.message);
        return false;
    }
    enum wsc_err e;
    while ((e = wsc_capture_next(c, &pkt, &err)) != WSC_END && e != WSC_ERR_NOMEM)
        continue;
    wsc_capture_fingerprint(c, 0, out);
    wsc_capture_close(c);
    return e == WSC_END || no_memory();
}

static bool take_from(struct packets *p, const char *path)
{
    char print[WSC_FINGERPRINT_LEN + 1];
    if (strcmp(path, "-") == 0) {
        out_say("--from: a capture is read more than once, so it cannot be standard input");
        return false;
    }
    if (!print_of(path, print))
        return false;
    for (size_t i = 0; i < p->len; i++) {
        struct packets_file *f = &p->files[i];
        if (f->held_len > 0 || f->found || strcmp(f->fingerprint, print) != 0)
            continue;
        char *copy = strdup(path);
        if (copy == NULL)
            return no_memory();
        free(f->path);
        f->path = copy;
        f->found = true;
        return true;
    }
    out_say("--from %s: none of the captures this connection was seen in; its content is another",
            path);
    return false;
}

/* Says what is wrong with a file that is needed. */
static bool is_there(struct packets_file *f)
{
    struct stat st;
    if (strcmp(f->path, "-") == 0 && f->held_len == 0) {
        if (f->must)
            out_say("the capture was read from standard input; say where it is: --from FILE");
    } else if (access(f->path, R_OK) != 0) {
        if (f->must)
            out_say("%s: %s%s", f->path, strerror(errno),
                    f->held_len == 0 ? "; if it has moved, say where it is: --from FILE" : "");
    } else if (stat(f->path, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (f->must)
            out_say("%s: is no file; a capture is read more than once", f->path);
    } else {
        return true;
    }
    return false;
}

bool packets_locate(struct packets *p, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!take_from(p, paths[i]))
            return false;
    for (size_t i = 0; i < p->len; i++) {
        struct packets_file *f = &p->files[i];
        if (is_there(f))
            continue;
        f->left_out = true;
        if (f->must)
            return false;
    }
    return true;
}

bool packets_reads(const struct packets *p, const char *path)
{
    struct stat a, b;
    if (stat(path, &a) != 0)
        return false;
    for (size_t i = 0; i < p->len; i++)
        if (!p->files[i].left_out && stat(p->files[i].path, &b) == 0 && a.st_dev == b.st_dev &&
            a.st_ino == b.st_ino)
            return true;
    return false;
}

/* ---- reading ---- */

bool packets_open(struct packets *p, bool fingerprint)
{
    struct wsc_error err;
    size_t n = 0;
    packets_close(p);
    const char **paths = calloc(p->len, sizeof(*paths));
    p->order = calloc(p->len, sizeof(*p->order));
    if (paths == NULL || p->order == NULL) {
        free(paths);
        return no_memory();
    }
    for (size_t i = 0; i < p->len; i++) {
        struct packets_file *f = &p->files[i];
        for (size_t k = 0; k < f->held_len; k++)
            f->held[k].seen = 0;
        if (f->left_out)
            continue;
        f->opened = n;
        p->order[n] = i;
        paths[n++] = f->path;
    }
    p->fingerprint = fingerprint;
    p->damage = (struct wsc_error){0};
    const struct wsc_capture_options co = {.fingerprint = fingerprint,
                                           .on_secrets = p->secrets != NULL ? keys_take : NULL,
                                           .secrets_ctx = p->secrets};
    enum wsc_err e = wsc_capture_open(paths, n, &co, &p->capture, &err);
    if (e != WSC_OK)
        out_say("%s", err.message);
    free(paths);
    return e == WSC_OK;
}

/* Numbers the packet as the analyzer did. */
static void number(struct packets_file *f, struct packets_at *out)
{
    struct wsc_packet *pkt = &out->pkt;
    uint64_t ref = WSC_REF(f->capture, WSC_REF_NUMBER(pkt->ref));
    out->port = pkt->interface;
    for (size_t k = 0; k < f->held_len; k++) {
        struct held *h = &f->held[k];
        if (h->interface != pkt->interface)
            continue;
        ref = WSC_REF(h->capture, h->first_packet + h->seen++);
        out->port = (uint32_t)h->capture;
    }
    pkt->ref = ref;
}

enum wsc_err packets_next(struct packets *p, struct packets_at *out)
{
    struct wsc_error err;
    enum wsc_err e;
    while ((e = wsc_capture_next(p->capture, &out->pkt, &err)) == WSC_DAMAGED)
        p->damage = err;
    if (e == WSC_OK) {
        out->file = p->order[WSC_REF_CAPTURE(out->pkt.ref)];
        number(&p->files[out->file], out);
    } else if (e != WSC_END) {
        out_say("%s", e == WSC_ERR_NOMEM ? "out of memory" : err.message);
    }
    return e;
}

bool packets_same(struct packets *p, bool *again)
{
    *again = false;
    for (size_t i = 0; i < p->len; i++) {
        struct packets_file *f = &p->files[i];
        char print[WSC_FINGERPRINT_LEN + 1];
        if (f->left_out || f->held_len > 0)
            continue;
        wsc_capture_fingerprint(p->capture, f->opened, print);
        if (strcmp(print, f->fingerprint) == 0)
            continue;
        if (f->must) {
            if (p->damage.message[0] != '\0')
                out_say("%s", p->damage.message);
            out_say("%s: its content is no longer what was analysed; if that capture has moved, "
                    "say where it is: --from FILE",
                    f->path);
            return false;
        }
        f->left_out = true;
        *again = true;
    }
    return true;
}

const char *packets_interface(const struct packets *p, const struct packets_at *at)
{
    const struct packets_file *f = &p->files[at->file];
    for (size_t k = 0; k < f->held_len; k++)
        if (f->held[k].interface == at->pkt.interface)
            return f->held[k].name;
    return NULL;
}

void packets_stop(struct packets *p)
{
    if (p->capture != NULL)
        wsc_capture_stop(p->capture);
}

void packets_close(struct packets *p)
{
    struct wsc_capture *c = p->capture;
    p->capture = NULL; /* first: packets_stop() may come in between */
    wsc_capture_close(c);
    free(p->order);
    p->order = NULL;
}

void packets_clear(struct packets *p)
{
    packets_close(p);
    for (size_t i = 0; i < p->len; i++)
        free(p->files[i].path);
    free(p->files);
    free(p->captures);
    *p = (struct packets){0};
}
