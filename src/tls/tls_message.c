#include "tls/tls_inner.h"

#include <string.h>

static void keep_name(uint8_t *to, uint8_t *len, size_t max, struct wsc_span name)
{
    if (name.ptr == NULL || name.len > max)
        return;
    memcpy(to, name.ptr, name.len);
    *len = (uint8_t)name.len;
}

static void say_hello(struct wsc_tls *t)
{
    if (t->ops->on_hello != NULL)
        t->ops->on_hello(t->ctx);
}

/* A handshake begins, the first or a renegotiation; or goes on after a HelloRetryRequest, with the
 * same random (RFC 8446 4.1.2). */
static void client_hello(struct wsc_tls *t, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[WSC_DIR_C2S];
    struct wsc_tls_client_hello h;
    if (!wsc_tls_read_client_hello(body, &h)) {
        s->hello_lost = true;
        return;
    }
    bool again = s->hellos > 0 && memcmp(t->client_random, h.random, WSC_TLS_RANDOM_LEN) == 0;
    if (again || s->hellos == UINT8_MAX || (s->hellos > 0 && !s->opened))
        return;
    memcpy(t->client_random, h.random, WSC_TLS_RANDOM_LEN);
    s->hellos++;
    s->hello_lost = false;
    t->have_master = false;
    t->offered_session = wsc_tls_session_name(t->sh, h.session_id);
    t->offered_ticket = wsc_tls_session_name(t->sh, h.ticket);
    if (s->hellos > 1)
        return; /* what the connection is for has been said */
    t->early = h.early_data ? WSC_TLS_EARLY_OFFERED : WSC_TLS_NO_EARLY;
    t->info.client_hello = true;
    keep_name(t->info.sni, &t->info.sni_len, sizeof(t->info.sni) - 1, h.sni);
    keep_name(t->info.offered, &t->info.offered_len, sizeof(t->info.offered), h.alpn);
    say_hello(t);
}

/* NULL: not to be read, or the two do not belong together. */
static const struct wsc_tls_suite *suite_of(uint16_t version, uint16_t id)
{
    const struct wsc_tls_suite *suite = wsc_tls_suite_find(id);
    if (suite == NULL || version < WSC_TLS_1_0 || version > WSC_TLS_1_3 ||
        (version == WSC_TLS_1_3) != (id >> 8 == 0x13))
        return NULL;
    bool cbc = wsc_cipher_tag_len((enum wsc_cipher)suite->cipher) == 0;
    return cbc || version >= WSC_TLS_1_2 ? suite : NULL;
}

static void server_hello(struct wsc_tls *t, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[WSC_DIR_S2C];
    struct wsc_tls_server_hello h;
    if (!wsc_tls_read_server_hello(body, &h)) {
        s->hello_lost = true;
        return;
    }
    if (h.retry) {
        t->early = WSC_TLS_NO_EARLY; /* RFC 8446 4.2.10 */
        t->info.version = h.version;
        return;
    }
    if (s->hellos == UINT8_MAX || (s->hellos > 0 && !s->opened))
        return;
    memcpy(t->server_random, h.random, WSC_TLS_RANDOM_LEN);
    s->hellos++;
    s->hello_lost = false;
    t->have_master = false;
    t->suite = suite_of(h.version, h.suite);
    t->encrypt_then_mac = h.encrypt_then_mac;
    t->session = wsc_tls_session_name(t->sh, h.session_id);
    t->new_ticket = 0;
    t->abbreviated = true; /* until a Certificate or what else a full handshake has */
    t->info.version = h.version;
    t->info.suite = h.suite;
    t->info.server_hello = true;
    t->info.resumed = h.resumed;
    if (s->hellos == 1)
        keep_name(t->info.alpn, &t->info.alpn_len, sizeof(t->info.alpn), h.alpn);
    say_hello(t);
}

static void encrypted_extensions(struct wsc_tls *t, struct wsc_span body)
{
    struct wsc_tls_encrypted_extensions e;
    if (!wsc_tls_read_encrypted_extensions(body, &e))
        return;
    if (t->early == WSC_TLS_EARLY_OFFERED)
        t->early = e.early_data ? WSC_TLS_EARLY_TAKEN : WSC_TLS_NO_EARLY;
    t->info.early_data = e.early_data;
    if (e.alpn.len == 0)
        return;
    keep_name(t->info.alpn, &t->info.alpn_len, sizeof(t->info.alpn), e.alpn);
    say_hello(t);
}

void wsc_tls_finished(struct wsc_tls *t, enum wsc_dir d)
{
    t->side[d].finished = true;
    if (!t->side[wsc_tls_other(d)].finished)
        return;
    t->info.established = true;
    wsc_wipe(t->master, sizeof(t->master));
    t->have_master = false;
}

/* The server's data may come before the client's Finished in TLS 1.3 (RFC 8446 4.4.4); otherwise
 * whoever sends data has had the other's. */
