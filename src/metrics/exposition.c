#include "metrics/exposition.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer {
    struct wsc_buf *out;
    bool ok;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    w->ok = w->ok && n >= 0 && (size_t)n < sizeof(line) && wsc_buf_append(w->out, line, (size_t)n);
}

/* name="value", with backslash, quote and line feed escaped. Bytes that are no UTF-8, for which a
 * scraper would refuse the whole page, become '?', and so does what no terminal should see. */
static void label(struct writer *w, const char *before, const char *name, const char *value)
{
    const uint8_t *p = (const uint8_t *)value;
    size_t len = strlen(value);
    put(w, "%s%s=\"", before, name);
    for (size_t at = 0; at < len;) {
        size_t from = at;
        int32_t c = wsc_utf8_next(p, len, &at);
        if (c == '\\' || c == '"')
            put(w, "\\%c", (char)c);
        else if (c == '\n')
            put(w, "\\n");
        else if (c < 0 || wsc_utf8_hidden(c))
            put(w, "?");
        else
            put(w, "%.*s", (int)(at - from), value + from);
    }
    put(w, "\"");
}

static void head(struct writer *w, const char *name, const char *type, const char *help)
{
    put(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void closures(struct writer *w, const struct wsc_counts *c)
{
    static const char name[] = "wsclose_closures_total";
    head(w, name, "counter", "WebSocket connections that ended, failed handshakes included.");
    for (size_t i = 0; i < c->series_len; i++) {
        const struct wsc_series *s = &c->series[i];
        put(w, "%s", name);
        label(w, "{", "code", wsc_counts_code(c, s));
        label(w, ",", "cause", wsc_counts_cause(c, s));
        label(w, ",", "server", wsc_counts_server(c, s));
        label(w, ",", "ending", wsc_ending_name((enum wsc_ending)s->ending));
        put(w, "} %" PRIu64 "\n", s->count);
    }
    if (c->others > 0)
        put(w, "%s{code=\"other\",cause=\"other\",server=\"other\",ending=\"other\"} %" PRIu64 "\n",
            name, c->others);
}

static void traffic(struct writer *w, const struct wsc_metrics_now *now)
{
    head(w, "wsclose_packets_total", "counter", "Packets read.");
    for (size_t i = 0; i < now->interfaces_len; i++) {
        label(w, "wsclose_packets_total{", "interface", now->interfaces[i].name);
        put(w, "} %" PRIu64 "\n", now->interfaces[i].packets);
    }
    head(w, "wsclose_dropped_packets_total", "counter",
         "Packets lost: by the kernel, whose ring was full, by the interface, or on the way to a "
         "worker, whose queue was full.");
    for (size_t i = 0; i < now->interfaces_len; i++) {
        label(w, "wsclose_dropped_packets_total{", "interface", now->interfaces[i].name);
        put(w, ",where=\"kernel\"} %" PRIu64 "\n", now->interfaces[i].dropped);
        label(w, "wsclose_dropped_packets_total{", "interface", now->interfaces[i].name);
        put(w, ",where=\"interface\"} %" PRIu64 "\n", now->interfaces[i].interface_dropped);
        label(w, "wsclose_dropped_packets_total{", "interface", now->interfaces[i].name);
        put(w, ",where=\"queue\"} %" PRIu64 "\n", now->interfaces[i].queue_dropped);
    }
}

static void gauges(struct writer *w, const struct wsc_snapshot *s)
{
    head(w, "wsclose_open_connections", "gauge", "WebSocket connections open now.");
    put(w, "wsclose_open_connections %" PRIu64 "\n", s->now.open);
    head(w, "wsclose_lag_seconds", "gauge",
         "The clock's time less that of the packet at hand; 0 while none waits.");
    put(w, "wsclose_lag_seconds %" PRIu64 ".%09" PRIu64 "\n", s->now.lag_ns / 1000000000u,
        s->now.lag_ns % 1000000000u);
    head(w, "wsclose_waiting_records", "gauge", "Records that the database cannot take yet.");
    put(w, "wsclose_waiting_records %" PRIu64 "\n", s->now.waiting);
    head(w, "wsclose_memory_bytes", "gauge", "Memory that remembers connections.");
    put(w, "wsclose_memory_bytes %" PRIu64 "\n", s->now.memory_bytes);
    if (s->resident_bytes > 0) {
        head(w, "process_resident_memory_bytes", "gauge", "Resident memory of the process.");
        put(w, "process_resident_memory_bytes %" PRIu64 "\n", s->resident_bytes);
    }
    head(w, "wsclose_build_info", "gauge", "Always 1.");
    label(w, "wsclose_build_info{", "version", s->version);
    put(w, "} 1\n");
}

bool wsc_exposition_write(struct wsc_buf *out, const struct wsc_snapshot *s)
{
    struct writer w = {.out = out, .ok = true};
    closures(&w, &s->counts);
    traffic(&w, &s->now);
    gauges(&w, s);
    return w.ok;
}
