#include <wsclose/plot.h>
#include <wsclose/store.h>

#include "commands.h"
#include "filter.h"
#include "listing.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct filter_options filter; /* first: the filter table's offsets count from here */
    const char *db;
    enum wsc_format format;
    bool plot;
    enum wsc_stats_key keys[WSC_STATS_MAX_KEYS];
    size_t keys_len;
};

static bool set_by(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    struct options *opt = target;
    char words[256];
    (void)snprintf(words, sizeof(words), "%s", value);
    opt->keys_len = 0;
    char *rest = words;
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        int key = wsc_stats_key_parse(word);
        if (key < 0)
            return takes_check(&takes_keys, "", why, ARGS_WHY_MAX);
        if (opt->keys_len == WSC_STATS_MAX_KEYS) {
            (void)snprintf(why, ARGS_WHY_MAX, "expected at most %u keys, not", WSC_STATS_MAX_KEYS);
            return false;
        }
        opt->keys[opt->keys_len++] = (enum wsc_stats_key)key;
    }
    return true;
}

static const struct args_option options_table[] = {
    {"by", 0, "KEYS",
     "group by up to four of: code outcome ending cause closed_by server client host path "
     "subprotocol "
     "server_software user_agent app status capture day hour minute (default: code)",
     set_by, 0, &takes_keys},
    {"db", 0, "FILE", "the database (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"format", 0, "FORMAT", "table (default), ndjson, json, csv, none", args_set_format,
     offsetof(struct options, format), &takes_format},
    {"plot", 0, NULL, "draw the distributions: over time, silence, age, counts", args_set_flag,
     offsetof(struct options, plot), NULL},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, filter_table, NULL};

struct question {
    const struct options *opt;
    struct listing *listing;
};

static int on_row(void *ctx, const struct wsc_stats_row *row)
{
    const struct question *q = ctx;
    return listing_row(
        q->listing, wsc_report_stats(q->listing->out.report, q->opt->keys, q->opt->keys_len, row));
}

static enum wsc_err ask(struct wsc_store *store, struct listing *l, const void *options,
                        struct wsc_error *err)
{
    struct question q = {.opt = options, .listing = l};
    return wsc_store_stats(store, &q.opt->filter.filter, q.opt->keys, q.opt->keys_len, on_row, &q,
                           err);
}

/* ---- --plot ---- */

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    wsc_plot_record(ctx, rec);
    return 0;
}

struct bars {
    const struct options *opt;
    struct wsc_plot *plot;
};

static int on_bar(void *ctx, const struct wsc_stats_row *row)
{
    const struct bars *b = ctx;
    wsc_plot_bar(b->plot, b->opt->keys, b->opt->keys_len, row);
    return 0;
}

/* --limit is for the rows of bars: the pictures show all that passes. */
static enum wsc_err fill(struct wsc_store *store, struct listing *l, const struct options *opt,
                         struct wsc_plot *plot, struct wsc_error *err)
{
    struct bars bars = {.opt = opt, .plot = plot};
    struct wsc_filter all = opt->filter.filter;
    all.limit = 0;
    enum wsc_err e = wsc_store_freeze(store, err);
    if (e != WSC_OK)
        return e;
    e = wsc_store_walk(store, &all, on_record, plot, err);
    if (e == WSC_OK)
        e = wsc_store_stats(store, &opt->filter.filter, opt->keys, opt->keys_len, on_bar, &bars,
                            err);
    wsc_store_thaw(store);
    if (e == WSC_OK)
        (void)listing_row(l, wsc_plot_draw(plot, l->out.stream));
    return e;
}

static enum wsc_err draw(struct wsc_store *store, struct listing *l, const void *options,
                         struct wsc_error *err)
{
    struct wsc_report_options how = l->out.look;
    struct wsc_limits *limits;
    struct wsc_plot *plot = NULL;
    how.width = how.width != 0 ? how.width : out_columns();
    enum wsc_err e = wsc_limits_new(&limits);
    if (e == WSC_OK)
        e = wsc_plot_new(&how, limits, &plot);
    if (e == WSC_OK)
        e = fill(store, l, options, plot, err);
    else
        (void)wsc_error_set(err, e, "out of memory");
    wsc_plot_free(plot);
    wsc_limits_free(limits);
    return e;
}

static int run(int argc, char **argv)
{
    struct options opt = {
        .db = DEFAULT_DB, .format = WSC_FORMAT_TABLE, .keys = {WSC_BY_CODE}, .keys_len = 1};
    wsc_filter_init(&opt.filter.filter);
    int operands;
    int status = args_parse(&command_stats, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    if (opt.plot && opt.format != WSC_FORMAT_TABLE) {
        out_say("stats --plot draws for people: --format %s cannot be drawn",
                wsc_format_name(opt.format));
        return EXIT_USAGE;
    }
    return listing_run(opt.db, &(struct out_options){.format = opt.format}, opt.plot ? draw : ask,
                       &opt);
}

const struct args_command command_stats = {.name = "stats",
                                           .summary =
                                               "counts, rates and percentiles of stored records",
                                           .tables = tables,
                                           .run = run};
