#include "capture/source.h"
#include "capture/swapped.h"

#include "base/alloc.h"
#include "capture/secrets_block.h"

#include <stdio.h>
#include <string.h>

/* pcapng (draft-ietf-opsawg-pcapng), read by ourselves: libpcap refuses files whose interfaces
 * differ in link type or snap length, which Wireshark writes whenever it captures on "any two". */

#define BLOCK_MAX      (WSC_SOURCE_PACKET_MAX + 4096u)
#define SECRETS_MAX    (64u << 20) /* a key log of half a million lines in one block */
#define INTERFACES_MAX 65536u
#define ORDER_MAGIC    0x1a2b3c4du

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET_OLD = 2,
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BLOCK_SECRETS = WSC_SECRETS_BLOCK_TYPE
};
enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };

struct interface {
    uint32_t link, snaplen;
    uint64_t units; /* a second */
    int64_t offset_s;
};

struct pcapng_source {
    struct wsc_source base;
    struct wsc_input *in;
    struct interface *interfaces;
    size_t interfaces_len, interfaces_cap;
    const uint8_t *block; /* body of the block at hand, in the input's window */
    bool swap;
};

static enum wsc_err damaged(char *why, size_t cap, const char *text)
{
    snprintf(why, cap, "%s", text);
    return WSC_DAMAGED;
}

static enum wsc_err cut_off(const struct pcapng_source *s, char *why, size_t cap)
{
    const char *problem = wsc_input_problem(s->in);
    return damaged(why, cap, problem != NULL ? problem : "the file ends in the middle of a block");
}

/* A section header says the byte order in its body. */
static enum wsc_err begin_section(struct pcapng_source *s, char *why, size_t cap)
{
    size_t have;
    const uint8_t *p = wsc_input_peek(s->in, 12, &have);
    if (have != 12)
        return cut_off(s, why, cap);
    s->swap = false;
    if (wsc_swapped32(p + 8, s->swap) != ORDER_MAGIC) {
        s->swap = true;
        if (wsc_swapped32(p + 8, s->swap) != ORDER_MAGIC)
            return damaged(why, cap, "a section header without its byte order");
    }
    uint32_t len = wsc_swapped32(p + 4, s->swap);
    if (len < 28 || len > BLOCK_MAX || len % 4 != 0)
        return damaged(why, cap, "a section header of impossible length");
    p = wsc_input_peek(s->in, len, &have);
    if (have != len)
        return cut_off(s, why, cap);
    uint16_t major = wsc_swapped16(p + 12, s->swap), minor = wsc_swapped16(p + 14, s->swap);
    if (major != 1 || (minor != 0 && minor != 2))
        return damaged(why, cap, "a pcapng version that is not known (only 1.0 and 1.2 are)");
    s->interfaces_len = 0;
    wsc_input_skip(s->in, len);
    return WSC_OK;
}

/* The next block's type and body (without the trailing length) in |s->block|. */
static enum wsc_err next_block(struct pcapng_source *s, uint32_t *type, size_t *len, char *why,
                               size_t cap)
{
    size_t have;
    const uint8_t *p = wsc_input_peek(s->in, 8, &have);
    if (have == 0)
        return wsc_input_problem(s->in) != NULL ? cut_off(s, why, cap) : WSC_END;
    if (have != 8)
        return cut_off(s, why, cap);
    *type = wsc_swapped32(p, s->swap);
    if (*type == BLOCK_SECTION)
        return begin_section(s, why, cap);
    uint32_t total = wsc_swapped32(p + 4, s->swap);
    uint32_t most = *type == BLOCK_SECRETS ? SECRETS_MAX : BLOCK_MAX;
    if (total < 12 || total > most || total % 4 != 0)
        return damaged(why, cap, "a block of impossible length");
    *len = total - 12;
    p = wsc_input_peek(s->in, total, &have);
    if (have != total)
        return cut_off(s, why, cap);
    if (wsc_swapped32(p + 8 + *len, s->swap) != total)
        return damaged(why, cap, "a block whose two lengths differ");
    s->block = p + 8;
    wsc_input_skip(s->in, total);
    return WSC_OK;
}

