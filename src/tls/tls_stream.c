#include "tls/tls_inner.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <string.h>

/* The shortest body that TLS 1.3 can have protected: a type and the tag of AES-CCM-8. */
#define SHORTEST_BODY (1u + 8u)

struct wsc_tls *wsc_tls_new(struct wsc_tls_shared *sh, const uint64_t wire[2],
                            const struct wsc_tls_ops *ops, void *ctx)
{
    struct wsc_tls *t = wsc_calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->sh = sh;
    sh->connections++;
    t->ops = ops;
    t->ctx = ctx;
    for (unsigned d = 0; d < 2; d++) {
        t->side[d].wire = wire[d];
        t->side[d].trial_budget = WSC_TLS_BUDGET_FIRST;
        wsc_buf_init(&t->side[d].held, WSC_TLS_HELD_MAX);
        wsc_tls_messages_init(&t->side[d].messages, WSC_TLS_MESSAGE_MAX);
    }
    return t;
}

static void clear_side(struct wsc_tls *t, struct wsc_tls_side *s)
{
    wsc_tls_drop_keys(s);
    wsc_tls_block_put(t->sh, s->block, s->framer.body_len);
    wsc_tls_let_go(t->sh, s->held.len + s->messages.kept.cap);
    wsc_buf_clear(&s->held);
    wsc_tls_messages_clear(&s->messages);
}

void wsc_tls_free(struct wsc_tls *t)
{
    if (t == NULL)
        return;
    clear_side(t, &t->side[WSC_DIR_C2S]);
    clear_side(t, &t->side[WSC_DIR_S2C]);
    t->sh->connections--;
    wsc_wipe(t, sizeof(*t));
    wsc_free(t);
}

struct message_ctx {
    struct wsc_tls *t;
    enum wsc_dir d;
};

static void on_message(void *ctx, uint8_t type, struct wsc_span body)
{
    struct message_ctx *m = ctx;
    wsc_tls_message(m->t, m->d, type, body);
}

static void handshake(struct wsc_tls *t, enum wsc_dir d, struct wsc_span content)
{
    struct wsc_tls_messages *m = &t->side[d].messages;
    struct message_ctx ctx = {.t = t, .d = d};
    size_t before = m->kept.cap;
    wsc_tls_messages_feed(m, content, on_message, &ctx);
    wsc_tls_let_go(t->sh, before);
    if (!wsc_tls_may_hold(t->sh, m->kept.cap))
        wsc_tls_messages_lost(m);
}

static void application_data(struct wsc_tls *t, enum wsc_dir d, struct wsc_span plain)
{
    struct wsc_tls_side *s = &t->side[d];
    t->info.records[d]++;
    if (s->epoch == WSC_TLS_DATA && !t->info.established)
        wsc_tls_data_seen(t, d);
    uint64_t off = s->off;
    s->off += plain.len;
    if (plain.len > 0 && t->ops->on_data != NULL)
        t->ops->on_data(t->ctx, d, off, plain, wsc_tls_record_start(s), s->wire);
}

static void content(struct wsc_tls *t, enum wsc_dir d, uint8_t type, struct wsc_span plain)
{
    const struct wsc_tls_side *s = &t->side[d];
    if (type == WSC_TLS_HANDSHAKE_MESSAGE)
        handshake(t, d, plain);
    else if (type == WSC_TLS_ALERT)
        wsc_tls_alert(t, d, plain);
    else if (type == WSC_TLS_CHANGE_CIPHER_SPEC)
        wsc_tls_changed(t, d);
    else if (type == WSC_TLS_APPLICATION_DATA &&
             (s->epoch == WSC_TLS_DATA || s->epoch == WSC_TLS_EARLY))
        application_data(t, d, plain);
}

/* In the clear. What says so once its direction is protected is not believed. */
static void in_the_clear(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body)
{
    const struct wsc_tls_side *s = &t->side[d];
    uint8_t type = wsc_tls_framer_type(&s->framer);
    if (!s->opened || type == WSC_TLS_CHANGE_CIPHER_SPEC)
        content(t, d, type, body);
}

/* True if the record, whose type TLS 1.3 has in the clear, is one of a protected direction all the
 * same: too long for an alert in the clear, it was the sender's, its type is not as it was sent,
 * and its number is used. */
static bool poses_as_clear(const struct wsc_tls_side *s, struct wsc_span body)
{
    return s->opened && body.len >= SHORTEST_BODY &&
           wsc_tls_framer_type(&s->framer) != WSC_TLS_CHANGE_CIPHER_SPEC;
}

