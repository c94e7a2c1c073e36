/* What guards a live capture and what tells others of it: the unprivileged user, the filter of
 * system calls, the service manager, the metrics. */
#ifndef WSC_CLI_LIVE_GUARD_H
#define WSC_CLI_LIVE_GUARD_H

#include <wsclose/guard.h>
#include <wsclose/live.h>
#include <wsclose/metrics.h>
#include <wsclose/workers.h>

struct live_guard_options {
    const char *user, *metrics; /* NULL: not given */
    bool no_confine;
};

struct live_guard {
    struct live_guard_options opt;
    struct wsc_guard_user user;
    struct wsc_metrics *metrics; /* NULL: none */
    struct wsc_notify notify;
    uint64_t status_ns; /* when it was last told how things are; monotonic clock */
    bool opened, dropped;
};

/* In this order; each returns false, having said why. */

/* Once the interfaces are open and before any thread is: the user, who then makes the database
 * |db| and the files below |dir| (either may be NULL). If that user cannot, and was not named, the
 * drop waits for live_guard_drop(). */
bool live_guard_open(struct live_guard *g, const char *db, const char *dir);
/* Once the database is open, before any thread is made. */
bool live_guard_drop(struct live_guard *g, bool quiet);
/* Once everything is. */
bool live_guard_confine(struct live_guard *g, struct wsc_live *live);

void live_guard_count(struct live_guard *g, const struct wsc_closure *rec);

/* A few times a second. */
struct live_guard_look {
    struct wsc_live *live;
    struct wsc_workers *workers;
    uint64_t now_ns, packet_ns; /* of the packet at hand; 0: none waits */
    uint64_t waiting;           /* records that the database cannot take yet */
    bool well;                  /* packets are read, and no record is lost for want of a database */
};
void live_guard_look(struct live_guard *g, const struct live_guard_look *at);

/* The capture is over; what remains is to store it. */
void live_guard_stopping(const struct live_guard *g);
void live_guard_close(struct live_guard *g);

#endif