/* if_tsresol: a power of 10, or of 2 if the high bit is set. */
static uint64_t units_of(uint8_t resolution)
{
    unsigned power = resolution & 0x7f;
    if (resolution & 0x80)
        return power < 64 ? UINT64_C(1) << power : 0;
    uint64_t units = 1;
    for (; power > 0; power--) {
        if (units > UINT64_MAX / 10)
            return 0;
        units *= 10;
    }
    return units;
}

static void read_options(const struct pcapng_source *s, const uint8_t *p, size_t n,
                         struct interface *i)
{
    while (n >= 4) {
        uint16_t code = wsc_swapped16(p, s->swap), len = wsc_swapped16(p + 2, s->swap);
        size_t padded = (len + 3u) & ~(size_t)3;
        if (code == OPTION_END || padded > n - 4)
            return;
        if (code == OPTION_TSRESOL && len >= 1)
            i->units = units_of(p[4]);
        if (code == OPTION_TSOFFSET && len >= 8)
            i->offset_s = (int64_t)wsc_swapped64(p + 4, s->swap);
        p += 4 + padded;
        n -= 4 + padded;
    }
}

static enum wsc_err add_interface(struct pcapng_source *s, size_t len, char *why, size_t cap)
{
    if (len < 8)
        return damaged(why, cap, "an interface description that is too short");
    if (s->interfaces_len == INTERFACES_MAX)
        return damaged(why, cap, "more than 65,536 interfaces in one section");
    if (s->interfaces_len == s->interfaces_cap) {
        size_t want = s->interfaces_cap != 0 ? s->interfaces_cap * 2 : 8;
        struct interface *grown = wsc_realloc(s->interfaces, want * sizeof(*grown));
        if (grown == NULL)
            return WSC_ERR_NOMEM;
        s->interfaces = grown;
        s->interfaces_cap = want;
    }
    struct interface *i = &s->interfaces[s->interfaces_len++];
    *i = (struct interface){.link = wsc_swapped16(s->block, s->swap),
                            .snaplen = wsc_swapped32(s->block + 4, s->swap),
                            .units = 1000000};
    read_options(s, s->block + 8, len - 8, i);
    if (i->units == 0)
        return damaged(why, cap, "an interface whose time resolution does not fit 64 bits");
    s->base.snaplen = i->snaplen;
    return WSC_OK;
}

static uint64_t to_ns(const struct interface *i, uint64_t ts)
{
    uint64_t s = ts / i->units, rest = ts % i->units;
    uint64_t ns = (uint64_t)((unsigned __int128)rest * 1000000000u / i->units);
    return (s + (uint64_t)i->offset_s) * UINT64_C(1000000000) + ns;
}

/* A packet on interface |number|, its bytes at |data|. */
static enum wsc_err give(const struct pcapng_source *s, uint32_t number, uint64_t ts,
                         struct wsc_span data, uint32_t len, struct wsc_packet *pkt, char *why,
                         size_t cap)
{
    if (number >= s->interfaces_len)
        return damaged(why, cap, "a packet of an interface that is not described");
    const struct interface *i = &s->interfaces[number];
    *pkt = (struct wsc_packet){.data = data.ptr,
                               .caplen = (uint32_t)data.len,
                               .len = len > data.len ? len : (uint32_t)data.len,
                               .link = i->link,
                               .interface = number,
                               .ts_ns = to_ns(i, ts)};
    return WSC_OK;
}

static enum wsc_err give_enhanced(const struct pcapng_source *s, size_t len, bool old,
                                  struct wsc_packet *pkt, char *why, size_t cap)
{
    const uint8_t *b = s->block;
    if (len < 20 || wsc_swapped32(b + 12, s->swap) > len - 20)
        return damaged(why, cap, "a packet that is longer than its block");
    uint32_t number =
        old ? wsc_swapped16(b, s->swap)
            : wsc_swapped32(b, s->swap); /* the obsolete block's interface number has 16 bits */
    uint64_t ts = (uint64_t)wsc_swapped32(b + 4, s->swap) << 32 | wsc_swapped32(b + 8, s->swap);
    return give(s, number, ts,
                (struct wsc_span){.ptr = b + 20, .len = wsc_swapped32(b + 12, s->swap)},
                wsc_swapped32(b + 16, s->swap), pkt, why, cap);
}

