#include "findings/across.h"

#include <stdarg.h>
#include <stdio.h>

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

enum wsc_err wsc_across_amend(struct wsc_across *a, struct wsc_store_end *x, enum wsc_cause cause,
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

enum wsc_err wsc_across_pass(void *ctx, struct wsc_store *s, struct wsc_error *err)
{
    struct wsc_across a = {.store = s, .limits = ctx, .err = err};
    enum wsc_err e = wsc_store_ends(s, &a.ends, &a.len, err);
    if (e == WSC_OK)
        e = wsc_across_timers(&a);
    if (e == WSC_OK)
        e = wsc_across_masses(&a);
    if (e == WSC_OK)
        e = wsc_across_legs(&a);
    return e;
}
