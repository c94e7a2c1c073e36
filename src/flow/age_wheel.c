#include "flow/age_wheel.h"

#include "base/alloc.h"

static size_t power_of_two(uint64_t least)
{
    size_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

bool wsc_age_wheel_init(struct wsc_age_wheel *w, uint64_t after_ns)
{
    uint64_t ticks = wsc_tick_of(after_ns + (UINT64_C(1) << WSC_TICK_SHIFT) - 1);
    *w = (struct wsc_age_wheel){.life = ticks + 1};
    size_t n = power_of_two(w->life + WSC_TICKS_A_STEP + 1);
    w->buckets = wsc_calloc(n, sizeof(*w->buckets));
    if (w->buckets == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        wsc_list_init(&w->buckets[i]);
    w->mask = n - 1;
    return true;
}

void wsc_age_wheel_clear(struct wsc_age_wheel *w)
{
    wsc_free(w->buckets);
    w->buckets = NULL;
}

static struct wsc_list *bucket(struct wsc_age_wheel *w, uint64_t tick)
{
    return &w->buckets[tick & w->mask];
}

void wsc_age_wheel_push(struct wsc_age_wheel *w, struct wsc_age_node *n)
{
    wsc_list_append(bucket(w, wsc_tick_of(n->last_ns)), &n->link);
}

/* The first entry of a bucket that was not used since; those that were go where they belong. */
static struct wsc_age_node *idle_in(struct wsc_age_wheel *w, uint64_t tick)
{
    struct wsc_list *b = bucket(w, tick);
    while (!wsc_list_empty(b)) {
        struct wsc_age_node *n = WSC_LIST_OF(b->next, struct wsc_age_node, link);
        if (wsc_tick_of(n->last_ns) <= tick)
            return n;
        wsc_list_remove(&n->link);
        wsc_age_wheel_push(w, n);
    }
    return NULL;
}

void wsc_age_wheel_due(struct wsc_age_wheel *w, uint64_t tick, struct wsc_list *due)
{
    for (; w->first + w->life <= tick; w->first++) {
        struct wsc_age_node *n;
        while ((n = idle_in(w, w->first)) != NULL) {
            wsc_list_remove(&n->link);
            wsc_list_append(due, &n->link);
        }
    }
}

struct wsc_age_node *wsc_age_wheel_oldest(struct wsc_age_wheel *w, uint64_t tick)
{
    for (; w->first <= tick; w->first++) {
        struct wsc_age_node *n = idle_in(w, w->first);
        if (n != NULL)
            return n;
    }
    w->first = tick; /* where the next one goes */
    return NULL;
}

void wsc_age_wheel_all(struct wsc_age_wheel *w, struct wsc_list *all)
{
    for (size_t i = 0; w->buckets != NULL && i <= w->mask; i++) {
        struct wsc_list *b = &w->buckets[i];
        while (!wsc_list_empty(b)) {
            struct wsc_list *n = b->next;
            wsc_list_remove(n);
            wsc_list_append(all, n);
        }
    }
}

size_t wsc_age_wheel_bytes(const struct wsc_age_wheel *w)
{
    return (w->mask + 1) * sizeof(*w->buckets);
}
