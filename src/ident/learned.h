/* What was learned of servers: verdicts of their flows, by endpoint. */
#ifndef WSC_IDENT_LEARNED_H
#define WSC_IDENT_LEARNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server's end of a flow; zeroed before it is filled. */
struct wsc_server_key {
    uint8_t addr[16];
    uint32_t tunnel_id;
    uint16_t port, family;
};

/* After so many flows that came out the same, the next ones are not looked at. */
#define WSC_LEARNED_AGREE 3u

/* At most two generations of so many servers: when one is full, the one before it is forgotten. */
#define WSC_LEARNED_MAX 4096u

struct wsc_learned;

struct wsc_learned *wsc_learned_new(void); /* NULL: no memory */
void wsc_learned_free(struct wsc_learned *l);

/* |verdict| (not 0) of one more flow to |server|. */
void wsc_learned_add(struct wsc_learned *l, const struct wsc_server_key *server, uint32_t verdict);
/* The verdict to be taken for a flow to |server|, 0: none yet. */
uint32_t wsc_learned_verdict(const struct wsc_learned *l, const struct wsc_server_key *server);

/* Verdicts of one epoch, in the order of their packets. */
struct wsc_lesson {
    uint64_t seq;
    struct wsc_server_key server;
    uint32_t verdict;
};
struct wsc_lessons {
    struct wsc_lesson *all;
    size_t len, cap;
};
/* For want of memory it is not learned. */
void wsc_lessons_add(struct wsc_lessons *l, const struct wsc_lesson *lesson);
void wsc_lessons_clear(struct wsc_lessons *l);

#endif
