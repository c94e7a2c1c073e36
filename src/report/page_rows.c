/* The table of connections: columns as in src/report/page/README.md. */
#include "report/page_run.h"

#include "report/page_pool.h"
#include "report/page_zip.h"

#include <wsclose/report.h>

#include <inttypes.h>

#define COLUMN_MAX (256u << 20) /* bytes of one column, of texts, of verdicts */
#define TEXT_MAX   600u         /* bytes of a text of the network that the page shows */

enum column {
    COLUMN_ID,
    COLUMN_AT,
    COLUMN_VERDICT,
    COLUMN_CLIENT,
    COLUMN_PORT,
    COLUMN_LEAD,
    COLUMN_AGE,
    COLUMN_IDLE,
    COLUMN_FIRST_PACKET,
    COLUMN_LAST_PACKET,
    COLUMN_CAPTURE,
    COLUMN_TCP_END_PACKET,
    COLUMN_CLOSE_C,
    COLUMN_CLOSE_S,
    COLUMN_MESSAGES,
    COLUMN_BYTES,
    COLUMN_PINGS,
    COLUMN_PONGS,
    COLUMN_LAST_MESSAGE,
    COLUMN_MISSING,
    COLUMN_RTT,
    COLUMN_STATUS,
    COLUMN_VIOLATIONS,
    COLUMN_EVIDENCE,
    COLUMN_LEGS,
    COLUMNS
};
static const char *const names[COLUMNS] = {[COLUMN_ID] = "id",
                                           [COLUMN_AT] = "at",
                                           [COLUMN_VERDICT] = "verdict",
                                           [COLUMN_CLIENT] = "client",
                                           [COLUMN_PORT] = "port",
                                           [COLUMN_LEAD] = "lead",
                                           [COLUMN_AGE] = "age",
                                           [COLUMN_IDLE] = "idle",
                                           [COLUMN_FIRST_PACKET] = "first_packet",
                                           [COLUMN_LAST_PACKET] = "last_packet",
                                           [COLUMN_CAPTURE] = "capture",
                                           [COLUMN_TCP_END_PACKET] = "tcp_end_packet",
                                           [COLUMN_CLOSE_C] = "close_c",
                                           [COLUMN_CLOSE_S] = "close_s",
                                           [COLUMN_MESSAGES] = "messages",
                                           [COLUMN_BYTES] = "bytes",
                                           [COLUMN_PINGS] = "pings",
                                           [COLUMN_PONGS] = "pongs",
                                           [COLUMN_LAST_MESSAGE] = "last_message",
                                           [COLUMN_MISSING] = "missing",
                                           [COLUMN_RTT] = "rtt",
                                           [COLUMN_STATUS] = "status",
                                           [COLUMN_VIOLATIONS] = "violations",
                                           [COLUMN_EVIDENCE] = "evidence",
                                           [COLUMN_LEGS] = "legs"};

struct rows {
    struct wsc_pt columns[COLUMNS];
    struct wsc_pt scratch; /* an element of a pool */
    struct wsc_page_pool texts, verdicts;
    size_t len;
    int64_t id, at_ms, last_packet; /* of the row before */
};

/* ---- texts ---- */

/* The index of a text of ours or one that was made visible. */
static void put_known(struct rows *r, struct wsc_pt *to, struct wsc_span s)
{
    r->scratch.buf.len = 0;
    wsc_pt_string(&r->scratch, s);
    wsc_pt_number(to, wsc_page_pool_add(&r->texts, (struct wsc_span){.ptr = r->scratch.buf.data,
                                                                     .len = r->scratch.buf.len}));
}

/* Visible, and cut where it is longer than anybody reads. */
static void put_string(struct wsc_pt *to, struct wsc_span s)
{
    char shown[TEXT_MAX];
    if (s.ptr != NULL)
        wsc_report_safe_text(s, shown, sizeof(shown));
    wsc_pt_string(to, s.ptr != NULL ? wsc_pt_span(shown) : s);
}

