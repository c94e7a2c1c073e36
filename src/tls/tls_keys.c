#include "tls/tls_inner.h"

#include <string.h>

static bool tls13(const struct wsc_tls *t)
{
    return t->info.version >= WSC_TLS_1_3;
}

bool wsc_tls_protected(const struct wsc_tls *t, enum wsc_dir d)
{
    const struct wsc_tls_side *s = &t->side[d];
    uint8_t type = wsc_tls_framer_type(&s->framer);
    if (type == WSC_TLS_APPLICATION_DATA)
        return true;
    /* Where headers are missing the ChangeCipherSpec may be among them. */
    return !tls13(t) && (s->changed || (s->gap && s->epoch == WSC_TLS_CLEAR && s->lost > 0));
}

static enum wsc_secret_label label_of(enum wsc_dir d, enum wsc_tls_epoch e)
{
    if (e == WSC_TLS_EARLY)
        return WSC_SECRET_CLIENT_EARLY;
    if (e == WSC_TLS_SHAKING)
        return d == WSC_DIR_C2S ? WSC_SECRET_CLIENT_HANDSHAKE : WSC_SECRET_SERVER_HANDSHAKE;
    return d == WSC_DIR_C2S ? WSC_SECRET_CLIENT_TRAFFIC : WSC_SECRET_SERVER_TRAFFIC;
}

/* The key of an epoch of TLS 1.3, its secret to |secret|; NULL: not in the log. */
static struct wsc_tls_opener *from_log(const struct wsc_tls *t, enum wsc_dir d,
                                       enum wsc_tls_epoch e, uint8_t secret[WSC_DIGEST_MAX])
{
    uint8_t found[WSC_SECRET_MAX];
    size_t len = 0;
    struct wsc_tls_opener *o = NULL;
    if (t->sh->keylog == NULL ||
        !wsc_keylog_find(t->sh->keylog, label_of(d, e), t->client_random, found, &len))
        return NULL;
    o = wsc_tls_opener_of_secret(t->suite, (struct wsc_span){.ptr = found, .len = len});
    if (o != NULL)
        memcpy(secret, found, len); /* as long as the suite's hash */
    wsc_wipe(found, sizeof(found));
    return o;
}

static void set_next(struct wsc_tls_side *s, struct wsc_tls_opener *o, enum wsc_tls_epoch e)
{
    wsc_tls_opener_free(s->next);
    s->next = o;
    s->next_epoch = (uint8_t)e;
}

static bool next_from_log(struct wsc_tls *t, enum wsc_dir d, enum wsc_tls_epoch e)
{
    struct wsc_tls_side *s = &t->side[d];
    struct wsc_tls_opener *o = from_log(t, d, e, s->next_secret);
    if (o != NULL)
        set_next(s, o, e);
    return o != NULL;
}

void wsc_tls_make_next(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (!tls13(t) || s->next != NULL)
        return;
    if (s->epoch != WSC_TLS_DATA) {
        if (s->epoch == WSC_TLS_SHAKING || !next_from_log(t, d, WSC_TLS_SHAKING))
            (void)next_from_log(t, d, WSC_TLS_DATA);
        return;
    }
    if (s->now == NULL)
        return;
    memcpy(s->next_secret, s->secret, sizeof(s->secret));
    size_t len = wsc_digest_len((enum wsc_digest)t->suite->prf);
    if (wsc_tls_update_secret(t->suite, s->next_secret, len))
        set_next(s,
                 wsc_tls_opener_of_secret(t->suite,
                                          (struct wsc_span){.ptr = s->next_secret, .len = len}),
                 WSC_TLS_DATA);
}

void wsc_tls_change_keys(struct wsc_tls *t, enum wsc_dir d, enum wsc_tls_epoch to)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->next != NULL && s->next_epoch != (uint8_t)to)
        set_next(s, NULL, to); /* a handshake secret while data are next, or the reverse */
    if (s->next == NULL && s->epoch != WSC_TLS_DATA && tls13(t))
        (void)next_from_log(t, d, to);
    else
        wsc_tls_make_next(t, d);
    wsc_tls_opener_free(s->now);
    s->now = s->next;
    s->next = NULL;
    memcpy(s->secret, s->next_secret, sizeof(s->secret));
    s->epoch = (uint8_t)to;
    s->seq = 0;
    /* Without the ChangeCipherSpec the first record under these keys may be missing as well. */
    if (s->now != NULL && s->gap && !s->changed && !tls13(t))
        wsc_tls_opener_passed(s->now, (struct wsc_span){.ptr = NULL}, false);
}

