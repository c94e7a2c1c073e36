/* What the peer said: code, reason, and the last word of its subprotocol. */
#include "closure/diagnose.h"

#include <wsclose/codes.h>

#include <string.h>

/* ---- reason text ---- */

void wsc_why_reason(const struct wsc_case *c, struct wsc_claims *out)
{
    if (wsc_wire_code(c) >= 3000)
        return;
    size_t n = wsc_hints(c, out);
    const struct wsc_reason_hint *const *hints = out->hints;
    for (size_t i = 0; i < n && i < WSC_HINTS_MAX; i++) {
        if (hints[i]->cause[0] == '\0')
            continue;
        int cause = wsc_cause_parse(hints[i]->cause);
        char reason[WSC_QUOTE_TEXT];
        wsc_claim(out, cause > 0 ? (enum wsc_cause)cause : WSC_CAUSE_NONE,
                  hints[i]->verified ? WSC_CONFIDENCE_CERTAIN : WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "the reason \"%s\" is what %s writes: %s%s",
                wsc_text_quote(c->rec->reason, reason), hints[i]->software, hints[i]->situation,
                hints[i]->verified ? "" : " (unverified)");
        return;
    }
}

/* ---- goodbyes ---- */

/* The last word counts if it is close to the end: a timer of its own may run between. */
#define GOODBYE_NS INT64_C(10000000000)

void wsc_why_goodbye(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    if (r->outcome != WSC_OUTCOME_CLOSED)
        return;
    for (int i = 0; i < 2; i++) {
        enum wsc_dir d = (enum wsc_dir)i;
        int64_t before = wsc_idle_of(c, d);
        if (c->signs->goodbye[d][0] == '\0' || before == WSC_UNKNOWN || before > GOODBYE_NS)
            continue;
        char time[WSC_TIME_TEXT];
        int cause = c->signs->leave[d] != NULL ? wsc_cause_parse(c->signs->leave[d]) : -1;
        wsc_claim(out, cause > 0 ? (enum wsc_cause)cause : WSC_CAUSE_NONE,
                  cause == WSC_CAUSE_NORMAL ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_CERTAIN);
        wsc_say(out, "the last message of the %s, %s before the end, was its %s", wsc_text_side(d),
                wsc_text_time(before, time), c->signs->goodbye[d]);
    }
}

/* ---- codes ---- */

void wsc_why_app_code(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    int code = wsc_wire_code(c);
    if (code == WSC_UNKNOWN || code < 3000 || code > 4999)
        return;
    const struct wsc_app_code *app = wsc_app_code_find(code, r->subprotocol, r->host, r->reason);
    if (app != NULL) {
        out->app_code = app;
        wsc_claim(out, WSC_CAUSE_APPLICATION,
                  app->verified ? WSC_CONFIDENCE_CERTAIN : WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "%d of %s: %s, %s%s", code, app->scope, app->name, app->meaning,
                app->verified ? "" : " (unverified)");
        return;
    }
    if (code == 3000 || code == 3003) {
        wsc_claim(out, WSC_CAUSE_UNAUTHORIZED, WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "%d is registered as %s (IANA)", code, wsc_code_find(code)->name);
        return;
    }
    wsc_claim(out, WSC_CAUSE_APPLICATION, WSC_CONFIDENCE_LIKELY);
    if (code == 3008)
        wsc_say(out, "3008 is registered as Timeout (IANA)");
    else
        wsc_say(out,
                "%d is the application's own; neither subprotocol, host nor reason says which "
                "table it is from",
                code);
}

struct code_row {
    int code;
    enum wsc_cause by_client, by_server;
    enum wsc_confidence confidence;
    const char *says;
};

static const struct code_row code_rows[] = {
    {1000, WSC_CAUSE_NORMAL, WSC_CAUSE_NORMAL, WSC_CONFIDENCE_CERTAIN, "a normal end"},
    {1001, WSC_CAUSE_GOING_AWAY, WSC_CAUSE_GOING_AWAY, WSC_CONFIDENCE_LIKELY,
     "a page left, a server that shuts down, or an idle session ended"},
    {1003, WSC_CAUSE_INVALID_DATA, WSC_CAUSE_INVALID_DATA, WSC_CONFIDENCE_LIKELY,
     "a type of data it does not take, binary for text, say"},
    {1008, WSC_CAUSE_POLICY, WSC_CAUSE_POLICY, WSC_CONFIDENCE_CERTAIN, "a rule of its own"},
    {1010, WSC_CAUSE_PROTOCOL_ERROR, WSC_CAUSE_PROTOCOL_ERROR, WSC_CONFIDENCE_LIKELY,
     "an extension it needs was not negotiated"},
    {1011, WSC_CAUSE_CLIENT_ERROR, WSC_CAUSE_SERVER_ERROR, WSC_CONFIDENCE_LIKELY,
     "an error inside, mostly an exception in the code that handles messages: its log has it"},
    {1012, WSC_CAUSE_SERVICE_RESTART, WSC_CAUSE_SERVICE_RESTART, WSC_CONFIDENCE_CERTAIN,
     "a planned restart"},
    {1013, WSC_CAUSE_OVERLOAD, WSC_CAUSE_OVERLOAD, WSC_CONFIDENCE_CERTAIN, "try again later"},
    {1014, WSC_CAUSE_BAD_GATEWAY, WSC_CAUSE_BAD_GATEWAY, WSC_CONFIDENCE_CERTAIN,
     "a gateway got no valid answer from upstream"},
};

static const struct code_row *row_of(int code)
{
    for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++)
        if (code_rows[i].code == code)
            return &code_rows[i];
    return NULL;
}