/* Without keys: what the headers say. */
static void walk(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[d];
    uint8_t type = wsc_tls_framer_type(&s->framer);
    wsc_tls_presume_finished(t, d);
    if (type == WSC_TLS_APPLICATION_DATA) {
        t->info.records[d]++;
        t->info.unread[d]++;
    } else if (type == WSC_TLS_CHANGE_CIPHER_SPEC) {
        s->changed = true;
    } else if (type == WSC_TLS_ALERT && s->framer.body_len == 2 && body.ptr != NULL) {
        if (!s->changed && t->info.records[d] == 0) /* later ones in the clear are forged */
            wsc_tls_alert(t, d, body);
    } else if (type == WSC_TLS_ALERT && s->framer.body_len > 2 && t->ops->on_alert != NULL) {
        t->ops->on_alert(t->ctx, d, 0, WSC_TLS_ALERT_ENCRYPTED);
    }
}

/* All bytes of the record have passed; |body.ptr| NULL: not all were there, or wanted. */
static void record_over(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[d];
    struct wsc_span plain;
    uint8_t type;
    if (s->closed)
        walk(t, d, body);
    else if (body.ptr == NULL)
        wsc_tls_missed(t, d);
    else if (!wsc_tls_protected(t, d) && (s->now == NULL || t->info.version >= WSC_TLS_1_3) &&
             !poses_as_clear(s, body))
        in_the_clear(t, d, body);
    else if (wsc_tls_unlock(t, d, body, &type, &plain))
        content(t, d, type, plain);
}

/* Of a closed direction only alerts in the clear are wanted. */
static bool wanted(const struct wsc_tls_side *s)
{
    if (s->framer.damaged)
        return false;
    return !s->closed ||
           (wsc_tls_framer_type(&s->framer) == WSC_TLS_ALERT && s->framer.body_len == 2);
}

/* Adds to the record of which part has come. */
static void gather(struct wsc_tls *t, struct wsc_tls_side *s, const uint8_t *p, size_t n)
{
    if (s->block == NULL) {
        s->block = wsc_tls_block_get(t->sh, s->framer.body_len);
        s->block_have = 0;
    }
    if (s->block == NULL) {
        s->framer.damaged = true;
        return;
    }
    memcpy(s->block + s->block_have, p, n);
    s->block_have += n;
}

static void end_record(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body)
{
    struct wsc_tls_side *s = &t->side[d];
    uint8_t *block = s->block;
    size_t len = s->framer.body_len;
    s->block = NULL; /* the record is ours, whatever happens to the direction */
    record_over(t, d, body);
    wsc_tls_block_put(t->sh, block, len);
    wsc_tls_framer_next(&s->framer);
}

static void take_body(struct wsc_tls *t, enum wsc_dir d, struct wsc_span *data)
{
    struct wsc_tls_side *s = &t->side[d];
    size_t n = s->framer.left < data->len ? s->framer.left : data->len;
    const uint8_t *at = data->ptr;
    bool whole = n == s->framer.body_len;
    if (wanted(s) && !whole)
        gather(t, s, at, n);
    data->ptr += n;
    data->len -= n;
    s->wire += n;
    if (!wsc_tls_framer_body(&s->framer, n))
        return;
    struct wsc_span body = {.ptr = NULL, .len = s->framer.body_len};
    if (wanted(s))
        body.ptr = whole ? at : s->block;
    end_record(t, d, body);
}

static void take_head(struct wsc_tls *t, enum wsc_dir d, struct wsc_span *data)
{
    struct wsc_tls_side *s = &t->side[d];
    bool searching = s->framer.searching;
    if (!searching && s->framer.have == 0 && t->ops->on_record != NULL)
        t->ops->on_record(t->ctx, d, s->wire);
    size_t had = data->len;
    enum wsc_tls_headed headed = wsc_tls_framer_head(&s->framer, data);
    s->wire += had - data->len;
    if (headed == WSC_TLS_HEAD_BROKEN) {
        wsc_tls_gap_begins(s, s->wire - WSC_TLS_HEAD);
        wsc_tls_chain_lost(t, s);
        s->hello_lost = true;
        s->lost += WSC_TLS_HEAD;
        s->passed++;
    }
    if (headed == WSC_TLS_HEAD_FOUND && searching && t->ops->on_record != NULL)
        t->ops->on_record(t->ctx, d, s->wire - WSC_TLS_HEAD);
}

/* Takes what can be taken of |data|. */
static void consume(struct wsc_tls *t, enum wsc_dir d, struct wsc_span *data)
{
    const struct wsc_tls_side *s = &t->side[d];
    while (data->len > 0) {
        if (s->framer.body_len == 0)
            take_head(t, d, data);
        else if (wsc_tls_ready(t, d))
            take_body(t, d, data);
        else
            return;
    }
}

/* True if |data| is whole records, though they would be the middle of the one under way: its length
 * was not the sender's. Senders write whole records; of other bytes few look like that by chance
 * (once in 2^35). */
