#include "store/db.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum wsc_err wsc_db_check(struct wsc_store *s, int rc, const char *doing, struct wsc_error *err)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return WSC_OK;
    case SQLITE_NOMEM:
        return wsc_error_set(err, WSC_ERR_NOMEM, "%s: out of memory", s->name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return wsc_error_set(
            err, WSC_ERR_BUSY,
            "%s: another process is writing to the database; try again when it is done", s->name);
    case SQLITE_NOTADB:
        return wsc_error_set(err, WSC_ERR_FORMAT, "%s: not a SQLite database", s->name);
    case SQLITE_CORRUPT:
        return wsc_error_set(
            err, WSC_ERR_FORMAT,
            "%s: the database is damaged (%s); save what is left with: sqlite3 %s .recover",
            s->name, sqlite3_errmsg(s->db), s->name);
    case SQLITE_CANTOPEN: {
        int os = sqlite3_system_errno(s->db);
        return wsc_error_set(err, WSC_ERR_IO, "%s: cannot be opened: %s", s->name,
                             os != 0 ? strerror(os) : sqlite3_errmsg(s->db));
    }
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_PERM:
        return wsc_error_set(err, WSC_ERR_IO, "%s: %s: %s", s->name, doing, sqlite3_errmsg(s->db));
    default:
        return wsc_error_set(err, WSC_ERR_DB, "%s: %s: %s", s->name, doing, sqlite3_errmsg(s->db));
    }
}

enum wsc_err wsc_db_exec(struct wsc_store *s, const char *sql, struct wsc_error *err)
{
    return wsc_db_check(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL), "writing", err);
}

enum wsc_err wsc_db_prepare(struct wsc_store *s, const char *sql, sqlite3_stmt **stmt,
                            struct wsc_error *err)
{
    return wsc_db_check(s,
                        sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL),
                        "preparing", err);
}

enum wsc_err wsc_db_kept(struct wsc_store *s, enum wsc_kept_stmt which, const char *sql,
                         struct wsc_bind *b, struct wsc_error *err)
{
    enum wsc_err e = s->kept[which] == NULL ? wsc_db_prepare(s, sql, &s->kept[which], err) : WSC_OK;
    if (e == WSC_OK && s->bound[which] == NULL)
        s->bound[which] = wsc_calloc((size_t)sqlite3_bind_parameter_count(s->kept[which]),
                                     sizeof(struct wsc_bound));
    *b = (struct wsc_bind){.stmt = s->kept[which], .bound = s->utf16 ? NULL : s->bound[which]};
    if (e == WSC_OK && s->bound[which] == NULL)
        e = wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    return e;
}

#define ROWS_SQL_MAX 8192u

enum wsc_err wsc_db_kept_rows(struct wsc_store *s, enum wsc_kept_stmt which, const char *head,
                              const char *row, size_t rows, struct wsc_bind *b,
                              struct wsc_error *err)
{
    char sql[ROWS_SQL_MAX];
    size_t n = 0;
    for (size_t i = 0; s->kept[which] == NULL && i < rows; i++)
        n += (size_t)snprintf(sql + n, n < sizeof(sql) ? sizeof(sql) - n : 0, "%s%s",
                              i == 0 ? head : ", ", row);
    return wsc_db_kept(s, which, sql, b, err);
}

enum wsc_err wsc_db_run_bound(struct wsc_store *s, struct wsc_bind *b, struct wsc_error *err)
{
    enum wsc_err e = wsc_db_check(s, b->rc, "writing", err);
    return e == WSC_OK ? wsc_db_run(s, b->stmt, err) : e;
}

enum wsc_err wsc_db_run(struct wsc_store *s, sqlite3_stmt *stmt, struct wsc_error *err)
{
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    enum wsc_err e = wsc_db_check(s, rc, "writing", err);
    (void)sqlite3_reset(stmt);
    return e;
}

enum wsc_err wsc_db_int(struct wsc_store *s, const char *sql, int64_t *out, struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    *out = 0;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    enum wsc_err e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}

/* ---- binding ---- */

static void keep(struct wsc_bind *b, int rc)
{
    if (b->rc == SQLITE_OK)
        b->rc = rc;
    if (b->bound != NULL && rc != SQLITE_OK)
        b->bound[b->at - 1].kind = WSC_BOUND_NOTHING;
}