static enum wsc_err give_simple(const struct pcapng_source *s, size_t len, struct wsc_packet *pkt,
                                char *why, size_t cap)
{
    if (len < 4 || s->interfaces_len == 0)
        return damaged(why, cap, "a simple packet block without its interface");
    uint32_t wire = wsc_swapped32(s->block, s->swap), caplen = wire;
    uint32_t snaplen = s->interfaces[0].snaplen;
    if (snaplen != 0 && caplen > snaplen)
        caplen = snaplen;
    if (caplen > len - 4)
        return damaged(why, cap, "a packet that is longer than its block");
    return give(s, 0, 0, (struct wsc_span){.ptr = s->block + 4, .len = caplen}, wire, pkt, why,
                cap);
}

static enum wsc_err give_secrets(struct pcapng_source *s, size_t len, char *why, size_t cap)
{
    struct wsc_span text, body = {.ptr = s->block, .len = len};
    enum wsc_secrets_block kind = wsc_secrets_block_read(body, s->swap, &text);
    if (kind == WSC_SECRETS_TLS && s->base.on_secrets != NULL)
        s->base.on_secrets(s->base.secrets_ctx, text);
    wsc_input_wipe(s->in, len + 4);
    return kind == WSC_SECRETS_DAMAGED
               ? damaged(why, cap, "secrets that are longer than their block")
               : WSC_OK;
}

static enum wsc_err next(struct wsc_source *base, struct wsc_packet *pkt, char *why, size_t cap)
{
    struct pcapng_source *s = (struct pcapng_source *)base;
    for (;;) {
        uint32_t type = 0;
        size_t len = 0;
        enum wsc_err e = next_block(s, &type, &len, why, cap);
        if (e != WSC_OK)
            return e;
        switch (type) {
        case BLOCK_ENHANCED:
        case BLOCK_PACKET_OLD:
            return give_enhanced(s, len, type == BLOCK_PACKET_OLD, pkt, why, cap);
        case BLOCK_SIMPLE:
            return give_simple(s, len, pkt, why, cap);
        case BLOCK_INTERFACE:
            e = add_interface(s, len, why, cap);
            if (e != WSC_OK)
                return e;
            break;
        case BLOCK_SECRETS:
            e = give_secrets(s, len, why, cap);
            if (e != WSC_OK)
                return e;
            break;
        default:
            break; /* names, statistics, what is not known: skipped */
        }
    }
}

/* Only where the next block is a packet: what others say counts from there on. */
static bool at_hand(const struct wsc_source *base)
{
    const struct pcapng_source *s = (const struct pcapng_source *)base;
    struct wsc_span ahead = wsc_input_ahead(s->in);
    if (ahead.len < 8)
        return false;
    uint32_t type = wsc_swapped32(ahead.ptr, s->swap);
    return (type == BLOCK_ENHANCED || type == BLOCK_PACKET_OLD || type == BLOCK_SIMPLE) &&
           wsc_swapped32(ahead.ptr + 4, s->swap) <= ahead.len;
}

static void close_source(struct wsc_source *base)
{
    struct pcapng_source *s = (struct pcapng_source *)base;
    wsc_input_close(s->in);
    wsc_free(s->interfaces);
    wsc_free(s);
}

static const struct wsc_source_ops ops = {.next = next, .at_hand = at_hand, .close = close_source};

enum wsc_err wsc_source_pcapng_open(const char *name, struct wsc_input *in, struct wsc_source **out,
                                    struct wsc_error *err)
{
    struct pcapng_source *s = wsc_calloc(1, sizeof(*s));
    if (s == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", name);
    s->base.ops = &ops;
    s->in = in;
    char why[256];
    uint32_t type = 0;
    size_t len = 0;
    enum wsc_err e = next_block(s, &type, &len, why, sizeof(why));
    if (e != WSC_OK) {
        s->in = NULL;
        close_source(&s->base);
        return wsc_error_set(err, e == WSC_ERR_NOMEM ? e : WSC_ERR_FORMAT,
                             "%s: not a pcapng file that can be read: %s", name,
                             e == WSC_ERR_NOMEM ? "out of memory" : why);
    }
    *out = &s->base;
    return WSC_OK;
}
