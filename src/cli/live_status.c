#include "live_status.h"

#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void live_status_begin(struct live_status *s, bool wanted)
{
    *s = (struct live_status){.on = wanted && isatty(STDERR_FILENO)};
}

void live_status_count(struct live_status *s, const struct wsc_closure *rec)
{
    if (rec->outcome != WSC_OUTCOME_CLOSED || rec->close_code < 0)
        return;
    for (size_t i = 0; i < s->second[s->at].len; i++) {
        if (s->second[s->at].code[i] == rec->close_code) {
            s->second[s->at].count[i]++;
            return;
        }
    }
    size_t n = s->second[s->at].len;
    if (n == LIVE_STATUS_CODES) {
        s->second[s->at].others++;
        return;
    }
    s->second[s->at].code[n] = rec->close_code;
    s->second[s->at].count[n] = 1;
    s->second[s->at].len = n + 1;
}

struct tally {
    int code[LIVE_STATUS_CODES];
    uint32_t count[LIVE_STATUS_CODES];
    size_t len;
    uint32_t others;
};

static void add(struct tally *t, int code, uint32_t count)
{
    size_t i = 0;
    while (i < t->len && t->code[i] != code)
        i++;
    if (i == LIVE_STATUS_CODES) {
        t->others += count;
        return;
    }
    if (i == t->len) {
        t->code[i] = code;
        t->count[i] = 0;
        t->len++;
    }
    t->count[i] += count;
}

/* "1000 x 12, 1006 x 3"; "none". */
static void minute_text(const struct live_status *s, char *out, size_t cap)
{
    struct tally t = {.len = 0};
    for (size_t k = 0; k < LIVE_STATUS_SECONDS; k++) {
        for (size_t i = 0; i < s->second[k].len; i++)
            add(&t, s->second[k].code[i], s->second[k].count[i]);
        t.others += s->second[k].others;
    }
    size_t used = (size_t)snprintf(out, cap, "%s", t.len == 0 ? "none" : "");
    for (size_t i = 0; i < t.len && used < cap; i++)
        used += (size_t)snprintf(out + used, cap - used, "%s%d x %" PRIu32, i > 0 ? ", " : "",
                                 t.code[i], t.count[i]);
    if (t.others > 0 && used < cap)
        (void)snprintf(out + used, cap - used, ", others x %" PRIu32, t.others);
}

struct totals {
    uint64_t packets, dropped;
};

static struct totals sum(struct wsc_live *live, const struct wsc_workers *workers)
{
    struct totals t = {0};
    for (size_t i = 0; i < wsc_live_count(live); i++) {
        struct wsc_live_stats s;
        wsc_live_stats(live, i, &s);
        t.packets += s.packets;
        t.dropped += s.dropped + s.interface_dropped + wsc_workers_dropped(workers, (unsigned)i);
    }
    return t;
}

void live_status_draw(struct live_status *s, struct wsc_live *live, struct wsc_workers *workers)
{
    char minute[160], line[400];
    struct wsc_analyzer_stats a;
    if (s->on) {
        struct totals t = sum(live, workers);
        wsc_workers_get_stats(workers, &a);
        minute_text(s, minute, sizeof(minute));
        int n = snprintf(line, sizeof(line),
                         "%" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64
                         " open, closed in the last minute: %s",
                         t.packets, t.dropped, a.websockets_open, minute);
        unsigned width = out_width(STDERR_FILENO);
        if (width > 1 && n >= (int)width)
            line[width - 1] = '\0';
        fprintf(stderr, "\r\033[K%s", line);
        s->drawn = true;
    }
    s->at = (s->at + 1) % LIVE_STATUS_SECONDS;
    memset(&s->second[s->at], 0, sizeof(s->second[s->at]));
}

void live_status_clear(struct live_status *s)
{
    if (s->drawn)
        fputs("\r\033[K", stderr);
    s->drawn = false;
}

void live_status_print(struct live_status *s, struct wsc_live *live, struct wsc_workers *workers)
{
    char minute[160];
    struct wsc_analyzer_stats a;
    live_status_clear(s);
    for (size_t i = 0; i < wsc_live_count(live); i++) {
        struct wsc_live_stats w;
        wsc_live_stats(live, i, &w);
        out_safe(stderr, w.name);
        fprintf(
            stderr,
            ": %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " dropped by the kernel, %" PRIu64
            " by the interface, %" PRIu64 " by full queues%s\n",
            w.packets, w.bytes, w.dropped, w.interface_dropped,
            wsc_workers_dropped(workers, (unsigned)i), w.gone ? " (can no longer be read)" : "");
    }
    wsc_workers_get_stats(workers, &a);
    minute_text(s, minute, sizeof(minute));
    fprintf(stderr,
            "%" PRIu64 " WebSockets ended, %" PRIu64 " open, closed in the last minute: %s\n"
            "%" PRIu64 " TCP connections remembered, %" PRIu64 " forgotten, %.1f MB held\n",
            a.websockets, a.websockets_open, minute, a.tcp_open, a.evicted,
            (double)a.memory_bytes / 1e6);
}

void live_status_rings(struct wsc_live *live, size_t wanted)
{
    for (size_t i = 0; i < wsc_live_count(live); i++) {
        struct wsc_live_stats s;
        wsc_live_stats(live, i, &s);
        if (s.ring_bytes != 0 && s.ring_bytes < wanted / 10 * 9)
            out_say("%s: the kernel had memory for a ring of %" PRIu64 " MB only, not %zu MB",
                    s.name, s.ring_bytes >> 20, wanted >> 20);
    }
}
