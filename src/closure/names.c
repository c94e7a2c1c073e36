#include <wsclose/closure.h>

#include "base/decimal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Words by enum value; NULL where the SPEC prints null. */
static const char *const outcomes[] = {"unknown", "closed", "open", "handshake_failed"};
static const char *const endings[] = {
    "none",       "close_handshake", "close_unanswered", "fin",      "reset",
    "vanished",   "stream_reset",    "stream_end",       "rejected", "no_response",
    "bad_accept", "tcp_refused",     "tls_failed",       "gap"};
static const char *const code_sources[] = {NULL, "wire", "inferred"};
static const char *const tcp_ends[] = {"none", "fin", "rst"};
static const char *const confidences[] = {NULL, "possible", "likely", "certain"};
static const char *const causes[] = {NULL,
                                     "normal",
                                     "going_away",
                                     "server_shutdown",
                                     "page_left",
                                     "idle_timeout",
                                     "lifetime_limit",
                                     "keepalive_timeout",
                                     "peer_crash",
                                     "network_loss",
                                     "middlebox_reset",
                                     "proxy_cut",
                                     "mass_disconnect",
                                     "message_too_big",
                                     "protocol_error",
                                     "invalid_data",
                                     "policy",
                                     "server_error",
                                     "client_error",
                                     "service_restart",
                                     "overload",
                                     "bad_gateway",
                                     "unauthorized",
                                     "application",
                                     "handshake_rejected",
                                     "handshake_timeout",
                                     "tls_failed",
                                     "capture_gap",
                                     "no_keys",
                                     "evicted"};
static const char *const sides[] = {NULL, "client", "server", "both"};
static const char *const rules[] = {
    "unmasked-client-frame", "masked-server-frame",    "reserved-opcode",
    "reserved-bits",         "fragmented-control",     "control-too-long",
    "close-body-length-1",   "close-code-not-allowed", "close-reason-not-utf8",
    "text-not-utf8",         "frame-after-close",      "unexpected-continuation",
    "length-not-minimal",    "length-high-bit",        "data-before-101",
    "bad-accept-key"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
_Static_assert(COUNT(rules) == WSC_RULE_COUNT, "every rule has its word");
_Static_assert(COUNT(causes) == WSC_CAUSE_COUNT, "every cause has its word");
_Static_assert(COUNT(endings) == WSC_ENDING_GAP + 1, "every ending has its word");

static const char *name_of(const char *const *words, size_t n, unsigned v)
{
    return v < n ? words[v] : "invalid";
}

static int parse(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] != NULL && strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

#define NAMES(fn, type, words)                                                                     \
    const char *wsc_##fn##_name(enum type v)                                                       \
    {                                                                                              \
        return name_of(words, COUNT(words), (unsigned)v);                                          \
    }                                                                                              \
    int wsc_##fn##_parse(const char *word)                                                         \
    {                                                                                              \
        return parse(words, COUNT(words), word);                                                   \
    }

NAMES(outcome, wsc_outcome, outcomes)
NAMES(ending, wsc_ending, endings)
NAMES(code_source, wsc_code_source, code_sources)
NAMES(tcp_end, wsc_tcp_end, tcp_ends)
NAMES(rule, wsc_rule, rules)
NAMES(cause, wsc_cause, causes)
NAMES(confidence, wsc_confidence, confidences)
NAMES(side, wsc_side, sides)

size_t wsc_endpoint_text(const struct wsc_endpoint *e, char out[WSC_ENDPOINT_TEXT_MAX])
{
    char *at = out;
    if (e->family == 4) {
        for (size_t i = 0; i < 4; i++) {
            at = wsc_decimal(at, e->addr[i]);
            *at++ = i < 3 ? '.' : ':';
        }
    } else if (e->family == 6) {
        *at++ = '[';
        if (inet_ntop(AF_INET6, e->addr, at, INET6_ADDRSTRLEN) == NULL) {
            out[0] = '\0';
            return 0;
        }
        at += strlen(at);
        *at++ = ']';
        *at++ = ':';
    }
    if (at != out)
        at = wsc_decimal(at, e->port);
    *at = '\0';
    return (size_t)(at - out);
}

/* "1".."65535", nothing else. */
static bool parse_port(const char *text, uint16_t *port)
{
    unsigned v = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    for (const char *p = text; *p != '\0'; p++)
        v = v * 10 + (unsigned)(*p - '0');
    if (v > UINT16_MAX)
        return false;
    *port = (uint16_t)v;
    return true;
}

static bool parse_address(const char *text, size_t len, struct wsc_endpoint *out)
{
    char addr[INET6_ADDRSTRLEN];
    if (len == 0 || len >= sizeof(addr))
        return false;
    memcpy(addr, text, len);
    addr[len] = '\0';
    out->family = strchr(addr, ':') != NULL ? 6 : 4;
    return inet_pton(out->family == 4 ? AF_INET : AF_INET6, addr, out->addr) == 1;
}

bool wsc_endpoint_parse(const char *text, struct wsc_endpoint *out)
{
    *out = (struct wsc_endpoint){0};
    const char *addr = text, *end = text + strlen(text), *port = NULL;
    if (text[0] == '[') {
        addr = text + 1;
        end = strchr(addr, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        port = end[1] == ':' ? end + 2 : NULL;
    } else {
        const char *colon = strchr(text, ':');
        if (colon != NULL &&
            strchr(colon + 1, ':') == NULL) { /* two colons: an IPv6 address without a port */
            end = colon;
            port = colon + 1;
        }
    }
    if (!parse_address(addr, (size_t)(end - addr), out) ||
        (port != NULL && !parse_port(port, &out->port))) {
        *out = (struct wsc_endpoint){0};
        return false;
    }
    return true;
}
