#include <wsclose/wsclose.h>

#include "command_line.h"
#include "commands.h"
#include "keys.h"
#include "out.h"
#include "picked.h"

#include <stdlib.h>
#include <string.h>

#define LAST_USUAL 20u

struct options {
    const char *db;
    struct picked_from from;
    struct keys_options keylogs;
    enum wsc_format format;
    enum wsc_story_clock clock;
    size_t last;
    bool all;
};

static const char *const clock_words[] = {"start", "end", "utc"};

static const char *clock_word(size_t i, char room[TAKES_ROOM])
{
    (void)room;
    return i < sizeof(clock_words) / sizeof(clock_words[0]) ? clock_words[i] : NULL;
}

static const struct takes takes_clock = {.kind = TAKES_WORDS, .word = clock_word};

static bool set_clock(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    if (!takes_check(&takes_clock, value, why, ARGS_WHY_MAX))
        return false;
    for (size_t i = 0; i < sizeof(clock_words) / sizeof(clock_words[0]); i++)
        if (strcmp(clock_words[i], value) == 0)
            *(enum wsc_story_clock *)target = (enum wsc_story_clock)i;
    return true;
}

static bool set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return takes_check(&takes_format_objects, value, why, ARGS_WHY_MAX) &&
           args_set_format(target, value, why);
}

static const struct args_option options_table[] = {
    {"last", 0, "N", "rows of the ladder behind the handshake (default 20)", args_set_size,
     offsetof(struct options, last), NULL},
    {"all", 0, NULL, "all rows", args_set_flag, offsetof(struct options, all), NULL},
    {"time", 0, "FROM",
     "times since the start (default), until the end, or of the day: start, end, utc", set_clock,
     offsetof(struct options, clock), &takes_clock},
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"from", 0, "FILE", "where a capture is now, if it has moved; may be given several times",
     picked_add_from, offsetof(struct options, from), &takes_captures},
    {"keylog", 0, "FILE",
     "TLS secrets (SSLKEYLOGFILE); those in the capture itself are used anyway", keys_add_option,
     offsetof(struct options, keylogs), &takes_keylogs},
    {"format", 0, "FORMAT", "table (default), ndjson, json: the record with all its events; none",
     set_format, offsetof(struct options, format), &takes_format_objects},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

struct run {
    struct options opt;
    struct wsc_store *store;
    struct keys keys; /* those of the key logs and of the captures */
    struct out out;
    struct wsc_closure *rec;
    struct picked picked;
    struct wsc_story *story;
    bool failed, partly;
};

static bool no_memory(void)
{
    out_say("out of memory");
    return false;
}

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    r->rec = wsc_closure_copy(rec);
    return 1;
}

static bool ask(struct run *r, int64_t id)
{
    struct wsc_error err;
    struct wsc_filter f;
    wsc_filter_init(&f);
    f.id = id;
    if (wsc_store_query(r->store, &f, on_record, r, &err) != WSC_OK) {
        out_say("%s", err.message);
        return false;
    }
    if (r->rec == NULL && wsc_refusals() != 0)
        return no_memory();
    if (r->rec == NULL)
        picked_no_such(r->opt.db, id);
    return r->rec != NULL;
}

/* ---- the packets ---- */

static enum wsc_err tell(void *ctx, size_t pick, const struct packets_at *at, struct wsc_error *err)
{
    (void)pick;
    enum wsc_err e = wsc_story_feed(ctx, &at->pkt);
    return e == WSC_OK ? e : wsc_error_set(err, e, "out of memory");
}

/* False, having said why: the packets are not to be had. */
static bool read_packets(struct run *r)
{
    struct wsc_error err;
    const struct wsc_story_options how = {.client = r->rec->client,
                                          .server = r->rec->server,
                                          .stream_id = r->rec->stream_id,
                                          .keylog = r->keys.log};
    if (!picked_add(&r->picked, r->store, r->rec) ||
        !packets_locate(&r->picked.packets, r->opt.from.paths, r->opt.from.len) ||
        !picked_find(&r->picked))
        return false;
    if (wsc_story_new(&how, &r->story) != WSC_OK)
        return no_memory();
    if (picked_each(&r->picked, tell, r->story, &err) != WSC_OK) {
        out_say("%s", err.message);
        return false;
    }
    wsc_story_end(r->story);
    return true;
}

