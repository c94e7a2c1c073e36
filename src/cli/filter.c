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

static bool set_endpoint(struct wsc_endpoint *e, uint16_t *port, const char *value,
                         char why[ARGS_WHY_MAX])
{
    if (value[0] == ':') {
        const char *p = value + 1;
        unsigned long n = 0;
        if (take_number(&p, UINT16_MAX, &n) && *p == '\0' && n > 0) {
            *port = (uint16_t)n;
            return true;
        }
    } else if (wsc_endpoint_parse(value, e)) {
        return true;
    }
    return expected(why, "an address, ADDRESS:PORT, [IPV6]:PORT or :PORT");
}

bool filter_set_server(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct wsc_filter *f = target;
    return set_endpoint(&f->server, &f->server_port, value, why);
}

static bool set_client(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct wsc_filter *f = target;
    return set_endpoint(&f->client, &f->client_port, value, why);
}

static bool set_ending(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    int v = wsc_ending_parse(value);
    if (v < 0)
        return expected(why, "close_handshake, close_unanswered, fin, reset, vanished, rejected, "
                             "no_response, bad_accept, gap, none ...");
    ((struct wsc_filter *)target)->ending = v;
    return true;
}

static bool set_outcome(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    int v = wsc_outcome_parse(value);
    if (v < 0)
        return expected(why, "closed, open, handshake_failed or unknown");
    ((struct wsc_filter *)target)->outcome = v;
    return true;
}

static bool set_closed_by(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    int v = wsc_side_parse(value);
    if (v < 0)
        return expected(why, "client, server or both");
    ((struct wsc_filter *)target)->closed_by = v;
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
    if ((*p != '+' && *p != '-') ||
        (sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
         sscanf(p + 1, "%2d%2d%n", &hours, &minutes, &used) != 2) ||
        p[1 + used] != '\0' || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
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

#define WHOLE        offsetof(struct filter_options, filter)
#define MEMBER(name) offsetof(struct filter_options, filter.name)

const struct args_option filter_table[] = {
    {"code", 0, "LIST", "close codes and ranges: 1006,4000-4999", filter_set_code, WHOLE},
    {"server", 0, "H[:P]", "server address, ADDRESS:PORT or :PORT", filter_set_server, WHOLE},
    {"client", 0, "H[:P]", "client address, ADDRESS:PORT or :PORT", set_client, WHOLE},
    {"host", 0, "NAME", "Host of the request; a * at the end matches any rest", args_set_text,
     MEMBER(host)},
    {"path", 0, "PATH", "path of the request; a * at the end matches any rest", args_set_text,
     MEMBER(path)},
    {"cause", 0, "CAUSE", "cause of the closure", args_set_text, MEMBER(cause)},
    {"ending", 0, "ENDING", "how it ended on the wire: close_handshake, fin, reset, ...",
     set_ending, WHOLE},
    {"outcome", 0, "OUTCOME", "closed, open, handshake_failed or unknown", set_outcome, WHOLE},
    {"closed-by", 0, "SIDE", "who began the end: client, server or both", set_closed_by, WHOLE},
    {"since", 0, "TIME", "ended at or after: 2026-01-02T03:04:05Z, 2026-01-02, 2h ago as 2h",
     filter_set_since, WHOLE},
    {"until", 0, "TIME", "ended before", set_until, WHOLE},
    {"limit", 0, "N", "at most N rows", set_limit, WHOLE},
    {NULL, 0, NULL, NULL, NULL, 0},
};
