#include "store/db.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *sql; /* the value a record is grouped by, as text */
    bool is_time;
} keys_table[WSC_BY_COUNT] = {
    [WSC_BY_CODE] = {"code", "CAST(close_code AS TEXT)", false},
    [WSC_BY_OUTCOME] = {"outcome", "outcome", false},
    [WSC_BY_ENDING] = {"ending", "ending", false},
    [WSC_BY_CAUSE] = {"cause", "cause", false},
    [WSC_BY_CLOSED_BY] = {"closed_by", "closed_by", false},
    [WSC_BY_SERVER] = {"server", "server", false},
    [WSC_BY_CLIENT] = {"client", "client_address", false},
    [WSC_BY_HOST] = {"host", "host", false},
    [WSC_BY_PATH] = {"path", "path", false},
    [WSC_BY_SUBPROTOCOL] = {"subprotocol", "subprotocol", false},
    [WSC_BY_SERVER_SOFTWARE] = {"server_software", "server_software", false},
    [WSC_BY_USER_AGENT] = {"user_agent", "user_agent", false},
    [WSC_BY_APP] = {"app", "app", false},
    [WSC_BY_STATUS] = {"status", "CAST(handshake_status AS TEXT)", false},
    [WSC_BY_CAPTURE] = {"capture", "p.name", false},
    [WSC_BY_DAY] = {"day", "substr(sort_time, 1, 10)", true},
    [WSC_BY_HOUR] = {"hour", "substr(sort_time, 1, 13) || ':00Z'", true},
    [WSC_BY_MINUTE] = {"minute", "substr(sort_time, 1, 16) || 'Z'", true},
};

const char *wsc_stats_key_name(enum wsc_stats_key key)
{
    return (unsigned)key < WSC_BY_COUNT ? keys_table[key].name : "invalid";
}

int wsc_stats_key_parse(const char *word)
{
    for (int i = 0; i < WSC_BY_COUNT; i++)
        if (strcmp(keys_table[i].name, word) == 0)
            return i;
    return -1;
}

/* What is looked at of each record, after its keys k0..k3. */
static const char picked[] = "sort_time, duration_ms, idle_ms_any, outcome = 'handshake_failed'"
                             " OR (close_code = 1006 AND code_source = 'inferred') AS abnormal"
                             " FROM connections c JOIN captures p ON p.id = c.capture_id";

/* The share of its group not above each value; records without a value stand apart. */
static const char ranked[] =
    "SELECT *,"
    " cume_dist() OVER (PARTITION BY k0, k1, k2, k3, duration_ms IS NULL ORDER BY duration_ms)"
    " AS duration_rank,"
    " cume_dist() OVER (PARTITION BY k0, k1, k2, k3, idle_ms_any IS NULL ORDER BY idle_ms_any)"
    " AS idle_rank"
    " FROM picked";

/* Nearest rank: the smallest value with that share. Totals are windows over all groups. */
static const char groups[] =
    "SELECT k0, k1, k2, k3, count(*) AS count, sum(abnormal), sum(count(*)) OVER (),"
    " min(min(sort_time)) OVER (), max(max(sort_time)) OVER (), min(sort_time), max(sort_time),"
    " min(duration_ms) FILTER (WHERE duration_rank >= 0.50),"
    " min(duration_ms) FILTER (WHERE duration_rank >= 0.90),"
    " min(duration_ms) FILTER (WHERE duration_rank >= 0.99),"
    " min(idle_ms_any) FILTER (WHERE idle_rank >= 0.50),"
    " min(idle_ms_any) FILTER (WHERE idle_rank >= 0.90),"
    " min(idle_ms_any) FILTER (WHERE idle_rank >= 0.99)"
    " FROM ranked GROUP BY k0, k1, k2, k3";

#define NS_PER_HOUR 3.6e12

#define SQL_MAX (WSC_WHERE_MAX + 4096u)

