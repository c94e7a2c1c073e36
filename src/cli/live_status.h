/* What a live capture says of itself while it runs: a line that is drawn anew on a terminal. */
#ifndef WSC_CLI_LIVE_STATUS_H
#define WSC_CLI_LIVE_STATUS_H

#include <wsclose/live.h>
#include <wsclose/workers.h>

/* Closures of the last minute, by code; one place a second. */
#define LIVE_STATUS_SECONDS 60u
#define LIVE_STATUS_CODES   8u

struct live_status {
    bool on; /* there is a terminal to draw on */
    bool drawn;
    struct {
        int code[LIVE_STATUS_CODES];
        uint32_t count[LIVE_STATUS_CODES];
        size_t len;
        uint32_t others;
    } second[LIVE_STATUS_SECONDS];
    size_t at;
};

void live_status_begin(struct live_status *s, bool wanted);
void live_status_count(struct live_status *s, const struct wsc_closure *rec);
/* Once a second. */
void live_status_draw(struct live_status *s, struct wsc_live *live, struct wsc_workers *workers);
void live_status_clear(struct live_status *s);

/* All of it in lines that stay, on standard error. */
void live_status_print(struct live_status *s, struct wsc_live *live, struct wsc_workers *workers);

/* Says which of the kernel's rings are smaller than |wanted| bytes (0: as usual): less is kept
 * then.
 */
void live_status_rings(struct wsc_live *live, size_t wanted);

#endif
