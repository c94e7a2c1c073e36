#include "stored.h"

#include <wsclose/report.h>
#include <wsclose/store.h>

#include "commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALUES_MAX  500u /* more are no choice */
#define VALUE_MAX   400u
#define IDS_MAX     100u
#define PATIENCE_MS 200u

static void on_alarm(int sig)
{
    (void)sig;
    _exit(EXIT_DONE);
}

/* |value| as text if a shell can show it and a person type it, else NULL. */
static const char *typable(struct wsc_span value, char room[VALUE_MAX])
{
    wsc_report_safe_text(value, room, VALUE_MAX);
    bool same = value.ptr != NULL && value.len > 0 && value.len < VALUE_MAX &&
                strlen(room) == value.len && memcmp(room, value.ptr, value.len) == 0;
    return same ? room : NULL;
}

/* ---- values ---- */

static int on_row(void *ctx, const struct wsc_stats_row *row)
{
    char room[VALUE_MAX];
    unsigned *shown = ctx;
    const char *value = typable(row->keys[0], room);
    if (value == NULL)
        return 0;
    printf("%s\t%" PRIu64 "\n", value, row->count);
    return ++*shown == VALUES_MAX;
}

static void values(struct wsc_store *store, enum wsc_stats_key key)
{
    struct wsc_filter f;
    struct wsc_error err;
    unsigned shown = 0;
    wsc_filter_init(&f);
    (void)(wsc_store_stats(store, &f, &key, 1, on_row, &shown, &err) == WSC_OK);
}

/* ---- records ---- */

static int on_record(void *ctx, const struct wsc_closure *rec)
{
    char path[VALUE_MAX], server[WSC_ENDPOINT_TEXT_MAX], code[24] = "-";
    (void)ctx;
    (void)wsc_endpoint_text(&rec->server, server);
    wsc_report_safe_text(rec->path, path, sizeof(path));
    if (rec->close_code != WSC_UNKNOWN)
        (void)snprintf(code, sizeof(code), "%d", rec->close_code);
    printf("%" PRId64 "\t%s %s %s %s\n", rec->id, code, wsc_ending_name(rec->ending), server, path);
    return 0;
}

static void ids(struct wsc_store *store)
{
    struct wsc_filter f;
    struct wsc_error err;
    wsc_filter_init(&f);
    f.newest_first = true;
    f.limit = IDS_MAX;
    (void)(wsc_store_query(store, &f, on_record, NULL, &err) == WSC_OK);
}

int stored_run(int argc, char **argv)
{
    bool of_ids = argc > 0 && strcmp(argv[0], "id") == 0;
    int key = argc > 0 ? wsc_stats_key_parse(argv[0]) : -1;
    struct wsc_store *store;
    struct wsc_error err;
    if (!of_ids && key < 0)
        return EXIT_USAGE;
    (void)signal(SIGALRM, on_alarm);
    (void)alarm(1);
    if (wsc_store_open(argc > 1 ? argv[1] : DEFAULT_DB, WSC_STORE_READ, &store, &err) != WSC_OK)
        return EXIT_DONE;
    wsc_store_set_patience(store, PATIENCE_MS);
    if (of_ids)
        ids(store);
    else
        values(store, (enum wsc_stats_key)key);
    wsc_store_close(store);
    return EXIT_DONE;
}
