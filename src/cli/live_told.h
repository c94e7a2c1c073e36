/* The rows of provisional records, until their last word comes. */
#ifndef WSC_CLI_LIVE_TOLD_H
#define WSC_CLI_LIVE_TOLD_H

#include <wsclose/closure.h>

/* Beyond it provisional records are not stored. */
#define LIVE_TOLD_MAX     65536u
#define LIVE_TOLD_BUCKETS 4096u

struct live_told_row {
    struct live_told_row *next; /* of its bucket */
    uint64_t first_packet;
    uint32_t stream_id;
    int64_t id;
};

/* Zeroed: empty. */
struct live_told {
    struct live_told_row *buckets[LIVE_TOLD_BUCKETS];
    size_t len;
};

/* Notes that |rec| is in row |id|. False: no room. */
bool live_told_put(struct live_told *t, const struct wsc_closure *rec, int64_t id);
/* The row of the record that |rec| takes the place of, which is forgotten; 0: none is known. */
int64_t live_told_take(struct live_told *t, const struct wsc_closure *rec);
void live_told_clear(struct live_told *t);

#endif
