#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool expected(char why[ARGS_WHY_MAX], const char *what)
{
    (void)snprintf(why, ARGS_WHY_MAX, "expected %s, not", what);
    return false;
}

/* A whole number from 0 to |max| at |*p|, moved on behind it. */
static bool take_number(const char **p, unsigned long max, unsigned long *out)
{
    if (!isdigit((unsigned char)**p))
        return false;
    char *end;
    errno = 0;
    *out = strtoul(*p, &end, 10);
    *p = end;
    return errno == 0 && *out <= max;
}

bool filter_set_code(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    static const char form[] = "codes and ranges like 1006,4000-4999 (at most 32)";
    struct wsc_filter *f = target;
    const char *p = value;
    for (;;) {
        unsigned long first = 0, last = 0;
        if (f->codes_len == WSC_FILTER_MAX_RANGES || !take_number(&p, UINT16_MAX, &first))
            return expected(why, form);
        last = first;
        if (*p == '-' && (p++, !take_number(&p, UINT16_MAX, &last)))
            return expected(why, form);
        if (last < first)
            return expected(why, form);
        f->codes[f->codes_len++] = (struct wsc_code_range){.first = (int)first, .last = (int)last};
        if (*p == '\0')
            return true;
        if (*p++ != ',')
            return expected(why, form);
    }
}

/* "10.0.0.0/24", "[2001:db8::]/64". */
static bool parse_network(const char *value, struct wsc_endpoint *e, uint8_t *bits)
{
    char address[64];
    const char *slash = strchr(value, '/'), *p = slash != NULL ? slash + 1 : NULL;
    unsigned long n = 0;
    if (slash == NULL || (size_t)(slash - value) >= sizeof(address) || !take_number(&p, 128, &n) ||
        *p != '\0')
        return false;
    (void)snprintf(address, sizeof(address), "%.*s", (int)(slash - value), value);
    if (!wsc_endpoint_parse(address, e) || e->port != 0 || n == 0 ||
        n > (e->family == 4 ? 32u : 128u)) {
        *e = (struct wsc_endpoint){0};
        return false;
    }
    *bits = (uint8_t)n;
    return true;
}

static bool set_endpoint(struct wsc_endpoint *e, uint8_t *bits, uint16_t *port, const char *value,
                         char why[ARGS_WHY_MAX])
{
    *bits = 0;
    if (value[0] == ':') {
        const char *p = value + 1;
        unsigned long n = 0;
        if (take_number(&p, UINT16_MAX, &n) && *p == '\0' && n > 0) {
            *port = (uint16_t)n;
            return true;
        }
    } else if (parse_network(value, e, bits) || wsc_endpoint_parse(value, e)) {
        return true;
    }
    return expected(why, "an address, ADDRESS:PORT, [IPV6]:PORT, NETWORK/BITS or :PORT");
}

bool filter_set_server(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct wsc_filter *f = target;
    return set_endpoint(&f->server, &f->server_bits, &f->server_port, value, why);
}

static bool set_client(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct wsc_filter *f = target;
    return set_endpoint(&f->client, &f->client_bits, &f->client_port, value, why);
}

static bool set_ending(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_ending, value, why, ARGS_WHY_MAX))
        return false;
    ((struct wsc_filter *)target)->ending = wsc_ending_parse(value);
    return true;
}

static bool set_outcome(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_outcome, value, why, ARGS_WHY_MAX))
        return false;
    ((struct wsc_filter *)target)->outcome = wsc_outcome_parse(value);
    return true;
}

static bool set_closed_by(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_closed_by, value, why, ARGS_WHY_MAX))
        return false;
    ((struct wsc_filter *)target)->closed_by =
        strcmp(value, "nobody") == 0 ? (int)WSC_SIDE_NONE : wsc_side_parse(value);
    return true;
}

static bool set_limit(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    size_t n = 0;
    if (!args_set_size(&n, value, why))
        return false;
    ((struct wsc_filter *)target)->limit = n;
    return true;
}

static bool set_rule(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_rule, value, why, ARGS_WHY_MAX))
        return false;
    ((struct wsc_filter *)target)->rule = wsc_rule_parse(value);
    return true;
}

static bool set_rule_by(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_peer, value, why, ARGS_WHY_MAX))
        return false;
    ((struct wsc_filter *)target)->rule_by = wsc_side_parse(value);
    return true;
}

static bool set_status(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct wsc_code_range *r = &((struct wsc_filter *)target)->status;
    const char *p = value;
    unsigned long first = 0, last = 0;
    bool ok = take_number(&p, 999, &first);
    last = first;
    if (ok && *p == '-')
        ok = (p++, take_number(&p, 999, &last));
    if (!ok || *p != '\0' || first == 0 || last < first)
        return expected(why, "an HTTP status or a range of them, like 403 or 500-599");
    *r = (struct wsc_code_range){.first = (int)first, .last = (int)last};
    return true;
}

