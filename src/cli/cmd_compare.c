#include <wsclose/report.h>
#include <wsclose/store.h>

#include "codebook.h"
#include "commands.h"
#include "out.h"

#include <string.h>
#include <unistd.h>

struct options {
    struct codebook_scope scope;
    const char *db; /* NULL: the default, if it is there */
    enum wsc_format format;
};

static const struct args_option options_table[] = {
    {"subprotocol", 0, "NAME", "the subprotocol chosen in the handshake: whose codes 3000-4999 are",
     args_set_text, offsetof(struct options, scope.subprotocol), &takes_subprotocol},
    {"host", 0, "NAME", "the host asked for, used where the subprotocol does not tell",
     args_set_text, offsetof(struct options, scope.host), &takes_host},
    {"db", 0, "FILE",
     "also count both in this database (default " DEFAULT_DB ", if it is there); none: do not",
     args_set_text, offsetof(struct options, db), &takes_database_or_none},
    {"format", 0, "FORMAT", "table (default), ndjson, json", codebook_set_format,
     offsetof(struct options, format), &takes_format_page},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

static int on_row(void *ctx, const struct wsc_stats_row *row)
{
    static const char *const words[] = {
        [WSC_SIDE_CLIENT] = "client", [WSC_SIDE_SERVER] = "server", [WSC_SIDE_BOTH] = "both"};
    struct wsc_report_counts *n = ctx;
    int side = WSC_SIDE_NONE;
    for (int s = WSC_SIDE_CLIENT; s <= WSC_SIDE_BOTH; s++)
        if (row->keys[0].ptr != NULL && row->keys[0].len == strlen(words[s]) &&
            memcmp(row->keys[0].ptr, words[s], row->keys[0].len) == 0)
            side = s;
    n->count += row->count;
    n->by[side] += row->count;
    if (n->first_ns == 0 || row->first_ns < n->first_ns)
        n->first_ns = row->first_ns;
    n->last_ns = row->last_ns > n->last_ns ? row->last_ns : n->last_ns;
    return 0;
}

static bool count(struct wsc_store *store, struct codebook_code *c, struct wsc_error *err)
{
    static const enum wsc_stats_key by[] = {WSC_BY_CLOSED_BY};
    struct wsc_filter f;
    wsc_filter_init(&f);
    f.codes[0] = (struct wsc_code_range){c->view.code, c->view.code};
    f.codes_len = 1;
    c->counts = (struct wsc_report_counts){0};
    c->view.counts = &c->counts;
    return wsc_store_stats(store, &f, by, 1, on_row, &c->counts, err) == WSC_OK;
}

/* Fills the counts, if there is a database to ask. Returns false, having said why. */
static bool count_both(struct codebook_code c[2], const char *db)
{
    struct wsc_store *store;
    struct wsc_error err;
    if (db == NULL && access(DEFAULT_DB, F_OK) != 0)
        return true;
    if (db != NULL && strcmp(db, "none") == 0)
        return true;
    bool ok = wsc_store_open(db != NULL ? db : DEFAULT_DB, WSC_STORE_READ, &store, &err) == WSC_OK;
    if (ok) {
        ok = count(store, &c[0], &err) && count(store, &c[1], &err);
        wsc_store_close(store);
    }
    if (!ok)
        out_say("%s", err.message);
    return ok;
}

static bool take_codes(int operands, char **argv, int code[2])
{
    if (operands != 2) {
        out_say("compare: takes two codes. For example: wsclose compare 1005 1006");
        return false;
    }
    for (int i = 0; i < 2; i++)
        if (!codebook_parse(command_compare.name, argv[i], &code[i]))
            return false;
    if (code[0] == code[1])
        out_say("compare: twice the same code; try: wsclose explain %d", code[0]);
    return code[0] != code[1];
}

static int run(int argc, char **argv)
{
    struct options opt = {.format = WSC_FORMAT_TABLE};
    int operands, code[2];
    int status = args_parse(&command_compare, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    if (!take_codes(operands, argv, code))
        return EXIT_USAGE;
    struct codebook_code c[2];
    codebook_look_up(&c[0], code[0], &opt.scope);
    codebook_look_up(&c[1], code[1], &opt.scope);
    struct out out;
    if (!count_both(c, opt.db) || !out_open(&out, &(struct out_options){.format = opt.format}))
        return EXIT_FAILED;
    const struct wsc_report_code views[2] = {c[0].view, c[1].view};
    bool ok = out_ok(&out, wsc_report_compare(out.report, views)) || out.closed;
    return out_close(&out) && ok ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_compare = {
    .name = "compare",
    .operands = "CODE CODE",
    .takes = &takes_code,
    .summary = "two codes side by side, and how to tell them apart",
    .tables = tables,
    .run = run};