void wsc_tls_data_seen(struct wsc_tls *t, enum wsc_dir d)
{
    bool both = d == WSC_DIR_C2S || (t->info.version != 0 && t->info.version < WSC_TLS_1_3);
    if (!t->side[d].finished)
        wsc_tls_finished(t, d);
    if (both && !t->side[wsc_tls_other(d)].finished)
        wsc_tls_finished(t, wsc_tls_other(d));
}

/* In TLS 1.3 all looks like data. What the client sends, if it is no alert, is its Finished or
 * follows it; or it is early data, which it would not send to a stranger. */
void wsc_tls_presume_finished(struct wsc_tls *t, enum wsc_dir d)
{
    static const unsigned alert13 = 2 + 1 + 16 + 5; /* and a little padding */
    const struct wsc_tls_side *s = &t->side[d];
    uint8_t type = wsc_tls_framer_type(&s->framer);
    bool v12 = t->info.version != 0 && t->info.version < WSC_TLS_1_3;
    if (v12 && type == WSC_TLS_HANDSHAKE_MESSAGE && s->changed && !s->finished)
        wsc_tls_finished(t, d);
    if (type != WSC_TLS_APPLICATION_DATA)
        return;
    if (v12 || d == WSC_DIR_S2C || s->framer.body_len > alert13)
        wsc_tls_data_seen(t, d);
}

void wsc_tls_changed(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (t->info.version >= WSC_TLS_1_3)
        return; /* for old middleboxes' eyes only (RFC 8446 D.4) */
    s->changed = true;
    if (d == WSC_DIR_S2C && t->abbreviated && t->info.version != 0)
        t->info.resumed = true;
    if (s->now != NULL || s->next != NULL)
        wsc_tls_change_keys(t, d, WSC_TLS_DATA);
}

/* RFC 8446 4: messages that change keys. They end their records, so that no content is left that
 * the new keys should have protected. */
static void message13(struct wsc_tls *t, enum wsc_dir d, uint8_t type, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->now == NULL)
        return; /* in the clear these mean nothing */
    if (type == WSC_TLS_ENCRYPTED_EXTENSIONS && d == WSC_DIR_S2C && s->epoch == WSC_TLS_SHAKING) {
        encrypted_extensions(t, body);
    } else if (type == WSC_TLS_END_OF_EARLY_DATA && s->epoch == WSC_TLS_EARLY) {
        wsc_tls_change_keys(t, d, WSC_TLS_SHAKING);
    } else if (type == WSC_TLS_FINISHED && s->epoch == WSC_TLS_SHAKING) {
        wsc_tls_change_keys(t, d, WSC_TLS_DATA);
        wsc_tls_finished(t, d);
    } else if (type == WSC_TLS_KEY_UPDATE && s->epoch == WSC_TLS_DATA) {
        wsc_tls_change_keys(t, d, WSC_TLS_DATA);
    }
}

/* RFC 5077 3.3: it belongs to the session under way. */
static void new_ticket(struct wsc_tls *t, struct wsc_span body)
{
    struct wsc_span ticket;
    if (!wsc_tls_read_ticket(body, &ticket))
        return;
    t->new_ticket = wsc_tls_session_name(t->sh, ticket);
    if (t->have_master)
        wsc_tls_session_put(t->sh, t->new_ticket, t->master);
}

static void message12(struct wsc_tls *t, enum wsc_dir d, uint8_t type, struct wsc_span body)
{
    if (type == WSC_TLS_FINISHED)
        wsc_tls_finished(t, d);
    else if (type == WSC_TLS_NEW_SESSION_TICKET && d == WSC_DIR_S2C)
        new_ticket(t, body);
    else if (d == WSC_DIR_S2C)
        t->abbreviated = false;
}

void wsc_tls_message(struct wsc_tls *t, enum wsc_dir d, uint8_t type, struct wsc_span body)
{
    bool v13 = t->info.version >= WSC_TLS_1_3;
    if (type == WSC_TLS_CLIENT_HELLO || type == WSC_TLS_SERVER_HELLO) {
        bool right = (type == WSC_TLS_CLIENT_HELLO) == (d == WSC_DIR_C2S);
        if (right && !(v13 && t->side[d].now != NULL))
            (d == WSC_DIR_C2S ? client_hello : server_hello)(t, body);
    } else if (v13) {
        message13(t, d, type, body);
    } else if (type != 0 /* HelloRequest */) {
        message12(t, d, type, body);
    }
}

void wsc_tls_alert(struct wsc_tls *t, enum wsc_dir d, struct wsc_span content)
{
    bool is_one = content.len == 2 && (content.ptr[0] == 1 || content.ptr[0] == 2);
    if (is_one && t->ops->on_alert != NULL)
        t->ops->on_alert(t->ctx, d, content.ptr[0], content.ptr[1]);
}
