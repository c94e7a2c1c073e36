#include "ident/ident.h"

#include "base/alloc.h"
#include "ident/crew.h"
#include "ident/learned.h"

#include <ndpi_api.h>

#include <stdio.h>
#include <string.h>

#define LABEL_TEXT_MAX 64u

struct wsc_ident {
    struct ndpi_detection_module_struct *ndpi;
    struct wsc_learned *learned;
    struct wsc_lessons now, before; /* of this epoch; of the one before it, without a crew */
    struct wsc_ident_crew *crew;    /* NULL: alone */
    size_t member;
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

/* These remember endpoints and let flows that come later be taken for their own: a label would
 * depend on which flows this nDPI has seen before, and in which order. */
static const uint16_t by_memory[] = {
    NDPI_PROTOCOL_BITTORRENT,  NDPI_PROTOCOL_OOKLA, NDPI_PROTOCOL_MINING, NDPI_PROTOCOL_ZOOM,
    NDPI_PROTOCOL_SKYPE_TEAMS, NDPI_PROTOCOL_STUN,  NDPI_PROTOCOL_TINC};

struct wsc_ident *wsc_ident_new(void)
{
    struct wsc_ident *id = wsc_calloc(1, sizeof(*id));
    if (id == NULL)
        return NULL;
    id->learned = wsc_learned_new();
    id->ndpi = id->learned != NULL ? ndpi_init_detection_module(ndpi_no_prefs) : NULL;
    if (id->ndpi == NULL) {
        wsc_learned_free(id->learned);
        wsc_free(id);
        return NULL;
    }
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    for (size_t i = 0; i < sizeof(by_memory) / sizeof(by_memory[0]); i++)
        all.fds_bits[by_memory[i] / NDPI_BITS] &= ~(UINT32_C(1) << by_memory[i] % NDPI_BITS);
    ndpi_set_protocol_detection_bitmask2(id->ndpi, &all);
    ndpi_finalize_initialization(id->ndpi);
    id->labels = 2;
    snprintf(id->names[LABEL_UNKNOWN], LABEL_TEXT_MAX, "Unknown");
    snprintf(id->names[LABEL_OTHER], LABEL_TEXT_MAX, "Other");
    return id;
}

void wsc_ident_free(struct wsc_ident *id)
{
    if (id == NULL)
        return;
    if (id->crew != NULL)
        wsc_ident_crew_leave(id->crew, id->member);
    wsc_lessons_clear(&id->now);
    wsc_lessons_clear(&id->before);
    wsc_learned_free(id->learned);
    ndpi_exit_detection_module(id->ndpi);
    wsc_free(id);
}

const char *wsc_ident_name(const struct wsc_ident *id, unsigned label)
{
    return label != 0 && label <= WSC_IDENT_LABELS && id->names[label][0] != '\0' ? id->names[label]
                                                                                  : NULL;
}

/* Protocols as one number, 0 if unknown. */
static uint32_t verdict_of(ndpi_protocol p)
{
    return (uint32_t)p.master_protocol << 16 | p.app_protocol;
}

static unsigned label_of(struct wsc_ident *id, uint32_t verdict)
{
    if (verdict == 0)
        return LABEL_UNKNOWN;
    for (unsigned i = LABEL_UNKNOWN + 1; i < id->labels; i++)
        if (id->ids[i] == verdict)
            return i;
    if (id->labels >= LABEL_OTHER)
        return LABEL_OTHER;
    unsigned label = id->labels++;
    id->ids[label] = verdict;
    ndpi_protocol p = {.master_protocol = (uint16_t)(verdict >> 16),
                       .app_protocol = (uint16_t)verdict};
    ndpi_protocol2name(id->ndpi, p, id->names[label], LABEL_TEXT_MAX);
    return label;
}

static struct wsc_server_key server_of(const struct wsc_packet_view *v, bool from_client)
{
    struct wsc_server_key key = {
        .tunnel_id = v->tunnel_id, .port = from_client ? v->dport : v->sport, .family = v->family};
    memcpy(key.addr, from_client ? v->dst : v->src, sizeof(key.addr));
    return key;
}

/* ---- learning ---- */

void wsc_ident_join(struct wsc_ident *id, struct wsc_ident_crew *crew, size_t member)
{
    id->crew = crew;
    id->member = member;
}

void wsc_ident_learn(struct wsc_ident *id, uint64_t epoch)
{
    if (id->crew != NULL) {
        wsc_ident_crew_meet(id->crew, id->member, epoch, &id->now, id->learned);
        return;
    }
    for (size_t i = 0; i < id->before.len; i++)
        wsc_learned_add(id->learned, &id->before.all[i].server, id->before.all[i].verdict);
    struct wsc_lessons empty = id->before;
    empty.len = 0;
    id->before = id->now;
    id->now = empty;
}

/* ---- flows ---- */

void wsc_ident_drop(struct wsc_ident *id, struct wsc_ident_flow **flow)
{
    (void)id;
    if (*flow != NULL)
        ndpi_free_flow(as_ndpi(*flow));
    *flow = NULL;
}

/* nDPI's flow for a packet that it can take; false: it cannot, or there is no memory. */
static bool flow_for(struct wsc_ident_flow **flow, const struct wsc_packet_view *view)
{
    bool whole = view->l3.ptr != NULL && view->l3.len <= UINT16_MAX &&
                 view->payload_len == view->payload_wire_len;
    if (whole && *flow == NULL) {
        *flow = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
        if (*flow != NULL)
            memset(*flow, 0, SIZEOF_FLOW_STRUCT);
    }
    return whole && *flow != NULL;
}

unsigned wsc_ident_feed(struct wsc_ident *id, struct wsc_ident_flow **flow,
                        const struct wsc_packet_view *view, const struct wsc_ident_at *at)
{
    struct wsc_lesson lesson = {.seq = at->seq, .server = server_of(view, at->from_client)};
    uint32_t known = *flow == NULL ? wsc_learned_verdict(id->learned, &lesson.server) : 0;
    if (known != 0)
        return label_of(id, known);
    if (!flow_for(flow, view))
        return at->last ? LABEL_UNKNOWN : 0;
    ndpi_protocol p =
        ndpi_detection_process_packet(id->ndpi, as_ndpi(*flow), view->l3.ptr,
                                      (unsigned short)view->l3.len, view->ts_ns / 1000000);
    if (verdict_of(p) == 0 && !at->last)
        return 0;
    if (verdict_of(p) == 0) {
        u_int8_t guessed = 0;
        p = ndpi_detection_giveup(id->ndpi, as_ndpi(*flow), 0, &guessed);
    }
    wsc_ident_drop(id, flow);
    lesson.verdict = verdict_of(p);
    if (lesson.verdict != 0)
        wsc_lessons_add(&id->now, &lesson);
    return label_of(id, lesson.verdict);
}