static bool begins_anew(const struct wsc_tls_side *s, struct wsc_span data)
{
    if (s->framer.body_len == 0 || data.len >= s->framer.left)
        return false;
    while (data.len > 0) {
        if (data.len < WSC_TLS_HEAD || !wsc_tls_head_plausible(data.ptr) ||
            wsc_be16(data.ptr + 1) != s->framer.version ||
            (data.ptr[0] != WSC_TLS_APPLICATION_DATA && data.ptr[0] != WSC_TLS_ALERT))
            return false;
        size_t len = WSC_TLS_HEAD + wsc_be16(data.ptr + 3);
        if (len > data.len)
            return false;
        data.ptr += len;
        data.len -= len;
    }
    return true;
}

/* Keeps |data| behind what is kept already. False: too much; nothing has changed. */
static bool hold(struct wsc_tls *t, struct wsc_tls_side *s, struct wsc_span data)
{
    if (!wsc_tls_may_hold(t->sh, data.len))
        return false;
    if (wsc_buf_append(&s->held, data.ptr, data.len))
        return true;
    wsc_tls_let_go(t->sh, data.len);
    return false;
}

/* Feeds what is kept, as far as it goes. */
static void drain(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->held.len == 0)
        return;
    struct wsc_span rest = {.ptr = s->held.data, .len = s->held.len};
    consume(t, d, &rest);
    wsc_tls_let_go(t->sh, s->held.len - rest.len);
    memmove(s->held.data, rest.ptr, rest.len);
    s->held.len = rest.len;
    if (rest.len == 0)
        wsc_buf_clear(&s->held);
}

/* What one direction has said may let the other go on, and that in turn the first. */
static void drain_both(struct wsc_tls *t)
{
    size_t held, left = t->side[0].held.len + t->side[1].held.len;
    do {
        held = left;
        drain(t, WSC_DIR_C2S);
        drain(t, WSC_DIR_S2C);
        left = t->side[0].held.len + t->side[1].held.len;
    } while (left > 0 && left < held);
}

/* Waits no longer for the other direction's hello. */
static void stop_holding(struct wsc_tls *t, enum wsc_dir d)
{
    t->side[wsc_tls_other(d)].hello_lost = true;
    wsc_tls_close(t, d);
    drain(t, d);
}

static bool is_read(const struct wsc_tls_side *s)
{
    return s->data || (s->opened && !s->closed);
}

/* Of the connection: one direction that can be read is worth more than what the other lacks. */
static void sum_up(struct wsc_tls *t)
{
    enum wsc_tls_state a = wsc_tls_dir_state(t, WSC_DIR_C2S), b = wsc_tls_dir_state(t, WSC_DIR_S2C);
    if (is_read(&t->side[WSC_DIR_C2S]) || is_read(&t->side[WSC_DIR_S2C]))
        t->info.state = WSC_TLS_OPEN;
    else if (a == WSC_TLS_WAITING || b == WSC_TLS_WAITING)
        t->info.state = WSC_TLS_WAITING;
    else if (a == WSC_TLS_CLOSED || b == WSC_TLS_CLOSED)
        t->info.state = WSC_TLS_CLOSED;
    wsc_tls_plain_wipe(t->sh);
}

/* |n| bytes over record headers. */
static void lose_headers(struct wsc_tls *t, enum wsc_dir d, uint64_t n)
{
    struct wsc_tls_side *s = &t->side[d];
    wsc_tls_gap_begins(s, wsc_tls_record_start(s));
    wsc_tls_block_put(t->sh, s->block, s->framer.body_len);
    s->block = NULL;
    s->passed += 2; /* those that begin before and end after, besides what lies between */
    wsc_tls_framer_search(&s->framer);
    wsc_tls_chain_lost(t, s);
    s->hello_lost = true;
    s->lost += n;
    s->wire += n;
}

size_t wsc_tls_feed(struct wsc_tls *t, enum wsc_dir d, struct wsc_span data)
{
    struct wsc_tls_side *s = &t->side[d];
    size_t had = data.len;
    drain_both(t);
    if (s->held.len == 0 && begins_anew(s, data)) {
        s->lost += s->framer.body_len - s->framer.left;
        lose_headers(t, d, 0);
        s->framer.searching = false;
    }
    if (s->held.len == 0)
        consume(t, d, &data);
    if (data.len > 0 && s->blocked == WSC_TLS_BLOCK_PEER) {
        if (hold(t, s, data)) {
            data.len = 0;
        } else {
            stop_holding(t, d);
            consume(t, d, &data);
        }
    }
    drain_both(t);
    sum_up(t);
    return had - data.len;
}

void wsc_tls_wait(struct wsc_tls *t, bool wait)
{
    t->wait = wait;
}

void wsc_tls_give_up(struct wsc_tls *t)
{
    t->gave_up = true;
    drain_both(t);
    sum_up(t);
}

