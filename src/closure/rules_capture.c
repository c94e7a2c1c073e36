/* What the capture does not show. */
#include "closure/diagnose.h"

void wsc_why_evicted(const struct wsc_case *c, struct wsc_claims *out)
{
    if (c->ev->stop != WSC_EV_STOP_EVICTED || c->rec->outcome != WSC_OUTCOME_UNKNOWN)
        return;
    wsc_claim(out, WSC_CAUSE_EVICTED, WSC_CONFIDENCE_CERTAIN);
    wsc_say(out, "forgotten as the one idle longest when the ceiling of connections was reached; "
                 "what became of it was not followed");
}

/* Where bytes of |d| are missing so that a Close may have been there unseen. */
static bool hides(const struct wsc_case *c, enum wsc_dir d)
{
    return c->ev->side[d].hidden || c->rec->missing_bytes[d] > 0;
}

void wsc_why_gap(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    if (r->outcome != WSC_OUTCOME_UNKNOWN || c->ev->stop == WSC_EV_STOP_EVICTED ||
        c->ev->handshake == WSC_EV_ENCRYPTED)
        return;
    bool told = false;
    wsc_claim(out, WSC_CAUSE_CAPTURE_GAP, WSC_CONFIDENCE_CERTAIN);
    for (int i = 0; i < 2; i++) {
        enum wsc_dir d = (enum wsc_dir)i;
        if (!c->ev->side[d].captured)
            wsc_say(out, "no packet of the %s was captured", wsc_text_side(d));
        else if (r->missing_bytes[d] > 0)
            wsc_say(out,
                    "%llu bytes of the %s were not captured: a Close frame may have been among "
                    "them",
                    (unsigned long long)r->missing_bytes[d], wsc_text_side(d));
        else if (hides(c, d))
            wsc_say(out, "framing of the %s's bytes is lost: a Close frame may be there unseen",
                    wsc_text_side(d));
        else
            continue;
        told = true;
    }
    if (c->ev->lost) {
        wsc_say(out, "packets were dropped before they could be looked at: an answer may have been "
                     "among them");
        told = true;
    }
    if (c->ev->handshake == WSC_EV_PENDING)
        wsc_say(out, "no answer to the handshake was captured");
    else if (!told)
        wsc_say(out, "the packets that decide how it ended were not captured");
}
