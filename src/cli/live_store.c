#include "live_store.h"

#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_NS     UINT64_C(5000000000)
#define LAST_WAIT_MS 10000u

static void let_go(struct live_store *ls)
{
    if (ls->hold && ls->store != NULL) {
        wsc_store_rollback(ls->store);
        ls->held = ls->store;
    } else {
        wsc_store_close(ls->store);
    }
    ls->store = NULL;
}

enum wsc_err live_store_open(struct live_store *ls, struct wsc_error *err)
{
    if (ls->last == NULL)
        ls->last = &ls->first;
    enum wsc_err e = WSC_OK;
    ls->store = ls->held;
    ls->held = NULL;
    if (ls->store == NULL)
        e = wsc_store_open(ls->db, ls->keep ? WSC_STORE_WRITE : WSC_STORE_PRIVATE, &ls->store, err);
    if (e == WSC_OK) {
        wsc_store_set_pass(ls->store, wsc_across_pass, (void *)(uintptr_t)ls->limits);
        e = wsc_store_begin(ls->store, ls->names, ls->names_len, ls->options, err);
    }
    /* What was flushed is read back for the pass at the end, not kept in memory all the time. */
    if (e == WSC_OK)
        e = wsc_store_flush(ls->store, err);
    if (e != WSC_OK) {
        let_go(ls);
        return e;
    }
    wsc_store_set_patience(ls->store, 0);
    ls->import++;
    return WSC_OK;
}

/* ---- what waits ---- */

static struct live_store_entry *append(struct live_store *ls, const struct wsc_closure *rec)
{
    /* The last word is worth more than one before it. */
    size_t max = rec->provisional ? LIVE_STORE_WAITING_MAX / 2 : LIVE_STORE_WAITING_MAX;
    struct live_store_entry *x = ls->waiting < max ? calloc(1, sizeof(*x)) : NULL;
    if (x != NULL)
        x->rec = wsc_closure_copy(rec);
    if (x == NULL || x->rec == NULL) {
        free(x);
        if (!rec->provisional && ls->lost++ == 0)
            out_say("too many records wait for the database; those that come now are shown, not "
                    "stored");
        return NULL;
    }
    x->shown = rec->provisional;
    *ls->last = x;
    ls->last = &x->next;
    ls->waiting++;
    ls->provisional += rec->provisional;
    return x;
}

/* Drops those that are committed, which are the first. */
static void drop_committed(struct live_store *ls)
{
    while (ls->first != NULL && ls->first->put) {
        struct live_store_entry *x = ls->first;
        ls->first = x->next;
        ls->provisional -= x->rec->provisional;
        wsc_closure_free(x->rec);
        free(x);
        ls->waiting--;
    }
    if (ls->first == NULL)
        ls->last = &ls->first;
}

/* ---- trouble ---- */

static void say_trouble(struct live_store *ls, const struct wsc_error *err)
{
    out_say("%s", err->message);
    ls->trouble = *err;
}

/* What was not committed is gone with the transaction, and is put again later. */
static void go_down(struct live_store *ls, uint64_t now_ns, const struct wsc_error *err)
{
    struct stat st;
    say_trouble(ls, err);
    if (ls->hold && stat(ls->db, &st) != 0 && errno == ENOENT)
        out_say("it cannot be made anew: its directory is not ours; put it back, or start wsclose "
                "again");
    out_say("the database is tried again every %d s; until then records wait in memory, %u at most",
            (int)(RETRY_NS / 1000000000), LIVE_STORE_WAITING_MAX);
    let_go(ls);
    ls->tried_ns = now_ns != 0 ? now_ns : 1;
    for (struct live_store_entry *x = ls->first; x != NULL; x = x->next)
        x->put = false;
}

static void come_up(struct live_store *ls, uint64_t now_ns)
{
    struct wsc_error err;
    if (now_ns < ls->tried_ns + RETRY_NS)
        return;
    ls->tried_ns = now_ns;
    if (live_store_open(ls, &err) != WSC_OK) {
        if (strcmp(err.message, ls->trouble.message) != 0)
            say_trouble(ls, &err); /* what is wrong is another thing by now */
        return;
    }
    size_t waited = ls->waiting - ls->provisional;
    out_say("the database can be written again; %zu record%s waited", waited,
            waited == 1 ? "" : "s");
}

static void say_busy(struct live_store *ls)
{
    if (!ls->busy_said)
        out_say("another process is writing to the database; records wait in memory meanwhile");
    ls->busy_said = true;
}

/* ---- storing ---- */

/* Which row |rec| takes the place of, and room to note its own. False: there is none; it stays
 * untold. */
static bool prepare(struct live_store *ls, struct wsc_closure *rec)
{
    int64_t id = rec->replaced_id != 0 ? live_told_take(&ls->told, rec) : 0;
    if (id != 0)
        rec->replaced_id = id;
    return !rec->provisional || live_told_put(&ls->told, rec, 0);
}

static enum wsc_err put_entry(struct live_store *ls, struct live_store_entry *x, uint64_t now_ns)
{
    struct wsc_error err;
    if (!prepare(ls, x->rec)) {
        x->put = true;
        return WSC_OK;
    }
    enum wsc_err e = wsc_store_put(ls->store, x->rec, &x->id, &err);
    if (e == WSC_OK) {
        x->put = true;
        (void)(x->rec->provisional && live_told_put(&ls->told, x->rec, x->id));
    } else if (e == WSC_ERR_BUSY)
        say_busy(ls);
    else
        go_down(ls, now_ns, &err);
    return e;
}

