#include "tls/keylog.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "tls/keylog_inner.h"

#include <openssl/evp.h>

#include <string.h>

#define DEFAULT_MAX_SECRETS 4000000u
#define LARGEST_MAX_SECRETS (UINT32_C(1) << 31)

enum wsc_err wsc_keylog_new(size_t max_secrets, struct wsc_keylog **out)
{
    *out = NULL;
    struct wsc_keylog *kl = wsc_calloc(1, sizeof(*kl));
    if (kl == NULL)
        return WSC_ERR_NOMEM;
    if (max_secrets == 0)
        max_secrets = DEFAULT_MAX_SECRETS;
    if (max_secrets > LARGEST_MAX_SECRETS)
        max_secrets = LARGEST_MAX_SECRETS;
    (void)pthread_mutex_init(&kl->lock, NULL);
    wsc_keylog_table_init(&kl->table, max_secrets);
    *out = kl;
    return WSC_OK;
}

static void free_source(struct wsc_keylog_source *s)
{
    explicit_bzero(s, sizeof(*s));
    wsc_free(s);
}

void wsc_keylog_free(struct wsc_keylog *kl)
{
    if (kl == NULL)
        return;
    while (kl->sources != NULL) {
        struct wsc_keylog_source *s = kl->sources;
        kl->sources = s->next;
        free_source(s);
    }
    wsc_keylog_files_free(kl);
    wsc_keylog_table_clear(&kl->table);
    wsc_keylog_missed_clear(&kl->missed);
    (void)pthread_mutex_destroy(&kl->lock);
    wsc_free(kl);
}

static uint64_t missed_hash(const struct wsc_keylog *kl, unsigned label,
                            const uint8_t *client_random)
{
    return wsc_hash(kl->table.key, client_random, WSC_CLIENT_RANDOM_LEN) + label;
}

static enum wsc_err put(struct wsc_keylog *kl, struct wsc_keylog_source *s,
                        const struct wsc_keylog_secret *secret)
{
    switch (wsc_keylog_table_put(&kl->table, secret)) {
    case WSC_KEYLOG_KNOWN:
        break;
    case WSC_KEYLOG_ADDED:
        s->secrets++;
        kl->stats.late += wsc_keylog_missed_has(
            &kl->missed, missed_hash(kl, secret->label, secret->client_random));
        atomic_fetch_add(&kl->generation, 1);
        break;
    case WSC_KEYLOG_NOMEM:
        kl->lost++;
        return WSC_ERR_NOMEM;
    }
    return WSC_OK;
}

static void count_damaged(struct wsc_keylog *kl, struct wsc_keylog_source *s)
{
    s->damaged++;
    kl->stats.damaged++;
    if (s->first_damaged == 0)
        s->first_damaged = s->line_no;
    if (kl->stats.first_damaged == 0)
        kl->stats.first_damaged = s->line_no;
}

/* Programs that write text "with encoding" begin the file with a byte order mark. */
static struct wsc_span without_mark(struct wsc_span line)
{
    if (line.len >= 3 && memcmp(line.ptr, "\xef\xbb\xbf", 3) == 0)
        return (struct wsc_span){line.ptr + 3, line.len - 3};
    return line;
}

/* |line| is whole, without its newline. */
static enum wsc_err take_line(struct wsc_keylog *kl, struct wsc_keylog_source *s,
                              struct wsc_span line)
{
    struct wsc_keylog_secret secret;
    enum wsc_err err = WSC_OK;
    s->line_no++;
    enum wsc_keylog_line kind =
        wsc_keylog_line_read(s->line_no == 1 ? without_mark(line) : line, &secret);
    if (kind == WSC_KEYLOG_BLANK)
        return WSC_OK;
    s->lines++;
    kl->stats.lines++;
    if (kind == WSC_KEYLOG_SECRET) {
        err = put(kl, s, &secret);
    } else if (kind == WSC_KEYLOG_UNKNOWN) {
        s->unknown++;
        kl->stats.unknown++;
    } else if (kind == WSC_KEYLOG_UNREADABLE) {
        count_damaged(kl, s);
    }
    explicit_bzero(&secret, sizeof(secret));
    return err;
}

static void take_long_line(struct wsc_keylog *kl, struct wsc_keylog_source *s)
{
    s->line_no++;
    if (s->first == '#')
        return;
    s->lines++;
    kl->stats.lines++;
    count_damaged(kl, s);
}

static void clear_line(struct wsc_keylog_source *s)
{
    explicit_bzero(s->line, s->len);
    s->len = 0;
    s->too_long = false;
    s->tried = false;
}

static void keep(struct wsc_keylog_source *s, struct wsc_span part)
{
    if (part.len == 0 || s->too_long)
        return;
    if (part.len > sizeof(s->line) - s->len) {
        s->first = s->len > 0 ? s->line[0] : part.ptr[0];
        clear_line(s);
        s->too_long = true;
        return;
    }
    memcpy(s->line + s->len, part.ptr, part.len);
    s->len += part.len;
    s->tried = false;
}

static enum wsc_err end_line(struct wsc_keylog *kl, struct wsc_keylog_source *s)
{
    enum wsc_err err = WSC_OK;
    if (s->too_long)
        take_long_line(kl, s);
    else
        err = take_line(kl, s, (struct wsc_span){s->line, s->len});
    clear_line(s);
    return err;
}

enum wsc_err wsc_keylog_source_feed(struct wsc_keylog *kl, struct wsc_keylog_source *s,
                                    struct wsc_span text)
{
    enum wsc_err result = WSC_OK;
    while (text.len > 0) {
        const uint8_t *newline = memchr(text.ptr, '\n', text.len);
        struct wsc_span part = {text.ptr,
                                newline != NULL ? (size_t)(newline - text.ptr) : text.len};
        keep(s, part);
        if (newline == NULL)
            break;
        enum wsc_err err = end_line(kl, s);
        if (err != WSC_OK)
            result = err;
        text.ptr += part.len + 1;
        text.len -= part.len + 1;
    }
    return result;
}

