#include "ident/ident.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <ndpi_api.h>

#include <stdio.h>
#include <string.h>

/* Verdicts by server endpoint: after AGREE flows to it that came out the same, later ones are
 * labelled unseen. */
#define CACHE_LEN 4096u /* a power of two */
#define AGREE     3u

#define LABEL_TEXT_MAX 64u

struct cached {
    uint8_t addr[16];
    uint16_t port;
    uint8_t agreed;
    bool used;
    uint16_t label;
    uint32_t tunnel_id;
};

struct wsc_ident {
    struct ndpi_detection_module_struct *ndpi;
    struct wsc_hash_key secret;
    struct cached cache[CACHE_LEN];
    char names[WSC_IDENT_LABELS + 1][LABEL_TEXT_MAX];
    uint32_t ids[WSC_IDENT_LABELS + 1]; /* master and application protocol */
    unsigned labels;
};

/* The last label stands for all that came after the table was full. */
#define LABEL_UNKNOWN 1u
#define LABEL_OTHER   WSC_IDENT_LABELS

static struct ndpi_flow_struct *as_ndpi(struct wsc_ident_flow *f)
{
    return (struct ndpi_flow_struct *)(void *)f;
}

struct wsc_ident *wsc_ident_new(void)
{
    struct wsc_ident *id = wsc_calloc(1, sizeof(*id));
    if (id == NULL)
        return NULL;
    id->ndpi = ndpi_init_detection_module(ndpi_no_prefs);
    if (id->ndpi == NULL) {
        wsc_free(id);
        return NULL;
    }
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(id->ndpi, &all);
    ndpi_finalize_initialization(id->ndpi);
    id->secret = wsc_hash_key_random();
    id->labels = 2;
    snprintf(id->names[LABEL_UNKNOWN], LABEL_TEXT_MAX, "Unknown");
    snprintf(id->names[LABEL_OTHER], LABEL_TEXT_MAX, "Other");
    return id;
}

void wsc_ident_free(struct wsc_ident *id)
{
    if (id == NULL)
        return;
    ndpi_exit_detection_module(id->ndpi);
    wsc_free(id);
}

const char *wsc_ident_name(const struct wsc_ident *id, unsigned label)
{
    return label != 0 && label <= WSC_IDENT_LABELS && id->names[label][0] != '\0' ? id->names[label]
                                                                                  : NULL;
}

static unsigned label_of(struct wsc_ident *id, ndpi_protocol p)
{
    if (p.master_protocol == NDPI_PROTOCOL_UNKNOWN && p.app_protocol == NDPI_PROTOCOL_UNKNOWN)
        return LABEL_UNKNOWN;
    uint32_t key = (uint32_t)p.master_protocol << 16 | p.app_protocol;
    for (unsigned i = LABEL_UNKNOWN + 1; i < id->labels; i++)
        if (id->ids[i] == key)
            return i;
    if (id->labels >= LABEL_OTHER)
        return LABEL_OTHER;
    unsigned label = id->labels++;
    id->ids[label] = key;
    ndpi_protocol2name(id->ndpi, p, id->names[label], LABEL_TEXT_MAX);
    return label;
}

static struct cached *cache_slot(struct wsc_ident *id, const struct wsc_packet_view *v,
                                 bool from_client)
{
    struct cached want = {.port = from_client ? v->dport : v->sport, .tunnel_id = v->tunnel_id};
    memcpy(want.addr, from_client ? v->dst : v->src, sizeof(want.addr));
    uint8_t key[16 + 2 + 4];
    memcpy(key, want.addr, 16);
    memcpy(key + 16, &want.port, 2);
    memcpy(key + 18, &want.tunnel_id, 4);
    struct cached *c = &id->cache[wsc_hash(id->secret, key, sizeof(key)) & (CACHE_LEN - 1)];
    if (!c->used || c->port != want.port || c->tunnel_id != want.tunnel_id ||
        memcmp(c->addr, want.addr, 16) != 0) {
        *c = want;
        c->used = true;
    }
    return c;
}

static void remember(struct cached *c, unsigned label)
{
    if (label == LABEL_UNKNOWN || label == LABEL_OTHER)
        return;
    c->agreed = c->label == label && c->agreed < UINT8_MAX ? (uint8_t)(c->agreed + 1) : 1;
    c->label = (uint16_t)label;
}

void wsc_ident_drop(struct wsc_ident *id, struct wsc_ident_flow **flow)
{
    (void)id;
    if (*flow != NULL)
        ndpi_free_flow(as_ndpi(*flow));
    *flow = NULL;
}

unsigned wsc_ident_feed(struct wsc_ident *id, struct wsc_ident_flow **flow,
                        const struct wsc_packet_view *view, bool from_client, bool last)
{
    struct cached *known = cache_slot(id, view, from_client);
    if (*flow == NULL && known->agreed >= AGREE)
        return known->label;
    bool whole = view->l3.ptr != NULL && view->l3.len <= UINT16_MAX &&
                 view->payload_len == view->payload_wire_len;
    if (!whole)
        return last ? LABEL_UNKNOWN : 0;
    if (*flow == NULL) {
        *flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
        if (*flow == NULL)
            return LABEL_UNKNOWN;
        memset(*flow, 0, SIZEOF_FLOW_STRUCT);
    }
    ndpi_protocol p =
        ndpi_detection_process_packet(id->ndpi, as_ndpi(*flow), view->l3.ptr,
                                      (unsigned short)view->l3.len, view->ts_ns / 1000000);
    bool decided =
        p.app_protocol != NDPI_PROTOCOL_UNKNOWN || p.master_protocol != NDPI_PROTOCOL_UNKNOWN;
    if (!decided && !last)
        return 0;
    if (!decided) {
        u_int8_t guessed = 0;
        p = ndpi_detection_giveup(id->ndpi, as_ndpi(*flow), 0, &guessed);
    }
    wsc_ident_drop(id, flow);
    unsigned label = label_of(id, p);
    remember(known, label);
    return label;
}
