#include "engine/frag_trail.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

#define STEPS   65536u
#define BUCKETS 65536u

/* A datagram is whole within 30 s of its first fragment, or never (flow/ip_defrag.h). */
#define LIFE_NS UINT64_C(30000000000)

struct step {
    uint64_t hash; /* of the datagram */
    uint64_t at, ts_ns;
    uint64_t before; /* serial of the step before it in the bucket; 0: none */
    bool taken;
};

/* Steps have serials from 1 on; a step is overwritten by the one STEPS later. */
struct wsc_frag_trail {
    struct wsc_hash_key key;
    uint64_t serial; /* of the latest step */
    uint64_t newest[BUCKETS];
    struct step steps[STEPS];
};

struct wsc_frag_trail *wsc_frag_trail_new(void)
{
    struct wsc_frag_trail *t = wsc_calloc(1, sizeof(*t));
    if (t != NULL)
        t->key = wsc_hash_key_random();
    return t;
}

void wsc_frag_trail_free(struct wsc_frag_trail *t)
{
    wsc_free(t);
}

static uint64_t hash_of(const struct wsc_frag_trail *t, const struct wsc_fragment *f)
{
    struct {
        uint8_t src[16], dst[16];
        uint32_t id, tunnel_id, family, proto;
    } name = {.id = f->id, .tunnel_id = f->tunnel_id, .family = f->family};
    /* Fragments of an IPv6 datagram but the first may name another next header (RFC 8200 4.5). */
    name.proto = f->family == 4 ? f->ip_proto : 0;
    memcpy(name.src, f->src, sizeof(name.src));
    memcpy(name.dst, f->dst, sizeof(name.dst));
    return wsc_hash(t->key, &name, sizeof(name));
}

void wsc_frag_trail_add(struct wsc_frag_trail *t, const struct wsc_fragment *frag, uint64_t ts_ns,
                        uint64_t at)
{
    uint64_t hash = hash_of(t, frag);
    uint64_t *newest = &t->newest[hash % BUCKETS];
    t->serial++;
    t->steps[t->serial % STEPS] =
        (struct step){.hash = hash, .at = at, .ts_ns = ts_ns, .before = *newest};
    *newest = t->serial;
}

size_t wsc_frag_trail_take(struct wsc_frag_trail *t, const struct wsc_fragment *frag,
                           uint64_t ts_ns, uint64_t *at, size_t cap)
{
    uint64_t hash = hash_of(t, frag);
    uint64_t serial = t->newest[hash % BUCKETS];
    size_t n = 0;
    while (serial != 0 && serial + STEPS > t->serial && n < cap) {
        struct step *s = &t->steps[serial % STEPS];
        serial = s->before;
        if (s->hash != hash)
            continue;
        /* What lies behind is an earlier datagram of the same number. */
        if (s->taken || ts_ns > s->ts_ns + LIFE_NS)
            break;
        s->taken = true;
        at[n++] = s->at;
    }
    return n;
}
