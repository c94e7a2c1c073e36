/* Silences, ages and unanswered Pings, against the limits table. */
#include "closure/diagnose.h"

#include <stdio.h>
#include <string.h>

/* ---- what ended it, as a limit's row would have it ---- */

static unsigned end_bits(const struct wsc_case *c)
{
    if (c->rec->ending == WSC_ENDING_FIN || c->rec->ending == WSC_ENDING_STREAM_END)
        return WSC_ENDS_FIN;
    if (c->rec->ending == WSC_ENDING_RESET || c->rec->ending == WSC_ENDING_STREAM_RESET)
        return WSC_ENDS_RST;
    return c->rec->code_source != WSC_CODE_SOURCE_NONE ? WSC_ENDS_CLOSE : 0;
}

#define CANDIDATES 24u
#define NAMED      5u

struct candidates {
    size_t len;
    bool verified, own;
    const struct wsc_limit *row[CANDIDATES]; /* |len| of them */
};

static void no_candidates(struct candidates *list)
{
    list->len = 0;
    list->verified = list->own = false;
}

static void add_candidate(struct candidates *list, const struct wsc_limit *l)
{
    if (list->len == CANDIDATES)
        return;
    list->row[list->len++] = l;
    list->verified |= l->verified;
    list->own |= l->own;
}

/* The rows of |kind| and |clock| that |ns| fits and that end connections as this one did. */
static void find(const struct wsc_case *c, enum wsc_limit_kind kind, enum wsc_limit_clock clock,
                 int64_t ns, struct candidates *list)
{
    const struct wsc_limit *out[CANDIDATES];
    if (ns == WSC_UNKNOWN || c->signs->limits == NULL)
        return;
    size_t n = wsc_limits_match(c->signs->limits, kind, ns, out, CANDIDATES);
    for (size_t i = 0; i < n && i < CANDIDATES; i++)
        if (out[i]->clock == clock && wsc_limit_ends_like(out[i], end_bits(c), wsc_wire_code(c)))
            add_candidate(list, out[i]);
}

static void say_candidates(struct wsc_claims *out, const struct candidates *list)
{
    char text[WSC_SENTENCE_MAX];
    size_t used = 0;
    if (out->silent)
        return;
    text[0] = '\0';
    for (size_t i = 0; i < list->len && i < NAMED; i++) {
        const struct wsc_limit *l = list->row[i];
        int n = snprintf(text + used, sizeof(text) - used, "%s%s %s%s", i > 0 ? "; " : "",
                         l->product, l->setting, l->verified ? "" : " (unverified)");
        if (n < 0 || (size_t)n >= sizeof(text) - used)
            break;
        used += (size_t)n;
    }
    if (list->len > NAMED)
        (void)snprintf(text + used, sizeof(text) - used, "; and %zu more", list->len - NAMED);
    wsc_say(out, "matches a limit of %.10g s: %s", (double)list->row[0]->max_ns / 1e9, text);
}

/* A Ping that comes no sooner than the limit runs out keeps nothing alive. */
static void warn_pings(const struct wsc_case *c, const struct candidates *list,
                       struct wsc_claims *out)
{
    char time[WSC_TIME_TEXT];
    for (int d = 0; d < 2; d++) {
        uint64_t every = c->signs->ping[d].interval_ns;
        int64_t limit = list->row[0]->max_ns;
        if (every != 0 && (int64_t)every + wsc_limit_slack(limit) >= limit)
            wsc_say(out, "the %s pings every %s, which is not shorter than that limit",
                    wsc_text_side((enum wsc_dir)d), wsc_text_time((int64_t)every, time));
    }
}

/* ---- silence ---- */

static bool may_be_timed(const struct wsc_case *c, enum wsc_dir *closer)
{
    return c->rec->outcome == WSC_OUTCOME_CLOSED && c->rec->ended_ns != 0 && end_bits(c) != 0 &&
           wsc_closer(c, closer);
}

static void claim_idle(const struct wsc_case *c, enum wsc_dir closer, const char *whose, int64_t ns,
                       struct candidates *list, struct wsc_claims *out)
{
    char time[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT];
    wsc_limits_named_first(list->row, list->len, c->rec->server_software);
    /* A Close says itself why it was sent; its code in the table only makes it a candidate. */
    bool sure = (list->verified || list->own) && end_bits(c) != WSC_ENDS_CLOSE;
    wsc_claim(out, WSC_CAUSE_IDLE_TIMEOUT, sure ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_POSSIBLE);
    wsc_say(out, "no %s for %s before the %s's %s (%s)", whose, wsc_text_time(ns, time),
            wsc_text_side(closer), wsc_end_word(c),
            wsc_text_packet(wsc_end_packet(c, closer), packet));
    say_candidates(out, list);
    warn_pings(c, list, out);
}