static bool set_id(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    const char *p = value;
    unsigned long n = 0;
    if (!take_number(&p, INT64_MAX, &n) || *p != '\0')
        return expected(why, "the number of a record, as in the first column of events");
    ((struct wsc_filter *)target)->id = (int64_t)n;
    return true;
}

/* ---- stretches of time ---- */

#define YEARS_100_NS 3.2e18

/* "1.5s", "250ms", "2m", "1h", "7d"; without a unit seconds. */
static bool take_stretch(const char **p, int64_t *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}, {"", 1e9}};
    size_t digits = strspn(*p, "0123456789.");
    char number[40];
    if (digits == 0 || digits >= sizeof(number))
        return false;
    (void)snprintf(number, sizeof(number), "%.*s", (int)digits, *p);
    char *end;
    double v = strtod(number, &end);
    if (*end != '\0')
        return false;
    *p += digits;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t len = strlen(units[i].unit);
        if (strncmp(*p, units[i].unit, len) != 0)
            continue;
        *p += len;
        if (v * units[i].ns > YEARS_100_NS)
            return false;
        *ns = (int64_t)(v * units[i].ns + 0.5);
        return true;
    }
    return false;
}

/* "59.5s-60.5s", "60s-", "-5s", or "60s" for about that: 1 %. */
static bool parse_stretches(const char *p, struct wsc_span_filter *out)
{
    int64_t from = 0, to = 0;
    if (*p != '-' && !take_stretch(&p, &from))
        return false;
    if (*p == '\0') {
        *out = (struct wsc_span_filter){.min_ns = from - from / 100, .max_ns = from + from / 100};
        return from > 0;
    }
    if (*p++ != '-')
        return false;
    if (*p != '\0' && (!take_stretch(&p, &to) || to < from || to == 0))
        return false;
    *out = (struct wsc_span_filter){.min_ns = from, .max_ns = to};
    return *p == '\0' && (from > 0 || to > 0);
}

static bool set_age(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (parse_stretches(value, &((struct wsc_filter *)target)->age))
        return true;
    return expected(why, "a time like 60s (about that), 59.5s-60.5s, 5m- or -250ms");
}

bool filter_set_idle(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    static const char *const clocks[] = {[WSC_IDLE_ANY] = "any:",
                                         [WSC_IDLE_CLIENT] = "client:",
                                         [WSC_IDLE_SERVER] = "server:",
                                         [WSC_IDLE_DATA] = "data:"};
    struct wsc_filter *f = target;
    const char *p = value;
    f->idle_clock = WSC_IDLE_ANY;
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        size_t len = strlen(clocks[i]);
        if (strncmp(value, clocks[i], len) != 0)
            continue;
        f->idle_clock = (enum wsc_idle_clock)i;
        p = value + len;
    }
    if (parse_stretches(p, &f->idle))
        return true;
    return expected(why, "a time like 60s (about that), 59.5s-60.5s or server:60s-");
}

/* ---- times ---- */

#define NS_PER_S UINT64_C(1000000000)

static bool parse_ago(const char *text, uint64_t now_ns, uint64_t *ns)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const char *p = text;
    unsigned long n = 0;
    if (!take_number(&p, 1000000000, &n) || p[0] == '\0' || p[1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != *p)
            continue;
        uint64_t back = n * units[i].seconds;
        uint64_t now_s = now_ns / NS_PER_S;
        *ns = back < now_s ? now_ns - back * NS_PER_S : 1;
        return true;
    }
    return false;
}

/* "Z", "+01:00", "-0530" or nothing, which is UTC. */
static bool parse_zone(const char *p, long *seconds)
{
    *seconds = 0;
    if (*p == '\0' || strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
        return true;
    int hours = 0, minutes = 0, used = 0;
    /* NOLINTBEGIN(cert-err34-c): two digits cannot overflow */
    if ((*p != '+' && *p != '-') ||
        (sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
         sscanf(p + 1, "%2d%2d%n", &hours, &minutes, &used) != 2) ||
        p[1 + used] != '\0' || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    /* NOLINTEND(cert-err34-c) */
    *seconds = (hours * 60L + minutes) * 60L * (*p == '-' ? -1 : 1);
    return true;
}

/* ".678": up to nine digits. */
static const char *parse_fraction(const char *p, uint64_t *ns)
{
    *ns = 0;
    if (*p != '.')
        return p;
    uint64_t unit = NS_PER_S;
    for (p++; isdigit((unsigned char)*p); p++) {
        unit /= 10;
        *ns += unit * (uint64_t)(*p - '0');
    }
    return p;
}

bool filter_parse_time(const char *text, uint64_t now_ns, uint64_t *ns)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    if (parse_ago(text, now_ns, ns))
        return true;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *rest = strptime(text, forms[i], &tm);
        uint64_t fraction = 0;
        long zone = 0;
        if (rest == NULL)
            continue;
        rest = parse_fraction(rest, &fraction);
        if (!parse_zone(rest, &zone))
            continue;
        time_t s = timegm(&tm) - zone;
        if (s <= 0)
            return false;
        *ns = (uint64_t)s * NS_PER_S + fraction;
        return true;
    }
    return false;
}