/* The length of a record that never completed, if one bit of it is not as it was sent: what came of
 * it begins with the record that was expected. An endpoint that died within a record leaves none
 * such. */
static bool length_flipped(struct wsc_tls *t, const struct wsc_tls_side *s)
{
    if (s->block == NULL || s->now == NULL || !s->opened || s->framer.damaged || s->closed)
        return false;
    if (t->sh->plain_used < s->block_have)
        t->sh->plain_used = s->block_have;
    uint8_t head[WSC_TLS_HEAD], type = 0;
    memcpy(head, s->framer.head, sizeof(head));
    for (unsigned bit = 0; bit < 15; bit++) {
        uint16_t len = s->framer.body_len ^ (uint16_t)(1u << bit);
        struct wsc_span body = {.ptr = s->block, .len = len}, plain;
        head[3] = (uint8_t)(len >> 8);
        head[4] = (uint8_t)len;
        if (len > 0 && len <= s->block_have &&
            wsc_tls_open(s->now, s->seq, head, body, t->sh->plain, &type, &plain))
            return true;
    }
    return false;
}

void wsc_tls_end(struct wsc_tls *t)
{
    wsc_tls_give_up(t);
    for (unsigned d = 0; d < 2; d++) {
        struct wsc_tls_side *s = &t->side[d];
        if (length_flipped(t, s))
            wsc_tls_gap_begins(s, wsc_tls_record_start(s));
        if (s->failed > 0 && !s->data)
            wsc_tls_close(t, (enum wsc_dir)d); /* the secrets were of no use */
        wsc_tls_gap_told(t, (enum wsc_dir)d, s->wire, true);
    }
    sum_up(t);
}

/* Before a record in the clear goes for good: hellos may stand at its beginning. */
static void salvage(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->block == NULL || s->framer.damaged || s->closed || s->epoch != WSC_TLS_CLEAR ||
        wsc_tls_framer_type(&s->framer) != WSC_TLS_HANDSHAKE_MESSAGE || wsc_tls_protected(t, d))
        return;
    handshake(t, d, (struct wsc_span){.ptr = s->block, .len = s->block_have});
}

void wsc_tls_gap(struct wsc_tls *t, enum wsc_dir d, uint64_t n)
{
    struct wsc_tls_side *s = &t->side[d];
    if (n == 0)
        return;
    if (s->held.len > 0)
        stop_holding(t, d);
    salvage(t, d);
    if (s->framer.body_len == 0 || n > s->framer.left) {
        lose_headers(t, d, n);
    } else {
        s->framer.damaged = true;
        s->wire += n;
        if (wsc_tls_framer_body(&s->framer, (size_t)n))
            end_record(t, d, (struct wsc_span){.ptr = NULL, .len = s->framer.body_len});
    }
    drain_both(t);
    sum_up(t);
}

enum wsc_tls_state wsc_tls_dir_state(const struct wsc_tls *t, enum wsc_dir d)
{
    const struct wsc_tls_side *s = &t->side[d];
    if (s->closed)
        return WSC_TLS_CLOSED;
    if (s->blocked != WSC_TLS_GO)
        return WSC_TLS_WAITING;
    return s->opened ? WSC_TLS_OPEN : WSC_TLS_HANDSHAKE;
}

bool wsc_tls_gap_open(const struct wsc_tls *t, enum wsc_dir d)
{
    return t->side[d].gap && !t->side[d].closed;
}

const struct wsc_tls_info *wsc_tls_info(const struct wsc_tls *t)
{
    return &t->info;
}

bool wsc_tls_at_boundary(const struct wsc_tls *t, enum wsc_dir d)
{
    const struct wsc_tls_side *s = &t->side[d];
    return s->framer.have == 0 && !s->framer.searching && s->held.len == 0;
}

/* |message|: the type that the first handshake message must have, 0: any record. */
static bool looks_like(struct wsc_span data, uint8_t message)
{
    uint8_t head[WSC_TLS_HEAD] = {0, 0, 0, 0, 1}; /* what is not there fits */
    if (data.len < 3)
        return false;
    memcpy(head, data.ptr, data.len < WSC_TLS_HEAD ? data.len : WSC_TLS_HEAD);
    if (!wsc_tls_head_plausible(head))
        return false;
    return message == 0 || (head[0] == WSC_TLS_HANDSHAKE_MESSAGE &&
                            (data.len <= WSC_TLS_HEAD || data.ptr[WSC_TLS_HEAD] == message));
}

bool wsc_tls_looks_like_client(struct wsc_span data)
{
    return looks_like(data, WSC_TLS_CLIENT_HELLO);
}

bool wsc_tls_looks_like_server(struct wsc_span data)
{
    return looks_like(data, WSC_TLS_SERVER_HELLO);
}

bool wsc_tls_looks_like_record(struct wsc_span data)
{
    return looks_like(data, 0);
}