/* A timer that starts anew with any byte cannot have let a longer silence pass. */
static bool survived_longer(const struct wsc_case *c, const struct candidates *list,
                            struct wsc_claims *out)
{
    char before[WSC_TIME_TEXT], now[WSC_TIME_TEXT];
    if (c->signs->quiet_ns <= c->rec->idle_any_ns)
        return false;
    wsc_claim(out, WSC_CAUSE_NONE, WSC_CONFIDENCE_NONE);
    wsc_say(out,
            "the silence of %s at the end matches %s %s, but it had lived through one of %s before",
            wsc_text_time(c->rec->idle_any_ns, now), list->row[0]->product, list->row[0]->setting,
            wsc_text_time(c->signs->quiet_ns, before));
    return true;
}

/* False if no silence of |c| is as long as the shortest limit, as most are not. */
static bool long_enough(const struct wsc_case *c)
{
    const struct wsc_closure *r = c->rec;
    int64_t needed = c->signs->limits != NULL
                         ? wsc_limits_shortest(c->signs->limits, WSC_LIMIT_IDLE)
                         : INT64_MAX;
    return r->idle_any_ns >= needed || r->idle_server_ns >= needed || r->idle_client_ns >= needed ||
           r->idle_data_ns >= needed;
}

void wsc_why_idle(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    const struct {
        enum wsc_limit_clock clock;
        int64_t ns;
        const char *whose;
    } clocks[] = {{WSC_CLOCK_ANY, r->idle_any_ns, "byte"},
                  {WSC_CLOCK_SERVER, r->idle_server_ns, "byte of the server"},
                  {WSC_CLOCK_CLIENT, r->idle_client_ns, "byte of the client"},
                  {WSC_CLOCK_DATA, r->idle_data_ns, "data frame"}};
    enum wsc_dir closer;
    if (!may_be_timed(c, &closer) || !long_enough(c))
        return;
    struct candidates whole, one;
    no_candidates(&whole);
    /* Where nobody spoke, the limits that count one side only fit as well. */
    for (size_t i = 0; i < 4; i++)
        if (clocks[i].ns == r->idle_any_ns ||
            (clocks[i].ns != WSC_UNKNOWN && r->idle_any_ns != WSC_UNKNOWN &&
             clocks[i].ns - r->idle_any_ns <= wsc_limit_slack(r->idle_any_ns)))
            find(c, WSC_LIMIT_IDLE, clocks[i].clock, clocks[i].ns, &whole);
    if (whole.len > 0 && survived_longer(c, &whole, out))
        return;
    if (whole.len > 0) {
        claim_idle(c, closer, clocks[0].whose, r->idle_any_ns, &whole, out);
        return;
    }
    for (size_t i = 1; i < 4; i++) {
        no_candidates(&one);
        find(c, WSC_LIMIT_IDLE, clocks[i].clock, clocks[i].ns, &one);
        if (one.len > 0) {
            claim_idle(c, closer, clocks[i].whose, clocks[i].ns, &one, out);
            return;
        }
    }
}

/* A box that dropped its state without a word answers the first packet after the silence with an
 * RST. */
#define ANSWER_NS UINT64_C(3000000000)

void wsc_why_forgotten(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_signs *s = c->signs;
    enum wsc_dir closer;
    if (c->rec->ending != WSC_ENDING_RESET || !may_be_timed(c, &closer) || s->quiet_ns == 0 ||
        c->rec->ended_ns < s->quiet_end_ns || c->rec->ended_ns > s->quiet_end_ns + ANSWER_NS)
        return;
    struct candidates list;
    no_candidates(&list);
    const struct wsc_limit *rows[CANDIDATES];
    size_t n = s->limits != NULL
                   ? wsc_limits_match(s->limits, WSC_LIMIT_IDLE, s->quiet_ns, rows, CANDIDATES)
                   : 0;
    /* The state was dropped at the limit; the next packet may come any time after it, but only a
     * close match names the box. */
    for (size_t i = 0; i < n && i < CANDIDATES; i++)
        if (rows[i]->ends & WSC_ENDS_SILENT)
            add_candidate(&list, rows[i]);
    if (list.len == 0)
        return;
    char time[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT];
    wsc_claim(out, WSC_CAUSE_IDLE_TIMEOUT,
              list.verified || list.own ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_POSSIBLE);
    wsc_say(out, "the first bytes after %s of silence were answered with the %s's RST (%s)",
            wsc_text_time(s->quiet_ns, time), wsc_text_side(closer),
            wsc_text_packet(wsc_end_packet(c, closer), packet));
    say_candidates(out, &list);
}

