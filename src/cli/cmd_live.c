#include <wsclose/wsclose.h>

#include "analysis.h"
#include "commands.h"
#include "live_guard.h"
#include "live_right.h"
#include "live_status.h"
#include "live_store.h"
#include "out.h"
#include "records.h"
#include "ring.h"
#include "summary.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
    struct analysis_options common; /* first: the common tables' offsets count from here */
    const char *interfaces[WSC_LIVE_MAX_INTERFACES];
    size_t interfaces_len;
    const char *db;
    enum wsc_format format;
    bool format_given, list, quiet, promiscuous;
    size_t snaplen, count;
    uint64_t duration_ns;
    struct live_guard_options guard;
    struct ring_options ring;
};

static bool set_interface(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct options *opt = target;
    if (opt->interfaces_len == WSC_LIVE_MAX_INTERFACES) {
        (void)snprintf(why, ARGS_WHY_MAX, "expected at most %u interfaces, not",
                       WSC_LIVE_MAX_INTERFACES);
        return false;
    }
    opt->interfaces[opt->interfaces_len++] = value;
    return true;
}

static bool set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct options *opt = target;
    opt->format_given = true;
    return args_set_format(&opt->format, value, why);
}

static bool set_duration(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    uint64_t *ns = target;
    char *end;
    double s = strtod(value, &end);
    double unit = strcmp(end, "m") == 0   ? 60
                  : strcmp(end, "h") == 0 ? 3600
                  : strcmp(end, "d") == 0 ? 86400
                                          : 1;
    bool plain = *end == '\0' || ((*end == 's' || unit > 1) && end[1] == '\0');
    if (end == value || !plain || !(s > 0) || s * unit > 1e9) {
        (void)snprintf(why, ARGS_WHY_MAX, "expected a time like 90, 90s, 30m, 2h or 7d, not");
        return false;
    }
    *ns = (uint64_t)(s * unit * 1e9);
    return true;
}

static const struct args_option options_table[] = {
    {"interface", 'i', "IFACE", "watch this interface; any is all; may be given several times",
     set_interface, 0, &takes_interfaces},
    {"list", 0, NULL, "show the interfaces there are", args_set_flag,
     offsetof(struct options, list), NULL},
    {"db", 0, "FILE", "store in this database (default " DEFAULT_DB "); none stores nothing",
     args_set_text, offsetof(struct options, db), &takes_database_or_none},
    {"format", 0, "FORMAT", "table (default on a terminal), ndjson (default in a pipe), csv, none",
     set_format, 0, &takes_format_lines},
    {"duration", 0, "TIME", "stop after this time: 90s, 30m, 2h, 7d", set_duration,
     offsetof(struct options, duration_ns), NULL},
    {"count", 'c', "N", "stop after N records", args_set_size, offsetof(struct options, count),
     NULL},
    {"snaplen", 's', "BYTES", "of each packet (default 262144: all)", args_set_size,
     offsetof(struct options, snaplen), NULL},
    {"buffer-size", 'B', "BYTES", "the kernel's ring, per interface (default 32M, at most 2G)",
     args_set_size, offsetof(struct options, common.queue), NULL},
    {"why", 0, NULL, "show the evidence of each record below it", args_set_flag,
     offsetof(struct options, common.why), NULL},
    {"workers", 0, "N",
     "threads that analyse, beside the one that reads; 1, the default: one for all",
     analysis_set_workers, offsetof(struct options, common.workers), NULL},
    {"promiscuous", 0, NULL, "also frames for other stations", args_set_flag,
     offsetof(struct options, promiscuous), NULL},
    {"write", 'w', "DIR", "keep every packet in a ring of pcapng files in DIR, for wsclose extract",
     args_set_text, offsetof(struct options, ring.dir), &takes_folder},
    {"rotate", 0, "SIZE[:COUNT]",
     "of that ring: a new file at SIZE, at most COUNT (default 100M:10)", ring_set_rotate,
     offsetof(struct options, ring), NULL},
    {"metrics", 0, "[ADDR:]PORT", "serve counters for Prometheus (default address 127.0.0.1)",
     args_set_text, offsetof(struct options, guard.metrics), NULL},
    {"user", 0, "NAME",
     "when root: go on as this user (default: the owner of the database's directory; nobody "
     "where that is root)",
     args_set_text, offsetof(struct options, guard.user), &takes_user},
    {"no-confine", 0, NULL, "for debugging: allow all system calls and core dumps", args_set_flag,
     offsetof(struct options, guard.no_confine), NULL},
    {"quiet", 'q', NULL, "no status line and no summary on standard error", args_set_flag,
     offsetof(struct options, quiet), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, analysis_table, filter_table,
                                                   NULL};

/* One run. */
struct run {
    struct options opt;
    int argc;
    char **argv;
    struct wsc_live *live;
    struct analysis analysis;
    struct live_store store;
    char names[WSC_LIVE_MAX_INTERFACES][80], store_options[ANALYSIS_TEXT];
    struct ring *ring; /* NULL: packets are not kept */
    const char *name_list[WSC_LIVE_MAX_INTERFACES];
    struct out out;
    struct records records;
    struct summary summary;
    struct live_status status;
    struct live_guard guard;
    struct wsc_live_stats seen[WSC_LIVE_MAX_INTERFACES]; /* at the last look */
    uint64_t queue_seen[WSC_LIVE_MAX_INTERFACES];        /* dropped by full queues until then */
    uint64_t began_ns, looked_ns, packet_ns, shown, resumed;
    bool keep, out_open, failed, out_failed, interface_lost;
};

static struct wsc_live *volatile signalled;
static volatile sig_atomic_t stopped, asked, hung_up;

static void on_stop(int sig)
{
    stopped = sig;
    if (signalled != NULL)
        wsc_live_stop(signalled);
    (void)signal(sig, SIG_DFL); /* the second one kills */
}

static void on_ask(int sig)
{
    (void)sig;
    asked = 1;
}

static void on_hangup(int sig)
{
    (void)sig;
    hung_up = 1;
}

static void catch_signals(struct run *r)
{
    /* A write that waits for its reader goes on; the wait for packets ends all the same. */
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART},
                     ask = {.sa_handler = on_ask, .sa_flags = SA_RESTART},
                     hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    signalled = r->live;
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGUSR1, &ask, NULL);
    (void)sigaction(SIGHUP, &hangup, NULL);
}

