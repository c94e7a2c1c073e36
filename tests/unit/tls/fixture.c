#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "rfc8448",
    "tls10-cbc",
    "tls10-cbc-mac-first",
    "tls11-cbc",
    "tls11-cbc-mac-first",
    "tls12-aes128-gcm",
    "tls12-aes256-gcm",
    "tls12-big",
    "tls12-cbc-sha1",
    "tls12-cbc-sha1-mac-first",
    "tls12-cbc-sha256",
    "tls12-cbc-sha384",
    "tls12-cbc-sha384-mac-first",
    "tls12-ccm",
    "tls12-ccm8",
    "tls12-chacha20",
    "tls12-dhe",
    "tls12-fragments",
    "tls12-renegotiation",
    "tls12-resumed-id",
    "tls12-resumed-ticket",
    "tls12-rsa",
    "tls13-aes128-gcm",
    "tls13-aes256-gcm",
    "tls13-big",
    "tls13-ccm",
    "tls13-ccm8",
    "tls13-chacha20",
    "tls13-client-certificate",
    "tls13-early",
    "tls13-early-refused",
    "tls13-fragments",
    "tls13-key-update",
    "tls13-padding",
    "tls13-resumed",
    "tls13-retry",
};

const char *fixture_name(size_t n)
{
    return n < sizeof(names) / sizeof(names[0]) ? names[n] : NULL;
}

