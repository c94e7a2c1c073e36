#include <wsclose/wsclose.h>

#include "commands.h"
#include "keys.h"
#include "new_file.h"
#include "out.h"
#include "picked.h"
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    const char *db, *out;
    struct picked_from from;
    struct keys_options keylogs;
    bool force, legs;
};

static const struct args_option options_table[] = {
    {"output", 'o', "FILE", "write this pcapng file; - is standard output", args_set_text,
     offsetof(struct options, out), &takes_capture},
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"from", 0, "FILE", "where a capture is now, if it has moved; may be given several times",
     picked_add_from, offsetof(struct options, from), &takes_captures},
    {"keylog", 0, "FILE",
     "write the TLS secrets of the connection that are in this key log into the file, too",
     keys_add_option, offsetof(struct options, keylogs), &takes_keylogs},
    {"legs", 0, NULL, "also its other legs, before and behind a proxy", args_set_flag,
     offsetof(struct options, legs), NULL},
    {"force", 0, NULL, "replace FILE if it is there", args_set_flag,
     offsetof(struct options, force), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

/* An interface of the file that is written. */
struct port {
    size_t file; /* SIZE_MAX: kept files, of which one is like another */
    uint32_t port, link;
};

struct run {
    struct options opt;
    struct wsc_store *store;
    struct picked picked;
    char (*verdicts)[VERDICT_MAX]; /* one of each pick */
    struct keys keys;              /* those of the key logs and of the captures */
    struct new_file file;
    struct wsc_pcapng *writer;
    struct port ports[WSC_PCAPNG_INTERFACES_MAX];
    size_t ports_len;
    bool secrets; /* some were written */
};

static bool fail(const struct wsc_error *err)
{
    out_say("%s", err->message);
    return false;
}

/* ---- which connections ---- */

struct asking {
    struct run *r;
    bool found, failed;
    int64_t legs[WSC_LEGS_MAX];
    size_t legs_len;
};

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    struct asking *a = ctx;
    struct run *r = a->r;
    a->found = true;
    memcpy(a->legs, rec->legs, sizeof(a->legs));
    a->legs_len = rec->legs_len;
    verdict_text(rec, r->verdicts[r->picked.len]);
    a->failed = !picked_add(&r->picked, r->store, rec);
    return 1;
}

static bool ask(struct run *r, struct asking *a, int64_t id)
{
    struct wsc_error err;
    struct wsc_filter f;
    wsc_filter_init(&f);
    f.id = id;
    a->found = a->failed = false;
    if (wsc_store_query(r->store, &f, on_record, a, &err) != WSC_OK)
        return fail(&err);
    if (!a->found)
        picked_no_such(r->opt.db, id);
    return a->found && !a->failed;
}

static bool ask_all(struct run *r, int64_t id)
{
    struct wsc_error err;
    struct asking a = {.r = r}, leg = {.r = r};
    if (wsc_store_open(r->opt.db, WSC_STORE_READ, &r->store, &err) != WSC_OK)
        return fail(&err);
    r->verdicts = calloc(WSC_PICKS_MAX, sizeof(*r->verdicts));
    if (r->verdicts == NULL) {
        out_say("out of memory");
        return false;
    }
    if (!ask(r, &a, id))
        return false;
    if (r->opt.legs && a.legs_len == 0)
        out_say("connection %" PRId64 ": no other leg of it is known", id);
    for (size_t i = 0; r->opt.legs && i < a.legs_len; i++)
        if (!ask(r, &leg, a.legs[i]))
            return false;
    return true;
}

/* ---- writing ---- */

static enum wsc_err port_for(struct run *r, const struct packets_at *at, uint32_t *number,
                             struct wsc_error *err)
{
    const char *name = packets_interface(&r->picked.packets, at);
    struct port p = {
        .file = name != NULL ? SIZE_MAX : at->file, .port = at->port, .link = at->pkt.link};
    for (size_t i = r->ports_len; i-- > 0;)
        if (r->ports[i].file == p.file && r->ports[i].port == p.port &&
            r->ports[i].link == p.link) {
            *number = (uint32_t)i;
            return WSC_OK;
        }
    enum wsc_err e = wsc_pcapng_add(
        r->writer, &(struct wsc_pcapng_interface){.link = p.link, .name = name}, err);
    if (e == WSC_OK) {
        *number = (uint32_t)r->ports_len;
        r->ports[r->ports_len++] = p;
    }
    return e;
}

struct writing {
    struct run *r;
    bool said[WSC_PICKS_MAX]; /* that it was written, of each verdict */
};

static enum wsc_err write_packet(void *ctx, size_t pick, const struct packets_at *at,
                                 struct wsc_error *err)
{
    struct writing *w = ctx;
    uint32_t number = 0;
    enum wsc_err e = port_for(w->r, at, &number, err);
    if (e == WSC_OK)
        e = wsc_pcapng_put(w->r->writer, number, &at->pkt,
                           w->said[pick] ? NULL : w->r->verdicts[pick], err);
    w->said[pick] = true;
    return e;
}

