#include "ring.h"

#include "out.h"

#include <wsclose/pcapng.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIZE_USUAL  ((size_t)100 << 20)
#define COUNT_USUAL 10u
#define NAME_LEN    48u

/* Files of earlier runs that are looked after; a directory with more is refused. */
#define FOUND_MAX 100000u

/* What a file holds of one interface. */
struct part {
    uint64_t first, last; /* packet numbers; 0: none */
    uint64_t first_ns, last_ns;
    bool told; /* the store knows it as it is */
};

struct ring_file {
    struct ring_file *next; /* younger */
    char name[NAME_LEN];
    bool ended;
    struct part parts[]; /* by interface; none in files of earlier runs */
};

struct gone {
    struct gone *next;
    char name[NAME_LEN];
};

struct ring {
    struct ring_options opt;
    char path[PATH_MAX]; /* of the directory, from the root */
    int dir, fd;
    struct wsc_pcapng *writer; /* NULL: nothing is written */
    struct ring_file *oldest, **youngest, *now;
    struct gone *gone; /* removed, and the store is not told yet */
    size_t files, gone_len, interfaces;
    uint64_t packets; /* in the file at hand */
    unsigned number, import;
    struct wsc_pcapng_interface about[WSC_LIVE_MAX_INTERFACES];
    char trouble[1024]; /* to be said at the next look */
};

bool ring_set_rotate(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct ring_options *opt = target;
    const char *colon = strchr(value, ':');
    char size[32];
    int n = colon != NULL ? (int)(colon - value) : (int)strnlen(value, sizeof(size));
    if (n < (int)sizeof(size)) {
        (void)snprintf(size, sizeof(size), "%.*s", n, value);
        opt->count = 0;
        if (args_set_size(&opt->size, size, why) && opt->size >= RING_SIZE_MIN &&
            (colon == NULL ||
             (args_set_size(&opt->count, colon + 1, why) && opt->count <= RING_COUNT_MAX)))
            return true;
    }
    (void)snprintf(why, ARGS_WHY_MAX,
                   "expected SIZE or SIZE:COUNT, like 100M:20, from 4K and up to %u files, not",
                   RING_COUNT_MAX);
    return false;
}

/* Only what matters is said, and once: the first trouble until the next look. */
static void trouble(struct ring *r, const char *name, const char *why, const char *then)
{
    if (r->trouble[0] == '\0')
        (void)snprintf(r->trouble, sizeof(r->trouble), "%.300s/%s: %s%s", r->path, name, why, then);
}

/* ---- files ---- */

static void append(struct ring *r, struct ring_file *f)
{
    *r->youngest = f;
    r->youngest = &f->next;
    r->files++;
}

static void note_gone(struct ring *r, const char *name)
{
    /* Without room the store keeps a row of a file that is not there, and extract will say so. */
    struct gone *g = r->gone_len < FOUND_MAX ? calloc(1, sizeof(*g)) : NULL;
    if (g == NULL)
        return;
    r->gone_len++;
    (void)snprintf(g->name, sizeof(g->name), "%s", name);
    g->next = r->gone;
    r->gone = g;
}

static void remove_oldest(struct ring *r)
{
    struct ring_file *f = r->oldest; /* there is one: files >= count >= 1 */
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    if (unlinkat(r->dir, f->name, 0) != 0 && errno != ENOENT)
        trouble(r, f->name, strerror(errno), "; it is not removed");
    else
        note_gone(r, f->name);
    r->oldest = f->next;
    if (r->oldest == NULL)
        r->youngest = &r->oldest;
    r->files--;
    free(f);
}