static void build(const struct wsc_store *s, const struct wsc_filter *f,
                  const enum wsc_stats_key *keys, size_t n, char sql[SQL_MAX])
{
    const char *k[WSC_STATS_MAX_KEYS] = {"NULL", "NULL", "NULL", "NULL"};
    for (size_t i = 0; i < n; i++)
        k[i] = keys_table[keys[i]].sql;
    char where[WSC_WHERE_MAX];
    wsc_where_text(s, f, where);
    const char *order = n > 0 && keys_table[keys[0]].is_time ? "k0, count DESC, k1, k2, k3"
                                                             : "count DESC, k0, k1, k2, k3";
    (void)snprintf(sql, SQL_MAX,
                   "WITH picked AS (SELECT %s AS k0, %s AS k1, %s AS k2, %s AS k3, %s%s),"
                   " ranked AS (%s) %s ORDER BY %s LIMIT ?",
                   k[0], k[1], k[2], k[3], picked, where, ranked, groups, order);
}

static int64_t ns_of(sqlite3_stmt *stmt, int i)
{
    return sqlite3_column_type(stmt, i) == SQLITE_NULL
               ? WSC_UNKNOWN
               : llround(sqlite3_column_double(stmt, i) * 1e6);
}

static void read_row(sqlite3_stmt *stmt, size_t n, struct wsc_stats_row *row)
{
    static const uint8_t nothing[1];
    *row = (struct wsc_stats_row){0};
    for (size_t i = 0; i < n; i++) {
        bool null = sqlite3_column_type(stmt, (int)i) == SQLITE_NULL;
        const uint8_t *text = sqlite3_column_text(stmt, (int)i); /* of a BLOB: its bytes */
        if (!null)
            row->keys[i] = (struct wsc_span){.ptr = text != NULL ? text : nothing,
                                             .len = (size_t)sqlite3_column_bytes(stmt, (int)i)};
    }
    row->count = (uint64_t)sqlite3_column_int64(stmt, 4);
    row->abnormal = (uint64_t)sqlite3_column_int64(stmt, 5);
    row->share = (double)row->count / (double)sqlite3_column_int64(stmt, 6);
    uint64_t first = wsc_db_time(sqlite3_column_text(stmt, 7)),
             last = wsc_db_time(sqlite3_column_text(stmt, 8));
    row->per_hour =
        last > first ? (double)row->count * NS_PER_HOUR / (double)(last - first) : (double)NAN;
    row->first_ns = wsc_db_time(sqlite3_column_text(stmt, 9));
    row->last_ns = wsc_db_time(sqlite3_column_text(stmt, 10));
    for (int i = 0; i < 3; i++) {
        row->duration_ns[i] = ns_of(stmt, 11 + i);
        row->idle_ns[i] = ns_of(stmt, 14 + i);
    }
}

enum wsc_err wsc_store_stats(struct wsc_store *s, const struct wsc_filter *f,
                             const enum wsc_stats_key *keys, size_t n, wsc_stats_fn fn, void *ctx,
                             struct wsc_error *err)
{
    if (n > WSC_STATS_MAX_KEYS)
        return wsc_error_set(err, WSC_ERR_INVALID, "at most %u keys can be grouped by",
                             WSC_STATS_MAX_KEYS);
    for (size_t i = 0; i < n; i++)
        if ((unsigned)keys[i] >= WSC_BY_COUNT)
            return wsc_error_set(err, WSC_ERR_INVALID, "%d is no key to group by", (int)keys[i]);
    char sql[SQL_MAX];
    build(s, f, keys, n, sql);
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(s, sql, &stmt, err);
    int rc = SQLITE_DONE;
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_where_bind(s, f, &b);
        wsc_bind_int(&b, f->limit > 0 && f->limit < INT64_MAX ? (int64_t)f->limit : -1);
        e = wsc_db_check(s, b.rc, "asking", err);
    }
    while (e == WSC_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct wsc_stats_row row;
        read_row(stmt, n, &row);
        if (fn(ctx, &row) != 0)
            break;
    }
    if (e == WSC_OK)
        e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}
