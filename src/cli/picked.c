#include "picked.h"

#include "args.h"
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct packets *volatile watched;
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    stopped = sig;
    if (watched != NULL)
        packets_stop(watched);
    (void)signal(sig, SIG_DFL); /* the second one kills */
}

void picked_watch(struct picked *p)
{
    const struct sigaction sa = {.sa_handler = on_signal};
    watched = &p->packets;
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
}

bool picked_stopped(void)
{
    return stopped != 0;
}

bool picked_add_from(void *target, const char *value, char *why)
{
    struct picked_from *from = target;
    if (from->len == PICKED_FROM_MAX) {
        (void)snprintf(why, ARGS_WHY_MAX, "expected at most %u files, not", PICKED_FROM_MAX);
        return false;
    }
    from->paths[from->len++] = value;
    return true;
}

bool picked_take_id(const char *command, const char *word, int64_t *id)
{
    char *end;
    errno = 0;
    long long v = strtoll(word, &end, 10);
    *id = v;
    if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && errno == 0 && v > 0)
        return true;
    out_say("%s: expected the number of a connection, as wsclose events shows it, not \"%s\"",
            command, word);
    if (access(word, R_OK) == 0)
        out_say("to have the connections of a capture numbered: wsclose analyze FILE");
    return false;
}

void picked_no_such(const char *db, int64_t id)
{
    out_say("%s: there is no connection %" PRId64 "; wsclose events shows those there are", db, id);
}

bool picked_add(struct picked *p, struct wsc_store *store, const struct wsc_closure *rec)
{
    p->ids[p->len] = rec->id;
    if (!packets_add(&p->packets, store, rec, &p->picks[p->len]))
        return false;
    p->len++;
    return true;
}

static bool feed_all(struct picked *p)
{
    struct packets_at at;
    enum wsc_err e;
    if (wsc_picker_new(p->picks, p->len, &p->picker) != WSC_OK) {
        out_say("out of memory");
        return false;
    }
    if (!packets_open(&p->packets, true))
        return false;
    while ((e = packets_next(&p->packets, &at)) == WSC_OK) {
        e = wsc_picker_feed(p->picker, &at.pkt);
        if (e == WSC_OK)
            continue;
        out_say(e == WSC_ERR_LIMIT ? "the connection has more than %zu packets" : "out of memory",
                WSC_PICKED_MAX);
        return false;
    }
    return e == WSC_END && !stopped;
}

bool picked_find(struct picked *p)
{
    bool again = true;
    while (again) {
        wsc_picker_free(p->picker);
        p->picker = NULL;
        if (!feed_all(p) || !packets_same(&p->packets, &again))
            return false;
    }
    for (size_t i = 0; i < p->len; i++)
        if (!wsc_picker_found(p->picker, i)) {
            out_say("connection %" PRId64 ": its first packet is not in the capture any more",
                    p->ids[i]);
            return false;
        }
    return true;
}

static enum wsc_err changed(const struct packets *p, struct wsc_error *err)
{
    bool damaged = p->damage.message[0] != '\0';
    return wsc_error_set(err, WSC_ERR_IO, "the capture has changed while it was read%s%s",
                         damaged ? ": " : "", p->damage.message);
}

enum wsc_err picked_each(struct picked *p, picked_fn fn, void *ctx, struct wsc_error *err)
{
    const struct wsc_picked *picked;
    size_t n = wsc_picker_result(p->picker, &picked);
    struct packets_at at;
    uint64_t fed = 0;
    if (!packets_open(&p->packets, false))
        return wsc_error_set(err, WSC_ERR_IO, "the captures cannot be read again");
    for (size_t i = 0; i < n; fed++) {
        enum wsc_err e = packets_next(&p->packets, &at);
        bool due = e == WSC_OK && fed == picked[i].at;
        /* One that breaks off earlier than before leaves its place to others. */
        if (e != WSC_OK || (due && picked[i].ref != 0 && picked[i].ref != at.pkt.ref))
            return changed(&p->packets, err);
        if (!due)
            continue;
        e = fn(ctx, picked[i++].pick, &at, err);
        if (e != WSC_OK)
            return e;
    }
    return WSC_OK;
}

void picked_clear(struct picked *p)
{
    if (watched == &p->packets)
        watched = NULL;
    wsc_picker_free(p->picker);
    packets_clear(&p->packets);
    *p = (struct picked){0};
}