static bool set_time(uint64_t *ns, const char *value, char why[ARGS_WHY_MAX])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    if (filter_parse_time(value, now_ns, ns))
        return true;
    return expected(why,
                    "a time like 2026-01-02T03:04:05Z, a date, or 90s, 30m, 2h, 7d before now");
}

bool filter_set_since(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return set_time(&((struct wsc_filter *)target)->since_ns, value, why);
}

static bool set_until(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return set_time(&((struct wsc_filter *)target)->until_ns, value, why);
}

static bool set_started_since(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return set_time(&((struct wsc_filter *)target)->started_since_ns, value, why);
}

static bool set_started_until(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return set_time(&((struct wsc_filter *)target)->started_until_ns, value, why);
}

#define WHOLE        offsetof(struct filter_options, filter)
#define MEMBER(name) offsetof(struct filter_options, filter.name)

const struct args_option filter_table[] = {
    {"code", 0, "LIST", "close codes and ranges: 1006,4000-4999", filter_set_code, WHOLE,
     &takes_codes},
    {"server", 0, "H[:P]", "server address, ADDRESS:PORT, NETWORK/BITS or :PORT", filter_set_server,
     WHOLE, &takes_server},
    {"client", 0, "H[:P]", "client address, ADDRESS:PORT, NETWORK/BITS or :PORT", set_client, WHOLE,
     &takes_client},
    {"host", 0, "NAME", "Host of the request; a * at the end matches any rest", args_set_text,
     MEMBER(host), &takes_host},
    {"path", 0, "PATH", "path of the request; a * at the end matches any rest", args_set_text,
     MEMBER(path), &takes_path},
    {"cause", 0, "CAUSE", "cause of the closure", args_set_text, MEMBER(cause), &takes_cause},
    {"ending", 0, "ENDING", "how it ended on the wire: close_handshake, fin, reset, ...",
     set_ending, WHOLE, &takes_ending},
    {"outcome", 0, "OUTCOME", "closed, open, handshake_failed or unknown", set_outcome, WHOLE,
     &takes_outcome},
    {"closed-by", 0, "SIDE", "who began the end: client, server, both or nobody", set_closed_by,
     WHOLE, &takes_closed_by},
    {"idle", 0, "TIMES",
     "silence before the end: 60s (1 % more or less), 59.5s-60.5s, 5m-; only of bytes of one side "
     "or of data frames: client:60s, server:60s, data:60s",
     filter_set_idle, WHOLE, NULL},
    {"age", 0, "TIMES", "how long it was open, in the same way", set_age, WHOLE, NULL},
    {"status", 0, "STATUS", "HTTP status of the handshake: 403, 500-599", set_status, WHOLE, NULL},
    {"rule", 0, "RULE", "with this violation on record", set_rule, WHOLE, &takes_rule},
    {"rule-by", 0, "SIDE", "with a violation by this side (of --rule, if given)", set_rule_by,
     WHOLE, &takes_peer},
    {"user-agent", 0, "TEXT", "User-Agent of the request; a * at the end matches any rest",
     args_set_text, MEMBER(user_agent), &takes_user_agent},
    {"server-software", 0, "TEXT", "Server of the response, in the same way", args_set_text,
     MEMBER(server_software), &takes_server_software},
    {"capture", 0, "NAME", "of this capture; a * at the end matches any rest", args_set_text,
     MEMBER(capture), &takes_capture_name},
    {"id", 0, "ID", "the record of this number", set_id, WHOLE, &takes_id},
    {"since", 0, "TIME", "ended at or after: 2026-01-02T03:04:05Z, 2026-01-02, 2h ago as 2h",
     filter_set_since, WHOLE, NULL},
    {"until", 0, "TIME", "ended before", set_until, WHOLE, NULL},
    {"started-since", 0, "TIME", "began at or after", set_started_since, WHOLE, NULL},
    {"started-until", 0, "TIME", "began before", set_started_until, WHOLE, NULL},
    {"limit", 0, "N", "at most N rows", set_limit, WHOLE, NULL},
    ARGS_END,
};
