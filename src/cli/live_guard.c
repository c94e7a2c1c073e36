#include "live_guard.h"

#include "out.h"

#include <inttypes.h>
#include <libintl.h>
#include <stdio.h>
#include <time.h>

#define STATUS_NS UINT64_C(5000000000)

static bool said(const struct wsc_error *err)
{
    out_say("%s", err->message);
    return false;
}

static bool drop(struct live_guard *g)
{
    struct wsc_error err;
    g->dropped = true;
    return wsc_guard_drop(&g->user, &err) == WSC_OK || said(&err);
}

bool live_guard_open(struct live_guard *g, const char *db, const char *dir)
{
    struct wsc_error err;
    wsc_notify_open(&g->notify);
    g->opened = true;
    if (g->opt.metrics != NULL && wsc_metrics_open(g->opt.metrics, &g->metrics, &err) != WSC_OK)
        return said(&err);
    if (wsc_guard_choose(g->opt.user, db, dir, &g->user, &err) != WSC_OK)
        return said(&err);
    /* The database can be held open by who may not open it; a ring of files cannot. */
    if (!g->user.writes && dir != NULL) {
        out_say("user %s cannot write to %s: going on as root, without capabilities; --user names "
                "another",
                g->user.name, dir);
        if (wsc_guard_choose("root", db, NULL, &g->user, &err) != WSC_OK)
            return said(&err);
    }
    return !g->user.writes || drop(g);
}

bool live_guard_drop(struct live_guard *g, bool quiet)
{
    if (g->dropped)
        return true;
    if (!quiet)
        out_say("goes on as %s, who could not open the database again", g->user.name);
    return drop(g);
}

bool live_guard_confine(struct live_guard *g, struct wsc_live *live)
{
    struct wsc_error err;
    char line[160];
    if (g->metrics != NULL) {
        wsc_metrics_publish(g->metrics, &(struct wsc_metrics_now){.open = 0});
        if (wsc_metrics_start(g->metrics, &err) != WSC_OK)
            return said(&err);
    }
    (void)gettext("Code"); /* the catalog is read while any file may be */
    enum wsc_err e = g->opt.no_confine ? WSC_OK : wsc_guard_confine(&err);
    if (e == WSC_END)
        out_say("built with sanitizers: system calls are not confined");
    else if (e != WSC_OK)
        return said(&err);
    (void)snprintf(line, sizeof(line), "READY=1\nSTATUS=Watching %zu interface%s",
                   wsc_live_count(live), wsc_live_count(live) == 1 ? "" : "s");
    wsc_notify_say(&g->notify, line);
    return true;
}

void live_guard_count(struct live_guard *g, const struct wsc_closure *rec)
{
    if (g->metrics != NULL)
        wsc_metrics_count(g->metrics, rec);
}

/* ---- a few times a second ---- */

static void publish(struct live_guard *g, const struct live_guard_look *at,
                    const struct wsc_metrics_now *now)
{
    struct wsc_metrics_now m = *now;
    if (at->packet_ns != 0 && at->now_ns > at->packet_ns)
        m.lag_ns = at->now_ns - at->packet_ns;
    wsc_metrics_publish(g->metrics, &m);
}

static void report(struct live_guard *g, const struct live_guard_look *at,
                   const struct wsc_metrics_now *now)
{
    uint64_t packets = 0, dropped = 0;
    struct timespec t;
    char line[240], waiting[80] = "";
    for (size_t i = 0; i < now->interfaces_len; i++) {
        packets += now->interfaces[i].packets;
        dropped += now->interfaces[i].dropped + now->interfaces[i].interface_dropped +
                   now->interfaces[i].queue_dropped;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t mono_ns = (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
    if (at->well)
        wsc_notify_alive(&g->notify, mono_ns);
    if (mono_ns < g->status_ns + STATUS_NS)
        return;
    g->status_ns = mono_ns;
    if (at->waiting > 0)
        (void)snprintf(waiting, sizeof(waiting), ", %" PRIu64 " records wait for the database",
                       at->waiting);
    (void)snprintf(line, sizeof(line),
                   "STATUS=%" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64 " open%s", packets,
                   dropped, now->open, waiting);
    wsc_notify_say(&g->notify, line);
}

void live_guard_look(struct live_guard *g, const struct live_guard_look *at)
{
    struct wsc_analyzer_stats a;
    if (g->metrics == NULL && g->notify.fd < 0)
        return;
    wsc_workers_get_stats(at->workers, &a);
    struct wsc_metrics_now now = {
        .open = a.websockets_open, .memory_bytes = a.memory_bytes, .waiting = at->waiting};
    for (size_t i = 0; i < wsc_live_count(at->live) && i < WSC_METRICS_INTERFACES; i++) {
        struct wsc_live_stats s;
        wsc_live_stats(at->live, i, &s);
        now.interfaces[i].name = s.name;
        now.interfaces[i].packets = s.packets;
        now.interfaces[i].dropped = s.dropped;
        now.interfaces[i].interface_dropped = s.interface_dropped;
        now.interfaces[i].queue_dropped = wsc_workers_dropped(at->workers, (unsigned)i);
        now.interfaces_len = i + 1;
    }
    if (g->metrics != NULL)
        publish(g, at, &now);
    report(g, at, &now);
}

void live_guard_stopping(const struct live_guard *g)
{
    wsc_notify_say(&g->notify, "STOPPING=1\nSTATUS=Storing what is open");
}

void live_guard_close(struct live_guard *g)
{
    if (!g->opened)
        return;
    wsc_metrics_close(g->metrics);
    wsc_notify_close(&g->notify);
}
