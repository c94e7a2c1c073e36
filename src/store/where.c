#include "store/db.h"

#include <stdio.h>
#include <string.h>

/* Conditions and parameters are produced by the same walk over the filter, so that they cannot fall
 * out of step: with |sql| it writes, with |bind| it binds. */
struct walk {
    char *sql;
    size_t len;
    struct wsc_bind *bind;
    bool any;
};

static void put(struct walk *w, const char *text)
{
    if (w->sql == NULL)
        return;
    size_t n = strlen(text);
    if (w->len + n + 1 > WSC_WHERE_MAX)
        return;
    memcpy(w->sql + w->len, text, n + 1);
    w->len += n;
}

static void condition(struct walk *w, const char *text)
{
    put(w, w->any ? " AND " : " WHERE ");
    put(w, text);
    w->any = true;
}

/* "abc*" is every text that begins with abc; anything else is meant literally. */
static void match(struct walk *w, const char *column, const char *pattern, bool any_case)
{
    if (pattern == NULL)
        return;
    size_t len = strlen(pattern);
    bool prefix = len > 0 && pattern[len - 1] == '*';
    char text[160];
    const char *cast = any_case ? " COLLATE NOCASE" : "";
    if (prefix)
        (void)snprintf(text, sizeof(text), "substr(%s, 1, length(?))%s = ?", column, cast);
    else
        (void)snprintf(text, sizeof(text), "%s = ?%s", column, cast);
    condition(w, text);
    if (w->bind == NULL)
        return;
    struct wsc_span value = {.ptr = (const uint8_t *)pattern, .len = prefix ? len - 1 : len};
    wsc_bind_any(w->bind, value);
    if (prefix)
        wsc_bind_any(w->bind, value);
}

static void endpoint(struct walk *w, const char *side, const struct wsc_endpoint *e, uint8_t bits,
                     uint16_t port)
{
    char text[64];
    if (e->family != 0) {
        (void)snprintf(text, sizeof(text),
                       bits != 0 ? "wsc_in_network(%s_address, ?, ?)" : "%s_address = ?", side);
        condition(w, text);
        if (w->bind != NULL) {
            char address[WSC_ENDPOINT_TEXT_MAX];
            wsc_endpoint_text(e, address);
            *strrchr(address, ':') = '\0';
            wsc_bind_copy(w->bind, address);
            if (bits != 0)
                wsc_bind_int(w->bind, bits);
        }
        port = e->port != 0 ? e->port : port;
    }
    if (port == 0)
        return;
    (void)snprintf(text, sizeof(text), "%s_port = ?", side);
    condition(w, text);
    if (w->bind != NULL)
        wsc_bind_int(w->bind, port);
}

static void word(struct walk *w, const char *text, const char *value)
{
    condition(w, text);
    if (w->bind != NULL)
        wsc_bind_word(w->bind, value);
}

static void codes(struct walk *w, const struct wsc_filter *f)
{
    if (f->codes_len == 0)
        return;
    condition(w, "(");
    for (size_t i = 0; i < f->codes_len && i < WSC_FILTER_MAX_RANGES; i++) {
        put(w, i == 0 ? "close_code BETWEEN ? AND ?" : " OR close_code BETWEEN ? AND ?");
        if (w->bind != NULL) {
            wsc_bind_int(w->bind, f->codes[i].first);
            wsc_bind_int(w->bind, f->codes[i].last);
        }
    }
    put(w, ")");
}

static void stretch(struct walk *w, const char *column, const struct wsc_span_filter *f)
{
    char text[64];
    if (f->min_ns <= 0 && f->max_ns <= 0)
        return;
    (void)snprintf(text, sizeof(text), f->max_ns > 0 ? "%s BETWEEN ? AND ?" : "%s >= ?", column);
    condition(w, text);
    if (w->bind == NULL)
        return;
    wsc_bind_ms(w->bind, f->min_ns);
    if (f->max_ns > 0)
        wsc_bind_ms(w->bind, f->max_ns);
}

static void status(struct walk *w, const struct wsc_code_range *r)
{
    if (r->last == 0)
        return;
    condition(w, "handshake_status BETWEEN ? AND ?");
    if (w->bind == NULL)
        return;
    wsc_bind_int(w->bind, r->first);
    wsc_bind_int(w->bind, r->last);
}

static void violation(struct walk *w, const struct wsc_filter *f)
{
    if (f->rule < 0 && f->rule_by < 0)
        return;
    condition(w, "EXISTS (SELECT 1 FROM violations x WHERE x.connection_id = c.id");
    put(w, f->rule >= 0 ? " AND x.rule = ?" : "");
    put(w, f->rule_by >= 0 ? " AND x.by IS ?)" : ")");
    if (w->bind == NULL)
        return;
    if (f->rule >= 0)
        wsc_bind_word(w->bind, wsc_rule_name((enum wsc_rule)f->rule));
    if (f->rule_by >= 0)
        wsc_bind_word(w->bind, wsc_side_name((enum wsc_side)f->rule_by));
}