static void must(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

/* Appends the bytes of |hex| to |*to|. */
static size_t add_hex(uint8_t **to, size_t *len, const char *hex)
{
    size_t n = strspn(hex, "0123456789abcdef") / 2;
    *to = realloc(*to, *len + n + 1);
    must(*to != NULL, "no memory");
    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        (*to)[*len + i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    *len += n;
    return n;
}

static enum wsc_dir dir_of(const char *word)
{
    return strncmp(word, "c2s", 3) == 0 ? WSC_DIR_C2S : WSC_DIR_S2C;
}

static void add_line(struct fixture *f, const char *line)
{
    struct fixture_conn *c = f->n_conn > 0 ? &f->conn[f->n_conn - 1] : NULL;
    if (strncmp(line, "keys ", 5) == 0) {
        size_t n = strlen(line + 5);
        f->keys = realloc(f->keys, f->keys_len + n + 1);
        must(f->keys != NULL, "no memory");
        memcpy(f->keys + f->keys_len, line + 5, n + 1);
        f->keys_len += n;
    } else if (strncmp(line, "new", 3) == 0) {
        must(f->n_conn < 2, "too many connections");
        f->n_conn++;
    } else if (strncmp(line, "says ", 5) == 0 && c != NULL) {
        enum wsc_dir d = dir_of(line + 5);
        add_hex(&c->says[d], &c->says_len[d], line + 9);
    } else if (line[0] != '#') {
        must(c != NULL && c->n_chunks < FIXTURE_CHUNKS, "bytes of no connection, or too many");
        enum wsc_dir d = dir_of(line);
        c->chunks[c->n_chunks].dir = d;
        c->chunks[c->n_chunks].at = c->wire_len[d];
        c->chunks[c->n_chunks].len = add_hex(&c->wire[d], &c->wire_len[d], line + 4);
        c->n_chunks++;
    }
}

void fixture_load(const char *name, struct fixture *f)
{
    char path[1024], *line = NULL;
    size_t cap = 0;
    memset(f, 0, sizeof(*f));
    snprintf(path, sizeof(path), "%s/%s.tls", WSC_TLS_DATA, name);
    FILE *file = fopen(path, "r");
    must(file != NULL, path);
    while (getline(&line, &cap, file) > 0)
        add_line(f, line);
    free(line);
    fclose(file);
    must(f->n_conn > 0, "empty");
}

void fixture_free(struct fixture *f)
{
    free(f->keys);
    for (size_t i = 0; i < f->n_conn; i++)
        for (unsigned d = 0; d < 2; d++) {
            free(f->conn[i].wire[d]);
            free(f->conn[i].says[d]);
        }
}

struct wsc_keylog *fixture_keylog(const struct fixture *f, const char *label, const char *but)
{
    struct wsc_keylog *kl = NULL;
    must(wsc_keylog_new(0, &kl) == WSC_OK, "no memory");
    for (const char *line = f->keys; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n') + 1;
        char text[512];
        snprintf(text, sizeof(text), "%.*s", (int)(end - line), line);
        if ((label == NULL || strstr(text, label) != NULL) &&
            (but == NULL || strstr(text, but) == NULL))
            must(wsc_keylog_feed(
                     kl, 0, (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)}) ==
                     WSC_OK,
                 "no memory");
        line = end;
    }
    return kl;
}

static void check(struct outcome *o, bool truth, const char *what)
{
    if (!truth && o->wrong == NULL)
        o->wrong = what;
}

static void on_record(void *ctx, enum wsc_dir d, uint64_t wire)
{
    struct outcome *o = ctx;
    (void)wire;
    o->records[d]++;
}

static void on_data(void *ctx, enum wsc_dir d, uint64_t off, struct wsc_span data, uint64_t start,
                    uint64_t end)
{
    struct outcome *o = ctx;
    const uint8_t *says = o->conn->says[d];
    size_t len = o->conn->says_len[d], at = o->cursor[d];
    check(o, data.len > 0 && off == o->off[d] && start < end, "an event of data out of order");
    if (o->guessing[d]) {
        const uint8_t *found = at < len ? memmem(says + at, len - at, data.ptr, data.len) : NULL;
        check(o, found != NULL, "data after a gap that nobody said");
        at = found != NULL ? (size_t)(found - says) : at;
    } else {
        check(o, at + data.len <= len && memcmp(says + at, data.ptr, data.len) == 0,
              "data that nobody said");
    }
    o->cursor[d] = at + data.len;
    o->off[d] = off + data.len;
    o->bytes[d] += data.len;
    if (o->n_data == FIXTURE_EVENTS)
        return;
    o->data[o->n_data].dir = d;
    o->data[o->n_data].off = off;
    o->data[o->n_data].len = data.len;
    o->data[o->n_data].start = start;
    o->data[o->n_data++].end = end;
}

static void on_gap(void *ctx, enum wsc_dir d, uint64_t off, uint64_t len, uint64_t start,
                   uint64_t end)
{
    struct outcome *o = ctx;
    check(o, len > 0 && off == o->off[d] && start < end, "an event of a gap out of order");
    o->off[d] = off + len;
    if (len == WSC_TLS_GAP_UNKNOWN)
        o->guessing[d] = true;
    else
        o->cursor[d] += len;
    if (o->n_gaps == FIXTURE_EVENTS)
        return;
    o->gaps[o->n_gaps].dir = d;
    o->gaps[o->n_gaps].off = off;
    o->gaps[o->n_gaps].len = len;
    o->gaps[o->n_gaps].start = start;
    o->gaps[o->n_gaps++].end = end;
}

static void on_alert(void *ctx, enum wsc_dir d, unsigned level, int description)
{
    struct outcome *o = ctx;
    check(o, level <= 2, "an alert of a level that does not exist");
    o->alert[d] = description + 2;
}

static void on_hello(void *ctx)
{
    struct outcome *o = ctx;
    o->hellos++;
}

const struct wsc_tls_ops outcome_ops = {.on_record = on_record,
                                        .on_data = on_data,
                                        .on_gap = on_gap,
                                        .on_alert = on_alert,
                                        .on_hello = on_hello};

void outcome_init(struct outcome *o, const struct fixture_conn *c)
{
    memset(o, 0, sizeof(*o));
    o->conn = c;
}

bool outcome_is_whole(const struct outcome *o)
{
    if (o->wrong != NULL || o->n_gaps > 0)
        return false;
    for (unsigned d = 0; d < 2; d++)
        if (o->bytes[d] != o->conn->says_len[d])
            return false;
    return true;
}
