#include "http/head_text.h"

#include <string.h>
#include <strings.h>

static const char *const names[WSC_H1_FIELD_COUNT] = {
    [WSC_H1_HOST] = "host",
    [WSC_H1_CONNECTION] = "connection",
    [WSC_H1_UPGRADE] = "upgrade",
    [WSC_H1_SEC_WEBSOCKET_KEY] = "sec-websocket-key",
    [WSC_H1_SEC_WEBSOCKET_ACCEPT] = "sec-websocket-accept",
    [WSC_H1_SEC_WEBSOCKET_VERSION] = "sec-websocket-version",
    [WSC_H1_SEC_WEBSOCKET_PROTOCOL] = "sec-websocket-protocol",
    [WSC_H1_SEC_WEBSOCKET_EXTENSIONS] = "sec-websocket-extensions",
    [WSC_H1_ORIGIN] = "origin",
    [WSC_H1_USER_AGENT] = "user-agent",
    [WSC_H1_SERVER] = "server",
    [WSC_H1_VIA] = "via",
    [WSC_H1_LOCATION] = "location",
    [WSC_H1_WWW_AUTHENTICATE] = "www-authenticate",
    [WSC_H1_CF_RAY] = "cf-ray",
};

struct piece {
    uint16_t item;
    uint16_t len;
};

/* The only one that |name| can be. */
static unsigned candidate(const char *name, size_t len)
{
    char first = (char)(name[0] | 0x20);
    switch (len) {
    case 3:
        return WSC_H1_VIA;
    case 4:
        return WSC_H1_HOST;
    case 6:
        return first == 'o' ? WSC_H1_ORIGIN : first == 's' ? WSC_H1_SERVER : WSC_H1_CF_RAY;
    case 7:
        return WSC_H1_UPGRADE;
    case 8:
        return WSC_H1_LOCATION;
    case 10:
        return first == 'c' ? WSC_H1_CONNECTION : WSC_H1_USER_AGENT;
    case 16:
        return WSC_H1_WWW_AUTHENTICATE;
    case 17:
        return WSC_H1_SEC_WEBSOCKET_KEY;
    case 20:
        return WSC_H1_SEC_WEBSOCKET_ACCEPT;
    case 21:
        return WSC_H1_SEC_WEBSOCKET_VERSION;
    case 22:
        return WSC_H1_SEC_WEBSOCKET_PROTOCOL;
    case 24:
        return WSC_H1_SEC_WEBSOCKET_EXTENSIONS;
    default:
        return WSC_HEAD_NONE;
    }
}

/* Of eight bytes: those of |word| that are letters (hyphens lack 0x40) may differ in 0x20. */
static uint64_t differ(const uint8_t *name, const char *word)
{
    uint64_t n, w;
    memcpy(&n, name, sizeof(n));
    memcpy(&w, word, sizeof(w));
    return (n ^ w) & ~((w & UINT64_C(0x4040404040404040)) >> 1);
}

bool wsc_head_is(const uint8_t *name, const char *word, size_t len)
{
    if (len < 8)
        return strncasecmp((const char *)name, word, len) == 0;
    for (size_t i = 0; i + 8 < len; i += 8)
        if (differ(name + i, word + i) != 0)
            return false;
    return differ(name + len - 8, word + len - 8) == 0;
}

unsigned wsc_head_item(const char *name, size_t len)
{
    if (len == 0)
        return WSC_HEAD_NONE;
    unsigned item = candidate(name, len);
    if (item == WSC_HEAD_NONE || (name[0] | 0x20) != names[item][0] ||
        !wsc_head_is((const uint8_t *)name, names[item], len))
        return WSC_HEAD_NONE;
    return item;
}

void wsc_head_text_init(struct wsc_head_text *t, size_t max_head)
{
    *t = (struct wsc_head_text){0};
    wsc_buf_init(&t->text, 2 * max_head);
}

void wsc_head_text_clear(struct wsc_head_text *t)
{
    wsc_buf_clear(&t->text);
}

void wsc_head_text_restart(struct wsc_head_text *t)
{
    t->text.len = 0;
}

bool wsc_head_text_begin(struct wsc_head_text *t, unsigned item)
{
    struct piece p = {.item = (uint16_t)item};
    t->piece_at = t->text.len;
    return wsc_buf_append(&t->text, &p, sizeof(p));
}

bool wsc_head_text_add(struct wsc_head_text *t, const void *at, size_t n)
{
    struct piece p;
    memcpy(&p, t->text.data + t->piece_at, sizeof(p));
    if (n > UINT16_MAX - (size_t)p.len || !wsc_buf_append(&t->text, at, n))
        return false;
    p.len = (uint16_t)(p.len + n);
    memcpy(t->text.data + t->piece_at, &p, sizeof(p));
    return true;
}

/* Joins the pieces of |item| into |joined|. Returns a NULL span if there are none. |*ok| false: out
 * of room. */
static struct wsc_span join(const struct wsc_head_text *t, unsigned item, struct wsc_buf *joined,
                            bool *ok)
{
    size_t start = joined->len;
    bool found = false;
    for (size_t at = 0; at < t->text.len;) {
        struct piece p;
        memcpy(&p, t->text.data + at, sizeof(p));
        at += sizeof(p);
        if (p.item == item) {
            *ok = *ok && (!found || wsc_buf_append(joined, ", ", 2)) &&
                  wsc_buf_append(joined, t->text.data + at, p.len);
            found = true;
        }
        at += p.len;
    }
    /* The buffer may move while it grows: an offset for now. */
    return (struct wsc_span){.ptr = found ? (const uint8_t *)(uintptr_t)(start + 1) : NULL,
                             .len = joined->len - start};
}

static struct wsc_span settle(const struct wsc_buf *joined, struct wsc_span s)
{
    static const uint8_t nothing[1];
    if (s.ptr != NULL)
        s.ptr = s.len > 0 ? joined->data + ((uintptr_t)s.ptr - 1) : nothing;
    return s;
}

bool wsc_head_text_join(const struct wsc_head_text *t, struct wsc_buf *joined,
                        struct wsc_h1_head *head)
{
    bool ok = true;
    wsc_buf_init(joined, t->text.max);
    for (unsigned i = 0; i < WSC_H1_FIELD_COUNT; i++)
        head->fields[i] = join(t, i, joined, &ok);
    head->target = join(t, WSC_HEAD_TARGET, joined, &ok);
    head->phrase = join(t, WSC_HEAD_PHRASE, joined, &ok);
    for (unsigned i = 0; i < WSC_H1_FIELD_COUNT; i++)
        head->fields[i] = settle(joined, head->fields[i]);
    head->target = settle(joined, head->target);
    head->phrase = settle(joined, head->phrase);
    return ok;
}