static bool fail(struct run *r, const struct wsc_error *err)
{
    live_status_clear(&r->status);
    out_say("%s", err->message);
    r->failed = true;
    return false;
}

static uint64_t wall_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- records ---- */

static int show(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    struct wsc_error err;
    if (r->opt.count != 0 && r->shown >= r->opt.count)
        return 1; /* those that were open at the end: stored, not asked for */
    r->shown++;
    live_status_clear(&r->status);
    if (!out_ok(&r->out, records_show(&r->records, rec, &err)))
        r->out_failed = true;
    else
        (void)fflush(r->out.stream);
    return 1;
}

static void show_stored(void *ctx, const struct wsc_closure *rec, int64_t id)
{
    struct run *r = ctx;
    struct wsc_error err;
    if (r->out_failed || r->opt.format == WSC_FORMAT_NONE)
        return;
    if (id == WSC_UNKNOWN) { /* it waits for the database, which would have applied the filter */
        (void)show(r, rec);
        return;
    }
    struct wsc_filter f = r->opt.common.filter.filter;
    f.id = id;
    if (wsc_store_query(r->store.store, &f, show, r, &err) != WSC_OK)
        (void)fail(r, &err);
}

static void on_record(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    if (rec->provisional) {
        live_store_put(&r->store, rec);
        return;
    }
    summary_count(&r->summary, rec);
    live_status_count(&r->status, rec);
    live_guard_count(&r->guard, rec);
    live_store_put(&r->store, rec);
}

/* ---- opening ---- */

static bool open_store(struct run *r)
{
    struct wsc_error err;
    r->keep = strcmp(r->opt.db, "none") != 0;
    for (size_t i = 0; i < r->opt.interfaces_len; i++) {
        (void)snprintf(r->names[i], sizeof(r->names[i]), "live:%s", r->opt.interfaces[i]);
        r->name_list[i] = r->names[i];
    }
    analysis_text(&r->analysis, &r->opt.common, " live", r->store_options);
    r->store = (struct live_store){.db = r->opt.db,
                                   .keep = r->keep,
                                   .show = show_stored,
                                   .ctx = r,
                                   .names = r->name_list,
                                   .names_len = r->opt.interfaces_len,
                                   .options = r->store_options,
                                   .limits = r->analysis.limits};
    return live_store_open(&r->store, &err) == WSC_OK || fail(r, &err);
}

