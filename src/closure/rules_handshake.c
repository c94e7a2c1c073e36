/* Handshakes that failed (RFC 6455 section 4). */
#include "closure/diagnose.h"

/* What a status says about an upgrade; NULL: nothing more than its name. */
static const char *status_hint(int status)
{
    if (status >= 300 && status < 400)
        return "a redirect: browsers and most libraries do not follow one for a WebSocket";
    switch (status) {
    case 200:
        return "an ordinary page: what answered does not know the Upgrade; a proxy may have "
               "dropped the Upgrade header, or the path is not that of a WebSocket";
    case 400:
    case 426:
        return "the Upgrade, Connection or Sec-WebSocket headers did not reach the server as it "
               "needs them: a proxy that does not pass them on, or another version";
    case 401:
    case 407:
        return "credentials are missing or were refused";
    case 403:
        return "refused: origin, address, token or route; the application rejected it before "
               "accepting";
    case 404:
        return "nothing listens at that path";
    case 429:
        return "too many attempts";
    case 503:
        return "not available now: overload, maintenance, or a gateway without a backend";
    case 502:
    case 504:
        return "a gateway answered for a backend that did not";
    default:
        return NULL;
    }
}

static void say_header(struct wsc_claims *out, const char *name, struct wsc_span value,
                       const char *why)
{
    char text[WSC_QUOTE_TEXT];
    if (value.ptr != NULL && value.len > 0)
        wsc_say(out, "%s: %s%s", name, wsc_text_quote(value, text), why);
}

void wsc_why_rejected(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    const struct wsc_signs *s = c->signs;
    if (r->outcome != WSC_OUTCOME_HANDSHAKE_FAILED || r->ending != WSC_ENDING_REJECTED)
        return;
    char phrase[WSC_QUOTE_TEXT], packet[WSC_PACKET_TEXT];
    bool said = s->phrase.len > 0, found = s->answer_ref != 0;
    wsc_claim(out, WSC_CAUSE_HANDSHAKE_REJECTED, WSC_CONFIDENCE_CERTAIN);
    wsc_say(out, "a browser page sees only 1006; the server answered %d%s%s%s%s%s",
            r->handshake_status, said ? " " : "", said ? wsc_text_quote(s->phrase, phrase) : "",
            found ? " (" : "", found ? wsc_text_packet(s->answer_ref, packet) : "",
            found ? ")" : "");
    const char *hint = status_hint(r->handshake_status);
    if (hint != NULL)
        wsc_say(out, "%s", hint);
    say_header(out, "Location", s->location, "");
    say_header(out, "WWW-Authenticate", s->www_authenticate, "");
    say_header(out, "Server", r->server_software, "");
    say_header(out, "Via", s->via, ": a proxy stands between");
    say_header(out, "CF-Ray", s->cf_ray, ": Cloudflare answered, or passed it on");
}

void wsc_why_bad_answer(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    if (r->outcome != WSC_OUTCOME_HANDSHAKE_FAILED)
        return;
    if (c->ev->handshake == WSC_EV_GARBAGE) {
        wsc_claim(out, WSC_CAUSE_PROTOCOL_ERROR, WSC_CONFIDENCE_CERTAIN);
        wsc_say(out, "the server's answer to the handshake is not HTTP");
        return;
    }
    if (r->ending != WSC_ENDING_BAD_ACCEPT)
        return;
    wsc_claim(out, WSC_CAUSE_PROTOCOL_ERROR, WSC_CONFIDENCE_CERTAIN);
    char packet[WSC_PACKET_TEXT] = "";
    for (size_t i = 0; i < r->violations_len; i++)
        if (r->violations[i].rule == WSC_RULE_BAD_ACCEPT_KEY)
            (void)wsc_text_packet(r->violations[i].packet, packet);
    wsc_say(out,
            "the server's 101 (%s) has a wrong or missing Sec-WebSocket-Accept or Upgrade: a "
            "client must fail the connection (RFC 6455 4.1)",
            packet);
}

void wsc_why_no_answer(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    const struct wsc_ev_side *client = &c->ev->side[WSC_DIR_C2S];
    if (r->outcome != WSC_OUTCOME_HANDSHAKE_FAILED || r->ending != WSC_ENDING_NO_RESPONSE)
        return;
    char packet[WSC_PACKET_TEXT], time[WSC_TIME_TEXT];
    int64_t waited = r->idle_client_ns;
    if (waited == WSC_UNKNOWN || c->ev->handshake != WSC_EV_PENDING ||
        !c->ev->side[WSC_DIR_S2C].captured)
        return; /* who was not captured may have answered */
    bool rst = r->tcp_end == WSC_TCP_END_RST;
    if (r->tcp_end_by == WSC_SIDE_SERVER) {
        wsc_claim(out, WSC_CAUSE_PEER_CRASH, WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "the server ended TCP (%s, %s) %s after the request, without an answer",
                rst ? "RST" : "FIN", wsc_text_packet(r->tcp_end_packet, packet),
                wsc_text_time(waited, time));
    } else if (r->tcp_end_by == WSC_SIDE_CLIENT) {
        wsc_claim(out, WSC_CAUSE_HANDSHAKE_TIMEOUT, WSC_CONFIDENCE_LIKELY);
        wsc_say(out, "the client gave up (%s, %s) %s after its request; no answer had come",
                rst ? "RST" : "FIN", wsc_text_packet(r->tcp_end_packet, packet),
                wsc_text_time(waited, time));
        if (client->acked_known && client->acked_off >= client->end_off)
            wsc_say(out, "TCP had acknowledged the request: the server's host was there, its "
                         "process did not answer");
    }
}
