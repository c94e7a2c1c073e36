#include <wsclose/closure.h>

#include "base/alloc.h"

#include <string.h>

/* Every span of a record but those in its arrays. */
static const size_t spans[] = {offsetof(struct wsc_closure, capture),
                               offsetof(struct wsc_closure, scheme),
                               offsetof(struct wsc_closure, http),
                               offsetof(struct wsc_closure, tls_version),
                               offsetof(struct wsc_closure, sni),
                               offsetof(struct wsc_closure, host),
                               offsetof(struct wsc_closure, path),
                               offsetof(struct wsc_closure, subprotocol),
                               offsetof(struct wsc_closure, extensions),
                               offsetof(struct wsc_closure, user_agent),
                               offsetof(struct wsc_closure, origin),
                               offsetof(struct wsc_closure, server_software),
                               offsetof(struct wsc_closure, app),
                               offsetof(struct wsc_closure, reason),
                               offsetof(struct wsc_closure, close[0].reason),
                               offsetof(struct wsc_closure, close[1].reason),
                               offsetof(struct wsc_closure, saw[0].reason),
                               offsetof(struct wsc_closure, saw[1].reason),
                               offsetof(struct wsc_closure, cause),
                               offsetof(struct wsc_closure, software),
                               offsetof(struct wsc_closure, app_code_scope),
                               offsetof(struct wsc_closure, app_code_name),
                               offsetof(struct wsc_closure, app_code_meaning),
                               offsetof(struct wsc_closure, key),
                               offsetof(struct wsc_closure, open_state)};
#define SPANS (sizeof(spans) / sizeof(spans[0]))

static struct wsc_span *span_at(struct wsc_closure *rec, size_t i)
{
    return i < SPANS ? (struct wsc_span *)(void *)((char *)rec + spans[i])
                     : &rec->evidence[i - SPANS];
}

static const struct wsc_span *const_span_at(const struct wsc_closure *rec, size_t i)
{
    return i < SPANS ? (const struct wsc_span *)(const void *)((const char *)rec + spans[i])
                     : &rec->evidence[i - SPANS];
}

size_t wsc_closure_size(const struct wsc_closure *rec)
{
    size_t bytes = sizeof(*rec);
    for (size_t i = 0; i < SPANS + rec->evidence_len; i++)
        bytes += const_span_at(rec, i)->len;
    return bytes;
}

struct wsc_closure *wsc_closure_copy_to(const struct wsc_closure *rec, void *room)
{
    struct wsc_closure *copy = room;
    *copy = *rec;
    uint8_t *to = (uint8_t *)(copy + 1);
    for (size_t i = 0; i < SPANS + rec->evidence_len; i++) {
        struct wsc_span *s = span_at(copy, i);
        if (s->ptr == NULL)
            continue;
        if (s->len > 0)
            memcpy(to, s->ptr, s->len);
        s->ptr = to;
        to += s->len;
    }
    return copy;
}

struct wsc_closure *wsc_closure_copy(const struct wsc_closure *rec)
{
    void *room = wsc_alloc(wsc_closure_size(rec));
    return room != NULL ? wsc_closure_copy_to(rec, room) : NULL;
}

void wsc_closure_free(struct wsc_closure *copy)
{
    wsc_free(copy);
}