static bool open_analyzer(struct run *r)
{
    struct wsc_error err;
    return analysis_open(&r->analysis, &r->opt.common, true, r->opt.quiet, on_record, r, &err) ==
               WSC_OK ||
           fail(r, &err);
}

/* A connection silent for longer than this is not waited for again. */
#define RESUME_NS (UINT64_C(7) * 86400 * UINT64_C(1000000000))

static int resume_one(void *ctx, const struct wsc_closure *rec)
{
    struct run *r = ctx;
    if (wsc_workers_resume(r->analysis.workers, rec) == WSC_OK)
        r->resumed++;
    return 0;
}

/* Goes on with what was open when an earlier run on these interfaces stopped. */
static bool resume(struct run *r)
{
    struct wsc_error err;
    uint64_t now = wall_ns(), since = now > RESUME_NS ? now - RESUME_NS : 1;
    for (size_t i = 0; r->keep && i < r->opt.interfaces_len; i++) {
        if (wsc_store_opens(r->store.store, r->names[i], since, resume_one, r, &err) != WSC_OK)
            return fail(r, &err);
    }
    if (r->resumed > 0 && !r->opt.quiet)
        out_say("going on with %" PRIu64 " connection%s that %s open when wsclose last stopped",
                r->resumed, r->resumed == 1 ? "" : "s", r->resumed == 1 ? "was" : "were");
    return true;
}

static bool open_ring(struct run *r, uint32_t snaplen)
{
    struct ring_options o = r->opt.ring;
    o.filter = r->opt.common.bpf;
    o.snaplen = snaplen;
    if (o.dir != NULL && !ring_open(&r->ring, &o, r->live))
        r->failed = true;
    return !r->failed;
}

static bool open_all(struct run *r)
{
    struct wsc_error err;
    const struct options *o = &r->opt;
    struct wsc_live_options lo = {.filter = o->common.bpf,
                                  .snaplen = (uint32_t)(o->snaplen <= 262144 ? o->snaplen : 262144),
                                  .buffer_bytes = o->common.queue,
                                  .promiscuous = o->promiscuous};
    enum wsc_err e = wsc_live_open(o->interfaces, o->interfaces_len, &lo, &r->live, &err);
    if (e == WSC_ERR_DENIED && live_right_take(r->argc, r->argv))
        return false;
    if (e != WSC_OK)
        return fail(r, &err);
    live_status_rings(r->live, o->common.queue);
    catch_signals(r);
    r->guard.opt = o->guard;
    r->opt.common.foretell = strcmp(o->db, "none") != 0;
    const char *db = strcmp(o->db, "none") != 0 ? o->db : NULL;
    if (!open_analyzer(r) || !live_guard_open(&r->guard, db, o->ring.dir) || !open_store(r))
        return false;
    r->store.hold = !r->guard.user.writes;
    return live_guard_drop(&r->guard, o->quiet) && resume(r) && open_ring(r, lo.snaplen);
}

/* Their threads have no capability, and get the filter of system calls with all others. */
static bool start_workers(struct run *r)
{
    struct wsc_error err;
    return analysis_start(&r->analysis, &err) == WSC_OK || fail(r, &err);
}

/* ---- watching ---- */

static void note_drops(struct run *r, uint64_t now)
{
    for (size_t i = 0; i < wsc_live_count(r->live); i++) {
        struct wsc_live_stats s;
        wsc_live_stats(r->live, i, &s);
        uint64_t queue = wsc_workers_dropped(r->analysis.workers, (unsigned)i) - r->queue_seen[i];
        struct wsc_store_drop d = {.index = i,
                                   .first_ns = r->looked_ns,
                                   .last_ns = now,
                                   .kernel = s.dropped - r->seen[i].dropped,
                                   .interface = s.interface_dropped - r->seen[i].interface_dropped};
        if (s.down != r->seen[i].down && !s.gone) {
            live_status_clear(&r->status);
            out_say("%s: the interface is %s", s.name,
                    s.down ? "down; nothing is seen there until it is up again" : "up again");
        }
        if (d.kernel + d.interface > 0 || s.down || r->seen[i].down)
            wsc_workers_lost(r->analysis.workers, d.first_ns, d.last_ns);
        d.kernel += queue; /* of which its worker knows */
        if (d.kernel + d.interface > 0)
            live_store_drop(&r->store, &d);
        r->queue_seen[i] += queue;
        r->seen[i] = s;
    }
}

