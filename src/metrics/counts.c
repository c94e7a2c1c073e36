#include "metrics/counts.h"

#include <stdio.h>
#include <string.h>

#define OTHER "other"

_Static_assert(WSC_METRICS_SERVERS < 256 && WSC_METRICS_CODES < 256 && WSC_METRICS_CAUSES < 256,
               "a label's number fits a byte, and so does the number of \"other\"");
_Static_assert((WSC_METRICS_SERIES & (WSC_METRICS_SERIES - 1)) == 0, "a power of two");

/* The number of |text| among those met; |max| when it is new and there is no room. */
static uint8_t number_of(char (*known)[WSC_LABEL_MAX], size_t *len, size_t max, const char *text)
{
    for (size_t i = 0; i < *len; i++)
        if (strcmp(known[i], text) == 0)
            return (uint8_t)i;
    if (*len == max)
        return (uint8_t)max;
    (void)snprintf(known[*len], WSC_LABEL_MAX, "%s", text);
    return (uint8_t)(*len)++;
}

static void span_text(struct wsc_span s, char out[WSC_LABEL_MAX])
{
    size_t n = s.ptr == NULL ? 0 : s.len < WSC_LABEL_MAX ? s.len : WSC_LABEL_MAX - 1;
    if (n == 0) {
        memcpy(out, "none", sizeof("none"));
        return;
    }
    memcpy(out, s.ptr, n);
    out[n] = '\0';
}

/* Our own small numbers, not the network's: a fixed hash will do. */
static size_t slot_of(const struct wsc_series *s)
{
    uint32_t key = (uint32_t)s->server << 24 | (uint32_t)s->code << 16 | (uint32_t)s->cause << 8 |
                   (uint32_t)s->ending;
    return (size_t)((key * UINT32_C(2654435761)) >> 16) & (2 * WSC_METRICS_SERIES - 1);
}

static void count(struct wsc_counts *c, struct wsc_series want)
{
    size_t at = slot_of(&want);
    while (c->slots[at] != 0) {
        struct wsc_series *s = &c->series[c->slots[at] - 1];
        if (s->server == want.server && s->code == want.code && s->cause == want.cause &&
            s->ending == want.ending) {
            s->count++;
            return;
        }
        at = (at + 1) % (2 * WSC_METRICS_SERIES);
    }
    if (c->series_len == WSC_METRICS_SERIES) {
        c->others++;
        return;
    }
    want.count = 1;
    c->series[c->series_len++] = want;
    c->slots[at] = (uint16_t)c->series_len;
}

void wsc_counts_add(struct wsc_counts *c, const struct wsc_closure *rec)
{
    char code[WSC_LABEL_MAX] = "none", cause[WSC_LABEL_MAX], server[WSC_LABEL_MAX];
    if (rec->outcome == WSC_OUTCOME_OPEN)
        return;
    if (rec->close_code >= 0)
        (void)snprintf(code, sizeof(code), "%d", rec->close_code);
    span_text(rec->cause, cause);
    if (wsc_endpoint_text(&rec->server, server) == 0)
        memcpy(server, "none", sizeof("none"));
    count(c, (struct wsc_series){
                 .server = number_of(c->servers, &c->servers_len, WSC_METRICS_SERVERS, server),
                 .code = number_of(c->codes, &c->codes_len, WSC_METRICS_CODES, code),
                 .cause = number_of(c->causes, &c->causes_len, WSC_METRICS_CAUSES, cause),
                 .ending = (uint8_t)rec->ending});
}

const char *wsc_counts_server(const struct wsc_counts *c, const struct wsc_series *s)
{
    return s->server < c->servers_len ? c->servers[s->server] : OTHER;
}

const char *wsc_counts_code(const struct wsc_counts *c, const struct wsc_series *s)
{
    return s->code < c->codes_len ? c->codes[s->code] : OTHER;
}

const char *wsc_counts_cause(const struct wsc_counts *c, const struct wsc_series *s)
{
    return s->cause < c->causes_len ? c->causes[s->cause] : OTHER;
}
