/* The answer in at most three sentences. Rules, in order:
 *
 *   1. No record, or none that closed: what there is instead.
 *   2. Some closed without a Close frame (1006): the worst finding that holds a tenth of them says
 * what they fit; a match, no cause. If none does, that nothing stands out.
 *   3. None did: with which code most of them closed.
 *   4. How many that is of all; the worst finding not told yet; handshakes that failed and ends
 * that the capture cannot show, if they are a tenth of all. As many of these as there is room for.
 */
#include "report/page_run.h"

#include "base/alloc.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define LEAST_SHARE 10u /* one in so many is worth a sentence */
#define SENTENCE    1024u

static bool say(struct wsc_page *p, const char *text)
{
    size_t n = strlen(text) + 1;
    if (p->answer_len == WSC_PAGE_SENTENCES)
        return true;
    char *copy = wsc_alloc(n);
    if (copy == NULL)
        return false;
    p->answer[p->answer_len++] = memcpy(copy, text, n);
    return true;
}

static bool sayf(struct wsc_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool sayf(struct wsc_page *p, const char *format, ...)
{
    char text[SENTENCE];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return say(p, text);
}

static bool much(uint64_t part, uint64_t whole)
{
    return part > 0 && part >= (whole + LEAST_SHARE - 1) / LEAST_SHARE;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- lengths of time ---- */

static void word_seconds(int64_t ns, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%g s", (double)ns / 1e9);
}

/* What a measured length seems to be: whole seconds, if they are as near as a timer's lateness. */
static int64_t rounded(int64_t ns)
{
    int64_t whole = llround((double)ns / 1e9) * 1000000000;
    int64_t off = ns > whole ? ns - whole : whole - ns;
    return whole > 0 && off <= wsc_limit_slack(whole) ? whole : ns / 10000000 * 10000000;
}

static int64_t measured(const struct wsc_page_found *found)
{
    const struct wsc_span_filter *r =
        found->f.kind == WSC_FINDING_LIFETIME_LIMIT ? &found->filter.age : &found->filter.idle;
    return r->min_ns + (r->max_ns > r->min_ns ? (r->max_ns - r->min_ns) / 2 : 0);
}

int64_t wsc_page_limit_of(const struct wsc_page_found *found)
{
    const struct wsc_limit *l = found->f.candidates_len > 0 ? found->f.candidates[0] : NULL;
    return l != NULL && l->min_ns == l->max_ns ? l->min_ns : rounded(measured(found));
}

/* "; 60 s is the documented limit of nginx (proxy) and of 3 others". */
static void word_candidates(const struct wsc_finding *f, char *out, size_t cap)
{
    if (f->candidates_len == 0) {
        (void)snprintf(out, cap, "%s",
                       f->limit_sought ? "; no documented limit in the table matches" : "");
        return;
    }
    const struct wsc_limit *l = f->candidates[0];
    size_t more = f->candidates_len - 1 + f->candidates_more;
    char to[40] = "";
    if (l->max_ns > l->min_ns)
        (void)snprintf(to, sizeof(to), " to %g", (double)l->max_ns / 1e9);
    int n = snprintf(out, cap, "; %g%s s is %s limit of %s", (double)l->min_ns / 1e9, to,
                     l->own ? "in your table the" : "the documented", l->product);
    if (more > 0 && n > 0 && (size_t)n < cap)
        (void)snprintf(out + n, cap - (size_t)n, " and of %zu other%s", more, plural(more));
}

/* ---- the finding that says most of what is abnormal ---- */

/* A finding, and those beside it that say the same of other servers. */
struct lead {
    const struct wsc_page_found *first; /* NULL: none */
    uint64_t abnormal;
    size_t servers;
    uint32_t path; /* that all have; 0: not one */
};

static bool is_timer(enum wsc_finding_kind kind)
{
    return kind == WSC_FINDING_IDLE_TIMEOUT || kind == WSC_FINDING_LIFETIME_LIMIT;
}

static bool joins(const struct lead *l, const struct wsc_page_found *f)
{
    return f == l->first ||
           (is_timer(f->f.kind) && f->f.kind == l->first->f.kind && f->abnormal > 0 &&
            f->filter.server.family != 0 && l->first->filter.server.family != 0 &&
            f->filter.idle_clock == l->first->filter.idle_clock &&
            wsc_page_limit_of(f) == wsc_page_limit_of(l->first));
}

static struct lead lead_of(const struct wsc_page *p)
{
    struct lead l = {.first = NULL};
    for (size_t i = 0; i < p->findings.len && l.first == NULL; i++)
        if (wsc_page_leads(p->findings.list[i].f.kind) &&
            much(p->findings.list[i].abnormal, p->counts.abnormal))
            l.first = &p->findings.list[i];
    for (size_t i = 0; i < p->findings.len && l.first != NULL; i++) {
        const struct wsc_page_found *f = &p->findings.list[i];
        if (!joins(&l, f))
            continue;
        l.path = l.servers == 0 || l.path == f->path ? f->path : 0;
        l.abnormal += f->abnormal;
        l.servers++;
    }
    return l;
}

/* Abnormal ends on one path, whatever the server. */
static uint64_t abnormal_on(const struct wsc_page *p, uint32_t path)
{
    uint64_t n = 0;
    for (uint32_t i = 1; i <= p->counts.places.len; i++)
        if (wsc_page_place_get(&p->counts, i).path == path)
            n += wsc_page_tally_get(&p->counts.bad_places, i);
    return n;
}

static void word_server(const struct lead *l, char *out, size_t cap)
{
    char server[WSC_ENDPOINT_TEXT_MAX];
    out[0] = '\0';
    if (l->servers > 1)
        (void)snprintf(out, cap, " at %zu servers", l->servers);
    else if (wsc_endpoint_text(&l->first->filter.server, server) > 0)
        (void)snprintf(out, cap, " at %s", server);
}

static void word_fit(const struct wsc_page_found *found, const char *server, char *out, size_t cap)
{
    static const char *const whose[] = {"", " on bytes of the client", " on bytes of the server",
                                        " on data frames"};
    char value[64], products[400];
    word_seconds(wsc_page_limit_of(found), value, sizeof(value));
    word_candidates(&found->f, products, sizeof(products));
    switch (found->f.kind) {
    case WSC_FINDING_IDLE_TIMEOUT:
        (void)snprintf(out, cap, "fit an idle limit of %s%s%s%s", value,
                       found->filter.idle_clock == WSC_IDLE_ANY ? ""
                                                                : whose[found->filter.idle_clock],
                       server, products);
        break;
    case WSC_FINDING_LIFETIME_LIMIT:
        (void)snprintf(out, cap, "fit a limit of %s on age%s%s", value, server, products);
        break;
    case WSC_FINDING_MASS_DISCONNECT:
        (void)snprintf(out, cap, "fell into one mass disconnect%s, within %.3g s", server,
                       (double)(found->f.last_ns - found->f.first_ns) / 1e9);
        break;
    case WSC_FINDING_KEEPALIVE_TIMEOUT:
        (void)snprintf(out, cap, "followed Pings that nobody answered%s", server);
        break;
    case WSC_FINDING_PROXY_CUT:
        (void)snprintf(out, cap, "were ended by the hop between two legs%s", server);
        break;
    default:
        (void)snprintf(out, cap, "came from one client network whose peers vanished");
        break;
    }
}

static bool say_lead(struct wsc_page *p, const struct lead *l)
{
    char fit[700], server[80], where[480] = "";
    uint64_t of = p->counts.abnormal;
    struct wsc_span path = wsc_names_get(&p->counts.names, l->path);
    if (path.len > 0 && path.len <= 80) {
        of = abnormal_on(p, l->path);
        (void)snprintf(where, sizeof(where), " on %.*s", (int)path.len, (const char *)path.ptr);
    }
    word_server(l, server, sizeof(server));
    word_fit(l->first, server, fit, sizeof(fit));
    return sayf(p, "%s of %s abnormal closure%s%s %s.", WSC_PT_COUNT(l->abnormal), WSC_PT_COUNT(of),
                plural(of), where, fit);
}

/* ---- the other sentences ---- */

static bool say_code(struct wsc_page *p)
{
    uint32_t best = UINT32_MAX;
    uint64_t most = 0, closed = p->counts.outcomes[WSC_OUTCOME_CLOSED];
    for (uint32_t key = 0; key < 2 * 65536u; key++) {
        const uint64_t *by = p->counts.keys[key];
        uint64_t n = by[0] + by[1] + by[2] + by[3];
        if (n > most) {
            most = n;
            best = key;
        }
    }
    if (best == UINT32_MAX)
        return sayf(p, "%s connection%s closed, with no code that could be read.",
                    WSC_PT_COUNT(closed), plural(closed));
    const struct wsc_code_info *info = wsc_code_find(wsc_page_key_code(best));
    if (most == 1 && closed > 1)
        return sayf(p,
                    "All %s connections that closed did so with a Close frame, each with another "
                    "code.",
                    WSC_PT_COUNT(closed));
    if (most == closed)
        return sayf(p, "%s connection%s that closed did so with a Close frame, and with %d (%s).",
                    closed == 1 ? "The" : "All", plural(closed), wsc_page_key_code(best),
                    info != NULL ? info->name : "unknown");
    return sayf(p,
                "All %s connections that closed did so with a Close frame; %s"
                " of them with %d (%s).",
                WSC_PT_COUNT(closed), WSC_PT_COUNT(most), wsc_page_key_code(best),
                info != NULL ? info->name : "unknown");
}

static bool say_none_closed(struct wsc_page *p)
{
    const uint64_t *o = p->counts.outcomes;
    uint64_t n = p->counts.records;
    if (n == 0)
        return say(p, p->filtered ? "No connection on record passes the filter."
                                  : "No WebSocket connection is on record.");
    if (o[WSC_OUTCOME_OPEN] == n)
        return sayf(p, "No connection closed: %s %s still open when the capture ended.",
                    WSC_PT_COUNT(n), n == 1 ? "was" : "were");
    if (o[WSC_OUTCOME_UNKNOWN] == 1 && n == 1)
        return say(p, "How the connection ended cannot be told from what was captured.");
    if (o[WSC_OUTCOME_UNKNOWN] == n)
        return sayf(p, "How the %s connections ended cannot be told from what was captured.",
                    WSC_PT_COUNT(n));
    if (o[WSC_OUTCOME_HANDSHAKE_FAILED] == n)
        return sayf(p, "No connection came about: %s handshake%s failed.", WSC_PT_COUNT(n),
                    plural(n));
    return sayf(p,
                "No connection is known to have closed: of %s, %s"
                " failed in the handshake, %s stayed open, and how %s"
                " ended cannot be told.",
                WSC_PT_COUNT(n), WSC_PT_COUNT(o[WSC_OUTCOME_HANDSHAKE_FAILED]),
                WSC_PT_COUNT(o[WSC_OUTCOME_OPEN]), WSC_PT_COUNT(o[WSC_OUTCOME_UNKNOWN]));
}

/* "; what the packets suggest for 4 of them: idle timeout", of the cause that half of them have. */
static void word_cause(const struct wsc_page *p, char *out, size_t cap)
{
    const uint64_t *n = p->counts.causes[1];
    unsigned most = WSC_CAUSE_NONE + 1;
    for (unsigned i = most; i < WSC_CAUSE_COUNT; i++)
        most = n[i] > n[most] ? i : most;
    if (n[most] == 0 || 2 * n[most] < p->counts.abnormal) {
        (void)snprintf(out, cap,
                       "; no limit, instant or network that most of them share stands out");
        return;
    }
    if (n[most] == p->counts.abnormal)
        (void)snprintf(out, cap, "; what the packets suggest: %s",
                       wsc_cause_name((enum wsc_cause)most));
    else
        (void)snprintf(out, cap, "; what the packets suggest for %s of them: %s",
                       WSC_PT_COUNT(n[most]), wsc_cause_name((enum wsc_cause)most));
    for (char *c = strchr(out, '_'); c != NULL; c = strchr(c, '_'))
        *c = ' ';
}

static bool say_share(struct wsc_page *p, bool first)
{
    uint64_t closed = p->counts.outcomes[WSC_OUTCOME_CLOSED], bad = p->counts.abnormal;
    char why[160] = "";
    if (first)
        word_cause(p, why, sizeof(why));
    if (closed == 1)
        return sayf(p, "The connection that closed did so without a Close frame (1006)%s.", why);
    if (bad == closed)
        return sayf(p, "All %s connections that closed did so without a Close frame (1006)%s.",
                    WSC_PT_COUNT(closed), why);
    return sayf(p, "%s%s of %s connections that closed did so without a Close frame (1006)%s.",
                first ? "" : "In all, ", WSC_PT_COUNT(bad), WSC_PT_COUNT(closed), why);
}

/* Many titles begin with how many there are. */
static bool tells_count(struct wsc_span title, const char *count)
{
    size_t n = strlen(count);
    return title.len > n && memcmp(title.ptr, count, n) == 0 && title.ptr[n] == ' ';
}

/* The worst finding that was not told. */
static bool say_next(struct wsc_page *p, const struct lead *told)
{
    for (size_t i = 0; i < p->findings.len; i++) {
        const struct wsc_page_found *found = &p->findings.list[i];
        char plain[32], count[64] = "";
        if (told->first != NULL && joins(told, found))
            continue;
        (void)snprintf(plain, sizeof(plain), "%" PRIu64, found->f.count);
        if (!tells_count(found->f.title, plain))
            (void)snprintf(count, sizeof(count), " (%s connection%s)", WSC_PT_COUNT(found->f.count),
                           plural(found->f.count));
        return sayf(p, "%s %.*s%s.", p->counts.abnormal > 0 ? "Also found:" : "What stands out:",
                    (int)found->f.title.len, (const char *)found->f.title.ptr, count);
    }
    return true;
}

static bool say_rest(struct wsc_page *p)
{
    const uint64_t *o = p->counts.outcomes;
    uint64_t n = p->counts.records, failed = o[WSC_OUTCOME_HANDSHAKE_FAILED],
             dark = o[WSC_OUTCOME_UNKNOWN];
    bool ok = true;
    if (much(failed, n))
        ok = sayf(p, "%s of %s connections failed in the handshake.", WSC_PT_COUNT(failed),
                  WSC_PT_COUNT(n));
    if (ok && much(dark, n))
        ok = sayf(p,
                  "How %s of %s"
                  " connections ended cannot be told from what was captured.",
                  WSC_PT_COUNT(dark), WSC_PT_COUNT(n));
    return ok;
}

bool wsc_page_answer(struct wsc_page *p)
{
    const struct lead lead = lead_of(p);
    if (p->counts.outcomes[WSC_OUTCOME_CLOSED] == 0)
        return say_none_closed(p) && say_next(p, &lead);
    if (p->counts.abnormal == 0)
        return say_code(p) && say_next(p, &lead) && say_rest(p);
    if (lead.first != NULL && !say_lead(p, &lead))
        return false;
    return say_share(p, lead.first == NULL) && say_next(p, &lead) && say_rest(p);
}