/* At the end all that is open comes at once, which may be more than may wait. */
#define PUT_EVERY 1024u

void live_store_put(struct live_store *ls, const struct wsc_closure *rec)
{
    if (append(ls, rec) == NULL && !rec->provisional)
        ls->show(ls->ctx, rec, WSC_UNKNOWN);
    if (ls->waiting >= LIVE_STORE_WAITING_MAX / 2 && ls->waiting % PUT_EVERY == 0)
        live_store_look(ls, ls->tried_ns);
}

static bool put_waiting(struct live_store *ls, uint64_t now_ns)
{
    for (struct live_store_entry *x = ls->first; x != NULL; x = x->next)
        if (!x->put && put_entry(ls, x, now_ns) != WSC_OK)
            return false;
    return true;
}

static void show_waiting(struct live_store *ls)
{
    for (struct live_store_entry *x = ls->first; x != NULL; x = x->next) {
        if (!x->shown)
            ls->show(ls->ctx, x->rec, x->put ? x->id : WSC_UNKNOWN);
        x->shown = true;
    }
}

void live_store_drop(struct live_store *ls, const struct wsc_store_drop *d)
{
    struct wsc_store_drop *sum = &ls->drops[d->index];
    if (sum->kernel + sum->interface == 0)
        *sum = (struct wsc_store_drop){.index = d->index, .first_ns = d->first_ns};
    sum->last_ns = d->last_ns;
    sum->kernel += d->kernel;
    sum->interface += d->interface;
}

static bool put_drops(struct live_store *ls, uint64_t now_ns)
{
    struct wsc_error err;
    for (size_t i = 0; i < ls->names_len; i++) {
        if (ls->drops[i].kernel + ls->drops[i].interface == 0)
            continue;
        enum wsc_err e = wsc_store_put_drop(ls->store, &ls->drops[i], &err);
        if (e == WSC_ERR_BUSY)
            say_busy(ls);
        else if (e != WSC_OK)
            go_down(ls, now_ns, &err);
        if (e != WSC_OK)
            return false;
        ls->drops[i] = (struct wsc_store_drop){0};
    }
    return true;
}

/* Puts what waits; false: not now. */
static bool put_all(struct live_store *ls, uint64_t now_ns)
{
    return ls->store != NULL && put_waiting(ls, now_ns) && put_drops(ls, now_ns);
}

static bool flush(struct live_store *ls, uint64_t now_ns)
{
    struct wsc_error err;
    enum wsc_err e = wsc_store_flush(ls->store, &err);
    if (e == WSC_ERR_BUSY)
        say_busy(ls);
    else if (e != WSC_OK)
        go_down(ls, now_ns, &err);
    else
        ls->busy_said = false;
    return e == WSC_OK;
}

void live_store_look(struct live_store *ls, uint64_t now_ns)
{
    if (ls->store == NULL)
        come_up(ls, now_ns);
    bool stored = put_all(ls, now_ns) && (!ls->keep || flush(ls, now_ns));
    show_waiting(ls);
    if (stored)
        drop_committed(ls);
}

void live_store_reopen(struct live_store *ls, const struct wsc_store_capture *caps, uint64_t now_ns)
{
    struct wsc_error err;
    enum wsc_import_result result;
    if (ls->hold) {
        out_say("the database cannot be opened anew: its directory is not ours; it goes on");
        return;
    }
    if (!ls->keep || !put_all(ls, now_ns))
        return; /* it is opened anew as it is, or tried again */
    show_waiting(ls);
    if (wsc_store_commit(ls->store, caps, ls->names_len, &result, &err) == WSC_OK) {
        drop_committed(ls);
        wsc_store_close(ls->store);
        ls->store = NULL;
        if (live_store_open(ls, &err) == WSC_OK)
            return;
    }
    go_down(ls, now_ns, &err);
}

bool live_store_finish(struct live_store *ls, const struct wsc_store_capture *caps)
{
    struct wsc_error err;
    enum wsc_import_result result;
    ls->tried_ns = 0;
    if (ls->store == NULL)
        come_up(ls, RETRY_NS);
    bool ok = ls->store != NULL;
    if (ok) {
        wsc_store_set_patience(ls->store, LAST_WAIT_MS);
        ok = put_all(ls, 0) && (!ls->keep || flush(ls, 0)); /* only then they are shown as stored */
    }
    show_waiting(ls);
    if (ok && wsc_store_commit(ls->store, caps, ls->names_len, &result, &err) != WSC_OK) {
        out_say("%s", err.message);
        ok = false;
    }
    if (ok)
        drop_committed(ls);
    uint64_t lost = ls->waiting - ls->provisional + ls->lost;
    if (lost > 0)
        out_say("%" PRIu64 " records could not be stored", lost);
    return ok && ls->lost == 0;
}

void live_store_close(struct live_store *ls)
{
    wsc_store_close(ls->store);
    wsc_store_close(ls->held);
    for (struct live_store_entry *x = ls->first; x != NULL; x = x->next)
        x->put = true;
    drop_committed(ls);
    live_told_clear(&ls->told);
}