static struct ring_file *new_entry(const char *name, size_t parts)
{
    struct ring_file *f = calloc(1, sizeof(*f) + parts * sizeof(f->parts[0]));
    if (f != NULL)
        (void)snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

/* wsclose-YYYYMMDDTHHMMSSZ-NNNNNN.pcapng */
static bool is_ours(const char *name)
{
    static const char form[] = "wsclose-00000000T000000Z-000000";
    size_t i = 0;
    for (; form[i] != '\0'; i++)
        if (form[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
            return false;
    while (name[i] >= '0' && name[i] <= '9')
        i++;
    return strcmp(name + i, ".pcapng") == 0 && strlen(name) < NAME_LEN;
}

static int by_name(const void *a, const void *b)
{
    const struct ring_file *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool refuse(const struct ring *r, const char *why)
{
    out_say("--write %s: %s", r->opt.dir, why);
    return false;
}

/* Files of earlier runs belong to the ring, oldest first. */
static bool find_files(struct ring *r)
{
    struct ring_file **found = calloc(FOUND_MAX, sizeof(struct ring_file *));
    int fd = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    size_t n = 0;
    bool ok = found != NULL && d != NULL;
    for (struct dirent *e; ok && (e = readdir(d)) != NULL;) {
        if (!is_ours(e->d_name))
            continue;
        ok = n < FOUND_MAX && (found[n] = new_entry(e->d_name, r->interfaces)) != NULL;
        n += ok;
    }
    if (n > 0)
        qsort(found, n, sizeof(struct ring_file *), by_name);
    for (size_t i = 0; i < n; i++) {
        found[i]->ended = true;
        append(r, found[i]);
    }
    if (d != NULL)
        (void)closedir(d);
    free(found);
    return ok || refuse(r, n == FOUND_MAX ? "there are too many files in it"
                                          : "cannot be read, or memory is out");
}

static void stop(struct ring *r)
{
    wsc_pcapng_free(r->writer);
    r->writer = NULL;
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    if (r->now != NULL)
        r->now->ended = true;
    for (size_t i = 0; r->now != NULL && i < r->interfaces; i++)
        r->now->parts[i].told = false;
    r->now = NULL;
}

static void fail(struct ring *r, const char *name, const char *why)
{
    trouble(r, name, why,
            "; packets are no longer kept, watching goes on (SIGHUP begins the next file)");
    stop(r);
}

/* False if what was buffered could not be written, and that will be said. */
static bool end_file(struct ring *r)
{
    struct wsc_error err;
    bool ok = r->writer == NULL || wsc_pcapng_flush(r->writer, &err) == WSC_OK;
    if (ok)
        stop(r);
    else
        fail(r, r->now->name, err.message);
    return ok;
}

static bool create(struct ring *r, char name[NAME_LEN])
{
    time_t t = time(NULL);
    struct tm tm;
    char when[24] = "00000000T000000Z";
    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
    do {
        (void)snprintf(name, NAME_LEN, "wsclose-%s-%06u.pcapng", when, ++r->number);
        r->fd = openat(r->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    } while (r->fd < 0 && errno == EEXIST);
    return r->fd >= 0;
}

static enum wsc_err begin_file(struct ring *r, struct wsc_error *err)
{
    enum wsc_err e = wsc_pcapng_new(r->fd, NULL, &r->writer, err);
    for (size_t i = 0; e == WSC_OK && i < r->interfaces; i++)
        e = wsc_pcapng_add(r->writer, &r->about[i], err);
    return e == WSC_OK ? wsc_pcapng_flush(r->writer, err) : e;
}

void ring_next(struct ring *r)
{
    char name[NAME_LEN];
    struct wsc_error err;
    if (r == NULL)
        return;
    (void)end_file(r);
    while (r->files >= r->opt.count)
        remove_oldest(r);
    if (!create(r, name)) {
        fail(r, name, strerror(errno));
        return;
    }
    r->packets = 0;
    r->now = new_entry(name, r->interfaces);
    if (r->now == NULL) {
        fail(r, name, "out of memory");
        return;
    }
    append(r, r->now);
    if (begin_file(r, &err) != WSC_OK)
        fail(r, name, err.message);
}

/* ---- opening ---- */

static bool open_dir(struct ring *r)
{
    if (mkdir(r->opt.dir, 0750) != 0 && errno != EEXIST)
        return refuse(r, strerror(errno));
    if (realpath(r->opt.dir, r->path) == NULL)
        return refuse(r, strerror(errno));
    r->dir = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir < 0)
        return refuse(r, strerror(errno));
    return flock(r->dir, LOCK_EX | LOCK_NB) == 0 ||
           refuse(r, "another wsclose keeps its packets there");
}

static void describe(struct ring *r, struct wsc_live *live)
{
    r->interfaces = wsc_live_count(live);
    for (size_t i = 0; i < r->interfaces; i++) {
        struct wsc_live_stats s;
        wsc_live_stats(live, i, &s);
        r->about[i] = (struct wsc_pcapng_interface){
            .link = s.link, .snaplen = r->opt.snaplen, .name = s.name, .filter = r->opt.filter};
    }
}

bool ring_open(struct ring **out, const struct ring_options *opt, struct wsc_live *live)
{
    struct ring *r = calloc(1, sizeof(*r));
    *out = r;
    if (r == NULL) {
        out_say("out of memory");
        return false;
    }
    r->opt = *opt;
    r->opt.size = opt->size != 0 ? opt->size : SIZE_USUAL;
    r->opt.count = opt->count != 0 ? opt->count : COUNT_USUAL;
    r->dir = r->fd = -1;
    r->youngest = &r->oldest;
    describe(r, live);
    bool ok = open_dir(r) && find_files(r);
    if (ok) {
        ring_next(r);
        ok = r->writer != NULL;
        if (!ok)
            out_say("%s", r->trouble);
    }
    if (ok)
        return true;
    ring_free(r);
    *out = NULL;
    return false;
}

/* ---- packets ---- */

void ring_put(struct ring *r, const struct wsc_packet *pkt)
{
    struct wsc_error err;
    if (r == NULL || r->writer == NULL || pkt->interface >= r->interfaces)
        return;
    if (r->packets > 0 && wsc_pcapng_size(r->writer) + wsc_pcapng_cost(pkt->caplen) > r->opt.size) {
        if (!end_file(r))
            return;
        ring_next(r);
        if (r->writer == NULL)
            return;
    }
    if (wsc_pcapng_put(r->writer, pkt->interface, pkt, NULL, &err) != WSC_OK) {
        fail(r, r->now->name, err.message);
        return;
    }
    struct part *p = &r->now->parts[pkt->interface];
    if (p->first == 0) {
        p->first = WSC_REF_NUMBER(pkt->ref);
        p->first_ns = pkt->ts_ns;
    }
    p->last = WSC_REF_NUMBER(pkt->ref);
    p->last_ns = pkt->ts_ns;
    r->packets++;
}

void ring_end(struct ring *r)
{
    if (r != NULL)
        (void)end_file(r);
}

/* ---- what the store knows ---- */

static const char *path_of(const struct ring *r, const char *name, char out[PATH_MAX + NAME_LEN])
{
    (void)snprintf(out, PATH_MAX + NAME_LEN, "%s/%s", r->path, name);
    return out;
}

static bool tell_file(struct ring *r, struct ring_file *f, struct wsc_store *store)
{
    char path[PATH_MAX + NAME_LEN];
    struct wsc_error err;
    for (size_t i = 0; i < r->interfaces; i++) {
        struct part *p = &f->parts[i];
        if (p->told || p->first == 0)
            continue;
        struct wsc_store_packet_file row = {.file = path_of(r, f->name, path),
                                            .index = i,
                                            .interface = (uint32_t)i,
                                            .first_packet = p->first,
                                            .last_packet = p->last,
                                            .first_ns = p->first_ns,
                                            .last_ns = p->last_ns,
                                            .open = !f->ended};
        if (wsc_store_put_packet_file(store, &row, &err) != WSC_OK)
            return false;
        p->told = true;
    }
    return true;
}

static bool tell_gone(struct ring *r, struct wsc_store *store)
{
    char path[PATH_MAX + NAME_LEN];
    struct wsc_error err;
    while (r->gone != NULL) {
        struct gone *g = r->gone;
        if (wsc_store_remove_packet_file(store, path_of(r, g->name, path), &err) != WSC_OK)
            return false;
        r->gone = g->next;
        r->gone_len--;
        free(g);
    }
    return true;
}

/* What cannot be told now, because the database is busy or down, is told at a later look. */
static void tell(struct ring *r, struct wsc_store *store, unsigned import)
{
    if (import != r->import)
        for (struct ring_file *f = r->oldest; f != NULL; f = f->next)
            for (size_t i = 0; i < r->interfaces; i++)
                f->parts[i].told = false;
    r->import = import;
    if (!tell_gone(r, store))
        return;
    for (struct ring_file *f = r->oldest; f != NULL; f = f->next)
        if (!tell_file(r, f, store))
            return;
}

void ring_look(struct ring *r, struct wsc_store *store, unsigned import)
{
    struct wsc_error err;
    if (r == NULL)
        return;
    if (r->writer != NULL && wsc_pcapng_flush(r->writer, &err) != WSC_OK)
        fail(r, r->now->name, err.message);
    if (store != NULL)
        tell(r, store, import);
    if (r->trouble[0] != '\0')
        out_say("%s", r->trouble);
    r->trouble[0] = '\0';
}

void ring_free(struct ring *r)
{
    if (r == NULL)
        return;
    stop(r);
    if (r->dir >= 0)
        (void)close(r->dir);
    for (struct ring_file *f = r->oldest, *next; f != NULL; f = next) {
        next = f->next;
        free(f);
    }
    for (struct gone *g = r->gone, *next; g != NULL; g = next) {
        next = g->next;
        free(g);
    }
    free(r);
}
