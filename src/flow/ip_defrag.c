#include "flow/ip_defrag.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/list.h"
#include "flow/reorder.h"

#include <string.h>

#define DATAGRAMS_MAX 4096u
#define BUCKETS       4096u /* a power of two */
#define TIMEOUT_NS    UINT64_C(30000000000)
#define DATAGRAM_MAX  65535u /* RFC 791 3.1; a fragmented IPv6 datagram is no jumbogram */

struct datagram_key {
    uint8_t src[16], dst[16];
    uint32_t id, tunnel_id;
    uint32_t family, proto;
};

struct datagram {
    struct datagram_key key;
    struct wsc_list age;   /* oldest first: by first fragment */
    struct datagram *next; /* of the same bucket */
    uint64_t first_ns;
    struct wsc_fragment first; /* as of offset 0 */
    struct wsc_reorder parts;
    uint32_t received; /* distinct bytes */
    uint32_t end;      /* of the fragment that reaches farthest */
    uint32_t total;    /* 0: the last fragment has not come */
    bool have_first;
    bool dead; /* cannot become whole; swallows the fragments still to come (RFC 5722 3) */
};

struct wsc_ip_defrag {
    struct wsc_hash_key secret;
    struct datagram *buckets[BUCKETS];
    struct wsc_list age;
    size_t count, held, max_bytes;
    uint64_t dropped;
    uint8_t *whole; /* DATAGRAM_MAX bytes: the datagram handed over last */
};

struct wsc_ip_defrag *wsc_ip_defrag_new(size_t max_bytes)
{
    struct wsc_ip_defrag *d = wsc_calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->secret = wsc_hash_key_random();
    d->max_bytes = max_bytes;
    wsc_list_init(&d->age);
    return d;
}

static struct datagram **bucket_of(struct wsc_ip_defrag *d, const struct datagram_key *key)
{
    return &d->buckets[wsc_hash(d->secret, key, sizeof(*key)) & (BUCKETS - 1)];
}

static void drop(struct wsc_ip_defrag *d, struct datagram *g)
{
    struct datagram **at = bucket_of(d, &g->key);
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    wsc_list_remove(&g->age);
    d->held -= sizeof(*g) + g->parts.bytes;
    d->count--;
    wsc_reorder_clear(&g->parts);
    wsc_free(g);
}

static void give_up(struct wsc_ip_defrag *d, struct datagram *g)
{
    d->dropped += !g->dead; /* the dead were counted when they died */
    drop(d, g);
}

static struct datagram *oldest(struct wsc_ip_defrag *d)
{
    return wsc_list_empty(&d->age) ? NULL : WSC_LIST_OF(d->age.next, struct datagram, age);
}

void wsc_ip_defrag_free(struct wsc_ip_defrag *d)
{
    if (d == NULL)
        return;
    for (struct datagram *g; (g = oldest(d)) != NULL;)
        drop(d, g);
    wsc_free(d->whole);
    wsc_free(d);
}

static struct datagram_key key_of(const struct wsc_fragment *f)
{
    /* RFC 8200 4.5: the protocol of later IPv6 fragments need not agree. */
    struct datagram_key key = {.id = f->id,
                               .tunnel_id = f->tunnel_id,
                               .family = f->family,
                               .proto = f->family == 6 ? 0 : f->ip_proto};
    memcpy(key.src, f->src, sizeof(key.src));
    memcpy(key.dst, f->dst, sizeof(key.dst));
    return key;
}

static struct datagram *find(struct wsc_ip_defrag *d, const struct datagram_key *key)
{
    struct datagram *g = *bucket_of(d, key);
    while (g != NULL && memcmp(&g->key, key, sizeof(*key)) != 0)
        g = g->next;
    return g;
}

static struct datagram *add(struct wsc_ip_defrag *d, const struct datagram_key *key, uint64_t ts_ns)
{
    struct datagram *g = wsc_calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    struct datagram **bucket = bucket_of(d, key);
    g->key = *key;
    g->first_ns = ts_ns;
    /* Nobody who does not know the secret can skew the tree. */
    g->parts.seed = (uint32_t)wsc_hash(d->secret, key, sizeof(*key));
    g->next = *bucket;
    *bucket = g;
    wsc_list_append(&d->age, &g->age);
    d->held += sizeof(*g);
    d->count++;
    return g;
}

/* RFC 791 3.2, RFC 8200 4.5: all but the last in units of 8 bytes; none beyond the largest
 * datagram. */
static bool acceptable(const struct wsc_fragment *f)
{
    return f->wire_len > 0 && (!f->more || f->wire_len % 8 == 0) &&
           (uint64_t)f->offset + f->wire_len <= DATAGRAM_MAX;
}

/* Where the datagram ends, as far as |f| tells. Returns false if that contradicts what came before.
 */
