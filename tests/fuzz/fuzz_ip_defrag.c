/* Aims at wsc_ip_defrag_push(), against a model that keeps each datagram as a plain array.
 *
 * Byte 0: even, a ceiling that is never met, and what becomes whole must be what the model says;
 * odd, a low ceiling, which must hold after each call. Then 5 bytes a fragment: flags (1 more, 2
 * IPv6, 4 another tunnel, 8 cut, 16 coarse, 32 late), id, offset, length, fill. Offset and length
 * count units of 8 bytes, or of 2048 if coarse; the last fragment is 3 bytes less. */
#include "flow/ip_defrag.h"

#include <stdlib.h>
#include <string.h>

enum { MORE = 1, IPV6 = 2, TUNNEL = 4, CUT = 8, COARSE = 16, LATE = 32 };
enum { IDS = 4, DATAGRAMS = IDS * 4, LARGEST = 65535 };

#define TIMEOUT_NS UINT64_C(30000000000)
#define ROOMY      ((size_t)64 << 20)
#define TIGHT      ((size_t)4096)

struct part {
    struct part *next;
    uint32_t offset, len;
    uint8_t fill;
};

struct model {
    struct part *parts; /* newest first */
    uint64_t first_ns;
    uint32_t end, total;
    bool used, dead;
};

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void forget(struct model *m)
{
    for (struct part *p; (p = m->parts) != NULL;) {
        m->parts = p->next;
        free(p);
    }
    *m = (struct model){.parts = NULL};
}

/* Whether |m| takes |f|: what an IPv6 datagram may not have. */
static bool overlaps(const struct model *m, const struct wsc_fragment *f, uint8_t fill)
{
    for (const struct part *p = m->parts; p != NULL; p = p->next) {
        bool copy = p->offset == f->offset && p->len == f->wire_len && p->fill == fill;
        if (!copy && p->offset < f->offset + f->wire_len && f->offset < p->offset + p->len)
            return true;
    }
    return false;
}

/* Lays the parts on top of each other, the oldest last. Returns whether they leave no hole. */
static bool lay(const struct model *m, uint8_t *bytes, bool *known)
{
    memset(known, 0, m->total * sizeof(*known));
    for (const struct part *p = m->parts; p != NULL; p = p->next) {
        memset(bytes + p->offset, p->fill, p->len);
        memset(known + p->offset, 1, p->len);
    }
    return memchr(known, 0, m->total) == NULL;
}

/* Returns whether |f| makes |m| whole; |bytes| is what it then holds. */
static bool model_push(struct model *m, const struct wsc_fragment *f, uint8_t fill, uint64_t now,
                       uint8_t *bytes, bool *known)
{
    if (m->used && now > m->first_ns && now - m->first_ns > TIMEOUT_NS)
        forget(m);
    uint32_t end = f->offset + f->wire_len;
    if (f->wire_len == 0 || end > LARGEST || (f->more && f->wire_len % 8 != 0) || m->dead)
        return false;
    if (!m->used)
        m->first_ns = now;
    m->used = true;
    bool wrong = !f->more && m->total != 0 && m->total != end;
    if (!f->more && m->total == 0)
        m->total = end;
    m->end = end > m->end ? end : m->end;
    if (wrong || (m->total != 0 && m->end > m->total)) {
        forget(m);
        return false;
    }
    m->dead = f->data.len < f->wire_len || (f->family == 6 && overlaps(m, f, fill));
    if (m->dead)
        return false;
    struct part *p = malloc(sizeof(*p));
    require(p != NULL);
    *p = (struct part){.next = m->parts, .offset = f->offset, .len = f->wire_len, .fill = fill};
    m->parts = p;
    return m->total != 0 && lay(m, bytes, known);
}

static struct wsc_fragment fragment_of(const uint8_t *op, uint8_t *block)
{
    uint32_t unit = op[0] & COARSE ? 2048 : 8;
    uint32_t len = op[3] % 34 * unit;
    if (!(op[0] & MORE) && len > 3)
        len -= 3;
    bool cut = (op[0] & CUT) && len > 0;
    memset(block, op[4], len);
    return (struct wsc_fragment){.family = op[0] & IPV6 ? 6 : 4,
                                 .ip_proto = 6,
                                 .id = op[1] % IDS,
                                 .tunnel_id = op[0] & TUNNEL ? 9 : 0,
                                 .offset = op[2] * unit,
                                 .more = (op[0] & MORE) != 0,
                                 .data = {.ptr = block, .len = cut ? len - 1 : len},
                                 .wire_len = len};
}

static void run(const uint8_t *data, size_t size, bool roomy, struct model *models)
{
    static uint8_t expected[LARGEST];
    static bool known[LARGEST];
    struct wsc_ip_defrag *d = wsc_ip_defrag_new(roomy ? ROOMY : TIGHT);
    require(d != NULL);
    uint64_t now = 1;
    for (; size >= 5; data += 5, size -= 5) {
        uint8_t *block = malloc(34 * 2048);
        require(block != NULL);
        struct wsc_fragment f = fragment_of(data, block), first;
        struct wsc_span payload;
        if (data[0] & LATE)
            now += 7000000000u;
        bool whole = wsc_ip_defrag_push(d, &f, now, &first, &payload);
        free(block);
        require(!whole || (payload.len > 0 && payload.len <= LARGEST && first.offset == 0));
        require(wsc_ip_defrag_held(d) <= (roomy ? ROOMY : TIGHT));
        if (!roomy)
            continue;
        struct model *m =
            &models[f.id * 4 + (f.family == 6 ? 2u : 0u) + (f.tunnel_id != 0 ? 1u : 0u)];
        require(whole == model_push(m, &f, data[4], now, expected, known));
        if (!whole)
            continue;
        require(payload.len == m->total && memcmp(payload.ptr, expected, payload.len) == 0);
        forget(m);
    }
    wsc_ip_defrag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct model models[DATAGRAMS] = {{.parts = NULL}};
    run(data + 1, size - 1, (data[0] & 1) == 0, models);
    for (size_t i = 0; i < DATAGRAMS; i++)
        forget(&models[i]);
    return 0;
}