/* ---- one connection ---- */

/* What the packets say now, and the database does not: with the key log they can be read. */
static void say_readable(const struct run *r)
{
    const struct wsc_closure *now = wsc_story_record(r->story);
    if (now == NULL || r->rec->outcome != WSC_OUTCOME_UNKNOWN ||
        now->outcome == WSC_OUTCOME_UNKNOWN)
        return;
    out_say("connection %lld: with these secrets it can be read; wsclose analyze --keylog stores "
            "what it was",
            (long long)r->rec->id);
}

static bool put(struct run *r, bool read)
{
    char show[8192], extract[8192];
    struct wsc_story_event known[WSC_STORY_RECORD_MAX];
    struct wsc_report_story page = {.rec = r->rec,
                                    .from_store = !read,
                                    .last = r->opt.all ? 0 : r->opt.last,
                                    .clock = r->opt.clock,
                                    .show = show,
                                    .extract = extract};
    command_line("wsclose show", r->opt.db, show, sizeof(show));
    command_line("wsclose extract", r->opt.db, extract, sizeof(extract));
    if (read) {
        page.events_len = wsc_story_events(r->story, &page.events);
        page.left_out = wsc_story_left_out(r->story);
        say_readable(r);
    } else {
        page.events = known;
        page.events_len = wsc_story_of_record(r->rec, known);
    }
    return out_ok(&r->out, wsc_report_story(r->out.report, &page));
}

static void show(struct run *r, int64_t id)
{
    if (!ask(r, id)) {
        r->failed = true;
        return;
    }
    picked_watch(&r->picked);
    r->picked.packets.secrets = r->keys.log;
    bool read = read_packets(r);
    r->partly |= !read || r->picked.packets.gone;
    if (!picked_stopped() && (r->out.report != NULL ||
                              out_open(&r->out, &(struct out_options){.format = r->opt.format})))
        r->failed |= !put(r, read);
    else
        r->failed = true;
    wsc_story_free(r->story);
    wsc_closure_free(r->rec);
    picked_clear(&r->picked);
    r->story = NULL;
    r->rec = NULL;
}

static int show_all(struct run *r, char **words, size_t n)
{
    struct wsc_error err;
    int64_t id = 0;
    for (size_t i = 0; i < n; i++)
        if (!picked_take_id("show", words[i], &id))
            return EXIT_USAGE;
    wsc_guard_no_dump();
    if (wsc_store_open(r->opt.db, WSC_STORE_READ, &r->store, &err) != WSC_OK ||
        keys_open_given(&r->keys, &r->opt.keylogs, &err) != WSC_OK) {
        out_say("%s", err.message);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < n && !r->out.said && !picked_stopped(); i++) {
        (void)picked_take_id("show", words[i], &id);
        show(r, id);
    }
    if (r->out.report != NULL)
        r->failed = !out_close(&r->out) || (r->failed && !r->out.closed);
    if (picked_stopped())
        out_say("interrupted");
    return r->failed || picked_stopped() ? EXIT_FAILED : r->partly ? EXIT_DAMAGED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct run *r = calloc(1, sizeof(*r));
    int operands;
    if (r == NULL) {
        out_say("out of memory");
        return EXIT_FAILED;
    }
    r->opt.db = DEFAULT_DB;
    r->opt.last = LAST_USUAL;
    int status = args_parse(&command_show, argc, argv, &r->opt, &operands);
    if (status < 0 && operands == 0) {
        out_say("show needs the number of a connection, as wsclose events shows it: wsclose show "
                "12");
        status = EXIT_USAGE;
    }
    if (status < 0)
        status = show_all(r, argv, (size_t)operands);
    keys_close(&r->keys);
    wsc_store_close(r->store);
    free(r);
    return status;
}

const struct args_command command_show = {
    .name = "show",
    .operands = "ID...",
    .takes = &takes_id,
    .summary = "the story of one stored connection: its last packets and frames, and the verdict",
    .detail =
        "Draws what client and server sent each other, with the packet numbers that Wireshark "
        "shows, and\nthe verdict with its evidence. The packets are read again from where they "
        "were analysed, or from\nthe files that live --write keeps; without them it shows what the "
        "database has. Payload is never\nshown, only its length.",
    .tables = tables,
    .run = run,
};