static void describe(const struct run *r, struct wsc_store_capture caps[WSC_LIVE_MAX_INTERFACES])
{
    for (size_t i = 0; i < r->opt.interfaces_len; i++)
        caps[i] = (struct wsc_store_capture){.packets = r->seen[i].packets,
                                             .bytes = r->seen[i].bytes,
                                             .first_ns = r->began_ns,
                                             .last_ns = wall_ns()};
}

#define LOOK_NS UINT64_C(250000000) /* commits are at most 1 s apart */

/* Files that were moved away are left alone from here on. */
static void reopen(struct run *r, uint64_t now)
{
    struct wsc_store_capture caps[WSC_LIVE_MAX_INTERFACES];
    describe(r, caps);
    ring_next(r->ring);
    ring_look(r->ring, r->store.store, r->store.import);
    live_store_reopen(&r->store, caps, now);
}

static void clear_status(void *ctx)
{
    live_status_clear(ctx);
}

/* Once in a while: new secrets, drops, the commit, the status line, questions by signal. */
static void look(struct run *r, uint64_t now)
{
    keys_look(&r->analysis.keys, clear_status, &r->status);
    note_drops(r, now);
    r->looked_ns = now;
    live_status_clear(&r->status);
    if (hung_up) {
        hung_up = 0;
        reopen(r, now);
    }
    ring_look(r->ring, r->store.store, r->store.import);
    live_store_look(&r->store, now);
    live_status_draw(&r->status, r->live, r->analysis.workers);
    live_guard_look(&r->guard,
                    &(struct live_guard_look){.live = r->live,
                                              .workers = r->analysis.workers,
                                              .now_ns = now,
                                              .packet_ns = r->packet_ns,
                                              .waiting = r->store.waiting - r->store.provisional,
                                              .well = !r->keep || r->store.lost == 0});
    if (asked) {
        asked = 0;
        live_status_print(&r->status, r->live, r->analysis.workers);
        keys_summary(&r->analysis.keys);
    }
}

static bool is_over(const struct run *r)
{
    return r->out_failed || (r->opt.count != 0 && r->shown >= r->opt.count);
}

/* A record was lost: nothing after it would be the truth. */
static void take(struct run *r, enum wsc_err e)
{
    if (e == WSC_OK || r->failed)
        return;
    live_status_clear(&r->status);
    out_say("out of memory: a record was lost; it ends here, storing what there is");
    r->failed = true;
    wsc_live_stop(r->live);
}

#define PACKETS_A_LOOK 256u

static void watch(struct run *r)
{
    struct wsc_packet pkt;
    struct wsc_error err;
    enum wsc_err e;
    unsigned packets = 0;
    r->began_ns = r->looked_ns = wall_ns();
    while ((e = wsc_live_next(r->live, &pkt, &err)) != WSC_END) {
        if (e == WSC_OK)
            ring_put(r->ring, &pkt);
        if (e == WSC_OK && wsc_workers_feed(r->analysis.workers, &pkt) == WSC_ERR_NOMEM)
            r->summary.lost_packets++;
        if (e == WSC_DAMAGED) {
            live_status_clear(&r->status);
            out_say("%s", err.message);
            r->interface_lost = true;
        }
        if (e == WSC_OK && ++packets % PACKETS_A_LOOK != 0 && pkt.ts_ns < r->looked_ns + LOOK_NS &&
            !is_over(r))
            continue;
        uint64_t now = wall_ns();
        r->packet_ns = e == WSC_OK ? pkt.ts_ns : 0;
        if (e == WSC_TIMEOUT)
            wsc_workers_tick(r->analysis.workers, now - WSC_LIVE_HELD_NS);
        take(r, wsc_workers_take(r->analysis.workers));
        if (now >= r->looked_ns + LOOK_NS)
            look(r, now);
        if (is_over(r))
            break;
        if (r->opt.duration_ns != 0 && now >= r->began_ns + r->opt.duration_ns)
            wsc_live_stop(r->live);
    }
    live_guard_stopping(&r->guard);
    note_drops(r, wall_ns());
    keys_look(&r->analysis.keys, clear_status, &r->status);
    take(r, wsc_workers_flush(r->analysis.workers));
    r->summary.lost_packets += wsc_workers_starved(r->analysis.workers);
}

