/* Private to store: columns of a row, read in the order of the SELECT. */
#ifndef WSC_STORE_ROW_H
#define WSC_STORE_ROW_H

#include "store/db.h"

#include <math.h>

/* Columns read in the order of the SELECT. */
struct wsc_row {
    sqlite3_stmt *stmt;
    int at;
};

static inline int64_t wsc_row_int(struct wsc_row *r)
{
    return sqlite3_column_int64(r->stmt, r->at++);
}

static inline int64_t wsc_row_known(struct wsc_row *r)
{
    int i = r->at++;
    return sqlite3_column_type(r->stmt, i) == SQLITE_NULL ? WSC_UNKNOWN
                                                          : sqlite3_column_int64(r->stmt, i);
}

static inline int64_t wsc_ms_ns(double ms)
{
    return llround(ms * 1e6);
}

static inline int64_t wsc_row_ms(struct wsc_row *r)
{
    int i = r->at++;
    return sqlite3_column_type(r->stmt, i) == SQLITE_NULL
               ? WSC_UNKNOWN
               : wsc_ms_ns(sqlite3_column_double(r->stmt, i));
}

static inline uint64_t wsc_row_time(struct wsc_row *r)
{
    return wsc_db_time(sqlite3_column_text(r->stmt, r->at++));
}

static inline struct wsc_span wsc_row_bytes(struct wsc_row *r)
{
    static const uint8_t nothing[1];
    int i = r->at++;
    int type = sqlite3_column_type(r->stmt, i);
    if (type == SQLITE_NULL)
        return (struct wsc_span){0};
    const uint8_t *p =
        type == SQLITE_BLOB ? sqlite3_column_blob(r->stmt, i) : sqlite3_column_text(r->stmt, i);
    return (struct wsc_span){.ptr = p != NULL ? p : nothing,
                             .len = (size_t)sqlite3_column_bytes(r->stmt, i)};
}

/* A word of ours; 0, the value that prints as null or "none", for anything else. */
static inline int wsc_row_word(struct wsc_row *r, int (*parse)(const char *))
{
    const char *text = (const char *)sqlite3_column_text(r->stmt, r->at++);
    int v = text != NULL ? parse(text) : -1;
    return v < 0 ? 0 : v;
}

static inline void wsc_row_endpoint(struct wsc_row *r, struct wsc_endpoint *out)
{
    const char *text = (const char *)sqlite3_column_text(r->stmt, r->at++);
    if (text == NULL || !wsc_endpoint_parse(text, out))
        *out = (struct wsc_endpoint){0};
}

#endif
