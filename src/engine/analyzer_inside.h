/* What an analyzer holds. For analyzer.c, which takes in packets, and analyzer_life.c. */
#ifndef WSC_ENGINE_ANALYZER_INSIDE_H
#define WSC_ENGINE_ANALYZER_INSIDE_H

#include "engine/analyzer_step.h"
#include "engine/conversation.h"

/* Conversations wait in queues by age; which one says when they are forgotten. */
enum queue {
    QUEUE_OTHER,   /* nothing known to be a WebSocket */
    QUEUE_WS,      /* open WebSockets: they are not forgotten, but go over to the next queue */
    QUEUE_SILENT,  /* open WebSockets of which nothing came for long: never by age */
    QUEUE_CLOSING, /* a Close or a FIN was seen */
    QUEUE_OVER,    /* TCP is over: stragglers only */
    QUEUE_COUNT
};

/* How long after its last packet a conversation leaves a queue; 0: never. */
extern const uint64_t wsc_queue_life_ns[QUEUE_COUNT];

#define LABELS (WSC_IDENT_LABELS + 2)

/* What an idle open connection costs; with the table's slots it stays under 512 bytes. */
_Static_assert(sizeof(struct wsc_conv) + sizeof(struct wsc_conv_ws) <= 472,
               "an open connection has grown");

/* A conversation to be forgotten, and what its place among others is by. */
struct due {
    uint64_t last_ns, ref;
    struct wsc_conv *conv;
};

struct wsc_analyzer {
    struct wsc_engine engine;
    struct wsc_limits *own_limits; /* NULL: the caller's are used */
    struct wsc_flow_table *flows;
    struct wsc_intake intake;
    struct wsc_age_wheel wheels[QUEUE_COUNT]; /* but for QUEUE_SILENT */
    struct wsc_list silent;                   /* QUEUE_SILENT, by tick of the last use */
    uint64_t tick;                            /* up to which conversations were forgotten by age */
    uint64_t epoch;                           /* of the labels */
    struct due *due;
    size_t due_cap;
    uint64_t tcp_flows, evicted;                 /* as in the statistics */
    struct wsc_protocol_stats protocols[LABELS]; /* by ident's label; 0: without a label */
};

/* Memory in all, as max_memory_bytes counts it. */
size_t wsc_analyzer_held(const struct wsc_analyzer *an);

#endif
