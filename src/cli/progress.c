#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STEPS_A_LOOK 256u /* batches of packets between looks at the clock */
#define NS_A_DRAW    UINT64_C(200000000)

static uint64_t clock_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void progress_begin(struct progress *p, bool wanted)
{
    *p = (struct progress){.on = wanted && isatty(STDERR_FILENO), .begun_ns = clock_ns()};
    p->drawn_ns = p->begun_ns;
}

static void draw(struct progress *p, const struct wsc_capture *c, struct wsc_workers *w,
                 uint64_t now)
{
    uint64_t size = 0, position = 0, packets = 0;
    for (size_t i = 0; i < wsc_capture_count(c); i++) {
        struct wsc_capture_info info;
        wsc_capture_info(c, i, &info);
        size += info.size;
        position += info.position;
        packets += info.packets;
    }
    struct wsc_analyzer_stats s;
    wsc_workers_get_stats(w, &s);
    double seconds = (double)(now - p->begun_ns) / 1e9;
    fprintf(stderr, "\r\033[K%.1f MB of %.1f MB, %" PRIu64 " packets, %" PRIu64 " WebSockets",
            (double)position / 1e6, (double)size / 1e6, packets, s.websockets + s.websockets_open);
    if (position > 0 && size > position)
        fprintf(stderr, ", %.0f s left", seconds * (double)(size - position) / (double)position);
    p->drawn = true;
}

void progress_step(struct progress *p, const struct wsc_capture *c, struct wsc_workers *w)
{
    if (!p->on || ++p->steps % STEPS_A_LOOK != 0)
        return;
    uint64_t now = clock_ns();
    if (now - p->drawn_ns < NS_A_DRAW)
        return;
    p->drawn_ns = now;
    draw(p, c, w, now);
}

void progress_clear(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
