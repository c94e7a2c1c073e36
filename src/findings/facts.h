/* Records boiled down to what the rules ask: plain numbers, one row a record. */
#ifndef WSC_FINDINGS_FACTS_H
#define WSC_FINDINGS_FACTS_H

#include <wsclose/store.h>

#include "base/names.h"

struct wsc_fact {
    int64_t id;
    uint64_t started_ns;                  /* 0: not known */
    uint64_t at_ns;                       /* its end; its last packet if open */
    int64_t age_ns, idle_ns[4];           /* index enum wsc_idle_clock; WSC_UNKNOWN */
    uint32_t server, client, network;     /* names of endpoints: the server's with its port, the
                                             client's without, and its network (/24, /64) */
    uint32_t user_agent, software, cause; /* names; 0: not known */
    uint32_t pings[2];                    /* by sender */
    int32_t code;                         /* WSC_UNKNOWN */
    uint16_t client_port;
    int16_t status;    /* WSC_UNKNOWN */
    uint16_t rules[2]; /* bits 1 << enum wsc_rule, by sender */
    uint64_t too_big;  /* of 1009: bytes of the message before it, as the evidence says; else 0 */
    uint64_t key;      /* of its Sec-WebSocket-Key, hashed; 0: not known */
    uint32_t leg;      /* row + 1 of another leg of the same connection; 0: none on record */
    uint8_t outcome, ending, closed_by;
    bool midstream;
    bool copy;  /* of an earlier row: the same connection, captured at another point */
    bool mass;  /* part of a mass disconnect */
    bool timed; /* explained by a recurring silence or age */
};

struct wsc_facts {
    struct wsc_fact *rows; /* in order of at_ns */
    size_t len, cap, max;
    struct wsc_names names;
    const struct wsc_filter *base; /* they were read with it */
    bool cut;                      /* there were more than |max| */
    bool no_mem;
    uint64_t last_ns; /* the latest packet of any of them */
};

void wsc_facts_init(struct wsc_facts *t, size_t max_rows, size_t max_name_bytes);
void wsc_facts_clear(struct wsc_facts *t);

/* Reads what passes |f|, and joins legs: two records with one Sec-WebSocket-Key that ended within
 * 5 s, on two sides of a proxy that passes it on; with the same server, they are copies. |f|
 * outlives |t|. Returns WSC_OK, WSC_ERR_NOMEM or what the store returned. */
enum wsc_err wsc_facts_read(struct wsc_facts *t, struct wsc_store *s, const struct wsc_filter *f,
                            struct wsc_error *err) WSC_MUST_USE;

/* The endpoint a name stands for; family 0 for 0. */
struct wsc_endpoint wsc_facts_endpoint(const struct wsc_facts *t, uint32_t name);

/* Leading bits of an address that make a client network: 24 of IPv4, 64 of IPv6. */
uint8_t wsc_facts_network_bits(const struct wsc_endpoint *e);

/* Whether |f| lists the record; |f| is the filter that the facts were read with, narrowed by words
 * that a fact carries. */
bool wsc_facts_match(const struct wsc_facts *t, const struct wsc_fact *x,
                     const struct wsc_filter *f);

#endif