static void put_text(struct rows *r, struct wsc_pt *to, struct wsc_span s)
{
    char shown[TEXT_MAX];
    if (s.ptr == NULL) {
        wsc_pt_put(to, "null");
        return;
    }
    wsc_report_safe_text(s, shown, sizeof(shown));
    put_known(r, to, wsc_pt_span(shown));
}

/* ---- the verdict: what many records have alike ---- */

static void text(struct wsc_pt *t, const char *key, struct wsc_span s)
{
    wsc_pt_key(t, key);
    put_string(t, s);
}

static void word(struct wsc_pt *t, const char *key, const char *s)
{
    wsc_pt_key(t, key);
    wsc_pt_word(t, s);
}

static void saw(struct wsc_pt *t, const char *key, const struct wsc_saw *s)
{
    wsc_pt_key(t, key);
    if (s->code == WSC_UNKNOWN) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_open(t, '{');
    wsc_pt_key(t, "code");
    wsc_pt_number(t, s->code);
    text(t, "reason", s->reason);
    wsc_pt_key(t, "clean");
    wsc_pt_put(t, s->clean == WSC_UNKNOWN ? "null" : s->clean ? "true" : "false");
    wsc_pt_close(t, '}');
}

static void app_code(struct wsc_pt *t, const struct wsc_closure *c)
{
    wsc_pt_key(t, "app_code");
    if (c->app_code_scope.ptr == NULL) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_open(t, '{');
    text(t, "scope", c->app_code_scope);
    text(t, "name", c->app_code_name);
    text(t, "meaning", c->app_code_meaning);
    wsc_pt_close(t, '}');
}

