/* What TLS says, or keeps to itself (RFC 8446 6, RFC 5246 7.2). */
#include "closure/diagnose.h"

#define CLOSE_NOTIFY 0
#define ENCRYPTED    (-1)
#define FATAL        2u

/* Alerts, as their registry names them, and what they mean to who looks for a cause. */
static const struct {
    int16_t description;
    const char *name, *meaning;
} alerts[] = {
    {0, "close_notify", NULL},
    {10, "unexpected_message", NULL},
    {20, "bad_record_mac", "the two sides do not share keys, or bytes were changed on the way"},
    {22, "record_overflow", NULL},
    {40, "handshake_failure", "no version, cipher or certificate that both sides accept"},
    {42, "bad_certificate", "the peer's certificate was refused"},
    {43, "unsupported_certificate", "the peer's certificate was refused"},
    {44, "certificate_revoked", "the peer's certificate is revoked"},
    {45, "certificate_expired", "the peer's certificate has expired, or a clock is wrong"},
    {46, "certificate_unknown",
     "the peer's certificate was refused; browsers say this where a "
     "self-signed one is not trusted"},
    {47, "illegal_parameter", NULL},
    {48, "unknown_ca",
     "who signed the peer's certificate is not trusted: a self-signed one, or a "
     "missing intermediate"},
    {49, "access_denied", NULL},
    {50, "decode_error", NULL},
    {51, "decrypt_error", NULL},
    {70, "protocol_version", "no version of TLS that both sides accept"},
    {71, "insufficient_security", "no cipher that is strong enough for one side"},
    {80, "internal_error", NULL},
    {86, "inappropriate_fallback", NULL},
    {90, "user_canceled", NULL},
    {109, "missing_extension", NULL},
    {112, "unrecognized_name", "the server does not know the name that the client asked for"},
    {113, "bad_certificate_status_response", NULL},
    {115, "unknown_psk_identity", NULL},
    {116, "certificate_required", "the server wants a certificate of the client"},
    {120, "no_application_protocol", "no protocol (ALPN) that both sides speak"},
};

const char *wsc_alert_name(int description)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
        if (alerts[i].description == description)
            return alerts[i].name;
    return "not registered";
}

static const char *meaning_of(int description)
{
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
        if (alerts[i].description == description)
            return alerts[i].meaning;
    return NULL;
}

static void say_alert(const struct wsc_case *c, enum wsc_dir d, struct wsc_claims *out)
{
    const struct wsc_sign_alert *a = &c->signs->alert[d];
    char packet[WSC_PACKET_TEXT];
    if (a->ref == 0)
        return;
    if (a->description == ENCRYPTED) {
        wsc_say(out, "the %s sent an alert (%s), encrypted: which one cannot be read",
                wsc_text_side(d), wsc_text_packet(a->ref, packet));
        return;
    }
    const char *name = wsc_alert_name(a->description), *meaning = meaning_of(a->description);
    wsc_say(out, "the %s sent the %s%s (%d) in %s%s%s", wsc_text_side(d),
            a->level == FATAL ? "fatal alert " : "", name, a->description,
            wsc_text_packet(a->ref, packet), meaning != NULL ? ": " : "",
            meaning != NULL ? meaning : "");
}

void wsc_why_no_keys(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    if (c->ev->handshake != WSC_EV_ENCRYPTED)
        return;
    char alpn[WSC_QUOTE_TEXT], packet[WSC_PACKET_TEXT], time[WSC_TIME_TEXT];
    wsc_claim(out, WSC_CAUSE_NO_KEYS, WSC_CONFIDENCE_CERTAIN);
    wsc_say(out, "no key log has the secrets of this TLS connection: whether it was a WebSocket, "
                 "and what its ends said, cannot be told");
    if (c->signs->alpn.len > 0)
        wsc_say(out, "the client offered \"%s\" (ALPN)", wsc_text_quote(c->signs->alpn, alpn));
    for (int d = 0; d < 2; d++)
        say_alert(c, (enum wsc_dir)d, out);
    if (r->tcp_end != WSC_TCP_END_NONE)
        wsc_say(out, "TCP was ended by the %s's %s (%s)", wsc_side_name(r->tcp_end_by),
                r->tcp_end == WSC_TCP_END_RST ? "RST" : "FIN",
                wsc_text_packet(r->tcp_end_packet, packet));
    if (r->idle_any_ns != WSC_UNKNOWN)
        wsc_say(out, "no record for %s before that", wsc_text_time(r->idle_any_ns, time));
}

void wsc_why_tls_failed(const struct wsc_case *c, struct wsc_claims *out)
{
    if (c->ev->handshake != WSC_EV_TLS_FAILED)
        return;
    wsc_claim(out, WSC_CAUSE_TLS_FAILED, WSC_CONFIDENCE_CERTAIN);
    wsc_say(out, "TLS did not come about: no request was ever sent");
    if (c->ev->wss_known)
        wsc_say(out, "every TLS connection to this server that could be read before was a "
                     "WebSocket, so this was to be one: 1015");
    for (int d = 0; d < 2; d++)
        say_alert(c, (enum wsc_dir)d, out);
}

/* How TLS ended under a WebSocket that ended without a Close: an orderly end has close_notify. */
void wsc_why_tls(const struct wsc_case *c, struct wsc_claims *out)
{
    enum wsc_dir d;
    if (!c->signs->tls || wsc_ended_stream(c) || !wsc_ended_bare(c) || !wsc_closer(c, &d))
        return;
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    for (int i = 0; i < 2; i++)
        say_alert(c, (enum wsc_dir)i, out);
    if (c->rec->ending == WSC_ENDING_FIN && c->signs->alert[d].ref == 0 &&
        c->rec->missing_bytes[d] == 0)
        wsc_say(out,
                "the %s's FIN came without a close_notify: TLS did not end it, a crash or a "
                "box on the way may have",
                wsc_text_side(d));
}
