/* Where the packets are that records rest on. */
#include "store/row.h"

#include <string.h>

static struct wsc_span text_span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

/* Runs and finalizes. An error ends the import, as everywhere. */
static enum wsc_err run_once(struct wsc_store *s, struct wsc_bind *b, struct wsc_error *err)
{
    enum wsc_err e = wsc_db_check(s, b->rc, "writing", err);
    if (e == WSC_OK)
        e = wsc_db_run(s, b->stmt, err);
    (void)sqlite3_finalize(b->stmt);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

static enum wsc_err prepare(struct wsc_store *s, const char *sql, struct wsc_bind *b,
                            struct wsc_error *err)
{
    enum wsc_err e = wsc_import_resume(s, err);
    if (e != WSC_OK)
        return e;
    e = wsc_db_prepare(s, sql, &b->stmt, err);
    if (e != WSC_OK)
        wsc_store_rollback(s);
    return e;
}

enum wsc_err wsc_store_put_packet_file(struct wsc_store *s, const struct wsc_store_packet_file *f,
                                       struct wsc_error *err)
{
    struct wsc_bind b = {0};
    if (f->index >= s->captures)
        return wsc_error_set(err, WSC_ERR_INVALID, "%s: the import has no capture %zu", s->name,
                             f->index);
    enum wsc_err e =
        prepare(s, "INSERT OR REPLACE INTO packet_files VALUES (?, ?, ?, ?, ?, ?, ?)", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_int(&b, s->capture_ids[f->index]);
    wsc_bind_any(&b, text_span(f->file));
    wsc_bind_int(&b, f->interface);
    wsc_bind_int(&b, (int64_t)f->first_packet);
    wsc_bind_known(&b, f->open ? WSC_UNKNOWN : (int64_t)f->last_packet);
    wsc_bind_time(&b, f->first_ns);
    wsc_bind_time(&b, f->open ? 0 : f->last_ns);
    return run_once(s, &b, err);
}

enum wsc_err wsc_store_remove_packet_file(struct wsc_store *s, const char *file,
                                          struct wsc_error *err)
{
    struct wsc_bind b = {0};
    enum wsc_err e = prepare(s, "DELETE FROM packet_files WHERE file = ?", &b, err);
    if (e != WSC_OK)
        return e;
    wsc_bind_any(&b, text_span(file));
    return run_once(s, &b, err);
}

/* ---- asking ---- */

/* Stragglers of a connection come this long after its last packet that counted: a FIN is sent again
 * for a minute or two. */
#define STRAGGLERS_NS UINT64_C(120000000000)

/* ?1 the connection, ?2 its first time, ?3 its last, ?4 that of its last straggler. A live capture
 * may have gone on with a connection of an earlier one of the same interface, whose files hold its
 * beginning. */
static const char sources_sql[] =
    "SELECT k.id, k.id = c.first_capture_id, k.import_id <> p.import_id,"
    " coalesce(f.first, k.first) IS NULL OR coalesce(f.first, k.first) <= ?3"
    "  OR (f.file IS NULL AND k.id IN (c.first_capture_id, c.capture_id, c.tcp_end_capture_id)),"
    " k.name, k.fingerprint, f.file, f.interface, f.first_packet, f.last_packet, f.first"
    " FROM connections c JOIN captures p ON p.id = c.capture_id"
    " JOIN captures k ON k.import_id = p.import_id"
    "  OR (p.fingerprint IS NULL AND k.fingerprint IS NULL AND k.name = p.name)"
    " LEFT JOIN packet_files f ON f.capture_id = k.id"
    " WHERE c.id = ?1 AND (CASE WHEN f.file IS NULL"
    "  THEN k.import_id = p.import_id"
    "   AND (k.id IN (c.first_capture_id, c.capture_id, c.tcp_end_capture_id)"
    "   OR (k.first <= ?4 AND k.last >= ?2))"
    "  ELSE (f.first IS NULL OR f.first <= ?4) AND (f.last IS NULL OR f.last >= ?2)"
    "   AND (f.last_packet IS NULL OR f.last_packet >= f.first_packet) END)"
    " ORDER BY k.id, f.first_packet";

/* The time span of a connection; 0 and the end of time if it is not known. */
static enum wsc_err ask_span(struct wsc_store *s, int64_t id, uint64_t *first, uint64_t *last,
                             struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    enum wsc_err e = wsc_db_prepare(
        s, "SELECT started, coalesce(last_seen, ended, sort_time) FROM connections WHERE id = ?",
        &stmt, err);
    *first = *last = 0;
    if (e == WSC_OK) {
        struct wsc_bind b = {.stmt = stmt};
        wsc_bind_int(&b, id);
        int rc = b.rc == SQLITE_OK ? sqlite3_step(stmt) : b.rc;
        if (rc == SQLITE_ROW) {
            struct wsc_row r = {.stmt = stmt};
            *first = wsc_row_time(&r);
            *last = wsc_row_time(&r);
        }
        e = wsc_db_check(s, rc, "reading", err);
    }
    (void)sqlite3_finalize(stmt);
    return e;
}

static void bind_time_or(struct wsc_bind *b, uint64_t ns, const char *otherwise)
{
    if (ns != 0)
        wsc_bind_time(b, ns);
    else
        wsc_bind_word(b, otherwise);
}

static void take(struct wsc_row *r, struct wsc_store_source *src)
{
    *src = (struct wsc_store_source){.capture = wsc_row_int(r)};
    src->has_first = wsc_row_int(r) != 0;
    src->earlier = wsc_row_int(r) != 0;
    src->must = wsc_row_int(r) != 0;
    src->name = wsc_row_bytes(r);
    src->fingerprint = (const char *)sqlite3_column_text(r->stmt, r->at++);
    src->file = wsc_row_bytes(r);
    src->interface = (uint32_t)wsc_row_int(r);
    src->first_packet = (uint64_t)wsc_row_int(r);
    int64_t last = wsc_row_known(r);
    src->last_packet = last == WSC_UNKNOWN ? UINT64_MAX : (uint64_t)last;
    src->first_ns = wsc_row_time(r);
}

enum wsc_err wsc_store_sources(struct wsc_store *s, int64_t id, wsc_store_source_fn fn, void *ctx,
                               struct wsc_error *err)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t first, last;
    enum wsc_err e = ask_span(s, id, &first, &last, err);
    if (e == WSC_OK)
        e = wsc_db_prepare(s, sources_sql, &stmt, err);
    if (e != WSC_OK)
        return e;
    struct wsc_bind b = {.stmt = stmt};
    wsc_bind_int(&b, id);
    bind_time_or(&b, first, "");
    bind_time_or(&b, last, "9999");
    bind_time_or(&b, last != 0 ? last + STRAGGLERS_NS : 0, "9999");
    int rc = b.rc;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        struct wsc_store_source src;
        take(&(struct wsc_row){.stmt = stmt}, &src);
        if (fn(ctx, &src) != 0)
            break;
    }
    e = wsc_db_check(s, rc, "reading", err);
    (void)sqlite3_finalize(stmt);
    return e;
}
