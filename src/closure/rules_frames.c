/* What stood in the peer's frames before one side failed the connection (RFC 6455 7.1.7). */
#include "closure/diagnose.h"

/* A library that drops the connection because of a frame does it at once. */
#define AT_ONCE_NS INT64_C(1000000000)

const struct wsc_violation *wsc_violation_before(const struct wsc_case *c, enum wsc_dir d,
                                                 uint64_t ref)
{
    const struct wsc_violation *found = NULL;
    for (size_t i = 0; i < c->rec->violations_len; i++) {
        const struct wsc_violation *v = &c->rec->violations[i];
        bool earlier =
            WSC_REF_CAPTURE(v->packet) != WSC_REF_CAPTURE(ref) || v->packet <= ref || ref == 0;
        if (v->by == wsc_side_of(wsc_other(d)) && earlier && v->rule != WSC_RULE_BAD_ACCEPT_KEY)
            found = v;
    }
    return found;
}

static void say_violation(struct wsc_claims *out, enum wsc_dir by, const struct wsc_violation *v)
{
    char packet[WSC_PACKET_TEXT];
    wsc_say(out, "the %s broke the rule %s in %s", wsc_text_side(by), wsc_rule_name(v->rule),
            wsc_text_packet(v->packet, packet));
}

static enum wsc_cause cause_of(const struct wsc_violation *v)
{
    return v->rule == WSC_RULE_TEXT_NOT_UTF8 || v->rule == WSC_RULE_CLOSE_REASON_NOT_UTF8
               ? WSC_CAUSE_INVALID_DATA
               : WSC_CAUSE_PROTOCOL_ERROR;
}

/* |d| sent 1002 or 1007, first or in answer to a Close that was itself the violation. */
static bool failed_by(const struct wsc_case *c, enum wsc_dir d, struct wsc_claims *out)
{
    const struct wsc_ev_close *close = &c->ev->side[d].first;
    if (!close->seen || (close->code != 1002 && close->code != 1007))
        return false;
    const struct wsc_violation *v = wsc_violation_before(c, d, close->ref);
    if (v == NULL)
        return false;
    char packet[WSC_PACKET_TEXT];
    enum wsc_cause cause = close->code == 1007 ? WSC_CAUSE_INVALID_DATA : cause_of(v);
    wsc_claim(out, close->code == 1002 ? WSC_CAUSE_PROTOCOL_ERROR : cause, WSC_CONFIDENCE_CERTAIN);
    say_violation(out, wsc_other(d), v);
    wsc_say(out, "the %s failed the connection with %d (%s)", wsc_text_side(d), close->code,
            wsc_text_packet(close->ref, packet));
    return true;
}

/* No Close, or an illegal one that nobody answered as such. */
static void dropped(const struct wsc_case *c, struct wsc_claims *out)
{
    enum wsc_dir d;
    if (!wsc_ended_bare(c) || !wsc_closer(c, &d))
        return;
    const struct wsc_violation *v = wsc_violation_before(c, d, wsc_end_packet(c, d));
    int64_t since = wsc_idle_of(c, wsc_other(d));
    if (v == NULL || since == WSC_UNKNOWN || since > AT_ONCE_NS)
        return;
    char time[WSC_TIME_TEXT];
    wsc_claim(out, cause_of(v), WSC_CONFIDENCE_LIKELY);
    say_violation(out, wsc_other(d), v);
    wsc_say(out, "the %s ended it %s after the last bytes of the %s, without a Close",
            wsc_text_side(d), wsc_text_time(since, time), wsc_text_side(wsc_other(d)));
}

/* A Close that may not be on the wire, from the side that began. */
static void bad_close(const struct wsc_case *c, struct wsc_claims *out)
{
    enum wsc_dir d;
    if (!wsc_closer(c, &d) || !c->ev->side[d].first.seen || c->ev->side[d].first.valid)
        return;
    const struct wsc_violation *v = wsc_violation_before(c, wsc_other(d), c->ev->side[d].first.ref);
    if (v == NULL)
        return;
    wsc_claim(out, cause_of(v), WSC_CONFIDENCE_POSSIBLE);
    say_violation(out, d, v);
}

void wsc_why_violation(const struct wsc_case *c, struct wsc_claims *out)
{
    if (c->rec->outcome != WSC_OUTCOME_CLOSED)
        return;
    if (failed_by(c, WSC_DIR_C2S, out) || failed_by(c, WSC_DIR_S2C, out))
        return;
    dropped(c, out);
    bad_close(c, out);
}

/* ---- 1009 ---- */

/* Limits on messages that are known defaults. */
static const struct {
    uint64_t bytes;
    const char *name;
} size_limits[] = {
    {UINT64_C(32) << 10, "32 KiB (coder/websocket; frames at AWS API Gateway)"},
    {UINT64_C(64) << 10, "64 KiB (Netty, WebSocket-Node)"},
    {UINT64_C(128) << 10, "128 KB (AWS API Gateway)"},
    {UINT64_C(1) << 20, "1 MiB (Python websockets)"},
    {UINT64_C(4) << 20, "4 MiB (aiohttp)"},
    {UINT64_C(10) << 20, "10 MiB (Tornado)"},
    {UINT64_C(16) << 20, "16 MiB (uvicorn, tungstenite frames)"},
    {UINT64_C(64) << 20, "64 MiB (tungstenite messages)"},
    {UINT64_C(100) << 20, "100 MiB (node ws)"},
};

static void say_limit(struct wsc_claims *out, uint64_t size, uint64_t passed)
{
    for (size_t i = sizeof(size_limits) / sizeof(size_limits[0]); i-- > 0;) {
        if (size <= size_limits[i].bytes)
            continue;
        if (passed <= size_limits[i].bytes) {
            wsc_say(out, "over %s, the nearest known default below it", size_limits[i].name);
            if (passed > 0)
                wsc_say(out, "messages of up to %llu bytes had passed", (unsigned long long)passed);
        }
        return;
    }
}

void wsc_why_too_big(const struct wsc_case *c, struct wsc_claims *out)
{
    enum wsc_dir d;
    if (wsc_wire_code(c) != 1009 || !wsc_closer(c, &d))
        return;
    enum wsc_dir peer = wsc_other(d);
    const struct wsc_ev_side *from = &c->ev->side[peer];
    static const struct wsc_sign_large none;
    const struct wsc_sign_large *large = &c->signs->large[peer];
    if (large->frame_len > from->last_len)
        large = &none; /* of a message before the last */
    char packet[WSC_PACKET_TEXT];
    bool plausible = from->last_len > size_limits[0].bytes || large->compressed;
    wsc_claim(out, WSC_CAUSE_MESSAGE_TOO_BIG,
              plausible ? WSC_CONFIDENCE_CERTAIN : WSC_CONFIDENCE_LIKELY);
    wsc_say(out, "the %s's Close (%s) says 1009: a message over its limit", wsc_text_side(d),
            wsc_text_packet(c->ev->side[d].first.ref, packet));
    if (!from->data_last) {
        wsc_say(out, "the %s's last frame before it was not of a message", wsc_text_side(peer));
        return;
    }
    wsc_say(out, "the %s's last message was of %llu bytes%s", wsc_text_side(peer),
            (unsigned long long)from->last_len,
            large->compressed ? ", compressed: the limit counts what it inflates to" : "");
    if (large->ref != 0)
        wsc_say(out, "its last large frame was of %llu bytes (%s)",
                (unsigned long long)large->frame_len, wsc_text_packet(large->ref, packet));
    if (!large->compressed)
        say_limit(out, from->last_len, from->longest_before);
}