static bool note_end(struct datagram *g, const struct wsc_fragment *f)
{
    uint32_t end = f->offset + f->wire_len;
    if (!f->more && g->total == 0)
        g->total = end;
    if (end > g->end)
        g->end = end;
    return g->total == 0 || (g->end <= g->total && (f->more || end == g->total));
}

/* Whether |f|, none of whose bytes is new, is an exact copy of a fragment held (RFC 8200 4.5). */
static bool is_copy(const struct datagram *g, const struct wsc_fragment *f)
{
    const struct wsc_chunk *c = g->parts.root;
    while (c != NULL && c->off != f->offset)
        c = f->offset < c->off ? c->left : c->right;
    return c != NULL && c->len == f->data.len && memcmp(c->data, f->data.ptr, c->len) == 0;
}

/* Frees what is held, and marks |g| dead. */
static void bury(struct wsc_ip_defrag *d, struct datagram *g)
{
    d->dropped++;
    d->held -= g->parts.bytes;
    wsc_reorder_clear(&g->parts);
    g->dead = true;
}

/* Returns false if the datagram must be forgotten. */
static bool add_part(struct wsc_ip_defrag *d, struct datagram *g, const struct wsc_fragment *f)
{
    if (!note_end(g, f))
        return false;
    if (f->offset == 0 && !g->have_first) {
        g->first = *f;
        g->first.data = (struct wsc_span){.ptr = NULL};
        g->have_first = true;
    }
    /* Cut by the snap length. Nothing of it is stored, so that the work a fragment makes is bounded
     * by the bytes it has, not by those it claims. */
    if (f->data.len < f->wire_len) {
        bury(d, g);
        return true;
    }
    size_t before = g->parts.bytes;
    uint64_t fresh = 0;
    struct wsc_tcp_at at = {.ref = 0};
    bool ok = wsc_reorder_insert(&g->parts, f->offset, f->data, f->wire_len, &at, &fresh);
    d->held += g->parts.bytes - before;
    g->received += (uint32_t)fresh;
    /* A fragment that fills many small holes costs more than itself. */
    if (!ok || d->held > d->max_bytes)
        return false;
    if (f->family == 6 && fresh != f->wire_len && (fresh != 0 || !is_copy(g, f)))
        bury(d, g);
    return true;
}

static bool complete(struct wsc_ip_defrag *d, struct datagram *g, struct wsc_fragment *first,
                     struct wsc_span *payload)
{
    if (d->whole == NULL)
        d->whole = wsc_alloc(DATAGRAM_MAX);
    if (d->whole == NULL) {
        give_up(d, g);
        return false;
    }
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the loop's condition is the store */
    for (struct wsc_chunk *c; (c = wsc_reorder_first(&g->parts)) != NULL;) {
        size_t before = g->parts.bytes;
        c = wsc_reorder_pop(&g->parts);
        d->held -= before - g->parts.bytes;
        memcpy(d->whole + c->off, c->data, c->len);
        wsc_chunk_free(c);
    }
    *first = g->first;
    *payload = (struct wsc_span){.ptr = d->whole, .len = g->total};
    drop(d, g);
    return true;
}

static bool expired(const struct datagram *g, uint64_t now_ns)
{
    return now_ns > g->first_ns && now_ns - g->first_ns > TIMEOUT_NS;
}

/* Gives up what is too old, and the oldest until |need| bytes fit, and a datagram more if |g| is
 * NULL. Returns |g|, or NULL if it had to go too. */
static struct datagram *make_room(struct wsc_ip_defrag *d, struct datagram *g, uint64_t now_ns,
                                  size_t need)
{
    struct datagram *old;
    while ((old = oldest(d)) != NULL && (expired(old, now_ns) || d->held + need > d->max_bytes ||
                                         (g == NULL && d->count >= DATAGRAMS_MAX))) {
        if (old == g)
            g = NULL;
        give_up(d, old);
    }
    return g;
}

bool wsc_ip_defrag_push(struct wsc_ip_defrag *d, const struct wsc_fragment *frag, uint64_t ts_ns,
                        struct wsc_fragment *first, struct wsc_span *payload)
{
    /* If it goes in as one piece, into a datagram not known yet. */
    size_t need = sizeof(struct datagram) + sizeof(struct wsc_chunk) + frag->data.len;
    if (!acceptable(frag) || need > d->max_bytes) {
        d->dropped++;
        return false;
    }
    struct datagram_key key = key_of(frag);
    struct datagram *g = make_room(d, find(d, &key), ts_ns, need);
    if (g == NULL)
        g = add(d, &key, ts_ns);
    if (g == NULL || g->dead)
        return false;
    if (!add_part(d, g, frag)) {
        give_up(d, g);
        return false;
    }
    if (g->dead || g->total == 0 || g->received != g->total || !g->have_first)
        return false;
    return complete(d, g, first, payload);
}

uint64_t wsc_ip_defrag_dropped(const struct wsc_ip_defrag *d)
{
    return d->dropped;
}

size_t wsc_ip_defrag_held(const struct wsc_ip_defrag *d)
{
    return d->held;
}
