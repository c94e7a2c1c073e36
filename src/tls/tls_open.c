#include "tls/tls_inner.h"

#include "base/bytes.h"

/* The shortest record of TLS 1.3: header, type, tag. As many may have stood in a gap. */
#define SHORTEST_RECORD (WSC_TLS_HEAD + 1u + 16u)
/* Record numbers tried for one record. */
#define WINDOW_MAX 4096u
/* What trials may cost grows with what opens, in bytes to decrypt. A try costs no less than
 * TRY_COST. */
#define BUDGET_MAX      (INT64_C(64) << 20)
#define BUDGET_PER_BYTE 16
#define TRY_COST        256

uint64_t wsc_tls_record_start(const struct wsc_tls_side *s)
{
    return s->wire - s->framer.have - (s->framer.body_len - s->framer.left);
}

void wsc_tls_gap_begins(struct wsc_tls_side *s, uint64_t wire)
{
    if (s->gap || s->closed)
        return; /* told when it ends; or once for all */
    s->gap = s->holed = true;
    s->gap_start = wire;
    s->gap_epoch = s->epoch;
}

/* What is kept of a message will not be completed. */
static void drop_messages(struct wsc_tls *t, struct wsc_tls_side *s)
{
    wsc_tls_let_go(t->sh, s->messages.kept.cap);
    wsc_tls_messages_lost(&s->messages);
}

void wsc_tls_chain_lost(struct wsc_tls *t, struct wsc_tls_side *s)
{
    drop_messages(t, s);
    if (s->now != NULL)
        wsc_tls_opener_passed(s->now, (struct wsc_span){.ptr = NULL}, false);
}

/* True if application data may have been among what is missing, |expected| saying whether the
 * record that opens again is the one that would have come next without a gap. */
static bool may_miss_data(const struct wsc_tls *t, const struct wsc_tls_side *s, bool expected)
{
    if (expected && s->epoch == s->gap_epoch)
        return false; /* what did not open was none of the sender's */
    if (s->gap_epoch < WSC_TLS_SHAKING && s == &t->side[WSC_DIR_C2S] &&
        t->early != WSC_TLS_NO_EARLY)
        return true;
    if (s->gap_epoch == WSC_TLS_DATA)
        return true;
    /* It began before the keys: number 0 is the first of the data, or TLS 1.2's Finished. */
    return s->epoch == WSC_TLS_DATA && s->seq > (t->info.version >= WSC_TLS_1_3 ? 0 : 1);
}

static void tell(struct wsc_tls *t, enum wsc_dir d, uint64_t len, uint64_t start, uint64_t end)
{
    struct wsc_tls_side *s = &t->side[d];
    uint64_t off = s->off;
    s->off += len;
    if (t->ops->on_gap != NULL)
        t->ops->on_gap(t->ctx, d, off, len, start, end);
}

void wsc_tls_gap_told(struct wsc_tls *t, enum wsc_dir d, uint64_t wire_end, bool all)
{
    struct wsc_tls_side *s = &t->side[d];
    if (!s->gap)
        return;
    s->gap = false;
    if (s->data || all)
        tell(t, d, WSC_TLS_GAP_UNKNOWN, s->gap_start, wire_end);
}

/* A record has opened as number |s->seq|. */
static void joined(struct wsc_tls *t, enum wsc_dir d, bool expected)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->gap) {
        if (may_miss_data(t, s, expected))
            tell(t, d, WSC_TLS_GAP_UNKNOWN, s->gap_start, wsc_tls_record_start(s));
        s->gap = false;
    }
    s->lost = 0;
    s->passed = s->failed = 0;
    s->opened = true;
    s->data = s->data || s->epoch == WSC_TLS_DATA || s->epoch == WSC_TLS_EARLY;
    if (s->hellos == t->side[wsc_tls_other(d)].hellos)
        s->hello_lost = false;
    s->seq++;
}

static bool try_one(struct wsc_tls *t, enum wsc_dir d, struct wsc_tls_opener *o, uint64_t seq,
                    struct wsc_span body, uint8_t *type, struct wsc_span *plain)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->trial_budget <= 0)
        return false;
    s->trial_budget -= (int64_t)body.len + TRY_COST;
    return wsc_tls_open(o, seq, s->framer.head, body, t->sh->plain, type, plain);
}

/* TLS 1.2: senders count their explicit nonces up, so the step is that of the record number. */
static bool try_by_nonce(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                         struct wsc_span *plain)
{
    struct wsc_tls_side *s = &t->side[d];
    size_t over = wsc_tls_overhead(s->now);
    if (over <= 16 || body.len < over || s->seq == 0 || s->lost == 0)
        return false;
    uint64_t step = wsc_be64(body.ptr) - s->last_nonce;
    if (step == 0 || step > s->lost)
        return false;
    uint64_t seq = s->seq - 1 + step;
    if (!try_one(t, d, s->now, seq, body, type, plain))
        return false;
    s->seq = seq;
    return true;
}

/* Records may be missing, or be none of the sender's: which number has this one, and has the key
 * changed? Costs are bounded by the window and by the budget. */