enum wsc_err wsc_keylog_source_finish(struct wsc_keylog *kl, struct wsc_keylog_source *s)
{
    return s->len > 0 || s->too_long ? end_line(kl, s) : WSC_OK;
}

void wsc_keylog_source_try(struct wsc_keylog *kl, struct wsc_keylog_source *s)
{
    if (s->tried || s->len == 0)
        return;
    struct wsc_keylog_secret secret;
    s->tried = true;
    if (wsc_keylog_line_read((struct wsc_span){s->line, s->len}, &secret) == WSC_KEYLOG_SECRET)
        (void)put(kl, s, &secret);
    explicit_bzero(&secret, sizeof(secret));
}

void wsc_keylog_source_restart(struct wsc_keylog_source *s)
{
    clear_line(s);
    s->line_no = 0;
}

/* The link that holds |source|, or the one to hang it on. */
static struct wsc_keylog_source **link_of(struct wsc_keylog *kl, unsigned source)
{
    struct wsc_keylog_source **at = &kl->sources;
    while (*at != NULL && (*at)->id != source)
        at = &(*at)->next;
    return at;
}

enum wsc_err wsc_keylog_feed(struct wsc_keylog *kl, unsigned source, struct wsc_span text)
{
    (void)pthread_mutex_lock(&kl->lock);
    enum wsc_err err = WSC_OK;
    struct wsc_keylog_source **at = link_of(kl, source);
    if (*at == NULL) {
        *at = wsc_calloc(1, sizeof(**at));
        if (*at == NULL)
            err = WSC_ERR_NOMEM;
        else
            (*at)->id = source;
    }
    if (err == WSC_OK)
        err = wsc_keylog_source_feed(kl, *at, text);
    (void)pthread_mutex_unlock(&kl->lock);
    return err;
}

enum wsc_err wsc_keylog_finish(struct wsc_keylog *kl, unsigned source)
{
    (void)pthread_mutex_lock(&kl->lock);
    enum wsc_err err = WSC_OK;
    struct wsc_keylog_source **at = link_of(kl, source), *s = *at;
    if (s != NULL) {
        err = wsc_keylog_source_finish(kl, s);
        *at = s->next;
        free_source(s);
    }
    (void)pthread_mutex_unlock(&kl->lock);
    return err;
}

/* Some of the SHA-256 of label, client random and secret: tells two apart and gives nothing away.
 */
static uint64_t digest_of(const struct wsc_keylog_secret *s)
{
    uint8_t text[1 + sizeof(s->client_random) + sizeof(s->secret)], sha[EVP_MAX_MD_SIZE];
    text[0] = s->label;
    memcpy(text + 1, s->client_random, sizeof(s->client_random));
    memcpy(text + 1 + sizeof(s->client_random), s->secret, s->len);
    size_t n = 1 + sizeof(s->client_random) + s->len;
    uint64_t digest = 0;
    if (EVP_Digest(text, n, sha, NULL, EVP_sha256(), NULL) == 1)
        digest = wsc_be64(sha);
    explicit_bzero(text, sizeof(text));
    return digest;
}

bool wsc_keylog_find(const struct wsc_keylog *kl, enum wsc_secret_label label,
                     const uint8_t client_random[WSC_CLIENT_RANDOM_LEN],
                     uint8_t out[WSC_SECRET_MAX], size_t *len)
{
    struct wsc_keylog *inner = wsc_keylog_locked(kl);
    struct wsc_keylog_slot *slot = wsc_keylog_table_find(&inner->table, label, client_random);
    if (slot != NULL) {
        memcpy(out, slot->s.secret, slot->s.len);
        *len = slot->s.len;
    }
    if (slot == NULL)
        wsc_keylog_missed_add(&inner->missed, missed_hash(inner, (unsigned)label, client_random));
    if (slot != NULL && !slot->used) {
        slot->used = true;
        inner->stats.used++;
        inner->used += digest_of(&slot->s); /* a sum: in any order */
    }
    (void)pthread_mutex_unlock(&inner->lock);
    return slot != NULL;
}

size_t wsc_keylog_lines(const struct wsc_keylog *kl, const uint8_t client_random[32], char *out,
                        size_t cap)
{
    struct wsc_keylog *inner = wsc_keylog_locked(kl);
    size_t n = 0;
    for (unsigned i = 0; i < WSC_SECRET_LABELS; i++) {
        const struct wsc_keylog_slot *slot =
            wsc_keylog_table_find(&inner->table, (enum wsc_secret_label)i, client_random);
        if (slot != NULL)
            n += wsc_keylog_line_write(&slot->s, out + n, cap - n);
    }
    (void)pthread_mutex_unlock(&inner->lock);
    return n;
}

uint64_t wsc_keylog_generation(const struct wsc_keylog *kl)
{
    return atomic_load(&kl->generation);
}

uint64_t wsc_keylog_used(const struct wsc_keylog *kl)
{
    struct wsc_keylog *inner = wsc_keylog_locked(kl);
    uint64_t used = inner->used;
    (void)pthread_mutex_unlock(&inner->lock);
    return used;
}

void wsc_keylog_get_stats(const struct wsc_keylog *kl, struct wsc_keylog_stats *out)
{
    struct wsc_keylog *inner = wsc_keylog_locked(kl);
    *out = inner->stats;
    out->secrets = inner->table.used;
    out->forgotten = inner->table.forgotten + inner->lost;
    (void)pthread_mutex_unlock(&inner->lock);
}
