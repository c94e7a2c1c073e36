#include "closure/diagnose.h"

#include "base/decimal.h"
#include "base/utf8.h"

#include <wsclose/codes.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of two claims that are equally sure the earlier rule wins: the more special one. */
static const wsc_why_fn rules[] = {
    wsc_why_evicted,    wsc_why_no_keys,      wsc_why_tls_failed, wsc_why_gap,
    wsc_why_rejected,   wsc_why_bad_answer,   wsc_why_no_answer,  wsc_why_forgotten,
    wsc_why_middlebox,  wsc_why_reason,       wsc_why_goodbye,    wsc_why_violation,
    wsc_why_too_big,    wsc_why_app_code,     wsc_why_keepalive,  wsc_why_code,
    wsc_why_idle,       wsc_why_network_loss, wsc_why_lifetime,   wsc_why_http2,
    wsc_why_peer_crash, wsc_why_tls,          wsc_why_software,
};

/* ---- claims ---- */

void wsc_claim(struct wsc_claims *out, enum wsc_cause cause, enum wsc_confidence confidence)
{
    out->full = out->len == WSC_CLAIMS_MAX;
    if (out->full)
        return;
    out->list[out->len++] = (struct wsc_claim){
        .cause = cause, .confidence = confidence, .first = (uint8_t)out->sentences_len};
}