static bool search(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                   struct wsc_span *plain, bool *rekeyed)
{
    struct wsc_tls_side *s = &t->side[d];
    uint64_t window = 1 + (uint64_t)s->passed + s->lost / SHORTEST_RECORD;
    if (window > WINDOW_MAX)
        window = WINDOW_MAX;
    if (s->now != NULL && try_by_nonce(t, d, body, type, plain))
        return true;
    for (uint64_t i = 1; s->now != NULL && i < window; i++)
        if (try_one(t, d, s->now, s->seq + i, body, type, plain)) {
            s->seq += i;
            return true;
        }
    wsc_tls_make_next(t, d);
    for (uint64_t i = 0; s->next != NULL && i < window; i++)
        if (try_one(t, d, s->next, i, body, type, plain)) {
            enum wsc_tls_epoch to = (enum wsc_tls_epoch)s->next_epoch;
            if (to == WSC_TLS_DATA && s->epoch != WSC_TLS_DATA)
                wsc_tls_finished(t, d);
            *rekeyed = s->epoch == WSC_TLS_DATA;
            wsc_tls_change_keys(t, d, to);
            s->seq = i;
            return true;
        }
    return false;
}

static void not_opened(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    wsc_tls_gap_begins(s, wsc_tls_record_start(s));
    drop_messages(t, s);
    s->passed++;
    s->failed++;
    t->info.failed[d]++;
    wsc_tls_presume_finished(t, d);
    if (s->epoch == WSC_TLS_DATA || s->epoch == WSC_TLS_EARLY) {
        t->info.records[d]++;
        t->info.unread[d]++;
    }
    /* Before the first success they may be a handshake that the log does not cover, or early data
     * that the server has refused. */
    bool perhaps = !s->opened && s->epoch != WSC_TLS_DATA;
    if (s->failed >= (perhaps ? WSC_TLS_UNKNOWN_MAX : WSC_TLS_FAILED_MAX))
        wsc_tls_close(t, d);
}

static void note_nonce(struct wsc_tls_side *s, struct wsc_span body)
{
    if (wsc_tls_overhead(s->now) > 16)
        s->last_nonce = wsc_be64(body.ptr);
}

/* The record that is expected, or what else it may be. */
static bool open_somehow(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                         struct wsc_span *plain, bool *rekeyed)
{
    struct wsc_tls_side *s = &t->side[d];
    if (s->now != NULL &&
        wsc_tls_open(s->now, s->seq, s->framer.head, body, t->sh->plain, type, plain))
        return true;
    return search(t, d, body, type, plain, rekeyed);
}

/* The same for each suite that it may be. */
static bool open_by_guess(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                          struct wsc_span *plain, bool *rekeyed)
{
    for (size_t n = 0; wsc_tls_guess(t, d, n); n++)
        if (open_somehow(t, d, body, type, plain, rekeyed)) {
            t->guessing = false;
            t->info.suite = t->suite->id;
            return true;
        }
    return false;
}

bool wsc_tls_unlock(struct wsc_tls *t, enum wsc_dir d, struct wsc_span body, uint8_t *type,
                    struct wsc_span *plain)
{
    struct wsc_tls_side *s = &t->side[d];
    uint64_t before = s->seq;
    bool rekeyed = false;
    if (t->sh->plain_used < body.len)
        t->sh->plain_used = body.len;
    bool ok = (t->guessing ? open_by_guess : open_somehow)(t, d, body, type, plain, &rekeyed);
    if (s->now != NULL)
        wsc_tls_opener_passed(s->now, body, ok);
    if (!ok) {
        not_opened(t, d);
        return false;
    }
    note_nonce(s, body);
    s->trial_budget += (int64_t)body.len * BUDGET_PER_BYTE;
    if (s->trial_budget > BUDGET_MAX)
        s->trial_budget = BUDGET_MAX;
    joined(t, d, s->seq == before && !rekeyed);
    return true;
}

void wsc_tls_missed(struct wsc_tls *t, enum wsc_dir d)
{
    struct wsc_tls_side *s = &t->side[d];
    bool data = wsc_tls_framer_type(&s->framer) == WSC_TLS_APPLICATION_DATA;
    drop_messages(t, s);
    if (wsc_tls_framer_type(&s->framer) == WSC_TLS_CHANGE_CIPHER_SPEC && !s->gap) {
        wsc_tls_changed(t, d); /* its content is always the same */
        return;
    }
    if (s->now == NULL && s->next == NULL && !wsc_tls_protected(t, d)) {
        s->hello_lost = true;
        return;
    }
    wsc_tls_presume_finished(t, d);
    if (data && s->epoch != WSC_TLS_SHAKING) {
        t->info.records[d]++;
        t->info.unread[d]++;
    }
    uint64_t start = wsc_tls_record_start(s);
    size_t over = s->now != NULL ? wsc_tls_overhead(s->now) : 0;
    if (s->gap || over == 0 || s->framer.body_len < over) {
        wsc_tls_gap_begins(s, start);
        s->passed++;
        wsc_tls_chain_lost(t, s);
        return;
    }
    s->seq++;
    if (data && s->framer.body_len > over)
        tell(t, d, s->framer.body_len - over, start, s->wire);
}