void wsc_tls_drop_keys(struct wsc_tls_side *s)
{
    wsc_tls_opener_free(s->now);
    wsc_tls_opener_free(s->next);
    s->now = s->next = NULL;
    wsc_wipe(s->secret, sizeof(s->secret));
    wsc_wipe(s->next_secret, sizeof(s->next_secret));
}

void wsc_tls_close(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->data)
        wsc_tls_gap_begins(s, wsc_tls_record_start(s));
    if (s->epoch != WSC_TLS_DATA && s->epoch != WSC_TLS_EARLY) {
        /* Not a handshake without its secret after all; at least not alone. */
        t->info.records[d] += s->failed;
        t->info.unread[d] += s->failed;
    }
    wsc_tls_gap_told(t, d, s->wire, false);
    wsc_tls_drop_keys(s);
    wsc_tls_block_put(t->sh, s->block, s->framer.body_len);
    s->block = NULL;
    s->closed = true;
    s->blocked = WSC_TLS_GO;
}

/* A secret is not in the log. False: wait for it; true: the direction is closed. */
static bool no_secret(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (t->wait && !t->gave_up && t->sh->keylog != NULL) {
        s->blocked = WSC_TLS_BLOCK_KEY;
        return false;
    }
    wsc_tls_close(t, d);
    return true;
}

/* The client's side before its Finished. Early data are read only if the server is known to have
 * taken them: what it refuses it passes over, and the client says it again. */
static void arm_client(struct wsc_tls *t)
{
    struct wsc_tls_side *s = &t->side[WSC_DIR_C2S];
    if (t->early == WSC_TLS_NO_EARLY)
        return;
    s->epoch = WSC_TLS_EARLY;
    if (t->early == WSC_TLS_EARLY_TAKEN)
        s->now = from_log(t, WSC_DIR_C2S, WSC_TLS_EARLY, s->secret);
}

static bool arm13(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->epoch == WSC_TLS_CLEAR && d == WSC_DIR_C2S)
        arm_client(t);
    if (s->epoch == WSC_TLS_CLEAR || s->epoch == WSC_TLS_SHAKING) {
        s->now = from_log(t, d, WSC_TLS_SHAKING, s->secret);
        if (s->now != NULL)
            s->epoch = WSC_TLS_SHAKING;
    } else if (s->epoch == WSC_TLS_DATA) {
        s->now = from_log(t, d, WSC_TLS_DATA, s->secret);
    }
    if (s->now == NULL)
        wsc_tls_make_next(t, d);
    return s->now != NULL || s->next != NULL;
}

static bool find_master(struct wsc_tls *t)
{
    uint8_t found[WSC_SECRET_MAX];
    size_t len = 0;
    if (!t->have_master && t->sh->keylog != NULL &&
        wsc_keylog_find(t->sh->keylog, WSC_SECRET_MASTER, t->client_random, found, &len)) {
        if (len == WSC_TLS_MASTER_LEN) {
            memcpy(t->master, found, WSC_TLS_MASTER_LEN);
            t->have_master = true;
        }
        wsc_wipe(found, sizeof(found));
    }
    /* Resumed: the secret of the connection before. If the server has refused and the log does not
     * have the new one, nothing opens. */
    if (!t->have_master && t->abbreviated)
        t->have_master = wsc_tls_session_get(t->sh, t->offered_session, t->master) ||
                         wsc_tls_session_get(t->sh, t->offered_ticket, t->master);
    return t->have_master;
}

/* Both directions get their keys at once; the other uses them after its own ChangeCipherSpec. */
static bool arm12(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_opener *o[2];
    if (!find_master(t))
        return false;
    const struct wsc_tls_session s = {.suite = t->suite,
                                      .version = t->info.version,
                                      .encrypt_then_mac = t->encrypt_then_mac,
                                      .master = t->master,
                                      .client_random = t->client_random,
                                      .server_random = t->server_random};
    if (!wsc_tls_openers_of_master(&s, o))
        return false;
    wsc_tls_session_put(t->sh, t->session, t->master);
    wsc_tls_session_put(t->sh, t->new_ticket, t->master);
    enum wsc_dir other = wsc_tls_other(d);
    if (t->side[other].closed)
        wsc_tls_opener_free(o[other]);
    else
        set_next(&t->side[other], o[other], WSC_TLS_DATA);
    set_next(&t->side[d], o[d], WSC_TLS_DATA);
    wsc_tls_change_keys(t, d, WSC_TLS_DATA);
    return true;
}

