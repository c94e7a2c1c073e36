#include "tls/handshake.h"

#include "base/bytes.h"

#include <string.h>

/* RFC 6066, 5077, 7301, 7366, 8446 4.2. */
enum extension {
    EXT_SERVER_NAME = 0,
    EXT_ALPN = 16,
    EXT_ENCRYPT_THEN_MAC = 22,
    EXT_SESSION_TICKET = 35,
    EXT_PRE_SHARED_KEY = 41,
    EXT_EARLY_DATA = 42,
    EXT_SUPPORTED_VERSIONS = 43
};

#define MESSAGE_HEAD 4u

/* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3). */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static struct wsc_span span8(struct wsc_reader *r)
{
    size_t len = wsc_rd_u8(r);
    const uint8_t *p = wsc_rd_bytes(r, len);
    return (struct wsc_span){.ptr = p, .len = p != NULL ? len : 0};
}

static struct wsc_span span16(struct wsc_reader *r)
{
    size_t len = wsc_rd_be16(r);
    const uint8_t *p = wsc_rd_bytes(r, len);
    return (struct wsc_span){.ptr = p, .len = p != NULL ? len : 0};
}

static struct wsc_reader reader_of(struct wsc_span s)
{
    static const uint8_t nothing;
    if (s.ptr == NULL)
        return wsc_reader_of(&nothing, 0);
    return wsc_reader_of(s.ptr, s.len);
}

/* The next extension of |r|; false when none is left. */
static bool next_extension(struct wsc_reader *r, uint16_t *type, struct wsc_span *body)
{
    if (wsc_rd_left(r) == 0)
        return false;
    *type = wsc_rd_be16(r);
    *body = span16(r);
    return !r->short_read;
}

/* ProtocolNameList (RFC 7301 3.1): its first name. */
static struct wsc_span first_protocol(struct wsc_span body)
{
    struct wsc_reader r = reader_of(body);
    wsc_rd_skip(&r, 2);
    return span8(&r);
}

/* ServerNameList (RFC 6066 3): the first host name. */
static struct wsc_span host_name(struct wsc_span body)
{
    struct wsc_reader r = reader_of(body);
    wsc_rd_skip(&r, 2);
    while (wsc_rd_left(&r) > 0) {
        uint8_t type = wsc_rd_u8(&r);
        struct wsc_span name = span16(&r);
        if (type == 0)
            return name;
    }
    return (struct wsc_span){.ptr = NULL};
}

static void client_extension(struct wsc_tls_client_hello *out, uint16_t type, struct wsc_span body)
{
    switch (type) {
    case EXT_SERVER_NAME:
        out->sni = host_name(body);
        break;
    case EXT_ALPN:
        out->alpn = first_protocol(body);
        break;
    case EXT_SESSION_TICKET:
        out->ticket = body;
        break;
    case EXT_EARLY_DATA:
        out->early_data = true;
        break;
    default:
        break;
    }
}

bool wsc_tls_read_client_hello(struct wsc_span body, struct wsc_tls_client_hello *out)
{
    struct wsc_reader r = reader_of(body);
    memset(out, 0, sizeof(*out));
    wsc_rd_skip(&r, 2); /* legacy_version */
    out->random = wsc_rd_bytes(&r, 32);
    out->session_id = span8(&r);
    (void)span16(&r); /* cipher_suites */
    (void)span8(&r);  /* compression methods */
    if (r.short_read || out->session_id.len > 32)
        return false;
    if (wsc_rd_left(&r) == 0)
        return true; /* no extensions */
    struct wsc_reader extensions = reader_of(span16(&r));
    struct wsc_span e;
    uint16_t type;
    while (next_extension(&extensions, &type, &e))
        client_extension(out, type, e);
    return !r.short_read && !extensions.short_read;
}

static void server_extension(struct wsc_tls_server_hello *out, uint16_t type, struct wsc_span body)
{
    switch (type) {
    case EXT_ALPN:
        out->alpn = first_protocol(body);
        break;
    case EXT_ENCRYPT_THEN_MAC:
        out->encrypt_then_mac = true;
        break;
    case EXT_PRE_SHARED_KEY:
        out->resumed = true;
        break;
    case EXT_SUPPORTED_VERSIONS:
        if (body.len == 2)
            out->version = wsc_be16(body.ptr);
        break;
    default:
        break;
    }
}

bool wsc_tls_read_server_hello(struct wsc_span body, struct wsc_tls_server_hello *out)
{
    struct wsc_reader r = reader_of(body);
    memset(out, 0, sizeof(*out));
    out->version = wsc_rd_be16(&r);
    out->random = wsc_rd_bytes(&r, 32);
    out->session_id = span8(&r);
    out->suite = wsc_rd_be16(&r);
    wsc_rd_skip(&r, 1); /* compression method */
    if (r.short_read || out->session_id.len > 32)
        return false;
    out->retry = memcmp(out->random, retry_random, sizeof(retry_random)) == 0;
    if (wsc_rd_left(&r) == 0)
        return true;
    struct wsc_reader extensions = reader_of(span16(&r));
    struct wsc_span e;
    uint16_t type;
    while (next_extension(&extensions, &type, &e))
        server_extension(out, type, e);
    return !r.short_read && !extensions.short_read;
}

