#include "findings/across.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

#define NAMES_MAX ((size_t)16 << 20)

void wsc_across_say(struct wsc_across_text *t, const char *format, ...)
{
    size_t room = sizeof(t->text) - t->used;
    if (t->len == sizeof(t->sentence) / sizeof(t->sentence[0]) || room < 2)
        return;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(t->text + t->used, room, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    size_t len = (size_t)n < room ? (size_t)n : room - 1;
    t->sentence[t->len++] =
        (struct wsc_span){.ptr = (const uint8_t *)t->text + t->used, .len = len};
    t->used += len;
}

/* What a code or a bare end is called while nothing more is known. */
static bool is_general(enum wsc_cause cause)
{
    return cause == WSC_CAUSE_NONE || cause == WSC_CAUSE_PEER_CRASH ||
           cause == WSC_CAUSE_GOING_AWAY || cause == WSC_CAUSE_SERVER_ERROR;
}

bool wsc_across_better(enum wsc_cause cause, enum wsc_confidence confidence, enum wsc_cause old,
                       enum wsc_confidence old_confidence)
{
    if (old == WSC_CAUSE_NONE || confidence > old_confidence)
        return true;
    return confidence == old_confidence && cause != old && is_general(old);
}

enum wsc_err wsc_across_amend(struct wsc_across *a, struct wsc_across_end *x, enum wsc_cause cause,
                              enum wsc_confidence confidence, const struct wsc_across_text *t)
{
    bool better =
        cause != WSC_CAUSE_NONE && wsc_across_better(cause, confidence, (enum wsc_cause)x->cause,
                                                     (enum wsc_confidence)x->confidence);
    struct wsc_amendment m = {.id = x->id, .sentences = t->sentence, .sentences_len = t->len};
    if (better) {
        m.cause = cause;
        m.confidence = confidence;
        x->cause = (uint8_t)cause;
        x->confidence = (uint8_t)confidence;
    }
    return wsc_store_amend(a->store, &m, a->err);
}

static bool make_room(struct wsc_across *a)
{
    if (a->len < a->cap)
        return true;
    size_t cap = a->cap != 0 ? 2 * a->cap : 1024;
    struct wsc_across_end *ends = wsc_realloc(a->ends, cap * sizeof(*ends));
    if (ends == NULL)
        return false;
    a->ends = ends;
    a->cap = cap;
    return true;
}

static int on_end(void *ctx, const struct wsc_store_end *end)
{
    struct wsc_across *a = ctx;
    if (a->len == WSC_ACROSS_MAX_ENDS)
        return 1;
    if (!make_room(a)) {
        a->no_mem = true;
        return 1;
    }
    struct wsc_across_end *x = &a->ends[a->len++];
    *x = (struct wsc_across_end){.id = end->id,
                                 .ended_ns = end->ended_ns,
                                 .age_ns = end->age_ns,
                                 .server = wsc_names_add(&a->names, end->server),
                                 .software = wsc_names_add(&a->names, end->server_software),
                                 .code = (int16_t)end->code,
                                 .ending = (uint8_t)end->ending,
                                 .closed_by = (uint8_t)end->closed_by,
                                 .cause = (uint8_t)end->cause,
                                 .confidence = (uint8_t)end->confidence};
    for (size_t i = 0; i < 4; i++)
        x->idle_ns[i] = end->idle_ns[i];
    return 0;
}

enum wsc_err wsc_across_pass(void *ctx, struct wsc_store *s, struct wsc_error *err)
{
    struct wsc_across a = {.store = s, .limits = ctx, .err = err};
    wsc_names_init(&a.names, NAMES_MAX);
    enum wsc_err e = wsc_store_ends(s, on_end, &a, err);
    if (e == WSC_OK && a.no_mem)
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    if (e == WSC_OK)
        e = wsc_across_timers(&a);
    if (e == WSC_OK)
        e = wsc_across_masses(&a);
    if (e == WSC_OK)
        e = wsc_across_legs(&a);
    wsc_names_clear(&a.names);
    wsc_free(a.ends);
    return e;
}