/* |n|, or less where that would cut a character. */
static size_t whole_characters(const char *s, size_t n)
{
    size_t len = n;
    while (len > 0 && n - len < 3 && ((unsigned char)s[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)s[len - 1] >= 0xc0)
        len--;
    return wsc_utf8_valid((const uint8_t *)s, n) ? n : len;
}

void wsc_write(struct wsc_claims *out, const char *format, ...)
{
    size_t room = sizeof(out->text) - out->used;
    if (out->len == 0 || out->full || out->sentences_len == WSC_SENTENCES_MAX || room < 2)
        return;
    if (room > WSC_SENTENCE_MAX)
        room = WSC_SENTENCE_MAX;
    char *at = out->text + out->used;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(at, room, format, ap);
    va_end(ap);
    if (n < 0)
        return;
    size_t len = (size_t)n < room ? (size_t)n : whole_characters(at, room - 1);
    out->used += len;
    out->sentences[out->sentences_len++] =
        (struct wsc_span){.ptr = (const uint8_t *)at, .len = len};
    out->list[out->len - 1].len++;
}

bool wsc_claimed(const struct wsc_claims *out, enum wsc_confidence at_least)
{
    for (size_t i = 0; i < out->len; i++)
        if (out->list[i].cause != WSC_CAUSE_NONE && out->list[i].confidence >= at_least)
            return true;
    return false;
}

/* ---- the verdict ---- */

static const struct wsc_claim *strongest(const struct wsc_claims *claims)
{
    const struct wsc_claim *best = NULL;
    for (size_t i = 0; i < claims->len; i++) {
        const struct wsc_claim *c = &claims->list[i];
        if (c->cause != WSC_CAUSE_NONE && (best == NULL || c->confidence > best->confidence))
            best = c;
    }
    return best;
}

static struct wsc_span text_span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

static void take_sentences(const struct wsc_claims *claims, const struct wsc_claim *c,
                           struct wsc_closure *rec)
{
    for (size_t i = 0; i < c->len && rec->evidence_len < WSC_EVIDENCE_MAX; i++)
        rec->evidence[rec->evidence_len++] = claims->sentences[c->first + i];
}

/* What a claim that did not win says is told with its own cause, so that nobody takes it for the
 * winner's. */
static void take_other(struct wsc_claims *claims, const struct wsc_claim *c,
                       const struct wsc_claim *best, struct wsc_closure *rec)
{
    if (c->cause == WSC_CAUSE_NONE || c->cause == best->cause) {
        take_sentences(claims, c, rec);
        return;
    }
    const struct wsc_span *first = &claims->sentences[c->first];
    if (c->len == 0 || rec->evidence_len == WSC_EVIDENCE_MAX)
        return;
    size_t room = sizeof(claims->text) - claims->used;
    char *at = claims->text + claims->used;
    int n = snprintf(at, room, "%s would fit too (%s): %.*s", wsc_cause_name(c->cause),
                     wsc_confidence_name(c->confidence), (int)first->len, first->ptr);
    if (n < 0 || (size_t)n >= room)
        return;
    claims->used += (size_t)n;
    rec->evidence[rec->evidence_len++] =
        (struct wsc_span){.ptr = (const uint8_t *)at, .len = (size_t)n};
}

void wsc_diagnose(const struct wsc_case *c, struct wsc_claims *claims, struct wsc_closure *rec)
{
    claims->len = claims->sentences_len = claims->used = 0;
    claims->full = false;
    claims->silent = c->no_evidence;
    claims->hints_known = false;
    claims->software = (struct wsc_span){0};
    claims->app_code = NULL;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        rules[i](c, claims);
    static const struct wsc_claim nothing = {.cause = WSC_CAUSE_NONE};
    const struct wsc_claim *best = strongest(claims);
    rec->evidence_len = 0;
    if (best != NULL) {
        rec->cause = text_span(wsc_cause_name(best->cause));
        rec->confidence = best->confidence;
        take_sentences(claims, best, rec);
    }
    for (size_t i = 0; i < claims->len; i++)
        if (&claims->list[i] != best)
            take_other(claims, &claims->list[i], best != NULL ? best : &nothing, rec);
    rec->software = claims->software;
    if (claims->app_code != NULL) {
        rec->app_code_scope = text_span(claims->app_code->scope);
        rec->app_code_name = text_span(claims->app_code->name);
        rec->app_code_meaning = text_span(claims->app_code->meaning);
    }
}

/* ---- words ---- */

/* The two below are in nearly every sentence: printf() would be most of what a record costs. They
 * return the end of what they wrote. */
static char *put_text(char *at, const char *s)
{
    while (*s != '\0')
        *at++ = *s++;
    *at = '\0';
    return at;
}

static char *put_number(char *at, uint64_t v)
{
    at = wsc_decimal(at, v);
    *at = '\0';
    return at;
}

/* What is right between two tenths is rounded as the double next to it, and so is what a double
 * cannot hold to the nanosecond. */
#define EXACT_NS INT64_C(1000000000000000)

const char *wsc_text_time(int64_t ns, char out[WSC_TIME_TEXT])
{
    bool ms = ns < 1000000000;
    uint64_t tenth = ms ? 100000 : 100000000, tenths = ((uint64_t)ns + tenth / 2) / tenth;
    if ((uint64_t)ns % tenth == tenth / 2 || ns >= EXACT_NS) {
        double s = (double)ns / 1e9;
        (void)snprintf(out, WSC_TIME_TEXT, ms ? "%.1f ms" : "%.1f s", ms ? s * 1e3 : s);
        return out;
    }
    char *at = put_number(out, tenths / 10);
    *at++ = '.';
    *at++ = (char)('0' + tenths % 10);
    (void)put_text(at, ms ? " ms" : " s");
    return out;
}

const char *wsc_text_packet(uint64_t ref, char out[WSC_PACKET_TEXT])
{
    unsigned capture = WSC_REF_CAPTURE(ref);
    char *at = put_number(put_text(out, "packet "), WSC_REF_NUMBER(ref));
    if (capture != 0)
        (void)put_number(put_text(at, " of capture "), capture + 1);
    return out;
}

/* Length of the UTF-8 character at |p|, 0 if there is none. */
static size_t character(const uint8_t *p, size_t n)
{
    for (size_t len = 1; len <= 4 && len <= n; len++)
        if (wsc_utf8_valid(p, len))
            return len;
    return 0;
}

const char *wsc_text_quote(struct wsc_span s, char out[WSC_QUOTE_TEXT])
{
    static const char dots[] = "...";
    size_t used = 0;
    for (size_t i = 0; i < s.len;) {
        size_t len = s.ptr[i] < 0x80 ? 1 : character(s.ptr + i, s.len - i);
        bool plain = len > 1 || (len == 1 && s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f);
        size_t need = plain ? len : 4;
        if (used + need + sizeof(dots) > WSC_QUOTE_TEXT) {
            memcpy(out + used, dots, sizeof(dots));
            return out;
        }
        if (plain)
            memcpy(out + used, s.ptr + i, len);
        else
            (void)snprintf(out + used, 5, "\\x%02x", s.ptr[i]);
        used += need;
        i += plain ? len : 1;
    }
    out[used] = '\0';
    return out;
}

const char *wsc_text_side(enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? "client" : "server";
}

enum wsc_dir wsc_other(enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? WSC_DIR_S2C : WSC_DIR_C2S;
}

/* ---- facts that several rules ask for ---- */

bool wsc_closer(const struct wsc_case *c, enum wsc_dir *out)
{
    if (c->rec->closed_by != WSC_SIDE_CLIENT && c->rec->closed_by != WSC_SIDE_SERVER)
        return false;
    *out = c->rec->closed_by == WSC_SIDE_CLIENT ? WSC_DIR_C2S : WSC_DIR_S2C;
    return true;
}

bool wsc_ended_bare(const struct wsc_case *c)
{
    return c->rec->outcome == WSC_OUTCOME_CLOSED &&
           (c->rec->ending == WSC_ENDING_FIN || c->rec->ending == WSC_ENDING_RESET ||
            wsc_ended_stream(c));
}

bool wsc_ended_stream(const struct wsc_case *c)
{
    return c->rec->ending == WSC_ENDING_STREAM_END || c->rec->ending == WSC_ENDING_STREAM_RESET;
}

const char *wsc_end_word(const struct wsc_case *c)
{
    switch (c->rec->ending) {
    case WSC_ENDING_FIN:
        return "FIN";
    case WSC_ENDING_RESET:
        return "RST";
    case WSC_ENDING_STREAM_END:
        return "END_STREAM";
    case WSC_ENDING_STREAM_RESET:
        return "RST_STREAM";
    default:
        return "Close";
    }
}

uint64_t wsc_end_packet(const struct wsc_case *c, enum wsc_dir d)
{
    const struct wsc_ev_side *side = &c->ev->side[d];
    if (side->first.seen)
        return side->first.ref;
    if (c->rec->ending == WSC_ENDING_STREAM_END)
        return side->fin.ref;
    return c->rec->ending == WSC_ENDING_STREAM_RESET ? side->rst.ref : c->rec->tcp_end_packet;
}

int wsc_wire_code(const struct wsc_case *c)
{
    return c->rec->code_source == WSC_CODE_SOURCE_WIRE ? c->rec->close_code : WSC_UNKNOWN;
}

size_t wsc_hints(const struct wsc_case *c, struct wsc_claims *out)
{
    int code = wsc_wire_code(c);
    if (code == WSC_UNKNOWN || c->rec->reason.len == 0)
        return 0;
    if (!out->hints_known)
        out->hints_len = wsc_reason_find(code, c->rec->reason, out->hints, WSC_HINTS_MAX);
    out->hints_known = true;
    return out->hints_len;
}

int64_t wsc_idle_of(const struct wsc_case *c, enum wsc_dir d)
{
    return d == WSC_DIR_C2S ? c->rec->idle_client_ns : c->rec->idle_server_ns;
}