#define RANDOMS_MAX ((size_t)WSC_PICKS_MAX * WSC_PICK_RANDOMS_MAX)

/* What is needed to decrypt these connections, and nothing else of the key logs. */
static enum wsc_err write_secrets(struct run *r, struct wsc_error *err)
{
    uint8_t randoms[RANDOMS_MAX][32];
    char text[WSC_KEYLOG_LINES_MAX];
    enum wsc_err e = WSC_OK;
    size_t len = wsc_picker_client_randoms(r->picked.picker, randoms, RANDOMS_MAX);
    for (size_t i = 0; e == WSC_OK && i < len; i++) {
        size_t n = wsc_keylog_lines(r->keys.log, randoms[i], text, sizeof(text));
        if (n == 0)
            continue;
        e = wsc_pcapng_secrets(r->writer, (struct wsc_span){(const uint8_t *)text, n}, err);
        r->secrets = true;
    }
    explicit_bzero(text, sizeof(text));
    return e;
}

static bool write_file(struct run *r)
{
    struct wsc_error err;
    struct writing w = {.r = r};
    enum wsc_err e = wsc_pcapng_new(r->file.fd, r->verdicts[0], &r->writer, &err);
    if (e == WSC_OK)
        e = write_secrets(r, &err);
    if (e == WSC_OK)
        e = picked_each(&r->picked, write_packet, &w, &err);
    if (e == WSC_OK)
        e = wsc_pcapng_flush(r->writer, &err);
    if (picked_stopped())
        return false;
    if (e != WSC_OK) {
        out_say("%s: %s", r->file.path, err.message);
        return false;
    }
    if (r->secrets)
        out_say("%s: holds the TLS secrets of the connection; who has the file can read it",
                r->file.is_stdout ? "standard output" : r->file.path);
    if (wsc_refusals() != 0) {
        out_say("%s: out of memory: packets may be missing, nothing was written", r->file.path);
        return false;
    }
    return new_file_keep(&r->file);
}

/* ---- the command ---- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool out_is_free(const struct run *r)
{
    if (!packets_reads(&r->picked.packets, r->opt.out) && !same_file(r->opt.out, r->opt.db))
        return true;
    out_say("%s: is what is read from; name another file", r->opt.out);
    return false;
}

static bool extract(struct run *r, int64_t id)
{
    struct wsc_error err;
    wsc_guard_no_dump();
    if (keys_open_given(&r->keys, &r->opt.keylogs, &err) != WSC_OK)
        return fail(&err);
    r->picked.packets.secrets = r->keys.log;
    picked_watch(&r->picked);
    bool ok = ask_all(r, id) &&
              packets_locate(&r->picked.packets, r->opt.from.paths, r->opt.from.len) &&
              out_is_free(r) && new_file_open(&r->file, r->opt.out, r->opt.force) &&
              picked_find(&r->picked) && write_file(r);
    if (picked_stopped())
        out_say("interrupted%s", r->file.is_stdout ? "" : ": nothing was written");
    return ok;
}

static int run(int argc, char **argv)
{
    struct run *r = calloc(1, sizeof(*r));
    int operands;
    int64_t id = 0;
    if (r == NULL) {
        out_say("out of memory");
        return EXIT_FAILED;
    }
    r->opt.db = DEFAULT_DB;
    r->file.fd = -1;
    int status = args_parse(&command_extract, argc, argv, &r->opt, &operands);
    if (status < 0 && (operands != 1 || r->opt.out == NULL)) {
        out_say("extract needs one connection and a file: wsclose extract 12 -o 12.pcapng");
        status = EXIT_USAGE;
    }
    if (status < 0 && !picked_take_id("extract", argv[0], &id))
        status = EXIT_USAGE;
    if (status < 0)
        status = !extract(r, id) ? EXIT_FAILED : r->picked.packets.gone ? EXIT_DAMAGED : EXIT_DONE;
    new_file_drop(&r->file);
    wsc_pcapng_free(r->writer);
    picked_clear(&r->picked);
    keys_close(&r->keys);
    wsc_store_close(r->store);
    free(r->verdicts);
    free(r);
    return status;
}

const struct args_command command_extract = {
    .name = "extract",
    .operands = "ID -o FILE",
    .takes = &takes_id,
    .summary = "the packets of one stored connection, with its verdict, for Wireshark",
    .detail =
        "Writes exactly the packets of its TCP connection, as they were captured: from the first "
        "to the last\nstraggler, with all fragments. The verdict is a comment of the file and of "
        "the first packet.\nIts TLS secrets are written, too, if they are in the capture itself or "
        "in a key log that is named.",
    .tables = tables,
    .run = run,
};