/* Goes on to the next parameter. NULL: what it is bound to is not known. */
static struct wsc_bound *next(struct wsc_bind *b)
{
    struct wsc_bound *x = b->bound != NULL ? &b->bound[b->at] : NULL;
    b->at++;
    return x;
}

/* Something that is bound anew each time. */
static void next_other(struct wsc_bind *b)
{
    struct wsc_bound *x = next(b);
    if (x != NULL)
        x->kind = WSC_BOUND_OTHER;
}

void wsc_bind_null(struct wsc_bind *b)
{
    struct wsc_bound *x = next(b);
    if (x != NULL && x->kind == WSC_BOUND_NULL)
        return;
    if (x != NULL)
        x->kind = WSC_BOUND_NULL;
    keep(b, sqlite3_bind_null(b->stmt, b->at));
}

void wsc_bind_int(struct wsc_bind *b, int64_t v)
{
    struct wsc_bound *x = next(b);
    if (x != NULL && x->kind == WSC_BOUND_INT && x->number == v)
        return;
    if (x != NULL) {
        x->kind = WSC_BOUND_INT;
        x->number = v;
    }
    keep(b, sqlite3_bind_int64(b->stmt, b->at, v));
}

void wsc_bind_known(struct wsc_bind *b, int64_t v)
{
    if (v < 0)
        wsc_bind_null(b);
    else
        wsc_bind_int(b, v);
}

void wsc_bind_ms(struct wsc_bind *b, int64_t ns)
{
    if (ns < 0) {
        wsc_bind_null(b);
        return;
    }
    next_other(b);
    keep(b, sqlite3_bind_double(b->stmt, b->at, (double)ns / 1e6));
}

/* Text that stands still while the statement runs. Bound to the same place with the same length, it
 * is read anew when the statement runs. */
