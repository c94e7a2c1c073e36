/* Whose software ended it: a hint. */
#include "closure/diagnose.h"

#include <wsclose/codes.h>

#include <string.h>

static struct wsc_span text_span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

/* |t|: what header |name| with |value| says. */
static void take_header(const struct wsc_software *t, const char *name, struct wsc_span value,
                        bool bare, struct wsc_claims *out)
{
    char text[WSC_QUOTE_TEXT];
    if (t == NULL || (t->proxy && !bare))
        return;
    out->software = text_span(t->name);
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    wsc_say(out, "software: its %s is \"%s\"", name, wsc_text_quote(value, text));
}

/* A reason text that one software writes. Several that write it name nobody. */
static bool by_reason(const struct wsc_case *c, struct wsc_claims *out)
{
    size_t n = wsc_hints(c, out);
    const struct wsc_reason_hint *const *hints = out->hints;
    for (size_t i = 1; i < n && i < WSC_HINTS_MAX; i++)
        if (strcmp(hints[i]->software, hints[0]->software) != 0)
            return false;
    if (n == 0)
        return false;
    char reason[WSC_QUOTE_TEXT];
    out->software = text_span(hints[0]->software);
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    wsc_say(out, "software: the reason \"%s\" is that of %s",
            wsc_text_quote(c->rec->reason, reason), hints[0]->software);
    return true;
}

static bool forged(const struct wsc_claims *out)
{
    for (size_t i = 0; i < out->len; i++)
        if (out->list[i].cause == WSC_CAUSE_MIDDLEBOX_RESET)
            return true;
    return false;
}

void wsc_why_software(const struct wsc_case *c, struct wsc_claims *out)
{
    enum wsc_dir d;
    if (c->rec->outcome == WSC_OUTCOME_HANDSHAKE_FAILED) {
        const struct wsc_software *t = c->signs->software[WSC_DIR_S2C];
        if (t != NULL) /* the header itself is told by the rule for rejections */
            out->software = text_span(t->name);
        return;
    }
    if (c->rec->outcome != WSC_OUTCOME_CLOSED || by_reason(c, out) || !wsc_closer(c, &d))
        return;
    bool bare = wsc_ended_bare(c);
    if (bare && (d == WSC_DIR_C2S || forged(out)))
        return; /* who ended TCP need not be whom the headers name */
    if (d == WSC_DIR_S2C)
        take_header(c->signs->software[d], "Server header", c->rec->server_software, bare, out);
    else
        take_header(c->signs->software[d], "User-Agent", c->rec->user_agent, bare, out);
}