static bool is_browser(struct wsc_span agent)
{
    return agent.ptr != NULL && memmem(agent.ptr, agent.len, "Mozilla/", 8) != NULL;
}

/* The side whose Close gave the code: the one that began, unless its own has no readable code;
 * where both sent one at once, the first on the wire. */
static enum wsc_dir speaker(const struct wsc_case *c)
{
    const struct wsc_ev_close *cc = &c->ev->side[0].first, *sc = &c->ev->side[1].first;
    enum wsc_dir d = cc->seen && (!sc->seen || cc->ts_ns <= sc->ts_ns) ? WSC_DIR_C2S : WSC_DIR_S2C;
    (void)wsc_closer(c, &d);
    const struct wsc_ev_close *first = &c->ev->side[d].first;
    bool readable = first->seen && (first->empty || first->code != WSC_UNKNOWN);
    return readable ? d : wsc_other(d);
}

static void empty_close(const struct wsc_case *c, struct wsc_claims *out)
{
    char packet[WSC_PACKET_TEXT];
    enum wsc_dir d = speaker(c);
    wsc_claim(out, WSC_CAUSE_NORMAL, WSC_CONFIDENCE_LIKELY);
    wsc_say(out,
            "the %s's Close (%s) is empty: what close() without arguments sends; both ends report "
            "1005",
            wsc_text_side(d), wsc_text_packet(c->ev->side[d].first.ref, packet));
}

/* 1002 and 1007 blame the peer. Where no violation was found (the rule for violations knows), the
 * bytes that were not captured or not looked into may hold it; else its sender just says so. */
static void blames(const struct wsc_case *c, int code, enum wsc_dir d, struct wsc_claims *out)
{
    const struct wsc_ev_side *peer = &c->ev->side[wsc_other(d)];
    char packet[WSC_PACKET_TEXT];
    if (wsc_violation_before(c, d, c->ev->side[d].first.ref) != NULL)
        return;
    bool unseen = peer->hidden || c->rec->missing_bytes[wsc_other(d)] > 0 || !peer->captured;
    bool text = peer->text_last;
    enum wsc_cause cause = code == 1007 ? WSC_CAUSE_INVALID_DATA : WSC_CAUSE_PROTOCOL_ERROR;
    enum wsc_confidence sure = unseen || text ? WSC_CONFIDENCE_POSSIBLE : WSC_CONFIDENCE_NONE;
    if (code == 1007 && text)
        sure = WSC_CONFIDENCE_LIKELY;
    wsc_claim(out, sure != WSC_CONFIDENCE_NONE ? cause : WSC_CAUSE_NONE, sure);
    wsc_say(out, "the %s's Close (%s) says %d, but no violation was found in the %s's frames%s",
            wsc_text_side(d), wsc_text_packet(c->ev->side[d].first.ref, packet), code,
            wsc_text_side(wsc_other(d)),
            unseen ? "; not all of them were captured"
            : text ? "; whether its text is UTF-8, or inflates, was not looked at"
                   : ": its application may have sent that code itself");
}

/* Where an earlier Close may have been missed, the one seen may be an answer that repeats its code:
 * what depends on who said it first is open. */
static bool may_be_echo(const struct wsc_case *c)
{
    return c->rec->closed_by == WSC_SIDE_NONE;
}

static void page_left(const struct wsc_case *c, struct wsc_claims *out)
{
    char agent[WSC_QUOTE_TEXT], packet[WSC_PACKET_TEXT];
    wsc_claim(out, WSC_CAUSE_PAGE_LEFT,
              may_be_echo(c) ? WSC_CONFIDENCE_POSSIBLE : WSC_CONFIDENCE_LIKELY);
    wsc_say(out, "1001 by a browser (%s): it sends that when its page is left or closed",
            wsc_text_packet(c->ev->side[WSC_DIR_C2S].first.ref, packet));
    wsc_say(out, "User-Agent: %s", wsc_text_quote(c->rec->user_agent, agent));
}

void wsc_why_code(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    if (r->code_source == WSC_CODE_SOURCE_INFERRED && r->close_code == 1005) {
        empty_close(c, out);
        return;
    }
    int code = wsc_wire_code(c);
    enum wsc_dir d = speaker(c);
    if (code == 1002 || code == 1007) {
        blames(c, code, d, out);
        return;
    }
    const struct code_row *row = row_of(code);
    if (row == NULL)
        return;
    if (code == 1001 && d == WSC_DIR_C2S && is_browser(r->user_agent)) {
        page_left(c, out);
        return;
    }
    char packet[WSC_PACKET_TEXT], reason[WSC_QUOTE_TEXT];
    uint64_t ref = c->ev->side[d].first.ref;
    if (wsc_claimed(out, WSC_CONFIDENCE_CERTAIN)) { /* reason or last word say more than the code:
                                                       it is evidence only */
        wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
        wsc_say(out, "the %s's Close (%s) says %d", wsc_text_side(d), wsc_text_packet(ref, packet),
                code);
        return;
    }
    bool open = may_be_echo(c) && code != 1000;
    wsc_claim(out, d == WSC_DIR_C2S ? row->by_client : row->by_server,
              open ? WSC_CONFIDENCE_POSSIBLE : row->confidence);
    wsc_say(out, "the %s's Close (%s) says %d: %s", wsc_text_side(d), wsc_text_packet(ref, packet),
            code, row->says);
    if (open)
        wsc_say(out, "it may be the answer to one that was not captured");
    if (r->reason.len > 0)
        wsc_say(out, "reason: \"%s\"", wsc_text_quote(r->reason, reason));
}
