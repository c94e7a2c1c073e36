#include "engine/merge.h"

#include "base/alloc.h"

#include <string.h>

struct wsc_event *wsc_event_new(enum wsc_event_kind kind, struct wsc_span name)
{
    struct wsc_event *ev = wsc_alloc(sizeof(*ev) + name.len);
    if (ev == NULL)
        return NULL;
    *ev = (struct wsc_event){.kind = kind, .name_len = name.len};
    if (name.len > 0)
        memcpy(ev->name, name.ptr, name.len);
    return ev;
}

void wsc_event_free(struct wsc_event *ev)
{
    if (ev != NULL)
        wsc_closure_free(ev->rec);
    wsc_free(ev);
}

void wsc_merge_init(struct wsc_merge *m, size_t lanes)
{
    *m = (struct wsc_merge){.lanes_len = lanes};
    for (size_t i = 0; i < lanes; i++)
        m->lanes[i].last = &m->lanes[i].first;
}

void wsc_merge_clear(struct wsc_merge *m)
{
    for (size_t i = 0; i < m->lanes_len; i++) {
        while (m->lanes[i].first != NULL) {
            struct wsc_event *ev = m->lanes[i].first;
            m->lanes[i].first = ev->next;
            wsc_event_free(ev);
        }
    }
    m->lanes_len = 0;
}

void wsc_merge_add(struct wsc_merge *m, size_t lane, struct wsc_event *first,
                   struct wsc_event **last, size_t n)
{
    struct wsc_merge_lane *l = &m->lanes[lane];
    if (n == 0)
        return;
    *l->last = first;
    l->last = last;
    *last = NULL;
    l->len += n;
}

void wsc_merge_pass(struct wsc_merge *m, size_t lane, uint64_t seq)
{
    if (seq > m->lanes[lane].passed)
        m->lanes[lane].passed = seq;
}

/* Of two lanes: a packet is in one of them, and of those forgotten at it, one was used last. */
static bool before(const struct wsc_event *a, const struct wsc_event *b)
{
    if (a->turn.seq != b->turn.seq)
        return a->turn.seq < b->turn.seq;
    if (a->turn.phase != b->turn.phase)
        return a->turn.phase < b->turn.phase;
    if (a->turn.phase <= WSC_TURN_FEED)
        return false;
    if (a->turn.last_ns != b->turn.last_ns)
        return a->turn.last_ns < b->turn.last_ns;
    return a->turn.ref < b->turn.ref;
}

struct wsc_event *wsc_merge_next(struct wsc_merge *m)
{
    struct wsc_merge_lane *best = NULL;
    for (size_t i = 0; i < m->lanes_len; i++) {
        struct wsc_merge_lane *l = &m->lanes[i];
        if (l->first != NULL && (best == NULL || before(l->first, best->first)))
            best = l;
    }
    if (best == NULL)
        return NULL;
    for (size_t i = 0; i < m->lanes_len; i++)
        if (m->lanes[i].first == NULL && m->lanes[i].passed < best->first->turn.seq)
            return NULL;
    struct wsc_event *ev = best->first;
    best->first = ev->next;
    if (best->first == NULL)
        best->last = &best->first;
    best->len--;
    ev->next = NULL;
    return ev;
}
