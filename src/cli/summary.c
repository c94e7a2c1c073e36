#include "summary.h"

#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TLS that could not be read, or did not come about, need not have been for a WebSocket. */
static bool maybe_websocket(const struct wsc_closure *rec)
{
    static const char no_keys[] = "no_keys";
    bool unread = rec->cause.len == sizeof(no_keys) - 1 &&
                  memcmp(rec->cause.ptr, no_keys, sizeof(no_keys) - 1) == 0;
    return unread || (rec->ending == WSC_ENDING_TLS_FAILED && rec->close_code < 0);
}

void summary_count(struct summary *s, const struct wsc_closure *rec)
{
    if (maybe_websocket(rec)) {
        s->unread++;
        return;
    }
    s->outcomes[rec->outcome]++;
    if (rec->outcome != WSC_OUTCOME_CLOSED || rec->close_code < 0)
        return;
    for (size_t i = 0; i < s->codes_len; i++) {
        if (s->codes[i].code == rec->close_code) {
            s->codes[i].count++;
            return;
        }
    }
    if (s->codes_len == SUMMARY_CODES) {
        s->other_codes++;
        return;
    }
    s->codes[s->codes_len].code = rec->close_code;
    s->codes[s->codes_len++].count = 1;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void bytes_text(uint64_t n, char out[24])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)n;
    size_t u = 0;
    for (; v >= 1000 && u < sizeof(units) / sizeof(units[0]) - 1; u++)
        v /= 1000;
    (void)snprintf(out, 24, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

void summary_add_captures(struct summary_traffic *t, const struct wsc_capture *c)
{
    for (size_t i = 0; i < wsc_capture_count(c); i++) {
        struct wsc_capture_info info;
        wsc_capture_info(c, i, &info);
        t->packets += info.packets;
        if (info.first_ns != 0 && (t->first_ns == 0 || info.first_ns < t->first_ns))
            t->first_ns = info.first_ns;
        t->last_ns = info.last_ns > t->last_ns ? info.last_ns : t->last_ns;
    }
}

static void print_traffic(const struct summary_traffic *t, const struct wsc_analyzer_stats *a)
{
    char bytes[24];
    bytes_text(a->bytes, bytes);
    fprintf(stderr, "%" PRIu64 " packet%s", t->packets, plural(t->packets));
    if (a->packets < t->packets)
        fprintf(stderr, " (%" PRIu64 " passed the filter)", a->packets);
    fprintf(stderr, ", %s, %.1f s of traffic, %" PRIu64 " TCP connection%s\n", bytes,
            (double)(t->last_ns - t->first_ns) / 1e9, a->tcp_flows, plural(a->tcp_flows));
}

static int by_count(const void *a, const void *b)
{
    const struct summary_code *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static void print_websockets(struct summary s)
{
    uint64_t all = s.outcomes[0] + s.outcomes[1] + s.outcomes[2] + s.outcomes[3];
    if (all == 0) {
        fprintf(stderr, "no WebSocket seen\n");
        return;
    }
    fprintf(stderr, "%" PRIu64 " WebSocket%s:", all, plural(all));
    static const struct {
        enum wsc_outcome outcome;
        const char *text;
    } parts[] = {{WSC_OUTCOME_CLOSED, "closed"},
                 {WSC_OUTCOME_OPEN, "still open at the end"},
                 {WSC_OUTCOME_HANDSHAKE_FAILED, "failed in the handshake"},
                 {WSC_OUTCOME_UNKNOWN, "unknown (the capture cannot show it)"}};
    const char *comma = "";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (s.outcomes[parts[i].outcome] == 0)
            continue;
        fprintf(stderr, "%s %" PRIu64 " %s", comma, s.outcomes[parts[i].outcome], parts[i].text);
        comma = ",";
    }
    qsort(s.codes, s.codes_len, sizeof(s.codes[0]), by_count);
    for (size_t i = 0; i < s.codes_len; i++)
        fprintf(stderr, "%s%" PRIu64 " x %d", i == 0 ? "\nclosed with " : ", ", s.codes[i].count,
                s.codes[i].code);
    if (s.other_codes > 0)
        fprintf(stderr, ", %" PRIu64 " with others", s.other_codes);
    fputc('\n', stderr);
}

#define PROTOCOLS 6u

static void print_rest(const struct wsc_workers *w, const struct wsc_analyzer_stats *a)
{
    struct wsc_protocol_stats rows[PROTOCOLS];
    size_t all = wsc_workers_protocols(w, rows, PROTOCOLS);
    char bytes[24];
    for (size_t i = 0; i < all && i < PROTOCOLS; i++) {
        bytes_text(rows[i].bytes, bytes);
        fprintf(stderr, "%s%s %" PRIu64 " flow%s %s", i == 0 ? "not WebSocket: " : ", ",
                rows[i].name, rows[i].flows, plural(rows[i].flows), bytes);
    }
    if (all > PROTOCOLS)
        fprintf(stderr, ", and %zu more protocols", all - PROTOCOLS);
    if (a->other_ip_packets > 0) {
        bytes_text(a->other_ip_bytes, bytes);
        fprintf(stderr, "%snot TCP %" PRIu64 " packets %s",
                all > 0 ? ", " : "not WebSocket: ", a->other_ip_packets, bytes);
    }
    if (all > 0 || a->other_ip_packets > 0)
        fputc('\n', stderr);
}

#define TLS_NAMES 5u

/* Whose TLS could not be read, and how it could be. */
static void print_unread(struct wsc_workers *w, const struct wsc_analyzer_stats *a, bool encrypted)
{
    struct wsc_tls_name rows[TLS_NAMES];
    if (a->tls_failed > 0)
        fprintf(stderr, "TLS did not come about for %" PRIu64 " connection%s%s\n", a->tls_failed,
                plural(a->tls_failed), encrypted ? "" : " (--encrypted tells why)");
    if (a->tls_flows == 0)
        return;
    size_t all = wsc_workers_tls_names(w, rows, TLS_NAMES);
    fprintf(stderr, "not read: %" PRIu64 " TLS connection%s, which may hold WebSockets",
            a->tls_flows, plural(a->tls_flows));
    for (size_t i = 0; i < all && i < TLS_NAMES; i++) {
        fprintf(stderr, "%s%" PRIu64 " ", i == 0 ? ": " : ", ", rows[i].connections);
        if (rows[i].name[0] == '\0')
            fputs("without a server name", stderr);
        else
            fputs(rows[i].name[0] == '(' ? "" : "to ", stderr);
        out_safe(stderr, rows[i].name);
    }
    if (all > TLS_NAMES)
        fprintf(stderr, ", and %zu more names", all - TLS_NAMES);
    fputs(encrypted ? " (--keylog FILE reads them)\n"
                    : " (--keylog FILE reads them, --encrypted lists them)\n",
          stderr);
}

/* What may have kept us from seeing something. */
static void print_warnings(const struct summary *s, const struct wsc_analyzer_stats *a)
{
    if (a->pending > 0)
        fprintf(stderr, "%" PRIu64 " handshake%s without an answer yet when the capture ended\n",
                a->pending, plural(a->pending));
    if (a->truncated > 0)
        fprintf(stderr,
                "warning: %" PRIu64 " packet%s cut short by the snap length; capture with -s 0\n",
                a->truncated, plural(a->truncated));
    if (a->undecodable > 0)
        fprintf(stderr, "warning: %" PRIu64 " packet%s could not be decoded\n", a->undecodable,
                plural(a->undecodable));
    if (a->evicted > 0)
        fprintf(stderr,
                "warning: %" PRIu64
                " connection%s forgotten at --max-connections or --max-memory\n",
                a->evicted, plural(a->evicted));
    if (a->streams_refused > 0)
        fprintf(stderr,
                "warning: %" PRIu64
                " HTTP/2 stream%s not followed: 4,096 WebSockets were open on the "
                "connection\n",
                a->streams_refused, plural(a->streams_refused));
    if (a->reorder_dropped > 0)
        fprintf(stderr,
                "warning: %" PRIu64 " bytes taken as missing because too much was out of order\n",
                a->reorder_dropped);
    if (s->lost_packets > 0)
        fprintf(stderr, "warning: %" PRIu64 " packet%s lost for want of memory\n", s->lost_packets,
                plural(s->lost_packets));
}

void summary_print(const struct summary *s, const struct summary_traffic *t,
                   const struct analysis *an, const char *db)
{
    struct wsc_analyzer_stats a;
    wsc_workers_get_stats(an->workers, &a);
    print_traffic(t, &a);
    print_websockets(*s);
    print_rest(an->workers, &a);
    keys_summary(&an->keys);
    print_unread(an->workers, &a, s->unread > 0);
    print_warnings(s, &a);
    if (db == NULL || !s->stored)
        return;
    const char *what = s->import == WSC_IMPORT_KNOWN      ? "already stored in"
                       : s->import == WSC_IMPORT_REPLACED ? "stored anew in"
                                                          : "stored in";
    fprintf(stderr, "%s ", what);
    out_safe(stderr, db);
    fputs("; ask it with: wsclose events, wsclose stats\n", stderr);
}
