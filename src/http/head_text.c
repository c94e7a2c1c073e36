#include "http/head_text.h"

#include <string.h>
#include <strings.h>

#define NAME(text)                                                                                 \
    {                                                                                              \
        .name = (text), .len = sizeof(text) - 1                                                    \
    }
static const struct {
    const char *name;
    size_t len;
} names[WSC_H1_FIELD_COUNT] = {
    [WSC_H1_HOST] = NAME("host"),
    [WSC_H1_CONNECTION] = NAME("connection"),
    [WSC_H1_UPGRADE] = NAME("upgrade"),
    [WSC_H1_SEC_WEBSOCKET_KEY] = NAME("sec-websocket-key"),
    [WSC_H1_SEC_WEBSOCKET_ACCEPT] = NAME("sec-websocket-accept"),
    [WSC_H1_SEC_WEBSOCKET_VERSION] = NAME("sec-websocket-version"),
    [WSC_H1_SEC_WEBSOCKET_PROTOCOL] = NAME("sec-websocket-protocol"),
    [WSC_H1_SEC_WEBSOCKET_EXTENSIONS] = NAME("sec-websocket-extensions"),
    [WSC_H1_ORIGIN] = NAME("origin"),
    [WSC_H1_USER_AGENT] = NAME("user-agent"),
    [WSC_H1_SERVER] = NAME("server"),
    [WSC_H1_VIA] = NAME("via"),
    [WSC_H1_LOCATION] = NAME("location"),
    [WSC_H1_WWW_AUTHENTICATE] = NAME("www-authenticate"),
    [WSC_H1_CF_RAY] = NAME("cf-ray"),
};
#undef NAME

struct piece {
    uint16_t item;
    uint16_t len;
};

unsigned wsc_head_item(const char *name, size_t len)
{
    for (unsigned i = 0; i < WSC_H1_FIELD_COUNT; i++)
        if (names[i].len == len && strncasecmp(names[i].name, name, len) == 0)
            return i;
    return WSC_HEAD_NONE;
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