/* The two hellos that keys are made of. False: the other side's may still come. */
static bool hellos_seen(struct wsc_tls *t, enum wsc_dir d, bool *both)
{
    const struct wsc_tls_side *s = &t->side[d], *other = &t->side[wsc_tls_other(d)];
    *both = s->hellos > 0 && s->hellos == other->hellos;
    return *both || s->hellos <= other->hellos || other->hello_lost || other->closed || t->gave_up;
}

/* The server's word on early data has come, or will not. */
static bool early_judged(const struct wsc_tls *t)
{
    const struct wsc_tls_side *s2c = &t->side[WSC_DIR_S2C];
    return t->early != WSC_TLS_EARLY_OFFERED || s2c->closed || t->gave_up ||
           s2c->epoch == WSC_TLS_DATA || (s2c->now == NULL && s2c->next != NULL) || s2c->holed;
}

/* The log's secrets of this client random, if they are of TLS 1.3: how long? 0: there are none. */
static size_t secret_len13(const struct wsc_tls *t)
{
    uint8_t found[WSC_SECRET_MAX];
    size_t len = 0;
    for (unsigned label = WSC_SECRET_CLIENT_HANDSHAKE; label <= WSC_SECRET_SERVER_TRAFFIC; label++)
        if (len == 0)
            (void)wsc_keylog_find(t->sh->keylog, (enum wsc_secret_label)label, t->client_random,
                                  found, &len);
    wsc_wipe(found, sizeof(found));
    return len;
}

bool wsc_tls_guess(struct wsc_tls *t, enum wsc_dir d, size_t n)
{
    static const uint16_t suites[] = {0x1301, 0x1302, 0x1303, 0x1304, 0x1305};
    size_t len = secret_len13(t);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        const struct wsc_tls_suite *suite = wsc_tls_suite_find(suites[i]);
        if (wsc_digest_len((enum wsc_digest)suite->prf) != len || n-- > 0)
            continue;
        t->suite = suite;
        for (unsigned k = 0; k < 2; k++) {
            wsc_tls_drop_keys(&t->side[k]);
            t->side[k].epoch = WSC_TLS_CLEAR;
        }
        return arm13(t, d);
    }
    return false;
}

/* The ServerHello is lost, but TLS 1.3 does not need its random: the suite shows when a record
 * opens. */
static bool without_server_hello(struct wsc_tls *t)
{
    struct wsc_tls_side *s2c = &t->side[WSC_DIR_S2C];
    if (t->side[WSC_DIR_C2S].hellos != 1 || s2c->hellos != 0 || t->sh->keylog == NULL ||
        secret_len13(t) == 0)
        return false;
    t->info.version = WSC_TLS_1_3;
    t->guessing = true;
    s2c->hellos = 1;
    return wsc_tls_guess(t, WSC_DIR_S2C, 0);
}

static bool arm(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    bool both = false;
    if (!hellos_seen(t, d, &both) || (both && d == WSC_DIR_C2S && tls13(t) && !early_judged(t))) {
        s->blocked = WSC_TLS_BLOCK_PEER;
        return false;
    }
    if ((!both && !without_server_hello(t)) || t->suite == NULL) {
        wsc_tls_close(t, d);
        return true;
    }
    s->blocked = WSC_TLS_GO;
    if (s->now != NULL || s->next != NULL)
        return true;
    if (tls13(t) ? arm13(t, d) : arm12(t, d))
        return true;
    return no_secret(t, d);
}

bool wsc_tls_ready(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->closed || s->now != NULL || !wsc_tls_protected(t, d))
        return true;
    if (s->next != NULL && !tls13(t))
        wsc_tls_change_keys(t, d, WSC_TLS_DATA);
    if (s->now != NULL || s->next != NULL)
        return true;
    if (s->blocked == WSC_TLS_BLOCK_KEY && !t->gave_up) {
        uint64_t generation = wsc_keylog_generation(t->sh->keylog);
        if (generation == s->secret_asked)
            return false;
        s->secret_asked = generation;
    }
    return arm(t, d);
}