static void put_verdict(struct wsc_pt *t, const struct wsc_closure *c)
{
    char server[WSC_ENDPOINT_TEXT_MAX];
    wsc_page_server(c, server);
    wsc_pt_open(t, '{');
    word(t, "outcome", wsc_outcome_name(c->outcome));
    word(t, "ending", wsc_ending_name(c->ending));
    wsc_pt_key(t, "close_code");
    wsc_pt_number(t, c->close_code);
    word(t, "code_source", wsc_code_source_name(c->code_source));
    text(t, "reason", c->reason);
    word(t, "closed_by", wsc_side_name(c->closed_by));
    text(t, "cause", c->cause);
    word(t, "confidence", wsc_confidence_name(c->confidence));
    text(t, "software", c->software);
    saw(t, "client_saw", &c->saw[WSC_DIR_C2S]);
    saw(t, "server_saw", &c->saw[WSC_DIR_S2C]);
    word(t, "tcp_end", wsc_tcp_end_name(c->tcp_end));
    word(t, "tcp_end_by", wsc_side_name(c->tcp_end_by));
    app_code(t, c);
    word(t, "server", server[0] != '\0' ? server : NULL);
    const struct {
        const char *key;
        struct wsc_span s;
    } texts[] = {{"scheme", c->scheme},
                 {"http", c->http},
                 {"tls_version", c->tls_version},
                 {"sni", c->sni},
                 {"host", c->host},
                 {"path", c->path},
                 {"subprotocol", c->subprotocol},
                 {"extensions", c->extensions},
                 {"user_agent", c->user_agent},
                 {"origin", c->origin},
                 {"server_software", c->server_software},
                 {"app", c->app}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        text(t, texts[i].key, texts[i].s);
    wsc_pt_key(t, "midstream");
    wsc_pt_put(t, c->midstream ? "true" : "false");
    wsc_pt_close(t, '}');
}

/* ---- columns ---- */

/* The column, ready for its next value. */
static struct wsc_pt *at(struct rows *r, enum column i)
{
    wsc_pt_element(&r->columns[i]);
    return &r->columns[i];
}

static void pair(struct wsc_pt *t, const uint64_t v[2])
{
    wsc_pt_open(t, '[');
    wsc_pt_element(t);
    wsc_pt_number(t, (int64_t)v[0]);
    wsc_pt_element(t);
    wsc_pt_number(t, (int64_t)v[1]);
    wsc_pt_close(t, ']');
}

static void packet(struct wsc_pt *t, uint64_t number)
{
    wsc_pt_number(t, number != 0 ? (int64_t)WSC_REF_NUMBER(number) : -1);
}

static void change(struct wsc_pt *t, int64_t v)
{
    wsc_pt_printf(t, "%" PRId64, v);
}

/* What was |v| in the row before, and the change to it: small numbers pack better. Numbers in a
 * database made up by others may lie too far apart for one: it wraps around. */
static void put_change(struct wsc_pt *t, int64_t *before, int64_t v)
{
    change(t, (int64_t)((uint64_t)v - (uint64_t)*before));
    *before = v;
}

/* How far before the last packet of the record. */
static void packet_before(struct wsc_pt *t, const struct wsc_closure *c, uint64_t number)
{
    if (number == 0)
        wsc_pt_put(t, "null");
    else
        change(t, (int64_t)(WSC_REF_NUMBER(c->last_packet) - WSC_REF_NUMBER(number)));
}

/* Cut, not rounded: bins of a picture begin at whole milliseconds, so that what is counted in a bin
 * is found in it. */
static int64_t ms_of(uint64_t ns)
{
    return (int64_t)(ns / 1000000);
}

static void put_length(struct wsc_pt *t, int64_t ns)
{
    wsc_pt_ms(t, ns < 0 ? ns : ns / 1000 * 1000);
}

static void close_frame(struct rows *r, struct wsc_pt *t, const struct wsc_closure *c,
                        enum wsc_dir by)
{
    const struct wsc_close_frame *f = &c->close[by];
    if (!f->seen) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_open(t, '[');
    wsc_pt_element(t);
    wsc_pt_number(t, f->code);
    wsc_pt_element(t);
    put_text(r, t, f->reason);
    wsc_pt_element(t);
    if (f->at_ns == 0)
        wsc_pt_put(t, "null");
    else
        change(t, ms_of(f->at_ns) - ms_of(wsc_page_at(c)));
    wsc_pt_element(t);
    packet_before(t, c, f->packet);
    wsc_pt_element(t);
    wsc_pt_put(t, f->valid ? "true" : "false");
    wsc_pt_close(t, ']');
}

static void violations(struct wsc_pt *t, const struct wsc_closure *c)
{
    if (c->violations_len == 0) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_open(t, '[');
    for (size_t i = 0; i < c->violations_len; i++) {
        wsc_pt_element(t);
        wsc_pt_open(t, '[');
        wsc_pt_element(t);
        wsc_pt_word(t, wsc_side_name(c->violations[i].by));
        wsc_pt_element(t);
        wsc_pt_word(t, wsc_rule_name(c->violations[i].rule));
        wsc_pt_element(t);
        packet(t, c->violations[i].packet);
        wsc_pt_close(t, ']');
    }
    wsc_pt_close(t, ']');
}

/* Addresses are shared, ports are not. */
static void put_client(struct rows *r, const struct wsc_closure *c)
{
    char client[WSC_ENDPOINT_TEXT_MAX];
    char *colon = wsc_endpoint_text(&c->client, client) > 0 ? strrchr(client, ':') : NULL;
    if (colon != NULL)
        *colon = '\0';
    put_text(r, at(r, COLUMN_CLIENT), wsc_pt_span(colon != NULL ? client : NULL));
    wsc_pt_number(at(r, COLUMN_PORT), colon != NULL ? c->client.port : -1);
}

/* From the start of the connection to that of its age. */
static void put_lead(struct wsc_pt *t, const struct wsc_closure *c)
{
    int64_t age = c->duration_ns > 0 ? c->duration_ns : 0;
    if (c->started_ns == 0)
        wsc_pt_put(t, "null");
    else
        change(t, ms_of(wsc_page_at(c)) - ms_of(c->started_ns) - ms_of((uint64_t)age));
}

static void put_who(struct rows *r, const struct wsc_closure *c)
{
    put_change(at(r, COLUMN_ID), &r->id, c->id);
    put_change(at(r, COLUMN_AT), &r->at_ms, ms_of(wsc_page_at(c)));
    r->scratch.buf.len = 0;
    put_verdict(&r->scratch, c);
    wsc_pt_number(at(r, COLUMN_VERDICT),
                  wsc_page_pool_add(&r->verdicts, (struct wsc_span){.ptr = r->scratch.buf.data,
                                                                    .len = r->scratch.buf.len}));
    put_client(r, c);
    put_lead(at(r, COLUMN_LEAD), c);
    put_length(at(r, COLUMN_AGE), c->duration_ns);
    put_length(at(r, COLUMN_IDLE), c->idle_any_ns);
    packet_before(at(r, COLUMN_FIRST_PACKET), c, c->first_packet);
    put_change(at(r, COLUMN_LAST_PACKET), &r->last_packet, (int64_t)WSC_REF_NUMBER(c->last_packet));
    put_text(r, at(r, COLUMN_CAPTURE), c->capture);
}

static void put_what(struct rows *r, const struct wsc_closure *c)
{
    packet_before(at(r, COLUMN_TCP_END_PACKET), c, c->tcp_end_packet);
    close_frame(r, at(r, COLUMN_CLOSE_C), c, WSC_DIR_C2S);
    close_frame(r, at(r, COLUMN_CLOSE_S), c, WSC_DIR_S2C);
    pair(at(r, COLUMN_MESSAGES), c->messages);
    pair(at(r, COLUMN_BYTES), c->bytes);
    pair(at(r, COLUMN_PINGS), c->pings);
    pair(at(r, COLUMN_PONGS), c->pongs);
    struct wsc_pt *last = at(r, COLUMN_LAST_MESSAGE);
    wsc_pt_open(last, '[');
    for (unsigned i = 0; i < 2; i++) {
        wsc_pt_element(last);
        wsc_pt_number(last, c->last_message[i]);
    }
    wsc_pt_close(last, ']');
    pair(at(r, COLUMN_MISSING), c->missing_bytes);
    wsc_pt_ms(at(r, COLUMN_RTT), c->last_rtt_ns);
    wsc_pt_number(at(r, COLUMN_STATUS), c->handshake_status);
    violations(at(r, COLUMN_VIOLATIONS), c);
    struct wsc_pt *legs = at(r, COLUMN_LEGS);
    if (c->legs_len == 0) {
        wsc_pt_put(legs, "null");
        return;
    }
    wsc_pt_open(legs, '[');
    for (size_t i = 0; i < c->legs_len; i++) {
        wsc_pt_element(legs);
        wsc_pt_number(legs, c->legs[i]);
    }
    wsc_pt_close(legs, ']');
}

/* ---- evidence: sentences that differ by their numbers alone are one ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the number at |s|: digits, and a fraction. */
static size_t number_at(const char *s)
{
    size_t n = 0;
    while (is_digit(s[n]))
        n++;
    if (n > 0 && s[n] == '.' && is_digit(s[n + 1]))
        for (n++; is_digit(s[n]);)
            n++;
    return n;
}

/* Whether a script writes the number as it stands here. */
static bool is_canonical(const char *s, size_t n)
{
    bool fraction = memchr(s, '.', n) != NULL;
    bool leading = n > 1 && s[0] == '0' && s[1] != '.';
    return n <= 15 && !leading && !(fraction && s[n - 1] == '0');
}

static void put_numbers(struct wsc_pt *t, const char *s)
{
    for (; *s != '\0'; s++) {
        size_t n = number_at(s);
        if (n == 0)
            continue;
        bool bare = is_canonical(s, n);
        wsc_pt_put(t, bare ? "," : ",\"");
        wsc_pt_bytes(t, s, n);
        wsc_pt_put(t, bare ? "" : "\"");
        s += n - 1;
    }
}

/* |s| with {} for each number. */
static size_t blank_numbers(const char *s, char *out)
{
    size_t len = 0;
    while (*s != '\0') {
        size_t n = number_at(s);
        if (n > 0) {
            out[len++] = '{';
            out[len++] = '}';
            s += n;
        } else {
            out[len++] = *s++;
        }
    }
    return len;
}

static void put_sentence(struct rows *r, struct wsc_pt *t, struct wsc_span s)
{
    char shown[TEXT_MAX], blank[2 * TEXT_MAX];
    wsc_report_safe_text(s, shown, sizeof(shown));
    wsc_pt_open(t, '[');
    if (strchr(shown, '{') != NULL || strchr(shown, '}') != NULL) {
        put_known(r, t, wsc_pt_span(shown));
    } else {
        size_t n = blank_numbers(shown, blank);
        put_known(r, t, (struct wsc_span){.ptr = (const uint8_t *)blank, .len = n});
        put_numbers(t, shown);
    }
    wsc_pt_close(t, ']');
}

static void put_evidence(struct rows *r, const struct wsc_closure *c)
{
    struct wsc_pt *t = at(r, COLUMN_EVIDENCE);
    if (c->evidence_len == 0) {
        wsc_pt_put(t, "null");
        return;
    }
    wsc_pt_open(t, '[');
    for (size_t i = 0; i < c->evidence_len; i++) {
        wsc_pt_element(t);
        put_sentence(r, t, c->evidence[i]);
    }
    wsc_pt_close(t, ']');
}

/* ---- the whole ---- */

static bool failed(const struct rows *r)
{
    bool bad = r->texts.failed || r->verdicts.failed || r->scratch.failed;
    for (size_t i = 0; i < COLUMNS; i++)
        bad |= r->columns[i].failed;
    return bad;
}

static int on_record(void *ctx, const struct wsc_closure *c)
{
    struct rows *r = ctx;
    put_who(r, c);
    put_what(r, c);
    put_evidence(r, c);
    r->len++;
    return failed(r);
}

static void zip_text(struct wsc_page_zip *z, const char *s)
{
    wsc_page_zip_put(z, s, strlen(s));
}

static void write_rows(const struct wsc_page *p, const struct rows *r, struct wsc_page_zip *z)
{
    struct wsc_pt head;
    wsc_pt_init(&head, 4096);
    wsc_pt_open(&head, '{');
    wsc_pt_key(&head, "n");
    wsc_pt_number(&head, (int64_t)r->len);
    wsc_pt_key(&head, "of");
    wsc_pt_number(&head, (int64_t)p->counts.records);
    word(&head, "why", p->why);
    wsc_page_zip_put(z, head.buf.data, head.buf.len);
    wsc_pt_clear(&head);
    zip_text(z, ",\"text\":[");
    wsc_page_zip_put(z, r->texts.bytes.data, r->texts.bytes.len);
    zip_text(z, "],\"verdicts\":[");
    wsc_page_zip_put(z, r->verdicts.bytes.data, r->verdicts.bytes.len);
    zip_text(z, "],\"columns\":{");
    for (size_t i = 0; i < COLUMNS; i++) {
        zip_text(z, i == 0 ? "\"" : ",\"");
        zip_text(z, names[i]);
        zip_text(z, "\":[");
        wsc_page_zip_put(z, r->columns[i].buf.data, r->columns[i].buf.len);
        zip_text(z, "]");
    }
    zip_text(z, "}}");
    wsc_page_zip_end(z);
}

static void clear(struct rows *r)
{
    for (size_t i = 0; i < COLUMNS; i++)
        wsc_pt_clear(&r->columns[i]);
    wsc_pt_clear(&r->scratch);
    wsc_page_pool_clear(&r->texts);
    wsc_page_pool_clear(&r->verdicts);
}

enum wsc_err wsc_page_put_rows(const struct wsc_page *p, struct wsc_store *s, FILE *out,
                               struct wsc_error *err)
{
    struct rows r = {.len = 0};
    for (size_t i = 0; i < COLUMNS; i++)
        wsc_pt_init(&r.columns[i], COLUMN_MAX);
    wsc_pt_init(&r.scratch, COLUMN_MAX);
    wsc_page_pool_init(&r.texts, COLUMN_MAX);
    wsc_page_pool_init(&r.verdicts, COLUMN_MAX);
    enum wsc_err e = wsc_store_pick(s, p->bins->rows, p->bins->rows_len, on_record, &r, err);
    struct wsc_page_zip *z = e == WSC_OK && !failed(&r) ? wsc_page_zip_new(out) : NULL;
    if (z != NULL)
        write_rows(p, &r, z);
    else if (e == WSC_OK)
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    clear(&r);
    return e;
}
