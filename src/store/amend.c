#include "store/db.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* So many wait at most, with so much text; then they are written, and more may wait. */
#define AMENDS_MAX ((size_t)64 << 10)
#define TEXTS_MAX  ((size_t)4 << 20)

/* Sentences in |texts|: their number, then each by its length and its bytes. */
struct wsc_waiting {
    int64_t id, other_id;
    uint32_t at; /* to keep the order of what is said of one */
    uint32_t text;
    uint8_t cause, confidence;
};

void wsc_amends_clear(struct wsc_amends *a)
{
    wsc_free(a->waiting);
    wsc_buf_clear(&a->texts);
    *a = (struct wsc_amends){.len = 0};
}

/* ---- waiting ---- */

static bool same_text(const struct wsc_amends *q, const struct wsc_amendment *a)
{
    if (q->len == 0)
        return false;
    const uint8_t *at = q->texts.data + q->last_text;
    uint32_t n, len;
    memcpy(&n, at, sizeof(n));
    at += sizeof(n);
    bool same = n == a->sentences_len;
    for (size_t i = 0; same && i < n; i++) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        same = len == a->sentences[i].len && memcmp(at, a->sentences[i].ptr, len) == 0;
        at += len;
    }
    return same;
}

static bool append_number(struct wsc_buf *b, size_t v)
{
    uint32_t n = (uint32_t)v;
    return wsc_buf_append(b, &n, sizeof(n));
}

static bool keep_text(struct wsc_amends *q, const struct wsc_amendment *a)
{
    if (same_text(q, a))
        return true;
    size_t from = q->texts.len;
    bool kept = append_number(&q->texts, a->sentences_len);
    for (size_t i = 0; kept && i < a->sentences_len; i++)
        kept = a->sentences[i].len < TEXTS_MAX && append_number(&q->texts, a->sentences[i].len) &&
               wsc_buf_append(&q->texts, a->sentences[i].ptr, a->sentences[i].len);
    if (kept)
        q->last_text = from;
    else
        q->texts.len = from;
    return kept;
}

static bool wait(struct wsc_amends *q, const struct wsc_amendment *a)
{
    if (q->waiting == NULL) {
        wsc_buf_init(&q->texts, TEXTS_MAX);
        q->waiting = wsc_alloc(AMENDS_MAX * sizeof(*q->waiting));
    }
    if (q->waiting == NULL || q->len == AMENDS_MAX || !keep_text(q, a))
        return false;
    q->waiting[q->len] = (struct wsc_waiting){.id = a->id,
                                              .other_id = a->other_id,
                                              .at = (uint32_t)q->len,
                                              .text = (uint32_t)q->last_text,
                                              .cause = (uint8_t)a->cause,
                                              .confidence = (uint8_t)a->confidence};
    q->len++;
    return true;
}

/* ---- writing ---- */

static enum wsc_err set_cause(struct wsc_store *s, const struct wsc_waiting *w,
                              struct wsc_error *err)
{
    struct wsc_bind b;
    /* Amended twice, it keeps what it had alone. */
    enum wsc_err e =
        wsc_db_kept(s, WSC_AMEND_CAUSE,
                    "UPDATE OR ROLLBACK connections SET"
                    " alone_cause = iif(alone_confidence IS NULL, cause, alone_cause),"
                    " alone_confidence = coalesce(alone_confidence, confidence, 'none'),"
                    " cause = ?1, confidence = ?2 WHERE id = ?3",
                    &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_word(&b, wsc_cause_name((enum wsc_cause)w->cause));
    wsc_bind_word(&b, wsc_confidence_name((enum wsc_confidence)w->confidence));
    wsc_bind_int(&b, w->id);
    return wsc_db_run_bound(s, &b, err);
}

static const char before_all[] =
    "INSERT OR ROLLBACK INTO evidence (connection_id, n, sentence, other_id) SELECT ?1,"
    " min(0, coalesce((SELECT min(n) FROM evidence WHERE connection_id = ?1), 0)) - 1, ?2, ?3";
static const char after_all[] =
    "INSERT OR ROLLBACK INTO evidence (connection_id, n, sentence, other_id) SELECT ?1,"
    " 1 + coalesce((SELECT max(n) FROM evidence WHERE connection_id = ?1), -1), ?2, ?3";

static enum wsc_err add_sentence(struct wsc_store *s, const struct wsc_waiting *w,
                                 struct wsc_span sentence, struct wsc_error *err)
{
    struct wsc_bind b;
    bool before = w->cause != WSC_CAUSE_NONE;
    enum wsc_err e = wsc_db_kept(s, before ? WSC_AMEND_BEFORE : WSC_AMEND_AFTER,
                                 before ? before_all : after_all, &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, w->id);
    wsc_bind_any(&b, sentence);
    if (w->other_id != 0)
        wsc_bind_int(&b, w->other_id);
    else
        wsc_bind_null(&b);
    return wsc_db_run_bound(s, &b, err);
}

/* At most as many as evidence a record has: more would never be read. */
static size_t sentences_of(const struct wsc_store *s, const struct wsc_waiting *w,
                           struct wsc_span out[WSC_EVIDENCE_MAX])
{
    const uint8_t *at = s->amends.texts.data + w->text;
    uint32_t n, len;
    memcpy(&n, at, sizeof(n));
    at += sizeof(n);
    n = n < WSC_EVIDENCE_MAX ? n : WSC_EVIDENCE_MAX;
    for (size_t i = 0; i < n; i++) {
        memcpy(&len, at, sizeof(len));
        out[i] = (struct wsc_span){.ptr = at + sizeof(len), .len = len};
        at += sizeof(len) + len;
    }
    return n;
}

static enum wsc_err write_one(struct wsc_store *s, const struct wsc_waiting *w,
                              struct wsc_error *err)
{
    struct wsc_span sentences[WSC_EVIDENCE_MAX];
    size_t n = sentences_of(s, w, sentences);
    bool before = w->cause != WSC_CAUSE_NONE;
    enum wsc_err e = before ? set_cause(s, w, err) : WSC_OK;
    /* Where each takes the place before all others, the last comes first. */
    for (size_t i = 0; e == WSC_OK && i < n; i++)
        e = add_sentence(s, w, sentences[before ? n - 1 - i : i], err);
    return e;
}

static int by_row(const void *va, const void *vb)
{
    const struct wsc_waiting *x = va, *y = vb;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static enum wsc_err write_all(struct wsc_store *s, struct wsc_error *err)
{
    struct wsc_amends *q = &s->amends;
    enum wsc_err e = WSC_OK;
    if (q->len > 0) /* of a text too long to wait, there may be none */
        qsort(q->waiting, q->len, sizeof(*q->waiting), by_row);
    for (size_t i = 0; e == WSC_OK && i < q->len; i++)
        e = write_one(s, &q->waiting[i], err);
    q->len = 0;
    q->texts.len = 0;
    q->last_text = 0;
    return e;
}

enum wsc_err wsc_amends_write(struct wsc_store *s, struct wsc_error *err)
{
    if (s->amends.len == 0)
        return WSC_OK;
    wsc_import_check_refs(s, false);
    enum wsc_err e = write_all(s, err);
    wsc_import_check_refs(s, true);
    return e;
}

/* What is full is written with the checks as they are: a query may be under way, which a change of
 * them would end. */
enum wsc_err wsc_store_amend(struct wsc_store *s, const struct wsc_amendment *a,
                             struct wsc_error *err)
{
    if (wait(&s->amends, a))
        return WSC_OK;
    enum wsc_err e = write_all(s, err);
    if (e == WSC_OK && !wait(&s->amends, a))
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    return e;
}
