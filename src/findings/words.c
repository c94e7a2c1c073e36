#include <wsclose/findings.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct words {
    char *out;
    size_t len, cap;
    bool cut;
};

/* Letters that mean nothing to a shell. */
static bool plain(const char *text)
{
    return text[0] != '\0' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "_-.,:/@%+=") == strlen(text);
}

static void put(struct words *w, const char *text)
{
    size_t n = strlen(text);
    if (w->cut || w->len + n + 1 > w->cap) {
        w->cut = true;
        return;
    }
    memcpy(w->out + w->len, text, n + 1);
    w->len += n;
}

/* 'it'\''s' */
static void put_quoted(struct words *w, const char *text)
{
    put(w, "'");
    for (const char *p = text; *p != '\0'; p++) {
        char one[2] = {*p, '\0'};
        put(w, *p == '\'' ? "'\\''" : one);
    }
    put(w, "'");
}

/* A word and its value, or nothing of both. */
static void option(struct words *w, const char *name, const char *value)
{
    size_t before = w->len;
    if (w->cut)
        return;
    put(w, before > 0 ? " --" : "--");
    put(w, name);
    put(w, " ");
    if (plain(value))
        put(w, value);
    else
        put_quoted(w, value);
    if (!w->cut)
        return;
    w->len = before;
    if (w->cap > 0)
        w->out[before] = '\0';
}

static void text(struct words *w, const char *name, const char *value)
{
    if (value != NULL)
        option(w, name, value);
}

static void codes(struct words *w, const struct wsc_filter *f)
{
    char list[WSC_FILTER_MAX_RANGES * 12 + 1];
    size_t n = 0;
    for (size_t i = 0; i < f->codes_len && i < WSC_FILTER_MAX_RANGES; i++) {
        const struct wsc_code_range *r = &f->codes[i];
        n += (size_t)snprintf(list + n, sizeof(list) - n, r->first < r->last ? "%s%d-%d" : "%s%d",
                              i > 0 ? "," : "", r->first, r->last);
    }
    if (n > 0)
        option(w, "code", list);
}

static void endpoint(struct words *w, const char *name, const struct wsc_endpoint *e, uint8_t bits,
                     uint16_t port)
{
    char value[WSC_ENDPOINT_TEXT_MAX + 8];
    if (e->family == 0 && port == 0)
        return;
    if (e->family == 0) {
        (void)snprintf(value, sizeof(value), ":%u", port);
        option(w, name, value);
        return;
    }
    char address[WSC_ENDPOINT_TEXT_MAX];
    (void)wsc_endpoint_text(e, address);
    if (e->port == 0)
        *strrchr(address, ':') = '\0';
    if (bits != 0)
        (void)snprintf(value, sizeof(value), "%s/%u", address, bits);
    else
        (void)snprintf(value, sizeof(value), "%s", address);
    option(w, name, value);
}

/* "59.98s": nanoseconds as seconds without loss and without needless zeros. */
static size_t seconds(char *out, size_t cap, int64_t ns)
{
    int n = snprintf(out, cap, "%" PRId64 ".%09" PRId64, ns / 1000000000, ns % 1000000000);
    while (n > 0 && out[n - 1] == '0')
        n--;
    if (n > 0 && out[n - 1] == '.')
        n--;
    return (size_t)n + (size_t)snprintf(out + n, cap - (size_t)n, "s");
}

static void stretch(struct words *w, const char *name, const char *clock,
                    const struct wsc_span_filter *f)
{
    char value[80];
    if (f->min_ns <= 0 && f->max_ns <= 0)
        return;
    size_t n = (size_t)snprintf(value, sizeof(value), "%s", clock);
    n += seconds(value + n, sizeof(value) - n, f->min_ns > 0 ? f->min_ns : 0);
    n += (size_t)snprintf(value + n, sizeof(value) - n, "-");
    if (f->max_ns > 0)
        (void)seconds(value + n, sizeof(value) - n, f->max_ns);
    option(w, name, value);
}

static void when(struct words *w, const char *name, uint64_t ns)
{
    char value[48];
    time_t s = (time_t)(ns / UINT64_C(1000000000));
    struct tm tm;
    if (ns == 0 || gmtime_r(&s, &tm) == NULL)
        return;
    size_t n = strftime(value, sizeof(value), "%Y-%m-%dT%H:%M:%S", &tm);
    uint64_t ms = ns / 1000000 % 1000, rest = ns % 1000000;
    if (rest != 0)
        (void)snprintf(value + n, sizeof(value) - n, ".%09" PRIu64 "Z", ns % UINT64_C(1000000000));
    else if (ms != 0)
        (void)snprintf(value + n, sizeof(value) - n, ".%03" PRIu64 "Z", ms);
    else
        (void)snprintf(value + n, sizeof(value) - n, "Z");
    option(w, name, value);
}

static void number(struct words *w, const char *name, int64_t first, int64_t last)
{
    char value[48];
    (void)snprintf(value, sizeof(value), first < last ? "%" PRId64 "-%" PRId64 : "%" PRId64, first,
                   last);
    option(w, name, value);
}

static void endings(struct words *w, const struct wsc_filter *f)
{
    if (f->ending >= 0)
        option(w, "ending", wsc_ending_name((enum wsc_ending)f->ending));
    if (f->outcome >= 0)
        option(w, "outcome", wsc_outcome_name((enum wsc_outcome)f->outcome));
    if (f->closed_by == WSC_SIDE_NONE)
        option(w, "closed-by", "nobody");
    else if (f->closed_by > 0)
        option(w, "closed-by", wsc_side_name((enum wsc_side)f->closed_by));
    if (f->status.last != 0)
        number(w, "status", f->status.first, f->status.last);
    if (f->rule >= 0)
        option(w, "rule", wsc_rule_name((enum wsc_rule)f->rule));
    if (f->rule_by > 0)
        option(w, "rule-by", wsc_side_name((enum wsc_side)f->rule_by));
}

bool wsc_filter_words(const struct wsc_filter *f, char *out, size_t cap)
{
    static const char *const clocks[] = {[WSC_IDLE_ANY] = "",
                                         [WSC_IDLE_CLIENT] = "client:",
                                         [WSC_IDLE_SERVER] = "server:",
                                         [WSC_IDLE_DATA] = "data:"};
    struct words w = {.out = out, .cap = cap};
    if (cap > 0)
        out[0] = '\0';
    endpoint(&w, "server", &f->server, f->server_bits, f->server_port);
    endpoint(&w, "client", &f->client, f->client_bits, f->client_port);
    text(&w, "host", f->host);
    text(&w, "path", f->path);
    codes(&w, f);
    endings(&w, f);
    text(&w, "cause", f->cause);
    stretch(&w, "idle", clocks[f->idle_clock], &f->idle);
    stretch(&w, "age", "", &f->age);
    text(&w, "user-agent", f->user_agent);
    text(&w, "server-software", f->server_software);
    text(&w, "capture", f->capture);
    when(&w, "since", f->since_ns);
    when(&w, "until", f->until_ns);
    when(&w, "started-since", f->started_since_ns);
    when(&w, "started-until", f->started_until_ns);
    if (f->id >= 0)
        number(&w, "id", f->id, f->id);
    return !w.cut;
}