/* ---- the end ---- */

static void commit(struct run *r)
{
    struct wsc_store_capture caps[WSC_LIVE_MAX_INTERFACES];
    describe(r, caps);
    if (live_store_finish(&r->store, caps))
        r->summary.stored = r->keep;
    else
        r->failed = true;
}

static void finish(struct run *r)
{
    struct summary_traffic t = {.first_ns = r->began_ns, .last_ns = wall_ns()};
    live_status_clear(&r->status);
    ring_end(r->ring);
    ring_look(r->ring, r->store.store, r->store.import);
    commit(r);
    if (r->out_open && !out_close(&r->out))
        r->out_failed = true;
    uint64_t dropped = 0;
    for (size_t i = 0; i < wsc_live_count(r->live); i++) {
        t.packets += r->seen[i].packets;
        dropped += r->seen[i].dropped + r->seen[i].interface_dropped + r->queue_seen[i];
    }
    if (r->opt.quiet)
        return;
    summary_print(&r->summary, &t, &r->analysis, r->keep ? r->opt.db : NULL);
    if (dropped > 0)
        fprintf(stderr,
                "warning: %" PRIu64 " packets dropped before wsclose saw them; a larger "
                "--buffer-size, or a --filter, may help\n",
                dropped);
}

static void list_one(void *ctx, const char *name, const char *about, bool up)
{
    (void)ctx;
    char safe[128];
    wsc_report_safe_text((struct wsc_span){.ptr = (const uint8_t *)name, .len = strlen(name)}, safe,
                         sizeof(safe));
    printf("%-16s %-5s ", safe, up ? "up" : "down");
    out_safe(stdout, about);
    putchar('\n');
}

static int list_all(void)
{
    struct wsc_error err;
    if (wsc_live_list(list_one, NULL, &err) == WSC_OK)
        return EXIT_DONE;
    out_say("%s", err.message);
    return EXIT_FAILED;
}

static void close_all(struct run *r)
{
    signalled = NULL;
    ring_free(r->ring);
    live_store_close(&r->store);
    analysis_close(&r->analysis);
    wsc_live_close(r->live);
    live_guard_close(&r->guard);
}

static int status_of(const struct run *r)
{
    if (r->failed || (r->out_failed && !r->out.closed))
        return EXIT_FAILED;
    return r->interface_lost ? EXIT_DAMAGED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
    struct run r = {
        .opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE}, .argc = argc, .argv = argv};
    wsc_filter_init(&r.opt.common.filter.filter);
    int operands;
    int status = args_parse(&command_live, argc, argv, &r.opt, &operands);
    if (status >= 0)
        return status;
    if (r.opt.list)
        return list_all();
    if (r.opt.interfaces_len == 0) {
        out_say("live needs an interface: -i IFACE; wsclose live --list shows those there are");
        return EXIT_USAGE;
    }
    if (!r.opt.format_given && !isatty(STDOUT_FILENO))
        r.opt.format = WSC_FORMAT_NDJSON;
    if (!r.opt.guard.no_confine)
        wsc_guard_no_dump();
    live_status_begin(&r.status, !r.opt.quiet);
    r.failed = !open_all(&r);
    if (!r.failed) {
        r.records = (struct records){.out = &r.out};
        r.out_open = out_open(
            &r.out,
            &(struct out_options){.format = r.opt.format, .live = true, .why = r.opt.common.why});
        r.failed = !r.out_open || !start_workers(&r) || !live_guard_confine(&r.guard, r.live);
        if (!r.failed) {
            watch(&r);
            finish(&r);
        } else if (r.out_open) {
            (void)out_close(&r.out);
        }
    }
    close_all(&r);
    return status_of(&r);
}

const struct args_command command_live = {
    .name = "live",
    .summary = "say how every WebSocket on an interface ends, as it happens, and store it",
    .detail = "Prints each closure as it happens and stores it at once. Stops on Ctrl-C; SIGUSR1 "
              "prints statistics, SIGHUP opens the database anew.\nThe filter options choose what "
              "is shown; everything is stored.",
    .tables = tables,
    .run = run,
};
