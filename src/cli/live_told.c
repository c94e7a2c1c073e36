#include "live_told.h"

#include <stdlib.h>

static struct live_told_row **find(struct live_told *t, const struct wsc_closure *rec)
{
    uint64_t h =
        (rec->first_packet ^ (uint64_t)rec->stream_id << 40) * UINT64_C(0x9e3779b97f4a7c15);
    struct live_told_row **at = &t->buckets[h >> 32 & (LIVE_TOLD_BUCKETS - 1)];
    while (*at != NULL &&
           ((*at)->first_packet != rec->first_packet || (*at)->stream_id != rec->stream_id))
        at = &(*at)->next;
    return at;
}

bool live_told_put(struct live_told *t, const struct wsc_closure *rec, int64_t id)
{
    struct live_told_row **at = find(t, rec);
    if (*at == NULL) {
        struct live_told_row *row = t->len < LIVE_TOLD_MAX ? calloc(1, sizeof(*row)) : NULL;
        if (row == NULL)
            return false;
        row->first_packet = rec->first_packet;
        row->stream_id = rec->stream_id;
        *at = row;
        t->len++;
    }
    (*at)->id = id;
    return true;
}

int64_t live_told_take(struct live_told *t, const struct wsc_closure *rec)
{
    struct live_told_row **at = find(t, rec), *row = *at;
    if (row == NULL)
        return 0;
    int64_t id = row->id;
    *at = row->next;
    free(row);
    t->len--;
    return id;
}

void live_told_clear(struct live_told *t)
{
    for (size_t i = 0; i < LIVE_TOLD_BUCKETS; i++) {
        while (t->buckets[i] != NULL) {
            struct live_told_row *row = t->buckets[i];
            t->buckets[i] = row->next;
            free(row);
        }
    }
    t->len = 0;
}
