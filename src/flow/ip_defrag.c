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
    uint64_t received; /* distinct bytes */
    uint32_t total;    /* 0: the last fragment has not come */
    bool have_first, cut;
};

struct wsc_ip_defrag {
    struct wsc_hash_key secret;
    struct datagram *buckets[BUCKETS];
    struct wsc_list age;
    size_t count, held, max_bytes;
    uint64_t dropped;
    uint8_t *whole; /* the datagram handed over last */
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
    d->dropped++;
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

static struct datagram *find_or_add(struct wsc_ip_defrag *d, const struct wsc_fragment *f,
                                    uint64_t ts_ns)
{
    struct datagram_key key = {
        .id = f->id, .tunnel_id = f->tunnel_id, .family = f->family, .proto = f->ip_proto};
    memcpy(key.src, f->src, sizeof(key.src));
    memcpy(key.dst, f->dst, sizeof(key.dst));
    /* RFC 8200 4.5: the protocol of later IPv6 fragments need not agree. */
    if (f->family == 6)
        key.proto = 0;
    struct datagram **bucket = bucket_of(d, &key);
    for (struct datagram *g = *bucket; g != NULL; g = g->next)
        if (memcmp(&g->key, &key, sizeof(key)) == 0)
            return g;
    struct datagram *g = wsc_calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->key = key;
    g->first_ns = ts_ns;
    g->next = *bucket;
    *bucket = g;
    wsc_list_append(&d->age, &g->age);
    d->held += sizeof(*g);
    d->count++;
    return g;
}

/* What RFC 791 and RFC 8200 forbid. */
static bool acceptable(const struct wsc_fragment *f)
{
    return f->wire_len > 0 && (!f->more || f->wire_len % 8 == 0) &&
           (uint64_t)f->offset + f->wire_len <= DATAGRAM_MAX;
}

/* Returns false if the datagram must be given up. */
static bool add_part(struct wsc_ip_defrag *d, struct datagram *g, const struct wsc_fragment *f)
{
    uint32_t end = f->offset + f->wire_len;
    if (!f->more) {
        if (g->total != 0 && g->total != end)
            return false;
        g->total = end;
    }
    if (f->offset == 0 && !g->have_first) {
        g->first = *f;
        g->first.data = (struct wsc_span){0};
        g->have_first = true;
    }
    if (f->data.len < f->wire_len)
        g->cut = true;
    size_t before = g->parts.bytes;
    uint64_t fresh = 0;
    struct wsc_tcp_at at = {0};
    bool ok = wsc_reorder_insert(&g->parts, f->offset, f->data, f->wire_len, &at, &fresh);
    d->held += g->parts.bytes - before;
    g->received += fresh;
    if (!ok || (g->total != 0 && g->received > g->total))
        return false;
    /* RFC 5722: IPv6 fragments that overlap, but for exact copies, drop the datagram. */
    return !(f->family == 6 && fresh != 0 && fresh != f->wire_len);
}

static bool complete(struct wsc_ip_defrag *d, struct datagram *g, struct wsc_fragment *first,
                     struct wsc_span *payload)
{
    if (d->whole == NULL)
        d->whole = wsc_alloc(DATAGRAM_MAX);
    if (d->whole == NULL || g->cut) {
        give_up(d, g);
        return false;
    }
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

static void make_room(struct wsc_ip_defrag *d, uint64_t now_ns, size_t need)
{
    struct datagram *g;
    while ((g = oldest(d)) != NULL && (now_ns > g->first_ns + TIMEOUT_NS ||
                                       d->count >= DATAGRAMS_MAX || d->held + need > d->max_bytes))
        give_up(d, g);
}

bool wsc_ip_defrag_push(struct wsc_ip_defrag *d, const struct wsc_fragment *frag, uint64_t ts_ns,
                        struct wsc_fragment *first, struct wsc_span *payload)
{
    make_room(d, ts_ns, sizeof(struct datagram) + sizeof(struct wsc_chunk) + frag->data.len);
    if (!acceptable(frag)) {
        d->dropped++;
        return false;
    }
    struct datagram *g = find_or_add(d, frag, ts_ns);
    if (g == NULL)
        return false;
    if (!add_part(d, g, frag)) {
        give_up(d, g);
        return false;
    }
    if (g->total == 0 || g->received != g->total || !g->have_first)
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