bool wsc_tls_read_encrypted_extensions(struct wsc_span body,
                                       struct wsc_tls_encrypted_extensions *out)
{
    struct wsc_reader r = reader_of(body);
    memset(out, 0, sizeof(*out));
    struct wsc_reader extensions = reader_of(span16(&r));
    struct wsc_span e;
    uint16_t type;
    if (r.short_read)
        return false;
    while (next_extension(&extensions, &type, &e)) {
        if (type == EXT_ALPN)
            out->alpn = first_protocol(e);
        else if (type == EXT_EARLY_DATA)
            out->early_data = true;
    }
    return !extensions.short_read;
}

bool wsc_tls_read_ticket(struct wsc_span body, struct wsc_span *ticket)
{
    struct wsc_reader r = reader_of(body);
    wsc_rd_skip(&r, 4); /* lifetime hint */
    *ticket = span16(&r);
    return !r.short_read && ticket->len > 0;
}

void wsc_tls_messages_init(struct wsc_tls_messages *m, size_t max)
{
    memset(m, 0, sizeof(*m));
    wsc_buf_init(&m->kept, max);
}

void wsc_tls_messages_clear(struct wsc_tls_messages *m)
{
    wsc_buf_clear(&m->kept);
    m->have = 0;
    m->left = 0;
    m->lost = false;
}

void wsc_tls_messages_lost(struct wsc_tls_messages *m)
{
    wsc_tls_messages_clear(m);
    m->lost = true;
}

static bool of_interest(uint8_t type)
{
    return type == WSC_TLS_CLIENT_HELLO || type == WSC_TLS_SERVER_HELLO ||
           type == WSC_TLS_NEW_SESSION_TICKET || type == WSC_TLS_ENCRYPTED_EXTENSIONS ||
           type == WSC_TLS_KEY_UPDATE;
}

static bool known(uint8_t type)
{
    return type <= 25 || type == 67 /* next_protocol */ || type == 254 /* message_hash */;
}

static uint32_t length_of(const uint8_t *message)
{
    return (uint32_t)message[1] << 16 | wsc_be16(message + 2);
}

/* After a loss: does |content| consist of whole messages? */
static bool whole_messages(struct wsc_span content)
{
    while (content.len >= MESSAGE_HEAD && known(content.ptr[0]) &&
           length_of(content.ptr) <= content.len - MESSAGE_HEAD) {
        size_t step = MESSAGE_HEAD + length_of(content.ptr);
        content.ptr += step;
        content.len -= step;
    }
    return content.len == 0;
}

static void drop(struct wsc_span *s, size_t n)
{
    s->ptr += n;
    s->len -= n;
}

/* Takes the head of a message. True: it is complete. */
static bool take_head(struct wsc_tls_messages *m, struct wsc_span *content)
{
    size_t n = MESSAGE_HEAD - m->have;
    if (n > content->len)
        n = content->len;
    memcpy(m->head + m->have, content->ptr, n);
    m->have = (uint8_t)(m->have + n);
    drop(content, n);
    if (m->have < MESSAGE_HEAD)
        return false;
    m->left = length_of(m->head);
    return true;
}

/* Takes what there is of a message's body; |body| is it, when it is whole and of interest. False:
 * it is too long to be put together. */
static bool take_body(struct wsc_tls_messages *m, struct wsc_span *content, struct wsc_span *body)
{
    size_t n = m->left < content->len ? m->left : content->len;
    const uint8_t *at = content->ptr;
    m->left -= (uint32_t)n;
    drop(content, n);
    if (!of_interest(m->head[0]))
        return true;
    if (m->left == 0 && m->kept.len == 0) {
        *body = (struct wsc_span){.ptr = at, .len = n};
        return true;
    }
    if (!wsc_buf_append(&m->kept, at, n))
        return false;
    if (m->left == 0)
        *body = (struct wsc_span){.ptr = m->kept.data, .len = m->kept.len};
    return true;
}

void wsc_tls_messages_feed(struct wsc_tls_messages *m, struct wsc_span content,
                           void (*on_message)(void *ctx, uint8_t type, struct wsc_span body),
                           void *ctx)
{
    if (m->lost && !whole_messages(content))
        return;
    m->lost = false;
    while (content.len > 0) {
        if (m->have < MESSAGE_HEAD && !take_head(m, &content))
            return;
        struct wsc_span body = {.ptr = NULL};
        if (!take_body(m, &content, &body)) {
            wsc_tls_messages_lost(m);
            return;
        }
        if (m->left > 0)
            continue;
        on_message(ctx, m->head[0], body);
        wsc_buf_clear(&m->kept);
        m->have = 0;
    }
}