static void bind_still(struct wsc_bind *b, struct wsc_bound *x, const char *text, size_t len)
{
    if (x != NULL && x->kind == WSC_BOUND_TEXT && x->ptr == text && x->len == len)
        return;
    if (x != NULL) {
        x->kind = WSC_BOUND_TEXT;
        x->ptr = text;
        x->len = len;
    }
    keep(b, sqlite3_bind_text64(b->stmt, b->at, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void wsc_bind_time(struct wsc_bind *b, uint64_t ns)
{
    char text[WSC_DB_TIME_LEN + 1];
    if (ns == 0) {
        wsc_bind_null(b);
        return;
    }
    struct wsc_bound *x = next(b);
    wsc_db_time_text(ns, x != NULL ? x->own : text);
    if (x != NULL)
        bind_still(b, x, x->own, WSC_DB_TIME_LEN);
    else
        keep(b, sqlite3_bind_text(b->stmt, b->at, text, WSC_DB_TIME_LEN, SQLITE_TRANSIENT));
}

void wsc_bind_word(struct wsc_bind *b, const char *static_text)
{
    if (static_text == NULL)
        wsc_bind_null(b);
    else
        bind_still(b, next(b), static_text, strlen(static_text));
}

void wsc_bind_copy(struct wsc_bind *b, const char *text)
{
    if (text == NULL) {
        wsc_bind_null(b);
        return;
    }
    struct wsc_bound *x = next(b);
    size_t len = strlen(text);
    if (x == NULL || len >= sizeof(x->own)) {
        if (x != NULL)
            x->kind = WSC_BOUND_OTHER;
        keep(b, sqlite3_bind_text(b->stmt, b->at, text, -1, SQLITE_TRANSIENT));
        return;
    }
    memcpy(x->own, text, len + 1);
    bind_still(b, x, x->own, len);
}

/* Bytes that are not UTF-8, and NULs, which end a text for most tools, become U+FFFD. */
static void bind_repaired(struct wsc_bind *b, struct wsc_span s)
{
    char *fixed = wsc_alloc(3 * s.len + 1);
    if (fixed == NULL) {
        next_other(b);
        keep(b, SQLITE_NOMEM);
        return;
    }
    size_t n = 0;
    for (size_t at = 0; at < s.len;) {
        size_t len = 1;
        while (len < 4 && len < s.len - at && (s.ptr[at + len] & 0xc0) == 0x80)
            len++;
        bool good = s.ptr[at] != 0 && wsc_utf8_valid(s.ptr + at, len);
        if (!good)
            len = 1;
        memcpy(fixed + n, good ? (const char *)s.ptr + at : "\xef\xbf\xbd", good ? len : 3);
        n += good ? len : 3;
        at += len;
    }
    next_other(b);
    keep(b, sqlite3_bind_text64(b->stmt, b->at, fixed, n, SQLITE_TRANSIENT, SQLITE_UTF8));
    wsc_free(fixed);
}

/* Eight bytes, none of them 0 or above 127. */
static bool plain_eight(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    const uint64_t ones = UINT64_MAX / 255, high = ones << 7;
    return ((v | (v - ones)) & high) == 0;
}

static bool is_text(struct wsc_span s)
{
    while (s.len >= 8 && plain_eight(s.ptr)) {
        s.ptr += 8;
        s.len -= 8;
    }
    return memchr(s.ptr, 0, s.len) == NULL && wsc_utf8_valid(s.ptr, s.len);
}

void wsc_bind_text(struct wsc_bind *b, struct wsc_span s)
{
    if (s.ptr == NULL)
        wsc_bind_null(b);
    else if (!is_text(s))
        bind_repaired(b, s);
    else
        bind_still(b, next(b), (const char *)s.ptr, s.len);
}

void wsc_bind_any(struct wsc_bind *b, struct wsc_span s)
{
    if (s.ptr == NULL || is_text(s))
        wsc_bind_text(b, s);
    else
        wsc_bind_blob(b, s);
}

void wsc_bind_blob(struct wsc_bind *b, struct wsc_span s)
{
    if (s.ptr == NULL) {
        wsc_bind_null(b);
        return;
    }
    next_other(b);
    keep(b, sqlite3_bind_blob64(b->stmt, b->at, s.ptr, s.len, SQLITE_STATIC));
}

/* ---- time ---- */

static char *put_digits(char *at, uint64_t v, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    at[digits] = after;
    return at + digits + 1;
}

/* Day number to civil date, for the years 1970 to 2554 that 64 bits of nanoseconds reach. Years are
 * counted from March, so that the leap day is the last of its year: then month lengths follow one
 * formula, (153 m + 2) / 5. */
void wsc_db_time_text(uint64_t ns, char out[WSC_DB_TIME_LEN + 1])
{
    uint64_t second = ns / UINT64_C(1000000000);
    uint64_t day = second / 86400 + 719468; /* since 0000-03-01 */
    uint64_t era = day / 146097, in_era = day % 146097;
    uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    uint64_t m = (5 * in_year + 2) / 153;
    uint64_t month = m < 10 ? m + 3 : m - 9;
    char *at = put_digits(out, era * 400 + year + (month <= 2), 4, '-');
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, in_year - (153 * m + 2) / 5 + 1, 2, 'T');
    at = put_digits(at, second / 3600 % 24, 2, ':');
    at = put_digits(at, second / 60 % 60, 2, ':');
    at = put_digits(at, second % 60, 2, '.');
    at = put_digits(at, ns % UINT64_C(1000000000), 9, 'Z');
    *at = '\0';
}

/* The pattern "0000-00-00T00:00:00.000000000Z": a digit for each 0, the rest as it stands. */
static bool has_form(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000000000Z";
    for (size_t i = 0; i < sizeof(form); i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

static uint64_t digits(const char *at, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v * 10 + (uint64_t)(at[i] - '0');
    return v;
}

uint64_t wsc_db_time(const unsigned char *text)
{
    const char *t = (const char *)text;
    if (t == NULL || !has_form(t))
        return 0;
    uint64_t year = digits(t, 4), month = digits(t + 5, 2), day_of = digits(t + 8, 2);
    if (year < 1970 || year > 2554 || month < 1 || month > 12 || day_of < 1 || day_of > 31)
        return 0;
    year -= month <= 2;
    uint64_t m = month > 2 ? month - 3 : month + 9;
    uint64_t day =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * m + 2) / 5 + day_of - 1 - 719468;
    uint64_t second =
        day * 86400 + digits(t + 11, 2) * 3600 + digits(t + 14, 2) * 60 + digits(t + 17, 2);
    return second * UINT64_C(1000000000) + digits(t + 20, 9);
}