/* ---- age ---- */

void wsc_why_lifetime(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    enum wsc_dir closer;
    /* A connection that was quiet for most of its life ended of the quiet as well as of its age. */
    if (!may_be_timed(c, &closer) || r->established_ns == 0 || r->midstream ||
        r->duration_ns <= 0 || r->idle_any_ns == WSC_UNKNOWN || r->idle_any_ns > r->duration_ns / 4)
        return;
    struct candidates list;
    no_candidates(&list);
    find(c, WSC_LIMIT_LIFETIME, WSC_CLOCK_ANY, r->duration_ns, &list);
    if (list.len == 0)
        return;
    char age[WSC_TIME_TEXT], idle[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT];
    wsc_claim(out, WSC_CAUSE_LIFETIME_LIMIT, WSC_CONFIDENCE_POSSIBLE);
    wsc_say(out, "%s old at the %s's %s (%s), though bytes had come %s before",
            wsc_text_time(r->duration_ns, age), wsc_text_side(closer), wsc_end_word(c),
            wsc_text_packet(wsc_end_packet(c, closer), packet),
            wsc_text_time(r->idle_any_ns, idle));
    say_candidates(out, &list);
}

/* ---- Pings ---- */

/* A Ping sent a moment before the end had no time to be answered; 1011 says that it was waited for.
 */
#define PATIENCE_NS      INT64_C(1000000000)
#define PATIENCE_1011_NS INT64_C(200000000)

static void say_ping(const struct wsc_case *c, enum wsc_dir d, int64_t waited,
                     struct wsc_claims *out)
{
    const struct wsc_sign_ping *p = &c->signs->ping[d];
    char time[WSC_TIME_TEXT], packet[WSC_PACKET_TEXT], more[48] = "";
    if (p->open > 1)
        (void)snprintf(more, sizeof(more), ", nor the %u after it", (unsigned)(p->open - 1));
    wsc_say(out, "the Ping of the %s in %s, %s before the end, was not answered%s",
            wsc_text_side(d), wsc_text_packet(p->open_ref, packet), wsc_text_time(waited, time),
            more);
    const char *peer = wsc_text_side(wsc_other(d));
    if (p->acked_known && p->acked)
        wsc_say(out,
                "TCP acknowledged it: the %s's host was there, its process did not answer (stuck, "
                "stopped, or blind to Pings)",
                peer);
    else if (p->acked_known)
        wsc_say(out, "TCP did not acknowledge it: the network, or the %s's host, was gone", peer);
    const struct wsc_limit *rows[1];
    if (c->signs->limits != NULL &&
        wsc_limits_match(c->signs->limits, WSC_LIMIT_PING, waited, rows, 1) > 0)
        wsc_say(out, "%s matches %s %s%s", wsc_text_time(waited, time), rows[0]->product,
                rows[0]->setting, rows[0]->verified ? "" : " (unverified)");
}

/* Codes by which libraries end a connection whose Ping stays unanswered; others say their own. */
static bool keepalive_code(const struct wsc_case *c)
{
    int code = wsc_wire_code(c);
    return code == WSC_UNKNOWN || code == 1011 || code == 1001 || code == 1002;
}

void wsc_why_keepalive(const struct wsc_case *c, struct wsc_claims *out)
{
    const struct wsc_closure *r = c->rec;
    enum wsc_dir d;
    if (r->outcome != WSC_OUTCOME_CLOSED || r->ended_ns == 0 || !wsc_closer(c, &d))
        return;
    const struct wsc_sign_ping *p = &c->signs->ping[d];
    if (p->open == 0 || p->open_ns > r->ended_ns)
        return;
    int64_t waited = (int64_t)(r->ended_ns - p->open_ns);
    int64_t patience = wsc_wire_code(c) == 1011 ? PATIENCE_1011_NS : PATIENCE_NS;
    if (c->signs->rtt_ns != WSC_UNKNOWN && c->signs->rtt_ns * 4 > patience)
        patience = c->signs->rtt_ns * 4;
    if (waited < patience || c->signs->pong_ns[wsc_other(d)] >= p->open_ns)
        return;
    int64_t silent = wsc_idle_of(c, wsc_other(d));
    bool silent_since = silent == WSC_UNKNOWN || silent >= waited;
    bool likely = silent_since && keepalive_code(c);
    wsc_claim(out, WSC_CAUSE_KEEPALIVE_TIMEOUT,
              likely ? WSC_CONFIDENCE_LIKELY : WSC_CONFIDENCE_POSSIBLE);
    say_ping(c, d, waited, out);
    if (!silent_since)
        wsc_say(out, "other bytes of the %s did come after it", wsc_text_side(wsc_other(d)));
}