static void when(struct walk *w, const char *text, uint64_t ns)
{
    if (ns == 0)
        return;
    condition(w, text);
    if (w->bind != NULL)
        wsc_bind_time(w->bind, ns);
}

static void which(struct walk *w, const struct wsc_store *s, const struct wsc_filter *f)
{
    if (f->id >= 0) {
        condition(w, "c.id = ?");
        if (w->bind != NULL)
            wsc_bind_int(w->bind, f->id);
    }
    if (!f->last_import)
        return;
    condition(w, "p.import_id = ?");
    if (w->bind != NULL)
        wsc_bind_int(w->bind, s->import_id);
    if (s->known_captures != NULL) {
        condition(w, "c.capture_id IN (SELECT value FROM json_each(?))");
        if (w->bind != NULL)
            wsc_bind_word(w->bind, s->known_captures);
    }
}

static const char *const idle_columns[] = {[WSC_IDLE_ANY] = "idle_ms_any",
                                           [WSC_IDLE_CLIENT] = "idle_ms_client",
                                           [WSC_IDLE_SERVER] = "idle_ms_server",
                                           [WSC_IDLE_DATA] = "idle_ms_data"};

static void walk_filter(struct walk *w, const struct wsc_store *s, const struct wsc_filter *f)
{
    which(w, s, f);
    codes(w, f);
    endpoint(w, "server", &f->server, f->server_bits, f->server_port);
    endpoint(w, "client", &f->client, f->client_bits, f->client_port);
    match(w, "host", f->host, true);
    match(w, "path", f->path, false);
    match(w, "cause", f->cause, false);
    match(w, "app", f->app, true);
    match(w, "user_agent", f->user_agent, false);
    match(w, "server_software", f->server_software, false);
    match(w, "p.name", f->capture, false);
    if (f->ending >= 0)
        word(w, "ending = ?", wsc_ending_name((enum wsc_ending)f->ending));
    if (f->closed_by >= 0)
        word(w, "closed_by IS ?", wsc_side_name((enum wsc_side)f->closed_by));
    if (f->outcome >= 0)
        word(w, "outcome = ?", wsc_outcome_name((enum wsc_outcome)f->outcome));
    violation(w, f);
    status(w, &f->status);
    stretch(w, "duration_ms", &f->age);
    stretch(w, idle_columns[f->idle_clock], &f->idle);
    when(w, "sort_time >= ?", f->since_ns);
    when(w, "sort_time < ?", f->until_ns);
    when(w, "started >= ?", f->started_since_ns);
    when(w, "started < ?", f->started_until_ns);
}

void wsc_where_text(const struct wsc_store *s, const struct wsc_filter *f, char sql[WSC_WHERE_MAX])
{
    struct walk w = {.sql = sql};
    sql[0] = '\0';
    walk_filter(&w, s, f);
}

void wsc_where_bind(const struct wsc_store *s, const struct wsc_filter *f, struct wsc_bind *b)
{
    struct walk w = {.bind = b};
    walk_filter(&w, s, f);
}

void wsc_filter_init(struct wsc_filter *f)
{
    *f = (struct wsc_filter){.ending = WSC_UNKNOWN,
                             .closed_by = WSC_UNKNOWN,
                             .outcome = WSC_UNKNOWN,
                             .rule = WSC_UNKNOWN,
                             .rule_by = WSC_UNKNOWN,
                             .id = WSC_UNKNOWN};
}

/* wsc_in_network(address, network, bits): whether their first |bits| bits are the same. */
static void in_network(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct wsc_endpoint a, b;
    const char *address = (const char *)sqlite3_value_text(argv[0]);
    const char *network = (const char *)sqlite3_value_text(argv[1]);
    int bits = sqlite3_value_int(argv[2]);
    (void)argc;
    bool same = address != NULL && network != NULL && wsc_endpoint_parse(address, &a) &&
                wsc_endpoint_parse(network, &b) && a.family == b.family;
    for (int i = 0; same && i < bits && i < 128; i += 8) {
        int mask = bits - i >= 8 ? 0xff : 0xff << (8 - (bits - i)) & 0xff;
        same = ((a.addr[i / 8] ^ b.addr[i / 8]) & mask) == 0;
    }
    sqlite3_result_int(ctx, same);
}

int wsc_where_register(sqlite3 *db)
{
    return sqlite3_create_function(db, "wsc_in_network", 3,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                   in_network, NULL, NULL);
}
